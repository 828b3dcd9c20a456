//! What shoppers and staff see. `text` the wording · `card`, `notice`, `list` one file per page, each with its
//! template, style and script beside it · `frame` what they share: the template engine and the headers.

mod card;
mod frame;
mod list;
mod notice;
mod text;

pub(crate) use card::{Brand, CardPage, CardProblem, card};
pub(crate) use frame::Page;
pub(crate) use list::{Line, ListPage, PageLink, Row, RunResult, Running, StatusBox, list, reason};
pub(crate) use notice::{Confirming, Link, Notice, confirming, notice};
pub(crate) use text::{Language, text};
