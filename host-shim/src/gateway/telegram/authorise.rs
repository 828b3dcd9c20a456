//! 020: holds an amount on a card. Good or refused, it leaves a record, as the guide says (オーソリOK・NGどちらの情報も残ります).

use diesel::prelude::*;

use super::{Outcome, Refusal, with_card};
use crate::gateway::cards::{self, Script};
use crate::gateway::ledger::payments::{self, Payment};
use crate::gateway::ledger::{authentications, notices, tokens};
use crate::gateway::settings::Settings;
use crate::gateway::status::{AUTHORISED, CAPTURED, REFUSED};
use crate::gateway::wire::{Fields, Reply};

/// Numbers of instalments that class 61 takes.
const SPLITS: [&str; 9] = ["3", "5", "6", "10", "12", "15", "18", "20", "24"];
/// The most that one payment can be.
const MOST_YEN: i64 = 999_999_999;

/// What a 020 asks for.
struct Wanted<'a> {
    trading_id: &'a str,
    amount: i64,
    class: &'a str,
    split: &'a str,
    source: Source<'a>,
    /// `sales_mode=1`: taken at once.
    captures: bool,
    /// The authentication by 3-D Secure, one that is good for this 020 alone.
    auth_id: Option<&'a str>,
}

/// Whose card.
enum Source<'a> {
    /// The one behind a token, with or without its security code.
    Token { token: &'a str, with_cvc: bool },
    /// The one of an earlier payment, by that payment's trading id.
    Reference(&'a str),
}

/// The card, as far as anything here still knows it.
struct Card {
    brand: String,
    masked: String,
    expiry: String,
    fingerprint: String,
    key: String,
    lacks_cvc: bool,
    by_reference: bool,
}

pub(super) fn authorise(
    connection: &mut SqliteConnection,
    fields: &Fields,
    settings: &Settings,
    now: i64,
) -> QueryResult<Outcome> {
    let wanted = match read(fields) {
        Ok(wanted) => wanted,
        Err(refusal) => return Ok(Outcome::unchanged(refusal.reply())),
    };
    let card = match find_card(connection, &wanted.source, now)? {
        Ok(card) => card,
        Err(refusal) => return Ok(Outcome::unchanged(refusal.reply())),
    };
    if let Some(id) = wanted.auth_id
        && let Err(refusal) = spend_authentication(connection, id, (&wanted, &card), now)?
    {
        return Ok(Outcome::unchanged(refusal.reply()));
    }
    let script = cards::script(&card.key);
    if matches!(script, Script::RequestLost | Script::Http500) {
        return Ok(Outcome {
            reply: Reply::good(),
            script,
            executed: false,
        });
    }
    if let Source::Token { token, .. } = wanted.source {
        tokens::spend(connection, token, now)?;
    }
    let verdict = judge(&card, script, settings);
    let id = payments::next_id(connection)?;
    let payment = record(id, &wanted, card, verdict.as_ref().err(), now);
    payments::insert(connection, &payment)?;
    notices::tell(connection, &payment)?;
    Ok(Outcome {
        reply: reply(&payment, script, verdict.err().as_ref(), settings),
        script,
        executed: true,
    })
}

/// The authentication has to be good, of this card and amount, and unused: 31009 not good, 31010 used.
fn spend_authentication(
    connection: &mut SqliteConnection,
    id: &str,
    (wanted, card): (&Wanted<'_>, &Card),
    now: i64,
) -> QueryResult<Result<(), Refusal>> {
    let Some(mut found) = authentications::find(connection, id)? else {
        return Ok(Err(Refusal::new("31009", "")));
    };
    if found.used_at.is_some() {
        return Ok(Err(Refusal::new("31010", "")));
    }
    let fits = found.result == "0" && found.amount == wanted.amount && found.fingerprint == card.fingerprint;
    if !fits {
        return Ok(Err(Refusal::new("31009", "")));
    }
    found.used_at = Some(now);
    authentications::update(connection, &found)?;
    Ok(Ok(()))
}

fn read(fields: &Fields) -> Result<Wanted<'_>, Refusal> {
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
    Ok(Wanted {
        trading_id: trading_id(fields.text("trading_id"))?,
        amount: amount(fields.text("payment_amount"))?,
        class,
        split,
        source: source(fields)?,
        captures: fields.get("sales_mode") == Some("1"),
        auth_id,
    })
}

fn trading_id(id: &str) -> Result<&str, Refusal> {
    let fits = id.len() <= 25 && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if fits {
        Ok(id)
    } else {
        Err(Refusal::field("マーチャント取引IDが正しくありません"))
    }
}

/// Whole yen, digits only, at least one.
fn amount(digits: &str) -> Result<i64, Refusal> {
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0');
    let yen = digits.parse().ok().filter(|yen| plain && *yen <= MOST_YEN);
    yen.ok_or_else(|| Refusal::new("2003", "決済金額が正しくありません"))
}

fn source(fields: &Fields) -> Result<Source<'_>, Refusal> {
    if fields.get("stock_card_mode") == Some("1") {
        return Err(Refusal::new("P026", "カード情報が登録されていません"));
    }
    match (fields.get("card_token"), fields.get("ref_trading_id")) {
        (Some(token), None) => Ok(Source::Token {
            token,
            with_cvc: fields.get("security_code_use") == Some("1"),
        }),
        (None, Some(earlier)) => Ok(Source::Reference(earlier)),
        _ => Err(Refusal::new("2003", "カード情報の指定が正しくありません")),
    }
}

fn find_card(connection: &mut SqliteConnection, source: &Source<'_>, now: i64) -> QueryResult<Result<Card, Refusal>> {
    match source {
        Source::Token { token, with_cvc } => Ok(tokens::usable(connection, token, now)?.map(|token| Card {
            brand: token.brand,
            masked: token.masked_card,
            expiry: token.expiry,
            fingerprint: token.fingerprint,
            key: token.card_key,
            lacks_cvc: *with_cvc && !token.has_cvc,
            by_reference: false,
        })),
        Source::Reference(earlier) => {
            let good = payments::of_trading_id(connection, earlier)?
                .into_iter()
                .rev()
                .find(|p| p.status != REFUSED);
            Ok(good.ok_or_else(|| Refusal::new("2009", "")).map(|payment| Card {
                brand: payment.brand,
                masked: payment.masked_card,
                expiry: payment.expiry,
                fingerprint: payment.fingerprint,
                key: payment.card_key,
                lacks_cvc: false,
                by_reference: true,
            }))
        }
    }
}

/// The acquirer's and the issuer's word. A brand outside the contract is a card that cannot be used (R3).
fn judge(card: &Card, script: Script, settings: &Settings) -> Result<(), Refusal> {
    if !settings.brands.contains(&card.brand) {
        return Err(Refusal::new("2001", "1G12"));
    }
    if card.lacks_cvc {
        return Err(Refusal::new("2001", "1G45"));
    }
    match script {
        Script::Refuse(detail) => Err(Refusal::new("2001", detail)),
        Script::RefusedByReference(detail) if card.by_reference => Err(Refusal::new("2001", detail)),
        Script::TimeoutRefused => Err(Refusal::new("2008", "")),
        _ => Ok(()),
    }
}

fn record(id: i64, wanted: &Wanted<'_>, card: Card, refusal: Option<&Refusal>, now: i64) -> Payment {
    let mut payment = Payment {
        payment_id: id,
        trading_id: wanted.trading_id.to_owned(),
        amount: wanted.amount,
        status: if refusal.is_some() { REFUSED } else { AUTHORISED },
        brand: card.brand,
        masked_card: card.masked,
        expiry: card.expiry,
        fingerprint: card.fingerprint,
        card_key: card.key,
        payment_class: wanted.class.to_owned(),
        split_count: wanted.split.to_owned(),
        code: refusal.map(|refusal| refusal.code.clone()).unwrap_or_default(),
        detail: refusal
            .map(|refusal| refusal.detail.replace('"', ""))
            .unwrap_or_default(),
        applied_at: now,
        changed_at: now,
        captured_at: None,
        cancelled_at: None,
    };
    if wanted.captures && refusal.is_none() {
        payment.turn(CAPTURED, now);
    }
    payment
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
