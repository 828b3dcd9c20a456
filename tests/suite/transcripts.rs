//! Every hook's call as a snapshot: what was asked, the telegrams on the wire, the rows that changed, the reply, the effects.
//!
//! The clock stands still, so only what is random is masked; each mask checks the shape of what it hides, and equal
//! values keep one name through a story.

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::{Value, json};

use crate::boundary::run;
use crate::link::types_at;
use crate::three_ds::{CHALLENGE, parts};
use crate::wire::pushed;
use crate::world::{ANSWER_LOST, GOOD, OTHER_GOOD, UNUSABLE, World, http, staff, text, words};

/// A story told call by call.
struct Story {
    world: World,
    told: String,
    names: BTreeMap<String, String>,
    telegrams: i64,
    rows: Vec<String>,
}

const TABLES: [&str; 15] = [
    "orders",
    "holds",
    "attempts",
    "attempt_log",
    "payments",
    "changes",
    "telegrams",
    "effects",
    "jobs",
    "job_items",
    "flags",
    "acs_pages",
    "notices",
    "storings",
    "removals",
];

impl Story {
    fn begin() -> Self {
        Self::of(World::new())
    }

    fn of(world: World) -> Self {
        Self {
            world,
            told: String::new(),
            names: BTreeMap::new(),
            telegrams: 0,
            rows: Vec::new(),
        }
    }

    /// Calls a hook and writes down all that followed.
    fn call(&mut self, hook: &str, request: Value) -> Value {
        let called = self.world.adapter.plugin.call(hook, &request);
        self.write(&format!("=== {hook} → {:?}\n", called.status));
        self.write(&format!("request {}\n", pretty(&request)));
        let sent: Vec<Value> = self
            .world
            .control("GET", &format!("telegrams?after={}", self.telegrams), "");
        for telegram in sent {
            self.telegrams = telegram["seq"].as_i64().unwrap();
            self.write(&format!("telegram {}\n", pretty(&telegram_as_told(&telegram))));
        }
        let rows = self.rows();
        let without = |these: &[String], those: &[String]| -> Vec<String> {
            these.iter().filter(|row| !those.contains(row)).cloned().collect()
        };
        let (gone, new) = (without(&self.rows, &rows), without(&rows, &self.rows));
        for (sign, rows) in [("-", gone), ("+", new)] {
            for row in rows {
                self.write(&format!("{sign} {row}\n"));
            }
        }
        self.rows = rows;
        self.write(&format!("reply {}\n\n", pretty(&reply_as_told(&called.reply))));
        called.reply
    }

    /// The host says that it did what a reply asked for.
    fn applied(&mut self, reply: &Value) {
        let keys = reply["effects"]
            .as_array()
            .unwrap()
            .iter()
            .map(|effect| effect["key"].clone());
        let acks: Vec<Value> = keys.map(|key| json!({"key": key, "result": "applied"})).collect();
        self.call("effects.ack", json!({"data": {"acks": acks}}));
    }

    /// The plugin's rows in the order in which they were made, read by a process of its own.
    fn rows(&self) -> Vec<String> {
        let database = self.world.folder.path().join("shop/paygent.db");
        let rows = TABLES.iter().flat_map(|table| {
            let query = format!("SELECT * FROM {table} ORDER BY rowid");
            let printed = run(Command::new("sqlite3").args(["-json"]).arg(&database).arg(query));
            let rows: Vec<Value> = if printed.is_empty() {
                Vec::new()
            } else {
                serde_json::from_str(&printed).unwrap()
            };
            rows.into_iter().map(move |row| format!("{table} {row}"))
        });
        rows.collect()
    }

    fn write(&mut self, text: &str) {
        let simulator = self.world.reach.online_url.trim_end_matches('/').to_owned();
        let text = text.replace(&simulator, "<simulator>").replace("'nonce-", "'nonce- ");
        let text = match self.world.shop_url.as_deref() {
            Some(shop) => with_addresses(&text, shop.trim_end_matches('/')),
            None => text,
        };
        let mut word = String::new();
        for c in text.chars().chain(['\n']) {
            if c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-') {
                word.push(c);
                continue;
            }
            let masked = self.mask(&word);
            self.told.push_str(&masked);
            self.told.push(c);
            word.clear();
        }
        self.told.pop();
    }

    /// What is random gets a name, by its shape.
    fn mask(&mut self, word: &str) -> String {
        let hex = |text: &str, length: usize| {
            text.len() == length && text.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f'))
        };
        let sealed = |(left, right): (&str, &str)| left.len() >= 16 && right.len() == 43;
        let trading: Vec<&str> = word.rsplitn(3, '_').collect();
        match trading.as_slice() {
            [salt, attempt, order] if hex(salt, 4) && attempt.parse::<u32>().is_ok() => {
                return format!("{order}_{attempt}_{}", self.name("salt", salt));
            }
            _ => {}
        }
        // A change's number, and those of its steps.
        if let Some((change, step)) = word.split_once('-')
            && hex(change, 24)
        {
            return format!("{}-{step}", self.name("change", change));
        }
        // The journal's row of a card that was stored with a payment.
        if let Some(attempt) = word.strip_suffix("-025")
            && hex(attempt, 32)
        {
            return format!("{}-025", self.name("id", attempt));
        }
        match word {
            word if word.strip_prefix('m').is_some_and(|rest| hex(rest, 24)) => self.name("customer", word),
            word if hex(word, 24) => self.name("change", word),
            word if hex(word, 32) => self.name("id", word),
            // Behind a slash that stands encoded in a field.
            word if word.strip_prefix("2F").is_some_and(|rest| hex(rest, 32)) => {
                format!("2F{}", self.name("id", &word[2..]))
            }
            word if hex(word, 64) => self.name("digest", word),
            word if word.strip_prefix("tok_").is_some_and(|rest| hex(rest, 48)) => self.name("card token", word),
            word if word.split_once('.').is_some_and(sealed) => self.name("sealed", word),
            word if word.len() == 36 && word.split('-').all(|part| hex(part, part.len())) => self.name("auth id", word),
            word if hex(word, 48) => self.name("page", word),
            word if word.len() == 43 => self.name("proof", word),
            word if word.len() > 64 && !word.contains('.') => self.name("locked", word),
            word if word.len() == 14 && word.starts_with("20") && word.parse::<u64>().is_ok() => "<time>".to_owned(),
            word => word.to_owned(),
        }
    }

    fn name(&mut self, kind: &str, value: &str) -> String {
        let next = self
            .names
            .values()
            .filter(|name| name.starts_with(&format!("<{kind} ")))
            .count()
            + 1;
        self.names
            .entry(value.to_owned())
            .or_insert_with(|| format!("<{kind} {next}>"))
            .clone()
    }
}

/// Addresses of the shop, which read the same in a form as elsewhere.
fn with_addresses(text: &str, shop: &str) -> String {
    let escaped = [("%3A", ":"), ("%2F", "/"), ("%3F", "?"), ("%3D", "=")];
    let text = escaped
        .iter()
        .fold(text.to_owned(), |text, (escaped, plain)| text.replace(escaped, plain));
    text.replace(shop, "<shop>")
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap()
}

/// Path, fields as sent and reply as sent; the simulator's own number and time say nothing.
fn telegram_as_told(telegram: &Value) -> Value {
    let mut told = telegram.clone();
    for own in ["seq", "at", "time", "received_at"] {
        told.as_object_mut().unwrap().remove(own);
    }
    told
}

/// Pages as the words that they show; their looks have tests of their own.
fn reply_as_told(reply: &Value) -> Value {
    let mut told = reply.clone();
    for place in ["/body", "/fragment/html"] {
        if let Some(page) = told.pointer_mut(place) {
            let html = page.as_str().unwrap();
            let main = html
                .split("<main>")
                .nth(1)
                .or(html.split("</style>").nth(1))
                .unwrap_or(html);
            let main = main.split("</main>").next().unwrap().split("<script").next().unwrap();
            *page = json!(format!("<page> {}", words(main)));
        }
    }
    told
}

fn order(id: &str, status: &str) -> Value {
    let at = "2020-11-26T12:00:00+09:00";
    json!({
        "id": id, "number": id, "status": status, "amount": 3300, "created_at": at, "updated_at": at,
        "customer": {"family_name": "テスト", "given_name": "会員", "family_kana": "テスト", "given_kana": "カイイン",
                     "email": "member@example.com", "phone": "03-0000-1234"},
    })
}

fn enter(story: &mut Story, id: &str) -> String {
    let urls = json!({"complete": "/complete", "back": "/confirm"});
    let entered = story.call(
        "checkout.enter",
        json!({"request_id": format!("enter-{id}"), "data": {"order": order(id, "processing"), "urls": urls}}),
    );
    story.applied(&entered);
    format!("/pay/{}", text(&entered, "/data/checkout"))
}

fn pay(story: &mut Story, path: &str, card: &str) -> Value {
    let page = story.call("card.page", json!({"method": "GET", "path": path}));
    let token = story.world.token(card);
    let body = format!("form={}&card_token={token}&payment_class=10", text(&page, "/data/form"));
    story.call("card.pay", json!({"method": "POST", "path": path, "body": body}))
}

#[test]
fn a_card_is_paid_captured_and_cancelled() {
    let mut story = Story::begin();
    story.call(
        "orders.put",
        json!({"request_id": "put-1", "data": {"orders": [order("901", "processing")]}}),
    );
    let path = enter(&mut story, "901");
    let paid = pay(&mut story, &path, GOOD);
    story.call("effects.pending", json!({"data": {"order_id": "901"}}));
    story.applied(&paid);
    story.call("payments.state", json!({"data": {"order_ids": ["901", "none"]}}));
    story.call("admin.menu", json!({}));
    let list = story.call("admin.list", staff("GET", "/payments"));
    let mut capture = staff("POST", "/payments/bulk");
    capture["body"] = json!(format!(
        "csrf={}&operation=capture&order_capture=901",
        text(&list, "/data/csrf")
    ));
    let job = text(&story.call("admin.bulk.start", capture), "/data/job");
    story.call("admin.bulk.step", staff("POST", &format!("/payments/bulk/{job}/step")));
    let mut cancel = staff("POST", "/payments/bulk");
    cancel["body"] = json!(format!(
        "csrf={}&operation=void&order_void=901",
        text(&list, "/data/csrf")
    ));
    let cancelled = story.call("staff.route", cancel);
    story.applied(&cancelled);
    insta::assert_snapshot!("paid_captured_cancelled", story.told);
}

#[test]
fn orders_that_were_left_are_cleaned_up() {
    let mut story = Story::begin();
    for (id, card) in [("921", UNUSABLE), ("922", ANSWER_LOST)] {
        let path = enter(&mut story, id);
        pay(&mut story, &path, card);
    }
    story.world.pass(8 * 86_400);
    let list = story.call("admin.list", staff("GET", "/payments"));
    let csrf = text(&list, "/data/csrf");
    let mut wanted = staff("POST", "/payments/cleanup");
    wanted["body"] = json!(format!("csrf={csrf}"));
    let job = text(&story.call("admin.cleanup", wanted), "/data/job");
    story.call("admin.bulk.show", staff("GET", &format!("/payments/bulk/{job}")));
    let mut ok = staff("POST", &format!("/payments/bulk/{job}/confirm"));
    ok["body"] = json!(format!("csrf={csrf}"));
    let done = story.call("admin.bulk.confirm", ok);
    story.applied(&done);
    story.call("admin.bulk.show", staff("GET", &format!("/payments/bulk/{job}")));
    insta::assert_snapshot!("cleaned_up", story.told);
}

#[test]
fn differences_are_found_and_put_right() {
    let mut story = Story::begin();
    let path = enter(&mut story, "931");
    let paid = pay(&mut story, &path, GOOD);
    story.applied(&paid);
    let mut by_hand = order("932", "new");
    by_hand["amount"] = json!(900);
    story.call(
        "orders.put",
        json!({"request_id": "put-2", "data": {"orders": [by_hand], "removed": ["931"]}}),
    );
    let csrf = text(
        &story.call("admin.mismatches", staff("GET", "/mismatches")),
        "/data/csrf",
    );
    let post = |path: &str, rest: &str| {
        let mut request = staff("POST", path);
        request["body"] = json!(format!("csrf={csrf}{rest}"));
        request
    };
    story.call("admin.mismatches.compare", post("/mismatches/compare", ""));
    let found = story.call("admin.mismatches", staff("GET", "/mismatches"));
    let flag = |kind: &str| {
        let all = found["data"]["mismatches"].as_array().unwrap();
        text(all.iter().find(|row| row["kind"] == kind).unwrap(), "/flag")
    };
    let path = format!("/mismatches/{}/give-back", flag("found.nobody"));
    let job = text(&story.call("admin.mismatches.give_back", post(&path, "")), "/data/job");
    story.call("admin.bulk.show", staff("GET", &format!("/payments/bulk/{job}")));
    story.call("admin.bulk.confirm", post(&format!("/payments/bulk/{job}/confirm"), ""));
    let made: Value = story.world.control(
        "POST",
        "payments",
        &json!({"amount": 900, "trading_id": "tel_932"}).to_string(),
    );
    let wanted = format!("&payment={}", made["payment_id"]);
    let question = story.call("admin.link", post("/payments/orders/932/link", &wanted));
    let ok = format!("{wanted}&shown={}", text(&question, "/data/shown"));
    story.call("admin.link", post("/payments/orders/932/link", &ok));
    let path = format!("/mismatches/{}/done", flag("found.unpaid"));
    story.call("admin.mismatches.done", post(&path, ""));
    insta::assert_snapshot!("differences", story.told);
}

#[test]
fn a_card_is_refused_and_the_shopper_goes_back() {
    let mut story = Story::begin();
    let path = enter(&mut story, "902");
    pay(&mut story, &path, UNUSABLE);
    let page = story.call("shopper.route", json!({"method": "GET", "path": path}));
    let body = format!("back={}", text(&page, "/data/back"));
    let withdrawn = story.call(
        "card.back",
        json!({"method": "POST", "path": format!("{path}/back"), "body": body}),
    );
    story.applied(&withdrawn);
    insta::assert_snapshot!("refused_and_back", story.told);
}

#[test]
fn a_holder_is_authenticated_and_a_notice_tells_of_the_sale() {
    let mut story = Story::of(World::reachable_with(|members| {
        members["card"]["three_ds"]["frame"] = json!(true);
    }));
    let path = enter(&mut story, "905");
    let begun = pay(&mut story, &path, CHALLENGE);
    let below = |address: &str| address.split_once("/paygent").unwrap().1.to_owned();
    let get = |path: &str| json!({"method": "GET", "path": path});
    let holder = below(&text(&begun, "/redirect"));
    story.call("card.authenticate", get(&holder));
    let shown = story.call("card.acs", get(&holder.replace("/authenticate/", "/acs/")));
    let (back, query) = way_back(&story.world, &text(&shown, "/body"));
    let forged = query.iter().map(|(name, value)| match name.as_str() {
        "attempt_kbn" => (name.clone(), "1".to_owned()),
        _ => (name.clone(), value.clone()),
    });
    let forged: BTreeMap<String, String> = forged.collect();
    story.call("card.return", json!({"method": "GET", "path": back, "query": forged}));
    let paid = story.call("card.return", json!({"method": "GET", "path": back, "query": query}));
    story.applied(&paid);

    let list = story
        .world
        .adapter
        .plugin
        .call("admin.list", &staff("GET", "/payments"))
        .reply;
    let mut capture = staff("POST", "/payments/bulk");
    capture["body"] = json!(format!(
        "csrf={}&operation=capture&order_capture=905",
        text(&list, "/data/csrf")
    ));
    story.world.adapter.plugin.call("admin.bulk.start", &capture);
    let notice = last_notice(&story.world);
    story.call(
        "notice.push",
        json!({"method": "POST", "path": "/notice", "body": notice}),
    );
    story.call("work.step", json!({"data": {"budget_ms": 1000}}));
    let pending = story.call("effects.pending", json!({"data": {"order_id": "905"}}));
    story.applied(&pending);
    insta::assert_snapshot!("authenticated_and_noticed", story.told);
}

/// Where the card company sends the browser whose holder typed the right password: path below the mount point, and query.
fn way_back(world: &World, page: &str) -> (String, BTreeMap<String, String>) {
    let acs = page.split("action=\"").nth(1).unwrap().split('"').next().unwrap();
    http("POST", acs, &[], "");
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let left = http("POST", &format!("{acs}/answer"), &form, "password=1234");
    parts(world, left.header("location").unwrap())
}

/// The newest notice, as it is pushed.
fn last_notice(world: &World) -> String {
    let notices: Vec<Value> = world.control("GET", "notices", "");
    pushed(world, &notices.last().unwrap()["notice_id"])
}

#[test]
fn a_card_is_typed_on_paygents_page() {
    let mut story = Story::of(World::by_link());
    let path = enter(&mut story, "906");
    let page = story.call("shopper.route", json!({"method": "GET", "path": path}));
    let body = format!("form={}", text(&page, "/data/form"));
    let gone = story.call("card.pay", json!({"method": "POST", "path": path, "body": body}));
    let paid = types_at(&story.world, &text(&gone, "/redirect"), GOOD);
    let way_back = paid.header("location").unwrap().split_once("/paygent").unwrap().1;
    let (path, proof) = way_back.split_once("?hc=").unwrap();
    let returned = story.call(
        "link.paid",
        json!({"method": "GET", "path": path, "query": {"hc": proof}}),
    );
    story.applied(&returned);
    insta::assert_snapshot!("paid_on_paygents_page", story.told);
}

#[test]
fn an_answer_is_lost_and_found() {
    let mut story = Story::begin();
    let path = enter(&mut story, "903");
    story.world.fault("020", &json!("drop_after"));
    pay(&mut story, &path, GOOD);
    story.call(
        "card.status",
        json!({"method": "GET", "path": format!("{path}/status")}),
    );
    story.world.pass(4);
    story.call("work.step", json!({"data": {"budget_ms": 1000}}));
    insta::assert_snapshot!("lost_and_found", story.told);
}

#[test]
fn an_amount_is_changed_after_it_was_shown_what_follows() {
    let mut story = Story::of(World::by_new_payments());
    let path = enter(&mut story, "904");
    let paid = pay(&mut story, &path, GOOD);
    story.applied(&paid);
    let mut edited = order("904", "new");
    edited["amount"] = json!(2800);
    edited["updated_at"] = json!("2020-11-26T12:30:00+09:00");
    edited["products"] = json!(["湯のみ（藍）"]);
    edited["tracking_number"] = json!("1234-5678");
    story.call("orders.put", json!({"data": {"orders": [edited]}}));
    let list = story.call("admin.list", staff("GET", "/payments"));
    let csrf = text(&list, "/data/csrf");
    let form = |path: &str, body: &str| {
        let mut request = staff("POST", path);
        request["body"] = json!(format!("csrf={csrf}{body}"));
        request
    };
    let html = text(&list, "/fragment/html");
    let drawn = html
        .split("name=\"drawn\" value=\"904=")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    let body = format!("&operation=change&order_change=904&drawn=904%3D{drawn}");
    let job = text(
        &story.call("admin.bulk.preflight", form("/payments/bulk/preflight", &body)),
        "/data/job",
    );
    let run = format!("/payments/bulk/{job}");
    story.call("admin.bulk.show", staff("GET", &run));
    story.call("admin.bulk.confirm", form(&format!("{run}/confirm"), ""));
    story.call("admin.bulk.stop", form(&format!("{run}/stop"), ""));
    story.call("admin.bulk.resume", form(&format!("{run}/resume"), ""));
    story.call("admin.bulk.retry", form(&format!("{run}/retry"), ""));
    story.call("admin.bulk.list", staff("GET", "/payments/bulk"));
    story.call("admin.order", staff("GET", "/payments/orders/904"));
    story.call("admin.inquire", form("/payments/orders/904/inquire", ""));
    insta::assert_snapshot!("amount_changed", story.told);
}

#[test]
fn a_member_stores_a_card_pays_with_it_and_leaves() {
    let mut story = Story::begin();
    let shopper = json!({"session": "s", "member": "17"});
    let path = enter(&mut story, "905");
    let page = story.call("card.page", json!({"method": "GET", "path": path, "shopper": shopper}));
    let [pays, keeps] = [(); 2].map(|()| story.world.token(GOOD));
    let body = format!(
        "form={}&card_token={pays}&store_token={keeps}",
        text(&page, "/data/form")
    );
    let paid = story.call(
        "card.pay",
        json!({"method": "POST", "path": path, "body": body, "shopper": shopper}),
    );
    story.applied(&paid);
    let path = enter(&mut story, "906");
    let page = story.call("card.page", json!({"method": "GET", "path": path, "shopper": shopper}));
    let code = story.world.code_token();
    let body = format!(
        "form={}&card_token={code}&stored_card={}",
        text(&page, "/data/form"),
        text(&page, "/data/cards/0/reference")
    );
    story.call(
        "card.pay",
        json!({"method": "POST", "path": path, "body": body, "shopper": shopper}),
    );
    let page = story.call(
        "cards.page",
        json!({"method": "GET", "path": "/cards", "shopper": shopper}),
    );
    let form = text(&page, "/data/form");
    let body = format!("form={form}&card_token={}", story.world.token(OTHER_GOOD));
    story.call(
        "cards.add",
        json!({"method": "POST", "path": "/cards", "body": body, "shopper": shopper}),
    );
    let body = format!("form={form}&card={}", text(&page, "/data/cards/0/reference"));
    story.call(
        "cards.delete",
        json!({"method": "POST", "path": "/cards/delete", "body": body, "shopper": shopper}),
    );
    story.call(
        "members.removed",
        json!({"request_id": "removed-17", "data": {"member": "17"}}),
    );
    insta::assert_snapshot!("stored_card", story.told);
}

#[test]
fn an_amount_is_corrected_and_the_correction_is_half_done() {
    let mut story = Story::begin();
    let path = enter(&mut story, "907");
    let paid = pay(&mut story, &path, GOOD);
    story.applied(&paid);
    let mut edited = order("907", "new");
    edited["amount"] = json!(2800);
    edited["updated_at"] = json!("2020-11-26T12:30:00+09:00");
    story.call("orders.put", json!({"data": {"orders": [edited]}}));
    let list = story.call("admin.list", staff("GET", "/payments"));
    let csrf = text(&list, "/data/csrf");
    let form = |path: &str, body: &str| {
        let mut request = staff("POST", path);
        request["body"] = json!(format!("csrf={csrf}{body}"));
        request
    };
    let body = "&operation=change&order_change=907";
    let preflight = story.call("admin.bulk.preflight", form("/payments/bulk/preflight", body));
    let run = format!("/payments/bulk/{}", text(&preflight, "/data/job"));
    story.call("admin.bulk.show", staff("GET", &run));
    // Paygent makes the new payment, leaves the old one beside it, and says 2011.
    let _: Value = story
        .world
        .control("POST", "settings", &json!({"correction_fault": "2011"}).to_string());
    story.call("admin.bulk.confirm", form(&format!("{run}/confirm"), ""));
    story.call("admin.order", staff("GET", "/payments/orders/907"));
    insta::assert_snapshot!("amount_corrected", story.told);
}

#[test]
fn the_plugin_describes_itself() {
    let world = World::new();
    let described = world.adapter.plugin.call("plugin.describe", &json!({})).reply;
    insta::assert_json_snapshot!("describe", described["data"]);
}
