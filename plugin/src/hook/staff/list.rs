//! The list ペイジェント決済状況一覧 (guide, p. 4 to 7), and its entry in the host's menu.

use std::collections::BTreeMap;

use serde_json::json;

use super::asked::{Asked, PAGE_SIZES};
use super::{bulk, cell, japanese_time, runs, status_label};
use crate::config;
use crate::hook::{Call, staff};
use crate::page::{self, ListPage, PageLink, Row, SortHead, TickBox};
use crate::payment::operation::{Action, Column, label};
use crate::payment::{OrderStatus, Yen};
use crate::reply::{Problem, Reply};
use crate::store::orders::Listed;
use crate::store::search::{self, PaymentState, Sort};

/// `admin.menu`: [受注管理] ⇒ [ペイジェント決済管理].
pub(in crate::hook) fn menu(call: &Call<'_>) -> Result<Reply, Problem> {
    let words = |id| page::text(call.language, id, &[]);
    Ok(Reply::data(
        json!({"parent": words("menu-parent"), "label": words("menu-label"), "path": "/payments"}),
    ))
}

/// `admin.list`.
pub(in crate::hook) fn show(call: &Call<'_>) -> Result<Reply, Problem> {
    let operator = call.operator_with("view")?;
    let asked = Asked::of(call);
    let (total, listed) = call
        .instance
        .store
        .read(|rows| search::search(rows, &asked.search(call)))?;
    let frame = staff::frame(call, operator, "list");
    let result = match call.request.query_one("job") {
        Some(id) => runs::result(call, id)?,
        None => None,
    };
    let list_url = frame.list_url.clone();
    let pages = (total + asked.page_size() - 1).div_euclid(asked.page_size()).max(1);
    let columns = asked.columns(call);
    let rights = |column: Column| call.has_right(column.name());
    let shown = ListPage {
        search_text: asked.one("q"),
        detail: &asked.fields(),
        detail_open: asked.has_detail(),
        statuses: &status_boxes(call, &asked),
        payment_states: &payment_boxes(call, &asked),
        columns: &column_boxes(call, &columns),
        column_names: &columns,
        page_size: asked.page_size(),
        page_sizes: &PAGE_SIZES,
        page_links: &links(&asked, &list_url, pages),
        sorts: &sorts(&asked, &list_url),
        query: &asked.query(),
        csv_url: &asked.url(&format!("{list_url}.csv"), &[]),
        csv_sjis_url: &asked.url(&format!("{list_url}.csv"), &[("charset", "sjis")]),
        near_url: &Asked::of_query("near=1&sort=deadline&direction=up").url(&list_url, &[]),
        total,
        rows: &listed
            .iter()
            .map(|row| shown_row(call, &asked, row, &columns))
            .collect::<Vec<_>>(),
        result: result.as_ref(),
        message: message(call),
        can_change: rights(Column::Change),
        can_capture: rights(Column::Capture),
        can_void: rights(Column::Cancel),
        online_url: &call.instance.config.paygent_online_url,
        cleanup_note: cleanup_note(call),
        limit_days: call.instance.config.staff.authorisation_days,
        staff: frame,
    };
    let numbers: Vec<_> = listed.iter().map(|row| &row.order.order_number).collect();
    let data = json!({"total": total, "orders": numbers, "csrf": shown.staff.csrf});
    Ok(staff::framed(page::list(&shown, call.language, call.nonce())).with_data(data))
}

/// Which orders 決済処理中の注文の取消 takes, and when it runs by itself.
fn cleanup_note(call: &Call<'_>) -> String {
    let staff = &call.instance.config.staff;
    let days = staff.cleanup_days.to_string();
    match staff.cleanup_hour {
        Some(hour) => page::text(
            call.language,
            "cleanup-note-daily",
            &[("days", &days), ("hour", &hour.to_string())],
        ),
        None => page::text(call.language, "cleanup-note", &[("days", &days)]),
    }
}

fn message(call: &Call<'_>) -> Option<String> {
    let asked = |key: &str| call.request.query_one(key).is_some();
    if asked("none_left") {
        let days = call.instance.config.staff.cleanup_days.to_string();
        return Some(page::text(call.language, "cleanup-none", &[("days", &days)]));
    }
    let most = bulk::MOST_ROWS.to_string();
    match (asked("nothing"), asked("too_many")) {
        (true, _) => Some(page::text(call.language, "list-nothing-ticked", &[])),
        (_, true) => Some(page::text(call.language, "list-too-many", &[("count", &most)])),
        _ => None,
    }
}

fn status_boxes(call: &Call<'_>, asked: &Asked) -> Vec<TickBox> {
    let ticked = asked.statuses();
    let one = |status: OrderStatus| TickBox {
        name: status.name(),
        label: status_label(call, status.name()),
        ticked: ticked.contains(&status),
    };
    OrderStatus::ALL.into_iter().map(one).collect()
}

fn payment_boxes(call: &Call<'_>, asked: &Asked) -> Vec<TickBox> {
    let ticked = asked.payment_states();
    let one = |state: PaymentState| TickBox {
        name: state.name(),
        label: page::text(
            call.language,
            &format!("payment-{}", state.name().replace('_', "-")),
            &[],
        ),
        ticked: ticked.contains(&state),
    };
    PaymentState::ALL.into_iter().map(one).collect()
}

fn column_boxes(call: &Call<'_>, shown: &[&str]) -> Vec<TickBox> {
    let one = |name: &'static str| TickBox {
        name,
        label: page::text(call.language, &format!("column-{name}"), &[]),
        ticked: shown.contains(&name),
    };
    config::COLUMNS.into_iter().map(one).collect()
}

/// The first page, the last, and those near by.
fn links(asked: &Asked, list_url: &str, pages: i64) -> Vec<PageLink> {
    let here = asked.page();
    let near = |page: &i64| *page == 1 || *page == pages || (page - here).abs() <= 2;
    let link = |page: i64| PageLink {
        label: page.to_string(),
        url: asked.url(list_url, &[("page", &page.to_string())]),
        current: page == here,
    };
    if pages < 2 {
        Vec::new()
    } else {
        (1..=pages).filter(near).map(link).collect()
    }
}

/// Where a heading's click leads: sorted by it, downwards first, the other way round when it is already.
fn sorts(asked: &Asked, list_url: &str) -> BTreeMap<&'static str, SortHead> {
    let (now, ascending) = (asked.sort(), asked.ascending());
    let head = |sort: Sort| {
        let direction = if sort == now && !ascending { "up" } else { "down" };
        let fields = [("sort", sort.name()), ("direction", direction), ("page", "1")];
        let aria = match (sort == now, ascending) {
            (false, _) => None,
            (true, true) => Some("ascending"),
            (true, false) => Some("descending"),
        };
        let url = asked.url(list_url, &fields);
        (sort.name(), SortHead { url, aria })
    };
    Sort::ALL.into_iter().map(head).collect()
}

fn shown_row(call: &Call<'_>, asked: &Asked, listed: &Listed, columns: &[&str]) -> Row {
    let (order, rules) = (&listed.order, call.rules());
    let judged = call.judged(listed);
    let offered = |column: Column| match &judged {
        Some(row) if call.has_right(column.name()) => row.offered(column, &rules),
        _ => None,
    };
    let state = judged
        .as_ref()
        .and_then(|row| label(row.status_today(&rules), row.last));
    let live = judged.as_ref().is_some_and(|row| row.status_today(&rules).is_live());
    let differs = listed
        .payment
        .as_ref()
        .filter(|payment| live && payment.amount != order.amount);
    let base = format!("{}/payments", call.staff_url());
    let own_page = format!("{base}/orders/{}", page::path_segment(&order.order_id));
    Row {
        order_id: order.order_id.clone(),
        url: match asked.query() {
            query if query.is_empty() => own_page,
            query => format!("{own_page}?back={}", page::path_segment(&query)),
        },
        date: japanese_time(order.ordered_at.unwrap_or(order.created_at)),
        order_number: order.order_number.clone(),
        state_label: state.map_or_else(String::new, |id| page::text(call.language, id, &[])),
        busy: listed.busy,
        change: offered(Column::Change).map(|action| match action {
            Action::Change(kind) => kind.name(),
            Action::Send(_) => "",
        }),
        can_capture: offered(Column::Capture).is_some(),
        can_void: offered(Column::Cancel).is_some(),
        customer_name: order.customer_name.clone(),
        payment_method: order.payment_method.clone(),
        amount: Yen::try_from(order.amount).unwrap_or(Yen::ZERO).to_string(),
        held: differs.map(|payment| payment.held().to_string()),
        status_label: status_label(call, &order.status),
        status_name: order.status.clone(),
        cells: columns.iter().map(|column| cell(call, listed, column)).collect(),
        drawn: call.stamp(listed),
    }
}
