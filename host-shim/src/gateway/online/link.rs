//! リンク型: the shop posts an order to `/link/request`, and the shopper types the card on Paygent's own page.
//!
//! `order` what the shop posts · `page` what the shopper sees and types.

mod order;
mod page;

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::{get, post};
use diesel::prelude::*;
use minijinja::{AutoEscape, Environment};

use super::{Problem, pages, token};
use crate::gateway::fault::{Delivery, Fault};
use crate::gateway::ledger::links::{self, Link};
use crate::gateway::ledger::telegrams::{self, NewTelegram};
use crate::gateway::refusal::Refusal;
use crate::gateway::telegram::{Answer, spoken};
use crate::gateway::wire::{Fields, Reply, masked};
use crate::gateway::{Paygent, clock};

#[derive(Clone)]
struct Desk {
    paygent: Arc<Paygent>,
    pages: Arc<Environment<'static>>,
}

pub(super) fn router(paygent: Arc<Paygent>) -> anyhow::Result<Router> {
    let mut pages = Environment::new();
    pages.set_auto_escape_callback(|_| AutoEscape::Html);
    pages.add_template("link.html", include_str!("link/link.html"))?;
    pages.add_template("shopper.css", include_str!("shopper.css"))?;
    let desk = Desk {
        paygent,
        pages: Arc::new(pages),
    };
    Ok(Router::new()
        .route("/link/request", post(request))
        .route("/link/{id}", get(page::show).post(page::answer))
        .route("/link/{id}/authenticated", get(page::authenticated))
        .with_state(desk))
}

/// The shop's server is told the page's address; a browser that posts the order itself is sent there.
async fn request(State(desk): State<Desk>, headers: HeaderMap, body: Bytes) -> Result<Response, Problem> {
    let taken = take(&desk.paygent, &body)?;
    let by_browser = headers
        .get(ACCEPT)
        .and_then(|accept| accept.to_str().ok())
        .is_some_and(|accept| accept.contains("text/html"));
    Ok(match taken.page {
        Some(page) if by_browser && !taken.by_server => Redirect::to(&page).into_response(),
        _ => ([(CONTENT_TYPE, "text/plain; charset=UTF-8")], taken.answer.text).into_response(),
    })
}

/// An order that came, and what is told of it.
pub(in crate::gateway) struct Taken {
    pub(in crate::gateway) answer: Answer,
    /// Where its shopper types the card; nowhere where it was refused.
    page: Option<String>,
    /// `isbtob`: the shop's server posted it.
    by_server: bool,
}

/// Takes an order, unless a scripted fault (of kind `link`) stands before it, and logs it.
pub(in crate::gateway) fn take(paygent: &Paygent, body: &[u8]) -> QueryResult<Taken> {
    let fields = Fields::parse_utf8(body);
    let now = paygent.clock.now();
    let fault = paygent.faults.take("link");
    paygent.ledger.transact(|connection| {
        let told = match fault.as_ref().is_none_or(Fault::executes) {
            true => Some(enter(paygent, connection, &fields, now)?),
            false => None,
        };
        let told_text = told.as_ref().map(|told| reply(paygent, told).text());
        let answer = Answer {
            kind: "link".to_owned(),
            text: spoken(fault.as_ref(), told_text),
            delivery: fault.as_ref().map_or(Delivery::Prompt, Fault::delivery),
            executed: matches!(told, Some(Ok(_))),
        };
        let telegram = NewTelegram {
            at: now,
            path: "/link/request",
            kind: "link",
            request: masked(body),
            executed: answer.executed,
            reply: &answer.text,
            delivery: format!("{:?}", answer.delivery),
        };
        telegrams::insert(connection, &telegram)?;
        Ok(Taken {
            page: told.and_then(Result::ok).map(|link| url(paygent, &link)),
            by_server: fields.get("isbtob") == Some("1"),
            answer,
        })
    })
}

/// The order, or the one that waits under its trading id.
fn enter(
    paygent: &Paygent,
    connection: &mut SqliteConnection,
    fields: &Fields,
    now: i64,
) -> QueryResult<Result<Link, Refusal>> {
    let wanted = match order::read(paygent, fields, now) {
        Ok(wanted) => wanted,
        Err(refusal) => return Ok(Err(refusal)),
    };
    Ok(match links::of_trading_id(connection, &wanted.trading_id)? {
        Some(earlier) if earlier.payment_id.is_some() => Err(order::paid()),
        Some(earlier) => Ok(earlier),
        None => {
            links::insert(connection, &wanted)?;
            Ok(wanted)
        }
    })
}

fn reply(paygent: &Paygent, told: &Result<Link, Refusal>) -> Reply {
    match told {
        Ok(link) => Reply::good()
            .with("url", url(paygent, link))
            .with("trading_id", link.trading_id.as_str())
            .with("limit_date", clock::wire(link.limit_at)),
        Err(refusal) => refusal.reply(),
    }
}

fn url(paygent: &Paygent, link: &Link) -> String {
    format!("{}link/{}", paygent.online_url(), link.link_id)
}
