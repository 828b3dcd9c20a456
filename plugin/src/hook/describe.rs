//! `plugin.describe`: what this plugin is and what each hook takes, for whoever writes a host.

use schemars::{JsonSchema, schema_for};
use serde_json::{Value, json};

use super::{Call, HOOKS, checkout, effects, members, orders, state, work};
use crate::config::Config;
use crate::reply::{Problem, Reply};
use crate::request::Request;

/// The hook.
pub(super) fn describe(_: &Call<'_>) -> Result<Reply, Problem> {
    let hooks: Vec<Value> = HOOKS
        .iter()
        .map(|hook| {
            json!({
                "name": hook.name,
                "audience": hook.audience.name(),
                "method": hook.method,
                "path": hook.path,
                "summary": hook.summary,
                "request_id": hook.keeps_answers,
                "data": data_schema(hook.name),
            })
        })
        .collect();
    Ok(Reply::data(json!({
        "version": env!("CARGO_PKG_VERSION"),
        "hooks": hooks,
        "schemas": {"config": schema::<Config>(), "request": schema::<Request>(), "reply": schema::<Reply>()},
    })))
}

/// The schema of a hook's own question, `data` of the request.
fn data_schema(hook: &str) -> Option<Value> {
    match hook {
        "orders.put" => Some(schema::<orders::Put>()),
        "checkout.enter" => Some(schema::<checkout::Enter>()),
        "effects.pending" => Some(schema::<effects::Pending>()),
        "effects.ack" => Some(schema::<effects::Acks>()),
        "members.removed" => Some(schema::<members::Removed>()),
        "payments.state" => Some(schema::<state::Asked>()),
        "work.step" => Some(schema::<work::Budget>()),
        _ => None,
    }
}

fn schema<T: JsonSchema>() -> Value {
    schema_for!(T).to_value()
}
