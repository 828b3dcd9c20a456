//! The log of telegrams, so that a test can count them and read their bytes.

use diesel::prelude::*;
use serde::Serialize;

use super::schema::telegrams;

/// One telegram. `at` is Unix milliseconds, `request` its bytes without secrets, `reply` the answer before it went
/// on its way, `delivery` what became of the answer.
#[derive(Debug, Clone, Serialize, Queryable, Selectable)]
#[diesel(table_name = telegrams, check_for_backend(diesel::sqlite::Sqlite))]
pub(crate) struct Telegram {
    pub(crate) seq: i64,
    pub(crate) at: i64,
    pub(crate) path: String,
    pub(crate) kind: String,
    pub(crate) request: String,
    pub(crate) executed: bool,
    pub(crate) reply: String,
    pub(crate) delivery: String,
}

/// A telegram to be logged.
#[derive(Insertable)]
#[diesel(table_name = telegrams)]
pub(crate) struct NewTelegram<'a> {
    pub(crate) at: i64,
    pub(crate) path: &'a str,
    pub(crate) kind: &'a str,
    pub(crate) request: String,
    pub(crate) executed: bool,
    pub(crate) reply: &'a str,
    pub(crate) delivery: String,
}

/// Adds one.
pub(crate) fn insert(connection: &mut SqliteConnection, telegram: &NewTelegram<'_>) -> QueryResult<()> {
    diesel::insert_into(telegrams::table)
        .values(telegram)
        .execute(connection)?;
    Ok(())
}

/// Those after a sequence number, oldest first.
pub(crate) fn after(connection: &mut SqliteConnection, seq: i64) -> QueryResult<Vec<Telegram>> {
    let later = telegrams::table
        .filter(telegrams::seq.gt(seq))
        .order(telegrams::seq.asc());
    later.select(Telegram::as_select()).load(connection)
}
