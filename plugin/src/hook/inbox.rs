//! The inbox of notices: each is kept once, by its number, whether it was pushed or fetched (091). A number that is missing
//! is fetched.

use std::time::Instant;

use chrono::TimeDelta;

use super::Call;
use crate::paygent::{Answer, NoticeFields, Outcome};
use crate::reply::Problem;
use crate::store::leases;
use crate::store::notices::{self, Notice};

/// Telegrams of one look at 091.
const MOST_FETCHED: usize = 20;

/// Keeps a notice; `false` where it was kept before.
pub(super) fn keep(call: &Call<'_>, read: &NoticeFields, source: &str) -> Result<bool, Problem> {
    Ok(call
        .instance
        .store
        .write(|rows| notices::keep(rows, &row(call, read, source)))?)
}

fn row(call: &Call<'_>, read: &NoticeFields, source: &str) -> Notice {
    Notice {
        notice_id: read.notice_id,
        payment_id: read.payment_id.as_str().to_owned(),
        trading_id: read.trading_id.clone(),
        status: read.status,
        amount: read.amount.get(),
        fields: serde_json::to_string(&read.all).unwrap_or_default(),
        source: source.to_owned(),
        state: notices::NEW.to_owned(),
        tries: 0,
        received_at: call.moment(),
        due_at: Some(call.moment()),
        settled_at: None,
    }
}

/// Fetches what was not pushed (091), and what is missing between the numbers that are kept, until `ends`; one process at a
/// time. How many.
pub(super) fn poll(call: &Call<'_>, ends: Instant) -> Result<usize, Problem> {
    let config = &call.instance.config;
    let every = config.notices.poll_secs;
    if every == 0 {
        return Ok(0);
    }
    let store = &call.instance.store;
    let now = call.moment();
    // No telegram outlasts the lease that it was begun under.
    let until = now + TimeDelta::seconds(i64::from(every.max(config.gateway.longest_secs())));
    if !store.write(|rows| leases::take(rows, "091", (now, until)))? {
        return Ok(0);
    }
    let mut fetched = 0;
    let goes_on = |fetched| fetched < MOST_FETCHED && Instant::now() < ends;
    while goes_on(fetched) {
        match fetch(call, None)? {
            Fetched::Notice => fetched += 1,
            Fetched::Nothing => break,
            // Who does not answer this does not answer the next one either.
            Fetched::NoAnswer => return Ok(fetched),
        }
    }
    for missing in store.read(|rows| notices::gaps(rows, MOST_FETCHED.saturating_sub(fetched)))? {
        if !goes_on(fetched) {
            break;
        }
        match fetch(call, Some(missing))? {
            Fetched::Notice => fetched += 1,
            Fetched::Nothing => {}
            Fetched::NoAnswer => break,
        }
    }
    Ok(fetched)
}

/// Fetches what was not pushed, now and beside any other process: where two of them meet, one is refused (9004), which is no
/// answer. Whether that was all.
pub(super) fn drain(call: &Call<'_>) -> Result<bool, Problem> {
    for _ in 0..MOST_FETCHED {
        match fetch(call, None)? {
            Fetched::Notice => {}
            Fetched::Nothing => return Ok(true),
            Fetched::NoAnswer => return Ok(false),
        }
    }
    Ok(false)
}

#[derive(PartialEq, Eq)]
enum Fetched {
    Notice,
    /// There is none.
    Nothing,
    NoAnswer,
}

/// One 091.
fn fetch(call: &Call<'_>, number: Option<i64>) -> Result<Fetched, Problem> {
    let Answer { outcome, .. } = call.instance.gateway.next_notice(number, call.now());
    match outcome {
        Outcome::Good(Some(read)) => {
            keep(call, &read, "091")?;
            Ok(Fetched::Notice)
        }
        Outcome::Good(None) => Ok(Fetched::Nothing),
        Outcome::Declined(_) | Outcome::Pending(_) | Outcome::NotExecuted(_) | Outcome::Unknown(_) => {
            Ok(Fetched::NoAnswer)
        }
    }
}
