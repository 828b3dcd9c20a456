//! `hc`: what a shop without a client certificate proves itself with, under `/s/`.

use std::fmt::Write;

use sha2::{Digest, Sha256};

use super::wire::Fields;

/// Lower-case hex of the SHA-256 of the parts, one after the other.
pub(crate) fn sha256(parts: &[&str]) -> String {
    let digest = Sha256::digest(parts.concat());
    digest.iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// The telegram names its second and carries the hash that only the holder of the key can make.
pub(crate) fn is_signed(fields: &Fields, key: &str) -> bool {
    let date = fields.text("request_date");
    let dated = date.len() == 14 && date.bytes().all(|byte| byte.is_ascii_digit());
    let given = fields.text("hc").as_bytes();
    let expected = sha256(&signed_parts(fields, key));
    dated && given.len() == expected.len() && openssl::memcmp::eq(given, expected.as_bytes())
}

/// The same for an order of the link type. Published clients add random hex digits behind the hash.
pub(crate) fn is_signed_link(fields: &Fields, key: &str) -> bool {
    let parts = [
        "trading_id",
        "payment_type",
        "fix_params",
        "id",
        "inform_url",
        "seq_merchant_id",
        "payment_term_day",
        "payment_term_min",
        "payment_class",
        "use_card_conf_number",
        "customer_id",
        "threedsecure_ryaku",
    ]
    .map(|field| fields.text(field));
    let expected = sha256(&[parts.as_slice(), &[key]].concat());
    let given = fields.text("hc").as_bytes().get(..expected.len());
    given.is_some_and(|given| openssl::memcmp::eq(given, expected.as_bytes()))
}

fn signed_parts<'a>(fields: &'a Fields, key: &'a str) -> [&'a str; 10] {
    let amount = fields
        .get("payment_amount")
        .or_else(|| fields.get("amount"))
        .unwrap_or_default();
    [
        fields.text("merchant_id"),
        fields.text("connect_id"),
        fields.text("connect_password"),
        fields.text("telegram_kind"),
        fields.text("telegram_version"),
        fields.text("trading_id"),
        fields.text("payment_id"),
        amount,
        fields.text("request_date"),
        key,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &str = "merchant_id=10001&connect_id=cid&connect_password=cpw&telegram_version=1.0&telegram_kind=021\
        &trading_id=wc_1001&payment_id=28569257&request_date=20261123170431\
        &hc=8ef26d26bcad543551d73954c9fd59ab8a84b665338b693e8ea16926604b876d";

    #[test]
    fn the_known_vector_is_accepted() {
        assert!(is_signed(&Fields::parse(BODY.as_bytes()), "HASHKEY"));
    }

    #[test]
    fn an_order_of_the_link_type_is_signed_in_its_own_order_and_may_have_a_tail() {
        let order = "hc=91fe60f6e739c1b18c31f7e4833e07e634c562f2847df335839c05f725e2f36aaB3&threedsecure_ryaku=1&customer_id=m_1&use_card_conf_number=1&payment_class=0\
            &payment_term_day=5&seq_merchant_id=10001&inform_url=http://shop/n&id=3300&payment_type=02&trading_id=abc_1";
        let signed = |order: &str| is_signed_link(&Fields::parse(order.as_bytes()), "simulated_link_key");
        assert!(signed(order));
        assert!(!signed(&order.replace("id=3300", "id=3301")));
        assert!(!signed(&order.replace("hc=", "x=")));
    }

    #[test]
    fn another_key_field_or_date_is_not() {
        assert!(!is_signed(&Fields::parse(BODY.as_bytes()), "OTHER"));
        for (from, to) in [
            ("28569257", "28569258"),
            ("20261123170431", "2026112317043"),
            ("&hc=8", "&hc=9"),
            ("&hc=", "&h="),
        ] {
            assert!(
                !is_signed(&Fields::parse(BODY.replace(from, to).as_bytes()), "HASHKEY"),
                "{from} -> {to}"
            );
        }
    }
}
