//! Where the plugin's pages stand in the shop: everything below two paths is handed over and sent back as it comes.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::Extension;
use axum::body::{Body, Bytes};
use axum::extract::{Path, RawQuery, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use hyper::body::Frame;
use minijinja::context;
use serde_json::{Value, json};

use super::frame::{Page, Visitor, complain, random};
use super::{Shared, admin};
use crate::library::{Called, Status};

/// A shopper's page.
pub(super) async fn shopper(
    State(site): State<Shared>,
    method: Method,
    Path(path): Path<String>,
    RawQuery(query): RawQuery,
    Extension(peer): Extension<SocketAddr>,
    headers: HeaderMap,
    body: Bytes,
) -> Page {
    let visitor = Visitor::of(&headers, query.as_deref())?;
    let member = site.adapter.shop.session(&visitor.session)?.member_id;
    let mut request = request(&method, &path, query.as_deref(), &headers, &body, &visitor);
    set(&mut request, "base_url", json!("/paygent"));
    set(&mut request, "client_address", json!(peer.ip().to_string()));
    let member = member.map(|member| member.to_string());
    set(
        &mut request,
        "shopper",
        json!({"session": visitor.session, "member": member}),
    );
    let called = call(site, "shopper.route", request).await?;
    Ok(visitor.remember_language(whole(&called.reply)))
}

/// A staff page, for whom the shop has logged in; the fragment stands in the shop's own frame.
pub(super) async fn staff(
    State(site): State<Shared>,
    method: Method,
    Path(path): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Page {
    let visitor = Visitor::of(&headers, query.as_deref())?;
    if !visitor.staff {
        return visitor.go("/admin");
    }
    let nonce = random()?;
    let mut request = request(&method, &path, query.as_deref(), &headers, &body, &visitor);
    set(&mut request, "staff_url", json!("/admin/paygent"));
    set(&mut request, "nonce", json!(nonce));
    set(&mut request, "operator", json!({"id": "1", "name": "管理者"}));
    set(
        &mut request,
        "rights",
        json!(["view", "capture", "void", "change", "settings"]),
    );
    let called = call(Arc::clone(&site), "staff.route", request.clone()).await?;
    if called.reply.get("next").is_some() {
        return Ok(in_pieces(site, request, called));
    }
    let Some(fragment) = called.reply.get("fragment") else {
        return Ok(whole(&called.reply));
    };
    let text = |name: &str| fragment.get(name).and_then(Value::as_str).unwrap_or("").to_owned();
    let menu = admin::menu(&site, &visitor).await?;
    visitor.framed(
        "admin.html",
        &nonce,
        context! { title => text("title"), fragment => text("html"), here => "paygent", menu },
    )
}

/// Calls the plugin where it may block.
pub(super) async fn call(site: Shared, hook: &'static str, request: Value) -> anyhow::Result<Called> {
    tokio::task::spawn_blocking(move || site.adapter.call(hook, &request)).await?
}

fn request(
    method: &Method,
    path: &str,
    query: Option<&str>,
    headers: &HeaderMap,
    body: &Bytes,
    visitor: &Visitor,
) -> Value {
    let text = |value: &HeaderValue| value.to_str().ok().map(str::to_owned);
    let headers: BTreeMap<String, String> = headers
        .iter()
        .filter_map(|(name, value)| Some((name.to_string(), text(value)?)))
        .collect();
    json!({
        "method": method.as_str(),
        "path": format!("/{path}"),
        "query": fields(query.unwrap_or("")),
        "headers": headers,
        "body_base64": base64::Engine::encode(&base64::engine::general_purpose::STANDARD, body),
        "language": visitor.language(),
    })
}

/// A query's fields; each may have come several times.
fn fields(query: &str) -> BTreeMap<String, Vec<String>> {
    let mut fields: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        fields.entry(decoded(key)).or_default().push(decoded(value));
    }
    fields
}

fn decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(&text.replace('+', " "))
        .decode_utf8_lossy()
        .into_owned()
}

fn set(request: &mut Value, name: &str, value: Value) {
    if let Some(members) = request.as_object_mut() {
        members.insert(name.to_owned(), value);
    }
}

/// The bytes of a reply's body, text or not.
fn piece(reply: &Value) -> Bytes {
    let raw = reply.get("body_base64").and_then(Value::as_str);
    let raw = raw.and_then(|raw| base64::Engine::decode(&base64::engine::general_purpose::STANDARD, raw).ok());
    let text = || {
        reply
            .get("body")
            .and_then(Value::as_str)
            .unwrap_or("")
            .to_owned()
            .into_bytes()
    };
    Bytes::from(raw.unwrap_or_else(text))
}

/// A body that the plugin gives piece by piece (`next` of its replies): sent on as it comes.
fn in_pieces(site: Shared, request: Value, first: Called) -> Response {
    let mut response = whole(&first.reply);
    let (sender, receiver) = tokio::sync::mpsc::channel(1);
    tokio::spawn(async move {
        let mut reply = first.reply;
        loop {
            if sender.send(Ok(piece(&reply))).await.is_err() {
                return;
            }
            let Some(next) = reply.get("next").and_then(Value::as_str) else {
                return;
            };
            let (path, query) = next.split_once('?').unwrap_or((next, ""));
            let mut request = request.clone();
            set(&mut request, "path", json!(path));
            set(&mut request, "query", json!(fields(query)));
            match call(Arc::clone(&site), "staff.route", request).await {
                Ok(called) if matches!(called.status, Status::Ok | Status::More) => reply = called.reply,
                Ok(called) => {
                    let _ = sender.send(Err(std::io::Error::other(called.reply.to_string()))).await;
                    return;
                }
                Err(error) => {
                    complain(&error);
                    // The browser is to see that the file broke off.
                    let _ = sender.send(Err(std::io::Error::other(error))).await;
                    return;
                }
            }
        }
    });
    *response.body_mut() = Body::new(Pieces(receiver));
    response
}

/// A body of pieces that are still to come.
struct Pieces(tokio::sync::mpsc::Receiver<std::io::Result<Bytes>>);

impl hyper::body::Body for Pieces {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<std::io::Result<Frame<Bytes>>>> {
        self.0
            .poll_recv(context)
            .map(|piece| piece.map(|piece| piece.map(Frame::data)))
    }
}

/// A reply that is a page of its own.
fn whole(reply: &Value) -> Response {
    if let Some(to) = reply.get("redirect").and_then(Value::as_str) {
        return Redirect::to(to).into_response();
    }
    let status = reply
        .get("status")
        .and_then(Value::as_u64)
        .and_then(|code| u16::try_from(code).ok());
    let status = status
        .and_then(|code| StatusCode::from_u16(code).ok())
        .unwrap_or(StatusCode::BAD_GATEWAY);
    let mut response = (status, Body::from(piece(reply))).into_response();
    for (name, value) in reply.get("headers").and_then(Value::as_object).into_iter().flatten() {
        let name = HeaderName::from_bytes(name.as_bytes());
        let value = value.as_str().and_then(|value| HeaderValue::from_str(value).ok());
        if let (Ok(name), Some(value)) = (name, value) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}
