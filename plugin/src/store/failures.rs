//! Background work that failed again and again.

use chrono::NaiveDateTime;
use diesel::prelude::*;

use super::schema::failures;
use super::{Connection, StoreResult};

/// Names of work that is not tried before its time.
pub(crate) fn parked(connection: &mut Connection, now: NaiveDateTime) -> StoreResult<Vec<String>> {
    Ok(failures::table
        .filter(failures::due_at.gt(now))
        .select(failures::name)
        .load(connection)?)
}

/// How often that work has failed in a row.
pub(crate) fn times(connection: &mut Connection, name: &str) -> StoreResult<i32> {
    let times = failures::table.find(name).select(failures::times).first(connection);
    Ok(times.optional()?.unwrap_or(0))
}

/// It failed once more, and is tried again at `due_at`.
pub(crate) fn record(connection: &mut Connection, name: &str, times: i32, due_at: NaiveDateTime) -> StoreResult<()> {
    diesel::replace_into(failures::table)
        .values((
            failures::name.eq(name),
            failures::times.eq(times),
            failures::due_at.eq(due_at),
        ))
        .execute(connection)?;
    Ok(())
}

/// It was done.
pub(crate) fn forget(connection: &mut Connection, name: &str) -> StoreResult<()> {
    diesel::delete(failures::table.find(name)).execute(connection)?;
    Ok(())
}
