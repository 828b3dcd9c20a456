//! One HTTPS exchange, once: no redirect, no second try, one deadline, and the knowledge whether a byte left.
//!
//! Each telegram has a connection of its own. On a kept one a telegram can meet a dead peer, and then nobody knows
//! whether it arrived; a fresh connection fails before the first byte or not at all. The runtime lives as long as the
//! call: no thread and no socket is left for a `fork` to copy.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::header;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_openssl::SslStream;

use super::outcome::{Fault, FaultCode};
use super::settings::Settings;
use super::tls;

/// The longest reply that is read.
const REPLY_LIMIT: usize = 1 << 20;

/// Why no reply came.
#[derive(Debug)]
pub(super) enum Failure {
    /// Provably no byte of the request left, or none was looked at.
    NotSent(Fault),
    /// It may have arrived.
    Lost(Fault),
}

/// What came back.
pub(super) struct Posted {
    pub(super) body: Vec<u8>,
    /// The server's clock, where it told it.
    pub(super) date: Option<DateTime<Utc>>,
}

/// Posts `body` to `path` of a host (`https://host[:port]`) and brings the reply.
pub(super) fn post(settings: &Settings, host: &str, path: &str, body: String) -> Result<Posted, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::NotSent(Fault::new(FaultCode::Connect, error.to_string())))?;
    runtime.block_on(exchange(settings, host, path, body))
}

async fn exchange(settings: &Settings, host: &str, path: &str, body: String) -> Result<Posted, Failure> {
    let (host, port) = address(host);
    let seconds = |secs: u32| Duration::from_secs(u64::from(secs));
    let (wire, above) = (Arc::new(Seen::default()), Arc::new(Seen::default()));
    let connecting = connect(settings, (host, port), &wire);
    let stream = match timeout(seconds(settings.connect_timeout_secs), connecting).await {
        Ok(connected) => connected.map_err(Failure::NotSent)?,
        Err(_) => {
            return Err(Failure::NotSent(Fault::new(
                FaultCode::Connect,
                "no connection in time",
            )));
        }
    };
    let stream = Watched {
        stream,
        seen: Arc::clone(&above),
    };
    let asked = ask(stream, (host, port), path, body);
    match timeout(seconds(settings.timeout_secs), asked).await {
        Ok(Ok(reply)) => whole(reply, &wire).map_err(Failure::Lost),
        Ok(Err(fault)) => Err(above.judge(fault)),
        Err(_) => Err(Failure::Lost(Fault::new(FaultCode::Timeout, "no whole reply in time"))),
    }
}

/// Host and port of `https://host[:port]`.
fn address(url: &str) -> (&str, u16) {
    const HTTPS: u16 = 443;
    let authority = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = authority.split('/').next().unwrap_or(authority);
    match authority.rsplit_once(':') {
        Some((host, port)) => (host, port.parse().unwrap_or(HTTPS)),
        None => (authority, HTTPS),
    }
}

type Stream = SslStream<Watched<TcpStream>>;

async fn connect(settings: &Settings, to: (&str, u16), wire: &Arc<Seen>) -> Result<Stream, Fault> {
    let (host, port) = to;
    let connector = tls::connector(settings)?;
    let stream = TcpStream::connect(to).await;
    let stream = stream.map_err(|error| Fault::new(FaultCode::Connect, format!("{host}:{port}: {error}")))?;
    let tcp = Watched {
        stream,
        seen: Arc::clone(wire),
    };
    let ssl = connector
        .configure()
        .and_then(|configured| configured.into_ssl(host))
        .map_err(|error| Fault::new(FaultCode::TlsSetup, error.to_string()))?;
    let mut stream = SslStream::new(ssl, tcp).map_err(|error| Fault::new(FaultCode::TlsSetup, error.to_string()))?;
    let shaken = Pin::new(&mut stream).connect().await;
    shaken.map_err(|error| {
        let (code, why) = tls::why(stream.ssl(), &error);
        Fault::new(code, format!("{host}:{port}: {why}"))
    })?;
    Ok(stream)
}

/// What came back, and whether the server said how long it is.
struct Reply {
    body: Vec<u8>,
    measured: bool,
    date: Option<DateTime<Utc>>,
}

async fn ask(stream: Watched<Stream>, to: (&str, u16), path: &str, body: String) -> Result<Reply, Fault> {
    let cut = |error: hyper::Error| Fault::new(FaultCode::RequestCut, error.to_string());
    let request = http::Request::post(path)
        .header(header::HOST, format!("{}:{}", to.0, to.1))
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(header::CONNECTION, "close")
        .body(Full::new(Bytes::from(body)))
        .map_err(|error| Fault::new(FaultCode::Connect, error.to_string()))?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(cut)?;
    // The sender hears of the connection's end by itself; the task is gone with the call's runtime.
    let driver = tokio::spawn(connection);
    let reply = sender.send_request(request).await.map_err(cut)?;
    let reply = read(reply).await;
    driver.abort();
    reply
}

async fn read(reply: http::Response<Incoming>) -> Result<Reply, Fault> {
    if reply.status() != http::StatusCode::OK {
        return Err(Fault::new(
            FaultCode::ReplyStatus,
            format!("status {}", reply.status().as_u16()),
        ));
    }
    let lengths = [header::CONTENT_LENGTH, header::TRANSFER_ENCODING];
    let measured = lengths.iter().any(|name| reply.headers().contains_key(name));
    let told = reply.headers().get(header::DATE).and_then(|date| date.to_str().ok());
    let date = told
        .and_then(|date| DateTime::parse_from_rfc2822(date).ok())
        .map(|date| date.to_utc());
    let mut frames = reply.into_body();
    let mut body = Vec::new();
    while let Some(frame) = frames.frame().await {
        let frame = frame.map_err(|error| Fault::new(FaultCode::ReplyCut, error.to_string()))?;
        body.extend_from_slice(frame.data_ref().map_or(&[][..], |data| data));
        if body.len() > REPLY_LIMIT {
            return Err(Fault::new(
                FaultCode::ReplyTooLong,
                format!("more than {REPLY_LIMIT} bytes"),
            ));
        }
    }
    Ok(Reply { body, measured, date })
}

/// A reply of no stated length ends where TLS says farewell. A server of the HTTP/1.0 kind may just hang up: then
/// a telegram of whole lines is whole, and anything else was cut.
fn whole(reply: Reply, wire: &Seen) -> Result<Posted, Fault> {
    if reply.measured || !wire.hung_up() || reply.body.ends_with(b"\n") {
        Ok(Posted {
            body: reply.body,
            date: reply.date,
        })
    } else {
        Err(Fault::new(
            FaultCode::ReplyCut,
            "the server hung up in the middle of a line",
        ))
    }
}

/// What passed through a stream.
#[derive(Default)]
struct Seen {
    written: AtomicBool,
    hung_up: AtomicBool,
    /// The server's no to our certificate. Where it asks or tells after the handshake (TLS 1.3, a renegotiation), that no
    /// meets the request in place of an answer.
    refused: OnceLock<String>,
}

impl Seen {
    fn written(&self) -> bool {
        self.written.load(Ordering::Acquire)
    }

    fn hung_up(&self) -> bool {
        self.hung_up.load(Ordering::Acquire)
    }

    /// What a fault means for the telegram. Whoever refused our certificate before the answer has looked at no telegram,
    /// whatever we wrote.
    fn judge(&self, fault: Fault) -> Failure {
        match self.refused.get() {
            Some(why) if fault.code == FaultCode::RequestCut => {
                Failure::NotSent(Fault::new(FaultCode::TlsCertificate, why.as_str()))
            }
            _ if self.written() => Failure::Lost(fault),
            _ => Failure::NotSent(fault),
        }
    }
}

/// A stream that tells what passed through it: below TLS whether the peer hung up, above it whether we wrote and whether
/// our certificate was refused.
struct Watched<S> {
    stream: S,
    seen: Arc<Seen>,
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        if matches!(polled, Poll::Ready(Ok(()))) && buffer.filled().len() == before {
            self.seen.hung_up.store(true, Ordering::Release);
        }
        if let Poll::Ready(Err(error)) = &polled
            && let Some(why) = tls::refusal(error)
        {
            let _ = self.seen.refused.set(why);
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        // Set before the attempt: OpenSSL may have put part of a record on the wire although it reports an error.
        self.seen.written.store(true, Ordering::Release);
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_host_and_port() {
        assert_eq!(address("https://module.paygent.co.jp"), ("module.paygent.co.jp", 443));
        assert_eq!(address("https://127.0.0.1:9443"), ("127.0.0.1", 9443));
    }
}
