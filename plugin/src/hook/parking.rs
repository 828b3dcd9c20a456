//! Work that nobody waits for, one thing at a time: what fails is told and keeps nothing else from being done. What fails three
//! times in a row, by a defect or a row that cannot be read, is parked, a person is told, and it is tried once a day.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use chrono::TimeDelta;

use super::Call;
use crate::reply::{Problem, Status};
use crate::store::{StoreResult, failures, flags};

/// So often work may fail in a row.
const TRIES: i32 = 3;
/// How long it waits after the first and the second time.
const BREATH: TimeDelta = TimeDelta::seconds(30);
/// How often parked work is tried.
const PARKED_FOR: TimeDelta = TimeDelta::days(1);
/// The flag of parked work.
const PARKED: &str = "work.parked";

/// The work of one step.
pub(super) struct Parking<'a> {
    call: &'a Call<'a>,
    parked: HashSet<String>,
}

impl<'a> Parking<'a> {
    /// Looks up what is parked.
    pub(super) fn open(call: &'a Call<'a>) -> Result<Self, Problem> {
        let now = call.moment();
        let parked = call.instance.store.read(|rows| failures::parked(rows, now))?;
        Ok(Self {
            call,
            parked: parked.into_iter().collect(),
        })
    }

    /// How many things are parked.
    pub(super) fn count(&self) -> i64 {
        i64::try_from(self.parked.len()).unwrap_or(0)
    }

    /// It failed so often that it is not tried today.
    pub(super) fn gave_up(&self, name: &str) -> StoreResult<bool> {
        let times = self.call.instance.store.read(|rows| failures::times(rows, name))?;
        Ok(times >= TRIES)
    }

    /// Does one thing, unless it is parked: what it came to, or nothing. `of` is the order that it is for, where there is one.
    pub(super) fn run<T>(
        &self,
        (name, of): (&str, Option<&str>),
        work: impl FnOnce() -> Result<T, Problem>,
    ) -> Option<T> {
        if self.parked.contains(name) {
            return None;
        }
        // Whatever a panic left half done is rolled back with its connection.
        let worked = catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
            Err(Problem {
                status: Status::Bug,
                code: "bug.panic",
                message: "a defect of the plugin was caught".to_owned(),
                detail: None,
            })
        });
        let noted = match &worked {
            Ok(_) => self.done(name),
            Err(problem) => {
                tracing::error!(
                    work = name,
                    code = problem.code,
                    message = problem.message,
                    detail = problem.detail,
                    "work.failed"
                );
                self.failed((name, of), problem)
            }
        };
        if let Err(error) = noted {
            tracing::error!(work = name, %error, "work.not_noted");
        }
        worked.ok()
    }

    fn done(&self, name: &str) -> StoreResult<()> {
        let store = &self.call.instance.store;
        match store.read(|rows| failures::times(rows, name))? {
            0 => Ok(()),
            _ => store.write(|rows| failures::forget(rows, name)),
        }
    }

    fn failed(&self, (name, of): (&str, Option<&str>), problem: &Problem) -> StoreResult<()> {
        // A disk that is full, or another process that is in the way, is nobody's defect.
        if problem.code.starts_with("store.") {
            return Ok(());
        }
        let now = self.call.moment();
        self.call.instance.store.write(|rows| {
            let times = failures::times(rows, name)?.saturating_add(1);
            let wait = if times < TRIES { BREATH } else { PARKED_FOR };
            failures::record(rows, name, times, now + wait)?;
            if let (true, Some(order)) = (times >= TRIES, of) {
                let detail = format!("{name} failed {times} times ({}): {}", problem.code, problem.message);
                flags::raise(rows, order, (PARKED, &detail), now)?;
            }
            Ok(())
        })
    }
}
