//! Members who left: whose cards the gateway still has to delete.

use chrono::NaiveDateTime;
use diesel::prelude::*;

use super::schema::removals;
use super::{Connection, StoreResult, one_row};

/// One of them.
#[derive(Debug, Clone, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = removals, check_for_backend(diesel::sqlite::Sqlite), treat_none_as_null = true)]
pub(crate) struct Removal {
    pub(crate) customer_id: String,
    pub(crate) tries: i32,
    /// Why not yet.
    pub(crate) code: Option<String>,
    pub(crate) asked_at: NaiveDateTime,
    pub(crate) due_at: NaiveDateTime,
    pub(crate) version: i32,
}

/// Of that customer.
pub(crate) fn find(connection: &mut Connection, customer: &str) -> StoreResult<Option<Removal>> {
    Ok(removals::table
        .find(customer)
        .select(Removal::as_select())
        .first(connection)
        .optional()?)
}

/// All that are open, the oldest first, at most so many.
pub(crate) fn open(connection: &mut Connection, limit: i64) -> StoreResult<Vec<Removal>> {
    Ok(removals::table
        .order(removals::asked_at.asc())
        .limit(limit)
        .select(Removal::as_select())
        .load(connection)?)
}

/// Those that have to be looked at, the longest waiting first.
pub(crate) fn due(connection: &mut Connection, now: NaiveDateTime, limit: i64) -> StoreResult<Vec<String>> {
    Ok(removals::table
        .filter(removals::due_at.le(now))
        .order(removals::due_at.asc())
        .limit(limit)
        .select(removals::customer_id)
        .load(connection)?)
}

/// A new one; one that stands there already stays.
pub(crate) fn insert(connection: &mut Connection, removal: &Removal) -> StoreResult<()> {
    diesel::insert_or_ignore_into(removals::table)
        .values(removal)
        .execute(connection)?;
    Ok(())
}

/// Writes the whole row back; `false` where somebody changed it meanwhile.
pub(crate) fn update(connection: &mut Connection, removal: &mut Removal) -> StoreResult<bool> {
    let seen = removal.version;
    removal.version += 1;
    let changed = diesel::update(
        removals::table
            .find(&removal.customer_id)
            .filter(removals::version.eq(seen)),
    )
    .set(&*removal)
    .execute(connection)?;
    Ok(one_row(changed))
}

/// The gateway has none of the customer's cards any more.
pub(crate) fn end(connection: &mut Connection, customer: &str) -> StoreResult<()> {
    diesel::delete(removals::table.find(customer)).execute(connection)?;
    Ok(())
}
