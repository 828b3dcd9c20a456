//! The card-testing guard as rows: which keys a try is counted under, whether it may be made, and what became of it.
//! `payment::guard` has the rules.
//!
//! A try is written down in the transaction that makes its intent, before any telegram, and its end in the one that
//! settles the attempt: neither a new cookie nor a restart nor fifty posts at once change the count. A post that the guard
//! refuses is not counted: it cost nothing, and counting it would let a refused one lengthen the wait.

use chrono::{DateTime, NaiveDateTime};
use serde_json::json;

use super::{Call, outbox};
use crate::address;
use crate::page::{self, CardProblem};
use crate::payment::attempt::{AttemptState, LEFT, REFUSED_THERE};
use crate::payment::guard::{Asked, Hindrance, Kind, Record, WORTH_READING_BEYOND, hindrance};
use crate::payment::stored_card::StoringState;
use crate::reply::{Reply, Status};
use crate::store::attempts::Attempt;
use crate::store::storings::Storing;
use crate::store::tries::{self, Try};
use crate::store::{Connection, StoreError, StoreResult, facts, flags, orders, telegrams};

/// What a try is counted by; the value is hidden.
pub(super) struct Key {
    kind: Kind,
    hash: String,
}

/// The row that counts a try for the shop as a whole.
const SHOP: (&str, &str) = ("shop", "");

/// The keys of a try at a card, for an order or to store it. `card` is the fingerprint that the page posted: whoever writes another one into
/// it only adds to what is counted under that.
pub(super) fn keys(call: &Call<'_>, order_id: Option<&str>, card: Option<&str>) -> Vec<Key> {
    let config = &call.instance.config.guard;
    if !config.enabled {
        return Vec::new();
    }
    let request = call.request;
    let visitor = request.shopper.as_ref();
    let forwarded = request.headers.get("x-forwarded-for").map(String::as_str);
    let address = request
        .client_address
        .as_deref()
        .and_then(|peer| address::counted_by(peer, forwarded, &config.trusted_proxies));
    let values = [
        (Kind::Order, order_id),
        (Kind::Session, visitor.and_then(|visitor| visitor.session.as_deref())),
        (Kind::Member, visitor.and_then(|visitor| visitor.member.as_deref())),
        (Kind::Address, address.as_deref()),
        (Kind::Card, card),
    ];
    let told = values
        .into_iter()
        .filter_map(|(kind, value)| Some((kind, value.filter(|value| !value.is_empty())?)));
    told.map(|(kind, value)| Key {
        kind,
        hash: call.instance.seal.hidden(kind.name(), value),
    })
    .collect()
}

/// What hinders one more try, `of` an order or a customer, on a page that was opened then, if anything does.
pub(super) fn hinders(
    call: &Call<'_>,
    rows: &mut Connection,
    keys: &[Key],
    (of, opened_at): (&str, NaiveDateTime),
) -> StoreResult<Option<Hindrance>> {
    let config = &call.instance.config.guard;
    let now = call.moment();
    let mut records = Vec::with_capacity(keys.len());
    for Key { kind, hash } in keys {
        let limit = config.limit(*kind);
        let most = i64::from(limit.tries) + WORTH_READING_BEYOND;
        records.push(Record {
            kind: *kind,
            limit,
            tries: tries::unpaid(rows, (kind.name(), hash), now - limit.window, most)?,
        });
    }
    let asked = Asked {
        now,
        opened_at,
        human: call.request.shopper.as_ref().is_some_and(|visitor| visitor.human),
        alarmed: alarm_stands(call, rows, now)?,
    };
    let found = hindrance(&records, config.softly(), &asked);
    if let Some(hindrance) = found {
        let counts: Vec<String> = records
            .iter()
            .map(|record| format!("{} {}", record.kind.name(), record.tries.len()))
            .collect();
        tracing::warn!(of, hindrance = ?hindrance, counts = counts.join(", "), "guard.refused");
    }
    Ok(found)
}

/// Writes down that an attempt, or a storing, of that id is made. The shop's alarm counts attempts to pay alone: who stores one
/// card again and again must not make a wave of refusals look small.
pub(super) fn reserve(
    rows: &mut Connection,
    keys: &[Key],
    (id, at): (&str, NaiveDateTime),
    pays: bool,
) -> StoreResult<()> {
    if keys.is_empty() {
        return Ok(());
    }
    let counted = keys.iter().map(|key| (key.kind.name(), key.hash.as_str()));
    for (kind, hash) in counted.chain(pays.then_some(SHOP)) {
        let one = Try {
            attempt_id: id,
            kind,
            hash,
            at,
            state: tries::OPEN,
        };
        tries::insert(rows, &one)?;
    }
    Ok(())
}

/// Writes down what became of an attempt, if that is known and was not before. `card` is the fingerprint that the gateway
/// told: what failed is counted by it, whatever was posted.
pub(super) fn settled(
    call: &Call<'_>,
    rows: &mut Connection,
    attempt: &Attempt,
    card: Option<&str>,
) -> StoreResult<()> {
    // An attempt of a change, or one from before the guard, was never written down.
    let Some(at) = tries::opened_at(rows, &attempt.attempt_id)? else {
        return Ok(());
    };
    match attempt.state()? {
        AttemptState::Authenticating | AttemptState::Sent | AttemptState::HandedOver | AttemptState::Unknown => Ok(()),
        AttemptState::Authorised | AttemptState::Mismatched | AttemptState::Released => {
            tries::end(rows, &attempt.attempt_id, tries::GOOD)
        }
        AttemptState::NotExecuted | AttemptState::Missing | AttemptState::Closed
            if !matches!(attempt.code.as_deref(), Some(LEFT | REFUSED_THERE)) =>
        {
            tries::forget(rows, &attempt.attempt_id)
        }
        // One who left during 3-D Secure, or was refused at Paygent's page, had learnt of the card what its company says.
        AttemptState::Declined | AttemptState::NotExecuted | AttemptState::Missing | AttemptState::Closed => {
            tries::end(rows, &attempt.attempt_id, tries::FAILED)?;
            if let Some(card) = card {
                let kind = Kind::Card.name();
                let one = Try {
                    attempt_id: &attempt.attempt_id,
                    kind,
                    hash: &call.instance.seal.hidden(kind, card),
                    at,
                    state: tries::FAILED,
                };
                tries::insert(rows, &one)?;
            }
            raise_alarm(call, rows, attempt)
        }
    }
}

/// The same for a card that a member stored on the my page; one that came with a payment was counted with that.
pub(super) fn stored(rows: &mut Connection, storing: &Storing, telegram: &str) -> StoreResult<()> {
    if tries::opened_at(rows, &storing.storing_id)?.is_none() {
        return Ok(());
    }
    match storing.state()? {
        StoringState::Stored => tries::end(rows, &storing.storing_id, tries::GOOD),
        StoringState::Failed if telegram == telegrams::DECLINED => tries::end(rows, &storing.storing_id, tries::FAILED),
        StoringState::Failed => tries::forget(rows, &storing.storing_id),
        _ => Ok(()),
    }
}

/// Tells the host, and flags the order whose try was one too many, once while an alarm stands. The order carries the
/// effect because effects are numbered per order; it is about the shop.
fn raise_alarm(call: &Call<'_>, rows: &mut Connection, attempt: &Attempt) -> StoreResult<()> {
    let alarm = call.instance.config.guard.alarm();
    let now = call.moment();
    let failed = tries::ended(rows, SHOP, now - alarm.window, tries::FAILED)?;
    let paid = tries::ended(rows, SHOP, now - alarm.window, tries::GOOD)?;
    if !alarm.is_due(failed, paid) || alarm_stands(call, rows, now)? {
        return Ok(());
    }
    let Some(mut order) = orders::find(rows, &attempt.order_id)? else {
        return Ok(());
    };
    tracing::error!(failed, paid, "guard.alarm");
    facts::set(rows, facts::ALARM, &now.and_utc().to_rfc3339())?;
    outbox::alarm(rows, &mut order, (failed, paid), alarm.window, now)?;
    orders::update(rows, &mut order)?;
    let detail = format!(
        "{failed} of {} tries failed within {} minutes",
        failed + paid,
        alarm.window.num_minutes()
    );
    flags::raise(rows, &attempt.order_id, (outbox::ALARM, &detail), now).map(drop)
}

fn alarm_stands(call: &Call<'_>, rows: &mut Connection, now: NaiveDateTime) -> StoreResult<bool> {
    let Some(raised) = facts::find(rows, facts::ALARM)? else {
        return Ok(false);
    };
    let raised_at = DateTime::parse_from_rfc3339(&raised).map_err(|_| StoreError::Unreadable {
        row: facts::ALARM.to_owned(),
        word: raised,
    })?;
    Ok(call.instance.config.guard.alarm().stands(raised_at.naive_utc(), now))
}

/// The card page again, with the reason in its address: nothing was written down that could tell it. No `retry-after`:
/// with a redirect it would hold back the page itself.
pub(super) fn refusal(call: &Call<'_>, page: &str, hindrance: Hindrance) -> Reply {
    match hindrance {
        Hindrance::Wait(until) => {
            let seconds = (until - call.moment()).num_seconds().max(1);
            Reply::redirect(format!("{page}?wait={}", until.and_utc().timestamp()))
                .with_data(json!({"outcome": "wait", "retry_after": seconds}))
                .because(
                    Status::Refused,
                    "guard.wait",
                    "too many tries to pay; nothing was asked of the gateway",
                )
        }
        Hindrance::Challenge => Reply::redirect(format!("{page}?challenge=1"))
            .with_data(json!({"outcome": "challenge"}))
            .because(
                Status::Refused,
                "guard.challenge",
                "too many tries to pay: ask for a proof that this is a person, then post the form again with `shopper.human`",
            ),
    }
}

/// What the card page's address says of a try that was refused. Anybody can write one; all it shows is a sentence, and
/// that only while the wait lasts.
pub(super) fn problem_shown(call: &Call<'_>) -> Option<CardProblem> {
    const LONGEST_MINUTES: i64 = 7 * 24 * 60;
    if call.request.query_one("challenge") == Some("1") {
        return Some(CardProblem::of("card-challenge", call.language));
    }
    let until: i64 = call.request.query_one("wait")?.parse().ok()?;
    let seconds = until.checked_sub(call.now().timestamp()).filter(|left| *left > 0)?;
    let minutes = (seconds / 60).saturating_add(1).min(LONGEST_MINUTES).to_string();
    Some(CardProblem::saying(page::text(
        call.language,
        "card-wait",
        &[("minutes", &minutes)],
    )))
}

/// Forgets some of what no limit counts any more.
pub(super) fn forget_some(call: &Call<'_>) -> StoreResult<()> {
    const AT_ONCE: i64 = 500;
    let before = call.moment() - call.instance.config.guard.remembers();
    let old = call.instance.store.read(|rows| tries::old(rows, before, AT_ONCE))?;
    if old.is_empty() {
        return Ok(());
    }
    call.instance.store.write(|rows| tries::forget_all(rows, &old))
}
