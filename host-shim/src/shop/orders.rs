//! Orders, from 購入処理中 to whatever the staff make of them.

use anyhow::Context as _;
use chrono::NaiveDateTime;
use diesel::prelude::*;
use serde::Serialize;

use super::schema::{order_lines, orders, products, sessions};
use super::{Buyer, Session, Shop, cart};

/// 対応状況.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// 新規受付
    New,
    /// 入金済み
    Paid,
    /// 対応中
    InProgress,
    /// 注文取消し
    Cancelled,
    /// 発送済み
    Shipped,
    /// 購入処理中
    Processing,
    /// 決済処理中
    Pending,
    /// 返品
    Returned,
}

impl Status {
    /// All, in the order of the staff's screens.
    pub const ALL: [Self; 8] = [
        Self::New,
        Self::Paid,
        Self::InProgress,
        Self::Cancelled,
        Self::Shipped,
        Self::Processing,
        Self::Pending,
        Self::Returned,
    ];

    /// Its name in rows and in the plugin's interface.
    pub fn name(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Paid => "paid",
            Self::InProgress => "in_progress",
            Self::Cancelled => "cancelled",
            Self::Shipped => "shipped",
            Self::Processing => "processing",
            Self::Pending => "pending",
            Self::Returned => "returned",
        }
    }

    /// The status of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == name)
    }

    /// Its words.
    pub fn words(self, english: bool) -> &'static str {
        let (ja, en) = match self {
            Self::New => ("新規受付", "New"),
            Self::Paid => ("入金済み", "Paid"),
            Self::InProgress => ("対応中", "In progress"),
            Self::Cancelled => ("注文取消し", "Cancelled"),
            Self::Shipped => ("発送済み", "Shipped"),
            Self::Processing => ("購入処理中", "In checkout"),
            Self::Pending => ("決済処理中", "Payment pending"),
            Self::Returned => ("返品", "Returned"),
        };
        if english { en } else { ja }
    }
}

/// An order.
#[derive(Debug, Clone, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = orders, check_for_backend(diesel::sqlite::Sqlite), treat_none_as_null = true)]
pub struct Order {
    /// Its number, which is its id here.
    pub order_id: String,
    /// The visitor who makes it.
    pub session_id: Option<String>,
    /// The member whose it is.
    pub member_id: Option<i32>,
    pub(super) status: String,
    /// In yen, points taken off.
    pub amount: i64,
    /// Points used.
    pub points: i64,
    pub(super) buyer: String,
    /// Registered by the staff: no payment exists at Paygent.
    pub by_hand: bool,
    /// Left by 「戻る」: in no list.
    pub withdrawn: bool,
    /// UTC.
    pub created_at: NaiveDateTime,
    /// When it was placed, UTC.
    pub ordered_at: Option<NaiveDateTime>,
    /// When its money was taken (入金日), UTC.
    pub paid_at: Option<NaiveDateTime>,
    /// UTC.
    pub updated_at: NaiveDateTime,
    pub(super) last_effect: i32,
}

/// A line of an order.
#[derive(Debug, Clone, Queryable, Selectable, Insertable, Serialize)]
#[diesel(table_name = order_lines, check_for_backend(diesel::sqlite::Sqlite))]
pub struct OrderLine {
    /// Its order.
    pub order_id: String,
    /// What.
    pub product_id: i32,
    /// In yen, each.
    pub price: i64,
    /// How many.
    pub quantity: i32,
}

impl Order {
    /// 対応状況.
    pub fn status(&self) -> Status {
        Status::parse(&self.status).unwrap_or(Status::Processing)
    }

    /// Who buys.
    pub fn buyer(&self) -> Buyer {
        serde_json::from_str(&self.buyer).unwrap_or_default()
    }
}

impl Shop {
    /// Makes the visitor's cart an order (購入処理中), or changes the one they are making: an order that was left by
    /// 「戻る」 or never reached the card page keeps its number, one that waits on a card page stays as it is.
    pub fn prepare(&self, session: &Session, buyer: &Buyer, points: i64) -> anyhow::Result<Option<Order>> {
        self.write(|rows| {
            let lines = cart::lines(rows, &session.session_id)?;
            let total: i64 = lines
                .iter()
                .map(|line| line.product.price * i64::from(line.quantity))
                .sum();
            if lines.is_empty() {
                return Ok(None);
            }
            let own: Option<Option<String>> = sessions::table
                .find(&session.session_id)
                .select(sessions::order_id)
                .first(rows)
                .optional()?;
            let known = own.flatten().map(|id| find(rows, &id)).transpose()?.flatten();
            let open = known.filter(|order| order.status() == Status::Processing);
            let order_id = match &open {
                Some(order) => order.order_id.clone(),
                None => next_number(rows)?,
            };
            let now = self.now();
            let points = points.clamp(0, total);
            let order = Order {
                order_id: order_id.clone(),
                session_id: Some(session.session_id.clone()),
                member_id: session.member_id,
                status: Status::Processing.name().to_owned(),
                amount: total - points,
                points,
                buyer: serde_json::to_string(buyer)?,
                by_hand: false,
                withdrawn: open.as_ref().is_some_and(|order| order.withdrawn),
                created_at: open.as_ref().map_or(now, |order| order.created_at),
                ordered_at: None,
                paid_at: None,
                updated_at: now,
                last_effect: open.as_ref().map_or(0, |order| order.last_effect),
            };
            save(rows, &order)?;
            diesel::delete(order_lines::table.filter(order_lines::order_id.eq(&order_id))).execute(rows)?;
            for line in lines {
                let (product_id, price) = (line.product.product_id, line.product.price);
                let row = OrderLine {
                    order_id: order_id.clone(),
                    product_id,
                    price,
                    quantity: line.quantity,
                };
                diesel::insert_into(order_lines::table).values(row).execute(rows)?;
            }
            diesel::update(sessions::table.find(&session.session_id))
                .set(sessions::order_id.eq(&order_id))
                .execute(rows)?;
            Ok(Some(order))
        })
    }

    /// An order that the staff register: 受注登録. No payment is made for it.
    pub fn register(&self, buyer: &Buyer, amount: i64) -> anyhow::Result<Order> {
        self.write(|rows| {
            let now = self.now();
            let order = Order {
                order_id: next_number(rows)?,
                session_id: None,
                member_id: None,
                status: Status::New.name().to_owned(),
                amount,
                points: 0,
                buyer: serde_json::to_string(buyer)?,
                by_hand: true,
                withdrawn: false,
                created_at: now,
                ordered_at: Some(now),
                paid_at: None,
                updated_at: now,
                last_effect: 0,
            };
            save(rows, &order)?;
            Ok(order)
        })
    }

    /// An order as the guide's figures show it, made at the shop's time.
    pub fn sample(&self, order_id: &str, amount: i64) -> anyhow::Result<Order> {
        self.write(|rows| {
            let now = self.now();
            let order = Order {
                order_id: order_id.to_owned(),
                session_id: None,
                member_id: Some(1),
                status: Status::Processing.name().to_owned(),
                amount,
                points: 0,
                buyer: serde_json::to_string(&super::member())?,
                by_hand: false,
                withdrawn: false,
                created_at: now,
                ordered_at: None,
                paid_at: None,
                updated_at: now,
                last_effect: 0,
            };
            save(rows, &order)?;
            Ok(order)
        })
    }

    /// An order.
    pub fn order(&self, id: &str) -> anyhow::Result<Option<Order>> {
        self.read(|rows| find(rows, id))
    }

    /// Its lines.
    pub fn lines(&self, order_id: &str) -> anyhow::Result<Vec<OrderLine>> {
        self.read(|rows| {
            let lines = order_lines::table.filter(order_lines::order_id.eq(order_id));
            Ok(lines
                .order(order_lines::product_id)
                .select(OrderLine::as_select())
                .load(rows)?)
        })
    }

    /// The names of what was ordered.
    pub fn product_names(&self, order_id: &str) -> anyhow::Result<Vec<String>> {
        self.read(|rows| {
            let named =
                order_lines::table.inner_join(products::table.on(products::product_id.eq(order_lines::product_id)));
            Ok(named
                .filter(order_lines::order_id.eq(order_id))
                .order(order_lines::product_id)
                .select(products::name_ja)
                .load(rows)?)
        })
    }

    /// The orders of these statuses, the newest first; what was left by 「戻る」 is in no list.
    pub fn orders(&self, statuses: &[Status]) -> anyhow::Result<Vec<Order>> {
        let names: Vec<&str> = statuses.iter().map(|status| status.name()).collect();
        self.read(|rows| {
            let shown = orders::table
                .filter(orders::withdrawn.eq(false))
                .filter(orders::status.eq_any(names));
            Ok(shown
                .order((orders::updated_at.desc(), orders::order_id.desc()))
                .select(Order::as_select())
                .load(rows)?)
        })
    }

    /// The staff change an order's status or amount.
    pub fn edit(&self, id: &str, status: Option<Status>, amount: Option<i64>) -> anyhow::Result<Order> {
        self.write(|rows| {
            let mut order = find(rows, id)?.context("there is no such order")?;
            if let Some(status) = status {
                order.status = status.name().to_owned();
            }
            order.amount = amount.unwrap_or(order.amount);
            order.updated_at = order.updated_at.max(self.now());
            save(rows, &order)?;
            Ok(order)
        })
    }
}

pub(super) fn find(rows: &mut SqliteConnection, id: &str) -> anyhow::Result<Option<Order>> {
    Ok(orders::table
        .find(id)
        .select(Order::as_select())
        .first(rows)
        .optional()?)
}

pub(super) fn save(rows: &mut SqliteConnection, order: &Order) -> anyhow::Result<()> {
    let changed = diesel::update(orders::table.find(&order.order_id))
        .set(order)
        .execute(rows)?;
    if changed == 0 {
        diesel::insert_into(orders::table).values(order).execute(rows)?;
    }
    Ok(())
}

/// The number after the highest; the guide's orders end at 235.
fn next_number(rows: &mut SqliteConnection) -> anyhow::Result<String> {
    const FIRST: i64 = 236;
    let ids: Vec<String> = orders::table.select(orders::order_id).load(rows)?;
    let highest = ids.iter().filter_map(|id| id.parse::<i64>().ok()).max().unwrap_or(0);
    Ok((highest + 1).max(FIRST).to_string())
}
