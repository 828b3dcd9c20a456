//! Whose card a telegram means, and what is still known of it.

use diesel::prelude::*;

use super::stock;
use crate::gateway::ledger::payments::{self, Payment};
use crate::gateway::ledger::stored_cards::StoredCard;
use crate::gateway::ledger::tokens::{self, Token};
use crate::gateway::refusal::Refusal;
use crate::gateway::status::REFUSED;
use crate::gateway::wire::Fields;

/// Where the card is found.
pub(crate) enum Source<'a> {
    /// Behind a token, with or without its security code.
    Token { token: &'a str, with_cvc: bool },
    /// Among the customer's stored ones, perhaps with the security code behind a token of its own.
    Stored {
        customer_id: &'a str,
        card_id: &'a str,
        code_token: Option<&'a str>,
    },
    /// With an earlier payment, by that payment's trading id.
    Reference(&'a str),
}

/// The card, as far as anything here still knows it.
pub(crate) struct Card {
    pub(crate) brand: String,
    pub(crate) masked: String,
    pub(crate) expiry: String,
    pub(crate) fingerprint: String,
    pub(crate) key: String,
    /// A security code was promised and is not there.
    pub(crate) lacks_cvc: bool,
    pub(crate) by_reference: bool,
}

impl<'a> Source<'a> {
    /// As 020 names it: one of the three.
    pub(super) fn of_payment(fields: &'a Fields) -> Result<Self, Refusal> {
        if fields.get("stock_card_mode") == Some("1") {
            return Self::stored(fields);
        }
        match (fields.get("card_token"), fields.get("ref_trading_id")) {
            (Some(token), None) => Ok(Self::Token {
                token,
                with_cvc: fields.get("security_code_use") == Some("1"),
            }),
            (None, Some(earlier)) => Ok(Self::Reference(earlier)),
            _ => Err(Refusal::new("2003", "カード情報の指定が正しくありません")),
        }
    }

    /// As 450 names it.
    pub(super) fn of_authentication(fields: &'a Fields) -> Result<Self, Refusal> {
        match fields.text("card_set_method") {
            "token" => Ok(Self::Token {
                token: fields.text("card_token"),
                with_cvc: false,
            }),
            "customer" => Ok(Self::Stored {
                customer_id: fields.text("customer_id"),
                card_id: fields.text("customer_card_id"),
                code_token: None,
            }),
            _ => Err(Refusal::field("カード情報設定方法が正しくありません")),
        }
    }

    fn stored(fields: &'a Fields) -> Result<Self, Refusal> {
        let code_token = match fields.get("security_code_token") {
            Some("1") => Some(
                fields
                    .get("card_token")
                    .ok_or_else(|| Refusal::new("2003", "セキュリティコードのトークンがありません"))?,
            ),
            _ => None,
        };
        Ok(Self::Stored {
            customer_id: fields.text("customer_id"),
            card_id: fields.text("customer_card_id"),
            code_token,
        })
    }

    /// The card, if it can be used. 2009: the earlier payment was refused, or is none.
    pub(super) fn find(&self, connection: &mut SqliteConnection, now: i64) -> QueryResult<Result<Card, Refusal>> {
        match self {
            Self::Token { token, with_cvc } => {
                let found = tokens::usable_card(connection, token, now)?;
                Ok(found.map(|token| Card::behind(token, *with_cvc)))
            }
            Self::Stored {
                customer_id,
                card_id,
                code_token,
            } => {
                let found = stock::find(connection, customer_id, card_id)?;
                let code = code_token.map(|token| tokens::usable_code(connection, token, now));
                Ok(match (found, code.transpose()?) {
                    (Err(refusal), _) | (_, Some(Err(refusal))) => Err(refusal),
                    (Ok(card), _) => Ok(card.into()),
                })
            }
            Self::Reference(earlier) => {
                let good = payments::of_trading_id(connection, earlier)?
                    .into_iter()
                    .rev()
                    .find(|payment| payment.status != REFUSED);
                Ok(good.map(Card::of_earlier).ok_or_else(|| Refusal::new("2009", "")))
            }
        }
    }

    /// What works only once has worked.
    pub(super) fn spend(&self, connection: &mut SqliteConnection, now: i64) -> QueryResult<()> {
        match self {
            Self::Token { token, .. }
            | Self::Stored {
                code_token: Some(token),
                ..
            } => tokens::spend(connection, token, now),
            Self::Stored { code_token: None, .. } | Self::Reference(_) => Ok(()),
        }
    }
}

impl Card {
    fn behind(token: Token, with_cvc: bool) -> Self {
        Self {
            brand: token.brand,
            masked: token.masked_card,
            expiry: token.expiry,
            fingerprint: token.fingerprint,
            key: token.card_key,
            lacks_cvc: with_cvc && !token.has_cvc,
            by_reference: false,
        }
    }

    fn of_earlier(payment: Payment) -> Self {
        Self {
            brand: payment.brand,
            masked: payment.masked_card,
            expiry: payment.expiry,
            fingerprint: payment.fingerprint,
            key: payment.card_key,
            lacks_cvc: false,
            by_reference: true,
        }
    }
}

impl From<StoredCard> for Card {
    fn from(card: StoredCard) -> Self {
        Self {
            brand: card.brand,
            masked: card.masked_card,
            expiry: card.expiry,
            fingerprint: card.fingerprint,
            key: card.card_key,
            lacks_cvc: false,
            by_reference: false,
        }
    }
}
