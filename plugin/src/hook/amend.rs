//! オーソリ・売上変更 (guide, p. 7): begins a change of amount and drives it on. `change` writes down what comes next; this
//! file sends it.

use super::change::Ids;
use super::{Call, correction, journal, operation, settle};
use crate::paygent::{Authorise, CardSource, TradingId};
use crate::payment::attempt::Event;
use crate::payment::change::ChangeState;
use crate::payment::operation::ChangeKind;
use crate::payment::trading_id::trading_id;
use crate::payment::way::{self, Case, Way};
use crate::payment::{PaymentClass, Yen};
use crate::reply::Problem;
use crate::store::attempts::Attempt;
use crate::store::changes::{self, Change};
use crate::store::orders::Order;
use crate::store::payments::Payment;
use crate::store::{Connection, StoreError, StoreResult, attempts, orders, payments, telegrams};

/// The intent to make the gateway's amount the order's (R62), committed by the caller's transaction before anything leaves.
pub(super) fn intend(
    call: &Call<'_>,
    rows: &mut Connection,
    (order, old, kind): (&mut Order, &Payment, ChangeKind),
    ids: &Ids,
    operator: &str,
) -> StoreResult<Change> {
    let now = call.moment();
    if chosen(call, order, old) == Way::Correction {
        return correction::intend(rows, (order, old, kind), ids, (operator, now));
    }
    let before = attempts::find(rows, &old.attempt_id)?.ok_or_else(|| StoreError::Unreadable {
        row: old.payment_id.clone(),
        word: "the payment's attempt is gone".to_owned(),
    })?;
    order.last_attempt += 1;
    let prefix = &call.instance.config.shop.trading_prefix;
    let named = trading_id(prefix, &order.order_number, order.last_attempt, &ids.salt);
    let mut attempt = Attempt {
        hold: before.hold,
        change_id: Some(ids.change.clone()),
        payment_class: before.payment_class,
        split_count: before.split_count,
        ..Attempt::new(order, (&ids.attempt, named, &ids.change), order.amount, now)
    };
    attempts::begin(rows, &mut attempt, Event::Sent)?;
    let mut telegram = journal::sent(
        ids.telegram.clone(),
        &attempt,
        "020",
        Yen::try_from(attempt.amount).ok(),
        now,
    );
    telegram.operator = Some(operator.to_owned());
    telegrams::insert(rows, &telegram)?;
    let change = Change {
        change_id: ids.change.clone(),
        order_id: order.order_id.clone(),
        kind: kind.name().to_owned(),
        way: changes::NEW_PAYMENT.to_owned(),
        state: ChangeState::Authorising.name().to_owned(),
        old_payment_id: old.payment_id.clone(),
        new_payment_id: None,
        attempt_id: attempt.attempt_id,
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
    changes::insert(rows, &change)?;
    orders::update(rows, order)?;
    Ok(change)
}

/// The way that a change of the payment to the order's amount goes.
fn chosen(call: &Call<'_>, order: &Order, old: &Payment) -> Way {
    way::choose(&Case {
        corrections: call.instance.config.staff.corrections,
        held: old.held(),
        wanted: Yen::try_from(order.amount).unwrap_or(Yen::ZERO),
        authenticated: old.authenticated,
        refused: old.correction_refused.is_some(),
    })
}

/// Sends the first telegram of a change whose intent was just committed, and goes on from there.
pub(super) fn begin(call: &Call<'_>, change: &Change) -> Result<(), Problem> {
    if change.is_correction() {
        correction::begin(call, change)?;
        return resume(call, &change.change_id).map(drop);
    }
    let broken = || {
        Problem::failed(
            "change.unreadable",
            format!("change {} cannot be sent", change.change_id),
        )
    };
    let found = call.instance.store.read(|rows| {
        let attempt = attempts::find(rows, &change.attempt_id)?;
        let old = payments::find(rows, &change.old_payment_id)?;
        Ok(attempt.zip(old))
    })?;
    let (attempt, old) = found.ok_or_else(broken)?;
    let id = |text: &str| TradingId::try_from(text).map_err(|_| broken());
    let asked = Authorise {
        trading_id: id(&attempt.trading_id)?,
        amount: Yen::try_from(attempt.amount).map_err(|_| broken())?,
        class: PaymentClass::read(&attempt.payment_class, attempt.split_count).ok_or_else(broken)?,
        card: CardSource::Earlier(id(&old.trading_id)?),
        auth_id: None,
    };
    let answer = call.instance.gateway.authorise(&asked, call.now());
    settle::authorisation(call, &attempt, answer)?;
    resume(call, &change.change_id).map(drop)
}

/// Goes on with a change for as long as a step of it is due. The change as it stands after that.
pub(super) fn resume(call: &Call<'_>, change_id: &str) -> Result<Option<Change>, Problem> {
    // Each round ends a step or finds none due; a change has a handful of steps.
    const AT_MOST: usize = 20;
    for _ in 0..AT_MOST {
        let found = call.instance.store.read(|rows| {
            let Some(change) = changes::find(rows, change_id)? else {
                return Ok(None);
            };
            let step = telegrams::step_of(rows, change_id)?;
            Ok(Some((change, step)))
        })?;
        let Some((change, step)) = found else { return Ok(None) };
        if change.open_order.is_none() {
            return Ok(Some(change));
        }
        match step {
            Some(step) if step.due_at.is_some_and(|due| due <= call.moment()) => {
                if change.state()? == ChangeState::Correcting {
                    correction::resume(call, &step.telegram_id)?;
                    continue;
                }
                operation::resume(call, &step.telegram_id)?;
            }
            Some(_) => return Ok(Some(change)),
            None => {
                settle::inquire(call, &change.attempt_id)?;
                let moved = call.instance.store.read(|rows| changes::find(rows, change_id))?;
                if moved.as_ref().is_none_or(|moved| moved.version == change.version) {
                    return Ok(moved);
                }
            }
        }
    }
    Ok(call.instance.store.read(|rows| changes::find(rows, change_id))?)
}
