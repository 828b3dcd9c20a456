//! What a search asks of an order and its payment, condition by condition.

use chrono::{NaiveDate, NaiveDateTime, TimeDelta};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Nullable, Text, Timestamp};
use diesel::sqlite::Sqlite;

use super::{Between, PaymentState, Search, SearchText};
use crate::fold::{fold, pairs};
use crate::payment::japan;
use crate::store::schema::{orders, payments};

/// A condition on an order and its payment; neither true nor false where it asks for a payment and there is none.
pub(super) type Condition<Source> = Box<dyn BoxableExpression<Source, Sqlite, SqlType = Nullable<Bool>>>;

macro_rules! condition {
    ($expression:expr $(,)?) => {
        Box::new($expression.nullable())
    };
}

/// What a table expression is called here.
type Joined = diesel::helper_types::LeftJoinQuerySource<
    orders::table,
    payments::table,
    diesel::dsl::Eq<orders::payment_id, diesel::dsl::Nullable<payments::payment_id>>,
>;

pub(super) fn conditions(search: &Search) -> Vec<Condition<Joined>> {
    let detail = &search.detail;
    let mut all: Vec<Condition<Joined>> = Vec::new();
    if let Some(after) = &search.after {
        all.push(condition!(orders::order_id.gt(after.clone())));
    }
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
            .bind::<Timestamp, _>(at)
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
