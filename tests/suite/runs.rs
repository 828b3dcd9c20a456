//! Bulk runs: what is said before OK (N7), and that a run is durable, runs once, stops, goes on and reports (D12, N8).

use host_shim::library::Status as Outcome;
use serde_json::json;

use crate::world::{World, code, staff, text, words};

#[test]
fn r52_nothing_runs_before_ok_and_however_often_ok_is_pressed_the_run_starts_once() {
    let world = World::new();
    let order = world.placed();
    let job = world.preflight("capture", &[&order.order_id]);
    let page = world.run_page(&job);
    for text in [
        "実行の確認",
        "選択した1件の注文を売上処理します",
        "合計金額：¥3,300",
        "OK",
        "キャンセル",
    ] {
        assert!(page.says(text), "{text}: {}", words(page.html()));
    }
    world.work();
    assert!(world.telegrams("022").is_empty(), "a draft runs nothing, whoever works");
    for _ in 0..3 {
        world.steer(&job, "confirm");
    }
    assert_eq!(world.telegrams("022").len(), 1);
    assert!(world.list(&[("job", &job)]).says("受注番号：236 → 売上成功"));
}

#[test]
fn r65_r66_the_small_print_is_said_before_it_happens() {
    let world = World::by_new_payments();
    let (edited, plain) = (world.placed(), world.placed());
    world.reprice(&edited, 3_000);
    let capture = world.run_page(&world.preflight("capture", &[&edited.order_id, &plain.order_id]));
    assert!(capture.says("ご確認ください（1件）"));
    let warning = format!(
        "受注番号：{} 購入金額は¥3,000に変わっていますが、変更前の¥3,300で請求されます。",
        edited.order_id
    );
    assert!(capture.says(&warning), "{}", words(capture.html()));
    assert!(
        capture.says("合計金額：¥6,600"),
        "what will be billed, not what the orders cost"
    );

    world.run("capture", &[&plain.order_id]);
    world.reprice(&plain, 2_000);
    let soon = world.run_page(&world.preflight("change", &[&plain.order_id]));
    assert!(soon.says("売上変更 ¥3,300 → ¥2,000") && soon.says("合計金額：¥3,300 → ¥2,000"));
    assert!(!soon.says("締日を過ぎている"), "the month is not over");
    world.pass(6 * 86_400);
    let late = world.run_page(&world.preflight("change", &[&plain.order_id]));
    assert!(
        late.says("お客様には¥3,300がいったん請求されて返金され、あらためて¥2,000が請求されます"),
        "R66"
    );
}

#[test]
fn the_last_day_rows_that_cannot_run_and_rows_that_moved_are_named_before_ok() {
    let world = World::new();
    let (good, moved) = (world.placed(), world.placed());
    let drawn = world.list(&[]);
    let seen = |number: &str| {
        let start = format!("name=\"drawn\" value=\"{number}=");
        let rest = drawn.html().split(&start).nth(1).unwrap();
        rest.split('"').next().unwrap().to_owned()
    };
    world.reprice(&moved, 1_000);
    world.pass(60 * 86_400);
    let body = format!(
        "csrf={}&operation=capture&order_capture={g}&order_capture={m}&order_capture=nobody&drawn={g}%3D{}&drawn={m}%3D{}",
        text(&world.list(&[]).0, "/data/csrf"),
        seen(&good.order_id),
        seen(&moved.order_id),
        g = good.order_id,
        m = moved.order_id,
    );
    let job = world.posted("/payments/bulk/preflight", &body);
    let page = world.run_page(&job);
    for text in [
        format!("受注番号：{} 本日が期限です", good.order_id),
        format!(
            "受注番号：{} 一覧を表示したあとに、状態か金額が変わりました",
            moved.order_id
        ),
        "実行できない注文（1件）".to_owned(),
        "受注番号：nobody → この注文は見つかりません".to_owned(),
        "選択した2件の注文".to_owned(),
    ] {
        assert!(page.says(&text), "{text}: {}", words(page.html()));
    }
    assert!(!page.says(&format!("受注番号：{} 一覧を表示したあとに", good.order_id)));
}

#[test]
fn d13_what_changed_after_the_confirmation_was_shown_is_refused_by_row() {
    let world = World::new();
    let (first, second) = (world.placed(), world.placed());
    let job = world.preflight("change", &[&first.order_id, &second.order_id]);
    world.reprice(&first, 1_000);
    world.reprice(&second, 1_000);
    let seen = world.preflight("change", &[&first.order_id, &second.order_id]);
    world.reprice(&second, 500);
    world.steer(&seen, "confirm");
    let result = world.run_page(&seen);
    assert!(result.says("1件が成功しました") && result.says("1件が失敗しました"));
    assert!(
        result.says("確認のあとに、決済の状態か金額が変わりました"),
        "{}",
        words(result.html())
    );
    assert_eq!(world.live(&second.order_id)[0].2, 3_300, "nobody confirmed ¥500");
    world.steer(&job, "confirm");
    assert!(world.run_page(&job).says("2件が失敗しました"));
}

#[test]
fn d12_a_run_stops_goes_on_and_retries_only_what_failed() {
    let world = World::new();
    let orders: Vec<String> = (0..4).map(|_| world.placed().order_id).collect();
    let ids: Vec<&str> = orders.iter().map(String::as_str).collect();
    let job = world.preflight("capture", &ids);
    // One answer is lost: the run cannot end before that is looked up, and is stopped meanwhile.
    world.fault("022", &json!("drop_after"));
    world.fault("022", &json!({"code": ["2001", "1G30"]}));
    world.steer(&job, "confirm");
    assert!(
        world.run_page(&job).says("4件中3件が終わりました"),
        "{}",
        words(world.run_page(&job).html())
    );
    world.steer(&job, "stop");
    assert!(world.run_page(&job).says("停止しています（残り1件）"));
    world.pass(5);
    assert_eq!(
        world.step(&job)["state"],
        "finished",
        "what was sent is followed to its end"
    );
    let page = world.run_page(&job);
    assert!(page.says("3件が成功しました") && page.says("1件が失敗しました") && page.says("失敗した注文だけもう一度"));
    let again = world.steer(&job, "retry");
    assert!(world.run_page(&again).says("選択した1件の注文を売上処理します"));
    world.steer(&again, "confirm");
    assert!(world.run_page(&again).says("1件が成功しました"));
    assert_eq!(
        world.telegrams("022").len(),
        5,
        "only the one that failed was sent again"
    );
    let runs = List::of(&world);
    assert_eq!(runs.matches("一括売上").count(), 2, "results are kept: {runs}");
}

struct List;

impl List {
    fn of(world: &World) -> String {
        let page = world
            .adapter
            .call("staff.route", &staff("GET", "/payments/bulk"))
            .unwrap();
        words(&text(&page.reply, "/fragment/html"))
    }
}

#[test]
fn a_stopped_run_begins_nothing_and_a_resumed_one_ends() {
    let world = World::new();
    let orders: Vec<String> = (0..3).map(|_| world.placed().order_id).collect();
    let ids: Vec<&str> = orders.iter().map(String::as_str).collect();
    let job = world.preflight("capture", &ids);
    // Stopped before it was begun: a draft cannot be, so nothing changes.
    world.steer(&job, "stop");
    world.work();
    assert!(world.telegrams("022").is_empty());
    // The gateway takes its time, so that the run is not over when its page is drawn.
    for _ in 0..3 {
        world.fault("022", &json!({"delay_ms": 1200}));
    }
    world.steer(&job, "confirm");
    world.steer(&job, "stop");
    let sent = world.telegrams("022").len();
    assert!(sent < 3, "{sent}");
    world.pass(60);
    world.work();
    assert_eq!(world.telegrams("022").len(), sent, "nothing new is begun");
    world.steer(&job, "resume");
    while world.step(&job)["left"] != 0 {}
    assert_eq!(world.telegrams("022").len(), 3);
}

#[test]
fn work_step_alone_carries_a_run_to_its_end() {
    let world = World::new();
    let orders: Vec<String> = (0..3).map(|_| world.placed().order_id).collect();
    let ids: Vec<&str> = orders.iter().map(String::as_str).collect();
    let job = world.preflight("capture", &ids);
    for _ in 0..3 {
        world.fault("022", &json!({"delay_ms": 1200}));
    }
    world.steer(&job, "confirm");
    assert!(world.telegrams("022").len() < 3);
    for _ in 0..10 {
        world.work();
    }
    assert!(
        world.run_page(&job).says("3件が成功しました"),
        "nobody had the page open"
    );
}

#[test]
fn all_results_of_a_search_are_an_explicit_choice() {
    let world = World::new();
    let orders: Vec<String> = (0..12).map(|_| world.placed().order_id).collect();
    let first = &orders[0];
    let list = world.list(&[("per", "10")]);
    assert!(
        list.says("一括売上：この検索結果12件のうち、実行できるすべての注文を対象にする"),
        "{}",
        words(list.html())
    );
    assert!(
        !world.list(&[("per", "20")]).says("実行できるすべての注文を対象"),
        "all are on the page"
    );
    world.run("void", &[first]);
    let csrf = text(&list.0, "/data/csrf");
    let job = world.posted(
        "/payments/bulk/preflight",
        &format!("csrf={csrf}&operation=capture&whole=capture&whole=void&search=per%3D10&order_capture={first}"),
    );
    assert!(
        world.run_page(&job).says("選択した11件の注文"),
        "rows that offer it, and no other"
    );
    world.steer(&job, "confirm");
    while world.step(&job)["left"] != 0 {}
    assert_eq!(world.telegrams("022").len(), 11);
}

#[test]
fn a_run_is_steered_by_whoever_may_do_what_it_does_and_by_nobody_else() {
    let world = World::new();
    let order = world.placed();
    let job = world.preflight("capture", &[&order.order_id]);
    let csrf = text(&world.list(&[]).0, "/data/csrf");
    for (rights, csrf) in [
        (json!(["view"]), csrf.as_str()),
        (json!(["view", "void", "change", "settings"]), csrf.as_str()),
        (json!(["view", "capture"]), "forged"),
    ] {
        for how in ["confirm", "stop", "resume", "retry"] {
            let mut request = staff("POST", &format!("/payments/bulk/{job}/{how}"));
            request["rights"] = rights.clone();
            request["body"] = json!(format!("csrf={csrf}"));
            let denied = world.adapter.call("staff.route", &request).unwrap();
            assert_eq!(denied.status, Outcome::Refused, "{how} {rights} {}", denied.reply);
        }
    }
    let mut other = staff("GET", "/payments");
    other["operator"] = json!({"id": "2", "name": "別の担当"});
    let theirs = text(&world.adapter.call("staff.route", &other).unwrap().reply, "/data/csrf");
    let mut confirm = staff("POST", &format!("/payments/bulk/{job}/confirm"));
    confirm["operator"] = other["operator"].clone();
    confirm["body"] = json!(format!("csrf={theirs}"));
    let denied = world.adapter.call("staff.route", &confirm).unwrap();
    assert_eq!(
        code(&denied),
        (Outcome::Refused, "job.of_another".into()),
        "it was shown to somebody else"
    );
    let mut unknown = staff("POST", "/payments/bulk/none/confirm");
    unknown["body"] = json!(format!("csrf={csrf}"));
    assert_eq!(
        code(&world.adapter.call("staff.route", &unknown).unwrap()),
        (Outcome::Misuse, "job.unknown".into())
    );
    assert!(world.telegrams("022").is_empty());
}

#[test]
fn the_right_to_change_is_one_of_its_own() {
    let world = World::new();
    let order = world.placed();
    world.reprice(&order, 1_000);
    let csrf = text(&world.list(&[]).0, "/data/csrf");
    let mut request = staff("POST", "/payments/bulk");
    request["body"] = json!(format!("csrf={csrf}&operation=change&order_change={}", order.order_id));
    request["rights"] = json!(["view", "capture", "void", "settings"]);
    assert_eq!(
        world.adapter.call("staff.route", &request).unwrap().status,
        Outcome::Refused
    );
    let mut list = staff("GET", "/payments");
    list["rights"] = json!(["view", "capture"]);
    let html = text(
        &world.adapter.call("staff.route", &list).unwrap().reply,
        "/fragment/html",
    );
    assert!(html.contains("order_capture") && !html.contains("order_change") && !html.contains("order_void"));
}

#[test]
fn what_was_shown_as_refused_stays_refused_and_what_is_shown_grows_old() {
    let world = World::new();
    let (busy, good) = (world.placed(), world.placed());
    world.fault("022", &json!("drop_before"));
    world.run("capture", &[&busy.order_id]);
    let job = world.preflight("void", &[&busy.order_id, &good.order_id]);
    assert!(
        world.run_page(&job).says("選択した1件の注文を取り消します")
            && world.run_page(&job).says("実行できない注文（1件）")
    );
    world.pass(130);
    world.work();
    assert!(world.list(&[]).offers(&busy.order_id, "void"), "it could run now");
    world.steer(&job, "confirm");
    assert!(world.run_page(&job).says("1件が成功しました") && world.run_page(&job).says("1件が失敗しました"));
    assert_eq!(world.live(&busy.order_id).len(), 1, "nobody confirmed it");

    let old = world.preflight("void", &[&busy.order_id]);
    world.pass(3 * 3_600);
    let mut confirm = staff("POST", &format!("/payments/bulk/{old}/confirm"));
    confirm["body"] = json!(format!("csrf={}", text(&world.list(&[]).0, "/data/csrf")));
    assert_eq!(
        code(&world.adapter.call("staff.route", &confirm).unwrap()),
        (Outcome::Refused, "job.stale".into())
    );
}

#[test]
fn an_order_that_was_called_off_after_it_was_shown_is_not_captured() {
    let world = World::new();
    let order = world.placed();
    let job = world.preflight("capture", &[&order.order_id]);
    let cancelled = world
        .adapter
        .shop
        .edit(&order.order_id, Some(host_shim::shop::Status::Cancelled), None)
        .unwrap();
    world.adapter.tell(&cancelled).unwrap();
    world.steer(&job, "confirm");
    assert!(
        world
            .run_page(&job)
            .says("確認のあとに、決済の状態か金額が変わりました")
    );
    assert!(world.telegrams("022").is_empty());
    assert!(
        world
            .run_page(&world.preflight("capture", &[&order.order_id]))
            .says("対応状況が「注文取消し」または「返品」の注文です")
    );
}

#[test]
fn n08_a_run_that_meets_a_row_that_cannot_be_read_runs_the_others() {
    let world = World::new();
    let (broken, good) = (world.placed(), world.placed());
    let database = world.folder.path().join("shop/paygent.db");
    let spoil = format!(
        "UPDATE attempts SET state = 'nonsense' WHERE order_id = '{}'",
        broken.order_id
    );
    crate::boundary::run(std::process::Command::new("sqlite3").arg(database).arg(spoil));
    let page = world.run("void", &[&broken.order_id, &good.order_id]);
    assert!(
        page.says(&format!("受注番号：{} → オーソリキャンセル成功", good.order_id)),
        "{}",
        words(page.html())
    );
}
