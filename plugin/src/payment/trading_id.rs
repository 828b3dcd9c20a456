//! trading_id: how an attempt is named on the wire, so that an inquiry finds exactly that attempt.

/// The wire's limit: 25 characters of `[A-Za-z0-9_]`.
const LONGEST: usize = 25;

/// `<prefix><order number>_<attempt>_<salt>`, readable at Paygent Online. The salt keeps a name from coming
/// twice when the database is set back to yesterday. Where the order number does not fit, only its fitting
/// characters' tail is kept: the attempts table, not the text, says which order it is (decision A12b).
pub(crate) fn trading_id(prefix: &str, order_number: &str, attempt: i32, salt: &str) -> String {
    let fits = |text: &str| {
        text.chars()
            .filter(|c| c.is_ascii_alphanumeric() || *c == '_')
            .collect::<String>()
    };
    let tail = format!("_{attempt}_{}", fits(salt));
    let head = format!("{}{}", fits(prefix), fits(order_number));
    let room = LONGEST.saturating_sub(tail.len());
    let from = head.len().saturating_sub(room);
    format!("{}{tail}", head.get(from..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readable_where_it_fits() {
        assert_eq!(trading_id("", "234", 1, "k7f3"), "234_1_k7f3");
        assert_eq!(trading_id("shop2_", "234", 12, "k7f3"), "shop2_234_12_k7f3");
    }

    #[test]
    fn never_longer_than_the_wire_takes_and_only_its_characters() {
        let id = trading_id("店-", "2026-11-24/受注-000000000000000000000123", 2_147_483_647, "k7f3");
        assert!(
            id.len() <= LONGEST && id.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'),
            "{id}"
        );
        assert!(id.ends_with("_2147483647_k7f3"));
    }
}
