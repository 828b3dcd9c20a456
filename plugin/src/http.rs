//! The other door: the same hooks over HTTP, for engines that cannot load a library.
//!
//! - `POST /hooks/{name}`: the host's calls, staff pages among them. Request and reply are those of `paygent_call`;
//!   the header `paygent-status` says what the host may do next. Each call is signed (`signature`), so a browser that
//!   reaches the port gets nothing here.
//! - Everything below the shoppers' mount point (`urls.shopper`) is a shopper's page, asked for by the browser itself.
//!   The effects that follow stay in the outbox: the host fetches them (`effects.pending`).
//!
//! A call that is replayed within the signature's five minutes finds its work done: hooks that change something are
//! keyed by request id, by form or by effect key.

mod signature;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::{HeaderMap, Method, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, LocalSet, spawn_blocking, spawn_local};

use crate::config;
use crate::hook::dispatch;
use crate::instance::Instance;
use crate::log::{self, Line};
use crate::reply::{Answer, Problem, Reply, Status};
use crate::request::{OneOrMany, Request};

/// The longest body that is read.
const BODY_LIMIT: usize = 8 << 20;
/// How often the background work is looked after.
const TICK: Duration = Duration::from_secs(1);
/// How long requests in flight may take after a stop: the gateway's deadline and a little.
const DRAIN: Duration = Duration::from_secs(40);

/// Writes lines to the host's log.
pub(crate) type WriteLog = Rc<dyn Fn(&[Line])>;

/// What serving needs of the boundary. Clock and log are the host's callbacks: only the serving thread calls them.
pub(crate) struct Door {
    pub(crate) instance: Arc<Instance>,
    pub(crate) clock: Rc<dyn Fn() -> DateTime<Utc>>,
    pub(crate) log: Option<WriteLog>,
}

/// Serves at `address` until `stop`.
pub(crate) fn serve(door: &Door, address: &str, stop: impl Future<Output = ()>) -> Result<(), Problem> {
    let address: SocketAddr = address.parse().map_err(|_| {
        Problem::misuse(
            "serve.address",
            format!("`{address}` is not an address like 127.0.0.1:8080"),
        )
    })?;
    if !address.ip().is_loopback() && !door.instance.config.http.allow_public {
        return Err(Problem::refused(
            "serve.public",
            "listening beyond this machine needs http.allow_public",
        ));
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Problem::failed("serve.runtime", error.to_string()))?;
    LocalSet::new().block_on(&runtime, listen(Rc::new(door.copy()), address, stop))
}

impl Door {
    fn copy(&self) -> Self {
        Self {
            instance: Arc::clone(&self.instance),
            clock: Rc::clone(&self.clock),
            log: self.log.clone(),
        }
    }

    fn tell(&self, lines: &[Line]) {
        if let Some(log) = &self.log {
            log(lines);
        }
    }

    /// Runs `body` on a thread where it may block; its lines are told here, on the serving thread.
    async fn work<T: Send + 'static>(&self, body: impl FnOnce(&Instance) -> T + Send + 'static) -> Result<T, Problem> {
        let (instance, wanted) = (Arc::clone(&self.instance), self.log.is_some());
        let ran = spawn_blocking(move || log::collect(wanted, || body(&instance))).await;
        let (result, lines) = ran.map_err(|_| Problem {
            status: Status::Bug,
            code: "bug.panic",
            message: "a defect of the plugin was caught".into(),
            detail: None,
        })?;
        self.tell(&lines);
        Ok(result)
    }
}

async fn listen(door: Rc<Door>, address: SocketAddr, stop: impl Future<Output = ()>) -> Result<(), Problem> {
    let failed = |error: std::io::Error| Problem::failed("serve.listen", format!("{address}: {error}"));
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    door.tell(&[Line {
        level: tracing::Level::INFO,
        text: format!("serve.listening address={bound}"),
    }]);
    let connections = GracefulShutdown::new();
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_secs(15));
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut background: Option<JoinHandle<()>> = None;
    tokio::pin!(stop);
    loop {
        tokio::select! {
            () = &mut stop => break,
            _ = ticks.tick() => {
                if background.as_ref().is_none_or(JoinHandle::is_finished) {
                    background = Some(spawn_local(step(Rc::clone(&door))));
                }
            }
            accepted = listener.accept() => {
                let Ok((stream, peer)) = accepted else { continue };
                let door = Rc::clone(&door);
                let service = service_fn(move |request| answer(Rc::clone(&door), request, peer));
                let connection = connections.watch(builder.serve_connection(TokioIo::new(stream), service));
                spawn_local(async move { connection.await.unwrap_or_default() });
            }
        }
    }
    drop(listener);
    let _ = tokio::time::timeout(DRAIN, connections.shutdown()).await;
    if let Some(background) = background {
        let _ = tokio::time::timeout(DRAIN, background).await;
    }
    Ok(())
}

async fn step(door: Rc<Door>) {
    let now = (door.clock)();
    let stepped = door
        .work(move |instance| dispatch::call(instance, "work.step", "", now))
        .await;
    if let Err(problem) = stepped {
        door.tell(&[Line {
            level: tracing::Level::ERROR,
            text: format!("work.broken code={}", problem.code),
        }]);
    }
}

type Answered = Response<Full<Bytes>>;

async fn answer(door: Rc<Door>, request: http::Request<Incoming>, peer: SocketAddr) -> Result<Answered, Infallible> {
    let (head, body) = request.into_parts();
    let Ok(body) = Limited::new(body, BODY_LIMIT).collect().await else {
        return Ok(plain(StatusCode::PAYLOAD_TOO_LARGE));
    };
    let (body, now) = (body.to_bytes(), (door.clock)());
    let path = head.uri.path();
    if let Some(hook) = path.strip_prefix("/hooks/") {
        return Ok(host_call(&door, &head, (hook, &body), now).await);
    }
    let mount = mount(&door.instance.config.urls.shopper);
    match path.strip_prefix(mount) {
        Some(below) if below.starts_with('/') && matches!(head.method, Method::GET | Method::HEAD | Method::POST) => {
            Ok(shopper_page(&door, &head, (below, &body, peer), now).await)
        }
        _ => Ok(plain(StatusCode::NOT_FOUND)),
    }
}

/// The path of a mount point that may be a whole address.
fn mount(url: &str) -> &str {
    let path = url.split_once("://").map_or(url, |(_, rest)| {
        rest.find('/').and_then(|at| rest.get(at..)).unwrap_or("")
    });
    path.trim_end_matches('/')
}

async fn host_call(door: &Door, head: &http::request::Parts, asked: (&str, &Bytes), now: DateTime<Utc>) -> Answered {
    let (hook, body) = asked;
    if head.method != Method::POST {
        return plain(StatusCode::METHOD_NOT_ALLOWED);
    }
    let header = |name: &str| {
        head.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or("")
    };
    let signed = signature::Signed {
        id: header("webhook-id"),
        timestamp: header("webhook-timestamp"),
        signatures: header("webhook-signature"),
        body,
    };
    let secret = door.instance.config.http.secret.as_ref().map(config::webhook_secret);
    let checked = match secret {
        Some(Ok(secret)) => signature::check(&secret, &signed, now),
        _ => Err(Problem::refused(
            "signature.no_secret",
            "no http.secret is configured, so no host call is taken",
        )),
    };
    if let Err(problem) = checked {
        door.tell(&[Line {
            level: tracing::Level::WARN,
            text: format!("signature.refused code={}", problem.code),
        }]);
        return json(StatusCode::UNAUTHORIZED, Answer::from(problem));
    }
    let Ok(text) = String::from_utf8(body.to_vec()) else {
        return json(
            StatusCode::BAD_REQUEST,
            Answer::from(Problem::misuse("request.not_utf8", "the body is not UTF-8")),
        );
    };
    let hook = hook.to_owned();
    let answer = door
        .work(move |instance| dispatch::call(instance, &hook, &text, now))
        .await
        .unwrap_or_else(Answer::from);
    json(http_status(answer.status), answer)
}

async fn shopper_page(
    door: &Door,
    head: &http::request::Parts,
    asked: (&str, &Bytes, SocketAddr),
    now: DateTime<Utc>,
) -> Answered {
    let (path, body, peer) = asked;
    let query = query(head.uri.query().unwrap_or(""));
    let language = query.get("lang").and_then(OneOrMany::last).map(str::to_owned);
    let request = Request {
        method: head.method.to_string(),
        path: path.to_owned(),
        language: language.or_else(|| accepted_language(&head.headers)),
        query,
        headers: headers(&head.headers),
        body_base64: Some(base64::Engine::encode(&base64::engine::general_purpose::STANDARD, body)),
        client_address: Some(peer.ip().to_string()),
        ..Request::default()
    };
    match door
        .work(move |instance| dispatch::page(instance, "shopper.route", &request, now))
        .await
    {
        Ok(reply) => page(reply),
        Err(_) => plain(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

fn page(reply: Reply) -> Answered {
    let mut response = Response::builder().status(reply.status.unwrap_or(200));
    for (name, value) in reply.headers {
        response = response.header(name, value);
    }
    if let Some(target) = reply.redirect {
        response = response
            .status(StatusCode::SEE_OTHER)
            .header(http::header::LOCATION, target);
    }
    let body = Full::new(Bytes::from(reply.body.unwrap_or_default()));
    response
        .body(body)
        .unwrap_or_else(|_| plain(StatusCode::INTERNAL_SERVER_ERROR))
}

fn query(text: &str) -> BTreeMap<String, OneOrMany> {
    let mut query: BTreeMap<String, OneOrMany> = BTreeMap::new();
    for (key, value) in form_urlencoded::parse(text.as_bytes()).into_owned() {
        query
            .entry(key)
            .or_insert_with(|| OneOrMany::Many(Vec::new()))
            .push(value);
    }
    query
}

fn headers(headers: &HeaderMap) -> BTreeMap<String, String> {
    headers
        .iter()
        .filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned())))
        .collect()
}

fn accepted_language(headers: &HeaderMap) -> Option<String> {
    let first = headers.get(http::header::ACCEPT_LANGUAGE)?.to_str().ok()?;
    Some(first.get(..2)?.to_lowercase())
}

fn http_status(status: Status) -> StatusCode {
    match status {
        Status::Ok | Status::More => StatusCode::OK,
        Status::Refused => StatusCode::UNPROCESSABLE_ENTITY,
        Status::Uncertain => StatusCode::ACCEPTED,
        Status::Failed => StatusCode::SERVICE_UNAVAILABLE,
        Status::Misuse => StatusCode::BAD_REQUEST,
        Status::Bug => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn json(code: StatusCode, answer: Answer) -> Answered {
    let response = Response::builder()
        .status(code)
        .header(http::header::CONTENT_TYPE, "application/json")
        .header(http::header::CACHE_CONTROL, "no-store")
        .header("paygent-status", answer.status.name());
    response
        .body(Full::new(Bytes::from(answer.json)))
        .unwrap_or_else(|_| plain(StatusCode::INTERNAL_SERVER_ERROR))
}

fn plain(status: StatusCode) -> Answered {
    let mut response = Response::new(Full::new(Bytes::new()));
    *response.status_mut() = status;
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mount_point_is_the_path_of_its_address() {
        assert_eq!(mount("/paygent"), "/paygent");
        assert_eq!(mount("https://shop.example/pay/paygent/"), "/pay/paygent");
        assert_eq!(mount("https://shop.example"), "");
    }
}
