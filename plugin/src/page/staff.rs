//! What the staff's pages share: the frame round them, words for codes, and pieces of several pages.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;

use super::frame::render;
use super::text::{Language, has, text};

/// Navigation and form token of a staff page.
#[derive(Serialize)]
pub(crate) struct StaffFrame {
    /// The page's name in the navigation: `list`, `runs`, `mismatches`, `settings`.
    pub(crate) here: &'static str,
    pub(crate) list_url: String,
    pub(crate) runs_url: String,
    pub(crate) mismatches_url: String,
    /// None where the operator may not see the settings.
    pub(crate) settings_url: Option<String>,
    /// Nothing here moves money.
    pub(crate) test_mode: bool,
    pub(crate) csrf: String,
}

/// A box to tick.
#[derive(Serialize)]
pub(crate) struct TickBox {
    pub(crate) name: &'static str,
    pub(crate) label: String,
    pub(crate) ticked: bool,
}

/// A name and a value; `mark` colours it.
#[derive(Serialize)]
pub(crate) struct Fact {
    pub(crate) name: String,
    pub(crate) value: String,
    pub(crate) mark: &'static str,
}

/// Title and HTML of a staff page: a piece for the host's own frame. With the frame's nonce it holds a script; without
/// one its forms do the same work.
pub(super) fn fragment(
    language: Language,
    (title, template): (String, &str),
    shown: &impl Serialize,
    nonce: Option<&str>,
) -> (String, String) {
    (title, render(language, template, shown, nonce.unwrap_or("")))
}

/// The gateway's status in words, with its number; one that nobody here knows is the number alone.
pub(crate) fn gateway_status(language: Language, status: i32) -> String {
    let id = format!("gateway-{status}");
    if has(language, &id) {
        format!("{status} {}", text(language, &id, &[]))
    } else {
        status.to_string()
    }
}

/// Why an operation was not done and what to do, in the staff's words (N18): a rule of ours by its text id, or the
/// gateway's code. A code that nobody here knows is shown, never guessed at.
pub(crate) fn reason(language: Language, code: &str) -> String {
    if code.starts_with("refused-") && has(language, code) {
        return text(language, code, &[]);
    }
    let own = format!("reason-{}", code.replace('.', "-"));
    if has(language, &own) {
        return text(language, &own, &[("code", code)]);
    }
    let is_9xxx = code.len() == 4 && code.starts_with('9');
    let id = match code {
        _ if code.starts_with("connect.") || code.starts_with("tls.") || code.starts_with("request.unencodable") => {
            "reason-not-executed"
        }
        _ if code.starts_with("reply.") || code.starts_with("request.") => "reason-no-answer",
        _ if code.starts_with('E') || is_9xxx => "reason-gateway",
        _ if code.starts_with('P') => "reason-setup",
        _ if code.starts_with("1G") || code.starts_with("1P") => "reason-card",
        _ => "reason-code",
    };
    text(language, id, &[("code", code)])
}

/// A text as one segment of a path or one value of a query.
pub(crate) fn path_segment(text: &str) -> String {
    const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
    utf8_percent_encode(text, UNRESERVED).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_of_ours_has_its_words() {
        for id in [
            "refused-unknown-order",
            "refused-no-payment",
            "refused-busy",
            "refused-state",
            "refused-changed",
            "refused-expired",
            "refused-for-good",
            "refused-same-amount",
            "refused-zero",
            "refused-other-account",
        ] {
            assert_ne!(reason(Language::Ja, id), id);
        }
    }

    #[test]
    fn a_code_says_what_it_means_and_what_to_do() {
        let ja = |code| reason(Language::Ja, code);
        assert!(ja("2007").contains("期限を過ぎています（2007）"));
        assert!(ja("operation.not_executed").contains("もう一度実行"));
        assert!(ja("connect.failed").contains("もう一度実行"));
        assert!(
            ja("tls.certificate").contains("証明書が使えません"),
            "not by running it again"
        );
        assert!(ja("tls.host").contains("送信していません"));
        assert!(ja("1G12").contains("1G12") && ja("1G99").contains("1G99"));
        assert!(ja("7777").contains("7777"), "shown, never guessed at");
    }

    #[test]
    fn statuses_have_words() {
        assert_eq!(gateway_status(Language::Ja, 20), "20 オーソリOK");
        assert_eq!(gateway_status(Language::Ja, 99), "99");
    }
}
