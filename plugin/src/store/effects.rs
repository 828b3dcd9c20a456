//! The outbox: what the host has to do, offered until it is acknowledged.

use chrono::NaiveDateTime;
use diesel::prelude::*;

use super::schema::effects;
use super::{Connection, StoreResult};

/// One effect.
#[derive(Debug, Clone, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = effects, check_for_backend(diesel::sqlite::Sqlite), treat_none_as_null = true)]
pub(crate) struct EffectRow {
    pub(crate) effect_key: String,
    pub(crate) order_id: String,
    pub(crate) number: i32,
    pub(crate) kind: String,
    pub(crate) hold: i32,
    pub(crate) data: String,
    pub(crate) state: String,
    pub(crate) tries: i32,
    pub(crate) reason: Option<String>,
    pub(crate) created_at: NaiveDateTime,
    pub(crate) settled_at: Option<NaiveDateTime>,
}

/// Offered, not acknowledged.
pub(crate) const PENDING: &str = "pending";
/// The host did it.
pub(crate) const APPLIED: &str = "applied";
/// The host will not do it.
pub(crate) const REJECTED: &str = "rejected";

/// The effect of that key.
pub(crate) fn find(connection: &mut Connection, key: &str) -> StoreResult<Option<EffectRow>> {
    Ok(effects::table
        .find(key)
        .select(EffectRow::as_select())
        .first(connection)
        .optional()?)
}

/// What is offered, of one order or of all, in the order in which it must be applied.
pub(crate) fn pending(connection: &mut Connection, order_id: Option<&str>, limit: i64) -> StoreResult<Vec<EffectRow>> {
    let mut query = effects::table.filter(effects::state.eq(PENDING)).into_boxed();
    if let Some(order_id) = order_id {
        query = query.filter(effects::order_id.eq(order_id.to_owned()));
    }
    Ok(query
        .order((
            effects::created_at.asc(),
            effects::order_id.asc(),
            effects::number.asc(),
        ))
        .limit(limit)
        .select(EffectRow::as_select())
        .load(connection)?)
}

/// Since when an order's oldest effect has been waiting.
pub(crate) fn oldest_pending(connection: &mut Connection, order_id: &str) -> StoreResult<Option<NaiveDateTime>> {
    Ok(effects::table
        .filter(effects::state.eq(PENDING).and(effects::order_id.eq(order_id)))
        .select(diesel::dsl::min(effects::created_at))
        .first(connection)?)
}

/// A new effect; taken where its key was written before.
pub(crate) fn insert(connection: &mut Connection, effect: &EffectRow) -> StoreResult<()> {
    diesel::insert_into(effects::table).values(effect).execute(connection)?;
    Ok(())
}

/// Writes the row back.
pub(crate) fn update(connection: &mut Connection, effect: &EffectRow) -> StoreResult<()> {
    diesel::update(effects::table.find(&effect.effect_key))
        .set(effect)
        .execute(connection)?;
    Ok(())
}
