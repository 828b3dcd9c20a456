//! The list as CSV: the rows of the whole search, in pieces, so that neither side holds more than one of them.

use std::collections::BTreeMap;

use base64::Engine as _;

use super::asked::Asked;
use super::{cell, japanese_time, status_label};
use crate::config;
use crate::hook::Call;
use crate::page::{self, Charset};
use crate::payment::Yen;
use crate::payment::operation::label;
use crate::reply::{Problem, Reply};
use crate::store::orders::Listed;
use crate::store::search::{self, Search, Sort};

/// Rows of one piece.
const PIECE: i64 = 500;

/// `admin.export`. While there are more rows the reply is MORE, and `next` names the path of the piece that follows.
pub(in crate::hook) fn export(call: &Call<'_>) -> Result<Reply, Problem> {
    call.operator_with("view")?;
    let asked = Asked::of(call);
    let charset = match call.request.query_one("charset") {
        Some("sjis") => Charset::Windows31J,
        _ => Charset::Utf8,
    };
    // By the order's id, each piece behind the last one's: an order that changes meanwhile stands in the file once.
    let after = call.request.query_one("after").unwrap_or("").to_owned();
    let search = Search {
        offset: 0,
        limit: PIECE,
        sort: Sort::Id,
        ascending: true,
        after: (!after.is_empty()).then_some(after.clone()),
        ..asked.search(call)
    };
    let rows = call.instance.store.read(|rows| search::page(rows, &search))?;
    let mut piece = Vec::new();
    if after.is_empty() {
        piece.extend(page::csv_begin(charset));
        piece.extend(page::csv_line(charset, &heading(call)));
    }
    for row in &rows {
        piece.extend(page::csv_line(charset, &line(call, row)));
    }
    let full = i64::try_from(rows.len()).unwrap_or(0) == PIECE;
    let next = rows.last().filter(|_| full).map(|last| {
        let name = if charset == Charset::Windows31J { "sjis" } else { "utf8" };
        let fields = [("charset", name), ("after", last.order.order_id.as_str())];
        asked.url("/payments.csv", &fields)
    });
    let headers = [
        ("content-type", format!("text/csv; charset={}", charset.name())),
        (
            "content-disposition",
            format!("attachment; filename=\"paygent-{}.csv\"", call.rules().today),
        ),
        ("cache-control", "no-store".to_owned()),
        ("x-content-type-options", "nosniff".to_owned()),
    ];
    let reply = Reply {
        status: Some(200),
        headers: headers
            .map(|(name, value)| (name.to_owned(), value))
            .into_iter()
            .collect::<BTreeMap<_, _>>(),
        body_base64: Some(base64::engine::general_purpose::STANDARD.encode(piece)),
        next: next.clone(),
        ..Reply::default()
    };
    Ok(if next.is_some() { reply.more() } else { reply })
}

fn heading(call: &Call<'_>) -> Vec<String> {
    let own = [
        "list-date",
        "list-number",
        "list-state",
        "list-name",
        "list-method",
        "list-amount",
        "list-order-status",
    ];
    let more = config::COLUMNS.map(|column| format!("column-{column}"));
    let ids = [
        "order-payment-id",
        "order-trading-id",
        "order-card",
        "csv-authorised-at",
        "csv-captured-at",
        "csv-cancelled-at",
    ];
    own.into_iter()
        .map(str::to_owned)
        .chain(more)
        .chain(ids.map(str::to_owned))
        .map(|id| page::text(call.language, &id, &[]))
        .collect()
}

fn line(call: &Call<'_>, listed: &Listed) -> Vec<String> {
    let order = &listed.order;
    let state = call
        .judged(listed)
        .and_then(|row| label(row.status_today(&call.rules()), row.last));
    let payment = listed.payment.as_ref();
    let time = |at: Option<chrono::NaiveDateTime>| at.map(japanese_time).unwrap_or_default();
    let mut cells = vec![
        japanese_time(order.ordered_at.unwrap_or(order.created_at)),
        order.order_number.clone(),
        state.map_or_else(String::new, |id| page::text(call.language, id, &[])),
        order.customer_name.clone(),
        order.payment_method.clone(),
        Yen::try_from(order.amount).unwrap_or(Yen::ZERO).get().to_string(),
        status_label(call, &order.status),
    ];
    cells.extend(config::COLUMNS.map(|column| match (column, payment) {
        ("held", Some(payment)) => payment.amount.to_string(),
        _ => cell(call, listed, column).text.replace('\n', " "),
    }));
    cells.push(payment.map(|payment| payment.payment_id.clone()).unwrap_or_default());
    cells.push(payment.map(|payment| payment.trading_id.clone()).unwrap_or_default());
    cells.push(
        payment
            .and_then(|payment| payment.masked_card.clone())
            .unwrap_or_default(),
    );
    cells.push(time(payment.map(|payment| payment.authorised_at)));
    cells.push(time(payment.and_then(|payment| payment.captured_at)));
    cells.push(time(payment.and_then(|payment| payment.cancelled_at)));
    cells
}
