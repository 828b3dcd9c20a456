//! Bulk runs (guide, p. 5 to 7): the staff tick rows and press 実行, are shown what will happen, and confirm. A run is
//! rows, one per order, so that a killed process loses nothing and any process goes on (`advance`).

mod advance;

use std::time::{Duration, Instant};

use chrono::TimeDelta;
use serde_json::json;

use super::asked::Asked;
use crate::hook::{Call, cleanup, outbox};
use crate::payment::operation::{Column, Task};
use crate::reply::{Effect, Problem, Reply};
use crate::request::{Form, Operator};
use crate::seal::random_hex;
use crate::store::jobs::{Counts, Item, Job, JobState};
use crate::store::orders::Listed;
use crate::store::search::{self, Search};
use crate::store::{Connection, StoreResult, jobs, orders};
use advance::Progress;
pub(in crate::hook) use advance::advance;

/// The most rows of one run.
pub(in crate::hook) const MOST_ROWS: usize = 10_000;
/// How long the request that starts a run works on it itself: a short run is done when its page is drawn.
pub(super) const FIRST_BUDGET: Duration = Duration::from_secs(2);
/// How long what was shown can be confirmed.
const CONFIRM_WITHIN: TimeDelta = TimeDelta::hours(2);
/// How long a step works.
const STEP_BUDGET: Duration = Duration::from_secs(1);

/// What an operator asks for: a column, and the rows.
struct Asking<'a> {
    operator: &'a Operator,
    column: Column,
    form: Form,
}

fn asking<'a>(call: &Call<'a>) -> Result<Asking<'a>, Problem> {
    call.refuse_other_sites()?;
    let form = call.request.form()?;
    let column = form
        .one("operation")?
        .and_then(Column::parse)
        .ok_or_else(|| Problem::misuse("form.operation", "there is no such operation"))?;
    let operator = call.operator_with(column.name())?;
    call.check_form(operator, form.one("csrf")?)?;
    Ok(Asking { operator, column, form })
}

impl Asking<'_> {
    /// The ticked orders, each once. Each column's boxes have a name of their own: 実行 of one column runs that column's
    /// ticked rows only (R50).
    fn ticked(&self) -> Vec<String> {
        let mut ticked: Vec<String> = Vec::new();
        let mut known = std::collections::HashSet::new();
        let boxes = format!("order_{}", self.column.name());
        for order in self.form.all("order").chain(self.form.all(&boxes)) {
            let order: String = order.chars().take(64).collect();
            if known.insert(order.clone()) {
                ticked.push(order);
            }
        }
        ticked
    }
}

/// `admin.bulk.preflight`: what would happen, kept as a draft that the operator confirms or leaves.
pub(in crate::hook) fn preflight(call: &Call<'_>) -> Result<Reply, Problem> {
    let asking = asking(call)?;
    let query = Asked::of_query(asking.form.one("search")?.unwrap_or(""));
    // "All results" is chosen for one column, and is nothing to another's 実行.
    let whole = asking.form.all("whole").any(|column| column == asking.column.name());
    let rows = if whole {
        whole_search(call, &query.search(call), asking.column)?
    } else {
        let ids = asking.ticked();
        let mut rows = call
            .instance
            .store
            .read(|rows| seen(call, rows, (asking.column, ids)))?;
        let drawn: std::collections::HashMap<&str, &str> = asking
            .form
            .all("drawn")
            .filter_map(|pair| pair.rsplit_once('='))
            .collect();
        for row in &mut rows {
            let was = drawn.get(row.order_id.as_str());
            row.moved = was.is_some_and(|was| row.seen.as_deref() != Some(*was));
        }
        rows
    };
    if rows.is_empty() || rows.len() > MOST_ROWS {
        let why = if rows.is_empty() { "nothing" } else { "too_many" };
        let back = query.url(&format!("{}/payments", call.staff_url()), &[(why, "1")]);
        return Ok(Reply::redirect(back));
    }
    let job = draft(
        call,
        (asking.operator, Task::Column(asking.column)),
        &rows,
        &query.query(),
    )?;
    Ok(
        Reply::redirect(format!("{}/payments/bulk/{}", call.staff_url(), job.job_id))
            .with_data(json!({"job": job.job_id})),
    )
}

/// An order of a run to be: its id, number, and what the operator sees of it.
struct Chosen {
    order_id: String,
    number: String,
    seen: Option<String>,
    /// Something changed since the list was drawn.
    moved: bool,
    /// Why it cannot run: what an operator was told of as refused stays refused.
    refused: Option<&'static str>,
}

fn chosen(call: &Call<'_>, column: Column, listed: &Listed) -> Chosen {
    let decided = match call.judged(listed) {
        Some(row) => row.decide(column, &call.rules()).map(drop),
        None => Err("refused-no-payment"),
    };
    Chosen {
        order_id: listed.order.order_id.clone(),
        number: listed.order.order_number.clone(),
        seen: call.stamp(listed),
        moved: false,
        refused: decided.err(),
    }
}

/// The ticked orders as they stand now, in the order in which they were ticked; ids that nobody knows stay among them.
fn seen(call: &Call<'_>, rows: &mut Connection, (column, ids): (Column, Vec<String>)) -> StoreResult<Vec<Chosen>> {
    let known = orders::listed_of(rows, &ids)?;
    let known: std::collections::HashMap<&str, &Listed> = known
        .iter()
        .map(|listed| (listed.order.order_id.as_str(), listed))
        .collect();
    Ok(ids
        .into_iter()
        .map(|id| match known.get(id.as_str()) {
            Some(listed) => chosen(call, column, listed),
            None => Chosen {
                number: id.clone(),
                order_id: id,
                seen: None,
                moved: false,
                refused: Some("refused-unknown-order"),
            },
        })
        .collect())
}

/// Every row of a search that the column offers something for; one more than a run can have tells that there are too many.
fn whole_search(call: &Call<'_>, search: &Search, column: Column) -> Result<Vec<Chosen>, Problem> {
    const AT_ONCE: i64 = 1_000;
    let offered = |listed: &&Listed| {
        call.judged(listed)
            .is_some_and(|row| row.offered(column, &call.rules()).is_some())
    };
    // One look at the database: no row moves from one page to another meanwhile.
    Ok(call.instance.store.read(|rows| {
        let mut all = Vec::new();
        let mut page = Search {
            offset: 0,
            limit: AT_ONCE,
            ..search.clone()
        };
        loop {
            let some = search::page(rows, &page)?;
            all.extend(some.iter().filter(offered).map(|listed| chosen(call, column, listed)));
            if i64::try_from(some.len()).unwrap_or(0) < AT_ONCE || all.len() > MOST_ROWS {
                return Ok(all);
            }
            page.offset += AT_ONCE;
        }
    })?)
}

/// `admin.cleanup`: 決済処理中の注文の取消. What it would do, as a draft; whatever is ticked or searched for is nothing to it (R82).
pub(in crate::hook) fn clean_up(call: &Call<'_>) -> Result<Reply, Problem> {
    call.refuse_other_sites()?;
    let operator = call.operator_with(Task::CleanUp.right())?;
    let form = call.request.form()?;
    call.check_form(operator, form.one("csrf")?)?;
    let query = Asked::of_query(form.one("search")?.unwrap_or(""));
    let due = call.instance.store.read(|rows| cleanup::due(call, rows))?;
    if due.is_empty() {
        let back = query.url(&format!("{}/payments", call.staff_url()), &[("none_left", "1")]);
        return Ok(Reply::redirect(back));
    }
    let rows: Vec<Chosen> = due
        .into_iter()
        .map(|order| of_order(order.order_id, order.order_number))
        .collect();
    let job = draft(call, (operator, Task::CleanUp), &rows, &query.query())?;
    Ok(
        Reply::redirect(format!("{}/payments/bulk/{}", call.staff_url(), job.job_id))
            .with_data(json!({"job": job.job_id})),
    )
}

/// An order of which nothing was shown that could change: it is decided when it runs.
fn of_order(order_id: String, number: String) -> Chosen {
    Chosen {
        order_id,
        number,
        seen: None,
        moved: false,
        refused: None,
    }
}

fn task_of(job: &Job) -> Result<Task, Problem> {
    Task::parse(&job.operation).ok_or_else(|| Problem::failed("job.unreadable", "the run has an unknown operation"))
}

fn right_of(job: &Job) -> Result<&'static str, Problem> {
    task_of(job).map(Task::right)
}

fn draft(call: &Call<'_>, (operator, task): (&Operator, Task), rows: &[Chosen], query: &str) -> Result<Job, Problem> {
    let job = Job {
        job_id: random_hex::<16>()?,
        operation: task.name().to_owned(),
        operator_id: operator.id.clone(),
        operator_name: operator.name.clone(),
        total: i32::try_from(rows.len()).unwrap_or(i32::MAX),
        created_at: call.moment(),
        finished_at: None,
        state: JobState::Draft.name().to_owned(),
        started_at: None,
        retry_of: None,
        search: Some(query.to_owned()),
    };
    keep(call, &job, rows)?;
    Ok(job)
}

fn keep(call: &Call<'_>, job: &Job, rows: &[Chosen]) -> Result<(), Problem> {
    let items: Vec<Item> = rows
        .iter()
        .zip(1..)
        .map(|(row, position)| Item {
            state: if row.refused.is_some() {
                jobs::FAILED
            } else {
                jobs::WAITING
            }
            .to_owned(),
            code: row.refused.map(str::to_owned),
            moved: row.moved,
            seen: row.seen.clone(),
            ..Item::waiting(&job.job_id, position, (&row.order_id, &row.number))
        })
        .collect();
    Ok(call.instance.store.write(|rows| jobs::insert(rows, job, &items))?)
}

/// `admin.bulk.start`: these rows at once, for a host or a script that has asked its people itself. Nobody was shown the
/// rows, so none is compared with what was seen.
pub(in crate::hook) fn start(call: &Call<'_>) -> Result<Reply, Problem> {
    let asking = asking(call)?;
    let ids = asking.ticked();
    if ids.is_empty() || ids.len() > MOST_ROWS {
        let why = if ids.is_empty() { "nothing" } else { "too_many" };
        return Ok(Reply::redirect(format!("{}/payments?{why}=1", call.staff_url())));
    }
    let column = asking.column;
    let mut rows = call.instance.store.read(|rows| seen(call, rows, (column, ids)))?;
    for row in &mut rows {
        // Decided when it runs.
        (row.seen, row.refused) = (None, None);
    }
    let job = draft(call, (asking.operator, Task::Column(asking.column)), &rows, "")?;
    begin(call, &job)
}

/// `admin.bulk.confirm`: OK was pressed. However often, the run starts once.
pub(in crate::hook) fn confirm(call: &Call<'_>) -> Result<Reply, Problem> {
    let job = steered(call, "admin.bulk.confirm")?;
    if call
        .request
        .operator
        .as_ref()
        .is_none_or(|operator| operator.id != job.operator_id)
    {
        return Err(Problem::refused(
            "job.of_another",
            "a run is confirmed by the operator to whom it was shown",
        ));
    }
    if job.state()? == JobState::Draft && job.created_at + CONFIRM_WITHIN < call.moment() {
        return Err(Problem::refused(
            "job.stale",
            "what was shown is too old; press 実行 again to see what would happen now",
        ));
    }
    begin(call, &job)
}

fn begin(call: &Call<'_>, job: &Job) -> Result<Reply, Problem> {
    call.instance
        .store
        .write(|rows| jobs::start(rows, &job.job_id, call.moment()))?;
    work_and_show(call, job, FIRST_BUDGET)
}

/// `admin.bulk.stop`: nothing new is begun; what was sent is followed to its end.
pub(in crate::hook) fn stop(call: &Call<'_>) -> Result<Reply, Problem> {
    let job = steered(call, "admin.bulk.stop")?;
    call.instance
        .store
        .write(|rows| jobs::turn(rows, &job.job_id, &[JobState::Running], JobState::Stopped))?;
    Ok(shown(call, &job))
}

/// `admin.bulk.resume`.
pub(in crate::hook) fn resume(call: &Call<'_>) -> Result<Reply, Problem> {
    let job = steered(call, "admin.bulk.resume")?;
    call.instance
        .store
        .write(|rows| jobs::turn(rows, &job.job_id, &[JobState::Stopped], JobState::Running))?;
    work_and_show(call, &job, FIRST_BUDGET)
}

/// `admin.bulk.retry`: the failed rows again, as a draft of their own.
pub(in crate::hook) fn retry(call: &Call<'_>) -> Result<Reply, Problem> {
    let job = steered(call, "admin.bulk.retry")?;
    let most = i64::try_from(MOST_ROWS).unwrap_or(i64::MAX);
    let task = task_of(&job)?;
    let rows = call.instance.store.read(|rows| {
        let failed = jobs::items(rows, &job.job_id, (jobs::FAILED, 0, most))?;
        match task {
            Task::Column(column) => {
                let ids = failed.into_iter().map(|item| item.order_id).collect();
                seen(call, rows, (column, ids))
            }
            Task::CleanUp | Task::GiveBack => Ok(failed
                .into_iter()
                .map(|item| of_order(item.order_id, item.order_number))
                .collect()),
            // It is begun anew instead, over all that may differ by then.
            Task::Compare => Ok(Vec::new()),
        }
    })?;
    if rows.is_empty() {
        return Ok(shown(call, &job));
    }
    let again = Job {
        job_id: random_hex::<16>()?,
        total: i32::try_from(rows.len()).unwrap_or(i32::MAX),
        operation: task.name().to_owned(),
        created_at: call.moment(),
        finished_at: None,
        started_at: None,
        state: JobState::Draft.name().to_owned(),
        retry_of: Some(job.job_id.clone()),
        ..as_of_operator(call, job)?
    };
    keep(call, &again, &rows)?;
    Ok(
        Reply::redirect(format!("{}/payments/bulk/{}", call.staff_url(), again.job_id))
            .with_data(json!({"job": again.job_id})),
    )
}

fn as_of_operator(call: &Call<'_>, job: Job) -> Result<Job, Problem> {
    let operator = call.operator_with(right_of(&job)?)?;
    Ok(Job {
        operator_id: operator.id.clone(),
        operator_name: operator.name.clone(),
        ..job
    })
}

/// The run of a posted form, for an operator who may do what it does.
fn steered(call: &Call<'_>, hook: &'static str) -> Result<Job, Problem> {
    call.refuse_other_sites()?;
    let job = named(call, hook)?;
    let operator = call.operator_with(right_of(&job)?)?;
    let form = call.request.form()?;
    call.check_form(operator, form.one("csrf")?)?;
    Ok(job)
}

/// The run that the path names.
pub(in crate::hook) fn named(call: &Call<'_>, hook: &'static str) -> Result<Job, Problem> {
    let id = call.segment(hook)?;
    call.instance
        .store
        .read(|rows| jobs::find(rows, id))?
        .ok_or_else(|| Problem::misuse("job.unknown", "there is no such run"))
}

pub(super) fn work_and_show(call: &Call<'_>, job: &Job, budget: Duration) -> Result<Reply, Problem> {
    let progress = advance(call, job, Instant::now() + budget)?;
    Ok(shown(call, job).with_effects(offered(call, &progress)?))
}

/// A draft of one order's payments to be given back that it does not wait for.
pub(super) fn give_back(call: &Call<'_>, operator: &Operator, (id, number): (&str, &str)) -> Result<Job, Problem> {
    let rows = [of_order(id.to_owned(), number.to_owned())];
    draft(call, (operator, Task::GiveBack), &rows, "")
}

/// The list with the run's result above it, as the guide shows it (p. 6); a comparison stands above what differs.
fn shown(call: &Call<'_>, job: &Job) -> Reply {
    if job.operation == Task::Compare.name() {
        return Reply::redirect(format!("{}/mismatches", call.staff_url())).with_data(json!({"job": job.job_id}));
    }
    let query = Asked::of_query(job.search.as_deref().unwrap_or(""));
    let url = query.url(&format!("{}/payments", call.staff_url()), &[("job", &job.job_id)]);
    Reply::redirect(url).with_data(json!({"job": job.job_id}))
}

/// `admin.bulk.step`.
pub(in crate::hook) fn step(call: &Call<'_>) -> Result<Reply, Problem> {
    call.refuse_other_sites()?;
    call.operator_with("view")?;
    let job = named(call, "admin.bulk.step")?;
    let progress = advance(call, &job, Instant::now() + STEP_BUDGET)?;
    let (job, counts) = call.instance.store.read(|rows| {
        let now = jobs::find(rows, &job.job_id)?.unwrap_or(job);
        let counts = jobs::counts(rows, &now.job_id)?;
        Ok((now, counts))
    })?;
    let Counts {
        waiting,
        asked,
        done,
        failed,
    } = counts;
    let data = json!({
        "job": job.job_id, "state": job.state, "total": job.total, "left": waiting, "asked": asked, "done": done,
        "failed": failed,
    });
    let mut reply = Reply::data(data.clone()).with_effects(offered(call, &progress)?);
    reply.status = Some(200);
    reply
        .headers
        .insert("content-type".to_owned(), "application/json".to_owned());
    reply.headers.insert("cache-control".to_owned(), "no-store".to_owned());
    reply.body = Some(data.to_string());
    let goes_on = waiting > 0 && job.state()? == JobState::Running;
    Ok(if goes_on { reply.more() } else { reply })
}

fn offered(call: &Call<'_>, progress: &Progress) -> Result<Vec<Effect>, Problem> {
    Ok(call.instance.store.read(|rows| {
        let mut effects = Vec::new();
        for order_id in &progress.touched {
            effects.extend(outbox::offered(rows, order_id)?);
        }
        Ok(effects)
    })?)
}
