//! 025, 026 and 027: cards that a customer leaves with Paygent (カード情報お預かり).

use diesel::prelude::*;

use super::{Outcome, month_first};
use crate::gateway::cards;
use crate::gateway::ledger::stored_cards::{self, StoredCard};
use crate::gateway::ledger::tokens;
use crate::gateway::refusal::Refusal;
use crate::gateway::wire::{Fields, Reply, Table};

/// No card, or none of that number.
const NONE_STORED: &str = "P026";
/// As many cards as a customer may leave. The number is made up, as Paygent's is not public.
const TOO_MANY: &str = "P027";
/// What a customer may leave.
const MOST_CARDS: usize = 10;
/// What 027 tells of a card. The holder's name is not kept.
const COLUMNS: [&str; 7] = [
    "customer_id",
    "customer_card_id",
    "card_number",
    "card_valid_term",
    "cardholder_name",
    "card_brand",
    "fingerprint",
];

/// 025: keeps the token's card. The token is spent by it.
pub(super) fn set(connection: &mut SqliteConnection, fields: &Fields, now: i64) -> QueryResult<Outcome> {
    let token = fields.text("card_token");
    let found = tokens::usable_card(connection, token, now)?;
    let (customer, card) = match customer_id(fields).and_then(|customer| Ok((customer, found?))) {
        Ok(both) => both,
        Err(refusal) => return Ok(Outcome::unchanged(&refusal.reply())),
    };
    if stored_cards::of_customer(connection, customer)?.len() >= MOST_CARDS {
        let refusal = Refusal::new(TOO_MANY, "登録できるカードの上限を超えています");
        return Ok(Outcome::unchanged(&refusal.reply()));
    }
    let stored = stored_cards::insert(connection, customer, &card)?;
    tokens::spend(connection, token, now)?;
    let reply = named(&stored)
        .with("masked_card_number", stored.masked_card)
        .with("card_valid_term", month_first(&stored.expiry))
        .with("fingerprint", stored.fingerprint)
        .with("card_brand", cards::brand_name(&stored.brand));
    Ok(Outcome::executed(&reply))
}

/// 026: forgets a card.
pub(super) fn delete(connection: &mut SqliteConnection, fields: &Fields) -> QueryResult<Outcome> {
    match find(connection, fields.text("customer_id"), fields.text("customer_card_id"))? {
        Ok(card) => {
            stored_cards::delete(connection, card.card_id)?;
            Ok(Outcome::executed(&named(&card)))
        }
        Err(refusal) => Ok(Outcome::unchanged(&refusal.reply())),
    }
}

/// 027: all cards of a customer, or the one that is named.
pub(super) fn list(connection: &mut SqliteConnection, fields: &Fields) -> QueryResult<Outcome> {
    let customer = match customer_id(fields) {
        Ok(customer) => customer,
        Err(refusal) => return Ok(Outcome::unchanged(&refusal.reply())),
    };
    let mut own = stored_cards::of_customer(connection, customer)?;
    if let Some(wanted) = fields.get("customer_card_id") {
        own.retain(|card| card.card_id.to_string() == wanted);
    }
    if own.is_empty() {
        return Ok(Outcome::unchanged(&none_stored().reply()));
    }
    let table = Table {
        names: &COLUMNS,
        rows: own.into_iter().map(|card| row(card).to_vec()).collect(),
    };
    Ok(Outcome::told(table.text()))
}

/// The customer's card of that number.
pub(super) fn find(
    connection: &mut SqliteConnection,
    customer_id: &str,
    card_id: &str,
) -> QueryResult<Result<StoredCard, Refusal>> {
    Ok(stored_cards::find(connection, customer_id, card_id)?.ok_or_else(none_stored))
}

fn none_stored() -> Refusal {
    Refusal::new(NONE_STORED, "カード情報が登録されていません")
}

fn customer_id(fields: &Fields) -> Result<&str, Refusal> {
    let id = fields.text("customer_id");
    let plain = id
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
    if plain && (1..=25).contains(&id.len()) {
        Ok(id)
    } else {
        Err(Refusal::field("顧客IDが正しくありません"))
    }
}

fn named(card: &StoredCard) -> Reply {
    Reply::good()
        .with("customer_id", card.customer_id.as_str())
        .with("customer_card_id", card.card_id.to_string())
}

fn row(card: StoredCard) -> [String; 7] {
    [
        card.customer_id,
        card.card_id.to_string(),
        card.masked_card,
        month_first(&card.expiry),
        String::new(),
        cards::brand_name(&card.brand).to_owned(),
        card.fingerprint,
    ]
}

#[cfg(test)]
mod tests;
