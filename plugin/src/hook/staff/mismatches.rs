//! 不整合の確認 (N4): all that a person has to look at, what puts it right with one press and a preview, and the comparison that
//! finds it.

use serde_json::json;

use super::{bulk, japanese_time, runs, status_label};
use crate::hook::{Call, compare, give_back, staff};
use crate::page::{self, MismatchRow, MismatchesPage, RepairButton};
use crate::payment::Yen;
use crate::payment::compare::{Finding, Repair};
use crate::payment::operation::{Column, Task};
use crate::reply::{Problem, Reply};
use crate::seal::random_hex;
use crate::store::flags::{self, Flag};
use crate::store::jobs::JobState;
use crate::store::orders::Order;
use crate::store::payments::Payment;
use crate::store::{Connection, StoreResult, jobs, notices, orders, payments};

/// Rows shown; the rest is counted.
const ROWS: i64 = 200;
/// Notices shown of payments that nobody here knows.
const STRANGERS: i64 = 20;

/// A flag with all that its row tells.
struct Standing {
    flag: Flag,
    order: Option<Order>,
    payments: Vec<Payment>,
    /// A payment holds money that the order does not wait for.
    held_for_nobody: bool,
}

fn standing(rows: &mut Connection) -> StoreResult<Vec<Standing>> {
    let flags = flags::all_standing(rows, ROWS)?;
    flags
        .into_iter()
        .map(|(flag, order)| {
            let payments = payments::of_order(rows, &flag.order_id)?;
            let held_for_nobody = match &order {
                Some(order) => !give_back::held_for_nobody(rows, order)?.is_empty(),
                None => false,
            };
            Ok(Standing {
                flag,
                order,
                payments,
                held_for_nobody,
            })
        })
        .collect()
}

/// `admin.mismatches`.
pub(in crate::hook) fn show(call: &Call<'_>) -> Result<Reply, Problem> {
    let operator = call.operator_with("view")?;
    let frame = staff::frame(call, operator, "mismatches");
    let (all, total, strangers, last) = call.instance.store.read(|rows| {
        Ok((
            standing(rows)?,
            flags::count_standing(rows)?,
            notices::unexplained(rows, STRANGERS)?,
            jobs::last_of(rows, Task::Compare)?,
        ))
    })?;
    let last_words = match &last {
        Some(job) => {
            let counts = call.instance.store.read(|rows| jobs::counts(rows, &job.job_id))?;
            let figures = [
                ("at", japanese_time(job.started_at.unwrap_or(job.created_at))),
                ("total", job.total.to_string()),
                ("differ", counts.failed.to_string()),
            ];
            let figures = figures.each_ref().map(|(name, figure)| (*name, figure.as_str()));
            page::text(call.language, "mismatches-last", &figures)
        }
        None => page::text(call.language, "mismatches-never", &[]),
    };
    let next = match call.instance.config.staff.compare_hour {
        Some(hour) => page::text(call.language, "mismatches-nightly", &[("hour", &hour.to_string())]),
        None => String::new(),
    };
    // The result of one that runs, or of the one that was just pressed for.
    let asked = call.request.query_one("job");
    let result = match &last {
        Some(job) if job.state()? != JobState::Finished || asked == Some(job.job_id.as_str()) => {
            runs::result(call, &job.job_id)?
        }
        _ => None,
    };
    let rows: Vec<MismatchRow> = all.iter().map(|standing| row(call, standing)).collect();
    let strangers: Vec<String> = strangers
        .iter()
        .map(|notice| {
            let figures = [
                ("at", japanese_time(notice.received_at)),
                ("payment", notice.payment_id.clone()),
                ("trading", notice.trading_id.clone()),
                ("status", page::gateway_status(call.language, notice.status)),
                ("amount", Yen::try_from(notice.amount).unwrap_or(Yen::ZERO).to_string()),
            ];
            let figures = figures.each_ref().map(|(name, figure)| (*name, figure.as_str()));
            page::text(call.language, "mismatches-stranger", &figures)
        })
        .collect();
    let shown = MismatchesPage {
        last: last_words,
        next,
        compare_url: format!("{}/mismatches/compare", call.staff_url()),
        preflight_url: format!("{}/preflight", frame.runs_url),
        result: result.as_ref(),
        rows: &rows,
        total,
        strangers: &strangers,
        online_url: &call.instance.config.paygent_online_url,
        staff: frame,
    };
    let data = json!({
        "total": total,
        "mismatches": all.iter().map(|standing| json!({
            "flag": standing.flag.flag_id, "order": standing.flag.order_id, "kind": standing.flag.kind,
        })).collect::<Vec<_>>(),
        "csrf": shown.staff.csrf,
    });
    Ok(staff::framed(page::mismatches(&shown, call.language, call.nonce())).with_data(data))
}

fn row(call: &Call<'_>, standing: &Standing) -> MismatchRow {
    let flag = &standing.flag;
    let order = standing.order.as_ref();
    let words = |id: &str| page::text(call.language, id, &[]);
    let payments = standing.payments.iter().map(|payment| {
        let status = page::gateway_status(call.language, payment.gateway_status);
        format!("{} {status}", payment.held())
    });
    let kind = flag.kind.replace('.', "-");
    MismatchRow {
        at: japanese_time(flag.created_at),
        order_id: flag.order_id.clone(),
        order_number: order.map_or_else(|| flag.order_id.clone(), |order| order.order_number.clone()),
        url: order
            .filter(|order| !order.removed)
            .map(|order| order_url(call, &order.order_id)),
        words: words(&format!("flag-{kind}")),
        advice: page::text_if_any(call.language, &format!("advice-{kind}")),
        detail: flag.detail.clone(),
        amount: order.map_or_else(String::new, |order| {
            Yen::try_from(order.amount).unwrap_or(Yen::ZERO).to_string()
        }),
        status: match order {
            Some(order) if order.removed => words("mismatches-removed"),
            Some(order) => status_label(call, &order.status),
            None => String::new(),
        },
        payments: payments.collect(),
        repair: repair(call, standing),
        done_url: call
            .has_right("change")
            .then(|| format!("{}/mismatches/{}/done", call.staff_url(), flag.flag_id)),
    }
}

fn order_url(call: &Call<'_>, order_id: &str) -> String {
    format!("{}/payments/orders/{}", call.staff_url(), page::path_segment(order_id))
}

/// What puts it right, where the operator may do it and it would do something now.
fn repair(call: &Call<'_>, standing: &Standing) -> Option<RepairButton> {
    let order = standing.order.as_ref()?;
    let own = order
        .payment_id
        .as_ref()
        .and_then(|id| standing.payments.iter().find(|payment| payment.payment_id == *id));
    let live = own.filter(|own| own.status().is_live());
    let differs = live.is_some_and(|own| own.amount != order.amount);
    let repair = match Finding::parse(&standing.flag.kind) {
        Some(finding) => finding.repair()?,
        // Told by what was under way then: what would put it right depends on what is so now.
        None if standing.held_for_nobody => Repair::GiveBack,
        None if differs => Repair::Change,
        None => return None,
    };
    let run = |column: Column| RepairButton {
        words: page::text(call.language, &format!("repair-{}", column.name()), &[]),
        post_url: format!("{}/payments/bulk/preflight", call.staff_url()),
        operation: column.name(),
        link: String::new(),
    };
    let of = |column: Column| (call.has_right(column.name()) && !order.removed).then(|| run(column));
    match repair {
        // What was put right meanwhile stands until the next comparison, with nothing left to press.
        Repair::Change => of(Column::Change).filter(|_| differs),
        Repair::Cancel => of(Column::Cancel).filter(|_| live.is_some()),
        Repair::GiveBack => {
            (call.has_right(Task::GiveBack.right()) && standing.held_for_nobody).then(|| RepairButton {
                words: page::text(call.language, "repair-give-back", &[]),
                post_url: format!("{}/mismatches/{}/give-back", call.staff_url(), standing.flag.flag_id),
                operation: "",
                link: String::new(),
            })
        }
        Repair::Link => call.has_right("change").then(|| RepairButton {
            words: page::text(call.language, "repair-link", &[]),
            post_url: String::new(),
            operation: "",
            link: format!("{}#paygent-link", order_url(call, &order.order_id)),
        }),
    }
}

/// `admin.mismatches.compare`: now. It moves no money, so nothing is asked first.
pub(in crate::hook) fn begin(call: &Call<'_>) -> Result<Reply, Problem> {
    call.refuse_other_sites()?;
    let operator = call.operator_with(Task::Compare.right())?;
    let form = call.request.form()?;
    call.check_form(operator, form.one("csrf")?)?;
    let own_url = format!("{}/mismatches", call.staff_url());
    let job_id = random_hex::<16>()?;
    let job = call.instance.store.write(|rows| {
        // One that is under way already is the one that was pressed for.
        if let Some(last) = jobs::last_of(rows, Task::Compare)?
            && last.state()? != JobState::Finished
        {
            return Ok(Some(last));
        }
        let begun = compare::begin(call, rows, (&job_id, (&operator.id, &operator.name)))?;
        if begun { jobs::find(rows, &job_id) } else { Ok(None) }
    })?;
    let Some(job) = job else {
        return Ok(Reply::redirect(own_url));
    };
    let shown = bulk::work_and_show(call, &job, bulk::FIRST_BUDGET)?;
    Ok(Reply {
        redirect: Some(format!("{own_url}?job={}", job.job_id)),
        ..shown
    })
}

/// `admin.mismatches.done`: a person has dealt with it.
pub(in crate::hook) fn done(call: &Call<'_>) -> Result<Reply, Problem> {
    let flag = steered(call, "admin.mismatches.done", "change")?;
    let now = call.moment();
    call.instance
        .store
        .write(|rows| flags::clear(rows, &flag.order_id, &flag.kind, now))?;
    Ok(Reply::redirect(format!("{}/mismatches", call.staff_url())))
}

/// `admin.mismatches.give_back`: which payments would be given back, as a draft.
pub(in crate::hook) fn give_back(call: &Call<'_>) -> Result<Reply, Problem> {
    let flag = steered(call, "admin.mismatches.give_back", Task::GiveBack.right())?;
    let operator = call.operator_with(Task::GiveBack.right())?;
    let order = call.instance.store.read(|rows| orders::find(rows, &flag.order_id))?;
    let number = order.map_or_else(|| flag.order_id.clone(), |order| order.order_number);
    let job = bulk::give_back(call, operator, (&flag.order_id, &number))?;
    Ok(
        Reply::redirect(format!("{}/payments/bulk/{}", call.staff_url(), job.job_id))
            .with_data(json!({"job": job.job_id})),
    )
}

/// The flag of a posted form, for an operator with that right.
fn steered(call: &Call<'_>, hook: &'static str, right: &str) -> Result<Flag, Problem> {
    call.refuse_other_sites()?;
    let operator = call.operator_with(right)?;
    let form = call.request.form()?;
    call.check_form(operator, form.one("csrf")?)?;
    let id = call.segment(hook)?;
    call.instance
        .store
        .read(|rows| flags::find(rows, id))?
        .ok_or_else(|| Problem::misuse("flag.unknown", "there is no such flag"))
}
