//! Where the plugin's pages stand in the shop: everything below two paths is handed over and sent back as it comes.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use minijinja::context;
use serde_json::{Value, json};

use super::frame::{Page, Visitor, random};
use super::{Shared, admin};
use crate::library::Called;

/// A shopper's page.
pub(super) async fn shopper(
    State(site): State<Shared>,
    method: Method,
    Path(path): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Page {
    let visitor = Visitor::of(&headers, query.as_deref())?;
    let mut request = request(&method, &path, query.as_deref(), &headers, &body, &visitor);
    set(&mut request, "base_url", json!("/paygent"));
    let called = call(site, "shopper.route", request).await?;
    Ok(visitor.remember(whole(&called.reply)))
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
    let called = call(Arc::clone(&site), "staff.route", request).await?;
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
    let mut fields: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for pair in query.unwrap_or("").split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        fields.entry(decoded(key)).or_default().push(decoded(value));
    }
    json!({
        "method": method.as_str(),
        "path": format!("/{path}"),
        "query": fields,
        "headers": headers,
        "body_base64": base64::Engine::encode(&base64::engine::general_purpose::STANDARD, body),
        "language": visitor.language(),
    })
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
    let body = reply.get("body").and_then(Value::as_str).unwrap_or("").to_owned();
    let mut response = (status, body).into_response();
    for (name, value) in reply.get("headers").and_then(Value::as_object).into_iter().flatten() {
        let name = HeaderName::from_bytes(name.as_bytes());
        let value = value.as_str().and_then(|value| HeaderValue::from_str(value).ok());
        if let (Ok(name), Some(value)) = (name, value) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}
