//! What 450 tells of the shopper: the more an issuer knows, the less often it asks.

use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::telegram::Telegram;

/// What the host tells of the shopper. Every member may be missing; what is missing is not sent. Dates are days in Japan.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct Shopper {
    /// As on the card, in Latin letters.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) cardholder_name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) email: String,
    /// A Japanese number, with or without hyphens: `03-0000-1234`, `090 0000 1234`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) phone: String,
    /// `01` guest, `02` logged in at the shop.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) login_type: String,
    /// When the account at the shop was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub(crate) account_created_on: Option<NaiveDate>,
    /// When address, e-mail or the like were last changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub(crate) account_changed_on: Option<NaiveDate>,
    /// When its password was last changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub(crate) password_changed_on: Option<NaiveDate>,
    /// Orders in the last six months, paid in whatever way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) purchases: Option<u16>,
    /// Card payments, also refused ones, in the last 24 hours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tries_in_a_day: Option<u16>,
    /// The same in the last year.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tries_in_a_year: Option<u16>,
    /// When the shop first sent something to the shipping address.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub(crate) shipping_address_used_on: Option<NaiveDate>,
    #[serde(skip_serializing_if = "Address::is_untold")]
    pub(crate) billing: Address,
    #[serde(skip_serializing_if = "Address::is_untold")]
    pub(crate) shipping: Address,
}

/// An address as 3-D Secure has it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct Address {
    /// ISO 3166-2 of Japan without `JP-`, `01` to `47`.
    pub(crate) state: String,
    pub(crate) city: String,
    pub(crate) line1: String,
    pub(crate) line2: String,
    pub(crate) line3: String,
    pub(crate) post_code: String,
}

impl Address {
    fn is_untold(&self) -> bool {
        *self == Self::default()
    }
}

/// How long ago a day is, by 3-D Secure's numbers, where `on_the_day` stands for today: the next three are under 30 days,
/// 30 to 60, and more.
fn since(day: NaiveDate, today: NaiveDate, on_the_day: u8) -> String {
    let steps = match today.signed_duration_since(day).num_days() {
        ..=0 => 0,
        1..=29 => 1,
        30..=60 => 2,
        _ => 3,
    };
    format!("{:02}", on_the_day + steps)
}

/// A Japanese number without its leading 0, and whether it is a mobile's.
fn subscriber(phone: &str) -> Option<(String, bool)> {
    let digits: String = phone.chars().filter(char::is_ascii_digit).collect();
    let rest = digits.strip_prefix('0').filter(|rest| (9..=10).contains(&rest.len()))?;
    let is_mobile = rest.len() == 10 && ["60", "70", "80", "90"].iter().any(|begin| rest.starts_with(begin));
    Some((rest.to_owned(), is_mobile))
}

impl Telegram {
    /// Adds what is known of the shopper, as of `today` in Japan.
    pub(super) fn with_shopper(self, shopper: &Shopper, today: NaiveDate) -> Self {
        const JAPAN: &str = "392";
        const JAPANS_PHONES: &str = "81";
        let Shopper { billing, shipping, .. } = shopper;
        let told = |address: &Address| !address.is_untold();
        let country = |address: &Address| if told(address) { JAPAN } else { "" };
        let matching = match (told(billing) && told(shipping), billing == shipping) {
            (false, _) => "",
            (true, true) => "Y",
            (true, false) => "N",
        };
        let date = |day: Option<NaiveDate>| day.map(|day| day.format("%Y%m%d").to_string()).unwrap_or_default();
        let age = |day: Option<NaiveDate>, first: u8| day.map(|day| since(day, today, first)).unwrap_or_default();
        let account = match shopper.account_created_on {
            // Who is no member has no account that could be of any age.
            None if shopper.login_type == "01" => "01".to_owned(),
            created_on => age(created_on, 2),
        };
        let count = |count: Option<u16>| count.map(|count| count.to_string()).unwrap_or_default();
        let (home, mobile) = match subscriber(&shopper.phone) {
            Some((number, true)) => (String::new(), number),
            Some((number, false)) => (number, String::new()),
            None => (String::new(), String::new()),
        };
        let code = |number: &str| if number.is_empty() { "" } else { JAPANS_PHONES };
        self.with_some("cardholder_name", &shopper.cardholder_name)
            .with_some("email_address", &shopper.email)
            .with_some("home_phone_cc", code(&home))
            .with_some("home_phone_subscriber", &home)
            .with_some("mobile_phone_cc", code(&mobile))
            .with_some("mobile_phone_subscriber", &mobile)
            .with_some("login_type", &shopper.login_type)
            .with_some("account_indicator", &account)
            .with_some("account_create_date", &date(shopper.account_created_on))
            .with_some("account_change_indicator", &age(shopper.account_changed_on, 1))
            .with_some("account_change_date", &date(shopper.account_changed_on))
            .with_some("password_change_indicator", &age(shopper.password_changed_on, 2))
            .with_some("password_change_date", &date(shopper.password_changed_on))
            .with_some("purchase_count", &count(shopper.purchases))
            .with_some("activity_count_day", &count(shopper.tries_in_a_day))
            .with_some("activity_count_year", &count(shopper.tries_in_a_year))
            .with_some("ship_address_use_indicator", &age(shopper.shipping_address_used_on, 1))
            .with_some("ship_address_use_date", &date(shopper.shipping_address_used_on))
            .with_some("bill_address_state", &billing.state)
            .with_some("bill_address_city", &billing.city)
            .with_some("bill_address_line1", &billing.line1)
            .with_some("bill_address_line2", &billing.line2)
            .with_some("bill_address_line3", &billing.line3)
            .with_some("bill_address_post_code", &billing.post_code)
            .with_some("bill_address_country", country(billing))
            .with_some("ship_address_state", &shipping.state)
            .with_some("ship_address_city", &shipping.city)
            .with_some("ship_address_line1", &shipping.line1)
            .with_some("ship_address_line2", &shipping.line2)
            .with_some("ship_address_line3", &shipping.line3)
            .with_some("ship_address_post_code", &shipping.post_code)
            .with_some("ship_address_country", country(shipping))
            .with_some("address_match", matching)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_told_in_three_d_secures_steps() {
        let today: NaiveDate = "2026-11-25".parse().unwrap();
        let table = [
            ("2026-11-25", "02"),
            ("2026-11-24", "03"),
            ("2026-10-27", "03"),
            ("2026-10-26", "04"),
            ("2026-09-26", "04"),
            ("2026-09-25", "05"),
            ("2026-11-26", "02"),
        ];
        for (day, wanted) in table {
            assert_eq!(since(day.parse().unwrap(), today, 2), wanted, "{day}");
        }
    }

    #[test]
    fn a_phone_is_a_japanese_one_or_not_told() {
        let table = [
            ("03-0000-1234", Some(("300001234", false))),
            ("090 0000 1234", Some(("9000001234", true))),
            ("050-0000-1234", Some(("5000001234", false))),
            ("+81 3 0000 1234", None),
            ("12", None),
            ("", None),
        ];
        for (phone, wanted) in table {
            let wanted = wanted.map(|(number, is_mobile): (&str, bool)| (number.to_owned(), is_mobile));
            assert_eq!(subscriber(phone), wanted, "{phone}");
        }
    }
}
