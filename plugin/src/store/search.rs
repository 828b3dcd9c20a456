//! The list's search: one question for a page of rows, one for how many there are.
//!
//! The search box asks the index of character pairs for candidates and compares those with the columns themselves, so
//! that it finds exactly what comparing every row would find. A single character has no pair: every row is compared.

use chrono::{NaiveDate, NaiveDateTime, TimeDelta};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Double, Integer, Nullable, Text};
use diesel::sqlite::Sqlite;

use super::orders::{Listed, Order, with_busy};
use super::payments::Payment;
use super::schema::{order_counts, orders, payments};
use super::{Connection, StoreResult};
use crate::fold::{fold, pairs};
use crate::payment::deadline::Limits;
use crate::payment::{OrderStatus, japan};

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

/// A condition on an order and its payment; neither true nor false where it asks for a payment and there is none.
type Condition<Source> = Box<dyn BoxableExpression<Source, Sqlite, SqlType = Nullable<Bool>>>;

macro_rules! condition {
    ($expression:expr $(,)?) => {
        Box::new($expression.nullable())
    };
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
            .sql(" WHEN payments.gateway_status = 40 THEN JULIANDAY(payments.captured_at) + ")
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

/// What a table expression is called here.
type Joined = diesel::helper_types::LeftJoinQuerySource<
    orders::table,
    payments::table,
    diesel::dsl::Eq<orders::payment_id, diesel::dsl::Nullable<payments::payment_id>>,
>;

fn conditions(search: &Search) -> Vec<Condition<Joined>> {
    let detail = &search.detail;
    let mut all: Vec<Condition<Joined>> = Vec::new();
    if let Some(text) = &search.text {
        all.extend(box_conditions(text));
    }
    if !detail.name.is_empty() {
        all.push(condition!(orders::search_name.like(part(&detail.name)).escape('\\')));
    }
    if !detail.kana.is_empty() {
        all.push(condition!(orders::search_kana.like(part(&detail.kana)).escape('\\')));
    }
    if !detail.company.is_empty() {
        all.push(condition!(
            orders::search_company.like(part(&detail.company)).escape('\\')
        ));
    }
    if !detail.email.is_empty() {
        all.push(condition!(orders::search_email.like(part(&detail.email)).escape('\\')));
    }
    if !detail.phone.is_empty() {
        all.push(condition!(orders::search_phone.like(part(&detail.phone)).escape('\\')));
    }
    if !detail.number.is_empty() {
        all.push(condition!(orders::order_number.like(part(&detail.number)).escape('\\')));
    }
    if !detail.method.is_empty() {
        all.push(condition!(
            orders::payment_method.like(part(&detail.method)).escape('\\')
        ));
    }
    if !detail.tracking.is_empty() {
        all.push(condition!(
            orders::tracking_number.like(part(&detail.tracking)).escape('\\')
        ));
    }
    if !detail.product.is_empty() {
        all.push(condition!(
            orders::search_products.like(part(&detail.product)).escape('\\')
        ));
    }
    if let Some(sent) = detail.mail_sent {
        all.push(condition!(
            orders::shipping_mail_sent
                .is_not_null()
                .and(sql::<Bool>("orders.shipping_mail_sent = ").bind::<Bool, _>(sent),)
        ));
    }
    all.extend(days(
        &detail.ordered,
        |from| received(" >= ", from),
        |to| received(" < ", to),
    ));
    all.extend(days(
        &detail.paid,
        |from| {
            condition!(
                orders::paid_at
                    .is_not_null()
                    .and(orders::paid_at.assume_not_null().ge(from))
            )
        },
        |to| {
            condition!(
                orders::paid_at
                    .is_not_null()
                    .and(orders::paid_at.assume_not_null().lt(to))
            )
        },
    ));
    all.extend(days(
        &detail.updated,
        |from| condition!(orders::updated_at.ge(from)),
        |to| condition!(orders::updated_at.lt(to)),
    ));
    if let Some(from) = detail.deliver.from {
        all.push(condition!(
            orders::deliver_on
                .is_not_null()
                .and(orders::deliver_on.assume_not_null().ge(from))
        ));
    }
    if let Some(to) = detail.deliver.to {
        all.push(condition!(
            orders::deliver_on
                .is_not_null()
                .and(orders::deliver_on.assume_not_null().le(to))
        ));
    }
    if let Some(from) = detail.amount.from {
        all.push(condition!(orders::amount.ge(from)));
    }
    if let Some(to) = detail.amount.to {
        all.push(condition!(orders::amount.le(to)));
    }
    all.extend(payment_conditions(search));
    all
}

/// 受注日時 compared with a moment.
fn received(compared: &'static str, at: NaiveDateTime) -> Condition<Joined> {
    condition!(
        sql::<Bool>("COALESCE(orders.ordered_at, orders.created_at)")
            .sql(compared)
            .bind::<diesel::sql_types::Timestamp, _>(at)
    )
}

/// Days in Japan as moments: from the first one's midnight to before the midnight after the last.
fn days(
    between: &Between<NaiveDate>,
    from: impl Fn(NaiveDateTime) -> Condition<Joined>,
    to: impl Fn(NaiveDateTime) -> Condition<Joined>,
) -> Vec<Condition<Joined>> {
    let first = between.from.map(|day| from(japan::midnight(day)));
    let last = between
        .to
        .and_then(|day| day.succ_opt())
        .map(|day| to(japan::midnight(day)));
    first.into_iter().chain(last).collect()
}

fn payment_conditions(search: &Search) -> Vec<Condition<Joined>> {
    let detail = &search.detail;
    let mut all: Vec<Condition<Joined>> = Vec::new();
    let any_of = detail.payment.iter().map(|state| payment_state(search, *state));
    if let Some(any) = any_of.reduce(|one, other| Box::new(one.or(other))) {
        all.push(any);
    }
    let Between { from, to } = detail.deadline;
    if from.is_some() || to.is_some() {
        all.push(deadline_between(search, (from, to)));
    }
    if detail.differs {
        all.push(condition!(
            payments::gateway_status
                .eq_any([20, 30, 40, 41])
                .and(payments::amount.ne(orders::amount)),
        ));
    }
    if let Some(three_ds) = detail.three_ds {
        all.push(condition!(payments::three_ds.eq(three_ds)));
    }
    all
}

/// The moment before which what began has run out.
fn ran_out(today: NaiveDate, days: u16) -> NaiveDateTime {
    japan::midnight(today) - TimeDelta::days(i64::from(days))
}

fn payment_state(search: &Search, state: PaymentState) -> Condition<Joined> {
    let authorised = payments::gateway_status.eq_any([20, 30, 31]);
    let authorised_before = ran_out(search.today, search.limits.authorisation);
    let captured_before = ran_out(search.today, search.limits.sale);
    let captured_since = payments::captured_at
        .is_null()
        .or(payments::captured_at.assume_not_null().ge(captured_before));
    let captured_long_ago = payments::captured_at
        .is_not_null()
        .and(payments::captured_at.assume_not_null().lt(captured_before));
    match state {
        PaymentState::None => condition!(orders::payment_id.is_null()),
        PaymentState::Authorised => condition!(authorised.and(payments::authorised_at.ge(authorised_before))),
        PaymentState::Expired => condition!(
            payments::gateway_status
                .eq(33)
                .or(authorised.and(payments::authorised_at.lt(authorised_before))),
        ),
        PaymentState::Captured => condition!(payments::gateway_status.eq_any([40, 42, 50]).and(captured_since)),
        PaymentState::CapturedForGood => condition!(
            payments::gateway_status
                .eq(41)
                .or(payments::gateway_status.eq(40).and(captured_long_ago)),
        ),
        PaymentState::Voided => condition!(payments::gateway_status.eq(32)),
        PaymentState::SaleCancelled => condition!(payments::gateway_status.eq(60)),
    }
}

/// The payment's last day lies between two days: what it began at lies between two moments.
fn deadline_between(search: &Search, (from, to): (Option<NaiveDate>, Option<NaiveDate>)) -> Condition<Joined> {
    const EVER: TimeDelta = TimeDelta::days(365 * 300);
    let begun = |days: u16| {
        let days = TimeDelta::days(i64::from(days));
        let today = japan::midnight(search.today);
        let from = from.map_or(today - EVER, |day| japan::midnight(day) - days);
        let to = to
            .and_then(|day| day.succ_opt())
            .map_or(today + EVER, |day| japan::midnight(day) - days);
        (from, to)
    };
    let (authorised_from, authorised_to) = begun(search.limits.authorisation);
    let (captured_from, captured_to) = begun(search.limits.sale);
    condition!(
        payments::gateway_status
            .eq_any([20, 30, 31])
            .and(payments::authorised_at.ge(authorised_from))
            .and(payments::authorised_at.lt(authorised_to))
            .or(payments::gateway_status
                .eq(40)
                .and(payments::captured_at.is_not_null())
                .and(payments::captured_at.assume_not_null().ge(captured_from))
                .and(payments::captured_at.assume_not_null().lt(captured_to))),
    )
}

/// The search box: candidates from the index, then the columns themselves.
fn box_conditions(text: &SearchText) -> Vec<Condition<Joined>> {
    let folded = part(&text.folded);
    let mut hit: Condition<Joined> = condition!(
        orders::order_number
            .eq(text.raw.clone())
            .or(orders::search_name.like(folded.clone()).escape('\\'))
            .or(orders::search_kana.like(folded.clone()).escape('\\'))
            .or(orders::search_company.like(folded.clone()).escape('\\'))
            .or(orders::search_email.like(folded).escape('\\')),
    );
    // A short run of digits is an order number (R24); only a longer one can be meant as part of another.
    const NUMBER_AT_MOST: usize = 10;
    if !text.raw.chars().all(|c| c.is_ascii_digit()) || text.raw.len() > NUMBER_AT_MOST {
        hit = Box::new(hit.or(orders::order_number.like(part(&text.raw)).escape('\\').nullable()));
    }
    if !text.digits.is_empty() {
        hit = Box::new(hit.or(orders::search_phone.like(part(&text.digits)).escape('\\').nullable()));
    }
    let candidates: Option<Condition<Joined>> = pairs_wanted(text).map(|wanted| -> Condition<Joined> {
        condition!(
            sql::<Bool>(
                "orders.order_id IN (SELECT order_id FROM order_texts WHERE number IN \
                 (SELECT rowid FROM order_pairs WHERE order_pairs MATCH ",
            )
            .bind::<Text, _>(wanted)
            .sql(") UNION SELECT order_id FROM orders WHERE order_number = ")
            .bind::<Text, _>(text.raw.clone())
            .sql(" UNION SELECT order_id FROM orders WHERE index_due = 1)"),
        )
    });
    candidates.into_iter().chain([hit]).collect()
}

/// The pairs that a row must have to be a hit, as the index is asked; none where the text is too short to have one.
fn pairs_wanted(text: &SearchText) -> Option<String> {
    // A few pairs leave few candidates; each costs a walk through all orders that have it.
    const AT_MOST: usize = 6;
    let all_of = |folded: &str| {
        let mut words = pairs(folded);
        words.sort_unstable();
        words.dedup();
        let step = words.len().div_ceil(AT_MOST).max(1);
        let some: Vec<String> = words.into_iter().step_by(step).collect();
        (!some.is_empty()).then(|| format!("({})", some.join(" AND ")))
    };
    let mut ways = vec![all_of(&text.folded)?];
    let number = fold(&text.raw);
    if number != text.folded {
        ways.push(all_of(&number)?);
    }
    if !text.digits.is_empty() && text.digits != text.folded {
        ways.push(all_of(&text.digits)?);
    }
    Some(ways.join(" OR "))
}

/// A part of a column: `%` and `_` in what the staff typed mean themselves.
fn part(text: &str) -> String {
    let plain = text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    format!("%{plain}%")
}
