//! The page 確認中, and pages that say one thing.

use serde::Serialize;

use super::frame::{Page, headers, render};
use super::text::Language;

/// While the gateway's answer is looked for.
#[derive(Serialize)]
pub(crate) struct Confirming<'a> {
    pub(crate) shop_name: &'a str,
    pub(crate) order_number: &'a str,
    /// Where the page asks again by itself.
    pub(crate) status_url: &'a str,
    pub(crate) refresh_secs: u32,
}

/// A page that says one thing.
#[derive(Serialize)]
pub(crate) struct Notice<'a> {
    pub(crate) shop_name: &'a str,
    pub(crate) title: &'a str,
    pub(crate) text: &'a str,
    pub(crate) link: Option<Link>,
}

/// Somewhere to go.
#[derive(Serialize)]
pub(crate) struct Link {
    pub(crate) url: String,
    pub(crate) words: String,
}

/// Draws 確認中; it needs no script.
pub(crate) fn confirming(shown: &Confirming<'_>, language: Language, nonce: &str) -> Page {
    Page {
        headers: headers(nonce, &[]),
        html: render(language, "confirming.html", shown, nonce),
    }
}

/// Draws a notice.
pub(crate) fn notice(shown: &Notice<'_>, language: Language, nonce: &str) -> Page {
    Page {
        headers: headers(nonce, &[]),
        html: render(language, "notice.html", shown, nonce),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_waiting_page_asks_again_without_a_script() {
        let shown = Confirming {
            shop_name: "店",
            order_number: "236",
            status_url: "/paygent/pay/c/status",
            refresh_secs: 3,
        };
        let page = confirming(&shown, Language::Ja, "n0nce");
        assert!(
            page.html
                .contains(r#"<meta http-equiv="refresh" content="3;url=&#x2f;paygent&#x2f;pay&#x2f;c&#x2f;status">"#)
        );
        assert!(page.html.contains("もう一度お支払いの操作をなさらないでください"));
        assert!(!page.html.contains("<script"));
    }

    #[test]
    fn what_a_shop_is_called_is_text_and_nothing_else() {
        let shown = Notice {
            shop_name: "<script>alert(1)</script>",
            title: "t",
            text: "x",
            link: None,
        };
        let html = notice(&shown, Language::En, "n0nce").html;
        assert!(!html.contains("<script>") && html.contains("&lt;script&gt;"), "{html}");
    }
}
