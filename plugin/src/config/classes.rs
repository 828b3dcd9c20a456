//! Ways of paying off beside 一括 that a shop offers: for which amounts, brands and days.

use chrono::{Datelike as _, NaiveDate};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{BRANDS, Card};
use crate::payment::{PaymentClass, Yen};
use crate::reply::Problem;

/// 分割.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Instalments {
    /// Numbers of parts, 2 to 99; the contract says which. Paygent knows 3, 5, 6, 10, 12, 15, 18, 20 and 24.
    pub(crate) counts: Vec<u8>,
    /// The least amount, in yen; 0 by default.
    #[serde(default)]
    pub(crate) from: Yen,
    /// Brands that take it; all by default.
    #[serde(default = "every_brand")]
    pub(crate) brands: Vec<String>,
}

/// リボ.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Revolving {
    /// The least amount, in yen; 0 by default.
    pub(crate) from: Yen,
    /// Brands that take it; `visa`, `mastercard` and `jcb` by default.
    pub(crate) brands: Vec<String>,
}

/// ボーナス一括.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Bonus {
    /// The least amount, in yen; 0 by default.
    pub(crate) from: Yen,
    /// Brands that take it; `visa`, `mastercard` and `jcb` by default.
    pub(crate) brands: Vec<String>,
    /// First and last day of its periods, as `MM-DD` of Japan; one may run over the end of the year. 16 December to 15 June
    /// and 16 July to 15 November by default, as most card companies have it.
    pub(crate) periods: Vec<(DayOfYear, DayOfYear)>,
}

/// Month and day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String")]
pub(crate) struct DayOfYear {
    month: u32,
    day: u32,
}

impl TryFrom<String> for DayOfYear {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        // A leap year has all days that there can be.
        NaiveDate::parse_from_str(&format!("2024-{text}"), "%Y-%m-%d")
            .map(Self::of)
            .map_err(|_| format!("`{text}` is no day, as 06-15 is"))
    }
}

impl DayOfYear {
    fn of(date: NaiveDate) -> Self {
        Self {
            month: date.month(),
            day: date.day(),
        }
    }

    fn is_within(self, (first, last): (Self, Self)) -> bool {
        if first <= last {
            (first..=last).contains(&self)
        } else {
            self >= first || self <= last
        }
    }
}

impl std::fmt::Display for DayOfYear {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:02}/{:02}", self.month, self.day)
    }
}

impl Default for Revolving {
    fn default() -> Self {
        Self {
            from: Yen::ZERO,
            brands: japanese_brands(),
        }
    }
}

impl Default for Bonus {
    fn default() -> Self {
        let day = |month, day| DayOfYear { month, day };
        Self {
            from: Yen::ZERO,
            brands: japanese_brands(),
            periods: vec![(day(12, 16), day(6, 15)), (day(7, 16), day(11, 15))],
        }
    }
}

fn every_brand() -> Vec<String> {
    BRANDS.map(str::to_owned).to_vec()
}

/// Those whose cards are commonly issued with ボーナス払い and リボ; AMEX and Diners have programmes of their own.
fn japanese_brands() -> Vec<String> {
    ["visa", "mastercard", "jcb"].map(str::to_owned).to_vec()
}

/// A way of paying off that may be chosen, with cards of these brands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Choice<'a> {
    pub(crate) class: PaymentClass,
    pub(crate) brands: &'a [String],
}

impl Card {
    /// What a shopper may choose from for an amount on a day in Japan: 一括 first, and alone where nothing else is offered.
    pub(crate) fn choices(&self, amount: Yen, day: NaiveDate) -> Vec<Choice<'_>> {
        let choice = |class, brands| Choice { class, brands };
        let mut choices = vec![choice(PaymentClass::Once, self.brands.as_slice())];
        if let Some(offer) = self.instalments.as_ref().filter(|offer| amount >= offer.from) {
            let parts = offer.counts.iter().copied().map(PaymentClass::Instalments);
            choices.extend(parts.map(|class| choice(class, offer.brands.as_slice())));
        }
        let today = DayOfYear::of(day);
        let in_season = |offer: &&Bonus| offer.periods.iter().any(|period| today.is_within(*period));
        if let Some(offer) = self
            .bonus
            .as_ref()
            .filter(|offer| amount >= offer.from)
            .filter(in_season)
        {
            choices.push(choice(PaymentClass::Bonus, &offer.brands));
        }
        if let Some(offer) = self.revolving.as_ref().filter(|offer| amount >= offer.from) {
            choices.push(choice(PaymentClass::Revolving, &offer.brands));
        }
        choices.retain(|choice| choice.brands.iter().any(|brand| self.brands.contains(brand)));
        choices
    }

    pub(super) fn check_classes(&self) -> Result<(), Problem> {
        let wrong = |why: String| Err(Problem::misuse("config.classes", why));
        if let Some(offer) = &self.instalments
            && (offer.counts.is_empty() || !offer.counts.iter().all(|count| (2..=99).contains(count)))
        {
            return wrong("card.instalments.counts holds numbers of parts, 2 to 99".to_owned());
        }
        let instalments = self.instalments.iter().flat_map(|offer| &offer.brands);
        let bonus = self.bonus.iter().flat_map(|offer| &offer.brands);
        let revolving = self.revolving.iter().flat_map(|offer| &offer.brands);
        match instalments
            .chain(bonus)
            .chain(revolving)
            .find(|brand| !BRANDS.contains(&brand.as_str()))
        {
            Some(unknown) => wrong(format!("there is no brand `{unknown}`, only {}", BRANDS.join(", "))),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classes(card: &str, yen: i64, day: &str) -> Vec<String> {
        let card: Card = serde_json::from_str(card).unwrap();
        card.choices(Yen::try_from(yen).unwrap(), day.parse().unwrap())
            .iter()
            .map(|choice| choice.class.value())
            .collect()
    }

    #[test]
    fn nothing_is_offered_that_a_shop_does_not_name() {
        assert_eq!(classes("{}", 100_000, "2026-11-01"), ["10"]);
    }

    #[test]
    fn what_no_card_of_the_contract_takes_is_not_offered() {
        let card = r#"{"brands": ["amex"], "instalments": {"counts": [3]}, "revolving": {}}"#;
        assert_eq!(classes(card, 100_000, "2026-11-01"), ["10", "61-3"]);
    }

    #[test]
    fn each_is_offered_from_its_amount() {
        let card = r#"{"instalments": {"counts": [3, 6], "from": 10000}, "bonus": {"from": 20000}, "revolving": {}}"#;
        assert_eq!(classes(card, 9_999, "2026-11-01"), ["10", "80"]);
        assert_eq!(classes(card, 10_000, "2026-11-01"), ["10", "61-3", "61-6", "80"]);
        assert_eq!(classes(card, 20_000, "2026-11-01"), ["10", "61-3", "61-6", "23", "80"]);
    }

    #[test]
    fn a_bonus_is_offered_in_its_periods_also_over_the_end_of_the_year() {
        let table = [
            ("2026-12-15", false),
            ("2026-12-16", true),
            ("2026-12-31", true),
            ("2027-01-01", true),
            ("2028-02-29", true),
            ("2027-06-15", true),
            ("2027-06-16", false),
            ("2027-07-15", false),
            ("2027-07-16", true),
            ("2027-11-15", true),
            ("2027-11-16", false),
        ];
        for (day, offered) in table {
            assert_eq!(
                classes(r#"{"bonus": {}}"#, 1, day).contains(&"23".to_owned()),
                offered,
                "{day}"
            );
        }
    }

    #[test]
    fn what_no_contract_can_mean_is_refused() {
        let refused =
            |card: &str| serde_json::from_str::<Card>(card).map_or(true, |card| card.check_classes().is_err());
        assert!(!refused(
            r#"{"instalments": {"counts": [2]}, "bonus": {"brands": ["jcb"]}}"#
        ));
        assert!(refused(r#"{"instalments": {"counts": []}}"#));
        assert!(refused(r#"{"instalments": {"counts": [1]}}"#));
        assert!(refused(r#"{"revolving": {"brands": ["discover"]}}"#));
        assert!(refused(r#"{"bonus": {"periods": [["02-30", "03-01"]]}}"#));
        assert!(refused(r#"{"revolving": {"from": -1}}"#));
    }
}
