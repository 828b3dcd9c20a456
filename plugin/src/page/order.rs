//! One order's payments and their time line.

use serde::Serialize;

use super::staff::{Fact, StaffFrame, fragment};
use super::text::{Language, text};

/// What the page shows.
#[derive(Serialize)]
pub(crate) struct OrderPage<'a> {
    pub(crate) staff: StaffFrame,
    pub(crate) order_id: &'a str,
    pub(crate) order_number: &'a str,
    /// The list as it was.
    pub(crate) back_url: String,
    /// Its query.
    pub(crate) search: String,
    pub(crate) inquire_url: Option<String>,
    /// Where a payment made by hand is linked; none where the order takes none.
    pub(crate) link_url: Option<String>,
    pub(crate) preflight_url: String,
    pub(crate) online_url: &'a str,
    pub(crate) facts: Vec<Fact>,
    /// State and amounts as drawn.
    pub(crate) drawn: Option<String>,
    pub(crate) operations: Vec<OperationButton>,
    pub(crate) busy: bool,
    /// What a person has to look at: in words, and in detail.
    pub(crate) flags: Vec<(String, String)>,
    pub(crate) payments: Vec<PaymentLine>,
    pub(crate) events: Vec<Event>,
    pub(crate) message: Option<String>,
}

/// An operation that may be run.
#[derive(Serialize)]
pub(crate) struct OperationButton {
    pub(crate) operation: &'static str,
    pub(crate) words: String,
}

/// A payment of the order.
#[derive(Serialize)]
pub(crate) struct PaymentLine {
    pub(crate) payment_id: String,
    pub(crate) trading_id: String,
    pub(crate) amount: String,
    pub(crate) status: String,
    pub(crate) authorised_at: String,
    pub(crate) captured_at: String,
    pub(crate) cancelled_at: String,
    pub(crate) replaced_by: Option<String>,
}

/// A telegram, or the end of a change.
#[derive(Serialize)]
pub(crate) struct Event {
    pub(crate) at: String,
    pub(crate) who: String,
    pub(crate) what: String,
    /// The telegram's kind; empty where it is none.
    pub(crate) kind: String,
    pub(crate) state: String,
    /// `good`, `bad` or `open`.
    pub(crate) tone: &'static str,
    pub(crate) amount: String,
    pub(crate) id: String,
    /// The gateway's refusal in words.
    pub(crate) answer: String,
    /// Fields that went and came, masked.
    pub(crate) exchange: Vec<(String, String)>,
}

/// Title and HTML of the page.
pub(crate) fn order(shown: &OrderPage<'_>, language: Language, nonce: Option<&str>) -> (String, String) {
    let title = text(language, "order-title", &[("number", shown.order_number)]);
    fragment(language, (title, "order.html"), shown, nonce)
}
