//! The comparison of shop, plugin and gateway, order by order (N4): the gateway is asked, what it says of money is taken over, and
//! what differs then stands as a flag until it differs no more or a person has dealt with it. Nothing here moves money.

use chrono::TimeDelta;

use super::{Call, daily, observe, outbox};
use crate::paygent::{Answer, Inquire, Inquiry, Outcome, PaymentId};
use crate::payment::compare::{Books, Finding, Held, findings};
use crate::payment::deadline::last_day;
use crate::payment::hold::HoldState;
use crate::payment::operation::Task;
use crate::payment::{GatewayStatus, Yen, japan};
use crate::reply::Problem;
use crate::seal::random_hex;
use crate::store::attempts::Attempt;
use crate::store::jobs::{Item, Job, JobState};
use crate::store::orders::Order;
use crate::store::payments::Payment;
use crate::store::{
    Connection, StoreError, StoreResult, attempts, changes, effects, facts, flags, holds, jobs, orders, payments,
    telegrams,
};

/// What an item is called whose order is the same everywhere.
pub(super) const SAME: &str = "compare-same";
/// The flag of a payment that somebody worked on in Paygent Online.
const ELSEWHERE: &str = "operated.elsewhere";
/// The flag of a payment that the gateway does not know.
const NOT_THERE: &str = "payment.not_there";
/// How many orders one run looks at, those that changed last first.
const MOST: i64 = 10_000;
/// Orders that changed since then are looked at whatever their payments' states are.
const RECENT: TimeDelta = TimeDelta::days(3);
/// So long a host may take to answer what it was asked for.
const ANSWERS_WITHIN: TimeDelta = TimeDelta::hours(1);
/// How long the rows of a comparison are kept.
const KEPT: TimeDelta = TimeDelta::days(30);

/// Begins a run over all orders that may differ; its number, or none where there is no such order. `operator` is nobody's
/// where it runs by itself.
pub(super) fn begin(
    call: &Call<'_>,
    rows: &mut Connection,
    (job_id, operator): (&str, (&str, &str)),
) -> StoreResult<bool> {
    let now = call.moment();
    jobs::forget_old(rows, Task::Compare, now - KEPT)?;
    let orders = orders::to_compare(rows, now - RECENT, MOST)?;
    if orders.is_empty() {
        return Ok(false);
    }
    let orders = orders.iter().map(|(id, number)| (id.as_str(), number.as_str()));
    jobs::begin(rows, (job_id, Task::Compare), operator, orders, now)?;
    Ok(true)
}

/// The nightly run.
pub(super) fn nightly(call: &Call<'_>) -> Result<(), Problem> {
    let Some(hour) = call.instance.config.staff.compare_hour else {
        return Ok(());
    };
    let job_id = random_hex::<16>()?;
    daily::run(call, (facts::COMPARED, hour), |rows, _| {
        begin(call, rows, (&job_id, ("", ""))).map(drop)
    })
}

/// An order and all that the plugin knows of its money.
struct Known {
    order: Order,
    payments: Vec<Payment>,
    attempts: Vec<Attempt>,
    /// Something is under way that will write here.
    busy: bool,
}

fn load(rows: &mut Connection, order_id: &str) -> StoreResult<Option<Known>> {
    let Some(order) = orders::find(rows, order_id)? else {
        return Ok(None);
    };
    let payments = payments::of_order(rows, order_id)?;
    let attempts = attempts::of_order(rows, order_id)?;
    let mut busy = changes::of_order(rows, order_id)?
        .iter()
        .any(|change| change.open_order.is_some());
    for payment in &payments {
        busy |= telegrams::open_on(rows, &payment.payment_id)?.is_some();
    }
    for attempt in &attempts {
        busy |= attempt.state()?.is_open();
    }
    Ok(Some(Known {
        order,
        payments,
        attempts,
        busy,
    }))
}

/// Compares one order of a run; `false` where another process does.
pub(super) fn run(call: &Call<'_>, job: &Job, mut item: Item) -> Result<bool, Problem> {
    let store = &call.instance.store;
    let known = store.read(|rows| load(rows, &item.order_id))?;
    let mut left = None;
    if let Some(known) = known.filter(|known| !known.busy) {
        let own = known.order.payment_id.as_deref();
        let asked = known.payments.iter().filter(|payment| {
            let open = !payment.status().is_over() && payment.status() != GatewayStatus::CAPTURED_FOR_GOOD;
            let account = payment.account == call.instance.config.gateway.account();
            account && (open || own == Some(payment.payment_id.as_str()))
        });
        for payment in asked {
            if !ask(call, payment)? {
                left = Some("left-unknown");
            }
        }
    }
    let ended = store.write(|rows| {
        let running = jobs::find(rows, &job.job_id)?.is_some_and(|job| job.state == JobState::Running.name());
        if !running {
            return Err(StoreError::Lost);
        }
        end(call, rows, &mut item, left)
    });
    match ended {
        Ok(()) => Ok(true),
        Err(StoreError::Lost) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Asks 094 and takes over what it says. Whether it answered.
fn ask(call: &Call<'_>, payment: &Payment) -> Result<bool, Problem> {
    let Ok(id) = PaymentId::try_from(payment.payment_id.as_str()) else {
        return Ok(false);
    };
    let Answer { outcome, .. } = call.instance.gateway.inquire(&Inquire::ByPayment(id), call.now());
    let now = call.moment();
    let store = &call.instance.store;
    match outcome {
        Outcome::Good(Inquiry::Found(found)) => {
            store.write(|rows| {
                let Some(mut row) = payments::find(rows, &payment.payment_id)? else {
                    return Ok(());
                };
                // What somebody wrote since the question was asked is newer than the answer.
                if row.version != payment.version || telegrams::open_on(rows, &row.payment_id)?.is_some() {
                    return Ok(());
                }
                let before = (row.gateway_status, row.amount);
                observe::found(rows, &mut row, &found, now)?;
                if before == (row.gateway_status, row.amount) {
                    return Ok(());
                }
                let detail = format!(
                    "payment {} went from {} over {} yen to {} over {} yen without an operation of this screen",
                    row.payment_id, before.0, before.1, row.gateway_status, row.amount
                );
                observe::raise(rows, &row, ELSEWHERE, detail, now)
            })?;
            Ok(true)
        }
        Outcome::Good(Inquiry::NotFound) => {
            store.write(|rows| {
                let detail = format!("the gateway knows no payment {}", payment.payment_id);
                observe::raise(rows, payment, NOT_THERE, detail, now)
            })?;
            Ok(true)
        }
        _ => Ok(false),
    }
}

/// Writes down what differs: flags that stand no more are cleared, new ones raised, and the item ended.
fn end(call: &Call<'_>, rows: &mut Connection, item: &mut Item, left: Option<&str>) -> StoreResult<()> {
    let now = call.moment();
    let code = match load(rows, &item.order_id)? {
        None => Some("refused-unknown-order".to_owned()),
        Some(known) if known.busy => Some("left-busy".to_owned()),
        Some(known) => {
            let found = findings(&books(call, rows, &known)?);
            for finding in Finding::ALL {
                if found.contains(&finding) {
                    let detail = detail(&known);
                    flags::raise(rows, &known.order.order_id, (finding.name(), &detail), now)?;
                } else {
                    flags::clear(rows, &known.order.order_id, finding.name(), now)?;
                }
            }
            found
                .first()
                .map(|finding| finding.name().to_owned())
                .or(left.map(str::to_owned))
        }
    };
    match code {
        Some(code) => {
            jobs::FAILED.clone_into(&mut item.state);
            item.code = Some(code);
        }
        None => {
            jobs::DONE.clone_into(&mut item.state);
            item.kind = Some(SAME.to_owned());
        }
    }
    match jobs::update_item(rows, item)? {
        true => Ok(()),
        false => Err(StoreError::Lost),
    }
}

fn books(call: &Call<'_>, rows: &mut Connection, known: &Known) -> StoreResult<Books> {
    let now = call.moment();
    let order = &known.order;
    let own = known
        .payments
        .iter()
        .find(|payment| order.payment_id.as_deref() == Some(&payment.payment_id));
    let others = known
        .payments
        .iter()
        .filter(|payment| payment.status().is_live() && own.is_none_or(|own| own.payment_id != payment.payment_id));
    let hold = holds::of_order(rows, &order.order_id, order.last_hold)?;
    let asked = effects::oldest_pending(rows, &order.order_id)?;
    let limits = call.instance.config.staff.limits();
    let today = japan::date(now);
    Ok(Books {
        status: order.status()?,
        removed: order.removed,
        ordered: Yen::try_from(order.amount).unwrap_or(Yen::ZERO),
        own: own.map(|payment| Held {
            status: payment.status(),
            amount: payment.held(),
            overdue: last_day(payment.status(), payment.since(), limits).is_some_and(|last| last < today),
            captured_for: payment
                .captured_at
                .filter(|_| payment.status() == GatewayStatus::CAPTURED)
                .map(|at| now - at),
        }),
        others: others.count(),
        is_moving: asked.is_some(),
        effect_late: asked.is_some_and(|at| at + ANSWERS_WITHIN < now),
        is_paid_for: hold.map(|hold| hold.state()).transpose()? == Some(HoldState::Placed),
        said_placed: outbox::is_placed(rows, order, order.last_hold)?,
    })
}

/// What the three say, for the log and the page.
fn detail(known: &Known) -> String {
    let payments: Vec<String> = known
        .payments
        .iter()
        .map(|payment| {
            format!(
                "payment {}: {} yen, {}",
                payment.payment_id, payment.amount, payment.gateway_status
            )
        })
        .collect();
    let order = &known.order;
    let removed = if order.removed { ", removed" } else { "" };
    let tries = known.attempts.len();
    format!(
        "order {}: {} yen, {}{removed}; {}",
        order.order_number,
        order.amount,
        order.status,
        match payments.as_slice() {
            [] => format!("no payment, {tries} tries"),
            payments => payments.join("; "),
        }
    )
}
