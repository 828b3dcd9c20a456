//! 決済処理中の注文の取消 (guide, p. 8): what becomes of an order that a shopper left on the card page days ago. Whoever paid
//! keeps the order; only what nobody paid is called off.

use chrono::{Days, NaiveDateTime};

use super::attempt::AttemptState;
use super::hold::HoldState;
use super::japan;

/// How an order stands, after the gateway was asked about its attempts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stand {
    /// 対応状況 is 決済処理中, and the order is in the lists.
    pub(crate) is_pending: bool,
    /// Its last hold; none where the shopper never came to the card page.
    pub(crate) hold: Option<HoldState>,
    /// The host was told to give that hold back.
    pub(crate) released: bool,
    /// All its attempts.
    pub(crate) attempts: Vec<AttemptState>,
    /// A payment of it holds money.
    pub(crate) holds_money: bool,
    /// An attempt came to a payment that is not known here.
    pub(crate) unseen: bool,
    /// An operation on one of its payments, or a change of it, is open.
    pub(crate) busy: bool,
    /// The host said that it placed the order.
    pub(crate) placed: bool,
}

/// What becomes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// It is left as it is, and why: a text id.
    Leave(&'static str),
    /// It is paid: the host places it, as it should have been.
    Rescue,
    /// What is held for it fits no order: the payment is given back first.
    GiveBack,
    /// Nothing is held and nothing can come: the order becomes 注文取消し, with stock and points back.
    CallOff,
}

/// Decides. Money comes before goods: nothing is called off while something is held, or may be.
pub(crate) fn judge(stand: &Stand) -> Step {
    let any = |state: AttemptState| stand.attempts.contains(&state);
    if !stand.is_pending {
        return Step::Leave("left-moved");
    }
    if stand.busy {
        return Step::Leave("left-busy");
    }
    if stand.hold == Some(HoldState::Placed) && !stand.released {
        // What the host says that it did, and has not done, a person has to look at.
        return match stand.placed {
            true => Step::Leave("left-not-placed"),
            false => Step::Rescue,
        };
    }
    if any(AttemptState::Authenticating) {
        return Step::Leave("left-authenticating");
    }
    if any(AttemptState::HandedOver) {
        return Step::Leave("left-handed-over");
    }
    if stand.unseen || stand.attempts.iter().any(|state| state.is_in_flight()) {
        return Step::Leave("left-unknown");
    }
    if stand.holds_money {
        return Step::GiveBack;
    }
    Step::CallOff
}

/// Orders made before this moment (UTC) are looked at: today's midnight in Japan, `days` back (decision A6).
pub(crate) fn made_before(now: NaiveDateTime, days: u16) -> NaiveDateTime {
    let today = japan::date(now);
    let day = today.checked_sub_days(Days::new(u64::from(days))).unwrap_or(today);
    japan::midnight(day)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn left() -> Stand {
        Stand {
            is_pending: true,
            hold: Some(HoldState::Held),
            released: false,
            attempts: Vec::new(),
            holds_money: false,
            unseen: false,
            busy: false,
            placed: false,
        }
    }

    #[test]
    fn r80_what_nobody_paid_is_called_off_and_what_somebody_paid_is_placed() {
        let with = |attempts: &[AttemptState], hold| {
            judge(&Stand {
                attempts: attempts.to_vec(),
                hold,
                ..left()
            })
        };
        let held = Some(HoldState::Held);
        assert_eq!(with(&[], held), Step::CallOff);
        assert_eq!(
            with(&[], None),
            Step::CallOff,
            "an order that never came to the card page"
        );
        assert_eq!(
            with(&[AttemptState::Declined, AttemptState::Missing], held),
            Step::CallOff
        );
        assert_eq!(with(&[AttemptState::Authorised], Some(HoldState::Placed)), Step::Rescue);
        let told = Stand {
            hold: Some(HoldState::Placed),
            placed: true,
            ..left()
        };
        assert_eq!(judge(&told), Step::Leave("left-not-placed"));
        for open in [
            AttemptState::Sent,
            AttemptState::Unknown,
            AttemptState::HandedOver,
            AttemptState::Authenticating,
        ] {
            assert!(
                matches!(with(&[AttemptState::Declined, open], held), Step::Leave(_)),
                "{open:?}"
            );
        }
        assert_eq!(
            judge(&Stand {
                attempts: vec![AttemptState::Mismatched],
                holds_money: true,
                ..left()
            }),
            Step::GiveBack
        );
    }

    proptest! {
        /// Whatever else is so: nothing is called off while money is held, or may be.
        #[test]
        fn r80_money_before_goods(
            hold in proptest::option::of(proptest::sample::select(HoldState::ALL.to_vec())),
            attempts in proptest::collection::vec(proptest::sample::select(AttemptState::ALL.to_vec()), 0..4),
            (is_pending, released, placed, holds_money, unseen, busy) in any::<(bool, bool, bool, bool, bool, bool)>(),
        ) {
            let open = |state: &AttemptState| state.is_open() || *state == AttemptState::Authenticating;
            let may_hold = unseen || attempts.iter().any(open);
            let stand = Stand { is_pending, hold, released, attempts, holds_money, unseen, busy, placed };
            if judge(&stand) == Step::CallOff {
                prop_assert!(is_pending && !busy && !holds_money && !may_hold);
                prop_assert!(hold != Some(HoldState::Placed) || released);
            }
        }
    }

    #[test]
    fn r81_seven_days_are_counted_from_midnight_in_japan() {
        let at = |text: &str| text.parse::<NaiveDateTime>().unwrap();
        // 2020-11-27 00:00 and 23:59 in Japan.
        let border = at("2020-11-19T15:00:00");
        assert_eq!(made_before(at("2020-11-26T15:00:00"), 7), border);
        assert_eq!(made_before(at("2020-11-27T14:59:59"), 7), border);
        assert_eq!(made_before(at("2020-11-27T15:00:00"), 7), at("2020-11-20T15:00:00"));
    }
}
