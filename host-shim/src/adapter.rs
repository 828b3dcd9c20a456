//! The shop's side of the plugin's interface: tells of orders, enters the card page, hands pages through, and does
//! what comes back as effects. This is all that a shop has to write.

use std::sync::Arc;

use chrono::{DateTime, FixedOffset, NaiveDateTime};
use serde_json::{Value, json};

use crate::library::{Called, Plugin};
use crate::shop::{Applied, Effect, Order, Shop};

/// The shop and its plugin.
pub struct Adapter {
    /// The shop.
    pub shop: Shop,
    /// The plugin, as loaded.
    pub plugin: Arc<Plugin>,
}

impl Adapter {
    /// Calls a hook and does at once what its reply asks for.
    pub fn call(&self, hook: &str, request: &Value) -> anyhow::Result<Called> {
        let called = self.plugin.call(hook, request);
        self.apply(&called.reply)?;
        Ok(called)
    }

    /// Tells the plugin of a new or changed order. Orders that the staff registered are told, too: they have no payment.
    pub fn tell(&self, order: &Order) -> anyhow::Result<()> {
        self.call("orders.put", &json!({"data": {"orders": [self.snapshot(order)?]}}))
            .map(drop)
    }

    /// 「注文する」: where the shopper goes now, the card page as a rule.
    pub fn enter(&self, order: &Order, language: &str) -> anyhow::Result<String> {
        let urls = json!({"complete": format!("/complete/{}", order.order_id), "back": "/confirm"});
        let request = json!({"language": language, "data": {"order": self.snapshot(order)?, "urls": urls}});
        let entered = self.call("checkout.enter", &request)?;
        let to = entered.reply.get("redirect").and_then(Value::as_str).map(str::to_owned);
        to.ok_or_else(|| anyhow::anyhow!("the plugin did not open the card page: {}", entered.reply))
    }

    /// A slice of background work, and whatever effects nobody has applied yet.
    pub fn work(&self) -> anyhow::Result<()> {
        self.call("work.step", &json!({"data": {"budget_ms": 500}}))?;
        self.call("effects.pending", &json!({})).map(drop)
    }

    /// Applies a reply's effects, acknowledges them, and goes on with what that sets free. Afterwards the plugin is told
    /// how each touched order stands.
    fn apply(&self, reply: &Value) -> anyhow::Result<()> {
        let mut offered = effects(reply)?;
        let mut touched: Vec<String> = Vec::new();
        while !offered.is_empty() {
            let mut acks = Vec::new();
            let mut moved = false;
            for effect in offered {
                let (result, reason) = match self.shop.apply(&effect)? {
                    Applied::Applied => ("applied", None),
                    Applied::Already => ("already", None),
                    Applied::Retry => ("retry", None),
                    Applied::Rejected(reason) => ("rejected", Some(reason)),
                };
                moved |= result != "retry";
                acks.push(json!({"key": effect.key, "result": result, "reason": reason}));
                if !touched.contains(&effect.order_id) {
                    touched.push(effect.order_id);
                }
            }
            let answer = self.plugin.call("effects.ack", &json!({"data": {"acks": acks}}));
            offered = if moved { effects(&answer.reply)? } else { Vec::new() };
        }
        for order in touched.iter().filter_map(|id| self.shop.order(id).transpose()) {
            self.plugin
                .call("orders.put", &json!({"data": {"orders": [self.snapshot(&order?)?]}}));
        }
        Ok(())
    }

    /// The order as the plugin is told of it.
    fn snapshot(&self, order: &Order) -> anyhow::Result<Value> {
        Ok(json!({
            "id": order.order_id,
            "number": order.order_id,
            "status": order.status().name(),
            "amount": order.amount,
            "created_at": japanese(order.created_at),
            "ordered_at": order.ordered_at.map(japanese),
            "paid_at": order.paid_at.map(japanese),
            "updated_at": japanese(order.updated_at),
            "customer": order.buyer(),
            "shopper": shopper(order),
            "products": self.shop.product_names(&order.order_id)?,
        }))
    }
}

/// What card companies may know of who buys: the sample member has a history at this shop, a guest has none.
fn shopper(order: &Order) -> Value {
    let buyer = order.buyer();
    let mut told = json!({"login_type": "01", "email": buyer.email, "phone": buyer.phone});
    if let (Some(_), Some(told)) = (order.member_id, told.as_object_mut()) {
        let address = json!({"state": "13", "city": "見本区", "line1": "例示町1-2-3", "post_code": "1000000"});
        told.insert("login_type".to_owned(), json!("02"));
        told.insert("account_created_on".to_owned(), json!("2019-04-01"));
        told.insert("shipping_address_used_on".to_owned(), json!("2019-04-01"));
        told.insert("billing".to_owned(), address.clone());
        told.insert("shipping".to_owned(), address);
    }
    told
}

fn effects(reply: &Value) -> anyhow::Result<Vec<Effect>> {
    match reply.get("effects") {
        Some(effects) => Ok(serde_json::from_value(effects.clone())?),
        None => Ok(Vec::new()),
    }
}

fn japanese(at: NaiveDateTime) -> String {
    const JST_SECS: i32 = 9 * 3_600;
    let utc: DateTime<chrono::Utc> = at.and_utc();
    FixedOffset::east_opt(JST_SECS).map_or_else(|| utc.to_rfc3339(), |jst| utc.with_timezone(&jst).to_rfc3339())
}
