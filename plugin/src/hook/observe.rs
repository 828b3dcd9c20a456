//! What is learnt of a payment that exists, by a notice or an inquiry: the other half of the one settle function. Its
//! status never moves back, and each status says once what it means for the order.

use chrono::NaiveDateTime;

use super::outbox;
use crate::paygent::Found;
use crate::payment::attempt::Event;
use crate::payment::{GatewayStatus, OrderStatus};
use crate::store::orders::Order;
use crate::store::payments::Payment;
use crate::store::{Connection, StoreResult, attempts, flags, orders, payments, telegrams};

/// Writes down how 094 says that a payment stands. The caller has seen that no operation on it is open.
pub(super) fn found(
    rows: &mut Connection,
    payment: &mut Payment,
    found: &Found,
    now: NaiveDateTime,
) -> StoreResult<()> {
    let status = GatewayStatus(found.status);
    if found.amount != payment.held() {
        let detail = format!(
            "payment {} holds {} yen at the gateway, here were {}",
            payment.payment_id,
            found.amount.get(),
            payment.amount
        );
        raise(rows, payment, "amount.differs", detail, now)?;
        payment.amount = found.amount.get();
    }
    if status.rank() < payment.status().rank() {
        let detail = format!(
            "the gateway says {} of payment {}, which came to {} before",
            status.0, payment.payment_id, payment.gateway_status
        );
        raise(rows, payment, "status.back", detail, now)?;
        return payments::update(rows, payment);
    }
    let was_over = payment.status().is_over();
    payment.gateway_status = status.0;
    if status == GatewayStatus::CAPTURED {
        payment.captured_at.get_or_insert(found.captured_at.unwrap_or(now));
    }
    if status.is_over() {
        payment.cancelled_at.get_or_insert(now);
    }
    payments::update(rows, payment)?;
    let Some(mut order) = orders::find(rows, &payment.order_id)? else {
        return Ok(());
    };
    // A payment that another one replaced says nothing of the order any more.
    if order.payment_id.as_deref() != Some(&payment.payment_id) || order.removed {
        return Ok(());
    }
    if status == GatewayStatus::CAPTURED {
        paid(rows, &mut order, payment, now)?;
    } else if status.is_over() && !was_over {
        gone(rows, &mut order, payment, now)?;
    }
    orders::update(rows, &mut order)
}

/// Captured: the order becomes 入金済み (R58). Only from 新規受付, or where the host has not placed it yet and will before:
/// a status never moves back (D4).
fn paid(rows: &mut Connection, order: &mut Order, payment: &Payment, now: NaiveDateTime) -> StoreResult<()> {
    if matches!(order.status()?, OrderStatus::New | OrderStatus::Pending) {
        outbox::paid(rows, order, payment, now)?;
    }
    Ok(())
}

/// Voided, expired or cancelled, and not by an operation of ours, which had written that down: the order is called off, with stock and points back
/// once; one that was shipped stays as it is, and a person is told (D3).
fn gone(rows: &mut Connection, order: &mut Order, payment: &Payment, now: NaiveDateTime) -> StoreResult<()> {
    if let Some(other) = stays_beside(rows, payment)? {
        let detail = format!(
            "payment {} holds nothing any more, and {other} stands beside it: see Paygent Online",
            payment.payment_id
        );
        return raise(rows, payment, "payment.second", detail, now);
    }
    let Some(mut attempt) = attempts::find(rows, &payment.attempt_id)? else {
        return Ok(());
    };
    let hold = attempt.hold;
    attempts::happened(rows, &mut attempt, Event::Released, now)?;
    attempts::update(rows, &mut attempt)?;
    match order.status()? {
        OrderStatus::Cancelled | OrderStatus::Returned => Ok(()),
        OrderStatus::New | OrderStatus::Paid | OrderStatus::InProgress => outbox::cancel(rows, order, hold, now),
        OrderStatus::Shipped | OrderStatus::Processing | OrderStatus::Pending => {
            let detail = format!(
                "payment {} holds nothing any more ({}), and its order stays {}",
                payment.payment_id, payment.gateway_status, order.status
            );
            raise(rows, payment, "payment.gone", detail, now)
        }
    }
}

/// Another payment of the order that holds money and is not being given back: somebody made it in the place of this one, in
/// Paygent Online.
fn stays_beside(rows: &mut Connection, payment: &Payment) -> StoreResult<Option<String>> {
    for other in payments::of_order(rows, &payment.order_id)? {
        let stays = other.payment_id != payment.payment_id && other.status().is_live();
        if stays && telegrams::open_on(rows, &other.payment_id)?.is_none() {
            return Ok(Some(other.payment_id));
        }
    }
    Ok(None)
}

/// Tells a person of something about a payment, once.
pub(super) fn raise(
    rows: &mut Connection,
    payment: &Payment,
    kind: &str,
    detail: String,
    now: NaiveDateTime,
) -> StoreResult<()> {
    flags::raise(rows, &payment.order_id, (kind, &detail), now).map(drop)
}
