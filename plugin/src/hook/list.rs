//! The list ペイジェント決済状況一覧 (guide, p. 4 to 7), and its entry in the host's menu.

use std::collections::BTreeMap;

use chrono::{FixedOffset, NaiveDateTime, TimeDelta};
use serde_json::json;

use super::Call;
use crate::fold::{fold, phone_digits};
use crate::page::{self, Line, ListPage, PageLink, Row, RunResult, Running, StatusBox};
use crate::payment::operation::{Column, allowed, label};
use crate::payment::{OrderStatus, Yen};
use crate::reply::{Fragment, Problem, Reply};
use crate::seal::Purpose;
use crate::store::jobs::{self, Item, Job};
use crate::store::orders::{self, Listed, Search, SearchText};

/// Page sizes offered, and the one that the guide shows.
const PAGE_SIZES: [i64; 10] = [10, 20, 30, 40, 50, 60, 70, 80, 90, 100];
const PAGE_SIZE: i64 = 50;
/// How long a drawn list can be used.
const FORM_LASTS: TimeDelta = TimeDelta::hours(12);

/// `admin.menu`: [受注管理] ⇒ [ペイジェント決済管理].
pub(super) fn menu(call: &Call<'_>) -> Result<Reply, Problem> {
    let words = |id| page::text(call.language, id, &[]);
    Ok(Reply::data(
        json!({"parent": words("menu-parent"), "label": words("menu-label"), "path": "/payments"}),
    ))
}

/// `admin.list`.
pub(super) fn show(call: &Call<'_>) -> Result<Reply, Problem> {
    let operator = match &call.request.operator {
        Some(operator) if call.has_right("view") => operator,
        _ => return Err(Problem::refused("rights.missing", "the right `view` is not given")),
    };
    let asked = Asked::of(call);
    let (total, listed) = call.instance.store.read(|rows| orders::search(rows, &asked.search()))?;
    let job = match call.request.query_one("job") {
        Some(id) => call.instance.store.read(|rows| {
            let Some(job) = jobs::find(rows, id)? else {
                return Ok(None);
            };
            let items = jobs::items(rows, id)?;
            Ok(Some((job, items)))
        })?,
        None => None,
    };
    let result = job
        .as_ref()
        .map(|(job, items)| run_result(call, job, items))
        .unwrap_or_default();
    let list_url = format!("{}/payments", call.staff_url());
    let pages = (total + asked.page_size - 1).div_euclid(asked.page_size).max(1);
    let shown = ListPage {
        csrf: &call
            .instance
            .seal
            .token(Purpose::Staff, &[&operator.id], call.now, FORM_LASTS),
        list_url: &list_url,
        bulk_url: &format!("{list_url}/bulk"),
        online_url: &call.instance.config.paygent_online_url,
        search_text: &asked.text,
        statuses: &asked.boxes(call),
        page_size: asked.page_size,
        page_sizes: &PAGE_SIZES,
        page_links: &asked.links(&list_url, pages),
        total,
        rows: &listed.iter().map(|row| shown_row(call, row)).collect::<Vec<_>>(),
        result: &result,
        message: call
            .request
            .query_one("nothing")
            .map(|_| page::text(call.language, "list-nothing-ticked", &[])),
        can_capture: call.has_right(Column::Capture.name()),
        can_void: call.has_right(Column::Cancel.name()),
    };
    let (title, html) = page::list(&shown, call.language, call.nonce());
    let rows: Vec<_> = listed.iter().map(|row| &row.order.order_number).collect();
    let mut reply = Reply::data(json!({"total": total, "orders": rows, "csrf": shown.csrf}));
    reply.status = Some(200);
    reply.headers = BTreeMap::from([
        ("cache-control".to_owned(), "no-store".to_owned()),
        ("content-type".to_owned(), "text/html; charset=utf-8".to_owned()),
    ]);
    reply.fragment = Some(Fragment { title, html });
    Ok(reply)
}

/// What the query string asks for.
struct Asked {
    text: String,
    statuses: Vec<OrderStatus>,
    page_size: i64,
    page: i64,
}

impl Asked {
    fn of(call: &Call<'_>) -> Self {
        const LONGEST_TEXT: usize = 200;
        let request = call.request;
        let number = |key: &str| request.query_one(key).and_then(|value| value.parse::<i64>().ok());
        let text = request
            .query_one("q")
            .unwrap_or("")
            .trim()
            .chars()
            .take(LONGEST_TEXT)
            .collect();
        Self {
            text,
            statuses: request
                .query_all("status")
                .into_iter()
                .filter_map(OrderStatus::parse)
                .collect(),
            page_size: number("per")
                .filter(|size| PAGE_SIZES.contains(size))
                .unwrap_or(PAGE_SIZE),
            page: number("page").unwrap_or(1).clamp(1, 1_000_000),
        }
    }

    fn search(&self) -> Search {
        let shown = |status: &OrderStatus| {
            if self.statuses.is_empty() {
                status.in_default_list()
            } else {
                self.statuses.contains(status)
            }
        };
        Search {
            text: (!self.text.is_empty()).then(|| SearchText {
                raw: self.text.clone(),
                folded: fold(&self.text),
                digits: phone_digits(&self.text),
            }),
            statuses: OrderStatus::ALL.into_iter().filter(shown).collect(),
            offset: (self.page - 1) * self.page_size,
            limit: self.page_size,
        }
    }

    fn boxes(&self, call: &Call<'_>) -> Vec<StatusBox> {
        let one = |status: OrderStatus| StatusBox {
            name: status.name(),
            label: status_label(call, status.name()),
            ticked: self.statuses.contains(&status),
        };
        OrderStatus::ALL.into_iter().map(one).collect()
    }

    /// The first page, the last, and those near by.
    fn links(&self, list_url: &str, pages: i64) -> Vec<PageLink> {
        let near = |page: &i64| *page == 1 || *page == pages || (page - self.page).abs() <= 2;
        let link = |page: i64| PageLink {
            label: page.to_string(),
            url: format!("{list_url}?{}", self.query(page)),
            current: page == self.page,
        };
        if pages < 2 {
            Vec::new()
        } else {
            (1..=pages).filter(near).map(link).collect()
        }
    }

    fn query(&self, page: i64) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        if !self.text.is_empty() {
            query.append_pair("q", &self.text);
        }
        for status in &self.statuses {
            query.append_pair("status", status.name());
        }
        query
            .append_pair("per", &self.page_size.to_string())
            .append_pair("page", &page.to_string())
            .finish()
    }
}

fn shown_row(call: &Call<'_>, listed: &Listed) -> Row {
    let order = &listed.order;
    let offered = |column: Column| {
        call.has_right(column.name())
            && listed.payment.as_ref().is_some_and(|payment| {
                allowed(column, payment.status(), payment.last_operation(), listed.busy).is_some()
            })
    };
    let label = listed
        .payment
        .as_ref()
        .and_then(|payment| label(payment.status(), payment.last_operation()));
    Row {
        order_id: order.order_id.clone(),
        date: japanese_time(order.ordered_at.unwrap_or(order.created_at)),
        order_number: order.order_number.clone(),
        state_label: label.map_or_else(String::new, |id| page::text(call.language, id, &[])),
        can_capture: offered(Column::Capture),
        can_void: offered(Column::Cancel),
        customer_name: order.customer_name.clone(),
        payment_method: order.payment_method.clone(),
        amount: Yen::try_from(order.amount).unwrap_or(Yen::ZERO).to_string(),
        status_label: status_label(call, &order.status),
        status_name: order.status.clone(),
    }
}

fn status_label(call: &Call<'_>, name: &str) -> String {
    page::text(call.language, &format!("status-{}", name.replace('_', "-")), &[])
}

/// 受注日時 as the guide shows it: `2020/11/26 12:00`, Japanese time.
fn japanese_time(at: NaiveDateTime) -> String {
    const JST_SECS: i32 = 9 * 3_600;
    let jst = FixedOffset::east_opt(JST_SECS).map(|jst| at.and_utc().with_timezone(&jst).naive_local());
    jst.unwrap_or(at).format("%Y/%m/%d %H:%M").to_string()
}

/// The block above the list: what became of each ticked row (R54 to R56).
fn run_result(call: &Call<'_>, job: &Job, items: &[Item]) -> RunResult {
    let mut result = RunResult::default();
    let mut done = 0;
    for item in items {
        let words = operation_words(call, job, item);
        let line = |end, reason| Line {
            number: item.order_number.clone(),
            words: words(end),
            reason,
        };
        match item.state.as_str() {
            jobs::DONE => result.succeeded.push(line("done", None)),
            jobs::FAILED => {
                let why = page::reason(call.language, item.code.as_deref().unwrap_or(""));
                result.failed.push(line("failed", Some(why)));
            }
            _ => continue,
        }
        done += 1;
    }
    if done < job.total {
        result.running = Some(Running {
            done,
            total: job.total,
            step_url: format!("{}/payments/bulk/{}/step", call.staff_url(), job.job_id),
            reload_url: format!("{}/payments?job={}", call.staff_url(), job.job_id),
        });
    }
    result
}

/// 売上成功, オーソリキャンセル失敗, and so on (R56).
fn operation_words<'a>(call: &'a Call<'_>, job: &Job, item: &Item) -> impl Fn(&str) -> String + use<'a> {
    let kind = item.kind.clone().unwrap_or_else(|| job.operation.clone());
    move |end: &str| page::text(call.language, &format!("run-{kind}-{end}"), &[])
}
