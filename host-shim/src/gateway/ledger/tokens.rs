//! Tokens: a card, or a security code alone, in disguise, to be used once. Number and code are forgotten when the token is made.

use diesel::prelude::*;

use super::schema::tokens;
use crate::gateway::refusal::Refusal;

/// One token. Times are Unix milliseconds, `expiry` is the card's `YYMM`; of a security code alone nothing is kept but
/// that it was typed.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = tokens, check_for_backend(diesel::sqlite::Sqlite))]
pub(crate) struct Token {
    pub(crate) token: String,
    pub(crate) brand: String,
    pub(crate) masked_card: String,
    pub(crate) expiry: String,
    pub(crate) fingerprint: String,
    pub(crate) card_key: String,
    pub(crate) has_cvc: bool,
    pub(crate) valid_until: i64,
    pub(crate) used_at: Option<i64>,
}

impl Token {
    /// It stands for a card, not for a security code alone.
    fn is_card(&self) -> bool {
        !self.masked_card.is_empty()
    }
}

/// Keeps a new token.
pub(crate) fn insert(connection: &mut SqliteConnection, token: &Token) -> QueryResult<()> {
    diesel::insert_into(tokens::table).values(token).execute(connection)?;
    Ok(())
}

/// The token's card, if it can still be used: 2020 expired, 2021 unknown, or no card, 2022 used.
pub(crate) fn usable_card(
    connection: &mut SqliteConnection,
    token: &str,
    now: i64,
) -> QueryResult<Result<Token, Refusal>> {
    usable(connection, token, now, Token::is_card)
}

/// The same for a security code alone.
pub(crate) fn usable_code(
    connection: &mut SqliteConnection,
    token: &str,
    now: i64,
) -> QueryResult<Result<Token, Refusal>> {
    usable(connection, token, now, |token| !token.is_card())
}

fn usable(
    connection: &mut SqliteConnection,
    token: &str,
    now: i64,
    fits: impl FnOnce(&Token) -> bool,
) -> QueryResult<Result<Token, Refusal>> {
    let found = tokens::table
        .find(token)
        .select(Token::as_select())
        .first(connection)
        .optional()?;
    Ok(match found {
        None => Err(Refusal::new("2021", "")),
        Some(token) if !fits(&token) => Err(Refusal::new("2021", "")),
        Some(token) if token.used_at.is_some() => Err(Refusal::new("2022", "")),
        Some(token) if token.valid_until <= now => Err(Refusal::new("2020", "")),
        Some(token) => Ok(token),
    })
}

/// It works no second time.
pub(crate) fn spend(connection: &mut SqliteConnection, token: &str, now: i64) -> QueryResult<()> {
    diesel::update(tokens::table.find(token))
        .set(tokens::used_at.eq(now))
        .execute(connection)?;
    Ok(())
}
