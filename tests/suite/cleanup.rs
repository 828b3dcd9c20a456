//! 決済処理中の注文の取消 (guide, p. 8): what a shopper left on the card page is called off after seven days, and whoever paid
//! keeps the order. The gateway is asked before anything is called off.

use host_shim::shop::Status;
use serde_json::{Value, json};

use crate::link::{Visit, types_at};
use crate::three_ds::comes_back;
use crate::world::{ANSWER_LOST, GOOD, List, UNUSABLE, World, outcome, staff, text};

const DAY: i64 = 86_400;

/// Effects of that kind, by key.
fn effects(world: &World, kind: &str) -> Vec<String> {
    world.rows(&format!("SELECT effect_key FROM effects WHERE kind = '{kind}'"))
}

fn is_on(list: &List, order: &str) -> bool {
    list.numbers().iter().any(|number| number == order)
}

#[test]
fn r80_r85_r86_r87_what_was_left_for_seven_days_is_called_off_with_stock_and_points_back() {
    let world = World::new();
    let before = world.stock_and_points();
    let page = world.enter(world.confirmed_with(1, 1, 100));
    world.pay(&page, UNUSABLE);
    assert_eq!(world.stock_and_points(), (before.0 - 1, before.1 - 100));
    world.pass(8 * DAY);
    let number = page.order.order_id.clone();

    let job = world.clean_up().unwrap();
    let shown = world.run_page(&job);
    for words in [
        "購入日より7日経過した「決済処理中」の注文1件を取り消します。よろしいですか？",
        "カードが1回断られ、支払われていません。",
        "取り消した注文の在庫数とポイントは元に戻ります",
    ] {
        assert!(shown.says(words), "{words}: {}", shown.html());
    }
    assert_eq!(world.order(&page.order).status(), Status::Pending, "nothing before OK");

    world.steer(&job, "confirm");
    let list = world.list(&[("job", &job)]);
    assert!(list.says("1件の注文を取り消しました"), "{}", list.html());
    assert!(list.says(&format!("受注番号：{number} → 注文取消し")));
    assert_eq!(world.order(&page.order).status(), Status::Cancelled);
    assert_eq!(world.stock_and_points(), before, "stock and points are back");
    assert!(is_on(&list, &number), "it stands in the list as it opens");
    for column in ["change", "capture", "void"] {
        assert!(!list.offers(&number, column), "{column}");
    }
    assert_eq!(
        world.clean_up().unwrap_err(),
        "/admin/paygent/payments?none_left=1",
        "there is none any more"
    );
    let none = world.list(&[("none_left", "1")]);
    assert!(none.says("購入日より7日経過した「決済処理中」の注文はありません。"));
    assert_eq!(outcome(&world.show(&page)), "called_off");
}

#[test]
fn r81_r83_seven_days_end_at_midnight_in_japan_and_are_a_setting() {
    // The shop's clock begins at noon in Japan.
    let world = World::new();
    let page = world.entered();
    world.pass(7 * DAY + 12 * 3_600 - 1);
    assert!(world.clean_up().is_err(), "23:59:59 on the seventh day");
    world.pass(1);
    assert!(world.clean_up().is_ok(), "00:00 on the eighth");
    assert_eq!(world.order(&page.order).status(), Status::Pending);

    let world = World::reachable_with(|members| members["staff"] = json!({"cleanup_days": 2}));
    world.entered();
    world.pass(DAY);
    assert!(world.clean_up().is_err());
    world.pass(2 * DAY);
    assert!(world.clean_up().is_ok());
}

#[test]
fn r82_r88_neither_ticks_nor_the_search_matter_and_other_orders_are_left_alone() {
    let world = World::new();
    let left = world.entered();
    let placed = world.placed();
    world.pass(8 * DAY);
    let young = world.entered();
    let csrf = text(&world.list(&[]).0, "/data/csrf");
    let mut request = staff("POST", "/payments/cleanup");
    request["body"] = json!(format!(
        "csrf={csrf}&search=status%3Dnew%26q%3Dnobody&order_void={}&order={}",
        placed.order_id, young.order.order_id
    ));
    let job = text(&world.adapter.call("staff.route", &request).unwrap().reply, "/data/job");
    world.steer(&job, "confirm");
    assert_eq!(
        world.rows("SELECT order_id || ' ' || state FROM job_items"),
        [format!("{} done", left.order.order_id)]
    );
    assert_eq!(world.order(&left.order).status(), Status::Cancelled);
    assert_eq!(world.order(&placed).status(), Status::New);
    assert_eq!(world.order(&young.order).status(), Status::Pending);
}

#[test]
fn r84_it_runs_by_itself_only_where_an_hour_is_set_once_a_day() {
    let world = World::reachable();
    let page = world.entered();
    world.pass(30 * DAY);
    world.work();
    assert_eq!(world.order(&page.order).status(), Status::Pending, "not by default");

    // Noon: the first day's hour is over, so the shop waits for the next day's.
    let world = World::reachable_with(|members| members["staff"] = json!({"cleanup_hour": 3}));
    let page = world.entered();
    world.work();
    world.pass(8 * DAY + 15 * 3_600);
    world.work();
    assert_eq!(
        world.order(&page.order).status(),
        Status::Cancelled,
        "03:00, nine days later"
    );
    let list = world.list(&[]);
    assert!(list.says("毎日3時に自動実行"), "{}", list.html());
    let runs =
        world.rows("SELECT operation || '/' || operator_id || '/' || state FROM jobs WHERE operation = 'cleanup'");
    assert_eq!(runs, ["cleanup//finished"]);
    let second = world.entered();
    world.pass(3_600);
    world.work();
    let count = || world.rows("SELECT COUNT(*) FROM jobs WHERE operation = 'cleanup'");
    assert_eq!(count(), ["1"], "nothing was left for it");
    world.pass(8 * DAY);
    world.work();
    world.work();
    assert_eq!(world.order(&second.order).status(), Status::Cancelled);
    assert_eq!(count(), ["2"], "one a day, and none without an order");
}

#[test]
fn n1_m09_who_paid_and_whose_answer_was_lost_keeps_the_order() {
    let world = World::new();
    let page = world.entered();
    assert_eq!(outcome(&world.pay(&page, ANSWER_LOST)), "confirming");
    world.pass(8 * DAY);
    let job = world.clean_up().unwrap();
    assert!(world.run_page(&job).says("結果の確定していない決済が1件あります。"));
    assert!(world.telegrams("094").is_empty(), "a look asks nobody");
    world.steer(&job, "confirm");
    let list = world.list(&[("job", &job)]);
    assert!(
        list.says("1件は支払い済みのため、新規受付に進めました"),
        "{}",
        list.html()
    );
    assert_eq!(world.order(&page.order).status(), Status::New);
    assert_eq!(world.live(&page.order.order_id).len(), 1);
    assert_eq!(effects(&world, "order.cancel"), Vec::<String>::new());
}

#[test]
fn n1_a_payment_that_fits_no_order_any_more_is_given_back_before_the_order_is_called_off() {
    let world = World::new();
    let before = world.stock_and_points();
    // The staff edit the order while its payment is not known of.
    let edited = world.entered();
    world.pay(&edited, ANSWER_LOST);
    world.reprice(&edited.order, 2_000);
    // The gateway holds another amount than was asked for.
    let other = world.entered();
    world.pay(&other, ANSWER_LOST);
    let (payment, ..) = world.live(&other.order.order_id)[0];
    world.ledger(&format!(
        "UPDATE payments SET amount = 9999 WHERE payment_id = {payment}"
    ));
    world.pass(8 * DAY);
    let list = world.cleaned_up();
    world.settle();
    assert!(list.says("2件の注文を取り消しました"), "{}", list.html());
    for page in [&edited, &other] {
        assert_eq!(world.order(&page.order).status(), Status::Cancelled);
        assert_eq!(world.live(&page.order.order_id), [], "nothing is held");
    }
    assert_eq!(world.stock_and_points(), before);
    assert_eq!(
        world.rows("SELECT state FROM attempts ORDER BY state"),
        ["released", "released"]
    );
    assert_eq!(world.self_check(), Vec::<String>::new());
}

#[test]
fn n1_what_the_gateway_does_not_tell_is_left_and_looked_at_again() {
    let world = World::new();
    let page = world.entered();
    world.pay(&page, ANSWER_LOST);
    world.pass(8 * DAY);
    world.fault("094", &json!("drop_before"));
    let list = world.cleaned_up();
    assert!(list.says("1件は取り消さずに残しました"), "{}", list.html());
    assert!(list.says("支払われたかどうかがまだ分かりません"));
    assert_eq!(world.order(&page.order).status(), Status::Pending);
    world.pass(10);
    let list = world.cleaned_up();
    assert!(
        list.says("1件は支払い済みのため、新規受付に進めました"),
        "{}",
        list.html()
    );
}

#[test]
fn n1_who_may_still_pay_on_paygents_page_is_left_and_who_pays_after_the_cancel_gets_it_back_and_is_told() {
    let world = World::reachable_with(|members| {
        members["card"]["entry"] = json!("link");
        members["card"]["link_minutes"] = json!(2_880);
        members["staff"] = json!({"cleanup_days": 1});
    });
    let visit = Visit::begun(&world);
    world.pass(DAY + 13 * 3_600);
    let list = world.cleaned_up();
    assert!(
        list.says("お客様がペイジェントの画面でまだ支払える注文です"),
        "{}",
        list.html()
    );
    assert_eq!(world.order(&visit.page.order).status(), Status::Pending);

    // The term is over for the shop, and the simulator's page, which has a clock of its own, takes the card all the same.
    world.pass(2 * DAY);
    let list = world.cleaned_up();
    assert!(list.says("1件の注文を取り消しました"), "{}", list.html());
    world.pass(60);
    let back = types_at(&world, &visit.at, GOOD).header("location").unwrap().to_owned();
    let returned = comes_back(&world, &back);
    assert_eq!(outcome(&returned), "giving_back", "{}", returned.reply);
    world.settle();
    assert_eq!(world.live(&visit.page.order.order_id), []);
    assert_eq!(world.order(&visit.page.order).status(), Status::Cancelled);
    let mails = world.adapter.shop.mails().unwrap();
    assert_eq!(
        mails.iter().map(|mail| mail.subject.as_str()).collect::<Vec<_>>(),
        [format!(
            "お支払いの取消のお知らせ（注文番号：{}）",
            visit.page.order.order_id
        )]
    );
    assert_eq!(outcome(&world.show(&visit.page)), "called_off");
}

#[test]
fn m10_the_button_the_hour_and_the_shops_own_cancel_at_once_give_back_once() {
    let world = World::reachable_with(|members| members["staff"] = json!({"cleanup_hour": 0}));
    let before = world.stock_and_points();
    world.work();
    let pages: Vec<_> = (0..6).map(|_| world.entered()).collect();
    assert_ne!(world.stock_and_points(), before);
    world.pass(8 * DAY);
    let jobs = [world.clean_up().unwrap(), world.clean_up().unwrap()];
    std::thread::scope(|scope| {
        scope.spawn(|| world.work());
        scope.spawn(|| world.work());
        for job in &jobs {
            scope.spawn(|| world.steer(job, "confirm"));
        }
    });
    for _ in 0..3 {
        world.work();
    }
    assert_eq!(world.stock_and_points(), before);
    for page in &pages {
        assert_eq!(world.order(&page.order).status(), Status::Cancelled);
    }
    assert_eq!(effects(&world, "order.cancel").len(), pages.len(), "once per order");
    let ends = world.rows("SELECT state FROM job_items GROUP BY state ORDER BY state");
    assert!(!ends.contains(&"waiting".to_owned()), "{ends:?}");
}

#[test]
fn only_who_may_cancel_may_clean_up() {
    let world = World::new();
    world.entered();
    world.pass(8 * DAY);
    let csrf = text(&world.list(&[]).0, "/data/csrf");
    let mut request = staff("POST", "/payments/cleanup");
    request["body"] = json!(format!("csrf={csrf}"));
    request["rights"] = json!(["view", "capture", "change", "settings"]);
    let refused = world.adapter.call("staff.route", &request).unwrap();
    assert_eq!(refused.reply["status"], 403);
    let mut list = staff("GET", "/payments");
    list["rights"] = json!(["view"]);
    let list = List(world.adapter.call("staff.route", &list).unwrap().reply);
    assert!(!list.html().contains("id=\"paygent-cleanup\""));
    request["rights"] = json!(["view", "void"]);
    request["headers"] = json!({"sec-fetch-site": "cross-site"});
    let refused: Value = world.adapter.call("staff.route", &request).unwrap().reply;
    assert_eq!(refused["status"], 403);
    assert_eq!(world.rows("SELECT COUNT(*) FROM jobs"), ["0"]);
}
