//! 094: what became of a payment. The trading id of one attempt finds the one record of that attempt.

use diesel::prelude::*;

use super::operate::only_one;
use super::{Outcome, dated, with_card};
use crate::gateway::clock;
use crate::gateway::ledger::payments::{self, Payment};
use crate::gateway::refusal::Refusal;
use crate::gateway::wire::{Fields, Reply};

pub(super) fn inquire(connection: &mut SqliteConnection, fields: &Fields) -> QueryResult<Outcome> {
    let found = match (fields.get("payment_id"), fields.get("trading_id")) {
        (Some(id), _) => id
            .parse()
            .ok()
            .map(|id| payments::find(connection, id))
            .transpose()?
            .flatten()
            .into_iter()
            .collect(),
        (None, Some(trading_id)) => payments::of_trading_id(connection, trading_id)?,
        (None, None) => {
            let refusal = Refusal::field("決済IDまたはマーチャント取引IDが必要です");
            return Ok(Outcome::unchanged(&refusal.reply()));
        }
    };
    let reply = only_one(found, "13001", "13002").map_or_else(|refusal| refusal.reply(), |payment| reply(&payment));
    Ok(Outcome::unchanged(&reply))
}

fn reply(payment: &Payment) -> Reply {
    let named = Reply::good()
        .with("payment_id", payment.payment_id.to_string())
        .with("trading_id", payment.trading_id.as_str())
        .with("payment_type", "02")
        .with("payment_status", payment.status.to_string())
        .with("payment_amount", payment.amount.to_string())
        .with("payment_class", payment.payment_class.as_str())
        .with("split_count", payment.split_count.as_str())
        .with("payment_init_date", clock::wire(payment.applied_at))
        .with("change_date", clock::wire(payment.changed_at))
        .with("payment_date", dated(payment.captured_at))
        .with("cancel_date", dated(payment.cancelled_at));
    with_card(named, payment)
}
