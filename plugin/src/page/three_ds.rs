//! 3-D Secure: the card company's page, alone or in a frame, and the way out of that frame.

use serde::{Serialize, Serializer};

use super::frame::{Page, framable, headers, render};
use super::text::Language;
use crate::payment::Yen;

/// The card company's page as the gateway gave it, with a policy of its own that lets its form lead to the card company. Its
/// scripts run as nobody's: they read no cookie and no storage of the shop's. In a frame only the shop itself may hold it.
pub(crate) fn acs(html: String, in_frame: bool) -> Page {
    let policy = "sandbox allow-forms allow-scripts allow-popups allow-top-navigation; default-src 'none'; \
                  script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; form-action *; \
                  frame-ancestors 'none'; base-uri 'none'";
    let headers = [
        ("content-type", "text/html; charset=utf-8"),
        ("cache-control", "no-store"),
        ("referrer-policy", "no-referrer"),
        ("x-content-type-options", "nosniff"),
        ("content-security-policy", policy),
    ];
    let mut headers = headers.map(|(name, value)| (name, value.to_owned())).to_vec();
    if in_frame {
        headers.iter_mut().for_each(|(_, value)| *value = framable(value));
    }
    Page { headers, html }
}

/// The page that holds the frame.
#[derive(Serialize)]
pub(crate) struct Authenticating<'a> {
    pub(crate) shop_name: &'a str,
    pub(crate) order_number: &'a str,
    #[serde(serialize_with = "as_shown")]
    pub(crate) amount: Yen,
    /// What the frame shows; the same address shows it in the whole window.
    pub(crate) acs_url: &'a str,
    pub(crate) card_url: &'a str,
}

/// Draws it; it needs no script. The frame may go to whichever card company it is led to, in a test environment also to one
/// without TLS.
pub(crate) fn authenticating(shown: &Authenticating<'_>, is_test: bool, language: Language, nonce: &str) -> Page {
    let mut headers = headers(nonce, &[]);
    let companies = if is_test { "https: http:" } else { "https:" };
    for (name, value) in &mut headers {
        if *name == "content-security-policy" {
            value.push_str(&format!("; frame-src 'self' {companies}"));
        }
    }
    Page {
        headers,
        html: render(language, "authenticate.html", shown, nonce),
    }
}

#[derive(Serialize)]
struct Leave<'a> {
    shop_name: &'a str,
    to: &'a str,
}

/// Leads the whole window on, out of a frame; where no script may do so, by a link.
pub(crate) fn leave(to: &str, language: Language, nonce: &str) -> Page {
    let shown = Leave { shop_name: "", to };
    let mut headers = headers(nonce, &[]);
    headers.iter_mut().for_each(|(_, value)| *value = framable(value));
    Page {
        headers,
        html: render(language, "leave.html", &shown, nonce),
    }
}

fn as_shown<S: Serializer>(amount: &Yen, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(amount)
}
