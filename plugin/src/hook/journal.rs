//! The journal of telegrams: how a row begins before its telegram leaves, and how it ends.

use chrono::NaiveDateTime;

use crate::paygent::{Exchange, Outcome};
use crate::payment::Yen;
use crate::store::attempts::Attempt;
use crate::store::payments::Payment;
use crate::store::telegrams::{self, Telegram};

/// The code of a telegram that the gateway knew nothing of when the quarantine was over.
pub(super) const NEVER_ARRIVED: &str = "operation.not_executed";

/// The journal row of an attempt's telegram, as committed before it leaves.
pub(super) fn sent(id: String, attempt: &Attempt, kind: &str, amount: Option<Yen>, now: NaiveDateTime) -> Telegram {
    Telegram {
        telegram_id: id,
        order_id: attempt.order_id.clone(),
        attempt_id: Some(attempt.attempt_id.clone()),
        payment_id: None,
        kind: kind.to_owned(),
        trading_id: attempt.trading_id.clone(),
        amount: amount.map(Yen::get),
        state: telegrams::SENT.to_owned(),
        operator: None,
        planned_at: now,
        sent_at: Some(now),
        settled_at: None,
        due_at: None,
        tries: 1,
        code: None,
        request: None,
        reply: None,
        open_key: None,
        change_id: attempt.change_id.clone(),
        number: 0,
        version: 1,
    }
}

/// The journal row of an operation on a payment that is wanted and not sent; the payment is busy from now on.
pub(super) fn planned(payment: &Payment, kind: &str, telegram_id: &str, now: NaiveDateTime) -> Telegram {
    Telegram {
        telegram_id: telegram_id.to_owned(),
        order_id: payment.order_id.clone(),
        attempt_id: Some(payment.attempt_id.clone()),
        payment_id: Some(payment.payment_id.clone()),
        kind: kind.to_owned(),
        trading_id: payment.trading_id.clone(),
        amount: None,
        state: telegrams::PLANNED.to_owned(),
        operator: None,
        planned_at: now,
        sent_at: None,
        settled_at: None,
        due_at: Some(now),
        tries: 0,
        code: None,
        request: None,
        reply: None,
        open_key: Some(payment.payment_id.clone()),
        change_id: None,
        number: 0,
        version: 1,
    }
}

/// Writes into a journal row what came of its telegram.
pub(super) fn record(row: &mut Telegram, state: &str, code: Option<String>, exchange: &Exchange, now: NaiveDateTime) {
    let print = |pairs: &[(String, String)]| serde_json::to_string(pairs).ok();
    state.clone_into(&mut row.state);
    row.code = code;
    row.settled_at = (state != telegrams::UNKNOWN).then_some(now);
    row.request = print(&exchange.request);
    row.reply = print(&exchange.reply);
}

/// How a telegram's journal row ends.
pub(super) fn state_of<T>(outcome: &Outcome<T>) -> &'static str {
    match outcome {
        Outcome::Good(_) => telegrams::GOOD,
        Outcome::Declined(_) => telegrams::DECLINED,
        Outcome::NotExecuted(_) => telegrams::NOT_EXECUTED,
        Outcome::Pending(_) | Outcome::Unknown(_) => telegrams::UNKNOWN,
    }
}

/// The code that says most: the detail (`1G12`) where there is one.
pub(super) fn nearest(code: &str, detail: &str) -> String {
    let says_a_code = !detail.is_empty() && detail.len() <= 6 && detail.chars().all(|c| c.is_ascii_alphanumeric());
    if says_a_code {
        detail.to_owned()
    } else {
        code.to_owned()
    }
}
