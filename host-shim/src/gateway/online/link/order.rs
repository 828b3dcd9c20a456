//! An order of the link type as the shop posts it.

use super::token;
use crate::gateway::ledger::links::Link;
use crate::gateway::refusal::Refusal;
use crate::gateway::telegram::{amount, trading_id};
use crate::gateway::wire::Fields;
use crate::gateway::{Paygent, clock, hash};

/// The most that one order can be.
const MOST_YEN: i64 = 9_999_999;
/// Days, and minutes, that a shop may give its shopper.
const DAYS: std::ops::RangeInclusive<i64> = 0..=60;
const MINUTES: std::ops::RangeInclusive<i64> = 5..=2_880;
/// Days that the shopper has when the shop names none.
const USUAL_DAYS: i64 = 5;

/// The order was paid. Paygent's own number is not public.
pub(super) fn paid() -> Refusal {
    Refusal::new("P033", "お支払い済みの取引です")
}

pub(super) fn read(paygent: &Paygent, fields: &Fields, now: i64) -> Result<Link, Refusal> {
    if fields.text("seq_merchant_id") != paygent.merchant.seq_merchant_id {
        return Err(Refusal::new("P001", "マーチャントIDが正しくありません"));
    }
    if !hash::is_signed_link(fields, &paygent.merchant.link_key) {
        return Err(Refusal::new("P002", "ハッシュ値が正しくありません"));
    }
    if fields.text("payment_type") != "02" {
        return Err(Refusal::field("決済種別が正しくありません"));
    }
    let trading_id = trading_id(fields.text("trading_id"))?;
    if trading_id.is_empty() {
        return Err(Refusal::field("マーチャント取引IDが正しくありません"));
    }
    let amount = amount(fields.text("id"))?;
    if amount > MOST_YEN {
        return Err(Refusal::new("2003", "請求金額が正しくありません"));
    }
    Ok(Link {
        link_id: token::random("").map_err(|_| Refusal::new("E001", ""))?,
        trading_id: trading_id.to_owned(),
        amount,
        payment_class: one_of(fields, "payment_class", &["0", "1", "2"])?.to_owned(),
        needs_cvc: one_of(fields, "use_card_conf_number", &["0", "1"])? == "1",
        captures: one_of(fields, "sales_flg", &["0", "1"])? == "1",
        merchant_name: fields.text("merchant_name").to_owned(),
        payment_detail: fields.text("payment_detail").to_owned(),
        return_url: address(fields, "return_url")?.to_owned(),
        stop_return_url: address(fields, "stop_return_url")?.to_owned(),
        limit_at: limit(fields, now)?,
        authenticates: one_of(fields, "threedsecure_ryaku", &["0", "1"])? != "1",
        waiting: String::new(),
        payment_id: None,
    })
}

/// One of the values, or nothing.
fn one_of<'a>(fields: &'a Fields, name: &str, values: &[&str]) -> Result<&'a str, Refusal> {
    match fields.text(name) {
        given if given.is_empty() || values.contains(&given) => Ok(given),
        _ => Err(Refusal::field(&format!("{name}が正しくありません"))),
    }
}

/// An address for the browser, or none.
fn address<'a>(fields: &'a Fields, name: &str) -> Result<&'a str, Refusal> {
    let url = fields.text(name);
    if url.is_empty() || url.starts_with("https://") || url.starts_with("http://") {
        Ok(url)
    } else {
        Err(Refusal::field(&format!("{name}が正しくありません")))
    }
}

/// The end of the last day, or the last minute, that the shopper has.
fn limit(fields: &Fields, now: i64) -> Result<i64, Refusal> {
    let wrong = || Refusal::field("支払期間が正しくありません");
    let number = |digits: &str| digits.parse::<i64>().map_err(|_| wrong());
    match (fields.get("payment_term_day"), fields.get("payment_term_min")) {
        (Some(_), Some(_)) => Err(wrong()),
        (None, Some(minutes)) => {
            let minutes = number(minutes)?;
            MINUTES
                .contains(&minutes)
                .then_some(now + minutes * 60_000)
                .ok_or_else(wrong)
        }
        (days, None) => {
            let days = days.map_or(Ok(USUAL_DAYS), number)?;
            DAYS.contains(&days)
                .then(|| clock::days_before(now, -days - 1) - 1_000)
                .ok_or_else(wrong)
        }
    }
}
