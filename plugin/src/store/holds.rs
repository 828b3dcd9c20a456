//! Holds: stock and points kept by the host for an order, numbered per order.

use chrono::NaiveDateTime;
use diesel::prelude::*;

use super::schema::holds;
use super::{Connection, StoreError, StoreResult, one_row};
use crate::payment::hold::HoldState;

/// One hold.
#[derive(Debug, Clone, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = holds, check_for_backend(diesel::sqlite::Sqlite), treat_none_as_null = true)]
pub(crate) struct Hold {
    pub(crate) checkout: String,
    pub(crate) order_id: String,
    pub(crate) number: i32,
    pub(crate) amount: i64,
    pub(crate) state: String,
    pub(crate) back_wanted: bool,
    pub(crate) complete_url: String,
    pub(crate) back_url: String,
    pub(crate) opened_at: NaiveDateTime,
    pub(crate) closed_at: Option<NaiveDateTime>,
    pub(crate) open_order: Option<String>,
    pub(crate) version: i32,
}

impl Hold {
    /// Where it stands.
    pub(crate) fn state(&self) -> StoreResult<HoldState> {
        HoldState::parse(&self.state).ok_or_else(|| StoreError::Unreadable {
            row: self.checkout.clone(),
            word: self.state.clone(),
        })
    }

    /// Moves it, closing it where the new state is an end.
    pub(crate) fn move_to(&mut self, state: HoldState, now: NaiveDateTime) {
        self.state = state.name().to_owned();
        if !state.is_open() {
            self.closed_at = Some(now);
            self.open_order = None;
        }
    }
}

/// The hold behind a card page's address.
pub(crate) fn find(connection: &mut Connection, checkout: &str) -> StoreResult<Option<Hold>> {
    Ok(holds::table
        .find(checkout)
        .select(Hold::as_select())
        .first(connection)
        .optional()?)
}

/// The hold of an order by number.
pub(crate) fn of_order(connection: &mut Connection, order_id: &str, number: i32) -> StoreResult<Option<Hold>> {
    Ok(holds::table
        .filter(holds::order_id.eq(order_id).and(holds::number.eq(number)))
        .select(Hold::as_select())
        .first(connection)
        .optional()?)
}

/// The order's open hold.
pub(crate) fn open_of(connection: &mut Connection, order_id: &str) -> StoreResult<Option<Hold>> {
    Ok(holds::table
        .filter(holds::open_order.eq(order_id))
        .select(Hold::as_select())
        .first(connection)
        .optional()?)
}

/// A new hold; taken where the order has an open one.
pub(crate) fn insert(connection: &mut Connection, hold: &Hold) -> StoreResult<()> {
    diesel::insert_into(holds::table).values(hold).execute(connection)?;
    Ok(())
}

/// Writes the whole row back, if nobody changed it meanwhile.
pub(crate) fn update(connection: &mut Connection, hold: &mut Hold) -> StoreResult<()> {
    let seen = hold.version;
    hold.version += 1;
    let changed = diesel::update(holds::table.find(&hold.checkout).filter(holds::version.eq(seen)))
        .set(&*hold)
        .execute(connection)?;
    match one_row(changed) {
        true => Ok(()),
        false => Err(StoreError::Lost),
    }
}
