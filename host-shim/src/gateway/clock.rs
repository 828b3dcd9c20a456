//! The simulator's clock. Instants are Unix milliseconds; what is shown and sent is Japan's time.

use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, FixedOffset, Utc};

/// Japan keeps one offset all year.
const JST_SECONDS: i32 = 9 * 60 * 60;

/// Milliseconds of a day; Japan has no daylight saving time.
const DAY: i64 = 24 * 60 * 60 * 1_000;

/// The system's, moved by a test: it runs on, so many milliseconds ahead.
#[derive(Debug, Default)]
pub(crate) struct Clock(AtomicI64);

impl Clock {
    /// Unix milliseconds.
    pub(crate) fn now(&self) -> i64 {
        now() + self.0.load(Ordering::Acquire)
    }

    /// Time passes.
    pub(crate) fn advance(&self, seconds: u32) {
        self.0.fetch_add(i64::from(seconds) * 1_000, Ordering::AcqRel);
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the simulated Paygent is another party with a clock of its own"
)]
fn now() -> i64 {
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

/// The first moment of the day in Japan that lies so many days before.
pub(crate) fn days_before(at: i64, days: i64) -> i64 {
    let offset = i64::from(JST_SECONDS) * 1_000;
    ((at + offset).div_euclid(DAY) - days) * DAY - offset
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

    #[test]
    fn days_are_japans() {
        let noon = 1_606_359_600_000; // 2020-11-26 12:00 in Japan
        assert_eq!(shown(days_before(noon, 0)), "2020/11/26 00:00:00");
        assert_eq!(shown(days_before(noon, 60)), "2020/09/27 00:00:00");
        let early = days_before(noon, 0);
        assert_eq!(days_before(early, 0), early);
        assert_eq!(shown(days_before(early - 1, 0)), "2020/11/25 00:00:00");
    }
}
