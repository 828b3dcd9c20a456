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

/// Raises a flag.
pub(crate) fn raise(connection: &mut Connection, flag: &Flag) -> StoreResult<()> {
    diesel::insert_into(flags::table).values(flag).execute(connection)?;
    Ok(())
}
