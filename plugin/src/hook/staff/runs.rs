//! Bulk runs as pages: what 実行 would do, how far it is, what came of it, and all runs so far.

use std::collections::HashMap;

use chrono::TimeDelta;
use serde_json::json;

use super::asked::Asked;
use super::bulk::named;
use super::japanese_time;
use crate::hook::{Call, cleanup, give_back, staff};
use crate::page::{self, Line, Preflight, PreflightLine, ResultWords, RunPage, RunResult, RunRow, Running, RunsPage};
use crate::payment::cleanup::Step;
use crate::payment::operation::{Action, ChangeKind, Column, Task};
use crate::payment::preflight::Consequence;
use crate::payment::way::Way;
use crate::payment::{preflight, yen};
use crate::reply::{Problem, Reply};
use crate::request::Operator;
use crate::store::jobs::{self, Counts, Item, Job, JobState};
use crate::store::orders;
use crate::store::orders::Listed;

/// Lines shown of each kind; the rest is counted.
const LINES: i64 = 200;
/// Runs shown.
const RUNS: i64 = 100;

/// `admin.bulk.list`.
pub(in crate::hook) fn list(call: &Call<'_>) -> Result<Reply, Problem> {
    let operator = call.operator_with("view")?;
    let frame = staff::frame(call, operator, "runs");
    let rows = call.instance.store.read(|rows| {
        let jobs = jobs::recent(rows, RUNS)?;
        jobs.into_iter()
            .map(|job| {
                let counts = jobs::counts(rows, &job.job_id)?;
                Ok((job, counts))
            })
            .collect::<crate::store::StoreResult<Vec<_>>>()
    })?;
    let shown: Vec<RunRow> = rows
        .iter()
        .map(|(job, counts)| RunRow {
            url: format!("{}/{}", frame.runs_url, job.job_id),
            at: japanese_time(job.started_at.unwrap_or(job.created_at)),
            operation: operation_words(call, job),
            operator: operator_words(call, job),
            state: state_words(call, job),
            total: job.total,
            done: counts.done,
            failed: counts.failed,
        })
        .collect();
    let page = RunsPage {
        staff: frame,
        rows: &shown,
    };
    let ids: Vec<_> = rows.iter().map(|(job, _)| &job.job_id).collect();
    Ok(staff::framed(page::runs(&page, call.language, call.nonce())).with_data(json!({"jobs": ids})))
}

/// `admin.bulk.show`.
pub(in crate::hook) fn show(call: &Call<'_>) -> Result<Reply, Problem> {
    let operator = call.operator_with("view")?;
    let job = named(call, "admin.bulk.show")?;
    let frame = staff::frame(call, operator, "runs");
    let mut shown = RunPage {
        heading: operation_words(call, &job),
        made: page::text(
            call.language,
            "run-made",
            &[
                ("at", &japanese_time(job.started_at.unwrap_or(job.created_at))),
                ("operator", &operator_words(call, &job)),
            ],
        ),
        total: job.total,
        list_url: back(call, &job),
        preflight: None,
        result: None,
        staff: frame,
    };
    let data = if job.state()? == JobState::Draft {
        let before = match Task::parse(&job.operation) {
            Some(Task::Column(column)) => before(call, operator, (&job, column))?,
            Some(Task::CleanUp) => before_clean_up(call, operator, &job)?,
            Some(Task::GiveBack) => before_give_back(call, operator, &job)?,
            // A comparison moves nothing, and is never a draft.
            Some(Task::Compare) | None => {
                return Err(Problem::failed("job.unreadable", "the run has an unknown operation"));
            }
        };
        let data = json!({"job": job.job_id, "state": "draft", "runs": before.runs, "yen": before.yen, "refused": before.refused.len()});
        shown.preflight = Some(before);
        data
    } else {
        shown.result = result(call, &job.job_id)?;
        json!({"job": job.job_id, "state": job.state})
    };
    Ok(staff::framed(page::run(&shown, call.language, call.nonce())).with_data(data))
}

/// The list as it was when the run was made.
fn back(call: &Call<'_>, job: &Job) -> String {
    let query = Asked::of_query(job.search.as_deref().unwrap_or(""));
    query.url(&format!("{}/payments", call.staff_url()), &[])
}

/// 一括売上 and so on.
fn operation_words(call: &Call<'_>, job: &Job) -> String {
    page::text(call.language, &format!("run-title-{}", job.operation), &[])
}

/// Who runs it; nobody where it began by itself.
fn operator_words(call: &Call<'_>, job: &Job) -> String {
    match job.operator() {
        "" => page::text(call.language, "run-by-itself", &[]),
        operator => operator.to_owned(),
    }
}

fn state_words(call: &Call<'_>, job: &Job) -> String {
    page::text(call.language, &format!("run-state-{}", job.state), &[])
}

/// What a draft would do (N7): how many rows, how much, which rows cannot run, and what follows from which.
fn before(call: &Call<'_>, operator: &Operator, (job, column): (&Job, Column)) -> Result<Preflight, Problem> {
    let most = i64::from(job.total);
    let (items, refused, listed) = call.instance.store.read(|rows| {
        let items = jobs::items(rows, &job.job_id, (jobs::WAITING, 0, most))?;
        let refused = jobs::items(rows, &job.job_id, (jobs::FAILED, 0, most))?;
        let ids: Vec<String> = items.iter().map(|item| item.order_id.clone()).collect();
        let listed = orders::listed_of(rows, &ids)?;
        Ok((items, refused, listed))
    })?;
    let listed: HashMap<&str, &Listed> = listed.iter().map(|row| (row.order.order_id.as_str(), row)).collect();
    let mut gathered = Gathered::default();
    for item in &refused {
        gathered.refuse(call, item, item.code.as_deref().unwrap_or("refused-state"));
    }
    for item in &items {
        let row = listed.get(item.order_id.as_str()).copied();
        gathered.add(call, (column, item), row);
    }
    let url = format!("{}/payments/bulk/{}", call.staff_url(), job.job_id);
    let may = call.has_right(column.name()) && operator.id == job.operator_id;
    Ok(gathered.told(call, column, (&url, may)))
}

/// What 決済処理中の注文の取消 would do, by what is known without asking; each order is decided when it runs.
fn before_clean_up(call: &Call<'_>, operator: &Operator, job: &Job) -> Result<Preflight, Problem> {
    let words = |id: &str, arguments: &[(&str, &str)]| page::text(call.language, id, arguments);
    let lefts = call.instance.store.read(|rows| {
        let items = jobs::items(rows, &job.job_id, (jobs::WAITING, 0, LINES))?;
        let mut lefts = Vec::new();
        for item in items {
            if let Some(order) = orders::find(rows, &item.order_id)? {
                lefts.push(cleanup::look(rows, order)?);
            }
        }
        Ok(lefts)
    })?;
    let line = |left: &cleanup::Left| PreflightLine {
        number: left.order.order_number.clone(),
        words: words(
            match left.step() {
                _ if left.asked_first() > 0 => "cleanup-asks",
                Step::CallOff => "cleanup-cancels",
                Step::Rescue => "cleanup-rescues",
                Step::GiveBack => "cleanup-gives-back",
                Step::Leave(_) => "cleanup-leaves",
            },
            &[],
        ),
        way: match left.step() {
            _ if left.asked_first() > 0 => words("cleanup-why-asks", &[("count", &left.asked_first().to_string())]),
            Step::CallOff if left.refusals() > 0 => {
                words("cleanup-why-refused", &[("count", &left.refusals().to_string())])
            }
            Step::CallOff => words("cleanup-why-nothing", &[]),
            Step::Rescue => words("cleanup-why-paid", &[]),
            Step::GiveBack => words("cleanup-why-unfit", &[]),
            Step::Leave(code) => page::reason(call.language, code),
        },
    };
    let url = format!("{}/payments/bulk/{}", call.staff_url(), job.job_id);
    let may = call.has_right(Task::CleanUp.right()) && operator.id == job.operator_id;
    let days = call.instance.config.staff.cleanup_days.to_string();
    let count = job.total.to_string();
    Ok(Preflight {
        runs: usize::try_from(job.total).unwrap_or(0),
        numbers: lefts.iter().map(|left| left.order.order_number.clone()).collect(),
        yen: 0,
        question: words("cleanup-question", &[("count", &count), ("days", &days)]),
        sum: words("cleanup-follows", &[]),
        warnings: Vec::new(),
        changes: lefts.iter().map(line).collect(),
        refused: Vec::new(),
        may_confirm: may && !lefts.is_empty(),
        confirm_url: format!("{url}/confirm"),
    })
}

/// Which payments would be given back that no order waits for.
fn before_give_back(call: &Call<'_>, operator: &Operator, job: &Job) -> Result<Preflight, Problem> {
    let words = |id: &str, arguments: &[(&str, &str)]| page::text(call.language, id, arguments);
    let held = call.instance.store.read(|rows| {
        let mut held = Vec::new();
        for item in jobs::items(rows, &job.job_id, (jobs::WAITING, 0, LINES))? {
            if let Some(order) = orders::find(rows, &item.order_id)? {
                let first = give_back::held_for_nobody(rows, &order)?.into_iter().next();
                held.extend(first.map(|payment| (item.order_number, payment)));
            }
        }
        Ok(held)
    })?;
    let sum: i64 = held.iter().map(|(_, payment)| payment.amount).sum();
    let url = format!("{}/payments/bulk/{}", call.staff_url(), job.job_id);
    let may = call.has_right(Task::GiveBack.right()) && operator.id == job.operator_id;
    Ok(Preflight {
        runs: held.len(),
        numbers: held.iter().map(|(number, _)| number.clone()).collect(),
        yen: sum,
        question: words("give-back-question", &[]),
        sum: words("preflight-sum", &[("sum", &yen::shown(sum))]),
        warnings: Vec::new(),
        changes: held
            .iter()
            .map(|(number, payment)| PreflightLine {
                number: number.clone(),
                words: words(
                    "give-back-payment",
                    &[
                        ("payment", &payment.payment_id),
                        ("amount", &payment.held().to_string()),
                    ],
                ),
                way: page::gateway_status(call.language, payment.gateway_status),
            })
            .collect(),
        refused: Vec::new(),
        may_confirm: may && !held.is_empty(),
        confirm_url: format!("{url}/confirm"),
    })
}

/// What was seen of a draft's rows.
#[derive(Default)]
struct Gathered {
    runs: usize,
    numbers: Vec<String>,
    held: i64,
    becomes: i64,
    refused: Vec<PreflightLine>,
    follows: Vec<(Consequence, String)>,
    moved: Vec<String>,
    changes: Vec<PreflightLine>,
}

impl Gathered {
    fn refuse(&mut self, call: &Call<'_>, item: &Item, why: &str) {
        self.refused.push(PreflightLine {
            number: item.order_number.clone(),
            words: page::reason(call.language, why),
            way: String::new(),
        });
    }

    fn add(&mut self, call: &Call<'_>, (column, item): (Column, &Item), listed: Option<&Listed>) {
        let number = item.order_number.clone();
        let judged = listed.and_then(|listed| call.judged(listed));
        let decided = match (&judged, listed) {
            (Some(row), _) => row.decide(column, &call.rules()),
            (None, Some(_)) => Err("refused-no-payment"),
            (None, None) => Err("refused-unknown-order"),
        };
        let (Ok(action), Some(row)) = (decided, judged) else {
            return self.refuse(call, item, decided.err().unwrap_or("refused-state"));
        };
        self.numbers.push(number.clone());
        self.runs += 1;
        self.held += row.held.get();
        self.becomes += row.ordered.get();
        if item.moved {
            self.moved.push(number.clone());
        }
        let follow = row.consequences(action, &call.rules());
        if let Action::Change(kind) = action {
            let billed = follow.contains(&Consequence::DifferenceComesBack);
            let words = page::text(
                call.language,
                &format!("preflight-change-{}", kind.name()),
                &[("from", &row.held.to_string()), ("to", &row.ordered.to_string())],
            );
            self.changes.push(PreflightLine {
                number: number.clone(),
                words,
                way: way_told(call, (kind, billed), &row),
            });
        }
        for consequence in follow {
            self.follows
                .push((consequence, told(call, &number, (consequence, &row))));
        }
    }

    fn told(mut self, call: &Call<'_>, column: Column, (url, may): (&str, bool)) -> Preflight {
        self.follows.sort_by_key(|(consequence, _)| *consequence);
        let count = self.runs.to_string();
        let question = page::text(
            call.language,
            &format!("list-confirm-{}", column.name()),
            &[("count", &count)],
        );
        let sum = match column {
            Column::Change => page::text(
                call.language,
                "preflight-sum-change",
                &[("from", &yen::shown(self.held)), ("to", &yen::shown(self.becomes))],
            ),
            _ => page::text(call.language, "preflight-sum", &[("sum", &yen::shown(self.held))]),
        };
        let moved = self
            .moved
            .into_iter()
            .map(|number| page::text(call.language, "preflight-moved", &[("number", &number)]));
        Preflight {
            runs: self.runs,
            numbers: self.numbers,
            yen: self.held,
            question,
            sum,
            warnings: self.follows.into_iter().map(|(_, words)| words).chain(moved).collect(),
            changes: self.changes,
            refused: self.refused,
            may_confirm: may && self.runs > 0,
            confirm_url: format!("{url}/confirm"),
        }
    }
}

/// Which way a change goes, and what the customer sees of it, in one plain sentence; where the customer may have been
/// billed already, a warning tells the rest.
fn way_told(call: &Call<'_>, (kind, billed): (ChangeKind, bool), row: &preflight::Row) -> String {
    let words = |id: &str, arguments: &[(&str, &str)]| page::text(call.language, id, arguments);
    let ordered = row.ordered.to_string();
    match row.way(&call.rules()) {
        Way::Correction if billed => words("way-correction-billed", &[("ordered", &ordered)]),
        Way::Correction => words(&format!("way-correction-{}", kind.name()), &[("ordered", &ordered)]),
        Way::NewPayment(because) => {
            let because = words(&format!("way-because-{}", because.name()), &[]);
            words(
                &format!("way-new-{}", kind.name()),
                &[("ordered", &ordered), ("because", &because)],
            )
        }
    }
}

/// A consequence in one plain sentence.
fn told(call: &Call<'_>, number: &str, (consequence, row): (Consequence, &preflight::Row)) -> String {
    let id = match consequence {
        Consequence::OrderIsCalledOff => "preflight-called-off",
        Consequence::OldAmountIsBilled => "preflight-old-amount",
        Consequence::BilledAlready => "preflight-billed",
        Consequence::DifferenceComesBack => "preflight-difference",
        Consequence::LosesProtection => "preflight-three-ds",
        Consequence::ExpiresToday => "preflight-last-day",
    };
    let amounts = [row.held.to_string(), row.ordered.to_string()];
    let [held, ordered] = &amounts;
    page::text(
        call.language,
        id,
        &[("number", number), ("held", held), ("ordered", ordered)],
    )
}

/// The block above the list and on the run's own page: how far it is and what became of each row (R54 to R56).
pub(in crate::hook) fn result(call: &Call<'_>, id: &str) -> Result<Option<RunResult>, Problem> {
    let found = call.instance.store.read(|rows| {
        let Some(job) = jobs::find(rows, id)? else {
            return Ok(None);
        };
        let counts = jobs::counts(rows, id)?;
        let done = jobs::items(rows, id, (jobs::DONE, 0, LINES))?;
        let failed = jobs::items(rows, id, (jobs::FAILED, 0, LINES))?;
        let rescued = jobs::done_as(rows, id, cleanup::RESCUED)?;
        Ok(Some((job, counts, done, failed, rescued)))
    })?;
    let Some((job, counts, done, failed, rescued_count)) = found else {
        return Ok(None);
    };
    let state = job.state()?;
    if state == JobState::Draft {
        return Ok(None);
    }
    let url = format!("{}/payments/bulk/{}", call.staff_url(), job.job_id);
    let lines =
        |items: &[Item], end: &str| -> Vec<Line> { items.iter().map(|item| line(call, &job, item, end)).collect() };
    let task = Task::parse(&job.operation);
    let may = task.is_some_and(|task| call.has_right(task.right()));
    let (rescued, done): (Vec<Item>, Vec<Item>) = done
        .into_iter()
        .partition(|item| item.kind.as_deref() == Some(cleanup::RESCUED));
    let Counts {
        waiting,
        asked,
        done: succeeded,
        failed: refused,
    } = counts;
    Ok(Some(RunResult {
        running: (state == JobState::Running && waiting > 0).then(|| Running {
            done: succeeded + refused,
            total: job.total,
            asked,
            step_url: format!("{url}/step"),
            reload_url: url.clone(),
            stop_url: may.then(|| format!("{url}/stop")),
        }),
        stopped: (state == JobState::Stopped).then(|| page::Stopped {
            left: waiting,
            resume_url: may.then(|| format!("{url}/resume")),
        }),
        // What is the same everywhere is counted, not told one by one.
        succeeded: if task == Some(Task::Compare) {
            Vec::new()
        } else {
            lines(&done, "done")
        },
        rescued: lines(&rescued, "done"),
        rescued_count,
        words: result_words(call, task, (succeeded - rescued_count, rescued_count, refused)),
        calm: matches!(task, Some(Task::CleanUp | Task::Compare)),
        failed: lines(&failed, "failed"),
        succeeded_count: succeeded - rescued_count,
        failed_count: refused,
        retry_url: (may && refused > 0 && task != Some(Task::Compare) && state != JobState::Running)
            .then(|| format!("{url}/retry")),
        took: took(call, &job),
        own_url: url,
    }))
}

/// The headings of a result: of so many that succeeded, were rescued, and were not.
fn result_words(call: &Call<'_>, task: Option<Task>, (done, rescued, other): (i64, i64, i64)) -> ResultWords {
    let counted = |id: &str, count: i64| page::text(call.language, id, &[("count", &count.to_string())]);
    let (succeeded, failed, retry) = match task {
        Some(Task::CleanUp) => ("cleanup-cancelled-count", "cleanup-left-count", "cleanup-retry"),
        Some(Task::Compare) => ("compare-same-count", "compare-differs-count", "run-retry"),
        _ => ("list-succeeded", "list-failed", "run-retry"),
    };
    ResultWords {
        succeeded: counted(succeeded, done),
        rescued: counted("cleanup-rescued-count", rescued),
        failed: counted(failed, other),
        retry: page::text(call.language, retry, &[]),
    }
}

/// How long a finished run took.
fn took(call: &Call<'_>, job: &Job) -> Option<String> {
    let time = job
        .finished_at
        .map(|at| (at - job.started_at.unwrap_or(at)).max(TimeDelta::zero()))?;
    let seconds = time.num_seconds().to_string();
    Some(page::text(call.language, "run-took", &[("seconds", &seconds)]))
}

fn line(call: &Call<'_>, job: &Job, item: &Item, end: &str) -> Line {
    // 売上成功, オーソリキャンセル失敗, and so on (R56).
    let kind = item.kind.as_deref().unwrap_or(&job.operation);
    Line {
        number: item.order_number.clone(),
        url: format!(
            "{}/payments/orders/{}",
            call.staff_url(),
            page::path_segment(&item.order_id)
        ),
        words: page::text(call.language, &format!("run-{kind}-{end}"), &[]),
        reason: (end == "failed").then(|| page::reason(call.language, item.code.as_deref().unwrap_or(""))),
    }
}
