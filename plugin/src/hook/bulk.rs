//! Bulk runs (guide, p. 5 to 7): the staff tick rows and press 実行. A run is rows, one per order, so that a killed
//! process loses nothing, and each row's legality is decided again when it runs.

use std::time::{Duration, Instant};

use serde_json::json;

use super::{Call, operation};
use crate::payment::operation::Column;
use crate::reply::{Problem, Reply};
use crate::seal::{Purpose, random_hex};
use crate::store::jobs::{Item, Job};
use crate::store::{Connection, StoreResult, jobs, orders, telegrams};

/// The most rows of one run.
const MOST_ROWS: usize = 10_000;
/// How long the request that starts a run works on it itself.
const FIRST_BUDGET: Duration = Duration::from_secs(5);

/// What a slice of a run did.
pub(super) struct Progress {
    pub(super) worked: i32,
    pub(super) left: i32,
}

/// `admin.bulk.start`.
pub(super) fn start(call: &Call<'_>) -> Result<Reply, Problem> {
    call.refuse_other_sites()?;
    let posted = call.request.form()?;
    let column = posted
        .one("operation")?
        .and_then(Column::parse)
        .ok_or_else(|| Problem::misuse("form.operation", "there is no such operation"))?;
    let operator = match &call.request.operator {
        Some(operator) if call.has_right(column.name()) => operator,
        _ => {
            return Err(Problem::refused(
                "rights.missing",
                format!("the right `{}` is not given", column.name()),
            ));
        }
    };
    let sealed = call
        .instance
        .seal
        .open(Purpose::Staff, posted.one("csrf")?.unwrap_or(""), call.now);
    if !matches!(sealed.as_deref(), Some([of]) if *of == operator.id) {
        return Err(Problem::refused(
            "form.stale",
            "the form is not this operator's, or too old; open the list again",
        ));
    }
    let mut ticked: Vec<&str> = Vec::new();
    // Each column's boxes have a name of their own: 実行 of one column runs that column's ticked rows only (R50).
    let boxes = format!("order_{}", column.name());
    for order in posted.all("order").chain(posted.all(&boxes)) {
        if !ticked.contains(&order) {
            ticked.push(order);
        }
    }
    if ticked.is_empty() || ticked.len() > MOST_ROWS {
        return Ok(Reply::redirect(format!("{}/payments?nothing=1", call.staff_url())));
    }
    let job = Job {
        job_id: random_hex::<16>()?,
        operation: column.name().to_owned(),
        operator_id: operator.id.clone(),
        operator_name: operator.name.clone(),
        total: i32::try_from(ticked.len()).unwrap_or(i32::MAX),
        created_at: call.moment(),
        finished_at: None,
    };
    call.instance.store.write(|rows| {
        let items = ticked
            .iter()
            .zip(1..)
            .map(|(order_id, position)| item(rows, &job, order_id, position));
        let items = items.collect::<StoreResult<Vec<_>>>()?;
        jobs::insert(rows, &job, &items)
    })?;
    advance(call, &job, Instant::now() + FIRST_BUDGET)?;
    Ok(
        Reply::redirect(format!("{}/payments?job={}", call.staff_url(), job.job_id))
            .with_data(json!({"job": job.job_id}))
            .with_effects(offered(call, &job)?),
    )
}

fn item(rows: &mut Connection, job: &Job, order_id: &str, position: i32) -> StoreResult<Item> {
    let order = orders::find(rows, order_id)?;
    Ok(Item {
        job_id: job.job_id.clone(),
        position,
        order_id: order_id.chars().take(64).collect(),
        order_number: order.map_or_else(|| order_id.chars().take(64).collect(), |order| order.order_number),
        state: jobs::WAITING.to_owned(),
        telegram_id: None,
        kind: None,
        code: None,
        version: 1,
    })
}

/// `admin.bulk.step`.
pub(super) fn step(call: &Call<'_>) -> Result<Reply, Problem> {
    if !call.has_right("view") {
        return Err(Problem::refused("rights.missing", "the right `view` is not given"));
    }
    let id = call.segment("admin.bulk.step")?;
    let job = call
        .instance
        .store
        .read(|rows| jobs::find(rows, id))?
        .ok_or_else(|| Problem::misuse("job.unknown", "there is no such run"))?;
    let progress = advance(call, &job, Instant::now() + Duration::from_secs(1))?;
    let data = json!({"job": job.job_id, "total": job.total, "left": progress.left});
    let mut reply = Reply::data(data.clone()).with_effects(offered(call, &job)?);
    reply.status = Some(200);
    reply
        .headers
        .insert("content-type".to_owned(), "application/json".to_owned());
    reply.headers.insert("cache-control".to_owned(), "no-store".to_owned());
    reply.body = Some(data.to_string());
    Ok(if progress.left > 0 { reply.more() } else { reply })
}

fn offered(call: &Call<'_>, job: &Job) -> Result<Vec<crate::reply::Effect>, Problem> {
    Ok(call.instance.store.read(|rows| {
        let mut effects = Vec::new();
        for item in jobs::items(rows, &job.job_id)? {
            effects.extend(super::outbox::offered(rows, &item.order_id)?);
        }
        Ok(effects)
    })?)
}

/// Works on a run until its end or `ends`.
pub(super) fn advance(call: &Call<'_>, job: &Job, ends: Instant) -> Result<Progress, Problem> {
    let Some(column) = Column::parse(&job.operation) else {
        return Err(Problem::failed(
            "job.unreadable",
            format!("run {} has an unknown operation", job.job_id),
        ));
    };
    let mut progress = Progress { worked: 0, left: 0 };
    for item in call.instance.store.read(|rows| jobs::items(rows, &job.job_id))? {
        if item.state != jobs::WAITING {
            continue;
        }
        if Instant::now() < ends && run(call, job, column, item)? {
            progress.worked += 1;
        } else {
            progress.left += 1;
        }
    }
    if progress.left == 0 {
        call.instance
            .store
            .write(|rows| jobs::finish(rows, &job.job_id, call.moment()))?;
    }
    Ok(progress)
}

/// What a row's next step is.
enum Next {
    Send(Box<telegrams::Telegram>),
    Ended,
    NotMine,
}

/// Runs one row; `false` where its end is not known yet.
fn run(call: &Call<'_>, job: &Job, column: Column, mut item: Item) -> Result<bool, Problem> {
    if item.telegram_id.is_some() {
        return follow(call, item);
    }
    let telegram_id = random_hex::<16>()?;
    let operator = if job.operator_name.is_empty() {
        &job.operator_id
    } else {
        &job.operator_name
    };
    let next = call.instance.store.write(|rows| {
        let intent = operation::intend(rows, &item.order_id, column, &telegram_id, (operator, call.moment()))?;
        let next = match intent {
            Ok(telegram) => {
                item.telegram_id = Some(telegram.telegram_id.clone());
                item.kind = Some(telegram.kind.clone());
                Next::Send(Box::new(telegram))
            }
            Err(code) => {
                jobs::FAILED.clone_into(&mut item.state);
                item.code = Some(code);
                Next::Ended
            }
        };
        if jobs::update_item(rows, &mut item)? {
            Ok(next)
        } else {
            // Another process runs this row: our intent must not stand beside its.
            Err(crate::store::StoreError::Statement(
                diesel::result::Error::RollbackTransaction,
            ))
        }
    });
    let next = match next {
        Ok(next) => next,
        Err(crate::store::StoreError::Statement(diesel::result::Error::RollbackTransaction)) => Next::NotMine,
        Err(error) if error.is_taken() => Next::NotMine,
        Err(error) => return Err(error.into()),
    };
    match next {
        Next::NotMine => Ok(false),
        Next::Ended => Ok(true),
        Next::Send(telegram) => {
            operation::send(call, &telegram)?;
            follow(call, item)
        }
    }
}

/// Ends a row by what its telegram came to.
fn follow(call: &Call<'_>, mut item: Item) -> Result<bool, Problem> {
    let Some(id) = item.telegram_id.clone() else {
        return Ok(false);
    };
    operation::resume(call, &id)?;
    Ok(call.instance.store.write(|rows| {
        let Some(telegram) = telegrams::find(rows, &id)? else {
            return Ok(false);
        };
        if telegram.open_key.is_some() {
            return Ok(false);
        }
        let done = telegram.state == telegrams::GOOD;
        if done { jobs::DONE } else { jobs::FAILED }.clone_into(&mut item.state);
        item.code = telegram.code;
        jobs::update_item(rows, &mut item)?;
        Ok(true)
    })?)
}
