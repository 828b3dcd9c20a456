//! 091: the next notice that was not fetched, or the one of a number. The same fields are pushed.

use diesel::prelude::*;

use super::{Outcome, dated};
use crate::gateway::clock;
use crate::gateway::hash::sha256;
use crate::gateway::ledger::notices::{self, Notice};
use crate::gateway::ledger::payments::{self, Payment};
use crate::gateway::wire::{Fields, Reply};

/// A card's payment.
const CARD: &str = "02";

pub(super) fn next(connection: &mut SqliteConnection, fields: &Fields, now: i64) -> QueryResult<Outcome> {
    let found = match fields.get("payment_notice_id") {
        Some(id) => id
            .parse()
            .ok()
            .map(|id| notices::find(connection, id))
            .transpose()?
            .flatten(),
        None => notices::oldest_unfetched(connection)?,
    };
    let Some(notice) = found else {
        return Ok(Outcome::unchanged(&Reply::good().with("success_code", "1")));
    };
    notices::fetched(connection, notice.notice_id, now)?;
    let told = told(connection, &notice)?;
    let reply = told
        .into_iter()
        .fold(Reply::good().with("success_code", "0"), |reply, (field, value)| {
            reply.with(field, value)
        });
    Ok(Outcome::unchanged(&reply))
}

/// A notice's fields, in the order in which they are sent.
pub(crate) fn told(connection: &mut SqliteConnection, notice: &Notice) -> QueryResult<Vec<(&'static str, String)>> {
    let payment = payments::find(connection, notice.payment_id)?;
    Ok(fields(notice, payment.as_ref()))
}

/// A test may have the shop told of a payment that is none: then the number and the status are all there is.
fn fields(notice: &Notice, payment: Option<&Payment>) -> Vec<(&'static str, String)> {
    let amount = notice.amount.or(payment.map(|payment| payment.amount));
    vec![
        ("payment_notice_id", notice.notice_id.to_string()),
        ("change_date", clock::wire(notice.at)),
        ("payment_id", notice.payment_id.to_string()),
        (
            "trading_id",
            payment.map(|payment| payment.trading_id.clone()).unwrap_or_default(),
        ),
        ("payment_type", CARD.to_owned()),
        ("payment_status", notice.status.to_string()),
        ("payment_amount", amount.unwrap_or_default().to_string()),
        ("payment_init_date", dated(payment.map(|payment| payment.applied_at))),
        ("payment_date", dated(payment.and_then(|payment| payment.captured_at))),
        ("cancel_date", dated(payment.and_then(|payment| payment.cancelled_at))),
    ]
}

/// `hc` of a pushed notice. It covers neither status nor dates.
pub(crate) fn hc(fields: &[(&'static str, String)], key: &str) -> String {
    let value = |name: &str| {
        fields
            .iter()
            .find(|(field, _)| *field == name)
            .map_or("", |(_, value)| value.as_str())
    };
    sha256(&[
        value("payment_notice_id"),
        value("payment_id"),
        value("trading_id"),
        value("payment_type"),
        value("payment_amount"),
        key,
    ])
}
