//! Notices: that a payment came to a status. Numbered one after the other, so that a shop sees when it missed one.

use diesel::prelude::*;
use serde::Serialize;

use super::payments::Payment;
use super::schema::notices;
use crate::gateway::status::REFUSED;

/// One notice. Times are Unix milliseconds.
#[derive(Debug, Clone, Serialize, Queryable, Selectable)]
#[diesel(table_name = notices, check_for_backend(diesel::sqlite::Sqlite))]
pub(crate) struct Notice {
    pub(crate) notice_id: i64,
    pub(crate) payment_id: i64,
    pub(crate) status: i32,
    pub(crate) at: i64,
    /// How often it was pushed without the right answer.
    pub(crate) tries: i32,
    pub(crate) pushed_at: Option<i64>,
    pub(crate) fetched_at: Option<i64>,
}

/// A payment came to where it stands; a refusal is told by its answer alone.
pub(crate) fn tell(connection: &mut SqliteConnection, payment: &Payment) -> QueryResult<()> {
    if payment.status != REFUSED {
        diesel::insert_into(notices::table)
            .values((
                notices::payment_id.eq(payment.payment_id),
                notices::status.eq(payment.status),
                notices::at.eq(payment.changed_at),
                notices::tries.eq(0),
            ))
            .execute(connection)?;
    }
    Ok(())
}

/// The notice of that number.
pub(crate) fn find(connection: &mut SqliteConnection, id: i64) -> QueryResult<Option<Notice>> {
    notices::table
        .find(id)
        .select(Notice::as_select())
        .first(connection)
        .optional()
}

/// The oldest that 091 has not given out.
pub(crate) fn oldest_unfetched(connection: &mut SqliteConnection) -> QueryResult<Option<Notice>> {
    let open = notices::table.filter(notices::fetched_at.is_null());
    open.order(notices::notice_id.asc())
        .select(Notice::as_select())
        .first(connection)
        .optional()
}

/// The oldest that the shop has not answered as it should.
pub(crate) fn oldest_unpushed(connection: &mut SqliteConnection) -> QueryResult<Option<Notice>> {
    let open = notices::table.filter(notices::pushed_at.is_null());
    open.order((notices::tries.asc(), notices::notice_id.asc()))
        .select(Notice::as_select())
        .first(connection)
        .optional()
}

/// All, oldest first.
pub(crate) fn all(connection: &mut SqliteConnection) -> QueryResult<Vec<Notice>> {
    notices::table
        .order(notices::notice_id.asc())
        .select(Notice::as_select())
        .load(connection)
}

/// 091 gave it out.
pub(crate) fn fetched(connection: &mut SqliteConnection, id: i64, now: i64) -> QueryResult<()> {
    diesel::update(notices::table.find(id))
        .set(notices::fetched_at.eq(now))
        .execute(connection)?;
    Ok(())
}

/// It was pushed: answered as it should be, or not.
pub(crate) fn pushed(connection: &mut SqliteConnection, id: i64, answered: Option<i64>) -> QueryResult<()> {
    let tries = notices::tries + i32::from(answered.is_none());
    diesel::update(notices::table.find(id))
        .set((notices::pushed_at.eq(answered), notices::tries.eq(tries)))
        .execute(connection)?;
    Ok(())
}
