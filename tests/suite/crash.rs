//! Processes that die, and many of them on one database.

use std::ffi::{OsStr, OsString};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::world::{Answer, GOOD, World, http, staff, text, try_http};

/// A shop of its own process. Dropping it kills it.
struct Process {
    child: Child,
    url: String,
}

impl Process {
    /// Started on a folder that it may share with others.
    fn start(world: &World, folder: &Path) -> Self {
        Self::started(world, folder, &[])
    }

    fn started(world: &World, folder: &Path, more: &[&str]) -> Self {
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
    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    fn get(&self, path: &str, cookie: &str) -> Answer {
        http("GET", &format!("{}{path}", self.url), &[("cookie", cookie)], "")
    }

    fn post(&self, path: &str, cookie: &str, body: &str) -> Answer {
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
fn reached(world: &World, folder: &Path) -> Vec<OsString> {
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

fn rand() -> u128 {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes).unwrap();
    u128::from_ne_bytes(bytes)
}

/// Asks again and again until it is true, at most so many seconds.
fn within(seconds: u64, mut holds: impl FnMut() -> bool) -> bool {
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

/// The system calls at which a process changes what others see: a commit reaches the disk, a telegram leaves, an answer comes.
const POINTS: &str = "fsync,fdatasync,connect,sendto,write,recvfrom";

/// The body of a run of one order's change, as a member of the staff posts it.
fn change_of(world: &World, order: &str) -> String {
    let csrf = text(&world.list(&[]).0, "/data/csrf");
    let mut request = staff("POST", "/payments/bulk");
    request["body"] = json!(format!("csrf={csrf}&operation=change&order_change={order}"));
    request.to_string()
}

/// Runs a change in a process of its own that is killed (`kill -9`) at its `point`th such call; whether it was.
fn killed_at(world: &World, order: &str, point: usize) -> bool {
    let folder = world.folder.path().join("shop");
    let ended = Command::new("strace")
        .args(["-f", "-qq", "-o", "/dev/null", "-e"])
        .arg(format!("trace={POINTS}"))
        .arg("-e")
        .arg(format!("inject={POINTS}:signal=KILL:when={point}"))
        .arg(env!("CARGO_BIN_EXE_host-shim"))
        .arg("call")
        .args(reached(world, &folder))
        .arg("--at")
        .arg(world.clock().load(std::sync::atomic::Ordering::Acquire).to_string())
        .args(["admin.bulk.start", &change_of(world, order)])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .expect("strace is installed");
    !ended.success()
}

/// D9 at the level of processes: a change is killed at every commit, every telegram and every answer, in all four
/// directions; whoever comes after finishes or undoes it, and one payment of the right amount lives.
#[test]
fn d09_a_change_that_is_killed_anywhere_ends_with_one_payment_of_the_right_amount() {
    let mut told = Vec::new();
    std::thread::scope(|scope| {
        let ways = [(false, 4_000), (false, 2_000), (true, 4_000), (true, 2_000)];
        let runs: Vec<_> = ways
            .map(|way| scope.spawn(move || kill_everywhere(way)))
            .into_iter()
            .collect();
        for (way, run) in ways.iter().zip(runs) {
            let points = run.join().unwrap();
            // A change has at least ten commits, three or more telegrams and their answers.
            assert!(points > 25, "{way:?} was killed at {points} points only");
            told.push(format!("{way:?}: {points}"));
        }
    });
    println!("killed at: {}", told.join(", "));
}

fn kill_everywhere((captured, amount): (bool, i64)) -> usize {
    let world = World::new();
    for point in 1.. {
        let order = world.placed();
        if captured {
            world.run("capture", &[&order.order_id]);
        }
        world.reprice(&order, amount);
        if !killed_at(&world, &order.order_id, point) {
            return point - 1;
        }
        for _ in 0..8 {
            world.pass(70);
            world.work();
        }
        let live = world.live(&order.order_id);
        assert_eq!(live.len(), 1, "killed at {point}: {live:?}");
        // Killed before the run itself was on disk, nothing was asked for; then it is asked for now.
        if live[0].2 != amount {
            assert_eq!(live[0].2, 3_300);
            world.run("change", &[&order.order_id]);
        }
        let status = if captured { 40 } else { 20 };
        let live: Vec<(i64, i64)> = world
            .live(&order.order_id)
            .iter()
            .map(|live| (live.1, live.2))
            .collect();
        assert_eq!(live, [(status, amount)], "killed at {point}");
        assert!(
            world.list(&[]).offers(&order.order_id, "void"),
            "nothing sticks (D10), killed at {point}"
        );
    }
    unreachable!("the loop ends where a process was not killed")
}

/// Numbers that look random and can be drawn again.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

/// N8: 500 rows, two operators press 実行 together, a process is killed at random twenty times.
#[test]
fn n08_five_hundred_rows_of_two_operators_and_twenty_kills_run_each_row_once() {
    const ROWS: usize = 500;
    const KILLS: usize = 20;
    let seed = std::env::var("PAYGENT_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok())
        .unwrap_or(rand() as u64);
    println!("PAYGENT_SEED={seed}");
    let mut dice = Dice(seed);
    let world = World::new();
    // Time runs twenty times as fast from now on, so that a quarantine passes in seconds.
    let now = host_shim::clock::now().timestamp_millis();
    world.clock().store(now, std::sync::atomic::Ordering::Release);
    let orders = authorised(&world, ROWS);
    let folder = world.folder.path().join("shop");
    let from = now.to_string();
    let start = || Process::started(&world, &folder, &["--clock-speed", "20", "--clock-from", &from]);
    let mut shops = [Some(start()), Some(start())];
    let jobs: Vec<String> = shops.iter().flatten().map(|shop| drafted(shop, &orders)).collect();
    // Both press OK; what they see of it is not waited for.
    std::thread::scope(|scope| {
        for (shop, job) in shops.iter().flatten().zip(&jobs) {
            let (url, cookie) = (
                format!("{}admin/paygent/payments/bulk/{job}/confirm", shop.url),
                "staff=1",
            );
            let body = format!("csrf={}", csrf_of(shop));
            scope.spawn(move || {
                let form = ("content-type", "application/x-www-form-urlencoded");
                // The process may be killed while it answers.
                let _ = try_http("POST", &url, &[("cookie", cookie), form], &body);
            });
        }
        for _ in 0..KILLS {
            std::thread::sleep(Duration::from_millis(100 + dice.below(500)));
            let which = usize::try_from(dice.below(2)).unwrap();
            shops[which].take().unwrap().kill();
            shops[which] = Some(start());
        }
    });
    let shop = shops[0].as_ref().unwrap();
    // Whoever pressed OK and was killed before it was on disk presses it again.
    for job in &jobs {
        shop.post(
            &format!("admin/paygent/payments/bulk/{job}/confirm"),
            "staff=1",
            &format!("csrf={}", csrf_of(shop)),
        );
    }
    let counts = |job: &str| -> (usize, usize, usize) {
        let told: Value = serde_json::from_str(
            &shop
                .post(&format!("admin/paygent/payments/bulk/{job}/step"), "staff=1", "")
                .body,
        )
        .unwrap();
        let number = |name: &str| usize::try_from(told[name].as_u64().unwrap()).unwrap();
        (number("left"), number("done"), number("failed"))
    };
    assert!(
        within(120, || jobs.iter().all(|job| counts(job).0 == 0)),
        "both runs end"
    );
    let ended: Vec<(usize, usize, usize)> = jobs.iter().map(|job| counts(job)).collect();
    for (_, done, failed) in &ended {
        assert_eq!(done + failed, ROWS, "a report tells of each row: {ended:?}");
    }
    let captured = || {
        world
            .payments()
            .iter()
            .filter(|payment| payment["status"] == 40)
            .count()
    };
    assert_eq!(
        ended.iter().map(|(_, done, _)| done).sum::<usize>(),
        captured(),
        "each success is reported once: {ended:?}"
    );
    // What provably never arrived is said to have failed, and may be run again.
    let mut again = 0;
    while captured() < ROWS {
        again += 1;
        assert!(again < 5, "{} of {ROWS} after {again} retries", captured());
        let retry = shop.post(
            &format!("admin/paygent/payments/bulk/{}/retry", jobs[0]),
            "staff=1",
            &format!("csrf={}", csrf_of(shop)),
        );
        let job = retry.header("location").unwrap().rsplit('/').next().unwrap().to_owned();
        shop.post(
            &format!("admin/paygent/payments/bulk/{job}/confirm"),
            "staff=1",
            &format!("csrf={}", csrf_of(shop)),
        );
        assert!(within(60, || counts(&job).0 == 0));
    }
    let executed = world
        .telegrams("022")
        .into_iter()
        .filter(|telegram| telegram["executed"] == true)
        .count();
    assert_eq!(executed, ROWS, "each row is executed once");
    println!(
        "runs ended as {ended:?}, {again} retries, {} telegrams 022",
        world.telegrams("022").len()
    );
}

/// So many orders without goods, each with an authorised payment.
fn authorised(world: &World, count: usize) -> Vec<String> {
    (0..count)
        .map(|number| {
            let order = world.adapter.shop.sample(&(5_000 + number).to_string(), 1_000).unwrap();
            let page = world.enter(order);
            let paid = world.pay(&page, GOOD);
            assert_eq!(crate::world::outcome(&paid), "placed");
            page.order.order_id
        })
        .collect()
}

fn csrf_of(shop: &Process) -> String {
    let list = shop.get("admin/paygent/payments?per=10", "staff=1").body;
    list.split("name=\"csrf\" value=\"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap()
        .to_owned()
}

/// An operator ticks these orders and presses 実行; the number of the run that they are shown.
fn drafted(shop: &Process, orders: &[String]) -> String {
    let ticked: String = orders.iter().map(|order| format!("&order_capture={order}")).collect();
    let body = format!("csrf={}&operation=capture{ticked}", csrf_of(shop));
    let shown = shop.post("admin/paygent/payments/bulk/preflight", "staff=1", &body);
    shown.header("location").unwrap().rsplit('/').next().unwrap().to_owned()
}
