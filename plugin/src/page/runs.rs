//! Bulk runs: what 実行 would do, how far a run is, what came of it, and all runs.

use serde::Serialize;

use super::staff::{StaffFrame, fragment};
use super::text::{Language, text};

/// What a draft would do.
#[derive(Serialize)]
pub(crate) struct Preflight {
    /// Rows that will run, and yen that the gateway holds for them.
    pub(crate) runs: usize,
    /// 注文番号 of those rows.
    pub(crate) numbers: Vec<String>,
    pub(crate) yen: i64,
    pub(crate) question: String,
    pub(crate) sum: String,
    /// One plain sentence each.
    pub(crate) warnings: Vec<String>,
    /// The amounts of each change.
    pub(crate) changes: Vec<PreflightLine>,
    pub(crate) refused: Vec<PreflightLine>,
    pub(crate) may_confirm: bool,
    pub(crate) confirm_url: String,
}

/// A row of a draft.
#[derive(Serialize)]
pub(crate) struct PreflightLine {
    pub(crate) number: String,
    pub(crate) words: String,
    /// By which way an amount is changed, in one sentence; empty where nothing is.
    pub(crate) way: String,
}

/// What became of a bulk run so far.
#[derive(Default, Serialize)]
pub(crate) struct RunResult {
    /// Where it stands, if it is under way.
    pub(crate) running: Option<Running>,
    pub(crate) stopped: Option<Stopped>,
    pub(crate) succeeded: Vec<Line>,
    /// 決済処理中の注文の取消: orders that were paid after all, and keep their payment.
    pub(crate) rescued: Vec<Line>,
    pub(crate) rescued_count: i64,
    /// What happened to the ones that succeeded, were rescued or were not, and what 失敗した注文だけもう一度 is called here.
    pub(crate) words: ResultWords,
    /// What did not succeed is no failure: it was left as it was, or differs.
    pub(crate) calm: bool,
    pub(crate) failed: Vec<Line>,
    /// The counts of the whole run; the lines may be fewer.
    pub(crate) succeeded_count: i64,
    pub(crate) failed_count: i64,
    /// Posting here makes a draft of the failed rows.
    pub(crate) retry_url: Option<String>,
    pub(crate) took: Option<String>,
    /// The run's own page.
    pub(crate) own_url: String,
}

/// The headings of a run's result, with their counts.
#[derive(Default, Serialize)]
pub(crate) struct ResultWords {
    pub(crate) succeeded: String,
    pub(crate) rescued: String,
    pub(crate) failed: String,
    pub(crate) retry: String,
}

/// What became of one order.
#[derive(Serialize)]
pub(crate) struct Line {
    /// 注文番号.
    pub(crate) number: String,
    /// The order's page.
    pub(crate) url: String,
    /// 売上成功 and so on.
    pub(crate) words: String,
    /// Why not, and what to do.
    pub(crate) reason: Option<String>,
}

/// A bulk run under way.
#[derive(Serialize)]
pub(crate) struct Running {
    pub(crate) done: i64,
    pub(crate) total: i32,
    /// Rows whose answer is being looked up.
    pub(crate) asked: i64,
    /// Posting here works on it.
    pub(crate) step_url: String,
    /// The run's page.
    pub(crate) reload_url: String,
    pub(crate) stop_url: Option<String>,
}

/// A bulk run that was stopped.
#[derive(Serialize)]
pub(crate) struct Stopped {
    pub(crate) left: i64,
    pub(crate) resume_url: Option<String>,
}

/// One run's page: before it is confirmed, during, and after.
#[derive(Serialize)]
pub(crate) struct RunPage {
    pub(crate) staff: StaffFrame,
    pub(crate) heading: String,
    pub(crate) made: String,
    pub(crate) total: i32,
    /// The list as it was.
    pub(crate) list_url: String,
    pub(crate) preflight: Option<Preflight>,
    pub(crate) result: Option<RunResult>,
}

/// All runs.
#[derive(Serialize)]
pub(crate) struct RunsPage<'a> {
    pub(crate) staff: StaffFrame,
    pub(crate) rows: &'a [RunRow],
}

/// A run as a row.
#[derive(Serialize)]
pub(crate) struct RunRow {
    pub(crate) url: String,
    pub(crate) at: String,
    pub(crate) operation: String,
    pub(crate) operator: String,
    pub(crate) state: String,
    pub(crate) total: i32,
    pub(crate) done: i64,
    pub(crate) failed: i64,
}

/// Title and HTML of one run's page.
pub(crate) fn run(shown: &RunPage, language: Language, nonce: Option<&str>) -> (String, String) {
    fragment(language, (shown.heading.clone(), "run.html"), shown, nonce)
}

/// Title and HTML of the page of all runs.
pub(crate) fn runs(shown: &RunsPage<'_>, language: Language, nonce: Option<&str>) -> (String, String) {
    fragment(language, (text(language, "runs-title", &[]), "runs.html"), shown, nonce)
}
