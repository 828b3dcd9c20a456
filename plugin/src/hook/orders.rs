//! `orders.put`: the host tells of each new, changed and deleted order with this payment method, from 購入処理中 on.

use chrono::{DateTime, FixedOffset, NaiveDate};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::Call;
use crate::fold::{fold, phone_digits, width};
use crate::paygent::Shopper;
use crate::payment::{OrderStatus, Yen};
use crate::reply::{Problem, Reply};
use crate::store::orders::Order;
use crate::store::{Connection, StoreResult, orders};

/// An order as the host knows it now.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub(crate) struct OrderSnapshot {
    /// The host's own id: 1 to 64 bytes.
    id: String,
    /// 注文番号 as staff and shoppers see it.
    number: String,
    /// 対応状況.
    status: OrderStatus,
    /// 購入金額 in yen.
    amount: Yen,
    /// When the order was made (購入日).
    #[schemars(with = "String")]
    created_at: DateTime<FixedOffset>,
    /// 受注日時; none before it is placed.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    ordered_at: Option<DateTime<FixedOffset>>,
    /// When the host last changed it; an older snapshot never overwrites a newer one.
    #[schemars(with = "String")]
    updated_at: DateTime<FixedOffset>,
    /// 支払方法 as shown.
    #[serde(default = "payment_method")]
    payment_method: String,
    /// The buyer.
    #[serde(default)]
    customer: Customer,
    /// 入金日.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    paid_at: Option<DateTime<FixedOffset>>,
    /// お届け日, `2026-11-30`.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    delivery_date: Option<NaiveDate>,
    /// お問い合わせ番号.
    #[serde(default)]
    tracking_number: String,
    /// 購入商品名.
    #[serde(default)]
    products: Vec<String>,
    /// 出荷メール was sent.
    #[serde(default)]
    shipping_mail_sent: Option<bool>,
    /// More of the shopper, for 3-D Secure. The e-mail is the customer's where none is given.
    #[serde(default)]
    shopper: Shopper,
}

/// The buyer, as the order names them.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct Customer {
    family_name: String,
    given_name: String,
    family_kana: String,
    given_kana: String,
    company: String,
    email: String,
    phone: String,
}

fn payment_method() -> String {
    "ペイジェントクレジット".to_owned()
}

#[derive(Default, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct Put {
    /// New and changed orders.
    orders: Vec<OrderSnapshot>,
    /// Ids of deleted ones.
    removed: Vec<String>,
}

/// The hook.
pub(super) fn put(call: &Call<'_>) -> Result<Reply, Problem> {
    let asked: Put = call.request.data()?;
    for order in &asked.orders {
        order.check()?;
    }
    let (stored, stale) = call.instance.store.write(|rows| {
        let mut stored = 0;
        for order in &asked.orders {
            stored += i32::from(record(rows, order)?.1);
        }
        for id in &asked.removed {
            if let Some(mut order) = orders::find(rows, id)? {
                order.removed = true;
                orders::update(rows, &mut order)?;
            }
        }
        Ok((
            stored,
            asked.orders.len().saturating_sub(usize::try_from(stored).unwrap_or(0)),
        ))
    })?;
    Ok(Reply::data(
        json!({"stored": stored, "stale": stale, "removed": asked.removed.len()}),
    ))
}

impl OrderSnapshot {
    /// 購入金額.
    pub(super) fn amount(&self) -> Yen {
        self.amount
    }

    /// Refuses what no column can hold.
    pub(super) fn check(&self) -> Result<(), Problem> {
        let fits = |text: &str| !text.is_empty() && text.len() <= 64 && !text.chars().any(char::is_control);
        if fits(&self.id) && fits(&self.number) {
            Ok(())
        } else {
            Err(Problem::misuse(
                "order.id",
                "id and number have 1 to 64 bytes and no control characters",
            ))
        }
    }

    fn write_to(&self, order: &mut Order) {
        let before = searched(order);
        let customer = &self.customer;
        let name = format!("{} {}", customer.family_name, customer.given_name);
        order.order_number.clone_from(&self.number);
        self.status.name().clone_into(&mut order.status);
        order.amount = self.amount.get();
        order.customer_name = short(name.trim());
        order.payment_method = short(&self.payment_method);
        order.created_at = self.created_at.naive_utc();
        order.ordered_at = self.ordered_at.map(|at| at.naive_utc());
        let told_at = self.updated_at.naive_utc();
        order.told_at = Some(told_at);
        let mut shopper = self.shopper.clone();
        if shopper.email.is_empty() {
            shopper.email.clone_from(&customer.email);
        }
        order.shopper = serde_json::to_string(&shopper).unwrap_or_default();
        order.updated_at = order.updated_at.max(told_at);
        order.search_name = short(&fold(&name));
        order.search_kana = short(&fold(&format!("{}{}", customer.family_kana, customer.given_kana)));
        order.search_company = short(&fold(&customer.company));
        order.search_email = short(&fold(&customer.email));
        order.search_phone = phone_digits(&customer.phone).chars().take(64).collect();
        order.paid_at = self.paid_at.map(|at| at.naive_utc());
        order.deliver_on = self.delivery_date;
        order.tracking_number = short(&width(self.tracking_number.trim()));
        order.shipping_mail_sent = self.shipping_mail_sent;
        order.search_products = self
            .products
            .iter()
            .map(|product| fold(product))
            .collect::<Vec<_>>()
            .join("\n");
        if before != searched(order) {
            order.index_due = Some(1);
        }
    }
}

/// The texts that the search index holds.
fn searched(order: &Order) -> [String; 6] {
    [
        &order.order_number,
        &order.search_name,
        &order.search_kana,
        &order.search_company,
        &order.search_email,
        &order.search_phone,
    ]
    .map(Clone::clone)
}

/// Stores a snapshot unless a newer one is known; the row as it stands after that, and whether it was stored.
pub(super) fn record(rows: &mut Connection, snapshot: &OrderSnapshot) -> StoreResult<(Order, bool)> {
    match orders::find(rows, &snapshot.id)? {
        Some(order) if order.told_at.is_some_and(|told| told > snapshot.updated_at.naive_utc()) => Ok((order, false)),
        Some(mut order) => {
            snapshot.write_to(&mut order);
            orders::update(rows, &mut order)?;
            Ok((order, true))
        }
        None => {
            let mut order = blank(snapshot);
            snapshot.write_to(&mut order);
            orders::insert(rows, &order)?;
            Ok((order, true))
        }
    }
}

fn blank(snapshot: &OrderSnapshot) -> Order {
    let created_at = snapshot.created_at.naive_utc();
    Order {
        order_id: snapshot.id.clone(),
        order_number: String::new(),
        status: String::new(),
        amount: 0,
        customer_name: String::new(),
        payment_method: String::new(),
        created_at,
        ordered_at: None,
        updated_at: created_at,
        search_name: String::new(),
        search_kana: String::new(),
        search_company: String::new(),
        search_email: String::new(),
        search_phone: String::new(),
        removed: false,
        payment_id: None,
        last_hold: 0,
        last_attempt: 0,
        last_effect: 0,
        paid_at: None,
        deliver_on: None,
        tracking_number: String::new(),
        search_products: String::new(),
        shipping_mail_sent: None,
        told_at: None,
        shopper: String::new(),
        index_due: Some(1),
        version: 1,
    }
}

/// At most 255 characters, what a column holds.
fn short(text: &str) -> String {
    text.chars().take(255).collect()
}
