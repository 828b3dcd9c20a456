//! Tries at a card, one row per key that they are counted by: what the card-testing guard remembers.

use chrono::NaiveDateTime;
use diesel::prelude::*;

use super::schema::tries;
use super::{Connection, StoreResult};

/// Its outcome is not known: it counts, so that many at once do not slip under a limit.
pub(crate) const OPEN: &str = "open";
/// It paid, and counts for nothing but the shop's share of failures.
pub(crate) const GOOD: &str = "good";
/// It did not pay.
pub(crate) const FAILED: &str = "failed";

/// One try under one key.
#[derive(Insertable)]
#[diesel(table_name = tries)]
pub(crate) struct Try<'a> {
    pub(crate) attempt_id: &'a str,
    pub(crate) kind: &'a str,
    pub(crate) hash: &'a str,
    pub(crate) at: NaiveDateTime,
    pub(crate) state: &'a str,
}

/// Writes one down; one that stands there already stays as it is.
pub(crate) fn insert(connection: &mut Connection, one: &Try<'_>) -> StoreResult<()> {
    diesel::insert_or_ignore_into(tries::table)
        .values(one)
        .execute(connection)?;
    Ok(())
}

/// When an attempt that is still open was begun.
pub(crate) fn opened_at(connection: &mut Connection, attempt_id: &str) -> StoreResult<Option<NaiveDateTime>> {
    Ok(tries::table
        .filter(tries::attempt_id.eq(attempt_id).and(tries::state.eq(OPEN)))
        .select(tries::at)
        .first(connection)
        .optional()?)
}

/// When the tries under a key that paid nothing were made, the newest first, at most so many.
pub(crate) fn unpaid(
    connection: &mut Connection,
    (kind, hash): (&str, &str),
    since: NaiveDateTime,
    most: i64,
) -> StoreResult<Vec<NaiveDateTime>> {
    Ok(tries::table
        .filter(tries::kind.eq(kind).and(tries::hash.eq(hash)))
        .filter(tries::at.gt(since).and(tries::state.ne(GOOD)))
        .order(tries::at.desc())
        .limit(most)
        .select(tries::at)
        .load(connection)?)
}

/// How many under a key came to that end.
pub(crate) fn ended(
    connection: &mut Connection,
    (kind, hash): (&str, &str),
    since: NaiveDateTime,
    state: &str,
) -> StoreResult<i64> {
    Ok(tries::table
        .filter(tries::kind.eq(kind).and(tries::hash.eq(hash)))
        .filter(tries::at.gt(since).and(tries::state.eq(state)))
        .count()
        .get_result(connection)?)
}

/// An attempt came to its end, under all its keys.
pub(crate) fn end(connection: &mut Connection, attempt_id: &str, state: &str) -> StoreResult<()> {
    diesel::update(tries::table.filter(tries::attempt_id.eq(attempt_id).and(tries::state.eq(OPEN))))
        .set(tries::state.eq(state))
        .execute(connection)?;
    Ok(())
}

/// An attempt never was a try.
pub(crate) fn forget(connection: &mut Connection, attempt_id: &str) -> StoreResult<()> {
    diesel::delete(tries::table.filter(tries::attempt_id.eq(attempt_id))).execute(connection)?;
    Ok(())
}

/// Attempts that no limit counts any more, the oldest first.
pub(crate) fn old(connection: &mut Connection, before: NaiveDateTime, most: i64) -> StoreResult<Vec<String>> {
    Ok(tries::table
        .filter(tries::at.lt(before))
        .order(tries::at.asc())
        .limit(most)
        .select(tries::attempt_id)
        .load(connection)?)
}

/// Forgets attempts that no limit counts any more.
pub(crate) fn forget_all(connection: &mut Connection, attempt_ids: &[String]) -> StoreResult<()> {
    diesel::delete(tries::table.filter(tries::attempt_id.eq_any(attempt_ids))).execute(connection)?;
    Ok(())
}
