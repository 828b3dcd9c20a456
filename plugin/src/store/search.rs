//! The list's search: one question for a page of rows, one for how many there are.
//!
//! The search box asks the index of character pairs for candidates and compares those with the columns themselves, so
//! that it finds exactly what comparing every row would find. A single character has no pair: every row is compared.

mod conditions;

use chrono::NaiveDate;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Double, Integer, Nullable, Text};
use diesel::sqlite::Sqlite;

use conditions::conditions;

use super::orders::{Listed, Order, with_busy};
use super::payments::Payment;
use super::schema::{order_counts, orders, payments};
use super::{Connection, StoreResult};
use crate::payment::OrderStatus;
use crate::payment::deadline::Limits;

/// What the staff ask of the list.
#[derive(Debug, Clone)]
pub(crate) struct Search {
    /// The one box; `None` = everything.
    pub(crate) text: Option<SearchText>,
    /// Shown statuses.
    pub(crate) statuses: Vec<OrderStatus>,
    /// 詳細検索.
    pub(crate) detail: Detail,
    pub(crate) sort: Sort,
    pub(crate) ascending: bool,
    /// Limits and today's date, for what depends on a deadline.
    pub(crate) limits: Limits,
    pub(crate) today: NaiveDate,
    /// Only orders whose id comes behind this one.
    pub(crate) after: Option<String>,
    /// Rows to skip, rows to give.
    pub(crate) offset: i64,
    pub(crate) limit: i64,
}

/// The search box's content in the forms that the columns are compared with.
#[derive(Debug, Clone)]
pub(crate) struct SearchText {
    pub(crate) raw: String,
    pub(crate) folded: String,
    pub(crate) digits: String,
}

/// From and to, both included; either may be open.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Between<T> {
    pub(crate) from: Option<T>,
    pub(crate) to: Option<T>,
}

/// 詳細検索 (R26). Empty texts and open ranges ask nothing; texts are folded as the columns are.
#[derive(Debug, Clone, Default)]
pub(crate) struct Detail {
    pub(crate) name: String,
    pub(crate) kana: String,
    pub(crate) company: String,
    pub(crate) email: String,
    /// Digits.
    pub(crate) phone: String,
    /// As typed.
    pub(crate) number: String,
    /// As typed.
    pub(crate) method: String,
    pub(crate) tracking: String,
    pub(crate) product: String,
    /// Days in Japan.
    pub(crate) ordered: Between<NaiveDate>,
    pub(crate) paid: Between<NaiveDate>,
    pub(crate) updated: Between<NaiveDate>,
    pub(crate) deliver: Between<NaiveDate>,
    /// Yen.
    pub(crate) amount: Between<i64>,
    pub(crate) mail_sent: Option<bool>,
    /// Any of these.
    pub(crate) payment: Vec<PaymentState>,
    /// Last day on which the payment can be worked on.
    pub(crate) deadline: Between<NaiveDate>,
    /// The gateway holds another amount than the order's.
    pub(crate) differs: bool,
    /// The card company bears chargebacks.
    pub(crate) three_ds: Option<bool>,
}

/// Where a payment stands, in the staff's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PaymentState {
    /// No payment.
    None,
    Authorised,
    Expired,
    Captured,
    CapturedForGood,
    Voided,
    SaleCancelled,
}

impl PaymentState {
    /// As they stand on the screen.
    pub(crate) const ALL: [Self; 7] = [
        Self::Authorised,
        Self::Captured,
        Self::Expired,
        Self::CapturedForGood,
        Self::Voided,
        Self::SaleCancelled,
        Self::None,
    ];

    /// Its name in queries.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Authorised => "authorised",
            Self::Expired => "expired",
            Self::Captured => "captured",
            Self::CapturedForGood => "captured_for_good",
            Self::Voided => "voided",
            Self::SaleCancelled => "sale_cancelled",
        }
    }

    /// The state of that name.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// What the list is sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sort {
    /// 更新日, the newest first (R47).
    Updated,
    /// 受注日時
    Ordered,
    Number,
    /// ペイジェント状況
    State,
    Name,
    Method,
    Amount,
    /// 対応状況
    Status,
    Deadline,
    Held,
    Attempts,
    Liability,
    /// The order's id, for whoever goes through all of them; no heading sorts by it.
    Id,
}

impl Sort {
    pub(crate) const ALL: [Self; 12] = [
        Self::Updated,
        Self::Ordered,
        Self::Number,
        Self::State,
        Self::Name,
        Self::Method,
        Self::Amount,
        Self::Status,
        Self::Deadline,
        Self::Held,
        Self::Attempts,
        Self::Liability,
    ];

    /// Its name in queries.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Updated => "updated",
            Self::Ordered => "date",
            Self::Number => "number",
            Self::State => "state",
            Self::Name => "name",
            Self::Method => "method",
            Self::Amount => "amount",
            Self::Status => "order-status",
            Self::Deadline => "deadline",
            Self::Held => "held",
            Self::Attempts => "attempts",
            Self::Liability => "liability",
            Self::Id => "id",
        }
    }

    /// The order of that name.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|sort| sort.name() == name)
    }
}

/// One page of the list, and how many rows the whole search has.
pub(crate) fn search(connection: &mut Connection, search: &Search) -> StoreResult<(i64, Vec<Listed>)> {
    let total = count(connection, search)?;
    Ok((total, page(connection, search)?))
}

/// The orders with their payments.
macro_rules! source {
    () => {
        orders::table.left_join(payments::table.on(orders::payment_id.eq(payments::payment_id.nullable())))
    };
}

macro_rules! matching {
    ($search:expr) => {{
        let search = $search;
        // Candidates of the text index are looked up one by one: a plus keeps the database from walking through all orders
        // by an index of theirs instead.
        let there = match search.text {
            Some(_) => "+orders.removed = FALSE",
            None => "orders.removed = FALSE",
        };
        let mut query = source!().into_boxed::<Sqlite>().filter(sql::<Bool>(there));
        for condition in conditions(search) {
            query = query.filter(condition);
        }
        query
    }};
}

fn count(connection: &mut Connection, search: &Search) -> StoreResult<i64> {
    let names: Vec<&str> = search.statuses.iter().map(|status| status.name()).collect();
    if conditions(search).is_empty() {
        let kept: Vec<i64> = order_counts::table
            .filter(order_counts::status.eq_any(names))
            .select(order_counts::orders)
            .load(connection)?;
        return Ok(kept.into_iter().sum());
    }
    Ok(matching!(search)
        .filter(orders::status.eq_any(names))
        .count()
        .get_result(connection)?)
}

/// The rows alone, for whoever goes through all of them.
pub(crate) fn page(connection: &mut Connection, search: &Search) -> StoreResult<Vec<Listed>> {
    let mut query = matching!(search);
    // One status is looked up in its index. Several are walked through in the order of the list, leaving out the others:
    // looking each up would mean sorting all of them.
    query = match search.statuses.as_slice() {
        [one] => query.filter(orders::status.eq(one.name())),
        several => {
            let left_out = OrderStatus::ALL.into_iter().filter(|status| !several.contains(status));
            query.filter(orders::status.ne_all(left_out.map(OrderStatus::name)))
        }
    };
    macro_rules! sorted {
        ($($key:expr),+) => {
            if search.ascending {
                query.order(($($key.asc(),)+ orders::order_id.asc()))
            } else {
                query.order(($($key.desc(),)+ orders::order_id.desc()))
            }
        };
    }
    let limits = search.limits;
    query = match search.sort {
        Sort::Updated => sorted!(orders::updated_at),
        Sort::Id => sorted!(orders::order_id),
        Sort::Ordered => sorted!(sql::<Text>("COALESCE(orders.ordered_at, orders.created_at)")),
        Sort::Number => sorted!(sql::<Integer>("LENGTH(orders.order_number)"), orders::order_number),
        Sort::State => sorted!(payments::gateway_status.nullable(), payments::last_operation.nullable()),
        Sort::Name => sorted!(orders::search_kana, orders::search_name),
        Sort::Method => sorted!(orders::payment_method),
        Sort::Amount => sorted!(orders::amount),
        Sort::Status => sorted!(orders::status),
        Sort::Held => sorted!(payments::amount.nullable()),
        Sort::Attempts => sorted!(orders::last_attempt),
        Sort::Liability => sorted!(payments::three_ds.nullable()),
        Sort::Deadline => sorted!(
            sql::<Nullable<Double>>(
                "CASE WHEN payments.gateway_status IN (20, 30, 31) THEN JULIANDAY(payments.authorised_at) + "
            )
            .bind::<Integer, _>(i32::from(limits.authorisation))
            .sql(" WHEN payments.gateway_status = 40 THEN JULIANDAY(COALESCE(payments.captured_at, payments.authorised_at)) + ")
            .bind::<Integer, _>(i32::from(limits.sale))
            .sql(" END")
        ),
    };
    let rows: Vec<(Order, Option<Payment>)> = query
        .select((Order::as_select(), Option::<Payment>::as_select()))
        .offset(search.offset)
        .limit(search.limit)
        .load(connection)?;
    with_busy(connection, rows)
}
