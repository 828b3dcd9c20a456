//! Cards that a member leaves with the gateway: how long they are good, how many there may be, and what became of storing
//! one when its answer was lost. A 025 is never sent twice: the token is spent, and the list (027) tells.

use std::fmt;

use chrono::{Datelike as _, NaiveDate, TimeDelta};

/// As many as a customer may leave (Paygent's limit).
pub(crate) const MOST: usize = 10;

/// The last month in which a card can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Expiry {
    year: i32,
    month: u32,
}

impl Expiry {
    /// `card_valid_term` of the wire: `MMYY`.
    pub(crate) fn read(text: &str) -> Option<Self> {
        const CENTURY: i32 = 2000;
        let (month, year) = text.split_at_checked(2)?;
        let digits = text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_digit());
        let month = month.parse().ok().filter(|month| (1..=12).contains(month))?;
        let year: i32 = year.parse().ok()?;
        digits.then_some(Self {
            year: CENTURY + year,
            month,
        })
    }

    /// As the wire has it.
    pub(crate) fn term(self) -> String {
        format!("{:02}{:02}", self.month, self.year % 100)
    }

    /// The month is past on that day.
    pub(crate) fn is_over(self, today: NaiveDate) -> bool {
        (self.year, self.month) < (today.year(), today.month())
    }
}

/// As on the card: `12/30`.
impl fmt::Display for Expiry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}/{:02}", self.month, self.year % 100)
    }
}

/// How far a wish to store a card has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StoringState {
    /// For the payment that it came with: a card that did not pay is not stored.
    Waiting,
    /// To be sent.
    Due,
    /// 025 may have left.
    Sent,
    /// Sent, and the answer is lost: only the list can tell.
    Unknown,
    /// The gateway has it.
    Stored,
    /// The gateway does not have it, and will not.
    Failed,
}

impl StoringState {
    const ALL: [Self; 6] = [
        Self::Waiting,
        Self::Due,
        Self::Sent,
        Self::Unknown,
        Self::Stored,
        Self::Failed,
    ];

    /// Its name in a row.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Due => "due",
            Self::Sent => "sent",
            Self::Unknown => "unknown",
            Self::Stored => "stored",
            Self::Failed => "failed",
        }
    }

    /// The state of that name.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// 025 left, and its end is not known.
    pub(crate) fn is_in_flight(self) -> bool {
        matches!(self, Self::Sent | Self::Unknown)
    }
}

/// What the list says of a 025 whose answer was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// A card is there that was not before.
    Stored,
    /// Nothing came, and nothing can be on its way any more.
    Lost,
    /// It may still come.
    Open,
}

/// Judges by the customer's cards as they were before the 025 left and as they are now; one customer has one 025 under way
/// at a time. `quarantine` is longer than a request can be in flight.
pub(crate) fn fate(before: &[String], now: &[&str], age: TimeDelta, quarantine: TimeDelta) -> Fate {
    if now.iter().any(|card| !before.iter().any(|known| known == card)) {
        Fate::Stored
    } else if age > quarantine {
        Fate::Lost
    } else {
        Fate::Open
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_is_good_until_its_month_ends() {
        let expiry = Expiry::read("1120").unwrap();
        let day = |month, day| NaiveDate::from_ymd_opt(2020, month, day).unwrap();
        assert!(!expiry.is_over(day(11, 30)) && expiry.is_over(day(12, 1)));
        assert!(Expiry::read("0121").unwrap() > expiry);
        assert_eq!(
            (expiry.to_string(), Expiry::read(&expiry.term())),
            ("11/20".to_owned(), Some(expiry))
        );
        for wrong in ["", "1320", "0020", "11/20", "112", "+120", "１１"] {
            assert_eq!(Expiry::read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_lost_answer_is_judged_by_the_list_and_never_before_it_can_be() {
        let quarantine = TimeDelta::seconds(120);
        let before = ["1".to_owned()];
        let after = |seconds, now: &[&str]| fate(&before, now, TimeDelta::seconds(seconds), quarantine);
        assert_eq!(after(1, &["1", "2"]), Fate::Stored);
        assert_eq!(after(1, &["2"]), Fate::Stored, "the old one was deleted meanwhile");
        assert_eq!(after(120, &["1"]), Fate::Open);
        assert_eq!(after(121, &["1"]), Fate::Lost);
        assert_eq!(after(121, &[]), Fate::Lost);
    }

    #[test]
    fn names_come_back() {
        for state in StoringState::ALL {
            assert_eq!(StoringState::parse(state.name()), Some(state));
        }
    }
}
