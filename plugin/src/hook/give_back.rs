//! 取消 of payments that no order waits for: a second one, one of a deleted order, one that was found by a comparison.

use super::Call;
use crate::payment::operation::{Action, releasing};
use crate::store::orders::Order;
use crate::store::payments::Payment;
use crate::store::{Connection, StoreResult, orders, payments, telegrams};

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

/// Which payment of the order is given back now, and how; or why none is: a text id.
pub(super) fn decide(
    call: &Call<'_>,
    rows: &mut Connection,
    order_id: &str,
) -> StoreResult<Result<(Action, Order, Payment), &'static str>> {
    let Some(order) = orders::find(rows, order_id)? else {
        return Ok(Err("refused-unknown-order"));
    };
    let Some(payment) = held_for_nobody(rows, &order)?.into_iter().next() else {
        return Ok(Err("refused-nothing-held"));
    };
    if payment.account != call.instance.config.gateway.account() {
        return Ok(Err("refused-other-account"));
    }
    if telegrams::open_on(rows, &payment.payment_id)?.is_some() {
        return Ok(Err("refused-busy"));
    }
    Ok(match releasing(payment.status()) {
        Some(wanted) => Ok((Action::Send(wanted), order, payment)),
        None => Err("refused-state"),
    })
}
