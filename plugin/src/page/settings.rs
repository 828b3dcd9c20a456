//! Settings and self-check.

use serde::Serialize;

use super::staff::{Fact, StaffFrame, fragment};
use super::text::{Language, text};

/// What the page shows.
#[derive(Serialize)]
pub(crate) struct SettingsPage {
    pub(crate) staff: StaffFrame,
    pub(crate) check_url: String,
    /// Heading and settings.
    pub(crate) groups: Vec<(String, Vec<Fact>)>,
    /// Findings; empty before the check.
    pub(crate) checks: Vec<Check>,
}

/// A finding of the self-check.
#[derive(Serialize)]
pub(crate) struct Check {
    pub(crate) id: &'static str,
    /// `good` or `bad`.
    pub(crate) tone: &'static str,
    pub(crate) name: String,
    pub(crate) words: String,
}

/// Title and HTML of the page.
pub(crate) fn settings(shown: &SettingsPage, language: Language, nonce: Option<&str>) -> (String, String) {
    fragment(
        language,
        (text(language, "settings-title", &[]), "settings.html"),
        shown,
        nonce,
    )
}
