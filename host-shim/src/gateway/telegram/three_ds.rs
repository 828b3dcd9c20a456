//! 450: asks for the authentication of a card's holder. The answer is a page that the shopper's browser is to be shown.

use diesel::prelude::*;

use super::Outcome;
use super::card::Source;
use crate::gateway::Paygent;
use crate::gateway::cards::{self, Script, ThreeDs};
use crate::gateway::ledger::authentications::{self, Authentication};
use crate::gateway::refusal::Refusal;
use crate::gateway::wire::{Fields, Reply};

pub(super) fn ask(
    paygent: &Paygent,
    connection: &mut SqliteConnection,
    fields: &Fields,
    now: i64,
) -> QueryResult<Outcome> {
    let field = |detail| Ok(Outcome::unchanged(&Refusal::field(detail).reply()));
    let term_url = fields.text("term_url");
    if !term_url.starts_with("http") {
        return field("戻りURLが正しくありません");
    }
    if fields.get("authentication_type") != Some("01") {
        return field("認証の指定が正しくありません");
    }
    if fields.text("merchant_name").is_empty() || !fields.text("merchant_name").is_ascii() {
        return field("加盟店名が正しくありません");
    }
    let Some(amount) = fields
        .get("payment_amount")
        .and_then(|amount| amount.parse::<i64>().ok())
    else {
        return field("決済金額が正しくありません");
    };
    let source = match Source::of_authentication(fields) {
        Ok(source) => source,
        Err(refusal) => return Ok(Outcome::unchanged(&refusal.reply())),
    };
    let asked = Asked {
        trading_id: fields.text("trading_id"),
        amount,
        term_url,
    };
    let row = match begin(connection, &asked, &source, now)? {
        Ok(row) => row,
        Err(refusal) => return Ok(Outcome::unchanged(&refusal.reply())),
    };
    let page = page(&paygent.online_url(), &row.auth_id);
    let reply = Reply::good()
        .with("3ds_auth_id", row.auth_id)
        .with("card_brand", cards::brand_name(&row.brand))
        .with("out_acs_html", page);
    Ok(Outcome::unchanged(&reply))
}

/// What an authentication is for, and where the browser comes back to.
pub(crate) struct Asked<'a> {
    pub(crate) trading_id: &'a str,
    pub(crate) amount: i64,
    pub(crate) term_url: &'a str,
}

/// Begins the authentication of a card's holder. Brands without it answer 31012, denied cards 31007.
pub(crate) fn begin(
    connection: &mut SqliteConnection,
    asked: &Asked<'_>,
    source: &Source<'_>,
    now: i64,
) -> QueryResult<Result<Authentication, Refusal>> {
    let card = match source.find(connection, now)? {
        Ok(card) => card,
        Err(refusal) => return Ok(Err(refusal)),
    };
    match cards::script(&card.key) {
        Script::ThreeDs(ThreeDs::NotOffered) => return Ok(Err(Refusal::new("31012", ""))),
        Script::ThreeDs(ThreeDs::Denied) => return Ok(Err(Refusal::new("31007", ""))),
        _ => {}
    }
    let row = Authentication {
        auth_id: auth_id(),
        trading_id: asked.trading_id.to_owned(),
        amount: asked.amount,
        brand: card.brand,
        masked_card: card.masked,
        fingerprint: card.fingerprint,
        card_key: card.key,
        term_url: asked.term_url.to_owned(),
        result: String::new(),
        attempt_kbn: String::new(),
        tries: 0,
        used_at: None,
    };
    authentications::insert(connection, &row)?;
    Ok(Ok(row))
}

/// Sends the browser on to the card company's page.
fn page(online_url: &str, auth_id: &str) -> String {
    format!(
        "<!DOCTYPE html>\r\n<html lang=\"ja\">\r\n<head><title>3D Secure</title></head>\r\n<body onload=\"document.forms[0].submit()\">\r\n\
         <form method=\"post\" action=\"{online_url}acs/{auth_id}\">\r\n<noscript><button>次へ / Next</button></noscript>\r\n\
         </form>\r\n</body>\r\n</html>\r\n"
    )
}

/// 36 characters, hard to guess.
fn auth_id() -> String {
    let mut bytes = [0_u8; 16];
    // Without random numbers there is no simulator either: ids that repeat are refused by the ledger.
    let _ = getrandom::fill(&mut bytes);
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    format!(
        "{}-{}-{}-{}-{}",
        part(0, 8),
        part(8, 12),
        part(12, 16),
        part(16, 20),
        part(20, 32)
    )
}
