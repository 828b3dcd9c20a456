//! `members.removed`: a member left the shop, and their cards leave the gateway. The wish is a row until the gateway says
//! that there is no card any more; what keeps it from that stands on the staff's settings page.

use chrono::TimeDelta;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::storing::code_of;
use super::{Call, customer, storing, survived};
use crate::paygent::{Class, CustomerId, Outcome, StoredCard};
use crate::reply::{Problem, Reply};
use crate::store::removals::{self, Removal};
use crate::store::storings;

#[derive(Deserialize, JsonSchema)]
pub(crate) struct Removed {
    /// The host's id of the member, as `shopper.member` has it.
    member: String,
}

/// Cards were there after all were deleted.
const LEFT: &str = "cards.left";
/// A card is being stored: it may still come.
const COMING: &str = "cards.coming";
/// How long whoever works on a row is left alone: all telegrams of a removal, each at its longest.
const CLAIM: TimeDelta = TimeDelta::minutes(15);

/// The hook.
pub(super) fn removed(call: &Call<'_>) -> Result<Reply, Problem> {
    let asked: Removed = call.request.data()?;
    let Some(customer) = customer::of_member(call, &asked.member) else {
        return Err(Problem::misuse("member.id", "a member's id has 1 to 255 bytes"));
    };
    let now = call.moment();
    let removal = Removal {
        customer_id: customer.as_str().to_owned(),
        tries: 0,
        code: None,
        asked_at: now,
        due_at: now,
        version: 1,
    };
    call.instance.store.write(|rows| {
        storing::forget(call, rows, &customer)?;
        removals::insert(rows, &removal)
    })?;
    survived(advance(call, customer.as_str()), customer.as_str());
    let open = call
        .instance
        .store
        .read(|rows| removals::find(rows, customer.as_str()))?;
    Ok(Reply::data(
        json!({"cards": if open.is_some() { "waiting" } else { "deleted" }}),
    ))
}

/// Takes a removal as far as it goes now; `false` where there was nothing to do.
pub(super) fn advance(call: &Call<'_>, customer: &str) -> Result<bool, Problem> {
    let now = call.moment();
    let claimed = call.instance.store.write(|rows| {
        let due = removals::find(rows, customer)?.filter(|removal| removal.due_at <= now);
        let Some(mut removal) = due else { return Ok(None) };
        removal.due_at = now + CLAIM;
        removal.tries += 1;
        Ok(removals::update(rows, &mut removal)?.then_some(removal))
    })?;
    let Some(mut removal) = claimed else {
        return Ok(false);
    };
    let id = CustomerId::try_from(customer)
        .map_err(|_| Problem::failed("removal.unreadable", "the member's cards cannot be deleted"))?;
    let deleted = delete_all(call, &id);
    call.instance.store.write(|rows| {
        let code = match &deleted {
            Err(code) => code.as_str(),
            Ok(()) if storings::is_in_flight(rows, customer)? => COMING,
            Ok(()) => {
                storing::forget(call, rows, &id)?;
                return removals::end(rows, customer);
            }
        };
        tracing::error!(customer, code, tries = removal.tries, "removal.waits");
        removal.code = Some(code.to_owned());
        removal.due_at = call.moment() + pause(removal.tries);
        removals::update(rows, &mut removal).map(drop)
    })?;
    Ok(true)
}

/// Deletes all of a customer's cards, and looks whether none is left; or why not.
fn delete_all(call: &Call<'_>, customer: &CustomerId) -> Result<(), String> {
    let cards = listed(call, customer)?;
    let deleted: Vec<_> = cards.iter().map(|card| delete(call, customer, card)).collect();
    deleted.into_iter().collect::<Result<Vec<()>, _>>()?;
    if cards.is_empty() || listed(call, customer)?.is_empty() {
        Ok(())
    } else {
        Err(LEFT.to_owned())
    }
}

fn listed(call: &Call<'_>, customer: &CustomerId) -> Result<Vec<StoredCard>, String> {
    match call.instance.gateway.stored_cards(customer, call.now()).outcome {
        Outcome::Good(cards) => Ok(cards),
        other => Err(code_of(&other).unwrap_or_default()),
    }
}

fn delete(call: &Call<'_>, customer: &CustomerId, card: &StoredCard) -> Result<(), String> {
    match call
        .instance
        .gateway
        .delete_card(customer, &card.id, call.now())
        .outcome
    {
        Outcome::Good(_) => Ok(()),
        // Gone already.
        Outcome::Declined(refusal) if refusal.class() == Class::NotFound => Ok(()),
        other => Err(code_of(&other).unwrap_or_default()),
    }
}

/// Before the next try; daily in the end, and never given up.
fn pause(tries: i32) -> TimeDelta {
    const SECONDS: [i64; 5] = [60, 300, 900, 3_600, 21_600];
    const DAY: i64 = 86_400;
    let place = usize::try_from(tries).unwrap_or(0).saturating_sub(1);
    TimeDelta::seconds(SECONDS.get(place).copied().unwrap_or(DAY))
}
