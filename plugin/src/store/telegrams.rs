//! The journal of telegrams: the intent is committed here before a socket opens.

use chrono::NaiveDateTime;
use diesel::dsl::max;
use diesel::prelude::*;

use super::schema::telegrams;
use super::{Connection, StoreResult, one_row};

/// One telegram, from its intent to its end. `request` and `reply` are masked.
#[derive(Debug, Clone, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = telegrams, check_for_backend(diesel::sqlite::Sqlite), treat_none_as_null = true)]
pub(crate) struct Telegram {
    pub(crate) telegram_id: String,
    pub(crate) order_id: String,
    pub(crate) attempt_id: Option<String>,
    pub(crate) payment_id: Option<String>,
    pub(crate) kind: String,
    pub(crate) trading_id: String,
    pub(crate) amount: Option<i64>,
    pub(crate) state: String,
    pub(crate) operator: Option<String>,
    pub(crate) planned_at: NaiveDateTime,
    pub(crate) sent_at: Option<NaiveDateTime>,
    pub(crate) settled_at: Option<NaiveDateTime>,
    pub(crate) due_at: Option<NaiveDateTime>,
    pub(crate) tries: i32,
    pub(crate) code: Option<String>,
    pub(crate) request: Option<String>,
    pub(crate) reply: Option<String>,
    pub(crate) open_key: Option<String>,
    /// The change of amount whose step it is.
    pub(crate) change_id: Option<String>,
    /// Its place among the order's telegrams; given when it is inserted.
    pub(crate) number: i32,
    pub(crate) version: i32,
}

/// A telegram wanted but not sent.
pub(crate) const PLANNED: &str = "planned";
/// Its intent is committed; it may have left.
pub(crate) const SENT: &str = "sent";
/// Sent, and the answer is lost.
pub(crate) const UNKNOWN: &str = "unknown";
/// The gateway did it.
pub(crate) const GOOD: &str = "good";
/// The gateway refused it.
pub(crate) const DECLINED: &str = "declined";
/// Provably nothing left for the gateway.
pub(crate) const NOT_EXECUTED: &str = "not_executed";

/// The telegram of that id.
pub(crate) fn find(connection: &mut Connection, id: &str) -> StoreResult<Option<Telegram>> {
    Ok(telegrams::table
        .find(id)
        .select(Telegram::as_select())
        .first(connection)
        .optional()?)
}

/// The latest telegram of a kind that an attempt sent.
pub(crate) fn of_attempt(connection: &mut Connection, attempt: &str, kind: &str) -> StoreResult<Option<Telegram>> {
    Ok(telegrams::table
        .filter(telegrams::attempt_id.eq(attempt).and(telegrams::kind.eq(kind)))
        .order(telegrams::planned_at.desc())
        .select(Telegram::as_select())
        .first(connection)
        .optional()?)
}

/// The open operation on a payment.
pub(crate) fn open_on(connection: &mut Connection, payment_id: &str) -> StoreResult<Option<Telegram>> {
    Ok(telegrams::table
        .filter(telegrams::open_key.eq(payment_id))
        .select(Telegram::as_select())
        .first(connection)
        .optional()?)
}

/// All telegrams of an order, the first first.
pub(crate) fn of_order(connection: &mut Connection, order_id: &str) -> StoreResult<Vec<Telegram>> {
    Ok(telegrams::table
        .filter(telegrams::order_id.eq(order_id))
        .order((telegrams::planned_at.asc(), telegrams::number.asc()))
        .select(Telegram::as_select())
        .load(connection)?)
}

/// The open step of a change.
pub(crate) fn step_of(connection: &mut Connection, change_id: &str) -> StoreResult<Option<Telegram>> {
    Ok(telegrams::table
        .filter(
            telegrams::change_id
                .eq(change_id)
                .and(telegrams::open_key.is_not_null()),
        )
        .select(Telegram::as_select())
        .first(connection)
        .optional()?)
}

/// Operations that wait for a telegram or an inquiry, the longest waiting first.
pub(crate) fn due(connection: &mut Connection, now: NaiveDateTime, limit: i64) -> StoreResult<Vec<Telegram>> {
    Ok(telegrams::table
        .filter(telegrams::due_at.le(now))
        .order(telegrams::due_at.asc())
        .limit(limit)
        .select(Telegram::as_select())
        .load(connection)?)
}

/// A new row; taken where the payment has an open operation.
pub(crate) fn insert(connection: &mut Connection, telegram: &Telegram) -> StoreResult<()> {
    let last: Option<i32> = telegrams::table
        .filter(telegrams::order_id.eq(&telegram.order_id))
        .select(max(telegrams::number))
        .first(connection)?;
    let placed = Telegram {
        number: last.unwrap_or(0) + 1,
        ..telegram.clone()
    };
    diesel::insert_into(telegrams::table)
        .values(placed)
        .execute(connection)?;
    Ok(())
}

/// Writes the whole row back; `false` where somebody changed it meanwhile.
pub(crate) fn update(connection: &mut Connection, telegram: &mut Telegram) -> StoreResult<bool> {
    let seen = telegram.version;
    telegram.version += 1;
    let changed = diesel::update(
        telegrams::table
            .find(&telegram.telegram_id)
            .filter(telegrams::version.eq(seen)),
    )
    .set(&*telegram)
    .execute(connection)?;
    Ok(one_row(changed))
}
