//! The one settle function: whatever is learnt of an attempt, by the reply of 020 or of a hand-over, or by an inquiry (094), in any
//! order of arrival, becomes rows and effects here. `payment::settle` judges; this file writes the judgement down.

use chrono::{NaiveDateTime, TimeDelta};

use super::{Call, change, guard, handed_over, journal, operation, outbox, storing};
use crate::paygent::{Answer, Authorised, Exchange, Found, Inquire, Inquiry, LINK, Outcome};
use crate::payment::attempt::{AttemptState, Event, LEFT, next_inquiry};
use crate::payment::hold::HoldState;
use crate::payment::settle::{Evidence, Verdict, age, judge};
use crate::payment::{GatewayStatus, Yen};
use crate::reply::Problem;
use crate::seal::random_hex;
use crate::store::attempts::Attempt;
use crate::store::orders::Order;
use crate::store::payments::Payment;
use crate::store::{
    Connection, StoreError, StoreResult, acs_pages, attempts, flags, holds, orders, payments, telegrams,
};

/// What an answer taught of an attempt, for the rows.
struct Lesson {
    evidence: Evidence,
    code: Option<String>,
    masked_card: Option<String>,
    liability_shifted: Option<bool>,
    payment_id: Option<String>,
    /// Of the page that waits for its shopper.
    sealed_link: Option<String>,
}

/// Records the answer of 020. The attempt as it stands after that.
pub(super) fn authorisation(
    call: &Call<'_>,
    attempt: &Attempt,
    answer: Answer<Authorised>,
) -> Result<Attempt, Problem> {
    let Answer { outcome, exchange } = answer;
    let state = journal::state_of(&outcome);
    let payment_id = exchange.payment_id.as_ref().map(|id| id.as_str().to_owned());
    let (mut masked_card, mut liability_shifted) = (None, None);
    let (evidence, code) = match outcome {
        Outcome::Good(good) => {
            masked_card = good.masked_card_number;
            liability_shifted = good.liability_shifted;
            let payment_id = good.payment_id.as_str().to_owned();
            (Evidence::Approved { payment_id }, None)
        }
        Outcome::Declined(refusal) => (
            Evidence::Refused,
            Some(journal::nearest(&refusal.code, &refusal.detail)),
        ),
        Outcome::NotExecuted(fault) => (Evidence::NotExecuted, Some(fault.code.as_str().to_owned())),
        Outcome::Pending(refusal) => (
            Evidence::NoAnswer,
            Some(journal::nearest(&refusal.code, &refusal.detail)),
        ),
        Outcome::Unknown(fault) => (Evidence::NoAnswer, Some(fault.code.as_str().to_owned())),
    };
    let lesson = Lesson {
        evidence,
        code,
        masked_card,
        liability_shifted,
        payment_id,
        sealed_link: None,
    };
    conclude(call, &attempt.attempt_id, "020", &lesson, (state, &exchange))
}

/// Records the answer to a hand-over (link type). Nobody was told the page's address where it was lost, so nobody waits for
/// it; should it be paid all the same, that is looked for.
pub(super) fn handed_over(call: &Call<'_>, attempt: &Attempt, answer: Answer<String>) -> Result<Attempt, Problem> {
    let Answer { outcome, exchange } = answer;
    let state = journal::state_of(&outcome);
    let mut sealed_link = None;
    let (evidence, code) = match outcome {
        Outcome::Good(url) => {
            sealed_link = Some(call.instance.seal.lock(&url, &attempt.attempt_id)?);
            (Evidence::HandedOver, None)
        }
        Outcome::Declined(refusal) => (
            Evidence::Refused,
            Some(journal::nearest(&refusal.code, &refusal.detail)),
        ),
        Outcome::NotExecuted(fault) => (Evidence::NotExecuted, Some(fault.code.as_str().to_owned())),
        Outcome::Pending(refusal) => (
            Evidence::Unpaid { left: true },
            Some(journal::nearest(&refusal.code, &refusal.detail)),
        ),
        Outcome::Unknown(fault) => (Evidence::Unpaid { left: true }, Some(fault.code.as_str().to_owned())),
    };
    let lesson = Lesson {
        evidence,
        code,
        masked_card: None,
        liability_shifted: None,
        payment_id: None,
        sealed_link,
    };
    conclude(call, &attempt.attempt_id, LINK, &lesson, (state, &exchange))
}

/// Asks the gateway (094) what became of an attempt, unless somebody else has just asked.
/// The attempt as it stands after that.
pub(super) fn inquire(call: &Call<'_>, attempt_id: &str) -> Result<Option<Attempt>, Problem> {
    let telegram_id = random_hex::<16>()?;
    let claimed = call
        .instance
        .store
        .write(|rows| claim(call, rows, attempt_id, telegram_id));
    let claimed = match claimed {
        Err(StoreError::Lost) => None,
        claimed => claimed?,
    };
    let Some(attempt) = claimed else {
        return Ok(call.instance.store.read(|rows| attempts::find(rows, attempt_id))?);
    };
    let by = crate::paygent::TradingId::try_from(attempt.trading_id.as_str()).map(Inquire::ByTrading);
    let Ok(by) = by else { return Ok(Some(attempt)) };
    let Answer { outcome, exchange } = call.instance.gateway.inquire(&by, call.now());
    let state = journal::state_of(&outcome);
    let payment_id = exchange.payment_id.as_ref().map(|id| id.as_str().to_owned());
    let of_link = match attempt.is_link() {
        true => handed_over::taught(call, &attempt, &outcome)?,
        false => None,
    };
    let (mut masked_card, mut liability_shifted) = (None, None);
    let (evidence, code) = match outcome {
        Outcome::Good(Inquiry::Found(found)) => {
            masked_card = found.masked_card_number;
            liability_shifted = found.liability_shifted;
            let (payment_id, status) = (found.payment_id.as_str().to_owned(), GatewayStatus(found.status));
            (
                Evidence::Found {
                    payment_id,
                    status,
                    amount: found.amount,
                },
                None,
            )
        }
        Outcome::Good(Inquiry::NotFound) => (Evidence::Absent, None),
        Outcome::Good(Inquiry::Several) => (Evidence::Several, None),
        Outcome::Declined(refusal) | Outcome::Pending(refusal) => (
            Evidence::NoAnswer,
            Some(journal::nearest(&refusal.code, &refusal.detail)),
        ),
        Outcome::NotExecuted(fault) | Outcome::Unknown(fault) => {
            (Evidence::NoAnswer, Some(fault.code.as_str().to_owned()))
        }
    };
    let (evidence, code) = of_link.unwrap_or((evidence, code));
    let lesson = Lesson {
        evidence,
        code,
        masked_card,
        liability_shifted,
        payment_id,
        sealed_link: None,
    };
    conclude(call, attempt_id, "094", &lesson, (state, &exchange)).map(Some)
}

/// One inquirer at a time: the claim moves the next inquiry on and journals the telegram before it leaves.
fn claim(call: &Call<'_>, rows: &mut Connection, id: &str, telegram_id: String) -> StoreResult<Option<Attempt>> {
    const APART: TimeDelta = TimeDelta::seconds(3);
    let now = call.moment();
    let Some(mut attempt) = attempts::find(rows, id)? else {
        return Ok(None);
    };
    if attempt.state()? == AttemptState::Authenticating {
        // Nobody came back from the card company's page: nothing was asked for, and the token is forgotten.
        if attempt.next_inquiry_at.is_some_and(|due| due <= now) {
            attempt.sealed_card = None;
            attempt.code = Some(LEFT.to_owned());
            end(rows, &mut attempt, Event::NotExecuted, now)?;
            attempts::update(rows, &mut attempt)?;
            acs_pages::remove(rows, &attempt.attempt_id)?;
            storing::settled(call, rows, &attempt)?;
            guard::settled(call, rows, &attempt, None)?;
        }
        return Ok(None);
    }
    // Who hands an order over learns at once that it was taken: nothing is under way as after 020.
    let asked = attempt.inquired_at.or((!attempt.is_link()).then_some(attempt.sent_at));
    let just_asked = asked.is_some_and(|at| at + APART > now);
    let open = attempt.state()?.is_open() || attempt.state()? == AttemptState::Missing;
    if just_asked || !open {
        return Ok(None);
    }
    attempt.inquired_at = Some(now);
    // One that somebody asked for, who waits, uses up nothing of the schedule.
    if attempt.next_inquiry_at.is_some_and(|due| due <= now) {
        attempt.inquiries += 1;
        attempt.next_inquiry_at = next_inquiry(attempt.sent_at, attempt.inquiries).map(|at| at.max(now + APART));
    }
    if attempt.state()? == AttemptState::HandedOver
        && let Some(over) = handed_over::over_at(call, &attempt).filter(|over| *over > now)
    {
        attempt.next_inquiry_at = attempt.next_inquiry_at.map(|at| at.min(over));
    }
    attempts::update(rows, &mut attempt)?;
    telegrams::insert(rows, &journal::sent(telegram_id, &attempt, "094", None, now))?;
    Ok(Some(attempt))
}

fn conclude(
    call: &Call<'_>,
    attempt_id: &str,
    kind: &str,
    lesson: &Lesson,
    (telegram_state, exchange): (&str, &Exchange),
) -> Result<Attempt, Problem> {
    let spare = random_hex::<16>()?;
    let settled = call.instance.store.write(|rows| {
        if let Some(mut row) = telegrams::of_attempt(rows, attempt_id, kind)? {
            journal::record(&mut row, telegram_state, lesson.code.clone(), exchange, call.moment());
            telegrams::update(rows, &mut row)?;
        }
        let Some(attempt) = attempts::find(rows, attempt_id)? else {
            return Ok(None);
        };
        let settled = settle(call, rows, attempt, lesson, &spare)?;
        storing::settled(call, rows, &settled)?;
        guard::settled(call, rows, &settled, exchange.fingerprint.as_deref())?;
        Ok(Some(settled))
    })?;
    settled.ok_or_else(|| Problem::failed("attempt.lost", "the attempt's row is gone"))
}

fn settle(
    call: &Call<'_>,
    rows: &mut Connection,
    mut attempt: Attempt,
    lesson: &Lesson,
    spare: &str,
) -> StoreResult<Attempt> {
    let now = call.moment();
    let quarantine = TimeDelta::seconds(i64::from(call.instance.config.quarantine_secs));
    let amount = Yen::try_from(attempt.amount).unwrap_or(Yen::ZERO);
    let verdict = judge(
        attempt.state()?,
        amount,
        lesson.evidence.clone(),
        age(attempt.sent_at, now),
        quarantine,
    );
    tracing::info!(order = attempt.order_id, trading_id = attempt.trading_id, verdict = ?verdict, "attempt.judged");
    if verdict == Verdict::Keep {
        return Ok(attempt);
    }
    if attempt.change_id.is_some() {
        return settle_change(call, rows, (attempt, verdict), lesson, spare);
    }
    let Some(mut order) = orders::find(rows, &attempt.order_id)? else {
        return Ok(attempt);
    };
    if lesson.payment_id.is_some() {
        attempt.payment_id.clone_from(&lesson.payment_id);
    }
    if lesson.code.is_some() {
        attempt.code.clone_from(&lesson.code);
    }
    match verdict {
        Verdict::Keep => {}
        Verdict::Wait => wait(rows, &mut attempt, now)?,
        Verdict::Authorised { payment_id, status } => {
            let payment = payment_of(call, &attempt, (&payment_id, status), lesson);
            if payments::find(rows, &payment_id)?.is_none() {
                payments::insert(rows, &payment)?;
            }
            end(rows, &mut attempt, Event::Held, now)?;
            attempt.payment_id = Some(payment_id);
            place_or_void(call, rows, &mut order, &mut attempt, &payment, spare)?;
        }
        Verdict::Mismatched {
            payment_id,
            status,
            amount,
        } => {
            end(rows, &mut attempt, Event::HeldOtherwise, now)?;
            let detail = format!(
                "payment {payment_id} holds {} yen, asked were {}",
                amount.get(),
                attempt.amount
            );
            if payments::find(rows, &payment_id)?.is_none() {
                let payment = Payment {
                    amount: amount.get(),
                    ..payment_of(call, &attempt, (&payment_id, status), lesson)
                };
                payments::insert(rows, &payment)?;
            }
            attempt.payment_id = Some(payment_id);
            tracing::error!(
                order = attempt.order_id,
                status = status.0,
                detail,
                "attempt.amount_differs"
            );
            raise(rows, &attempt, "amount.differs", &detail, now)?;
        }
        Verdict::Several => {
            wait(rows, &mut attempt, now)?;
            several(rows, &attempt, now)?;
        }
        Verdict::Declined => finish(call, rows, &mut order, &mut attempt, Event::Refused)?,
        Verdict::NotExecuted => finish(call, rows, &mut order, &mut attempt, Event::NotExecuted)?,
        Verdict::HandedOver => {
            attempts::happened(rows, &mut attempt, Event::HandedOver, now)?;
            attempt.sealed_link.clone_from(&lesson.sealed_link);
        }
        Verdict::Missing => {
            // The shopper may try again; a late child of this attempt is still looked for, and voided.
            attempts::happened(rows, &mut attempt, Event::Absent, now)?;
            attempt.sealed_link = None;
            withdraw_if_wanted(call, rows, &mut order, &attempt)?;
        }
    }
    orders::update(rows, &mut order)?;
    attempts::update(rows, &mut attempt)?;
    Ok(attempt)
}

/// Asks again later. One that the gateway knew nothing of is closed when the days of looking are over; one that was never
/// answered for is not: silence is no verdict, so a person is told, and it is asked for daily.
fn wait(rows: &mut Connection, attempt: &mut Attempt, now: NaiveDateTime) -> StoreResult<()> {
    const DAILY: TimeDelta = TimeDelta::days(1);
    attempts::happened(rows, attempt, Event::Silent, now)?;
    if attempt.next_inquiry_at.is_some() {
        return Ok(());
    }
    if attempt.state()? == AttemptState::Missing {
        return end(rows, attempt, Event::GivenUp, now);
    }
    attempt.next_inquiry_at = Some(now + DAILY);
    let asked = attempt.inquiries;
    let detail = format!(
        "{} was never answered for in {asked} inquiries: see Paygent Online",
        attempt.trading_id
    );
    raise(rows, attempt, "attempt.unknown", &detail, now)
}

fn several(rows: &mut Connection, attempt: &Attempt, now: NaiveDateTime) -> StoreResult<()> {
    let detail = format!(
        "several payments carry the trading_id {}: see Paygent Online",
        attempt.trading_id
    );
    raise(rows, attempt, "trading_id.several", &detail, now)
}

fn end(rows: &mut Connection, attempt: &mut Attempt, event: Event, now: NaiveDateTime) -> StoreResult<()> {
    attempts::happened(rows, attempt, event, now)?;
    attempt.settled_at = Some(now);
    attempt.next_inquiry_at = None;
    attempt.sealed_link = None;
    Ok(())
}

fn finish(
    call: &Call<'_>,
    rows: &mut Connection,
    order: &mut Order,
    attempt: &mut Attempt,
    event: Event,
) -> StoreResult<()> {
    end(rows, attempt, event, call.moment())?;
    withdraw_if_wanted(call, rows, order, attempt)
}

/// 「戻る」 that came while the attempt was in flight is granted now that nothing is held (decision A1).
fn withdraw_if_wanted(call: &Call<'_>, rows: &mut Connection, order: &mut Order, attempt: &Attempt) -> StoreResult<()> {
    if let Some(mut hold) = holds::of_order(rows, &order.order_id, attempt.hold)?
        && hold.back_wanted
        && hold.state()?.is_open()
    {
        hold.move_to(HoldState::Withdrawn, call.moment());
        holds::update(rows, &mut hold)?;
        outbox::withdraw(rows, order, &hold, true, call.moment())?;
        order.removed = true;
    }
    Ok(())
}

/// Money is held. It places the order whose hold is still open; money that no order waits for is given back at once.
fn place_or_void(
    call: &Call<'_>,
    rows: &mut Connection,
    order: &mut Order,
    attempt: &mut Attempt,
    payment: &Payment,
    spare: &str,
) -> StoreResult<()> {
    let other = attempts::live_of(rows, &order.order_id)?.filter(|live| live.attempt_id != attempt.attempt_id);
    // One that is only handed over gives way to money: if it is paid, too, it finds the order placed.
    let other = match other {
        Some(mut waiting) if waiting.state()? == AttemptState::HandedOver => {
            attempts::happened(rows, &mut waiting, Event::GaveWay, call.moment())?;
            waiting.sealed_link = None;
            attempts::update(rows, &mut waiting)?;
            None
        }
        other => other,
    };
    let hold = holds::of_order(rows, &order.order_id, attempt.hold)?;
    match hold {
        Some(mut hold) if hold.state()?.is_open() && other.is_none() => {
            hold.move_to(HoldState::Placed, call.moment());
            holds::update(rows, &mut hold)?;
            order.payment_id = Some(payment.payment_id.clone());
            outbox::place(rows, order, &hold, Some(&payment.payment_id), call.moment())
        }
        hold => {
            attempt.live_order = None;
            operation::plan_void(rows, &payment.payment_id, spare, call.moment())?;
            // Whose order is placed, by another payment, is told of nothing: the order stands.
            let is_placed = hold.map(|hold| hold.state()).transpose()? == Some(HoldState::Placed);
            if !is_placed {
                outbox::given_back(rows, order, payment, call.moment())?;
            }
            let detail = format!(
                "payment {} came for an order that no longer waits; it is voided",
                payment.payment_id
            );
            raise(rows, attempt, "payment.orphan", &detail, call.moment())
        }
    }
}

/// The same for the new payment of a change: it takes no place of its own, the change decides which of the two stays.
fn settle_change(
    call: &Call<'_>,
    rows: &mut Connection,
    (mut attempt, verdict): (Attempt, Verdict),
    lesson: &Lesson,
    spare: &str,
) -> StoreResult<Attempt> {
    let now = call.moment();
    if lesson.payment_id.is_some() {
        attempt.payment_id.clone_from(&lesson.payment_id);
    }
    if lesson.code.is_some() {
        attempt.code.clone_from(&lesson.code);
    }
    let mut held: Option<Payment> = None;
    match verdict {
        Verdict::Keep => {}
        Verdict::Wait => wait(rows, &mut attempt, now)?,
        Verdict::Authorised { payment_id, status } => {
            end(rows, &mut attempt, Event::Held, now)?;
            held = Some(payment_of(call, &attempt, (&payment_id, status), lesson));
        }
        Verdict::Mismatched {
            payment_id,
            status,
            amount,
        } => {
            end(rows, &mut attempt, Event::HeldOtherwise, now)?;
            let detail = format!(
                "payment {payment_id} holds {} yen, asked were {}",
                amount.get(),
                attempt.amount
            );
            raise(rows, &attempt, "amount.differs", &detail, now)?;
            held = Some(Payment {
                amount: amount.get(),
                ..payment_of(call, &attempt, (&payment_id, status), lesson)
            });
        }
        Verdict::Several => {
            wait(rows, &mut attempt, now)?;
            several(rows, &attempt, now)?;
        }
        Verdict::Declined => end(rows, &mut attempt, Event::Refused, now)?,
        Verdict::NotExecuted => end(rows, &mut attempt, Event::NotExecuted, now)?,
        // No change is made by hand-over.
        Verdict::HandedOver => {}
        Verdict::Missing => {
            attempts::happened(rows, &mut attempt, Event::Absent, now)?;
        }
    }
    if let Some(payment) = &held {
        attempt.payment_id = Some(payment.payment_id.clone());
        if payments::find(rows, &payment.payment_id)?.is_none() {
            payments::insert(rows, payment)?;
        }
    }
    attempts::update(rows, &mut attempt)?;
    match held {
        Some(payment) if !change::authorised(rows, &attempt, &payment, now)? => {
            operation::plan_void(rows, &payment.payment_id, spare, now)?;
            let detail = format!(
                "payment {} came after its change had ended; it is voided",
                payment.payment_id
            );
            raise(rows, &attempt, "payment.orphan", &detail, now)?;
        }
        None if !attempt.state()?.is_live() => change::not_authorised(rows, &attempt, now)?,
        _ => {}
    }
    // What the change wrote of the attempt, too.
    Ok(attempts::find(rows, &attempt.attempt_id)?.unwrap_or(attempt))
}

/// A payment that 094 tells of beside what an ended attempt came to. A person is told, and it is voided where `voids`: where no
/// order waits for its money. Whether that says all that there is to it.
pub(super) fn second(call: &Call<'_>, attempt: &Attempt, found: &Found, voids: bool) -> Result<bool, Problem> {
    let status = GatewayStatus(found.status);
    if status.is_over() || status == GatewayStatus::REFUSED {
        return Ok(true);
    }
    if !status.is_live() {
        return Ok(false);
    }
    let spare = random_hex::<16>()?;
    let now = call.moment();
    let payment_id = found.payment_id.as_str();
    let lesson = Lesson {
        evidence: Evidence::Several,
        code: None,
        masked_card: found.masked_card_number.clone(),
        liability_shifted: found.liability_shifted,
        payment_id: None,
        sealed_link: None,
    };
    let payment = Payment {
        amount: found.amount.get(),
        captured_at: found.captured_at,
        ..payment_of(call, attempt, (payment_id, status), &lesson)
    };
    call.instance.store.write(|rows| {
        if payments::find(rows, payment_id)?.is_some() {
            return Ok(());
        }
        payments::insert(rows, &payment)?;
        let beside = format!(
            "payment {payment_id} stands beside what attempt {} came to",
            attempt.trading_id
        );
        if voids {
            operation::plan_void(rows, payment_id, &spare, now)?;
            let detail = format!("{beside}; it is voided");
            return raise(rows, attempt, "payment.orphan", &detail, now);
        }
        let detail = format!("{beside}, whose own payment is gone: see Paygent Online");
        raise(rows, attempt, "payment.second", &detail, now)
    })?;
    Ok(true)
}

fn payment_of(call: &Call<'_>, attempt: &Attempt, (id, status): (&str, GatewayStatus), lesson: &Lesson) -> Payment {
    Payment {
        payment_id: id.to_owned(),
        attempt_id: attempt.attempt_id.clone(),
        order_id: attempt.order_id.clone(),
        trading_id: attempt.trading_id.clone(),
        amount: attempt.amount,
        gateway_status: status.0,
        last_operation: None,
        masked_card: lesson.masked_card.clone(),
        // The sixty days count from the authorisation, not from the answer that was lost and found.
        authorised_at: attempt.sent_at,
        captured_at: None,
        cancelled_at: None,
        account: call.instance.config.gateway.account(),
        // The return told it first; where no key proves returns, the gateway's own word corrects it.
        three_ds: attempt.three_ds && lesson.liability_shifted.unwrap_or(true),
        // At Paygent's own page the holder is asked there.
        authenticated: attempt.auth_id.is_some() || (attempt.is_link() && attempt.three_ds),
        correction_refused: None,
        replaced_by: None,
        version: 1,
    }
}

fn raise(rows: &mut Connection, attempt: &Attempt, kind: &str, detail: &str, now: NaiveDateTime) -> StoreResult<()> {
    flags::raise(rows, &attempt.order_id, (kind, detail), now).map(drop)
}
