//! The link type (リンク型): the card's number is typed on Paygent's own page. The shop hands the order over, server to
//! server, and sends the browser to the address that it is told.
//!
//! The plugin keeps a page of its own before Paygent's: 「戻る」 has to stand somewhere before anything is handed over (R9),
//! a hand-over is posted by a form, so that no reload and no prefetch makes one, and whoever comes back refused, or by the
//! browser's own key, finds there how the order stands.
//!
//! From the hand-over until the page's term is over its shopper may pay at any moment, so the attempt is live. The addresses
//! of the ways back are told to Paygent alone and signed by us; published clients know of no hash of Paygent's on them. What
//! a way back says moves nothing: 094 is asked, and 「戻る」 is granted when 094 knows of no money. Whoever pays after that
//! finds an attempt that is looked for and no hold: the money is given back at once, or places the order if it still waits.

use chrono::TimeDelta;

use super::route::{notice, whole};
use super::{Call, settle, standing};
use crate::page;
use crate::paygent::{HandOver, TradingId};
use crate::payment::Yen;
use crate::payment::attempt::{AttemptState, Event, REFUSED_THERE, next_inquiry};
use crate::reply::{Problem, Reply, Status};
use crate::seal::Purpose;
use crate::store::attempts::Attempt;
use crate::store::holds::Hold;
use crate::store::{Connection, StoreResult, attempts, holds};

/// Makes an attempt one that is handed over. The caller commits it before the order leaves.
pub(super) fn prepare(call: &Call<'_>, attempt: &mut Attempt, return_key: &str) {
    let card = &call.instance.config.card;
    attempt.return_key = Some(return_key.to_owned());
    attempt.link_until = Some(attempt.sent_at + TimeDelta::minutes(i64::from(card.link_minutes)));
    attempt.three_ds = card.three_ds.enabled;
}

/// Hands over an order whose intent is committed, and sends the shopper to Paygent's page.
pub(super) fn hand_over(call: &Call<'_>, attempt: &Attempt, checkout: &str) -> Result<Reply, Problem> {
    let config = &call.instance.config;
    let key = attempt.return_key.as_deref().unwrap_or_default();
    // From the settings alone: whoever can set a header must not choose where a shopper comes back to.
    let shop = config.urls.shopper.trim_end_matches('/');
    let way_back = |purpose: Purpose, place: &str| {
        let proof = call.instance.seal.sign(purpose, &[checkout, key]);
        format!("{shop}/pay/{checkout}/{place}/{key}?hc={proof}")
    };
    let asked = HandOver {
        trading_id: TradingId::try_from(attempt.trading_id.as_str())
            .map_err(|_| Problem::failed("attempt.unreadable", "the attempt cannot be sent"))?,
        amount: Yen::try_from(attempt.amount)
            .map_err(|_| Problem::misuse("order.amount", "the amount cannot be paid"))?,
        minutes: config.card.link_minutes,
        three_ds: attempt.three_ds,
        shop_name: config.shop.name.clone(),
        return_url: way_back(Purpose::LinkPaid, "paid"),
        stop_url: way_back(Purpose::LinkStop, "stopped"),
    };
    let answer = call.instance.gateway.hand_over(&asked);
    settle::handed_over(call, attempt, answer)?;
    standing::outcome(call, checkout)
}

/// The page before Paygent's.
pub(super) fn page(call: &Call<'_>, shown: &page::LinkPage<'_>, nonce: &str) -> Reply {
    let pages = call.instance.config.gateway.link_pages();
    whole(200, page::link(shown, call.language, nonce, pages))
}

/// What stands on that page of the try before.
pub(super) fn problem_shown(call: &Call<'_>, attempt: &Attempt) -> Option<page::CardProblem> {
    let says = |id: &str| Some(page::CardProblem::of(id, call.language));
    match (attempt.state().ok()?, attempt.code.as_deref()) {
        (AttemptState::HandedOver | AttemptState::Missing | AttemptState::Closed, Some(REFUSED_THERE)) => {
            says("card-declined")
        }
        (AttemptState::Missing | AttemptState::Closed, None) => says("link-unpaid"),
        (AttemptState::Missing | AttemptState::Closed | AttemptState::Declined | AttemptState::NotExecuted, _) => {
            says("card-not-executed")
        }
        _ => None,
    }
}

/// Asks how an attempt stands whose shopper was sent to Paygent's page and is here again. Whether it was asked.
pub(super) fn look(call: &Call<'_>, attempt: Option<&Attempt>) -> Result<bool, Problem> {
    match attempt.filter(|attempt| attempt.state == AttemptState::HandedOver.name()) {
        Some(attempt) => settle::inquire(call, &attempt.attempt_id).map(|_| true),
        None => Ok(false),
    }
}

/// `link.paid`: Paygent's page sends the shopper back. Whether they paid, 094 says.
pub(super) fn paid(call: &Call<'_>) -> Result<Reply, Problem> {
    let Some((attempt, checkout)) = genuine(call, Purpose::LinkPaid, "link.paid")? else {
        return Ok(forged(call));
    };
    call.instance.store.write(|rows| {
        let Some(mut row) = attempts::find(rows, &attempt.attempt_id)? else {
            return Ok(());
        };
        if row.state()? == AttemptState::HandedOver {
            // From now on it is asked for as if it had just been sent: at this moment, if ever, it was paid.
            attempts::happened(rows, &mut row, Event::CameBack, call.moment())?;
            row.sent_at = call.moment();
            row.inquiries = 0;
            row.inquired_at = None;
            row.next_inquiry_at = next_inquiry(row.sent_at, 0);
            attempts::update(rows, &mut row)?;
        }
        Ok(())
    })?;
    settle::inquire(call, &attempt.attempt_id)?;
    standing::outcome(call, checkout)
}

/// `link.stopped`: 「戻る」 on Paygent's page, which leaves no order either.
pub(super) fn stopped(call: &Call<'_>) -> Result<Reply, Problem> {
    let Some((attempt, checkout)) = genuine(call, Purpose::LinkStop, "link.stopped")? else {
        return Ok(forged(call));
    };
    call.instance.store.write(|rows| {
        let row = attempts::find(rows, &attempt.attempt_id)?;
        // An earlier attempt's way back says nothing of a later one.
        let waits = row.filter(|row| row.state == AttemptState::HandedOver.name());
        if let Some(row) = waits
            && let Some(mut hold) = holds::find(rows, checkout)?
            && hold.state()?.is_open()
        {
            turn_back(rows, &mut hold, row)?;
        }
        Ok(())
    })?;
    settle::inquire(call, &attempt.attempt_id)?;
    standing::turned_back(call, checkout)
}

/// 「戻る」 of a shopper whose attempt may hold money. One that is only handed over is asked for at once, whoever asked just
/// before; not so again for a second 「戻る」.
pub(super) fn turn_back(rows: &mut Connection, hold: &mut Hold, mut live: Attempt) -> StoreResult<()> {
    if live.state()? == AttemptState::HandedOver && !hold.back_wanted {
        live.inquired_at = None;
        attempts::update(rows, &mut live)?;
    }
    hold.back_wanted = true;
    holds::update(rows, hold)
}

/// The attempt that a way back belongs to, and its checkout, if the address is one that we made for it.
fn genuine<'a>(call: &Call<'a>, purpose: Purpose, hook: &'static str) -> Result<Option<(Attempt, &'a str)>, Problem> {
    let mut segments = call.request.path.split('/').filter(|segment| !segment.is_empty());
    let (Some(checkout), Some(key)) = (segments.nth(1), segments.nth(1)) else {
        let why = format!("`{hook}` needs a path like /pay/{{checkout}}/…/{{key}}");
        return Err(Problem::misuse("request.path", why));
    };
    let one = |name: &'static str| match call.request.query_all(name).as_slice() {
        [] => Ok(""),
        [value] => Ok(*value),
        // A field that came twice is refused, never picked from (S-07).
        _ => Err(Problem::misuse("query.doubled", format!("`{name}` came twice"))),
    };
    let (proof, trading_id) = (one("hc")?, one("trading_id")?);
    let found = call.instance.store.read(|rows| {
        let attempt = attempts::of_return(rows, key)?;
        Ok(attempt.zip(holds::find(rows, checkout)?))
    })?;
    let signed = call.instance.seal.is_signed(purpose, &[checkout, key], proof);
    let own = found.filter(|(attempt, hold)| {
        // Where Paygent says whose way back it is, that has to be so.
        let agrees = trading_id.is_empty() || trading_id == attempt.trading_id;
        signed && agrees && attempt.is_link() && hold.order_id == attempt.order_id && hold.number == attempt.hold
    });
    Ok(own.map(|(attempt, _)| (attempt, checkout)))
}

fn forged(call: &Call<'_>) -> Reply {
    tracing::error!(path = call.request.path, "link.forged");
    notice(call, 400, "notice-link-forged", None).because(
        Status::Refused,
        "link.forged",
        "this way back is not one that was made for this attempt",
    )
}
