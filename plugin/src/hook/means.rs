//! What a shopper pays with, as the card page posted it: a card's token, or a stored card and the token of its security code.

use crate::paygent::{CardId, CardSource, CustomerId, HolderOf};

/// What is paid with. The tokens are good for one 020.
pub(super) enum Means {
    /// Of a card that was typed.
    Token(String),
    /// One of the member's stored cards.
    Stored {
        customer: CustomerId,
        card: CardId,
        /// Of the security code alone.
        code_token: String,
    },
}

impl Means {
    /// As it is locked into a row while its holder is authenticated. A token holds no line end.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Token(token) => token.clone(),
            Self::Stored {
                customer,
                card,
                code_token,
            } => [customer.as_str(), card.as_str(), code_token].join("\n"),
        }
    }

    /// What `text` printed.
    pub(super) fn read(text: &str) -> Option<Self> {
        match text.split('\n').collect::<Vec<_>>().as_slice() {
            [token] => Some(Self::Token((*token).to_owned())),
            [customer, card, code_token] => Some(Self::Stored {
                customer: CustomerId::try_from(*customer).ok()?,
                card: CardId::try_from(*card).ok()?,
                code_token: (*code_token).to_owned(),
            }),
            _ => None,
        }
    }

    /// For 020.
    pub(super) fn source(&self) -> CardSource {
        match self {
            Self::Token(token) => CardSource::Token {
                token: token.as_str().into(),
                security_code: true,
            },
            Self::Stored {
                customer,
                card,
                code_token,
            } => CardSource::Stored {
                customer: customer.clone(),
                card: card.clone(),
                code_token: code_token.as_str().into(),
            },
        }
    }

    /// For 450.
    pub(super) fn holder(&self) -> HolderOf {
        match self {
            Self::Token(token) => HolderOf::Token(token.as_str().into()),
            Self::Stored { customer, card, .. } => HolderOf::Stored(customer.clone(), card.clone()),
        }
    }
}

/// What a token looks like; whether it is one, the gateway knows.
pub(super) fn is_token(text: &str) -> bool {
    (1..=256).contains(&text.len()) && text.chars().all(|c| c.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_for_its_holder_comes_back_as_it_was() {
        for text in ["tok_1", "0123abcd\n7\ntok_cvc"] {
            assert_eq!(Means::read(text).unwrap().text(), text);
        }
        assert!(Means::read("0123abcd\n7").is_none() && Means::read("@\n7\ntok_cvc").is_none());
    }
}
