//! Warnings of deadlines (N6): once a day the shop is written to about authorisations that will expire in 14, 7 or 2 days, in one
//! mail that the host sends.

use chrono::{Days, NaiveDate};
use serde_json::json;

use super::{Call, daily, outbox};
use crate::page::{Language, text};
use crate::payment::deadline::{is_warned, last_day};
use crate::payment::japan;
use crate::reply::Problem;
use crate::store::orders::Order;
use crate::store::payments::Payment;
use crate::store::{Connection, StoreResult, facts, orders};

/// Writes today's warnings where they are due.
pub(super) fn warn(call: &Call<'_>) -> Result<(), Problem> {
    let staff = &call.instance.config.staff;
    if staff.warning_days.is_empty() {
        return Ok(());
    }
    daily::run(call, (facts::WARNED, staff.warning_hour), |rows, last| {
        write(call, rows, last)
    })
}

/// What expires soon: the order, its payment, and the last day for capturing it.
struct Near {
    order: Order,
    payment: Payment,
    last: NaiveDate,
}

fn write(call: &Call<'_>, rows: &mut Connection, last_run: NaiveDate) -> StoreResult<()> {
    let staff = &call.instance.config.staff;
    let now = call.moment();
    let today = japan::date(now);
    let furthest = staff.warning_days.iter().max().copied().unwrap_or(0);
    // Authorised so long ago that its last day may be within the furthest warning.
    let age = Days::new(u64::from(
        staff.authorisation_days.saturating_sub(furthest.saturating_add(1)),
    ));
    let before = today.checked_sub_days(age).map_or(now, japan::midnight);
    let mut near: Vec<Near> = orders::waiting_for_capture(rows, before)?
        .into_iter()
        .filter_map(|(payment, order)| {
            let last = last_day(payment.status(), payment.since(), staff.limits())?;
            is_warned(last, (last_run, today), &staff.warning_days).then_some(Near { order, payment, last })
        })
        .collect();
    near.sort_by_key(|near| near.last);
    let Some(first) = near.first().map(|near| near.order.order_id.clone()) else {
        return Ok(());
    };
    let lines: Vec<String> = near
        .iter()
        .map(|near| {
            let figures = [
                ("number", near.order.order_number.clone()),
                ("day", near.last.format("%Y/%m/%d").to_string()),
                ("left", (near.last - today).num_days().to_string()),
                ("amount", near.payment.held().to_string()),
            ];
            let figures = figures.each_ref().map(|(name, figure)| (*name, figure.as_str()));
            text(Language::Ja, "mail-deadline-line", &figures)
        })
        .collect();
    let count = near.len().to_string();
    let data = json!({
        "orders": near.iter().map(|near| json!({
            "order_id": near.order.order_id, "number": near.order.order_number, "payment_id": near.payment.payment_id,
            "amount": near.payment.amount, "last_day": near.last, "days_left": (near.last - today).num_days(),
        })).collect::<Vec<_>>(),
        "subject": text(Language::Ja, "mail-deadline-subject", &[("count", &count)]),
        "text": text(Language::Ja, "mail-deadline", &[("lines", &lines.join("\n"))]),
    });
    let Some(mut order) = orders::find(rows, &first)? else {
        return Ok(());
    };
    outbox::deadlines(rows, &mut order, (today, data), now)?;
    orders::update(rows, &mut order)
}
