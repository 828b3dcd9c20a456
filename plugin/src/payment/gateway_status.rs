//! `payment_status` of a card payment, as telegram 094 and notices give it.

/// The gateway's own number; one that nobody here knows is kept and shown, never guessed at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct GatewayStatus(pub(crate) i32);

impl GatewayStatus {
    /// オーソリNG.
    pub(crate) const REFUSED: Self = Self(11);
    /// オーソリOK.
    pub(crate) const AUTHORISED: Self = Self(20);
    /// A passing state that a repeat of 022 finishes.
    pub(crate) const CAPTURE_REQUESTED: Self = Self(30);
    /// A passing state that a repeat of 021 finishes.
    pub(crate) const VOIDING: Self = Self(31);
    /// オーソリキャンセル.
    pub(crate) const VOIDED: Self = Self(32);
    /// オーソリ期限切.
    pub(crate) const EXPIRED: Self = Self(33);
    /// 売上.
    pub(crate) const CAPTURED: Self = Self(40);
    /// 売上, past the limit for taking it back.
    pub(crate) const CAPTURED_FOR_GOOD: Self = Self(41);
    /// 売上キャンセル.
    pub(crate) const SALE_CANCELLED: Self = Self(60);

    /// The payment holds or has taken the shopper's money.
    pub(crate) fn is_live(self) -> bool {
        matches!(self.0, 20 | 30 | 36 | 40 | 41)
    }

    /// The payment holds nothing and never will again.
    pub(crate) fn is_over(self) -> bool {
        matches!(self.0, 11 | 12 | 32 | 33 | 60)
    }

    /// How far along a payment's life a status is: it never moves back (decision of the settle function).
    pub(crate) fn rank(self) -> u8 {
        match self.0 {
            20 => 1,
            30 | 31 | 36 => 2,
            40 => 3,
            41 => 4,
            42 | 50 => 5,
            11 | 12 | 32 | 33 | 60 => 6,
            _ => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payments_life_goes_one_way() {
        let life = [20, 30, 40, 41, 42, 60].map(|status| GatewayStatus(status).rank());
        assert!(life.is_sorted(), "{life:?}");
        for over in [11, 32, 33, 60] {
            assert!(GatewayStatus(over).rank() > GatewayStatus::CAPTURED_FOR_GOOD.rank());
        }
    }
}
