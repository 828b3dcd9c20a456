//! Bulk runs of the staff and their items.

use chrono::NaiveDateTime;
use diesel::prelude::*;

use super::schema::{job_items, jobs};
use super::{Connection, StoreResult, one_row};

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
    pub(crate) version: i32,
}

/// Not run, or run and waiting for the truth.
pub(crate) const WAITING: &str = "waiting";
/// Done.
pub(crate) const DONE: &str = "done";
/// Refused or failed; `code` says why.
pub(crate) const FAILED: &str = "failed";

/// The job of that id.
pub(crate) fn find(connection: &mut Connection, id: &str) -> StoreResult<Option<Job>> {
    Ok(jobs::table
        .find(id)
        .select(Job::as_select())
        .first(connection)
        .optional()?)
}

/// Jobs with something left to do, the oldest first.
pub(crate) fn unfinished(connection: &mut Connection) -> StoreResult<Vec<Job>> {
    Ok(jobs::table
        .filter(jobs::finished_at.is_null())
        .order(jobs::created_at.asc())
        .select(Job::as_select())
        .load(connection)?)
}

/// A new job with its items.
pub(crate) fn insert(connection: &mut Connection, job: &Job, items: &[Item]) -> StoreResult<()> {
    diesel::insert_into(jobs::table).values(job).execute(connection)?;
    for item in items {
        diesel::insert_into(job_items::table).values(item).execute(connection)?;
    }
    Ok(())
}

/// All items, as they were ticked.
pub(crate) fn items(connection: &mut Connection, job_id: &str) -> StoreResult<Vec<Item>> {
    Ok(job_items::table
        .filter(job_items::job_id.eq(job_id))
        .order(job_items::position.asc())
        .select(Item::as_select())
        .load(connection)?)
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
    one_row(changed)
}

/// Marks the job finished.
pub(crate) fn finish(connection: &mut Connection, job_id: &str, now: NaiveDateTime) -> StoreResult<()> {
    diesel::update(jobs::table.find(job_id).filter(jobs::finished_at.is_null()))
        .set(jobs::finished_at.eq(now))
        .execute(connection)?;
    Ok(())
}
