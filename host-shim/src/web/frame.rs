//! What the shop's pages share: templates, cookies, languages, errors.

use std::sync::OnceLock;

use axum::response::{Html, IntoResponse, Redirect, Response};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use minijinja::value::Value;
use minijinja::{Environment, UndefinedBehavior, context};

const TEMPLATES: [(&str, &str); 13] = [
    ("shop.html", include_str!("shop.html")),
    ("shop.css", include_str!("shop.css")),
    ("products.html", include_str!("products.html")),
    ("cart.html", include_str!("cart.html")),
    ("checkout.html", include_str!("checkout.html")),
    ("confirm.html", include_str!("confirm.html")),
    ("complete.html", include_str!("complete.html")),
    ("mypage.html", include_str!("mypage.html")),
    ("admin.html", include_str!("admin.html")),
    ("admin.css", include_str!("admin.css")),
    ("orders.html", include_str!("orders.html")),
    ("order.html", include_str!("order.html")),
    ("ledger.html", include_str!("ledger.html")),
];

/// A page that could not be made.
pub(super) struct Failure(anyhow::Error);

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        complain(&self.0);
        (
            StatusCode::INTERNAL_SERVER_ERROR,
            Html("<h1>ただいま処理できません / Not possible right now</h1>"),
        )
            .into_response()
    }
}

/// A page, or why there is none.
pub(super) type Page = Result<Response, Failure>;

/// Tells the operator of the demo.
#[expect(clippy::print_stderr, reason = "the demo's log is its standard error")]
pub(super) fn complain(error: &anyhow::Error) {
    eprintln!("shop: {error:#}");
}

/// Who asks, as the headers tell.
#[derive(Debug, Clone)]
pub(super) struct Visitor {
    /// The cookie, and whether it is new.
    pub(super) session: String,
    new: bool,
    pub(super) english: bool,
    asked_language: bool,
    /// Logged in as the shop's staff.
    pub(super) staff: bool,
}

impl Visitor {
    /// From cookies, the query and the browser's language.
    pub(super) fn of(headers: &HeaderMap, query: Option<&str>) -> anyhow::Result<Self> {
        let cookie = |name: &str| cookie(headers, name);
        let asked = query.and_then(|query| query.split('&').find_map(|pair| pair.strip_prefix("lang=")));
        let accepted = headers
            .get(header::ACCEPT_LANGUAGE)
            .and_then(|value| value.to_str().ok());
        let language = asked
            .map(str::to_owned)
            .or_else(|| cookie("lang"))
            .or_else(|| accepted.map(str::to_owned));
        let known = cookie("session").filter(|id| id.len() == 32 && id.chars().all(|c| c.is_ascii_hexdigit()));
        Ok(Self {
            new: known.is_none(),
            session: match known {
                Some(id) => id,
                None => random()?,
            },
            english: language.is_some_and(|language| language.starts_with("en")),
            asked_language: asked.is_some(),
            staff: cookie("staff").as_deref() == Some("1"),
        })
    }

    /// For the plugin.
    pub(super) fn language(&self) -> &'static str {
        if self.english { "en" } else { "ja" }
    }

    /// Sends what has to be remembered.
    pub(super) fn remember(&self, mut response: Response) -> Response {
        if self.new {
            let session = format!("session={}; Path=/; HttpOnly; SameSite=Lax", self.session);
            set_cookie(&mut response, &session);
        }
        self.remember_language(response)
    }

    /// Sends the language that was asked for, and nothing else: a browser that comes back from elsewhere may only have
    /// held its session back.
    pub(super) fn remember_language(&self, mut response: Response) -> Response {
        if self.asked_language {
            set_cookie(
                &mut response,
                &format!("lang={}; Path=/; SameSite=Lax", self.language()),
            );
        }
        response
    }

    /// Fills a template for this visitor.
    pub(super) fn page(&self, template: &str, values: Value) -> Page {
        let nonce = random()?;
        self.framed(template, &nonce, values)
    }

    /// The same where the nonce went into the page already.
    pub(super) fn framed(&self, template: &str, nonce: &str, values: Value) -> Page {
        let shown = context! { nonce, en => self.english, lang => self.language(), ..values };
        let html = environment()?.get_template(template)?.render(shown)?;
        let policy = format!(
            "default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; connect-src 'self'; \
             form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
        );
        let mut response = Html(html).into_response();
        for (name, value) in [
            (header::CONTENT_SECURITY_POLICY, policy.as_str()),
            (header::CACHE_CONTROL, "no-store"),
            (header::REFERRER_POLICY, "same-origin"),
            (HeaderName::from_static("x-content-type-options"), "nosniff"),
        ] {
            response.headers_mut().insert(name, HeaderValue::from_str(value)?);
        }
        Ok(self.remember(response))
    }

    /// Sends the browser on.
    pub(super) fn go(&self, to: &str) -> Page {
        Ok(self.remember(Redirect::to(to).into_response()))
    }
}

fn set_cookie(response: &mut Response, cookie: &str) {
    if let Ok(value) = HeaderValue::from_str(cookie) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
}

/// 128 random bits in hex.
pub(super) fn random() -> anyhow::Result<String> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// `¥3,300`.
pub(super) fn yen(amount: i64) -> String {
    let digits = amount.to_string();
    let mut shown = String::from("¥");
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

/// `2026/11/24 12:00`, Japanese time.
pub(super) fn time(at: chrono::NaiveDateTime) -> String {
    const JST: chrono::TimeDelta = chrono::TimeDelta::hours(9);
    (at + JST).format("%Y/%m/%d %H:%M").to_string()
}

fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    let all = headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok());
    all.flat_map(|cookies| cookies.split("; "))
        .find_map(|pair| pair.strip_prefix(name).and_then(|rest| rest.strip_prefix('=')))
        .map(str::to_owned)
}

fn environment() -> anyhow::Result<&'static Environment<'static>> {
    static ENVIRONMENT: OnceLock<Result<Environment<'static>, minijinja::Error>> = OnceLock::new();
    let made = ENVIRONMENT.get_or_init(|| {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.add_filter("yen", yen);
        for (name, source) in TEMPLATES {
            environment.add_template(name, source)?;
        }
        Ok(environment)
    });
    made.as_ref()
        .map_err(|error| anyhow::anyhow!("a template is broken: {error}"))
}
