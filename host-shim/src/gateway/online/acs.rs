//! The card company's page of 3-D Secure, and the way back to the shop: a GET to its `term_url`, whatever the outcome.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Form, Path, State};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse as _, Redirect, Response};
use axum::routing::{get, post};
use minijinja::{AutoEscape, Environment, context};
use serde::Deserialize;

use super::{Problem, pages};
use crate::gateway::cards::{self, Script, ThreeDs};
use crate::gateway::hash::sha256;
use crate::gateway::ledger::authentications::{self, Authentication};
use crate::gateway::{Paygent, push};

/// The password that is right.
const PASSWORD: &str = "1234";
/// Wrong passwords before the issuer says no.
const MOST_TRIES: i32 = 3;

#[derive(Clone)]
struct Desk {
    paygent: Arc<Paygent>,
    pages: Arc<Environment<'static>>,
}

pub(super) fn router(paygent: Arc<Paygent>) -> anyhow::Result<Router> {
    let mut pages = Environment::new();
    pages.set_auto_escape_callback(|_| AutoEscape::Html);
    pages.add_template("acs.html", include_str!("acs.html"))?;
    pages.add_template("shopper.css", include_str!("shopper.css"))?;
    let desk = Desk {
        paygent,
        pages: Arc::new(pages),
    };
    Ok(Router::new()
        .route("/acs/{id}", get(enter).post(enter))
        .route("/acs/{id}/answer", post(answer))
        .with_state(desk))
}

/// The shopper's browser comes from the shop.
async fn enter(State(desk): State<Desk>, Path(id): Path<String>) -> Result<Response, Problem> {
    let paygent = &desk.paygent;
    let row = load(paygent, &id)?;
    let plays = match cards::script(&row.card_key) {
        Script::ThreeDs(plays) => plays,
        _ => ThreeDs::Frictionless,
    };
    match plays {
        ThreeDs::Challenge if row.result.is_empty() => question(&desk, &row),
        ThreeDs::Refused | ThreeDs::Error => end(paygent, row, "1", ""),
        ThreeDs::Attempt => end(paygent, row, "0", "1"),
        ThreeDs::TimedOut => timed_out(&desk, row).await,
        _ => end(paygent, row, "0", "0"),
    }
}

#[derive(Deserialize)]
struct Typed {
    #[serde(default)]
    password: String,
    /// The shopper gave up.
    cancel: Option<String>,
}

/// The shopper typed a password, or gave up.
async fn answer(
    State(desk): State<Desk>,
    Path(id): Path<String>,
    Form(typed): Form<Typed>,
) -> Result<Response, Problem> {
    let paygent = &desk.paygent;
    let mut row = load(paygent, &id)?;
    if typed.cancel.is_some() {
        return end(paygent, row, "1", "");
    }
    if typed.password == PASSWORD {
        return end(paygent, row, "0", "0");
    }
    row.tries += 1;
    paygent
        .ledger
        .transact(|connection| authentications::update(connection, &row))?;
    if row.tries >= MOST_TRIES {
        return end(paygent, row, "1", "");
    }
    question(&desk, &row)
}

fn load(paygent: &Paygent, id: &str) -> Result<Authentication, Problem> {
    let found = paygent
        .ledger
        .transact(|connection| authentications::find(connection, id))?;
    found.ok_or_else(|| Problem(StatusCode::NOT_FOUND, "no such authentication".to_owned()))
}

fn question(desk: &Desk, row: &Authentication) -> Result<Response, Problem> {
    let shown = context! {
        id => &row.auth_id, amount => pages::yen(row.amount), masked_card => &row.masked_card, wrong => row.tries > 0,
    };
    Ok(Html(desk.pages.get_template("acs.html")?.render(shown)?).into_response())
}

/// Ends it and sends the browser back to the shop. One that had ended stays as it was.
fn end(paygent: &Paygent, mut row: Authentication, result: &str, attempt_kbn: &str) -> Result<Response, Problem> {
    if row.result.is_empty() {
        result.clone_into(&mut row.result);
        attempt_kbn.clone_into(&mut row.attempt_kbn);
        paygent
            .ledger
            .transact(|connection| authentications::update(connection, &row))?;
    }
    Ok(Redirect::to(&way_back(paygent, &row)).into_response())
}

/// The holder did nothing: Paygent itself asks for the shop's address; the browser is left where it is.
async fn timed_out(desk: &Desk, mut row: Authentication) -> Result<Response, Problem> {
    let paygent = &desk.paygent;
    "1".clone_into(&mut row.result);
    paygent
        .ledger
        .transact(|connection| authentications::update(connection, &row))?;
    let told = push::get(&way_back(paygent, &row)).await.is_ok();
    let words = if told {
        "時間切れになりました / Timed out"
    } else {
        "時間切れ（お店に届きません） / Timed out, the shop does not answer"
    };
    Ok(Html(
        desk.pages
            .get_template("acs.html")?
            .render(context! { over => words })?,
    )
    .into_response())
}

/// The shop's `term_url` with the outcome.
fn way_back(paygent: &Paygent, row: &Authentication) -> String {
    let key = &paygent.merchant.three_ds_key;
    let hc = sha256(&[&row.result, &row.auth_id, &row.attempt_kbn, key]);
    let joint = if row.term_url.contains('?') { '&' } else { '?' };
    let masked = row.masked_card.replace('*', "%2A");
    format!(
        "{}{joint}result={}&3ds_auth_id={}&attempt_kbn={}&card_brand={}&masked_card_number={masked}&hc={hc}",
        row.term_url,
        row.result,
        row.auth_id,
        row.attempt_kbn,
        cards::brand_name(&row.brand)
    )
}
