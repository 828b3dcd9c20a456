//! Cards that a customer left with Paygent, to pay with later (カード情報お預かり). Without number and security code, as tokens.

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::BigInt;

use super::schema::stored_cards;
use super::tokens::Token;

/// One card of one customer. `expiry` is `YYMM`.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = stored_cards, check_for_backend(diesel::sqlite::Sqlite))]
pub(crate) struct StoredCard {
    pub(crate) card_id: i64,
    pub(crate) customer_id: String,
    pub(crate) brand: String,
    pub(crate) masked_card: String,
    pub(crate) expiry: String,
    pub(crate) fingerprint: String,
    pub(crate) card_key: String,
}

/// Keeps a token's card.
pub(crate) fn insert(connection: &mut SqliteConnection, customer_id: &str, token: &Token) -> QueryResult<StoredCard> {
    diesel::insert_into(stored_cards::table)
        .values((
            stored_cards::customer_id.eq(customer_id),
            stored_cards::brand.eq(&token.brand),
            stored_cards::masked_card.eq(&token.masked_card),
            stored_cards::expiry.eq(&token.expiry),
            stored_cards::fingerprint.eq(&token.fingerprint),
            stored_cards::card_key.eq(&token.card_key),
        ))
        .execute(connection)?;
    let kept = stored_cards::table.filter(stored_cards::card_id.eq(sql::<BigInt>("last_insert_rowid()")));
    kept.select(StoredCard::as_select()).first(connection)
}

/// The customer's cards, oldest first.
pub(crate) fn of_customer(connection: &mut SqliteConnection, customer_id: &str) -> QueryResult<Vec<StoredCard>> {
    let own = stored_cards::table.filter(stored_cards::customer_id.eq(customer_id));
    own.order(stored_cards::card_id.asc())
        .select(StoredCard::as_select())
        .load(connection)
}

/// The customer's card of that number, as the telegram writes it.
pub(crate) fn find(
    connection: &mut SqliteConnection,
    customer_id: &str,
    card_id: &str,
) -> QueryResult<Option<StoredCard>> {
    let own = of_customer(connection, customer_id)?;
    Ok(own.into_iter().find(|card| card.card_id.to_string() == card_id))
}

/// Forgets a card.
pub(crate) fn delete(connection: &mut SqliteConnection, card_id: i64) -> QueryResult<()> {
    diesel::delete(stored_cards::table.find(card_id)).execute(connection)?;
    Ok(())
}
