//! A simulated Paygent: what the shop's server, the shopper's browser and the shop's staff would meet, so that all can
//! be tried without a contract. It knows nothing of the plugin and is held against the wire as published clients use it.
//!
//! In the order in which a payment goes: `online` the browser's side (token script and endpoint, ペイジェントオンライン,
//! control endpoint, the card company's page of 3-D Secure, the link type's card page) · `cards` what each test card does ·
//! `tls` and `entrance` the machines' side · `wire` and `hash` its bytes · `telegram` what each kind does, `refusal` how it says
//! no · `status` what may be done when · `ledger` what was done, for good · `push` tells the shop of it · `fault` and `settings`
//! what a test scripts · `merchant`, `certificates`, `clock` what all of it rests on.

mod cards;
mod certificates;
mod clock;
mod entrance;
mod fault;
mod hash;
mod ledger;
mod merchant;
mod online;
mod push;
mod refusal;
mod settings;
mod status;
mod telegram;
mod tls;
mod wire;

use std::collections::HashSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use anyhow::Context;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use certificates::Certificates;
use clock::Clock;
use fault::Faults;
use ledger::Ledger;
use ledger::payments::Payment;
pub use merchant::Merchant;
use settings::Settings;

/// Where the simulator keeps its files and listens.
#[derive(Debug, Clone)]
pub struct GatewayConfig {
    /// The ledger and the certificates; made when missing.
    pub folder: PathBuf,
    /// The machines' side (TLS); 0 takes a free port.
    pub tls_port: u16,
    /// The browser's side (plain HTTP); 0 takes a free port.
    pub http_port: u16,
}

/// A payment of the past, for the demo. Times are Unix milliseconds.
#[derive(Debug, Clone)]
pub struct Seed {
    /// 決済ID.
    pub payment_id: i64,
    /// マーチャント取引ID.
    pub trading_id: String,
    /// Yen.
    pub amount: i64,
    /// `payment_status`, e.g. 20 or 40.
    pub status: i32,
    /// `visa`, `mastercard`, `jcb`, `amex` or `diners`.
    pub brand: String,
    /// E.g. `************1881`.
    pub masked_card: String,
    /// Why it was refused, e.g. `2001`; empty when it was not.
    pub code: String,
    /// More of that, e.g. `1G12`.
    pub detail: String,
    /// When it was authorised or refused.
    pub applied_at: i64,
    /// When it was captured.
    pub captured_at: Option<i64>,
    /// When it was voided, or its sale cancelled.
    pub cancelled_at: Option<i64>,
}

/// The running simulator. Dropping it closes both sides and every connection.
pub struct Gateway {
    tls: SocketAddr,
    http: SocketAddr,
    files: Certificates,
    paygent: Arc<Paygent>,
    servers: JoinSet<()>,
}

impl Gateway {
    /// Starts both sides as tasks of the current tokio runtime.
    pub async fn start(config: GatewayConfig) -> anyhow::Result<Self> {
        std::fs::create_dir_all(&config.folder).context("the simulator's folder")?;
        let files = Certificates::in_folder(&config.folder)?;
        let ledger = Ledger::open(&config.folder.join("ledger.db"))?;
        let paygent = Arc::new(Paygent::new(ledger, std::fs::read_to_string(&files.server)?));
        let machines = TcpListener::bind((Ipv4Addr::LOCALHOST, config.tls_port))
            .await
            .context("the TLS port")?;
        let browsers = TcpListener::bind((Ipv4Addr::LOCALHOST, config.http_port))
            .await
            .context("the HTTP port")?;
        let (tls, http) = (machines.local_addr()?, browsers.local_addr()?);
        paygent.be_known_as(&format!("http://{http}/"));
        let mut servers = JoinSet::new();
        servers.spawn(push::run(paygent.clone()));
        servers.spawn(tls::serve(machines, tls::acceptor(&files)?, paygent.clone()));
        servers.spawn(online::serve(browsers, online::router(paygent.clone())?));
        Ok(Self {
            tls,
            http,
            files,
            paygent,
            servers,
        })
    }

    /// Where telegrams go, e.g. `https://127.0.0.1:9443`.
    pub fn tls_url(&self) -> String {
        format!("https://{}", self.tls)
    }

    /// Where browsers go, e.g. `http://127.0.0.1:9080/`.
    pub fn online_url(&self) -> String {
        format!("http://{}/", self.http)
    }

    /// Where orders of the link type are posted, e.g. `https://127.0.0.1:9443/v/u/request`.
    pub fn link_url(&self) -> String {
        format!("https://{}/v/u/request", self.tls)
    }

    /// The shop's certificate, then its key; the passphrase is `changeit`.
    pub fn client_pem(&self) -> PathBuf {
        self.files.client.clone()
    }

    /// The authority that signed the server's certificate.
    pub fn authorities_pem(&self) -> PathBuf {
        self.files.authorities.clone()
    }

    /// Browsers reach it at another address than its own, behind a server that speaks TLS to them.
    pub fn be_known_as(&self, url: &str) {
        self.paygent.be_known_as(url);
    }

    /// Pushes notices there from now on, each so long after it was made.
    pub fn push_to(&self, url: &str, delay: Duration) {
        let mut settings = self.paygent.settings();
        url.clone_into(&mut settings.notice_url);
        settings.notice_delay_ms = u32::try_from(delay.as_millis()).unwrap_or(u32::MAX);
        self.paygent.set(settings);
    }

    /// The shop's contract.
    pub fn merchant(&self) -> &Merchant {
        &self.paygent.merchant
    }

    /// A token for a card number, as the shopper's browser would get one.
    pub fn card_token(&self, card_number: &str) -> anyhow::Result<String> {
        online::token::issue(&self.paygent, card_number)
    }

    /// Puts a payment of the past into the ledger; one that is there already stays as it is.
    pub fn seed(&self, seed: Seed) -> anyhow::Result<()> {
        let payment = seed.payment();
        self.paygent
            .ledger
            .transact(|connection| ledger::payments::insert(connection, &payment))
            .context("the ledger")
    }

    /// Closes both sides and every connection, and waits until they are closed.
    pub async fn stop(mut self) {
        self.servers.shutdown().await;
    }
}

impl Seed {
    fn payment(self) -> Payment {
        let changed_at = [Some(self.applied_at), self.captured_at, self.cancelled_at]
            .into_iter()
            .flatten()
            .max();
        Payment {
            payment_id: self.payment_id,
            trading_id: self.trading_id,
            amount: self.amount,
            status: self.status,
            brand: self.brand,
            masked_card: self.masked_card,
            expiry: "3012".to_owned(),
            fingerprint: String::new(),
            card_key: cards::OTHER.to_owned(),
            payment_class: "10".to_owned(),
            split_count: String::new(),
            code: self.code,
            detail: self.detail,
            applied_at: self.applied_at,
            changed_at: changed_at.unwrap_or(self.applied_at),
            captured_at: self.captured_at,
            cancelled_at: self.cancelled_at,
            three_ds: false,
        }
    }
}

/// What both sides share.
struct Paygent {
    merchant: Merchant,
    ledger: Ledger,
    faults: Faults,
    settings: RwLock<Settings>,
    clock: Clock,
    /// Kinds of telegrams whose answers wait.
    held: watch::Sender<HashSet<String>>,
    /// Where browsers reach it, once it listens.
    online_url: RwLock<String>,
    /// Keeps a card's fingerprint from being counted back to its number.
    fingerprint_secret: String,
}

impl Paygent {
    fn new(ledger: Ledger, fingerprint_secret: String) -> Self {
        Self {
            merchant: Merchant::of_the_demo(),
            ledger,
            faults: Faults::default(),
            settings: RwLock::default(),
            clock: Clock::default(),
            held: watch::Sender::default(),
            online_url: RwLock::default(),
            fingerprint_secret,
        }
    }

    /// `http://127.0.0.1:9080/`.
    fn online_url(&self) -> String {
        self.online_url.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn be_known_as(&self, url: &str) {
        url.clone_into(&mut self.online_url.write().unwrap_or_else(PoisonError::into_inner));
    }

    fn settings(&self) -> Settings {
        self.settings.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, settings: Settings) {
        *self.settings.write().unwrap_or_else(PoisonError::into_inner) = settings;
    }

    /// Returns once no answer to this kind of telegram is held back.
    async fn until_released(&self, kind: &str) {
        // The sender lives in `self`, so the wait cannot end for want of one.
        let _ = self.held.subscribe().wait_for(|held| !held.contains(kind)).await;
    }
}

#[cfg(test)]
mod tests;
