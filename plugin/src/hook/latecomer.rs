//! A payment that a correction made and that nobody was told of: a notice names it, before the correction is known to be done or
//! after it was given up.

use super::correction::{found_by, stand_in, write_old};
use super::{Call, amend, change, inbox, observe, outbox};
use crate::payment::change::ChangeState;
use crate::reply::Problem;
use crate::store::changes::{self, Change};
use crate::store::notices::{self, Notice};
use crate::store::payments::Payment;
use crate::store::{attempts, orders, payments, telegrams};

/// A notice tells of a payment that nobody here knows, under the trading_id of one that was corrected: the correction that
/// is still asked for is asked for at once, and what one left behind that was given up is taken up again.
pub(super) fn told(call: &Call<'_>, notice: &Notice) -> Result<(), Problem> {
    let store = &call.instance.store;
    let now = call.moment();
    let found = store.write(|rows| {
        let Some(attempt) = attempts::of_trading_id(rows, &notice.trading_id)? else {
            return Ok(None);
        };
        let all = changes::of_order(rows, &attempt.order_id)?;
        if let Some(open) = all.iter().find(|change| change.open_order.is_some()) {
            if open.state()? == ChangeState::Correcting
                && let Some(mut step) = telegrams::step_of(rows, &open.change_id)?
            {
                step.due_at = Some(now);
                telegrams::update(rows, &mut step)?;
            }
            return Ok(Some(open.clone()));
        }
        let left = all.into_iter().rev().find(|change| {
            change.is_correction()
                && change.attempt_id == attempt.attempt_id
                && change.state == ChangeState::Refused.name()
        });
        Ok(left)
    })?;
    match found {
        Some(change) if change.open_order.is_some() => amend::resume(call, &change.change_id).map(drop),
        Some(change) => late(call, change, notice),
        None => Ok(()),
    }
}

/// A correction that was given up was executed after all. Where the old payment stands the new one is given back; where
/// the gateway has given back the old one, the new one takes its place, if the order still waits for it.
fn late(call: &Call<'_>, given_up: Change, notice: &Notice) -> Result<(), Problem> {
    let (old, new) = (
        found_by(call, &given_up.old_payment_id)?,
        found_by(call, &notice.payment_id)?,
    );
    let (Some(found_old), Some(found_new)) = (old, new) else {
        return Ok(());
    };
    if found_new.trading_id != notice.trading_id {
        return Ok(());
    }
    let now = call.moment();
    let taken_up = call.instance.store.write(|rows| {
        let Some(mut change) = changes::find(rows, &given_up.change_id)? else {
            return Ok(None);
        };
        let (Some(mut old), Some(order)) = (
            payments::find(rows, &change.old_payment_id)?,
            orders::find(rows, &change.order_id)?,
        ) else {
            return Ok(None);
        };
        let known = payments::find(rows, &notice.payment_id)?.is_some();
        // Whatever else is under way on the order ends first; the notice is looked at again.
        if known || change.version != given_up.version || orders::listed(rows, order.clone())?.busy {
            return Ok(None);
        }
        write_old(rows, &mut old, &found_old, now)?;
        let new = stand_in(&old, &found_new);
        payments::insert(rows, &new)?;
        if !new.status().is_live() {
            return Ok(None);
        }
        let hold = attempts::find(rows, &old.attempt_id)?.map_or(0, |attempt| attempt.hold);
        let waits = order.payment_id.as_deref() == Some(&change.old_payment_id)
            && !order.removed
            && !order.status()?.is_called_off()
            // The host may not have acknowledged yet that it called the order off.
            && !outbox::is_released(rows, &order, hold)?;
        let takes_place = old.status().is_over() && waits;
        let flag = if takes_place {
            "correction.late"
        } else {
            "payment.orphan"
        };
        let detail = format!(
            "payment {} of {} yen came after its correction had been given up",
            new.payment_id, new.amount
        );
        observe::raise(rows, &old, flag, detail, now)?;
        change.open_order = Some(change.order_id.clone());
        change.finished_at = None;
        if takes_place {
            change::corrected(rows, &mut change, &new, now)?;
        } else {
            change::given_back(rows, &mut change, &new, now)?;
        }
        Ok(Some(change.change_id))
    })?;
    match taken_up {
        Some(change_id) => amend::resume(call, &change_id).map(drop),
        None => Ok(()),
    }
}

/// A payment is over by nobody's wish here. Another one may stand in its place: a correction that was given up was executed
/// after all, or somebody corrected it in Paygent Online. It is looked for before the order is called off for want of one.
pub(super) fn may_come(call: &Call<'_>, payment: &Payment) -> Result<bool, Problem> {
    let store = &call.instance.store;
    let all_fetched = inbox::drain(call)?;
    let (strangers, given_up) = store.read(|rows| {
        let strangers = notices::strangers(rows, &payment.trading_id)?;
        let given_up = changes::of_order(rows, &payment.order_id)?.iter().any(|change| {
            change.is_correction()
                && change.old_payment_id == payment.payment_id
                && change.state == ChangeState::Refused.name()
        });
        Ok((strangers, given_up))
    })?;
    Ok(!strangers.is_empty() || given_up && !all_fetched)
}
