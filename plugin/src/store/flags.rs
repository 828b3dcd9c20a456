//! Flags: what a person has to look at.

use chrono::NaiveDateTime;
use diesel::prelude::*;
use sha2::{Digest as _, Sha256};

use super::schema::{flags, orders};
use super::{Connection, StoreResult};
use crate::store::orders::Order;

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

/// The flag of that id.
pub(crate) fn find(connection: &mut Connection, id: &str) -> StoreResult<Option<Flag>> {
    Ok(flags::table
        .find(id)
        .select(Flag::as_select())
        .first(connection)
        .optional()?)
}

/// What stands at an order, the oldest first.
pub(crate) fn standing(connection: &mut Connection, order_id: &str) -> StoreResult<Vec<Flag>> {
    Ok(flags::table
        .filter(flags::order_id.eq(order_id).and(flags::cleared_at.is_null()))
        .order(flags::created_at.asc())
        .select(Flag::as_select())
        .load(connection)?)
}

/// What stands anywhere with its order, the newest first.
pub(crate) fn all_standing(connection: &mut Connection, limit: i64) -> StoreResult<Vec<(Flag, Option<Order>)>> {
    Ok(flags::table
        .left_join(orders::table.on(orders::order_id.eq(flags::order_id)))
        .filter(flags::cleared_at.is_null())
        .order((flags::created_at.desc(), flags::flag_id.asc()))
        .limit(limit)
        .select((Flag::as_select(), Option::<Order>::as_select()))
        .load(connection)?)
}

/// How many stand.
pub(crate) fn count_standing(connection: &mut Connection) -> StoreResult<i64> {
    Ok(flags::table
        .filter(flags::cleared_at.is_null())
        .count()
        .get_result(connection)?)
}

/// Clears what stands at an order of that kind.
pub(crate) fn clear(connection: &mut Connection, order_id: &str, kind: &str, now: NaiveDateTime) -> StoreResult<()> {
    let standing = flags::table.filter(flags::order_id.eq(order_id).and(flags::kind.eq(kind)));
    diesel::update(standing.filter(flags::cleared_at.is_null()))
        .set(flags::cleared_at.eq(now))
        .execute(connection)?;
    Ok(())
}

/// Tells a person of something about an order, unless it stands there already. Whether it is told now.
pub(crate) fn raise(
    connection: &mut Connection,
    order_id: &str,
    (kind, detail): (&str, &str),
    now: NaiveDateTime,
) -> StoreResult<bool> {
    let of_kind = flags::table.filter(flags::order_id.eq(order_id).and(flags::kind.eq(kind)));
    let standing = of_kind.filter(flags::cleared_at.is_null());
    if diesel::select(diesel::dsl::exists(standing)).get_result(connection)? {
        return Ok(false);
    }
    let before: i64 = of_kind.count().get_result(connection)?;
    tracing::error!(order = order_id, kind, detail, "flag.raised");
    let flag = Flag {
        flag_id: id(order_id, kind, before),
        order_id: order_id.to_owned(),
        kind: kind.to_owned(),
        detail: detail.to_owned(),
        created_at: now,
        cleared_at: None,
    };
    diesel::insert_into(flags::table).values(&flag).execute(connection)?;
    Ok(true)
}

/// The id of an order's next flag of a kind, of which there were so many: two processes that raise it at once make one.
fn id(order_id: &str, kind: &str, before: i64) -> String {
    let digest = Sha256::digest(format!("{order_id}\n{kind}\n{before}"));
    digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}
