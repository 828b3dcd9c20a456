//! What the plugin asks for, done exactly once: the effect's key and its number are written in the transaction that
//! moves stock, points and status. Asked again, by whomever and however often, it answers `already`.

use anyhow::Context as _;
use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::orders::{self, Order};
use super::schema::{effects, mails, members, movements, order_lines, products};
use super::{OrderLine, Shop, Status, cart};

/// An effect as the plugin offers it.
#[derive(Debug, Clone, Deserialize)]
pub struct Effect {
    /// Unique.
    pub key: String,
    /// Our order.
    pub order_id: String,
    /// Its place among the order's effects.
    pub number: i32,
    /// `order.pend` and so on.
    pub kind: String,
    /// The hold that it is about.
    pub hold: i32,
    /// By kind.
    pub data: Value,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Applied {
    /// Done now.
    Applied,
    /// Done before.
    Already,
    /// One before it has not been done yet.
    Retry,
    /// It cannot be done.
    Rejected(String),
}

/// What a hold took or gave back.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable, Serialize)]
#[diesel(table_name = movements, check_for_backend(diesel::sqlite::Sqlite))]
pub struct Movement {
    /// The order.
    pub order_id: String,
    /// Its hold.
    pub hold: i32,
    /// `points`, or a product's number.
    pub thing: String,
    /// Taken, or given back.
    pub taken: bool,
    /// How much.
    pub quantity: i64,
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = effects, check_for_backend(diesel::sqlite::Sqlite))]
struct EffectRow {
    effect_key: String,
    order_id: String,
    number: i32,
    kind: String,
    reason: Option<String>,
    applied_at: NaiveDateTime,
}

impl Shop {
    /// Does what an effect asks for, once.
    pub fn apply(&self, effect: &Effect) -> anyhow::Result<Applied> {
        self.write(|rows| {
            let known: Option<EffectRow> = effects::table
                .find(&effect.key)
                .select(EffectRow::as_select())
                .first(rows)
                .optional()?;
            if let Some(known) = known {
                return Ok(known.reason.map_or(Applied::Already, Applied::Rejected));
            }
            let Some(mut order) = orders::find(rows, &effect.order_id)? else {
                return Ok(Applied::Rejected("there is no such order".to_owned()));
            };
            if effect.number <= order.last_effect {
                return Ok(Applied::Already);
            }
            if effect.number > order.last_effect + 1 {
                return Ok(Applied::Retry);
            }
            let reason = act(rows, &mut order, effect, self.now())?.err();
            order.last_effect = effect.number;
            order.updated_at = order.updated_at.max(self.now());
            orders::save(rows, &order)?;
            let row = EffectRow {
                effect_key: effect.key.clone(),
                order_id: effect.order_id.clone(),
                number: effect.number,
                kind: effect.kind.clone(),
                reason: reason.clone(),
                applied_at: self.now(),
            };
            diesel::insert_into(effects::table).values(row).execute(rows)?;
            Ok(reason.map_or(Applied::Applied, Applied::Rejected))
        })
    }

    /// All that holds took and gave back.
    pub fn movements(&self) -> anyhow::Result<Vec<Movement>> {
        self.read(|rows| {
            let order = (
                movements::order_id,
                movements::hold,
                movements::taken.desc(),
                movements::thing,
            );
            Ok(movements::table.order(order).select(Movement::as_select()).load(rows)?)
        })
    }
}

/// Where the shop's own staff are written to.
const STAFF: &str = "staff@shop.example";

/// `Err` says why the effect cannot be done.
fn act(
    rows: &mut SqliteConnection,
    order: &mut Order,
    effect: &Effect,
    now: NaiveDateTime,
) -> anyhow::Result<Result<(), String>> {
    match effect.kind.as_str() {
        "order.pend" => return take(rows, order, effect.hold),
        "order.place" => {
            let status = effect
                .data
                .get("status")
                .and_then(Value::as_str)
                .and_then(Status::parse);
            status
                .context("order.place without a status")?
                .name()
                .clone_into(&mut order.status);
            order.ordered_at = Some(now);
            if let Some(session) = &order.session_id {
                cart::clear(rows, session)?;
            }
        }
        "order.withdraw" => {
            give_back(rows, order, effect.hold)?;
            Status::Processing.name().clone_into(&mut order.status);
            order.withdrawn = true;
        }
        "order.paid" => {
            // Only from 新規受付: what the staff did since counts more than what the gateway tells late.
            if order.status() != Status::New {
                return Ok(Err(format!("the order is {}", order.status().name())));
            }
            Status::Paid.name().clone_into(&mut order.status);
            let at = effect.data.get("paid_at").and_then(Value::as_str);
            let at = at.and_then(|at| at.parse::<DateTime<Utc>>().ok());
            order.paid_at = at.map(|at| at.naive_utc());
        }
        "order.cancel" => {
            give_back(rows, order, effect.hold)?;
            Status::Cancelled.name().clone_into(&mut order.status);
        }
        "mail.order_placed" => {
            let mail = (
                mails::effect_key.eq(&effect.key),
                mails::order_id.eq(&order.order_id),
                mails::sent_to.eq(order.buyer().email),
                mails::subject.eq(format!("ご注文ありがとうございます（注文番号：{}）", order.order_id)),
                mails::sent_at.eq(now),
            );
            diesel::insert_into(mails::table).values(mail).execute(rows)?;
        }
        "mail.payment_given_back" | "mail.deadlines_near" => {
            let subject = effect.data.get("subject").and_then(Value::as_str).unwrap_or_default();
            let mail = (
                mails::effect_key.eq(&effect.key),
                mails::order_id.eq(&order.order_id),
                mails::sent_to.eq(match effect.kind.as_str() {
                    "mail.deadlines_near" => STAFF.to_owned(),
                    _ => order.buyer().email,
                }),
                mails::subject.eq(subject),
                mails::sent_at.eq(now),
            );
            diesel::insert_into(mails::table).values(mail).execute(rows)?;
        }
        "shop.alarm" => {
            let count = |name: &str| effect.data.get(name).and_then(Value::as_i64).unwrap_or(0);
            let mail = (
                mails::effect_key.eq(&effect.key),
                mails::order_id.eq(&order.order_id),
                mails::sent_to.eq(STAFF),
                mails::subject.eq(format!(
                    "カードの不正な試行が疑われます（{}分間に失敗{}件）",
                    count("minutes"),
                    count("failed")
                )),
                mails::sent_at.eq(now),
            );
            diesel::insert_into(mails::table).values(mail).execute(rows)?;
        }
        other => return Ok(Err(format!("this shop does not know the effect {other}"))),
    }
    Ok(Ok(()))
}

/// Takes stock and points for a hold, all or nothing.
fn take(rows: &mut SqliteConnection, order: &mut Order, hold: i32) -> anyhow::Result<Result<(), String>> {
    let lines: Vec<OrderLine> = order_lines::table
        .filter(order_lines::order_id.eq(&order.order_id))
        .select(OrderLine::as_select())
        .load(rows)?;
    for line in &lines {
        let stock: i32 = products::table
            .find(line.product_id)
            .select(products::stock)
            .first(rows)?;
        if stock < line.quantity {
            return Ok(Err(format!("product {} is sold out", line.product_id)));
        }
    }
    if let Some(member) = order.member_id {
        let points: i64 = members::table.find(member).select(members::points).first(rows)?;
        if points < order.points {
            return Ok(Err("the member has too few points".to_owned()));
        }
    }
    for line in &lines {
        diesel::update(products::table.find(line.product_id))
            .set(products::stock.eq(products::stock - line.quantity))
            .execute(rows)?;
        record(
            rows,
            order,
            hold,
            line.product_id.to_string(),
            true,
            i64::from(line.quantity),
        )?;
    }
    if let Some(member) = order.member_id.filter(|_| order.points > 0) {
        diesel::update(members::table.find(member))
            .set(members::points.eq(members::points - order.points))
            .execute(rows)?;
        record(rows, order, hold, "points".to_owned(), true, order.points)?;
    }
    Status::Pending.name().clone_into(&mut order.status);
    order.withdrawn = false;
    Ok(Ok(()))
}

/// Gives back exactly what the hold took.
fn give_back(rows: &mut SqliteConnection, order: &Order, hold: i32) -> anyhow::Result<()> {
    let of_hold = movements::table
        .filter(movements::order_id.eq(&order.order_id))
        .filter(movements::hold.eq(hold));
    let moved: Vec<Movement> = of_hold.select(Movement::as_select()).load(rows)?;
    if moved.iter().any(|movement| !movement.taken) {
        return Ok(());
    }
    for movement in moved {
        match (movement.thing.as_str(), order.member_id) {
            ("points", Some(member)) => {
                let points = members::points + movement.quantity;
                diesel::update(members::table.find(member))
                    .set(members::points.eq(points))
                    .execute(rows)?;
            }
            (product, _) => {
                let stock = products::stock + i32::try_from(movement.quantity)?;
                diesel::update(products::table.find(product.parse::<i32>()?))
                    .set(products::stock.eq(stock))
                    .execute(rows)?;
            }
        }
        record(rows, order, hold, movement.thing, false, movement.quantity)?;
    }
    Ok(())
}

fn record(
    rows: &mut SqliteConnection,
    order: &Order,
    hold: i32,
    thing: String,
    taken: bool,
    quantity: i64,
) -> anyhow::Result<()> {
    let movement = Movement {
        order_id: order.order_id.clone(),
        hold,
        thing,
        taken,
        quantity,
    };
    diesel::insert_into(movements::table).values(movement).execute(rows)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::shop::Session;

    fn shop() -> (tempfile::TempDir, Shop, Session) {
        let folder = tempfile::tempdir().unwrap();
        let shop = Shop::open(&folder.path().join("shop.db"), Arc::default()).unwrap();
        let session = shop.session("s1").unwrap();
        shop.log_in("s1", Some(1)).unwrap();
        (
            folder,
            shop,
            Session {
                member_id: Some(1),
                ..session
            },
        )
    }

    fn effect(kind: &str, order: &Order, number: i32, hold: i32) -> Effect {
        Effect {
            key: format!("{kind}:{}:{hold}", order.order_id),
            order_id: order.order_id.clone(),
            number,
            kind: kind.to_owned(),
            hold,
            data: json!({"status": "new"}),
        }
    }

    fn left(shop: &Shop) -> (i32, i64) {
        let teapot = shop
            .products()
            .unwrap()
            .into_iter()
            .find(|product| product.product_id == 6)
            .unwrap();
        (teapot.stock, shop.member(1).unwrap().unwrap().points)
    }

    #[test]
    fn an_effect_is_applied_once_by_key_and_in_order() {
        let (_folder, shop, session) = shop();
        shop.add("s1", 6, 1).unwrap();
        let order = shop.prepare(&session, &crate::shop::member(), 100).unwrap().unwrap();
        assert_eq!(order.amount, 9_700);
        let (pend, back) = (
            effect("order.pend", &order, 1, 1),
            effect("order.withdraw", &order, 2, 1),
        );
        assert_eq!(
            shop.apply(&back).unwrap(),
            Applied::Retry,
            "not before what comes first"
        );
        assert_eq!(shop.apply(&pend).unwrap(), Applied::Applied);
        assert_eq!(left(&shop), (0, 400));
        assert_eq!(shop.apply(&pend).unwrap(), Applied::Already);
        assert_eq!(shop.apply(&back).unwrap(), Applied::Applied);
        assert_eq!(shop.apply(&back).unwrap(), Applied::Already);
        assert_eq!(left(&shop), (1, 500), "stock and points as before");
        assert!(shop.orders(&Status::ALL).unwrap().is_empty(), "in no list");
        assert_eq!(shop.cart("s1").unwrap().len(), 1, "the cart is as it was");
    }

    #[test]
    fn eight_processes_that_give_back_at_once_give_back_once() {
        let (_folder, shop, session) = shop();
        shop.add("s1", 6, 1).unwrap();
        let order = shop.prepare(&session, &crate::shop::member(), 500).unwrap().unwrap();
        shop.apply(&effect("order.pend", &order, 1, 1)).unwrap();
        let cancel = effect("order.cancel", &order, 2, 1);
        let outcomes: Vec<Applied> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| shop.apply(&cancel).unwrap())).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(
            outcomes.iter().filter(|outcome| **outcome == Applied::Applied).count(),
            1,
            "{outcomes:?}"
        );
        assert_eq!(left(&shop), (1, 500));
    }

    #[test]
    fn what_is_sold_out_is_not_held_and_stays_rejected() {
        let (_folder, shop, session) = shop();
        shop.add("s1", 6, 2).unwrap();
        let order = shop.prepare(&session, &crate::shop::member(), 0).unwrap().unwrap();
        let pend = effect("order.pend", &order, 1, 1);
        assert!(matches!(shop.apply(&pend).unwrap(), Applied::Rejected(_)));
        assert!(matches!(shop.apply(&pend).unwrap(), Applied::Rejected(_)));
        assert_eq!(left(&shop), (1, 500));
    }
}
