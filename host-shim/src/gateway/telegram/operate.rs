//! 021, 022 and 023: voids, captures, cancels a sale.

use diesel::prelude::*;

use super::Outcome;
use crate::gateway::clock;
use crate::gateway::ledger::payments::{self, Payment};
use crate::gateway::refusal::Refusal;
use crate::gateway::settings::Settings;
use crate::gateway::status::Operation;
use crate::gateway::wire::{Fields, Reply};

pub(super) fn operate(
    connection: &mut SqliteConnection,
    fields: &Fields,
    operation: Operation,
    settings: &Settings,
    now: i64,
) -> QueryResult<Outcome> {
    let mut payment = match find(connection, fields)? {
        Ok(payment) => payment,
        Err(refusal) => return Ok(Outcome::unchanged(&refusal.reply())),
    };
    let reached = match operation.apply(payment.status, settings.repeat_succeeds) {
        Ok(status) => status,
        Err(refusal) => return Ok(Outcome::unchanged(&refusal.reply())),
    };
    if reached == payment.status {
        return Ok(Outcome::unchanged(&reply(&payment)));
    }
    payment.turn(reached, now);
    payments::update(connection, &payment)?;
    Ok(Outcome::executed(&reply(&payment)))
}

/// By payment id, by trading id, or by both when both belong to one payment.
pub(super) fn find(connection: &mut SqliteConnection, fields: &Fields) -> QueryResult<Result<Payment, Refusal>> {
    let (id, trading_id) = (fields.get("payment_id"), fields.get("trading_id"));
    let found = match (id, trading_id) {
        (Some(id), _) => {
            let named = id
                .parse()
                .ok()
                .map(|id| payments::find(connection, id))
                .transpose()?
                .flatten();
            named
                .into_iter()
                .filter(|payment| trading_id.is_none_or(|given| given == payment.trading_id))
                .collect()
        }
        (None, Some(trading_id)) => payments::of_trading_id(connection, trading_id)?,
        (None, None) => return Ok(Err(Refusal::field("決済IDまたはマーチャント取引IDが必要です"))),
    };
    Ok(only_one(found, "2006", "2005"))
}

/// The one payment, or the code for none and the code for several.
pub(super) fn only_one(found: Vec<Payment>, none: &str, several: &str) -> Result<Payment, Refusal> {
    let mut found = found.into_iter();
    match (found.next(), found.next()) {
        (Some(payment), None) => Ok(payment),
        (None, _) => Err(Refusal::new(none, "")),
        (Some(_), Some(_)) => Err(Refusal::new(several, "")),
    }
}

pub(super) fn reply(payment: &Payment) -> Reply {
    Reply::good()
        .with("payment_id", payment.payment_id.to_string())
        .with("trading_id", payment.trading_id.as_str())
        .with("payment_amount", payment.amount.to_string())
        .with("change_date", clock::wire(payment.changed_at))
}
