//! オーソリ・売上変更 by a new payment: R37, R62, R66, R67, and D9, D10: whatever fails on the way, one payment lives at the
//! end. `corrections` has the other way.

use host_shim::shop::Status;
use serde_json::json;

use crate::world::{World, words};

const FOUR_WAYS: [(bool, i64, &str, &str); 4] = [
    (false, 4_000, "オーソリ変更", "オーソリ変更成功"),
    (false, 2_000, "オーソリ変更", "オーソリ変更成功"),
    (true, 4_000, "売上変更", "売上変更成功"),
    (true, 2_000, "売上変更", "売上変更成功"),
];

#[test]
fn r37_r62_r64_an_amount_is_changed_up_and_down_before_and_after_the_capture() {
    for (captured, amount, state, line) in FOUR_WAYS {
        let world = World::by_new_payments();
        let before = world.stock_and_points();
        let order = world.edited(captured, amount);
        let id = order.order_id.as_str();
        let result = world.run("change", &[id]);
        assert!(
            result.says(&format!("受注番号：{id} → {line}")),
            "{}",
            words(result.html())
        );
        let status = if captured { 40 } else { 20 };
        let live = world.live(id);
        assert_eq!(live.len(), 1, "one live payment: {live:?}");
        assert_eq!((live[0].1, live[0].2), (status, amount), "R62: the order's amount");
        let row = world.list(&[]).row(id);
        assert_eq!(
            (row[2].as_str(), row[9].as_str()),
            (state, "新規受付"),
            "A2: the last action shows"
        );
        let kinds: Vec<usize> = ["020", "022", "021", "023"]
            .map(|kind| world.telegrams(kind).len())
            .to_vec();
        assert_eq!(kinds, if captured { [2, 2, 0, 1] } else { [2, 0, 1, 0] });
        assert_eq!(world.order(&order).status(), Status::New, "the order stays as it is");
        // What was changed can be run on: changed again, captured, cancelled.
        world.reprice(&order, 2_500);
        assert!(world.run("change", &[id]).says("1件が成功しました"));
        assert_eq!(world.live(id).iter().map(|live| live.2).collect::<Vec<_>>(), [2_500]);
        if !captured {
            assert!(world.run("capture", &[id]).says("受注番号") && world.list(&[]).row(id)[2] == "売上");
        }
        world.run("void", &[id]);
        assert_eq!(world.live(id), []);
        assert_eq!(world.all_listed().row(id)[2], "売上キャンセル");
        assert_eq!(world.stock_and_points(), before, "given back, once");
    }
}

#[test]
fn r62_the_new_payment_uses_the_card_class_and_terms_of_the_old_one_without_3d_secure() {
    let world = World::by_new_payments();
    let page = world.entered();
    let form = crate::world::text(&world.show(&page).reply, "/data/form");
    let body = format!(
        "form={form}&card_token={}&payment_class=61-3",
        world.token(crate::world::GOOD)
    );
    world.shopper(&json!({"method": "POST", "path": page.path, "body": body}));
    let old = world.telegrams("020")[0]["request"].as_str().unwrap().to_owned();
    world.reprice(&page.order, 9_000);
    world.run("change", &[&page.order.order_id]);
    let new = world.telegrams("020")[1]["request"].as_str().unwrap().to_owned();
    let field = |telegram: &str, name: &str| {
        telegram
            .split('&')
            .find_map(|pair| pair.strip_prefix(&format!("{name}=")))
            .unwrap_or_default()
            .to_owned()
    };
    assert_eq!(field(&new, "ref_trading_id"), field(&old, "trading_id"));
    assert_ne!(
        field(&new, "trading_id"),
        field(&old, "trading_id"),
        "each 020 has a trading_id of its own"
    );
    let terms = ["payment_class", "split_count", "3dsecure_ryaku", "payment_amount"].map(|name| field(&new, name));
    assert_eq!(terms, ["61", "3", "1", "9000"]);
}

#[test]
fn r65_an_edited_order_shows_what_is_held_until_the_change_is_run() {
    let world = World::by_new_payments();
    let order = world.edited(false, 2_000);
    let cell = |world: &World| world.list(&[]).row(&order.order_id)[8].clone();
    assert_eq!(cell(&world), "¥2,000 決済額 ¥3,300");
    world.run("change", &[&order.order_id]);
    assert_eq!(cell(&world), "¥2,000");
}

#[test]
fn what_needs_no_change_or_cannot_have_one_is_refused_by_row() {
    let world = World::by_new_payments();
    let (same, zero, good) = (world.placed(), world.edited(false, 0), world.edited(false, 100));
    let result = world.run("change", &[&same.order_id, &zero.order_id, &good.order_id]);
    for text in [
        "1件が成功しました",
        "2件が失敗しました",
        "変更は必要ありません",
        "0円には変更できません",
    ] {
        assert!(result.says(text), "{text}: {}", words(result.html()));
    }
    assert_eq!(world.telegrams("020").len(), 4);
}

#[test]
fn a_new_amount_that_is_refused_leaves_everything_as_it_was() {
    for captured in [false, true] {
        let world = World::by_new_payments();
        let order = world.edited(captured, 9_000);
        world.fault("020", &json!({"code": ["2001", "1G54"]}));
        let result = world.run("change", &[&order.order_id]);
        assert!(result.says("1G54") && result.says("失敗"), "{}", words(result.html()));
        let live = world.live(&order.order_id);
        assert_eq!(live.iter().map(|live| live.2).collect::<Vec<_>>(), [3_300]);
        assert!(world.list(&[]).offers(&order.order_id, "change"), "it may be run again");
        assert!(world.run("change", &[&order.order_id]).says("1件が成功しました"));
    }
}

/// D9: crash or fault after each step; here every telegram of a change meets every fault in turn.
#[test]
fn d09_whatever_telegram_of_a_change_fails_one_payment_lives_at_the_end() {
    let faults = [
        json!("drop_before"),
        json!("drop_after"),
        json!("garbage"),
        json!("truncate"),
        json!("http_500"),
        json!({"code": ["2008", ""]}),
        json!({"code": ["E002", ""]}),
        json!({"code_after": ["2008", ""]}),
        json!({"code_after": ["2004", ""]}),
    ];
    let ways: [(bool, i64, &[&str]); 6] = [
        (false, 4_000, &["020", "021"]),
        (false, 2_000, &["020", "021"]),
        (true, 4_000, &["020", "022", "023"]),
        (true, 2_000, &["020", "022", "023"]),
        (false, 2_000, &["028"]),
        (true, 2_000, &["029"]),
    ];
    for (captured, amount, kinds) in ways {
        for kind in kinds {
            let world = match *kind {
                "028" | "029" => World::new(),
                _ => World::by_new_payments(),
            };
            for fault in &faults {
                let order = world.edited(captured, amount);
                world.fault(kind, fault);
                world.run("change", &[&order.order_id]);
                world.settle();
                let live = world.live(&order.order_id);
                assert_eq!(live.len(), 1, "{kind} {fault} {captured} {amount}: {live:?}");
                let told = world.order_page(&order.order_id);
                let page_id = told.0["data"]["payment_id"].as_str().unwrap().to_owned();
                assert_eq!(
                    page_id,
                    live[0].0.to_string(),
                    "the plugin means the payment that lives"
                );
                assert!([3_300, amount].contains(&live[0].2));
                assert!(
                    !world.list(&[]).row(&order.order_id)[2].contains("処理中"),
                    "D10: nothing sticks"
                );
                // Undone or done, the next try brings the order's amount.
                if live[0].2 != amount {
                    world.run("change", &[&order.order_id]);
                    world.settle();
                }
                assert_eq!(
                    world
                        .live(&order.order_id)
                        .iter()
                        .map(|live| live.2)
                        .collect::<Vec<_>>(),
                    [amount]
                );
            }
        }
    }
}

#[test]
fn an_old_sale_that_can_no_longer_be_cancelled_turns_the_change_back() {
    let world = World::by_new_payments();
    let order = world.edited(true, 2_000);
    world.fault("023", &json!({"code": ["2007", ""]}));
    let result = world.run("change", &[&order.order_id]);
    assert!(result.says("売上変更失敗"), "{}", words(result.html()));
    world.settle();
    let live = world.live(&order.order_id);
    assert_eq!(
        live.iter().map(|live| (live.1, live.2)).collect::<Vec<_>>(),
        [(40, 3_300)],
        "the old sale stands"
    );
    assert_eq!(
        world.list(&[]).row(&order.order_id)[2],
        "売上(取消期限切)",
        "2007 tells the status, too"
    );
}

#[test]
fn a_capture_of_the_new_amount_that_is_refused_gives_the_new_payment_back() {
    let world = World::by_new_payments();
    let order = world.edited(true, 9_000);
    world.fault("022", &json!({"code": ["2001", "1G12"]}));
    let result = world.run("change", &[&order.order_id]);
    assert!(result.says("1G12"), "{}", words(result.html()));
    assert_eq!(
        world
            .live(&order.order_id)
            .iter()
            .map(|live| live.2)
            .collect::<Vec<_>>(),
        [3_300]
    );
    assert_eq!(world.telegrams("021").len(), 1, "only authorised, so voided");
}

#[test]
fn while_a_change_is_under_way_nothing_else_runs_on_the_order() {
    let world = World::by_new_payments();
    let order = world.edited(false, 2_000);
    world.fault("020", &json!("drop_after"));
    let running = world.run("change", &[&order.order_id]);
    assert!(running.says("1件中0件が終わりました"), "{}", words(running.html()));
    for column in ["capture", "void", "change"] {
        assert!(!running.offers(&order.order_id, column));
        assert!(
            world
                .run(column, &[&order.order_id])
                .says("別の処理がこの決済を実行中です")
        );
    }
    world.settle();
    assert_eq!(
        world
            .live(&order.order_id)
            .iter()
            .map(|live| live.2)
            .collect::<Vec<_>>(),
        [2_000]
    );
}

#[test]
fn r59_r60_past_sixty_days_nothing_is_offered_and_the_status_says_so() {
    let world = World::by_new_payments();
    let order = world.placed();
    let id = order.order_id.as_str();
    world.pass(60 * 86_400);
    assert!(world.list(&[]).offers(id, "capture"), "day 60");
    assert!(
        world.list(&[]).says("2021/01/25 あと0日"),
        "{}",
        words(world.list(&[]).html())
    );
    world.pass(86_400);
    let list = world.list(&[]);
    assert_eq!(list.row(id)[2], "オーソリ期限切", "R60");
    assert!(
        !["capture", "change", "void"]
            .iter()
            .any(|column| list.offers(id, column))
    );
    assert!(world.run("capture", &[id]).says("オーソリの期限が切れています"));
    assert!(world.telegrams("022").is_empty(), "refused here, not at the gateway");
}

#[test]
fn r67_a_sale_can_be_changed_for_sixty_days_after_its_capture() {
    let world = World::by_new_payments();
    let order = world.placed();
    let id = order.order_id.as_str();
    world.pass(30 * 86_400);
    world.run("capture", &[id]);
    world.pass(60 * 86_400);
    assert!(
        world.list(&[]).offers(id, "change"),
        "sixty days from the capture, not from the order"
    );
    world.pass(86_400);
    let list = world.list(&[]);
    assert_eq!(list.row(id)[2], "売上(取消期限切)");
    assert!(!list.offers(id, "change") && !list.offers(id, "void"));
}

#[test]
fn a_change_begins_sixty_days_of_its_own() {
    let world = World::by_new_payments();
    let order = world.edited(false, 2_000);
    world.pass(50 * 86_400);
    world.run("change", &[&order.order_id]);
    world.pass(20 * 86_400);
    assert!(world.list(&[]).offers(&order.order_id, "capture"), "decision A8");
}

#[test]
fn r61_r65_the_screen_says_when_the_customer_is_billed() {
    let world = World::by_new_payments();
    let list = world.list(&[]);
    assert!(list.says("お客様のカード会社の締日に請求がかかります"));
    assert!(list.says("オーソリから60日間行えます"));
}

/// The simulator turns a payment of the order to that status, as time or another desk would.
fn turn(world: &World, payment: i64, status: i32) {
    let _: serde_json::Value = world.control(
        "POST",
        &format!("payments/{payment}"),
        &json!({"status": status}).to_string(),
    );
}

#[test]
fn a_passing_status_is_finished_by_the_same_telegram_again() {
    for (column, kind, passing, end) in [("capture", "022", 30, 40), ("void", "021", 31, 32)] {
        let world = World::by_new_payments();
        let order = world.placed();
        let payment = world.live(&order.order_id)[0].0;
        world.fault(kind, &json!("drop_before"));
        world.run(column, &[&order.order_id]);
        turn(&world, payment, passing);
        world.settle();
        let status = world.payments()[0]["status"].clone();
        assert_eq!(status, end, "{kind} was sent again once the quarantine was over");
        assert_eq!(world.telegrams(kind).len(), 2);
    }
    // The same inside a change: the new payment hangs in the middle of its capture.
    let world = World::by_new_payments();
    let order = world.edited(true, 2_000);
    world.fault("022", &json!("drop_before"));
    world.run("change", &[&order.order_id]);
    let new = world.live(&order.order_id).iter().find(|live| live.1 == 20).unwrap().0;
    turn(&world, new, 30);
    world.settle();
    let live: Vec<_> = world
        .live(&order.order_id)
        .iter()
        .map(|live| (live.1, live.2))
        .collect();
    assert_eq!(live, [(40, 2_000)]);
}

#[test]
fn an_authorisation_that_was_captured_elsewhere_is_not_refunded_by_a_change() {
    let world = World::by_new_payments();
    let order = world.edited(false, 2_000);
    turn(&world, world.live(&order.order_id)[0].0, 40);
    let result = world.run("change", &[&order.order_id]);
    assert!(
        result.says("オーソリ変更失敗") && result.says("2004"),
        "{}",
        words(result.html())
    );
    let live: Vec<_> = world
        .live(&order.order_id)
        .iter()
        .map(|live| (live.1, live.2))
        .collect();
    assert_eq!(live, [(40, 3_300)], "the sale stands, the new authorisation is voided");
    assert_eq!(world.list(&[]).row(&order.order_id)[2], "売上");
    assert!(world.telegrams("023").is_empty());
}

#[test]
fn what_is_too_late_is_asked_and_not_guessed() {
    let world = World::by_new_payments();
    let order = world.placed();
    turn(&world, world.live(&order.order_id)[0].0, 41);
    let result = world.run("void", &[&order.order_id]);
    assert!(result.says("2007"), "{}", words(result.html()));
    assert_eq!(
        world.list(&[]).row(&order.order_id)[2],
        "売上(取消期限切)",
        "captured elsewhere and past its limit, not expired"
    );
}

#[test]
fn an_edit_that_is_told_late_is_not_lost_behind_an_operation_of_the_plugins() {
    let world = World::by_new_payments();
    let order = world.edited(false, 5_000);
    let id = order.order_id.as_str();
    let late = world.adapter.shop.edit(id, None, Some(4_000)).unwrap();
    world.pass(2);
    world.run("change", &[id]);
    assert_eq!(world.live(id)[0].2, 5_000);
    world.adapter.tell(&late).unwrap();
    assert_eq!(
        world.list(&[]).row(id)[8],
        "¥4,000 決済額 ¥5,000",
        "R65: the shop's word counts, whenever it comes"
    );
}

#[test]
fn a_shop_may_keep_its_orders_when_a_payment_is_cancelled() {
    let world = World::by_new_payments();
    let order = world.placed();
    let folder = world.folder.path().join("shop");
    let mut config = host_shim::demo::config(&folder, &world.reach).unwrap();
    config["staff"] = json!({"cancel_calls_off_the_order": false});
    let library = host_shim::library::beside_this_program().unwrap();
    let plugin = host_shim::library::Plugin::open(&library, &config, world.clock(), |_| {}).unwrap();
    let csrf = crate::world::text(
        &plugin
            .call("admin.list", &crate::world::staff("GET", "/payments"))
            .reply,
        "/data/csrf",
    );
    let mut request = crate::world::staff("POST", "/payments/bulk");
    request["body"] = json!(format!("csrf={csrf}&operation=void&order_void={}", order.order_id));
    let ran = plugin.call("admin.bulk.start", &request);
    assert_eq!(
        ran.reply.get("effects"),
        None,
        "decision A11 can be switched off: {}",
        ran.reply
    );
    assert_eq!(world.list(&[]).row(&order.order_id)[2], "オーソリキャンセル");
    // Paygent's notice of the cancel says nothing new.
    world.pass(301);
    world.work();
    assert_eq!(
        world.rows("SELECT status FROM notices ORDER BY notice_id"),
        ["20", "32"]
    );
    assert_eq!(world.order(&order).status(), Status::New);
    assert_eq!(world.rows("SELECT kind FROM flags"), Vec::<String>::new());
}
