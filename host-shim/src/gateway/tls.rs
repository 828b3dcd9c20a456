//! TLS as the machines' entrance speaks it: a certificate is asked for, and whoever shows none may still come in, for
//! `/n/` and `/s/` share one host and only the path tells which of the two is meant.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use openssl::ssl::{Ssl, SslAcceptor, SslFiletype, SslMethod, SslVerifyMode};
use openssl::x509::{X509, X509VerifyResult};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_openssl::SslStream;

use super::certificates::Certificates;
use super::{Paygent, entrance};

const HANDSHAKE: Duration = Duration::from_secs(10);
/// The process has no file descriptor left: wait for one.
const BREATH: Duration = Duration::from_millis(20);

/// TLS 1.2 and 1.3; a certificate of another authority than ours breaks the handshake.
pub(crate) fn acceptor(files: &Certificates) -> anyhow::Result<SslAcceptor> {
    let mut builder = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server())?;
    builder.set_certificate_chain_file(&files.server)?;
    builder.set_private_key_file(&files.server, SslFiletype::PEM)?;
    builder.set_ca_file(&files.authorities)?;
    builder.add_client_ca(&*X509::from_pem(&std::fs::read(&files.authorities)?)?)?;
    builder.set_verify(SslVerifyMode::PEER);
    builder.set_session_id_context(b"paygent-simulator")?;
    Ok(builder.build())
}

/// Takes connections until it is dropped, and drops them with it.
pub(crate) async fn serve(listener: TcpListener, acceptor: SslAcceptor, paygent: Arc<Paygent>) {
    let mut open = JoinSet::new();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => _ = open.spawn(connection(stream, acceptor.clone(), paygent.clone())),
            Err(_) => tokio::time::sleep(BREATH).await,
        }
        while open.try_join_next().is_some() {}
    }
}

/// One connection, HTTP/1.0 or 1.1. Whatever breaks it is the caller's business.
async fn connection(stream: TcpStream, acceptor: SslAcceptor, paygent: Arc<Paygent>) {
    let Some(stream) = handshake(stream, &acceptor).await else {
        return;
    };
    let ssl = stream.ssl();
    let certified = ssl.peer_certificate().is_some() && ssl.verify_result() == X509VerifyResult::OK;
    let service = service_fn(move |request| entrance::answer(paygent.clone(), certified, request));
    let mut http = http1::Builder::new();
    let _ = http
        .half_close(true)
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn handshake(stream: TcpStream, acceptor: &SslAcceptor) -> Option<SslStream<TcpStream>> {
    stream.set_nodelay(true).ok()?;
    let mut stream = SslStream::new(Ssl::new(acceptor.context()).ok()?, stream).ok()?;
    tokio::time::timeout(HANDSHAKE, Pin::new(&mut stream).accept())
        .await
        .ok()?
        .ok()?;
    Some(stream)
}
