//! By which way an amount is changed (N15): the payment is corrected in place (028, 029) where that keeps more, and
//! replaced by a new payment otherwise. A correction asks the card company for nothing anew, so it cannot be refused for
//! the card's limit, holds no second amount meanwhile, and shows the customer a smaller sale, not a refund and a new
//! charge. It keeps the payment's class and terms: the telegram carries none. Its days are the old payment's: whether
//! the gateway counts them anew is not known, and the earlier deadline is the safe one.

use super::Yen;

/// A change of amount, as far as the choice looks at it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Case {
    /// The shop's setting.
    pub(crate) corrections: bool,
    /// What the gateway holds.
    pub(crate) held: Yen,
    /// What it is to hold.
    pub(crate) wanted: Yen,
    /// The holder was authenticated by 3-D Secure, whoever bears chargebacks.
    pub(crate) authenticated: bool,
    /// The gateway has refused to correct this payment before.
    pub(crate) refused: bool,
}

/// The way of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// 028 or 029.
    Correction,
    /// 020, [022], 021 or 023; and why.
    NewPayment(Because),
}

/// Why a payment is replaced and not corrected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Because {
    /// An amount is only ever corrected downwards.
    Increase,
    /// Not after 3-D Secure (2014).
    Authenticated,
    /// The gateway has said no once.
    Refused,
    /// The shop's setting.
    Off,
}

impl Because {
    /// Its name in text ids.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Increase => "increase",
            Self::Authenticated => "three-ds",
            Self::Refused => "refused",
            Self::Off => "off",
        }
    }
}

/// The way that a change goes.
pub(crate) fn choose(case: &Case) -> Way {
    if case.wanted >= case.held {
        return Way::NewPayment(Because::Increase);
    }
    if case.authenticated {
        return Way::NewPayment(Because::Authenticated);
    }
    if case.refused {
        return Way::NewPayment(Because::Refused);
    }
    if !case.corrections {
        return Way::NewPayment(Because::Off);
    }
    Way::Correction
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn n15_the_way_that_keeps_more_is_chosen_cell_by_cell() {
        const ON: bool = true;
        const OFF: bool = false;
        const CORRECTED: Way = Way::Correction;
        let new = Way::NewPayment;
        let (down, up) = (3_299, 3_301);
        let table = [
            // setting, wanted, after 3-D Secure, refused before
            (ON, down, false, false, CORRECTED),
            (ON, 1, false, false, CORRECTED),
            (ON, down, false, true, new(Because::Refused)),
            (ON, down, true, false, new(Because::Authenticated)),
            (ON, down, true, true, new(Because::Authenticated)),
            (ON, up, false, false, new(Because::Increase)),
            (ON, up, false, true, new(Because::Increase)),
            (ON, up, true, false, new(Because::Increase)),
            (ON, up, true, true, new(Because::Increase)),
            (OFF, down, false, false, new(Because::Off)),
            (OFF, down, false, true, new(Because::Refused)),
            (OFF, down, true, false, new(Because::Authenticated)),
            (OFF, down, true, true, new(Because::Authenticated)),
            (OFF, up, false, false, new(Because::Increase)),
            (OFF, up, false, true, new(Because::Increase)),
            (OFF, up, true, false, new(Because::Increase)),
            (OFF, up, true, true, new(Because::Increase)),
            // The same amount is no correction, and is refused before the way is asked for.
            (ON, 3_300, false, false, new(Because::Increase)),
        ];
        for (corrections, wanted, authenticated, refused, way) in table {
            let case = Case {
                corrections,
                held: Yen::try_from(3_300).unwrap(),
                wanted: Yen::try_from(wanted).unwrap(),
                authenticated,
                refused,
            };
            assert_eq!(choose(&case), way, "{case:?}");
        }
    }
}
