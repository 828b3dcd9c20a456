//! Checkout: the requirements R1 to R17, and what a shopper must never suffer.

use host_shim::library::Status as Outcome;
use host_shim::shop::{Buyer, Status};
use serde_json::{Value, json};

use crate::world::{GOOD, OTHER_GOOD, UNUSABLE, WRONG_CODE, World, code, outcome, text, words};

#[test]
fn r01_r02_the_card_page_comes_after_the_confirmation_and_never_before() {
    let world = World::new();
    let order = world.confirmed();
    assert_eq!(
        world.get("/pay/0123456789abcdef0123456789abcdef").reply["status"],
        404,
        "no card page yet"
    );
    let page = world.enter(order);
    let shown = world.show(&page);
    assert_eq!(shown.reply["status"], 200);
    let html = text(&shown.reply, "/body");
    for label in [
        "カード番号",
        "有効期限",
        "セキュリティコード",
        "カード名義",
        "¥3,300",
        "戻る",
    ] {
        assert!(words(&html).contains(label), "{label}");
    }
    assert!(world.telegrams("020").is_empty());
}

#[test]
fn r03_a_brand_outside_the_contract_is_refused_with_a_clear_text() {
    let world = World::new();
    let page = world.entered();
    let paid = world.pay(&page, "6011111111111117");
    assert_eq!(code(&paid), (Outcome::Refused, "card.declined".to_owned()));
    assert!(words(&text(&world.show(&page).reply, "/body")).contains("別のカード"));
}

#[test]
fn r05_r06_r13_r14_an_authorised_card_completes_the_order_and_is_not_captured() {
    let world = World::new();
    let page = world.entered();
    let paid = world.pay(&page, GOOD);
    assert_eq!(
        text(&paid.reply, "/redirect"),
        format!("/complete/{}", page.order.order_id)
    );
    assert_eq!(world.order(&page.order).status(), Status::New, "新規受付");
    assert_eq!(world.telegrams("020").len(), 1, "one authorisation per submit");
    assert!(world.telegrams("022").is_empty(), "R14: only the staff capture");
    assert_eq!(world.payments()[0]["status"], 20);
    assert_eq!(world.adapter.shop.mails().unwrap().len(), 1, "the order's mail, once");
}

#[test]
fn r07_a_refused_card_leads_back_to_the_card_page_of_the_same_order() {
    let world = World::new();
    let page = world.entered();
    let paid = world.pay(&page, WRONG_CODE);
    assert_eq!(text(&paid.reply, "/redirect"), format!("/paygent{}", page.path));
    let html = text(&world.show(&page).reply, "/body");
    assert!(
        words(&html).contains("セキュリティコードをご確認ください"),
        "{}",
        words(&html)
    );
    assert!(!html.contains("1G44"), "the detail is for the staff");
    assert_eq!(outcome(&world.pay(&page, GOOD)), "placed", "the form works");
}

#[test]
fn r08_a_refused_attempt_stays_on_both_sides() {
    let world = World::new();
    let page = world.entered();
    world.pay(&page, UNUSABLE);
    let list = world.list(&[("status", "pending")]);
    assert_eq!(list.numbers(), [page.order.order_id.as_str()]);
    assert_eq!(world.payments()[0]["status"], 11, "オーソリNG at Paygent Online");
}

#[test]
fn r09_back_leaves_no_order() {
    let world = World::new();
    let before = world.stock_and_points();
    let order = world.confirmed_with(1, 2, 100);
    let page = world.enter(order);
    assert_eq!(
        world.stock_and_points(),
        (before.0 - 2, before.1 - 100),
        "R16: held while the card page is open"
    );
    let gone = world.back(&page);
    assert_eq!(text(&gone.reply, "/redirect"), "/confirm");
    assert!(
        world.all_listed().numbers().is_empty(),
        "none of the eight boxes shows it"
    );
    assert!(world.shop_orders().is_empty(), "nor in the shop's own list");
    assert_eq!(world.stock_and_points(), before);
    assert_eq!(
        world.adapter.shop.cart("member").unwrap()[0].quantity,
        2,
        "the cart is as it was"
    );
    assert!(world.telegrams("020").is_empty());
}

#[test]
fn r09_back_after_a_refused_card_leaves_no_order_either() {
    let world = World::new();
    let before = world.stock_and_points();
    let page = world.entered();
    world.pay(&page, UNUSABLE);
    world.back(&page);
    assert!(world.all_listed().numbers().is_empty() && world.shop_orders().is_empty());
    assert_eq!(world.stock_and_points(), before);
    assert_eq!(world.payments().len(), 1, "the record at Paygent stays");
}

#[test]
fn r09_the_same_order_can_be_bought_after_back() {
    let world = World::new();
    let page = world.entered();
    world.back(&page);
    let order = world.confirmed_with(2, 1, 0);
    assert_eq!(
        order.order_id, page.order.order_id,
        "engines use an order's number again"
    );
    let again = world.enter(order);
    assert_ne!(again.path, page.path);
    assert_eq!(outcome(&world.pay(&again, GOOD)), "placed");
    assert_eq!(world.all_listed().numbers(), [page.order.order_id.as_str()]);
    let stale = world.shopper(&json!({"method": "GET", "path": page.path}));
    assert_eq!(stale.reply["status"], 410, "the first card page is gone");
}

#[test]
fn r10_every_other_way_out_leaves_the_order_as_pending() {
    let world = World::new();
    let page = world.entered();
    world.show(&page);
    world.pass(86_400);
    world.work();
    assert_eq!(world.order(&page.order).status(), Status::Pending, "決済処理中");
    assert_eq!(
        world.list(&[("status", "pending")]).numbers(),
        [page.order.order_id.as_str()]
    );
    assert_eq!(world.stock_and_points().0, 89, "its stock is held");
}

#[test]
fn r11_refused_and_then_another_card_makes_two_records_there_and_one_order_here() {
    let world = World::new();
    let page = world.entered();
    world.pay(&page, UNUSABLE);
    world.pay(&page, OTHER_GOOD);
    let payments = world.payments();
    let statuses: Vec<i64> = payments
        .iter()
        .map(|payment| payment["status"].as_i64().unwrap())
        .collect();
    assert_eq!(statuses, [11, 20]);
    assert_ne!(payments[0]["trading_id"], payments[1]["trading_id"], "decision A12");
    assert_eq!(world.all_listed().numbers(), [page.order.order_id.as_str()]);
    let state = world
        .adapter
        .call("payments.state", &json!({"data": {"order_ids": [page.order.order_id]}}))
        .unwrap();
    let linked = text(
        &state.reply,
        &format!("/data/orders/{}/payment_id", page.order.order_id),
    );
    assert_eq!(
        linked,
        payments[1]["payment_id"].to_string(),
        "linked to the payment that was authorised"
    );
}

#[test]
fn r12_only_orders_that_came_in_authorised_offer_a_capture() {
    let world = World::new();
    let placed = world.placed();
    let left = world.entered().order;
    let list = world.all_listed();
    assert!(list.offers(&placed.order_id, "capture"));
    assert!(!list.offers(&left.order_id, "capture"));
}

#[test]
fn r15_r16_checkout_is_processing_and_the_card_page_is_pending() {
    let world = World::new();
    let order = world.confirmed();
    assert_eq!(order.status(), Status::Processing, "購入処理中");
    assert_eq!(
        world.list(&[("status", "processing")]).numbers(),
        [order.order_id.as_str()]
    );
    let page = world.enter(order);
    assert_eq!(world.order(&page.order).status(), Status::Pending, "決済処理中");
    assert_eq!(
        world.list(&[("status", "pending")]).row(&page.order.order_id)[9],
        "決済処理中"
    );
}

#[test]
fn r17_an_order_of_the_staff_has_no_payment() {
    let world = World::new();
    let buyer = Buyer {
        family_name: "電話".into(),
        given_name: "注文".into(),
        ..Buyer::default()
    };
    let order = world.adapter.shop.register(&buyer, 5_000).unwrap();
    world.adapter.tell(&order).unwrap();
    world.work();
    let list = world.list(&[]);
    assert_eq!(list.row(&order.order_id)[2], "", "no ペイジェント状況");
    assert!(!list.offers(&order.order_id, "capture") && !list.offers(&order.order_id, "void"));
    let telegrams: Vec<Value> = world.control("GET", "telegrams", "");
    let kinds: Vec<&Value> = telegrams.iter().map(|telegram| &telegram["kind"]).collect();
    assert_eq!(
        kinds,
        ["091"],
        "the gateway is asked for its notices, and for no payment"
    );
}

#[test]
fn an_order_of_0_yen_needs_no_gateway() {
    let world = World::new();
    let order = world.confirmed_with(5, 1, 300);
    assert_eq!(order.amount, 0);
    let page = world.enter(order);
    let shown = world.show(&page);
    assert_eq!(
        text(&shown.reply, "/redirect"),
        format!("/complete/{}", page.order.order_id)
    );
    assert_eq!(world.order(&page.order).status(), Status::Paid, "入金済み at once");
    assert_eq!(world.adapter.shop.mails().unwrap().len(), 1);
    let telegrams: Vec<Value> = world.control("GET", "telegrams", "");
    assert!(telegrams.is_empty());
}

#[test]
fn an_amount_that_changed_since_the_confirmation_is_refused_before_anything_is_sent() {
    let world = World::new();
    let page = world.entered();
    let form = text(&world.show(&page).reply, "/data/form");
    let edited = world
        .adapter
        .shop
        .edit(&page.order.order_id, None, Some(9_900))
        .unwrap();
    world.adapter.tell(&edited).unwrap();
    let paid = world.post(&page, &form, &world.token(GOOD));
    assert_eq!(code(&paid), (Outcome::Refused, "order.amount_changed".to_owned()));
    assert!(world.telegrams("020").is_empty());
    assert!(words(&text(&world.show(&page).reply, "/body")).contains("ご注文金額が変わりました"));
}

#[test]
fn goods_that_are_gone_are_not_paid_for() {
    let world = World::new();
    let order = world.confirmed_with(6, 2, 0);
    let page = world.enter(order);
    let shown = world.show(&page);
    assert_eq!(shown.reply["status"], 409);
    assert!(words(&text(&shown.reply, "/body")).contains("ご注文をお受けできませんでした"));
}

#[test]
fn fifty_posts_of_one_form_make_one_authorisation() {
    let world = World::new();
    let page = world.entered();
    let form = text(&world.show(&page).reply, "/data/form");
    let token = world.token(GOOD);
    world.fault("020", &json!({"delay_ms": 300}));
    let outcomes: Vec<String> = std::thread::scope(|scope| {
        let posts: Vec<_> = (0..50)
            .map(|_| scope.spawn(|| outcome(&world.post(&page, &form, &token))))
            .collect();
        posts.into_iter().map(|post| post.join().unwrap()).collect()
    });
    assert!(
        outcomes
            .iter()
            .all(|outcome| outcome == "placed" || outcome == "confirming"),
        "{outcomes:?}"
    );
    assert_eq!(world.telegrams("020").len(), 1);
    assert_eq!(world.adapter.shop.mails().unwrap().len(), 1);
    assert_eq!(
        outcome(&world.post(&page, &form, &token)),
        "placed",
        "a reload shows the same result"
    );
}

#[test]
fn two_tabs_make_one_authorisation() {
    let world = World::new();
    let page = world.entered();
    let (first, second) = (
        text(&world.show(&page).reply, "/data/form"),
        text(&world.show(&page).reply, "/data/form"),
    );
    assert_ne!(first, second);
    world.post(&page, &first, &world.token(GOOD));
    assert_eq!(outcome(&world.post(&page, &second, &world.token(OTHER_GOOD))), "placed");
    assert_eq!(world.telegrams("020").len(), 1);
}

#[test]
fn a_lost_answer_is_found_by_inquiry_and_never_called_failed() {
    let world = World::new();
    let page = world.entered();
    world.fault("020", &json!("drop_after"));
    let paid = world.pay(&page, GOOD);
    assert_eq!(code(&paid), (Outcome::Uncertain, "payment.confirming".to_owned()));
    let waiting = world.status(&page);
    assert!(words(&text(&waiting.reply, "/body")).contains("お支払いを確認しています"));
    world.pass(4);
    let known = world.status(&page);
    assert_eq!(
        text(&known.reply, "/redirect"),
        format!("/complete/{}", page.order.order_id)
    );
    assert_eq!(world.order(&page.order).status(), Status::New);
    assert_eq!(
        (world.telegrams("020").len(), world.adapter.shop.mails().unwrap().len()),
        (1, 1)
    );
}

#[test]
fn a_request_that_never_arrived_frees_the_shopper_after_the_quarantine_and_not_before() {
    let world = World::new();
    let page = world.entered();
    world.fault("020", &json!("drop_before"));
    world.pay(&page, GOOD);
    world.pass(60);
    assert_eq!(outcome(&world.status(&page)), "confirming", "still in quarantine");
    world.pass(70);
    assert_eq!(
        text(&world.status(&page).reply, "/redirect"),
        format!("/paygent{}", page.path)
    );
    assert_eq!(outcome(&world.pay(&page, GOOD)), "placed");
    assert_eq!(world.payments().len(), 1);
}

#[test]
fn back_in_mid_flight_waits_for_the_truth() {
    let world = World::new();
    let before = world.stock_and_points();
    let page = world.entered();
    let back = text(&world.show(&page).reply, "/data/back");
    world.fault("020", &json!("drop_before"));
    world.pay(&page, GOOD);
    let asked = world.back_with(&page, &back);
    assert_eq!(
        text(&asked.reply, "/redirect"),
        format!("/paygent{}/status", page.path),
        "確認中, nothing withdrawn"
    );
    assert_eq!(world.all_listed().numbers().len(), 1);
    world.pass(130);
    world.work();
    assert!(
        world.all_listed().numbers().is_empty() && world.shop_orders().is_empty(),
        "withdrawn once it is known"
    );
    assert_eq!(world.stock_and_points(), before);
}

#[test]
fn back_in_mid_flight_of_a_card_that_was_charged_leaves_the_paid_order() {
    let world = World::new();
    let page = world.entered();
    let back = text(&world.show(&page).reply, "/data/back");
    world.fault("020", &json!("drop_after"));
    world.pay(&page, GOOD);
    world.back_with(&page, &back);
    world.pass(4);
    world.work();
    assert_eq!(world.order(&page.order).status(), Status::New);
    assert_eq!(world.all_listed().numbers(), [page.order.order_id.as_str()]);
}

#[test]
fn d18_back_needs_this_pages_own_token_and_works_once() {
    let world = World::new();
    let (page, other) = (world.entered(), world.enter(world.confirmed_with(2, 1, 0)));
    let foreign = text(&world.show(&other).reply, "/data/back");
    for forged in ["", "forged.token", foreign.as_str()] {
        let refused = world.back_with(&page, forged);
        assert_eq!(code(&refused), (Outcome::Refused, "form.stale".to_owned()), "{forged}");
    }
    let back = text(&world.show(&page).reply, "/data/back");
    world.back_with(&page, &back);
    let before = world.stock_and_points();
    world.back_with(&page, &back);
    assert_eq!(world.stock_and_points(), before, "given back once");
}

#[test]
fn a_form_of_another_site_or_another_checkout_pays_nothing() {
    let world = World::new();
    let (page, other) = (world.entered(), world.enter(world.confirmed_with(2, 1, 0)));
    let form = text(&world.show(&other).reply, "/data/form");
    assert_eq!(code(&world.post(&page, &form, &world.token(GOOD))).1, "form.stale");
    let own = text(&world.show(&page).reply, "/data/form");
    let body = format!("form={own}&card_token={}", world.token(GOOD));
    let crossed = world.shopper(&json!({
        "method": "POST", "path": page.path, "body": body, "headers": {"sec-fetch-site": "cross-site"},
    }));
    assert_eq!(crossed.reply["status"], 403);
    assert!(world.telegrams("020").is_empty());
}

#[test]
fn a_posted_card_number_is_refused_and_no_secret_is_kept_anywhere() {
    let world = World::new();
    let page = world.entered();
    let form = text(&world.show(&page).reply, "/data/form");
    let body = format!("form={form}&card_token=tok&number=4111+1111+1111+1111");
    let refused = world.shopper(&json!({"method": "POST", "path": page.path, "body": body}));
    assert_eq!(refused.status, Outcome::Misuse);
    let token = world.token(GOOD);
    world.post(&page, &form, &token);
    world.run("capture", &[&page.order.order_id]);
    for file in ["paygent.db", "paygent.db-wal"] {
        let bytes = std::fs::read(world.folder.path().join("shop").join(file)).unwrap_or_default();
        for secret in [GOOD, "4111+1111", "4111 1111", &token, "cpw", "changeit", "HASHKEY"] {
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "{secret} stands in {file}");
        }
    }
}

#[test]
fn money_that_no_order_waits_for_is_given_back_though_the_first_try_is_lost() {
    let world = World::new();
    let order = world.confirmed();
    let plugin = &world.adapter.plugin;
    let page = world.enter(order);
    let form = text(&world.show(&page).reply, "/data/form");
    let body = format!("form={form}&card_token={}", world.token(GOOD));
    // The shop cannot place the order after all.
    let paid = plugin.call(
        "shopper.route",
        &json!({"method": "POST", "path": page.path, "body": body}),
    );
    let place = text(&paid.reply, "/effects/0/key");
    plugin.call(
        "effects.ack",
        &json!({"data": {"acks": [{"key": place, "result": "rejected", "reason": "full"}]}}),
    );
    world.fault("021", &json!("drop_before"));
    plugin.call("work.step", &json!({}));
    assert_eq!(world.payments()[0]["status"], 20, "the void was lost on its way");
    world.pass(130);
    plugin.call("work.step", &json!({}));
    world.pass(60);
    plugin.call("work.step", &json!({}));
    assert_eq!(world.payments()[0]["status"], 32, "voided all the same");
    assert_eq!(world.telegrams("021").len(), 2);
}

#[test]
fn an_attempt_that_is_never_answered_for_is_not_given_up() {
    let world = World::new();
    let page = world.entered();
    world.fault("020", &json!("drop_after"));
    world.pay(&page, GOOD);
    let silence = json!({"kind": "094", "times": 40, "fault": "drop_before"});
    let _: Value = world.control("POST", "faults", &silence.to_string());
    for _ in 0..30 {
        world.pass(43_200);
        world.work();
    }
    assert_eq!(
        outcome(&world.status(&page)),
        "confirming",
        "fifteen days of silence are no verdict"
    );
    let _: Value = world.control("DELETE", "faults", "");
    world.pass(86_400);
    world.work();
    assert_eq!(world.order(&page.order).status(), Status::New, "and then it is found");
    assert_eq!(world.telegrams("020").len(), 1);
}
