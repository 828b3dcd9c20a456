//! Telegrams without sockets, for tests: fields in, answer and ledger out.

use super::{Access, Answer, Call, handle};
use crate::gateway::ledger::tokens::{self, Token};
use crate::gateway::{Paygent, cards, ledger};

pub(super) const NOW: i64 = 1_606_359_600_000; // 2020-11-26 12:00 in Japan
pub(super) const LOGIN: &str = "merchant_id=10001&connect_id=cid&connect_password=cpw&telegram_version=1.0";

pub(super) fn paygent() -> Paygent {
    Paygent::new(ledger::in_memory(), String::new())
}

/// A token for a row of the card table.
pub(super) fn token(paygent: &Paygent, key: &str) -> String {
    let card = cards::CARDS.iter().find(|card| card.key == key).unwrap();
    let token = Token {
        token: format!("tok_{key}"),
        brand: cards::brand(card.number).to_owned(),
        masked_card: cards::masked(card.number),
        expiry: "3012".to_owned(),
        fingerprint: "print".to_owned(),
        card_key: key.to_owned(),
        has_cvc: true,
        valid_until: NOW + 1_000,
        used_at: None,
    };
    paygent
        .ledger
        .transact(|connection| tokens::insert(connection, &token))
        .unwrap();
    token.token
}

/// A token for a security code alone.
pub(super) fn code_token(paygent: &Paygent) -> String {
    let token = Token {
        token: "tok_code".to_owned(),
        brand: String::new(),
        masked_card: String::new(),
        expiry: String::new(),
        fingerprint: String::new(),
        card_key: String::new(),
        has_cvc: true,
        valid_until: NOW + 1_000,
        used_at: None,
    };
    paygent
        .ledger
        .transact(|connection| tokens::insert(connection, &token))
        .unwrap();
    token.token
}

pub(super) fn send_at(paygent: &Paygent, now: i64, fields: &str) -> Answer {
    let place = match fields {
        _ if fields.contains("kind=094") => "/ref/paymentref",
        _ if fields.contains("kind=091") => "/ref/paynotice",
        _ if fields.contains("kind=450") => "/threeds/request",
        _ => "/card/request",
    };
    let raw = format!("{LOGIN}&{fields}");
    handle(
        paygent,
        &Call {
            access: Access::Certificate,
            path: place,
            place,
            raw: raw.as_bytes(),
        },
        now,
    )
    .unwrap()
}

pub(super) fn send(paygent: &Paygent, fields: &str) -> String {
    send_at(paygent, NOW, fields).text
}

/// A 020 as the plain card page leads to.
pub(super) fn pay(paygent: &Paygent, trading_id: &str, source: &str) -> Answer {
    let fixed = "telegram_kind=020&payment_id=&payment_amount=3300&payment_class=10&3dsecure_ryaku=1";
    send_at(paygent, NOW, &format!("{fixed}&trading_id={trading_id}&{source}"))
}

pub(super) fn with_token(paygent: &Paygent, key: &str) -> String {
    format!("card_token={}&security_code_use=1", token(paygent, key))
}

/// `result` and the codes, in short.
pub(super) fn codes(text: &str) -> Vec<&str> {
    let value = |line: &'static str| {
        text.lines()
            .find_map(|found| found.strip_prefix(line))
            .unwrap_or_default()
    };
    vec![value("result="), value("response_code="), value("response_detail=")]
}
