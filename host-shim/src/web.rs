//! The shop's pages: `storefront` for shoppers, `admin` for the staff, `mount` where the plugin's pages stand in both,
//! `frame` templates, cookies and headers.

mod admin;
mod frame;
mod mount;
mod storefront;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{any, get, post};
use axum::{Extension, Router};
use http::StatusCode;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;

use crate::adapter::Adapter;

/// What every page needs.
pub struct Site {
    /// Shop and plugin.
    pub adapter: Arc<Adapter>,
    /// The simulator's pages for people.
    pub online_url: String,
}

type Shared = Arc<Site>;

/// How long requests in flight may take after the end was asked for.
const DRAIN: Duration = Duration::from_secs(10);

/// Serves the shop until `stop`, and does the plugin's background work meanwhile.
pub async fn serve(site: Shared, listener: TcpListener, stop: impl Future<Output = ()>) {
    let background = tokio::spawn(work(Arc::clone(&site)));
    pages(site, listener, stop).await;
    background.abort();
}

/// Serves the shop's pages alone until `stop`.
pub async fn pages(site: Shared, listener: TcpListener, stop: impl Future<Output = ()>) {
    let router = router(site);
    let connections = GracefulShutdown::new();
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_secs(30));
    tokio::pin!(stop);
    loop {
        tokio::select! {
            () = &mut stop => break,
            accepted = listener.accept() => {
                let Ok((stream, peer)) = accepted else { continue };
                let service = TowerToHyperService::new(router.clone().layer(Extension(peer)));
                let connection = connections.watch(builder.serve_connection(TokioIo::new(stream), service));
                // A browser that hangs up is no fault of the shop's.
                tokio::spawn(async move { connection.await.unwrap_or_default() });
            }
        }
    }
    let _ = tokio::time::timeout(DRAIN, connections.shutdown()).await;
}

async fn work(site: Shared) {
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let shared = Arc::clone(&site);
        let worked = tokio::task::spawn_blocking(move || shared.adapter.work()).await;
        if let Ok(Err(error)) = worked {
            frame::complain(&error);
        }
    }
}

fn router(site: Shared) -> Router {
    Router::new()
        .route("/", get(storefront::products))
        .route("/cart", get(storefront::cart))
        .route("/cart/add", post(storefront::add))
        .route("/login", post(storefront::log_in))
        .route("/logout", post(storefront::log_out))
        .route("/checkout", get(storefront::checkout).post(storefront::prepare))
        .route("/confirm", get(storefront::confirm).post(storefront::order))
        .route("/complete/{order}", get(storefront::complete))
        .route("/mypage", get(storefront::my_page))
        .route("/paygent/{*path}", any(mount::shopper))
        .route("/admin", get(admin::entrance))
        .route("/admin/login", post(admin::log_in))
        .route("/admin/orders", get(admin::orders))
        .route("/admin/orders/new", post(admin::register))
        .route("/admin/orders/{order}", get(admin::order).post(admin::edit))
        .route("/admin/ledger", get(admin::ledger))
        .route("/admin/paygent/{*path}", any(mount::staff))
        .layer(middleware::from_fn_with_state(Arc::clone(&site), own_forms_only))
        .with_state(site)
}

/// Refuses what another site's page posts.
async fn own_forms_only(State(_): State<Shared>, request: Request, next: Next) -> Response {
    let fetched = request
        .headers()
        .get("sec-fetch-site")
        .and_then(|value| value.to_str().ok());
    let foreign = matches!(fetched, Some("cross-site" | "same-site"));
    if foreign && request.method() == http::Method::POST {
        return StatusCode::FORBIDDEN.into_response();
    }
    next.run(request).await
}
