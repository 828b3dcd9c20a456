//! Where a call enters, whichever door it came by: the hook of that name runs, and a final answer is kept.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{Call, Hook, find, route};
use crate::instance::Instance;
use crate::reply::{Answer, Problem, Reply, Status};
use crate::request::Request;
use crate::store::answers::{self, KeptAnswer};

/// Runs a hook to its end on this thread. `now` is the one clock of the whole call.
pub(crate) fn call(instance: &Instance, hook: &str, request: &str, now: DateTime<Utc>) -> Answer {
    let reply = Request::parse(request).and_then(|asked| run(instance, hook, &asked, request, now));
    Answer::from(reply.unwrap_or_else(|problem| {
        tracing::warn!(hook, code = problem.code, why = problem.message, "call.refused");
        Reply::from(problem)
    }))
}

/// The same for a request that came by HTTP as a page's.
pub(crate) fn page(instance: &Instance, hook: &str, request: &Request, now: DateTime<Utc>) -> Reply {
    run(instance, hook, request, "", now).unwrap_or_else(Reply::from)
}

fn run(instance: &Instance, name: &str, request: &Request, json: &str, now: DateTime<Utc>) -> Result<Reply, Problem> {
    let hook = find(name).ok_or_else(|| Problem::misuse("hook.unknown", format!("there is no hook `{name}`")))?;
    // Two hooks tell what is the same for every account, and ask the database nothing.
    if !matches!(hook.name, "plugin.describe" | "admin.menu")
        && let Err(problem) = instance.check_account()
    {
        return match hook.name {
            "shopper.route" | "staff.route" => Ok(route::trouble(&Call::new(instance, request, now), problem)),
            _ => Err(problem),
        };
    }
    match request.request_id.clone() {
        Some(id) if hook.keeps_answers => once(hook, &id, json, &Call::new(instance, request, now)),
        _ => hook.run(&Call::new(instance, request, now)),
    }
}

/// A final answer is kept and repeated; one that may be asked again (FAILED, UNCERTAIN, MISUSE) is not.
fn once(hook: &Hook, id: &str, json: &str, call: &Call<'_>) -> Result<Reply, Problem> {
    if id.is_empty() || id.len() > 128 {
        return Err(Problem::misuse("request.id", "a request id has 1 to 128 bytes"));
    }
    let digest: String = Sha256::digest(format!("{}\n{json}", hook.name))
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect();
    if let Some(kept) = call.instance.store.read(|rows| answers::find(rows, id))? {
        return repeat(&kept, &digest);
    }
    let reply = match hook.run(call) {
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
            created_at: call.moment(),
        };
        call.instance.store.write(|rows| answers::keep(rows, &kept))?;
    }
    Ok(reply)
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
