//! EMV 3-D Secure: 450 before 020. The browser goes to the card company's page and comes back by GET, perhaps without any
//! cookie, perhaps as another browser, perhaps as no browser at all: the address alone names the attempt, the hash proves
//! the outcome, and the attempt's own row decides whether it is the first to come.
//!
//! What is paid with, the card's token or that of a stored card's security code, has to wait for the holder. It is locked
//! into the attempt's row, and gone when the wait is over.

use chrono::TimeDelta;
use secrecy::ExposeSecret as _;
use serde_json::json;

use super::charge::charge;
use super::means::Means;
use super::route::{notice, whole};
use super::{Call, guard, journal, standing, storing};
use crate::page;
use crate::paygent::{self, Answer, Authenticate, Class, Outcome, Shopper, TradingId};
use crate::payment::Yen;
use crate::payment::attempt::{AttemptState, Event, LEFT, next_inquiry};
use crate::payment::hold::HoldState;
use crate::reply::{Problem, Reply, Status};
use crate::seal::random_hex;
use crate::store::attempts::Attempt;
use crate::store::holds::Hold;
use crate::store::{Connection, StoreError, StoreResult, acs_pages, attempts, holds, orders, telegrams};

/// How long a holder may take at the card company's page.
const PATIENCE: TimeDelta = TimeDelta::minutes(35);
/// The longest page that is shown.
const PAGE_LIMIT: usize = 512 << 10;

/// What a card company's page is locked by, beside the attempt.
fn page_of(attempt: &Attempt) -> String {
    format!("{}/page", attempt.attempt_id)
}

/// Makes an attempt one that waits for its holder. The caller commits it before 450 leaves.
pub(super) fn prepare(call: &Call<'_>, attempt: &mut Attempt, (means, return_key): (&Means, &str)) -> StoreResult<()> {
    attempt.return_key = Some(return_key.to_owned());
    attempt.next_inquiry_at = Some(call.moment() + PATIENCE);
    let locked = call.instance.seal.lock(&means.text(), &attempt.attempt_id);
    attempt.sealed_card = Some(locked.map_err(|problem| StoreError::Unreadable {
        row: attempt.attempt_id.clone(),
        word: problem.to_string(),
    })?);
    Ok(())
}

/// Sends 450, and shows the card company's page.
pub(super) fn begin(call: &Call<'_>, attempt: &Attempt, means: &Means) -> Result<Reply, Problem> {
    let config = &call.instance.config;
    let order = call.instance.store.read(|rows| orders::find(rows, &attempt.order_id))?;
    let checkout = call
        .instance
        .store
        .read(|rows| holds::of_order(rows, &attempt.order_id, attempt.hold))?;
    let (Some(order), Some(hold), Some(return_key)) = (order, checkout, &attempt.return_key) else {
        return Err(Problem::failed("attempt.lost", "the attempt's order is gone"));
    };
    // From the settings alone: whoever can set a header must not choose where a holder comes back to.
    let shop = config.urls.shopper.trim_end_matches('/');
    let asked = Authenticate {
        trading_id: TradingId::try_from(attempt.trading_id.as_str())
            .map_err(|_| Problem::failed("attempt.unreadable", "the attempt cannot be sent"))?,
        amount: Yen::try_from(attempt.amount)
            .map_err(|_| Problem::misuse("order.amount", "the amount cannot be paid"))?,
        card: means.holder(),
        term_url: format!("{shop}/pay/{}/return/{return_key}", hold.checkout),
        merchant_name: config.card.three_ds.merchant_name.clone(),
        shopper: serde_json::from_str::<Shopper>(&order.shopper).unwrap_or_default(),
    };
    let Answer { outcome, exchange } = call.instance.gateway.authenticate(&asked, call.now());
    let state = journal::state_of(&outcome);
    let (code, page) = match outcome {
        Outcome::Good(begun) if begun.page.len() <= PAGE_LIMIT => (None, Some(begun)),
        Outcome::Good(_) => (Some("reply.too_long".to_owned()), None),
        Outcome::Declined(refusal) | Outcome::Pending(refusal) => {
            (Some(journal::nearest(&refusal.code, &refusal.detail)), None)
        }
        Outcome::NotExecuted(fault) | Outcome::Unknown(fault) => (Some(fault.code.as_str().to_owned()), None),
    };
    let goes_on_without = code.as_deref() == Some("31012") && config.card.three_ds.accept_brands_without;
    let spare = random_hex::<16>()?;
    let sealed = match &page {
        Some(begun) if config.card.three_ds.frame => Some(call.instance.seal.lock(&begun.page, &page_of(attempt))?),
        _ => None,
    };
    let next = call.instance.store.write(|rows| {
        if let Some(mut row) = telegrams::of_attempt(rows, &attempt.attempt_id, "450")? {
            journal::record(&mut row, state, code.clone(), &exchange, call.moment());
            telegrams::update(rows, &mut row)?;
        }
        let Some(mut now) = attempts::find(rows, &attempt.attempt_id)? else {
            return Ok(None);
        };
        if let Some(begun) = &page {
            now.auth_id = Some(begun.auth_id.clone());
            attempts::update(rows, &mut now)?;
            if let Some(sealed) = &sealed {
                acs_pages::insert(rows, &now.attempt_id, sealed)?;
            }
        } else if goes_on_without {
            return send(call, rows, now, spare.clone());
        } else {
            refuse(call, rows, &mut now, code.as_deref().unwrap_or("3ds.refused"))?;
        }
        Ok(None)
    })?;
    if let Some((attempt, means)) = next {
        charge(call, &attempt, &means)?;
        return standing::outcome(call, &hold.checkout);
    }
    let begun = match page {
        Some(_) if sealed.is_some() => Reply::redirect(format!(
            "{}/pay/{}/authenticate/{return_key}",
            call.base_url(),
            hold.checkout
        )),
        Some(begun) => whole(200, page::acs(begun.page, false)),
        None => return standing::outcome(call, &hold.checkout),
    };
    Ok(begun.with_data(json!({"outcome": "authenticating"})))
}

/// `card.authenticate`: the card company's page in a frame, below what is paid for.
pub(super) fn show(call: &Call<'_>) -> Result<Reply, Problem> {
    let Some((attempt, hold)) = waiting(call, "card.authenticate")? else {
        return standing::outcome(call, call.segment("card.authenticate")?);
    };
    let order = call.instance.store.read(|rows| orders::find(rows, &attempt.order_id))?;
    let url = format!("{}/pay/{}", call.base_url(), hold.checkout);
    let config = &call.instance.config;
    let shown = page::Authenticating {
        shop_name: &config.shop.name,
        order_number: order.as_ref().map_or("", |order| &order.order_number),
        amount: Yen::try_from(attempt.amount).unwrap_or(Yen::ZERO),
        acs_url: &format!("{url}/acs/{}", attempt.return_key.as_deref().unwrap_or_default()),
        card_url: &url,
    };
    let page = page::authenticating(&shown, config.gateway.is_test(), call.language, &random_hex::<16>()?);
    Ok(whole(200, page).with_data(json!({"outcome": "authenticating"})))
}

/// `card.acs`: the page itself. The frame asks for it, or the whole window where the frame stayed empty.
pub(super) fn acs(call: &Call<'_>) -> Result<Reply, Problem> {
    if let Some((attempt, _)) = waiting(call, "card.acs")? {
        let sealed = call
            .instance
            .store
            .read(|rows| acs_pages::find(rows, &attempt.attempt_id))?;
        let page = sealed.and_then(|sealed| call.instance.seal.unlock(&sealed, &page_of(&attempt)));
        if let Some(html) = page {
            return Ok(whole(200, page::acs(html, true)).with_data(json!({"outcome": "authenticating"})));
        }
    }
    Ok(out_of_frame(call, standing::outcome(call, call.segment("card.acs")?)?))
}

/// The attempt that an address names and its stay on the card page, while its holder is waited for.
fn waiting(call: &Call<'_>, hook: &'static str) -> Result<Option<(Attempt, Hold)>, Problem> {
    let (checkout, key) = named(call, hook)?;
    let found = call.instance.store.read(|rows| {
        let Some(attempt) = attempts::of_return(rows, key)? else {
            return Ok(None);
        };
        let hold = holds::find(rows, checkout)?;
        Ok(hold
            .filter(|hold| hold.order_id == attempt.order_id && hold.number == attempt.hold)
            .map(|hold| (attempt, hold)))
    })?;
    let (attempt, hold) = found.ok_or_else(|| Problem::misuse("attempt.unknown", "there is no such attempt"))?;
    Ok((attempt.state()? == AttemptState::Authenticating).then_some((attempt, hold)))
}

/// Checkout and attempt, as an address of these pages names them.
fn named<'a>(call: &Call<'a>, hook: &'static str) -> Result<(&'a str, &'a str), Problem> {
    let mut segments = call.request.path.split('/').filter(|segment| !segment.is_empty());
    match (segments.nth(1), segments.nth(1)) {
        (Some(checkout), Some(key)) => Ok((checkout, key)),
        _ => Err(Problem::misuse(
            "request.path",
            format!("`{hook}` needs a path with checkout and key"),
        )),
    }
}

/// Where the authentication goes on in a frame, so does whatever comes after it: the whole window is led on from there.
fn out_of_frame(call: &Call<'_>, mut reply: Reply) -> Reply {
    if !call.instance.config.card.three_ds.frame {
        return reply;
    }
    let Some(to) = reply.redirect.take() else {
        reply
            .headers
            .values_mut()
            .for_each(|value| *value = page::framable(value));
        return reply;
    };
    // A page without a nonce of its own would have no script either, and its link leads on all the same.
    let nonce = random_hex::<16>().unwrap_or_default();
    let page = whole(200, page::leave(&to, call.language, &nonce));
    Reply {
        status: page.status,
        headers: page.headers,
        body: page.body,
        ..reply
    }
}

/// Ends an attempt that was not authenticated: nothing was asked for.
fn refuse(call: &Call<'_>, rows: &mut Connection, attempt: &mut Attempt, code: &str) -> StoreResult<()> {
    let fault = code.contains('.') && !code.starts_with("3ds.") || paygent::class(code) == Class::GatewaySide;
    let event = if fault || code == LEFT {
        Event::NotExecuted
    } else {
        Event::Refused
    };
    attempts::happened(rows, attempt, event, call.moment())?;
    attempt.code = Some(code.to_owned());
    attempt.sealed_card = None;
    acs_pages::remove(rows, &attempt.attempt_id)?;
    attempt.settled_at = Some(call.moment());
    attempt.next_inquiry_at = None;
    attempts::update(rows, attempt)?;
    storing::settled(call, rows, attempt)?;
    guard::settled(call, rows, attempt, None)
}

/// What a return says, if it says each thing once.
struct Said<'a> {
    result: &'a str,
    auth_id: &'a str,
    attempt_kbn: &'a str,
    hc: &'a str,
}

/// `card.return`: the browser, or the gateway itself, comes back.
pub(super) fn back(call: &Call<'_>) -> Result<Reply, Problem> {
    returned(call).map(|reply| out_of_frame(call, reply))
}

fn returned(call: &Call<'_>) -> Result<Reply, Problem> {
    let (checkout, return_key) = named(call, "card.return")?;
    let said = read(call)?;
    let found = call.instance.store.read(|rows| attempts::of_return(rows, return_key))?;
    let Some(attempt) = found else {
        return Err(Problem::misuse("attempt.unknown", "there is no such attempt"));
    };
    let of_checkout = call.instance.store.read(|rows| holds::find(rows, checkout))?;
    let fits_checkout =
        of_checkout.is_some_and(|hold| hold.order_id == attempt.order_id && hold.number == attempt.hold);
    if !fits_checkout || attempt.auth_id.as_deref() != Some(said.auth_id) || !is_genuine(call, &said) {
        tracing::error!(
            order = attempt.order_id,
            trading_id = attempt.trading_id,
            "three_ds.forged"
        );
        return Ok(notice(call, 400, "notice-forged", None).because(
            Status::Refused,
            "three_ds.forged",
            "this return is not the gateway's, or not this attempt's",
        ));
    }
    let policy = &call.instance.config.card.three_ds;
    let liability = paygent::shifts_liability(said.attempt_kbn);
    let refusal = match (said.result, liability) {
        ("0", true) => None,
        ("0", false) if policy.accept_attempts => None,
        ("0", false) => Some("3ds.attempt"),
        _ => Some("3ds.refused"),
    };
    let spare = random_hex::<16>()?;
    let next = call.instance.store.write(|rows| {
        // The first one to come decides; whoever comes later sees what became of it.
        let Some(mut now) = attempts::find(rows, &attempt.attempt_id)? else {
            return Ok(None);
        };
        if now.state()? != AttemptState::Authenticating {
            return Ok(None);
        }
        match refusal {
            Some(code) => {
                refuse(call, rows, &mut now, code)?;
                Ok(None)
            }
            None => {
                now.three_ds = liability;
                send(call, rows, now, spare.clone())
            }
        }
    });
    match next {
        Ok(Some((attempt, means))) => charge(call, &attempt, &means)?,
        Ok(None) => {}
        Err(error) if error.is_taken() => {}
        Err(error) => return Err(error.into()),
    }
    standing::outcome(call, checkout)
}

/// Commits that the 020 of an authenticated attempt will leave; what it is paid with. Nothing where the order no longer
/// waits for it: then the attempt ends, for nothing was asked for.
fn send(
    call: &Call<'_>,
    rows: &mut Connection,
    mut attempt: Attempt,
    telegram_id: String,
) -> StoreResult<Option<(Attempt, Means)>> {
    let now = call.moment();
    let hold = holds::of_order(rows, &attempt.order_id, attempt.hold)?;
    let order = orders::find(rows, &attempt.order_id)?;
    let waits = match (&hold, &order) {
        (Some(hold), Some(order)) => {
            hold.state()? == HoldState::Held && !hold.back_wanted && order.amount == attempt.amount
        }
        _ => false,
    };
    let taken = attempts::live_of(rows, &attempt.order_id)?.is_some();
    let means = attempt
        .sealed_card
        .take()
        .and_then(|locked| call.instance.seal.unlock(&locked, &attempt.attempt_id))
        .and_then(|text| Means::read(&text));
    let Some(means) = means.filter(|_| waits && !taken) else {
        refuse(call, rows, &mut attempt, LEFT)?;
        return Ok(None);
    };
    acs_pages::remove(rows, &attempt.attempt_id)?;
    attempts::happened(rows, &mut attempt, Event::Sent, now)?;
    attempt.sent_at = now;
    attempt.next_inquiry_at = next_inquiry(now, 0);
    attempts::update(rows, &mut attempt)?;
    let amount = Yen::try_from(attempt.amount).ok();
    telegrams::insert(rows, &journal::sent(telegram_id, &attempt, "020", amount, now))?;
    Ok(Some((attempt, means)))
}

/// A field that came twice is refused, never picked from (S-07).
fn read<'a>(call: &Call<'a>) -> Result<Said<'a>, Problem> {
    let one = |name: &'static str| match call.request.query_all(name).as_slice() {
        [] => Ok(""),
        [value] => Ok(*value),
        _ => Err(Problem::misuse("query.doubled", format!("`{name}` came twice"))),
    };
    Ok(Said {
        result: one("result")?,
        auth_id: one("3ds_auth_id")?,
        attempt_kbn: one("attempt_kbn")?,
        hc: one("hc")?,
    })
}

/// The gateway's hash fits, where a key is set. It covers neither order nor amount: the attempt's row does.
fn is_genuine(call: &Call<'_>, said: &Said<'_>) -> bool {
    match &call.instance.config.card.three_ds.key {
        Some(key) => paygent::hash::fits(
            &[said.result, said.auth_id, said.attempt_kbn],
            key.expose_secret(),
            said.hc,
        ),
        None => true,
    }
}
