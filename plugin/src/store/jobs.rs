//! Bulk runs of the staff and their items.

use chrono::NaiveDateTime;
use diesel::prelude::*;

use super::schema::{job_items, jobs};
use super::{Connection, StoreError, StoreResult, one_row};
use crate::payment::operation::Task;

/// One bulk run.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = jobs, check_for_backend(diesel::sqlite::Sqlite))]
pub(crate) struct Job {
    pub(crate) job_id: String,
    pub(crate) operation: String,
    pub(crate) operator_id: String,
    pub(crate) operator_name: String,
    pub(crate) total: i32,
    pub(crate) created_at: NaiveDateTime,
    pub(crate) finished_at: Option<NaiveDateTime>,
    pub(crate) state: String,
    /// When it was confirmed.
    pub(crate) started_at: Option<NaiveDateTime>,
    /// The run whose failures it runs again.
    pub(crate) retry_of: Option<String>,
    /// The list's query that it was made from.
    pub(crate) search: Option<String>,
}

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum JobState {
    /// Shown to the operator, not confirmed.
    Draft,
    Running,
    /// Nothing new is begun.
    Stopped,
    Finished,
}

impl JobState {
    const ALL: [Self; 4] = [Self::Draft, Self::Running, Self::Stopped, Self::Finished];

    /// Its name in a row.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Running => "running",
            Self::Stopped => "stopped",
            Self::Finished => "finished",
        }
    }
}

impl Job {
    /// Where it stands.
    pub(crate) fn state(&self) -> StoreResult<JobState> {
        let found = JobState::ALL.into_iter().find(|state| state.name() == self.state);
        found.ok_or_else(|| StoreError::Unreadable {
            row: self.job_id.clone(),
            word: self.state.clone(),
        })
    }

    /// Who runs it, as the time line names them.
    pub(crate) fn operator(&self) -> &str {
        if self.operator_name.is_empty() {
            &self.operator_id
        } else {
            &self.operator_name
        }
    }
}

/// One order of a bulk run.
#[derive(Debug, Clone, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = job_items, check_for_backend(diesel::sqlite::Sqlite), treat_none_as_null = true)]
pub(crate) struct Item {
    pub(crate) job_id: String,
    pub(crate) position: i32,
    pub(crate) order_id: String,
    pub(crate) order_number: String,
    pub(crate) state: String,
    pub(crate) telegram_id: Option<String>,
    pub(crate) kind: Option<String>,
    pub(crate) code: Option<String>,
    pub(crate) change_id: Option<String>,
    /// It changed between the list that the operator saw and the draft of the run.
    pub(crate) moved: bool,
    /// Payment and amount as the operator saw them; none where nothing was shown.
    pub(crate) seen: Option<String>,
    pub(crate) version: i32,
}

impl Item {
    /// One that is to be run: an order's id and number.
    pub(crate) fn waiting(job_id: &str, position: i32, (order_id, number): (&str, &str)) -> Self {
        Self {
            job_id: job_id.to_owned(),
            position,
            order_id: order_id.to_owned(),
            order_number: number.to_owned(),
            state: WAITING.to_owned(),
            telegram_id: None,
            kind: None,
            code: None,
            change_id: None,
            moved: false,
            seen: None,
            version: 1,
        }
    }

    /// Something was sent for it.
    pub(crate) fn is_begun(&self) -> bool {
        self.telegram_id.is_some() || self.change_id.is_some()
    }
}

/// Not run, or run and waiting for the truth.
pub(crate) const WAITING: &str = "waiting";
/// Done.
pub(crate) const DONE: &str = "done";
/// Refused or failed; `code` says why.
pub(crate) const FAILED: &str = "failed";

/// How far a run is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Not ended: not begun, or asked and not answered.
    pub(crate) waiting: i64,
    /// Of those, asked and not answered.
    pub(crate) asked: i64,
    pub(crate) done: i64,
    pub(crate) failed: i64,
}

/// The job of that id.
pub(crate) fn find(connection: &mut Connection, id: &str) -> StoreResult<Option<Job>> {
    Ok(jobs::table
        .find(id)
        .select(Job::as_select())
        .first(connection)
        .optional()?)
}

/// Jobs with something left to do, the oldest first. A stopped one still follows what it has begun.
pub(crate) fn unfinished(connection: &mut Connection) -> StoreResult<Vec<Job>> {
    Ok(jobs::table
        .filter(jobs::state.eq_any([JobState::Running.name(), JobState::Stopped.name()]))
        .order(jobs::created_at.asc())
        .select(Job::as_select())
        .load(connection)?)
}

/// Confirmed runs, the newest first.
pub(crate) fn recent(connection: &mut Connection, limit: i64) -> StoreResult<Vec<Job>> {
    Ok(jobs::table
        .filter(jobs::state.ne(JobState::Draft.name()))
        .order((jobs::created_at.desc(), jobs::job_id.desc()))
        .limit(limit)
        .select(Job::as_select())
        .load(connection)?)
}

/// A new job with its items.
pub(crate) fn insert(connection: &mut Connection, job: &Job, items: &[Item]) -> StoreResult<()> {
    const AT_ONCE: usize = 500;
    diesel::insert_into(jobs::table).values(job).execute(connection)?;
    for some in items.chunks(AT_ONCE) {
        diesel::insert_into(job_items::table).values(some).execute(connection)?;
    }
    Ok(())
}

/// A run that is under way at once: who began it (nobody, where it began by itself), and the orders' ids and numbers.
pub(crate) fn begin<'a>(
    connection: &mut Connection,
    (job_id, task): (&str, Task),
    (operator_id, operator_name): (&str, &str),
    orders: impl Iterator<Item = (&'a str, &'a str)>,
    now: NaiveDateTime,
) -> StoreResult<()> {
    let items: Vec<Item> = orders
        .zip(1..)
        .map(|(order, position)| Item::waiting(job_id, position, order))
        .collect();
    let job = Job {
        job_id: job_id.to_owned(),
        operation: task.name().to_owned(),
        operator_id: operator_id.to_owned(),
        operator_name: operator_name.to_owned(),
        total: i32::try_from(items.len()).unwrap_or(i32::MAX),
        created_at: now,
        finished_at: None,
        state: JobState::Running.name().to_owned(),
        started_at: Some(now),
        retry_of: None,
        search: None,
    };
    insert(connection, &job, &items)
}

/// Items of a state behind a position, as they were ticked.
pub(crate) fn items(
    connection: &mut Connection,
    job_id: &str,
    (state, after, limit): (&str, i32, i64),
) -> StoreResult<Vec<Item>> {
    Ok(job_items::table
        .filter(job_items::job_id.eq(job_id).and(job_items::state.eq(state)))
        .filter(job_items::position.gt(after))
        .order(job_items::position.asc())
        .limit(limit)
        .select(Item::as_select())
        .load(connection)?)
}

/// Items behind a position for which something was sent and whose end is not known.
pub(crate) fn begun(connection: &mut Connection, job_id: &str, (after, limit): (i32, i64)) -> StoreResult<Vec<Item>> {
    Ok(job_items::table
        .filter(job_items::job_id.eq(job_id).and(job_items::state.eq(WAITING)))
        .filter(
            job_items::telegram_id
                .is_not_null()
                .or(job_items::change_id.is_not_null()),
        )
        .filter(job_items::position.gt(after))
        .order(job_items::position.asc())
        .limit(limit)
        .select(Item::as_select())
        .load(connection)?)
}

/// How far the job is.
pub(crate) fn counts(connection: &mut Connection, job_id: &str) -> StoreResult<Counts> {
    let by_state: Vec<(String, i64)> = job_items::table
        .filter(job_items::job_id.eq(job_id))
        .group_by(job_items::state)
        .select((job_items::state, diesel::dsl::count_star()))
        .load(connection)?;
    let asked = job_items::table
        .filter(job_items::job_id.eq(job_id).and(job_items::state.eq(WAITING)))
        .filter(
            job_items::telegram_id
                .is_not_null()
                .or(job_items::change_id.is_not_null()),
        );
    let mut counts = Counts {
        asked: asked.count().get_result(connection)?,
        ..Counts::default()
    };
    for (state, count) in by_state {
        match state.as_str() {
            DONE => counts.done = count,
            FAILED => counts.failed = count,
            _ => counts.waiting = count,
        }
    }
    Ok(counts)
}

/// How many rows ended as that kind of thing done.
pub(crate) fn done_as(connection: &mut Connection, job_id: &str, kind: &str) -> StoreResult<i64> {
    Ok(job_items::table
        .filter(job_items::job_id.eq(job_id).and(job_items::state.eq(DONE)))
        .filter(job_items::kind.eq(kind))
        .count()
        .get_result(connection)?)
}

/// Writes an item back; `false` where another process took it meanwhile.
pub(crate) fn update_item(connection: &mut Connection, item: &mut Item) -> StoreResult<bool> {
    let seen = item.version;
    item.version += 1;
    let changed = diesel::update(
        job_items::table
            .find((&item.job_id, item.position))
            .filter(job_items::version.eq(seen)),
    )
    .set(&*item)
    .execute(connection)?;
    Ok(one_row(changed))
}

/// Moves a job from one state to another; `false` where it was in neither of the states that may.
pub(crate) fn turn(connection: &mut Connection, job_id: &str, from: &[JobState], to: JobState) -> StoreResult<bool> {
    let from: Vec<&str> = from.iter().map(|state| state.name()).collect();
    let changed = diesel::update(jobs::table.find(job_id).filter(jobs::state.eq_any(from)))
        .set(jobs::state.eq(to.name()))
        .execute(connection)?;
    Ok(one_row(changed))
}

/// The operator confirmed a draft; `false` where it was confirmed before.
pub(crate) fn start(connection: &mut Connection, job_id: &str, now: NaiveDateTime) -> StoreResult<bool> {
    let draft = jobs::table.find(job_id).filter(jobs::state.eq(JobState::Draft.name()));
    let changed = diesel::update(draft)
        .set((jobs::state.eq(JobState::Running.name()), jobs::started_at.eq(now)))
        .execute(connection)?;
    Ok(one_row(changed))
}

/// Marks the job finished.
pub(crate) fn finish(connection: &mut Connection, job_id: &str, now: NaiveDateTime) -> StoreResult<()> {
    diesel::update(jobs::table.find(job_id).filter(jobs::finished_at.is_null()))
        .set((jobs::finished_at.eq(now), jobs::state.eq(JobState::Finished.name())))
        .execute(connection)?;
    Ok(())
}

/// There is something that was shown to an operator before that moment and never confirmed.
pub(crate) fn has_old_drafts(connection: &mut Connection, before: NaiveDateTime) -> StoreResult<bool> {
    let old = jobs::table.filter(jobs::state.eq(JobState::Draft.name()).and(jobs::created_at.lt(before)));
    Ok(diesel::select(diesel::dsl::exists(old)).get_result(connection)?)
}

/// Forgets that.
pub(crate) fn forget_drafts(connection: &mut Connection, before: NaiveDateTime) -> StoreResult<()> {
    let ids: Vec<String> = jobs::table
        .filter(jobs::state.eq(JobState::Draft.name()).and(jobs::created_at.lt(before)))
        .select(jobs::job_id)
        .load(connection)?;
    forget(connection, &ids)
}

/// Forgets the finished runs of a task from before that moment.
pub(crate) fn forget_old(connection: &mut Connection, task: Task, before: NaiveDateTime) -> StoreResult<()> {
    let ids: Vec<String> = jobs::table
        .filter(jobs::operation.eq(task.name()).and(jobs::finished_at.lt(before)))
        .select(jobs::job_id)
        .load(connection)?;
    forget(connection, &ids)
}

/// The last run of a task that has begun.
pub(crate) fn last_of(connection: &mut Connection, task: Task) -> StoreResult<Option<Job>> {
    Ok(jobs::table
        .filter(jobs::operation.eq(task.name()).and(jobs::started_at.is_not_null()))
        .order((jobs::started_at.desc(), jobs::job_id.desc()))
        .select(Job::as_select())
        .first(connection)
        .optional()?)
}

fn forget(connection: &mut Connection, ids: &[String]) -> StoreResult<()> {
    diesel::delete(job_items::table.filter(job_items::job_id.eq_any(ids))).execute(connection)?;
    diesel::delete(jobs::table.filter(jobs::job_id.eq_any(ids))).execute(connection)?;
    Ok(())
}
