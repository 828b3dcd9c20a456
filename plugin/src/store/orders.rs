//! The index of order snapshots: what the staff's list shows and searches.

use chrono::NaiveDateTime;
use diesel::prelude::*;

use super::schema::{orders, payments, telegrams};
use super::{Connection, StoreError, StoreResult, one_row};
use crate::payment::OrderStatus;
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

/// What the staff ask of the list.
#[derive(Debug, Clone)]
pub(crate) struct Search {
    /// The one box, folded as the index is (`crate::fold`), and its digits; `None` = everything.
    pub(crate) text: Option<SearchText>,
    /// Shown statuses.
    pub(crate) statuses: Vec<OrderStatus>,
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

/// A row of the list: the order, its payment, and whether an operation on it is open.
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
    match one_row(changed)? {
        true => Ok(()),
        false => Err(StoreError::Statement(diesel::result::Error::RollbackTransaction)),
    }
}

/// One page of the list, last updated first (R47), and how many rows the whole search has.
pub(crate) fn search(connection: &mut Connection, search: &Search) -> StoreResult<(i64, Vec<Listed>)> {
    let matching = || {
        let statuses: Vec<&str> = search.statuses.iter().map(|status| status.name()).collect();
        let mut query = orders::table.into_boxed();
        query = query
            .filter(orders::removed.eq(false))
            .filter(orders::status.eq_any(statuses));
        if let Some(text) = &search.text {
            let part = format!("%{}%", escape(&text.folded));
            let mut hit: Box<dyn BoxableExpression<_, _, SqlType = diesel::sql_types::Bool>> = Box::new(
                orders::order_number
                    .eq(text.raw.clone())
                    .or(orders::search_name.like(part.clone()).escape('\\'))
                    .or(orders::search_kana.like(part.clone()).escape('\\'))
                    .or(orders::search_company.like(part.clone()).escape('\\'))
                    .or(orders::search_email.like(part.clone()).escape('\\')),
            );
            // A short run of digits is an order number (R24); only a longer one can be meant as part of another.
            const NUMBER_AT_MOST: usize = 10;
            if !text.raw.chars().all(|c| c.is_ascii_digit()) || text.raw.len() > NUMBER_AT_MOST {
                hit = Box::new(
                    hit.or(orders::order_number
                        .like(format!("%{}%", escape(&text.raw)))
                        .escape('\\')),
                );
            }
            if !text.digits.is_empty() {
                hit = Box::new(hit.or(orders::search_phone.like(format!("%{}%", text.digits)).escape('\\')));
            }
            query = query.filter(hit);
        }
        query
    };
    let total = matching().count().get_result(connection)?;
    let rows: Vec<Order> = matching()
        .select(Order::as_select())
        .order((orders::updated_at.desc(), orders::order_id.desc()))
        .offset(search.offset)
        .limit(search.limit)
        .load(connection)?;
    let rows = rows
        .into_iter()
        .map(|order| listed(connection, order))
        .collect::<StoreResult<_>>()?;
    Ok((total, rows))
}

/// The order with its payment, as the list shows it.
pub(crate) fn listed(connection: &mut Connection, order: Order) -> StoreResult<Listed> {
    let Some(payment_id) = &order.payment_id else {
        return Ok(Listed {
            order,
            payment: None,
            busy: false,
        });
    };
    let payment = payments::table
        .find(payment_id)
        .select(Payment::as_select())
        .first(connection)
        .optional()?;
    let busy = diesel::select(diesel::dsl::exists(
        telegrams::table.filter(telegrams::open_key.eq(payment_id)),
    ))
    .get_result(connection)?;
    Ok(Listed { order, payment, busy })
}

/// `%` and `_` in what the staff typed mean themselves.
fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")
}
