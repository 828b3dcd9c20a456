//! `work.step`: what nobody waits for. Lost answers are asked for, planned voids sent, bulk runs carried on.

use std::time::{Duration, Instant};

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::{Call, bulk, operation, settle};
use crate::reply::{Problem, Reply};
use crate::store::{attempts, jobs, telegrams};

#[derive(Default, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct Budget {
    /// Milliseconds after which no new step is begun; 1,000 by default. A step lasts at most one telegram's deadline.
    budget_ms: Option<u32>,
}

/// The hook.
pub(super) fn step(call: &Call<'_>) -> Result<Reply, Problem> {
    let asked: Budget = call.request.data()?;
    let ends = Instant::now() + Duration::from_millis(u64::from(asked.budget_ms.unwrap_or(1_000)));
    let (mut done, mut left) = (0, 0);
    const AT_ONCE: i64 = 50;
    let now = call.moment();
    for attempt in call.instance.store.read(|rows| attempts::due(rows, now, AT_ONCE))? {
        if Instant::now() >= ends {
            left += 1;
            continue;
        }
        settle::inquire(call, &attempt.attempt_id)?;
        done += 1;
    }
    for telegram in call.instance.store.read(|rows| telegrams::due(rows, now, AT_ONCE))? {
        if Instant::now() >= ends {
            left += 1;
            continue;
        }
        done += i32::from(operation::resume(call, &telegram.telegram_id)?.is_some());
    }
    for job in call.instance.store.read(jobs::unfinished)? {
        let progress = bulk::advance(call, &job, ends)?;
        done += progress.worked;
        left += progress.left;
    }
    let reply = Reply::data(json!({"done": done, "left": left}));
    Ok(if left > 0 { reply.more() } else { reply })
}
