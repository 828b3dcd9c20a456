//! Attempts: one row per telegram 020 or order handed over, committed before it leaves; and the log of what happened to each.

use chrono::NaiveDateTime;
use diesel::dsl::max;
use diesel::prelude::*;

use super::schema::{attempt_log, attempts};
use super::{Connection, StoreError, StoreResult, one_row};
use crate::payment::PaymentClass;
use crate::payment::attempt::{AttemptState, Event, after, next_inquiry};
use crate::store::orders::Order;

/// One attempt.
#[derive(Debug, Clone, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = attempts, check_for_backend(diesel::sqlite::Sqlite), treat_none_as_null = true)]
pub(crate) struct Attempt {
    pub(crate) attempt_id: String,
    pub(crate) order_id: String,
    pub(crate) hold: i32,
    pub(crate) number: i32,
    pub(crate) trading_id: String,
    pub(crate) form: String,
    pub(crate) amount: i64,
    pub(crate) state: String,
    pub(crate) payment_id: Option<String>,
    pub(crate) code: Option<String>,
    pub(crate) sent_at: NaiveDateTime,
    pub(crate) settled_at: Option<NaiveDateTime>,
    pub(crate) inquiries: i32,
    pub(crate) inquired_at: Option<NaiveDateTime>,
    pub(crate) next_inquiry_at: Option<NaiveDateTime>,
    pub(crate) live_order: Option<String>,
    /// The change of amount that it was made for.
    pub(crate) change_id: Option<String>,
    /// `payment_class` of the wire: 10 once, 23 bonus, 61 instalments, 80 revolving.
    pub(crate) payment_class: String,
    /// Number of instalments; 0 where there are none.
    pub(crate) split_count: i32,
    /// `3ds_auth_id` of its 450.
    pub(crate) auth_id: Option<String>,
    /// What the address ends in that the browser comes back to.
    pub(crate) return_key: Option<String>,
    /// The card's token, encrypted, while its holder is authenticated; gone when that is over.
    pub(crate) sealed_card: Option<String>,
    /// Authenticated: the card company bears chargebacks.
    pub(crate) three_ds: bool,
    /// Link type: the end of the term of Paygent's page.
    pub(crate) link_until: Option<NaiveDateTime>,
    /// The address of Paygent's page, encrypted, while its shopper may pay there.
    pub(crate) sealed_link: Option<String>,
    pub(crate) version: i32,
}

impl Attempt {
    /// The order's next attempt, paid off at once and of no kind yet; `begin` gives it its first state.
    pub(crate) fn new(
        order: &Order,
        (attempt_id, trading_id, form): (&str, String, &str),
        amount: i64,
        sent_at: NaiveDateTime,
    ) -> Self {
        Self {
            attempt_id: attempt_id.to_owned(),
            order_id: order.order_id.clone(),
            hold: order.last_hold,
            number: order.last_attempt,
            trading_id,
            form: form.to_owned(),
            amount,
            state: String::new(),
            payment_id: None,
            code: None,
            sent_at,
            settled_at: None,
            inquiries: 0,
            inquired_at: None,
            next_inquiry_at: next_inquiry(sent_at, 0),
            live_order: None,
            change_id: None,
            payment_class: PaymentClass::Once.code().to_owned(),
            split_count: 0,
            auth_id: None,
            return_key: None,
            sealed_card: None,
            three_ds: false,
            link_until: None,
            sealed_link: None,
            version: 1,
        }
    }

    /// Of the link type.
    pub(crate) fn is_link(&self) -> bool {
        self.link_until.is_some()
    }

    /// What is known of it.
    pub(crate) fn state(&self) -> StoreResult<AttemptState> {
        AttemptState::parse(&self.state).ok_or_else(|| StoreError::Unreadable {
            row: self.attempt_id.clone(),
            word: self.state.clone(),
        })
    }

    /// Moves it; the order's one live place follows the state. One that a change made takes that place only when the
    /// change gives it.
    fn move_to(&mut self, state: AttemptState) {
        self.state = state.name().to_owned();
        let takes_place = state.is_live() && (self.change_id.is_none() || self.live_order.is_some());
        self.live_order = takes_place.then(|| self.order_id.clone());
    }
}

/// The attempt of that id.
pub(crate) fn find(connection: &mut Connection, id: &str) -> StoreResult<Option<Attempt>> {
    Ok(attempts::table
        .find(id)
        .select(Attempt::as_select())
        .first(connection)
        .optional()?)
}

/// The attempt that a posted card form made.
pub(crate) fn of_form(connection: &mut Connection, form: &str) -> StoreResult<Option<Attempt>> {
    Ok(attempts::table
        .filter(attempts::form.eq(form))
        .select(Attempt::as_select())
        .first(connection)
        .optional()?)
}

/// The order's attempt that may hold money.
pub(crate) fn live_of(connection: &mut Connection, order_id: &str) -> StoreResult<Option<Attempt>> {
    Ok(attempts::table
        .filter(attempts::live_order.eq(order_id))
        .select(Attempt::as_select())
        .first(connection)
        .optional()?)
}

/// The attempt whose 3-D Secure, or whose shopper at Paygent's page, comes back to that address.
pub(crate) fn of_return(connection: &mut Connection, return_key: &str) -> StoreResult<Option<Attempt>> {
    Ok(attempts::table
        .filter(attempts::return_key.eq(return_key))
        .select(Attempt::as_select())
        .first(connection)
        .optional()?)
}

/// The attempt that carries that trading_id.
pub(crate) fn of_trading_id(connection: &mut Connection, trading_id: &str) -> StoreResult<Option<Attempt>> {
    Ok(attempts::table
        .filter(attempts::trading_id.eq(trading_id))
        .select(Attempt::as_select())
        .first(connection)
        .optional()?)
}

/// All attempts of an order, the first first.
pub(crate) fn of_order(connection: &mut Connection, order_id: &str) -> StoreResult<Vec<Attempt>> {
    Ok(attempts::table
        .filter(attempts::order_id.eq(order_id))
        .order(attempts::number.asc())
        .select(Attempt::as_select())
        .load(connection)?)
}

/// The latest attempt that a shopper made on a hold, without those that still wait for their holder.
pub(crate) fn last_ended_of(connection: &mut Connection, order_id: &str, hold: i32) -> StoreResult<Option<Attempt>> {
    Ok(attempts::table
        .filter(attempts::order_id.eq(order_id).and(attempts::hold.eq(hold)))
        .filter(attempts::change_id.is_null())
        .filter(attempts::state.ne(AttemptState::Authenticating.name()))
        .order(attempts::number.desc())
        .select(Attempt::as_select())
        .first(connection)
        .optional()?)
}

/// Attempts whose next inquiry is due, the longest waiting first.
pub(crate) fn due(connection: &mut Connection, now: NaiveDateTime, limit: i64) -> StoreResult<Vec<Attempt>> {
    Ok(attempts::table
        .filter(attempts::next_inquiry_at.le(now))
        .order(attempts::next_inquiry_at.asc())
        .limit(limit)
        .select(Attempt::as_select())
        .load(connection)?)
}

/// A new attempt, by its first event; taken where the form was posted before or the order has a live one.
pub(crate) fn begin(connection: &mut Connection, attempt: &mut Attempt, event: Event) -> StoreResult<()> {
    let Some(state) = after(None, event) else {
        return Err(StoreError::Unreadable {
            row: attempt.attempt_id.clone(),
            word: event.name().to_owned(),
        });
    };
    attempt.move_to(state);
    diesel::insert_into(attempts::table)
        .values(&*attempt)
        .execute(connection)?;
    log(connection, attempt, event, attempt.sent_at)
}

/// Moves an attempt by what happened, and writes that down; the caller writes the row itself, in the same transaction.
/// Whether it moved: some events mean nothing in some states.
pub(crate) fn happened(
    connection: &mut Connection,
    attempt: &mut Attempt,
    event: Event,
    now: NaiveDateTime,
) -> StoreResult<bool> {
    let Some(state) = after(Some(attempt.state()?), event) else {
        return Ok(false);
    };
    attempt.move_to(state);
    log(connection, attempt, event, now)?;
    Ok(true)
}

fn log(connection: &mut Connection, attempt: &Attempt, event: Event, now: NaiveDateTime) -> StoreResult<()> {
    let last: Option<i32> = attempt_log::table
        .filter(attempt_log::attempt_id.eq(&attempt.attempt_id))
        .select(max(attempt_log::number))
        .first(connection)?;
    diesel::insert_into(attempt_log::table)
        .values((
            attempt_log::attempt_id.eq(&attempt.attempt_id),
            attempt_log::number.eq(last.unwrap_or(0) + 1),
            attempt_log::event.eq(event.name()),
            attempt_log::state.eq(&attempt.state),
            attempt_log::at.eq(now),
        ))
        .execute(connection)?;
    Ok(())
}

/// Trading ids of attempts whose state does not follow from their log, at most `limit`; and how many attempts were looked at.
pub(crate) fn not_as_logged(connection: &mut Connection, limit: usize) -> StoreResult<(Vec<String>, usize)> {
    const AT_ONCE: i64 = 1_000;
    let (mut wrong, mut seen, mut last) = (Vec::new(), 0, String::new());
    loop {
        let some: Vec<(String, String, String)> = attempts::table
            .filter(attempts::attempt_id.gt(&last))
            .order(attempts::attempt_id.asc())
            .limit(AT_ONCE)
            .select((attempts::attempt_id, attempts::trading_id, attempts::state))
            .load(connection)?;
        let Some((end, ..)) = some.last() else {
            return Ok((wrong, seen));
        };
        let mut entries = attempt_log::table
            .filter(attempt_log::attempt_id.gt(&last).and(attempt_log::attempt_id.le(end)))
            .order((attempt_log::attempt_id.asc(), attempt_log::number.asc()))
            .select((
                attempt_log::attempt_id,
                attempt_log::number,
                attempt_log::event,
                attempt_log::state,
            ))
            .load::<(String, i32, String, String)>(connection)?
            .into_iter()
            .peekable();
        for (id, trading_id, stored) in &some {
            let mut told: Vec<(i32, String, String)> = Vec::new();
            while let Some((_, number, event, state)) = entries.next_if(|(of, ..)| of == id) {
                told.push((number, event, state));
            }
            if folded(&told).is_none_or(|state| state.name() != stored) && wrong.len() < limit {
                wrong.push(trading_id.clone());
            }
        }
        seen += some.len();
        last.clone_from(end);
    }
}

/// The state that a log leads to; nothing where it has a gap, or an entry that does not follow from the ones before.
fn folded(log: &[(i32, String, String)]) -> Option<AttemptState> {
    let mut state = None;
    for (place, (number, event, written)) in (1..).zip(log) {
        let next = match Event::parse(event)? {
            Event::CarriedOver if place == 1 => AttemptState::parse(written)?,
            event => after(state, event)?,
        };
        if *number != place || next.name() != written {
            return None;
        }
        state = Some(next);
    }
    state
}

/// Writes the whole row back; lost where somebody changed it meanwhile.
pub(crate) fn update(connection: &mut Connection, attempt: &mut Attempt) -> StoreResult<()> {
    let seen = attempt.version;
    attempt.version += 1;
    let changed = diesel::update(
        attempts::table
            .find(&attempt.attempt_id)
            .filter(attempts::version.eq(seen)),
    )
    .set(&*attempt)
    .execute(connection)?;
    if one_row(changed) {
        Ok(())
    } else {
        Err(StoreError::Lost)
    }
}
