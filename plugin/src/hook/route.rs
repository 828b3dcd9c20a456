//! Pages by method and path: the host mounts one place per audience and hands everything below it over.

use super::{Audience, Call, HOOKS, Hook};
use crate::page;
use crate::reply::{Problem, Reply, Status};
use crate::seal::random_hex;

/// Every shopper page, and what Paygent's servers ask for at the same place.
pub(super) fn shopper(call: &Call<'_>) -> Result<Reply, Problem> {
    match matching(Audience::Gateway, &call.request.method, &call.request.path) {
        Some(hook) => hook.run(call),
        None => dispatch(call, Audience::Shopper),
    }
}

/// Every staff page.
pub(super) fn staff(call: &Call<'_>) -> Result<Reply, Problem> {
    dispatch(call, Audience::Staff)
}

fn dispatch(call: &Call<'_>, audience: Audience) -> Result<Reply, Problem> {
    match matching(audience, &call.request.method, &call.request.path) {
        Some(hook) => Ok(hook.run(call).unwrap_or_else(|problem| trouble(call, problem))),
        None => Ok(trouble(call, Problem::misuse("page.unknown", "there is no such page"))),
    }
}

/// A problem as a page, for whoever sits at the browser: what went wrong in plain words, nothing of the inside.
pub(super) fn trouble(call: &Call<'_>, problem: Problem) -> Reply {
    let (status, text) = match problem.status {
        Status::Misuse if problem.code.ends_with(".doubled") => (400, "notice-unknown"),
        Status::Misuse => (404, "notice-unknown"),
        Status::Refused => (403, "notice-forbidden"),
        _ => (503, "notice-trouble"),
    };
    tracing::warn!(
        code = problem.code,
        message = problem.message,
        detail = problem.detail,
        "page.problem"
    );
    let mut reply = notice(call, status, text, None);
    reply.outcome = Some(problem.status);
    reply.code = Some(problem.code.to_owned());
    reply.message = Some(problem.message);
    reply
}

/// A page that says one thing, `text-title` and `text`, with a link where there is somewhere to go.
pub(super) fn notice(call: &Call<'_>, status: u16, text: &str, link: Option<(&str, &str)>) -> Reply {
    let words = |id: &str| page::text(call.language, id, &[]);
    let title = words(&format!("{text}-title"));
    let body = words(text);
    let link = link.map(|(url, id)| page::Link {
        url: url.to_owned(),
        words: words(id),
    });
    let shown = page::Notice {
        shop_name: &call.instance.config.shop.name,
        title: &title,
        text: &body,
        link,
    };
    // A page without a nonce of its own would have no style either; a failing generator is no reason for no page.
    let nonce = random_hex::<16>().unwrap_or_default();
    whole(status, page::notice(&shown, call.language, &nonce))
}

/// A whole page as a reply.
pub(super) fn whole(status: u16, page: page::Page) -> Reply {
    Reply {
        status: Some(status),
        headers: page
            .headers
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect(),
        body: Some(page.html),
        ..Reply::default()
    }
}

fn matching(audience: Audience, method: &str, path: &str) -> Option<&'static Hook> {
    let method = if method == "HEAD" { "GET" } else { method };
    HOOKS
        .iter()
        .find(|hook| hook.audience == audience && hook.method == method && fits(hook.path, path))
}

fn fits(pattern: &str, path: &str) -> bool {
    let mut wanted = pattern.split('/');
    let mut given = path.split('/');
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return true,
            (Some(wanted), Some(given)) if wanted == given => {}
            (Some(wanted), Some(given)) if wanted.starts_with('{') && !given.is_empty() => {}
            _ => return false,
        }
    }
}

/// The first segment of `path` that stands where `pattern` has `{…}`.
pub(super) fn segment<'a>(pattern: &str, path: &'a str) -> Option<&'a str> {
    if !fits(pattern, path) {
        return None;
    }
    let place = pattern.split('/').position(|part| part.starts_with('{'))?;
    path.split('/').nth(place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_finds_its_hook_and_only_in_its_audience() {
        let name = |audience, method, path| matching(audience, method, path).map(|hook| hook.name);
        assert_eq!(name(Audience::Shopper, "GET", "/pay/c0ffee"), Some("card.page"));
        assert_eq!(name(Audience::Shopper, "POST", "/pay/c0ffee/back"), Some("card.back"));
        assert_eq!(
            name(Audience::Staff, "POST", "/payments/bulk/j1/step"),
            Some("admin.bulk.step")
        );
        assert_eq!(name(Audience::Shopper, "GET", "/payments"), None);
        assert_eq!(name(Audience::Shopper, "GET", "/pay/"), None);
        assert_eq!(segment("/pay/{checkout}/back", "/pay/c0ffee/back"), Some("c0ffee"));
    }
}
