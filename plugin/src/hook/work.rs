//! `work.step`: what nobody waits for. Lost answers are asked for, planned telegrams sent, bulk runs
//! carried on, texts taken into the search index.

use std::time::{Duration, Instant};

use chrono::TimeDelta;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::staff::bulk;
use super::{Call, amend, operation, settle};
use crate::reply::{Problem, Reply};
use crate::store::{attempts, jobs, orders, telegrams};

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
        settle::inquire(call, &attempt.attempt_id)?;
        done += 1;
    }
    for telegram in store.read(|rows| telegrams::due(rows, now, AT_ONCE))? {
        if Instant::now() >= ends {
            left += 1;
            continue;
        }
        match &telegram.change_id {
            Some(change) => done += i32::from(amend::resume(call, change)?.is_some()),
            None => done += i32::from(operation::resume(call, &telegram.telegram_id)?.is_some()),
        }
    }
    for job in store.read(jobs::unfinished)? {
        let progress = bulk::advance(call, &job, ends)?;
        done += progress.worked;
        left += progress.left;
    }
    // Last, for nobody waits for it: what is not in the index is found all the same.
    while Instant::now() < ends && store.read(orders::has_waiting_texts)? {
        store.write(|rows| orders::index_some(rows, TEXTS))?;
    }
    if store.read(|rows| jobs::has_old_drafts(rows, now - DRAFTS_LAST))? {
        store.write(|rows| jobs::forget_drafts(rows, now - DRAFTS_LAST))?;
    }
    let reply = Reply::data(json!({"done": done, "left": left}));
    Ok(if left > 0 { reply.more() } else { reply })
}
