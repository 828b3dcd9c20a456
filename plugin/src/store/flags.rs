//! Flags: what a person has to look at.

use chrono::NaiveDateTime;
use diesel::prelude::*;

use super::schema::flags;
use super::{Connection, StoreResult};

/// One flag, naming the order and what is wrong.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = flags, check_for_backend(diesel::sqlite::Sqlite))]
pub(crate) struct Flag {
    pub(crate) flag_id: String,
    pub(crate) order_id: String,
    pub(crate) kind: String,
    pub(crate) detail: String,
    pub(crate) created_at: NaiveDateTime,
    pub(crate) cleared_at: Option<NaiveDateTime>,
}

/// A flag of that kind stands at the order and nobody has cleared it.
pub(crate) fn is_raised(connection: &mut Connection, order_id: &str, kind: &str) -> StoreResult<bool> {
    let standing = flags::table.filter(flags::order_id.eq(order_id).and(flags::kind.eq(kind)));
    Ok(diesel::select(diesel::dsl::exists(standing.filter(flags::cleared_at.is_null()))).get_result(connection)?)
}

/// What stands at an order, the oldest first.
pub(crate) fn standing(connection: &mut Connection, order_id: &str) -> StoreResult<Vec<Flag>> {
    Ok(flags::table
        .filter(flags::order_id.eq(order_id).and(flags::cleared_at.is_null()))
        .order(flags::created_at.asc())
        .select(Flag::as_select())
        .load(connection)?)
}

/// Clears what stands at an order of that kind.
pub(crate) fn clear(connection: &mut Connection, order_id: &str, kind: &str, now: NaiveDateTime) -> StoreResult<()> {
    let standing = flags::table.filter(flags::order_id.eq(order_id).and(flags::kind.eq(kind)));
    diesel::update(standing.filter(flags::cleared_at.is_null()))
        .set(flags::cleared_at.eq(now))
        .execute(connection)?;
    Ok(())
}

/// Raises a flag.
pub(crate) fn raise(connection: &mut Connection, flag: &Flag) -> StoreResult<()> {
    diesel::insert_into(flags::table).values(flag).execute(connection)?;
    Ok(())
}
