//! An operation on a payment: 売上 (022), オーソリキャンセル (021), 売上キャンセル (023). Legality is decided here,
//! when it runs, whatever the page showed; one operation at a time per payment; a lost answer is asked for, never repeated.

use chrono::{NaiveDateTime, TimeDelta};

use super::{Call, change, journal, outbox};
use crate::paygent::{
    Answer, Class, Done, Exchange, Inquire, Inquiry, Outcome, PaymentId, PaymentRef, TradingId, class,
};
use crate::payment::GatewayStatus;
use crate::payment::attempt::{Event, next_inquiry};
use crate::payment::operation::{Action, Column, Operation, releasing};
use crate::payment::settle::age;
use crate::reply::Problem;
use crate::store::orders::Order;
use crate::store::payments::Payment;
use crate::store::telegrams::Telegram;
use crate::store::{Connection, StoreResult, attempts, orders, payments, telegrams};

/// What became of an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ran {
    /// The gateway did it.
    Done(Operation),
    /// Refused, by a rule of ours (a text id) or by the gateway (its code). Nothing changed.
    Refused(Option<Operation>, String),
    /// Asked, and not known yet.
    Unknown(Operation),
}

/// What the column does to the order's payment now, or why it may not: a text id. `seen` is what the operator confirmed.
pub(super) fn decide(
    call: &Call<'_>,
    rows: &mut Connection,
    order_id: &str,
    (column, seen): (Column, Option<&str>),
) -> StoreResult<Result<(Action, Order, Payment), &'static str>> {
    let Some(order) = orders::find(rows, order_id)?.filter(|order| !order.removed) else {
        return Ok(Err("refused-unknown-order"));
    };
    let listed = orders::listed(rows, order)?;
    let stamp = call.stamp(&listed);
    let (Some(row), Some(payment)) = (call.judged(&listed), listed.payment) else {
        return Ok(Err("refused-no-payment"));
    };
    Ok(match row.decide(column, &call.rules()) {
        Ok(_) if seen.is_some() && seen != stamp.as_deref() => Err("refused-changed"),
        Ok(action) => Ok((action, listed.order, payment)),
        Err(why) => Err(why),
    })
}

/// The intent to send `operation`, committed by the caller's transaction before anything leaves.
pub(super) fn intend(
    rows: &mut Connection,
    payment: &Payment,
    operation: Operation,
    telegram_id: &str,
    (operator, now): (&str, NaiveDateTime),
) -> StoreResult<Telegram> {
    let mut telegram = journal::planned(payment, operation.kind(), telegram_id, now);
    telegrams::SENT.clone_into(&mut telegram.state);
    telegram.sent_at = Some(now);
    telegram.tries = 1;
    telegram.operator = Some(operator.to_owned());
    telegram.due_at = next_inquiry(now, 0);
    telegrams::insert(rows, &telegram)?;
    Ok(telegram)
}

/// Wants a payment voided that no order waits for; `work.step` sends it. Nothing where an operation is open already.
pub(super) fn plan_void(
    rows: &mut Connection,
    payment_id: &str,
    telegram_id: &str,
    now: NaiveDateTime,
) -> StoreResult<()> {
    let Some(payment) = payments::find(rows, payment_id)? else {
        return Ok(());
    };
    if telegrams::open_on(rows, payment_id)?.is_some() {
        return Ok(());
    }
    match releasing(payment.status()) {
        Some(operation) => telegrams::insert(rows, &journal::planned(&payment, operation.kind(), telegram_id, now)),
        None => Ok(()),
    }
}

/// Sends a telegram whose intent is committed, and records what came of it.
pub(super) fn send(call: &Call<'_>, telegram: &Telegram) -> Result<Ran, Problem> {
    let (operation, payment) = target(telegram)?;
    let gateway = &call.instance.gateway;
    let Answer { outcome, exchange } = match operation {
        Operation::Capture => gateway.capture(&payment, call.now()),
        Operation::Void => gateway.void(&payment, call.now()),
        Operation::CancelSale => gateway.cancel_sale(&payment, call.now()),
    };
    record(call, telegram, operation, outcome, &exchange)
}

/// Goes on with an operation that is due: sends a planned one, asks for the answer of a sent one.
pub(super) fn resume(call: &Call<'_>, telegram_id: &str) -> Result<Option<Ran>, Problem> {
    let taken = call.instance.store.write(|rows| take(call, rows, telegram_id))?;
    match taken {
        None => Ok(None),
        Some((telegram, true)) => send(call, &telegram).map(Some),
        Some((telegram, false)) => ask(call, &telegram).map(Some),
    }
}

/// Takes a due telegram for this process: the telegram, and whether it is still to be sent.
pub(super) fn take(call: &Call<'_>, rows: &mut Connection, id: &str) -> StoreResult<Option<(Telegram, bool)>> {
    let now = call.moment();
    let Some(mut telegram) = telegrams::find(rows, id)? else {
        return Ok(None);
    };
    if telegram.open_key.is_none() || telegram.due_at.is_none_or(|due| due > now) {
        return Ok(None);
    }
    let payment = match &telegram.payment_id {
        Some(id) => payments::find(rows, id)?,
        None => None,
    };
    // A telegram about a payment of another account would ask the wrong gateway, or move live money from a test.
    if payment.is_some_and(|payment| payment.account != call.instance.config.gateway.account()) {
        return Ok(None);
    }
    let to_send = telegram.state == telegrams::PLANNED;
    telegram.tries += 1;
    if to_send {
        telegrams::SENT.clone_into(&mut telegram.state);
        telegram.sent_at = Some(now);
    }
    telegram.due_at = Some(next_due(&telegram, now));
    let mine = telegrams::update(rows, &mut telegram)?;
    Ok(mine.then_some((telegram, to_send)))
}

fn next_due(telegram: &Telegram, now: NaiveDateTime) -> NaiveDateTime {
    const AT_LEAST: TimeDelta = TimeDelta::seconds(3);
    const LATER: TimeDelta = TimeDelta::days(1);
    let sent_at = telegram.sent_at.unwrap_or(now);
    next_inquiry(sent_at, telegram.tries - 1).map_or(now + LATER, |at| at.max(now + AT_LEAST))
}

fn record(
    call: &Call<'_>,
    telegram: &Telegram,
    operation: Operation,
    outcome: Outcome<Done>,
    exchange: &Exchange,
) -> Result<Ran, Problem> {
    let state = journal::state_of(&outcome);
    match outcome {
        Outcome::Good(_) => close(
            call,
            telegram,
            operation,
            state,
            (None, Some(exchange), Some(operation.result())),
        ),
        Outcome::Declined(refusal) if refusal.class() != Class::TooLate => {
            let code = Some(journal::nearest(&refusal.code, &refusal.detail));
            close(call, telegram, operation, state, (code, Some(exchange), None))
        }
        Outcome::NotExecuted(fault) => {
            let code = Some(fault.code.as_str().to_owned());
            close(call, telegram, operation, state, (code, Some(exchange), None))
        }
        // Too late for what? 094 tells: an authorisation, or a sale that somebody made of it.
        Outcome::Pending(refusal) | Outcome::Declined(refusal) => {
            let code = Some(journal::nearest(&refusal.code, &refusal.detail));
            keep_open(call, telegram, code.clone(), exchange)?;
            ask(
                call,
                &Telegram {
                    code,
                    ..telegram.clone()
                },
            )
        }
        Outcome::Unknown(fault) => {
            keep_open(call, telegram, Some(fault.code.as_str().to_owned()), exchange)?;
            Ok(Ran::Unknown(operation))
        }
    }
}

/// 2007 tells more than the status that 094 still gives: the authorisation has expired, or the sale can no longer be
/// taken back.
pub(super) fn too_late(status: GatewayStatus) -> GatewayStatus {
    match status {
        GatewayStatus::AUTHORISED => GatewayStatus::EXPIRED,
        GatewayStatus::CAPTURED => GatewayStatus::CAPTURED_FOR_GOOD,
        other => other,
    }
}

/// Asks 094 what became of a sent operation, and believes that.
fn ask(call: &Call<'_>, telegram: &Telegram) -> Result<Ran, Problem> {
    let (operation, payment) = target(telegram)?;
    let by = Inquire::ByPayment(payment.payment_id.clone());
    let Answer { outcome, .. } = call.instance.gateway.inquire(&by, call.now());
    let Outcome::Good(Inquiry::Found(found)) = outcome else {
        tracing::warn!(
            order = telegram.order_id,
            kind = telegram.kind,
            "operation.still_unknown"
        );
        return Ok(Ran::Unknown(operation));
    };
    let status = GatewayStatus(found.status);
    if status == operation.result() || (operation == Operation::Capture && status == GatewayStatus::CAPTURED_FOR_GOOD) {
        return close(call, telegram, operation, telegrams::GOOD, (None, None, Some(status)));
    }
    let said = telegram.code.as_deref().map(class);
    if said == Some(Class::TooLate) {
        let code = telegram.code.clone();
        return close(
            call,
            telegram,
            operation,
            telegrams::DECLINED,
            (code, None, Some(too_late(status))),
        );
    }
    let quarantine = TimeDelta::seconds(i64::from(call.instance.config.quarantine_secs));
    let in_flight = age(telegram.sent_at.unwrap_or(telegram.planned_at), call.moment()) <= quarantine;
    if matches!(status.0, 30 | 31 | 42 | 50) {
        // On its way, and only a repeat of the same telegram finishes it (PAYGENT.md, status of a card payment).
        if !in_flight {
            send_again(call, telegram)?;
        }
        return Ok(Ran::Unknown(operation));
    }
    // The gateway is where it was. It may still be executing, until the quarantine is over; unless it said itself
    // that the payment was in no state for this.
    let refused = telegram.code.clone().filter(|_| said == Some(Class::Conflict));
    if refused.is_none() && in_flight {
        return Ok(Ran::Unknown(operation));
    }
    let code = refused.unwrap_or_else(|| journal::NEVER_ARRIVED.to_owned());
    close(
        call,
        telegram,
        operation,
        telegrams::DECLINED,
        (Some(code), None, Some(status)),
    )
}

/// Plans the same telegram once more.
fn send_again(call: &Call<'_>, telegram: &Telegram) -> Result<(), Problem> {
    Ok(call.instance.store.write(|rows| {
        if let Some(mut row) = telegrams::find(rows, &telegram.telegram_id)?
            && row.open_key.is_some()
            && row.state != telegrams::PLANNED
        {
            telegrams::PLANNED.clone_into(&mut row.state);
            row.due_at = Some(call.moment());
            telegrams::update(rows, &mut row)?;
        }
        Ok(())
    })?)
}

fn keep_open(call: &Call<'_>, telegram: &Telegram, code: Option<String>, exchange: &Exchange) -> Result<(), Problem> {
    call.instance.store.write(|rows| {
        if let Some(mut row) = telegrams::find(rows, &telegram.telegram_id)?
            && row.open_key.is_some()
        {
            journal::record(&mut row, telegrams::UNKNOWN, code, exchange, call.moment());
            row.settled_at = None;
            telegrams::update(rows, &mut row)?;
        }
        Ok(())
    })?;
    Ok(())
}

type Ending<'a> = (Option<String>, Option<&'a Exchange>, Option<GatewayStatus>);

/// Ends an operation: the journal row, and the payment's state as far as it is now known.
fn close(
    call: &Call<'_>,
    telegram: &Telegram,
    operation: Operation,
    state: &str,
    ending: Ending<'_>,
) -> Result<Ran, Problem> {
    let (code, exchange, status) = ending;
    let now = call.moment();
    let done = state == telegrams::GOOD;
    call.instance.store.write(|rows| {
        let Some(mut row) = telegrams::find(rows, &telegram.telegram_id)? else {
            return Ok(());
        };
        if row.open_key.take().is_none() {
            return Ok(());
        }
        match exchange {
            Some(exchange) => journal::record(&mut row, state, code.clone(), exchange, now),
            None => {
                state.clone_into(&mut row.state);
                row.code.clone_from(&code);
                row.settled_at = Some(now);
            }
        }
        row.due_at = None;
        let known = match &row.payment_id {
            Some(id) => payments::find(rows, id)?,
            None => None,
        };
        if let Some(mut payment) = known {
            if let Some(status) = status {
                payment.gateway_status = status.0;
            }
            if done {
                payment.last_operation = Some(operation.kind().to_owned());
                match operation {
                    // The sixty days count from the capture, not from the answer that was lost and found.
                    Operation::Capture => payment.captured_at = Some(row.sent_at.unwrap_or(now)),
                    Operation::Void | Operation::CancelSale => payment.cancelled_at = Some(now),
                }
            }
            payments::update(rows, &mut payment)?;
            if row.change_id.is_some() {
                telegrams::update(rows, &mut row)?;
                return change::step_ended(rows, &row, now);
            }
            if done {
                executed(call, rows, &payment, operation)?;
            } else if row.operator.is_none() {
                want_again(&mut row, &payment, now);
            }
        }
        telegrams::update(rows, &mut row)?;
        Ok(())
    })?;
    tracing::info!(
        order = telegram.order_id,
        kind = telegram.kind,
        state,
        code,
        "operation.closed"
    );
    Ok(match code {
        _ if done => Ran::Done(operation),
        code => Ran::Refused(Some(operation), code.unwrap_or_default()),
    })
}

/// Money that no order waits for is not kept because one try to give it back failed: the plugin, whose own wish that
/// is, tries again, by whatever the payment's state now asks for.
fn want_again(row: &mut Telegram, payment: &Payment, now: NaiveDateTime) {
    const LATER: TimeDelta = TimeDelta::days(1);
    if let Some(operation) = releasing(payment.status()) {
        operation.kind().clone_into(&mut row.kind);
        telegrams::PLANNED.clone_into(&mut row.state);
        row.open_key = Some(payment.payment_id.clone());
        row.due_at = Some(next_inquiry(now, row.tries).unwrap_or(now + LATER));
        row.settled_at = None;
        row.code = None;
        tracing::warn!(
            order = row.order_id,
            payment_id = payment.payment_id,
            "void.wanted_again"
        );
    }
}

/// What an executed operation means for attempt and order: after a cancel nothing is held, and the order is called off
/// through the host's own cancel, with stock and points back once (decision A11).
fn executed(call: &Call<'_>, rows: &mut Connection, payment: &Payment, operation: Operation) -> StoreResult<()> {
    let now = call.moment();
    if operation == Operation::Capture {
        if let Some(mut order) = orders::find(rows, &payment.order_id)? {
            order.updated_at = order.updated_at.max(now);
            orders::update(rows, &mut order)?;
        }
        return Ok(());
    }
    let Some(mut attempt) = attempts::find(rows, &payment.attempt_id)? else {
        return Ok(());
    };
    // A second payment of an attempt says nothing of the one that the attempt came to.
    let holds_another = payments::of_order(rows, &payment.order_id)?
        .iter()
        .any(|other| other.attempt_id == attempt.attempt_id && other.status().is_live());
    if !holds_another {
        attempts::happened(rows, &mut attempt, Event::Released, now)?;
        attempts::update(rows, &mut attempt)?;
    }
    let Some(mut order) = orders::find(rows, &payment.order_id)? else {
        return Ok(());
    };
    let calls_off = call.instance.config.staff.cancel_calls_off_the_order;
    if calls_off
        && order.payment_id.as_deref() == Some(&payment.payment_id)
        && !order.removed
        && !order.status()?.is_called_off()
    {
        outbox::cancel(rows, &mut order, attempt.hold, now)?;
        order.updated_at = order.updated_at.max(now);
        orders::update(rows, &mut order)?;
    }
    Ok(())
}

fn target(telegram: &Telegram) -> Result<(Operation, PaymentRef), Problem> {
    let broken = || {
        Problem::failed(
            "telegram.unreadable",
            format!("journal row {} cannot be sent", telegram.telegram_id),
        )
    };
    let operation = Operation::of_kind(&telegram.kind).ok_or_else(broken)?;
    let payment_id = telegram
        .payment_id
        .as_deref()
        .and_then(|id| PaymentId::try_from(id).ok())
        .ok_or_else(broken)?;
    let trading_id = TradingId::try_from(telegram.trading_id.as_str()).map_err(|_| broken())?;
    Ok((
        operation,
        PaymentRef {
            payment_id,
            trading_id: Some(trading_id),
        },
    ))
}
