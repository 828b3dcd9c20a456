//! `checkout.enter`: the shopper pressed 「注文する」 on the confirmation page (guide, p. 3). The order becomes
//! 決済処理中, the host keeps stock and points, and the browser goes on to the card page.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::orders::{OrderSnapshot, record};
use super::{Call, outbox};
use crate::payment::OrderStatus;
use crate::payment::hold::HoldState;
use crate::reply::{Effect, Problem, Reply};
use crate::seal::random_hex;
use crate::store::holds::Hold;
use crate::store::{Connection, StoreResult, attempts, holds, orders};

#[derive(Deserialize, JsonSchema)]
pub(crate) struct Enter {
    /// The order as confirmed.
    order: OrderSnapshot,
    /// Where the shopper goes from the card page.
    urls: Urls,
}

/// Fixed targets; the plugin sends the browser nowhere else.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct Urls {
    /// The shop's complete page.
    complete: String,
    /// Where 「戻る」 leads: cart or confirmation page.
    back: String,
}

enum Entered {
    Open(Hold, Vec<Effect>),
    Paid { complete_url: String },
    CalledOff,
    Stale,
}

/// The hook.
pub(super) fn enter(call: &Call<'_>) -> Result<Reply, Problem> {
    let asked: Enter = call.request.data()?;
    asked.order.check()?;
    let checkout = random_hex::<16>()?;
    let entered = call.instance.store.write(|rows| open(call, rows, &asked, checkout))?;
    match entered {
        Entered::Open(hold, effects) => Ok(Reply::redirect(format!("{}/pay/{}", call.base_url(), hold.checkout))
            .with_data(json!({"checkout": hold.checkout, "hold": hold.number}))
            .with_effects(effects)),
        Entered::Paid { complete_url } => Ok(Reply::redirect(complete_url).with_data(json!({"paid": true}))),
        Entered::CalledOff => Err(Problem::refused(
            "order.called_off",
            "this order was cancelled or returned",
        )),
        Entered::Stale => Err(Problem::refused(
            "order.stale",
            "a newer snapshot of this order has another amount; confirm it anew",
        )),
    }
}

fn open(call: &Call<'_>, rows: &mut Connection, asked: &Enter, checkout: String) -> StoreResult<Entered> {
    let (mut order, _) = record(rows, &asked.order)?;
    if let Some(live) = attempts::live_of(rows, &order.order_id)? {
        // The order holds money, or may: its card page tells how that stands, and nothing is opened beside it.
        return match holds::of_order(rows, &order.order_id, live.hold)? {
            Some(hold) if hold.state()? == HoldState::Placed => Ok(Entered::Paid {
                complete_url: hold.complete_url,
            }),
            Some(hold) => Ok(Entered::Open(hold, outbox::offered(rows, &order.order_id)?)),
            None => Ok(Entered::CalledOff),
        };
    }
    if asked.order.amount().get() != order.amount {
        return Ok(Entered::Stale);
    }
    let last = holds::of_order(rows, &order.order_id, order.last_hold)?;
    let is_called_off = last.map(|hold| hold.state()).transpose()? == Some(HoldState::CalledOff);
    if order.status()?.is_called_off() || is_called_off {
        return Ok(Entered::CalledOff);
    }
    let number = match holds::open_of(rows, &order.order_id)? {
        Some(mut hold) if hold.amount == order.amount => {
            hold.complete_url.clone_from(&asked.urls.complete);
            hold.back_url.clone_from(&asked.urls.back);
            holds::update(rows, &mut hold)?;
            order.removed = false;
            orders::update(rows, &mut order)?;
            return Ok(Entered::Open(hold, outbox::offered(rows, &order.order_id)?));
        }
        Some(mut hold) => {
            // The shopper came back by the browser's key and confirmed another amount: the old hold is given back first.
            hold.move_to(HoldState::Withdrawn, call.moment());
            holds::update(rows, &mut hold)?;
            outbox::withdraw(rows, &mut order, &hold, false, call.moment())?;
            order.last_hold + 1
        }
        None => order.last_hold + 1,
    };
    let hold = Hold {
        checkout,
        order_id: order.order_id.clone(),
        number,
        amount: order.amount,
        state: HoldState::Opening.name().to_owned(),
        back_wanted: false,
        complete_url: asked.urls.complete.clone(),
        back_url: asked.urls.back.clone(),
        opened_at: call.moment(),
        closed_at: None,
        open_order: Some(order.order_id.clone()),
        version: 1,
    };
    holds::insert(rows, &hold)?;
    outbox::pend(rows, &mut order, &hold, call.moment())?;
    order.last_hold = number;
    order.removed = false;
    order.payment_id = None;
    OrderStatus::Pending.name().clone_into(&mut order.status);
    orders::update(rows, &mut order)?;
    Ok(Entered::Open(hold, outbox::offered(rows, &order.order_id)?))
}
