//! Payments: one record per 020, good or refused (R11).

use diesel::dsl::max;
use diesel::prelude::*;
use serde::Serialize;

use super::notices;
use super::schema::payments;
use crate::gateway::status::{
    AUTHORISED, CAPTURED, EXPIRED, GOOD_FOR_DAYS, PAST_LIMIT, SALE_CANCELLED, Status, VOIDED,
};
use crate::gateway::{cards, clock};

/// The id before the first payment's.
const BEFORE_THE_FIRST: i64 = 28_569_256;
/// Paygent Online shows no more than this many at once.
const PAGE: i64 = 500;

/// One record. Times are Unix milliseconds, `expiry` is `YYMM`, `code` and `detail` say why it was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = payments, check_for_backend(diesel::sqlite::Sqlite), treat_none_as_null = true)]
pub(crate) struct Payment {
    pub(crate) payment_id: i64,
    pub(crate) trading_id: String,
    pub(crate) amount: i64,
    pub(crate) status: Status,
    pub(crate) brand: String,
    pub(crate) masked_card: String,
    pub(crate) expiry: String,
    pub(crate) fingerprint: String,
    pub(crate) card_key: String,
    pub(crate) payment_class: String,
    pub(crate) split_count: String,
    pub(crate) code: String,
    pub(crate) detail: String,
    pub(crate) applied_at: i64,
    pub(crate) changed_at: i64,
    pub(crate) captured_at: Option<i64>,
    pub(crate) cancelled_at: Option<i64>,
    /// Its holder was authenticated by 3-D Secure.
    pub(crate) three_ds: bool,
}

impl Payment {
    /// Moves it to a status, and dates the move.
    pub(crate) fn turn(&mut self, status: Status, now: i64) {
        self.status = status;
        self.changed_at = now;
        match status {
            CAPTURED => self.captured_at = Some(now),
            VOIDED | SALE_CANCELLED => self.cancelled_at = Some(now),
            _ => {}
        }
    }

    /// The payment that takes its place, of another amount; its days are counted anew.
    pub(crate) fn corrected(&self, id: i64, amount: i64, now: i64) -> Self {
        Self {
            payment_id: id,
            amount,
            applied_at: now,
            changed_at: now,
            captured_at: self.captured_at.map(|_| now),
            ..self.clone()
        }
    }
}

/// A payment that the shop's staff type into Paygent Online, with a card that they have been told; the shop is told.
pub(crate) fn enter_by_hand(
    connection: &mut SqliteConnection,
    (trading_id, amount): (&str, i64),
    now: i64,
) -> QueryResult<Payment> {
    let payment = Payment {
        payment_id: next_id(connection)?,
        trading_id: trading_id.to_owned(),
        amount,
        status: AUTHORISED,
        brand: "visa".to_owned(),
        masked_card: "************1111".to_owned(),
        expiry: "3012".to_owned(),
        fingerprint: String::new(),
        card_key: cards::OTHER.to_owned(),
        payment_class: "10".to_owned(),
        split_count: String::new(),
        code: String::new(),
        detail: String::new(),
        applied_at: now,
        changed_at: now,
        captured_at: None,
        cancelled_at: None,
        three_ds: false,
    };
    insert(connection, &payment)?;
    notices::tell(connection, &payment)?;
    Ok(payment)
}

/// The id that the next payment gets: they are consecutive.
pub(crate) fn next_id(connection: &mut SqliteConnection) -> QueryResult<i64> {
    let last: Option<i64> = payments::table.select(max(payments::payment_id)).first(connection)?;
    Ok(last.unwrap_or(0).max(BEFORE_THE_FIRST) + 1)
}

/// Adds a record, or leaves the one that has its id.
pub(crate) fn insert(connection: &mut SqliteConnection, payment: &Payment) -> QueryResult<()> {
    diesel::insert_or_ignore_into(payments::table)
        .values(payment)
        .execute(connection)?;
    Ok(())
}

/// Writes a record that came to another status back, and has the shop told.
pub(crate) fn update(connection: &mut SqliteConnection, payment: &Payment) -> QueryResult<()> {
    diesel::update(payments::table.find(payment.payment_id))
        .set(payment)
        .execute(connection)?;
    notices::tell(connection, payment)
}

/// Turns authorisations and sales whose days are over, and has the shop told.
pub(crate) fn age(connection: &mut SqliteConnection, now: i64) -> QueryResult<()> {
    let oldest = clock::days_before(now, GOOD_FOR_DAYS);
    let authorised = payments::status.eq(AUTHORISED).and(payments::applied_at.lt(oldest));
    let captured = payments::status.eq(CAPTURED).and(payments::captured_at.lt(oldest));
    let over = payments::table
        .filter(captured.or(authorised))
        .order(payments::payment_id.asc())
        .select(Payment::as_select())
        .load(connection)?;
    for mut payment in over {
        let turned = if payment.status == AUTHORISED {
            EXPIRED
        } else {
            PAST_LIMIT
        };
        payment.turn(turned, now);
        update(connection, &payment)?;
    }
    Ok(())
}

/// The record of that id.
pub(crate) fn find(connection: &mut SqliteConnection, id: i64) -> QueryResult<Option<Payment>> {
    payments::table
        .find(id)
        .select(Payment::as_select())
        .first(connection)
        .optional()
}

/// All records that carry the shop's id, oldest first.
pub(crate) fn of_trading_id(connection: &mut SqliteConnection, trading_id: &str) -> QueryResult<Vec<Payment>> {
    let named = payments::table
        .filter(payments::trading_id.eq(trading_id))
        .order(payments::payment_id.asc());
    named.select(Payment::as_select()).load(connection)
}

/// All records, oldest first.
pub(crate) fn all(connection: &mut SqliteConnection) -> QueryResult<Vec<Payment>> {
    payments::table
        .order(payments::payment_id.asc())
        .select(Payment::as_select())
        .load(connection)
}

/// The newest records whose shop's id holds the text, newest first.
pub(crate) fn search(connection: &mut SqliteConnection, text: &str) -> QueryResult<Vec<Payment>> {
    let literal = text.replace('!', "!!").replace('%', "!%").replace('_', "!_");
    let found = payments::table.filter(payments::trading_id.like(format!("%{literal}%")).escape('!'));
    let newest = found
        .order((payments::applied_at.desc(), payments::payment_id.desc()))
        .limit(PAGE);
    newest.select(Payment::as_select()).load(connection)
}
