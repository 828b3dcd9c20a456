//! The staff's pages: `list` with its query (`asked`), `bulk` runs and their pages (`runs`), an order's `timeline`, `export`
//! as CSV, `mismatches` and what puts them right (`linking`), `settings`. Here is what they share.

pub(super) mod asked;
pub(super) mod bulk;
pub(super) mod export;
pub(super) mod linking;
pub(super) mod list;
pub(super) mod mismatches;
pub(super) mod runs;
pub(super) mod settings;
pub(super) mod timeline;

use std::collections::BTreeMap;

use chrono::{NaiveDateTime, TimeDelta};

use super::Call;
use crate::page::{self, Cell, StaffFrame};
use crate::payment::deadline::{self, Nearness};
use crate::payment::japan;
use crate::reply::{Fragment, Reply};
use crate::request::Operator;
use crate::seal::Purpose;
use crate::store::orders::Listed;

/// How long a drawn page can be used.
const FORM_LASTS: TimeDelta = TimeDelta::hours(12);

/// The frame of a page of this operator; `here` names the page in the navigation.
fn frame(call: &Call<'_>, operator: &Operator, here: &'static str) -> StaffFrame {
    let list_url = format!("{}/payments", call.staff_url());
    StaffFrame {
        here,
        runs_url: format!("{list_url}/bulk"),
        mismatches_url: format!("{}/mismatches", call.staff_url()),
        settings_url: call
            .has_right("settings")
            .then(|| format!("{}/settings", call.staff_url())),
        list_url,
        test_mode: call.instance.config.gateway.is_test(),
        csrf: call
            .instance
            .seal
            .token(Purpose::Staff, &[&operator.id], call.now(), FORM_LASTS),
    }
}

/// Title and HTML of a fragment as a reply.
fn framed((title, html): (String, String)) -> Reply {
    let mut reply = Reply {
        status: Some(200),
        headers: BTreeMap::from([
            ("cache-control".to_owned(), "no-store".to_owned()),
            ("content-type".to_owned(), "text/html; charset=utf-8".to_owned()),
        ]),
        ..Reply::default()
    };
    reply.fragment = Some(Fragment { title, html });
    reply
}

/// A column beside the guide's ten.
fn cell(call: &Call<'_>, listed: &Listed, column: &str) -> Cell {
    let Some(payment) = &listed.payment else {
        return Cell::default();
    };
    let rules = call.rules();
    let words = |id: &str, arguments: &[(&str, &str)]| page::text(call.language, id, arguments);
    match column {
        "gateway" => {
            let status = deadline::as_of(payment.status(), payment.since(), rules.limits, rules.today);
            Cell::plain(page::gateway_status(call.language, status.0))
        }
        "held" => Cell::plain(payment.held().to_string()),
        "attempts" => Cell::plain(listed.order.last_attempt.to_string()),
        "liability" => Cell::plain(words(
            if payment.three_ds {
                "liability-issuer"
            } else {
                "liability-shop"
            },
            &[],
        )),
        _ => match deadline::last_day(payment.status(), payment.since(), rules.limits) {
            None => Cell::default(),
            Some(last) => {
                let left = (last - rules.today).num_days();
                let day = last.format("%Y/%m/%d");
                if left < 0 {
                    return Cell::marked(format!("{day}\n{}", words("deadline-over", &[])), "over");
                }
                let mark = match deadline::nearness(left) {
                    Nearness::Urgent => "urgent",
                    Nearness::Soon => "soon",
                    Nearness::Near => "near",
                    Nearness::Far => "far",
                };
                let left = words("deadline-left", &[("left", &left.to_string())]);
                Cell::marked(format!("{day}\n{left}"), mark)
            }
        },
    }
}

fn status_label(call: &Call<'_>, name: &str) -> String {
    page::text(call.language, &format!("status-{}", name.replace('_', "-")), &[])
}

/// 受注日時 as the guide shows it: `2020/11/26 12:00`, Japanese time.
fn japanese_time(at: NaiveDateTime) -> String {
    japan::clock(at).format("%Y/%m/%d %H:%M").to_string()
}
