//! What 094 teaches of an order that was handed over (link type): whether its shopper paid, may still pay, or has left.

use chrono::{NaiveDateTime, TimeDelta};

use super::{Call, inbox};
use crate::paygent::{Found, Inquire, Inquiry, Outcome, PaymentId};
use crate::payment::GatewayStatus;
use crate::payment::attempt::{AttemptState, REFUSED_THERE};
use crate::payment::settle::{Evidence, age};
use crate::reply::Problem;
use crate::store::attempts::Attempt;
use crate::store::holds::Hold;
use crate::store::{StoreResult, holds, notices};

/// Payments of one trading_id that are asked for, the newest ones.
const MOST_ASKED: usize = 20;

/// What an inquiry (094) teaches of an attempt of the link type, and the code that goes with it. One trading_id may carry
/// several payments there: refused cards, and the one that was good.
pub(super) fn taught(
    call: &Call<'_>,
    attempt: &Attempt,
    outcome: &Outcome<Inquiry>,
) -> Result<Option<(Evidence, Option<String>)>, Problem> {
    let unpaid = |refused: bool| {
        let left = call.instance.store.read(|rows| {
            let hold = holds::of_order(rows, &attempt.order_id, attempt.hold)?;
            has_left(call, attempt, hold.as_ref(), refused)
        })?;
        Ok::<_, Problem>((Evidence::Unpaid { left }, refused.then(|| REFUSED_THERE.to_owned())))
    };
    Ok(Some(match outcome {
        Outcome::Good(Inquiry::NotFound) => unpaid(false)?,
        Outcome::Good(Inquiry::Found(found)) if GatewayStatus(found.status) == GatewayStatus::REFUSED => unpaid(true)?,
        Outcome::Good(Inquiry::Several) => match among(call, attempt)? {
            Among::Nothing => unpaid(true)?,
            Among::Unknown => (Evidence::NoAnswer, None),
            Among::One(found) => (
                Evidence::Found {
                    payment_id: found.payment_id.as_str().to_owned(),
                    status: GatewayStatus(found.status),
                    amount: found.amount,
                },
                None,
            ),
            Among::Several => (Evidence::Several, None),
        },
        _ => return Ok(None),
    }))
}

/// Nobody is expected to pay any more: the shopper turned back, or came back and was refused, or the term is over.
fn has_left(call: &Call<'_>, attempt: &Attempt, hold: Option<&Hold>, refused: bool) -> StoreResult<bool> {
    let now = call.moment();
    let quarantine = TimeDelta::seconds(i64::from(call.instance.config.quarantine_secs));
    let waits = match hold {
        Some(hold) => hold.state()?.is_open() && !hold.back_wanted,
        None => false,
    };
    let over = over_at(call, attempt).is_none_or(|over| over <= now);
    Ok(match attempt.state()? {
        AttemptState::HandedOver => over || !waits,
        AttemptState::Sent => !waits,
        _ => refused || age(attempt.sent_at, now) > quarantine,
    })
}

/// When a page's term has been over for so long that whatever was begun on it has ended.
pub(super) fn over_at(call: &Call<'_>, attempt: &Attempt) -> Option<NaiveDateTime> {
    let quarantine = TimeDelta::seconds(i64::from(call.instance.config.quarantine_secs));
    attempt.link_until.map(|until| until + quarantine)
}

/// What holds money among several payments of one trading_id.
enum Among {
    Nothing,
    Unknown,
    One(Found),
    Several,
}

/// Looks for the payment that is good. 094 does not tell several apart by their trading_id, but every payment that holds
/// money is a notice with a number, and by that it is asked for.
fn among(call: &Call<'_>, attempt: &Attempt) -> Result<Among, Problem> {
    let all_fetched = inbox::drain(call)?;
    let told = call
        .instance
        .store
        .read(|rows| notices::about(rows, &[], &[&attempt.trading_id]))?;
    let mut numbers: Vec<&str> = told.iter().rev().map(|notice| notice.payment_id.as_str()).collect();
    numbers.dedup();
    numbers.truncate(MOST_ASKED);
    let mut good: Option<Found> = None;
    let mut open = !all_fetched;
    for number in numbers {
        let Ok(id) = PaymentId::try_from(number) else { continue };
        match call
            .instance
            .gateway
            .inquire(&Inquire::ByPayment(id), call.now())
            .outcome
        {
            Outcome::Good(Inquiry::Found(found)) => {
                let status = GatewayStatus(found.status);
                let known = good.as_ref().is_some_and(|known| known.payment_id == found.payment_id);
                match (status.is_live(), known, &good) {
                    (true, false, Some(_)) => return Ok(Among::Several),
                    (true, false, None) => good = Some(found),
                    (true, true, _) => {}
                    (false, ..) => open |= status != GatewayStatus::REFUSED && !status.is_over(),
                }
            }
            _ => open = true,
        }
    }
    Ok(match good {
        Some(found) => Among::One(found),
        None if open => Among::Unknown,
        None => Among::Nothing,
    })
}
