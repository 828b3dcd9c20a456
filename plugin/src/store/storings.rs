//! Wishes to store a card (025): what is under way at the gateway, and what a member has to be told.

use chrono::NaiveDateTime;
use diesel::prelude::*;

use super::schema::storings;
use super::{Connection, StoreError, StoreResult, one_row};
use crate::payment::stored_card::StoringState;

/// One wish.
#[derive(Debug, Clone, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = storings, check_for_backend(diesel::sqlite::Sqlite), treat_none_as_null = true)]
pub(crate) struct Storing {
    /// The attempt that pays with the card, or the form of the my page.
    pub(crate) storing_id: String,
    pub(crate) customer_id: String,
    pub(crate) state: String,
    /// Token and fingerprint, encrypted; gone when they have left.
    pub(crate) sealed_card: Option<String>,
    /// JSON: the customer's cards before 025 left.
    pub(crate) known_cards: Option<String>,
    /// The customer while it is worked on.
    pub(crate) open_customer: Option<String>,
    pub(crate) code: Option<String>,
    pub(crate) tries: i32,
    pub(crate) created_at: NaiveDateTime,
    pub(crate) sent_at: Option<NaiveDateTime>,
    pub(crate) due_at: Option<NaiveDateTime>,
    pub(crate) version: i32,
}

impl Storing {
    /// How far it has come.
    pub(crate) fn state(&self) -> StoreResult<StoringState> {
        StoringState::parse(&self.state).ok_or_else(|| StoreError::Unreadable {
            row: self.storing_id.clone(),
            word: self.state.clone(),
        })
    }

    /// Moves it, with what is to be remembered of it there.
    pub(crate) fn move_to(&mut self, state: StoringState) {
        self.state = state.name().to_owned();
        if matches!(state, StoringState::Stored | StoringState::Failed) {
            self.known_cards = None;
            self.open_customer = None;
            self.due_at = None;
        }
        if !matches!(state, StoringState::Waiting | StoringState::Due) {
            self.sealed_card = None;
        }
    }
}

/// The wish of that id.
pub(crate) fn find(connection: &mut Connection, id: &str) -> StoreResult<Option<Storing>> {
    Ok(storings::table
        .find(id)
        .select(Storing::as_select())
        .first(connection)
        .optional()?)
}

/// The customer's latest wish that came as far as the gateway, or should have.
pub(crate) fn latest_of(connection: &mut Connection, customer: &str) -> StoreResult<Option<Storing>> {
    Ok(storings::table
        .filter(storings::customer_id.eq(customer))
        .filter(storings::state.ne(StoringState::Waiting.name()))
        .order(storings::created_at.desc())
        .select(Storing::as_select())
        .first(connection)
        .optional()?)
}

/// Another wish of the customer is worked on.
pub(crate) fn is_busy(connection: &mut Connection, storing: &Storing) -> StoreResult<bool> {
    let others = storings::table.filter(storings::open_customer.eq(&storing.customer_id));
    let others = others.filter(storings::storing_id.ne(&storing.storing_id));
    Ok(diesel::select(diesel::dsl::exists(others)).get_result(connection)?)
}

/// A 025 of the customer is under way, and its end not known.
pub(crate) fn is_in_flight(connection: &mut Connection, customer: &str) -> StoreResult<bool> {
    let states = [StoringState::Sent, StoringState::Unknown].map(StoringState::name);
    let open = storings::table.filter(storings::customer_id.eq(customer).and(storings::state.eq_any(states)));
    Ok(diesel::select(diesel::dsl::exists(open)).get_result(connection)?)
}

/// The customer's wishes of which nothing is under way.
pub(crate) fn unsent_of(connection: &mut Connection, customer: &str) -> StoreResult<Vec<Storing>> {
    let states = [StoringState::Sent, StoringState::Unknown].map(StoringState::name);
    Ok(storings::table
        .filter(storings::customer_id.eq(customer).and(storings::state.ne_all(states)))
        .select(Storing::as_select())
        .load(connection)?)
}

/// Wishes that have to be looked at, the longest waiting first.
pub(crate) fn due(connection: &mut Connection, now: NaiveDateTime, limit: i64) -> StoreResult<Vec<String>> {
    Ok(storings::table
        .filter(storings::due_at.le(now))
        .order(storings::due_at.asc())
        .limit(limit)
        .select(storings::storing_id)
        .load(connection)?)
}

/// A new wish; taken where its form was posted before.
pub(crate) fn insert(connection: &mut Connection, storing: &Storing) -> StoreResult<()> {
    diesel::insert_into(storings::table)
        .values(storing)
        .execute(connection)?;
    Ok(())
}

/// Writes the whole row back; `false` where somebody changed it meanwhile.
pub(crate) fn update(connection: &mut Connection, storing: &mut Storing) -> StoreResult<bool> {
    let seen = storing.version;
    storing.version += 1;
    let changed = diesel::update(
        storings::table
            .find(&storing.storing_id)
            .filter(storings::version.eq(seen)),
    )
    .set(&*storing)
    .execute(connection)?;
    Ok(one_row(changed))
}

/// Forgets a wish that came to nothing.
pub(crate) fn forget(connection: &mut Connection, id: &str) -> StoreResult<()> {
    diesel::delete(storings::table.find(id)).execute(connection)?;
    Ok(())
}

/// Wishes that ended before, or waited for a payment since before, the oldest first.
pub(crate) fn old(connection: &mut Connection, before: NaiveDateTime, most: i64) -> StoreResult<Vec<String>> {
    let ended = [StoringState::Waiting, StoringState::Stored, StoringState::Failed].map(StoringState::name);
    Ok(storings::table
        .filter(storings::created_at.lt(before).and(storings::state.eq_any(ended)))
        .order(storings::created_at.asc())
        .limit(most)
        .select(storings::storing_id)
        .load(connection)?)
}

/// Forgets these.
pub(crate) fn forget_all(connection: &mut Connection, ids: &[String]) -> StoreResult<()> {
    diesel::delete(storings::table.filter(storings::storing_id.eq_any(ids))).execute(connection)?;
    Ok(())
}
