//! A change of amount by correction (028, 029): one telegram makes a smaller payment of the old one and gives the old one
//! back. The telegram is sent once. Whatever it answers, 094 is asked how both payments stand, for it may stop half-way
//! (2010 to 2012); a lost answer is found by 094, and the new payment's number, which only the answer tells, by a notice.
//! From where both stand `change` goes on: a payment that was left beside the new one is given back.

use chrono::{NaiveDateTime, TimeDelta};

use super::change::Ids;
use super::{Call, change, inbox, journal, observe, operation};
use crate::paygent::{
    Answer, Class, Correct, Done, Found, Inquire, Inquiry, Outcome, PaymentId, Refusal, TradingId, class,
};
use crate::payment::GatewayStatus;
use crate::payment::attempt::next_inquiry;
use crate::payment::change::ChangeState;
use crate::payment::correction::{Heard, New, Verdict, judge};
use crate::payment::operation::ChangeKind;
use crate::payment::settle::age;
use crate::reply::Problem;
use crate::store::changes::{self, Change};
use crate::store::notices as kept;
use crate::store::orders::Order;
use crate::store::payments::Payment;
use crate::store::telegrams::{self, Telegram};
use crate::store::{Connection, StoreError, StoreResult, attempts, flags, payments};

/// The flag of an order whose correction nobody answers for.
const UNKNOWN: &str = "correction.unknown";
/// Payments of one trading_id that are asked for, the newest ones.
const MOST_ASKED: usize = 20;

/// The intent to correct a payment, committed by the caller's transaction before anything leaves.
pub(super) fn intend(
    rows: &mut Connection,
    (order, old, kind): (&Order, &Payment, ChangeKind),
    ids: &Ids,
    (operator, now): (&str, NaiveDateTime),
) -> StoreResult<Change> {
    let change = Change {
        change_id: ids.change.clone(),
        order_id: order.order_id.clone(),
        kind: kind.name().to_owned(),
        way: changes::CORRECTION.to_owned(),
        state: ChangeState::Correcting.name().to_owned(),
        old_payment_id: old.payment_id.clone(),
        new_payment_id: None,
        attempt_id: old.attempt_id.clone(),
        old_amount: old.amount,
        new_amount: order.amount,
        steps: 0,
        refusals: 0,
        code: None,
        operator: Some(operator.to_owned()),
        started_at: now,
        finished_at: None,
        open_order: Some(order.order_id.clone()),
        version: 1,
    };
    let mut telegram = journal::planned(old, kind.correction(), &ids.telegram, now);
    telegrams::SENT.clone_into(&mut telegram.state);
    telegram.sent_at = Some(now);
    telegram.tries = 1;
    telegram.due_at = next_inquiry(now, 0);
    telegram.amount = Some(order.amount);
    telegram.operator = Some(operator.to_owned());
    telegram.change_id = Some(change.change_id.clone());
    changes::insert(rows, &change)?;
    telegrams::insert(rows, &telegram)?;
    Ok(change)
}

/// Sends the correction whose intent was just committed, and records what came of it.
pub(super) fn begin(call: &Call<'_>, change: &Change) -> Result<(), Problem> {
    let broken = || unreadable(&change.change_id);
    let step = call
        .instance
        .store
        .read(|rows| telegrams::step_of(rows, &change.change_id))?;
    let step = step.ok_or_else(broken)?;
    let asked = Correct {
        kind: change.kind()?,
        payment_id: payment_id(&change.old_payment_id)?,
        amount: change.new_amount.try_into().map_err(|_| broken())?,
    };
    let answer = call.instance.gateway.correct(&asked, call.now());
    record(call, &step, answer)
}

/// Asks what became of a correction, where that is due.
pub(super) fn resume(call: &Call<'_>, telegram_id: &str) -> Result<(), Problem> {
    let taken = call
        .instance
        .store
        .write(|rows| operation::take(call, rows, telegram_id))?;
    match taken {
        Some((telegram, _)) => ask(call, &telegram),
        None => Ok(()),
    }
}

fn record(call: &Call<'_>, step: &Telegram, answer: Answer<Done>) -> Result<(), Problem> {
    let Answer { outcome, exchange } = answer;
    let state = journal::state_of(&outcome);
    let nearest = |refusal: &Refusal| journal::nearest(&refusal.code, &refusal.detail);
    let code = match &outcome {
        Outcome::Good(Done) => None,
        Outcome::Declined(refusal) | Outcome::Pending(refusal) => Some(nearest(refusal)),
        Outcome::NotExecuted(fault) | Outcome::Unknown(fault) => Some(fault.code.as_str().to_owned()),
    };
    let new = exchange
        .payment_id
        .as_ref()
        .map(|id| id.as_str().to_owned())
        .filter(|id| step.payment_id.as_ref() != Some(id));
    // A plain no ends it, unless it names a payment; too late for what, 094 tells.
    let ends = new.is_none()
        && match &outcome {
            Outcome::NotExecuted(_) => true,
            Outcome::Declined(refusal) => refusal.class() != Class::TooLate,
            _ => false,
        };
    let silent = matches!(outcome, Outcome::Unknown(_));
    let now = call.moment();
    let open = call.instance.store.write(|rows| {
        let Some((mut row, mut change)) = open_step(rows, &step.telegram_id)? else {
            return Ok(None);
        };
        let state = if ends { state } else { telegrams::UNKNOWN };
        journal::record(&mut row, state, code.clone(), &exchange, now);
        if new.is_some() {
            change.new_payment_id.clone_from(&new);
            changes::update(rows, &mut change)?;
        }
        if ends {
            give_up(rows, (row, change), state, code.clone(), now)?;
            return Ok(None);
        }
        telegrams::update(rows, &mut row)?;
        Ok(Some(row))
    })?;
    match open {
        Some(row) if !silent => ask(call, &row),
        _ => Ok(()),
    }
}

/// What 094 and the notices say of a correction.
struct Learnt {
    old: Option<Found>,
    /// The new payment, where 094 tells of it.
    found: Option<Found>,
    new: New,
    listened: bool,
}

/// Asks 094 how both payments stand, and believes that.
fn ask(call: &Call<'_>, step: &Telegram) -> Result<(), Problem> {
    let found = call.instance.store.read(|rows| open_step(rows, &step.telegram_id))?;
    let Some((row, change)) = found else {
        return Ok(());
    };
    let old = found_by(call, &change.old_payment_id)?;
    let mut learnt = Learnt {
        old,
        found: None,
        new: New::Unknown,
        listened: false,
    };
    match &change.new_payment_id {
        Some(told) => match inquire(call, &Inquire::ByPayment(payment_id(told)?)) {
            Some(Inquiry::Found(found)) => learnt.stands(found, &row),
            // The answer named a payment that is none.
            Some(Inquiry::NotFound) => look_for(call, &row, &mut learnt)?,
            Some(Inquiry::Several) | None => learnt.new = New::Somewhere,
        },
        None => look_for(call, &row, &mut learnt)?,
    }
    conclude(call, &row, &learnt)
}

impl Learnt {
    /// Another trading_id is another's payment, whatever names it.
    fn stands(&mut self, found: Found, row: &Telegram) {
        if found.trading_id.is_empty() || found.trading_id == row.trading_id {
            self.new = New::Stands(GatewayStatus(found.status));
            self.found = Some(found);
        }
    }
}

/// Looks for a new payment of an unknown number: whether the old one still is the only one of its trading_id, and which
/// payments that nobody here knows the notices name.
fn look_for(call: &Call<'_>, row: &Telegram, learnt: &mut Learnt) -> Result<(), Problem> {
    let store = &call.instance.store;
    let trading_id = TradingId::try_from(row.trading_id.as_str()).map_err(|_| unreadable(&row.telegram_id))?;
    match inquire(call, &Inquire::ByTrading(trading_id)) {
        Some(Inquiry::Found(found)) => {
            let known = store.read(|rows| payments::find(rows, found.payment_id.as_str()))?;
            match known {
                Some(_) => learnt.new = New::None,
                None => learnt.stands(found, row),
            }
        }
        Some(Inquiry::Several) => {
            learnt.listened = inbox::drain(call)?;
            among(call, row, learnt)?;
            if learnt.new == New::Unknown && store.read(|rows| is_only_one(rows, row))? {
                learnt.new = New::Somewhere;
            }
        }
        Some(Inquiry::NotFound) | None => {}
    }
    Ok(())
}

/// The payment that nobody here knows and that holds money; else the one that was given back since. A card that was
/// refused under the same trading_id (link type) is neither.
fn among(call: &Call<'_>, row: &Telegram, learnt: &mut Learnt) -> Result<(), Problem> {
    let strangers = call
        .instance
        .store
        .read(|rows| kept::strangers(rows, &row.trading_id))?;
    for number in strangers.iter().take(MOST_ASKED) {
        let Some(found) = found_by(call, number)? else {
            learnt.listened = false;
            continue;
        };
        let status = GatewayStatus(found.status);
        let better = status.is_live() || learnt.found.is_none();
        if better && status != GatewayStatus::REFUSED {
            learnt.stands(found, row);
        }
        if status.is_live() {
            break;
        }
    }
    Ok(())
}

/// Nothing but this correction can have made a second payment of the trading_id: 020 makes one, a page of the link type
/// and corrections before this one make more.
fn is_only_one(rows: &mut Connection, row: &Telegram) -> StoreResult<bool> {
    let attempt = attempts::of_trading_id(rows, &row.trading_id)?;
    let of_020 = attempt.is_some_and(|attempt| !attempt.is_link());
    let here = payments::of_order(rows, &row.order_id)?
        .into_iter()
        .filter(|payment| payment.trading_id == row.trading_id);
    Ok(of_020 && here.count() == 1)
}

fn conclude(call: &Call<'_>, asked: &Telegram, learnt: &Learnt) -> Result<(), Problem> {
    let now = call.moment();
    let sent_at = asked.sent_at.unwrap_or(asked.planned_at);
    let quarantine = TimeDelta::seconds(i64::from(call.instance.config.quarantine_secs));
    // The gateway's codes have no dots; our own faults do, and say nothing of what it thinks.
    let code = asked.code.clone().filter(|code| !code.contains('.'));
    let said = code.as_deref().map(class);
    // Who answers that it stopped, or that the payment is in no state for it, does nothing more.
    let answered = matches!(said, Some(Class::HalfDone | Class::Conflict | Class::TooLate));
    let verdict = judge(&Heard {
        old: learnt.old.as_ref().map(|found| GatewayStatus(found.status)),
        new: learnt.new,
        in_flight: !answered && age(sent_at, now) <= quarantine,
        listened: learnt.listened,
    });
    tracing::info!(order = asked.order_id, kind = asked.kind, ?verdict, "correction.judged");
    call.instance.store.write(|rows| {
        let Some((row, mut change)) = open_step(rows, &asked.telegram_id)? else {
            return Ok(());
        };
        let Some(mut old) = payments::find(rows, &change.old_payment_id)? else {
            return Ok(());
        };
        if verdict == Verdict::Wait {
            return wait(rows, &row, &old, now);
        }
        if let Some(found) = &learnt.old {
            write_old(rows, &mut old, found, now)?;
        }
        let new = learnt.found.as_ref().map(|found| stand_in(&old, found));
        if let Some(new) = &new
            && payments::find(rows, &new.payment_id)?.is_none()
        {
            payments::insert(rows, new)?;
        }
        match (verdict, new) {
            (Verdict::Corrected, Some(new)) => {
                end(rows, row, telegrams::GOOD, now)?;
                flags::clear(rows, &change.order_id, UNKNOWN, now)?;
                change::corrected(rows, &mut change, &new, now)
            }
            _ => {
                if said == Some(Class::TooLate) {
                    old.gateway_status = operation::too_late(old.status()).0;
                    payments::update(rows, &mut old)?;
                }
                let no = code.filter(|_| said.is_some_and(is_a_no));
                let code = no.unwrap_or_else(|| journal::NEVER_ARRIVED.to_owned());
                give_up(rows, (row, change), telegrams::DECLINED, Some(code), now)
            }
        }
    })?;
    Ok(())
}

/// The gateway's own no, that stands whatever 094 says afterwards.
fn is_a_no(said: Class) -> bool {
    !matches!(said, Class::AcquirerSilent | Class::GatewaySide | Class::TokenUsed)
}

/// Nothing was corrected. Where the gateway does not correct this payment, the next change goes the other way.
fn give_up(
    rows: &mut Connection,
    (row, mut change): (Telegram, Change),
    state: &str,
    code: Option<String>,
    now: NaiveDateTime,
) -> StoreResult<()> {
    let refused = code
        .clone()
        .filter(|code| state == telegrams::DECLINED && code != journal::NEVER_ARRIVED)
        .filter(|code| matches!(class(code), Class::Declined | Class::HalfDone | Class::Setup));
    if refused.is_some()
        && let Some(mut old) = payments::find(rows, &change.old_payment_id)?
    {
        old.correction_refused = refused;
        payments::update(rows, &mut old)?;
    }
    end(
        rows,
        Telegram {
            code: code.clone(),
            ..row
        },
        state,
        now,
    )?;
    flags::clear(rows, &change.order_id, UNKNOWN, now)?;
    change.code = code;
    change.move_to(ChangeState::Refused, now);
    changes::update(rows, &mut change)
}

fn end(rows: &mut Connection, mut row: Telegram, state: &str, now: NaiveDateTime) -> StoreResult<()> {
    state.clone_into(&mut row.state);
    row.open_key = None;
    row.due_at = None;
    row.settled_at = Some(now);
    match telegrams::update(rows, &mut row)? {
        true => Ok(()),
        false => Err(StoreError::Lost),
    }
}

/// It is asked for until it is known, and after a day a person is told (INV-10).
fn wait(rows: &mut Connection, row: &Telegram, old: &Payment, now: NaiveDateTime) -> StoreResult<()> {
    const PATIENCE: TimeDelta = TimeDelta::days(1);
    let sent_at = row.sent_at.unwrap_or(row.planned_at);
    if age(sent_at, now) < PATIENCE {
        return Ok(());
    }
    let detail = format!(
        "nobody answers for the correction of payment {} to {} yen: see Paygent Online",
        old.payment_id,
        row.amount.unwrap_or(0)
    );
    observe::raise(rows, old, UNKNOWN, detail, now)
}

/// How the old payment stands, as 094 says; a status never moves back.
pub(super) fn write_old(
    rows: &mut Connection,
    old: &mut Payment,
    found: &Found,
    now: NaiveDateTime,
) -> StoreResult<()> {
    let status = GatewayStatus(found.status);
    if status.rank() < old.status().rank() {
        return Ok(());
    }
    old.gateway_status = status.0;
    if status == GatewayStatus::CAPTURED {
        old.captured_at.get_or_insert(found.captured_at.unwrap_or(now));
    }
    if status.is_over() {
        old.cancelled_at.get_or_insert(now);
    }
    payments::update(rows, old)
}

/// The payment that the gateway made of `old`. Its days are the old one's: whether they are counted anew is not known, and
/// the earlier deadline is the safe one.
pub(super) fn stand_in(old: &Payment, found: &Found) -> Payment {
    Payment {
        payment_id: found.payment_id.as_str().to_owned(),
        amount: found.amount.get(),
        gateway_status: found.status,
        last_operation: None,
        cancelled_at: None,
        replaced_by: None,
        correction_refused: None,
        version: 1,
        ..old.clone()
    }
}

fn open_step(rows: &mut Connection, id: &str) -> StoreResult<Option<(Telegram, Change)>> {
    let Some(row) = telegrams::find(rows, id)?.filter(|row| row.open_key.is_some()) else {
        return Ok(None);
    };
    let change = match &row.change_id {
        Some(id) => changes::find(rows, id)?,
        None => None,
    };
    Ok(change
        .filter(|change| change.open_order.is_some())
        .map(|change| (row, change)))
}

/// What 094 says; none where it says nothing that can be believed.
fn inquire(call: &Call<'_>, by: &Inquire) -> Option<Inquiry> {
    match call.instance.gateway.inquire(by, call.now()).outcome {
        Outcome::Good(said) => Some(said),
        _ => None,
    }
}

/// The payment of that number as 094 tells it.
pub(super) fn found_by(call: &Call<'_>, number: &str) -> Result<Option<Found>, Problem> {
    let said = inquire(call, &Inquire::ByPayment(payment_id(number)?));
    Ok(match said {
        Some(Inquiry::Found(found)) if found.payment_id.as_str() == number => Some(found),
        _ => None,
    })
}

fn payment_id(text: &str) -> Result<PaymentId, Problem> {
    PaymentId::try_from(text).map_err(|_| unreadable(text))
}

fn unreadable(what: &str) -> Problem {
    Problem::failed("correction.unreadable", format!("the correction {what} cannot be sent"))
}
