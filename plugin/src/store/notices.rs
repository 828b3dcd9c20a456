//! Notices: what the gateway tells by itself, each kept once.

use chrono::NaiveDateTime;
use diesel::dsl::{max, min};
use diesel::prelude::*;

use super::schema::{notices, payments};
use super::{Connection, StoreResult};

/// One notice.
#[derive(Debug, Clone, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = notices, check_for_backend(diesel::sqlite::Sqlite), treat_none_as_null = true)]
pub(crate) struct Notice {
    /// Consecutive per merchant.
    pub(crate) notice_id: i64,
    pub(crate) payment_id: String,
    pub(crate) trading_id: String,
    /// `payment_status`; its hash does not cover it, so 094 is asked before anything moves.
    pub(crate) status: i32,
    pub(crate) amount: i64,
    /// JSON of the fields as they came.
    pub(crate) fields: String,
    /// `push` or `091`.
    pub(crate) source: String,
    pub(crate) state: String,
    pub(crate) tries: i32,
    pub(crate) received_at: NaiveDateTime,
    pub(crate) due_at: Option<NaiveDateTime>,
    pub(crate) settled_at: Option<NaiveDateTime>,
}

/// Kept, not looked at.
pub(crate) const NEW: &str = "new";
/// Looked at; what follows from it is so.
pub(crate) const APPLIED: &str = "applied";
/// About a payment that nobody here knows.
pub(crate) const UNKNOWN: &str = "unknown";
/// It says another amount than the gateway does when asked.
pub(crate) const MISMATCHED: &str = "mismatched";

/// Keeps a notice; `false` where it is kept already.
pub(crate) fn keep(connection: &mut Connection, notice: &Notice) -> StoreResult<bool> {
    let kept = diesel::insert_or_ignore_into(notices::table)
        .values(notice)
        .execute(connection)?;
    Ok(kept == 1)
}

/// The notice of that number.
pub(crate) fn find(connection: &mut Connection, id: i64) -> StoreResult<Option<Notice>> {
    Ok(notices::table
        .find(id)
        .select(Notice::as_select())
        .first(connection)
        .optional()?)
}

/// Notices to be looked at, the oldest number first.
pub(crate) fn due(connection: &mut Connection, now: NaiveDateTime, limit: i64) -> StoreResult<Vec<Notice>> {
    Ok(notices::table
        .filter(notices::due_at.le(now))
        .order(notices::notice_id.asc())
        .limit(limit)
        .select(Notice::as_select())
        .load(connection)?)
}

/// Writes the row back.
pub(crate) fn update(connection: &mut Connection, notice: &Notice) -> StoreResult<()> {
    diesel::update(notices::table.find(notice.notice_id))
        .set(notice)
        .execute(connection)?;
    Ok(())
}

/// Forgets all of them.
pub(crate) fn forget_all(connection: &mut Connection) -> StoreResult<()> {
    diesel::delete(notices::table).execute(connection)?;
    Ok(())
}

/// What was told of these payments and attempts, the lowest number first.
pub(crate) fn about(
    connection: &mut Connection,
    payment_ids: &[&str],
    trading_ids: &[&str],
) -> StoreResult<Vec<Notice>> {
    let about = notices::payment_id
        .eq_any(payment_ids)
        .or(notices::trading_id.eq_any(trading_ids));
    Ok(notices::table
        .filter(about)
        .order(notices::notice_id.asc())
        .select(Notice::as_select())
        .load(connection)?)
}

/// Payments told of under this trading_id that nobody here knows, the one told of last first.
pub(crate) fn strangers(connection: &mut Connection, trading_id: &str) -> StoreResult<Vec<String>> {
    let mut told: Vec<String> = notices::table
        .left_join(payments::table.on(payments::payment_id.eq(notices::payment_id)))
        .filter(notices::trading_id.eq(trading_id))
        .filter(payments::payment_id.nullable().is_null())
        .order(notices::notice_id.desc())
        .select(notices::payment_id)
        .load(connection)?;
    told.dedup();
    Ok(told)
}

/// Those that stay unexplained, the last one first.
pub(crate) fn unexplained(connection: &mut Connection, limit: i64) -> StoreResult<Vec<Notice>> {
    Ok(notices::table
        .filter(notices::state.eq_any([UNKNOWN, MISMATCHED]))
        .order(notices::notice_id.desc())
        .limit(limit)
        .select(Notice::as_select())
        .load(connection)?)
}

/// The last one that came.
pub(crate) fn last(connection: &mut Connection) -> StoreResult<Option<Notice>> {
    Ok(notices::table
        .order(notices::received_at.desc())
        .select(Notice::as_select())
        .first(connection)
        .optional()?)
}

/// Numbers that are missing between the first and the last one kept, the lowest first.
pub(crate) fn gaps(connection: &mut Connection, limit: usize) -> StoreResult<Vec<i64>> {
    let bounds: (Option<i64>, Option<i64>) = notices::table
        .select((min(notices::notice_id), max(notices::notice_id)))
        .first(connection)?;
    let (Some(first), Some(last)) = bounds else {
        return Ok(Vec::new());
    };
    let count: i64 = notices::table.count().get_result(connection)?;
    if count == last - first + 1 {
        return Ok(Vec::new());
    }
    let kept: Vec<i64> = notices::table
        .select(notices::notice_id)
        .order(notices::notice_id.asc())
        .load(connection)?;
    // The newest first: a number that the gateway never fills keeps none of those after it from being fetched.
    let pairs = kept.iter().rev().skip(1).zip(kept.iter().rev());
    Ok(pairs
        .flat_map(|(one, next)| (one + 1..*next).rev())
        .take(limit)
        .collect())
}
