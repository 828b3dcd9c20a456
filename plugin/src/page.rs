//! What shoppers and staff see. `text` the wording · `card`, `cards`, `three_ds`, `link`, `notice` the shopper's pages, `brand`
//! and `wallet` what two of them show · `list`, `runs`, `order`, `settings` the staff's, each with its template · `staff` what
//! those share · `csv` the list as a file · `frame` what all pages share: the template engine and the headers.

mod brand;
mod card;
mod cards;
mod csv;
mod frame;
mod link;
mod list;
mod mismatches;
mod notice;
mod order;
mod runs;
mod settings;
mod staff;
mod text;
mod three_ds;
mod wallet;

pub(crate) use brand::Brand;
pub(crate) use card::{CardPage, CardProblem, ClassOffered, card, class_name};
pub(crate) use cards::{CardsPage, cards};
pub(crate) use csv::{Charset, csv_begin, csv_line};
pub(crate) use frame::{Page, framable};
pub(crate) use link::{LinkPage, link};
pub(crate) use list::{Cell, DETAIL_FIELDS, ListPage, PageLink, Row, SortHead, list};
pub(crate) use mismatches::{LinkingPage, MismatchRow, MismatchesPage, RepairButton, linking, mismatches};
pub(crate) use notice::{Confirming, Link, Notice, confirming, notice};
pub(crate) use order::{Event, OperationButton, OrderPage, PaymentLine, order};
pub(crate) use runs::{
    Line, Preflight, PreflightLine, ResultWords, RunPage, RunResult, RunRow, Running, RunsPage, Stopped, run, runs,
};
pub(crate) use settings::{Check, SettingsPage, settings};
pub(crate) use staff::{Fact, StaffFrame, TickBox, gateway_status, path_segment, reason};
pub(crate) use text::{Language, text, text_if_any};
pub(crate) use three_ds::{Authenticating, acs, authenticating, leave};
pub(crate) use wallet::{Wallet, WalletCard};
