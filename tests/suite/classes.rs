//! 分割, ボーナス and リボ: offered for the amounts, brands and days that take them, sent as chosen, kept for the staff.

use host_shim::library::{Called, Status as Outcome};
use serde_json::json;

use crate::world::{CardPage, GOOD, World, code, outcome, text};

/// `World::new()` offers 分割 from ¥3,000, ボーナス from ¥10,000 and リボ from ¥0; product 1 costs ¥3,300.
fn chosen(world: &World, page: &CardPage, class: &str, card: &str) -> Called {
    let form = text(&world.show(page).reply, "/data/form");
    let body = format!("form={form}&card_token={}&payment_class={class}", world.token(card));
    world.shopper(&json!({"method": "POST", "path": page.path, "body": body}))
}

fn offered(world: &World, page: &CardPage) -> Vec<String> {
    let html = text(&world.show(page).reply, "/body");
    html.split("<option value=\"")
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap().to_owned())
        .collect()
}

fn sent(world: &World, place: usize) -> [String; 2] {
    let telegram = world.telegrams("020")[place]["request"].as_str().unwrap().to_owned();
    ["payment_class", "split_count"].map(|name| {
        telegram
            .split('&')
            .find_map(|pair| pair.strip_prefix(&format!("{name}=")))
            .unwrap_or("absent")
            .to_owned()
    })
}

#[test]
fn what_is_offered_depends_on_the_amount_and_the_day() {
    let world = World::new();
    let cheap = world.entered();
    assert_eq!(offered(&world, &cheap), ["10", "61-3", "61-6", "61-12", "80"]);
    let dear = world.enter(world.confirmed_with(1, 4, 0));
    // The world's noon lies in the winter bonus's period or not: both are tried.
    let day = 24 * 60 * 60;
    let mut seen = [false, false];
    for _ in 0..6 {
        let is_offered = offered(&world, &dear).contains(&"23".to_owned());
        seen[usize::from(is_offered)] = true;
        world.pass(40 * day);
    }
    assert_eq!(seen, [true, true], "a year has days with and without it");
}

#[test]
fn the_chosen_way_is_on_the_wire_and_on_the_orders_page() {
    let world = World::new();
    let choices = [
        ("61-12", ["61", "12"], "12回払い"),
        ("80", ["80", "absent"], "リボ払い"),
        ("10", ["10", "absent"], "一括払い"),
        ("", ["10", "absent"], "一括払い"),
    ];
    for (place, (class, wire, name)) in choices.into_iter().enumerate() {
        let page = world.entered();
        assert_eq!(outcome(&chosen(&world, &page, class, GOOD)), "placed");
        assert_eq!(sent(&world, place), wire);
        assert!(world.order_page(&page.order.order_id).says(name), "{name}");
    }
}

#[test]
fn what_is_not_offered_is_not_sent() {
    let world = World::new();
    let page = world.entered();
    for class in ["61-4", "61", "23", "99"] {
        let refused = chosen(&world, &page, class, GOOD);
        assert_eq!(
            code(&refused),
            (Outcome::Refused, "form.payment_class".to_owned()),
            "{class}"
        );
    }
    let twice = chosen(&world, &page, "61-3&payment_class=10", GOOD);
    assert_eq!(twice.status, Outcome::Misuse, "{}", twice.reply);
    assert_eq!(world.telegrams("020").len(), 0);
    assert_eq!(outcome(&world.pay(&page, GOOD)), "placed", "the shopper may go on");
}

#[test]
fn a_card_that_does_not_take_it_leads_back_with_the_reason_at_the_field() {
    let world = World::new();
    let page = world.entered();
    assert_eq!(outcome(&chosen(&world, &page, "80", "378282246310005")), "declined");
    let html = text(&world.show(&page).reply, "/body");
    assert!(html.contains("お選びのお支払い方法をご利用いただけません"), "{html}");
    assert_eq!(outcome(&chosen(&world, &page, "10", "378282246310005")), "placed");
}
