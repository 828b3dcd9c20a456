//! Writing effects: what the host has to do, in the transaction that caused it.

use chrono::{NaiveDate, NaiveDateTime, TimeDelta};
use serde_json::{Value, json};

use crate::page::{Language, text};
use crate::payment::OrderStatus;
use crate::reply::Effect;
use crate::store::effects::EffectRow;
use crate::store::holds::Hold;
use crate::store::orders::Order;
use crate::store::payments::Payment;
use crate::store::{Connection, StoreResult, effects};

/// The host is to take stock and points and set 決済処理中.
pub(super) fn pend(rows: &mut Connection, order: &mut Order, hold: &Hold, now: NaiveDateTime) -> StoreResult<()> {
    let key = format!("pend:{}:{}", order.order_id, hold.number);
    push(
        rows,
        order,
        ("order.pend", key),
        hold.number,
        json!({"amount": hold.amount}),
        now,
    )
}

/// The host is to place the order as 新規受付 (an order of 0 yen as 入金済み) and to send the order's mail.
pub(super) fn place(
    rows: &mut Connection,
    order: &mut Order,
    hold: &Hold,
    payment_id: Option<&str>,
    now: NaiveDateTime,
) -> StoreResult<()> {
    let status = if hold.amount == 0 {
        OrderStatus::Paid
    } else {
        OrderStatus::New
    };
    let key = place_key(&order.order_id, hold.number);
    let data = json!({"status": status.name(), "amount": hold.amount, "payment_id": payment_id});
    push(rows, order, ("order.place", key), hold.number, data, now)?;
    let key = format!("mail:{}:{}", order.order_id, hold.number);
    push(rows, order, ("mail.order_placed", key), hold.number, json!({}), now)
}

/// The host is to give back stock and points and to let the order vanish from every list.
pub(super) fn withdraw(
    rows: &mut Connection,
    order: &mut Order,
    hold: &Hold,
    restore_cart: bool,
    now: NaiveDateTime,
) -> StoreResult<()> {
    let key = format!("release:{}:{}", order.order_id, hold.number);
    push(
        rows,
        order,
        ("order.withdraw", key),
        hold.number,
        json!({"restore_cart": restore_cart}),
        now,
    )
}

/// The host is to set 入金済み: the gateway says that the money is taken (R58). It may refuse.
pub(super) fn paid(rows: &mut Connection, order: &mut Order, payment: &Payment, now: NaiveDateTime) -> StoreResult<()> {
    let key = format!("paid:{}:{}", order.order_id, payment.payment_id);
    let at = payment.captured_at.unwrap_or(now).and_utc().to_rfc3339();
    let data = json!({"status": OrderStatus::Paid.name(), "payment_id": payment.payment_id, "paid_at": at});
    push(rows, order, ("order.paid", key), order.last_hold, data, now)
}

/// The key of the effect that places the order of a hold.
fn place_key(order_id: &str, hold: i32) -> String {
    format!("place:{order_id}:{hold}")
}

fn release_key(order: &Order, hold: i32) -> String {
    format!("release:{}:{hold}", order.order_id)
}

/// The host was told, or is about to be told, to give back stock and points of this hold.
pub(super) fn is_released(rows: &mut Connection, order: &Order, hold: i32) -> StoreResult<bool> {
    Ok(effects::find(rows, &release_key(order, hold))?.is_some())
}

/// The host said that it placed the order of this hold.
pub(super) fn is_placed(rows: &mut Connection, order: &Order, hold: i32) -> StoreResult<bool> {
    let effect = effects::find(rows, &place_key(&order.order_id, hold))?;
    Ok(effect.is_some_and(|effect| effect.state == effects::APPLIED))
}

/// The host is to set 注文取消し and to give back stock and points.
pub(super) fn cancel(rows: &mut Connection, order: &mut Order, hold: i32, now: NaiveDateTime) -> StoreResult<()> {
    let key = release_key(order, hold);
    push(rows, order, ("order.cancel", key), hold, json!({}), now)
}

/// The effect that tells a shopper of a payment that is given back.
pub(super) const GIVEN_BACK: &str = "mail.payment_given_back";

/// The host is to write to the shopper: they paid for an order that no longer waits, and the payment is given back.
pub(super) fn given_back(
    rows: &mut Connection,
    order: &mut Order,
    payment: &Payment,
    now: NaiveDateTime,
) -> StoreResult<()> {
    let key = format!("given_back:{}:{}", order.order_id, payment.payment_id);
    let figures = [
        ("number", order.order_number.as_str()),
        ("amount", &payment.held().to_string()),
    ];
    let data = json!({
        "payment_id": payment.payment_id, "amount": payment.amount,
        "subject": text(Language::Ja, "mail-given-back-subject", &figures),
        "text": text(Language::Ja, "mail-given-back", &figures),
    });
    push(rows, order, (GIVEN_BACK, key), order.last_hold, data, now)
}

/// The effect that warns the shop of deadlines.
pub(super) const DEADLINES: &str = "mail.deadlines_near";

/// The host is to write to its staff about what expires soon, once for each day.
pub(super) fn deadlines(
    rows: &mut Connection,
    order: &mut Order,
    (day, data): (NaiveDate, Value),
    now: NaiveDateTime,
) -> StoreResult<()> {
    let key = format!("deadlines:{day}");
    push(rows, order, (DEADLINES, key), order.last_hold, data, now)
}

/// The effect, and the flag, of an attack on the whole shop.
pub(super) const ALARM: &str = "shop.alarm";

/// The host is to tell its staff that so many tries at cards failed, beside so many that paid.
pub(super) fn alarm(
    rows: &mut Connection,
    order: &mut Order,
    (failed, paid): (i64, i64),
    window: TimeDelta,
    now: NaiveDateTime,
) -> StoreResult<()> {
    let at = now.and_utc();
    let key = format!("alarm:{}", at.timestamp());
    let data = json!({
        "failed": failed, "paid": paid, "minutes": window.num_minutes(), "raised_at": at.to_rfc3339(),
    });
    push(rows, order, (ALARM, key), order.last_hold, data, now)
}

/// Writes one effect under the order's next number. The caller writes `order` back. A key that was written
/// before is left as it is: stock and points of one hold are given back once, whoever asks.
fn push(
    rows: &mut Connection,
    order: &mut Order,
    (kind, key): (&str, String),
    hold: i32,
    data: Value,
    now: NaiveDateTime,
) -> StoreResult<()> {
    if effects::find(rows, &key)?.is_some() {
        return Ok(());
    }
    order.last_effect += 1;
    let effect = EffectRow {
        effect_key: key,
        order_id: order.order_id.clone(),
        number: order.last_effect,
        kind: kind.to_owned(),
        hold,
        data: data.to_string(),
        state: effects::PENDING.to_owned(),
        tries: 0,
        reason: None,
        created_at: now,
        settled_at: None,
    };
    effects::insert(rows, &effect)
}

/// What is offered for one order, for a reply.
pub(super) fn offered(rows: &mut Connection, order_id: &str) -> StoreResult<Vec<Effect>> {
    const ALL: i64 = 100;
    Ok(effects::pending(rows, Some(order_id), ALL)?
        .into_iter()
        .map(printed)
        .collect())
}

/// A row as the host reads it.
pub(super) fn printed(row: EffectRow) -> Effect {
    Effect {
        key: row.effect_key,
        order_id: row.order_id,
        number: row.number,
        kind: row.kind,
        hold: row.hold,
        data: serde_json::from_str(&row.data).unwrap_or_default(),
    }
}
