//! `hc`: our own, which stands for the client certificate on the `/s/` paths, or goes with an order of the link type; and the gateway's, on what it sends through
//! other hands, a pushed notice and a 3-D Secure return.

use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::telegram::Telegram;

/// Who asks, and when.
pub(crate) struct Sender<'a> {
    pub(crate) merchant_id: &'a str,
    pub(crate) connect_id: &'a str,
    pub(crate) connect_password: &'a str,
    pub(crate) telegram_version: &'a str,
    /// Japanese time, `YYYYMMDDhhmmss`.
    pub(crate) request_date: &'a str,
}

/// Lower-case hex SHA-256 over the sender, the telegram and the merchant's hash key.
pub(crate) fn hc(sender: &Sender<'_>, telegram: &Telegram, key: &str) -> String {
    let amount = match telegram.value("payment_amount") {
        "" => telegram.value("amount"),
        amount => amount,
    };
    let parts = [
        sender.merchant_id,
        sender.connect_id,
        sender.connect_password,
        telegram.kind,
        sender.telegram_version,
        telegram.value("trading_id"),
        telegram.value("payment_id"),
        amount,
        sender.request_date,
        key,
    ];
    sha256(&parts)
}

/// Lower-case hex SHA-256 over an order of the link type and its key.
pub(super) fn link(order: &Telegram, key: &str) -> String {
    const SIGNED: [&str; 12] = [
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
    ];
    sha256(&[SIGNED.map(|field| order.value(field)).as_slice(), &[key]].concat())
}

/// Lower-case hex SHA-256 of the parts, one after the other.
fn sha256(parts: &[&str]) -> String {
    Sha256::digest(parts.concat())
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// The gateway's hash over these parts and the key is `given`: 64 lower-case hex digits, compared in constant time.
pub(crate) fn fits(parts: &[&str], key: &str, given: &str) -> bool {
    let expected = sha256(&[parts, &[key]].concat());
    bool::from(expected.as_bytes().ct_eq(given.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vector_of_a_3d_secure_return_and_nothing_near_it() {
        let parts = ["0", "11111111-1111-1111-1111-111111111111", "0"];
        let hc = "e3f5400fb96b6ae955ac16f58cc81ba33e93f5ae35ec4a07bac6f0496c51bc43";
        assert!(fits(&parts, "test_1234567890123456789", hc));
        for wrong in [hc.to_uppercase().as_str(), &hc[1..], "", "0e0", &format!("{hc}0")] {
            assert!(!fits(&parts, "test_1234567890123456789", wrong), "{wrong}");
        }
        assert!(
            !fits(&["1", parts[1], "0"], "test_1234567890123456789", hc),
            "another result"
        );
        assert!(!fits(&parts, "another key", hc));
    }

    #[test]
    fn an_order_of_the_link_type_is_signed_in_the_order_of_published_clients() {
        let order = Telegram::bare("lnk")
            .with("threedsecure_ryaku", "1")
            .with("customer_id", "m_1")
            .with("use_card_conf_number", "1")
            .with("payment_class", "0")
            .with("payment_term_day", "5")
            .with("seq_merchant_id", "10001")
            .with("inform_url", "http://shop/n")
            .with("id", "3300")
            .with("payment_type", "02")
            .with("trading_id", "abc_1")
            .with("merchant_name", "not signed");
        let expected = "91fe60f6e739c1b18c31f7e4833e07e634c562f2847df335839c05f725e2f36a";
        assert_eq!(link(&order, "simulated_link_key"), expected);
    }

    #[test]
    fn the_vector_of_a_void() {
        let telegram = Telegram::new("021")
            .with("trading_id", "wc_1001")
            .with("payment_id", "28569257");
        let sender = Sender {
            merchant_id: "10001",
            connect_id: "cid",
            connect_password: "cpw",
            telegram_version: "1.0",
            request_date: "20261123170431",
        };
        let expected = "8ef26d26bcad543551d73954c9fd59ab8a84b665338b693e8ea16926604b876d";
        assert_eq!(hc(&sender, &telegram, "HASHKEY"), expected);
    }
}
