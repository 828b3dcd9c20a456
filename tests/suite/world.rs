//! A shop with its plugin and a simulated Paygent, on free ports and in a folder of its own.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use host_shim::adapter::Adapter;
use host_shim::demo::{self, Reach, Settings};
use host_shim::gateway::{Gateway, GatewayConfig, Merchant};
use host_shim::library::{Called, Status as Outcome};
use host_shim::shop::{Order, Session, Status};
use host_shim::{clock, shop, web};
use serde_json::{Value, json};

/// A good card, and cards that are not, by the simulator's table.
pub(crate) const GOOD: &str = "4111111111111111";
pub(crate) const OTHER_GOOD: &str = "5555555555554444";
pub(crate) const UNUSABLE: &str = "4000000000001125";
pub(crate) const WRONG_CODE: &str = "4000000000001448";
pub(crate) const ANSWER_LOST: &str = "4000000000900029";

/// Noon of the guide's day in Japan, as Unix milliseconds.
pub(crate) const NOON: i64 = 1_606_359_600_000;

pub(crate) struct World {
    pub(crate) adapter: Arc<Adapter>,
    pub(crate) gateway: Gateway,
    pub(crate) reach: Reach,
    /// The shop's address, where it is served.
    pub(crate) shop_url: Option<String>,
    clock: clock::Setting,
    pub(crate) folder: tempfile::TempDir,
    _runtime: tokio::runtime::Runtime,
}

/// A card page that is open.
pub(crate) struct CardPage {
    pub(crate) order: Order,
    /// Below the mount point: `/pay/…`.
    pub(crate) path: String,
}

impl World {
    /// The plugin's and the shop's clock stand at noon until a test moves them.
    pub(crate) fn new() -> Self {
        Self::made(false, None, |_, _| Value::Null)
    }

    /// The same where every amount is changed by a new payment, and none is corrected (028, 029).
    pub(crate) fn by_new_payments() -> Self {
        Self::made(false, None, |_, _| json!({"staff": {"corrections": false}}))
    }

    /// A shop that browsers reach, with 3-D Secure and pushed notices. Nobody but the test does background work.
    pub(crate) fn reachable() -> Self {
        Self::made(true, None, demo::reachable_at)
    }

    /// The same with a change to these settings.
    pub(crate) fn reachable_with(change: impl FnOnce(&mut Value)) -> Self {
        Self::made(true, None, |url, merchant| {
            let mut members = demo::reachable_at(url, merchant);
            change(&mut members);
            members
        })
    }

    /// A shop that browsers reach, where the card is typed on Paygent's page (link type).
    pub(crate) fn by_link() -> Self {
        Self::reachable_with(by_link)
    }

    /// The same for browsers that reach shop and simulator by names of their own, over TLS: something has to stand there
    /// that leads to `shop_url` and `reach.online_url`.
    pub(crate) fn known_as(shop: &str, simulator: &str) -> Self {
        Self::made(true, Some(simulator), |_, merchant| demo::reachable_at(shop, merchant))
    }

    fn made(served: bool, simulator: Option<&str>, differing: impl FnOnce(&str, &Merchant) -> Value) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let config = GatewayConfig {
            folder: folder.path().join("gateway"),
            tls_port: 0,
            http_port: 0,
        };
        let gateway = runtime.block_on(Gateway::start(config)).unwrap();
        let clock = clock::Setting::default();
        clock.store(NOON, Ordering::Release);
        let reach = demo::reach(&gateway);
        let mut told = reach.clone();
        if let Some(simulator) = simulator {
            gateway.be_known_as(simulator);
            simulator.clone_into(&mut told.online_url);
        }
        let listener = runtime.block_on(demo::listen(0)).unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let settings = Settings {
            folder: folder.path().join("shop"),
            library: None,
            reach: told,
            clock: Arc::clone(&clock),
            differing: differing(&url, gateway.merchant()),
            wishes: Vec::new(),
        };
        let site = Arc::new(demo::open(&settings).unwrap());
        if served {
            runtime.spawn(web::pages(Arc::clone(&site), listener, std::future::pending()));
        }
        Self {
            adapter: Arc::clone(&site.adapter),
            gateway,
            reach,
            shop_url: served.then_some(url),
            clock,
            folder,
            _runtime: runtime,
        }
    }

    /// Another process of the shop with other settings: the same files, opened a second time.
    pub(crate) fn beside(&self, members: Value) -> Arc<Adapter> {
        let settings = Settings {
            folder: self.folder.path().join("shop"),
            library: None,
            reach: self.reach.clone(),
            clock: Arc::clone(&self.clock),
            differing: members,
            wishes: Vec::new(),
        };
        demo::open(&settings).unwrap().adapter
    }

    /// The same shop with the plugin opened anew, `gateway` of its configuration changed.
    pub(crate) fn reopened(mut self, change: impl FnOnce(&mut Value)) -> Self {
        let mut config = demo::config(&self.folder.path().join("shop"), &self.reach).unwrap();
        change(&mut config["gateway"]);
        self.adapter = self.beside(json!({"gateway": config["gateway"]}));
        self
    }

    /// The clock, for another plugin of this world.
    pub(crate) fn clock(&self) -> clock::Setting {
        Arc::clone(&self.clock)
    }

    /// Time passes.
    pub(crate) fn pass(&self, seconds: i64) {
        self.clock.fetch_add(seconds * 1_000, Ordering::AcqRel);
    }

    /// A member with a cart, on the confirmation page: product 1, ¥3,300.
    pub(crate) fn confirmed(&self) -> Order {
        self.confirmed_with(1, 1, 0)
    }

    /// The same with another product and points used.
    pub(crate) fn confirmed_with(&self, product: i32, pieces: i32, points: i64) -> Order {
        let session = self.session();
        self.adapter.shop.add(&session.session_id, product, pieces).unwrap();
        let order = self
            .adapter
            .shop
            .prepare(&session, &shop::member(), points)
            .unwrap()
            .unwrap();
        self.adapter.tell(&order).unwrap();
        order
    }

    /// The member's session.
    pub(crate) fn session(&self) -> Session {
        let session = self.adapter.shop.session("member").unwrap();
        if session.member_id.is_some() {
            return session;
        }
        self.adapter.shop.log_in("member", Some(1)).unwrap();
        self.adapter.shop.session("member").unwrap()
    }

    /// 「注文する」.
    pub(crate) fn entered(&self) -> CardPage {
        self.enter(self.confirmed())
    }

    pub(crate) fn enter(&self, order: Order) -> CardPage {
        let to = self.adapter.enter(&order, "ja").unwrap();
        let (_, path) = to.split_once("/paygent").unwrap();
        let path = path.to_owned();
        CardPage { path, order }
    }

    /// An order that is paid and placed.
    pub(crate) fn placed(&self) -> Order {
        let page = self.entered();
        let paid = self.pay(&page, GOOD);
        assert_eq!(outcome(&paid), "placed", "{}", paid.reply);
        self.order(&page.order)
    }

    /// The browser asks for the card page.
    pub(crate) fn show(&self, page: &CardPage) -> Called {
        self.get(&page.path)
    }

    pub(crate) fn get(&self, path: &str) -> Called {
        self.shopper(&json!({"method": "GET", "path": path}))
    }

    pub(crate) fn shopper(&self, request: &Value) -> Called {
        self.adapter.call("shopper.route", request).unwrap()
    }

    /// The shopper types a card and presses the button.
    pub(crate) fn pay(&self, page: &CardPage, card: &str) -> Called {
        let form = text(&self.show(page).reply, "/data/form");
        self.post(page, &form, &self.token(card))
    }

    pub(crate) fn post(&self, page: &CardPage, form: &str, token: &str) -> Called {
        let body = format!("form={form}&card_token={token}&payment_class=10");
        self.shopper(&json!({"method": "POST", "path": page.path, "body": body}))
    }

    pub(crate) fn token(&self, card: &str) -> String {
        self.gateway.card_token(card).unwrap()
    }

    /// The shopper presses 「戻る」.
    pub(crate) fn back(&self, page: &CardPage) -> Called {
        let back = text(&self.show(page).reply, "/data/back");
        self.back_with(page, &back)
    }

    pub(crate) fn back_with(&self, page: &CardPage, back: &str) -> Called {
        let path = format!("{}/back", page.path);
        self.shopper(&json!({"method": "POST", "path": path, "body": format!("back={back}")}))
    }

    /// The page 確認中 asks.
    pub(crate) fn status(&self, page: &CardPage) -> Called {
        self.get(&format!("{}/status", page.path))
    }

    /// A slice of background work.
    pub(crate) fn work(&self) {
        self.adapter.work().unwrap();
    }

    /// The order as the shop now has it.
    pub(crate) fn order(&self, order: &Order) -> Order {
        self.adapter.shop.order(&order.order_id).unwrap().unwrap()
    }

    /// Pieces of product 1, and the member's points.
    pub(crate) fn stock_and_points(&self) -> (i32, i64) {
        let goods = self.adapter.shop.products().unwrap();
        let stock = goods.iter().find(|product| product.product_id == 1).unwrap().stock;
        (stock, self.adapter.shop.member(1).unwrap().unwrap().points)
    }

    /// The shop's list with all eight boxes ticked.
    pub(crate) fn shop_orders(&self) -> Vec<String> {
        self.adapter
            .shop
            .orders(&Status::ALL)
            .unwrap()
            .into_iter()
            .map(|order| order.order_id)
            .collect()
    }

    /// The staff's list, by its query: `[("q", "…"), ("status", "new")]`.
    pub(crate) fn list(&self, query: &[(&str, &str)]) -> List {
        let mut fields: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (key, value) in query {
            fields.entry(key).or_default().push(value);
        }
        let mut request = staff("GET", "/payments");
        request["query"] = json!(fields);
        List(self.adapter.call("staff.route", &request).unwrap().reply)
    }

    /// The plugin's list with all eight boxes ticked.
    pub(crate) fn all_listed(&self) -> List {
        let boxes: Vec<(&str, &str)> = Status::ALL.iter().map(|status| ("status", status.name())).collect();
        self.list(&boxes)
    }

    /// The staff tick these orders, press 実行 and OK; the list with the result.
    pub(crate) fn run(&self, operation: &str, orders: &[&str]) -> List {
        let csrf = text(&self.list(&[]).0, "/data/csrf");
        let ticked: String = orders
            .iter()
            .map(|order| format!("&order_{operation}={order}"))
            .collect();
        let mut request = staff("POST", "/payments/bulk");
        request["body"] = json!(format!("csrf={csrf}&operation={operation}{ticked}"));
        let started = self.adapter.call("staff.route", &request).unwrap();
        let job = text(&started.reply, "/data/job");
        self.list(&[("job", &job)])
    }

    /// 実行 of a column with these boxes ticked, as the list's own form posts it: the run's number, not confirmed yet.
    pub(crate) fn preflight(&self, operation: &str, orders: &[&str]) -> String {
        let csrf = text(&self.list(&[]).0, "/data/csrf");
        let ticked: String = orders
            .iter()
            .map(|order| format!("&order_{operation}={order}"))
            .collect();
        self.posted(
            "/payments/bulk/preflight",
            &format!("csrf={csrf}&operation={operation}{ticked}"),
        )
    }

    /// Posts a staff form that leads to a run; its number.
    pub(crate) fn posted(&self, path: &str, body: &str) -> String {
        let mut request = staff("POST", path);
        request["body"] = json!(body);
        let called = self.adapter.call("staff.route", &request).unwrap();
        text(&called.reply, "/data/job")
    }

    /// OK, 停止, 再開 or 失敗した注文だけもう一度.
    pub(crate) fn steer(&self, job: &str, how: &str) -> String {
        let csrf = text(&self.list(&[]).0, "/data/csrf");
        self.posted(&format!("/payments/bulk/{job}/{how}"), &format!("csrf={csrf}"))
    }

    /// 「決済処理中の注文の取消」 is pressed: the run's number, not confirmed yet; the list's address where there is nothing to do.
    pub(crate) fn clean_up(&self) -> Result<String, String> {
        let csrf = text(&self.list(&[]).0, "/data/csrf");
        let mut request = staff("POST", "/payments/cleanup");
        request["body"] = json!(format!("csrf={csrf}"));
        let reply = self.adapter.call("staff.route", &request).unwrap().reply;
        match reply.pointer("/data/job").and_then(Value::as_str) {
            Some(job) => Ok(job.to_owned()),
            None => Err(text(&reply, "/redirect")),
        }
    }

    /// The same, and OK; the list with the result.
    pub(crate) fn cleaned_up(&self) -> List {
        let job = self.clean_up().unwrap();
        self.steer(&job, "confirm");
        self.list(&[("job", &job)])
    }

    /// A run's own page.
    pub(crate) fn run_page(&self, job: &str) -> List {
        List(
            self.adapter
                .call("staff.route", &staff("GET", &format!("/payments/bulk/{job}")))
                .unwrap()
                .reply,
        )
    }

    /// A page that is open lets the run go on; what it is told.
    pub(crate) fn step(&self, job: &str) -> Value {
        let called = self
            .adapter
            .call("staff.route", &staff("POST", &format!("/payments/bulk/{job}/step")))
            .unwrap();
        called.reply["data"].clone()
    }

    /// What the self-check finds amiss.
    pub(crate) fn self_check(&self) -> Vec<String> {
        let ask = |request: &Value| self.adapter.call("staff.route", request).unwrap().reply;
        let csrf = text(&ask(&staff("GET", "/settings")), "/data/csrf");
        let mut request = staff("POST", "/settings/check");
        request["body"] = json!(format!("csrf={csrf}"));
        let checks = ask(&request)["data"]["checks"].as_array().cloned().unwrap();
        assert!(checks.len() > 4, "{checks:?}");
        // The test's clock stands apart from the wall's, by which the simulator's web server dates its answers.
        let amiss = checks
            .iter()
            .filter(|check| check["good"] != true && check["name"] != "clock");
        amiss.map(|check| text(check, "/name")).collect()
    }

    /// The staff edit an order's amount in the shop.
    pub(crate) fn reprice(&self, order: &Order, amount: i64) {
        let edited = self.adapter.shop.edit(&order.order_id, None, Some(amount)).unwrap();
        self.adapter.tell(&edited).unwrap();
    }

    /// An order whose payment is authorised over ¥3,300 and, where wanted, captured; then the staff edit its amount.
    pub(crate) fn edited(&self, captured: bool, amount: i64) -> Order {
        let order = self.placed();
        if captured {
            self.run("capture", &[&order.order_id]);
        }
        self.reprice(&order, amount);
        order
    }

    /// Time passes and work is done until nothing waits any more.
    pub(crate) fn settle(&self) {
        for _ in 0..12 {
            self.pass(70);
            self.work();
        }
    }

    /// Payments of the order that hold or have taken money at the simulator: id, status, amount.
    pub(crate) fn live(&self, order: &str) -> Vec<(i64, i64, i64)> {
        let all: Vec<Value> = self.control("GET", &format!("payments?order={order}"), "");
        let number = |payment: &Value, field: &str| payment[field].as_i64().unwrap();
        all.iter()
            .map(|payment| {
                (
                    number(payment, "payment_id"),
                    number(payment, "status"),
                    number(payment, "amount"),
                )
            })
            .filter(|(_, status, _)| [20, 30, 40, 41].contains(status))
            .collect()
    }

    /// The payments of an order as its page tells them.
    pub(crate) fn order_page(&self, order: &str) -> List {
        List(
            self.adapter
                .call("staff.route", &staff("GET", &format!("/payments/orders/{order}")))
                .unwrap()
                .reply,
        )
    }

    /// Telegrams that the simulator has seen of that kind.
    pub(crate) fn telegrams(&self, kind: &str) -> Vec<Value> {
        let all: Vec<Value> = self.control("GET", "telegrams", "");
        all.into_iter().filter(|telegram| telegram["kind"] == kind).collect()
    }

    /// Payments in the simulator's ledger: number, trading_id, status, …
    pub(crate) fn payments(&self) -> Vec<Value> {
        self.control("GET", "payments", "")
    }

    /// One column of the plugin's database, as another process reads it: a second copy of SQLite in this one would take
    /// the plugin's locks away.
    pub(crate) fn rows(&self, sql: &str) -> Vec<String> {
        self.asked_of("shop/paygent.db", sql)
    }

    /// The same of the simulator's ledger: what the gateway holds that nobody asked for.
    pub(crate) fn ledger(&self, sql: &str) -> Vec<String> {
        self.asked_of("gateway/ledger.db", sql)
    }

    fn asked_of(&self, database: &str, sql: &str) -> Vec<String> {
        let database = self.folder.path().join(database);
        let printed = crate::boundary::run(std::process::Command::new("sqlite3").arg(database).arg(sql));
        printed.lines().map(str::to_owned).collect()
    }

    pub(crate) fn control<T: serde::de::DeserializeOwned>(&self, method: &str, path: &str, body: &str) -> T {
        let answer = http(
            method,
            &format!("{}control/{path}", self.reach.online_url),
            &[("content-type", "application/json")],
            body,
        );
        assert_eq!(answer.status, 200, "{}", answer.body);
        serde_json::from_str(&answer.body).unwrap()
    }

    /// The next telegram of that kind meets a fault.
    pub(crate) fn fault(&self, kind: &str, fault: &Value) {
        let _: Value = self.control(
            "POST",
            "faults",
            &json!({"kind": kind, "times": 1, "fault": fault}).to_string(),
        );
    }
}

/// Makes a shop of the link type of these settings.
pub(crate) fn by_link(members: &mut Value) {
    members["card"]["entry"] = json!("link");
}

/// A staff request of somebody who may do everything.
pub(crate) fn staff(method: &str, path: &str) -> Value {
    json!({
        "method": method, "path": path, "staff_url": "/admin/paygent", "nonce": "test-nonce",
        "operator": {"id": "1", "name": "管理者"}, "rights": ["view", "capture", "void", "change", "settings"],
    })
}

/// The staff's list as it came.
pub(crate) struct List(pub(crate) Value);

impl List {
    pub(crate) fn html(&self) -> &str {
        self.0
            .pointer("/fragment/html")
            .and_then(Value::as_str)
            .unwrap_or_else(|| panic!("no list: {}", self.0))
    }

    /// Order numbers, top down.
    pub(crate) fn numbers(&self) -> Vec<String> {
        self.html()
            .split("<tr data-order=\"")
            .skip(1)
            .map(|row| row.split('"').next().unwrap().to_owned())
            .collect()
    }

    /// The cells of an order's row.
    pub(crate) fn row(&self, number: &str) -> Vec<String> {
        let start = format!("<tr data-order=\"{number}\">");
        let row = self
            .html()
            .split(&start)
            .nth(1)
            .unwrap_or_else(|| panic!("no row {number}"))
            .split("</tr>")
            .next()
            .unwrap();
        row.split("</td>").map(words).take(10).collect()
    }

    /// Whether the row has a box of that column.
    pub(crate) fn offers(&self, number: &str, column: &str) -> bool {
        self.html()
            .contains(&format!("name=\"order_{column}\" value=\"{number}\""))
    }

    pub(crate) fn says(&self, text: &str) -> bool {
        words(self.html()).contains(text)
    }
}

/// Text without tags, styles and scripts, spaces folded.
pub(crate) fn words(html: &str) -> String {
    let mut html = html.to_owned();
    for tag in ["style", "script"] {
        while let Some(from) = html.find(&format!("<{tag}"))
            && let Some(length) = html[from..].find(&format!("</{tag}>"))
        {
            html.replace_range(from..from + length, "");
        }
    }
    let mut text = String::new();
    let mut inside = false;
    for c in html.chars() {
        match c {
            '<' => inside = true,
            '>' => {
                inside = false;
                text.push(' ');
            }
            c if !inside => text.push(c),
            _ => {}
        }
    }
    let escaped = [
        ("&#x2f;", "/"),
        ("&quot;", "\""),
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&amp;", "&"),
    ];
    let text = escaped
        .iter()
        .fold(text, |text, (entity, sign)| text.replace(entity, sign));
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A text member of a reply.
pub(crate) fn text(reply: &Value, pointer: &str) -> String {
    reply
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_else(|| panic!("no {pointer} in {reply}"))
        .to_owned()
}

/// `placed`, `declined`, …: what the card page's hook says became of a payment.
pub(crate) fn outcome(called: &Called) -> String {
    text(&called.reply, "/data/outcome")
}

/// The reply's code, for one that is not OK.
pub(crate) fn code(called: &Called) -> (Outcome, String) {
    (called.status, text(&called.reply, "/code"))
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }
}

/// One request on a connection of its own.
pub(crate) fn http(method: &str, url: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    try_http(method, url, headers, body).unwrap()
}

pub(crate) fn try_http(method: &str, url: &str, headers: &[(&str, &str)], body: &str) -> std::io::Result<Answer> {
    let (host, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut stream = TcpStream::connect(host)?;
    let more: String = headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}\r\n"))
        .collect();
    let length = body.len();
    write!(
        stream,
        "{method} /{path} HTTP/1.0\r\nhost: {host}\r\ncontent-length: {length}\r\n{more}\r\n{body}"
    )?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n").ok_or(std::io::ErrorKind::UnexpectedEof)?;
    let mut lines = head.lines();
    let status = lines
        .next()
        .and_then(|line| line.split(' ').nth(1))
        .and_then(|code| code.parse().ok())
        .unwrap_or(0);
    let headers = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()));
    Ok(Answer {
        status,
        headers: headers.collect(),
        body: body.to_owned(),
    })
}
