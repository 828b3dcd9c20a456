//! 不整合の確認 (N4): shop, plugin and gateway are compared order by order. What the gateway says of money is taken over; what
//! differs then stands until it differs no more or a person has dealt with it, with one press that leads to a preview of what
//! puts it right. Nothing is ever captured because of a difference.

use host_shim::shop::{self, Order, Status};
use serde_json::{Value, json};

use crate::world::{ANSWER_LOST, List, World, outcome, staff, text, words};

const DAY: i64 = 86_400;

/// 「いま照合する」; the page of what differs.
fn compared(world: &World) -> List {
    let csrf = text(&page(world).0, "/data/csrf");
    post(world, "/mismatches/compare", &format!("csrf={csrf}"));
    world.work();
    page(world)
}

fn page(world: &World) -> List {
    List(
        world
            .adapter
            .call("staff.route", &staff("GET", "/mismatches"))
            .unwrap()
            .reply,
    )
}

fn post(world: &World, path: &str, body: &str) -> Value {
    let mut request = staff("POST", path);
    request["body"] = json!(body);
    world.adapter.call("staff.route", &request).unwrap().reply
}

/// What stands: order and kind, by order.
fn standing(page: &List) -> Vec<(String, String)> {
    let mut all: Vec<(String, String)> = page.0["data"]["mismatches"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (text(row, "/order"), text(row, "/kind")))
        .collect();
    all.sort();
    all
}

fn flag(page: &List, kind: &str) -> String {
    let all = page.0["data"]["mismatches"].as_array().unwrap();
    let found = all.iter().find(|row| row["kind"] == kind);
    text(found.unwrap_or_else(|| panic!("no {kind}: {all:?}")), "/flag")
}

/// Somebody works in Paygent Online.
fn turned(world: &World, payment: i64, status: i64) {
    let _: Value = world.control(
        "POST",
        &format!("payments/{payment}"),
        &json!({"status": status}).to_string(),
    );
}

/// The staff set an order's status in the shop.
fn set(world: &World, order: &Order, status: Status) {
    let order = world.adapter.shop.edit(&order.order_id, Some(status), None).unwrap();
    world.adapter.tell(&order).unwrap();
}

fn captures(world: &World) -> usize {
    world.telegrams("022").len()
}

/// No news reaches the shop by itself, as where push is off and the poll is, too.
fn deaf() -> World {
    World::reachable_with(|members| {
        members["notices"] = json!({"poll_secs": 0});
        members["card"]["three_ds"]["enabled"] = json!(false);
    })
}

#[test]
fn r01_every_kind_of_difference_is_found_named_and_cleared_when_it_is_gone() {
    let world = deaf();
    let sound = world.placed();
    let edited = world.placed();
    world.reprice(&edited, 2_000);
    let kept = world.placed();
    set(&world, &kept, Status::Cancelled);
    let shipped = world.placed();
    set(&world, &shipped, Status::Shipped);
    let gone = world.placed();
    set(&world, &gone, Status::Shipped);
    turned(&world, world.live(&gone.order_id)[0].0, 32);
    let captured = world.placed();
    turned(&world, world.live(&captured.order_id)[0].0, 40);
    let by_hand = world.adapter.shop.register(&shop::member(), 900).unwrap();
    world.adapter.tell(&by_hand).unwrap();

    let found = compared(&world);
    let mut wanted: Vec<(String, String)> = [
        (&edited, "found.amount"),
        (&kept, "found.kept"),
        (&shipped, "found.not_captured"),
        (&gone, "found.gone"),
        (&gone, "operated.elsewhere"),
        (&gone, "payment.gone"),
        (&captured, "operated.elsewhere"),
        (&by_hand, "found.unpaid"),
    ]
    .map(|(order, kind)| (order.order_id.clone(), kind.to_owned()))
    .to_vec();
    wanted.sort();
    assert_eq!(standing(&found), wanted, "{}", words(found.html()));
    assert!(!standing(&found).iter().any(|(order, _)| *order == sound.order_id));
    assert_eq!(
        world.order(&captured).status(),
        Status::Paid,
        "what was done elsewhere is taken over"
    );
    assert_eq!(captures(&world), 0, "a comparison captures nothing");
    for text in [
        "8件あります",
        "購入金額と、ペイジェントの金額が違います。",
        "ペイジェントオンラインなどで操作され、状態か金額が変わりました。",
        "売上処理をしないと請求されません。",
    ] {
        assert!(found.says(text), "{text}: {}", words(found.html()));
    }

    // What is put right stands no more after the next comparison.
    world.reprice(&edited, 3_300);
    world.run("void", &[&kept.order_id]);
    world.run("capture", &[&shipped.order_id]);
    let left = compared(&world);
    let kinds: Vec<String> = standing(&left).into_iter().map(|(_, kind)| kind).collect();
    for kind in ["found.amount", "found.kept", "found.not_captured"] {
        assert!(!kinds.contains(&kind.to_owned()), "{kind}: {kinds:?}");
    }
    assert!(kinds.contains(&"found.gone".to_owned()), "only a person can tell");
    let csrf = text(&left.0, "/data/csrf");
    post(
        &world,
        &format!("/mismatches/{}/done", flag(&left, "payment.gone")),
        &format!("csrf={csrf}"),
    );
    assert!(
        !standing(&page(&world)).iter().any(|(_, kind)| kind == "payment.gone"),
        "dealt with"
    );
}

#[test]
fn n4_a_difference_is_repaired_by_one_press_after_a_preview() {
    let world = deaf();
    let edited = world.placed();
    world.reprice(&edited, 2_000);
    let found = compared(&world);
    assert!(
        found.html().contains("name=\"operation\" value=\"change\""),
        "{}",
        found.html()
    );
    let csrf = text(&found.0, "/data/csrf");
    let body = format!("csrf={csrf}&operation=change&order={}", edited.order_id);
    let job = text(&post(&world, "/payments/bulk/preflight", &body), "/data/job");
    assert!(
        world.run_page(&job).says("¥3,300 → ¥2,000"),
        "{}",
        world.run_page(&job).html()
    );
    assert_eq!(world.live(&edited.order_id)[0].2, 3_300, "nothing before OK");
    world.steer(&job, "confirm");
    assert_eq!(world.live(&edited.order_id)[0].2, 2_000);
    assert_eq!(standing(&compared(&world)), []);
}

#[test]
fn n4_a_payment_that_no_order_waits_for_is_given_back_and_the_orders_own_is_not() {
    let world = deaf();
    // The order was deleted in the shop while its payment stood.
    let deleted = world.placed();
    world
        .adapter
        .call(
            "orders.put",
            &json!({"request_id": "gone", "data": {"removed": [deleted.order_id]}}),
        )
        .unwrap();
    // The gateway holds another amount than was asked for: no order was placed.
    let page_of_other = world.entered();
    assert_eq!(outcome(&world.pay(&page_of_other, ANSWER_LOST)), "confirming");
    let (other, ..) = world.live(&page_of_other.order.order_id)[0];
    world.ledger(&format!("UPDATE payments SET amount = 9999 WHERE payment_id = {other}"));
    world.pass(10);
    world.work();
    // An order with a payment of its own.
    let sound = world.placed();
    let found = compared(&world);
    assert_eq!(
        standing(&found).into_iter().map(|(_, kind)| kind).collect::<Vec<_>>(),
        ["found.nobody", "amount.differs", "found.nobody"]
    );
    for row in found.0["data"]["mismatches"].as_array().unwrap() {
        if row["kind"] != "found.nobody" {
            continue;
        }
        let csrf = text(&found.0, "/data/csrf");
        let path = format!("/mismatches/{}/give-back", text(row, "/flag"));
        let job = text(&post(&world, &path, &format!("csrf={csrf}")), "/data/job");
        let shown = world.run_page(&job);
        assert!(shown.says("注文で使われない次の決済を取り消します"), "{}", shown.html());
        world.steer(&job, "confirm");
        assert!(world.list(&[("job", &job)]).says("1件が成功しました"));
    }
    assert_eq!(world.live(&deleted.order_id), []);
    assert_eq!(world.live(&page_of_other.order.order_id), []);
    assert_eq!(world.live(&sound.order_id).len(), 1);
    assert_eq!(
        standing(&compared(&world))
            .into_iter()
            .map(|(_, kind)| kind)
            .collect::<Vec<_>>(),
        ["amount.differs"],
        "told until a person has dealt with it"
    );
}

#[test]
fn r17_a_payment_made_by_hand_is_linked_to_an_order_that_the_staff_entered() {
    let world = deaf();
    let order = world.adapter.shop.register(&shop::member(), 900).unwrap();
    world.adapter.tell(&order).unwrap();
    let other = world.placed();
    let telegrams_before = world.telegrams("020").len();
    let enter = |trading_id: &str| -> i64 {
        let entered = json!({"amount": 1_000, "trading_id": trading_id}).to_string();
        let by_hand: Value = world.control("POST", "payments", &entered);
        by_hand["payment_id"].as_i64().unwrap()
    };
    let (nameless, payment) = (enter(""), enter("tel_20201126"));
    assert!(world.order_page(&order.order_id).html().contains("id=\"paygent-link\""));
    let csrf = text(&world.list(&[]).0, "/data/csrf");
    let path = format!("/payments/orders/{}/link", order.order_id);
    let link = |what: &str| post(&world, &path, &format!("csrf={csrf}&payment={what}"));

    assert_eq!(link("abc")["data"]["refused"], "linking-not-an-id");
    assert_eq!(link("99999999")["data"]["refused"], "linking-unknown");
    assert_eq!(link(&nameless.to_string())["data"]["refused"], "linking-without-id");
    let taken = world.live(&other.order_id)[0].0;
    assert_eq!(
        link(&taken.to_string())["data"]["refused"],
        "linking-taken",
        "another order's"
    );

    let question = link(&payment.to_string());
    let shown = List(question.clone());
    assert!(shown.says("購入金額と決済の金額が違います"), "{}", shown.html());
    assert!(
        world
            .rows(&format!("SELECT 1 FROM payments WHERE payment_id = '{payment}'"))
            .is_empty()
    );
    let ok = format!("{payment}&shown={}", text(&question, "/data/shown"));
    assert_eq!(link(&ok)["data"]["linked"], payment.to_string());
    assert_eq!(link(&ok)["status"], 403, "once");

    // From now on it is the order's: changed, captured and told like any other.
    assert!(world.order_page(&order.order_id).says("決済をつなぐ") || world.order_page(&order.order_id).says("管理者"));
    world.run("change", &[&order.order_id]);
    world.settle();
    let captured = world.run("capture", &[&order.order_id]);
    assert!(captured.says("1件が成功しました"), "{}", words(captured.html()));
    let held = world.rows(&format!(
        "SELECT gateway_status || ' ' || amount FROM payments WHERE order_id = '{}' ORDER BY authorised_at",
        order.order_id
    ));
    assert!(held.contains(&"40 900".to_owned()), "{held:?}");
    assert_eq!(standing(&compared(&world)), []);
    assert_eq!(world.self_check(), Vec::<String>::new());
    assert!(world.telegrams("020").len() >= telegrams_before);
}

#[test]
fn n4_it_runs_each_night_and_what_is_under_way_is_left_for_the_next() {
    let world = deaf();
    let order = world.placed();
    world.work();
    turned(&world, world.live(&order.order_id)[0].0, 40);
    world.pass(DAY);
    world.work();
    assert_eq!(world.order(&order).status(), Status::Paid, "found in the night");
    assert_eq!(
        world.rows("SELECT operation || '/' || operator_id || '/' || state FROM jobs"),
        ["compare//finished"]
    );
    let shown = page(&world);
    assert!(shown.says("毎日4時に自動で照合します"), "{}", words(shown.html()));
    assert!(shown.says("1件を照合、差異 0件"), "{}", words(shown.html()));

    let other = world.placed();
    world.fault("021", &json!("drop_before"));
    world.run("void", &[&other.order_id]);
    let csrf = text(&shown.0, "/data/csrf");
    post(&world, "/mismatches/compare", &format!("csrf={csrf}"));
    let codes = world.rows("SELECT code FROM job_items WHERE state = 'failed'");
    assert_eq!(codes, ["left-busy"]);
}

#[test]
fn a_comparison_that_the_gateway_does_not_answer_changes_nothing_and_says_so() {
    let world = deaf();
    let order = world.placed();
    world.fault("094", &json!("drop_before"));
    compared(&world);
    assert_eq!(world.rows("SELECT code FROM job_items"), ["left-unknown"]);
    assert_eq!(world.order(&order).status(), Status::New);
    assert_eq!(standing(&page(&world)), []);
}

#[test]
fn n06_the_shop_is_written_to_before_authorisations_expire() {
    let world = deaf();
    world.work();
    let first = world.placed();
    world.pass(3 * DAY);
    let second = world.placed();
    let captured = world.placed();
    world.run("capture", &[&captured.order_id]);
    let mails = |world: &World| -> Vec<String> {
        let all = world.adapter.shop.mails().unwrap();
        let to_staff = all.into_iter().filter(|mail| mail.subject.contains("期限が近い"));
        to_staff.map(|mail| mail.subject).collect()
    };
    for _ in 0..70 {
        world.work();
        world.pass(DAY);
    }
    assert_eq!(mails(&world).len(), 6, "each at 14, 7 and 2 days: {:?}", mails(&world));
    let told = world.rows("SELECT data FROM effects WHERE kind = 'mail.deadlines_near' ORDER BY created_at");
    let days: Vec<(String, i64)> = told
        .iter()
        .map(|data| {
            let data: Value = serde_json::from_str(data).unwrap();
            (
                text(&data, "/orders/0/order_id"),
                data["orders"][0]["days_left"].as_i64().unwrap(),
            )
        })
        .collect();
    let of = |order: &Order| -> Vec<i64> {
        let own = days.iter().filter(|(id, _)| *id == order.order_id);
        own.map(|(_, left)| *left).collect()
    };
    assert_eq!((of(&first), of(&second)), (vec![14, 7, 2], vec![14, 7, 2]));
    assert!(of(&captured).is_empty());
    assert!(told[0].contains("期限：2021/01/25（あと14日） ¥3,300"), "{}", told[0]);
}

#[test]
fn only_who_may_is_shown_what_puts_it_right() {
    let world = deaf();
    let order = world.placed();
    set(&world, &order, Status::Cancelled);
    compared(&world);
    let mut request = staff("GET", "/mismatches");
    request["rights"] = json!(["view"]);
    let shown = List(world.adapter.call("staff.route", &request).unwrap().reply);
    assert!(shown.says("決済が残っています"));
    assert!(!shown.html().contains("class=\"repair\"") && !shown.html().contains("/done\""));
    for (path, right) in [("give-back", "void"), ("done", "change")] {
        let csrf = text(&shown.0, "/data/csrf");
        let mut posted = staff("POST", &format!("/mismatches/{}/{path}", flag(&shown, "found.kept")));
        posted["body"] = json!(format!("csrf={csrf}"));
        posted["rights"] = json!(["view", "capture"]);
        let refused = world.adapter.call("staff.route", &posted).unwrap().reply;
        assert_eq!(refused["status"], 403, "{right}");
    }
}
