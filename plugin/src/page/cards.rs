//! The page of a member's stored cards.

use serde::Serialize;

use super::brand::Brand;
use super::card::CardProblem;
use super::frame::{Page, headers, origin, render};
use super::text::Language;
use super::wallet::Wallet;

/// What the page shows.
#[derive(Serialize)]
pub(crate) struct CardsPage<'a> {
    pub(crate) shop_name: &'a str,
    pub(crate) add_url: &'a str,
    pub(crate) delete_url: &'a str,
    /// The host's my page; empty where it is not told.
    pub(crate) back_url: &'a str,
    pub(crate) form_token: &'a str,
    pub(crate) token_script_url: &'a str,
    pub(crate) merchant_id: &'a str,
    pub(crate) token_key: &'a str,
    pub(crate) brands: Vec<Brand>,
    pub(crate) wallet: &'a Wallet,
    /// What became of the form before.
    pub(crate) told: Option<String>,
    pub(crate) problem: Option<CardProblem>,
    pub(crate) test_mode: bool,
}

/// Draws the page.
pub(crate) fn cards(shown: &CardsPage<'_>, language: Language, nonce: &str) -> Page {
    let scripts: Vec<String> = origin(shown.token_script_url).into_iter().collect();
    Page {
        headers: headers(nonce, &scripts),
        html: render(language, "cards.html", shown, nonce),
    }
}
