//! What a hook answers: a status that says what the host may do next, and one shape of JSON.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use crate::store::StoreError;

/// What the host may do next. The C interface prints it as `paygent_status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    /// Done.
    Ok,
    /// Done so far; the job has more steps.
    More,
    /// A rule, or the card company, said no.
    Refused,
    /// Asked and not answered: never repeat it, it will be resolved.
    Uncertain,
    /// Nothing was asked of the gateway: it may be repeated.
    Failed,
    /// The caller's mistake.
    Misuse,
    /// A defect of the plugin; nothing is known of what happened.
    Bug,
}

impl Status {
    /// Its name over HTTP.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::More => "more",
            Self::Refused => "refused",
            Self::Uncertain => "uncertain",
            Self::Failed => "failed",
            Self::Misuse => "misuse",
            Self::Bug => "bug",
        }
    }
}

/// A reply. Members that do not apply are left out.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub(crate) struct Reply {
    /// HTTP status of the page, where this is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) status: Option<u16>,
    /// HTTP headers of the page.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) headers: BTreeMap<String, String>,
    /// A whole page, to be sent as it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) body: Option<String>,
    /// The same where it is not text, in Base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) body_base64: Option<String>,
    /// The body goes on: ask for this path and query next, and send what comes behind what came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next: Option<String>,
    /// A piece of a page, to be framed by the host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) fragment: Option<Fragment>,
    /// Where to send the browser, by 303.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) redirect: Option<String>,
    /// The hook's own answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) data: Option<serde_json::Value>,
    /// What the host has to do now, in this order, each once by its key; then `effects.ack`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) effects: Vec<Effect>,
    /// Why the status is not OK: a stable dotted code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) code: Option<String>,
    /// The same in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) message: Option<String>,
    /// More for the log of the host, never for a shopper.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) detail: Option<String>,
    #[serde(skip)]
    pub(crate) outcome: Option<Status>,
}

/// A piece of a page for the host's own frame.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Fragment {
    /// For the frame's heading and the browser's title.
    pub(crate) title: String,
    /// What goes between the frame's header and footer.
    pub(crate) html: String,
}

/// Something that the host has to do, exactly once.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Effect {
    /// Unique: an effect with a key that was applied before is answered `already`.
    pub(crate) key: String,
    /// The host's order.
    pub(crate) order_id: String,
    /// Its place among the order's effects: applied in this order.
    pub(crate) number: i32,
    /// `order.pend`, `order.place`, `order.withdraw`, `order.cancel`, `order.paid`, `mail.order_placed`, `shop.alarm`.
    pub(crate) kind: String,
    /// The hold that it opens, places or gives back.
    pub(crate) hold: i32,
    /// By kind.
    pub(crate) data: serde_json::Value,
}

impl Reply {
    /// An answer in data.
    pub(crate) fn data(data: serde_json::Value) -> Self {
        Self {
            data: Some(data),
            ..Self::default()
        }
    }

    /// The browser is sent on.
    pub(crate) fn redirect(url: impl Into<String>) -> Self {
        Self {
            status: Some(303),
            headers: BTreeMap::from([("cache-control".to_owned(), "no-store".to_owned())]),
            redirect: Some(url.into()),
            ..Self::default()
        }
    }

    /// Adds the hook's own answer.
    pub(crate) fn with_data(mut self, data: serde_json::Value) -> Self {
        self.data = Some(data);
        self
    }

    /// Adds what the host has to do.
    pub(crate) fn with_effects(mut self, effects: Vec<Effect>) -> Self {
        self.effects = effects;
        self
    }

    /// Says what the host may do next, and why.
    pub(crate) fn because(mut self, outcome: Status, code: &str, message: impl Into<String>) -> Self {
        self.outcome = Some(outcome);
        self.code = Some(code.to_owned());
        self.message = Some(message.into());
        self
    }

    /// More steps are left.
    pub(crate) fn more(mut self) -> Self {
        self.outcome = Some(Status::More);
        self
    }

    /// What the host may do next.
    pub(crate) fn outcome(&self) -> Status {
        self.outcome.unwrap_or(Status::Ok)
    }
}

/// What a call brings: the status that says what the host may do next, and the reply's JSON.
pub(crate) struct Answer {
    pub(crate) status: Status,
    pub(crate) json: String,
}

impl From<Reply> for Answer {
    fn from(reply: Reply) -> Self {
        let status = reply.outcome();
        match serde_json::to_string(&reply) {
            Ok(json) => Self { status, json },
            Err(error) => {
                tracing::error!(%error, "reply.unprintable");
                Self {
                    status: Status::Bug,
                    json: r#"{"code":"bug.reply","message":"the reply cannot be printed"}"#.into(),
                }
            }
        }
    }
}

impl From<Problem> for Answer {
    fn from(problem: Problem) -> Self {
        Reply::from(problem).into()
    }
}

/// Why a hook could not answer. `message` is for whoever wrote or runs the host.
#[derive(Debug, thiserror::Error)]
#[error("{code}: {message}")]
pub(crate) struct Problem {
    pub(crate) status: Status,
    pub(crate) code: &'static str,
    pub(crate) message: String,
    pub(crate) detail: Option<String>,
}

impl Problem {
    /// The caller's mistake.
    pub(crate) fn misuse(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status: Status::Misuse,
            code,
            message: message.into(),
            detail: None,
        }
    }

    /// A rule said no.
    pub(crate) fn refused(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status: Status::Refused,
            code,
            message: message.into(),
            detail: None,
        }
    }

    /// Nothing was asked of the gateway; it may be repeated.
    pub(crate) fn failed(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status: Status::Failed,
            code,
            message: message.into(),
            detail: None,
        }
    }
}

impl From<Problem> for Reply {
    fn from(problem: Problem) -> Self {
        let mut reply = Self::default().because(problem.status, problem.code, problem.message);
        reply.detail = problem.detail;
        reply
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        let mut detail = error.to_string();
        let mut source = std::error::Error::source(&error);
        while let Some(cause) = source {
            detail.push_str(": ");
            detail.push_str(&cause.to_string());
            source = cause.source();
        }
        tracing::error!(detail, "store.failed");
        let code = match error {
            StoreError::SecondCopy(_) => "store.second_copy",
            StoreError::Replaced(_) => "store.replaced",
            StoreError::Missing(_) => "store.missing",
            StoreError::Newer(_) => "store.newer",
            _ => {
                let mut problem = Self::failed("store.failed", "the plugin's database did not answer; try again");
                problem.detail = Some(detail);
                return problem;
            }
        };
        Self::failed(code, detail)
    }
}
