//! A member's stored cards, as the card page and the page of their own show them.

use serde::Serialize;

use super::brand::Brand;
use crate::paygent::StoredCard;

/// The cards of the member who asks.
#[derive(Serialize)]
pub(crate) struct Wallet {
    pub(crate) cards: Vec<WalletCard>,
    /// A card among them can be paid with; the first such is chosen.
    has_choice: bool,
    /// No more can be stored.
    full: bool,
    /// As many can be stored.
    most: usize,
    /// The gateway did not tell them.
    pub(crate) unreadable: bool,
}

/// One of them.
#[derive(Serialize)]
pub(crate) struct WalletCard {
    /// What a form names it by: nobody but its member can use it.
    reference: String,
    number: String,
    /// `12/30`; empty where the gateway does not say.
    expiry: String,
    brand: String,
    /// The brand as the card page's script knows it; empty where it does not.
    brand_id: &'static str,
    expired: bool,
    chosen: bool,
}

impl Wallet {
    /// With these cards, of which there may be `most`.
    pub(crate) fn of(mut cards: Vec<WalletCard>, most: usize) -> Self {
        if let Some(first) = cards.iter_mut().find(|card| !card.expired) {
            first.chosen = true;
        }
        Self {
            has_choice: cards.iter().any(|card| card.chosen),
            full: cards.len() >= most,
            most,
            cards,
            unreadable: false,
        }
    }

    /// Where the gateway did not answer. Whether there is room is found out when a card is stored.
    pub(crate) fn unreadable(most: usize) -> Self {
        Self {
            unreadable: true,
            ..Self::of(Vec::new(), most)
        }
    }
}

impl WalletCard {
    /// A card, named by `reference`.
    pub(crate) fn of(reference: String, card: &StoredCard, expired: bool) -> Self {
        Self {
            reference,
            number: card.number.clone(),
            expiry: card.expiry.map(|expiry| expiry.to_string()).unwrap_or_default(),
            brand: card.brand.clone(),
            brand_id: Brand::id_of(&card.brand),
            expired,
            chosen: false,
        }
    }
}
