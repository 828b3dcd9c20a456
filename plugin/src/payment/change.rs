//! オーソリ・売上変更: a new payment takes the place of an old one. The new is authorised first, captured where the old one
//! was, then the old one is given back; whatever fails on the way, at the end one of the two lives. What comes next is
//! decided from the two payments' statuses alone, so that a killed process, a lost answer and an operation at Paygent
//! Online all lead on from where the money really stands. A correction (028, 029) makes the new payment in one telegram;
//! from then on it is the same.

use super::GatewayStatus;
use super::operation::{ChangeKind, Operation, releasing};

/// Where a change stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ChangeState {
    /// The new 020 is under way.
    Authorising,
    /// The 028 or 029 is under way.
    Correcting,
    /// Both payments may live; on the way to the new one.
    Forward,
    /// Both payments may live; on the way back to the old one.
    Back,
    /// The new payment stands alone.
    Done,
    /// The old payment stands alone.
    Undone,
    /// The new amount was not authorised; nothing changed.
    Refused,
    /// Both payments stand and no telegram gives one back: a person has to look.
    Stuck,
}

impl ChangeState {
    const ALL: [Self; 8] = [
        Self::Authorising,
        Self::Correcting,
        Self::Forward,
        Self::Back,
        Self::Done,
        Self::Undone,
        Self::Refused,
        Self::Stuck,
    ];

    /// Its name in rows.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Authorising => "authorising",
            Self::Correcting => "correcting",
            Self::Forward => "forward",
            Self::Back => "back",
            Self::Done => "done",
            Self::Undone => "undone",
            Self::Refused => "refused",
            Self::Stuck => "stuck",
        }
    }

    /// The state of that name.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// Nothing is left to do.
    pub(crate) fn is_final(self) -> bool {
        matches!(self, Self::Done | Self::Undone | Self::Refused | Self::Stuck)
    }
}

/// What a change does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// This telegram on the new payment; the way stays the same.
    OnNew(Operation),
    /// This telegram on the old payment.
    OnOld(Operation),
    /// The new payment cannot take the old one's place: turn back.
    Turn,
    /// An end.
    End(ChangeState),
    /// Both payments live and neither can be given back: a person has to look.
    Stuck,
}

/// After so many refusals of its steps a change turns back.
pub(crate) const MOST_REFUSALS: i32 = 3;

/// What comes next, from where the two payments stand.
pub(crate) fn next(kind: ChangeKind, state: ChangeState, old: GatewayStatus, new: GatewayStatus) -> Next {
    match state {
        ChangeState::Forward if new.is_over() => Next::Turn,
        // The old payment is not touched before the new one is known to hold the money.
        ChangeState::Forward if !new.is_live() => Next::Stuck,
        ChangeState::Forward if kind == ChangeKind::Sale && matches!(new.0, 20 | 30) => Next::OnNew(Operation::Capture),
        ChangeState::Forward if kind == ChangeKind::Sale && !matches!(new.0, 40 | 41) => Next::Stuck,
        // An authorisation that was captured meanwhile, at Paygent Online, is a sale now: it is not given back unasked.
        ChangeState::Forward if kind == ChangeKind::Authorisation && !matches!(old.0, 20 | 31) && !old.is_over() => {
            Next::Turn
        }
        ChangeState::Forward => match giving_back(old) {
            Some(operation) => Next::OnOld(operation),
            None if old.is_over() => Next::End(ChangeState::Done),
            None => Next::Turn,
        },
        ChangeState::Back => match giving_back(new) {
            Some(operation) => Next::OnNew(operation),
            None if new.is_over() => Next::End(ChangeState::Undone),
            None => Next::Stuck,
        },
        ChangeState::Authorising
        | ChangeState::Correcting
        | ChangeState::Done
        | ChangeState::Undone
        | ChangeState::Refused
        | ChangeState::Stuck => Next::End(state),
    }
}

/// The next telegram on the way to nothing held: a capture that was begun is finished first, then cancelled.
fn giving_back(status: GatewayStatus) -> Option<Operation> {
    match status {
        GatewayStatus::CAPTURE_REQUESTED => Some(Operation::Capture),
        status => releasing(status),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATUSES: [i32; 14] = [10, 11, 20, 30, 31, 32, 33, 36, 40, 41, 42, 50, 60, 99];

    /// The gateway as it answers: the telegram moves the payment, or refuses it.
    fn obey(status: &mut GatewayStatus, operation: Operation) {
        *status = operation.result();
    }

    fn run(
        kind: ChangeKind,
        mut old: GatewayStatus,
        mut new: GatewayStatus,
    ) -> (ChangeState, GatewayStatus, GatewayStatus, usize) {
        let mut state = ChangeState::Forward;
        for steps in 0..10 {
            match next(kind, state, old, new) {
                Next::OnNew(operation) => obey(&mut new, operation),
                Next::OnOld(operation) => obey(&mut old, operation),
                Next::Turn => state = ChangeState::Back,
                Next::End(end) => return (end, old, new, steps),
                Next::Stuck => return (state, old, new, steps),
            }
        }
        panic!("no end from {old:?} {new:?}");
    }

    #[test]
    fn four_ways_to_change_an_amount_end_with_the_new_payment_alone() {
        let ran = run(
            ChangeKind::Authorisation,
            GatewayStatus::AUTHORISED,
            GatewayStatus::AUTHORISED,
        );
        assert_eq!(
            ran,
            (ChangeState::Done, GatewayStatus::VOIDED, GatewayStatus::AUTHORISED, 1)
        );
        let ran = run(ChangeKind::Sale, GatewayStatus::CAPTURED, GatewayStatus::AUTHORISED);
        assert_eq!(
            ran,
            (
                ChangeState::Done,
                GatewayStatus::SALE_CANCELLED,
                GatewayStatus::CAPTURED,
                2
            )
        );
    }

    #[test]
    fn an_old_sale_past_its_limit_turns_the_change_back() {
        let ran = run(
            ChangeKind::Sale,
            GatewayStatus::CAPTURED_FOR_GOOD,
            GatewayStatus::CAPTURED,
        );
        assert_eq!(
            ran,
            (
                ChangeState::Undone,
                GatewayStatus::CAPTURED_FOR_GOOD,
                GatewayStatus::SALE_CANCELLED,
                2
            )
        );
    }

    #[test]
    fn an_authorisation_that_was_captured_elsewhere_is_never_given_back_by_a_change() {
        for old in [30, 40, 41] {
            let (end, old_end, new_end, _) =
                run(ChangeKind::Authorisation, GatewayStatus(old), GatewayStatus::AUTHORISED);
            assert_eq!(
                (end, old_end.0, new_end),
                (ChangeState::Undone, old, GatewayStatus::VOIDED)
            );
        }
    }

    /// Wherever both payments stand, by whomever they were moved: an end is reached, and it never leaves both alive
    /// unless the gateway has made both final.
    #[test]
    fn every_pair_of_statuses_comes_to_an_end_with_at_most_one_alive() {
        for kind in [ChangeKind::Authorisation, ChangeKind::Sale] {
            for old in STATUSES.map(GatewayStatus) {
                for new in STATUSES.map(GatewayStatus) {
                    let (end, old_end, new_end, _) = run(kind, old, new);
                    let both = old_end.is_live() && new_end.is_live();
                    let hopeless = giving_back(new_end).is_none() && !new_end.is_over();
                    assert!(
                        !both || hopeless,
                        "{kind:?} {old:?} {new:?} -> {end:?} {old_end:?} {new_end:?}"
                    );
                    if end == ChangeState::Done {
                        assert!(old_end.is_over() && new_end.is_live(), "{kind:?} {old:?} {new:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn names_come_back() {
        for state in ChangeState::ALL {
            assert_eq!(ChangeState::parse(state.name()), Some(state));
        }
    }
}
