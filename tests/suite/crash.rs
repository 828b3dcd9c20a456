//! Processes that die, and many of them on one database.

use std::ffi::{OsStr, OsString};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use host_shim::shop::Status;
use serde_json::{Value, json};

use crate::world::{ANSWER_LOST, Answer, GOOD, World, http, outcome, try_http};

/// A shop of its own process. Dropping it kills it.
pub(crate) struct Process {
    child: Child,
    pub(crate) url: String,
}

impl Process {
    /// Started on a folder that it may share with others.
    pub(crate) fn start(world: &World, folder: &Path) -> Self {
        Self::started(world, folder, &[])
    }

    pub(crate) fn started(world: &World, folder: &Path, more: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_host-shim"))
            .arg("shop")
            .args(reached(world, folder))
            .args(more)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap())
            .read_line(&mut line)
            .unwrap();
        let url = line
            .trim()
            .strip_prefix("ready shop=")
            .unwrap_or_else(|| panic!("no address: {line}"))
            .to_owned();
        Self { child, url }
    }

    /// `kill -9`.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub(crate) fn get(&self, path: &str, cookie: &str) -> Answer {
        http("GET", &format!("{}{path}", self.url), &[("cookie", cookie)], "")
    }

    pub(crate) fn post(&self, path: &str, cookie: &str, body: &str) -> Answer {
        let form = ("content-type", "application/x-www-form-urlencoded");
        http(
            "POST",
            &format!("{}{path}", self.url),
            &[("cookie", cookie), form],
            body,
        )
    }

    /// A guest with a cart goes to the card page; their cookie, its path, and the number of the order.
    fn card_page(&self) -> (String, String, String) {
        let cookie = format!("session={:032x}", rand());
        self.post("cart/add", &cookie, "product=1");
        let buyer = "family_name=A&given_name=B&email=a%40example.com";
        assert_eq!(
            self.post("checkout", &cookie, buyer).header("location"),
            Some("/confirm")
        );
        let entered = self.post("confirm", &cookie, "");
        let path = entered.header("location").unwrap().trim_start_matches('/').to_owned();
        let page = self.get(&path, &cookie).body;
        let number = page
            .split("</dt><dd>")
            .nth(1)
            .unwrap()
            .split('<')
            .next()
            .unwrap()
            .to_owned();
        (cookie, path, number)
    }

    fn form(&self, path: &str, cookie: &str) -> String {
        let page = self.get(path, cookie).body;
        page.split("name=\"form\" value=\"")
            .nth(1)
            .unwrap()
            .split('"')
            .next()
            .unwrap()
            .to_owned()
    }

    /// The order's status in the shop's admin, once it is as wanted or the time is over.
    fn status_becomes(&self, number: &str, wanted: &str) -> bool {
        within(30, || {
            let page = self.get(&format!("admin/orders/{number}"), "staff=1").body;
            page.contains(&format!("<dd id=\"status\">{wanted}</dd>"))
        })
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // A process that was killed already is no news.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a process of the shop is told of its files and its gateway.
pub(crate) fn reached(world: &World, folder: &Path) -> Vec<OsString> {
    let reach = &world.reach;
    let named = |name: &str, value: &OsStr| [OsString::from(name), value.to_owned()];
    [
        named("--data", folder.as_os_str()),
        named("--tls-url", OsStr::new(&reach.tls_url)),
        named("--online-url", OsStr::new(&reach.online_url)),
        named("--client-pem", reach.client_pem.as_os_str()),
        named("--authorities-pem", reach.authorities_pem.as_os_str()),
    ]
    .concat()
}

pub(crate) fn rand() -> u128 {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes).unwrap();
    u128::from_ne_bytes(bytes)
}

/// Asks again and again until it is true, at most so many seconds.
pub(crate) fn within(seconds: u64, mut holds: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + Duration::from_secs(seconds);
    while Instant::now() < end {
        if holds() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    false
}

#[test]
fn fifty_posts_over_three_processes_make_one_authorisation() {
    let world = World::new();
    let folder = world.folder.path().join("shared");
    let shops: Vec<Process> = (0..3).map(|_| Process::start(&world, &folder)).collect();
    let (cookie, path, number) = shops[0].card_page();
    // Half of the posts repeat one form, the others come from tabs of their own.
    let shared = shops[0].form(&path, &cookie);
    let posts: Vec<(usize, String)> = (0..50)
        .map(|post| {
            (
                post % 3,
                if post % 2 == 0 {
                    shared.clone()
                } else {
                    shops[post % 3].form(&path, &cookie)
                },
            )
        })
        .collect();
    let answers: Vec<Answer> = std::thread::scope(|scope| {
        let threads: Vec<_> = posts
            .iter()
            .map(|(shop, form)| {
                let (shops, cookie, path, token) = (&shops, &cookie, &path, world.token(GOOD));
                scope.spawn(move || shops[*shop].post(path, cookie, &format!("form={form}&card_token={token}")))
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(
        answers.iter().all(|answer| answer.status == 303),
        "every shopper is sent on"
    );
    assert!(shops[1].status_becomes(&number, "新規受付"));
    assert_eq!(world.telegrams("020").len(), 1);
    let ledger = shops[2].get("admin/ledger", "staff=1").body;
    assert_eq!(ledger.matches(&format!("注文番号：{number}）")).count(), 1, "one mail");
    assert!(ledger.contains("data-stock=\"1\">89<"), "one piece taken");
}

#[test]
fn a_kill_between_the_authorisation_and_its_record_loses_nothing() {
    let world = World::new();
    let folder = world.folder.path().join("shared");
    let shop = Process::start(&world, &folder);
    let (cookie, path, number) = shop.card_page();
    let form = shop.form(&path, &cookie);
    let _: Value = world.control("POST", "hold", &json!({"kinds": ["020"]}).to_string());
    let (url, body) = (
        format!("{}{path}", shop.url),
        format!("form={form}&card_token={}", world.token(GOOD)),
    );
    std::thread::scope(|scope| {
        // The answer never comes: the gateway holds it back until the shop is dead.
        let post = scope.spawn(|| try_http("POST", &url, &[("cookie", &cookie)], &body));
        assert!(
            within(20, || world.payments().iter().any(|payment| payment["status"] == 20)),
            "executed at the gateway"
        );
        shop.kill();
        assert!(post.join().unwrap().is_err(), "the shopper saw nothing");
    });
    let _: Value = world.control("POST", "release", "");
    let again = Process::start(&world, &folder);
    assert!(again.status_becomes(&number, "新規受付"), "found by inquiry and placed");
    assert_eq!((world.telegrams("020").len(), world.payments().len()), (1, 1));
    assert!(!world.telegrams("094").is_empty());
    let ledger = again.get("admin/ledger", "staff=1").body;
    assert_eq!(
        ledger.matches(&format!("注文番号：{number}）")).count(),
        1,
        "placed once, one mail"
    );
    assert_eq!(
        again.get(&path, &cookie).header("location"),
        Some(format!("/complete/{number}").as_str())
    );
}

#[test]
fn a_kill_in_the_middle_of_a_bulk_run_loses_no_row() {
    let world = World::new();
    let folder = world.folder.path().join("shared");
    let shop = Process::start(&world, &folder);
    let numbers: Vec<String> = (0..3)
        .map(|_| {
            let (cookie, path, number) = shop.card_page();
            let form = shop.form(&path, &cookie);
            shop.post(&path, &cookie, &format!("form={form}&card_token={}", world.token(GOOD)));
            number
        })
        .collect();
    let list = shop.get("admin/paygent/payments", "staff=1").body;
    let csrf = list
        .split("name=\"csrf\" value=\"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap()
        .to_owned();
    let ticked: String = numbers
        .iter()
        .map(|number| format!("&order_capture={number}"))
        .collect();
    let _: Value = world.control("POST", "hold", &json!({"kinds": ["022"]}).to_string());
    let (url, body) = (
        format!("{}admin/paygent/payments/bulk", shop.url),
        format!("csrf={csrf}&operation=capture{ticked}"),
    );
    std::thread::scope(|scope| {
        let run = scope.spawn(|| try_http("POST", &url, &[("cookie", "staff=1")], &body));
        assert!(within(20, || !world.telegrams("022").is_empty()
            || world.payments().iter().any(|p| p["status"] == 40)));
        shop.kill();
        assert!(run.join().unwrap().is_err());
    });
    let _: Value = world.control("POST", "release", "");
    let _again = Process::start(&world, &folder);
    let all_captured = || {
        world
            .payments()
            .iter()
            .filter(|payment| payment["status"] == 40)
            .count()
            == 3
    };
    assert!(within(30, all_captured), "{:?}", world.payments());
    assert_eq!(world.telegrams("022").len(), 3, "each captured once");
}

/// P-09: what cannot be worked on is set aside after three times, and keeps nothing else waiting.
#[test]
fn p09_work_that_fails_again_and_again_is_parked_and_the_rest_goes_on() {
    let world = World::new();
    let orders = [world.placed(), world.placed()];
    for order in &orders {
        world.fault("021", &json!("drop_after"));
        world.run("void", &[&order.order_id]);
    }
    // A row that no version of the plugin ever wrote.
    world.rows(&format!(
        "UPDATE telegrams SET kind = 'xyz' WHERE kind = '021' AND order_id = '{}'",
        orders[0].order_id
    ));
    let times = || world.rows("SELECT name || ' ' || times FROM failures WHERE name LIKE 'telegram:%'");
    for round in 1..=3 {
        world.pass(400);
        world.work();
        assert!(times()[0].ends_with(&format!(" {round}")), "{:?}", times());
    }
    assert_eq!(
        world.order(&orders[1]).status(),
        Status::Cancelled,
        "the other one is done"
    );
    assert_eq!(world.rows("SELECT kind FROM flags"), ["work.parked"]);
    world.pass(400);
    world.work();
    assert!(times()[0].ends_with(" 3"), "not before tomorrow: {:?}", times());
    assert_eq!(
        world.rows("SELECT job_items.state FROM job_items ORDER BY order_id"),
        ["waiting", "done"],
        "nobody says of the first that it failed: its telegram may have arrived"
    );
    // Whoever repairs the row sees it done the next day.
    world.rows("UPDATE telegrams SET kind = '021' WHERE kind = 'xyz'");
    world.pass(86_400);
    world.work();
    assert_eq!(world.order(&orders[0]).status(), Status::Cancelled);
    assert!(times().is_empty());
}

/// How long nobody knows what became of a payment whose answer was lost, by the clock that shop and plugin share.
#[test]
fn inv29_the_truth_of_a_lost_answer_is_known_within_seconds() {
    const PAYMENTS: usize = 100;
    let world = World::new();
    let pages: Vec<_> = (0..PAYMENTS)
        .map(|number| {
            let order = world.adapter.shop.sample(&(8_000 + number).to_string(), 1_000).unwrap();
            world.enter(order)
        })
        .collect();
    let mut waited = Vec::new();
    for page in &pages {
        assert_eq!(outcome(&world.pay(page, ANSWER_LOST)), "confirming");
        let mut seconds = 0;
        while world.order(&page.order).status() == Status::Pending {
            world.pass(1);
            seconds += 1;
            // The scheduler wakes the plugin once a second; nobody looks at a page.
            world.work();
            assert!(seconds < 600, "order {}", page.order.order_id);
        }
        waited.push(seconds);
    }
    waited.sort_unstable();
    let at = |share: usize| waited[(PAYMENTS * share / 100).min(PAYMENTS - 1)];
    println!(
        "the truth of {PAYMENTS} lost answers: median {} s, p99 {} s",
        at(50),
        at(99)
    );
    assert!(at(50) <= 5 && at(99) <= 60, "{waited:?}");
}
