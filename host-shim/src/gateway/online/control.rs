//! `/control/…`: how a test looks into the simulator and scripts it. JSON in, JSON out.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, Query, Request, State};
use axum::http::StatusCode;
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Json, Router};
use diesel::result::{DatabaseErrorKind, Error};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::Problem;
use crate::gateway::fault::Fault;
use crate::gateway::ledger::notices::{self, NewNotice, Notice};
use crate::gateway::ledger::payments::{self, Payment};
use crate::gateway::ledger::telegrams::{self, Telegram};
use crate::gateway::settings::Settings;
use crate::gateway::status::{AUTHORISED, Status};
use crate::gateway::{Paygent, clock, push};

type Simulator = State<Arc<Paygent>>;

pub(super) fn router(paygent: Arc<Paygent>) -> Router<Arc<Paygent>> {
    Router::new()
        .route("/payments", get(list_payments).post(enter_payment))
        .route("/payments/{id}", get(one_payment).post(turn_payment))
        .route("/notices", get(list_notices).post(enter_notice))
        .route("/notices/{id}/push", post(push_notice))
        .route("/telegrams", get(list_telegrams))
        .route("/faults", post(script_faults).delete(clear_faults))
        .route("/hold", post(hold))
        .route("/release", post(release))
        .route("/settings", get(show_settings).post(change_settings))
        .route("/clock", post(advance_clock))
        .layer(middleware::from_fn_with_state(paygent, aged))
}

/// What only time brings has come before a test looks.
async fn aged(State(paygent): Simulator, request: Request, next: Next) -> Result<Response, Problem> {
    let now = paygent.clock.now();
    paygent.ledger.transact(|connection| payments::age(connection, now))?;
    Ok(next.run(request).await)
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Wanted {
    trading_prefix: String,
    order: Option<String>,
}

/// All payments, oldest first; `?trading_prefix=` and `?order=` narrow them down.
async fn list_payments(State(paygent): Simulator, Query(wanted): Query<Wanted>) -> Result<Json<Vec<Payment>>, Problem> {
    let mut all = paygent.ledger.transact(payments::all)?;
    all.retain(|payment| payment.trading_id.starts_with(&wanted.trading_prefix));
    all.retain(|payment| {
        wanted
            .order
            .as_ref()
            .is_none_or(|order| is_of_order(&payment.trading_id, order))
    });
    Ok(Json(all))
}

/// A trading id made as `<prefix><order>_<attempt>_<salt>` belongs to the order.
fn is_of_order(trading_id: &str, order: &str) -> bool {
    let head = trading_id.rsplitn(3, '_').nth(2).unwrap_or(trading_id);
    let before = head.strip_suffix(order).map(|prefix| prefix.chars().next_back());
    before.is_some_and(|last| last.is_none_or(|last| !last.is_ascii_digit()))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ByHand {
    #[serde(default)]
    trading_id: String,
    amount: i64,
}

/// A payment that somebody makes in Paygent Online.
async fn enter_payment(State(paygent): Simulator, Json(wanted): Json<ByHand>) -> Result<Json<Payment>, Problem> {
    let now = paygent.clock.now();
    Ok(Json(paygent.ledger.transact(|connection| {
        payments::enter_by_hand(connection, (&wanted.trading_id, wanted.amount), now)
    })?))
}

async fn one_payment(State(paygent): Simulator, Path(id): Path<i64>) -> Result<Json<Payment>, Problem> {
    let found = paygent.ledger.transact(|connection| payments::find(connection, id))?;
    found
        .map(Json)
        .ok_or_else(|| Problem(StatusCode::NOT_FOUND, format!("no payment {id}")))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Turn {
    status: Status,
}

/// Sets a status that only time or another desk would bring, e.g. 33 or 41.
async fn turn_payment(
    State(paygent): Simulator,
    Path(id): Path<i64>,
    Json(turn): Json<Turn>,
) -> Result<Json<Payment>, Problem> {
    let now = paygent.clock.now();
    let turned = paygent.ledger.transact(|connection| {
        let Some(mut payment) = payments::find(connection, id)? else {
            return Ok(None);
        };
        payment.turn(turn.status, now);
        payments::update(connection, &payment)?;
        Ok(Some(payment))
    })?;
    turned
        .map(Json)
        .ok_or_else(|| Problem(StatusCode::NOT_FOUND, format!("no payment {id}")))
}

async fn list_notices(State(paygent): Simulator) -> Result<Json<Vec<Notice>>, Problem> {
    Ok(Json(paygent.ledger.transact(notices::all)?))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Told {
    payment_id: i64,
    /// The payment's own while it is empty.
    status: Option<Status>,
    amount: Option<i64>,
    /// The next number while it is empty; one further on leaves a gap.
    notice_id: Option<i64>,
}

/// Enters a notice of nothing that happened: once more, too late, of a payment that is none, behind a gap.
async fn enter_notice(State(paygent): Simulator, Json(wanted): Json<Told>) -> Result<Json<Notice>, Problem> {
    let at = paygent.clock.now();
    let entered = paygent.ledger.transact(|connection| {
        let payment = payments::find(connection, wanted.payment_id)?;
        let notice = NewNotice {
            notice_id: wanted.notice_id,
            payment_id: wanted.payment_id,
            status: wanted
                .status
                .unwrap_or_else(|| payment.map_or(AUTHORISED, |payment| payment.status)),
            at,
            tries: 0,
            amount: wanted.amount,
        };
        notices::insert(connection, &notice)
    });
    match entered {
        Ok(notice) => Ok(Json(notice)),
        Err(Error::DatabaseError(DatabaseErrorKind::UniqueViolation, _)) => {
            Err(Problem(StatusCode::CONFLICT, "a notice has that number".to_owned()))
        }
        Err(error) => Err(error.into()),
    }
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Push {
    /// Another address than the settings'.
    url: Option<String>,
}

/// Pushes a notice once more, in whatever order a test likes; the shop's answer.
async fn push_notice(
    State(paygent): Simulator,
    Path(id): Path<i64>,
    Json(wanted): Json<Push>,
) -> Result<Json<Value>, Problem> {
    let found = paygent.ledger.transact(|connection| notices::find(connection, id))?;
    let notice = found.ok_or_else(|| Problem(StatusCode::NOT_FOUND, format!("no notice {id}")))?;
    let url = wanted.url.unwrap_or_else(|| paygent.settings().notice_url);
    let answer = push::push(&paygent, &url, &notice)
        .await
        .map_err(Problem::bad_request)?;
    Ok(Json(json!({ "answer": answer })))
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct After {
    after: i64,
}

/// The log of telegrams behind `?after=`, oldest first.
async fn list_telegrams(State(paygent): Simulator, Query(from): Query<After>) -> Result<Json<Vec<Telegram>>, Problem> {
    Ok(Json(
        paygent
            .ledger
            .transact(|connection| telegrams::after(connection, from.after))?,
    ))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Script {
    kind: String,
    #[serde(default = "once")]
    times: usize,
    fault: Fault,
}

fn once() -> usize {
    1
}

async fn script_faults(State(paygent): Simulator, Json(script): Json<Script>) -> Json<Value> {
    paygent.faults.script(&script.kind, script.times, &script.fault);
    done()
}

async fn clear_faults(State(paygent): Simulator) -> Json<Value> {
    paygent.faults.clear();
    done()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Hold {
    kinds: Vec<String>,
}

/// From now on, telegrams of these kinds (020 and 022 when the body is empty) are carried out but not answered.
async fn hold(State(paygent): Simulator, body: Bytes) -> Result<Json<Value>, Problem> {
    let kinds = if body.is_empty() {
        vec!["020".to_owned(), "022".to_owned()]
    } else {
        serde_json::from_slice::<Hold>(&body)
            .map_err(Problem::bad_request)?
            .kinds
    };
    paygent.held.send_modify(|held| held.extend(kinds));
    Ok(done())
}

/// What was held back is answered now.
async fn release(State(paygent): Simulator) -> Json<Value> {
    paygent.held.send_modify(|held| held.clear());
    done()
}

async fn show_settings(State(paygent): Simulator) -> Json<Settings> {
    Json(paygent.settings())
}

async fn change_settings(
    State(paygent): Simulator,
    Json(change): Json<Map<String, Value>>,
) -> Result<Json<Settings>, Problem> {
    let changed = paygent.settings().changed(change).map_err(Problem::bad_request)?;
    paygent.set(changed.clone());
    Ok(Json(changed))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance {
    advance_secs: u32,
}

/// Time passes; what is over by then has turned. The clock as it now stands.
async fn advance_clock(State(paygent): Simulator, Json(by): Json<Advance>) -> Result<Json<Value>, Problem> {
    paygent.clock.advance(by.advance_secs);
    let now = paygent.clock.now();
    paygent.ledger.transact(|connection| payments::age(connection, now))?;
    Ok(Json(json!({ "now": now, "shown": clock::shown(now) })))
}

fn done() -> Json<Value> {
    Json(json!({ "done": true }))
}

#[cfg(test)]
mod tests {
    use super::is_of_order;

    #[test]
    fn attempts_are_found_by_their_order() {
        for id in ["234", "234_1_k7f3", "234_12_k7f3", "shop2_234_1_k7f3"] {
            assert!(is_of_order(id, "234"), "{id}");
        }
        for id in ["1234_1_k7f3", "23_4_k7f3", "99_234_k7f3", "2345_1_k7f3"] {
            assert!(!is_of_order(id, "234"), "{id}");
        }
    }
}
