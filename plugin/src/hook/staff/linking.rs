//! An order that the staff entered has no payment at the gateway (R17): one that was made by hand in Paygent Online is linked to
//! it here, after its amount and state were shown.

use serde_json::json;

use super::{japanese_time, status_label};
use crate::hook::{Call, journal, outbox, staff};
use crate::page::{self, Fact, LinkingPage};
use crate::paygent::{Answer, Found, Inquire, Inquiry, Outcome, PaymentId, TradingId};
use crate::payment::attempt::Event;
use crate::payment::{GatewayStatus, OrderStatus, Yen};
use crate::reply::{Problem, Reply};
use crate::request::Operator;
use crate::seal::random_hex;
use crate::store::attempts::Attempt;
use crate::store::orders::Order;
use crate::store::payments::Payment;
use crate::store::telegrams;
use crate::store::{Connection, StoreResult, attempts, orders, payments};

/// The order takes a payment made by hand: the shop is to work on it, and nothing was paid through the card page.
pub(super) fn is_offered(order: &Order) -> bool {
    let waits = OrderStatus::parse(&order.status).is_some_and(|status| status.is_placed() && !status.is_called_off());
    order.payment_id.is_none() && !order.removed && order.amount > 0 && waits
}

/// `admin.link`: asks the gateway about a payment, shows it, and links it once that is confirmed.
pub(in crate::hook) fn link(call: &Call<'_>) -> Result<Reply, Problem> {
    call.refuse_other_sites()?;
    let operator = call.operator_with("change")?;
    let form = call.request.form()?;
    call.check_form(operator, form.one("csrf")?)?;
    let segment = call.segment("admin.link")?;
    let order_id = percent_encoding::percent_decode_str(segment)
        .decode_utf8_lossy()
        .into_owned();
    let order = call
        .instance
        .store
        .read(|rows| orders::find(rows, &order_id))?
        .filter(is_offered)
        .ok_or_else(|| Problem::refused("link.order", "this order takes no payment made by hand"))?;
    let wanted = form.one("payment")?.unwrap_or("").trim().to_owned();
    let asked = ask(call, &wanted)?;
    let found = match asked {
        Ok(found) => found,
        Err(why) => return Ok(refused(call, operator, (&order, &wanted), why)),
    };
    // An amount is changed by the trading_id of the payment before, so one without it would be stuck.
    if TradingId::try_from(found.trading_id.as_str()).is_err() {
        return Ok(refused(call, operator, (&order, &wanted), "linking-without-id"));
    }
    let taken = call.instance.store.read(|rows| taken(rows, &found))?;
    if taken {
        return Ok(refused(call, operator, (&order, &wanted), "linking-taken"));
    }
    if !GatewayStatus(found.status).is_live() {
        return Ok(refused(call, operator, (&order, &wanted), "linking-not-live"));
    }
    // OK confirms what was shown; what has changed since is shown again.
    let shown = format!("{}.{}.{}", found.status, found.amount.get(), order.amount);
    if form.one("shown")? != Some(shown.as_str()) {
        return Ok(question(call, operator, (&order, &found), shown));
    }
    let ids = (random_hex::<16>()?, random_hex::<16>()?);
    let linked = call
        .instance
        .store
        .write(|rows| write(call, rows, (&order_id, &found), operator.shown(), &ids))?;
    if !linked {
        return Ok(refused(call, operator, (&order, &wanted), "linking-taken"));
    }
    let effects = call.instance.store.read(|rows| outbox::offered(rows, &order_id))?;
    let own_url = order_url(call, &order_id);
    Ok(Reply::redirect(format!("{own_url}?asked=linked"))
        .with_data(json!({"linked": found.payment_id.as_str()}))
        .with_effects(effects))
}

fn order_url(call: &Call<'_>, order_id: &str) -> String {
    format!("{}/payments/orders/{}", call.staff_url(), page::path_segment(order_id))
}

/// What the gateway says of a payment id, or a text that says why there is no answer.
fn ask(call: &Call<'_>, wanted: &str) -> Result<Result<Found, &'static str>, Problem> {
    let Ok(id) = PaymentId::try_from(wanted) else {
        return Ok(Err("linking-not-an-id"));
    };
    let Answer { outcome, .. } = call.instance.gateway.inquire(&Inquire::ByPayment(id), call.now());
    Ok(match outcome {
        Outcome::Good(Inquiry::Found(found)) => Ok(found),
        Outcome::Good(Inquiry::NotFound | Inquiry::Several) => Err("linking-unknown"),
        _ => Err("linking-no-answer"),
    })
}

/// The payment, or its trading_id, is another order's here.
fn taken(rows: &mut Connection, found: &Found) -> StoreResult<bool> {
    let payment = payments::find(rows, found.payment_id.as_str())?;
    let attempt = attempts::of_trading_id(rows, &found.trading_id)?;
    Ok(payment.is_some() || attempt.is_some())
}

fn write(
    call: &Call<'_>,
    rows: &mut Connection,
    (order_id, found): (&str, &Found),
    operator: &str,
    (attempt_id, telegram_id): &(String, String),
) -> StoreResult<bool> {
    let now = call.moment();
    let order = orders::find(rows, order_id)?.filter(is_offered);
    let Some(mut order) = order else { return Ok(false) };
    if taken(rows, found)? {
        return Ok(false);
    }
    order.last_attempt += 1;
    // When it was authorised the gateway does not say. The order's day is not later: no deadline is shown too late.
    let since = order.ordered_at.unwrap_or(order.created_at).min(now);
    let named = found.trading_id.clone();
    let mut attempt = Attempt {
        payment_id: Some(found.payment_id.as_str().to_owned()),
        settled_at: Some(now),
        inquired_at: Some(now),
        next_inquiry_at: None,
        ..Attempt::new(&order, (attempt_id, named, attempt_id), found.amount.get(), since)
    };
    attempts::begin(rows, &mut attempt, Event::Linked)?;
    let status = GatewayStatus(found.status);
    let payment = Payment {
        payment_id: found.payment_id.as_str().to_owned(),
        attempt_id: attempt_id.clone(),
        order_id: order_id.to_owned(),
        trading_id: attempt.trading_id.clone(),
        amount: found.amount.get(),
        gateway_status: found.status,
        last_operation: None,
        masked_card: found.masked_card_number.clone(),
        authorised_at: since,
        captured_at: found.captured_at,
        cancelled_at: None,
        account: call.instance.config.gateway.account(),
        three_ds: found.liability_shifted == Some(true),
        authenticated: found.liability_shifted == Some(true),
        correction_refused: None,
        replaced_by: None,
        version: 1,
    };
    payments::insert(rows, &payment)?;
    let mut telegram = journal::sent(telegram_id.clone(), &attempt, "094", Some(found.amount), now);
    telegrams::GOOD.clone_into(&mut telegram.state);
    telegram.settled_at = Some(now);
    telegram.payment_id = Some(payment.payment_id.clone());
    telegram.operator = Some(operator.to_owned());
    telegrams::insert(rows, &telegram)?;
    order.payment_id = Some(payment.payment_id.clone());
    order.updated_at = order.updated_at.max(now);
    if status == GatewayStatus::CAPTURED && order.status()? == OrderStatus::New {
        outbox::paid(rows, &mut order, &payment, now)?;
    }
    orders::update(rows, &mut order)?;
    Ok(true)
}

fn question(call: &Call<'_>, operator: &Operator, (order, found): (&Order, &Found), shown: String) -> Reply {
    let words = |id: &str| page::text(call.language, id, &[]);
    let fact = |id: &str, value: String| Fact {
        name: words(id),
        value,
        mark: "",
    };
    let ordered = Yen::try_from(order.amount).unwrap_or(Yen::ZERO);
    let differs = ordered != found.amount;
    let page = LinkingPage {
        facts: vec![
            fact("list-amount", ordered.to_string()),
            fact("list-order-status", status_label(call, &order.status)),
            fact("list-date", japanese_time(order.ordered_at.unwrap_or(order.created_at))),
            fact("order-payment-id", found.payment_id.as_str().to_owned()),
            fact("order-held", found.amount.to_string()),
            fact("column-gateway", page::gateway_status(call.language, found.status)),
            fact("order-card", found.masked_card_number.clone().unwrap_or_default()),
        ],
        warnings: differs.then(|| words("linking-differs")).into_iter().collect(),
        refused: None,
        shown,
        ..blank(
            call,
            operator,
            (order, found.payment_id.as_str()),
            &order_url(call, &order.order_id),
        )
    };
    staff::framed(page::linking(&page, call.language, call.nonce())).with_data(
        json!({"amount": found.amount, "status": found.status, "shown": page.shown, "csrf": page.staff.csrf}),
    )
}

fn refused(call: &Call<'_>, operator: &Operator, (order, payment): (&Order, &str), why: &'static str) -> Reply {
    let url = order_url(call, &order.order_id);
    let page = LinkingPage {
        refused: Some(page::text(call.language, why, &[])),
        ..blank(call, operator, (order, payment), &url)
    };
    staff::framed(page::linking(&page, call.language, call.nonce())).with_data(json!({"refused": why}))
}

fn blank<'a>(
    call: &Call<'_>,
    operator: &Operator,
    (order, payment_id): (&'a Order, &'a str),
    order_url: &str,
) -> LinkingPage<'a> {
    LinkingPage {
        staff: staff::frame(call, operator, "list"),
        order_number: &order.order_number,
        order_url: order_url.to_owned(),
        link_url: format!("{order_url}/link"),
        payment_id,
        facts: Vec::new(),
        warnings: Vec::new(),
        refused: None,
        shown: String::new(),
    }
}
