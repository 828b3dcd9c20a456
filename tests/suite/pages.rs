//! An order's page, CSV, settings and self-check.

use host_shim::demo;
use host_shim::library::{Plugin, Status as Outcome, beside_this_program};
use serde_json::{Value, json};

use crate::world::{World, staff, text, words};

fn open(world: &World, path: &str) -> Value {
    world.adapter.call("staff.route", &staff("GET", path)).unwrap().reply
}

#[test]
fn an_orders_page_tells_who_did_what_when_and_what_the_answer_was() {
    let world = World::by_new_payments();
    let order = world.placed();
    let id = order.order_id.as_str();
    world.reprice(&order, 2_000);
    world.pass(3_600);
    world.run("change", &[id]);
    let page = world.order_page(id);
    for text in [
        "注文 236 の決済",
        "オーソリ変更 ¥3,300 → ¥2,000",
        "28569257 → 28569258",
        "2020/11/26 13:00 オーソリキャンセル 021 成功",
        "与信（オーソリ） 020 成功 ¥2,000",
        "管理者",
        "お客様",
        "************1111",
        "ペイジェントオンラインを開く",
        "ペイジェントに照会",
    ] {
        assert!(page.says(text), "{text}: {}", words(page.html()));
    }
    assert!(!page.html().contains("tok_"), "no token");
    let buttons: Vec<&str> = page
        .html()
        .split("name=\"operation\" value=\"")
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap())
        .collect();
    assert_eq!(
        buttons,
        ["capture", "void"],
        "nothing to change: the amounts are the same"
    );
    assert_eq!(open(&world, "/payments/orders/none")["status"], 404);
}

#[test]
fn r17_an_order_of_the_staffs_own_has_no_payment_and_says_so() {
    let world = World::new();
    let order = world.adapter.shop.register(&host_shim::shop::member(), 900).unwrap();
    world.adapter.tell(&order).unwrap();
    let page = world.order_page(&order.order_id);
    assert!(page.says("決済なし") && page.says("まだ何も送信していません"));
    assert!(!page.html().contains("name=\"operation\"") && !page.html().contains("paygent-inquire"));
}

#[test]
fn r69_an_inquiry_brings_the_payment_up_to_date_with_what_was_done_elsewhere() {
    let world = World::new();
    let order = world.placed();
    let id = order.order_id.as_str();
    let ask = || {
        let csrf = text(&world.list(&[]).0, "/data/csrf");
        let mut request = staff("POST", &format!("/payments/orders/{id}/inquire"));
        request["body"] = json!(format!("csrf={csrf}"));
        text(
            &world.adapter.call("staff.route", &request).unwrap().reply,
            "/data/answer",
        )
    };
    assert_eq!(ask(), "same");
    let payment = world.live(id)[0].0;
    let _: Value = world.control(
        "POST",
        &format!("payments/{payment}"),
        &json!({"status": 40}).to_string(),
    );
    assert_eq!(ask(), "moved");
    assert_eq!(world.list(&[]).row(id)[2], "売上", "captured at Paygent Online");
    assert!(world.list(&[]).offers(id, "change") && !world.list(&[]).offers(id, "capture"));
    assert_eq!(
        world.order(&order).status(),
        host_shim::shop::Status::Paid,
        "as a notice of the sale would have it"
    );
    world.fault("094", &json!("drop_before"));
    assert_eq!(ask(), "failed");
    // An authorisation that nobody answered for can be asked about, too.
    let page = world.entered();
    world.fault("020", &json!("drop_after"));
    world.pay(&page, crate::world::GOOD);
    world.pass(4);
    let csrf = text(&world.list(&[]).0, "/data/csrf");
    let mut request = staff("POST", &format!("/payments/orders/{}/inquire", page.order.order_id));
    request["body"] = json!(format!("csrf={csrf}&back=q%3D1"));
    let asked = world.adapter.call("staff.route", &request).unwrap().reply;
    assert_eq!(text(&asked, "/data/answer"), "moved");
    assert!(
        text(&asked, "/redirect").ends_with("?asked=moved&back=q%3D1"),
        "{asked}"
    );
    assert_eq!(
        world.order(&page.order).status(),
        host_shim::shop::Status::New,
        "found and placed"
    );
    assert!(world.order_page(id).says("照会 094"));
}

#[test]
fn the_csv_says_what_the_list_says_in_both_charsets_and_no_cell_is_a_formula() {
    let world = World::new();
    let order = world.placed();
    let evil = json!({"id": "evil", "number": "=1+1", "status": "new", "amount": 5, "created_at": "2020-11-26T12:00:00+09:00",
        "updated_at": "2020-11-26T12:00:00+09:00", "customer": {"family_name": "=HYPERLINK(\"x\")", "given_name": "😀"}});
    world
        .adapter
        .call("orders.put", &json!({"data": {"orders": [evil]}}))
        .unwrap();
    let file = |charset: &str| {
        let mut request = staff("GET", "/payments.csv");
        request["query"] = json!({"charset": charset});
        let reply = world.adapter.call("staff.route", &request).unwrap().reply;
        let bytes =
            base64::Engine::decode(&base64::engine::general_purpose::STANDARD, text(&reply, "/body_base64")).unwrap();
        (bytes, reply)
    };
    let (utf8, reply) = file("utf8");
    let lines = String::from_utf8(utf8).unwrap();
    assert!(lines.contains(&format!("\"2020/11/26 12:00\",\"{}\",\"\",\"テスト 会員\",\"ペイジェントクレジット\",\"3300\",\"新規受付\",\"2021/01/25 あと60日\",\"20 オーソリOK\",\"3300\",\"1\",\"お店\",\"28569257\"", order.order_id)), "{lines}");
    assert!(
        lines.contains("\"'=1+1\"") && lines.contains("\"'=HYPERLINK(\"\"x\"\") 😀\""),
        "{lines}"
    );
    assert_eq!(reply["headers"]["content-type"], "text/csv; charset=utf-8");
    assert_eq!(
        reply["headers"]["content-disposition"],
        "attachment; filename=\"paygent-2020-11-26.csv\""
    );
    let (sjis, _) = file("sjis");
    let (told, _, broken) = encoding_rs::SHIFT_JIS.decode(&sjis);
    assert!(!broken && told.contains("新規受付") && told.contains('〓'), "{told}");
    let mut blind = staff("GET", "/payments.csv");
    blind["rights"] = json!(["capture"]);
    assert_eq!(
        world.adapter.call("staff.route", &blind).unwrap().status,
        Outcome::Refused
    );
}

#[test]
fn settings_are_shown_without_secrets_and_the_self_check_says_what_works() {
    let world = World::new();
    let page = open(&world, "/settings");
    let shown = words(&text(&page, "/fragment/html"));
    for text in [
        "テスト環境",
        "マーチャントID 10001",
        "接続パスワード 設定済み（表示しません）",
        "クライアント証明書",
        "visa, mastercard, jcb, amex, diners",
        "3, 6, 12",
        "15, 31",
        "60日",
    ] {
        assert!(shown.contains(text), "{text}: {shown}");
    }
    for secret in ["cpw", "changeit", "simulated_token_key"] {
        assert!(!page.to_string().contains(secret), "{secret}");
    }
    let check = || {
        let mut request = staff("POST", "/settings/check");
        request["body"] = json!(format!("csrf={}", text(&world.list(&[]).0, "/data/csrf")));
        let reply = world.adapter.call("staff.route", &request).unwrap().reply;
        let found = |name: &str| {
            let checks = reply["data"]["checks"].as_array().unwrap();
            checks
                .iter()
                .find(|check| check["name"] == name)
                .unwrap_or_else(|| panic!("{reply}"))["good"]
                .clone()
        };
        (
            found("connection"),
            found("database"),
            found("certificate"),
            found("under-way"),
            found("clock"),
        )
    };
    let good = json!(true);
    assert_eq!(
        check(),
        (good.clone(), good.clone(), good.clone(), good.clone(), json!(false)),
        "the test's clock stands in 2020, the gateway's does not"
    );
    let order = world.placed();
    world.fault("022", &json!("drop_before"));
    world.run("capture", &[&order.order_id]);
    world.fault("094", &json!({"code": ["P001", ""]}));
    let (connection, .., under_way, _) = check();
    assert_eq!((connection, under_way), (json!(false), json!(false)));
    let mut denied = staff("GET", "/settings");
    denied["rights"] = json!(["view", "capture", "void", "change"]);
    assert_eq!(
        world.adapter.call("staff.route", &denied).unwrap().status,
        Outcome::Refused
    );
}

#[test]
fn test_and_live_are_not_switched_while_something_is_under_way() {
    let world = World::new();
    let order = world.placed();
    world.fault("022", &json!("drop_before"));
    world.run("capture", &[&order.order_id]);
    let folder = world.folder.path().join("shop");
    let reopened = |merchant: &str| {
        let mut config = demo::config(&folder, &world.reach).unwrap();
        config["gateway"]["merchant_id"] = json!(merchant);
        Plugin::open(&beside_this_program().unwrap(), &config, world.clock(), |_| {}).unwrap()
    };
    let other = reopened("20002").call("admin.list", &staff("GET", "/payments"));
    assert_eq!(
        (other.status, text(&other.reply, "/code")),
        (Outcome::Refused, "config.account_switched".into())
    );
    assert!(
        text(&other.reply, "/message").contains("sandbox:10001"),
        "{}",
        other.reply
    );
    world.pass(130);
    world.work();
    let switched = reopened("20002");
    let list = switched.call("admin.list", &staff("GET", "/payments"));
    assert_eq!(list.status, Outcome::Ok, "{}", list.reply);
    let html = text(&list.reply, "/fragment/html");
    assert!(
        html.contains("data-order=\"236\"") && !html.contains("name=\"order_capture\""),
        "U-05: another account's payment is left alone"
    );
}
