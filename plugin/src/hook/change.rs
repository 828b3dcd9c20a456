//! A change of amount as rows. Which telegram comes next is written in the transaction that recorded what came of the
//! one before, so that whoever goes on, and whenever, finds the next step and never an earlier one. Nothing is sent here.

use chrono::NaiveDateTime;

use super::journal;
use crate::payment::attempt::{AttemptState, Event, next_inquiry};
use crate::payment::change::{ChangeState, MOST_REFUSALS, Next, next};
use crate::payment::operation::{Action, Operation};
use crate::reply::Problem;
use crate::seal::random_hex;
use crate::store::attempts::Attempt;
use crate::store::changes::Change;
use crate::store::payments::Payment;
use crate::store::telegrams::Telegram;
use crate::store::{Connection, StoreError, StoreResult, attempts, changes, flags, orders, payments, telegrams};

/// Fresh ids of a change's rows, drawn before the transaction.
pub(super) struct Ids {
    pub(super) change: String,
    pub(super) attempt: String,
    pub(super) telegram: String,
    pub(super) salt: String,
}

impl Ids {
    /// Draws them.
    pub(super) fn draw() -> Result<Self, Problem> {
        Ok(Self {
            change: random_hex::<12>()?,
            attempt: random_hex::<16>()?,
            telegram: random_hex::<16>()?,
            salt: random_hex::<2>()?,
        })
    }
}

/// The flag of an order whose two payments both hold money.
const TWO_LIVE: &str = "change.two_live";

/// The new amount is authorised: the change goes on. `false` where it had ended before.
pub(super) fn authorised(
    rows: &mut Connection,
    attempt: &Attempt,
    new: &Payment,
    now: NaiveDateTime,
) -> StoreResult<bool> {
    let Some(mut change) = open_change_of(rows, attempt)? else {
        return Ok(false);
    };
    // A payment of another amount than was asked for is given back.
    if new.amount == change.new_amount {
        stands(rows, &mut change, (new, ChangeState::Forward), now)?;
    } else {
        change.code = Some("amount.differs".to_owned());
        stands(rows, &mut change, (new, ChangeState::Back), now)?;
    }
    Ok(true)
}

/// A correction made a new payment: the change goes on. One of another amount than was asked for is given back, unless the
/// gateway has given back the old one: then it is all that there is.
pub(super) fn corrected(
    rows: &mut Connection,
    change: &mut Change,
    new: &Payment,
    now: NaiveDateTime,
) -> StoreResult<()> {
    if new.amount == change.new_amount {
        return stands(rows, change, (new, ChangeState::Forward), now);
    }
    let detail = format!(
        "payment {} holds {} yen after a correction, asked were {}",
        new.payment_id, new.amount, change.new_amount
    );
    raise(rows, change, "amount.differs", detail, now)?;
    change.code = Some("amount.differs".to_owned());
    let old = payments::find(rows, &change.old_payment_id)?;
    let way = match old {
        Some(old) if !old.status().is_over() => ChangeState::Back,
        _ => ChangeState::Forward,
    };
    stands(rows, change, (new, way), now)
}

/// The new payment of a change that had ended is given back.
pub(super) fn given_back(
    rows: &mut Connection,
    change: &mut Change,
    new: &Payment,
    now: NaiveDateTime,
) -> StoreResult<()> {
    stands(rows, change, (new, ChangeState::Back), now)
}

/// Both payments are known: the change goes that way.
fn stands(
    rows: &mut Connection,
    change: &mut Change,
    (new, way): (&Payment, ChangeState),
    now: NaiveDateTime,
) -> StoreResult<()> {
    change.new_payment_id = Some(new.payment_id.clone());
    change.move_to(way, now);
    go_on(rows, change, None, now)
}

/// The new amount is not authorised: nothing was changed.
pub(super) fn not_authorised(rows: &mut Connection, attempt: &Attempt, now: NaiveDateTime) -> StoreResult<()> {
    let Some(mut change) = open_change_of(rows, attempt)? else {
        return Ok(());
    };
    // What was lost and never found says no more than that, whatever the last fault was.
    let refused = attempt
        .code
        .clone()
        .filter(|_| attempt.state != AttemptState::Missing.name());
    change.code = Some(refused.unwrap_or_else(|| journal::NEVER_ARRIVED.to_owned()));
    change.move_to(ChangeState::Refused, now);
    changes::update(rows, &mut change)
}

/// A step came to its end, and the payment it was sent for is as the gateway left it.
pub(super) fn step_ended(rows: &mut Connection, step: &Telegram, now: NaiveDateTime) -> StoreResult<()> {
    let found = match &step.change_id {
        Some(id) => changes::find(rows, id)?,
        None => None,
    };
    let Some(mut change) = found.filter(|change| change.open_order.is_some()) else {
        return Ok(());
    };
    if step.state == telegrams::GOOD {
        change.refusals = 0;
    }
    if step.state == telegrams::DECLINED && step.code.as_deref() != Some(journal::NEVER_ARRIVED) {
        change.refusals += 1;
        change.code.clone_from(&step.code);
        let capture_refused = step.kind == Operation::Capture.kind();
        if change.state()? == ChangeState::Forward && (capture_refused || change.refusals >= MOST_REFUSALS) {
            change.move_to(ChangeState::Back, now);
            change.refusals = 0;
        }
        if change.state()? == ChangeState::Back && change.refusals >= MOST_REFUSALS {
            let detail = format!(
                "the change from {} to {} yen cannot be taken back yet: payment {} is still live beside {}",
                change.old_amount,
                change.new_amount,
                change.new_payment_id.as_deref().unwrap_or("?"),
                change.old_payment_id
            );
            raise(rows, &change, TWO_LIVE, detail, now)?;
        }
    }
    go_on(rows, &mut change, Some(step), now)
}

/// Plans the next step, or ends the change. `ended` is the step that was just made.
fn go_on(rows: &mut Connection, change: &mut Change, ended: Option<&Telegram>, now: NaiveDateTime) -> StoreResult<()> {
    let (mut old, mut new) = both(rows, change)?;
    loop {
        match next(change.kind()?, change.state()?, old.status(), new.status()) {
            Next::Turn => change.move_to(ChangeState::Back, now),
            Next::OnNew(operation) => {
                plan(rows, change, (&new, operation), (ended, now))?;
                break;
            }
            Next::OnOld(operation) => {
                plan(rows, change, (&old, operation), (ended, now))?;
                break;
            }
            Next::End(ChangeState::Done) => {
                replace(rows, change, (&mut old, &mut new), now)?;
                change.code = None;
                flags::clear(rows, &change.order_id, TWO_LIVE, now)?;
                change.move_to(ChangeState::Done, now);
                break;
            }
            Next::End(end) => {
                // Both payments of a correction are of one attempt, which the old one keeps.
                if new.attempt_id != old.attempt_id {
                    release(rows, &new.attempt_id, now)?;
                }
                if old.status().is_over() {
                    let detail = format!(
                        "neither payment {} nor {} holds anything after a change: see Paygent Online",
                        old.payment_id, new.payment_id
                    );
                    raise(rows, change, "change.none_live", detail, now)?;
                }
                flags::clear(rows, &change.order_id, TWO_LIVE, now)?;
                // Nobody refused anything: the new payment was given back at Paygent Online.
                change.code.get_or_insert_with(|| "change.new_gone".to_owned());
                change.move_to(end, now);
                break;
            }
            Next::Stuck => {
                let detail = format!(
                    "payments {} and {} both stand and no telegram can give one back: see Paygent Online",
                    old.payment_id, new.payment_id
                );
                raise(rows, change, TWO_LIVE, detail, now)?;
                change.code = Some("change.stuck".to_owned());
                change.move_to(ChangeState::Stuck, now);
                break;
            }
        }
    }
    changes::update(rows, change)
}

fn plan(
    rows: &mut Connection,
    change: &mut Change,
    (payment, operation): (&Payment, Operation),
    (ended, now): (Option<&Telegram>, NaiveDateTime),
) -> StoreResult<()> {
    change.steps += 1;
    let id = format!("{}-{}", change.change_id, change.steps);
    let mut step = journal::planned(payment, operation.kind(), &id, now);
    // A step that did not work is made again, later and later; it never gives up, for two payments may live.
    let again = ended.is_some_and(|ended| ended.payment_id == step.payment_id && ended.kind == step.kind);
    if again {
        const AT_MOST: i32 = 7;
        step.due_at = next_inquiry(now, change.steps.min(AT_MOST));
    }
    step.operator.clone_from(&change.operator);
    step.change_id = Some(change.change_id.clone());
    telegrams::insert(rows, &step)
}

/// The new payment stands in the old one's place.
fn replace(
    rows: &mut Connection,
    change: &Change,
    (old, new): (&mut Payment, &mut Payment),
    now: NaiveDateTime,
) -> StoreResult<()> {
    old.replaced_by = Some(new.payment_id.clone());
    payments::update(rows, old)?;
    new.last_operation = Some(Action::Change(change.kind()?).kind().to_owned());
    payments::update(rows, new)?;
    if old.attempt_id == new.attempt_id {
        return lead(rows, change, new, now);
    }
    release(rows, &old.attempt_id, now)?;
    if let Some(mut attempt) = attempts::find(rows, &new.attempt_id)? {
        attempt.live_order = Some(attempt.order_id.clone());
        attempts::update(rows, &mut attempt)?;
    }
    lead(rows, change, new, now)
}

/// The staff's operations act on the new payment from now on.
fn lead(rows: &mut Connection, change: &Change, new: &Payment, now: NaiveDateTime) -> StoreResult<()> {
    if let Some(mut order) = orders::find(rows, &change.order_id)? {
        order.payment_id = Some(new.payment_id.clone());
        order.updated_at = order.updated_at.max(now);
        orders::update(rows, &mut order)?;
    }
    Ok(())
}

fn release(rows: &mut Connection, attempt_id: &str, now: NaiveDateTime) -> StoreResult<()> {
    if let Some(mut attempt) = attempts::find(rows, attempt_id)? {
        attempts::happened(rows, &mut attempt, Event::Released, now)?;
        attempts::update(rows, &mut attempt)?;
    }
    Ok(())
}

fn both(rows: &mut Connection, change: &Change) -> StoreResult<(Payment, Payment)> {
    let lost = || StoreError::Unreadable {
        row: change.change_id.clone(),
        word: "a payment of the change is gone".to_owned(),
    };
    let old = payments::find(rows, &change.old_payment_id)?;
    let new = match &change.new_payment_id {
        Some(id) => payments::find(rows, id)?,
        None => None,
    };
    old.zip(new).ok_or_else(lost)
}

fn open_change_of(rows: &mut Connection, attempt: &Attempt) -> StoreResult<Option<Change>> {
    let change = match &attempt.change_id {
        Some(id) => changes::find(rows, id)?,
        None => None,
    };
    Ok(change.filter(|change| change.open_order.is_some()))
}

fn raise(rows: &mut Connection, change: &Change, kind: &str, detail: String, now: NaiveDateTime) -> StoreResult<()> {
    flags::raise(rows, &change.order_id, (kind, &detail), now).map(drop)
}
