//! The simulator's clock. Instants are Unix milliseconds; what is shown and sent is Japan's time.

use chrono::{DateTime, FixedOffset, Utc};

/// Japan keeps one offset all year.
const JST_SECONDS: i32 = 9 * 60 * 60;

/// Unix milliseconds.
#[expect(
    clippy::disallowed_methods,
    reason = "the simulated Paygent is another party with a clock of its own"
)]
pub(crate) fn now() -> i64 {
    Utc::now().timestamp_millis()
}

/// `YYYYMMDDhhmmss`, as telegram 094 gives it.
pub(crate) fn wire(at: i64) -> String {
    japan(at, "%Y%m%d%H%M%S")
}

/// `2026/11/26 12:00:00`, for people.
pub(crate) fn shown(at: i64) -> String {
    japan(at, "%Y/%m/%d %H:%M:%S")
}

/// `YYMM`, which compares with a card's expiry.
pub(crate) fn year_month(at: i64) -> String {
    japan(at, "%y%m")
}

fn japan(at: i64, format: &str) -> String {
    let offset = FixedOffset::east_opt(JST_SECONDS);
    match DateTime::from_timestamp_millis(at).zip(offset) {
        Some((utc, offset)) => utc.with_timezone(&offset).format(format).to_string(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_shown_in_japan() {
        let instant = 1_606_359_600_000; // 2020-11-26T03:00:00Z
        assert_eq!(wire(instant), "20201126120000");
        assert_eq!(shown(instant), "2020/11/26 12:00:00");
        assert_eq!(year_month(instant), "2011");
    }
}
