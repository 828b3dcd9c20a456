//! The index of order snapshots: what the staff's list shows and searches.

use std::collections::BTreeSet;

use chrono::{NaiveDate, NaiveDateTime};
use diesel::prelude::*;
use diesel::sql_types::Text;

use super::schema::{changes, flags, order_texts, orders, payments, telegrams};
use super::{Connection, StoreError, StoreResult, one_row};
use crate::fold::{fold, pairs};
use crate::payment::{GatewayStatus, OrderStatus};
use crate::store::payments::Payment;

/// One order as the host last told it, with the plugin's counters.
#[derive(Debug, Clone, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = orders, check_for_backend(diesel::sqlite::Sqlite), treat_none_as_null = true)]
pub(crate) struct Order {
    pub(crate) order_id: String,
    pub(crate) order_number: String,
    pub(crate) status: String,
    pub(crate) amount: i64,
    pub(crate) customer_name: String,
    pub(crate) payment_method: String,
    pub(crate) created_at: NaiveDateTime,
    pub(crate) ordered_at: Option<NaiveDateTime>,
    pub(crate) updated_at: NaiveDateTime,
    pub(crate) search_name: String,
    pub(crate) search_kana: String,
    pub(crate) search_company: String,
    pub(crate) search_email: String,
    pub(crate) search_phone: String,
    pub(crate) removed: bool,
    pub(crate) payment_id: Option<String>,
    pub(crate) last_hold: i32,
    pub(crate) last_attempt: i32,
    pub(crate) last_effect: i32,
    /// 入金日
    pub(crate) paid_at: Option<NaiveDateTime>,
    /// お届け日, a day in Japan.
    pub(crate) deliver_on: Option<NaiveDate>,
    /// お問い合わせ番号
    pub(crate) tracking_number: String,
    /// 購入商品名, folded.
    pub(crate) search_products: String,
    /// 出荷メール; none where the host does not say.
    pub(crate) shipping_mail_sent: Option<bool>,
    /// The host's own time of the snapshot that stands here; `updated_at` is moved on by what the plugin does, too.
    pub(crate) told_at: Option<NaiveDateTime>,
    /// 1 while its text waits for the search index.
    pub(crate) index_due: Option<i32>,
    /// JSON: what the host tells of the shopper for 3-D Secure.
    pub(crate) shopper: String,
    pub(crate) version: i32,
}

impl Order {
    /// 対応状況 of the row.
    pub(crate) fn status(&self) -> StoreResult<OrderStatus> {
        OrderStatus::parse(&self.status).ok_or_else(|| StoreError::Unreadable {
            row: self.order_id.clone(),
            word: self.status.clone(),
        })
    }
}

/// A row of the list: the order, its payment, and whether an operation on it or a change of it is open.
#[derive(Debug, Clone)]
pub(crate) struct Listed {
    pub(crate) order: Order,
    pub(crate) payment: Option<Payment>,
    pub(crate) busy: bool,
}

/// The order of that id.
pub(crate) fn find(connection: &mut Connection, id: &str) -> StoreResult<Option<Order>> {
    Ok(orders::table
        .find(id)
        .select(Order::as_select())
        .first(connection)
        .optional()?)
}

/// Orders in 決済処理中 that were made before that moment, the oldest first.
pub(crate) fn left_pending(connection: &mut Connection, before: NaiveDateTime, limit: i64) -> StoreResult<Vec<Order>> {
    Ok(orders::table
        .filter(orders::status.eq(OrderStatus::Pending.name()))
        .filter(orders::removed.eq(false).and(orders::created_at.lt(before)))
        .order((orders::created_at.asc(), orders::order_id.asc()))
        .limit(limit)
        .select(Order::as_select())
        .load(connection)?)
}

/// Payments that were authorised before that moment with the orders that wait for them.
pub(crate) fn waiting_for_capture(
    connection: &mut Connection,
    before: NaiveDateTime,
) -> StoreResult<Vec<(Payment, Order)>> {
    let over = [OrderStatus::Cancelled, OrderStatus::Returned].map(OrderStatus::name);
    Ok(payments::table
        .inner_join(orders::table.on(orders::payment_id.eq(payments::payment_id.nullable())))
        .filter(payments::gateway_status.eq(GatewayStatus::AUTHORISED.0))
        .filter(payments::authorised_at.lt(before))
        .filter(orders::removed.eq(false).and(orders::status.ne_all(over)))
        .select((Payment::as_select(), Order::as_select()))
        .load(connection)?)
}

/// Ids and numbers of orders whose payments may still change or that were changed since, or where a flag stands; the one
/// that changed last first.
pub(crate) fn to_compare(
    connection: &mut Connection,
    since: NaiveDateTime,
    limit: i64,
) -> StoreResult<Vec<(String, String)>> {
    const OPEN: [i32; 6] = [20, 30, 31, 36, 40, 42];
    let held = payments::table
        .filter(payments::order_id.eq(orders::order_id))
        .filter(payments::gateway_status.eq_any(OPEN));
    let flagged = flags::table
        .filter(flags::order_id.eq(orders::order_id))
        .filter(flags::cleared_at.is_null());
    Ok(orders::table
        .filter(
            diesel::dsl::exists(held)
                .or(orders::updated_at.ge(since))
                .or(diesel::dsl::exists(flagged)),
        )
        .order((orders::updated_at.desc(), orders::order_id.desc()))
        .limit(limit)
        .select((orders::order_id, orders::order_number))
        .load(connection)?)
}

/// A new row.
pub(crate) fn insert(connection: &mut Connection, order: &Order) -> StoreResult<()> {
    diesel::insert_into(orders::table).values(order).execute(connection)?;
    Ok(())
}

/// Writes the whole row back. Inside a writing transaction nobody else can have changed it meanwhile; `version`
/// is compared all the same, for the databases where somebody can.
pub(crate) fn update(connection: &mut Connection, order: &mut Order) -> StoreResult<()> {
    let seen = order.version;
    order.version += 1;
    let changed = diesel::update(orders::table.find(&order.order_id).filter(orders::version.eq(seen)))
        .set(&*order)
        .execute(connection)?;
    match one_row(changed) {
        true => Ok(()),
        false => Err(StoreError::Lost),
    }
}

/// The order with its payment, as the list shows it.
pub(crate) fn listed(connection: &mut Connection, order: Order) -> StoreResult<Listed> {
    let payment = match &order.payment_id {
        Some(id) => payments::table
            .find(id)
            .select(Payment::as_select())
            .first(connection)
            .optional()?,
        None => None,
    };
    let mut rows = with_busy(connection, vec![(order, payment)])?;
    // One row went in.
    rows.pop().ok_or(StoreError::Statement(diesel::result::Error::NotFound))
}

/// The orders of these ids with their payments, in any order; unknown and removed ones are left out.
pub(crate) fn listed_of(connection: &mut Connection, ids: &[String]) -> StoreResult<Vec<Listed>> {
    const AT_ONCE: usize = 500;
    let mut all = Vec::new();
    for some in ids.chunks(AT_ONCE) {
        let rows: Vec<(Order, Option<Payment>)> = orders::table
            .left_join(payments::table.on(orders::payment_id.eq(payments::payment_id.nullable())))
            .filter(orders::order_id.eq_any(some))
            .filter(orders::removed.eq(false))
            .select((Order::as_select(), Option::<Payment>::as_select()))
            .load(connection)?;
        all.extend(with_busy(connection, rows)?);
    }
    Ok(all)
}

/// Marks the rows whose payment has an open operation or whose order has an open change, by two questions for all rows.
pub(super) fn with_busy(connection: &mut Connection, rows: Vec<(Order, Option<Payment>)>) -> StoreResult<Vec<Listed>> {
    let payment_ids: Vec<&str> = rows
        .iter()
        .filter_map(|(order, _)| order.payment_id.as_deref())
        .collect();
    let order_ids: Vec<&str> = rows.iter().map(|(order, _)| order.order_id.as_str()).collect();
    let operated: Vec<Option<String>> = telegrams::table
        .filter(telegrams::open_key.eq_any(payment_ids))
        .select(telegrams::open_key)
        .load(connection)?;
    let changing: Vec<Option<String>> = changes::table
        .filter(changes::open_order.eq_any(order_ids))
        .select(changes::open_order)
        .load(connection)?;
    let busy: BTreeSet<String> = operated.into_iter().flatten().collect();
    let changing: BTreeSet<String> = changing.into_iter().flatten().collect();
    let mark = |(order, payment): (Order, Option<Payment>)| Listed {
        busy: order.payment_id.as_ref().is_some_and(|id| busy.contains(id)) || changing.contains(&order.order_id),
        order,
        payment,
    };
    Ok(rows.into_iter().map(mark).collect())
}

/// A text that the search index has waiting.
#[derive(Queryable)]
struct Waiting {
    order_id: String,
    order_number: String,
    name: String,
    kana: String,
    company: String,
    email: String,
    phone: String,
}

/// Some text waits for the search index.
pub(crate) fn has_waiting_texts(connection: &mut Connection) -> StoreResult<bool> {
    Ok(diesel::select(diesel::dsl::exists(orders::table.filter(orders::index_due.eq(1)))).get_result(connection)?)
}

/// Takes up to `limit` waiting texts into the search index; how many there were. Never in a payment's transaction: a text
/// costs many times what the payment's own rows cost, and what waits is found all the same.
pub(crate) fn index_some(connection: &mut Connection, limit: i64) -> StoreResult<usize> {
    let waiting: Vec<Waiting> = orders::table
        .filter(orders::index_due.eq(1))
        .select((
            orders::order_id,
            orders::order_number,
            orders::search_name,
            orders::search_kana,
            orders::search_company,
            orders::search_email,
            orders::search_phone,
        ))
        .limit(limit)
        .load(connection)?;
    for text in &waiting {
        let fields = [
            &fold(&text.order_number),
            &text.name,
            &text.kana,
            &text.company,
            &text.email,
            &text.phone,
        ];
        let words: BTreeSet<String> = fields.into_iter().flat_map(|field| pairs(field)).collect();
        let words: Vec<String> = words.into_iter().collect();
        diesel::delete(order_texts::table.filter(order_texts::order_id.eq(&text.order_id))).execute(connection)?;
        diesel::insert_into(order_texts::table)
            .values(order_texts::order_id.eq(&text.order_id))
            .execute(connection)?;
        diesel::sql_query(
            "INSERT INTO order_pairs (rowid, pairs) SELECT number, ? FROM order_texts WHERE order_id = ?",
        )
        .bind::<Text, _>(words.join(" "))
        .bind::<Text, _>(&text.order_id)
        .execute(connection)?;
        diesel::update(orders::table.find(&text.order_id))
            .set(orders::index_due.eq(None::<i32>))
            .execute(connection)?;
    }
    Ok(waiting.len())
}
