//! The tests of the whole: the plugin as hosts, shoppers and staff meet it, against the simulated Paygent over real TLS.
//!
//! `world` a shop with its plugin and gateway · `books` what has to balance at the end · `checkout`, `list`, `change`, `runs`, `search`, `pages` the requirements,
//! each test named by its id ·
//! `cleanup` orders that their shoppers left in 決済処理中 ·
//! `mismatches` what differs between shop, plugin and gateway, and deadlines ·
//! `corrections` an amount that is made smaller in place · `link` the card typed on Paygent's page · `stored` cards that members
//! leave with the gateway ·
//! `guard` who tests cards, and who must not suffer for it ·
//! `database` what happens to files ·
//! `transcripts` every hook's call as a snapshot · `boundary`, `hosts`, `door` the two doors · `crash`, `kills`, `storm` processes that die ·
//! `tls` whom the plugin believes and how it proves who it is, to the servers of `peer` ·
//! `browser` what shoppers see, `screen` what the staff see · `supply` what we build on.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking; the fixtures are not marked as tests"
)]

mod arrivals;
mod books;
mod boundary;
mod browser;
mod change;
mod checkout;
mod classes;
mod cleanup;
mod corrections;
mod crash;
mod database;
mod door;
mod guard;
mod history;
mod hosts;
mod kills;
mod link;
mod list;
mod mismatches;
mod notices;
mod pages;
mod peer;
mod runs;
mod screen;
mod search;
mod stored;
mod storm;
mod supply;
mod three_ds;
mod tls;
mod transcripts;
mod wire;
mod world;
