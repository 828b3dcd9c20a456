//! Notices: that a payment came to a status, pushed by the gateway or fetched by 091. Each is kept once, by its number, and
//! answered; then the gateway is asked (094), and that is believed: a notice's hash does not cover its status, and notices
//! come late, twice and out of order. A number that is missing is fetched.

use chrono::{NaiveDateTime, TimeDelta};
use secrecy::ExposeSecret as _;
use serde_json::json;

use super::{Call, inbox, latecomer, observe, settle};
use crate::paygent::{self, Answer, Inquire, Inquiry, Outcome, PaymentId};
use crate::payment::GatewayStatus;
use crate::payment::attempt::AttemptState;
use crate::reply::{Problem, Reply, Status};
use crate::store::notices::{self, Notice};
use crate::store::{attempts, changes, orders, payments, telegrams};

/// Exactly what the gateway waits for; anything else and it sends the notice again.
const ACCEPTED: &str = "result=0";
/// A payment in the place of one that is gone is looked for so long before an order is called off.
const LATECOMERS_FOR: TimeDelta = TimeDelta::minutes(30);
/// A notice about a payment that nobody here knows is looked at again for so long.
const UNKNOWN_FOR: TimeDelta = TimeDelta::hours(24);

/// `notice.push`.
pub(super) fn push(call: &Call<'_>) -> Result<Reply, Problem> {
    let Some(key) = &call.instance.config.notices.key else {
        // Nothing here proves who sends: 091 does the work.
        return Ok(answer(404, "push is off").because(Status::Refused, "notice.off", "no notices.key is configured"));
    };
    let form = call.request.form()?;
    let fields = form.pairs();
    let doubled = fields
        .iter()
        .enumerate()
        .any(|(place, (name, _))| fields.iter().skip(place + 1).any(|(other, _)| other == name));
    let read = paygent::notice_fields(fields).filter(|_| !doubled);
    let Some(read) = read else {
        return Ok(answer(400, "malformed").because(
            Status::Misuse,
            "notice.malformed",
            "the notice lacks a number, or has one twice",
        ));
    };
    let value = |name: &str| {
        fields
            .iter()
            .find(|(field, _)| field == name)
            .map_or("", |(_, value)| value.as_str())
    };
    let signed = [
        value("payment_notice_id"),
        value("payment_id"),
        value("trading_id"),
        value("payment_type"),
        value("payment_amount"),
    ];
    if !paygent::hash::fits(&signed, key.expose_secret(), value("hc")) {
        tracing::error!(notice = read.notice_id, "notice.forged");
        return Ok(answer(403, "refused").because(Status::Refused, "notice.forged", "the hash does not fit"));
    }
    let kept = inbox::keep(call, &read, "push")?;
    Ok(answer(200, ACCEPTED).with_data(json!({"notice": read.notice_id, "new": kept})))
}

fn answer(status: u16, body: &str) -> Reply {
    let mut reply = Reply {
        status: Some(status),
        body: Some(body.to_owned()),
        ..Reply::default()
    };
    reply.headers.insert("content-type".to_owned(), "text/plain".to_owned());
    reply
}

/// Looks at one notice; whether what follows from it is so now.
pub(super) fn look(call: &Call<'_>, notice: &Notice) -> Result<bool, Problem> {
    let store = &call.instance.store;
    let known = store.read(|rows| {
        let Some(payment) = payments::find(rows, &notice.payment_id)? else {
            return Ok(None);
        };
        let busy = telegrams::open_on(rows, &payment.payment_id)?.is_some()
            || changes::of_order(rows, &payment.order_id)?
                .iter()
                .any(|change| change.open_order.is_some());
        Ok(Some((payment, busy)))
    })?;
    match known {
        // The operation under way asks by itself, and knows what it wants.
        Some((_, true)) => later(call, notice),
        Some((payment, false)) => {
            let Ok(id) = PaymentId::try_from(payment.payment_id.as_str()) else {
                return end(call, notice, notices::UNKNOWN);
            };
            let Answer { outcome, .. } = call.instance.gateway.inquire(&Inquire::ByPayment(id), call.now());
            let Outcome::Good(Inquiry::Found(found)) = outcome else {
                return later(call, notice);
            };
            let is_over_now = GatewayStatus(found.status).is_over() && !payment.status().is_over();
            if is_over_now
                && notice.received_at + LATECOMERS_FOR > call.moment()
                && latecomer::may_come(call, &payment)?
            {
                return later(call, notice);
            }
            let moved = store.write(|rows| {
                let Some(mut now) = payments::find(rows, &notice.payment_id)? else {
                    return Ok(false);
                };
                if now.version != payment.version || telegrams::open_on(rows, &now.payment_id)?.is_some() {
                    return Ok(false);
                }
                observe::found(rows, &mut now, &found, call.moment())?;
                Ok(true)
            })?;
            let says_the_same = found.amount.get() == notice.amount;
            match moved {
                false => later(call, notice),
                true if says_the_same => end(call, notice, notices::APPLIED),
                true => {
                    let detail = format!(
                        "notice {} says {} yen of payment {}, the gateway says {} when asked",
                        notice.notice_id,
                        notice.amount,
                        notice.payment_id,
                        found.amount.get()
                    );
                    store.write(|rows| observe::raise(rows, &payment, "notice.differs", detail, call.moment()))?;
                    end(call, notice, notices::MISMATCHED)
                }
            }
        }
        None => unknown(call, notice),
    }
}

/// About no payment that stands here: an attempt whose answer is still looked for, or somebody else's.
fn unknown(call: &Call<'_>, notice: &Notice) -> Result<bool, Problem> {
    let store = &call.instance.store;
    if let Some(attempt) = store.read(|rows| attempts::of_trading_id(rows, &notice.trading_id))? {
        settle::inquire(call, &attempt.attempt_id)?;
        let known = || store.read(|rows| payments::find(rows, &notice.payment_id));
        if known()?.is_some() {
            return end(call, notice, notices::APPLIED);
        }
        latecomer::told(call, notice)?;
        if known()?.is_some() {
            // What it says of the payment counts as if the answer had come first.
            return look(call, notice);
        }
        if second(call, notice)? {
            return end(call, notice, notices::APPLIED);
        }
    }
    if notice.received_at + UNKNOWN_FOR < call.moment() {
        tracing::error!(
            notice = notice.notice_id,
            payment_id = notice.payment_id,
            trading_id = notice.trading_id,
            "notice.unknown"
        );
        return end(call, notice, notices::UNKNOWN);
    }
    later(call, notice)
}

/// A payment beside the one that an attempt ended with, or of an attempt that ended without any: no order waits for its money,
/// unless it stands where the order's own payment is gone, which somebody did in Paygent Online. Whether there was one.
fn second(call: &Call<'_>, notice: &Notice) -> Result<bool, Problem> {
    let store = &call.instance.store;
    let ended = store.read(|rows| {
        let Some(attempt) = attempts::of_trading_id(rows, &notice.trading_id)? else {
            return Ok(None);
        };
        let changes = changes::of_order(rows, &attempt.order_id)?;
        // A correction's payment is its change's own affair.
        let corrected = changes
            .iter()
            .any(|change| change.is_correction() && change.attempt_id == attempt.attempt_id);
        let state = attempt.state()?;
        let open = state.is_open() || matches!(state, AttemptState::Authenticating | AttemptState::Missing);
        let own = orders::find(rows, &attempt.order_id)?.and_then(|order| order.payment_id);
        Ok((!corrected && !open).then_some((attempt, own)))
    })?;
    // What a refused attempt, or one of another amount, came to was told by its answer.
    if ended
        .as_ref()
        .is_some_and(|(attempt, _)| attempt.payment_id.as_ref() == Some(&notice.payment_id))
    {
        return Ok(true);
    }
    let (Some((attempt, own)), Ok(id)) = (ended, PaymentId::try_from(notice.payment_id.as_str())) else {
        return Ok(false);
    };
    let ask = |id: PaymentId| {
        let Answer { outcome, .. } = call.instance.gateway.inquire(&Inquire::ByPayment(id), call.now());
        match outcome {
            Outcome::Good(Inquiry::Found(found)) => Some(found),
            _ => None,
        }
    };
    let Some(found) = ask(id).filter(|found| found.trading_id == attempt.trading_id) else {
        return Ok(false);
    };
    let own_is_live = match own.as_deref().map(PaymentId::try_from) {
        None => None,
        Some(Err(_)) => return Ok(false),
        Some(Ok(own)) => match ask(own) {
            Some(own) => Some(GatewayStatus(own.status).is_live()),
            None => return Ok(false),
        },
    };
    settle::second(call, &attempt, &found, own_is_live != Some(false))
}

fn later(call: &Call<'_>, notice: &Notice) -> Result<bool, Problem> {
    const FIRST_SECS: i64 = 3;
    const MOST_SECS: i64 = 3_600;
    let doublings = u32::try_from(notice.tries.clamp(0, 12)).unwrap_or(0);
    let wait = FIRST_SECS
        .saturating_mul(2_i64.saturating_pow(doublings))
        .min(MOST_SECS);
    write(call, notice, |row, now| {
        row.tries += 1;
        row.due_at = Some(now + TimeDelta::seconds(wait));
    })?;
    Ok(false)
}

fn end(call: &Call<'_>, notice: &Notice, state: &str) -> Result<bool, Problem> {
    write(call, notice, |row, now| {
        state.clone_into(&mut row.state);
        row.due_at = None;
        row.settled_at = Some(now);
    })?;
    Ok(true)
}

fn write(call: &Call<'_>, notice: &Notice, change: impl FnOnce(&mut Notice, NaiveDateTime)) -> Result<(), Problem> {
    Ok(call.instance.store.write(|rows| {
        if let Some(mut row) = notices::find(rows, notice.notice_id)?
            && row.settled_at.is_none()
        {
            change(&mut row, call.moment());
            notices::update(rows, &row)?;
        }
        Ok(())
    })?)
}
