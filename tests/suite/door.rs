//! The HTTP door: the same hooks by method and path, signed, on loopback.

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::mpsc;

use host_shim::demo;
use host_shim::library::{Plugin, Status as Outcome, beside_this_program};
use serde_json::{Value, json};

use crate::world::{Answer, GOOD, NOON, World, http, text};

/// `whsec_` and 32 bytes.
const SECRET: &str = "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LTEyMw==";

struct Served {
    plugin: Arc<Plugin>,
    url: String,
    clock: Arc<AtomicI64>,
    serving: Option<std::thread::JoinHandle<Outcome>>,
}

/// The world's configuration, served by a second plugin on its own database, with the clock at noon.
fn serve(world: &World) -> Served {
    let mut config = demo::config(world.folder.path(), &world.reach).unwrap();
    config["http"] = json!({"secret": format!("whsec_{SECRET}")});
    let (told, heard) = mpsc::channel();
    let log = move |line: &str| {
        if let Some(address) = line.split("serve.listening address=").nth(1) {
            let _ = told.send(address.to_owned());
        }
    };
    let library = beside_this_program().unwrap();
    let clock = Arc::new(AtomicI64::new(NOON));
    let plugin = Arc::new(Plugin::open(&library, &config, Arc::clone(&clock), log).unwrap());
    let own = Arc::clone(&plugin);
    let serving = std::thread::spawn(move || own.serve("127.0.0.1:0").status);
    let address = heard.recv_timeout(std::time::Duration::from_secs(20)).unwrap();
    Served {
        plugin,
        url: format!("http://{address}"),
        clock,
        serving: Some(serving),
    }
}

impl Served {
    /// A call that the host signed, with the system's openssl rather than our own code.
    fn call(&self, hook: &str, body: &Value) -> Answer {
        let body = body.to_string();
        let at = (NOON / 1_000).to_string();
        let signature = format!("v1,{}", sign(&format!("msg_1.{at}.{body}")));
        let headers = [
            ("webhook-id", "msg_1"),
            ("webhook-timestamp", at.as_str()),
            ("webhook-signature", signature.as_str()),
        ];
        http("POST", &format!("{}/hooks/{hook}", self.url), &headers, &body)
    }
}

impl Served {
    /// An order on its card page, its goods held: the page's path.
    fn entered(&self, id: &str) -> String {
        let at = "2020-11-26T12:00:00+09:00";
        let order = json!({
            "id": id, "number": id, "status": "processing", "amount": 3300, "created_at": at, "updated_at": at,
        });
        let urls = json!({"complete": "/complete", "back": "/cart"});
        let entered = self.call("checkout.enter", &json!({"data": {"order": order, "urls": urls}}));
        assert_eq!(
            (entered.status, entered.header("paygent-status")),
            (200, Some("ok")),
            "{}",
            entered.body
        );
        let acks = json!([{"key": format!("pend:{id}:1"), "result": "applied"}]);
        self.call("effects.ack", &json!({"data": {"acks": acks}}));
        let entered: Value = serde_json::from_str(&entered.body).unwrap();
        text(&entered, "/redirect")
    }

    /// The form of a card page, as the browser gets it.
    fn form(&self, path: &str) -> String {
        let page = http("GET", &format!("{}{path}", self.url), &[], "");
        assert!(
            page.header("content-security-policy")
                .unwrap()
                .contains("default-src 'none'")
        );
        page.body
            .split("name=\"form\" value=\"")
            .nth(1)
            .unwrap()
            .split('"')
            .next()
            .unwrap()
            .to_owned()
    }

    /// The browser posts it with a card's token.
    fn pay(&self, path: &str, token: &str) -> Answer {
        let body = format!("form={}&card_token={token}", self.form(path));
        http("POST", &format!("{}{path}", self.url), &[], &body)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.plugin.stop();
        let ended = self.serving.take().unwrap().join().unwrap();
        assert_eq!(ended, Outcome::Ok, "serve returns when it is stopped");
    }
}

fn sign(message: &str) -> String {
    use std::io::Write;
    let key: String = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, SECRET)
        .unwrap()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let mut openssl = Command::new("openssl")
        .args([
            "dgst",
            "-sha256",
            "-mac",
            "HMAC",
            "-macopt",
            &format!("hexkey:{key}"),
            "-binary",
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    openssl.stdin.take().unwrap().write_all(message.as_bytes()).unwrap();
    let digest = openssl.wait_with_output().unwrap().stdout;
    assert_eq!(digest.len(), 32);
    base64::Engine::encode(&base64::engine::general_purpose::STANDARD, digest)
}

#[test]
fn a_shop_sells_over_http() {
    let world = World::new();
    let served = serve(&world);
    let paid = served.pay(&served.entered("h1"), &world.token(GOOD));
    assert_eq!(
        (paid.status, paid.header("location")),
        (303, Some("/complete")),
        "{}",
        paid.body
    );
    let pending: Value = serde_json::from_str(&served.call("effects.pending", &json!({})).body).unwrap();
    let kinds: Vec<&Value> = pending["effects"]
        .as_array()
        .unwrap()
        .iter()
        .map(|effect| &effect["kind"])
        .collect();
    assert_eq!(
        kinds,
        ["order.place", "mail.order_placed"],
        "the host fetches what the browser's request caused"
    );
    assert_eq!(world.payments()[0]["status"], 20);
}

#[test]
fn a_call_that_the_host_did_not_sign_is_not_taken() {
    let world = World::new();
    let served = serve(&world);
    let ask =
        |headers: &[(&str, &str)]| http("POST", &format!("{}/hooks/orders.put", served.url), headers, "{}").status;
    let at = (NOON / 1_000).to_string();
    let good = format!("v1,{}", sign(&format!("msg_1.{at}.{{}}")));
    let signed = [
        ("webhook-id", "msg_1"),
        ("webhook-timestamp", at.as_str()),
        ("webhook-signature", good.as_str()),
    ];
    assert_eq!(ask(&signed), 200);
    assert_eq!(ask(&[]), 401);
    assert_eq!(ask(&[("webhook-id", "msg_2"), signed[1], signed[2]]), 401);
    assert_eq!(ask(&[signed[0], ("webhook-timestamp", "1606000000"), signed[2]]), 401);
    assert_eq!(ask(&[signed[0], signed[1], ("webhook-signature", "v1,AAAA")]), 401);
}

#[test]
fn shopper_staff_and_gateway_routes_are_apart() {
    let world = World::new();
    let served = serve(&world);
    let status = |method: &str, path: &str| http(method, &format!("{}{path}", served.url), &[], "").status;
    assert_eq!(
        status("GET", "/admin/paygent/payments"),
        404,
        "staff pages only through the host"
    );
    assert_eq!(
        status("GET", "/paygent/payments"),
        404,
        "nor by the shoppers' mount point"
    );
    assert_eq!(status("GET", "/hooks/staff.route"), 405);
    assert_eq!(status("GET", "/paygent/pay/0123456789abcdef0123456789abcdef"), 404);
    assert_eq!(status("GET", "/"), 404);
    assert_eq!(status("DELETE", "/paygent/pay/x"), 404);
}

#[test]
fn serving_does_the_background_work() {
    let world = World::new();
    let served = serve(&world);
    let path = served.entered("b1");
    world.fault("020", &json!("drop_after"));
    let paid = served.pay(&path, &world.token(GOOD));
    assert!(
        paid.header("location").unwrap().ends_with("/status"),
        "the answer is lost"
    );
    served.clock.fetch_add(4_000, Ordering::AcqRel);
    let placed = (0..100).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(100));
        served.call("effects.pending", &json!({})).body.contains("order.place")
    });
    assert!(placed, "nobody asked for the lost answer");
}

#[test]
fn both_doors_bring_the_same_page() {
    let world = World::new();
    let served = serve(&world);
    let path = served.entered("s1");
    let by_http = http("GET", &format!("{}{path}", served.url), &[], "").body;
    let below = path.strip_prefix("/paygent").unwrap();
    let by_call = served
        .plugin
        .call("shopper.route", &json!({"method": "GET", "path": below}))
        .reply;
    assert_eq!(without_random(&by_http), without_random(&text(&by_call, "/body")));
}

/// Nonces and form tokens are long; nothing else on a page is that long without a break.
fn without_random(html: &str) -> String {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    let words = html.split(|c| !is_part(c)).filter(|word| word.len() < 32);
    words.collect::<Vec<_>>().join(" ")
}
