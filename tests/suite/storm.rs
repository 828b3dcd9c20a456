//! `kill -9` under load (P-01 to P-03, P-10): each hook that moves something runs in a process of its own that is killed at a
//! random moment, over and over, while a third of what is asked of the gateway goes wrong. Then the faults stop, time passes, and the
//! books of shop, plugin and gateway are compared.
//!
//! `STORM_SEED=… STORM=100000 cargo test -p host-shim --test suite -- storm --nocapture` draws so many kills.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use host_shim::shop::{Order, Status};
use serde_json::{Value, json};

use crate::books;
use crate::crash::reached;
use crate::world::{ANSWER_LOST, CardPage, GOOD, UNUSABLE, World, staff, text};

/// What CI draws.
const KILLS: usize = 5_000;
/// Orders of one shop.
const ORDERS: usize = 24;

/// Cards by what becomes of them: more than a third of them meet a fault.
const CARDS: [&str; 8] = [
    GOOD,
    GOOD,
    GOOD,
    GOOD,
    UNUSABLE,
    ANSWER_LOST,
    "4000000000900037",
    "4000000000200818",
];

/// What is done to an order in a process that is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Deed {
    Pay,
    Back,
    Capture,
    Void,
    Change,
    Work,
    CleanUp,
    Compare,
}

const DEEDS: [Deed; 12] = [
    Deed::Pay,
    Deed::Pay,
    Deed::Pay,
    Deed::Back,
    Deed::Capture,
    Deed::Capture,
    Deed::Void,
    Deed::Change,
    Deed::Work,
    Deed::Work,
    Deed::CleanUp,
    Deed::Compare,
];

/// Numbers that look random and can be drawn again.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % end
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }
}

/// A shop in a storm.
struct Storm {
    world: World,
    dice: Dice,
    pages: Vec<CardPage>,
    /// How long such a call takes where nobody kills it.
    lasts: Duration,
    killed: BTreeMap<Deed, usize>,
    ended: usize,
    faults: usize,
}

impl Storm {
    fn begun(seed: u64) -> Self {
        let world = World::by_new_payments();
        let pages = (0..ORDERS)
            .map(|number| {
                // Every third order takes goods and points; the others do not run out.
                let order: Order = match number % 3 {
                    0 => world.confirmed_with(1, 1, 10),
                    _ => world.adapter.shop.sample(&(7_000 + number).to_string(), 1_000).unwrap(),
                };
                world.enter(order)
            })
            .collect();
        Self {
            world,
            dice: Dice(seed),
            pages,
            lasts: Duration::from_millis(60),
            killed: BTreeMap::new(),
            ended: 0,
            faults: 0,
        }
    }

    /// The request of a deed, as the order stands; nothing where it makes no sense.
    fn request(&mut self, deed: Deed, place: usize) -> Option<(&'static str, Value)> {
        let page = &self.pages[place];
        let path = page.path.clone();
        let order = page.order.order_id.clone();
        let csrf = |world: &World| text(&world.list(&[]).0, "/data/csrf");
        let run = |column: &str, world: &World| {
            let mut request = staff("POST", "/payments/bulk");
            request["body"] = json!(format!(
                "csrf={}&operation={column}&order_{column}={order}",
                csrf(world)
            ));
            Some(("admin.bulk.start", request))
        };
        match deed {
            Deed::Pay => {
                let shown = self.world.show(page).reply;
                let form = shown.pointer("/data/form")?.as_str()?.to_owned();
                let card = self.dice.pick(&CARDS);
                let body = format!("form={form}&card_token={}&payment_class=10", self.world.token(card));
                Some(("card.pay", json!({"method": "POST", "path": path, "body": body})))
            }
            Deed::Back => {
                let shown = self.world.show(page).reply;
                let back = shown.pointer("/data/back")?.as_str()?.to_owned();
                let request = json!({"method": "POST", "path": format!("{path}/back"), "body": format!("back={back}")});
                Some(("card.back", request))
            }
            Deed::Capture => run("capture", &self.world),
            Deed::Void => run("void", &self.world),
            Deed::Change => {
                let order = self.world.order(&self.pages[place].order);
                if order.status() != Status::New {
                    return None;
                }
                let amount = order.amount + self.dice.pick(&[-100, 100]);
                self.world.reprice(&order, amount);
                run("change", &self.world)
            }
            Deed::Work => Some(("work.step", json!({"data": {"budget_ms": 300}}))),
            Deed::CleanUp => {
                let job = self.world.clean_up().ok()?;
                let mut request = staff("POST", &format!("/payments/bulk/{job}/confirm"));
                request["body"] = json!(format!("csrf={}", csrf(&self.world)));
                Some(("admin.bulk.confirm", request))
            }
            Deed::Compare => {
                let mut request = staff("POST", "/mismatches/compare");
                request["body"] = json!(format!("csrf={}", csrf(&self.world)));
                Some(("admin.mismatches.compare", request))
            }
        }
    }

    /// Does one deed in a process that is killed at a random moment, if it lives so long.
    fn deed(&mut self) {
        let (deed, place) = (self.dice.pick(&DEEDS), self.dice.below(ORDERS));
        if self.dice.below(3) == 0 {
            let kind = self.dice.pick(&["020", "021", "022", "023", "094"]);
            let kinds = ["late", "drop_before", "drop_after", "garbage", "truncate", "http_500"];
            let fault = match self.dice.pick(&kinds) {
                // One that is done late finds its sender dead, or sure that it was lost.
                "late" => json!({"execute_late_ms": 20 + self.dice.below(400)}),
                other => json!(other),
            };
            self.world.fault(kind, &fault);
            self.faults += 1;
        }
        let Some((hook, request)) = self.request(deed, place) else {
            return;
        };
        let folder = self.world.folder.path().join("shop");
        let begun = Instant::now();
        let mut child = Command::new(env!("CARGO_BIN_EXE_host-shim"))
            .arg("call")
            .args(reached(&self.world, &folder))
            .args(["--set", "staff.corrections=false", "--at"])
            .arg(self.world.clock().load(Ordering::Acquire).to_string())
            .args([hook, &request.to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let parts = self.dice.below(1_000);
        std::thread::sleep(self.lasts.mul_f64(parts as f64 / 800.0));
        if child.try_wait().unwrap().is_none() {
            child.kill().unwrap();
            *self.killed.entry(deed).or_default() += 1;
        } else {
            self.ended += 1;
            // What a whole call takes is learnt from those that were not killed.
            self.lasts = (self.lasts * 7 + begun.elapsed()) / 8;
        }
        child.wait().unwrap();
        // Some fifteen days in all, so that what is left for a week is cleaned up.
        let pass = self
            .dice
            .pick(&[0, 0, 0, 0, 0, 1, 1, 5, 5, 5, 40, 40, 200, 200, 3_000, 90_000]);
        self.world.pass(pass);
    }

    /// Pieces and points of the orders that hold them.
    fn held(&self) -> (i32, i64) {
        let holds = |order: &Order| matches!(order.status(), Status::New | Status::Paid | Status::Pending);
        let orders = self.pages.iter().map(|page| self.world.order(&page.order));
        let held: Vec<Order> = orders.filter(|order| holds(order) && !order.withdrawn).collect();
        let lines = held
            .iter()
            .flat_map(|order| self.world.adapter.shop.lines(&order.order_id).unwrap());
        (
            lines.map(|line| line.quantity).sum(),
            held.iter().map(|order| order.points).sum(),
        )
    }

    /// The faults stop, time passes, all is settled, and the books are compared.
    fn calms(&mut self, before: (i32, i64)) {
        let world = &self.world;
        let _: Value = world.control("DELETE", "faults", "");
        for pass in [4, 15, 45, 130, 300, 900, 2_400, 3_600, 7_200] {
            world.pass(pass);
            world.work();
            world.work();
        }
        // Whoever is still on the card page, and may not be asked for any more, leaves.
        world.pass(9 * 86_400);
        world.work();
        if world.clean_up().is_ok() {
            world.cleaned_up();
        }
        for pass in [4, 130, 300, 3_600] {
            world.pass(pass);
            world.work();
        }
        let seed = self.dice.0;
        for page in &self.pages {
            let order = world.order(&page.order);
            let log = format!("order {} (dice {seed})", order.order_id);
            // An order whose edit was killed before its change was run shows 金額相違: the staff run it again.
            let live = world.live(&order.order_id);
            if live.first().is_some_and(|live| live.2 != order.amount) {
                let differs = world.list(&[("differs", "1")]);
                assert!(differs.numbers().contains(&order.order_id), "INV-3: {log}: {live:?}");
                world.reprice(&order, live[0].2);
            }
            books::order_balances(world, &world.order(&page.order), &log);
        }
        books::balance(world);
        books::no_card_stands(world, &CARDS);
        assert_eq!(world.rows("PRAGMA integrity_check"), ["ok"], "INV-19");
        let (pieces, points) = self.held();
        assert_eq!(
            world.stock_and_points(),
            (before.0 - pieces, before.1 - points),
            "INV-13"
        );
    }
}

#[test]
fn p03_processes_that_are_killed_at_any_moment_under_faults_lose_nothing() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seed = number("STORM_SEED").unwrap_or(20_261_127);
    let wanted = number("STORM").map_or(KILLS, |count| usize::try_from(count).unwrap());
    let each = wanted.div_ceil(2);
    let tallies: Vec<(BTreeMap<Deed, usize>, usize, usize)> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..2)
            .map(|worker| {
                scope.spawn(move || {
                    let (mut killed, mut ended, mut faults, mut shop) = (BTreeMap::new(), 0, 0, 0);
                    while killed.values().sum::<usize>() < each {
                        shop += 1;
                        let mut storm = Storm::begun(seed.wrapping_mul(1_000_003).wrapping_add(worker * 65_537 + shop));
                        let before = {
                            let (stock, points) = storm.world.stock_and_points();
                            let (pieces, used) = storm.held();
                            (stock + pieces, points + used)
                        };
                        // An order meets some ten deeds.
                        for _ in 0..ORDERS * 10 {
                            storm.deed();
                        }
                        storm.calms(before);
                        for (deed, times) in &storm.killed {
                            *killed.entry(*deed).or_insert(0) += times;
                        }
                        ended += storm.ended;
                        faults += storm.faults;
                    }
                    (killed, ended, faults)
                })
            })
            .collect();
        workers.into_iter().map(|worker| worker.join().unwrap()).collect()
    });
    let mut killed: BTreeMap<Deed, usize> = BTreeMap::new();
    let (mut ended, mut faults) = (0, 0);
    for (some, whole, met) in tallies {
        for (deed, times) in some {
            *killed.entry(deed).or_default() += times;
        }
        ended += whole;
        faults += met;
    }
    println!("storm from seed {seed}: killed {killed:?}, {ended} calls lived, {faults} faults");
    for deed in DEEDS {
        assert!(
            killed.get(&deed).is_some_and(|times| *times > 0),
            "no {deed:?} was killed: {killed:?}"
        );
    }
    assert!(
        faults * 10 >= 3 * (ended + killed.values().sum::<usize>()),
        "a third meets a fault"
    );
}
