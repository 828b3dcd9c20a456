//! Changes of amount: one row per オーソリ変更 or 売上変更, open until one payment stands alone.

use chrono::NaiveDateTime;
use diesel::prelude::*;

use super::schema::changes;
use super::{Connection, StoreError, StoreResult, one_row};
use crate::payment::change::ChangeState;
use crate::payment::operation::ChangeKind;

/// One change.
#[derive(Debug, Clone, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = changes, check_for_backend(diesel::sqlite::Sqlite), treat_none_as_null = true)]
pub(crate) struct Change {
    pub(crate) change_id: String,
    pub(crate) order_id: String,
    pub(crate) kind: String,
    /// `correction` or `new_payment`.
    pub(crate) way: String,
    pub(crate) state: String,
    pub(crate) old_payment_id: String,
    pub(crate) new_payment_id: Option<String>,
    /// The attempt that authorises the new amount; of a correction that of the old one.
    pub(crate) attempt_id: String,
    pub(crate) old_amount: i64,
    pub(crate) new_amount: i64,
    /// Telegrams planned after the 020, 028 or 029.
    pub(crate) steps: i32,
    pub(crate) refusals: i32,
    /// Why it was undone or refused.
    pub(crate) code: Option<String>,
    pub(crate) operator: Option<String>,
    pub(crate) started_at: NaiveDateTime,
    pub(crate) finished_at: Option<NaiveDateTime>,
    pub(crate) open_order: Option<String>,
    pub(crate) version: i32,
}

/// The gateway makes the new payment of the old one (028, 029).
pub(crate) const CORRECTION: &str = "correction";
/// A new payment is authorised (020).
pub(crate) const NEW_PAYMENT: &str = "new_payment";

impl Change {
    /// By correction.
    pub(crate) fn is_correction(&self) -> bool {
        self.way == CORRECTION
    }

    /// What is changed.
    pub(crate) fn kind(&self) -> StoreResult<ChangeKind> {
        ChangeKind::parse(&self.kind).ok_or_else(|| self.unreadable(&self.kind))
    }

    /// Where it stands.
    pub(crate) fn state(&self) -> StoreResult<ChangeState> {
        ChangeState::parse(&self.state).ok_or_else(|| self.unreadable(&self.state))
    }

    /// Moves it, closing it where the new state is an end.
    pub(crate) fn move_to(&mut self, state: ChangeState, now: NaiveDateTime) {
        self.state = state.name().to_owned();
        if state.is_final() {
            self.finished_at = Some(now);
            self.open_order = None;
        }
    }

    fn unreadable(&self, word: &str) -> StoreError {
        StoreError::Unreadable {
            row: self.change_id.clone(),
            word: word.to_owned(),
        }
    }
}

/// The change of that id.
pub(crate) fn find(connection: &mut Connection, id: &str) -> StoreResult<Option<Change>> {
    Ok(changes::table
        .find(id)
        .select(Change::as_select())
        .first(connection)
        .optional()?)
}

/// All changes of an order, the first first.
pub(crate) fn of_order(connection: &mut Connection, order_id: &str) -> StoreResult<Vec<Change>> {
    Ok(changes::table
        .filter(changes::order_id.eq(order_id))
        .order(changes::started_at.asc())
        .select(Change::as_select())
        .load(connection)?)
}

/// A new change; taken where the order has an open one.
pub(crate) fn insert(connection: &mut Connection, change: &Change) -> StoreResult<()> {
    diesel::insert_into(changes::table).values(change).execute(connection)?;
    Ok(())
}

/// Writes the whole row back, if nobody changed it meanwhile.
pub(crate) fn update(connection: &mut Connection, change: &mut Change) -> StoreResult<()> {
    let seen = change.version;
    change.version += 1;
    let changed = diesel::update(changes::table.find(&change.change_id).filter(changes::version.eq(seen)))
        .set(&*change)
        .execute(connection)?;
    match one_row(changed) {
        true => Ok(()),
        false => Err(StoreError::Lost),
    }
}
