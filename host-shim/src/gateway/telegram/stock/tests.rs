//! Stored cards: kept, listed, paid with and forgotten.

use super::super::trial::{NOW, code_token, codes, pay, paygent, send, send_at, token};
use crate::gateway::Paygent;

fn store(paygent: &Paygent, customer: &str, key: &str) -> String {
    let token = token(paygent, key);
    send(
        paygent,
        &format!("telegram_kind=025&customer_id={customer}&card_token={token}"),
    )
}

#[test]
fn a_card_is_kept_listed_and_forgotten() {
    let paygent = paygent();
    let kept = store(&paygent, "m_1", "visa_2");
    assert_eq!(
        kept,
        "\r\nresult=0\r\ncustomer_id=m_1\r\ncustomer_card_id=1\r\nmasked_card_number=************1881\r\n\
         card_valid_term=1230\r\nfingerprint=print\r\ncard_brand=VISA\r\n"
    );
    store(&paygent, "m_1", "jcb");
    store(&paygent, "other", "amex");
    let list = send(&paygent, "telegram_kind=027&customer_id=m_1");
    assert_eq!(
        list,
        "\"1\",\"0\",\"\",\"\"\r\n\
         \"2\",\"customer_id\",\"customer_card_id\",\"card_number\",\"card_valid_term\",\"cardholder_name\",\"card_brand\",\"fingerprint\"\r\n\
         \"3\",\"m_1\",\"1\",\"************1881\",\"1230\",\"\",\"VISA\",\"print\"\r\n\
         \"3\",\"m_1\",\"2\",\"************0000\",\"1230\",\"\",\"JCB\",\"print\"\r\n\
         \"4\",\"2\"\r\n"
    );
    let one = send(&paygent, "telegram_kind=027&customer_id=m_1&customer_card_id=2");
    assert!(one.contains("\"JCB\"") && one.ends_with("\"4\",\"1\"\r\n"), "{one}");
    let forget = "telegram_kind=026&customer_id=m_1&customer_card_id=1";
    assert_eq!(codes(&send(&paygent, forget)), ["0", "", ""]);
    assert_eq!(codes(&send(&paygent, forget))[..2], ["1", "P026"]);
    store(&paygent, "m_1", "visa");
    let list = send(&paygent, "telegram_kind=027&customer_id=m_1");
    assert!(list.contains("\"m_1\",\"4\""), "a number is not used again: {list}");
}

#[test]
fn what_is_not_there_or_not_the_customers_is_p026() {
    let paygent = paygent();
    store(&paygent, "m_1", "visa");
    for fields in [
        "telegram_kind=027&customer_id=m_2",
        "telegram_kind=027&customer_id=m_1&customer_card_id=2",
        "telegram_kind=026&customer_id=m_2&customer_card_id=1",
    ] {
        assert_eq!(codes(&send(&paygent, fields))[..2], ["1", "P026"], "{fields}");
    }
    let foreign = pay(&paygent, "a", "stock_card_mode=1&customer_id=m_2&customer_card_id=1").text;
    assert_eq!(codes(&foreign)[..2], ["1", "P026"]);
    assert_eq!(codes(&send(&paygent, "telegram_kind=027"))[..2], ["1", "P003"]);
}

#[test]
fn an_eleventh_card_is_refused_and_spends_no_token() {
    let paygent = paygent();
    for key in [
        "visa",
        "visa_2",
        "mastercard",
        "jcb",
        "amex",
        "diners",
        "discover",
        "1G12",
        "1G30",
        "1G44",
    ] {
        assert_eq!(codes(&store(&paygent, "m_1", key)), ["0", "", ""], "{key}");
    }
    assert_eq!(codes(&store(&paygent, "m_1", "1G54"))[..2], ["1", "P027"]);
    let other = send(&paygent, "telegram_kind=025&customer_id=m_2&card_token=tok_1G54");
    assert_eq!(codes(&other), ["0", "", ""]);
}

#[test]
fn storing_spends_the_token_and_a_security_code_is_no_card() {
    let paygent = paygent();
    store(&paygent, "m_1", "visa");
    assert_eq!(
        codes(&pay(&paygent, "a", "card_token=tok_visa").text),
        ["1", "2022", ""]
    );
    let code = code_token(&paygent);
    let stored = send(
        &paygent,
        &format!("telegram_kind=025&customer_id=m_1&card_token={code}"),
    );
    assert_eq!(codes(&stored), ["1", "2021", ""]);
    let paid = pay(&paygent, "a", &format!("card_token={code}")).text;
    assert_eq!(codes(&paid), ["1", "2021", ""]);
}

#[test]
fn a_stored_card_pays_with_and_without_its_security_code() {
    let paygent = paygent();
    store(&paygent, "m_1", "visa_2");
    let stored = "stock_card_mode=1&customer_id=m_1&customer_card_id=1";
    let paid = pay(&paygent, "a", &format!("{stored}&security_code_token=0")).text;
    assert!(paid.contains("masked_card_number=************1881\r\n"), "{paid}");
    let coded = format!("{stored}&security_code_token=1&card_token={}", code_token(&paygent));
    assert_eq!(codes(&pay(&paygent, "b", &coded).text), ["0", "", ""]);
    assert_eq!(codes(&pay(&paygent, "c", &coded).text), ["1", "2022", ""]);
    let whole = format!("{stored}&security_code_token=1&card_token={}", token(&paygent, "jcb"));
    assert_eq!(codes(&pay(&paygent, "c", &whole).text), ["1", "2021", ""]);
    let lacking = format!("{stored}&security_code_token=1");
    assert_eq!(codes(&pay(&paygent, "c", &lacking).text)[..2], ["1", "2003"]);
}

#[test]
fn a_stored_cards_holder_is_authenticated() {
    let paygent = paygent();
    store(&paygent, "m_1", "visa");
    let asked = "telegram_kind=450&term_url=http://shop/back&merchant_name=SHOP&authentication_type=01\
        &payment_amount=3300&card_set_method=customer&customer_id=m_1&customer_card_id=";
    let page = send_at(&paygent, NOW, &format!("{asked}1")).text;
    assert!(
        page.contains("3ds_auth_id=") && page.contains("card_brand=VISA"),
        "{page}"
    );
    assert_eq!(codes(&send(&paygent, &format!("{asked}9")))[..2], ["1", "P026"]);
}
