//! What runs by itself once a day, at an hour of Japan.

use chrono::{NaiveDate, NaiveDateTime, NaiveTime};

use super::japan;

/// Today's run is due: its hour has struck in Japan, and `last`, the day of the last one, is over.
pub(crate) fn is_due(now: NaiveDateTime, hour: u8, last: NaiveDate) -> bool {
    let clock = japan::clock(now);
    let struck = NaiveTime::from_hms_opt(u32::from(hour), 0, 0).is_some_and(|hour| clock.time() >= hour);
    struck && last < clock.date()
}

/// The day that counts as the last one where nothing ever ran: whoever has just switched it on waits for the next time that
/// its hour strikes.
pub(crate) fn before_the_first(now: NaiveDateTime, hour: u8) -> NaiveDate {
    let today = japan::date(now);
    let yesterday = today.pred_opt().unwrap_or(today);
    if is_due(now, hour, yesterday) { today } else { yesterday }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> NaiveDateTime {
        text.parse().unwrap()
    }

    fn november(day: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(2020, 11, day).unwrap()
    }

    #[test]
    fn r84_a_daily_run_comes_once_a_day_at_its_hour() {
        // 02:59:59 and 03:00 on the 27th in Japan.
        assert!(!is_due(at("2020-11-26T17:59:59"), 3, november(26)));
        assert!(is_due(at("2020-11-26T18:00:00"), 3, november(26)));
        assert!(!is_due(at("2020-11-26T18:00:00"), 3, november(27)), "it has begun");
        assert!(
            is_due(at("2020-11-27T14:00:00"), 3, november(25)),
            "a shop that was asleep at three"
        );
    }

    #[test]
    fn c03_a_clock_that_is_set_back_runs_nothing_again() {
        assert!(!is_due(at("2020-11-20T18:00:00"), 3, november(27)));
    }

    #[test]
    fn a_shop_that_switches_it_on_in_the_evening_waits_for_the_night() {
        assert_eq!(before_the_first(at("2020-11-26T17:59:59"), 3), november(26));
        assert_eq!(before_the_first(at("2020-11-26T18:00:00"), 3), november(27));
    }
}
