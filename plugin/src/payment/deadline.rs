//! How long a payment can still be worked on: 60 days to capture an authorisation (guide line 195) and 60 days to change
//! or cancel a sale (line 232), by Japanese dates. The gateway's own word wins over this clock; between its words the
//! clock keeps the screen from offering what would be refused.

use chrono::{Datelike as _, Days, NaiveDate, NaiveDateTime};

use super::{GatewayStatus, japan};

/// The limits in days; the contract may have others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    /// From the authorisation to the last day of a capture.
    pub(crate) authorisation: u16,
    /// From the capture to the last day of a change or cancel.
    pub(crate) sale: u16,
}

/// When a payment came to where it stands, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Since {
    pub(crate) authorised: NaiveDateTime,
    pub(crate) captured: Option<NaiveDateTime>,
}

/// The last day on which the payment can be worked on; none where there is no such day.
pub(crate) fn last_day(status: GatewayStatus, since: Since, limits: Limits) -> Option<NaiveDate> {
    let (from, days) = match (status, since.captured) {
        (GatewayStatus::AUTHORISED | GatewayStatus::CAPTURE_REQUESTED | GatewayStatus::VOIDING, _) => {
            (since.authorised, limits.authorisation)
        }
        (GatewayStatus::CAPTURED, captured) => (captured.unwrap_or(since.authorised), limits.sale),
        _ => return None,
    };
    japan::date(from).checked_add_days(Days::new(u64::from(days)))
}

/// The status as of today: past its last day an authorisation has expired, and a sale can no longer be taken back.
pub(crate) fn as_of(status: GatewayStatus, since: Since, limits: Limits, today: NaiveDate) -> GatewayStatus {
    match last_day(status, since, limits) {
        Some(last) if last < today && status == GatewayStatus::CAPTURED => GatewayStatus::CAPTURED_FOR_GOOD,
        Some(last) if last < today => GatewayStatus::EXPIRED,
        _ => status,
    }
}

/// How near a deadline is: the marks of the list, and the days on which a shop is warned (decision A16).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Nearness {
    /// Two days or less.
    Urgent,
    /// A week or less.
    Soon,
    /// Two weeks or less.
    Near,
    /// Later.
    Far,
}

/// Days up to which the filter 「期限が近い」 shows a payment.
pub(crate) const NEAR_DAYS: i64 = 14;

/// How near that many days are.
pub(crate) fn nearness(days_left: i64) -> Nearness {
    match days_left {
        ..=2 => Nearness::Urgent,
        3..=7 => Nearness::Soon,
        8..=NEAR_DAYS => Nearness::Near,
        _ => Nearness::Far,
    }
}

/// The shop is warned today: since the day of the last warning so few days are left as one of `on` says, or fewer. What is over
/// already is not warned of.
pub(crate) fn is_warned(last: NaiveDate, (before, today): (NaiveDate, NaiveDate), on: &[u16]) -> bool {
    let (left_then, left_now) = ((last - before).num_days(), (last - today).num_days());
    let passed = |days: &u16| left_now <= i64::from(*days) && i64::from(*days) < left_then;
    left_now >= 0 && on.iter().any(passed)
}

/// One of the card companies' usual closing days (a day of the month; 31 stands for the last) has passed between capture
/// and today, so that the customer may have been billed already (guide line 230).
pub(crate) fn may_be_billed(captured: NaiveDate, today: NaiveDate, closing_days: &[u8]) -> bool {
    let closes = |day: NaiveDate| {
        let last = day.num_days_in_month();
        closing_days
            .iter()
            .any(|closing| (*closing).min(last) == u8::try_from(day.day()).unwrap_or(0))
    };
    captured.iter_days().take_while(|day| *day < today).take(31).any(closes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIXTY: Limits = Limits {
        authorisation: 60,
        sale: 60,
    };

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn since(authorised: &str, captured: Option<&str>) -> Since {
        let noon = |text: &str| japan::midnight(day(text)) + chrono::TimeDelta::hours(12);
        Since {
            authorised: noon(authorised),
            captured: captured.map(noon),
        }
    }

    #[test]
    fn r59_r60_an_authorisation_lives_sixty_days_and_then_has_expired() {
        let since = since("2020-11-26", None);
        let at = |text: &str| as_of(GatewayStatus::AUTHORISED, since, SIXTY, day(text));
        assert_eq!(at("2021-01-24"), GatewayStatus::AUTHORISED, "day 59");
        assert_eq!(at("2021-01-25"), GatewayStatus::AUTHORISED, "day 60 is the last");
        assert_eq!(at("2021-01-26"), GatewayStatus::EXPIRED);
    }

    #[test]
    fn r67_a_sale_can_be_changed_sixty_days_after_its_capture() {
        let since = since("2020-11-01", Some("2020-11-26"));
        let at = |text: &str| as_of(GatewayStatus::CAPTURED, since, SIXTY, day(text));
        assert_eq!(at("2021-01-25"), GatewayStatus::CAPTURED);
        assert_eq!(at("2021-01-26"), GatewayStatus::CAPTURED_FOR_GOOD);
    }

    #[test]
    fn the_days_are_days_in_japan() {
        let late = Since {
            authorised: japan::midnight(day("2020-11-27")) - chrono::TimeDelta::seconds(1),
            captured: None,
        };
        assert_eq!(
            last_day(GatewayStatus::AUTHORISED, late, SIXTY),
            Some(day("2021-01-25")),
            "23:59:59 in Japan still is the 26th"
        );
    }

    #[test]
    fn what_holds_nothing_has_no_deadline() {
        let since = since("2020-11-26", Some("2020-11-26"));
        for status in [11, 32, 33, 41, 60] {
            assert_eq!(last_day(GatewayStatus(status), since, SIXTY), None);
        }
    }

    #[test]
    fn r66_a_closing_day_since_the_capture_means_billed() {
        let billed = |captured: &str, today: &str| may_be_billed(day(captured), day(today), &[15, 31]);
        assert!(
            !billed("2020-11-16", "2020-11-30"),
            "the closing day itself has to be over"
        );
        assert!(billed("2020-11-16", "2020-12-01"));
        assert!(billed("2020-11-10", "2020-11-16"));
        assert!(
            billed("2021-02-28", "2021-03-01"),
            "31 stands for the last day of the month"
        );
        assert!(!billed("2020-11-26", "2020-11-26"));
    }

    #[test]
    fn n06_a_shop_is_warned_once_at_fourteen_seven_and_two_days() {
        let last = day("2021-01-25");
        let warned: Vec<i64> = (0..20)
            .filter(|left| {
                let today = last - Days::new(*left);
                is_warned(last, (today - Days::new(1), today), &[14, 7, 2])
            })
            .map(|left| i64::try_from(left).unwrap())
            .collect();
        assert_eq!(warned, [2, 7, 14]);
        let after_a_pause = (day("2021-01-10"), day("2021-01-20"));
        assert!(
            is_warned(last, after_a_pause, &[14, 7, 2]),
            "a shop that was asleep for days"
        );
        let over = (day("2021-01-10"), day("2021-01-26"));
        assert!(!is_warned(last, over, &[14, 7, 2]));
    }

    #[test]
    fn nearness_changes_at_two_seven_and_fourteen_days() {
        let marks: Vec<Nearness> = [0, 2, 3, 7, 8, 14, 15].map(nearness).to_vec();
        use Nearness::{Far, Near, Soon, Urgent};
        assert_eq!(marks, [Urgent, Urgent, Soon, Soon, Near, Near, Far]);
    }
}
