//! The staff's list and what it runs: the requirements R20 to R57, R63 and R70.

use host_shim::library::Status as Outcome;
use host_shim::shop::{Buyer, Status};
use serde_json::{Value, json};

use crate::world::{World, staff, text, words};

#[test]
fn r20_the_menu_entry_stands_under_order_management() {
    let world = World::new();
    let menu = world.adapter.call("admin.menu", &json!({})).unwrap().reply;
    assert_eq!(
        menu["data"],
        json!({"parent": "受注管理", "label": "ペイジェント決済管理", "path": "/payments"})
    );
}

#[test]
fn r21_r22_r23_the_list_stands_below_its_search() {
    let world = World::new();
    world.placed();
    let list = world.list(&[]);
    let words = words(list.html());
    let order = [
        "ペイジェント決済状況一覧 受注管理",
        "注文番号・お名前・会社名・メールアドレス・電話番号 ?",
        "検索結果：1件が該当しました",
        "受注日時",
    ];
    let places: Vec<usize> = order
        .iter()
        .map(|text| words.find(text).unwrap_or_else(|| panic!("{text}: {words}")))
        .collect();
    assert!(places.is_sorted(), "{places:?}");
}

#[test]
fn r24_r27_one_box_searches_number_name_company_mail_and_phone() {
    let world = World::new();
    let hit = world.placed();
    let buyer = Buyer {
        family_name: "別の".into(),
        given_name: "お客".into(),
        email: "x@example.org".into(),
        phone: "06-9999-0000".into(),
        ..Buyer::default()
    };
    let miss = world.adapter.shop.register(&buyer, 100).unwrap();
    world.adapter.tell(&miss).unwrap();
    let found = |typed: &str| world.list(&[("q", typed)]).numbers();
    let typed = [
        hit.order_id.as_str(),
        "テスト",
        "会員",
        "テスト 会員",
        "テスト　会員",
        "テスト会員",
        "てすと",
        "ﾃｽﾄ",
        "カイイン",
        "見本商事",
        "member@example.com",
        "MEMBER@",
        "03-0000-1234",
        "0300001234",
        "００００－１２３４",
    ];
    for typed in typed {
        assert_eq!(found(typed), [hit.order_id.as_str()], "{typed}");
    }
    let part = hit.order_id.get(1..).unwrap();
    assert_eq!(found(part), [""; 0], "up to ten digits are an order number as a whole");
    assert_eq!(
        found("%"),
        [""; 0],
        "a sign of the database's is a character like any other"
    );
    assert_eq!(found("いない人"), [""; 0]);
}

#[test]
fn r25_r43_r44_eight_boxes_and_a_default_without_checkouts() {
    let world = World::new();
    let placed = world.placed();
    let pending = world.entered().order;
    assert_eq!(world.list(&[]).numbers(), [placed.order_id.as_str()]);
    assert_eq!(
        world.list(&[("status", "pending")]).numbers(),
        [pending.order_id.as_str()]
    );
    let html = world.list(&[("status", "pending")]).html().to_owned();
    let boxes: Vec<String> = html
        .split("name=\"status\" value=\"")
        .skip(1)
        .map(|rest| words(&format!("<input \"{}", rest.split("</label>").next().unwrap())))
        .collect();
    assert_eq!(
        boxes,
        [
            "新規受付",
            "入金済み",
            "対応中",
            "注文取消し",
            "発送済み",
            "購入処理中",
            "決済処理中",
            "返品"
        ]
    );
    assert!(
        html.contains("value=\"pending\" checked"),
        "what was asked stays ticked"
    );
}

#[test]
fn r28_the_count_is_of_the_whole_search() {
    let world = World::new();
    assert!(world.list(&[]).says("検索結果：0件が該当しました"));
    for count in 1..=3 {
        world.placed();
        assert!(world.list(&[]).says(&format!("検索結果：{count}件が該当しました")));
    }
}

#[test]
fn r29_fifty_rows_a_page_unless_another_number_is_chosen() {
    let world = World::new();
    let orders: Vec<Value> = (1..=51)
        .map(|n| {
            let at = format!("2020-11-26T12:{n:02}:00+09:00");
            json!({"id": n.to_string(), "number": n.to_string(), "status": "new", "amount": n, "created_at": at, "updated_at": at})
        })
        .collect();
    world
        .adapter
        .call("orders.put", &json!({"data": {"orders": orders}}))
        .unwrap();
    let first = world.list(&[]);
    assert_eq!(first.numbers().len(), 50);
    assert!(first.says("検索結果：51件が該当しました") && first.html().contains("<option value=\"50\" selected>50件"));
    assert_eq!(world.list(&[("page", "2")]).numbers(), ["1"]);
    assert_eq!(world.list(&[("per", "100")]).numbers().len(), 51);
    assert_eq!(
        world.list(&[("per", "17")]).numbers().len(),
        50,
        "a size that is not offered"
    );
}

#[test]
fn r32_r33_r34_a_row_shows_time_name_method_amount_and_badge() {
    let world = World::new();
    let order = world.placed();
    let row = world.list(&[]).row(&order.order_id);
    assert_eq!(
        row,
        [
            "2020/11/26 12:00",
            &order.order_id,
            "",
            row[3].as_str(),
            row[4].as_str(),
            row[5].as_str(),
            "テスト 会員",
            "ペイジェントクレジット",
            "¥3,300",
            "新規受付"
        ]
    );
    assert!(
        world
            .list(&[])
            .html()
            .contains("<span class=\"badge new\">新規受付</span>")
    );
}

#[test]
fn r35_r36_r38_r39_r40_r57_boxes_and_status_follow_the_payment() {
    let world = World::new();
    let order = world.placed();
    let id = order.order_id.as_str();
    let state = || {
        let list = world.all_listed();
        (
            list.row(id)[2].clone(),
            list.offers(id, "capture"),
            list.offers(id, "void"),
            list.row(id)[9].clone(),
        )
    };
    assert_eq!(
        state(),
        (String::new(), true, true, "新規受付".into()),
        "authorised: blank"
    );
    world.run("capture", &[id]);
    assert_eq!(
        state(),
        ("売上".into(), false, true, "新規受付".into()),
        "R57: 対応状況 stays"
    );
    world.run("void", &[id]);
    assert_eq!(
        state(),
        ("売上キャンセル".into(), false, false, "注文取消し".into()),
        "R64"
    );
}

#[test]
fn r41_a_pending_order_offers_nothing() {
    let world = World::new();
    let order = world.entered().order;
    let list = world.all_listed();
    assert!(!list.offers(&order.order_id, "capture") && !list.offers(&order.order_id, "void"));
}

#[test]
fn r46_only_orders_that_the_shop_told_us_of_are_listed() {
    let world = World::new();
    world.confirmed();
    world.adapter.shop.register(&Buyer::default(), 700).unwrap();
    assert_eq!(
        world.all_listed().numbers().len(),
        1,
        "the order that pays otherwise is never told"
    );
}

#[test]
fn r47_last_updated_comes_first() {
    let world = World::new();
    let (first, second) = (world.placed(), world.placed());
    assert_eq!(
        world.list(&[]).numbers(),
        [second.order_id.clone(), first.order_id.clone()],
        "same time: higher number first"
    );
    world.pass(60);
    let edited = world
        .adapter
        .shop
        .edit(&first.order_id, Some(Status::InProgress), None)
        .unwrap();
    world.adapter.tell(&edited).unwrap();
    assert_eq!(world.list(&[]).numbers(), [first.order_id, second.order_id]);
}

#[test]
fn r50_only_the_ticked_rows_of_the_pressed_column_run() {
    let world = World::new();
    let (captured, left) = (world.placed(), world.placed());
    let csrf = text(&world.list(&[]).0, "/data/csrf");
    let mut request = staff("POST", "/payments/bulk");
    let ticked = format!("order_capture={}&order_void={}", captured.order_id, left.order_id);
    request["body"] = json!(format!("csrf={csrf}&operation=capture&{ticked}"));
    world.adapter.call("staff.route", &request).unwrap();
    assert_eq!((world.telegrams("022").len(), world.telegrams("021").len()), (1, 0));
}

#[test]
fn r53_nothing_ticked_is_told_and_nothing_is_sent() {
    let world = World::new();
    world.placed();
    let csrf = text(&world.list(&[]).0, "/data/csrf");
    let mut request = staff("POST", "/payments/bulk");
    request["body"] = json!(format!("csrf={csrf}&operation=capture"));
    let answer = world.adapter.call("staff.route", &request).unwrap();
    assert_eq!(text(&answer.reply, "/redirect"), "/admin/paygent/payments?nothing=1");
    assert!(world.list(&[("nothing", "1")]).says("注文が選択されていません"));
    assert!(world.telegrams("022").is_empty());
}

#[test]
fn r54_r55_r56_each_order_has_its_line_and_failures_their_reason() {
    let world = World::new();
    let (good, late) = (world.placed(), world.placed());
    world.fault("022", &json!({"code": ["2007", ""]}));
    let list = world.run("capture", &[&late.order_id, &good.order_id]);
    for line in [
        "✔ 1件が成功しました".to_owned(),
        format!("受注番号：{} → 売上成功", good.order_id),
        "1件が失敗しました".to_owned(),
        format!(
            "受注番号：{} → 売上失敗 理由：期限を過ぎています（2007）",
            late.order_id
        ),
    ] {
        assert!(list.says(&line), "{line} in {}", words(list.html()));
    }
    let row = list.row(&late.order_id);
    assert_eq!(row[2], "オーソリ期限切", "2007 tells the status, too");
}

#[test]
fn r63_cancel_voids_an_authorisation_and_cancels_a_sale() {
    let world = World::new();
    let before = world.stock_and_points();
    let (authorised, captured) = (world.placed(), world.placed());
    world.run("capture", &[&captured.order_id]);
    let list = world.run("void", &[&authorised.order_id, &captured.order_id]);
    assert!(list.says(&format!("受注番号：{} → オーソリキャンセル成功", authorised.order_id)));
    assert!(list.says(&format!("受注番号：{} → 売上キャンセル成功", captured.order_id)));
    assert_eq!((world.telegrams("021").len(), world.telegrams("023").len()), (1, 1));
    let statuses: Vec<Value> = world
        .payments()
        .iter()
        .map(|payment| payment["status"].clone())
        .collect();
    assert_eq!(statuses, [json!(32), json!(60)]);
    assert_eq!(world.order(&authorised).status(), Status::Cancelled);
    assert_eq!(world.stock_and_points(), before, "decision A11: given back, once");
}

#[test]
fn r04_r70_paygent_online_and_paygents_contact_are_one_click_away() {
    let world = World::new();
    assert!(
        world
            .list(&[])
            .html()
            .contains("href=\"https://www.paygent.co.jp/contact/\"")
    );
    assert!(world.list(&[]).html().contains("ペイジェントオンラインを開く"));
}

#[test]
fn d13_a_forged_row_is_refused_and_the_others_run() {
    let world = World::new();
    let order = world.placed();
    let registered = world.adapter.shop.register(&Buyer::default(), 800).unwrap();
    world.adapter.tell(&registered).unwrap();
    let list = world.run("capture", &["no-such-order", &registered.order_id, &order.order_id]);
    assert!(
        list.says("1件が成功しました") && list.says("2件が失敗しました"),
        "{}",
        words(list.html())
    );
    assert!(list.says("この注文は見つかりません") && list.says("この注文にはペイジェントの決済がありません"));
    let again = world.run("capture", &[&order.order_id]);
    assert!(
        again.says("決済の状態が変わったため"),
        "legality is decided when it runs"
    );
    assert_eq!(world.telegrams("022").len(), 1);
}

#[test]
fn a_capture_whose_answer_was_lost_is_looked_up_and_not_repeated() {
    let world = World::new();
    let order = world.placed();
    world.fault("022", &json!("drop_after"));
    let running = world.run("capture", &[&order.order_id]);
    assert!(running.says("1件中0件が終わりました"), "{}", words(running.html()));
    assert!(!running.offers(&order.order_id, "void"), "one operation at a time");
    world.pass(4);
    world.work();
    assert_eq!(world.list(&[]).row(&order.order_id)[2], "売上");
    assert_eq!((world.telegrams("022").len(), world.telegrams("094").len()), (1, 1));
}

#[test]
fn a_capture_that_may_still_be_under_way_is_not_called_failed() {
    let world = World::new();
    let order = world.placed();
    world.fault("022", &json!("drop_before"));
    world.run("capture", &[&order.order_id]);
    world.pass(60);
    world.work();
    assert!(
        !world.list(&[]).offers(&order.order_id, "capture"),
        "in quarantine, nothing else may run on it"
    );
    world.pass(70);
    world.work();
    assert!(
        world.list(&[]).offers(&order.order_id, "capture"),
        "it never arrived: the staff may run it again"
    );
    assert!(world.run("capture", &[&order.order_id]).says("1件が成功しました"));
}

#[test]
fn a_conflict_at_the_gateway_is_looked_at_and_not_believed() {
    let world = World::new();
    let order = world.placed();
    world.fault("022", &json!({"code": ["2004", ""]}));
    let list = world.run("capture", &[&order.order_id]);
    assert!(
        list.says("理由：ペイジェント側の状態と合いません（2004）"),
        "{}",
        words(list.html())
    );
    assert_eq!(world.telegrams("094").len(), 1);
    assert!(
        list.offers(&order.order_id, "capture"),
        "094 says that it is still authorised"
    );
}

#[test]
fn a_right_that_is_not_named_is_denied() {
    let world = World::new();
    let order = world.placed();
    let csrf = text(&world.list(&[]).0, "/data/csrf");
    let body = format!("csrf={csrf}&operation=capture&order_capture={}", order.order_id);
    for (operator, rights) in [
        (json!({"id": "1"}), json!(["view"])),
        (json!({"id": "2"}), json!(["view", "capture"])),
        (json!(null), json!(["capture"])),
    ] {
        let mut request = staff("POST", "/payments/bulk");
        request["body"] = json!(body);
        request["operator"] = operator;
        request["rights"] = rights;
        let denied = world.adapter.call("staff.route", &request).unwrap();
        assert_eq!(
            (denied.status, denied.reply["status"].clone()),
            (Outcome::Refused, json!(403)),
            "{}",
            denied.reply
        );
    }
    let mut blind = staff("GET", "/payments");
    blind["rights"] = json!([]);
    assert_eq!(world.adapter.call("staff.route", &blind).unwrap().reply["status"], 403);
    assert!(world.telegrams("022").is_empty());
}

#[test]
fn the_list_speaks_english_too() {
    let world = World::new();
    world.placed();
    let mut request = staff("GET", "/payments");
    request["language"] = json!("en");
    let html = text(
        &world.adapter.call("staff.route", &request).unwrap().reply,
        "/fragment/html",
    );
    for text in ["1 orders found", "Order no.", "Capture", "New"] {
        assert!(words(&html).contains(text), "{text}");
    }
}
