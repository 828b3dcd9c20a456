//! What the staff's pages share: their frame, and how a fragment becomes a reply.

use std::collections::BTreeMap;

use chrono::TimeDelta;

use super::Call;
use crate::page::StaffFrame;
use crate::reply::{Fragment, Reply};
use crate::request::Operator;
use crate::seal::Purpose;

/// How long a drawn page can be used.
const FORM_LASTS: TimeDelta = TimeDelta::hours(12);

/// The frame of a page of this operator; `here` names the page in the navigation.
pub(super) fn frame(call: &Call<'_>, operator: &Operator, here: &'static str) -> StaffFrame {
    let list_url = format!("{}/payments", call.staff_url());
    StaffFrame {
        here,
        runs_url: format!("{list_url}/bulk"),
        settings_url: call
            .has_right("settings")
            .then(|| format!("{}/settings", call.staff_url())),
        list_url,
        test_mode: call.instance.config.gateway.is_test(),
        csrf: call
            .instance
            .seal
            .token(Purpose::Staff, &[&operator.id], call.now, FORM_LASTS),
    }
}

/// Title and HTML of a fragment as a reply.
pub(super) fn page((title, html): (String, String)) -> Reply {
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
