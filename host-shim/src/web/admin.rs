//! The shop's own admin: 受注一覧, an order, stock and points. ペイジェント決済管理 stands in it as the plugin gives it.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Form;
use axum::extract::{Path, RawQuery, State};
use http::{HeaderMap, HeaderValue, header};
use minijinja::context;
use minijinja::value::{Serde, Value};
use serde_json::json;

use super::frame::{Page, Visitor, time, yen};
use super::{Shared, mount};
use crate::shop::{Buyer, Order, Status};

type Fields = Form<BTreeMap<String, String>>;

pub(super) async fn entrance(State(_): State<Shared>, RawQuery(query): RawQuery, headers: HeaderMap) -> Page {
    let visitor = Visitor::of(&headers, query.as_deref())?;
    if visitor.staff {
        return visitor.go("/admin/paygent/payments");
    }
    let title = if visitor.english { "Log in" } else { "ログイン" };
    visitor.page("admin.html", context! { title, fragment => (), here => "", menu => () })
}

pub(super) async fn log_in(State(_): State<Shared>, headers: HeaderMap) -> Page {
    let mut response = Visitor::of(&headers, None)?.go("/admin/paygent/payments")?;
    let cookie = HeaderValue::from_static("staff=1; Path=/admin; HttpOnly; SameSite=Lax");
    response.headers_mut().append(header::SET_COOKIE, cookie);
    Ok(response)
}

/// The plugin's entry of the menu (R20).
pub(super) async fn menu(site: &Shared, visitor: &Visitor) -> anyhow::Result<Value> {
    let request = json!({"language": visitor.language()});
    let called = mount::call(Arc::clone(site), "admin.menu", request).await?;
    Ok(Value::from(Serde(
        called.reply.get("data").cloned().unwrap_or_default(),
    )))
}

/// 受注一覧; all eight boxes ticked until some are chosen.
pub(super) async fn orders(State(site): State<Shared>, RawQuery(query): RawQuery, headers: HeaderMap) -> Page {
    let visitor = Visitor::of(&headers, query.as_deref())?;
    if !visitor.staff {
        return visitor.go("/admin");
    }
    let asked: Vec<Status> = query
        .as_deref()
        .unwrap_or("")
        .split('&')
        .filter_map(|pair| pair.strip_prefix("status="))
        .filter_map(Status::parse)
        .collect();
    let statuses = if asked.is_empty() { Status::ALL.to_vec() } else { asked };
    let boxes: Vec<Value> = Status::ALL
        .into_iter()
        .map(|status| context! { name => status.name(), words => status.words(visitor.english), on => statuses.contains(&status) })
        .collect();
    let rows: Vec<Value> = site
        .adapter
        .shop
        .orders(&statuses)?
        .iter()
        .map(|order| row(order, visitor.english))
        .collect();
    let menu = menu(&site, &visitor).await?;
    visitor.page("orders.html", context! { boxes, rows, here => "orders", menu })
}

fn row(order: &Order, english: bool) -> Value {
    let buyer = order.buyer();
    context! {
        number => order.order_id.clone(),
        at => time(order.ordered_at.unwrap_or(order.created_at)),
        name => format!("{} {}", buyer.family_name, buyer.given_name),
        amount => yen(order.amount),
        status => order.status().words(english),
        status_name => order.status().name(),
    }
}

/// 受注登録: no payment is made at Paygent (R17).
pub(super) async fn register(State(site): State<Shared>, headers: HeaderMap, Form(fields): Fields) -> Page {
    let visitor = Visitor::of(&headers, None)?;
    if !visitor.staff {
        return visitor.go("/admin");
    }
    let field = |name: &str| fields.get(name).cloned().unwrap_or_default();
    let buyer = Buyer {
        family_name: field("family_name"),
        given_name: field("given_name"),
        ..Buyer::default()
    };
    let amount = field("amount").parse::<i64>().unwrap_or(0).clamp(0, 999_999_999);
    let order = site.adapter.shop.register(&buyer, amount)?;
    let to = format!("/admin/orders/{}", order.order_id);
    tokio::task::spawn_blocking(move || site.adapter.tell(&order)).await??;
    visitor.go(&to)
}

/// One order, and how its payment stands.
pub(super) async fn order(
    State(site): State<Shared>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Page {
    let visitor = Visitor::of(&headers, query.as_deref())?;
    let order = site
        .adapter
        .shop
        .order(&id)?
        .filter(|order| visitor.staff && !order.withdrawn);
    let Some(order) = order else {
        return visitor.go("/admin/orders");
    };
    let request = json!({"language": visitor.language(), "data": {"order_ids": [id]}});
    let called = mount::call(Arc::clone(&site), "payments.state", request).await?;
    let state = called
        .reply
        .pointer(&format!("/data/orders/{}", order.order_id))
        .cloned()
        .unwrap_or_default();
    let boxes: Vec<Value> = Status::ALL
        .into_iter()
        .map(|status| context! { name => status.name(), words => status.words(visitor.english), on => status == order.status() })
        .collect();
    let lines = site.adapter.shop.lines(&order.order_id)?;
    let menu = menu(&site, &visitor).await?;
    let shown = context! {
        order => row(&order, visitor.english), yen => order.amount, by_hand => order.by_hand,
        buyer => Value::from(Serde(order.buyer())), lines => Value::from(Serde(lines)),
        state => Value::from(Serde(state)), boxes, here => "orders", menu,
    };
    visitor.page("order.html", shown)
}

pub(super) async fn edit(
    State(site): State<Shared>,
    Path(id): Path<String>,
    headers: HeaderMap,
    Form(fields): Fields,
) -> Page {
    let visitor = Visitor::of(&headers, None)?;
    if !visitor.staff {
        return visitor.go("/admin");
    }
    let status = fields.get("status").and_then(|name| Status::parse(name));
    let amount = fields
        .get("amount")
        .and_then(|amount| amount.parse::<i64>().ok())
        .filter(|yen| (0..=999_999_999).contains(yen));
    let order = site.adapter.shop.edit(&id, status, amount)?;
    tokio::task::spawn_blocking(move || site.adapter.tell(&order)).await??;
    visitor.go(&format!("/admin/orders/{id}"))
}

/// 在庫・ポイント・メール.
pub(super) async fn ledger(State(site): State<Shared>, RawQuery(query): RawQuery, headers: HeaderMap) -> Page {
    let visitor = Visitor::of(&headers, query.as_deref())?;
    if !visitor.staff {
        return visitor.go("/admin");
    }
    let shop = &site.adapter.shop;
    let mails: Vec<Value> = shop
        .mails()?
        .into_iter()
        .map(|mail| context! { at => time(mail.sent_at), to => mail.sent_to, subject => mail.subject })
        .collect();
    let shown = context! {
        products => Value::from(Serde(shop.products()?)),
        member => Value::from(Serde(shop.member(1)?)),
        movements => Value::from(Serde(shop.movements()?)),
        mails, here => "ledger", menu => menu(&site, &visitor).await?,
    };
    visitor.page("ledger.html", shown)
}
