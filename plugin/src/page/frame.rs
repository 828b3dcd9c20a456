//! The template engine and the headers of whole pages.

use std::sync::OnceLock;

use minijinja::value::{Kwargs, Serde, Value};
use minijinja::{Environment, Error, UndefinedBehavior, context};
use serde::Serialize;

use super::text::{self, Language};

/// A whole page with its headers.
pub(crate) struct Page {
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) html: String,
}

const TEMPLATES: [(&str, &str); 23] = [
    ("page.html", include_str!("page.html")),
    ("card.html", include_str!("card.html")),
    ("card_fields.html", include_str!("card_fields.html")),
    ("card_words.html", include_str!("card_words.html")),
    ("cards.html", include_str!("cards.html")),
    ("link.html", include_str!("link.html")),
    ("authenticate.html", include_str!("authenticate.html")),
    ("leave.html", include_str!("leave.html")),
    ("confirming.html", include_str!("confirming.html")),
    ("notice.html", include_str!("notice.html")),
    ("staff.html", include_str!("staff.html")),
    ("list.html", include_str!("list.html")),
    ("result.html", include_str!("result.html")),
    ("run.html", include_str!("run.html")),
    ("runs.html", include_str!("runs.html")),
    ("order.html", include_str!("order.html")),
    ("mismatches.html", include_str!("mismatches.html")),
    ("linking.html", include_str!("linking.html")),
    ("settings.html", include_str!("settings.html")),
    ("page.css", include_str!("page.css")),
    ("card.js", include_str!("card.js")),
    ("staff.css", include_str!("staff.css")),
    ("staff.js", include_str!("staff.js")),
];

/// Fills a template with what is shown and the page's nonce. It escapes by itself; `t("id", name=value)` is a text of
/// the language.
pub(super) fn render(language: Language, template: &str, shown: &impl Serialize, nonce: &str) -> String {
    let values = context! { nonce, ..Value::from(Serde(shown)) };
    let rendered = environment(language)
        .get_template(template)
        .and_then(|template| template.render(values));
    rendered.unwrap_or_else(|error| {
        tracing::error!(template, error = %error, "page.unrenderable");
        String::new()
    })
}

/// The headers of a whole page. `scripts` are origins of scripts that it loads and asks (the token script's).
pub(super) fn headers(nonce: &str, scripts: &[String]) -> Vec<(&'static str, String)> {
    let origins: String = scripts.iter().map(|origin| format!(" {origin}")).collect();
    let connect = if origins.is_empty() { " 'none'" } else { &origins };
    with_policy(
        nonce,
        &format!("script-src 'nonce-{nonce}'{origins}; connect-src{connect}"),
        "",
    )
}

/// The headers of a whole page without scripts, whose forms may lead, by the shop's redirect, to that source.
pub(super) fn headers_leading_to(nonce: &str, source: &str) -> Vec<(&'static str, String)> {
    with_policy(nonce, "script-src 'none'", &format!(" {source}"))
}

fn with_policy(nonce: &str, scripts: &str, forms: &str) -> Vec<(&'static str, String)> {
    let policy = format!(
        "default-src 'none'; {scripts}; style-src 'nonce-{nonce}'; form-action 'self'{forms}; frame-ancestors 'none'; \
         base-uri 'none'"
    );
    let fixed = [
        ("content-type", "text/html; charset=utf-8"),
        ("cache-control", "no-store"),
        ("referrer-policy", "no-referrer"),
        ("x-content-type-options", "nosniff"),
        ("cross-origin-opener-policy", "same-origin"),
    ];
    let mut headers: Vec<_> = fixed.map(|(name, value)| (name, value.to_owned())).to_vec();
    headers.push(("content-security-policy", policy));
    headers
}

/// A header's value for a page that the shop's own pages may hold in a frame.
pub(crate) fn framable(value: &str) -> String {
    value.replace("frame-ancestors 'none'", "frame-ancestors 'self'")
}

/// `https://host:port` of an address.
pub(super) fn origin(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let host = rest.split(['/', '?', '#']).next()?;
    let sound = host
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '[' | ']'));
    (sound && !host.is_empty()).then(|| format!("{scheme}://{host}"))
}

fn environment(language: Language) -> &'static Environment<'static> {
    static JA: OnceLock<Environment<'static>> = OnceLock::new();
    static EN: OnceLock<Environment<'static>> = OnceLock::new();
    match language {
        Language::Ja => JA.get_or_init(|| prepare(language)),
        Language::En => EN.get_or_init(|| prepare(language)),
    }
}

fn prepare(language: Language) -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.add_global("lang", language.tag());
    environment.add_function("t", move |id: &str, arguments: Kwargs| -> Result<String, Error> {
        let names: Vec<&str> = arguments.args().collect();
        let mut given = Vec::new();
        for name in names {
            given.push((name, arguments.get::<Value>(name)?.to_string()));
        }
        let given: Vec<(&str, &str)> = given.iter().map(|(name, value)| (*name, value.as_str())).collect();
        Ok(text::text(language, id, &given))
    });
    for (name, source) in TEMPLATES {
        if let Err(error) = environment.add_template(name, source) {
            tracing::error!(name, error = %error, "page.unreadable");
        }
    }
    environment
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_holds_nothing_that_ends_a_policy() {
        assert_eq!(
            origin("https://token.paygent.co.jp/js/PaygentToken.js").as_deref(),
            Some("https://token.paygent.co.jp")
        );
        assert_eq!(
            origin("http://127.0.0.1:8601/x").as_deref(),
            Some("http://127.0.0.1:8601")
        );
        assert_eq!(origin("https://evil; script-src *"), None);
        assert_eq!(origin("nowhere"), None);
    }

    #[test]
    fn every_template_is_readable() {
        for (name, source) in TEMPLATES {
            let mut environment = Environment::new();
            assert!(environment.add_template(name, source).is_ok(), "{name}");
        }
    }
}
