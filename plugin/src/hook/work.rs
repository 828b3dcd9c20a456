//! `work.step`: what nobody waits for. Notices are looked at and fetched, lost answers are asked for, planned telegrams sent, cards
//! stored and those of members who left deleted, bulk runs carried on, texts taken into the search index.

use std::time::{Duration, Instant};

use chrono::TimeDelta;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::staff::bulk;
use super::{
    Call, amend, cleanup, compare, deadlines, guard, inbox, members, notices, operation, settle, storing, survived,
};
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

/// The hook.
pub(super) fn step(call: &Call<'_>) -> Result<Reply, Problem> {
    let asked: Budget = call.request.data()?;
    let ends = Instant::now() + Duration::from_millis(u64::from(asked.budget_ms.unwrap_or(1_000)));
    let (mut done, mut left) = (0, 0);
    const AT_ONCE: i64 = 50;
    let now = call.moment();
    let store = &call.instance.store;
    for attempt in store.read(|rows| attempts::due(rows, now, AT_ONCE))? {
        if Instant::now() >= ends {
            left += 1;
            continue;
        }
        let asked = settle::inquire(call, &attempt.attempt_id);
        done += i32::from(survived(asked, &attempt.order_id).is_some());
    }
    for telegram in store.read(|rows| telegrams::due(rows, now, AT_ONCE))? {
        if Instant::now() >= ends {
            left += 1;
            continue;
        }
        let resumed = match &telegram.change_id {
            Some(change) => amend::resume(call, change).map(|change| change.is_some()),
            None => operation::resume(call, &telegram.telegram_id).map(|ran| ran.is_some()),
        };
        done += i32::from(survived(resumed, &telegram.order_id).unwrap_or_default());
    }
    for storing in store.read(|rows| storings::due(rows, now, AT_ONCE))? {
        if Instant::now() >= ends {
            left += 1;
            continue;
        }
        done += i32::from(survived(storing::advance(call, &storing), &storing).unwrap_or_default());
    }
    for customer in store.read(|rows| removals::due(rows, now, AT_ONCE))? {
        if Instant::now() >= ends {
            left += 1;
            continue;
        }
        done += i32::from(survived(members::advance(call, &customer), &customer).unwrap_or_default());
    }
    for notice in store.read(|rows| notices_kept::due(rows, now, AT_ONCE))? {
        if Instant::now() >= ends {
            left += 1;
            continue;
        }
        done += i32::from(survived(notices::look(call, &notice), &notice.payment_id).unwrap_or_default());
    }
    if Instant::now() < ends {
        survived(inbox::poll(call, ends), "091");
    }
    survived(cleanup::daily(call), "cleanup");
    survived(compare::nightly(call), "compare");
    survived(deadlines::warn(call), "deadlines");
    for job in store.read(jobs::unfinished)? {
        if let Some(progress) = survived(bulk::advance(call, &job, ends), &job.job_id) {
            done += progress.worked;
            left += progress.left;
        }
    }
    // Last, for nobody waits for it: what is not in the index is found all the same.
    while Instant::now() < ends && store.read(orders::has_waiting_texts)? {
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
    let reply = Reply::data(json!({"done": done, "left": left}));
    Ok(if left > 0 { reply.more() } else { reply })
}
