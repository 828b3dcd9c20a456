//! `effects.pending` and `effects.ack`: the host drains the outbox and says what it did.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::{Call, operation, outbox};
use crate::payment::OrderStatus;
use crate::payment::hold::HoldState;
use crate::reply::{Effect, Problem, Reply};
use crate::seal::random_hex;
use crate::store::effects::EffectRow;
use crate::store::{Connection, StoreResult, effects, flags, holds, orders};

#[derive(Default, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct Pending {
    /// Of this order only.
    order_id: Option<String>,
    /// At most so many; 100 by default.
    limit: Option<u16>,
}

#[derive(Default, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct Acks {
    acks: Vec<Ack>,
}

#[derive(Deserialize, JsonSchema)]
pub(crate) struct Ack {
    /// The effect's key.
    key: String,
    result: AckResult,
    /// Why not, for `retry` and `rejected`.
    #[serde(default)]
    reason: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum AckResult {
    /// Done now.
    Applied,
    /// Done before.
    Already,
    /// Not now: offer it again.
    Retry,
    /// Never: the host refuses.
    Rejected,
}

/// `effects.pending`.
pub(super) fn pending(call: &Call<'_>) -> Result<Reply, Problem> {
    let asked: Pending = call.request.data()?;
    let limit = i64::from(asked.limit.unwrap_or(100));
    let rows = call
        .instance
        .store
        .read(|rows| effects::pending(rows, asked.order_id.as_deref(), limit))?;
    Ok(Reply::data(json!({"count": rows.len()})).with_effects(rows.into_iter().map(outbox::printed).collect()))
}

/// `effects.ack`. The reply offers what the acknowledgements set free.
pub(super) fn ack(call: &Call<'_>) -> Result<Reply, Problem> {
    let asked: Acks = call.request.data()?;
    let spare = asked
        .acks
        .iter()
        .map(|_| random_hex::<16>())
        .collect::<Result<Vec<_>, _>>()?;
    let (accepted, offered) = call.instance.store.write(|rows| {
        let mut accepted = 0;
        let mut offered: Vec<Effect> = Vec::new();
        let mut seen: Vec<String> = Vec::new();
        for (ack, id) in asked.acks.iter().zip(spare) {
            let Some(effect) = effects::find(rows, &ack.key)? else {
                continue;
            };
            accepted += 1;
            let order_id = effect.order_id.clone();
            settle(call, rows, effect, ack, id)?;
            if ack.result != AckResult::Retry && !seen.contains(&order_id) {
                seen.push(order_id);
            }
        }
        for order_id in &seen {
            offered.extend(outbox::offered(rows, order_id)?);
        }
        Ok((accepted, offered))
    })?;
    let unknown = asked.acks.len() - accepted;
    Ok(Reply::data(json!({"accepted": accepted, "unknown": unknown})).with_effects(offered))
}

fn settle(call: &Call<'_>, rows: &mut Connection, mut effect: EffectRow, ack: &Ack, id: String) -> StoreResult<()> {
    if effect.state != effects::PENDING {
        return Ok(());
    }
    effect.tries += 1;
    effect.reason = ack.reason.as_ref().map(|reason| reason.chars().take(255).collect());
    match ack.result {
        AckResult::Retry => effects::update(rows, &effect),
        AckResult::Applied | AckResult::Already => {
            effects::APPLIED.clone_into(&mut effect.state);
            effect.settled_at = Some(call.moment());
            effects::update(rows, &effect)?;
            applied(call, rows, &effect)
        }
        AckResult::Rejected => {
            effects::REJECTED.clone_into(&mut effect.state);
            effect.settled_at = Some(call.moment());
            effects::update(rows, &effect)?;
            rejected(call, rows, &effect, id)
        }
    }
}

fn applied(call: &Call<'_>, rows: &mut Connection, effect: &EffectRow) -> StoreResult<()> {
    let Some(mut order) = orders::find(rows, &effect.order_id)? else {
        return Ok(());
    };
    match effect.kind.as_str() {
        "order.pend" => {
            let Some(mut hold) = holds::of_order(rows, &effect.order_id, effect.hold)? else {
                return Ok(());
            };
            if hold.state()? != HoldState::Opening {
                return Ok(());
            }
            if hold.amount == 0 {
                // Nothing to pay: the order is placed without the gateway.
                hold.move_to(HoldState::Placed, call.moment());
                outbox::place(rows, &mut order, &hold, None, call.moment())?;
                orders::update(rows, &mut order)?;
            } else {
                hold.move_to(HoldState::Held, call.moment());
            }
            holds::update(rows, &mut hold)
        }
        "order.place" => {
            let zero = order.amount == 0;
            let status = if zero { OrderStatus::Paid } else { OrderStatus::New };
            if order.status()? == OrderStatus::Pending {
                status.name().clone_into(&mut order.status);
                order.ordered_at.get_or_insert(call.moment());
                order.updated_at = order.updated_at.max(call.moment());
            }
            orders::update(rows, &mut order)
        }
        "order.paid" => {
            if order.status()? == OrderStatus::New {
                OrderStatus::Paid.name().clone_into(&mut order.status);
                order.updated_at = order.updated_at.max(call.moment());
            }
            orders::update(rows, &mut order)
        }
        "order.cancel" => {
            OrderStatus::Cancelled.name().clone_into(&mut order.status);
            order.updated_at = order.updated_at.max(call.moment());
            orders::update(rows, &mut order)
        }
        _ => Ok(()),
    }
}

fn rejected(call: &Call<'_>, rows: &mut Connection, effect: &EffectRow, id: String) -> StoreResult<()> {
    if effect.kind == "order.pend" {
        if let Some(mut hold) = holds::of_order(rows, &effect.order_id, effect.hold)?
            && hold.state()?.is_open()
        {
            hold.move_to(HoldState::Rejected, call.moment());
            holds::update(rows, &mut hold)?;
        }
        return Ok(());
    }
    // The host may have its own mind about 入金済み, and know no alarm or no such mail: nothing of ours rests on them.
    if matches!(
        effect.kind.as_str(),
        "order.paid" | outbox::ALARM | outbox::GIVEN_BACK | outbox::DEADLINES
    ) {
        return Ok(());
    }
    if effect.kind == "order.place"
        && let Some(order) = orders::find(rows, &effect.order_id)?
        && let Some(payment_id) = &order.payment_id
    {
        operation::plan_void(rows, payment_id, &id, call.moment())?;
    }
    let detail = format!(
        "the host rejected {}: {}",
        effect.effect_key,
        effect.reason.as_deref().unwrap_or("no reason")
    );
    flags::raise(rows, &effect.order_id, ("effect.rejected", &detail), call.moment()).map(drop)
}
