//! The staff's work under `kill -9`: a change of amount at each of its steps, and a bulk run of two operators.

use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, Stdio};
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::{Value, json};

use crate::crash::{Process, rand, reached, within};
use crate::world::{GOOD, World, outcome, staff, text, try_http};

/// The system calls at which a process changes what others see: a commit reaches the disk, a telegram leaves, an answer comes.
const POINTS: &str = "fsync,fdatasync,connect,sendto,write,recvfrom";

/// The body of a run of one order's change, as a member of the staff posts it.
fn change_of(world: &World, order: &str) -> String {
    let csrf = text(&world.list(&[]).0, "/data/csrf");
    let mut request = staff("POST", "/payments/bulk");
    request["body"] = json!(format!("csrf={csrf}&operation=change&order_change={order}"));
    request.to_string()
}

/// Calls a hook in a process of its own, with these settings, that is killed (`kill -9`) at its `point`th such call; whether
/// it was.
pub(crate) fn killed_at(world: &World, (hook, request): (&str, &str), settings: &[&str], point: usize) -> bool {
    let folder = world.folder.path().join("shop");
    let ended = Command::new("strace")
        .args(["-f", "-qq", "-o", "/dev/null", "-e"])
        .arg(format!("trace={POINTS}"))
        .arg("-e")
        .arg(format!("inject={POINTS}:signal=KILL:when={point}"))
        .arg(env!("CARGO_BIN_EXE_host-shim"))
        .arg("call")
        .args(reached(world, &folder))
        .args(settings.iter().flat_map(|setting| ["--set", setting]))
        .arg("--at")
        .arg(world.clock().load(Ordering::Acquire).to_string())
        .args([hook, request])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .expect("strace is installed");
    // Anything else than the kill is a call that does not work, and would be taken for one for ever.
    assert!(
        ended.success() || ended.signal() == Some(9),
        "the call itself fails: {ended}"
    );
    !ended.success()
}

/// D9 at the level of processes: a change is killed at every commit, every telegram and every answer, in all four
/// directions by a new payment and both by correction; whoever comes after finishes or undoes it, and one payment of the right amount lives.
#[test]
fn d09_a_change_that_is_killed_anywhere_ends_with_one_payment_of_the_right_amount() {
    let mut told = Vec::new();
    std::thread::scope(|scope| {
        let ways = [
            (false, 4_000, false),
            (false, 2_000, false),
            (true, 4_000, false),
            (true, 2_000, false),
            (false, 2_000, true),
            (true, 2_000, true),
        ];
        let runs: Vec<_> = ways
            .map(|way| scope.spawn(move || kill_everywhere(way)))
            .into_iter()
            .collect();
        for (way, run) in ways.iter().zip(runs) {
            let points = run.join().unwrap();
            // A change has at least eight commits, three or more telegrams and their answers.
            assert!(points > 25, "{way:?} was killed at {points} points only");
            told.push(format!("{way:?}: {points}"));
        }
    });
    println!("killed at: {}", told.join(", "));
}

fn kill_everywhere((captured, amount, corrections): (bool, i64, bool)) -> usize {
    let world = if corrections {
        World::new()
    } else {
        World::by_new_payments()
    };
    for point in 1.. {
        let order = world.placed();
        if captured {
            world.run("capture", &[&order.order_id]);
        }
        world.reprice(&order, amount);
        let request = change_of(&world, &order.order_id);
        let corrections = format!("staff.corrections={corrections}");
        if !killed_at(&world, ("admin.bulk.start", &request), &[&corrections], point) {
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
    world.clock().store(now, Ordering::Release);
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
            assert_eq!(outcome(&paid), "placed");
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
