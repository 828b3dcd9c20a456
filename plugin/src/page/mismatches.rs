//! What differs between shop, plugin and gateway, and what puts it right; and an order linked to a payment made by hand.

use serde::Serialize;

use super::runs::RunResult;
use super::staff::{Fact, StaffFrame, fragment};
use super::text::{Language, text};

/// The page of all that a person has to look at.
#[derive(Serialize)]
pub(crate) struct MismatchesPage<'a> {
    pub(crate) staff: StaffFrame,
    /// When the last comparison began and what it found, in a sentence.
    pub(crate) last: String,
    /// When the next one comes by itself.
    pub(crate) next: String,
    pub(crate) compare_url: String,
    pub(crate) preflight_url: String,
    pub(crate) result: Option<&'a RunResult>,
    pub(crate) rows: &'a [MismatchRow],
    /// How many stand; the rows may be fewer.
    pub(crate) total: i64,
    /// Notices of payments that nobody here knows, in a sentence each.
    pub(crate) strangers: &'a [String],
    pub(crate) online_url: &'a str,
}

/// Something that a person has to look at.
#[derive(Serialize)]
pub(crate) struct MismatchRow {
    pub(crate) at: String,
    pub(crate) order_id: String,
    pub(crate) order_number: String,
    /// The order's page; none where it is deleted.
    pub(crate) url: Option<String>,
    /// What is wrong, in a sentence.
    pub(crate) words: String,
    /// What to do, in a sentence; empty where the first says it.
    pub(crate) advice: String,
    /// As the log has it.
    pub(crate) detail: String,
    pub(crate) amount: String,
    pub(crate) status: String,
    /// Amount and status at the gateway, a payment a line.
    pub(crate) payments: Vec<String>,
    pub(crate) repair: Option<RepairButton>,
    /// Posting here says that a person has dealt with it; none where the operator may not.
    pub(crate) done_url: Option<String>,
}

/// The one press that leads to a preview of what puts it right.
#[derive(Serialize)]
pub(crate) struct RepairButton {
    pub(crate) words: String,
    /// Where it is posted to; empty where it is a link.
    pub(crate) post_url: String,
    /// The column whose run it is; empty where it is none's.
    pub(crate) operation: &'static str,
    /// Where it leads to; empty where it is posted.
    pub(crate) link: String,
}

/// What linking a payment to an order would mean.
#[derive(Serialize)]
pub(crate) struct LinkingPage<'a> {
    pub(crate) staff: StaffFrame,
    pub(crate) order_number: &'a str,
    pub(crate) order_url: String,
    pub(crate) link_url: String,
    pub(crate) payment_id: &'a str,
    pub(crate) facts: Vec<Fact>,
    /// What does not fit, in a sentence each.
    pub(crate) warnings: Vec<String>,
    /// Why it cannot be linked.
    pub(crate) refused: Option<String>,
    /// What was shown, carried back by OK.
    pub(crate) shown: String,
}

/// Title and HTML of the page.
pub(crate) fn mismatches(shown: &MismatchesPage<'_>, language: Language, nonce: Option<&str>) -> (String, String) {
    let title = text(language, "mismatches-title", &[]);
    fragment(language, (title, "mismatches.html"), shown, nonce)
}

/// Title and HTML of the question before a payment is linked.
pub(crate) fn linking(shown: &LinkingPage<'_>, language: Language, nonce: Option<&str>) -> (String, String) {
    let title = text(language, "linking-title", &[("number", shown.order_number)]);
    fragment(language, (title, "linking.html"), shown, nonce)
}
