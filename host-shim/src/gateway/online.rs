//! The browser's side, on plain HTTP: `/js/PaygentToken.js` and `/token` for the card page, `/` and `/cards` for people,
//! `/acs/…` the card company's page of 3-D Secure, `/link/…` the card page of the link type, `/control/…` for tests.

mod acs;
mod control;
pub(super) mod link;
mod pages;
pub(super) mod token;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::Paygent;

/// The process has no file descriptor left: wait for one.
const BREATH: Duration = Duration::from_millis(20);

/// Everything that a browser or a test can ask for.
pub(crate) fn router(paygent: Arc<Paygent>) -> anyhow::Result<Router> {
    let pages = pages::router(paygent.clone())?
        .merge(acs::router(paygent.clone())?)
        .merge(link::router(paygent.clone())?);
    let script = (
        ([(CONTENT_TYPE, "text/javascript; charset=utf-8")]),
        include_str!("online/PaygentToken.js"),
    );
    let rest = Router::new()
        .route("/js/PaygentToken.js", get(async move || script))
        .route("/token", post(token::create).options(token::preflight))
        .nest("/control", control::router(paygent.clone()));
    Ok(rest.with_state(paygent).merge(pages))
}

/// Takes connections until it is dropped, and drops them with it.
pub(crate) async fn serve(listener: TcpListener, router: Router) {
    let mut open = JoinSet::new();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let service = TowerToHyperService::new(router.clone());
                let mut http = http1::Builder::new();
                open.spawn(
                    http.timer(TokioTimer::new())
                        .serve_connection(TokioIo::new(stream), service),
                );
            }
            Err(_) => tokio::time::sleep(BREATH).await,
        }
        while open.try_join_next().is_some() {}
    }
}

/// Why a request got no proper answer; told in plain text.
struct Problem(StatusCode, String);

impl Problem {
    fn bad_request(why: impl ToString) -> Self {
        Self(StatusCode::BAD_REQUEST, why.to_string())
    }
}

impl From<diesel::result::Error> for Problem {
    fn from(error: diesel::result::Error) -> Self {
        Self(
            StatusCode::INTERNAL_SERVER_ERROR,
            format!("the simulator's ledger failed: {error}"),
        )
    }
}

impl From<minijinja::Error> for Problem {
    fn from(error: minijinja::Error) -> Self {
        Self(StatusCode::INTERNAL_SERVER_ERROR, format!("the page failed: {error:#}"))
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        (self.0, self.1).into_response()
    }
}
