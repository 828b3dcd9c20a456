//! How often a card may be tried (ASVS 2.4.1). Tries that paid nothing are counted by order, session, member, address and
//! card, those in flight among them, so that fifty at once do not slip under a limit.
//!
//! Nobody may lock a stranger out. So only what is the shopper's own, the order and the session, is refused outright, until
//! enough of its tries have left the window. An address is shared by a whole mobile network, a card's fingerprint is what
//! the thief typed, an account may be stolen: those make the next try wait, a little longer each time, and a shopper whose
//! own record is clean gets their turn after the longest wait whatever strangers do meanwhile. A host that can tell people
//! from machines asks for that instead. Nothing lasts beyond its window.

use chrono::{NaiveDateTime, TimeDelta};

/// What tries are counted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Order,
    Session,
    Member,
    Address,
    Card,
}

impl Kind {
    pub(crate) const ALL: [Self; 5] = [Self::Order, Self::Session, Self::Member, Self::Address, Self::Card];

    /// Its name in a row.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Order => "order",
            Self::Session => "session",
            Self::Member => "member",
            Self::Address => "address",
            Self::Card => "card",
        }
    }

    /// Nobody but the shopper can use it up.
    fn is_own(self) -> bool {
        matches!(self, Self::Order | Self::Session)
    }

    /// It says something of this shopper, and not of whoever shares an address or typed the same card.
    fn is_of_person(self) -> bool {
        self.is_own() || self == Self::Member
    }
}

/// So many tries that pay nothing, within so long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limit {
    pub(crate) tries: u16,
    pub(crate) window: TimeDelta,
}

impl Limit {
    /// While the shop-wide alarm stands, what strangers share is worth half as much.
    fn as_of(self, kind: Kind, alarmed: bool) -> usize {
        let tries = usize::from(self.tries);
        if alarmed && !kind.is_own() {
            (tries / 2).max(1)
        } else {
            tries
        }
    }
}

/// What a shopper waits for where the limit is not their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Softly {
    /// Time: first so long, then twice that and so on, never longer than the second.
    Wait(TimeDelta, TimeDelta),
    /// The host's own challenge.
    Challenge,
}

/// The tries that count under one key, within its limit's window, the newest first.
pub(crate) struct Record {
    pub(crate) kind: Kind,
    pub(crate) limit: Limit,
    pub(crate) tries: Vec<NaiveDateTime>,
}

/// More tries than a limit allows need not be read: the wait has reached its longest by then.
pub(crate) const WORTH_READING_BEYOND: i64 = 16;

/// What is asked, besides the records.
pub(crate) struct Asked {
    pub(crate) now: NaiveDateTime,
    /// When the shopper's own card page was opened.
    pub(crate) opened_at: NaiveDateTime,
    /// The host has seen that this is a person.
    pub(crate) human: bool,
    /// The shop-wide alarm stands.
    pub(crate) alarmed: bool,
}

/// Why a try may not be made now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hindrance {
    /// Not before this moment.
    Wait(NaiveDateTime),
    /// Not before the host has seen that this is a person.
    Challenge,
}

/// What hinders one more try, if anything does.
pub(crate) fn hindrance(records: &[Record], softly: Softly, asked: &Asked) -> Option<Hindrance> {
    let reached = |record: &&Record| record.tries.len() >= record.limit.as_of(record.kind, asked.alarmed);
    let own = records.iter().filter(|record| record.kind.is_own());
    // Of as many tries as the limit allows, the oldest has to leave the window.
    let leaves = |record: &Record| {
        let oldest = record.tries.get(usize::from(record.limit.tries).checked_sub(1)?)?;
        Some(*oldest + record.limit.window)
    };
    if let Some(until) = own.filter_map(leaves).max().filter(|until| *until > asked.now) {
        return Some(Hindrance::Wait(until));
    }
    if asked.human {
        return None;
    }
    let over: Vec<&Record> = records
        .iter()
        .filter(|record| !record.kind.is_own())
        .filter(reached)
        .collect();
    let (first, longest) = match softly {
        // Testers with an address and a session for each try are under every limit: in an alarm people show that they are.
        Softly::Challenge => return (asked.alarmed || !over.is_empty()).then_some(Hindrance::Challenge),
        Softly::Wait(first, longest) => (first, longest),
    };
    let waits = over.iter().filter_map(|record| {
        let beyond = record.tries.len() - record.limit.as_of(record.kind, asked.alarmed);
        Some(*record.tries.first()? + delay(first, longest, beyond))
    });
    let clean = records
        .iter()
        .all(|record| !record.kind.is_of_person() || record.tries.is_empty());
    // From their own card page on: a stranger who goes on trying moves the other end, and never this one.
    let turn = asked.opened_at + longest;
    let until = waits.max().map(|until| if clean { until.min(turn) } else { until });
    until.filter(|until| *until > asked.now).map(Hindrance::Wait)
}

fn delay(first: TimeDelta, longest: TimeDelta, beyond: usize) -> TimeDelta {
    const MOST_DOUBLINGS: u32 = 12;
    let doublings = u32::try_from(beyond).unwrap_or(MOST_DOUBLINGS).min(MOST_DOUBLINGS);
    longest.min(first * 2_i32.pow(doublings))
}

/// When the whole shop is under attack: so many failures within so long, and so large a share of all tries that ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Alarm {
    pub(crate) failures: u16,
    pub(crate) percent: u8,
    pub(crate) window: TimeDelta,
}

impl Alarm {
    /// Whether so many that failed, beside so many that paid, are an attack. A busy evening fails often and pays oftener.
    pub(crate) fn is_due(self, failed: i64, paid: i64) -> bool {
        failed >= i64::from(self.failures) && failed * 100 > i64::from(self.percent) * (failed + paid)
    }

    /// Whether one that was raised then still stands.
    pub(crate) fn stands(self, raised_at: NaiveDateTime, now: NaiveDateTime) -> bool {
        now < raised_at + self.window
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOFTLY: Softly = Softly::Wait(TimeDelta::seconds(30), TimeDelta::seconds(600));

    fn at(second: i64) -> NaiveDateTime {
        chrono::DateTime::UNIX_EPOCH.naive_utc() + TimeDelta::seconds(second)
    }

    /// So many tries, one a second, the last at the hundredth; five are allowed in half an hour.
    fn record(kind: Kind, tries: i64) -> Record {
        Record {
            kind,
            limit: Limit {
                tries: 5,
                window: TimeDelta::minutes(30),
            },
            tries: (0..tries).map(|back| at(100 - back)).collect(),
        }
    }

    fn asked(second: i64) -> Asked {
        Asked {
            now: at(second),
            opened_at: at(90),
            human: false,
            alarmed: false,
        }
    }

    #[test]
    fn s12_what_is_the_shoppers_own_waits_until_enough_tries_have_left_the_window() {
        for kind in [Kind::Order, Kind::Session] {
            assert_eq!(hindrance(&[record(kind, 4)], SOFTLY, &asked(101)), None);
            let full = [record(kind, 5)];
            assert_eq!(
                hindrance(&full, SOFTLY, &asked(101)),
                Some(Hindrance::Wait(at(96 + 1_800)))
            );
            assert_eq!(hindrance(&full, SOFTLY, &asked(96 + 1_800)), None, "never for good");
            let human = Asked {
                human: true,
                ..asked(101)
            };
            assert_ne!(hindrance(&full, SOFTLY, &human), None, "people test cards, too");
        }
    }

    #[test]
    fn s14_what_others_share_waits_a_little_longer_each_time() {
        let wait = |tries| hindrance(&[record(Kind::Member, tries)], SOFTLY, &asked(101));
        assert_eq!(wait(4), None);
        assert_eq!(wait(5), Some(Hindrance::Wait(at(130))));
        assert_eq!(wait(6), Some(Hindrance::Wait(at(160))));
        assert_eq!(wait(7), Some(Hindrance::Wait(at(220))));
        assert_eq!(wait(21), Some(Hindrance::Wait(at(700))), "the longest");
    }

    #[test]
    fn s15_a_clean_shopper_gets_their_turn_whatever_strangers_do() {
        for kind in [Kind::Address, Kind::Card] {
            let strangers = || record(kind, 21);
            let mine = |tries| [strangers(), record(Kind::Session, tries), record(Kind::Order, 0)];
            assert_eq!(hindrance(&mine(0), SOFTLY, &asked(101)), Some(Hindrance::Wait(at(690))));
            assert_eq!(hindrance(&mine(0), SOFTLY, &asked(690)), None);
            assert_eq!(
                hindrance(&mine(1), SOFTLY, &asked(690)),
                Some(Hindrance::Wait(at(700))),
                "not clean"
            );
            let human = Asked {
                human: true,
                ..asked(101)
            };
            assert_eq!(hindrance(&mine(0), SOFTLY, &human), None);
        }
    }

    #[test]
    fn s15_a_host_with_a_challenge_asks_for_it_instead() {
        let strangers = [record(Kind::Address, 5)];
        assert_eq!(
            hindrance(&strangers, Softly::Challenge, &asked(101)),
            Some(Hindrance::Challenge)
        );
        let own = [record(Kind::Address, 5), record(Kind::Session, 5)];
        assert_eq!(
            hindrance(&own, Softly::Challenge, &asked(101)),
            Some(Hindrance::Wait(at(96 + 1_800)))
        );
    }

    #[test]
    fn s13_the_alarm_halves_what_strangers_share_and_nothing_of_the_shoppers_own() {
        let alarmed = Asked {
            alarmed: true,
            ..asked(101)
        };
        assert_ne!(hindrance(&[record(Kind::Address, 2)], SOFTLY, &alarmed), None);
        assert_eq!(hindrance(&[record(Kind::Address, 1)], SOFTLY, &alarmed), None);
        assert_eq!(hindrance(&[record(Kind::Order, 4)], SOFTLY, &alarmed), None);
    }

    #[test]
    fn s13_in_an_alarm_a_host_with_a_challenge_sees_every_shopper() {
        let mut alarmed = Asked {
            alarmed: true,
            ..asked(101)
        };
        let clean = [record(Kind::Session, 0), record(Kind::Address, 0)];
        assert_eq!(
            hindrance(&clean, Softly::Challenge, &alarmed),
            Some(Hindrance::Challenge)
        );
        assert_eq!(hindrance(&clean, SOFTLY, &alarmed), None);
        alarmed.human = true;
        assert_eq!(hindrance(&clean, Softly::Challenge, &alarmed), None);
    }

    #[test]
    fn s13_the_alarm_needs_many_failures_and_a_large_share() {
        let alarm = Alarm {
            failures: 50,
            percent: 60,
            window: TimeDelta::minutes(10),
        };
        assert!(!alarm.is_due(49, 0));
        assert!(alarm.is_due(50, 33) && !alarm.is_due(60, 40), "more than 60 %");
        assert!(alarm.stands(at(0), at(599)) && !alarm.stands(at(0), at(600)));
    }
}
