//! `work.step`: what nobody waits for. Notices are looked at and fetched, lost answers are asked for, planned telegrams sent, cards
//! stored and those of members who left deleted, bulk runs carried on, texts taken into the search index.

use std::time::{Duration, Instant};

use chrono::TimeDelta;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::parking::Parking;
use super::staff::bulk;
use super::{Call, amend, cleanup, compare, deadlines, guard, inbox, members, notices, operation, settle, storing};
use crate::reply::{Problem, Reply};
use crate::store::{attempts, jobs, notices as notices_kept, orders, removals, storings, telegrams};

#[derive(Default, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct Budget {
    /// Milliseconds after which no new step is begun; 1,000 by default. A step lasts at most one telegram's deadline.
    budget_ms: Option<u32>,
}

/// Texts taken into the search index at a time.
const TEXTS: i64 = 500;
/// How long what was shown to an operator and never confirmed is kept.
const DRAFTS_LAST: TimeDelta = TimeDelta::days(1);
/// How long a member is told that a card could not be stored.
const STORINGS_LAST: TimeDelta = TimeDelta::days(7);

/// A slice of work under way.
struct Slice<'a> {
    parking: Parking<'a>,
    ends: Instant,
    done: i32,
    left: i32,
}

impl Slice<'_> {
    fn is_over(&self) -> bool {
        Instant::now() >= self.ends
    }

    /// Does one thing where there is still time; `work` says whether it came to anything.
    fn one(&mut self, (name, of): (&str, Option<&str>), work: impl FnOnce() -> Result<bool, Problem>) {
        if self.is_over() {
            self.left += 1;
            return;
        }
        self.done += i32::from(self.parking.run((name, of), work).unwrap_or_default());
    }
}

/// The hook.
pub(super) fn step(call: &Call<'_>) -> Result<Reply, Problem> {
    let asked: Budget = call.request.data()?;
    let budget = Duration::from_millis(u64::from(asked.budget_ms.unwrap_or(1_000)));
    let mut slice = Slice {
        ends: Instant::now() + budget,
        parking: Parking::open(call)?,
        done: 0,
        left: 0,
    };
    due(call, &mut slice)?;
    by_itself(call, &mut slice)?;
    tidy(call, &slice)?;
    let Slice { done, left, .. } = slice;
    let reply = Reply::data(json!({"done": done, "left": left}));
    Ok(if left > 0 { reply.more() } else { reply })
}

/// What waits for its time: lost answers, planned telegrams, cards, members who left, notices.
fn due(call: &Call<'_>, slice: &mut Slice<'_>) -> Result<(), Problem> {
    const AT_ONCE: i64 = 50;
    let (store, now) = (&call.instance.store, call.moment());
    // What is parked stands among what is due, and is not to stand before it.
    let limit = AT_ONCE + slice.parking.count();
    for attempt in store.read(|rows| attempts::due(rows, now, limit))? {
        let name = format!("attempt:{}", attempt.attempt_id);
        slice.one((&name, Some(&attempt.order_id)), || {
            settle::inquire(call, &attempt.attempt_id).map(|_| true)
        });
    }
    for telegram in store.read(|rows| telegrams::due(rows, now, limit))? {
        let name = format!("telegram:{}", telegram.telegram_id);
        slice.one((&name, Some(&telegram.order_id)), || match &telegram.change_id {
            Some(change) => amend::resume(call, change).map(|change| change.is_some()),
            None => operation::resume(call, &telegram.telegram_id).map(|ran| ran.is_some()),
        });
    }
    for storing in store.read(|rows| storings::due(rows, now, limit))? {
        slice.one((&format!("storing:{storing}"), None), || {
            storing::advance(call, &storing)
        });
    }
    for customer in store.read(|rows| removals::due(rows, now, limit))? {
        slice.one((&format!("removal:{customer}"), None), || {
            members::advance(call, &customer)
        });
    }
    for notice in store.read(|rows| notices_kept::due(rows, now, limit))? {
        slice.one((&format!("notice:{}", notice.notice_id), None), || {
            notices::look(call, &notice)
        });
    }
    Ok(())
}

/// What begins by itself, and runs that are under way.
fn by_itself(call: &Call<'_>, slice: &mut Slice<'_>) -> Result<(), Problem> {
    if !slice.is_over() {
        slice.parking.run(("091", None), || inbox::poll(call, slice.ends));
    }
    slice.parking.run(("cleanup", None), || cleanup::daily(call));
    slice.parking.run(("compare", None), || compare::nightly(call));
    slice.parking.run(("deadlines", None), || deadlines::warn(call));
    for job in call.instance.store.read(jobs::unfinished)? {
        let name = format!("job:{}", job.job_id);
        let progress = slice
            .parking
            .run((&name, None), || bulk::advance(call, &job, slice.ends));
        if let Some(progress) = progress {
            slice.done += progress.worked;
            slice.left += progress.left;
        }
    }
    Ok(())
}

/// What is not in the search index is found all the same, and what nobody asks for any more is forgotten.
fn tidy(call: &Call<'_>, slice: &Slice<'_>) -> Result<(), Problem> {
    const AT_ONCE: i64 = 50;
    let (store, now) = (&call.instance.store, call.moment());
    while !slice.is_over() && store.read(orders::has_waiting_texts)? {
        store.write(|rows| orders::index_some(rows, TEXTS))?;
    }
    if store.read(|rows| jobs::has_old_drafts(rows, now - DRAFTS_LAST))? {
        store.write(|rows| jobs::forget_drafts(rows, now - DRAFTS_LAST))?;
    }
    guard::forget_some(call)?;
    let told = store.read(|rows| storings::old(rows, now - STORINGS_LAST, AT_ONCE))?;
    if !told.is_empty() {
        store.write(|rows| storings::forget_all(rows, &told))?;
    }
    Ok(())
}
