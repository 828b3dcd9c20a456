//! The link type (リンク型): the shop's server hands an order over and is told the address of the page, Paygent's own, on
//! which the shopper types the card.
//!
//! It is no telegram of the module's hosts: another host, no client certificate, a hash with a key of its own, UTF-8.
//! Fields and their order in the hash are those of published clients. What comes back with the browser proves nothing:
//! no client knows of a hash on it.

use secrecy::ExposeSecret as _;

use super::hash;
use super::outcome::Fault;
use super::settings::Settings;
use super::telegram::{LINK, Telegram};
use super::{TradingId, malformed};
use crate::payment::Yen;

/// The longest address of a page that is believed.
const ADDRESS_LIMIT: usize = 2_000;

/// An order that is handed over.
pub(crate) struct HandOver {
    pub(crate) trading_id: TradingId,
    pub(crate) amount: Yen,
    /// For how long the page is good, 5 to 2,880 minutes.
    pub(crate) minutes: u16,
    /// The holder is authenticated on Paygent's side.
    pub(crate) three_ds: bool,
    /// Shown on Paygent's page.
    pub(crate) shop_name: String,
    /// Where the browser comes back to from a payment.
    pub(crate) return_url: String,
    /// The same for 「戻る」 on Paygent's page.
    pub(crate) stop_url: String,
}

/// The hand-over as it stands on the wire.
pub(super) fn hand_over(settings: &Settings, asked: &HandOver) -> Telegram {
    let key = settings.link_key.as_ref().map_or("", |key| key.expose_secret());
    let order = Telegram::bare(LINK)
        .with("trading_id", asked.trading_id.as_str())
        .with("payment_type", "02")
        .with("id", asked.amount.get().to_string())
        .with("seq_merchant_id", settings.link_merchant_id())
        .with("payment_term_min", asked.minutes.to_string())
        // 一括 alone: which way the shopper chose there would not be told, and a change of amount has to repeat it.
        .with("payment_class", "0")
        .with("use_card_conf_number", "1")
        .with("threedsecure_ryaku", if asked.three_ds { "0" } else { "1" })
        .with_some("merchant_name", &asked.shop_name)
        .with("return_url", asked.return_url.as_str())
        .with("stop_return_url", asked.stop_url.as_str())
        // Another card may be tried there after a refused one.
        .with("re_payment_type", "1")
        .with("isbtob", "1");
    let hc = hash::link(&order, key);
    order.with("hc", hc)
}

/// The page's address, if it is one of Paygent's: a browser is sent nowhere else.
pub(super) fn address(settings: &Settings, url: Option<&str>) -> Result<String, Fault> {
    let url = url.unwrap_or("").trim();
    let sound = url.len() <= ADDRESS_LIMIT && url.chars().all(|c| c.is_ascii_graphic());
    if sound && settings.is_link_page(url) {
        Ok(url.to_owned())
    } else {
        Err(malformed("the page's address is not Paygent's"))
    }
}
