//! The card-testing guard (S-12 to S-15, S-20, N20, INV-28): how many telegrams a tester gets, and that nobody else is kept from
//! paying.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use host_shim::demo;
use host_shim::library::{Called, Plugin, Status as Outcome, beside_this_program};
use host_shim::shop::Order;
use serde_json::{Value, json};

use crate::boundary::run;
use crate::world::{CardPage, GOOD, UNUSABLE, World, code, outcome, text, words};

/// Cards that 3-D Secure refuses at once, and whose holder is asked for a password.
const DENIED: &str = "4000000000003063";
const ASKED: &str = "4000000000003006";

/// A browser, as the host tells of it.
#[derive(Clone, Default)]
struct Browser {
    address: String,
    session: String,
    member: String,
    forwarded: String,
    /// Of the card, as the page posts it.
    fingerprint: String,
    human: bool,
}

/// An address, and a session of its own.
fn browser(address: &str, session: &str) -> Browser {
    Browser {
        address: address.to_owned(),
        session: session.to_owned(),
        ..Browser::default()
    }
}

impl Browser {
    fn member(mut self, member: &str) -> Self {
        member.clone_into(&mut self.member);
        self
    }

    fn card(mut self, fingerprint: &str) -> Self {
        fingerprint.clone_into(&mut self.fingerprint);
        self
    }

    fn behind(mut self, forwarded: &str) -> Self {
        forwarded.clone_into(&mut self.forwarded);
        self
    }

    fn human(mut self) -> Self {
        self.human = true;
        self
    }

    /// Types a card and presses the button.
    fn pays(&self, world: &World, page: &CardPage, card: &str) -> Called {
        let form = text(&world.show(page).reply, "/data/form");
        world.shopper(&self.post(page, &form, &world.token(card)))
    }

    fn post(&self, page: &CardPage, form: &str, token: &str) -> Value {
        let body = format!("form={form}&card_token={token}&card_fingerprint={}", self.fingerprint);
        let headers = match self.forwarded.as_str() {
            "" => json!({}),
            forwarded => json!({"x-forwarded-for": forwarded}),
        };
        json!({
            "method": "POST", "path": page.path, "body": body, "headers": headers, "client_address": self.address,
            "shopper": {"session": self.session, "member": self.member, "human": self.human},
        })
    }
}

/// A world whose guard has these figures.
fn guarded(guard: Value) -> World {
    let mut world = World::new();
    reopen(&mut world, &[("guard", guard)]);
    world
}

/// The plugin is stopped and started, with these settings.
fn reopen(world: &mut World, settings: &[(&str, Value)]) {
    let folder = world.folder.path().join("shop");
    let mut config = demo::config(&folder, &world.reach).unwrap();
    for (name, value) in settings {
        config[*name] = value.clone();
    }
    let plugin = Plugin::open(&beside_this_program().unwrap(), &config, world.clock(), |_| ()).unwrap();
    Arc::get_mut(&mut world.adapter).unwrap().plugin = Arc::new(plugin);
}

/// Card pages of guests, each with an order of its own.
fn pages(world: &World, count: usize) -> Vec<CardPage> {
    (0..count)
        .map(|guest| {
            page_of(
                world,
                &format!("guest-{}-{guest}", world.clock().load(Ordering::Acquire)),
            )
        })
        .collect()
}

fn page_of(world: &World, guest: &str) -> CardPage {
    let shop = &world.adapter.shop;
    let session = shop.session(guest).unwrap();
    shop.add(guest, 5, 1).unwrap();
    let order: Order = shop.prepare(&session, &host_shim::shop::member(), 0).unwrap().unwrap();
    world.enter(order)
}

/// The wait that a refusal tells, in seconds.
fn wait(called: &Called) -> i64 {
    assert_eq!(
        code(called),
        (Outcome::Refused, "guard.wait".to_owned()),
        "{}",
        called.reply
    );
    called.reply["data"]["retry_after"].as_i64().unwrap()
}

fn sent(world: &World) -> usize {
    world.telegrams("020").len()
}

fn mails(world: &World) -> usize {
    let mails = serde_json::to_value(world.adapter.shop.mails().unwrap()).unwrap();
    let of_staff = |mail: &&Value| mail["sent_to"] == "staff@shop.example";
    mails.as_array().unwrap().iter().filter(of_staff).count()
}

#[test]
fn s12_one_address_gets_its_limit_of_telegrams_and_no_more() {
    let world = guarded(json!({"address": {"tries": 6, "minutes": 60}}));
    for (at, page) in pages(&world, 20).iter().enumerate() {
        let called = browser("203.0.113.9", &format!("s{at}")).pays(&world, page, UNUSABLE);
        let wanted = if at < 6 { "card.declined" } else { "guard.wait" };
        assert_eq!(code(&called), (Outcome::Refused, wanted.to_owned()), "{at}");
    }
    assert_eq!(sent(&world), 6);
    let page = page_of(&world, "elsewhere");
    assert_eq!(
        outcome(&browser("203.0.113.10", "e").pays(&world, &page, GOOD)),
        "placed"
    );
}

#[test]
fn s12_the_shopper_is_told_on_the_card_page_and_how_long() {
    let world = World::new();
    let page = world.entered();
    for _ in 0..5 {
        world.pay(&page, UNUSABLE);
    }
    let refused = world.pay(&page, GOOD);
    assert_eq!(wait(&refused), 1_800);
    assert_eq!(refused.reply["status"], 303);
    let to = text(&refused.reply, "/redirect");
    let (path, query) = to.split_once('?').unwrap();
    assert_eq!(path, format!("/paygent{}", page.path));
    let until = query.strip_prefix("wait=").unwrap();
    let shown = |language: &str| {
        let asked = json!({"method": "GET", "path": page.path, "query": {"wait": until}, "language": language});
        words(&text(&world.shopper(&asked).reply, "/body"))
    };
    assert!(
        shown("ja").contains("31分ほどしてから、もう一度お試しください"),
        "{}",
        shown("ja")
    );
    assert!(shown("en").contains("in about 31 min"));
    world.pass(1_801);
    assert!(!shown("ja").contains("分ほどしてから"), "an old address says nothing");
    assert_eq!(outcome(&world.pay(&page, GOOD)), "placed", "windows end");
}

#[test]
fn s13_many_addresses_of_one_session_are_one_tester() {
    let world = World::new();
    for (at, page) in pages(&world, 14).iter().enumerate() {
        browser(&format!("203.0.113.{at}"), "one").pays(&world, page, UNUSABLE);
    }
    assert_eq!(sent(&world), 10);
}

#[test]
fn n20_a_new_cookie_on_one_order_resets_nothing_and_neither_does_a_restart() {
    let mut world = World::new();
    let page = world.entered();
    for at in 0..4 {
        browser("203.0.113.9", &format!("cookie-{at}")).pays(&world, &page, UNUSABLE);
    }
    reopen(&mut world, &[]);
    for at in 4..9 {
        browser("203.0.113.9", &format!("cookie-{at}")).pays(&world, &page, UNUSABLE);
    }
    assert_eq!(sent(&world), 5);
}

#[test]
fn s14_many_cards_of_one_member_are_one_tester() {
    let world = World::new();
    for (at, page) in pages(&world, 14).iter().enumerate() {
        let tester = browser(&format!("203.0.113.{at}"), &format!("s{at}")).member("7");
        tester.card(&format!("f{at}")).pays(&world, page, UNUSABLE);
    }
    assert_eq!(sent(&world), 10);
}

#[test]
fn s14_one_card_probed_from_everywhere_is_one_card() {
    let world = World::new();
    for (at, page) in pages(&world, 9).iter().enumerate() {
        let tester = browser(&format!("203.0.113.{at}"), &format!("s{at}")).card("victims");
        tester.pays(&world, page, UNUSABLE);
    }
    assert_eq!(sent(&world), 5);
}

#[test]
fn s14_three_ds_is_asked_no_oftener_than_the_limit_and_who_leaves_it_is_counted() {
    let mut world = World::new();
    let (pages, later) = (pages(&world, 14), page_of(&world, "later"));
    let three_ds = json!({"three_ds": {"enabled": true}});
    let urls = json!({"shopper": "https://shop.example/paygent"});
    reopen(&mut world, &[("card", three_ds), ("urls", urls)]);
    let tester = browser("203.0.113.9", "one");
    for (at, page) in pages.iter().enumerate() {
        tester.pays(&world, page, if at % 2 == 0 { DENIED } else { ASKED });
    }
    assert_eq!(world.telegrams("450").len(), 10);
    world.pass(2_160);
    world.work();
    assert!(wait(&tester.pays(&world, &later, GOOD)) > 0, "those who left count on");
    assert_eq!(world.telegrams("450").len(), 10);
}

#[test]
fn s15_a_stranger_on_the_same_address_keeps_nobody_from_paying() {
    let world = guarded(json!({"address": {"tries": 3, "minutes": 60}}));
    let tester = |at: usize| browser("203.0.113.9", &format!("t{at}"));
    for (at, page) in pages(&world, 4).iter().enumerate() {
        tester(at).pays(&world, page, UNUSABLE);
    }
    let page = page_of(&world, "victim");
    let victim = browser("203.0.113.9", "victim").member("1");
    let seconds = wait(&victim.pays(&world, &page, GOOD));
    assert!(seconds <= 30, "short: {seconds}");
    // The tester goes on for as long as the victim waits.
    for round in 0..20 {
        world.pass(30);
        tester(round).pays(&world, &page_of(&world, &format!("round-{round}")), UNUSABLE);
    }
    assert_eq!(
        outcome(&victim.pays(&world, &page, GOOD)),
        "placed",
        "their own turn came"
    );
    let another = page_of(&world, "another");
    let person = browser("203.0.113.9", "another");
    assert!(wait(&person.pays(&world, &another, GOOD)) > 0);
    assert_eq!(
        outcome(&person.human().pays(&world, &another, GOOD)),
        "placed",
        "at once, where the host has seen a person"
    );
}

#[test]
fn s15_a_thief_who_types_the_victims_card_keeps_nobody_from_paying() {
    let world = World::new();
    for (at, page) in pages(&world, 6).iter().enumerate() {
        let thief = browser(&format!("198.51.100.{at}"), &format!("t{at}")).card("victims");
        thief.pays(&world, page, UNUSABLE);
    }
    let page = page_of(&world, "victim");
    let victim = browser("203.0.113.9", "victim").card("victims");
    assert!(wait(&victim.pays(&world, &page, GOOD)) <= 30);
    world.pass(31);
    assert_eq!(outcome(&victim.pays(&world, &page, GOOD)), "placed");
}

#[test]
fn s15_a_host_with_a_challenge_is_asked_for_it_and_people_pay_at_once() {
    let world = guarded(json!({"challenge": true, "address": {"tries": 2, "minutes": 60}}));
    for (at, page) in pages(&world, 2).iter().enumerate() {
        browser("203.0.113.9", &format!("t{at}")).pays(&world, page, UNUSABLE);
    }
    let page = page_of(&world, "victim");
    let victim = browser("203.0.113.9", "victim");
    let form = text(&world.show(&page).reply, "/data/form");
    let token = world.token(GOOD);
    let asked = world.shopper(&victim.post(&page, &form, &token));
    assert_eq!(code(&asked), (Outcome::Refused, "guard.challenge".to_owned()));
    let shown = json!({"method": "GET", "path": page.path, "query": {"challenge": "1"}});
    assert!(words(&text(&world.shopper(&shown).reply, "/body")).contains("ショップの確認が必要です"));
    let again = world.shopper(&victim.human().post(&page, &form, &token));
    assert_eq!(outcome(&again), "placed", "the same form, the same token");
    assert_eq!(sent(&world), 3);
}

#[test]
fn s20_a_spoofed_header_makes_no_new_address() {
    let world = guarded(json!({"address": {"tries": 3, "minutes": 60}}));
    for (at, page) in pages(&world, 6).iter().enumerate() {
        let tester = browser("203.0.113.9", &format!("s{at}")).behind(&format!("198.51.100.{at}"));
        tester.pays(&world, page, UNUSABLE);
    }
    assert_eq!(sent(&world), 3);
}

#[test]
fn s20_a_trusted_proxy_tells_its_shoppers_apart() {
    let world = guarded(json!({"address": {"tries": 3, "minutes": 60}, "trusted_proxies": ["192.0.2.0/24"]}));
    for (at, page) in pages(&world, 6).iter().enumerate() {
        let shopper = browser("192.0.2.7", &format!("s{at}")).behind(&format!("198.51.100.{at}"));
        shopper.pays(&world, page, UNUSABLE);
    }
    assert_eq!(sent(&world), 6);
    for (at, page) in pages(&world, 6).iter().enumerate() {
        let tester = browser("192.0.2.7", &format!("t{at}")).behind(&format!("10.0.0.{at}, 198.51.100.77"));
        tester.pays(&world, page, UNUSABLE);
    }
    assert_eq!(sent(&world), 9);
}

#[test]
fn inv28_fifty_tries_at_once_do_not_slip_under_the_limit() {
    let world = guarded(json!({"address": {"tries": 8, "minutes": 60}}));
    let posts: Vec<Value> = pages(&world, 50)
        .iter()
        .enumerate()
        .map(|(at, page)| {
            let form = text(&world.show(page).reply, "/data/form");
            browser("203.0.113.9", &format!("s{at}")).post(page, &form, &world.token(UNUSABLE))
        })
        .collect();
    let slow = json!({"kind": "020", "times": 50, "fault": {"delay_ms": 500}});
    let _: Value = world.control("POST", "faults", &slow.to_string());
    std::thread::scope(|scope| {
        for post in &posts {
            scope.spawn(|| world.shopper(post));
        }
    });
    assert_eq!(sent(&world), 8);
}

#[test]
fn n20_what_paid_and_what_never_left_counts_for_nothing() {
    let world = guarded(json!({"address": {"tries": 2, "minutes": 60}}));
    for (at, page) in pages(&world, 5).iter().enumerate() {
        let called = browser("203.0.113.9", &format!("s{at}")).pays(&world, page, GOOD);
        assert_eq!(outcome(&called), "placed", "{at}");
    }
    for page in pages(&world, 3) {
        world.fault("020", &json!("drop_before"));
        browser("203.0.113.9", "lost").pays(&world, &page, GOOD);
        world.pass(130);
        world.work();
        assert_eq!(
            outcome(&browser("203.0.113.9", "lost").pays(&world, &page, GOOD)),
            "placed"
        );
    }
}

#[test]
fn s13_the_alarm_reaches_the_shop_once_per_window() {
    let world = guarded(json!({
        "alarm": {"failures": 5, "percent": 60, "minutes": 10}, "address": {"tries": 4, "minutes": 60},
    }));
    let attack = |pages: &[CardPage]| {
        for (at, page) in pages.iter().enumerate() {
            browser(&format!("198.51.100.{at}"), &page.path).pays(&world, page, UNUSABLE);
        }
        world.work();
    };
    attack(&pages(&world, 4));
    assert_eq!(mails(&world), 0);
    world.pass(1);
    let second = pages(&world, 8);
    attack(&second);
    assert_eq!(mails(&world), 1);
    let flagged = world.order_page(&second[0].order.order_id);
    assert!(flagged.says("カードの不正な試行（カードテスト）が疑われます"));
    let strangers = browser("198.51.100.0", "stranger");
    assert!(
        wait(&strangers.pays(&world, &page_of(&world, "stranger"), GOOD)) > 0,
        "two are half of four"
    );
    world.pass(601);
    attack(&pages(&world, 8));
    assert_eq!(mails(&world), 2);
}

#[test]
fn s13_a_shop_that_pays_more_than_it_fails_raises_no_alarm() {
    let world = guarded(json!({"alarm": {"failures": 3, "percent": 60, "minutes": 10}}));
    for (at, page) in pages(&world, 8).iter().enumerate() {
        let card = if at % 2 == 0 { GOOD } else { UNUSABLE };
        browser(&format!("198.51.100.{at}"), &format!("s{at}")).pays(&world, page, card);
    }
    world.work();
    assert_eq!(mails(&world), 0);
}

#[test]
fn n20_no_address_session_or_card_can_be_read_in_the_database() {
    let world = World::new();
    let page = world.entered();
    let tester = browser("203.0.113.9", "secret-session").member("secret-member");
    tester.card("secret-fingerprint").pays(&world, &page, UNUSABLE);
    for file in ["paygent.db", "paygent.db-wal"] {
        let bytes = std::fs::read(world.folder.path().join("shop").join(file)).unwrap_or_default();
        for secret in ["203.0.113.9", "secret-session", "secret-member", "secret-fingerprint"] {
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "{secret} stands in {file}");
        }
    }
}

#[test]
fn n20_a_try_is_counted_by_all_its_keys_and_forgotten_when_no_limit_counts_it() {
    let world = World::new();
    let page = world.entered();
    let tester = browser("203.0.113.9", "s").member("7").card("f");
    tester.pays(&world, &page, UNUSABLE);
    let database = world.folder.path().join("shop/paygent.db");
    let kinds = || {
        let query = "SELECT kind FROM tries ORDER BY kind";
        run(std::process::Command::new("sqlite3").arg(&database).arg(query))
    };
    assert_eq!(kinds(), "address\ncard\nmember\norder\nsession\nshop\n");
    world.pass(86_401);
    world.work();
    assert_eq!(kinds(), "");
}

#[test]
fn n20_a_shop_may_switch_the_guard_off() {
    let world = guarded(json!({"enabled": false}));
    let page = world.entered();
    for _ in 0..8 {
        world.pay(&page, UNUSABLE);
    }
    assert_eq!(sent(&world), 8);
}
