//! The wire: each kind of telegram in both directions, as the plugin sent it and the simulator answered; and the two messages
//! that reach the shop from outside, the browser's return and the pushed notice.
//!
//! What is random is masked by the field it stands in, after a look at its shape.

use serde_json::{Value, json};

use crate::link::Visit;
use crate::three_ds::{CHALLENGE, Journey};
use crate::world::{ANSWER_LOST, GOOD, UNUSABLE, World, outcome, text};

/// A field's value as it is told.
fn masked(world: &World, field: &str, value: &str) -> String {
    let hex = |text: &str| !text.is_empty() && text.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f'));
    let moment = value.len() == 14 && value.starts_with("20") && value.parse::<u64>().is_ok();
    match field {
        _ if field.ends_with("_date") && moment => "<time>".to_owned(),
        "trading_id" | "ref_trading_id" if !value.is_empty() => {
            let (attempt, salt) = value.rsplit_once('_').unwrap();
            assert!(salt.len() == 4 && hex(salt), "{value}");
            format!("{attempt}_<salt>")
        }
        "3ds_auth_id" => {
            assert!(value.len() == 36 && value.split('-').all(hex), "{value}");
            "<auth id>".to_owned()
        }
        "fingerprint" if !value.is_empty() => {
            assert!(value.len() >= 16, "{value}");
            "<fingerprint>".to_owned()
        }
        "customer_id" => {
            assert!(
                value.len() == 25 && value.starts_with('m') && hex(&value[1..]),
                "{value}"
            );
            "<customer>".to_owned()
        }
        "hc" => {
            assert!(value == "***" || value.len() == 64 && hex(value), "{value}");
            "<hash>".to_owned()
        }
        "return_url" | "stop_return_url" => {
            let place = if field == "return_url" { "paid" } else { "stopped" };
            let (_, path) = value.split_once("paygent%2Fpay%2F").unwrap();
            let parts: Vec<&str> = path.split("%2F").collect();
            let [checkout, there, rest] = parts[..] else {
                panic!("{value}")
            };
            let (key, proof) = rest.split_once("%3Fhc%3D").unwrap();
            assert!(
                hex(checkout) && hex(key) && proof.len() == 43 && there == place,
                "{value}"
            );
            format!("<shop>%2Fpaygent%2Fpay%2F<checkout>%2F{place}%2F<key>%3Fhc%3D<proof>")
        }
        "url" => {
            let (pages, id) = value.rsplit_once('/').unwrap();
            assert!(hex(id) && pages.ends_with("/link"), "{value}");
            "<simulator>/link/<page>".to_owned()
        }
        "term_url" => {
            let (before, key) = value.rsplit_once("%2F").unwrap_or(("", ""));
            assert!(key.len() == 32 && hex(key), "{value}");
            let (_, path) = before.split_once("paygent").unwrap();
            let (_, after) = path.split_once("pay%2F").unwrap();
            let (_, tail) = after.split_once("%2F").unwrap();
            format!("<shop>%2Fpaygent%2Fpay%2F<checkout>%2F{tail}%2F<key>")
        }
        _ => value.replace(world.reach.online_url.trim_end_matches('/'), "<simulator>"),
    }
}

fn told(world: &World, telegram: &Value) -> String {
    let mut told = format!("POST {}\n", text(telegram, "/path"));
    for pair in text(telegram, "/request").split('&') {
        let (field, value) = pair.split_once('=').unwrap();
        told.push_str(&format!("  {field}={}\n", masked(world, field, value)));
    }
    told.push_str("200\n");
    for line in text(telegram, "/reply").split("\r\n") {
        let line = match line.split_once('=') {
            Some((field, value)) => format!("{field}={}", masked(world, field, value)),
            None if line.starts_with('"') => row_told(line),
            None => masked(world, "", line),
        };
        let line = match hidden_in_page(&line) {
            Some(hidden) => hidden,
            None => line,
        };
        told.push_str(format!("  {line}").trim_end());
        told.push('\n');
    }
    told
}

/// A line of cells (027), each in double quotes.
fn row_told(line: &str) -> String {
    let cells = line.split(',').map(|cell| match cell.len() - 2 {
        25 if cell.starts_with("\"m") => "\"<customer>\"",
        64 => "\"<fingerprint>\"",
        _ => cell,
    });
    cells.collect::<Vec<_>>().join(",")
}

/// The card company's address in a page carries the authentication's number.
fn hidden_in_page(line: &str) -> Option<String> {
    let (before, rest) = line.split_once("acs/")?;
    let (id, after) = rest.split_once('"')?;
    Some(format!(
        "{before}acs/{}\"{after}",
        if id.len() == 36 { "<auth id>" } else { id }
    ))
}

/// All telegrams of a kind, one below the other.
fn written(world: &World, kind: &str) {
    let all: Vec<String> = world
        .telegrams(kind)
        .iter()
        .map(|telegram| told(world, telegram))
        .collect();
    assert!(!all.is_empty(), "no telegram {kind}");
    insta::assert_snapshot!(format!("wire_{kind}"), all.join("\n"));
}

/// The fields of the last telegram of a kind, in order.
fn fields_sent(world: &World, kind: &str) -> Vec<String> {
    let last = world.telegrams(kind).pop().unwrap();
    let request = text(&last, "/request");
    request
        .split('&')
        .map(|pair| pair.split('=').next().unwrap().to_owned())
        .collect()
}

#[test]
fn a_card_is_authorised_captured_and_its_sale_cancelled() {
    let world = World::new();
    let order = world.placed();
    let common = [
        "merchant_id",
        "connect_id",
        "connect_password",
        "telegram_version",
        "telegram_kind",
        "trading_id",
    ];
    let own = [
        "payment_id",
        "payment_amount",
        "payment_class",
        "3dsecure_ryaku",
        "card_token",
        "security_code_use",
    ];
    assert_eq!(
        fields_sent(&world, "020"),
        [common, own].concat(),
        "as captured from Paygent's own client"
    );
    assert_eq!(reply_keys(&world, "020"), CAPTURED_020, "as captured from Paygent");
    assert_eq!(outcome(&world.pay(&world.entered(), UNUSABLE)), "declined");
    world.run("capture", &[&order.order_id]);
    world.run("void", &[&order.order_id]);
    let voided = world.placed();
    world.run("void", &[&voided.order_id]);
    for kind in ["020", "021", "022", "023"] {
        written(&world, kind);
    }
}

/// What a captured reply to a good 020 holds.
const CAPTURED_020: [&str; 17] = [
    "result",
    "payment_id",
    "trading_id",
    "issur_class",
    "acq_id",
    "acq_name",
    "issur_name",
    "fc_auth_umu",
    "daiko_code",
    "card_shu_code",
    "k_card_name",
    "issur_id",
    "attempt_kbn",
    "fingerprint",
    "masked_card_number",
    "card_valid_term",
    "out_acs_html",
];

/// The keys of the last reply to a kind, in order; it begins with an empty line, as Paygent's do.
fn reply_keys(world: &World, kind: &str) -> Vec<String> {
    let reply = text(&world.telegrams(kind).pop().unwrap(), "/reply");
    let lines = reply.strip_prefix("\r\n").expect("an empty line first");
    lines
        .split("\r\n")
        .filter_map(|line| line.split_once('='))
        .map(|(key, _)| key.to_owned())
        .collect()
}

#[test]
fn a_members_card_is_stored_listed_paid_with_and_deleted() {
    let world = World::reachable();
    let member = world.member("1");
    assert_eq!(outcome(&member.adds(GOOD)), "stored");
    let page = world.entered();
    let shown = member.pays_with(&page, &member.first());
    let asked = text(&world.telegrams("450")[0], "/request");
    assert!(
        asked.contains("&card_set_method=customer&") && !asked.contains("card_token"),
        "{asked}"
    );
    let journey = Journey {
        world: &world,
        page,
        shown,
    };
    assert_eq!(outcome(&journey.comes_back(&journey.authenticated())), "placed");
    let fields = fields_sent(&world, "020");
    let named = [
        "stock_card_mode",
        "customer_id",
        "customer_card_id",
        "security_code_token",
        "card_token",
    ];
    assert!(fields.ends_with(&named.map(str::to_owned)), "{fields:?}");
    member.deletes(&member.first());
    for kind in ["025", "026", "027"] {
        written(&world, kind);
    }
}

#[test]
fn an_order_is_handed_over_to_paygents_own_page() {
    let world = World::by_link();
    let visit = Visit::begun(&world);
    assert_eq!(outcome(&visit.comes_back(&visit.pays(GOOD))), "placed");
    written(&world, "link");
}

#[test]
fn amounts_are_corrected() {
    let world = World::new();
    let order = world.placed();
    world.reprice(&order, 3_000);
    world.run("change", &[&order.order_id]);
    world.run("capture", &[&order.order_id]);
    world.reprice(&order, 2_100);
    world.run("change", &[&order.order_id]);
    let common = [
        "merchant_id",
        "connect_id",
        "connect_password",
        "telegram_version",
        "telegram_kind",
    ];
    let own = ["payment_id", "payment_amount", "reduction_flag"];
    for kind in ["028", "029"] {
        assert_eq!(
            fields_sent(&world, kind),
            [&common[..], &own[..]].concat(),
            "as captured from Paygent's own client"
        );
        written(&world, kind);
    }
}

#[test]
fn a_lost_answer_is_asked_for() {
    let world = World::new();
    let page = world.entered();
    world.pay(&page, ANSWER_LOST);
    world.pass(4);
    world.status(&page);
    // One that never arrived is not known there.
    let lost = world.entered();
    world.pay(&lost, "4000000000900037");
    world.pass(4);
    world.status(&lost);
    written(&world, "094");
}

#[test]
fn a_holder_is_authenticated_and_notices_are_fetched() {
    let world = World::reachable();
    let journey = Journey::begun(&world, CHALLENGE);
    let back = journey.authenticated();
    assert_eq!(outcome(&journey.comes_back(&back)), "placed");
    written(&world, "450");
    let (_, query) = back.split_once('?').unwrap();
    let fields: Vec<String> = query.split('&').map(|pair| pair_told(&world, pair)).collect();
    insta::assert_snapshot!("wire_return", fields.join("\n"));

    let request = text(&world.telegrams("020")[0], "/request");
    assert!(request.contains("&3dsecure_use_type=2&3ds_auth_id="), "{request}");

    world.pass(301);
    world.work();
    written(&world, "091");
    let notices: Vec<Value> = world.control("GET", "notices", "");
    let body = pushed(&world, &notices[0]["notice_id"]);
    let fields: Vec<String> = body.split('&').map(|pair| pair_told(&world, pair)).collect();
    insta::assert_snapshot!("wire_notice", fields.join("\n"));
}

fn pair_told(world: &World, pair: &str) -> String {
    let (field, value) = pair.split_once('=').unwrap();
    format!("{field}={}", masked(world, field, value))
}

/// The body of a pushed notice, as the shop is sent it.
pub(crate) fn pushed(world: &World, notice: &Value) -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/paygent/notice", listener.local_addr().unwrap());
    let heard = std::thread::spawn(move || {
        use std::io::{Read as _, Write as _};
        let (mut stream, _) = listener.accept().unwrap();
        let mut bytes = Vec::new();
        let mut buffer = [0; 4096];
        loop {
            let read = stream.read(&mut buffer).unwrap();
            bytes.extend_from_slice(&buffer[..read]);
            let text = String::from_utf8_lossy(&bytes).into_owned();
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let length = head
                    .lines()
                    .find_map(|line| line.strip_prefix("content-length: "))
                    .map_or(0, |length| length.parse::<usize>().unwrap());
                if body.len() >= length {
                    stream.write_all(b"HTTP/1.0 200 OK\r\n\r\nresult=0").unwrap();
                    return body.to_owned();
                }
            }
        }
    });
    let answer: Value = world.control(
        "POST",
        &format!("notices/{notice}/push"),
        &json!({"url": url}).to_string(),
    );
    assert_eq!(answer["answer"], "result=0");
    heard.join().unwrap()
}
