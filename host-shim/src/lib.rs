//! A small but honest shop that loads the Paygent plugin, with a simulated Paygent beside it.
//!
//! `library` loads `libpaygent.so` · `adapter` is the shop's side of its interface · `shop` goods, carts, orders ·
//! `web` storefront and admin, with the plugin's pages mounted in them · `gateway` the Paygent simulator, which knows
//! nothing of all that · `demo` starts everything with the guide's sample orders · `conform` tests any host's adapter.

#![deny(unsafe_code)]

pub mod adapter;
pub mod clock;
pub mod conform;
pub mod demo;
pub mod gateway;
#[expect(
    unsafe_code,
    reason = "loading a library and calling C; each block says who promised what"
)]
pub mod library;
pub mod shop;
pub mod web;
pub mod wish;
