//! What the shop is told without asking, and what time brings.

use std::sync::Mutex;
use std::time::Duration;

use super::*;

/// The shop's address for notices: it keeps what comes, and answers as it should.
struct Inbox {
    url: String,
    came: Arc<Mutex<Vec<String>>>,
}

impl Inbox {
    fn open() -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/notice", listener.local_addr().unwrap());
        let came = Arc::new(Mutex::new(Vec::new()));
        let kept = came.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let body = posted(&mut stream);
                kept.lock().unwrap().push(body);
                stream.write_all(b"HTTP/1.0 200 OK\r\n\r\nresult=0").unwrap();
            }
        });
        Self { url, came }
    }

    /// The bodies, once so many have come.
    async fn bodies(&self, wanted: usize) -> Vec<String> {
        let patience = Instant::now();
        while self.came.lock().unwrap().len() < wanted {
            assert!(
                patience.elapsed() < Duration::from_secs(10),
                "{wanted} notices never came"
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        self.came.lock().unwrap().clone()
    }
}

fn posted(stream: &mut TcpStream) -> String {
    let mut request = Vec::new();
    let mut piece = [0; 1024];
    loop {
        let length = stream.read(&mut piece).unwrap();
        request.extend_from_slice(&piece[..length]);
        let text = String::from_utf8_lossy(&request).into_owned();
        if let Some((_, body)) = text.split_once("\r\n\r\n")
            && (body.contains("&hc=") || length == 0)
        {
            return body.to_owned();
        }
    }
}

/// A field of each body.
fn field(bodies: &[String], name: &str) -> Vec<String> {
    let value = |body: &String| {
        body.split('&')
            .filter_map(|pair| pair.split_once('='))
            .find(|(key, _)| *key == name)
            .map(|(_, value)| value.to_owned())
            .unwrap_or_default()
    };
    bodies.iter().map(value).collect()
}

impl Shop {
    /// Payment and status of every notice, oldest first.
    fn told(&self) -> Vec<(i64, i64)> {
        let notices = self.json("GET", "/control/notices", &Value::Null);
        let notices = notices.as_array().unwrap();
        notices
            .iter()
            .map(|notice| {
                (
                    notice["payment_id"].as_i64().unwrap() - 28_569_256,
                    notice["status"].as_i64().unwrap(),
                )
            })
            .collect()
    }

    fn settings(&self, change: &Value) {
        self.json("POST", "/control/settings", change);
    }

    fn operate(&self, kind: &str, payment: i64) -> String {
        let id = 28_569_256 + payment;
        self.telegram("/n/card/request", &format!("telegram_kind={kind}&payment_id={id}"))
    }

    fn pass(&self, seconds: u32) {
        self.json("POST", "/control/clock", &json!({"advance_secs": seconds}));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_change_of_a_status_is_a_notice() {
    let folder = folder();
    let shop = Shop::new(folder.path()).await;
    shop.authorise("1", "4111111111111111");
    shop.authorise("2", "4000000000001125");
    shop.operate("021", 1);
    shop.settings(&json!({"refusals_are_noticed": true}));
    shop.authorise("3", "4000000000001125");
    shop.authorise("4", "4111111111111111");
    shop.operate("022", 4);
    shop.operate("023", 4);
    shop.operate("023", 4);
    assert_eq!(shop.told(), [(1, 20), (1, 32), (3, 11), (4, 20), (4, 40), (4, 60)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn authorisations_and_sales_are_over_after_sixty_days() {
    const DAY: u32 = 24 * 60 * 60;
    let folder = folder();
    let shop = Shop::new(folder.path()).await;
    shop.authorise("1", "4111111111111111");
    shop.authorise("2", "4111111111111111");
    shop.pass(DAY);
    shop.operate("022", 2);
    shop.pass(59 * DAY);
    assert_eq!(shop.statuses(), [20, 40], "the sixtieth day still counts");
    shop.pass(DAY);
    assert_eq!(shop.statuses(), [33, 40], "the sale is a day younger");
    assert!(shop.operate("022", 1).contains("response_code=2007"));
    shop.pass(DAY);
    assert!(shop.operate("023", 2).contains("response_code=2007"));
    assert_eq!(shop.told()[3..], [(1, 33), (2, 41)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_over_by_the_same_clock() {
    let folder = folder();
    let shop = Shop::new(folder.path()).await;
    let token = shop.token("4111111111111111");
    shop.pass(20 * 60);
    let fields = "telegram_kind=020&trading_id=1&payment_amount=3300&payment_class=10&3dsecure_ryaku=1";
    let late = shop.telegram("/n/card/request", &format!("{fields}&card_token={token}"));
    assert!(late.contains("response_code=2020"), "{late}");
}

#[tokio::test(flavor = "multi_thread")]
async fn notices_come_twice_and_newest_first_when_a_test_wants_it() {
    let folder = folder();
    let shop = Shop::new(folder.path()).await;
    let inbox = Inbox::open();
    shop.authorise("1", "4111111111111111");
    shop.operate("022", 1);
    shop.settings(&json!({"notice_repeats": 2, "notice_disorder": true, "notice_url": inbox.url}));
    let bodies = inbox.bodies(4).await;
    assert_eq!(field(&bodies, "payment_status"), ["40", "40", "20", "20"]);
    assert_eq!(field(&bodies, "payment_notice_id"), ["2", "2", "1", "1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notice_waits_for_its_delay() {
    let folder = folder();
    let shop = Shop::new(folder.path()).await;
    let inbox = Inbox::open();
    shop.settings(&json!({"notice_delay_ms": 60_000, "notice_url": inbox.url}));
    shop.authorise("1", "4111111111111111");
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(inbox.bodies(0).await.is_empty());
    shop.pass(60);
    assert_eq!(field(&inbox.bodies(1).await, "trading_id"), ["1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_enters_notices_of_nothing_that_happened() {
    let folder = folder();
    let shop = Shop::new(folder.path()).await;
    shop.authorise("1", "4111111111111111");
    let payment = 28_569_257;
    let enter = |notice: Value| shop.json("POST", "/control/notices", &notice);
    assert_eq!(enter(json!({"payment_id": payment}))["notice_id"], 2);
    let late = enter(json!({"payment_id": payment, "status": 40, "amount": 1, "notice_id": 9}));
    assert_eq!((&late["status"], &late["amount"]), (&json!(40), &json!(1)));
    assert_eq!(
        enter(json!({"payment_id": 7}))["notice_id"],
        10,
        "they go on behind the gap"
    );
    let taken = shop.plain("POST", "/control/notices", &json!({"payment_id": 7, "notice_id": 9}));
    assert!(taken.starts_with("HTTP/1.0 409"), "{taken}");
    let inbox = Inbox::open();
    shop.gateway.push_to(&inbox.url, Duration::ZERO);
    let bodies = inbox.bodies(4).await;
    assert_eq!(field(&bodies, "payment_notice_id"), ["1", "2", "9", "10"]);
    assert_eq!(field(&bodies, "payment_amount"), ["3300", "3300", "1", "0"]);
    assert_eq!(field(&bodies, "trading_id"), ["1", "1", "1", ""]);
    let again = shop.telegram("/n/ref/paynotice", "telegram_kind=091&payment_notice_id=9");
    assert!(
        again.contains("payment_status=40\r\n") && again.contains("payment_amount=1\r\n"),
        "{again}"
    );
}
