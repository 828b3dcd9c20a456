//! `payments.state`: how the payments of some orders stand, for a host's own pages.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::Call;
use crate::page;
use crate::payment::deadline::last_day;
use crate::payment::operation::{Column, label};
use crate::reply::{Problem, Reply};
use crate::store::orders;
use crate::store::orders::Listed;

#[derive(Default, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct Asked {
    /// The host's order ids.
    order_ids: Vec<String>,
}

/// The hook.
pub(super) fn state(call: &Call<'_>) -> Result<Reply, Problem> {
    let asked: Asked = call.request.data()?;
    let found: BTreeMap<String, serde_json::Value> = call.instance.store.read(|rows| {
        let mut found = BTreeMap::new();
        for id in &asked.order_ids {
            if let Some(order) = orders::find(rows, id)? {
                found.insert(id.clone(), shown(call, &orders::listed(rows, order)?));
            }
        }
        Ok(found)
    })?;
    Ok(Reply::data(json!({"orders": found})))
}

fn shown(call: &Call<'_>, listed: &Listed) -> serde_json::Value {
    let (Some(payment), Some(row)) = (&listed.payment, call.judged(listed)) else {
        return json!({"label": "", "payment_id": null, "operations": []});
    };
    let rules = call.rules();
    let operations: Vec<&str> = Column::ALL
        .into_iter()
        .filter(|column| row.offered(*column, &rules).is_some())
        .map(Column::name)
        .collect();
    let label =
        label(row.status_today(&rules), row.last).map_or_else(String::new, |id| page::text(call.language, id, &[]));
    json!({
        "label": label,
        "payment_id": payment.payment_id,
        "amount": payment.amount,
        "gateway_status": payment.gateway_status,
        "last_day": last_day(payment.status(), payment.since(), rules.limits).map(|day| day.to_string()),
        "amount_differs": payment.amount != listed.order.amount,
        "operations": operations,
    })
}
