//! Work that one process at a time may do.

use chrono::NaiveDateTime;
use diesel::prelude::*;

use super::schema::leases;
use super::{Connection, StoreResult, one_row};

/// Takes a lease until a moment; `false` while somebody holds it.
pub(crate) fn take(
    connection: &mut Connection,
    name: &str,
    (now, until): (NaiveDateTime, NaiveDateTime),
) -> StoreResult<bool> {
    let free = leases::table.find(name).filter(leases::until.le(now));
    let changed = diesel::update(free)
        .set((leases::until.eq(until), leases::epoch.eq(leases::epoch + 1)))
        .execute(connection)?;
    if one_row(changed) {
        return Ok(true);
    }
    let made = diesel::insert_or_ignore_into(leases::table)
        .values((leases::name.eq(name), leases::until.eq(until), leases::epoch.eq(1)))
        .execute(connection)?;
    Ok(one_row(made))
}
