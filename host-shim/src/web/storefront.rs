//! What shoppers see: goods, cart, confirmation page, complete page, my page.

use std::collections::BTreeMap;

use axum::Form;
use axum::extract::{Path, RawQuery, State};
use http::HeaderMap;
use minijinja::context;
use minijinja::value::{Serde, Value};

use super::Shared;
use super::frame::{Page, Visitor, time, yen};
use crate::shop::{Buyer, Order, Session, Shop, Status};

type Fields = Form<BTreeMap<String, String>>;

/// What the header of each page shows.
fn header(shop: &Shop, visitor: &Visitor) -> anyhow::Result<(Session, Value)> {
    let session = shop.session(&visitor.session)?;
    let member = session.member_id.map(|id| shop.member(id)).transpose()?.flatten();
    let pieces: i32 = shop.cart(&session.session_id)?.iter().map(|line| line.quantity).sum();
    Ok((session, context! { member => member.map(Serde), pieces }))
}

pub(super) async fn products(State(site): State<Shared>, RawQuery(query): RawQuery, headers: HeaderMap) -> Page {
    let visitor = Visitor::of(&headers, query.as_deref())?;
    let shop = &site.adapter.shop;
    let (_, header) = header(shop, &visitor)?;
    let online_url = &site.online_url;
    visitor.page(
        "products.html",
        context! { products => Value::from(Serde(shop.products()?)), online_url, ..header },
    )
}

pub(super) async fn add(State(site): State<Shared>, headers: HeaderMap, Form(fields): Fields) -> Page {
    let visitor = Visitor::of(&headers, None)?;
    let number = |name: &str| fields.get(name).and_then(|value| value.parse::<i32>().ok());
    site.adapter.shop.session(&visitor.session)?;
    if let Some(product) = number("product") {
        site.adapter
            .shop
            .add(&visitor.session, product, number("pieces").unwrap_or(1).clamp(-99, 99))?;
    }
    visitor.go("/cart")
}

pub(super) async fn cart(State(site): State<Shared>, RawQuery(query): RawQuery, headers: HeaderMap) -> Page {
    let visitor = Visitor::of(&headers, query.as_deref())?;
    let (session, header) = header(&site.adapter.shop, &visitor)?;
    let lines = site.adapter.shop.cart(&session.session_id)?;
    let total: i64 = lines
        .iter()
        .map(|line| line.product.price * i64::from(line.quantity))
        .sum();
    visitor.page(
        "cart.html",
        context! { lines => Value::from(Serde(lines)), total, ..header },
    )
}

pub(super) async fn log_in(State(site): State<Shared>, headers: HeaderMap) -> Page {
    let visitor = Visitor::of(&headers, None)?;
    site.adapter.shop.session(&visitor.session)?;
    site.adapter.shop.log_in(&visitor.session, Some(1))?;
    visitor.go("/")
}

pub(super) async fn log_out(State(site): State<Shared>, headers: HeaderMap) -> Page {
    let visitor = Visitor::of(&headers, None)?;
    site.adapter.shop.log_in(&visitor.session, None)?;
    visitor.go("/")
}

/// ご注文手続き: who buys, and how many points are used.
pub(super) async fn checkout(State(site): State<Shared>, RawQuery(query): RawQuery, headers: HeaderMap) -> Page {
    let visitor = Visitor::of(&headers, query.as_deref())?;
    let shop = &site.adapter.shop;
    let (session, header) = header(shop, &visitor)?;
    if shop.cart(&session.session_id)?.is_empty() {
        return visitor.go("/cart");
    }
    let guest = Buyer {
        family_name: "見本".to_owned(),
        given_name: "花子".to_owned(),
        family_kana: "ミホン".to_owned(),
        given_kana: "ハナコ".to_owned(),
        company: String::new(),
        email: "guest@example.com".to_owned(),
        phone: "03-0000-5678".to_owned(),
    };
    let member = session.member_id.map(|id| shop.member(id)).transpose()?.flatten();
    let buyer = member.map_or(guest, |member| member.buyer);
    visitor.page(
        "checkout.html",
        context! { buyer => Value::from(Serde(buyer)), ..header },
    )
}

/// 購入処理中 begins (R15).
pub(super) async fn prepare(State(site): State<Shared>, headers: HeaderMap, Form(fields): Fields) -> Page {
    let visitor = Visitor::of(&headers, None)?;
    let adapter = &site.adapter;
    let session = adapter.shop.session(&visitor.session)?;
    let field = |name: &str| {
        fields
            .get(name)
            .map(|value| value.trim().chars().take(100).collect())
            .unwrap_or_default()
    };
    let buyer = Buyer {
        family_name: field("family_name"),
        given_name: field("given_name"),
        family_kana: field("family_kana"),
        given_kana: field("given_kana"),
        company: field("company"),
        email: field("email"),
        phone: field("phone"),
    };
    let points = match session.member_id {
        Some(_) => fields.get("points").and_then(|points| points.parse().ok()).unwrap_or(0),
        None => 0,
    };
    let Some(order) = adapter.shop.prepare(&session, &buyer, points)? else {
        return visitor.go("/cart");
    };
    tokio::task::spawn_blocking(move || site.adapter.tell(&order)).await??;
    visitor.go("/confirm")
}

/// ご注文内容のご確認.
pub(super) async fn confirm(State(site): State<Shared>, RawQuery(query): RawQuery, headers: HeaderMap) -> Page {
    let visitor = Visitor::of(&headers, query.as_deref())?;
    let shop = &site.adapter.shop;
    let (session, header) = header(shop, &visitor)?;
    let Some(order) = own_order(shop, &session)? else {
        return visitor.go("/cart");
    };
    let lines = shop.cart(&session.session_id)?;
    let (amount, points) = (order.amount, order.points);
    let shown =
        context! { lines => Value::from(Serde(lines)), amount, points, buyer => Value::from(Serde(order.buyer())) };
    visitor.page("confirm.html", context! { ..shown, ..header })
}

/// 「注文する」: on to the card page (R2).
pub(super) async fn order(State(site): State<Shared>, headers: HeaderMap) -> Page {
    let visitor = Visitor::of(&headers, None)?;
    let session = site.adapter.shop.session(&visitor.session)?;
    let Some(order) = own_order(&site.adapter.shop, &session)? else {
        return visitor.go("/cart");
    };
    let language = visitor.language();
    let to = tokio::task::spawn_blocking(move || site.adapter.enter(&order, language)).await??;
    visitor.go(&to)
}

pub(super) async fn complete(
    State(site): State<Shared>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Page {
    let visitor = Visitor::of(&headers, query.as_deref())?;
    let shop = &site.adapter.shop;
    let (session, header) = header(shop, &visitor)?;
    let placed = shop
        .order(&id)?
        .filter(|order| matches!(order.status(), Status::New | Status::Paid));
    let Some(order) = placed else {
        return visitor.go("/");
    };
    // Another browser may have brought the shopper back from 3-D Secure: it is told of the order, and nothing of what is in it.
    let own = order.session_id.as_deref() == Some(&session.session_id);
    visitor.page(
        "complete.html",
        context! { own, number => order.order_id, amount => order.amount, ..header },
    )
}

pub(super) async fn my_page(State(site): State<Shared>, RawQuery(query): RawQuery, headers: HeaderMap) -> Page {
    let visitor = Visitor::of(&headers, query.as_deref())?;
    let shop = &site.adapter.shop;
    let (session, header) = header(shop, &visitor)?;
    if session.member_id.is_none() {
        return visitor.go("/");
    }
    let shown: Vec<Value> = shop
        .orders(
            &Status::ALL
                .into_iter()
                .filter(|status| *status != Status::Processing)
                .collect::<Vec<_>>(),
        )?
        .into_iter()
        .filter(|order| order.member_id == session.member_id)
        .map(|order| {
            let at = time(order.ordered_at.unwrap_or(order.created_at));
            let status = order.status().words(visitor.english);
            context! { number => order.order_id, amount => yen(order.amount), at, status }
        })
        .collect();
    visitor.page("mypage.html", context! { orders => shown, ..header })
}

fn own_order(shop: &Shop, session: &Session) -> anyhow::Result<Option<Order>> {
    session.order_id.as_deref().map_or(Ok(None), |id| shop.order(id))
}
