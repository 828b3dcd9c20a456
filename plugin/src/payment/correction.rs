//! What became of a correction (028, 029). It carries no trading_id of its own and makes a payment whose number only its
//! answer and a notice tell; so what is known is gathered from all sides: how the old payment stands, what payments carry
//! the trading_id, which notices name one that nobody here knows.

use super::GatewayStatus;

/// What is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Heard {
    /// How the old payment stands (094); none where nobody said.
    pub(crate) old: Option<GatewayStatus>,
    pub(crate) new: New,
    /// The telegram may still be executed.
    pub(crate) in_flight: bool,
    /// Notices have been listened for so long that the one of a new payment would have come.
    pub(crate) listened: bool,
}

/// What is known of the payment that it makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum New {
    /// There is one, and how it stands (094).
    Stands(GatewayStatus),
    /// There is one of an unknown number, or one whose status nobody said.
    Somewhere,
    /// The old payment is the only one that carries the trading_id.
    None,
    /// Nobody said.
    Unknown,
}

/// What follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Ask again later. It is never sent again.
    Wait,
    /// The new payment is there: one of the two is given back, if it is not yet.
    Corrected,
    /// There is no new payment that holds anything: all is as it was.
    NotCorrected,
}

/// Judges what is known.
pub(crate) fn judge(heard: &Heard) -> Verdict {
    let Some(old) = heard.old else {
        return Verdict::Wait;
    };
    match heard.new {
        // A status that nobody here knows says neither that the old one holds something nor that it does not.
        New::Stands(_) if old.rank() == 0 => Verdict::Wait,
        New::Stands(new) if new.is_over() && !old.is_over() => Verdict::NotCorrected,
        New::Stands(new) if new.is_live() || new.is_over() => Verdict::Corrected,
        New::Stands(_) | New::Somewhere => Verdict::Wait,
        _ if heard.in_flight => Verdict::Wait,
        New::None => Verdict::NotCorrected,
        // Given back, and by nobody's wish but the correction's: its payment has to be somewhere.
        New::Unknown if old.is_over() => Verdict::Wait,
        New::Unknown if heard.listened => Verdict::NotCorrected,
        New::Unknown => Verdict::Wait,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIVE: GatewayStatus = GatewayStatus::AUTHORISED;
    const OVER: GatewayStatus = GatewayStatus::VOIDED;

    fn after(old: Option<GatewayStatus>, new: New, in_flight: bool, listened: bool) -> Verdict {
        judge(&Heard {
            old,
            new,
            in_flight,
            listened,
        })
    }

    #[test]
    fn g15_a_new_payment_ends_the_question_whenever_it_is_found() {
        for (in_flight, listened) in [(true, false), (false, false), (false, true)] {
            for old in [LIVE, OVER, GatewayStatus::CAPTURED, GatewayStatus::CAPTURED_FOR_GOOD] {
                let verdict = after(Some(old), New::Stands(LIVE), in_flight, listened);
                assert_eq!(verdict, Verdict::Corrected, "{old:?}");
            }
        }
    }

    #[test]
    fn a_record_of_a_refusal_is_no_new_payment() {
        let refused = New::Stands(GatewayStatus::REFUSED);
        assert_eq!(after(Some(LIVE), refused, true, false), Verdict::NotCorrected);
        // Nothing is left of either: that is told to a person, not taken for "as it was".
        assert_eq!(after(Some(OVER), refused, true, false), Verdict::Corrected);
    }

    #[test]
    fn nothing_is_concluded_while_it_may_still_be_executed() {
        for old in [LIVE, OVER] {
            for new in [New::None, New::Unknown, New::Somewhere] {
                assert_eq!(after(Some(old), new, true, true), Verdict::Wait, "{old:?} {new:?}");
            }
        }
    }

    #[test]
    fn the_only_payment_of_its_trading_id_was_not_corrected() {
        assert_eq!(after(Some(LIVE), New::None, false, false), Verdict::NotCorrected);
        assert_eq!(after(Some(OVER), New::None, false, false), Verdict::NotCorrected);
    }

    #[test]
    fn a_payment_that_was_given_back_has_another_in_its_place() {
        assert_eq!(after(Some(OVER), New::Unknown, false, true), Verdict::Wait);
        assert_eq!(after(Some(LIVE), New::Somewhere, false, true), Verdict::Wait);
        assert_eq!(after(Some(LIVE), New::Unknown, false, false), Verdict::Wait);
        assert_eq!(after(Some(LIVE), New::Unknown, false, true), Verdict::NotCorrected);
    }

    #[test]
    fn silence_and_unknown_statuses_are_no_verdict() {
        for new in [New::Stands(LIVE), New::None, New::Unknown, New::Somewhere] {
            assert_eq!(after(None, new, false, true), Verdict::Wait, "{new:?}");
        }
        let unknown = GatewayStatus(34);
        assert_eq!(after(Some(unknown), New::Stands(LIVE), false, true), Verdict::Wait);
        assert_eq!(after(Some(LIVE), New::Stands(unknown), false, true), Verdict::Wait);
    }
}
