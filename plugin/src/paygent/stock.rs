//! Cards that a member leaves with the gateway (カード情報お預かり): stored (025), deleted (026), listed (027).

use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret as _, SecretString};

use super::reply::Fields;
use super::telegram::Telegram;
use super::{Answer, Class, Done, Fault, Gateway, NotAnId, Outcome, malformed};
use crate::payment::stored_card::Expiry;

/// A member's name at the gateway: 1 to 25 letters and digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CustomerId(String);

/// A stored card's number among its customer's: 1 to 32 letters, digits, `-` and `_`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CardId(String);

/// A stored card, as far as a shop may know it.
#[derive(Debug)]
pub(crate) struct StoredCard {
    pub(crate) id: CardId,
    /// `************1881`.
    pub(crate) number: String,
    /// None where the gateway's text says nothing: such a card is offered, and the gateway decides.
    pub(crate) expiry: Option<Expiry>,
    /// As the gateway names it, such as `VISA`; empty where it does not.
    pub(crate) brand: String,
    pub(crate) fingerprint: Option<String>,
}

impl Gateway {
    /// 025. It spends the token.
    pub(crate) fn store_card(&self, customer: &CustomerId, token: &SecretString, now: DateTime<Utc>) -> Answer<CardId> {
        self.run(&store(customer, token), now, |reply| {
            let id = reply.get("customer_card_id").and_then(|id| CardId::try_from(id).ok());
            id.ok_or_else(|| malformed("no customer_card_id came back"))
        })
    }

    /// 026.
    pub(crate) fn delete_card(&self, customer: &CustomerId, card: &CardId, now: DateTime<Utc>) -> Answer<Done> {
        self.run(&delete(customer, card), now, |_| Ok(Done))
    }

    /// 027. To have none is a good answer.
    pub(crate) fn stored_cards(&self, customer: &CustomerId, now: DateTime<Utc>) -> Answer<Vec<StoredCard>> {
        let telegram = Telegram::new("027").with("customer_id", customer.as_str());
        let answer = self.run(&telegram, now, listed);
        let outcome = match answer.outcome {
            Outcome::Declined(refusal) if refusal.class() == Class::NotFound => Outcome::Good(Vec::new()),
            other => other,
        };
        Answer {
            outcome,
            exchange: answer.exchange,
        }
    }
}

/// 025 as it stands on the wire.
pub(super) fn store(customer: &CustomerId, token: &SecretString) -> Telegram {
    Telegram::new("025")
        .with("customer_id", customer.as_str())
        .with("card_token", token.expose_secret())
}

/// 026 as it stands on the wire.
pub(super) fn delete(customer: &CustomerId, card: &CardId) -> Telegram {
    Telegram::new("026")
        .with("customer_id", customer.as_str())
        .with("customer_card_id", card.as_str())
}

/// The cards of a listing. One that cannot be read, or a number of rows that is not what the end says, and none of it is
/// believed: a card that is missed here would be stored a second time.
pub(super) fn listed(reply: &Fields) -> Result<Vec<StoredCard>, Fault> {
    let rows = reply.rows();
    let counts = reply.get("data_count").and_then(|count| count.trim().parse().ok());
    if counts.is_some_and(|count: usize| count != rows.len()) {
        return Err(malformed("another number of rows than it says"));
    }
    let cards = rows.iter().map(|row| card(row));
    cards
        .collect::<Option<_>>()
        .ok_or_else(|| malformed("a row without its card"))
}

fn card(row: &[(String, String)]) -> Option<StoredCard> {
    let value = |names: &[&str]| {
        row.iter()
            .find(|(name, value)| names.contains(&name.as_str()) && !value.is_empty())
            .map(|(_, value)| value.trim())
    };
    Some(StoredCard {
        id: CardId::try_from(value(&["customer_card_id"])?).ok()?,
        number: masked(value(&["card_number", "masked_card_number"])?),
        expiry: value(&["card_valid_term"]).and_then(Expiry::read),
        brand: value(&["card_brand"]).unwrap_or("").chars().take(20).collect(),
        fingerprint: value(&["fingerprint"]).map(str::to_owned),
    })
}

/// The last four digits, whatever the gateway left to be read.
fn masked(number: &str) -> String {
    const SHOWN: usize = 4;
    let hidden = number.chars().count().saturating_sub(SHOWN);
    let signs = number.chars().enumerate();
    signs
        .map(|(place, sign)| if place < hidden { '*' } else { sign })
        .collect()
}

impl CustomerId {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<&str> for CustomerId {
    type Error = NotAnId;

    fn try_from(text: &str) -> Result<Self, NotAnId> {
        let fits = (1..=25).contains(&text.len()) && text.chars().all(|c| c.is_ascii_alphanumeric());
        if fits { Ok(Self(text.to_owned())) } else { Err(NotAnId) }
    }
}

impl CardId {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<&str> for CardId {
    type Error = NotAnId;

    fn try_from(text: &str) -> Result<Self, NotAnId> {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        let fits = (1..=32).contains(&text.len()) && text.chars().all(plain);
        if fits { Ok(Self(text.to_owned())) } else { Err(NotAnId) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_number_is_masked_even_if_the_gateway_did_not() {
        assert_eq!(masked("4012888888881881"), "************1881");
        assert_eq!(masked("************1881"), "************1881");
        assert_eq!(masked("18"), "18");
    }

    #[test]
    fn a_listing_is_believed_whole_or_not_at_all() {
        let rows = |count: &str, id: &str| {
            let text = format!(
                "\"1\",\"0\",\"\",\"\"\r\n\"2\",\"customer_card_id\",\"card_number\",\"card_valid_term\",\"card_brand\"\r\n\
                 \"3\",\"{id}\",\"************1881\",\"1230\",\"VISA\"\r\n\"4\",\"{count}\"\r\n"
            );
            listed(&Fields::parse_rows(text.as_bytes()))
        };
        let read = rows("1", "7").unwrap();
        let shown: Vec<_> = read
            .iter()
            .map(|card| (card.id.as_str(), card.number.as_str(), card.brand.as_str()))
            .collect();
        assert_eq!(shown, [("7", "************1881", "VISA")]);
        assert!(rows("2", "7").is_err() && rows("1", "").is_err());
        assert!(
            listed(&Fields::parse_rows(b"\"1\",\"0\",\"\",\"\"\r\n\"4\",\"0\"\r\n"))
                .unwrap()
                .is_empty()
        );
    }
}
