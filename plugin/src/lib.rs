//! A Paygent (ペイジェント) card payment plugin that any shop engine can load.
//!
//! The way of a request, which is also the order of the modules:
//!
//! - [`abi`] the C interface, whole: `paygent_call` and its seven companions; `include/paygent.h` is its print.
//!   `http` the other door, opened by `paygent_serve`: method and path lead to the same hooks.
//! - `request` what was asked, parsed once. `hook` the table of hooks: `hook::dispatch`, where both doors end, finds the
//!   hook, and one file per hook family loads, asks `payment` whether it may, writes the intent, asks `paygent`, records,
//!   replies.
//! - `instance` the plugin as one value. `config` the JSON that `paygent_open` takes.
//! - `payment` the rules, pure. `paygent` the gateway as verbs. `store` the plugin's own database.
//! - `page` what shoppers and staff see. `reply` what goes back: status, page, data, and the effects that the host applies.
//! - `seal`, `address`, `fold` and `log` are small tools: signed form tokens, whose address a request came from, text as it
//!   is searched, lines for the host's log.
//!
//! Money is safe by three habits: an intent is committed before its telegram leaves, silence is never taken for
//! failure, and everything that the host must do is a row with a key, offered until it is acknowledged.

#![deny(unsafe_code)]

pub mod abi;
mod http;

mod hook;
mod request;

mod config;
mod instance;

mod page;
mod paygent;
mod payment;
mod store;

mod address;
mod fold;
mod log;
mod reply;
mod seal;
