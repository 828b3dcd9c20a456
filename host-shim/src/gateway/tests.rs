//! The simulator from outside: over its sockets, with the certificate it made.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

use openssl::pkey::PKey;
use openssl::ssl::{SslConnector, SslMethod, SslVersion};
use openssl::x509::X509;
use serde_json::{Value, json};

use super::*;

mod link;
mod notices;

const LOGIN: &str = "merchant_id=10001&connect_id=cid&connect_password=cpw&telegram_version=1.0";

/// A shop that talks to a simulator of its own, as plainly as a client can.
struct Shop {
    gateway: Gateway,
    certified: bool,
    newest_tls: SslVersion,
}

impl Shop {
    async fn new(folder: &Path) -> Self {
        let config = GatewayConfig {
            folder: folder.to_owned(),
            tls_port: 0,
            http_port: 0,
        };
        let gateway = Gateway::start(config).await.unwrap();
        Self {
            gateway,
            certified: true,
            newest_tls: SslVersion::TLS1_3,
        }
    }

    /// Status line, headers and body, as text; empty when the connection closes without a byte.
    fn tls(&self, request: &str) -> String {
        let mut builder = SslConnector::builder(SslMethod::tls_client()).unwrap();
        builder.set_ca_file(self.gateway.authorities_pem()).unwrap();
        builder.set_max_proto_version(Some(self.newest_tls)).unwrap();
        if self.certified {
            let pem = std::fs::read(self.gateway.client_pem()).unwrap();
            builder.set_certificate(&X509::from_pem(&pem).unwrap()).unwrap();
            builder
                .set_private_key(&PKey::private_key_from_pem_passphrase(&pem, b"changeit").unwrap())
                .unwrap();
        }
        let stream = TcpStream::connect(self.gateway.tls).unwrap();
        let mut stream = builder.build().connect("127.0.0.1", stream).unwrap();
        // Whoever is refused may find the door shut at either step.
        let _ = stream.write_all(request.as_bytes());
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        encoding_rs::SHIFT_JIS.decode(&answer).0.into_owned()
    }

    /// HTTP/1.0, all fields in the query string of an empty POST, no charset.
    fn telegram(&self, path: &str, fields: &str) -> String {
        self.tls(&format!("POST {path}?{LOGIN}&{fields} HTTP/1.0\r\n\r\n"))
    }

    fn plain(&self, method: &str, path: &str, body: &Value) -> String {
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let mut stream = TcpStream::connect(self.gateway.http).unwrap();
        let head = format!(
            "{method} {path} HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: {}",
            body.len()
        );
        stream.write_all(format!("{head}\r\n\r\n{body}").as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    fn json(&self, method: &str, path: &str, body: &Value) -> Value {
        let answer = self.plain(method, path, body);
        serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap_or_else(|_| panic!("{answer}"))
    }

    fn token(&self, number: &str) -> String {
        let merchant = self.gateway.merchant();
        let card = json!({
            "merchant_id": merchant.merchant_id, "token_key": merchant.token_key,
            "card_number": number, "expire_year": "98", "expire_month": "12", "cvc": "123", "name": "TARO TEST",
        });
        let reply = self.json("POST", "/token", &card);
        assert_eq!(reply["result"], "0000", "{reply}");
        reply["tokenizedCardObject"]["token"].as_str().unwrap().to_owned()
    }

    fn authorise(&self, trading_id: &str, number: &str) -> String {
        let token = self.token(number);
        let fields =
            "telegram_kind=020&payment_amount=3300&payment_class=10&3dsecure_ryaku=1&reduction_flag=&partner=x";
        let fields = format!("{fields}&trading_id={trading_id}&card_token={token}&security_code_use=1");
        self.telegram("/n/card/request", &fields)
    }

    fn statuses(&self) -> Vec<i64> {
        let payments = self.json("GET", "/control/payments", &Value::Null);
        payments
            .as_array()
            .unwrap()
            .iter()
            .map(|payment| payment["status"].as_i64().unwrap())
            .collect()
    }
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_is_authorised_captured_and_its_sale_cancelled() {
    let folder = folder();
    let shop = Shop::new(folder.path()).await;
    let authorised = shop.authorise("1001_1_a", "4012888888881881");
    assert!(authorised.starts_with("HTTP/1.0 200 OK\r\n"), "{authorised}");
    assert!(
        authorised.contains("\r\n\r\n\r\nresult=0\r\npayment_id=28569257\r\n"),
        "{authorised}"
    );
    assert!(authorised.contains("issur_name=ﾋﾞｻﾞｼﾞﾔﾊﾟﾝ\r\n"), "{authorised}");
    for (kind, status) in [("022", 40), ("023", 60)] {
        let done = shop.telegram("/n/card/request", &format!("telegram_kind={kind}&payment_id=28569257"));
        assert!(done.contains("\r\nresult=0\r\n"), "{done}");
        assert_eq!(shop.statuses(), [status]);
    }
    let again = shop.telegram("/n/card/request", "telegram_kind=023&payment_id=28569257");
    assert!(again.contains("response_code=2004\r\n"), "{again}");
    let log = shop.json("GET", "/control/telegrams?after=1", &Value::Null);
    let kinds: Vec<_> = log
        .as_array()
        .unwrap()
        .iter()
        .map(|telegram| telegram["kind"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["022", "023", "023"]);
    assert!(!log.to_string().contains("cpw"), "{log}");
    shop.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_certificate_only_a_signed_telegram_gets_in() {
    let folder = folder();
    let mut shop = Shop::new(folder.path()).await;
    shop.certified = false;
    let refused = shop.telegram("/n/ref/paymentref", "telegram_kind=094&payment_id=1");
    assert!(refused.starts_with("HTTP/1.0 403"), "{refused}");
    let unsigned = shop.telegram("/s/ref/paymentref", "telegram_kind=094&payment_id=1");
    assert!(unsigned.contains("response_code=P002"), "{unsigned}");
    let hc = hash::sha256(&["10001", "cid", "cpw", "094", "1.0", "1", "20261123170431", "HASHKEY"]);
    let fields = format!("telegram_kind=094&payment_id=1&request_date=20261123170431&hc={hc}");
    let signed = shop.telegram("/s/ref/paymentref", &fields);
    assert!(signed.contains("response_code=13001"), "{signed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_strangers_certificate_breaks_the_handshake() {
    let (own, strange) = (folder(), folder());
    let shop = Shop::new(own.path()).await;
    let stranger = Shop::new(strange.path()).await;
    std::fs::copy(stranger.gateway.client_pem(), shop.gateway.client_pem()).unwrap();
    // TLS 1.3 tells the client only after its own side of the handshake is over.
    assert_eq!(shop.telegram("/n/ref/paymentref", "telegram_kind=094&payment_id=1"), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn old_and_new_clients_are_understood() {
    let folder = folder();
    let mut shop = Shop::new(folder.path()).await;
    shop.newest_tls = SslVersion::TLS1_2;
    let body = format!("payment_id=1&telegram_kind=094&{LOGIN}");
    let head = format!(
        "POST /n/ref/paymentref HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}",
        body.len()
    );
    for charset in [
        "",
        "\r\nContent-Type: application/x-www-form-urlencoded; charset=nonsense",
    ] {
        let answer = shop.tls(&format!("{head}{charset}\r\n\r\n{body}"));
        assert!(
            answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.contains("response_code=13001"),
            "{answer}"
        );
    }
    let answer = shop.tls("GET /n/ref/paymentref HTTP/1.0\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.0 405"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_are_lost_cut_and_garbled_after_the_money_moved() {
    let folder = folder();
    let shop = Shop::new(folder.path()).await;
    assert_eq!(shop.authorise("1", "4000000000900029"), "");
    assert_eq!(shop.authorise("2", "4000000000900037"), "");
    let cut = shop.authorise("3", "4000000000900052");
    let (head, body) = cut.split_once("\r\n\r\n").unwrap();
    let promised: usize = head
        .to_lowercase()
        .split_once("content-length: ")
        .unwrap()
        .1
        .lines()
        .next()
        .unwrap()
        .parse()
        .unwrap();
    assert!(body.starts_with("\r\nresult=0") && body.len() < promised, "{cut}");
    assert!(!shop.authorise("4", "4000000000900045").contains("result="));
    assert!(shop.authorise("5", "4000000000905002").starts_with("HTTP/1.0 500"));
    assert_eq!(shop.statuses(), [20, 20, 20], "the second and the last one did nothing");
    for fault in [json!("drop_before"), json!("drop_after")] {
        shop.json("POST", "/control/faults", &json!({"kind": "022", "fault": fault}));
        assert_eq!(shop.telegram("/n/card/request", "telegram_kind=022&trading_id=1"), "");
    }
    assert_eq!(shop.statuses(), [40, 20, 20], "the second of the two arrived");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_held_answer_is_committed_and_waits_for_its_release() {
    let folder = folder();
    let shop = Arc::new(Shop::new(folder.path()).await);
    shop.json("POST", "/control/hold", &Value::Null);
    let waiting = tokio::task::spawn_blocking({
        let shop = shop.clone();
        move || shop.authorise("1", "4111111111111111")
    });
    let patience = Instant::now();
    while shop.statuses() != [20] {
        assert!(
            patience.elapsed() < Duration::from_secs(10),
            "the 020 was never carried out"
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(!waiting.is_finished());
    shop.json("POST", "/control/release", &Value::Null);
    assert!(waiting.await.unwrap().contains("\r\nresult=0\r\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_outlives_the_process() {
    let folder = folder();
    let shop = Shop::new(folder.path()).await;
    shop.authorise("1", "4111111111111111");
    let authority = std::fs::read(shop.gateway.authorities_pem()).unwrap();
    shop.gateway.stop().await;
    let shop = Shop::new(folder.path()).await;
    assert_eq!(shop.statuses(), [20]);
    assert_eq!(std::fs::read(shop.gateway.authorities_pem()).unwrap(), authority);
    assert!(shop.authorise("2", "4111111111111111").contains("payment_id=28569258"));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_but_the_owner_reads_the_key() {
    use std::os::unix::fs::PermissionsExt;
    let folder = folder();
    let shop = Shop::new(folder.path()).await;
    let path = shop.gateway.client_pem();
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let pem = std::fs::read_to_string(path).unwrap();
    let (certificate, key) = (pem.find("BEGIN CERTIFICATE"), pem.find("BEGIN ENCRYPTED PRIVATE KEY"));
    assert!(certificate < key && certificate.is_some(), "{pem}");
}

#[tokio::test(flavor = "multi_thread")]
async fn r11_paygent_online_lists_good_and_refused_payments_newest_first() {
    let folder = folder();
    let shop = Shop::new(folder.path()).await;
    let seed = Seed {
        payment_id: 217,
        trading_id: "217_1_demo".to_owned(),
        amount: 2_100,
        status: 40,
        brand: "jcb".to_owned(),
        masked_card: "************0000".to_owned(),
        code: String::new(),
        detail: String::new(),
        applied_at: 1_602_839_340_000,
        captured_at: Some(1_602_925_740_000),
        cancelled_at: None,
    };
    shop.gateway.seed(seed.clone()).unwrap();
    shop.gateway.seed(Seed { amount: 1, ..seed }).unwrap();
    shop.authorise("301_1_x", "4000000000001125");
    shop.authorise("301_2_y", "5555555555554444");
    let page = shop.plain("GET", "/", &Value::Null);
    let places: Vec<_> = ["301_2_y", "301_1_x", "217_1_demo"]
        .iter()
        .map(|id| page.find(id).unwrap())
        .collect();
    assert!(places.is_sorted(), "{places:?}");
    for shown in [
        "シミュレータ",
        "オーソリNG",
        "2001 1G12",
        "オーソリOK",
        "************4444",
        "¥2,100",
        "2020/10/16 18:09:00",
    ] {
        assert!(page.contains(shown), "{shown} is missing");
    }
    let found = shop.plain("GET", "/?q=301_1", &Value::Null);
    assert!(found.contains("301_1_x") && !found.contains("301_2_y") && !found.contains("217_1_demo"));
    assert_eq!(
        shop.json("GET", "/control/payments?order=301", &Value::Null)
            .as_array()
            .unwrap()
            .len(),
        2
    );
    assert!(
        shop.plain("GET", "/?q=%3Cscript%3E", &Value::Null)
            .contains("&lt;script&gt;")
    );
    assert!(
        shop.plain("GET", "/cards", &Value::Null)
            .contains("4000 0000 0000 1125")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_sets_what_only_time_would_bring() {
    let folder = folder();
    let shop = Shop::new(folder.path()).await;
    shop.authorise("1", "4111111111111111");
    shop.json("POST", "/control/payments/28569257", &json!({"status": 33}));
    let late = shop.telegram("/n/card/request", "telegram_kind=022&payment_id=28569257");
    assert!(late.contains("response_code=2007"), "{late}");
    let settings = shop.json("POST", "/control/settings", &json!({"repeat_succeeds": true}));
    assert_eq!(
        (&settings["repeat_succeeds"], &settings["brands"][0]),
        (&json!(true), &json!("visa"))
    );
    assert!(
        shop.plain("POST", "/control/settings", &json!({"repeat_suceeds": true}))
            .starts_with("HTTP/1.0 400")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn any_shops_page_may_load_the_script_and_ask_for_a_token() {
    let folder = folder();
    let shop = Shop::new(folder.path()).await;
    let script = shop.plain("GET", "/js/PaygentToken.js", &Value::Null);
    assert!(
        script.contains("content-type: text/javascript") && script.contains("createCvcToken"),
        "{script}"
    );
    assert!(
        shop.plain("OPTIONS", "/token", &Value::Null)
            .contains("access-control-allow-origin: *")
    );
    let wrong = shop.plain("POST", "/token", &json!({"merchant_id": "10001", "token_key": "wrong"}));
    assert!(
        wrong.contains("access-control-allow-origin: *") && wrong.ends_with("{\"result\":\"1200\"}"),
        "{wrong}"
    );
}
