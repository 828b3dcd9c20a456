//! A run's rows, one by one: each is decided by what is so when it runs, its intent is committed with the row, and its
//! telegram or change is followed to its end. Any process takes any row; a compare-and-set lets one of them have it.

use std::time::Instant;

use crate::hook::amend;
use crate::hook::change::Ids;
use crate::hook::parking::Parking;
use crate::hook::{Call, cleanup, compare, give_back, operation};
use crate::payment::change::ChangeState;
use crate::payment::operation::{Action, Task};
use crate::reply::Problem;
use crate::store::jobs::{Item, Job, JobState};
use crate::store::{Connection, StoreError, StoreResult, changes, jobs, telegrams};

/// What a slice of a run did.
pub(in crate::hook) struct Progress {
    pub(in crate::hook) worked: i32,
    pub(in crate::hook) left: i32,
    /// Orders that it worked on.
    pub(super) touched: Vec<String>,
}

/// Works on a run until its end or `ends`. A stopped run begins nothing, but follows what it has begun.
pub(in crate::hook) fn advance(call: &Call<'_>, job: &Job, ends: Instant) -> Result<Progress, Problem> {
    const AT_ONCE: i64 = 100;
    let Some(task) = Task::parse(&job.operation) else {
        return Err(Problem::failed(
            "job.unreadable",
            format!("run {} has an unknown operation", job.job_id),
        ));
    };
    let mut progress = Progress {
        worked: 0,
        left: 0,
        touched: Vec::new(),
    };
    let parking = Parking::open(call)?;
    let mut after = 0;
    loop {
        let items = call.instance.store.read(|rows| {
            let state = jobs::find(rows, &job.job_id)?.map(|job| job.state()).transpose()?;
            match state {
                Some(JobState::Running) => jobs::items(rows, &job.job_id, (jobs::WAITING, after, AT_ONCE)).map(Some),
                Some(JobState::Stopped) => jobs::begun(rows, &job.job_id, (after, AT_ONCE)).map(Some),
                _ => Ok(None),
            }
        })?;
        let Some(items) = items else { return Ok(progress) };
        let Some(last) = items.last() else { break };
        after = last.position;
        for item in items {
            if Instant::now() >= ends {
                progress.left += 1;
                continue;
            }
            progress.touched.push(item.order_id.clone());
            // A row that cannot be worked on now keeps no other from running.
            let name = format!("row:{}:{}", job.job_id, item.position);
            let of = item.order_id.clone();
            let again = item.clone();
            let ran = parking.run((&name, Some(&of)), || match task {
                Task::Column(_) | Task::GiveBack => run(call, job, task, item),
                Task::CleanUp => cleanup::run(call, job, item),
                Task::Compare => compare::run(call, job, item),
            });
            match ran {
                Some(true) => progress.worked += 1,
                Some(false) => progress.left += 1,
                None if parking.gave_up(&name)? => give_up(call, again)?,
                None => progress.left += 1,
            }
        }
        if Instant::now() >= ends {
            return Ok(progress);
        }
    }
    let store = &call.instance.store;
    if store.read(|rows| jobs::counts(rows, &job.job_id))?.waiting == 0 {
        store.write(|rows| jobs::finish(rows, &job.job_id, call.moment()))?;
    }
    Ok(progress)
}

/// A row that failed again and again ends, so that the run does; what it began is followed by itself.
fn give_up(call: &Call<'_>, mut item: Item) -> Result<(), Problem> {
    Ok(call.instance.store.write(|rows| {
        jobs::FAILED.clone_into(&mut item.state);
        item.code = Some("work.parked".to_owned());
        jobs::update_item(rows, &mut item).map(drop)
    })?)
}

/// What a row's next step is.
enum Next {
    Send(Box<telegrams::Telegram>),
    Change(Box<changes::Change>),
    Ended,
}

/// Runs one row; `false` where its end is not known yet.
fn run(call: &Call<'_>, job: &Job, task: Task, mut item: Item) -> Result<bool, Problem> {
    if item.is_begun() {
        return follow(call, item);
    }
    let ids = Ids::draw()?;
    let next = call
        .instance
        .store
        .write(|rows| intend(call, rows, (job, task), &mut item, &ids));
    let next = match next {
        Ok(next) => next,
        // Another process runs this row.
        Err(StoreError::Lost) => return Ok(false),
        Err(error) if error.is_taken() => return Ok(false),
        Err(error) => return Err(error.into()),
    };
    match next {
        Next::Ended => return Ok(true),
        Next::Send(telegram) => operation::send(call, &telegram).map(drop)?,
        Next::Change(change) => amend::begin(call, &change)?,
    }
    follow(call, item)
}

/// Decides a row by what is so now, and commits what will be sent for it.
fn intend(
    call: &Call<'_>,
    rows: &mut Connection,
    (job, task): (&Job, Task),
    item: &mut Item,
    ids: &Ids,
) -> StoreResult<Next> {
    // 停止 counts from the moment at which it was pressed.
    let running = jobs::find(rows, &job.job_id)?.is_some_and(|job| job.state == JobState::Running.name());
    if !running {
        return Err(StoreError::Lost);
    }
    let decided = match task {
        Task::Column(column) => operation::decide(call, rows, &item.order_id, (column, item.seen.as_deref()))?,
        Task::CleanUp | Task::Compare | Task::GiveBack => give_back::decide(call, rows, &item.order_id)?,
    };
    let next = match decided {
        Ok((action, mut order, payment)) => {
            item.kind = Some(action.kind().to_owned());
            match action {
                Action::Send(wanted) => {
                    let by = (job.operator(), call.moment());
                    let telegram = operation::intend(rows, &payment, wanted, &ids.telegram, by)?;
                    item.telegram_id = Some(telegram.telegram_id.clone());
                    Next::Send(Box::new(telegram))
                }
                Action::Change(kind) => {
                    let change = amend::intend(call, rows, (&mut order, &payment, kind), ids, job.operator())?;
                    item.change_id = Some(change.change_id.clone());
                    Next::Change(Box::new(change))
                }
            }
        }
        Err(code) => {
            jobs::FAILED.clone_into(&mut item.state);
            item.code = Some(code.to_owned());
            Next::Ended
        }
    };
    if jobs::update_item(rows, item)? {
        Ok(next)
    } else {
        // Another process runs this row: our intent must not stand beside its.
        Err(StoreError::Lost)
    }
}

/// Ends a row by what its telegram or its change came to.
fn follow(call: &Call<'_>, mut item: Item) -> Result<bool, Problem> {
    let (telegram_id, change_id) = (item.telegram_id.clone(), item.change_id.clone());
    if let Some(id) = &telegram_id {
        operation::resume(call, id)?;
    }
    if let Some(id) = &change_id {
        amend::resume(call, id)?;
    }
    Ok(call.instance.store.write(|rows| {
        let ended = match (&telegram_id, &change_id) {
            (Some(id), _) => telegrams::find(rows, id)?
                .filter(|telegram| telegram.open_key.is_none())
                .map(|telegram| (telegram.state == telegrams::GOOD, telegram.code)),
            (None, Some(id)) => match changes::find(rows, id)? {
                Some(change) if change.open_order.is_none() => {
                    Some((change.state()? == ChangeState::Done, change.code))
                }
                _ => None,
            },
            (None, None) => None,
        };
        let Some((done, code)) = ended else {
            return Ok(false);
        };
        if done { jobs::DONE } else { jobs::FAILED }.clone_into(&mut item.state);
        item.code = code;
        jobs::update_item(rows, &mut item)?;
        Ok(true)
    })?)
}
