//! One telegram, from its fields to its answer: who is it, what does it want, what is it told, all in one transaction.
//!
//! `authorise` 020 · `operate` 021, 022, 023 · `stock` 025, 026, 027 · `correct` 028, 029 · `three_ds` 450 · `inquire` 094 · `notices` 091; `card` whose card a telegram means,
//! `charge` an amount held on it.

mod authorise;
mod card;
mod charge;
mod correct;
mod inquire;
pub(super) mod notices;
mod operate;
mod stock;
mod three_ds;

pub(super) use authorise::{SPLITS, amount, trading_id};
pub(super) use card::Source;
pub(super) use charge::{Charge, Order, charge};
use diesel::prelude::*;
pub(super) use three_ds::{Asked, begin};

use super::Paygent;
use super::cards::Script;
use super::clock;
use super::fault::{Delivery, Fault};
use super::hash;
use super::ledger::payments::{self, Payment};
use super::ledger::telegrams::{self, NewTelegram};
use super::refusal::Refusal;
use super::status::Operation;
use super::wire::{Fields, Reply, masked};

/// How the shop proves that it is the shop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// `/n/`: by its client certificate, which the connection has shown.
    Certificate,
    /// `/s/`: by `request_date` and `hc`.
    Hash,
}

/// A telegram as it came.
pub(crate) struct Call<'a> {
    pub(crate) access: Access,
    /// The whole path, for the log.
    pub(crate) path: &'a str,
    /// The path behind `/n` or `/s`.
    pub(crate) place: &'a str,
    pub(crate) raw: &'a [u8],
}

/// What goes back, and how.
pub(crate) struct Answer {
    pub(crate) kind: String,
    pub(crate) text: String,
    pub(crate) delivery: Delivery,
    /// Payments or stored cards were changed.
    pub(crate) executed: bool,
}

/// What carrying a telegram out came to.
struct Outcome {
    text: String,
    script: Script,
    executed: bool,
}

impl Outcome {
    fn unchanged(reply: &Reply) -> Self {
        Self::told(reply.text())
    }

    fn executed(reply: &Reply) -> Self {
        Self {
            executed: true,
            ..Self::unchanged(reply)
        }
    }

    fn told(text: String) -> Self {
        Self {
            text,
            script: Script::Approve,
            executed: false,
        }
    }
}

/// Carries the telegram out, unless a scripted fault stands before it, and logs it.
pub(crate) fn handle(paygent: &Paygent, call: &Call<'_>, now: i64) -> QueryResult<Answer> {
    // 450 alone is written in UTF-8.
    let fields = match call.place {
        "/threeds/request" => Fields::parse_utf8(call.raw),
        _ => Fields::parse(call.raw),
    };
    let fault = paygent.faults.take(fields.text("telegram_kind"));
    paygent.ledger.transact(|connection| {
        payments::age(connection, now)?;
        let executes = fault.as_ref().is_none_or(Fault::executes);
        let outcome = if executes {
            Some(carry_out(paygent, connection, call, &fields, now)?)
        } else {
            None
        };
        let answer = answer(&fields, fault.as_ref(), outcome);
        let telegram = NewTelegram {
            at: now,
            path: call.path,
            kind: &answer.kind,
            request: masked(call.raw),
            executed: answer.executed,
            reply: &answer.text,
            delivery: format!("{:?}", answer.delivery),
        };
        telegrams::insert(connection, &telegram)?;
        Ok(answer)
    })
}

/// A fault has the last word on what is told and on how it travels.
fn answer(fields: &Fields, fault: Option<&Fault>, outcome: Option<Outcome>) -> Answer {
    let told = outcome.as_ref().map(|outcome| outcome.text.clone());
    let text = spoken(fault, told);
    let script = outcome.as_ref().map_or(Script::Approve, |outcome| outcome.script);
    Answer {
        kind: fields.text("telegram_kind").to_owned(),
        text,
        delivery: fault.map_or(Delivery::of(script), Fault::delivery),
        executed: outcome.is_some_and(|outcome| outcome.executed),
    }
}

/// The text that a fault puts in place of what was told.
pub(super) fn spoken(fault: Option<&Fault>, told: Option<String>) -> String {
    match fault {
        Some(Fault::Reply(text)) => text.clone(),
        Some(Fault::Code([code, detail]) | Fault::CodeAfter([code, detail])) => Reply::error(code, detail).text(),
        _ => told.unwrap_or_default(),
    }
}

fn carry_out(
    paygent: &Paygent,
    connection: &mut SqliteConnection,
    call: &Call<'_>,
    fields: &Fields,
    now: i64,
) -> QueryResult<Outcome> {
    if let Err(refusal) = admit(paygent, call, fields) {
        return Ok(Outcome::unchanged(&refusal.reply()));
    }
    let settings = paygent.settings();
    match (fields.text("telegram_kind"), call.place) {
        ("020", "/card/request") => authorise::authorise(connection, fields, &settings, now),
        ("021", "/card/request") => operate::operate(connection, fields, Operation::Void, &settings, now),
        ("022", "/card/request") => operate::operate(connection, fields, Operation::Capture, &settings, now),
        ("023", "/card/request") => operate::operate(connection, fields, Operation::CancelSale, &settings, now),
        ("025", "/card/request") => stock::set(connection, fields, now),
        ("026", "/card/request") => stock::delete(connection, fields),
        ("027", "/card/request") => stock::list(connection, fields),
        ("028", "/card/request") => {
            correct::correct(connection, fields, Operation::CorrectAuthorisation, &settings, now)
        }
        ("029", "/card/request") => correct::correct(connection, fields, Operation::CorrectSale, &settings, now),
        ("450", "/threeds/request") => three_ds::ask(paygent, connection, fields, now),
        ("091", "/ref/paynotice") => notices::next(connection, fields, now),
        ("094", "/ref/paymentref") => inquire::inquire(connection, fields),
        _ => Ok(Outcome::unchanged(
            &Refusal::new("P004", "電文種別IDが正しくありません").reply(),
        )),
    }
}

/// The caller is the merchant, and speaks the version that is spoken here.
fn admit(paygent: &Paygent, call: &Call<'_>, fields: &Fields) -> Result<(), Refusal> {
    let merchant = &paygent.merchant;
    let known = fields.text("merchant_id") == merchant.merchant_id
        && fields.text("connect_id") == merchant.connect_id
        && fields.text("connect_password") == merchant.connect_password;
    if !known {
        return Err(Refusal::new("P001", "接続IDまたは接続パスワードが正しくありません"));
    }
    if call.access == Access::Hash && !hash::is_signed(fields, &merchant.hash_key) {
        return Err(Refusal::new("P002", "ハッシュ値が正しくありません"));
    }
    if fields.text("telegram_version") != "1.0" {
        return Err(Refusal::field("電文バージョン番号が正しくありません"));
    }
    Ok(())
}

/// The card's lines, which 020 and 094 share.
fn with_card(reply: Reply, payment: &Payment) -> Reply {
    let issuer = match payment.brand.as_str() {
        "visa" => "ﾋﾞｻﾞｼﾞﾔﾊﾟﾝ",
        "mastercard" => "ﾏｽﾀ-ｼﾞﾔﾊﾟﾝ",
        "jcb" => "ｼﾞｴ-ｼ-ﾋﾞ-",
        "amex" => "ｱﾒﾂｸｽｼﾞﾔﾊﾟﾝ",
        "diners" => "ﾀﾞｲﾅ-ｽｼﾞﾔﾊﾟﾝ",
        _ => "ｿﾉﾀ",
    };
    reply
        .with("issur_class", "1")
        .with("acq_id", "90001")
        .with("acq_name", "シミュレータカード")
        .with("issur_name", issuer)
        .with("fc_auth_umu", "")
        .with("daiko_code", "")
        .with("card_shu_code", "")
        .with("k_card_name", super::cards::brand_name(&payment.brand))
        .with("issur_id", "")
        .with("attempt_kbn", "")
        .with("fingerprint", payment.fingerprint.as_str())
        .with("masked_card_number", payment.masked_card.as_str())
        .with("card_valid_term", month_first(&payment.expiry))
}

/// `YYMM` as the wire has it: `MMYY`.
fn month_first(expiry: &str) -> String {
    expiry
        .split_at_checked(2)
        .map(|(year, month)| format!("{month}{year}"))
        .unwrap_or_default()
}

/// `YYYYMMDDhhmmss`, or empty.
fn dated(at: Option<i64>) -> String {
    at.map(clock::wire).unwrap_or_default()
}

#[cfg(test)]
mod trial;
