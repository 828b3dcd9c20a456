//! Storing a card (025): a row from the wish to its end, so that a killed process, a lost answer and a gateway in trouble
//! neither forget a card nor store one twice. The payment that it came with is over by then and never touched.
//!
//! The customer's cards are listed (027) before 025 leaves: ten are the most, and a card that is there already is not
//! stored again. 025 leaves once. Where its answer is lost the list tells: what is new in it is ours.

use chrono::{NaiveDateTime, TimeDelta};
use secrecy::SecretString;

use super::means::{Means, is_token};
use super::{Call, customer, guard, journal, survived};
use crate::paygent::{Answer, CustomerId, Exchange, Outcome, StoredCard};
use crate::payment::attempt::{AttemptState, next_inquiry};
use crate::payment::japan;
use crate::payment::stored_card::{Fate, MOST, StoringState, fate};
use crate::reply::Problem;
use crate::request::Form;
use crate::store::attempts::Attempt;
use crate::store::storings::Storing;
use crate::store::telegrams::{self, Telegram};
use crate::store::{Connection, StoreResult, removals, storings};

/// Why a card is not stored: ten are there.
pub(super) const FULL: &str = "cards.full";
/// The gateway was never heard of it.
const UNHEARD: &str = "cards.unheard";
/// The list never showed it.
const NEVER_ARRIVED: &str = "cards.never_arrived";
/// The token could not be unlocked: the signing key is another one.
const LOCKED: &str = "cards.locked";
/// Its member left the shop before it was sent.
const MEMBER_LEFT: &str = "cards.member_left";

/// Seconds that 027 and 025 may take: a shopper waits who has paid.
pub(super) const LOOK_SECS: u32 = 5;
const STORE_SECS: u32 = 15;
/// Seconds between tries to send, within the life of a token.
const PAUSES: [i64; 5] = [10, 30, 60, 120, 300];
/// How long whoever works on a row is left alone.
const CLAIM: TimeDelta = TimeDelta::minutes(2);
/// Between two looks at a lost answer.
const APART: TimeDelta = TimeDelta::seconds(3);

/// A card that is to be stored.
pub(super) struct Keep {
    pub(super) customer: CustomerId,
    /// One of its own: storing spends a token, and so does paying.
    pub(super) token: String,
    /// As the page posted it; whoever writes another one keeps their own card from being known again.
    pub(super) fingerprint: String,
}

/// What the card page's form wishes to be stored: a typed card, of a member who ticked the box.
pub(super) fn wished(call: &Call<'_>, posted: &Form, means: &Means) -> Result<Option<Keep>, Problem> {
    let token = posted.one("store_token")?.unwrap_or("");
    let customer = customer::asking(call);
    let (Means::Token(_), Some(customer), true) = (means, customer, is_token(token)) else {
        return Ok(None);
    };
    Ok(Some(Keep {
        customer,
        token: token.to_owned(),
        fingerprint: posted.one("card_fingerprint")?.unwrap_or("").to_owned(),
    }))
}

impl Keep {
    /// The row of a wish that waits for its payment.
    pub(super) fn waiting(&self, call: &Call<'_>, attempt_id: &str) -> Result<Storing, Problem> {
        self.row(call, attempt_id, StoringState::Waiting)
    }

    /// The row of a wish that waits for nothing.
    pub(super) fn due(&self, call: &Call<'_>, form: &str) -> Result<Storing, Problem> {
        self.row(call, form, StoringState::Due)
    }

    fn row(&self, call: &Call<'_>, id: &str, state: StoringState) -> Result<Storing, Problem> {
        let now = call.moment();
        Ok(Storing {
            storing_id: id.to_owned(),
            customer_id: self.customer.as_str().to_owned(),
            state: state.name().to_owned(),
            sealed_card: Some(self.locked(call, id)?),
            known_cards: None,
            open_customer: None,
            code: None,
            tries: 0,
            created_at: now,
            sent_at: None,
            due_at: (state == StoringState::Due).then_some(now),
            version: 1,
        })
    }

    fn locked(&self, call: &Call<'_>, id: &str) -> Result<String, Problem> {
        let text = format!("{}\n{}", self.token, self.fingerprint);
        call.instance.seal.lock(&text, &locked_by(id))
    }

    fn unlocked(call: &Call<'_>, storing: &Storing, customer: CustomerId) -> Option<Self> {
        let locked = storing.sealed_card.as_deref()?;
        let text = call.instance.seal.unlock(locked, &locked_by(&storing.storing_id))?;
        let (token, fingerprint) = text.split_once('\n')?;
        Some(Self {
            customer,
            token: token.to_owned(),
            fingerprint: fingerprint.to_owned(),
        })
    }

    /// It is among these already, and still good.
    fn is_among(&self, call: &Call<'_>, cards: &[StoredCard]) -> bool {
        let today = japan::date(call.moment());
        cards.iter().any(|card| {
            let same = card
                .fingerprint
                .as_ref()
                .is_some_and(|print| *print == self.fingerprint);
            same && !card.expiry.is_some_and(|expiry| expiry.is_over(today))
        })
    }
}

fn locked_by(id: &str) -> String {
    format!("{id}/store")
}

/// Writes a wish down; not one of a member who has left.
pub(super) fn intend(rows: &mut Connection, storing: &Storing) -> StoreResult<()> {
    if removals::find(rows, &storing.customer_id)?.is_some() {
        return Ok(());
    }
    storings::insert(rows, storing)
}

/// What became of an attempt decides over the wish that came with it.
pub(super) fn settled(call: &Call<'_>, rows: &mut Connection, attempt: &Attempt) -> StoreResult<()> {
    let waiting = storings::find(rows, &attempt.attempt_id)?;
    let Some(mut storing) = waiting.filter(|storing| storing.state == StoringState::Waiting.name()) else {
        return Ok(());
    };
    match attempt.state()? {
        AttemptState::Authenticating | AttemptState::HandedOver | AttemptState::Sent | AttemptState::Unknown => Ok(()),
        // Money that no order waited for is given back: it was no payment.
        AttemptState::Authorised if attempt.live_order.is_some() => {
            let now = call.moment();
            storing.move_to(StoringState::Due);
            storing.due_at = Some(now);
            storings::update(rows, &mut storing)?;
            let planned = Telegram {
                state: telegrams::PLANNED.to_owned(),
                sent_at: None,
                tries: 0,
                ..journal::sent(telegram_id(&attempt.attempt_id), attempt, "025", None, now)
            };
            telegrams::insert(rows, &planned)
        }
        _ => storings::forget(rows, &attempt.attempt_id),
    }
}

/// Forgets the wishes of a member who leaves, but for what is under way.
pub(super) fn forget(call: &Call<'_>, rows: &mut Connection, customer: &CustomerId) -> StoreResult<()> {
    for storing in storings::unsent_of(rows, customer.as_str())? {
        if let Some(mut row) = telegrams::find(rows, &telegram_id(&storing.storing_id))?
            && row.state == telegrams::PLANNED
        {
            let code = Some(MEMBER_LEFT.to_owned());
            journal::record(
                &mut row,
                telegrams::NOT_EXECUTED,
                code,
                &Exchange::default(),
                call.moment(),
            );
            telegrams::update(rows, &mut row)?;
        }
        storings::forget(rows, &storing.storing_id)?;
    }
    Ok(())
}

/// The journal's row of a storing that came with a payment; one of the my page has no order to stand at.
fn telegram_id(storing_id: &str) -> String {
    format!("{storing_id}-025")
}

/// Stores the card of a payment that was just made, if that was wished; whatever comes of it, the payment stands.
pub(super) fn follow(call: &Call<'_>, attempt_id: &str) {
    survived(advance(call, attempt_id), attempt_id);
}

/// Takes a storing as far as it goes now; `false` where there was nothing to do.
pub(super) fn advance(call: &Call<'_>, id: &str) -> Result<bool, Problem> {
    let Some(storing) = call.instance.store.write(|rows| claim(call, rows, id))? else {
        return Ok(false);
    };
    let customer = CustomerId::try_from(storing.customer_id.as_str())
        .map_err(|_| Problem::failed("storing.unreadable", "the card cannot be stored"))?;
    let gateway = call.instance.gateway.within(LOOK_SECS);
    let listed = gateway.stored_cards(&customer, call.now()).outcome;
    match listed {
        Outcome::Good(cards) if storing.state()?.is_in_flight() => find(call, storing, &cards)?,
        Outcome::Good(cards) => send(call, storing, customer, &cards)?,
        other => later(
            call,
            storing,
            &code_of(&other).unwrap_or_default(),
            &Exchange::default(),
        )?,
    }
    Ok(true)
}

/// One worker at a time, and one card of a customer at a time: what is new in the list has to be this one.
fn claim(call: &Call<'_>, rows: &mut Connection, id: &str) -> StoreResult<Option<Storing>> {
    let now = call.moment();
    let due = storings::find(rows, id)?.filter(|storing| storing.due_at.is_some_and(|due| due <= now));
    let Some(mut storing) = due else {
        return Ok(None);
    };
    if storings::is_busy(rows, &storing)? {
        storing.due_at = Some(now + TimeDelta::seconds(PAUSES.first().copied().unwrap_or_default()));
        storings::update(rows, &mut storing)?;
        return Ok(None);
    }
    storing.open_customer = Some(storing.customer_id.clone());
    storing.due_at = Some(now + CLAIM);
    storing.tries += 1;
    Ok(storings::update(rows, &mut storing)?.then_some(storing))
}

fn send(call: &Call<'_>, mut storing: Storing, customer: CustomerId, there: &[StoredCard]) -> Result<(), Problem> {
    let nothing = Exchange::default();
    let Some(keep) = Keep::unlocked(call, &storing, customer) else {
        return end(call, storing, Some(LOCKED), (telegrams::NOT_EXECUTED, &nothing));
    };
    if keep.is_among(call, there) {
        return end(call, storing, None, (telegrams::GOOD, &nothing));
    }
    if there.len() >= MOST {
        return end(call, storing, Some(FULL), (telegrams::NOT_EXECUTED, &nothing));
    }
    let now = call.moment();
    let known: Vec<&str> = there.iter().map(|card| card.id.as_str()).collect();
    storing.move_to(StoringState::Sent);
    storing.known_cards = serde_json::to_string(&known).ok();
    storing.sent_at = Some(now);
    let committed = call.instance.store.write(|rows| {
        // Its member left meanwhile, or somebody else was first.
        if !storings::update(rows, &mut storing)? {
            return Ok(false);
        }
        if let Some(mut row) = telegrams::find(rows, &telegram_id(&storing.storing_id))? {
            telegrams::SENT.clone_into(&mut row.state);
            row.sent_at = Some(now);
            row.tries += 1;
            telegrams::update(rows, &mut row)?;
        }
        Ok(true)
    })?;
    if !committed {
        return Ok(());
    }
    let gateway = call.instance.gateway.within(STORE_SECS);
    let token = SecretString::from(keep.token.as_str());
    let Answer { outcome, exchange } = gateway.store_card(&keep.customer, &token, call.now());
    let state = journal::state_of(&outcome);
    let code = code_of(&outcome);
    match outcome {
        Outcome::Good(_) => end(call, storing, None, (state, &exchange)),
        Outcome::Declined(_) => end(call, storing, code.as_deref(), (state, &exchange)),
        Outcome::NotExecuted(_) => {
            storing.move_to(StoringState::Due);
            storing.sealed_card = Some(keep.locked(call, &storing.storing_id)?);
            later(call, storing, &code.unwrap_or_default(), &exchange)
        }
        Outcome::Pending(_) | Outcome::Unknown(_) => {
            storing.move_to(StoringState::Unknown);
            storing.due_at = Some(call.moment() + APART);
            keep_row(call, storing, (state, code.as_deref(), &exchange))
        }
    }
}

/// Judges a lost answer by the list.
fn find(call: &Call<'_>, storing: Storing, there: &[StoredCard]) -> Result<(), Problem> {
    let now = call.moment();
    let known = storing.known_cards.as_deref().unwrap_or("[]");
    let known: Vec<String> = serde_json::from_str(known).unwrap_or_default();
    let there: Vec<&str> = there.iter().map(|card| card.id.as_str()).collect();
    let age = now - storing.sent_at.unwrap_or(storing.created_at);
    let quarantine = TimeDelta::seconds(i64::from(call.instance.config.quarantine_secs));
    let nothing = Exchange::default();
    match fate(&known, &there, age, quarantine) {
        Fate::Stored => end(call, storing, None, (telegrams::GOOD, &nothing)),
        Fate::Lost => end(call, storing, Some(NEVER_ARRIVED), (telegrams::NOT_EXECUTED, &nothing)),
        Fate::Open => later(call, storing, "", &nothing),
    }
}

/// Looks again after a while, as long as there is sense in it.
fn later(call: &Call<'_>, mut storing: Storing, code: &str, exchange: &Exchange) -> Result<(), Problem> {
    let now = call.moment();
    let next = match storing.sent_at {
        Some(sent_at) if storing.state()?.is_in_flight() => {
            next_inquiry(sent_at, storing.tries).map(|at| at.max(now + APART))
        }
        _ => pause(storing.tries).map(|pause| now + pause),
    };
    let Some(next) = next else {
        let code = if code.is_empty() { UNHEARD } else { code };
        return end(call, storing, Some(code), (telegrams::NOT_EXECUTED, exchange));
    };
    storing.due_at = Some(next);
    if !storing.state()?.is_in_flight() {
        storing.open_customer = None;
        return keep_row(call, storing, (telegrams::PLANNED, Some(code), exchange));
    }
    call.instance.store.write(|rows| storings::update(rows, &mut storing))?;
    Ok(())
}

fn pause(tries: i32) -> Option<TimeDelta> {
    let place = usize::try_from(tries).ok()?.checked_sub(1)?;
    PAUSES.get(place).map(|seconds| TimeDelta::seconds(*seconds))
}

/// Its end: the gateway has the card, or `code` says why it has not. The token is gone with it.
fn end(
    call: &Call<'_>,
    mut storing: Storing,
    code: Option<&str>,
    (state, exchange): (&'static str, &Exchange),
) -> Result<(), Problem> {
    storing.code = code.map(str::to_owned);
    storing.move_to(if code.is_none() {
        StoringState::Stored
    } else {
        StoringState::Failed
    });
    tracing::info!(
        customer = storing.customer_id,
        state = storing.state,
        code,
        "storing.ended"
    );
    keep_row(call, storing, (state, code, exchange))
}

/// Writes down how a storing stands, at its order and for the guard, too.
fn keep_row(
    call: &Call<'_>,
    mut storing: Storing,
    (state, code, exchange): (&'static str, Option<&str>, &Exchange),
) -> Result<(), Problem> {
    let now: NaiveDateTime = call.moment();
    let code = code.filter(|code| !code.is_empty()).map(str::to_owned);
    call.instance.store.write(|rows| {
        // Somebody else may have found the card in the list meanwhile.
        if !storings::update(rows, &mut storing)? {
            return Ok(());
        }
        if let Some(mut row) = telegrams::find(rows, &telegram_id(&storing.storing_id))? {
            journal::record(&mut row, state, code.clone(), exchange, now);
            telegrams::update(rows, &mut row)?;
        }
        guard::stored(rows, &storing, state)
    })?;
    Ok(())
}

/// Why an answer is no yes.
pub(super) fn code_of<T>(outcome: &Outcome<T>) -> Option<String> {
    match outcome {
        Outcome::Good(_) => None,
        Outcome::Declined(refusal) | Outcome::Pending(refusal) => {
            Some(journal::nearest(&refusal.code, &refusal.detail))
        }
        Outcome::NotExecuted(fault) | Outcome::Unknown(fault) => Some(fault.code.as_str().to_owned()),
    }
}
