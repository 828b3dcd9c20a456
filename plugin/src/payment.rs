//! The rules of money, pure: no I/O, no clock, no randomness. Everything here can be tried state by event.
//!
//! `yen` what an amount is · `class` how it is paid off · `gateway_status` what Paygent says of a payment · `order_status` 対応状況 ·
//! `attempt` and `hold` the two life cycles · `settle` the one place where an answer becomes a state ·
//! `operation` what the staff may do · `change` one payment in another's place · `way` by which way · `correction` what became
//! of one · `cleanup` orders left in 決済処理中 · `compare` where shop, plugin and gateway differ · `daily` what runs by itself · `preflight` what they are told before · `guard` how often a card may be tried · `stored_card` cards that a member
//! leaves with the gateway · `deadline`, `japan` days · `trading_id` how an attempt is named on the wire.

pub(crate) mod attempt;
pub(crate) mod change;
pub(crate) mod class;
pub(crate) mod cleanup;
pub(crate) mod compare;
pub(crate) mod correction;
pub(crate) mod daily;
pub(crate) mod deadline;
pub(crate) mod gateway_status;
pub(crate) mod guard;
pub(crate) mod hold;
pub(crate) mod japan;
pub(crate) mod operation;
pub(crate) mod order_status;
pub(crate) mod preflight;
pub(crate) mod settle;
pub(crate) mod stored_card;
pub(crate) mod trading_id;
pub(crate) mod way;
pub(crate) mod yen;

pub(crate) use class::PaymentClass;
pub(crate) use gateway_status::GatewayStatus;
pub(crate) use order_status::OrderStatus;
pub(crate) use yen::Yen;
