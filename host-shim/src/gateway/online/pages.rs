//! ペイジェントオンライン as far as the shop's staff needs it: every payment, good or refused, and the table of test cards.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Form, Path, Query, State};
use axum::http::StatusCode;
use axum::response::{Html, Redirect};
use axum::routing::{get, post};
use minijinja::value::{Serde, Value};
use minijinja::{AutoEscape, Environment, context};
use serde::{Deserialize, Serialize};

use super::Problem;
use crate::gateway::ledger::payments::{self, Payment};
use crate::gateway::{Paygent, cards, clock, status};

#[derive(Clone)]
struct Desk {
    paygent: Arc<Paygent>,
    pages: Arc<Environment<'static>>,
}

pub(super) fn router(paygent: Arc<Paygent>) -> anyhow::Result<Router> {
    let mut pages = Environment::new();
    pages.set_auto_escape_callback(|_| AutoEscape::Html);
    pages.add_template("frame.html", include_str!("frame.html"))?;
    pages.add_template("payments.html", include_str!("payments.html"))?;
    pages.add_template("cards.html", include_str!("cards.html"))?;
    let desk = Desk {
        paygent,
        pages: Arc::new(pages),
    };
    Ok(Router::new()
        .route("/", get(show_payments))
        .route("/cards", get(show_cards))
        .route("/payments", post(enter_payment))
        .route("/payments/{id}", post(work_on_payment))
        .with_state(desk))
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Search {
    q: String,
}

/// One line of the list, in words.
#[derive(Serialize)]
struct Line {
    payment_id: i64,
    trading_id: String,
    amount: String,
    status: i32,
    words: &'static str,
    tone: &'static str,
    brand: String,
    masked_card: String,
    code: String,
    applied: String,
    captured: String,
    cancelled: String,
    can_capture: bool,
    can_cancel: bool,
}

impl From<Payment> for Line {
    fn from(payment: Payment) -> Self {
        let shown = |at: Option<i64>| at.map(clock::shown).unwrap_or_default();
        Self {
            payment_id: payment.payment_id,
            amount: yen(payment.amount),
            status: payment.status,
            words: status::words(payment.status),
            tone: status::tone(payment.status),
            brand: cards::brand_name(&payment.brand).to_owned(),
            code: [payment.code, payment.detail].join(" ").trim().to_owned(),
            applied: clock::shown(payment.applied_at),
            captured: shown(payment.captured_at),
            cancelled: shown(payment.cancelled_at),
            can_capture: payment.status == status::AUTHORISED,
            can_cancel: matches!(payment.status, status::AUTHORISED | status::CAPTURED),
            trading_id: payment.trading_id,
            masked_card: payment.masked_card,
        }
    }
}

async fn show_payments(State(desk): State<Desk>, Query(search): Query<Search>) -> Result<Html<String>, Problem> {
    let wanted = search.q.trim();
    let found = desk
        .paygent
        .ledger
        .transact(|connection| payments::search(connection, wanted))?;
    let refused = found.iter().filter(|payment| payment.status == status::REFUSED).count();
    let good = found.len() - refused;
    let payments = Value::from(Serde(found.into_iter().map(Line::from).collect::<Vec<_>>()));
    let page = desk
        .pages
        .get_template("payments.html")?
        .render(context! { page => "payments", q => wanted, payments, good, refused })?;
    Ok(Html(page))
}

#[derive(Deserialize)]
struct ByHand {
    #[serde(default)]
    trading_id: String,
    amount: i64,
}

/// What the staff do for an order that they took by telephone.
async fn enter_payment(State(desk): State<Desk>, Form(wanted): Form<ByHand>) -> Result<Redirect, Problem> {
    if wanted.amount < 1 || wanted.trading_id.len() > 25 {
        return Err(Problem(
            StatusCode::BAD_REQUEST,
            "an amount of 1 yen or more, an id of 25 characters at most".to_owned(),
        ));
    }
    let now = desk.paygent.clock.now();
    let wanted = (wanted.trading_id.as_str(), wanted.amount);
    desk.paygent
        .ledger
        .transact(|connection| payments::enter_by_hand(connection, wanted, now))?;
    Ok(Redirect::to("/"))
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Work {
    Capture,
    Cancel,
}

#[derive(Deserialize)]
struct Wanted {
    work: Work,
}

/// What the shop's own screen should be used for: the shop hears of it by a notice.
async fn work_on_payment(
    State(desk): State<Desk>,
    Path(id): Path<i64>,
    Form(wanted): Form<Wanted>,
) -> Result<Redirect, Problem> {
    let now = desk.paygent.clock.now();
    desk.paygent.ledger.transact(|connection| {
        let Some(mut payment) = payments::find(connection, id)? else {
            return Ok(());
        };
        let to = match (wanted.work, payment.status) {
            (Work::Capture, status::AUTHORISED) => status::CAPTURED,
            (Work::Cancel, status::AUTHORISED) => status::VOIDED,
            (Work::Cancel, status::CAPTURED) => status::SALE_CANCELLED,
            _ => return Ok(()),
        };
        payment.turn(to, now);
        payments::update(connection, &payment)
    })?;
    Ok(Redirect::to("/"))
}

async fn show_cards(State(desk): State<Desk>) -> Result<Html<String>, Problem> {
    let rows: Vec<_> = cards::CARDS
        .iter()
        .map(|card| context! { number => spaced(card.number), brand => brand_of(card), ja => card.ja, en => card.en })
        .collect();
    Ok(Html(
        desk.pages
            .get_template("cards.html")?
            .render(context! { page => "cards", cards => rows })?,
    ))
}

fn brand_of(card: &cards::Card) -> &'static str {
    cards::brand_name(cards::brand(card.number))
}

/// As embossed: `4111 1111 1111 1111`, `3782 822463 10005`.
fn spaced(number: &str) -> String {
    let groups: &[usize] = if number.len() == 16 { &[4, 8, 12] } else { &[4, 10] };
    let mut spaced = String::new();
    for (place, digit) in number.chars().enumerate() {
        if groups.contains(&place) {
            spaced.push(' ');
        }
        spaced.push(digit);
    }
    spaced
}

/// `¥3,300`.
pub(super) fn yen(amount: i64) -> String {
    let digits = amount.to_string();
    let mut shown = String::from("¥");
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_and_numbers_are_easy_to_read() {
        assert_eq!(yen(999), "¥999");
        assert_eq!(yen(1_234_567), "¥1,234,567");
        assert_eq!(spaced("4111111111111111"), "4111 1111 1111 1111");
        assert_eq!(spaced("378282246310005"), "3782 822463 10005");
    }
}
