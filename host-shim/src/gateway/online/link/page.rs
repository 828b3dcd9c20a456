//! The card page of one order, and the way back to the shop.

use std::collections::HashMap;
use std::time::Duration;

use axum::extract::{Form, Path, Query, State};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse as _, Redirect, Response};
use diesel::prelude::*;
use minijinja::context;
use serde::{Deserialize, Serialize};

use super::{Desk, Problem, pages, token};
use crate::gateway::Paygent;
use crate::gateway::fault::Delivery;
use crate::gateway::ledger::authentications;
use crate::gateway::ledger::links::{self, Link};
use crate::gateway::refusal::Refusal;
use crate::gateway::settings::Settings;
use crate::gateway::telegram::{Asked, Charge, Order, SPLITS, Source, begin, charge};

pub(super) async fn show(State(desk): State<Desk>, Path(id): Path<String>) -> Result<Html<String>, Problem> {
    let link = load(&desk.paygent, &id)?;
    page(&desk, &link, "")
}

/// What the shopper typed on the page.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Typed {
    card_number: String,
    expire_year: String,
    expire_month: String,
    cvc: String,
    name: String,
    /// `10`, `61-3`, `23`, `80`.
    ways: String,
    /// The shopper turned back.
    stop: Option<String>,
}

pub(super) async fn answer(
    State(desk): State<Desk>,
    Path(id): Path<String>,
    Form(typed): Form<Typed>,
) -> Result<Response, Problem> {
    let link = load(&desk.paygent, &id)?;
    if typed.stop.is_some() {
        return Ok(way_back(&link.stop_return_url));
    }
    if closed(&link, desk.paygent.clock.now()).is_some() {
        return Ok(page(&desk, &link, "")?.into_response());
    }
    let Some((class, split)) = way(&link, &typed.ways) else {
        return Ok(page(&desk, &link, "支払回数を選び直してください。")?.into_response());
    };
    if link.needs_cvc && typed.cvc.is_empty() {
        return Ok(page(&desk, &link, wrong_input("1600"))?.into_response());
    }
    let card = token::Typed {
        card_number: typed.card_number.replace([' ', '-'], ""),
        expire_year: typed.expire_year,
        expire_month: typed.expire_month,
        cvc: typed.cvc,
        name: typed.name,
        ..token::Typed::for_merchant(&desk.paygent.merchant)
    };
    let token = match token::tokenise(&desk.paygent, &card)? {
        Ok(token) => token.token,
        Err(result) => return Ok(page(&desk, &link, wrong_input(result))?.into_response()),
    };
    let card = Waiting {
        auth_id: String::new(),
        token,
        class: class.to_owned(),
        split: split.to_owned(),
    };
    if link.authenticates {
        authenticate(&desk, &link, card)
    } else {
        pay(&desk, &link, &card).await
    }
}

/// A card that was typed, kept while its holder is at the card company's page.
#[derive(Serialize, Deserialize)]
struct Waiting {
    /// Empty without 3-D Secure.
    auth_id: String,
    token: String,
    class: String,
    split: String,
}

impl Waiting {
    fn source(&self, link: &Link) -> Source<'_> {
        Source::Token {
            token: &self.token,
            with_cvc: link.needs_cvc,
        }
    }
}

/// On to the card company's page, unless the card has no 3-D Secure.
fn authenticate(desk: &Desk, link: &Link, mut card: Waiting) -> Result<Response, Problem> {
    let paygent = &desk.paygent;
    let term_url = format!("{}link/{}/authenticated", paygent.online_url(), link.link_id);
    let asked = Asked {
        trading_id: &link.trading_id,
        amount: link.amount,
        term_url: &term_url,
    };
    let begun = paygent.ledger.transact(|connection| {
        let begun = begin(connection, &asked, &card.source(link), paygent.clock.now())?;
        if let Ok(row) = &begun {
            card.auth_id.clone_from(&row.auth_id);
            let waiting = serde_json::to_string(&card).unwrap_or_default();
            links::wait(connection, &link.link_id, &waiting)?;
        }
        Ok(begun)
    })?;
    match begun {
        Ok(row) => Ok(Redirect::to(&format!("{}acs/{}", paygent.online_url(), row.auth_id)).into_response()),
        Err(refusal) => Ok(page(desk, link, &refused(&refusal))?.into_response()),
    }
}

/// The holder comes back from the card company's page, or Paygent itself does when they did nothing.
pub(super) async fn authenticated(
    State(desk): State<Desk>,
    Path(id): Path<String>,
    Query(said): Query<HashMap<String, String>>,
) -> Result<Response, Problem> {
    let link = load(&desk.paygent, &id)?;
    let waiting = serde_json::from_str::<Waiting>(&link.waiting).ok();
    let Some(card) = waiting.filter(|card| said.get("3ds_auth_id") == Some(&card.auth_id)) else {
        return Ok(page(&desk, &link, "")?.into_response());
    };
    let good = desk.paygent.ledger.transact(|connection| {
        let found = authentications::find(connection, &card.auth_id)?;
        links::wait(connection, &link.link_id, "")?;
        Ok(found.is_some_and(|found| found.result == "0"))
    })?;
    if good {
        pay(&desk, &link, &card).await
    } else {
        let why = "本人認証ができませんでした。もう一度お試しになるか、別のカードをご利用ください。";
        Ok(page(&desk, &link, why)?.into_response())
    }
}

async fn pay(desk: &Desk, link: &Link, card: &Waiting) -> Result<Response, Problem> {
    let settings = desk.paygent.settings();
    let now = desk.paygent.clock.now();
    let charged = desk
        .paygent
        .ledger
        .transact(|connection| charged(connection, &link.link_id, card, (&settings, now)))?;
    tell(desk, link, charged, &settings).await
}

/// Charges the card, unless the order was paid or is over meanwhile.
fn charged(
    connection: &mut SqliteConnection,
    link_id: &str,
    card: &Waiting,
    (settings, now): (&Settings, i64),
) -> QueryResult<Option<Charge>> {
    let Some(link) = links::find(connection, link_id)?.filter(|link| closed(link, now).is_none()) else {
        return Ok(None);
    };
    let order = Order {
        trading_id: &link.trading_id,
        amount: link.amount,
        class: &card.class,
        split: &card.split,
        captures: link.captures,
        auth_id: Some(card.auth_id.as_str()).filter(|id| !id.is_empty()),
    };
    let charged = charge(connection, &order, &card.source(&link), settings, now)?;
    if let Charge::Recorded {
        payment, refusal: None, ..
    } = &charged
    {
        links::paid(connection, &link.link_id, payment.payment_id)?;
    }
    Ok(Some(charged))
}

/// Back to the shop, or the page once more. A card whose answer is lost leaves the browser with nothing.
async fn tell(desk: &Desk, link: &Link, charged: Option<Charge>, settings: &Settings) -> Result<Response, Problem> {
    let (refusal, script) = match charged {
        None => return Ok(page(desk, &load(&desk.paygent, &link.link_id)?, "")?.into_response()),
        Some(Charge::Unfit(refusal)) => return Ok(page(desk, link, &refusal.detail)?.into_response()),
        Some(Charge::Lost(script)) => (None, script),
        Some(Charge::Recorded { refusal, script, .. }) => (refusal, script),
    };
    match (refusal, Delivery::of(script)) {
        (Some(refusal), _) => return Ok(page(desk, link, &refused(&refusal))?.into_response()),
        (None, Delivery::Prompt) => {}
        (None, Delivery::Late(delay)) => tokio::time::sleep(Duration::from_millis(delay)).await,
        (None, _) => return Err(Problem(StatusCode::INTERNAL_SERVER_ERROR, String::new())),
    }
    if settings.link_return_carries_result && !link.return_url.is_empty() {
        let joint = if link.return_url.contains('?') { '&' } else { '?' };
        let url = format!("{}{joint}result=0&trading_id={}", link.return_url, link.trading_id);
        return Ok(way_back(&url));
    }
    Ok(way_back(&link.return_url))
}

fn refused(refusal: &Refusal) -> String {
    let detail = refusal.detail.replace('"', "");
    let code = [refusal.code.as_str(), &detail].join(" ");
    format!(
        "このカードではお支払いできません。別のカードをお試しください。（{}）",
        code.trim_end()
    )
}

fn load(paygent: &Paygent, id: &str) -> Result<Link, Problem> {
    let found = paygent.ledger.transact(|connection| links::find(connection, id))?;
    found.ok_or_else(|| Problem(StatusCode::NOT_FOUND, "no such order".to_owned()))
}

/// A shop need not name an address; then the shopper stays here.
fn way_back(url: &str) -> Response {
    if url.is_empty() {
        Html("<!doctype html><html lang=\"ja\"><head><meta charset=\"utf-8\"><title>お支払い</title></head><body><main><h1>お店のページへお戻りください</h1></main></body></html>").into_response()
    } else {
        Redirect::to(url).into_response()
    }
}

/// Why nothing can be paid here any more.
fn closed(link: &Link, now: i64) -> Option<&'static str> {
    match link.payment_id {
        Some(_) => Some("お支払いは完了しています。"),
        None if link.limit_at <= now => Some("お支払いの期限が過ぎました。"),
        None => None,
    }
}

fn page(desk: &Desk, link: &Link, wrong: &str) -> Result<Html<String>, Problem> {
    let ways: Vec<_> = ways(link)
        .into_iter()
        .map(|(value, words)| context! { value, words })
        .collect();
    let page = desk.pages.get_template("link.html")?.render(context! {
        id => &link.link_id,
        merchant => &link.merchant_name,
        detail => &link.payment_detail,
        amount => pages::yen(link.amount),
        needs_cvc => link.needs_cvc,
        return_url => &link.return_url,
        closed => closed(link, desk.paygent.clock.now()),
        ways,
        wrong,
    })?;
    Ok(Html(page))
}

/// The ways to pay that the shop lets the shopper choose from, as form values and in words.
fn ways(link: &Link) -> Vec<(String, String)> {
    let mut ways = vec![("10".to_owned(), "1回払い".to_owned())];
    if matches!(link.payment_class.as_str(), "1" | "2") {
        ways.extend(SPLITS.map(|split| (format!("61-{split}"), format!("{split}回払い"))));
        ways.push(("80".to_owned(), "リボ払い".to_owned()));
    }
    if link.payment_class == "1" {
        ways.push(("23".to_owned(), "ボーナス一括払い".to_owned()));
    }
    ways
}

/// 支払区分 and 分割回数 of a form value, if the shop allows it.
fn way<'a>(link: &Link, value: &'a str) -> Option<(&'a str, &'a str)> {
    let allowed = ways(link).iter().any(|(allowed, _)| allowed == value);
    allowed.then(|| value.split_once('-').unwrap_or((value, "")))
}

/// The token endpoint's `result` in words.
fn wrong_input(result: &str) -> &'static str {
    match result.get(..2) {
        Some("13") => "カード番号が正しくありません。",
        Some("14" | "15") => "有効期限が正しくありません。",
        Some("16") => "セキュリティコードが正しくありません。",
        Some("17") => "カード名義が正しくありません。",
        _ => "入力が正しくありません。",
    }
}
