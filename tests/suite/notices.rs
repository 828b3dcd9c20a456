//! Notices, pushed and fetched: each is kept once, believed only after an inquiry, and moves an order once and forwards.

use host_shim::library::{Called, Status as Outcome};
use host_shim::shop::{Order, Status};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::three_ds::{ATTEMPT, Journey};
use crate::world::{GOOD, World, code, http, outcome, text};

/// The simulator pushes its notice of that number to the shop; what the shop answered.
fn pushed(world: &World, notice: i64) -> String {
    let url = format!("{}paygent/notice", world.shop_url.as_deref().unwrap());
    let answer: Value = world.control(
        "POST",
        &format!("notices/{notice}/push"),
        &json!({"url": url}).to_string(),
    );
    text(&answer, "/answer")
}

/// All that the simulator has to tell, oldest first: number and status.
fn told(world: &World) -> Vec<(i64, i64)> {
    let all: Vec<Value> = world.control("GET", "notices", "");
    let number = |notice: &Value, field: &str| notice[field].as_i64().unwrap();
    all.iter()
        .map(|notice| (number(notice, "notice_id"), number(notice, "status")))
        .collect()
}

/// The number of the last notice of that status.
fn notice_of(world: &World, status: i64) -> i64 {
    told(world).into_iter().rfind(|(_, of)| *of == status).unwrap().0
}

/// A payment at the simulator comes to a status that only time or another desk would bring.
fn turned(world: &World, payment_id: i64, status: i64) {
    let _: Value = world.control(
        "POST",
        &format!("payments/{payment_id}"),
        &json!({"status": status}).to_string(),
    );
}

/// An order that is paid and placed, by a card that a holder was authenticated for.
fn placed(world: &World) -> (Order, i64) {
    let journey = Journey::begun(world, GOOD);
    assert_eq!(outcome(&journey.returned()), "placed");
    let order = world.order(&journey.page.order);
    let (payment_id, ..) = world.live(&order.order_id)[0];
    (order, payment_id)
}

/// Whatever was pushed is looked at.
fn worked(world: &World) {
    world.pass(3);
    world.work();
}

fn captured(world: &World, order: &Order) {
    let done = world.run("capture", &[&order.order_id]);
    assert!(done.says("1件が成功しました"));
}

/// How many effects of that kind the plugin has asked for.
fn effects(world: &World, kind: &str) -> usize {
    world
        .rows(&format!("SELECT effect_key FROM effects WHERE kind = '{kind}'"))
        .len()
}

/// A notice as somebody without the simulator would write it.
fn written(notice: i64, payment: i64, trading_id: &str, status: &str, amount: i64, key: &str) -> String {
    let (notice, payment, amount) = (notice.to_string(), payment.to_string(), amount.to_string());
    let hc = Sha256::digest([&notice, &payment, trading_id, "02", &amount, key].concat());
    let hc: String = hc.iter().map(|byte| format!("{byte:02x}")).collect();
    format!(
        "payment_notice_id={notice}&change_date=20201126120000&payment_id={payment}&trading_id={trading_id}\
         &payment_type=02&payment_status={status}&payment_amount={amount}&hc={hc}"
    )
}

fn posted(world: &World, body: &str) -> Called {
    world.shopper(&json!({"method": "POST", "path": "/notice", "body": body}))
}

fn key(world: &World) -> String {
    world.gateway.merchant().notice_key.clone()
}

#[test]
fn r58_the_order_becomes_paid_when_the_gateway_tells_of_the_sale_and_not_before() {
    let world = World::reachable();
    let (order, _) = placed(&world);
    captured(&world, &order);
    assert_eq!(
        world.order(&order).status(),
        Status::New,
        "R57: not by the capture itself"
    );
    assert_eq!(pushed(&world, notice_of(&world, 40)), "result=0");
    worked(&world);
    let now = world.order(&order);
    assert_eq!(now.status(), Status::Paid, "入金済み");
    assert!(now.paid_at.is_some(), "with its date");
    assert_eq!(world.list(&[]).row(&order.order_id)[9], "入金済み");
    assert!(
        world.order_page(&order.order_id).says("通知："),
        "and the time line tells of the notice"
    );
}

#[test]
fn r58_a_shop_that_refuses_keeps_its_own_status() {
    let world = World::reachable();
    let (order, _) = placed(&world);
    captured(&world, &order);
    // The shop alone knows of the edit yet.
    world
        .adapter
        .shop
        .edit(&order.order_id, Some(Status::InProgress), None)
        .unwrap();
    pushed(&world, notice_of(&world, 40));
    worked(&world);
    assert_eq!(world.order(&order).status(), Status::InProgress);
    assert_eq!(effects(&world, "order.paid"), 1);
    worked(&world);
    assert_eq!(
        world.rows("SELECT state FROM effects WHERE kind = 'order.paid'"),
        ["rejected"]
    );
    assert!(
        world.rows("SELECT kind FROM flags").is_empty(),
        "nobody has to look at that"
    );
}

#[test]
fn r68_a_payment_that_replaces_an_authenticated_one_is_without_three_d_secure() {
    let world = World::reachable();
    let (order, _) = placed(&world);
    assert_eq!(world.list(&[("three_ds", "yes")]).numbers(), [order.order_id.as_str()]);
    world.reprice(&order, 3_000);
    let shown = world.run_page(&world.preflight("change", &[&order.order_id]));
    assert!(
        shown.says("3Dセキュアを使わない決済になり"),
        "the staff are told before OK"
    );
    world.run("change", &[&order.order_id]);
    assert!(
        world.list(&[("three_ds", "yes")]).numbers().is_empty(),
        "chargebacks fall on the shop"
    );
    let asked = text(&world.telegrams("020")[1], "/request");
    assert!(
        asked.contains("ref_trading_id=") && asked.contains("3dsecure_ryaku=1"),
        "{asked}"
    );
}

#[test]
fn w01_a_notice_that_comes_five_times_is_answered_five_times_and_counts_once() {
    let world = World::reachable();
    let (order, _) = placed(&world);
    captured(&world, &order);
    let notice = notice_of(&world, 40);
    for _ in 0..5 {
        assert_eq!(pushed(&world, notice), "result=0");
        worked(&world);
    }
    assert_eq!(effects(&world, "order.paid"), 1);
    assert_eq!(
        world.rows(&format!("SELECT state FROM notices WHERE notice_id = {notice}")),
        ["applied"]
    );
}

#[test]
fn w02_d4_notices_in_the_wrong_order_never_move_an_order_back() {
    let world = World::reachable();
    let (order, _) = placed(&world);
    captured(&world, &order);
    pushed(&world, notice_of(&world, 40));
    worked(&world);
    assert_eq!(world.order(&order).status(), Status::Paid);
    for later in [Status::InProgress, Status::Shipped] {
        let edited = world.adapter.shop.edit(&order.order_id, Some(later), None).unwrap();
        world.adapter.tell(&edited).unwrap();
    }
    pushed(&world, notice_of(&world, 20));
    worked(&world);
    assert_eq!(world.order(&order).status(), Status::Shipped, "D4");
    assert_eq!(
        effects(&world, "order.place") + effects(&world, "order.paid"),
        2,
        "once each"
    );
}

#[test]
fn w02_a_sale_and_its_cancel_told_the_wrong_way_round_end_as_the_gateway_says() {
    let world = World::reachable();
    let (order, _) = placed(&world);
    captured(&world, &order);
    world.run("void", &[&order.order_id]);
    for status in [60, 40, 20] {
        assert_eq!(pushed(&world, notice_of(&world, status)), "result=0");
        worked(&world);
    }
    assert_eq!(world.order(&order).status(), Status::Cancelled);
    assert_eq!(effects(&world, "order.paid"), 0, "a sale that is no more pays nothing");
}

#[test]
fn d1_an_expiry_is_recorded_after_the_order_was_edited() {
    let world = World::reachable();
    let (order, payment_id) = placed(&world);
    world.reprice(&order, 9_000);
    turned(&world, payment_id, 33);
    assert_eq!(pushed(&world, notice_of(&world, 33)), "result=0");
    worked(&world);
    assert_eq!(
        world.list(&[("status", "cancelled")]).row(&order.order_id)[2],
        "オーソリ期限切"
    );
}

#[test]
fn d2_an_expiry_gives_stock_and_points_back_once() {
    let world = World::reachable();
    let before = world.stock_and_points();
    let (order, payment_id) = placed(&world);
    turned(&world, payment_id, 33);
    for _ in 0..3 {
        pushed(&world, notice_of(&world, 33));
        worked(&world);
    }
    assert_eq!(world.order(&order).status(), Status::Cancelled);
    assert_eq!(world.stock_and_points(), before, "once");

    let (other, payment_id) = placed(&world);
    let cancelled = world
        .adapter
        .shop
        .edit(&other.order_id, Some(Status::Cancelled), None)
        .unwrap();
    world.adapter.tell(&cancelled).unwrap();
    let held = world.stock_and_points();
    turned(&world, payment_id, 33);
    pushed(&world, notice_of(&world, 33));
    worked(&world);
    assert_eq!(
        world.stock_and_points(),
        held,
        "the shop's own cancel looks after its own"
    );
}

#[test]
fn d3_a_shipped_order_stays_shipped_and_a_person_is_told() {
    let world = World::reachable();
    let (order, payment_id) = placed(&world);
    let held = world.stock_and_points();
    let shipped = world
        .adapter
        .shop
        .edit(&order.order_id, Some(Status::Shipped), None)
        .unwrap();
    world.adapter.tell(&shipped).unwrap();
    turned(&world, payment_id, 33);
    pushed(&world, notice_of(&world, 33));
    worked(&world);
    assert_eq!(world.order(&order).status(), Status::Shipped);
    assert_eq!(world.stock_and_points(), held);
    assert!(
        world
            .order_page(&order.order_id)
            .says("注文は発送済みなどのため、そのままです")
    );
}

#[test]
fn d5_w03_a_notice_that_beats_the_browser_places_the_order_and_the_shopper_sees_it_complete() {
    let world = World::reachable();
    let journey = Journey::begun(&world, GOOD);
    let back = journey.way_back();
    world.fault("020", &json!("drop_after"));
    let returned = journey.comes_back(&back);
    assert_eq!(outcome(&returned), "confirming", "never told that it failed");
    assert_eq!(pushed(&world, notice_of(&world, 20)), "result=0");
    worked(&world);
    assert_eq!(
        world.order(&journey.page.order).status(),
        Status::New,
        "placed without the browser"
    );
    assert_eq!(outcome(&world.status(&journey.page)), "placed");
    assert_eq!(outcome(&journey.comes_back(&back)), "placed");
    assert_eq!(world.adapter.shop.mails().unwrap().len(), 1);
    assert_eq!(world.telegrams("020").len(), 1);
}

#[test]
fn s01_s05_a_notice_with_a_wrong_hash_is_not_even_kept() {
    let world = World::reachable();
    let (order, payment_id) = placed(&world);
    let asked = world.telegrams("094").len();
    let trading_id = text(&world.payments()[0], "/trading_id");
    let good = written(7, payment_id, &trading_id, "33", 3_300, &key(&world));
    let (fields, hash) = good.rsplit_once('=').unwrap();
    let zeros = "0e462097431906509019562988736854000000000000000000000000000000000";
    for forged in ["", zeros, &hash.to_uppercase(), &hash[..63], &format!("{hash}0")] {
        let answer = posted(&world, &format!("{fields}={forged}"));
        assert_eq!(
            code(&answer),
            (Outcome::Refused, "notice.forged".to_owned()),
            "{forged}"
        );
        assert_ne!(answer.reply["body"], "result=0");
    }
    let other_amount = good.replace("payment_amount=3300", "payment_amount=1");
    assert_eq!(code(&posted(&world, &other_amount)).1, "notice.forged");
    worked(&world);
    assert!(
        world
            .rows("SELECT source FROM notices WHERE source = 'push'")
            .is_empty()
    );
    assert_eq!(world.telegrams("094").len(), asked, "no telegram");
    assert_eq!(world.order(&order).status(), Status::New);
}

#[test]
fn s02_a_status_edited_under_a_good_hash_changes_nothing_for_the_gateway_is_asked() {
    let world = World::reachable();
    let (order, payment_id) = placed(&world);
    let trading_id = text(&world.payments()[0], "/trading_id");
    let before = world.stock_and_points();
    for (number, status) in [(90_001, "33"), (90_002, "40"), (90_003, "60"), (90_004, "99")] {
        let edited = written(number, payment_id, &trading_id, status, 3_300, &key(&world));
        assert_eq!(posted(&world, &edited).reply["body"], "result=0", "kept");
        worked(&world);
        assert_eq!(world.order(&order).status(), Status::New, "{status}");
    }
    assert_eq!(world.stock_and_points(), before);
    assert_eq!(effects(&world, "order.paid") + effects(&world, "order.cancel"), 0);
    assert_eq!(world.live(&order.order_id).len(), 1);
}

#[test]
fn s03_a_true_notice_of_a_cheap_payment_pays_no_dear_order() {
    let world = World::reachable();
    let (cheap, payment_id) = placed(&world);
    captured(&world, &cheap);
    let dear = world.enter(world.confirmed_with(6, 1, 0));
    let shown = world.pay(&dear, crate::three_ds::CHALLENGE);
    assert_eq!(outcome(&shown), "authenticating");
    let dears = world.rows("SELECT trading_id FROM attempts WHERE state = 'authenticating'");
    let mixed = written(90_001, payment_id, &dears[0], "40", 3_300, &key(&world));
    posted(&world, &mixed);
    worked(&world);
    assert_eq!(world.order(&dear.order).status(), Status::Pending, "nothing is paid");
    assert_eq!(effects(&world, "order.place"), 1, "the cheap one's own");
}

#[test]
fn s04_an_old_true_notice_replayed_moves_nothing() {
    let world = World::reachable();
    let (order, _) = placed(&world);
    captured(&world, &order);
    let sale = notice_of(&world, 40);
    pushed(&world, sale);
    worked(&world);
    world.run("void", &[&order.order_id]);
    worked(&world);
    assert_eq!(world.order(&order).status(), Status::Cancelled);
    let asked = world.telegrams("094").len();
    for _ in 0..10 {
        assert_eq!(pushed(&world, sale), "result=0");
        worked(&world);
    }
    assert_eq!(world.order(&order).status(), Status::Cancelled);
    assert_eq!(world.telegrams("094").len(), asked, "kept before: nothing is asked");
}

#[test]
fn s07_a_field_that_came_twice_is_refused() {
    let world = World::reachable();
    let (_, payment_id) = placed(&world);
    let good = written(90_001, payment_id, "x", "33", 3_300, &key(&world));
    for doubled in ["payment_notice_id=1&", "hc=0&", "pay%6dent_id=1&"] {
        assert_eq!(code(&posted(&world, &format!("{doubled}{good}"))).1, "notice.malformed");
    }
    let url = format!("{}paygent/notice", world.shop_url.as_deref().unwrap());
    let answer = http("POST", &url, &[], &format!("hc=0&{good}"));
    assert_eq!(answer.status, 400);
}

#[test]
fn without_a_key_push_is_off_and_091_does_the_work() {
    let world = World::reachable_with(|members| members["notices"] = json!({"poll_secs": 60}));
    let (order, payment_id) = placed(&world);
    let trading_id = text(&world.payments()[0], "/trading_id");
    let unproven = written(90_001, payment_id, &trading_id, "33", 3_300, "");
    assert_eq!(
        code(&posted(&world, &unproven)),
        (Outcome::Refused, "notice.off".to_owned())
    );
    captured(&world, &order);
    world.pass(61);
    worked(&world);
    worked(&world);
    assert_eq!(world.order(&order).status(), Status::Paid);
    assert_eq!(world.rows("SELECT source FROM notices"), ["091", "091"]);
}

#[test]
fn nothing_of_a_card_that_a_notice_might_bring_is_kept() {
    let world = World::reachable();
    placed(&world);
    let notice: Vec<Value> = world.control("GET", "notices", "");
    let body = crate::wire::pushed(&world, &notice[0]["notice_id"]);
    let more = "&card_valid_term=1230&fingerprint=abcdef0123456789";
    let taken = world.shopper(&json!({"method": "POST", "path": "/notice", "body": format!("{body}{more}")}));
    assert_eq!(taken.reply["body"], "result=0");
    let kept = world.rows("SELECT fields FROM notices").concat();
    assert!(
        kept.contains("payment_status") && !kept.contains("1230") && !kept.contains("abcdef"),
        "{kept}"
    );
}

#[test]
fn a_gateway_that_does_not_answer_091_is_asked_once_and_not_for_every_gap() {
    let world = World::reachable();
    let (order, _) = placed(&world);
    captured(&world, &order);
    world.run("void", &[&order.order_id]);
    let numbers: Vec<i64> = told(&world).iter().map(|(number, _)| *number).collect();
    pushed(&world, numbers[0]);
    pushed(&world, numbers[2]);
    let silent = json!({"kind": "091", "times": 5, "fault": "drop_before"});
    let _: Value = world.control("POST", "faults", &silent.to_string());
    world.pass(301);
    worked(&world);
    assert_eq!(world.telegrams("091").len(), 1);
}

#[test]
fn w05_a_gap_in_the_numbers_is_seen_and_fetched() {
    let world = World::reachable();
    let (order, _) = placed(&world);
    captured(&world, &order);
    world.run("void", &[&order.order_id]);
    let numbers: Vec<i64> = told(&world).iter().map(|(number, _)| *number).collect();
    let [first, middle, last] = numbers[..] else {
        panic!("{numbers:?}")
    };
    for number in [first, last] {
        pushed(&world, number);
    }
    // What 091 gives by itself was all fetched by another program of the merchant's.
    let _: Value = world.control(
        "POST",
        "faults",
        &json!({
            "kind": "091", "times": 1, "fault": {"reply": "\r\nresult=0\r\nsuccess_code=1\r\n"},
        })
        .to_string(),
    );
    world.pass(301);
    worked(&world);
    let kept = world.rows(&format!("SELECT source FROM notices WHERE notice_id = {middle}"));
    assert_eq!(kept, ["091"]);
}

#[test]
fn w06_a_notice_about_nothing_of_ours_is_kept_asked_for_again_and_shown() {
    let world = World::reachable();
    posted(
        &world,
        &written(90_001, 77_777_777, "somebody_else", "20", 500, &key(&world)),
    );
    worked(&world);
    assert_eq!(
        world.rows("SELECT state FROM notices"),
        ["new"],
        "its order may still come"
    );
    world.pass(25 * 3_600);
    worked(&world);
    assert_eq!(world.rows("SELECT state FROM notices"), ["unknown"]);
    let settings = crate::world::List(
        world
            .adapter
            .call("staff.route", &crate::world::staff("GET", "/settings"))
            .unwrap()
            .reply,
    );
    assert!(
        settings.says("somebody_else") && settings.says("77777777"),
        "{}",
        settings.html()
    );
}

#[test]
fn a_notice_with_another_amount_than_the_gateway_says_is_shown_to_a_person() {
    let world = World::reachable();
    let (order, payment_id) = placed(&world);
    let trading_id = text(&world.payments()[0], "/trading_id");
    posted(&world, &written(90_001, payment_id, &trading_id, "20", 1, &key(&world)));
    worked(&world);
    assert_eq!(
        world.rows("SELECT state FROM notices WHERE notice_id = 90001"),
        ["mismatched"]
    );
    assert!(
        world
            .order_page(&order.order_id)
            .says("通知の金額が、照会した金額と違います")
    );
    assert_eq!(world.list(&[]).row(&order.order_id)[8], "¥3,300", "and nothing moved");
}

#[test]
fn one_process_at_a_time_asks_091() {
    let world = World::reachable();
    placed(&world);
    let before = world.telegrams("091").len();
    world.pass(301);
    let twin = world.beside(Value::Null);
    let (one, other) = (&world.adapter, &twin);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| one.work().unwrap());
            scope.spawn(|| other.work().unwrap());
        }
    });
    let asked = world.telegrams("091").len() - before;
    assert_eq!(asked, 2, "one look: the notice, and that there is no more");
}

#[test]
fn what_a_not_enrolled_card_paid_is_noticed_the_same() {
    let world = World::reachable();
    let journey = Journey::begun(&world, ATTEMPT);
    journey.returned();
    let order = world.order(&journey.page.order);
    captured(&world, &order);
    pushed(&world, notice_of(&world, 40));
    worked(&world);
    assert_eq!(world.order(&order).status(), Status::Paid);
}
