//! Integer yen. No fraction, no other currency, never negative.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An amount in yen, 0 to 999,999,999.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "i64", into = "i64")]
#[schemars(with = "i64")]
pub(crate) struct Yen(i64);

/// The number is not an amount that can be paid.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("an amount is whole yen from 0 to 999,999,999, not {0}")]
pub(crate) struct NotYen(i64);

impl Yen {
    /// Nothing to pay.
    pub(crate) const ZERO: Self = Self(0);

    /// The number of yen.
    pub(crate) fn get(self) -> i64 {
        self.0
    }
}

impl TryFrom<i64> for Yen {
    type Error = NotYen;

    fn try_from(yen: i64) -> Result<Self, NotYen> {
        const MOST: i64 = 999_999_999;
        if (0..=MOST).contains(&yen) {
            Ok(Self(yen))
        } else {
            Err(NotYen(yen))
        }
    }
}

impl From<Yen> for i64 {
    fn from(yen: Yen) -> Self {
        yen.0
    }
}

/// As the staff's list shows it: `¥3,300` (R33).
impl std::fmt::Display for Yen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&shown(self.0))
    }
}

/// The same for a sum, which may be more than one payment can be.
pub(crate) fn shown(yen: i64) -> String {
    let digits = yen.to_string();
    let mut shown = String::from("¥");
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r33_amounts_are_shown_with_a_yen_sign_and_thousands_commas() {
        for (yen, shown) in [(0, "¥0"), (999, "¥999"), (1_542, "¥1,542"), (9_999_999, "¥9,999,999")] {
            assert_eq!(Yen::try_from(yen).unwrap().to_string(), shown);
        }
    }

    #[test]
    fn a_sum_keeps_its_commas() {
        assert_eq!(shown(12_345_678_900), "¥12,345,678,900");
    }

    #[test]
    fn only_whole_yen_in_range() {
        for yen in [-1, 1_000_000_000, i64::MIN, i64::MAX] {
            assert_eq!(Yen::try_from(yen), Err(NotYen(yen)));
        }
        assert!(serde_json::from_str::<Yen>("3300.5").is_err());
    }
}
