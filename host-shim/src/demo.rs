//! Everything at once: simulator, plugin and shop, with the guide's sample orders made by the real hooks, so that each of
//! them has a real payment in the simulator's ledger.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::{Context as _, bail};
use chrono::{NaiveDate, NaiveDateTime, TimeDelta};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::adapter::Adapter;
use crate::clock;
use crate::gateway::{Gateway, GatewayConfig, Merchant};
use crate::library::{Plugin, beside_this_program};
use crate::shop::{Shop, Status};
use crate::web::{self, Site};
use crate::wish::Wish;

/// Where the simulated Paygent is, for a shop.
#[derive(Debug, Clone)]
pub struct Reach {
    /// `https://…` of the telegrams.
    pub tls_url: String,
    /// `http://…/` of token script and pages.
    pub online_url: String,
    /// Client certificate and key.
    pub client_pem: PathBuf,
    /// Who signed the simulator's certificate.
    pub authorities_pem: PathBuf,
}

/// What a shop is started with.
pub struct Settings {
    /// Shop and plugin keep their files here.
    pub folder: PathBuf,
    /// `libpaygent.so`; found beside this program otherwise.
    pub library: Option<PathBuf>,
    /// The gateway.
    pub reach: Reach,
    /// Unix milliseconds that the clock is held at; 0 for the system's.
    pub clock: clock::Setting,
    /// Members of the plugin's configuration that differ from the demo's.
    pub differing: Value,
    /// Single settings that differ from all of that.
    pub wishes: Vec<Wish>,
}

/// What a shop adds to the plugin's configuration once browsers and the simulator reach it at a whole address: 3-D Secure
/// and pushed notices.
pub fn reachable_at(shop_url: &str, merchant: &Merchant) -> Value {
    let three_ds = json!({"enabled": true, "merchant_name": "SAMPLE SHOP", "key": merchant.three_ds_key});
    json!({
        "urls": {"shopper": format!("{}/paygent", shop_url.trim_end_matches('/')), "my_page": "/mypage"},
        "card": card(&three_ds),
        "notices": {"key": merchant.notice_key},
    })
}

/// What the card page offers.
fn card(three_ds: &Value) -> Value {
    json!({
        "instalments": {"counts": [3, 6, 12], "from": 3_000},
        "bonus": {"from": 10_000},
        "revolving": {},
        "stored": true,
        "three_ds": three_ds,
    })
}

/// How long after a sale the shop is told of it, and calls the order paid: long enough to be seen as not paid yet.
const NOTICED_AFTER: Duration = Duration::from_secs(60);

/// The merchant that the simulator knows.
const MERCHANT: &str = "10001";

/// Opens shop and plugin in a folder; several processes may do so with one folder.
pub fn open(settings: &Settings) -> anyhow::Result<Site> {
    std::fs::create_dir_all(&settings.folder)?;
    let shop = Shop::open(&settings.folder.join("shop.db"), Arc::clone(&settings.clock))?;
    let library = settings.library.clone().map_or_else(beside_this_program, Ok)?;
    let mut config = config(&settings.folder, &settings.reach)?;
    if let (Some(all), Some(differing)) = (config.as_object_mut(), settings.differing.as_object()) {
        all.extend(differing.clone());
    }
    for wish in &settings.wishes {
        wish.put(&mut config);
    }
    let plugin = Plugin::open(&library, &config, Arc::clone(&settings.clock), tell)?;
    let adapter = Adapter {
        shop,
        plugin: Arc::new(plugin),
    };
    Ok(Site {
        adapter: Arc::new(adapter),
        online_url: settings.reach.online_url.clone(),
    })
}

/// The plugin's configuration for the simulated Paygent.
pub fn config(folder: &Path, reach: &Reach) -> anyhow::Result<Value> {
    Ok(json!({
        "database": folder.join("paygent.db"),
        "signing_key": signing_key(folder)?,
        "shop": {"name": "見本の店"},
        "gateway": {
            "environment": "sandbox",
            "url": reach.tls_url,
            "merchant_id": MERCHANT,
            "connect_id": "cid",
            "connect_password": "cpw",
            "certificate": reach.client_pem,
            "authorities": reach.authorities_pem,
            "link_key": "simulated_link_key",
            "link_url": format!("{}/v/u/request", reach.tls_url),
            "link_pages": reach.online_url.trim_end_matches('/'),
            "token_key": "simulated_token_key",
            "token_script_url": format!("{}js/PaygentToken.js", reach.online_url),
            "timeout_secs": 20,
        },
        "card": card(&json!({})),
        "paygent_online_url": reach.online_url,
    }))
}

/// A key that is made once per folder: whoever makes the file first decides.
fn signing_key(folder: &Path) -> anyhow::Result<String> {
    let path = folder.join("signing.key");
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes)?;
    let key = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, bytes);
    let own = tempfile_beside(&path)?;
    std::fs::write(&own, &key)?;
    let linked = std::fs::hard_link(&own, &path);
    std::fs::remove_file(&own)?;
    match linked {
        Ok(()) => Ok(key),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(std::fs::read_to_string(&path)?),
        Err(error) => Err(error.into()),
    }
}

fn tempfile_beside(path: &Path) -> anyhow::Result<PathBuf> {
    let name = format!(".signing.{}", std::process::id());
    Ok(path.parent().context("a folder")?.join(name))
}

#[expect(clippy::print_stderr, reason = "the demo's log is its standard error")]
fn tell(line: &str) {
    eprintln!("plugin: {line}");
}

/// What `demo` is started with.
pub struct Demo {
    /// Where everything is kept; made where it is missing.
    pub folder: PathBuf,
    /// `libpaygent.so`.
    pub library: Option<PathBuf>,
    /// Of the shop; the simulator takes the next two. 0: free ones.
    pub port: u16,
    /// A day on which the demo's clock stands still, at 18:00 Japanese time.
    pub pin_clock: Option<NaiveDate>,
    /// Settings of the plugin that differ from the demo's.
    pub wishes: Vec<Wish>,
}

/// Runs the demo until `stop`; `ready` hears the addresses of shop, admin and simulator.
pub async fn run(
    demo: Demo,
    stop: impl Future<Output = ()>,
    ready: impl FnOnce(&str, &str, &str),
) -> anyhow::Result<()> {
    let next = |by: u16| {
        if demo.port == 0 {
            0
        } else {
            demo.port.saturating_add(by)
        }
    };
    let folder = demo.folder.join("gateway");
    let wanted = GatewayConfig {
        folder: folder.clone(),
        tls_port: next(2),
        http_port: next(1),
    };
    let gateway = match Gateway::start(wanted).await {
        Ok(gateway) => gateway,
        // Its usual ports are taken.
        Err(_) => {
            Gateway::start(GatewayConfig {
                folder,
                tls_port: 0,
                http_port: 0,
            })
            .await?
        }
    };
    let setting = clock::Setting::default();
    let reach = reach(&gateway);
    let mut settings = Settings {
        folder: demo.folder.join("shop"),
        library: demo.library,
        reach,
        clock: Arc::clone(&setting),
        differing: Value::Null,
        wishes: Vec::new(),
    };
    let today = demo
        .pin_clock
        .unwrap_or_else(|| (clock::now() + TimeDelta::hours(9)).date_naive());
    // The sample orders come from a time before 3-D Secure had to be used.
    seed(&open(&settings)?, &gateway, &setting, today).await?;
    setting.store(demo.pin_clock.map_or(0, |day| millis(evening(day))), Ordering::Release);
    let listener = listen(demo.port).await?;
    let shop = format!("http://{}/", listener.local_addr()?);
    settings.differing = reachable_at(&shop, gateway.merchant());
    settings.wishes = demo.wishes;
    let site = Arc::new(open(&settings)?);
    gateway.push_to(&format!("{shop}paygent/notice"), NOTICED_AFTER);
    ready(&shop, &format!("{shop}admin"), &gateway.online_url());
    web::serve(site, listener, stop).await;
    gateway.stop().await;
    Ok(())
}

/// How a shop reaches this simulator.
pub fn reach(gateway: &Gateway) -> Reach {
    let online_url = gateway.online_url();
    Reach {
        tls_url: gateway.tls_url(),
        online_url: format!("{}/", online_url.trim_end_matches('/')),
        client_pem: gateway.client_pem(),
        authorities_pem: gateway.authorities_pem(),
    }
}

/// That port of this machine, or a free one where it is taken.
pub async fn listen(port: u16) -> anyhow::Result<TcpListener> {
    match TcpListener::bind(("127.0.0.1", port)).await {
        Ok(listener) => Ok(listener),
        Err(_) => Ok(TcpListener::bind(("127.0.0.1", 0)).await?),
    }
}

fn evening(day: NaiveDate) -> NaiveDateTime {
    const SIX_PM_IN_JAPAN: TimeDelta = TimeDelta::hours(9);
    day.and_time(chrono::NaiveTime::MIN) + SIX_PM_IN_JAPAN
}

fn millis(utc: NaiveDateTime) -> i64 {
    utc.and_utc().timestamp_millis()
}

/// One of the guide's sample orders: number, yen, when it was made (Japanese time, 2020), and what became of it.
struct Sample(&'static str, i64, &'static str, Became);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Became {
    Authorised,
    CapturedAndPaid,
    LeftOnTheCardPage,
    CalledOff,
}

/// The guide's figures, p. 4 to 8; the cancelled ones were called off by the shop on 2020-11-26.
const SAMPLES: [Sample; 6] = [
    Sample("208", 1_542, "2020-10-08T16:44:00", Became::CalledOff),
    Sample("217", 2_100, "2020-10-16T18:09:00", Became::CapturedAndPaid),
    Sample("227", 2_100, "2020-11-02T13:48:00", Became::CalledOff),
    Sample("233", 3_200, "2020-11-26T11:39:00", Became::Authorised),
    Sample("234", 3_300, "2020-11-26T12:00:00", Became::Authorised),
    Sample("235", 3_200, "2020-11-26T17:13:00", Became::LeftOnTheCardPage),
];

const GOOD_CARD: &str = "4111111111111111";

/// Makes the sample orders with the real hooks, each at its own time, the newest on `today`, the gaps kept.
async fn seed(site: &Site, gateway: &Gateway, setting: &clock::Setting, today: NaiveDate) -> anyhow::Result<()> {
    if site.adapter.shop.order("234")?.is_some() {
        return Ok(());
    }
    let last = NaiveDate::from_ymd_opt(2020, 11, 26).context("the guide's last day")?;
    let shift = today.signed_duration_since(last);
    for sample in &SAMPLES {
        let at: NaiveDateTime = sample.2.parse::<NaiveDateTime>()? + shift - TimeDelta::hours(9);
        setting.store(millis(at), Ordering::Release);
        let token = match sample.3 {
            Became::Authorised | Became::CapturedAndPaid => Some(gateway.card_token(GOOD_CARD)?),
            Became::LeftOnTheCardPage | Became::CalledOff => None,
        };
        let (adapter, setting) = (Arc::clone(&site.adapter), Arc::clone(setting));
        tokio::task::spawn_blocking(move || make(&adapter, &setting, sample, token.as_deref())).await??;
    }
    let called_off = last.and_hms_opt(7, 0, 0).context("a time")? + shift;
    setting.store(millis(called_off), Ordering::Release);
    for Sample(id, ..) in SAMPLES.iter().filter(|sample| sample.3 == Became::CalledOff) {
        let order = site.adapter.shop.edit(id, Some(Status::Cancelled), None)?;
        let adapter = Arc::clone(&site.adapter);
        tokio::task::spawn_blocking(move || adapter.tell(&order)).await??;
    }
    Ok(())
}

fn make(adapter: &Adapter, setting: &clock::Setting, sample: &Sample, token: Option<&str>) -> anyhow::Result<()> {
    let Sample(id, amount, _, became) = *sample;
    let order = adapter.shop.sample(id, amount)?;
    let card_page = adapter.enter(&order, "ja")?;
    let Some(token) = token else { return Ok(()) };
    let path = card_page.strip_prefix("/paygent").context("a card page")?.to_owned();
    let page = adapter.call("card.page", &json!({"method": "GET", "path": path}))?;
    let form = page
        .reply
        .pointer("/data/form")
        .and_then(Value::as_str)
        .context("a card form")?;
    let paid = adapter.call(
        "card.pay",
        &json!({"method": "POST", "path": path, "body": format!("form={form}&card_token={token}")}),
    )?;
    if paid.reply.pointer("/data/outcome").and_then(Value::as_str) != Some("placed") {
        bail!("sample order {id} was not paid: {}", paid.reply);
    }
    if became == Became::CapturedAndPaid {
        setting.fetch_add(TimeDelta::hours(1).num_milliseconds(), Ordering::AcqRel);
        capture(adapter, id)?;
        adapter.tell(&adapter.shop.edit(id, Some(Status::Paid), None)?)?;
    }
    Ok(())
}

fn capture(adapter: &Adapter, id: &str) -> anyhow::Result<()> {
    let staff = |method: &str, path: &str, body: &str| {
        json!({
            "method": method, "path": path, "body": body,
            "operator": {"id": "1", "name": "管理者"}, "rights": ["view", "capture"],
        })
    };
    let list = adapter.call("admin.list", &staff("GET", "/payments", ""))?;
    let csrf = list
        .reply
        .pointer("/data/csrf")
        .and_then(Value::as_str)
        .context("a form of the list")?;
    let posted = format!("operation=capture&order_capture={id}&csrf={csrf}");
    adapter
        .call("admin.bulk.start", &staff("POST", "/payments/bulk", &posted))
        .map(drop)
}
