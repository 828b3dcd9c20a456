//! 決済処理中の注文の取消 (R80 to R88): orders whose shopper left the card page days ago. The gateway is asked first (094): whoever
//! paid gets the order, what fits no order is given back, and only what nobody paid is called off.

use super::{Call, daily, operation, outbox, settle};
use crate::payment::OrderStatus;
use crate::payment::attempt::AttemptState;
use crate::payment::cleanup::{Stand, Step, judge, made_before};
use crate::payment::hold::HoldState;
use crate::payment::operation::Task;
use crate::reply::Problem;
use crate::seal::random_hex;
use crate::store::attempts::Attempt;
use crate::store::jobs::{Item, Job, JobState};
use crate::store::orders::Order;
use crate::store::payments::Payment;
use crate::store::{Connection, StoreError, StoreResult, attempts, facts, holds, jobs, orders, payments, telegrams};

/// What an item is called that was called off, and one that was paid after all.
pub(super) const CALLED_OFF: &str = "cleanup-cancelled";
pub(super) const RESCUED: &str = "cleanup-rescued";
/// How many orders one run takes, the oldest first.
pub(super) const MOST: usize = 10_000;

/// Orders that a run would look at, the oldest first.
pub(super) fn due(call: &Call<'_>, rows: &mut Connection) -> StoreResult<Vec<Order>> {
    let before = made_before(call.moment(), call.instance.config.staff.cleanup_days);
    orders::left_pending(rows, before, i64::try_from(MOST).unwrap_or(i64::MAX))
}

/// An order with all that decides about it.
pub(super) struct Left {
    pub(super) order: Order,
    attempts: Vec<Attempt>,
    payments: Vec<Payment>,
    /// The telegram by which the plugin itself gives a payment of it back.
    giving_back: Option<String>,
    stand: Stand,
}

impl Left {
    /// What would become of it, by what is known without asking.
    pub(super) fn step(&self) -> Step {
        judge(&self.stand)
    }

    /// Attempts about which the gateway may know more.
    fn to_ask(&self) -> impl Iterator<Item = &str> {
        let asks = |attempt: &&Attempt| {
            attempt.state().is_ok_and(|state| {
                state.is_open() || matches!(state, AttemptState::Missing | AttemptState::Authenticating)
            })
        };
        self.attempts
            .iter()
            .filter(asks)
            .map(|attempt| attempt.attempt_id.as_str())
    }

    /// How many of its attempts the gateway is asked about first.
    pub(super) fn asked_first(&self) -> usize {
        self.to_ask().count()
    }

    /// How many cards were refused.
    pub(super) fn refusals(&self) -> usize {
        let refused = |attempt: &&Attempt| attempt.state == AttemptState::Declined.name();
        self.attempts.iter().filter(refused).count()
    }
}

/// Looks at an order.
pub(super) fn look(rows: &mut Connection, order: Order) -> StoreResult<Left> {
    let attempts = attempts::of_order(rows, &order.order_id)?;
    let payments = payments::of_order(rows, &order.order_id)?;
    let hold = holds::of_order(rows, &order.order_id, order.last_hold)?;
    let mut busy = orders::listed(rows, order.clone())?.busy;
    let mut giving_back = None;
    for payment in &payments {
        if let Some(open) = telegrams::open_on(rows, &payment.payment_id)? {
            busy = true;
            let own = open.operator.is_none() && open.change_id.is_none();
            giving_back = giving_back.or(own.then_some(open.telegram_id));
        }
    }
    let unseen = attempts.iter().any(|attempt| {
        attempt.state().is_ok_and(AttemptState::is_live)
            && attempt
                .payment_id
                .as_ref()
                .is_some_and(|id| payments.iter().all(|payment| payment.payment_id != *id))
    });
    let stand = Stand {
        is_pending: order.status()? == OrderStatus::Pending && !order.removed,
        hold: hold.map(|hold| hold.state()).transpose()?,
        released: outbox::is_released(rows, &order, order.last_hold)?,
        attempts: attempts.iter().map(Attempt::state).collect::<StoreResult<_>>()?,
        holds_money: payments.iter().any(|payment| payment.status().is_live()),
        unseen,
        busy,
        placed: outbox::is_placed(rows, &order, order.last_hold)?,
    };
    Ok(Left {
        order,
        attempts,
        payments,
        giving_back,
        stand,
    })
}

/// Runs one order of a run; `false` where its end is not known yet.
pub(super) fn run(call: &Call<'_>, job: &Job, mut item: Item) -> Result<bool, Problem> {
    let store = &call.instance.store;
    if let Some(telegram) = &item.telegram_id {
        operation::resume(call, telegram)?;
    } else {
        let asked = store.write(|rows| prepare(call, rows, &item))?;
        for attempt in &asked {
            settle::inquire(call, attempt)?;
        }
    }
    let spare = random_hex::<16>()?;
    let ended = store.write(|rows| decide(call, rows, (job, &mut item), &spare));
    match ended {
        Ok(Next::Ended) => Ok(true),
        Ok(Next::Asked) => Ok(false),
        Ok(Next::GivesBack(telegram)) => {
            operation::resume(call, &telegram)?;
            let decided = store.write(|rows| decide(call, rows, (job, &mut item), &spare))?;
            Ok(matches!(decided, Next::Ended))
        }
        // Another process runs this order, or 停止 was pressed.
        Err(StoreError::Lost) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// The attempts to ask about. An order that was edited since, so that no payment can fit it any more, is closed to payments
/// before: whatever is found for it is given back.
fn prepare(call: &Call<'_>, rows: &mut Connection, item: &Item) -> StoreResult<Vec<String>> {
    let Some(order) = orders::find(rows, &item.order_id)? else {
        return Ok(Vec::new());
    };
    let left = look(rows, order)?;
    if !left.stand.is_pending {
        return Ok(Vec::new());
    }
    if let Some(mut hold) = holds::of_order(rows, &left.order.order_id, left.order.last_hold)?
        && hold.state()?.is_open()
        && hold.amount != left.order.amount
    {
        hold.move_to(HoldState::CalledOff, call.moment());
        holds::update(rows, &mut hold)?;
    }
    Ok(left.to_ask().map(str::to_owned).collect())
}

enum Next {
    Ended,
    /// What was sent for it is not answered.
    Asked,
    /// A payment is given back first, by this telegram.
    GivesBack(String),
}

fn decide(call: &Call<'_>, rows: &mut Connection, (job, item): (&Job, &mut Item), spare: &str) -> StoreResult<Next> {
    let running = jobs::find(rows, &job.job_id)?.is_some_and(|job| job.state == JobState::Running.name());
    if !running && !item.is_begun() {
        return Err(StoreError::Lost);
    }
    if let Some(id) = &item.telegram_id
        && telegrams::find(rows, id)?.is_some_and(|telegram| telegram.open_key.is_some())
    {
        return Ok(Next::Asked);
    }
    let leave = |rows: &mut Connection, item: &mut Item, code: &str| {
        jobs::FAILED.clone_into(&mut item.state);
        item.code = Some(code.to_owned());
        write(rows, item).map(|()| Next::Ended)
    };
    let Some(order) = orders::find(rows, &item.order_id)? else {
        return leave(rows, item, "refused-unknown-order");
    };
    let left = look(rows, order)?;
    let done = match left.step() {
        // What was found for it may be on its way back already.
        Step::Leave(code) => {
            return match left.giving_back.filter(|_| item.telegram_id.is_none()) {
                Some(telegram) => give_back(rows, item, telegram),
                None => leave(rows, item, code),
            };
        }
        Step::Rescue => RESCUED,
        Step::GiveBack => {
            let held = left.payments.iter().find(|payment| payment.status().is_live());
            let Some(held) = held.filter(|payment| payment.account == call.instance.config.gateway.account()) else {
                return leave(rows, item, "refused-account");
            };
            // One that the gateway refuses to give back is left to a person.
            if item.telegram_id.is_some() {
                return leave(rows, item, "left-held");
            }
            operation::plan_void(rows, &held.payment_id, spare, call.moment())?;
            if telegrams::open_on(rows, &held.payment_id)?.is_none() {
                return leave(rows, item, "left-held");
            }
            return give_back(rows, item, spare.to_owned());
        }
        Step::CallOff => {
            call_off(call, rows, left.order)?;
            CALLED_OFF
        }
    };
    jobs::DONE.clone_into(&mut item.state);
    item.kind = Some(done.to_owned());
    write(rows, item)?;
    Ok(Next::Ended)
}

fn give_back(rows: &mut Connection, item: &mut Item, telegram: String) -> StoreResult<Next> {
    item.telegram_id = Some(telegram.clone());
    write(rows, item)?;
    Ok(Next::GivesBack(telegram))
}

fn write(rows: &mut Connection, item: &mut Item) -> StoreResult<()> {
    match jobs::update_item(rows, item)? {
        true => Ok(()),
        // Another process runs this order: what we decided must not stand beside what it did.
        false => Err(StoreError::Lost),
    }
}

/// The order becomes 注文取消し through the host's own cancel, with stock and points back, once per hold whoever asks (R85).
fn call_off(call: &Call<'_>, rows: &mut Connection, mut order: Order) -> StoreResult<()> {
    let now = call.moment();
    if let Some(mut hold) = holds::of_order(rows, &order.order_id, order.last_hold)?
        && hold.state()?.is_open()
    {
        hold.move_to(HoldState::CalledOff, now);
        holds::update(rows, &mut hold)?;
    }
    let hold = order.last_hold;
    outbox::cancel(rows, &mut order, hold, now)?;
    order.updated_at = order.updated_at.max(now);
    orders::update(rows, &mut order)
}

/// The daily run, where the shop has set an hour for it (R84).
pub(super) fn daily(call: &Call<'_>) -> Result<(), Problem> {
    let Some(hour) = call.instance.config.staff.cleanup_hour else {
        return Ok(());
    };
    let job_id = random_hex::<16>()?;
    daily::run(call, (facts::CLEANED_UP, hour), |rows, _| {
        let orders = due(call, rows)?;
        if orders.is_empty() {
            return Ok(());
        }
        let ids = orders
            .iter()
            .map(|order| (order.order_id.as_str(), order.order_number.as_str()));
        jobs::begin(rows, (&job_id, Task::CleanUp), ("", ""), ids, call.moment())
    })
}
