//! The one place where an answer becomes a state. The reply of 020 and an inquiry meet here, in any order of
//! arrival; what is already known is never forgotten and a status never moves back.

use chrono::{NaiveDateTime, TimeDelta};

use super::attempt::AttemptState;
use super::{GatewayStatus, Yen};

/// What was learnt of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Evidence {
    /// 020 answered `result=0`.
    Approved { payment_id: String },
    /// 020 was refused.
    Refused,
    /// Provably no byte left for the gateway.
    NotExecuted,
    /// Asked, and no answer that can be believed.
    NoAnswer,
    /// 094 found exactly one payment of this trading_id.
    Found {
        payment_id: String,
        status: GatewayStatus,
        amount: Yen,
    },
    /// 094 found none.
    Absent,
    /// 094 found several payments under one trading_id: only a person can tell them apart.
    Several,
    /// Link type: Paygent took the order, and its shopper may pay on Paygent's page.
    HandedOver,
    /// Link type: nobody has paid, for the gateway knows nothing or refused cards alone. `left`: nor is anybody expected to.
    Unpaid { left: bool },
}

/// What follows from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Nothing new.
    Keep,
    /// Still not known: ask again later.
    Wait,
    /// The money is held, by this payment.
    Authorised { payment_id: String, status: GatewayStatus },
    /// The money is held, but the amount is not what was asked.
    Mismatched {
        payment_id: String,
        status: GatewayStatus,
        amount: Yen,
    },
    /// Refused, nothing is held.
    Declined,
    /// Never left.
    NotExecuted,
    /// The quarantine is over and the gateway knows nothing.
    Missing,
    /// Several payments where one was asked for.
    Several,
    /// Paygent took the order; it waits for its shopper.
    HandedOver,
}

/// Judges `evidence` on an attempt over `amount` in `state`, sent at `sent_at`.
/// `quarantine` is longer than a request can be in flight: before it is over, "none" proves nothing.
pub(crate) fn judge(
    state: AttemptState,
    amount: Yen,
    evidence: Evidence,
    age: TimeDelta,
    quarantine: TimeDelta,
) -> Verdict {
    if !state.is_open() && state != AttemptState::Missing {
        return Verdict::Keep;
    }
    match evidence {
        Evidence::Approved { payment_id } => Verdict::Authorised {
            payment_id,
            status: GatewayStatus::AUTHORISED,
        },
        Evidence::Refused => Verdict::Declined,
        Evidence::NotExecuted => Verdict::NotExecuted,
        Evidence::NoAnswer => Verdict::Wait,
        Evidence::Found {
            status: GatewayStatus::REFUSED,
            ..
        } => Verdict::Declined,
        Evidence::Found { status, .. } if status.is_over() => Verdict::Declined,
        Evidence::Found {
            payment_id,
            status,
            amount: found,
        } if status.is_live() && found != amount => Verdict::Mismatched {
            payment_id,
            status,
            amount: found,
        },
        Evidence::Found { payment_id, status, .. } if status.is_live() => Verdict::Authorised { payment_id, status },
        Evidence::Found { .. } => Verdict::Wait,
        Evidence::Absent if state != AttemptState::Missing && age > quarantine => Verdict::Missing,
        Evidence::Absent => Verdict::Wait,
        Evidence::Several => Verdict::Several,
        Evidence::HandedOver if state.is_in_flight() => Verdict::HandedOver,
        Evidence::HandedOver => Verdict::Keep,
        // Never a refusal for good: the page may still be open somewhere, so a late child is looked for.
        Evidence::Unpaid { left: true } if state != AttemptState::Missing => Verdict::Missing,
        Evidence::Unpaid { .. } => Verdict::Wait,
    }
}

/// How old an attempt is; a clock that was set back makes it new, never negative.
pub(crate) fn age(sent_at: NaiveDateTime, now: NaiveDateTime) -> TimeDelta {
    (now - sent_at).max(TimeDelta::zero())
}

#[cfg(test)]
mod tests {
    use super::*;

    const Q: TimeDelta = TimeDelta::seconds(120);

    fn yen(amount: i64) -> Yen {
        Yen::try_from(amount).unwrap()
    }

    fn after(seconds: i64, state: AttemptState, evidence: Evidence) -> Verdict {
        judge(state, yen(3300), evidence, TimeDelta::seconds(seconds), Q)
    }

    #[test]
    fn silence_is_never_failure() {
        assert_eq!(after(5, AttemptState::Sent, Evidence::NoAnswer), Verdict::Wait);
        assert_eq!(after(120, AttemptState::Unknown, Evidence::Absent), Verdict::Wait);
    }

    #[test]
    fn absent_counts_only_after_the_quarantine() {
        assert_eq!(after(121, AttemptState::Unknown, Evidence::Absent), Verdict::Missing);
    }

    #[test]
    fn a_late_child_of_a_missing_attempt_is_seen() {
        let found = Evidence::Found {
            payment_id: "1".into(),
            status: GatewayStatus::AUTHORISED,
            amount: yen(3300),
        };
        assert!(matches!(
            after(9_000, AttemptState::Missing, found),
            Verdict::Authorised { .. }
        ));
    }

    #[test]
    fn another_amount_is_never_taken_for_ours() {
        let found = Evidence::Found {
            payment_id: "1".into(),
            status: GatewayStatus::AUTHORISED,
            amount: yen(3301),
        };
        assert!(matches!(
            after(5, AttemptState::Unknown, found),
            Verdict::Mismatched { .. }
        ));
    }

    #[test]
    fn who_stands_at_paygents_page_may_pay_until_they_left() {
        let unpaid = |left| Evidence::Unpaid { left };
        assert_eq!(after(0, AttemptState::Sent, Evidence::HandedOver), Verdict::HandedOver);
        assert_eq!(after(9_000, AttemptState::HandedOver, unpaid(false)), Verdict::Wait);
        assert_eq!(after(0, AttemptState::HandedOver, unpaid(true)), Verdict::Missing);
        assert_eq!(after(9_000, AttemptState::Missing, unpaid(true)), Verdict::Wait);
        assert_eq!(after(0, AttemptState::Missing, Evidence::HandedOver), Verdict::Keep);
    }

    #[test]
    fn what_is_known_stays() {
        for state in [
            AttemptState::Authorised,
            AttemptState::Declined,
            AttemptState::Closed,
            AttemptState::Released,
        ] {
            for evidence in [
                Evidence::Refused,
                Evidence::Absent,
                Evidence::NoAnswer,
                Evidence::Several,
                Evidence::HandedOver,
                Evidence::Unpaid { left: true },
            ] {
                assert_eq!(after(9_000, state, evidence), Verdict::Keep);
            }
        }
    }
}
