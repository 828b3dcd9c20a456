//! 取消 of payments that no order waits for: a second one, one of a deleted order, one that was found by a comparison.

use super::{Call, operation};
use crate::payment::operation::releasing;
use crate::reply::Problem;
use crate::seal::random_hex;
use crate::store::jobs::{Item, Job, JobState};
use crate::store::orders::Order;
use crate::store::payments::Payment;
use crate::store::{Connection, StoreError, StoreResult, jobs, orders, payments, telegrams};

/// Payments of the order that hold money and that it does not wait for. The order's own payment is the staff's to
/// cancel (一括取消), unless the order is deleted or was never placed.
pub(super) fn held_for_nobody(rows: &mut Connection, order: &Order) -> StoreResult<Vec<Payment>> {
    let own_counts = !order.removed && order.status()?.is_placed();
    let all = payments::of_order(rows, &order.order_id)?;
    let own = order.payment_id.as_deref().filter(|_| own_counts);
    Ok(all
        .into_iter()
        .filter(|payment| payment.status().is_live() && own != Some(payment.payment_id.as_str()))
        .collect())
}

/// Runs one order of a run; `false` where its end is not known yet.
pub(super) fn run(call: &Call<'_>, job: &Job, mut item: Item) -> Result<bool, Problem> {
    let telegram_id = random_hex::<16>()?;
    let next = call
        .instance
        .store
        .write(|rows| intend(call, rows, (job, &mut item), &telegram_id));
    match next {
        Ok(Next::Ended) => return Ok(true),
        Ok(Next::Send(telegram)) => {
            operation::send(call, &telegram)?;
        }
        Ok(Next::Follow(id)) => {
            operation::resume(call, &id)?;
        }
        // Another process runs this order, or 停止 was pressed.
        Err(StoreError::Lost) => return Ok(false),
        Err(error) if error.is_taken() => return Ok(false),
        Err(error) => return Err(error.into()),
    }
    let ended = call.instance.store.write(|rows| follow(rows, &mut item));
    match ended {
        Ok(ended) => Ok(ended),
        Err(StoreError::Lost) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

enum Next {
    Ended,
    Send(Box<telegrams::Telegram>),
    Follow(String),
}

fn intend(
    call: &Call<'_>,
    rows: &mut Connection,
    (job, item): (&Job, &mut Item),
    telegram_id: &str,
) -> StoreResult<Next> {
    if let Some(id) = &item.telegram_id {
        return Ok(Next::Follow(id.clone()));
    }
    let running = jobs::find(rows, &job.job_id)?.is_some_and(|job| job.state == JobState::Running.name());
    if !running {
        return Err(StoreError::Lost);
    }
    let (held, code) = match orders::find(rows, &item.order_id)? {
        None => (None, "refused-unknown-order"),
        Some(order) => (
            held_for_nobody(rows, &order)?.into_iter().next(),
            "refused-nothing-held",
        ),
    };
    let own_account = |payment: &Payment| payment.account == call.instance.config.gateway.account();
    let intended = match held {
        None => Err(code),
        Some(payment) if !own_account(&payment) => Err("refused-other-account"),
        Some(payment) if telegrams::open_on(rows, &payment.payment_id)?.is_some() => Err("refused-busy"),
        Some(payment) => match releasing(payment.status()) {
            None => Err("refused-state"),
            Some(wanted) => Ok((payment, wanted)),
        },
    };
    let next = match intended {
        Ok((payment, wanted)) => {
            let by = (job.operator(), call.moment());
            let telegram = operation::intend(rows, &payment, wanted, telegram_id, by)?;
            item.telegram_id = Some(telegram.telegram_id.clone());
            Next::Send(Box::new(telegram))
        }
        Err(code) => {
            jobs::FAILED.clone_into(&mut item.state);
            item.code = Some(code.to_owned());
            Next::Ended
        }
    };
    if jobs::update_item(rows, item)? {
        Ok(next)
    } else {
        Err(StoreError::Lost)
    }
}

fn follow(rows: &mut Connection, item: &mut Item) -> StoreResult<bool> {
    let telegram = match &item.telegram_id {
        Some(id) => telegrams::find(rows, id)?,
        None => None,
    };
    let Some(telegram) = telegram.filter(|telegram| telegram.open_key.is_none()) else {
        return Ok(false);
    };
    let done = telegram.state == telegrams::GOOD;
    if done { jobs::DONE } else { jobs::FAILED }.clone_into(&mut item.state);
    item.kind = Some(telegram.kind);
    item.code = telegram.code;
    if jobs::update_item(rows, item)? {
        Ok(true)
    } else {
        Err(StoreError::Lost)
    }
}
