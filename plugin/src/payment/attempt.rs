//! An attempt: one telegram 020, or one order that is handed over, and what is known of it.

use chrono::{NaiveDateTime, TimeDelta};

/// The code of an attempt whose holder left before the end of 3-D Secure: nothing was asked for.
pub(crate) const LEFT: &str = "3ds.left";
/// The code of an attempt whose shopper was refused at Paygent's own page; 094 does not tell why.
pub(crate) const REFUSED_THERE: &str = "link.refused";

/// What is known of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AttemptState {
    /// The holder is being authenticated (450): nothing was asked for yet, and nothing is held.
    Authenticating,
    /// The intent is committed; the telegram may have left.
    Sent,
    /// Link type: the shopper is at Paygent's page, and may pay there at any time, or never.
    HandedOver,
    /// Sent, and the answer is lost: only an inquiry can tell.
    Unknown,
    /// The gateway holds the money.
    Authorised,
    /// The gateway holds money, but not the amount that was asked: a person must look.
    Mismatched,
    /// Refused by the gateway or the card company.
    Declined,
    /// Provably nothing left for the gateway.
    NotExecuted,
    /// The gateway knew nothing of it even after the quarantine: the shopper may try again, we go on looking.
    Missing,
    /// Looked for long enough: it never happened.
    Closed,
    /// The money was given back: nothing is held.
    Released,
}

impl AttemptState {
    pub(crate) const ALL: [Self; 11] = [
        Self::Authenticating,
        Self::Sent,
        Self::HandedOver,
        Self::Unknown,
        Self::Authorised,
        Self::Mismatched,
        Self::Declined,
        Self::NotExecuted,
        Self::Missing,
        Self::Closed,
        Self::Released,
    ];

    /// Its name in a row.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Authenticating => "authenticating",
            Self::Sent => "sent",
            Self::HandedOver => "handed_over",
            Self::Unknown => "unknown",
            Self::Authorised => "authorised",
            Self::Mismatched => "mismatched",
            Self::Declined => "declined",
            Self::NotExecuted => "not_executed",
            Self::Missing => "missing",
            Self::Closed => "closed",
            Self::Released => "released",
        }
    }

    /// The state of that name.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// It may hold the shopper's money, so no other attempt of the order may start.
    pub(crate) fn is_live(self) -> bool {
        self.is_open() || matches!(self, Self::Authorised | Self::Mismatched)
    }

    /// Its end is not known, and the gateway may know it.
    pub(crate) fn is_open(self) -> bool {
        self.is_in_flight() || self == Self::HandedOver
    }

    /// In flight: asked, and the end of it not known.
    pub(crate) fn is_in_flight(self) -> bool {
        matches!(self, Self::Sent | Self::Unknown)
    }
}

/// Something that happened to an attempt. `attempt_log` keeps each, so that every state can be told from what led to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    /// From before the log was kept: the state is taken as it stood.
    CarriedOver,
    /// 450 is about to leave: the holder is to be authenticated.
    HolderAsked,
    /// 020, or the hand-over, is about to leave.
    Sent,
    /// No answer that can be believed.
    Silent,
    /// Link type: Paygent took the order.
    HandedOver,
    /// Link type: the shopper came back from Paygent's page and says that they paid.
    CameBack,
    /// A payment holds the amount that was asked.
    Held,
    /// A payment holds another amount.
    HeldOtherwise,
    /// Refused, by the gateway, the card company or the holder.
    Refused,
    /// Provably nothing left, or nobody came back from the card company's page.
    NotExecuted,
    /// The gateway knows of nothing, and nothing is expected any more.
    Absent,
    /// Link type: another attempt of the order was paid first.
    GaveWay,
    /// A missing attempt was looked for long enough.
    GivenUp,
    /// Its payment holds nothing any more.
    Released,
    /// A payment that was made by hand in Paygent Online is the order's from now on.
    Linked,
}

impl Event {
    const ALL: [Self; 15] = [
        Self::CarriedOver,
        Self::HolderAsked,
        Self::Sent,
        Self::Silent,
        Self::HandedOver,
        Self::CameBack,
        Self::Held,
        Self::HeldOtherwise,
        Self::Refused,
        Self::NotExecuted,
        Self::Absent,
        Self::GaveWay,
        Self::GivenUp,
        Self::Released,
        Self::Linked,
    ];

    /// Its name in a row.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::CarriedOver => "carried_over",
            Self::HolderAsked => "holder_asked",
            Self::Sent => "sent",
            Self::Silent => "silent",
            Self::HandedOver => "handed_over",
            Self::CameBack => "came_back",
            Self::Held => "held",
            Self::HeldOtherwise => "held_otherwise",
            Self::Refused => "refused",
            Self::NotExecuted => "not_executed",
            Self::Absent => "absent",
            Self::GaveWay => "gave_way",
            Self::GivenUp => "given_up",
            Self::Released => "released",
            Self::Linked => "linked",
        }
    }

    /// The event of that name.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|event| event.name() == name)
    }
}

/// The state that an event leads to; `before` is nothing where there is no attempt yet. Nothing where the event means
/// nothing to an attempt in that state: then the attempt stays as it is.
pub(crate) fn after(before: Option<AttemptState>, event: Event) -> Option<AttemptState> {
    use AttemptState as State;
    let Some(before) = before else {
        return match event {
            Event::HolderAsked => Some(State::Authenticating),
            Event::Sent => Some(State::Sent),
            Event::Linked => Some(State::Authorised),
            _ => None,
        };
    };
    let awaited = before.is_open() || before == State::Missing;
    match event {
        Event::Sent if before == State::Authenticating => Some(State::Sent),
        Event::Refused if awaited || before == State::Authenticating => Some(State::Declined),
        Event::NotExecuted if awaited || before == State::Authenticating => Some(State::NotExecuted),
        Event::Silent if before == State::Sent => Some(State::Unknown),
        Event::HandedOver if before.is_in_flight() => Some(State::HandedOver),
        Event::CameBack if before == State::HandedOver => Some(State::Unknown),
        Event::Held if awaited => Some(State::Authorised),
        Event::HeldOtherwise if awaited => Some(State::Mismatched),
        Event::Absent if before.is_open() => Some(State::Missing),
        Event::GaveWay if before == State::HandedOver => Some(State::Missing),
        Event::GivenUp if before == State::Missing => Some(State::Closed),
        Event::Released if matches!(before, State::Authorised | State::Mismatched) => Some(State::Released),
        _ => None,
    }
}

/// When to ask (094) after `asked` inquiries brought no verdict, counted from the moment of sending.
/// Daily after the sixth hour, for seven days; then `None`.
pub(crate) fn next_inquiry(sent_at: NaiveDateTime, asked: i32) -> Option<NaiveDateTime> {
    const AFTER: [i64; 8] = [3, 15, 45, 120, 300, 900, 3_600, 21_600];
    const DAY: i64 = 86_400;
    let asked = usize::try_from(asked).unwrap_or(0);
    let seconds = match AFTER.get(asked) {
        Some(seconds) => *seconds,
        None => {
            let days = i64::try_from(asked - AFTER.len() + 1).unwrap_or(i64::MAX);
            if days > 7 {
                return None;
            }
            days * DAY
        }
    };
    sent_at.checked_add_signed(TimeDelta::seconds(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inquiries_thin_out_and_end_after_seven_days() {
        let sent = chrono::DateTime::UNIX_EPOCH.naive_utc();
        let after = |asked| next_inquiry(sent, asked).map(|at| (at - sent).num_seconds());
        assert_eq!(after(0), Some(3));
        assert_eq!(after(7), Some(21_600));
        assert_eq!(after(8), Some(86_400));
        assert_eq!(after(14), Some(7 * 86_400));
        assert_eq!(after(15), None);
    }

    /// Every pair of state and event, as it stands: a row a state, a column an event.
    #[test]
    fn n12_each_state_takes_each_event_as_written_here() {
        const TABLE: &str = "
            -               -               authenticating  sent            -        -            -        -           -           -         -             -        -        -       -  authorised
            authenticating  -               -               sent            -        -            -        -           -           declined  not_executed  -        -        -       -  -
            sent            -               -               -               unknown  handed_over  -        authorised  mismatched  declined  not_executed  missing  -        -       -  -
            handed_over     -               -               -               -        -            unknown  authorised  mismatched  declined  not_executed  missing  missing  -       -  -
            unknown         -               -               -               -        handed_over  -        authorised  mismatched  declined  not_executed  missing  -        -       -  -
            authorised      -               -               -               -        -            -        -           -           -         -             -        -        -       released  -
            mismatched      -               -               -               -        -            -        -           -           -         -             -        -        -       released  -
            declined        -               -               -               -        -            -        -           -           -         -             -        -        -       -  -
            not_executed    -               -               -               -        -            -        -           -           -         -             -        -        -       -  -
            missing         -               -               -               -        -            -        authorised  mismatched  declined  not_executed  -        -        closed  -  -
            closed          -               -               -               -        -            -        -           -           -         -             -        -        -       -  -
            released        -               -               -               -        -            -        -           -           -         -             -        -        -       -  -";
        let rows: Vec<Vec<&str>> = TABLE
            .trim()
            .lines()
            .map(|line| line.split_whitespace().collect())
            .collect();
        assert_eq!(rows.len(), AttemptState::ALL.len() + 1);
        for row in rows {
            let before = AttemptState::parse(row[0]);
            assert_eq!(row.len(), Event::ALL.len() + 1, "{row:?}");
            for (event, wanted) in Event::ALL.into_iter().zip(&row[1..]) {
                assert_eq!(
                    after(before, event),
                    AttemptState::parse(wanted),
                    "{before:?}, {event:?}"
                );
            }
        }
    }

    #[test]
    fn names_come_back() {
        for event in Event::ALL {
            assert_eq!(Event::parse(event.name()), Some(event));
        }
        for state in AttemptState::ALL {
            assert_eq!(AttemptState::parse(state.name()), Some(state));
        }
    }
}
