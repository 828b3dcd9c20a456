//! The plugin as one value: configuration, database, gateway, signing key. A call enters here, whichever door it came by.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::config::{self, Config};
use crate::hook::{self, Call, Hook};
use crate::paygent::Gateway;
use crate::reply::{Problem, Reply, Status};
use crate::request::Request;
use crate::seal::Seal;
use crate::store::answers::KeptAnswer;
use crate::store::{Store, answers};

/// One configured plugin. Making it opens nothing: the database is opened by the first question, a connection
/// to the gateway by the first telegram.
pub(crate) struct Instance {
    pub(crate) config: Arc<Config>,
    pub(crate) store: Store,
    pub(crate) gateway: Gateway,
    pub(crate) seal: Seal,
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

impl Instance {
    /// From the configuration's JSON.
    pub(crate) fn open(config: &str) -> Result<Self, Problem> {
        Self::new(Arc::new(Config::parse(config)?))
    }

    /// The same plugin with nothing opened yet, for a forked child.
    pub(crate) fn afresh(&self) -> Result<Self, Problem> {
        Self::new(Arc::clone(&self.config))
    }

    fn new(config: Arc<Config>) -> Result<Self, Problem> {
        let store = Store::new(&config.database);
        let gateway = Gateway::new(config.gateway.clone());
        let seal = Seal::new(&config::key_bytes(&config.signing_key)?)?;
        Ok(Self {
            config,
            store,
            gateway,
            seal,
        })
    }

    /// Runs a hook to its end on this thread. `now` is the one clock of the whole call.
    pub(crate) fn call(&self, hook: &str, request: &str, now: DateTime<Utc>) -> Answer {
        let reply = Request::parse(request).and_then(|asked| self.run(hook, &asked, request, now));
        Answer::from(reply.unwrap_or_else(|problem| {
            tracing::warn!(hook, code = problem.code, why = problem.message, "call.refused");
            Reply::from(problem)
        }))
    }

    /// The same for a request that came by HTTP as a page's.
    pub(crate) fn page(&self, hook: &str, request: &Request, now: DateTime<Utc>) -> Reply {
        self.run(hook, request, "", now).unwrap_or_else(Reply::from)
    }

    fn run(&self, name: &str, request: &Request, json: &str, now: DateTime<Utc>) -> Result<Reply, Problem> {
        let hook =
            hook::find(name).ok_or_else(|| Problem::misuse("hook.unknown", format!("there is no hook `{name}`")))?;
        match request.request_id.clone() {
            Some(id) if hook.keeps_answers => self.once(hook, &id, json, now, request),
            _ => hook.run(&Call::new(self, request, now)),
        }
    }

    /// A final answer is kept and repeated; one that may be asked again (FAILED, UNCERTAIN, MISUSE) is not.
    fn once(&self, hook: &Hook, id: &str, json: &str, now: DateTime<Utc>, request: &Request) -> Result<Reply, Problem> {
        if id.is_empty() || id.len() > 128 {
            return Err(Problem::misuse("request.id", "a request id has 1 to 128 bytes"));
        }
        let digest: String = Sha256::digest(format!("{}\n{json}", hook.name))
            .iter()
            .map(|b| format!("{b:02x}"))
            .collect();
        if let Some(kept) = self.store.read(|rows| answers::find(rows, id))? {
            return repeat(&kept, &digest);
        }
        let reply = match hook.run(&Call::new(self, request, now)) {
            Err(problem) if problem.status == Status::Refused => Reply::from(problem),
            ran => ran?,
        };
        if matches!(reply.outcome(), Status::Ok | Status::Refused) {
            let final_part = FinalPart {
                data: reply.data.clone(),
                redirect: reply.redirect.clone(),
                code: reply.code.clone(),
                message: reply.message.clone(),
            };
            let kept = KeptAnswer {
                request_id: id.to_owned(),
                digest,
                status: i32::from(reply.outcome() == Status::Refused),
                reply: serde_json::to_string(&final_part).unwrap_or_default(),
                created_at: now.naive_utc(),
            };
            self.store.write(|rows| answers::keep(rows, &kept))?;
        }
        Ok(reply)
    }
}

/// What is kept of an answer: no page, no form token; effects are offered until they are acknowledged anyway.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct FinalPart {
    data: Option<serde_json::Value>,
    redirect: Option<String>,
    code: Option<String>,
    message: Option<String>,
}

fn repeat(kept: &KeptAnswer, digest: &str) -> Result<Reply, Problem> {
    if kept.digest != digest {
        return Err(Problem::misuse(
            "request.id_reused",
            "this request id came before with another content",
        ));
    }
    let FinalPart {
        data,
        redirect,
        code,
        message,
    } = serde_json::from_str(&kept.reply).unwrap_or_default();
    let outcome = (kept.status == 1).then_some(Status::Refused);
    Ok(Reply {
        data,
        redirect,
        code,
        message,
        outcome,
        ..Reply::default()
    })
}
