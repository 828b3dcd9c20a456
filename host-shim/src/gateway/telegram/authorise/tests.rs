//! Authorisations: fields in, answer and ledger out.

use super::super::trial::{LOGIN, NOW, codes, pay, paygent, send, send_at, with_token};
use crate::gateway::fault::{Delivery, Fault};
use crate::gateway::ledger::payments;
use crate::gateway::telegram::{Access, Call, handle};

#[test]
fn a_good_card_answers_with_the_captured_keys_in_their_order() {
    let paygent = paygent();
    let text = pay(&paygent, "1001", &with_token(&paygent, "visa_2")).text;
    let keys: Vec<_> = text
        .split("\r\n")
        .filter_map(|line| line.split_once('='))
        .map(|(key, _)| key)
        .collect();
    let captured = "result payment_id trading_id issur_class acq_id acq_name issur_name fc_auth_umu daiko_code \
        card_shu_code k_card_name issur_id attempt_kbn fingerprint masked_card_number card_valid_term out_acs_html";
    assert_eq!(keys.join(" "), captured);
    assert!(
        text.starts_with("\r\nresult=0\r\npayment_id=28569257\r\ntrading_id=1001\r\n"),
        "{text}"
    );
    assert!(
        text.contains("masked_card_number=************1881\r\n") && text.ends_with("out_acs_html=\r\n"),
        "{text}"
    );
    assert!(!text.contains("response_code"), "{text}");
}

#[test]
fn a_token_pays_once_and_not_for_ever() {
    let paygent = paygent();
    let source = with_token(&paygent, "visa");
    assert_eq!(
        codes(&pay(&paygent, "a", "card_token=tok_unknown").text),
        ["1", "2021", ""]
    );
    let late = format!("telegram_kind=020&payment_amount=1&payment_class=10&3dsecure_ryaku=1&{source}");
    assert_eq!(codes(&send_at(&paygent, NOW + 1_000, &late).text), ["1", "2020", ""]);
    assert_eq!(codes(&pay(&paygent, "a", &source).text), ["0", "", ""]);
    assert_eq!(codes(&pay(&paygent, "b", &source).text), ["1", "2022", ""]);
    assert_eq!(paygent.ledger.transact(payments::all).unwrap().len(), 1);
}

#[test]
fn r11_a_refusal_and_the_next_try_leave_two_records_that_094_tells_apart() {
    let paygent = paygent();
    let refused = pay(&paygent, "7_1_a", &with_token(&paygent, "1G12")).text;
    assert_eq!(codes(&refused), ["1", "2001", "1G12"]);
    assert!(refused.contains("payment_id=28569257"), "{refused}");
    pay(&paygent, "7_2_b", &with_token(&paygent, "visa"));
    let first = send(&paygent, "telegram_kind=094&trading_id=7_1_a");
    assert!(
        first.contains("payment_id=28569257\r\n") && first.contains("payment_status=11\r\n"),
        "{first}"
    );
    let second = send(&paygent, "telegram_kind=094&payment_id=28569258");
    assert!(
        second.contains("payment_status=20\r\n") && second.contains("payment_init_date=20201126120000\r\n"),
        "{second}"
    );
}

#[test]
fn an_inquiry_finds_none_one_or_too_many() {
    let paygent = paygent();
    assert_eq!(
        codes(&send(&paygent, "telegram_kind=094&trading_id=x")),
        ["1", "13001", ""]
    );
    pay(&paygent, "x", &with_token(&paygent, "visa"));
    assert_eq!(codes(&send(&paygent, "telegram_kind=094&trading_id=x")), ["0", "", ""]);
    pay(&paygent, "x", &with_token(&paygent, "jcb"));
    assert_eq!(
        codes(&send(&paygent, "telegram_kind=094&trading_id=x")),
        ["1", "13002", ""]
    );
    assert_eq!(
        codes(&send(&paygent, "telegram_kind=022&trading_id=x")),
        ["1", "2005", ""]
    );
    assert_eq!(
        codes(&send(&paygent, "telegram_kind=022&payment_id=1")),
        ["1", "2006", ""]
    );
}

#[test]
fn r03_a_brand_outside_the_contract_is_refused_although_its_card_is_good() {
    let paygent = paygent();
    assert_eq!(
        codes(&pay(&paygent, "1", &with_token(&paygent, "discover")).text),
        ["1", "2001", "1G12"]
    );
    let mut settings = paygent.settings();
    settings.brands = vec!["visa".to_owned()];
    paygent.set(settings);
    assert_eq!(
        codes(&pay(&paygent, "2", &with_token(&paygent, "jcb")).text),
        ["1", "2001", "1G12"]
    );
    assert_eq!(
        codes(&pay(&paygent, "3", &with_token(&paygent, "visa")).text),
        ["0", "", ""]
    );
}

#[test]
fn scripted_cards_do_what_the_table_says() {
    let paygent = paygent();
    // key, codes told, status recorded, how the answer travels
    let rows: [(&str, [&str; 3], Option<i32>, Delivery); 9] = [
        ("1G30", ["1", "2001", "\"1G30\""], Some(11), Delivery::Prompt),
        ("2001", ["1", "2001", ""], Some(11), Delivery::Prompt),
        ("2008_approved", ["1", "2008", ""], Some(20), Delivery::Prompt),
        ("2008_refused", ["1", "2008", ""], Some(11), Delivery::Prompt),
        ("slow", ["0", "", ""], Some(20), Delivery::Late(5_000)),
        ("answer_lost", ["0", "", ""], Some(20), Delivery::Lost),
        ("request_lost", ["0", "", ""], None, Delivery::Lost),
        ("garbage", ["0", "", ""], Some(20), Delivery::Garbled),
        ("http_500", ["0", "", ""], None, Delivery::Http500),
    ];
    for (key, told, status, delivery) in rows {
        let answer = pay(&paygent, key, &with_token(&paygent, key));
        let found = paygent
            .ledger
            .transact(|connection| payments::of_trading_id(connection, key))
            .unwrap();
        assert_eq!(codes(&answer.text), told, "{key}");
        assert_eq!(found.first().map(|payment| payment.status), status, "{key}");
        assert_eq!(
            (answer.delivery, answer.executed),
            (delivery, status.is_some()),
            "{key}"
        );
    }
}

#[test]
fn an_amount_changes_by_a_second_payment_on_the_same_card() {
    let paygent = paygent();
    pay(&paygent, "5_1_a", &with_token(&paygent, "jcb"));
    assert_eq!(
        codes(&pay(&paygent, "5_2_b", "ref_trading_id=5_1_a").text),
        ["0", "", ""]
    );
    assert_eq!(
        codes(&pay(&paygent, "5_3_c", "ref_trading_id=nothing").text),
        ["1", "2009", ""]
    );
    pay(&paygent, "6_1_a", &with_token(&paygent, "reference_refused"));
    assert_eq!(
        codes(&pay(&paygent, "6_2_b", "ref_trading_id=6_1_a").text),
        ["1", "2001", "1G54"]
    );
    let all = paygent.ledger.transact(payments::all).unwrap();
    assert_eq!(
        all.iter().map(|payment| payment.brand.as_str()).collect::<Vec<_>>(),
        ["jcb", "jcb", "visa", "visa"]
    );
}

#[test]
fn what_is_filled_in_wrongly_leaves_no_record_and_spends_no_token() {
    let paygent = paygent();
    let source = with_token(&paygent, "visa");
    let good = format!("telegram_kind=020&trading_id=1&payment_amount=3300&payment_class=10&3dsecure_ryaku=1&{source}");
    let wrong = [
        ("amount=3300", "amount=0", "2003"),
        ("amount=3300", "amount=-1", "2003"),
        ("amount=3300", "amount=3,300", "2003"),
        ("amount=3300", "amount=+3300", "2003"),
        ("amount=3300", "amount=1000000000", "2003"),
        ("class=10", "class=61", "2003"),
        ("class=10", "class=61&split_count=4", "2003"),
        ("class=10", "class=10&split_count=3", "2003"),
        ("class=10", "class=11", "2003"),
        ("ryaku=1", "ryaku=0", "2003"),
        ("trading_id=1", "trading_id=1-1", "P003"),
        ("card_token", "token", "2003"),
        ("card_token", "stock_card_mode=1&card_token", "P026"),
        ("kind=020", "kind=099", "P004"),
    ];
    for (from, to, code) in wrong {
        let text = send(&paygent, &good.replace(from, to));
        assert_eq!(codes(&text)[..2], ["1", code], "{from} -> {to}");
    }
    assert_eq!(
        codes(&send(&paygent, &good.replace("class=10", "class=61&split_count=3"))),
        ["0", "", ""]
    );
    assert_eq!(paygent.ledger.transact(payments::all).unwrap().len(), 1);
}

#[test]
fn classes_are_recorded_and_some_brands_take_neither_bonus_nor_revolving() {
    let paygent = paygent();
    let fixed = "telegram_kind=020&payment_amount=3300&3dsecure_ryaku=1&trading_id";
    let rows = [
        ("visa", "23", ["0", "", ""]),
        ("jcb", "80", ["0", "", ""]),
        ("mastercard", "61&split_count=24", ["0", "", ""]),
        ("diners", "23", ["1", "2001", "1G78"]),
        ("amex", "80", ["1", "2001", "1G78"]),
    ];
    for (place, (key, class, wanted)) in rows.into_iter().enumerate() {
        let source = with_token(&paygent, key);
        let text = send(&paygent, &format!("{fixed}={place}&payment_class={class}&{source}"));
        assert_eq!(codes(&text), wanted, "{key} {class}");
    }
    let all = paygent.ledger.transact(payments::all).unwrap();
    let classes: Vec<_> = all
        .iter()
        .map(|payment| (payment.payment_class.as_str(), payment.split_count.as_str()))
        .collect();
    assert_eq!(classes, [("23", ""), ("80", ""), ("61", "24"), ("23", ""), ("80", "")]);
}

#[test]
fn a_strangers_telegram_is_refused() {
    let paygent = paygent();
    let text = send(&paygent, "telegram_kind=094&trading_id=1&connect_password=wrong");
    assert_eq!(codes(&text)[..2], ["1", "P001"]);
    let call = Call {
        access: Access::Hash,
        path: "",
        place: "/ref/paymentref",
        raw: LOGIN.as_bytes(),
    };
    assert_eq!(codes(&handle(&paygent, &call, NOW).unwrap().text)[..2], ["1", "P002"]);
}

#[test]
fn a_scripted_fault_decides_whether_the_ledger_moves() {
    let paygent = paygent();
    let code = || ["2004".to_owned(), String::new()];
    let faults = [
        (Fault::DropBefore, 20),
        (Fault::Code(code()), 20),
        (Fault::CodeAfter(code()), 40),
    ];
    for ((fault, status), key) in faults.into_iter().zip(["visa", "jcb", "amex"]) {
        pay(&paygent, key, &with_token(&paygent, key));
        paygent.faults.script("022", 1, &fault);
        send(&paygent, &format!("telegram_kind=022&trading_id={key}"));
        let found = paygent
            .ledger
            .transact(|connection| payments::of_trading_id(connection, key))
            .unwrap();
        assert_eq!(found[0].status, status, "{fault:?}");
    }
}
