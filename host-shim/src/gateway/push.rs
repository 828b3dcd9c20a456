//! Notices on their way to the shop: one after the other, again and again until the shop answers exactly `result=0`.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::Paygent;
use super::ledger::notices::{self, Notice};
use super::ledger::payments;
use super::telegram::notices::{hc, told};

/// What a shop has to answer, and nothing else.
pub(crate) const ACCEPTED: &str = "result=0";
/// Between one look and the next.
const PAUSE: Duration = Duration::from_millis(100);
/// How long a shop may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Pushes for as long as the simulator runs.
pub(crate) async fn run(paygent: Arc<Paygent>) {
    loop {
        tokio::time::sleep(PAUSE).await;
        let now = paygent.clock.now();
        // What cannot be turned now is turned at the next look.
        let _ = paygent.ledger.transact(|connection| payments::age(connection, now));
        let settings = paygent.settings();
        if settings.notice_url.is_empty() {
            continue;
        }
        let made_by = now - i64::from(settings.notice_delay_ms);
        let found = paygent.ledger.transact(|connection| match settings.notice_disorder {
            true => notices::newest_unpushed(connection, made_by),
            false => notices::oldest_unpushed(connection, made_by),
        });
        let Ok(Some(notice)) = found else {
            continue;
        };
        let mut answered = true;
        for _ in 0..settings.notice_repeats.max(1) {
            let answer = push(&paygent, &settings.notice_url, &notice).await;
            answered &= answer.is_ok_and(|answer| answer == ACCEPTED);
        }
        let at = answered.then(|| paygent.clock.now());
        // What cannot be written down is pushed once more: shops have to bear that.
        let _ = paygent
            .ledger
            .transact(|connection| notices::pushed(connection, notice.notice_id, at));
    }
}

/// Posts one notice; the shop's answer.
pub(crate) async fn push(paygent: &Paygent, url: &str, notice: &Notice) -> anyhow::Result<String> {
    let mut fields = paygent.ledger.transact(|connection| told(connection, notice))?;
    fields.push(("hc", hc(&fields, &paygent.merchant.notice_key)));
    let body: Vec<String> = fields.iter().map(|(field, value)| format!("{field}={value}")).collect();
    tokio::time::timeout(PATIENCE, post(url, &body.join("&"))).await?
}

/// Asks for an address without any browser.
pub(crate) async fn get(url: &str) -> anyhow::Result<String> {
    tokio::time::timeout(PATIENCE, send("GET", url, "")).await?
}

async fn post(url: &str, body: &str) -> anyhow::Result<String> {
    send("POST", url, body).await
}

/// One plain request, as simple as a machine's can be.
async fn send(method: &str, url: &str, body: &str) -> anyhow::Result<String> {
    let rest = url
        .strip_prefix("http://")
        .context("notices are pushed over plain HTTP here")?;
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let mut stream = TcpStream::connect(host).await?;
    let length = body.len();
    let request = format!(
        "{method} /{path} HTTP/1.0\r\nhost: {host}\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (_, body) = answer.split_once("\r\n\r\n").context("no answer")?;
    Ok(body.to_owned())
}
