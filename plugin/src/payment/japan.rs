//! Japanese dates: deadlines and pages count days in Japan, rows hold UTC.

use chrono::{NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};

/// Japan has one offset and no summer time.
const AHEAD: TimeDelta = TimeDelta::hours(9);

/// The wall clock in Japan at a moment (UTC).
pub(crate) fn clock(utc: NaiveDateTime) -> NaiveDateTime {
    utc.checked_add_signed(AHEAD).unwrap_or(utc)
}

/// The date in Japan at a moment (UTC).
pub(crate) fn date(utc: NaiveDateTime) -> NaiveDate {
    clock(utc).date()
}

/// The moment (UTC) at which a day begins in Japan.
pub(crate) fn midnight(day: NaiveDate) -> NaiveDateTime {
    let local = day.and_time(NaiveTime::MIN);
    local.checked_sub_signed(AHEAD).unwrap_or(local)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_begins_nine_hours_before_utc_midnight() {
        let day = NaiveDate::from_ymd_opt(2020, 11, 26).unwrap();
        assert_eq!(midnight(day).to_string(), "2020-11-25 15:00:00");
        assert_eq!(date(midnight(day)), day);
        assert_eq!(date(midnight(day) - TimeDelta::seconds(1)), day.pred_opt().unwrap());
    }
}
