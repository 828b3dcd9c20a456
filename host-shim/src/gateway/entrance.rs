//! The machines' entrance: HTTP requests under `/n/` and `/s/`, orders of the link type, and how their answers travel or fail to.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http::{Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Limited};
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use tokio::time::Sleep;

use super::fault::Delivery;
use super::online::link;
use super::telegram::{self, Access, Call};
use super::{Paygent, wire};

/// Where orders of the link type are posted, as at `link.paygent.co.jp`.
const LINK: &str = "/v/u/request";
/// No telegram is longer.
const LONGEST: usize = 64 * 1024;
/// Something that is no answer in any charset.
const GARBAGE: &[u8] = b"\xff\xfe\x80<html><body>Bad Gateway</body></html>\x00";
/// Long enough for the first half of an answer to leave before the connection closes.
const HALF_WAY: Duration = Duration::from_millis(50);

/// Answers one request. An error closes the connection without a byte.
pub(crate) async fn answer(
    paygent: Arc<Paygent>,
    certified: bool,
    request: Request<Incoming>,
) -> io::Result<Response<Outgoing>> {
    let (head, body) = request.into_parts();
    let path = head.uri.path();
    if path == LINK {
        return order(&paygent, body).await;
    }
    let (access, place) = match path.split_at_checked(2) {
        Some(("/n", _)) if !certified => return Ok(plain(StatusCode::FORBIDDEN, "a client certificate is required")),
        Some(("/n", place)) => (Access::Certificate, place),
        Some(("/s", place)) => (Access::Hash, place),
        _ => return Ok(plain(StatusCode::NOT_FOUND, "no such telegram path")),
    };
    if head.method != Method::POST {
        return Ok(plain(StatusCode::METHOD_NOT_ALLOWED, "telegrams are posted"));
    }
    let body = match Limited::new(body, LONGEST).collect().await {
        Ok(body) => body.to_bytes(),
        Err(_) => {
            return Ok(plain(
                StatusCode::PAYLOAD_TOO_LARGE,
                "the telegram was not received whole",
            ));
        }
    };
    let raw = if body.is_empty() {
        head.uri.query().unwrap_or_default().as_bytes()
    } else {
        &body
    };
    let kind = wire::Fields::parse(raw).text("telegram_kind").to_owned();
    if let Some(later) = paygent.faults.take_late(&kind) {
        let (paygent, path, place, raw) = (Arc::clone(&paygent), path.to_owned(), place.to_owned(), raw.to_vec());
        tokio::spawn(async move {
            tokio::time::sleep(later).await;
            let call = Call {
                access,
                path: &path,
                place: &place,
                raw: &raw,
            };
            // Nobody is told, not even of a ledger that fails: the test that looks into it is.
            let _ = telegram::handle(&paygent, &call, paygent.clock.now());
        });
        return Err(io::Error::new(
            io::ErrorKind::ConnectionAborted,
            "done later, on purpose",
        ));
    }
    match telegram::handle(
        &paygent,
        &Call {
            access,
            path,
            place,
            raw,
        },
        paygent.clock.now(),
    ) {
        Ok(answer) => deliver(&paygent, answer).await,
        Err(error) => Ok(plain(
            StatusCode::INTERNAL_SERVER_ERROR,
            &format!("the simulator's ledger failed: {error}"),
        )),
    }
}

/// An order of the link type, whose own hash proves the shop.
async fn order(paygent: &Paygent, body: Incoming) -> io::Result<Response<Outgoing>> {
    let Ok(body) = Limited::new(body, LONGEST).collect().await else {
        return Ok(plain(StatusCode::PAYLOAD_TOO_LARGE, "the order was not received whole"));
    };
    match link::take(paygent, &body.to_bytes()) {
        Ok(taken) => deliver(paygent, taken.answer).await,
        Err(error) => Ok(plain(
            StatusCode::INTERNAL_SERVER_ERROR,
            &format!("the simulator's ledger failed: {error}"),
        )),
    }
}

async fn deliver(paygent: &Paygent, answer: telegram::Answer) -> io::Result<Response<Outgoing>> {
    if answer.executed {
        paygent.until_released(&answer.kind).await;
    }
    let bytes = match answer.kind.as_str() {
        // 450 alone is answered in UTF-8.
        "450" => answer.text.clone().into_bytes(),
        _ => wire::encode(&answer.text),
    };
    match answer.delivery {
        Delivery::Prompt => Ok(telegram(Outgoing::whole(bytes))),
        Delivery::Late(delay) => {
            tokio::time::sleep(Duration::from_millis(delay)).await;
            Ok(telegram(Outgoing::whole(bytes)))
        }
        Delivery::Lost => Err(io::Error::new(io::ErrorKind::ConnectionAborted, "closed on purpose")),
        Delivery::Garbled => Ok(telegram(Outgoing::whole(GARBAGE.to_vec()))),
        Delivery::Cut => {
            let promised = bytes.len();
            let mut response = telegram(Outgoing::half(bytes));
            response.headers_mut().insert(header::CONTENT_LENGTH, promised.into());
            Ok(response)
        }
        Delivery::Http500 => Ok(plain(StatusCode::INTERNAL_SERVER_ERROR, "")),
    }
}

fn telegram(body: Outgoing) -> Response<Outgoing> {
    let mut response = Response::new(body);
    let charset = header::HeaderValue::from_static("text/plain; charset=Windows-31J");
    response.headers_mut().insert(header::CONTENT_TYPE, charset);
    response
}

fn plain(status: StatusCode, why: &str) -> Response<Outgoing> {
    let mut response = Response::new(Outgoing::whole(format!("{why}\n").into_bytes()));
    *response.status_mut() = status;
    response
}

/// A body that arrives, or of which only the first half does.
pub(crate) struct Outgoing {
    bytes: Option<Bytes>,
    /// Set for a body that breaks off: how long until it does.
    breaks_off: Option<Pin<Box<Sleep>>>,
}

impl Outgoing {
    fn whole(bytes: Vec<u8>) -> Self {
        Self {
            bytes: Some(bytes.into()),
            breaks_off: None,
        }
    }

    fn half(mut bytes: Vec<u8>) -> Self {
        bytes.truncate(bytes.len() / 2);
        Self {
            bytes: Some(bytes.into()),
            breaks_off: Some(Box::pin(tokio::time::sleep(HALF_WAY))),
        }
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if let Some(bytes) = self.bytes.take() {
            return Poll::Ready(Some(Ok(Frame::data(bytes))));
        }
        if let Some(moment) = self.breaks_off.as_mut() {
            ready!(moment.as_mut().poll(context));
        }
        Poll::Ready(None)
    }

    fn size_hint(&self) -> SizeHint {
        match (&self.bytes, &self.breaks_off) {
            (Some(bytes), None) => SizeHint::with_exact(bytes.len() as u64),
            _ => SizeHint::default(),
        }
    }
}
