//! 020: holds an amount on a card.

use diesel::prelude::*;

use super::card::Source;
use super::charge::{Charge, Order, charge};
use super::{Outcome, with_card};
use crate::gateway::cards::Script;
use crate::gateway::ledger::payments::Payment;
use crate::gateway::refusal::Refusal;
use crate::gateway::settings::Settings;
use crate::gateway::wire::{Fields, Reply};

/// Numbers of instalments that class 61 takes.
pub(crate) const SPLITS: [&str; 9] = ["3", "5", "6", "10", "12", "15", "18", "20", "24"];
/// The most that one payment can be.
const MOST_YEN: i64 = 999_999_999;

pub(super) fn authorise(
    connection: &mut SqliteConnection,
    fields: &Fields,
    settings: &Settings,
    now: i64,
) -> QueryResult<Outcome> {
    let read = order(fields).and_then(|order| Ok((order, Source::of_payment(fields)?)));
    let (order, source) = match read {
        Ok(both) => both,
        Err(refusal) => return Ok(Outcome::unchanged(&refusal.reply())),
    };
    Ok(match charge(connection, &order, &source, settings, now)? {
        Charge::Unfit(refusal) => Outcome::unchanged(&refusal.reply()),
        Charge::Lost(script) => Outcome {
            script,
            ..Outcome::unchanged(&Reply::good())
        },
        Charge::Recorded {
            payment,
            refusal,
            script,
        } => Outcome {
            script,
            ..Outcome::executed(&reply(&payment, script, refusal.as_ref(), settings))
        },
    })
}

fn order(fields: &Fields) -> Result<Order<'_>, Refusal> {
    let auth_id = match (
        fields.get("3dsecure_ryaku"),
        fields.get("3dsecure_use_type"),
        fields.get("3ds_auth_id"),
    ) {
        (Some("1"), None, None) => None,
        (None, Some("2"), Some(id)) => Some(id),
        _ => return Err(Refusal::new("2003", "3Dセキュアの指定が正しくありません")),
    };
    let (class, split) = (fields.text("payment_class"), fields.text("split_count"));
    let payable = match class {
        "10" | "23" | "80" => split.is_empty(),
        "61" => SPLITS.contains(&split),
        _ => false,
    };
    if !payable {
        return Err(Refusal::new("2003", "支払区分または分割回数が正しくありません"));
    }
    Ok(Order {
        trading_id: trading_id(fields.text("trading_id"))?,
        amount: amount(fields.text("payment_amount"))?,
        class,
        split,
        captures: fields.get("sales_mode") == Some("1"),
        auth_id,
    })
}

/// Letters, digits and `_`, 25 at most.
pub(crate) fn trading_id(id: &str) -> Result<&str, Refusal> {
    let fits = id.len() <= 25 && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if fits {
        Ok(id)
    } else {
        Err(Refusal::field("マーチャント取引IDが正しくありません"))
    }
}

/// Whole yen, digits only, at least one.
pub(crate) fn amount(digits: &str) -> Result<i64, Refusal> {
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0');
    let yen = digits.parse().ok().filter(|yen| plain && *yen <= MOST_YEN);
    yen.ok_or_else(|| Refusal::new("2003", "決済金額が正しくありません"))
}

/// A time-out at the acquirer tells no payment id: only an inquiry finds out how it ended.
fn reply(payment: &Payment, script: Script, refusal: Option<&Refusal>, settings: &Settings) -> Reply {
    let id = payment.payment_id.to_string();
    match refusal {
        _ if matches!(script, Script::TimeoutApproved | Script::TimeoutRefused) => Reply::error("2008", ""),
        Some(refusal) if settings.refusals_carry_payment_id => refusal
            .reply()
            .with("payment_id", id)
            .with("trading_id", payment.trading_id.as_str()),
        Some(refusal) => refusal.reply(),
        None => {
            let named = Reply::good()
                .with("payment_id", id)
                .with("trading_id", payment.trading_id.as_str());
            with_card(named, payment).with("out_acs_html", "")
        }
    }
}

#[cfg(test)]
mod tests;
