//! Corrections: a new payment of a smaller amount, and what becomes of the old one.

use super::super::trial::{codes, pay, paygent, send, with_token};
use super::*;
use crate::gateway::Paygent;
use crate::gateway::fault::Fault;
use crate::gateway::ledger::authentications;

/// Amount and status of every payment, oldest first.
fn ledger(paygent: &Paygent) -> Vec<(i64, i32)> {
    let all = paygent.ledger.transact(payments::all).unwrap();
    all.iter().map(|payment| (payment.amount, payment.status)).collect()
}

fn with_fault(fault: CorrectionFault) -> Paygent {
    let paygent = paygent();
    let mut settings = paygent.settings();
    settings.correction_fault = fault;
    paygent.set(settings);
    pay(&paygent, "1_1_a", &with_token(&paygent, "visa"));
    paygent
}

#[test]
fn an_authorisation_is_made_smaller_and_then_its_sale() {
    let paygent = with_fault(CorrectionFault::None);
    let total = "telegram_kind=028&payment_id=28569257&payment_amount=3000&reduction_flag=0";
    let corrected = send(&paygent, total);
    assert!(
        corrected.starts_with("\r\nresult=0\r\npayment_id=28569258\r\ntrading_id=1_1_a\r\npayment_amount=3000\r\n"),
        "{corrected}"
    );
    assert_eq!(ledger(&paygent), [(3300, 32), (3000, 20)]);
    send(&paygent, "telegram_kind=022&payment_id=28569258");
    let off = "telegram_kind=029&payment_id=28569258&payment_amount=2100&reduction_flag=1";
    let corrected = send(&paygent, off);
    assert!(
        corrected.contains("payment_id=28569259\r\n") && corrected.contains("payment_amount=900\r\n"),
        "{corrected}"
    );
    assert_eq!(ledger(&paygent), [(3300, 32), (3000, 60), (900, 40)]);
    let told = paygent.ledger.transact(notices::all).unwrap();
    let told: Vec<_> = told.iter().map(|notice| (notice.payment_id, notice.status)).collect();
    let (first, second, third) = (28_569_257, 28_569_258, 28_569_259);
    let expected = [
        (first, 20),
        (second, 20),
        (first, 32),
        (second, 40),
        (third, 40),
        (second, 60),
    ];
    assert_eq!(told, expected);
}

#[test]
fn what_cannot_be_corrected_stays_as_it_is() {
    let paygent = with_fault(CorrectionFault::None);
    let good = "telegram_kind=028&payment_id=28569257&payment_amount=3000&reduction_flag=0";
    let wrong = [
        ("payment_id=28569257", "payment_id=1", "2006"),
        ("kind=028", "kind=029", "2004"),
        ("amount=3000", "amount=3301", "2003"),
        ("amount=3000", "amount=0", "2003"),
        ("amount=3000", "amount=-1", "2003"),
        ("amount=3000&reduction_flag=0", "amount=3300&reduction_flag=1", "2003"),
        ("reduction_flag=0", "reduction_flag=2", "2003"),
    ];
    for (from, to, code) in wrong {
        let text = send(&paygent, &good.replace(from, to));
        assert_eq!(codes(&text)[..2], ["1", code], "{from} -> {to}");
    }
    for (status, code) in [(33, "2007"), (32, "2004")] {
        paygent
            .ledger
            .transact(|connection| {
                let mut payment = payments::of_trading_id(connection, "1_1_a")?.remove(0);
                payment.turn(status, payment.changed_at);
                payments::update(connection, &payment)
            })
            .unwrap();
        assert_eq!(codes(&send(&paygent, good)), ["1", code, ""]);
    }
    assert_eq!(ledger(&paygent), [(3300, 32)]);
}

#[test]
fn a_payment_after_3d_secure_is_not_corrected() {
    let paygent = paygent();
    let source = with_token(&paygent, "visa");
    let asked = format!(
        "telegram_kind=450&term_url=http://shop/back&merchant_name=SHOP&authentication_type=01\
         &payment_amount=3300&card_set_method=token&{source}"
    );
    let page = send(&paygent, &asked);
    let id = page.lines().find_map(|line| line.strip_prefix("3ds_auth_id=")).unwrap();
    paygent
        .ledger
        .transact(|connection| {
            let mut authentication = authentications::find(connection, id)?.unwrap();
            "0".clone_into(&mut authentication.result);
            authentications::update(connection, &authentication)
        })
        .unwrap();
    let authorise = "telegram_kind=020&trading_id=1&payment_amount=3300&payment_class=10&3dsecure_use_type=2";
    let paid = send(&paygent, &format!("{authorise}&3ds_auth_id={id}&{source}"));
    assert_eq!(codes(&paid), ["0", "", ""]);
    let text = send(&paygent, "telegram_kind=028&payment_id=28569257&payment_amount=3000");
    assert_eq!(codes(&text), ["1", "2014", ""]);
    assert_eq!(ledger(&paygent), [(3300, 20)]);
}

#[test]
fn half_done_corrections_name_the_new_payment() {
    let correction = "telegram_kind=028&payment_id=28569257&payment_amount=300&reduction_flag=1";
    let rows = [
        (CorrectionFault::NothingDone, "2010", vec![(3300, 20)]),
        (CorrectionFault::OldStaysToo, "2011", vec![(3300, 20), (3000, 20)]),
        (CorrectionFault::DoneButRefused, "2012", vec![(3300, 32), (3000, 20)]),
    ];
    for (fault, code, left) in rows {
        let paygent = with_fault(fault);
        let text = send(&paygent, correction);
        assert_eq!(codes(&text), ["1", code, ""]);
        assert_eq!(text.contains("payment_id=28569258\r\n"), left.len() == 2, "{text}");
        assert_eq!(ledger(&paygent), left, "{fault:?}");
    }
}

#[test]
fn a_scripted_fault_strikes_a_correction_too() {
    let paygent = with_fault(CorrectionFault::None);
    let code = ["2010".to_owned(), String::new()];
    paygent.faults.script("028", 1, &Fault::Code(code.clone()));
    paygent.faults.script("028", 1, &Fault::CodeAfter(code));
    let correction = "telegram_kind=028&payment_id=28569257&payment_amount=3000";
    assert_eq!(codes(&send(&paygent, correction)), ["1", "2010", ""]);
    assert_eq!(ledger(&paygent), [(3300, 20)]);
    assert_eq!(codes(&send(&paygent, correction)), ["1", "2010", ""]);
    assert_eq!(ledger(&paygent), [(3300, 32), (3000, 20)]);
}
