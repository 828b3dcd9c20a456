//! Notices: that a payment came to a status. Numbered one after the other, so that a shop sees when it missed one.

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use serde::Serialize;

use super::payments::Payment;
use super::schema::notices;
use crate::gateway::status::Status;

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
    /// Another amount than the payment's.
    pub(crate) amount: Option<i64>,
}

/// One to be entered.
#[derive(Insertable)]
#[diesel(table_name = notices)]
pub(crate) struct NewNotice {
    /// The next number while it is empty.
    pub(crate) notice_id: Option<i64>,
    pub(crate) payment_id: i64,
    pub(crate) status: Status,
    pub(crate) at: i64,
    pub(crate) tries: i32,
    pub(crate) amount: Option<i64>,
}

/// A payment came to where it stands.
pub(crate) fn tell(connection: &mut SqliteConnection, payment: &Payment) -> QueryResult<()> {
    let notice = NewNotice {
        notice_id: None,
        payment_id: payment.payment_id,
        status: payment.status,
        at: payment.changed_at,
        tries: 0,
        amount: None,
    };
    insert(connection, &notice).map(drop)
}

/// Enters one.
pub(crate) fn insert(connection: &mut SqliteConnection, notice: &NewNotice) -> QueryResult<Notice> {
    diesel::insert_into(notices::table).values(notice).execute(connection)?;
    let entered = notices::table.filter(notices::notice_id.eq(sql::<BigInt>("last_insert_rowid()")));
    entered.select(Notice::as_select()).first(connection)
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

/// The oldest made by then that the shop has not answered as it should.
pub(crate) fn oldest_unpushed(connection: &mut SqliteConnection, made_by: i64) -> QueryResult<Option<Notice>> {
    unpushed(made_by)
        .order((notices::tries.asc(), notices::notice_id.asc()))
        .select(Notice::as_select())
        .first(connection)
        .optional()
}

/// The newest of them.
pub(crate) fn newest_unpushed(connection: &mut SqliteConnection, made_by: i64) -> QueryResult<Option<Notice>> {
    unpushed(made_by)
        .order((notices::tries.asc(), notices::notice_id.desc()))
        .select(Notice::as_select())
        .first(connection)
        .optional()
}

#[diesel::dsl::auto_type(no_type_alias)]
fn unpushed(made_by: i64) -> _ {
    notices::table
        .filter(notices::pushed_at.is_null())
        .filter(notices::at.le(made_by))
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
