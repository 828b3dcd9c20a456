//! Stored cards: a member leaves a card with the gateway, pays with it, deletes it, and takes all along when they leave;
//! nobody touches another member's, no lost answer stores one twice, and none of it harms a payment.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use host_shim::demo;
use host_shim::library::{Called, Plugin, Status as Outcome, beside_this_program};
use host_shim::shop::Status;
use serde_json::{Value, json};

use crate::kills::killed_at;
use crate::three_ds::{CHALLENGE, Journey};
use crate::world::{CardPage, GOOD, OTHER_GOOD, UNUSABLE, World, code, http, outcome, staff, text, words};

/// Ten cards that can be stored, and one more.
const ELEVEN: [&str; 11] = [
    GOOD,
    OTHER_GOOD,
    "4012888888881881",
    "3530111333300000",
    "378282246310005",
    "30569309025904",
    "4000000000001125",
    "4000000000001307",
    "4000000000001448",
    "4000000000001547",
    "4000000000001604",
];
/// 3-D Secure refuses it at once.
const DENIED: &str = "4000000000003063";

/// A member's browser, as the host tells of it.
#[derive(Clone, Copy)]
pub(crate) struct Member<'a> {
    world: &'a World,
    id: &'a str,
}

impl World {
    pub(crate) fn member<'a>(&'a self, id: &'a str) -> Member<'a> {
        Member { world: self, id }
    }
}

impl Member<'_> {
    fn asks(&self, method: &str, path: &str, body: &str) -> Called {
        let (path, query) = path.split_once("?told=").unwrap_or((path, ""));
        let query = if query.is_empty() {
            json!({})
        } else {
            json!({"told": query})
        };
        self.world.shopper(&json!({
            "method": method, "path": path, "query": query, "body": body,
            "shopper": {"session": format!("session-{}", self.id), "member": self.id},
        }))
    }

    fn shows(&self, page: &CardPage) -> Called {
        self.asks("GET", &page.path, "")
    }

    fn says(&self, page: &CardPage, sentence: &str) -> bool {
        words(&text(&self.shows(page).reply, "/body")).contains(sentence)
    }

    /// Types a card and ticks 「このカードを登録する」.
    fn pays_and_keeps(&self, page: &CardPage, card: &str) -> Called {
        let form = text(&self.shows(page).reply, "/data/form");
        // Each token works once.
        let [pays, keeps] = [(); 2].map(|()| self.world.browser_token(&typed(card)));
        let body = format!(
            "form={form}&card_token={}&card_fingerprint={}&store_token={}",
            text(&pays, "/token"),
            text(&pays, "/fingerprint"),
            text(&keeps, "/token")
        );
        self.asks("POST", &page.path, &body)
    }

    /// Chooses a stored card by what the page names it, and types the security code.
    pub(crate) fn pays_with(&self, page: &CardPage, reference: &str) -> Called {
        let form = text(&self.shows(page).reply, "/data/form");
        let code = self.world.code_token();
        let body = format!("form={form}&card_token={code}&stored_card={reference}");
        self.asks("POST", &page.path, &body)
    }

    /// What the page names each card that it offers.
    fn offered(&self, page: &CardPage) -> Vec<Value> {
        self.shows(page).reply["data"]["cards"]
            .as_array()
            .unwrap_or_else(|| panic!("no wallet"))
            .clone()
    }

    fn cards_page(&self) -> Called {
        self.asks("GET", "/cards", "")
    }

    fn cards(&self) -> Vec<Value> {
        self.cards_page().reply["data"]["cards"].as_array().unwrap().clone()
    }

    fn numbers(&self) -> Vec<String> {
        self.cards().iter().map(|card| text(card, "/number")).collect()
    }

    fn cards_page_says(&self, sentence: &str) -> bool {
        words(&text(&self.cards_page().reply, "/body")).contains(sentence)
    }

    /// Stores a card on the my page.
    pub(crate) fn adds(&self, card: &str) -> Called {
        let form = text(&self.cards_page().reply, "/data/form");
        self.posts_card(&form, card)
    }

    fn posts_card(&self, form: &str, card: &str) -> Called {
        let kept = self.world.browser_token(&typed(card));
        let body = format!(
            "form={form}&card_token={}&card_fingerprint={}",
            text(&kept, "/token"),
            text(&kept, "/fingerprint")
        );
        self.asks("POST", "/cards", &body)
    }

    pub(crate) fn deletes(&self, reference: &str) -> Called {
        let form = text(&self.cards_page().reply, "/data/form");
        self.asks("POST", "/cards/delete", &format!("form={form}&card={reference}"))
    }

    /// Has paid with a card that was stored by it.
    fn with_stored(self, card: &str) -> Self {
        let page = self.world.entered();
        let paid = self.pays_and_keeps(&page, card);
        assert_eq!(outcome(&paid), "placed", "{}", paid.reply);
        self
    }

    /// What the page names their first card.
    pub(crate) fn first(&self) -> String {
        text(&self.cards()[0], "/reference")
    }
}

fn typed(card: &str) -> Value {
    json!({"card_number": card, "expire_year": "30", "expire_month": "12", "cvc": "987", "name": "TARO YAMADA"})
}

impl World {
    /// What the token script tells a browser that typed this.
    fn browser_token(&self, typed: &Value) -> Value {
        let mut asked = typed.clone();
        asked["merchant_id"] = json!("10001");
        asked["token_key"] = json!("simulated_token_key");
        let json = ("content-type", "application/json");
        let answer = http(
            "POST",
            &format!("{}token", self.reach.online_url),
            &[json],
            &asked.to_string(),
        );
        let answer: Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(answer["result"], "0000", "{answer}");
        answer["tokenizedCardObject"].clone()
    }

    /// Of a security code alone.
    pub(crate) fn code_token(&self) -> String {
        text(&self.browser_token(&json!({"cvc_only": true, "cvc": "987"})), "/token")
    }

    /// The fields of a telegram of that kind, the last one that was seen.
    fn last(&self, kind: &str) -> String {
        text(
            self.telegrams(kind).last().unwrap_or_else(|| panic!("no {kind}")),
            "/request",
        )
    }

    fn counts(&self, kinds: [&str; 3]) -> [usize; 3] {
        kinds.map(|kind| self.telegrams(kind).len())
    }

    fn storings(&self) -> Vec<String> {
        self.rows("SELECT state || coalesce(' ' || code, '') FROM storings ORDER BY created_at")
    }
}

/// The plugin is opened anew with a change to its settings; what it logs from then on.
fn reopen(world: &mut World, change: impl FnOnce(&mut Value)) -> Arc<Mutex<Vec<String>>> {
    let mut config = demo::config(&world.folder.path().join("shop"), &world.reach).unwrap();
    change(&mut config);
    let lines = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&lines);
    let tell = move |line: &str| log.lock().unwrap().push(line.to_owned());
    let plugin = Plugin::open(&beside_this_program().unwrap(), &config, world.clock(), tell).unwrap();
    Arc::get_mut(&mut world.adapter).unwrap().plugin = Arc::new(plugin);
    lines
}

fn field(request: &str, name: &str) -> String {
    let value = request
        .split('&')
        .find_map(|pair| pair.strip_prefix(&format!("{name}=")));
    value.unwrap_or_else(|| panic!("no {name} in {request}")).to_owned()
}

#[test]
fn a_card_that_paid_is_stored_and_offered_to_its_member_alone() {
    let world = World::new();
    let member = world.member("1");
    let page = world.entered();
    let shown = text(&member.shows(&page).reply, "/body");
    assert!(words(&shown).contains("このカードを登録する") && words(&shown).contains("10枚まで"));
    assert!(
        !shown.contains("id=\"wallet\""),
        "none is stored yet, and that is no error"
    );
    assert!(!words(&shown).contains("いま表示できません"));
    assert_eq!(outcome(&member.pays_and_keeps(&page, GOOD)), "placed");
    assert_eq!(world.order(&page.order).status(), Status::New);
    let seq = |kind: &str| world.telegrams(kind)[0]["seq"].as_i64().unwrap();
    assert!(seq("020") < seq("025"), "first it pays, then it is stored");
    assert!(
        world.order_page(&page.order.order_id).says("カードの登録"),
        "in the time line"
    );
    assert_eq!(world.storings(), ["stored"]);

    let next = world.entered();
    let [card] = member.offered(&next).try_into().unwrap();
    assert_eq!(
        [&card["number"], &card["expiry"], &card["brand"]],
        ["************1111", "12/30", "VISA"]
    );
    assert!(member.says(&next, "VISA ************1111") && member.says(&next, "有効期限 12/30"));
    assert!(world.member("2").offered(&next).is_empty(), "another member");
    let guest = world.show(&next).reply;
    assert!(guest["data"].get("cards").is_none() && !text(&guest, "/body").contains("id=\"store\""));
}

#[test]
fn the_gateway_knows_a_member_by_a_pseudonym() {
    let world = World::new();
    world.member("member@example.com").with_stored(GOOD);
    world.member("2").with_stored(GOOD);
    let names: Vec<String> = world
        .telegrams("025")
        .iter()
        .map(|telegram| field(&text(telegram, "/request"), "customer_id"))
        .collect();
    assert_ne!(names[0], names[1]);
    for name in &names {
        assert!(
            name.len() == 25 && name.starts_with('m') && name[1..].chars().all(|c| c.is_ascii_hexdigit()),
            "{name}: neither mail nor number"
        );
    }
    let member = world.member("member@example.com").with_stored(OTHER_GOOD);
    assert_eq!(field(&world.last("025"), "customer_id"), names[0], "the same as ever");
    assert_eq!(member.numbers(), ["************1111", "************4444"]);
}

#[test]
fn a_shop_that_stores_no_cards_neither_asks_nor_offers() {
    let mut world = World::new();
    world.member("1").with_stored(GOOD);
    let reference = world.member("1").first();
    reopen(&mut world, |config| config["card"]["stored"] = json!(false));
    let member = world.member("1");
    let before = world.counts(["025", "026", "027"]);
    let page = world.entered();
    assert!(member.shows(&page).reply["data"].get("cards").is_none());
    assert_eq!(code(&member.pays_with(&page, &reference)).1, "card.not_own");
    assert_eq!(outcome(&member.pays_and_keeps(&page, OTHER_GOOD)), "placed");
    assert_eq!(member.cards_page().reply["status"], 404);
    assert_eq!(member.asks("POST", "/cards", "").reply["status"], 404);
    assert_eq!(world.counts(["025", "026", "027"]), before);
    let settings = world
        .adapter
        .call("staff.route", &staff("GET", "/settings"))
        .unwrap()
        .reply;
    assert!(words(&text(&settings, "/fragment/html")).contains("カードの登録（会員） 無効"));
}

#[test]
fn a_card_that_could_not_be_stored_leaves_the_order_paid_and_is_told() {
    let world = World::new();
    let member = world.member("1");
    let page = world.entered();
    world.fault("025", &json!({"code": ["2003", ""]}));
    assert_eq!(outcome(&member.pays_and_keeps(&page, GOOD)), "placed");
    assert_eq!(world.order(&page.order).status(), Status::New);
    assert_eq!(world.live(&page.order.order_id).len(), 1);
    assert!(
        world.order_page(&page.order.order_id).says("カードの登録 025 拒否"),
        "{}",
        words(world.order_page(&page.order.order_id).html())
    );
    assert!(member.cards_page_says("カードを登録できませんでした（2020/11/26 12:00）"));
    assert!(!world.member("2").cards_page_says("カードを登録できませんでした"));
    assert_eq!(world.storings(), ["failed 2003"]);
    assert_eq!(
        world.rows("SELECT count(*) FROM storings WHERE sealed_card IS NOT NULL"),
        ["0"]
    );
    world.pass(8 * 24 * 60 * 60);
    world.work();
    assert!(world.storings().is_empty(), "told long enough");
}

#[test]
fn a_card_that_did_not_pay_is_not_stored() {
    let world = World::new();
    let member = world.member("1");
    let page = world.entered();
    assert_eq!(code(&member.pays_and_keeps(&page, UNUSABLE)).1, "card.declined");
    assert!(world.telegrams("025").is_empty() && world.storings().is_empty());
    assert_eq!(outcome(&member.pays_and_keeps(&page, GOOD)), "placed");
    assert_eq!(member.numbers(), ["************1111"]);
}

#[test]
fn a_payment_whose_answer_was_lost_stores_its_card_once_it_is_found() {
    let world = World::new();
    let member = world.member("1");
    let page = world.entered();
    world.fault("020", &json!("drop_after"));
    assert_eq!(outcome(&member.pays_and_keeps(&page, GOOD)), "confirming");
    assert!(world.telegrams("025").is_empty(), "not before it is known to have paid");
    world.pass(4);
    world.work();
    assert_eq!(world.order(&page.order).status(), Status::New);
    world.work();
    assert_eq!(member.numbers(), ["************1111"]);
    assert_eq!(world.telegrams("025").len(), 1);
}

#[test]
fn a_stored_card_whose_answer_was_lost_is_found_by_the_list_and_never_stored_twice() {
    for lost in ["drop_after", "garbage", "truncate"] {
        let world = World::new();
        let member = world.member("1").with_stored(OTHER_GOOD);
        world.fault("025", &json!(lost));
        let page = world.entered();
        assert_eq!(outcome(&member.pays_and_keeps(&page, GOOD)), "placed", "{lost}");
        assert_eq!(world.storings().last().unwrap(), "unknown", "{lost}");
        world.pass(4);
        world.work();
        assert_eq!(world.storings().last().unwrap(), "stored", "{lost}");
        assert_eq!(member.numbers(), ["************4444", "************1111"], "{lost}");
        assert_eq!(world.telegrams("025").len(), 2, "{lost}: one each");
        assert!(world.order_page(&page.order.order_id).says("カードの登録 025 成功"));
    }
}

#[test]
fn a_card_that_never_arrived_is_told_when_nothing_can_be_on_its_way_any_more() {
    let world = World::new();
    let member = world.member("1");
    world.fault("025", &json!("drop_before"));
    member.with_stored(GOOD);
    assert!(member.cards_page_says("カードを登録できたかどうかを確認しています"));
    for _ in 0..10 {
        world.pass(10);
        world.work();
    }
    assert_eq!(world.storings(), ["unknown"], "a request may be in flight for so long");
    for _ in 0..30 {
        world.pass(20);
        world.work();
    }
    assert_eq!(world.storings(), ["failed cards.never_arrived"]);
    assert!(member.cards_page_says("カードを登録できませんでした"));
    assert_eq!(world.telegrams("025").len(), 1, "a spent token is not sent again");
    member.with_stored(GOOD);
    assert_eq!(member.numbers(), ["************1111"]);
    assert!(
        !member.cards_page_says("登録できませんでした"),
        "what is mended is not told any more"
    );
}

#[test]
fn a_list_that_does_not_come_keeps_the_card_waiting_and_the_form_usable() {
    let world = World::new();
    let member = world.member("1");
    for silence in [
        json!("http_500"),
        json!("drop_before"),
        json!({"code": ["9005", ""]}),
        json!({"reply": "\"1\",\"0\"\r\n\"3\",\"x\"\r\n"}),
    ] {
        world.fault("027", &silence);
        let page = world.entered();
        let shown = member.shows(&page);
        assert_eq!(shown.reply["status"], 200);
        let body = text(&shown.reply, "/body");
        assert!(
            words(&body).contains("いま表示できません") && body.contains("id=\"number\""),
            "{silence}"
        );
        world.fault("027", &silence);
        assert!(member.cards_page_says("いま表示できません"), "{silence}");
    }
    let page = world.entered();
    let form = text(&member.shows(&page).reply, "/data/form");
    world.fault("027", &json!("http_500"));
    let [pays, keeps] = [(); 2].map(|()| text(&world.browser_token(&typed(GOOD)), "/token"));
    let paid = member.asks(
        "POST",
        &page.path,
        &format!("form={form}&card_token={pays}&store_token={keeps}"),
    );
    assert_eq!(outcome(&paid), "placed");
    assert!(
        world.telegrams("025").is_empty(),
        "nothing leaves before it is known what is there"
    );
    world.pass(11);
    world.work();
    assert_eq!(member.numbers(), ["************1111"]);
}

#[test]
fn a_card_that_is_there_already_is_not_stored_again() {
    let world = World::new();
    let member = world.member("1").with_stored(GOOD).with_stored(GOOD);
    assert_eq!(member.numbers(), ["************1111"]);
    assert_eq!(world.telegrams("025").len(), 1);
    assert_eq!(outcome(&member.adds(GOOD)), "stored");
    assert_eq!(world.storings(), ["stored"; 3]);
}

#[test]
fn a_stored_card_pays_with_its_security_code_and_is_counted_by_the_guard() {
    let world = World::new();
    let member = world.member("1").with_stored(GOOD);
    let page = world.entered();
    let reference = text(&member.offered(&page)[0], "/reference");
    let form = text(&member.shows(&page).reply, "/data/form");
    let uncoded = member.asks(
        "POST",
        &page.path,
        &format!("form={form}&card_token=&stored_card={reference}"),
    );
    assert_eq!(code(&uncoded).1, "form.card_token", "the code is asked for each time");
    let paid = member.pays_with(&page, &reference);
    assert_eq!(outcome(&paid), "placed", "{}", paid.reply);
    let asked = world.last("020");
    for (name, value) in [
        ("stock_card_mode", "1"),
        ("customer_card_id", "1"),
        ("security_code_token", "1"),
        ("card_token", "***"),
    ] {
        assert_eq!(field(&asked, name), value);
    }
    assert_eq!(field(&asked, "customer_id"), field(&world.last("025"), "customer_id"));
    assert!(!asked.contains("security_code_use"));
    let prints = world.rows("SELECT count(DISTINCT hash) || ' of ' || count(*) FROM tries WHERE kind = 'card'");
    assert_eq!(prints, ["1 of 2"], "typed and stored, it is the same card");
    assert_eq!(world.telegrams("025").len(), 1, "and it is not stored again");
}

#[test]
fn s14_who_probes_stored_cards_meets_the_guard() {
    let world = World::new();
    let member = world.member("1");
    member.adds("4000000000001448");
    let reference = member.first();
    let pages: Vec<CardPage> = (0..2).map(|_| world.entered()).collect();
    for page in &pages {
        for _ in 0..3 {
            member.pays_with(page, &reference);
        }
    }
    assert_eq!(world.telegrams("020").len(), 5, "five tries at one card");
    assert_eq!(code(&member.pays_with(&pages[1], &reference)).1, "guard.wait");
}

#[test]
fn a_stored_card_goes_through_three_d_secure_like_any_other() {
    let world = World::reachable();
    for card in [GOOD, CHALLENGE] {
        let member = world.member(card);
        assert_eq!(outcome(&member.adds(card)), "stored");
        let page = world.entered();
        let shown = member.pays_with(&page, &member.first());
        assert_eq!(outcome(&shown), "authenticating", "{card}: {}", shown.reply);
        let asked = world.last("450");
        assert_eq!(field(&asked, "card_set_method"), "customer");
        assert_eq!(field(&asked, "customer_id"), field(&world.last("025"), "customer_id"));
        assert!(!asked.contains("card_token"));
        let locked = world.rows("SELECT sealed_card FROM attempts WHERE sealed_card IS NOT NULL");
        assert!(locked.len() == 1 && !locked[0].contains("tok_"));
        let journey = Journey {
            world: &world,
            page,
            shown,
        };
        // No cookie, no member: the address alone.
        let back = journey.comes_back(&journey.authenticated());
        assert_eq!(outcome(&back), "placed", "{card}: {}", back.reply);
        let paid = world.last("020");
        assert!(
            paid.contains("3dsecure_use_type=2") && paid.contains("stock_card_mode=1"),
            "{paid}"
        );
        assert!(
            world
                .rows("SELECT 1 FROM attempts WHERE sealed_card IS NOT NULL")
                .is_empty()
        );
    }
    let member = world.member("3");
    member.adds(DENIED);
    let page = world.entered();
    assert_eq!(code(&member.pays_with(&page, &member.first())).1, "card.declined");
    assert!(member.says(&page, "本人認証（3Dセキュア）ができませんでした"));
}

#[test]
fn a_card_that_is_to_be_stored_waits_for_its_holder() {
    let world = World::reachable();
    let member = world.member("1");
    let page = world.entered();
    let shown = member.pays_and_keeps(&page, CHALLENGE);
    assert_eq!(world.storings(), ["waiting"]);
    let kept = world.rows("SELECT sealed_card FROM storings");
    assert!(!kept[0].contains("tok_"));
    let journey = Journey {
        world: &world,
        page,
        shown,
    };
    assert_eq!(outcome(&journey.comes_back(&journey.authenticated())), "placed");
    assert_eq!(member.numbers(), ["************3006"]);

    let page = world.entered();
    member.pays_and_keeps(&page, CHALLENGE);
    world.pass(36 * 60);
    world.work();
    assert_eq!(world.storings(), ["stored"], "who left is not stored");
}

#[test]
fn nobody_pays_with_or_deletes_another_members_card() {
    let world = World::new();
    let (anna, berta) = (
        world.member("anna").with_stored(GOOD),
        world.member("berta").with_stored(OTHER_GOOD),
    );
    let annas = anna.first();
    let page = world.entered();
    let before = world.counts(["020", "450", "026"]);
    assert_eq!(
        code(&berta.pays_with(&page, &annas)),
        (Outcome::Refused, "card.not_own".to_owned())
    );
    assert_eq!(
        code(&world.member("").pays_with(&page, &annas)).1,
        "card.not_own",
        "a guest"
    );
    assert_eq!(
        code(&berta.deletes(&annas)),
        (Outcome::Refused, "card.not_own".to_owned())
    );
    let mut edited = annas.clone();
    edited.replace_range(20..21, if &annas[20..21] == "A" { "B" } else { "A" });
    for made_up in ["1", "", edited.as_str()] {
        assert_eq!(code(&berta.deletes(made_up)).1, "card.not_own", "{made_up}");
        if !made_up.is_empty() {
            assert_eq!(code(&berta.pays_with(&page, made_up)).1, "card.not_own", "{made_up}");
        }
    }
    assert_eq!(
        world.counts(["020", "450", "026"]),
        before,
        "nothing was asked of the gateway"
    );
    assert_eq!(
        (anna.numbers(), berta.numbers()),
        (vec!["************1111".to_owned()], vec!["************4444".to_owned()])
    );

    // Anna's page in Berta's browser: its form is not hers.
    let annas_form = text(&anna.cards_page().reply, "/data/form");
    let posted = berta.asks("POST", "/cards/delete", &format!("form={annas_form}&card={annas}"));
    assert_eq!(code(&posted).1, "form.stale");
    assert_eq!(code(&berta.posts_card(&annas_form, CHALLENGE)).1, "form.stale");
    assert_eq!(refusal(&anna.deletes(&annas)), "none");
    assert!(anna.numbers().is_empty());
}

/// The code of a reply, `none` where all is well.
fn refusal(called: &Called) -> String {
    called.reply["code"].as_str().unwrap_or("none").to_owned()
}

#[test]
fn s08_the_forms_of_the_my_page_are_this_members_and_this_sites() {
    let world = World::new();
    let member = world.member("1").with_stored(GOOD);
    let form = text(&member.cards_page().reply, "/data/form");
    for (path, body) in [
        ("/cards/delete", format!("form={form}&card={}", member.first())),
        ("/cards", format!("form={form}&card_token={}", world.token(OTHER_GOOD))),
    ] {
        let crossed = world.shopper(&json!({
            "method": "POST", "path": path, "body": body, "headers": {"sec-fetch-site": "cross-site"},
            "shopper": {"member": "1"},
        }));
        assert_eq!(crossed.reply["status"], 403);
        let bare = body.split_once('&').unwrap().1;
        assert_eq!(code(&member.asks("POST", path, bare)).1, "form.stale");
        let guest = world.shopper(&json!({"method": "POST", "path": path, "body": body}));
        assert_eq!(
            (guest.reply["status"].as_u64(), code(&guest).1),
            (Some(403), "member.missing".to_owned())
        );
    }
    let number = member.asks("POST", "/cards", &format!("form={form}&card_token={GOOD}"));
    assert_eq!(number.status, Outcome::Misuse);
    assert!(world.get("/cards").reply["status"] == 403);
    assert_eq!(member.numbers(), ["************1111"]);
    world.pass(3 * 60 * 60);
    assert_eq!(code(&member.posts_card(&form, OTHER_GOOD)).1, "form.stale");
    assert_eq!(world.telegrams("025").len(), 1);
}

#[test]
fn an_expired_card_is_shown_as_such_and_cannot_be_chosen() {
    let world = World::new();
    let member = world.member("1").with_stored(GOOD);
    let reference = member.first();
    // The card is good until December 2030.
    world.pass((10 * 365 + 2 + 66) * 24 * 60 * 60);
    let page = world.entered();
    let shown = text(&member.shows(&page).reply, "/body");
    assert!(words(&shown).contains("有効期限切れ"));
    assert!(shown.contains("name=\"stored_card\" disabled") && !shown.contains(&format!("value=\"{reference}")));
    let named = text(&member.offered(&page)[0], "/reference");
    for of_card in [&reference, &named] {
        assert_eq!(code(&member.pays_with(&page, of_card)).1, "card.not_own");
    }
    assert_eq!(world.telegrams("020").len(), 1);
    assert_eq!(refusal(&member.deletes(&named)), "none", "it can still be deleted");
    assert!(member.numbers().is_empty());
}

#[test]
fn a_card_deleted_in_another_tab_is_refused_kindly() {
    let world = World::new();
    let member = world.member("1").with_stored(GOOD);
    let page = world.entered();
    let reference = text(&member.offered(&page)[0], "/reference");
    member.deletes(&member.first());
    assert_eq!(code(&member.pays_with(&page, &reference)).1, "card.declined");
    assert!(member.says(&page, "登録済みのカードが見つかりませんでした"));
    assert_eq!(refusal(&member.deletes(&reference)), "none", "gone is gone");
    assert_eq!(outcome(&world.pay(&page, GOOD)), "placed");
}

#[test]
fn ten_cards_are_the_most_and_the_page_says_so_before_anything_is_typed() {
    let world = World::new();
    let member = world.member("1");
    for (place, card) in ELEVEN.iter().take(10).enumerate() {
        assert!(member.cards_page_says("カードは10枚まで登録できます"), "{place}");
        let form = text(&member.cards_page().reply, "/data/form");
        assert_eq!(outcome(&member.posts_card(&form, card)), "stored", "{card}");
    }
    let full = text(&member.cards_page().reply, "/body");
    assert!(words(&full).contains("先にどれかを削除してください") && !full.contains("id=\"number\""));
    let page = world.entered();
    assert!(member.says(&page, "登録できるカードは10枚までです"));
    assert!(!text(&member.shows(&page).reply, "/body").contains("id=\"store\""));

    assert_eq!(
        code(&member.adds(ELEVEN[10])),
        (Outcome::Refused, "cards.not_stored".to_owned())
    );
    assert!(member.cards_page_says("10枚までのため、カードを登録できませんでした"));
    assert_eq!(
        outcome(&member.pays_and_keeps(&page, CHALLENGE)),
        "placed",
        "a payment is not kept from it"
    );
    assert_eq!(world.telegrams("025").len(), 10, "an eleventh is not even asked for");
    assert!(
        world
            .order_page(&page.order.order_id)
            .says("登録できるカードの枚数を超えています")
    );

    member.deletes(&member.first());
    assert_eq!(outcome(&member.adds(ELEVEN[10])), "stored");
}

#[test]
fn the_my_page_speaks_both_languages_and_asks_before_it_deletes() {
    let world = World::new();
    let member = world.member("1").with_stored(GOOD);
    let shown = |language: &str| {
        let request =
            json!({"method": "GET", "path": "/cards", "language": language, "shopper": {"member": member.id}});
        text(&world.shopper(&request).reply, "/body")
    };
    for (language, title, asks, does) in [
        ("ja", "登録済みのカード", "このカードを削除しますか？", "削除する"),
        ("en", "Stored cards", "Delete this card?", "Delete it"),
    ] {
        let html = shown(language);
        assert!(words(&html).contains(title), "{language}");
        let details = html
            .split("<details>")
            .nth(1)
            .unwrap()
            .split("</details>")
            .next()
            .unwrap();
        let (summary, inside) = details.split_once("</summary>").unwrap();
        assert!(
            !summary.contains("<form") && inside.contains(asks) && inside.contains(does),
            "{details}"
        );
    }
    let deleted = member.deletes(&member.first());
    let to = text(&deleted.reply, "/redirect");
    let (_, path) = to.split_once("/paygent").unwrap();
    assert!(words(&text(&member.asks("GET", path, "").reply, "/body")).contains("カードを削除しました"));
    assert!(member.cards_page_says("登録済みのカードはありません"));
}

#[test]
fn a_deletion_without_an_answer_says_so_and_the_list_tells() {
    let world = World::new();
    let member = world.member("1").with_stored(GOOD).with_stored(OTHER_GOOD);
    world.fault("026", &json!("drop_after"));
    assert_eq!(
        code(&member.deletes(&member.first())),
        (Outcome::Uncertain, "cards.delete_unknown".to_owned())
    );
    assert_eq!(member.numbers(), ["************4444"]);
    world.fault("026", &json!({"code": ["P003", ""]}));
    assert_eq!(
        code(&member.deletes(&member.first())),
        (Outcome::Refused, "cards.not_deleted".to_owned())
    );
    assert_eq!(member.numbers(), ["************4444"]);
}

#[test]
fn one_form_stores_one_card_however_often_it_is_posted() {
    let world = World::new();
    let member = world.member("1");
    let form = text(&member.cards_page().reply, "/data/form");
    let kept = world.browser_token(&typed(GOOD));
    // Without a fingerprint the list knows no card again: the form alone has to.
    let body = format!("form={form}&card_token={}", text(&kept, "/token"));
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| member.asks("POST", "/cards", &body));
        }
    });
    assert_eq!(world.telegrams("025").len(), 1);
    assert_eq!(member.numbers(), ["************1111"]);
}

#[test]
fn two_cards_that_are_stored_at_once_are_told_apart() {
    let world = World::new();
    let member = world.member("1");
    let forms = [(); 2].map(|()| text(&member.cards_page().reply, "/data/form"));
    world.fault("025", &json!("drop_before"));
    assert_eq!(outcome(&member.posts_card(&forms[0], GOOD)), "checking");
    assert_eq!(
        outcome(&member.posts_card(&forms[1], OTHER_GOOD)),
        "checking",
        "it waits for the other"
    );
    assert_eq!(world.telegrams("025").len(), 1);
    for _ in 0..40 {
        world.pass(20);
        world.work();
    }
    assert_eq!(member.numbers(), ["************4444"]);
    let mut ends = world.storings();
    ends.sort();
    assert_eq!(ends, ["failed cards.never_arrived", "stored"]);
}

#[test]
fn s14_who_tests_cards_by_storing_them_has_to_wait() {
    let mut world = World::new();
    reopen(&mut world, |config| {
        config["guard"] = json!({"member": {"tries": 2, "minutes": 60}});
    });
    let member = world.member("1");
    for card in [GOOD, OTHER_GOOD] {
        world.fault("025", &json!({"code": ["2001", "1G65"]}));
        assert_eq!(code(&member.adds(card)).1, "cards.not_stored");
    }
    assert_eq!(code(&member.adds(CHALLENGE)).1, "guard.wait");
    assert_eq!(
        world.rows("SELECT COUNT(*) FROM tries WHERE kind = 'shop'"),
        ["0"],
        "who stores cards makes no wave of refusals look small"
    );
    assert_eq!(world.telegrams("025").len(), 2);
    assert_eq!(
        outcome(&world.member("2").adds(CHALLENGE)),
        "stored",
        "nobody else waits"
    );
}

/// A storing is killed at every commit, every telegram and every answer: one card or none, and the member knows which.
#[test]
fn a_storing_that_is_killed_anywhere_ends_with_one_card_or_with_none_and_says_so() {
    let world = World::new();
    let mut ends: BTreeMap<String, usize> = BTreeMap::new();
    for point in 1.. {
        let name = format!("killed-{point}");
        let member = world.member(&name);
        let form = text(&member.cards_page().reply, "/data/form");
        // Without a fingerprint, so that nothing but the list itself tells.
        let body = format!("form={form}&card_token={}", world.token(GOOD));
        let request = json!({"method": "POST", "path": "/cards", "body": body, "shopper": {"member": name}});
        let was_killed = killed_at(&world, ("cards.add", &request.to_string()), &[], point);
        for _ in 0..12 {
            world.pass(150);
            world.work();
        }
        let last = member.cards_page().reply["data"]["last"].clone();
        let end = last["state"].as_str().unwrap_or("never begun").to_owned();
        let cards = member.numbers().len();
        assert_eq!(cards, usize::from(end == "stored"), "killed at {point}: {last}");
        assert!(
            matches!(end.as_str(), "stored" | "failed" | "never begun"),
            "killed at {point}: {last}"
        );
        let customer = field(&world.last("027"), "customer_id");
        let sent = world
            .telegrams("025")
            .iter()
            .filter(|telegram| field(&text(telegram, "/request"), "customer_id") == customer)
            .count();
        assert!(sent <= 1, "killed at {point}: sent {sent} times");
        *ends.entry(end).or_default() += 1;
        if !was_killed {
            assert!(point > 12, "killed at {point} points only");
            break;
        }
    }
    assert_eq!(ends.len(), 3, "each end is met: {ends:?}");
}

fn removed(world: &World, member: &str) -> String {
    let asked = json!({"request_id": format!("removed-{member}"), "data": {"member": member}});
    let called = world.adapter.call("members.removed", &asked).unwrap();
    assert_eq!(called.status, Outcome::Ok, "{}", called.reply);
    text(&called.reply, "/data/cards")
}

#[test]
fn a_member_who_leaves_takes_all_their_cards_along() {
    let world = World::new();
    let member = world.member("1").with_stored(GOOD).with_stored(OTHER_GOOD);
    world.member("2").with_stored(GOOD);
    assert_eq!(removed(&world, "1"), "deleted");
    assert!(member.numbers().is_empty());
    assert_eq!(world.member("2").numbers(), ["************1111"]);
    assert!(world.rows("SELECT 1 FROM removals").is_empty(), "nothing is left of it");
    assert_eq!(world.rows("SELECT count(*) FROM storings"), ["1"]);
    assert_eq!(removed(&world, "never-stored-one"), "deleted");
    let nobody = world
        .adapter
        .call("members.removed", &json!({"data": {"member": ""}}))
        .unwrap();
    assert_eq!(code(&nobody), (Outcome::Misuse, "member.id".to_owned()));
}

#[test]
fn cards_of_a_member_who_left_are_deleted_through_any_trouble_and_the_staff_see_what_waits() {
    let settings = |world: &World| {
        let shown = world
            .adapter
            .call("staff.route", &staff("GET", "/settings"))
            .unwrap()
            .reply;
        words(&text(&shown, "/fragment/html"))
    };
    for (kind, trouble, left) in [
        ("027", json!("http_500"), 2),
        ("026", json!("drop_before"), 1),
        ("026", json!("drop_after"), 0),
        ("026", json!({"code": ["P003", ""]}), 1),
    ] {
        let world = World::new();
        let member = world.member("1").with_stored(GOOD).with_stored(OTHER_GOOD);
        world.fault(kind, &trouble);
        assert_eq!(removed(&world, "1"), "waiting", "{kind} {trouble}");
        assert_eq!(member.numbers().len(), left, "{kind} {trouble}");
        assert!(settings(&world).contains("削除待ちのカード"), "{kind} {trouble}");
        assert!(
            settings(&world).contains("(2020/11/26 12:00, 1)"),
            "{}",
            settings(&world)
        );
        world.work();
        assert_eq!(member.numbers().len(), left, "not before its time");
        world.pass(61);
        world.work();
        assert!(member.numbers().is_empty(), "{kind} {trouble}");
        assert!(
            settings(&world).contains("退会した会員の、削除待ちのカード なし"),
            "{}",
            settings(&world)
        );
    }
}

#[test]
fn a_card_that_is_under_way_when_its_member_leaves_is_deleted_when_it_came() {
    let world = World::new();
    let member = world.member("1");
    world.fault("025", &json!("drop_after"));
    member.with_stored(GOOD);
    let page = world.entered();
    let waiting = member.pays_and_keeps(&page, OTHER_GOOD);
    assert_eq!(outcome(&waiting), "placed");
    assert_eq!(removed(&world, "1"), "waiting", "the first may still come");
    assert_eq!(world.storings(), ["unknown"], "what has not left never does");
    assert!(
        world.order_page(&page.order.order_id).says("会員が退会したため"),
        "and the staff see why"
    );
    for _ in 0..60 {
        world.pass(60);
        world.work();
    }
    assert!(member.numbers().is_empty());
    assert!(world.rows("SELECT 1 FROM removals").is_empty() && world.storings().is_empty());
    assert_eq!(world.telegrams("025").len(), 1);
}

#[test]
fn no_number_code_or_token_stands_in_a_row_or_a_line() {
    let mut world = World::new();
    let lines = reopen(&mut world, |_| ());
    let member = world.member("1").with_stored(GOOD);
    member.adds(OTHER_GOOD);
    let page = world.entered();
    member.pays_with(&page, &member.first());
    world.fault("025", &json!("drop_before"));
    member.adds(CHALLENGE);
    let page = world.entered();
    world.fault("020", &json!("drop_after"));
    member.pays_and_keeps(&page, "3530111333300000");
    assert_eq!(
        world.storings().last().unwrap(),
        "waiting",
        "its token is in a row, locked"
    );
    removed(&world, "1");
    let lines = lines.lock().unwrap().join("\n");
    assert!(lines.contains("kind=025") && lines.contains("storing.ended"), "{lines}");
    let shop = world.folder.path().join("shop");
    let files = ["paygent.db", "paygent.db-wal"].map(|file| std::fs::read(shop.join(file)).unwrap_or_default());
    for secret in [GOOD, OTHER_GOOD, CHALLENGE, "3530111333300000", "tok_", "TARO YAMADA"] {
        assert!(!lines.contains(secret), "{secret} in a line");
        for bytes in &files {
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "{secret} stands in the database");
        }
    }
    // Where a code or an expiry would stand by itself.
    let journal = world
        .rows("SELECT coalesce(request, '') || coalesce(reply, '') FROM telegrams")
        .join("\n");
    for hidden in ["987", "1230", "fingerprint"] {
        assert!(
            !journal.contains(&format!("\"{hidden}\"")),
            "{hidden} is journaled: {journal}"
        );
    }
}

#[test]
fn the_host_shows_the_way_to_the_stored_cards() {
    let world = World::reachable();
    let shop = world.shop_url.clone().unwrap();
    let cookie = ("cookie", "session=0123456789abcdef0123456789abcdef");
    http("POST", &format!("{shop}login"), &[cookie], "");
    let mine = http("GET", &format!("{shop}mypage"), &[cookie], "").body;
    assert!(mine.contains("href=\"/paygent/cards\""), "{mine}");
    let cards = http("GET", &format!("{shop}paygent/cards"), &[cookie], "");
    assert_eq!(cards.status, 200);
    assert!(cards.body.contains("登録済みのカードはありません") && cards.body.contains("マイページに戻る"));
    let stranger = http("GET", &format!("{shop}paygent/cards"), &[], "");
    assert_eq!(stranger.status, 403);
}
