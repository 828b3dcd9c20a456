//! `hc`, which stands for the client certificate on the `/s/` paths.

use sha2::{Digest as _, Sha256};

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
    Sha256::digest(parts.concat())
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

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
