//! How a checkout stands, and where its shopper goes now: the same whether they come from the card page, from 3-D Secure, from
//! Paygent's own page, or ask while they wait.

use chrono::TimeDelta;
use serde_json::json;

use super::route::notice;
use super::{Call, outbox};
use crate::payment::attempt::{AttemptState, REFUSED_THERE};
use crate::payment::hold::HoldState;
use crate::reply::{Problem, Reply, Status};
use crate::store::attempts::Attempt;
use crate::store::holds::Hold;
use crate::store::orders::Order;
use crate::store::{attempts, holds, orders, payments};

/// So close to the end of its term nobody is sent to Paygent's page any more.
const TOO_LATE: TimeDelta = TimeDelta::minutes(1);

/// A checkout as it stands.
pub(super) struct Checkout {
    pub(super) hold: Hold,
    pub(super) order: Order,
    /// The attempt that tells how this hold stands: the one that may hold money, or else the last that came to an end. One
    /// whose holder is still at the card company's page, in this tab or another, tells nothing yet.
    pub(super) last: Option<Attempt>,
}

/// Where the shopper goes now, by what is known of the latest attempt.
pub(super) fn outcome(call: &Call<'_>, id: &str) -> Result<Reply, Problem> {
    let checkout = load(call, id)?;
    if let Some(reply) = elsewhere(call, &checkout)? {
        return Ok(reply);
    }
    if let Some(reply) = checkout.last.as_ref().and_then(|last| onward(call, last)) {
        return Ok(reply);
    }
    let declined = checkout.last.as_ref().is_some_and(|attempt| {
        attempt.state == AttemptState::Declined.name() || attempt.code.as_deref() == Some(REFUSED_THERE)
    });
    let (status, code, message) = match declined {
        true => (
            Status::Refused,
            "card.declined",
            "the card was refused; the card page is shown again",
        ),
        false => (
            Status::Failed,
            "card.not_executed",
            "nothing was asked of the gateway; the card page is shown again",
        ),
    };
    let code_detail = checkout.last.as_ref().and_then(|attempt| attempt.code.clone());
    let mut reply = Reply::redirect(format!("{}/pay/{id}", call.base_url()))
        .with_data(json!({"outcome": if declined { "declined" } else { "not_executed" }}))
        .because(status, code, message);
    reply.detail = code_detail;
    Ok(reply)
}

/// On to Paygent's page, where the attempt waits there.
pub(super) fn onward(call: &Call<'_>, attempt: &Attempt) -> Option<Reply> {
    let in_time = attempt.link_until.is_some_and(|until| call.moment() + TOO_LATE < until);
    let waits = attempt.state == AttemptState::HandedOver.name() && in_time;
    let sealed = attempt.sealed_link.as_deref().filter(|_| waits)?;
    let url = call.instance.seal.unlock(sealed, &attempt.attempt_id)?;
    Some(Reply::redirect(url).with_data(json!({"outcome": "handed_over"})))
}

/// Where the shopper goes who turned back: away, or where what is held or not known of leads them.
pub(super) fn turned_back(call: &Call<'_>, id: &str) -> Result<Reply, Problem> {
    let checkout = load(call, id)?;
    match checkout.hold.state()? {
        HoldState::Withdrawn => {
            let effects = call
                .instance
                .store
                .read(|rows| outbox::offered(rows, &checkout.order.order_id))?;
            Ok(Reply::redirect(checkout.hold.back_url.clone())
                .with_data(json!({"withdrawn": true}))
                .with_effects(effects))
        }
        _ => {
            Ok(elsewhere(call, &checkout)?.unwrap_or_else(|| Reply::redirect(format!("{}/pay/{id}", call.base_url()))))
        }
    }
}

/// Its attempt whose end is not known, where the shopper has to wait for it.
pub(super) fn in_flight(checkout: &Checkout) -> Option<&Attempt> {
    let turned_back = checkout.hold.back_wanted;
    checkout.last.as_ref().filter(|attempt| {
        let state = attempt.state();
        state.is_ok_and(|state| state.is_in_flight() || turned_back && state == AttemptState::HandedOver)
    })
}

/// The page where this checkout now is, if that is not the card page.
pub(super) fn elsewhere(call: &Call<'_>, checkout: &Checkout) -> Result<Option<Reply>, Problem> {
    let effects = || {
        call.instance
            .store
            .read(|rows| outbox::offered(rows, &checkout.order.order_id))
    };
    let reply = match checkout.hold.state()? {
        HoldState::Placed => Reply::redirect(checkout.hold.complete_url.clone())
            .with_data(json!({"outcome": "placed"}))
            .with_effects(effects()?),
        HoldState::Withdrawn => {
            // A card that was charged all the same (link type, a lost answer) is given back: until then nobody says "not paid".
            let is_held = holds_money(call, checkout)?;
            // Paygent's own page may still be open somewhere, and take a card.
            let may_be_held = checkout
                .last
                .as_ref()
                .is_some_and(|last| last.is_link() && last.state().is_ok_and(|state| state == AttemptState::Missing));
            let (text, outcome) = match (is_held, may_be_held) {
                (true, _) => ("notice-giving-back", "giving_back"),
                (false, true) => ("notice-withdrawn-link", "withdrawn_for_now"),
                (false, false) => ("notice-withdrawn", "withdrawn"),
            };
            notice(call, 410, text, Some((&checkout.hold.back_url, "notice-back")))
                .with_data(json!({"outcome": outcome}))
                .with_effects(effects()?)
        }
        HoldState::CalledOff => {
            let (text, outcome) = match holds_money(call, checkout)? {
                true => ("notice-closed-giving-back", "giving_back"),
                false => ("notice-closed", "called_off"),
            };
            notice(call, 410, text, Some((&checkout.hold.back_url, "notice-back")))
                .with_data(json!({"outcome": outcome}))
                .with_effects(effects()?)
        }
        HoldState::Rejected => notice(
            call,
            409,
            "notice-sold-out",
            Some((&checkout.hold.back_url, "notice-back")),
        ),
        HoldState::Opening => {
            let reply = notice(
                call,
                503,
                "notice-not-ready",
                Some((
                    &format!("{}/pay/{}", call.base_url(), checkout.hold.checkout),
                    "notice-again",
                )),
            );
            reply.with_effects(effects()?).because(
                Status::Failed,
                "hold.not_acknowledged",
                "the effect order.pend of this order is not acknowledged",
            )
        }
        HoldState::Held if in_flight(checkout).is_some() => {
            Reply::redirect(format!("{}/pay/{}/status", call.base_url(), checkout.hold.checkout))
                .with_data(json!({"outcome": "confirming"}))
                .because(
                    Status::Uncertain,
                    "payment.confirming",
                    "the gateway was asked and has not answered",
                )
        }
        HoldState::Held
            if checkout
                .last
                .as_ref()
                .is_some_and(|last| last.state == AttemptState::Mismatched.name()) =>
        {
            notice(call, 409, "notice-contact-shop", None)
        }
        HoldState::Held => return Ok(None),
    };
    Ok(Some(reply))
}

/// A payment of the order holds money.
fn holds_money(call: &Call<'_>, checkout: &Checkout) -> Result<bool, Problem> {
    let payments = call
        .instance
        .store
        .read(|rows| payments::of_order(rows, &checkout.order.order_id))?;
    Ok(payments.iter().any(|payment| payment.status().is_live()))
}

/// The checkout of that id.
pub(super) fn load(call: &Call<'_>, id: &str) -> Result<Checkout, Problem> {
    let found = call.instance.store.read(|rows| {
        let Some(hold) = holds::find(rows, id)? else {
            return Ok(None);
        };
        let Some(order) = orders::find(rows, &hold.order_id)? else {
            return Ok(None);
        };
        let live = attempts::live_of(rows, &hold.order_id)?.filter(|live| live.hold == hold.number);
        let last = match live {
            Some(live) => Some(live),
            None => attempts::last_ended_of(rows, &hold.order_id, hold.number)?,
        };
        Ok(Some(Checkout { hold, order, last }))
    })?;
    found.ok_or_else(|| Problem::misuse("checkout.unknown", "there is no such checkout"))
}
