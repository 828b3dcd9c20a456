//! The end of a payment reaches the shop by many roads: the browser's return, a pushed notice, 091, a status page that asks,
//! 「戻る」, a second form that is posted. In whatever order they come, one thing happens, and nobody is told otherwise.
//!
//! Histories are drawn from a seed: `ARRIVALS_SEED=… ARRIVALS=10000 cargo test --test suite arrivals` draws them again.

use std::collections::BTreeMap;

use host_shim::library::Called;
use host_shim::shop::{Order, Status};
use serde_json::{Value, json};

use crate::books;
use crate::link::{stops_at, types_at};
use crate::three_ds::{CHALLENGE, Journey, comes_back};
use crate::world::{ANSWER_LOST, CardPage, GOOD, UNUSABLE, World, text};

/// What CI draws; the command above draws more.
const HISTORIES: usize = 400;
const HISTORIES_BY_LINK: usize = 160;
/// Histories of one shop, whose goods run out otherwise.
const A_SHOP: usize = 40;
/// What the tally calls the rows that runs of the staff have done.
const ROWS_DONE: &str = "rows of runs done";

/// Cards by what becomes of them: authorised, asked for a password, refused before and after 3-D Secure, with its answer
/// lost, its request lost, timed out at the acquirer with and without money held.
const CARDS: [&str; 8] = [
    GOOD,
    CHALLENGE,
    "4000000000003014",
    UNUSABLE,
    ANSWER_LOST,
    "4000000000900037",
    "4000000000200818",
    "4000000000200800",
];

/// Something that arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Arrival {
    /// The browser comes back from 3-D Secure, or from Paygent's page, of the first form, or of the second.
    Return(usize),
    /// All notices so far are pushed, the newest first.
    Push,
    /// Time passes, and 091 is asked.
    Poll,
    /// The page 確認中 asks.
    Status,
    /// 「戻る」, of a page that was opened before.
    Back,
    /// The form of another tab is posted, with a good card.
    Submit,
    /// Lost answers are asked for.
    Work,
    /// 「戻る」 on Paygent's page, in a shop of the link type.
    Stop,
    /// The staff capture the order, if it is one.
    Capture,
    /// The staff cancel it.
    Cancel,
}

/// Numbers from a seed (SplitMix64).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    fn shuffle<T>(&mut self, all: &mut [T]) {
        for last in (1..all.len()).rev() {
            all.swap(last, self.below(last + 1));
        }
    }
}

/// One order, and what arrives for it.
struct History<'a> {
    world: &'a World,
    page: CardPage,
    back: String,
    second_form: String,
    ways_back: Vec<String>,
    /// Paygent's page, in a shop of the link type.
    paygents_page: Option<String>,
    log: Vec<String>,
}

impl<'a> History<'a> {
    /// Two tabs show the card page; the first one's form is posted, and its holder authenticated.
    fn begun(world: &'a World, card: &str, seed: u64) -> Self {
        let page = world.entered();
        let (first, second) = (world.show(&page).reply, world.show(&page).reply);
        let shown = world.post(&page, &text(&first, "/data/form"), &world.token(card));
        let mut history = Self {
            world,
            back: text(&first, "/data/back"),
            second_form: text(&second, "/data/form"),
            page,
            ways_back: Vec::new(),
            paygents_page: None,
            log: vec![format!("ARRIVALS_SEED={seed} ARRIVALS=1, card {card}")],
        };
        history.goes_on(shown, card);
        history
    }

    /// The shopper does what the answer to a posted form leads to.
    fn goes_on(&mut self, shown: Called, card: &str) {
        if shown.reply.pointer("/data/outcome") != Some(&json!("handed_over")) {
            return self.authenticated(shown);
        }
        let page = text(&shown.reply, "/redirect");
        if let Some(back) = types_at(self.world, &page, card).header("location") {
            self.ways_back.push(back.to_owned());
        }
        self.log.push("typed on Paygent's page".to_owned());
        self.paygents_page = Some(page);
    }

    /// The holder of a card does what the card company asks for.
    fn authenticated(&mut self, shown: Called) {
        if shown.reply.pointer("/data/outcome") != Some(&json!("authenticating")) {
            self.heard("posted", &shown);
            return;
        }
        let page = CardPage {
            order: self.page.order.clone(),
            path: self.page.path.clone(),
        };
        let journey = Journey {
            world: self.world,
            page,
            shown,
        };
        self.ways_back.push(journey.authenticated());
    }

    fn order(&self) -> Order {
        self.world.order(&self.page.order)
    }

    fn is_placed(&self) -> bool {
        matches!(self.order().status(), Status::New | Status::Paid)
    }

    fn live(&self) -> usize {
        self.world.live(&self.page.order.order_id).len()
    }

    /// INV-31: what the shopper was told is so.
    fn heard(&mut self, what: &str, called: &Called) {
        let outcome = called
            .reply
            .pointer("/data/outcome")
            .and_then(Value::as_str)
            .unwrap_or("");
        let withdrawn = called.reply.pointer("/data/withdrawn") == Some(&json!(true));
        self.log.push(format!("{what}: {outcome} {}", called.reply["redirect"]));
        match outcome {
            // What the staff cancelled since was complete all the same.
            "placed" if self.order().status() == Status::Cancelled => {}
            "placed" => {
                assert!(self.is_placed(), "told complete: {:#?}", self.log);
                assert_eq!(self.live(), 1, "told complete for no payment: {:#?}", self.log);
            }
            "declined" | "not_executed" => {
                assert_eq!(self.live(), 0, "told failed for a live payment: {:#?}", self.log)
            }
            "withdrawn" => assert_eq!(self.live(), 0, "told not paid for a live payment: {:#?}", self.log),
            _ => {}
        }
        if withdrawn {
            assert_eq!(self.live(), 0, "withdrawn with money held: {:#?}", self.log);
        }
    }

    fn arrives(&mut self, arrival: Arrival) {
        let world = self.world;
        match arrival {
            Arrival::Return(which) => {
                if let Some(address) = self.ways_back.get(which).cloned() {
                    let returned = comes_back(world, &address);
                    self.heard("returned", &returned);
                }
            }
            Arrival::Push => self.pushed(),
            Arrival::Poll => {
                world.pass(301);
                world.work();
                self.log.push("polled".to_owned());
            }
            Arrival::Status => {
                let shown = world.status(&self.page);
                self.heard("status", &shown);
            }
            Arrival::Back => {
                let left = world.back_with(&self.page, &self.back);
                self.heard("back", &left);
            }
            Arrival::Submit => {
                let shown = world.post(&self.page, &self.second_form, &world.token(GOOD));
                self.goes_on(shown, GOOD);
            }
            Arrival::Stop => {
                if let Some(page) = self.paygents_page.clone() {
                    let returned = comes_back(world, &stops_at(&page));
                    self.heard("stopped", &returned);
                }
            }
            Arrival::Capture | Arrival::Cancel => {
                let column = if arrival == Arrival::Capture { "capture" } else { "void" };
                world.run(column, &[&self.page.order.order_id]);
                self.log.push(column.to_owned());
            }
            Arrival::Work => {
                world.pass(4);
                world.work();
                self.log.push("worked".to_owned());
            }
        }
    }

    fn pushed(&mut self) {
        let all: Vec<Value> = self.world.control("GET", "notices", "");
        let url = format!("{}paygent/notice", self.world.shop_url.as_deref().unwrap());
        let own: Vec<i64> = {
            let payments: Vec<Value> =
                self.world
                    .control("GET", &format!("payments?order={}", self.page.order.order_id), "");
            payments
                .iter()
                .filter_map(|payment| payment["payment_id"].as_i64())
                .collect()
        };
        for notice in all
            .iter()
            .rev()
            .filter(|notice| notice["payment_id"].as_i64().is_some_and(|id| own.contains(&id)))
        {
            let answer: Value = self.world.control(
                "POST",
                &format!("notices/{}/push", notice["notice_id"]),
                &json!({"url": url}).to_string(),
            );
            assert_eq!(answer["answer"], "result=0", "{:#?}", self.log);
        }
        self.log.push("pushed".to_owned());
    }

    /// INV-29: nothing arrives any more, time passes, and all is settled. Then the books are compared.
    fn settled(&mut self) {
        for pass in [4, 15, 45, 130, 300, 900, 2_400] {
            self.world.pass(pass);
            self.world.work();
        }
        books::order_balances(self.world, &self.order(), &format!("{:#?}", self.log));
    }
}

/// INV-16: whoever presses 「戻る」 before a card was sent has ordered nothing.
fn goes_back_at_once(world: &World) {
    let before = (
        world.stock_and_points(),
        world.shop_orders().len(),
        world.payments().len(),
    );
    let page = world.entered();
    assert_eq!(world.shop_orders().len(), before.1 + 1, "held while the page is open");
    world.back(&page);
    let after = (
        world.stock_and_points(),
        world.shop_orders().len(),
        world.payments().len(),
    );
    assert_eq!(after, before, "INV-16");
    let session = world.session();
    world.adapter.shop.add(&session.session_id, 1, -99).unwrap();
}

/// Plays the histories of one shop; the orders' books are compared one by one, the shop's at the end.
fn play(world: &World, seeds: &[u64]) -> BTreeMap<&'static str, usize> {
    let mut ends = BTreeMap::new();
    let before = world.stock_and_points();
    // The plugin makes its tables at its first question. Then every step of every attempt is written down by the database itself.
    world.work();
    world.rows(
        "CREATE TABLE steps (before, after, version_before, version_after);
         CREATE TRIGGER steps_of_attempts AFTER UPDATE ON attempts BEGIN
           INSERT INTO steps VALUES (old.state, new.state, old.version, new.version);
         END",
    );
    for seed in seeds {
        let mut dice = Dice(*seed);
        let card = dice.pick(&CARDS);
        let mut arrivals = vec![
            Arrival::Return(0),
            Arrival::Push,
            Arrival::Poll,
            Arrival::Status,
            Arrival::Submit,
        ];
        if dice.below(2) == 0 {
            arrivals.push(Arrival::Back);
        }
        if dice.below(2) == 0 {
            arrivals.push(Arrival::Stop);
        }
        if dice.below(3) == 0 {
            arrivals.push(Arrival::Capture);
        }
        if dice.below(4) == 0 {
            arrivals.push(Arrival::Cancel);
        }
        // Most histories lack one or two, and some have one twice.
        dice.shuffle(&mut arrivals);
        arrivals.truncate(3 + dice.below(4));
        for _ in 0..dice.below(4) {
            arrivals.push(dice.pick(&[
                Arrival::Return(0),
                Arrival::Return(1),
                Arrival::Push,
                Arrival::Work,
                Arrival::Status,
            ]));
        }
        dice.shuffle(&mut arrivals);
        let mut history = History::begun(world, card, *seed);
        for arrival in arrivals {
            history.arrives(arrival);
        }
        history.settled();
        // What a shopper went back from stays in their cart: it is not to come along with the next order.
        let session = world.session();
        world.adapter.shop.add(&session.session_id, 1, -99).unwrap();
        if dice.below(4) == 0 {
            goes_back_at_once(world);
        }
        let status = history.order().status();
        *ends.entry(status.name()).or_default() += 1;
    }
    let shop = &world.adapter.shop;
    let held = shop.orders(&[Status::New, Status::Paid, Status::Pending]).unwrap();
    let pieces = held.iter().flat_map(|order| shop.lines(&order.order_id).unwrap());
    let pieces: i32 = pieces.map(|line| line.quantity).sum();
    assert_eq!(world.stock_and_points(), (before.0 - pieces, before.1), "INV-13");
    books::balance(world);
    books::no_card_stands(world, &CARDS);
    let none = |what: &str, sql: &str| assert_eq!(world.rows(sql), Vec::<String>::new(), "{what}");
    none(
        "nothing a person has to look at",
        "SELECT kind FROM flags WHERE kind <> 'shop.alarm'",
    );
    none(
        "INV-22: no way out of an end",
        "SELECT before || ' -> ' || after FROM steps WHERE before <> after AND (
           before IN ('declined', 'not_executed', 'closed', 'released') OR before = 'authorised' AND after <> 'released')",
    );
    assert_ne!(
        world.rows("SELECT COUNT(*) FROM steps"),
        ["0"],
        "steps are written down"
    );
    none(
        "INV-22",
        "SELECT version_before FROM steps WHERE version_after <= version_before",
    );
    let done = world.rows(
        "SELECT telegrams.kind FROM job_items JOIN telegrams USING (telegram_id) JOIN payments USING (payment_id)
         WHERE job_items.state = 'done'",
    );
    ends.insert(ROWS_DONE, done.len());
    ends
}

/// Draws and plays histories, each few of them in a shop of its own; how they ended.
fn draw(open: fn() -> World, usually: usize) -> String {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let first = number("ARRIVALS_SEED").unwrap_or(20_261_125);
    let count = number("ARRIVALS").map_or(usually, |count| usize::try_from(count).unwrap());
    let seeds: Vec<u64> = (0..count as u64).map(|place| first.wrapping_add(place)).collect();
    let halves = seeds.chunks(count.div_ceil(2));
    let ends = std::thread::scope(|scope| {
        let workers: Vec<_> = halves
            .map(|half| {
                scope.spawn(move || {
                    let shops = half.chunks(A_SHOP);
                    shops.map(|seeds| play(&open(), seeds)).collect::<Vec<_>>()
                })
            })
            .collect();
        workers
            .into_iter()
            .flat_map(|worker| worker.join().unwrap())
            .collect::<Vec<_>>()
    });
    let mut all: BTreeMap<&str, usize> = BTreeMap::new();
    for (end, times) in ends.into_iter().flatten() {
        *all.entry(end).or_default() += times;
    }
    if count >= usually {
        for end in ["new", "paid", "cancelled", "pending", "processing", ROWS_DONE] {
            assert!(
                all.get(end).is_some_and(|times| *times > 0),
                "no history ended as {end}: {all:?}"
            );
        }
    }
    format!("{count} histories from seed {first}: {all:?}")
}

#[test]
fn inv20_a_row_that_was_written_by_hand_is_found() {
    let world = World::new();
    world.placed();
    assert_eq!(world.self_check(), Vec::<String>::new());
    for (by_hand, mended) in [
        (
            "UPDATE attempts SET state = 'declined'",
            "UPDATE attempts SET state = 'authorised'",
        ),
        (
            "UPDATE attempt_log SET event = 'refused' WHERE number = 2",
            "UPDATE attempt_log SET event = 'held' WHERE number = 2",
        ),
        (
            "UPDATE attempt_log SET number = 9 WHERE number = 2",
            "UPDATE attempt_log SET number = 2 WHERE number = 9",
        ),
    ] {
        world.rows(by_hand);
        assert_eq!(world.self_check(), ["attempts"], "{by_hand}");
        world.rows(mended);
        assert_eq!(world.self_check(), Vec::<String>::new(), "{mended}");
    }
    world.rows("DELETE FROM attempt_log");
    assert_eq!(world.self_check(), ["attempts"], "an attempt without a log");
}

#[test]
fn n11_in_whatever_order_news_arrives_one_thing_happens() {
    println!("{}", draw(World::reachable, HISTORIES));
}

#[test]
fn n11_the_same_where_the_card_is_typed_on_paygents_page() {
    println!("{}", draw(World::by_link, HISTORIES_BY_LINK));
}
