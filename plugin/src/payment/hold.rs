//! A hold: the host keeps stock and points for an order while the shopper is on the card page.

/// Where a hold stands. It is placed or given back exactly once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HoldState {
    /// The host was asked to keep stock and points and has not answered: paying is refused.
    Opening,
    /// Kept: the shopper may pay.
    Held,
    /// Paid, the order is placed.
    Placed,
    /// Given back by 「戻る」.
    Withdrawn,
    /// The host could not keep the goods.
    Rejected,
    /// The order was called off by the shop before anything was paid.
    CalledOff,
}

impl HoldState {
    pub(crate) const ALL: [Self; 6] = [
        Self::Opening,
        Self::Held,
        Self::Placed,
        Self::Withdrawn,
        Self::Rejected,
        Self::CalledOff,
    ];

    /// Its name in a row.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Opening => "opening",
            Self::Held => "held",
            Self::Placed => "placed",
            Self::Withdrawn => "withdrawn",
            Self::Rejected => "rejected",
            Self::CalledOff => "called_off",
        }
    }

    /// The state of that name.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// Neither placed nor given back.
    pub(crate) fn is_open(self) -> bool {
        matches!(self, Self::Opening | Self::Held)
    }
}
