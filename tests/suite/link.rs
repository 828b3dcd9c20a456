//! The link type: the card is typed on Paygent's own page. Every end that a visit there can come to, and every way back that
//! somebody could write. What a way back says moves nothing; the gateway is asked.

use host_shim::library::{Called, Status as Outcome};
use host_shim::shop::Status;
use serde_json::{Value, json};

use crate::three_ds::{CHALLENGE, comes_back};
use crate::world::{Answer, CardPage, GOOD, OTHER_GOOD, UNUSABLE, World, by_link, code, http, outcome, text, words};

/// A shopper at Paygent's page.
pub(crate) struct Visit<'a> {
    pub(crate) world: &'a World,
    pub(crate) page: CardPage,
    /// The address of Paygent's page.
    pub(crate) at: String,
}

impl<'a> Visit<'a> {
    /// An order is confirmed, and its shopper goes on to Paygent's page.
    pub(crate) fn begun(world: &'a World) -> Self {
        let page = world.entered();
        let gone = goes_on(world, &page);
        assert_eq!(outcome(&gone), "handed_over", "{}", gone.reply);
        let at = text(&gone.reply, "/redirect");
        Self { world, page, at }
    }

    /// Types a card, does what the card company asks for, and follows where that leads.
    pub(crate) fn types(&self, card: &str) -> Answer {
        types_at(self.world, &self.at, card)
    }

    /// Pays, and the address of the shop that the browser is sent back to.
    pub(crate) fn pays(&self, card: &str) -> String {
        let left = self.types(card);
        left.header("location")
            .unwrap_or_else(|| panic!("{}", left.body))
            .to_owned()
    }

    /// 「戻る」 on Paygent's page, and the address of the shop that it leads to.
    pub(crate) fn stops(&self) -> String {
        stops_at(&self.at)
    }

    pub(crate) fn comes_back(&self, address: &str) -> Called {
        comes_back(self.world, address)
    }

    fn status(&self) -> Status {
        self.world.order(&self.page.order).status()
    }

    fn live(&self) -> usize {
        self.world.live(&self.page.order.order_id).len()
    }

    /// Nothing arrives any more, time passes, and all is settled.
    fn settles(&self) {
        for pass in [4, 15, 45, 130, 300, 900, 2_400] {
            self.world.pass(pass);
            self.world.work();
        }
    }
}

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

/// The button of the plugin's page.
pub(crate) fn goes_on(world: &World, page: &CardPage) -> Called {
    let form = text(&world.show(page).reply, "/data/form");
    posts(world, page, &form)
}

pub(crate) fn posts(world: &World, page: &CardPage, form: &str) -> Called {
    world.shopper(&json!({"method": "POST", "path": page.path, "body": format!("form={form}")}))
}

/// A card is typed on Paygent's page; the last answer before the browser leaves Paygent.
pub(crate) fn types_at(world: &World, page: &str, card: &str) -> Answer {
    let typed = format!("card_number={card}&expire_month=12&expire_year=98&cvc=123&name=TARO+TEST&ways=10");
    let mut answer = http("POST", page, &[FORM], &typed);
    while let Some(next) = answer
        .header("location")
        .filter(|next| next.starts_with(&world.reach.online_url))
        .map(str::to_owned)
    {
        answer = http("GET", &next, &[], "");
        if answer.body.contains("acs-password") {
            answer = http("POST", &format!("{next}/answer"), &[FORM], "password=1234");
        }
    }
    answer
}

/// 「戻る」 on Paygent's page, and the address of the shop that it leads to.
pub(crate) fn stops_at(page: &str) -> String {
    let left = http("POST", page, &[FORM], "stop=1");
    left.header("location").unwrap().to_owned()
}

fn shown(world: &World, page: &CardPage) -> String {
    words(&text(&world.show(page).reply, "/body"))
}

/// Everything as before 「注文する」, and no order anywhere (R9).
fn nothing_is_left(visit: &Visit<'_>, before: (i32, i64)) {
    let world = visit.world;
    assert!(world.all_listed().numbers().is_empty());
    assert!(!world.shop_orders().contains(&visit.page.order.order_id));
    assert_eq!(world.stock_and_points(), before, "stock and points");
    assert_eq!(visit.live(), 0);
}

#[test]
fn r01_r06_an_order_is_paid_on_paygents_page_and_placed_once_with_one_mail() {
    let world = World::by_link();
    let page = world.entered();
    let html = text(&world.show(&page).reply, "/body");
    assert!(
        html.contains("¥3,300") && html.contains("ペイジェントの画面へ進む") && !html.contains("cc-number"),
        "{html}"
    );
    let gone = goes_on(&world, &page);
    assert_eq!(gone.status, Outcome::Ok, "{}", gone.reply);
    let visit = Visit {
        world: &world,
        page,
        at: text(&gone.reply, "/redirect"),
    };
    assert_eq!(visit.status(), Status::Pending, "R16");
    let asked = text(&world.telegrams("link")[0], "/request");
    for field in [
        "id=3300",
        "payment_type=02",
        "payment_term_min=30",
        "isbtob=1",
        "threedsecure_ryaku=0",
    ] {
        assert!(asked.contains(field), "{field}: {asked}");
    }
    let back = visit.pays(GOOD);
    assert_eq!(visit.status(), Status::Pending, "until somebody comes back or tells");
    assert_eq!(outcome(&visit.comes_back(&back)), "placed");
    assert_eq!((visit.status(), visit.live()), (Status::New, 1));
    assert_eq!(world.adapter.shop.mails().unwrap().len(), 1);
    assert!(world.telegrams("020").is_empty(), "the card was never the shop's");
    assert!(
        world.list(&[]).offers(&visit.page.order.order_id, "capture"),
        "R12, R13"
    );
    assert!(
        world.order_page(&visit.page.order.order_id).says("リンク型の申込"),
        "the hand-over stands in the journal"
    );
    let captured = world.run("capture", &[&visit.page.order.order_id]);
    assert!(captured.says("1件が成功しました"));
}

#[test]
fn r18_the_holder_is_authenticated_on_paygents_side() {
    let world = World::by_link();
    let visit = Visit::begun(&world);
    let back = visit.pays(CHALLENGE);
    assert_eq!(outcome(&visit.comes_back(&back)), "placed");
    assert!(world.order_page(&visit.page.order.order_id).says("カード会社"));
}

#[test]
fn r11_a_refused_card_and_then_another_one_are_two_records_and_one_order() {
    let world = World::by_link();
    let visit = Visit::begun(&world);
    let refused = visit.types(UNUSABLE);
    assert!(refused.body.contains("2001 1G12"), "{}", refused.body);
    assert_eq!(visit.status(), Status::Pending);
    let said = shown(&world, &visit.page);
    assert!(
        said.contains("このカードではお支払いいただけませんでした"),
        "R7: {said}"
    );
    let back = visit.pays(OTHER_GOOD);
    assert_eq!(
        outcome(&visit.comes_back(&back)),
        "placed",
        "two payments of one trading_id"
    );
    assert_eq!((visit.status(), visit.live()), (Status::New, 1));
    assert_eq!(world.payments().len(), 2);
    assert_eq!(world.rows("SELECT kind FROM flags"), Vec::<String>::new());
    assert_eq!(world.adapter.shop.mails().unwrap().len(), 1);
}

#[test]
fn r09_going_back_on_paygents_page_leaves_no_order() {
    let world = World::by_link();
    let before = world.stock_and_points();
    for refused in [0, 1, 2] {
        let visit = Visit::begun(&world);
        for _ in 0..refused {
            visit.types(UNUSABLE);
        }
        let back = visit.comes_back(&visit.stops());
        assert_eq!(
            back.reply.pointer("/data/withdrawn"),
            Some(&json!(true)),
            "{}",
            back.reply
        );
        assert_eq!(text(&back.reply, "/redirect"), "/confirm");
        nothing_is_left(&visit, before);
        let again = visit.comes_back(&visit.stops());
        assert_eq!(again.reply["data"]["withdrawn"], true, "a second time: {}", again.reply);
        nothing_is_left(&visit, before);
        let session = world.session();
        world.adapter.shop.add(&session.session_id, 1, -99).unwrap();
    }
}

#[test]
fn r09_going_back_on_the_plugins_page_leaves_no_order_before_and_after_the_hand_over() {
    let world = World::by_link();
    let before = world.stock_and_points();
    let page = world.entered();
    assert_eq!(world.back(&page).reply["data"]["withdrawn"], true);
    let session = world.session();
    world.adapter.shop.add(&session.session_id, 1, -99).unwrap();

    let visit = Visit::begun(&world);
    let left = world.back(&visit.page);
    assert_eq!(left.reply["data"]["withdrawn"], true, "{}", left.reply);
    nothing_is_left(&visit, before);
}

#[test]
fn r09_with_money_held_going_back_places_the_order() {
    for on_paygents_page in [true, false] {
        let world = World::by_link();
        let visit = Visit::begun(&world);
        let (stop, back) = (visit.stops(), text(&world.show(&visit.page).reply, "/data/back"));
        visit.pays(GOOD);
        let left = match on_paygents_page {
            true => visit.comes_back(&stop),
            false => world.back_with(&visit.page, &back),
        };
        assert_eq!(outcome(&left), "placed", "{}", left.reply);
        assert_eq!((visit.status(), visit.live()), (Status::New, 1));
    }
}

#[test]
fn a1_going_back_waits_while_the_gateway_does_not_answer() {
    let world = World::by_link();
    let before = world.stock_and_points();
    let visit = Visit::begun(&world);
    world.fault("094", &json!("drop_before"));
    let left = visit.comes_back(&visit.stops());
    assert_eq!(outcome(&left), "confirming", "{}", left.reply);
    assert_eq!(
        visit.status(),
        Status::Pending,
        "nothing is withdrawn before it is known"
    );
    assert_eq!(
        outcome(&goes_on_where_shown(&visit)),
        "confirming",
        "nor can it be paid"
    );
    world.pass(4);
    world.status(&visit.page);
    nothing_is_left(&visit, before);
}

fn goes_on_where_shown(visit: &Visit<'_>) -> Called {
    visit.world.get(&visit.page.path)
}

#[test]
fn n1_who_pays_after_going_back_has_the_money_back_at_once() {
    let world = World::by_link();
    let before = world.stock_and_points();
    let visit = Visit::begun(&world);
    visit.comes_back(&visit.stops());
    let back = visit.pays(GOOD);
    assert_eq!(visit.live(), 1);
    let late = visit.comes_back(&back);
    assert_eq!(outcome(&late), "withdrawn_for_now", "{}", late.reply);
    assert!(words(&text(&late.reply, "/body")).contains("お支払いになっていた場合は、自動で取り消されます"));
    // Once it may be asked again, it is known; the void is on its way.
    world.pass(4);
    let late = visit.comes_back(&back);
    assert_eq!(outcome(&late), "giving_back", "{}", late.reply);
    let told = words(&text(&late.reply, "/body"));
    assert!(
        told.contains("自動で取り消しています") && !told.contains("行われていません"),
        "{told}"
    );
    visit.settles();
    nothing_is_left(&visit, before);
    assert_eq!(outcome(&visit.comes_back(&back)), "withdrawn");
    assert_eq!(world.rows("SELECT kind FROM flags"), ["payment.orphan"]);
    let mails = world.adapter.shop.mails().unwrap();
    assert_eq!(mails.len(), 1, "of the payment, and none of an order");
    assert!(
        mails[0].subject.starts_with("お支払いの取消のお知らせ"),
        "{}",
        mails[0].subject
    );
}

#[test]
fn b04_a_closed_browser_is_found_out_by_091_by_a_notice_by_094_and_by_the_page_itself() {
    for road in ["091", "push", "094", "page"] {
        let world = World::reachable_with(|members| {
            by_link(members);
            members["notices"]["poll_secs"] = json!(if road == "091" { 300 } else { 0 });
        });
        let visit = Visit::begun(&world);
        visit.types(UNUSABLE);
        visit.pays(GOOD);
        match road {
            "091" => {
                world.pass(301);
                world.work();
            }
            "push" => {
                push_all(&visit);
                world.pass(4);
                world.work();
            }
            "094" => visit.settles(),
            _ => assert_eq!(outcome(&world.show(&visit.page)), "placed"),
        }
        assert_eq!((visit.status(), visit.live()), (Status::New, 1), "{road}");
        assert_eq!(world.adapter.shop.mails().unwrap().len(), 1, "{road}");
        assert_eq!(outcome(&world.show(&visit.page)), "placed", "{road}");
    }
}

fn push_all(visit: &Visit<'_>) {
    let world = visit.world;
    let url = format!("{}paygent/notice", world.shop_url.as_deref().unwrap());
    let all: Vec<Value> = world.control("GET", "notices", "");
    for notice in &all {
        let told: Value = world.control(
            "POST",
            &format!("notices/{}/push", notice["notice_id"]),
            &json!({"url": url}).to_string(),
        );
        assert_eq!(told["answer"], "result=0");
    }
}

#[test]
fn d5_a_notice_before_the_return_places_the_order_and_the_shopper_sees_it_complete() {
    let world = World::by_link();
    let visit = Visit::begun(&world);
    let back = visit.pays(GOOD);
    push_all(&visit);
    world.pass(3);
    world.work();
    assert_eq!(visit.status(), Status::New);
    assert_eq!(outcome(&visit.comes_back(&back)), "placed");
    assert_eq!(world.adapter.shop.mails().unwrap().len(), 1);
}

#[test]
fn a_way_of_paying_off_that_was_posted_here_is_not_believed() {
    let world = World::by_link();
    let page = world.entered();
    let form = text(&world.show(&page).reply, "/data/form");
    let body = format!("form={form}&payment_class=61-3");
    world.shopper(&json!({"method": "POST", "path": page.path, "body": body}));
    assert_eq!(world.rows("SELECT payment_class FROM attempts"), ["10"]);
}

#[test]
fn a_return_alone_moves_nothing() {
    let world = World::by_link();
    let visit = Visit::begun(&world);
    let back = visit.pays(GOOD);
    world.fault("094", &json!("drop_before"));
    let unanswered = visit.comes_back(&back);
    assert_eq!(outcome(&unanswered), "confirming", "{}", unanswered.reply);
    assert_eq!(visit.status(), Status::Pending);
    world.pass(4);
    assert_eq!(outcome(&world.status(&visit.page)), "placed");
}

#[test]
fn b15_a_return_replayed_a_hundred_times_places_one_order() {
    let world = World::by_link();
    let visit = Visit::begun(&world);
    let back = visit.pays(GOOD);
    for _ in 0..100 {
        assert_eq!(outcome(&visit.comes_back(&back)), "placed");
    }
    world.pass(7 * 86_400);
    assert_eq!(outcome(&visit.comes_back(&back)), "placed");
    assert_eq!((visit.status(), visit.live()), (Status::New, 1));
    assert_eq!(world.adapter.shop.mails().unwrap().len(), 1);
    assert_eq!(world.telegrams("link").len(), 1);
}

#[test]
fn s06_a_way_back_that_was_edited_swapped_or_made_up_is_refused() {
    let world = World::by_link();
    let visit = Visit::begun(&world);
    let other = {
        let session = world.session();
        world.adapter.shop.add(&session.session_id, 1, -99).unwrap();
        Visit::begun(&world)
    };
    let (stop, back) = (visit.stops(), visit.pays(GOOD));
    let other_stop = other.stops();
    let (checkout, other_checkout) = (
        visit.page.path.trim_start_matches("/pay/"),
        other.page.path.trim_start_matches("/pay/"),
    );
    let proof = back.split_once("hc=").unwrap().1;
    let forged = [
        ("no proof", back.replace(proof, "")),
        ("an edited proof", back.replace(proof, &proof.to_uppercase())),
        ("of another end", stop.replace("/stopped/", "/paid/")),
        ("the other way round", back.replace("/paid/", "/stopped/")),
        ("of another checkout", back.replace(checkout, other_checkout)),
        ("of another order", other_stop.replace(other_checkout, checkout)),
        ("another attempt's name", format!("{back}&trading_id=999_1_ffff")),
    ];
    for (what, address) in forged {
        let refused = visit.comes_back(&address);
        assert_eq!(code(&refused), (Outcome::Refused, "link.forged".to_owned()), "{what}");
        assert_eq!(
            (visit.status(), other.status()),
            (Status::Pending, Status::Pending),
            "{what}"
        );
    }
    let unknown = back.replace("/paid/", "/paid/0");
    assert_eq!(code(&visit.comes_back(&unknown)).1, "link.forged");
    let own = format!(
        "{back}&trading_id={}&result=0",
        world.payments()[0]["trading_id"].as_str().unwrap()
    );
    assert_eq!(
        outcome(&visit.comes_back(&own)),
        "placed",
        "what Paygent may add is borne"
    );
}

#[test]
fn s07_a_field_of_a_way_back_that_came_twice_is_refused() {
    let world = World::by_link();
    let visit = Visit::begun(&world);
    let back = visit.pays(GOOD);
    let (path, proof) = back.split_once("?hc=").unwrap();
    let path = path.split_once("/paygent").unwrap().1;
    let doubled = world.shopper(&json!({"method": "GET", "path": path, "query": {"hc": [proof, proof]}}));
    assert_eq!(code(&doubled), (Outcome::Misuse, "query.doubled".to_owned()));
    assert_eq!(visit.status(), Status::Pending);
}

#[test]
fn s01_s03_a_notice_without_the_key_or_of_another_payment_pays_no_handed_over_order() {
    let world = World::by_link();
    let visit = Visit::begun(&world);
    let attempt = world.rows("SELECT trading_id FROM attempts").remove(0);
    let url = format!("{}paygent/notice", world.shop_url.as_deref().unwrap());
    let forged = format!(
        "payment_notice_id=1&payment_id=28569257&trading_id={attempt}&payment_type=02&payment_status=20&payment_amount=3300&hc={}",
        "0".repeat(64)
    );
    let answer = http("POST", &url, &[FORM], &forged);
    assert_eq!(answer.status, 403, "{}", answer.body);
    world.pass(4);
    world.work();
    assert_eq!((visit.status(), visit.live()), (Status::Pending, 0));
}

#[test]
fn b01_double_clicks_and_two_tabs_hand_over_once_and_lead_to_one_page() {
    let world = World::by_link();
    let page = world.entered();
    let (first, second) = (world.show(&page).reply, world.show(&page).reply);
    let (first, second) = (text(&first, "/data/form"), text(&second, "/data/form"));
    let pages: Vec<String> = [&first, &first, &second]
        .into_iter()
        .map(|form| text(&posts(&world, &page, form).reply, "/redirect"))
        .collect();
    assert!(
        pages.iter().all(|page| *page == pages[0] && page.contains("/link/")),
        "{pages:?}"
    );
    assert_eq!(world.telegrams("link").len(), 1);
    assert!(shown(&world, &page).contains("お支払いの途中です"));
}

#[test]
fn the_answer_of_a_hand_over_is_lost_and_the_shopper_tries_again() {
    for (fault, orders_there) in [("drop_after", 1), ("drop_before", 0), ("garbage", 1), ("http_500", 0)] {
        let world = World::by_link();
        world.fault("link", &json!(fault));
        let page = world.entered();
        let lost = goes_on(&world, &page);
        assert_eq!(outcome(&lost), "not_executed", "{fault}: {}", lost.reply);
        assert!(shown(&world, &page).contains("決済会社に接続できず"), "{fault}");
        let executed = world
            .telegrams("link")
            .iter()
            .filter(|telegram| telegram["executed"] == true)
            .count();
        assert_eq!(executed, orders_there, "{fault}");
        let again = goes_on(&world, &page);
        assert_eq!(outcome(&again), "handed_over", "{fault}: {}", again.reply);
        let visit = Visit {
            world: &world,
            page,
            at: text(&again.reply, "/redirect"),
        };
        let back = visit.pays(GOOD);
        assert_eq!(outcome(&visit.comes_back(&back)), "placed", "{fault}");
        let trading_ids = world.rows("SELECT COUNT(DISTINCT trading_id) FROM attempts");
        assert_eq!(trading_ids, ["2"], "each hand-over has a name of its own");
    }
}

#[test]
fn a_hand_over_that_is_refused_or_leads_elsewhere_sends_nobody_away() {
    let world = World::by_link();
    let page = world.entered();
    world.fault("link", &json!({"code": ["P002", "ハッシュ値が正しくありません"]}));
    let refused = goes_on(&world, &page);
    assert_eq!(outcome(&refused), "declined");
    assert!(
        shown(&world, &page).contains("決済会社に接続できず"),
        "not the card's fault"
    );
    for url in [
        "https://evil.example/link",
        "javascript:alert(1)",
        "http://127.0.0.1:1/link",
        "",
    ] {
        world.fault("link", &json!({"reply": format!("\r\nresult=0\r\nurl={url}\r\n")}));
        let elsewhere = goes_on(&world, &page);
        let to = text(&elsewhere.reply, "/redirect");
        assert!(to.ends_with(&page.path), "{url}: {to}");
    }
}

#[test]
fn b06_b18_an_amount_that_changed_after_the_hand_over_is_not_paid_any_more() {
    let world = World::by_link();
    let visit = Visit::begun(&world);
    world.reprice(&visit.page.order, 4_400);
    let form = text(&world.show(&visit.page).reply, "/data/form");
    let refused = posts(&world, &visit.page, &form);
    assert_eq!(code(&refused), (Outcome::Refused, "order.amount_changed".to_owned()));
    let left = world.back(&visit.page);
    assert_eq!(left.reply["data"]["withdrawn"], true, "{}", left.reply);
    visit.pays(GOOD);
    visit.settles();
    assert_eq!(visit.live(), 0, "the old amount is given back");
}

#[test]
fn h09_an_amount_that_changed_before_the_shopper_paid_is_shown_to_the_staff() {
    let world = World::by_link();
    let visit = Visit::begun(&world);
    world.reprice(&visit.page.order, 4_400);
    let back = visit.pays(GOOD);
    assert_eq!(outcome(&visit.comes_back(&back)), "placed");
    let (_, _, held) = world.live(&visit.page.order.order_id)[0];
    assert_eq!(held, 3_300);
    assert!(
        world.list(&[]).offers(&visit.page.order.order_id, "change"),
        "オーソリ変更"
    );
}

#[test]
fn r10_a_page_whose_term_is_over_leaves_a_pending_order_and_can_be_tried_again() {
    let world = World::by_link();
    let visit = Visit::begun(&world);
    visit.settles();
    assert_eq!(visit.status(), Status::Pending, "R10");
    assert_eq!(world.rows("SELECT state, sealed_link FROM attempts"), ["missing|"]);
    assert!(shown(&world, &visit.page).contains("お支払いは完了していません"));
    let again = goes_on(&world, &visit.page);
    assert_eq!(outcome(&again), "handed_over");
    assert_ne!(text(&again.reply, "/redirect"), visit.at);
    // Somebody still has the first page open, and pays there: that money places the order.
    visit.pays(GOOD);
    visit.settles();
    assert_eq!((visit.status(), visit.live()), (Status::New, 1));
    // And the second page, too: that is given back.
    types_at(&world, &text(&again.reply, "/redirect"), GOOD);
    assert_eq!(visit.live(), 2);
    visit.settles();
    world.pass(86_400);
    world.work();
    assert_eq!((visit.status(), visit.live()), (Status::New, 1));
    assert_eq!(world.adapter.shop.mails().unwrap().len(), 1);
}

#[test]
fn a_hand_over_of_a_process_that_died_is_tried_again_after_the_quarantine() {
    let world = World::by_link();
    let visit = Visit::begun(&world);
    // As if nothing had been written down after the intent.
    let _ = world.rows("UPDATE attempts SET state = 'sent', sealed_link = NULL");
    assert_eq!(outcome(&world.status(&visit.page)), "confirming");
    for pass in [4, 15, 45, 130] {
        world.pass(pass);
        world.work();
    }
    let again = goes_on(&world, &visit.page);
    assert_eq!(outcome(&again), "handed_over", "{}", again.reply);
    let next = Visit {
        world: &world,
        at: text(&again.reply, "/redirect"),
        page: visit.page,
    };
    assert_eq!(outcome(&next.comes_back(&next.pays(GOOD))), "placed");
}

#[test]
fn secrets_of_the_hand_over_stand_in_no_row() {
    let world = World::by_link();
    let visit = Visit::begun(&world);
    let back = visit.pays(GOOD);
    visit.comes_back(&back);
    let key = back.split_once("/paid/").unwrap().1.split_once('?').unwrap().0;
    let page = visit.at.rsplit_once('/').unwrap().1;
    let journal = world.rows("SELECT request || reply FROM telegrams").join("\n");
    assert!(
        journal.contains("return_url") && journal.contains("limit_date"),
        "{journal}"
    );
    for secret in [key, page, "simulated_link_key", GOOD] {
        assert!(!journal.contains(secret), "{secret}: {journal}");
    }
    assert!(
        !world
            .rows("SELECT COALESCE(sealed_link, '') FROM attempts")
            .join("")
            .contains(page)
    );
    let settings = words(
        &world
            .adapter
            .call("staff.route", &crate::world::staff("GET", "/settings"))
            .unwrap()
            .reply
            .to_string(),
    );
    assert!(
        settings.contains("リンク型、30分間有効") && settings.contains("リンク型ハッシュ鍵"),
        "{settings}"
    );
    assert!(!settings.contains("simulated_link_key"));
}

#[test]
fn the_guard_counts_hand_overs_and_refused_cards_of_paygents_page() {
    let world = World::reachable_with(|members| {
        by_link(members);
        members["guard"] = json!({"order": {"tries": 2, "minutes": 30}});
    });
    let page = world.entered();
    for _ in 0..2 {
        let gone = goes_on(&world, &page);
        assert_eq!(outcome(&gone), "handed_over", "{}", gone.reply);
        types_at(&world, &text(&gone.reply, "/redirect"), UNUSABLE);
        // The term passes, the refusal stays with the order.
        world.pass(30 * 60 + 121);
        world.work();
        world.pass(-(30 * 60 + 121));
    }
    let hindered = goes_on(&world, &page);
    assert_eq!(code(&hindered).1, "guard.wait", "{}", hindered.reply);
    assert_eq!(world.telegrams("link").len(), 2);
}
