//! オーソリ・売上変更 by correction (028, 029): N15, G-15. A smaller amount is made in place where that keeps more; whatever is
//! lost, stops half-way or is told in whichever order, one payment of the right amount lives at the end.

use std::collections::BTreeSet;

use host_shim::shop::{Order, Status};
use serde_json::{Value, json};

use crate::link::Visit;
use crate::three_ds::{ATTEMPT, Journey, comes_back};
use crate::world::{GOOD, List, UNUSABLE, World, by_link, outcome, staff, text, words};

/// Status and amount of the payments that hold money.
fn live(world: &World, order: &Order) -> Vec<(i64, i64)> {
    let all = world.live(&order.order_id);
    all.iter().map(|live| (live.1, live.2)).collect()
}

/// How often each of these kinds was sent.
fn sent<const COUNT: usize>(world: &World, kinds: [&str; COUNT]) -> [usize; COUNT] {
    kinds.map(|kind| world.telegrams(kind).len())
}

/// How far the simulator gets with every correction from now on.
fn corrections_stop_at(world: &World, fault: &str) {
    let _: Value = world.control("POST", "settings", &json!({"correction_fault": fault}).to_string());
}

/// The telegram that corrects, and the status of what it makes.
fn of(captured: bool) -> (&'static str, i64) {
    if captured { ("029", 40) } else { ("028", 20) }
}

/// What is said before OK about a change of this order.
fn shown(world: &World, order: &Order) -> List {
    world.run_page(&world.preflight("change", &[&order.order_id]))
}

/// The plugin's own row of the payment that the order means.
fn meant(world: &World, order: &Order) -> String {
    let told = world.order_page(&order.order_id);
    text(&told.0, "/data/payment_id")
}

/// A shop that browsers and Paygent reach, without 3-D Secure, and with pushed notices.
fn reachable() -> World {
    World::reachable_with(|members| members["card"]["three_ds"]["enabled"] = json!(false))
}

/// The simulator pushes its notice of that number.
fn push(world: &World, notice: i64) {
    let url = format!("{}paygent/notice", world.shop_url.as_deref().unwrap());
    let body = json!({"url": url}).to_string();
    let answer: Value = world.control("POST", &format!("notices/{notice}/push"), &body);
    assert_eq!(text(&answer, "/answer"), "result=0");
}

/// Numbers of the notices that the simulator has made so far.
fn notices(world: &World) -> Vec<i64> {
    let all: Vec<Value> = world.control("GET", "notices", "");
    all.iter().map(|notice| notice["notice_id"].as_i64().unwrap()).collect()
}

#[test]
fn n15_r62_a_smaller_amount_is_made_in_place_before_and_after_the_capture() {
    for (captured, state, line) in [
        (false, "オーソリ変更", "オーソリ変更成功"),
        (true, "売上変更", "売上変更成功"),
    ] {
        let world = World::new();
        let before = world.stock_and_points();
        let order = world.edited(captured, 2_000);
        let id = order.order_id.as_str();
        let (kind, status) = of(captured);
        let result = world.run("change", &[id]);
        assert!(
            result.says(&format!("受注番号：{id} → {line}")),
            "{}",
            words(result.html())
        );
        assert_eq!(live(&world, &order), [(status, 2_000)]);
        assert_eq!(
            sent(&world, [kind, "020", "021", "023"]),
            [1, 1, 0, 0],
            "no new authorisation, and nothing to give back"
        );
        assert_eq!(world.list(&[]).row(id)[2], state, "A2: the last action shows");
        assert_eq!(world.list(&[]).row(id)[8], "¥2,000");
        assert_eq!(world.order(&order).status(), Status::New, "the order stays as it is");
        assert_eq!(
            world.rows("SELECT state, live_order FROM attempts"),
            [format!("authorised|{id}")],
            "the attempt that both payments are of holds money still"
        );
        // What was corrected can be run on: corrected again, raised by a new payment, captured, cancelled.
        world.reprice(&order, 1_500);
        assert!(world.run("change", &[id]).says("1件が成功しました"));
        assert_eq!(live(&world, &order), [(status, 1_500)]);
        world.reprice(&order, 5_000);
        assert!(world.run("change", &[id]).says("1件が成功しました"));
        assert_eq!(live(&world, &order), [(status, 5_000)]);
        assert_eq!(sent(&world, [kind, "020"]), [2, 2]);
        if !captured {
            assert!(world.run("capture", &[id]).says("1件が成功しました"));
        }
        world.run("void", &[id]);
        assert_eq!(live(&world, &order), []);
        assert_eq!(world.stock_and_points(), before, "given back, once");
    }
}

#[test]
fn a_corrected_payment_is_captured_and_voided_as_any_other() {
    let world = World::new();
    let before = world.stock_and_points();
    let (captured, voided) = (world.edited(false, 2_000), world.edited(false, 2_000));
    world.run("change", &[&captured.order_id, &voided.order_id]);
    world.run("capture", &[&captured.order_id]);
    world.run("void", &[&voided.order_id]);
    assert_eq!(
        (live(&world, &captured), live(&world, &voided)),
        (vec![(40, 2_000)], vec![])
    );
    world.run("void", &[&captured.order_id]);
    assert_eq!(world.order(&voided).status(), Status::Cancelled);
    assert_eq!(world.stock_and_points(), before);
}

#[test]
fn n15_the_staff_are_told_which_way_each_row_goes_and_what_the_customer_sees() {
    let world = World::new();
    let (held, sold, up) = (
        world.edited(false, 2_000),
        world.edited(true, 2_000),
        world.edited(true, 9_000),
    );
    let job = world.preflight("change", &[&held.order_id, &sold.order_id, &up.order_id]);
    let page = world.run_page(&job);
    for sentence in [
        "オーソリ変更 ¥3,300 → ¥2,000 いまのオーソリの金額だけを¥2,000に減らします（新しい与信は行いません）。",
        "売上変更 ¥3,300 → ¥2,000 いまの売上の金額だけを¥2,000に減らします。お客様には、返金と新しい請求ではなく、減った金額の売上が見えます。",
        "売上変更 ¥3,300 → ¥9,000 新しく¥9,000の売上を立て、元の売上を取り消します。お客様には、返金と新しい請求が見えます（金額が増えるため）。",
    ] {
        assert!(page.says(sentence), "{sentence}: {}", words(page.html()));
    }
    let mut english = staff("GET", &format!("/payments/bulk/{job}"));
    english["language"] = json!("en");
    let page = List(world.adapter.call("staff.route", &english).unwrap().reply);
    for sentence in [
        "The authorisation itself is made smaller, to ¥2,000; the card company is not asked anew.",
        "The sale itself is made smaller, to ¥2,000: the customer sees a smaller sale, and neither a refund nor a new charge.",
        "the customer sees a refund and a new charge (the amount grows).",
    ] {
        assert!(page.says(sentence), "{sentence}: {}", words(page.html()));
    }
    world.pass(6 * 86_400);
    let late = shown(&world, &sold);
    assert!(
        late.says("お客様には¥3,300がいったん請求され、差額があとで返金されます"),
        "R66"
    );
    assert!(late.says("いまの売上の金額だけを¥2,000に減らします。新しい請求はありません。"));
    assert!(!late.says("あらためて"), "{}", words(late.html()));
}

#[test]
fn n15_after_3d_secure_an_amount_is_changed_by_a_new_payment_whoever_bears_chargebacks() {
    for card in [GOOD, ATTEMPT] {
        let world = World::reachable();
        let journey = Journey::begun(&world, card);
        let back = journey.authenticated();
        assert_eq!(outcome(&journey.comes_back(&back)), "placed");
        let order = world.order(&journey.page.order);
        world.reprice(&order, 2_000);
        let page = shown(&world, &order);
        assert!(
            page.says("3Dセキュアの決済は、金額だけの変更ができないため"),
            "{}",
            words(page.html())
        );
        assert_eq!(
            page.says("変更後は3Dセキュアを使わない決済になり"),
            card == GOOD,
            "the protection that there is gets lost"
        );
        world.run("change", &[&order.order_id]);
        assert_eq!(sent(&world, ["028", "020"]), [0, 2]);
        // The new payment is without 3-D Secure, and can be corrected.
        world.reprice(&order, 1_000);
        assert!(shown(&world, &order).says("いまのオーソリの金額だけを¥1,000に減らします"));
        world.run("change", &[&order.order_id]);
        assert_eq!(
            (sent(&world, ["028", "020"]), live(&world, &order)),
            ([1, 2], vec![(20, 1_000)])
        );
    }
}

#[test]
fn n15_a_shop_that_switches_corrections_off_changes_by_new_payments_and_is_told_so() {
    let world = World::by_new_payments();
    let order = world.edited(true, 2_000);
    let page = shown(&world, &order);
    assert!(
        page.says("設定で、金額だけの変更をしないため"),
        "{}",
        words(page.html())
    );
    world.run("change", &[&order.order_id]);
    assert_eq!(sent(&world, ["029", "020", "023"]), [0, 2, 1]);
    for (world, value) in [(&world, "無効"), (&World::new(), "有効")] {
        let page = world.adapter.call("staff.route", &staff("GET", "/settings")).unwrap();
        let page = List(page.reply);
        assert!(
            page.says(&format!("減額は金額だけを訂正（できる場合） {value}")),
            "{}",
            words(page.html())
        );
    }
}

#[test]
fn what_paygent_does_not_correct_is_changed_by_a_new_payment_the_next_time_and_never_unasked() {
    for (captured, code) in [(false, "2014"), (true, "2003"), (false, "P010"), (true, "2010")] {
        let world = World::new();
        let order = world.edited(captured, 2_000);
        let id = order.order_id.as_str();
        let (kind, status) = of(captured);
        world.fault(kind, &json!({"code": [code, ""]}));
        let result = world.run("change", &[id]);
        assert!(result.says(code) && result.says("失敗"), "{}", words(result.html()));
        assert_eq!(live(&world, &order), [(status, 3_300)], "as it was");
        assert_eq!(
            sent(&world, ["020"]),
            [1],
            "the other way shows the customer something else"
        );
        let page = shown(&world, &order);
        assert!(
            page.says("この決済の金額だけの変更を、ペイジェントが受け付けなかったため"),
            "{}",
            words(page.html())
        );
        assert!(world.run("change", &[id]).says("1件が成功しました"));
        assert_eq!(
            (sent(&world, [kind, "020"]), live(&world, &order)),
            ([1, 2], vec![(status, 2_000)])
        );
    }
}

#[test]
fn a_correction_that_was_shown_is_not_run_as_a_refund_and_a_new_charge() {
    let world = World::new();
    let order = world.edited(true, 2_000);
    let confirmed = world.preflight("change", &[&order.order_id]);
    // Meanwhile another operator's run is refused, so that the way is another one now.
    world.fault("029", &json!({"code": ["2014", ""]}));
    world.run("change", &[&order.order_id]);
    world.steer(&confirmed, "confirm");
    let result = world.list(&[("job", &confirmed)]);
    assert!(
        result.says("確認のあとに、決済の状態か金額が変わりました"),
        "{}",
        words(result.html())
    );
    assert_eq!((sent(&world, ["020"]), live(&world, &order)), ([1], vec![(40, 3_300)]));
}

#[test]
fn g15_a_correction_that_stops_half_way_ends_with_one_payment() {
    for captured in [false, true] {
        let (kind, status) = of(captured);
        let gives_back = if captured { "023" } else { "021" };
        for (fault, amount, given_back) in [("2010", 3_300, 0), ("2011", 2_000, 1), ("2012", 2_000, 0)] {
            let world = World::new();
            let order = world.edited(captured, 2_000);
            corrections_stop_at(&world, fault);
            let result = world.run("change", &[&order.order_id]);
            let succeeded = amount == 2_000;
            assert_eq!(
                result.says("1件が成功しました"),
                succeeded,
                "{fault}: {}",
                words(result.html())
            );
            assert_eq!(live(&world, &order), [(status, amount)], "{kind} {fault}");
            assert_eq!(sent(&world, [kind, gives_back]), [1, given_back], "{kind} {fault}");
            let number = world.live(&order.order_id)[0].0.to_string();
            assert_eq!(meant(&world, &order), number, "{kind} {fault}");
        }
    }
}

#[test]
fn the_number_of_a_new_payment_is_kept_also_where_the_answer_said_no() {
    let world = World::new();
    let order = world.edited(false, 2_000);
    corrections_stop_at(&world, "2012");
    // Nobody answers the inquiries that follow.
    let faults = json!({"kind": "094", "times": 50, "fault": "drop_before"});
    let _: Value = world.control("POST", "faults", &faults.to_string());
    world.run("change", &[&order.order_id]);
    let new = world.live(&order.order_id)[0].0.to_string();
    assert_eq!(
        world.rows("SELECT state, new_payment_id FROM changes"),
        [format!("correcting|{new}")]
    );
    assert_eq!(meant(&world, &order), "28569257", "and nothing is guessed");
    let _: Value = world.control("DELETE", "faults", "");
    world.settle();
    assert_eq!(live(&world, &order), [(20, 2_000)]);
    assert_eq!(meant(&world, &order), new);
    assert_eq!(sent(&world, ["028", "091"])[0], 1);
}

#[test]
fn g15_a_lost_answer_is_found_by_094_and_091_and_the_correction_is_not_sent_again() {
    for captured in [false, true] {
        // The first correction of a payment, and one after another: then its trading_id tells nothing any more.
        for corrected_before in [false, true] {
            let world = World::new();
            let order = world.edited(captured, 2_000);
            let (kind, status) = of(captured);
            if corrected_before {
                world.run("change", &[&order.order_id]);
                world.reprice(&order, 1_000);
            }
            let before = world.telegrams(kind).len();
            world.fault(kind, &json!("drop_after"));
            let result = world.run("change", &[&order.order_id]);
            assert!(result.says("1件中0件が終わりました"), "{}", words(result.html()));
            for column in ["capture", "void", "change"] {
                assert!(!result.offers(&order.order_id, column), "nothing else runs on it");
            }
            world.pass(4);
            world.work();
            let amount = if corrected_before { 1_000 } else { 2_000 };
            assert_eq!(live(&world, &order), [(status, amount)]);
            assert_eq!(meant(&world, &order), world.live(&order.order_id)[0].0.to_string());
            assert!(!world.telegrams("091").is_empty(), "a notice alone tells its number");
            assert_eq!(world.telegrams(kind).len(), before + 1);
            assert!(world.list(&[]).row(&order.order_id)[2].ends_with("変更"));
        }
    }
}

#[test]
fn g15_a_correction_that_never_arrived_is_given_up_after_the_quarantine_and_not_before() {
    // Trouble on Paygent's side, or the acquirer's silence, is no more of a verdict than no answer.
    let faults = [
        json!("drop_before"),
        json!({"code": ["2008", ""]}),
        json!({"code": ["E002", ""]}),
    ];
    let cases = faults.iter().flat_map(|fault| [(fault, false), (fault, true)]);
    for (fault, corrected_before) in cases {
        let world = World::new();
        let order = world.edited(false, 2_000);
        if corrected_before {
            world.run("change", &[&order.order_id]);
            world.reprice(&order, 1_000);
        }
        let held = if corrected_before { 2_000 } else { 3_300 };
        world.fault("028", fault);
        world.run("change", &[&order.order_id]);
        let states = "SELECT state FROM changes ORDER BY rowid DESC LIMIT 1";
        for _ in 0..2 {
            world.pass(50);
            world.work();
            assert_eq!(world.rows(states), ["correcting"], "silence is no verdict");
        }
        world.settle();
        assert_eq!(world.rows(states), ["refused"]);
        assert_eq!(live(&world, &order), [(20, held)]);
        // It is not held against the payment: the next try is a correction again.
        assert!(shown(&world, &order).says("いまのオーソリの金額だけを"));
        assert!(world.run("change", &[&order.order_id]).says("1件が成功しました"));
        assert_eq!(sent(&world, ["020"]), [1]);
    }
}

/// A payment of the link type shares its trading_id with cards that were refused on the same page, and these are noticed.
#[test]
fn g15_a_card_that_was_refused_on_paygents_page_is_not_taken_for_a_corrected_payment() {
    for arrives in [false, true] {
        let world = World::reachable_with(|members| {
            by_link(members);
            members["card"]["three_ds"]["enabled"] = json!(false);
        });
        let _: Value = world.control("POST", "settings", &json!({"refusals_are_noticed": true}).to_string());
        let visit = Visit::begun(&world);
        visit.types(UNUSABLE);
        let back = visit.pays(GOOD);
        assert_eq!(outcome(&comes_back(&world, &back)), "placed");
        let order = world.order(&visit.page.order);
        world.reprice(&order, 2_000);
        let fault = if arrives { "drop_after" } else { "drop_before" };
        world.fault("028", &json!(fault));
        world.run("change", &[&order.order_id]);
        world.pass(4);
        world.work();
        let states = "SELECT state FROM changes";
        assert_eq!(world.rows(states), [if arrives { "done" } else { "correcting" }]);
        world.settle();
        assert_eq!(world.rows(states), [if arrives { "done" } else { "refused" }]);
        let amount = if arrives { 2_000 } else { 3_300 };
        assert_eq!(live(&world, &order), [(20, amount)]);
        assert_eq!(meant(&world, &order), world.live(&order.order_id)[0].0.to_string());
        assert_eq!(world.telegrams("028").len(), 1);
    }
}

/// Every order in which two notices can come, and whether each comes twice.
fn arrivals(count: usize) -> Vec<Vec<usize>> {
    let mut orders = vec![vec![]];
    for _ in 0..count {
        orders = orders
            .into_iter()
            .flat_map(|order: Vec<usize>| {
                let rest: Vec<usize> = (0..count).filter(|place| !order.contains(place)).collect();
                rest.into_iter().map(move |place| [order.clone(), vec![place]].concat())
            })
            .collect();
    }
    let twice: Vec<Vec<usize>> = orders
        .iter()
        .map(|order| [order.clone(), order.clone()].concat())
        .collect();
    [orders, twice].concat()
}

#[test]
fn notices_of_a_correction_come_before_and_after_its_answer_in_any_order() {
    for captured in [false, true] {
        let (kind, status) = of(captured);
        let world = reachable();
        for order_of_arrival in arrivals(2) {
            for before_the_answer in [false, true] {
                let order = world.edited(captured, 2_000);
                let known: BTreeSet<i64> = notices(&world).into_iter().collect();
                let come = |world: &World| {
                    let new: Vec<i64> = notices(world).into_iter().filter(|id| !known.contains(id)).collect();
                    assert_eq!(new.len(), 2, "of the new payment, and of the old one");
                    for place in &order_of_arrival {
                        push(world, new[*place]);
                        world.work();
                    }
                };
                if before_the_answer {
                    let seen = world.telegrams(kind).len();
                    let _: Value = world.control("POST", "hold", &json!({"kinds": [kind]}).to_string());
                    std::thread::scope(|scope| {
                        let run = scope.spawn(|| world.run("change", &[&order.order_id]));
                        assert!(crate::crash::within(20, || world.telegrams(kind).len() > seen));
                        come(&world);
                        let _: Value = world.control("POST", "release", "");
                        run.join().unwrap();
                    });
                } else {
                    world.run("change", &[&order.order_id]);
                    come(&world);
                }
                for _ in 0..3 {
                    world.pass(70);
                    world.work();
                }
                let told = format!("{kind} {order_of_arrival:?} before the answer: {before_the_answer}");
                assert_eq!(live(&world, &order), [(status, 2_000)], "{told}");
                assert_eq!(
                    meant(&world, &order),
                    world.live(&order.order_id)[0].0.to_string(),
                    "{told}"
                );
                let row = world.list(&[]).row(&order.order_id);
                let stands = if captured { "入金済み" } else { "新規受付" };
                assert_eq!(row[9], stands, "the old payment's end calls nothing off: {told}");
                let flags = format!("SELECT kind FROM flags WHERE order_id = '{}'", order.order_id);
                assert_eq!(world.rows(&flags), [""; 0], "{told}");
            }
        }
        assert_eq!(sent(&world, ["021", "023"]), [0, 0]);
    }
}

#[test]
fn a_notice_alone_finds_the_payment_of_a_lost_answer() {
    for captured in [false, true] {
        for order_of_arrival in [[0, 1], [1, 0]] {
            let (kind, status) = of(captured);
            let world = reachable();
            let order = world.edited(captured, 2_000);
            let known = notices(&world).len();
            world.fault(kind, &json!("drop_after"));
            world.run("change", &[&order.order_id]);
            let new = notices(&world)[known..].to_vec();
            // 091 is not asked: the shop is told at once.
            let faults = json!({"kind": "091", "times": 50, "fault": "drop_before"});
            let _: Value = world.control("POST", "faults", &faults.to_string());
            for place in order_of_arrival {
                push(&world, new[place]);
            }
            world.work();
            assert_eq!(live(&world, &order), [(status, 2_000)]);
            assert_eq!(meant(&world, &order), world.live(&order.order_id)[0].0.to_string());
            assert_eq!(world.telegrams(kind).len(), 1);
        }
    }
}

#[test]
fn two_operators_who_press_together_correct_once() {
    for captured in [false, true] {
        let world = World::new();
        let (kind, status) = of(captured);
        for _ in 0..5 {
            let order = world.edited(captured, 2_000);
            let before = world.telegrams(kind).len();
            let jobs: Vec<String> = (0..2).map(|_| world.preflight("change", &[&order.order_id])).collect();
            std::thread::scope(|scope| {
                for job in &jobs {
                    scope.spawn(|| world.steer(job, "confirm"));
                }
            });
            let steps = jobs.iter().map(|job| world.step(job));
            let ends: Vec<(i64, i64)> = steps
                .map(|step| (step["done"].as_i64().unwrap(), step["failed"].as_i64().unwrap()))
                .collect();
            assert!(ends == [(1, 0), (0, 1)] || ends == [(0, 1), (1, 0)], "{ends:?}");
            assert_eq!(world.telegrams(kind).len(), before + 1);
            assert_eq!(live(&world, &order), [(status, 2_000)]);
        }
        assert_eq!(sent(&world, ["021", "023"]), [0, 0]);
    }
}

/// A second plugin on a copy of the database: what it does is to the first one as if a telegram that it had given up had
/// been executed after all.
fn of_a_copy(world: &World) -> (tempfile::TempDir, host_shim::library::Plugin) {
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().join("paygent.db");
    world.rows(&format!("VACUUM INTO '{}'", to.display()));
    let mut config = host_shim::demo::config(&world.folder.path().join("shop"), &world.reach).unwrap();
    config["database"] = json!(to);
    let library = host_shim::library::beside_this_program().unwrap();
    let plugin = host_shim::library::Plugin::open(&library, &config, world.clock(), |_| {}).unwrap();
    (folder, plugin)
}

fn changes_by(plugin: &host_shim::library::Plugin, order: &Order) {
    let list = plugin.call("admin.list", &staff("GET", "/payments")).reply;
    let mut request = staff("POST", "/payments/bulk");
    let csrf = text(&list, "/data/csrf");
    request["body"] = json!(format!("csrf={csrf}&operation=change&order_change={}", order.order_id));
    plugin.call("admin.bulk.start", &request);
}

#[test]
fn a_correction_that_was_executed_after_it_was_given_up_takes_the_old_ones_place() {
    for captured in [false, true] {
        let world = World::new();
        let (kind, status) = of(captured);
        let order = world.edited(captured, 2_000);
        let (_folder, copy) = of_a_copy(&world);
        world.fault(kind, &json!("drop_before"));
        world.run("change", &[&order.order_id]);
        world.settle();
        assert_eq!(world.rows("SELECT state FROM changes"), ["refused"]);
        changes_by(&copy, &order);
        assert_eq!(live(&world, &order), [(status, 2_000)]);
        world.settle();
        assert_eq!(live(&world, &order), [(status, 2_000)]);
        assert_eq!(meant(&world, &order), world.live(&order.order_id)[0].0.to_string());
        assert_eq!(world.rows("SELECT state FROM changes"), ["done"]);
        assert!(
            world
                .order_page(&order.order_id)
                .says("届いていないと判断した金額の訂正が、あとから実行されていました"),
            "a person is told of it"
        );
    }
}

#[test]
fn a_late_correction_keeps_its_order_though_the_old_payments_end_is_told_first() {
    let world = World::reachable_with(|members| {
        members["card"]["three_ds"]["enabled"] = json!(false);
        members["notices"]["poll_secs"] = json!(0);
    });
    let order = world.edited(false, 2_000);
    let (_folder, copy) = of_a_copy(&world);
    world.fault("028", &json!("drop_before"));
    world.run("change", &[&order.order_id]);
    world.settle();
    assert_eq!(world.rows("SELECT state FROM changes"), ["refused"]);
    changes_by(&copy, &order);
    let all: Vec<Value> = world.control("GET", "notices", "");
    let voided = all.iter().find(|notice| notice["status"] == 32).unwrap();
    push(&world, voided["notice_id"].as_i64().unwrap());
    world.settle();
    assert_eq!(
        world.order(&order).status(),
        Status::New,
        "it is paid, by the corrected payment"
    );
    assert_eq!(live(&world, &order), [(20, 2_000)]);
    assert_eq!(meant(&world, &order), world.live(&order.order_id)[0].0.to_string());
    assert_eq!(world.rows("SELECT kind FROM flags"), ["correction.late"]);
}

#[test]
fn a_payment_beside_the_one_that_an_order_has_is_voided_and_a_person_is_told() {
    let world = World::new();
    let order = world.edited(false, 2_000);
    // Another program of the merchant's makes it, and leaves the old one.
    let (_folder, copy) = of_a_copy(&world);
    corrections_stop_at(&world, "2011");
    world.fault("021", &json!("drop_before"));
    changes_by(&copy, &order);
    assert_eq!(live(&world, &order), [(20, 3_300), (20, 2_000)]);
    world.settle();
    assert_eq!(live(&world, &order), [(20, 3_300)]);
    assert_eq!(world.order(&order).status(), Status::New);
    assert_eq!(world.rows("SELECT kind FROM flags"), ["payment.orphan"]);
    assert_eq!(
        world.rows("SELECT state FROM attempts"),
        ["authorised"],
        "its own payment stands"
    );
}

#[test]
fn a_payment_that_was_corrected_in_paygent_online_is_not_voided_but_told() {
    let world = World::new();
    let order = world.edited(false, 2_000);
    let (_folder, copy) = of_a_copy(&world);
    changes_by(&copy, &order);
    assert_eq!(live(&world, &order), [(20, 2_000)]);
    world.settle();
    assert_eq!(live(&world, &order), [(20, 2_000)], "somebody wished it");
    assert_eq!(world.order(&order).status(), Status::New, "it is paid");
    assert_eq!(world.rows("SELECT kind FROM flags"), ["payment.second"]);
}

#[test]
fn a_correction_that_left_a_second_payment_after_it_was_given_up_gives_it_back() {
    let world = World::new();
    let order = world.edited(false, 2_000);
    let (_folder, copy) = of_a_copy(&world);
    world.fault("028", &json!("drop_before"));
    world.run("change", &[&order.order_id]);
    world.settle();
    corrections_stop_at(&world, "2011");
    world.fault("021", &json!("drop_before"));
    changes_by(&copy, &order);
    assert_eq!(live(&world, &order), [(20, 3_300), (20, 2_000)]);
    world.settle();
    assert_eq!(
        live(&world, &order),
        [(20, 3_300)],
        "the staff were told that nothing changed"
    );
    assert_eq!(meant(&world, &order), "28569257");
    assert!(world.list(&[]).offers(&order.order_id, "capture"));
}

#[test]
fn what_was_done_elsewhere_meanwhile_is_not_undone_by_a_correction() {
    // The authorisation was captured in Paygent Online.
    let world = World::new();
    let order = world.edited(false, 2_000);
    let payment = world.live(&order.order_id)[0].0;
    let path = format!("payments/{payment}");
    let _: Value = world.control("POST", &path, &json!({"status": 40}).to_string());
    let result = world.run("change", &[&order.order_id]);
    assert!(
        result.says("オーソリ変更失敗") && result.says("2004"),
        "{}",
        words(result.html())
    );
    assert_eq!(live(&world, &order), [(40, 3_300)]);
    assert_eq!(world.list(&[]).row(&order.order_id)[2], "売上");
    assert!(
        shown(&world, &order).says("いまの売上の金額だけを"),
        "no verdict on the payment"
    );
    // A sale can no longer be taken back.
    let order = world.edited(true, 2_000);
    world.fault("029", &json!({"code": ["2007", ""]}));
    world.run("change", &[&order.order_id]);
    assert_eq!(live(&world, &order), [(40, 3_300)]);
    assert_eq!(
        world.list(&[]).row(&order.order_id)[2],
        "売上(取消期限切)",
        "2007 tells the status, too"
    );
}

#[test]
fn a_correction_begins_no_sixty_days_of_its_own() {
    let world = World::new();
    let order = world.edited(false, 2_000);
    let last = |world: &World| {
        let page = world.list(&[]);
        words(page.html()).matches("2021/01/25").count()
    };
    assert_eq!(last(&world), 1);
    world.pass(50 * 86_400);
    world.run("change", &[&order.order_id]);
    assert_eq!(last(&world), 1, "the earlier day is the safe one");
    world.pass(11 * 86_400);
    let list = world.list(&[]);
    assert_eq!(list.row(&order.order_id)[2], "オーソリ期限切");
}

#[test]
fn the_time_line_tells_of_a_correction_in_plain_words() {
    let world = World::new();
    let order = world.edited(true, 2_000);
    world.run("change", &[&order.order_id]);
    let page = world.order_page(&order.order_id);
    for text in [
        "売上の金額を¥3,300から¥2,000に減らす訂正 変更成功 28569257 → 28569258",
        "売上の金額訂正 029 成功 ¥2,000 28569257 管理者",
        "28569257 → 28569258",
    ] {
        assert!(page.says(text), "{text}: {}", words(page.html()));
    }
    let mut english = staff("GET", &format!("/payments/orders/{}", order.order_id));
    english["language"] = json!("en");
    let page = List(world.adapter.call("staff.route", &english).unwrap().reply);
    assert!(
        page.says("correction of the sale from ¥3,300 to ¥2,000 changed 28569257 → 28569258"),
        "{}",
        words(page.html())
    );
}

#[test]
fn inv10_a_correction_that_nobody_answers_for_is_told_to_a_person_and_asked_for_until_it_is_known() {
    let world = World::new();
    let order = world.edited(false, 2_000);
    world.fault("028", &json!("drop_after"));
    for kind in ["094", "091"] {
        let faults = json!({"kind": kind, "times": 500, "fault": "drop_before"});
        let _: Value = world.control("POST", "faults", &faults.to_string());
    }
    world.run("change", &[&order.order_id]);
    for _ in 0..30 {
        world.pass(3_600);
        world.work();
    }
    let page = world.order_page(&order.order_id);
    assert!(
        page.says("金額の訂正の結果が分からないままです"),
        "{}",
        words(page.html())
    );
    assert_eq!(world.rows("SELECT state FROM changes"), ["correcting"]);
    let _: Value = world.control("DELETE", "faults", "");
    world.pass(86_400);
    world.work();
    assert_eq!(live(&world, &order), [(20, 2_000)]);
    assert!(!world.order_page(&order.order_id).says("金額の訂正の結果が"), "cleared");
    assert_eq!(world.telegrams("028").len(), 1);
}
