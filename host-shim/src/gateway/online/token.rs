//! The token endpoint: the only place where a card number arrives, and where it is forgotten.

use std::fmt::Write;
use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN};
use axum::response::IntoResponse;
use diesel::prelude::*;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Problem;
use crate::gateway::ledger::tokens::{self, Token};
use crate::gateway::{Merchant, Paygent, cards, clock, hash};

/// What the token script posts. Everything is text, as typed.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Typed {
    pub(super) merchant_id: String,
    pub(super) token_key: String,
    /// Only the security code, for a card that is stored.
    pub(super) cvc_only: bool,
    pub(super) card_number: String,
    pub(super) expire_year: String,
    pub(super) expire_month: String,
    pub(super) cvc: String,
    pub(super) name: String,
}

impl Typed {
    /// Nothing typed yet, on a page of the merchant's.
    pub(super) fn for_merchant(merchant: &Merchant) -> Self {
        Self {
            merchant_id: merchant.merchant_id.clone(),
            token_key: merchant.token_key.clone(),
            ..Self::default()
        }
    }
}

/// Any shop's page may ask before it posts.
pub(super) async fn preflight() -> impl IntoResponse {
    let allowed = [
        (ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (ACCESS_CONTROL_ALLOW_METHODS, "POST"),
        (ACCESS_CONTROL_ALLOW_HEADERS, "content-type"),
    ];
    (StatusCode::NO_CONTENT, allowed)
}

/// A token for a card, or the `result` that says which input is wrong.
pub(super) async fn create(State(paygent): State<Arc<Paygent>>, body: Bytes) -> Result<impl IntoResponse, Problem> {
    let typed: Typed = serde_json::from_slice(&body).map_err(|_| Problem::bad_request("the card is not JSON"))?;
    let reply = match tokenise(&paygent, &typed)? {
        Ok(token) => reply(&paygent, &token),
        Err(result) => json!({ "result": result }),
    };
    Ok(([(ACCESS_CONTROL_ALLOW_ORIGIN, "*")], Json(reply)))
}

/// A token for a card number, as the token script gets one; for the demo's sample orders and for tests.
pub(in crate::gateway) fn issue(paygent: &Paygent, card_number: &str) -> anyhow::Result<String> {
    let typed = Typed {
        card_number: card_number.to_owned(),
        expire_year: "99".to_owned(),
        expire_month: "12".to_owned(),
        cvc: "123".to_owned(),
        name: "TEST KAIIN".to_owned(),
        ..Typed::for_merchant(&paygent.merchant)
    };
    let token = tokenise(paygent, &typed).map_err(|problem| anyhow::anyhow!(problem.1))?;
    token
        .map(|token| token.token)
        .map_err(|result| anyhow::anyhow!("no token: {result}"))
}

/// A token for what was typed, or the `result` that says what is wrong with it.
pub(super) fn tokenise(paygent: &Paygent, typed: &Typed) -> Result<Result<Token, &'static str>, Problem> {
    let now = paygent.clock.now();
    match check(paygent, typed, now) {
        Ok(()) => keep(paygent, typed, now).map(Ok),
        Err(result) => Ok(Err(result)),
    }
}

/// The first input that is wrong: 12xx key, 13xx number, 14xx year, 15xx month, 16xx security code, 17xx name.
fn check(paygent: &Paygent, typed: &Typed, now: i64) -> Result<(), &'static str> {
    if typed.merchant_id != paygent.merchant.merchant_id || typed.token_key != paygent.merchant.token_key {
        return Err("1200");
    }
    if !typed.cvc_only {
        number(&typed.card_number)?;
        expiry(&typed.expire_year, &typed.expire_month, now)?;
        name(&typed.name)?;
    }
    let missing = typed.cvc_only && typed.cvc.is_empty();
    let fits = typed.cvc.is_empty() || (digits(&typed.cvc) && matches!(typed.cvc.len(), 3 | 4));
    match (missing, fits) {
        (true, _) => Err("1600"),
        (false, false) => Err("1601"),
        (false, true) => Ok(()),
    }
}

fn number(number: &str) -> Result<(), &'static str> {
    match number {
        "" => Err("1300"),
        number if !digits(number) || !(14..=16).contains(&number.len()) => Err("1301"),
        number if !cards::check_digit_fits(number) => Err("1302"),
        _ => Ok(()),
    }
}

fn expiry(year: &str, month: &str, now: i64) -> Result<(), &'static str> {
    match (year, month) {
        ("", _) => Err("1400"),
        (year, _) if !digits(year) || year.len() != 2 => Err("1401"),
        (_, "") => Err("1500"),
        (_, month) if month.len() != 2 || !month.parse().is_ok_and(|month| (1..=12).contains(&month)) => Err("1501"),
        (year, month) if format!("{year}{month}") < clock::year_month(now) => Err("1402"),
        _ => Ok(()),
    }
}

/// As embossed on the card; a shop need not ask for it.
fn name(name: &str) -> Result<(), &'static str> {
    let embossed = |c: char| c.is_ascii_alphanumeric() || " .,-'/&".contains(c);
    if name.chars().count() <= 45 && name.chars().all(embossed) {
        Ok(())
    } else {
        Err("1701")
    }
}

fn digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Makes the token; of what was typed only that is kept which a shop may know.
fn keep(paygent: &Paygent, typed: &Typed, now: i64) -> Result<Token, Problem> {
    let mut token = Token {
        token: random("tok_").map_err(Problem::bad_request)?,
        brand: String::new(),
        masked_card: String::new(),
        expiry: String::new(),
        fingerprint: String::new(),
        card_key: String::new(),
        has_cvc: !typed.cvc.is_empty(),
        valid_until: now + paygent.settings().token_lifetime_secs * 1_000,
        used_at: None,
    };
    if !typed.cvc_only {
        let number = typed.card_number.as_str();
        cards::brand(number).clone_into(&mut token.brand);
        cards::by_number(number)
            .map_or(cards::OTHER, |card| card.key)
            .clone_into(&mut token.card_key);
        token.masked_card = cards::masked(number);
        token.expiry = format!("{}{}", typed.expire_year, typed.expire_month);
        token.fingerprint = hash::sha256(&[&paygent.fingerprint_secret, number]);
    }
    paygent
        .ledger
        .transact(|connection: &mut SqliteConnection| tokens::insert(connection, &token))?;
    Ok(token)
}

fn reply(paygent: &Paygent, token: &Token) -> Value {
    let valid_until = clock::wire(token.valid_until);
    let hc = hash::sha256(&[
        "0000",
        &token.token,
        &token.masked_card,
        &valid_until,
        &paygent.merchant.token_key,
    ]);
    json!({
        "result": "0000",
        "tokenizedCardObject": {
            "token": token.token,
            "masked_card_number": token.masked_card,
            "valid_until": valid_until,
            "fingerprint": token.fingerprint,
        },
        "hc": hc,
    })
}

/// Hard to guess.
pub(super) fn random(prefix: &str) -> Result<String, getrandom::Error> {
    let mut random = [0; 24];
    getrandom::fill(&mut random)?;
    Ok(random.iter().fold(prefix.to_owned(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::ledger;

    const NOW: i64 = 1_606_359_600_000; // 2020-11-26 in Japan

    fn result_of(change: impl FnOnce(&mut Typed)) -> Result<(), &'static str> {
        let text = str::to_owned;
        let paygent = Paygent::new(ledger::in_memory(), String::new());
        let mut typed = Typed {
            merchant_id: paygent.merchant.merchant_id.clone(),
            token_key: paygent.merchant.token_key.clone(),
            card_number: text("4111111111111111"),
            expire_year: text("20"),
            expire_month: text("11"),
            cvc: text("123"),
            name: text("TARO TEST"),
            cvc_only: false,
        };
        change(&mut typed);
        check(&paygent, &typed, NOW)
    }

    #[test]
    fn each_wrong_input_has_its_own_family_of_results() {
        assert_eq!(result_of(|_| ()), Ok(()));
        assert_eq!(result_of(|typed| typed.token_key.push('x')), Err("1200"));
        assert_eq!(result_of(|typed| typed.card_number.clear()), Err("1300"));
        assert_eq!(result_of(|typed| typed.card_number.push('1')), Err("1301"));
        assert_eq!(
            result_of(|typed| typed.card_number = "4111111111111112".to_owned()),
            Err("1302")
        );
        assert_eq!(result_of(|typed| typed.expire_year = "2020".to_owned()), Err("1401"));
        assert_eq!(result_of(|typed| typed.expire_month = "10".to_owned()), Err("1402"));
        assert_eq!(result_of(|typed| typed.expire_month = "13".to_owned()), Err("1501"));
        assert_eq!(result_of(|typed| typed.cvc = "12".to_owned()), Err("1601"));
        assert_eq!(result_of(|typed| typed.name = "テスト".to_owned()), Err("1701"));
    }

    #[test]
    fn a_security_code_alone_needs_no_card() {
        assert_eq!(
            result_of(|typed| *typed = Typed {
                cvc_only: true,
                card_number: String::new(),
                ..std::mem::take(typed)
            }),
            Ok(())
        );
        assert_eq!(
            result_of(|typed| *typed = Typed {
                cvc_only: true,
                cvc: String::new(),
                ..std::mem::take(typed)
            }),
            Err("1600")
        );
    }

    #[test]
    fn the_number_is_forgotten_and_the_answer_has_the_callbacks_shape() {
        let paygent = Paygent::new(ledger::in_memory(), "secret".to_owned());
        let typed = Typed {
            card_number: "4012888888881881".to_owned(),
            ..Typed::default()
        };
        let token = keep(&paygent, &typed, NOW).map_err(|problem| problem.1).unwrap();
        let reply = reply(&paygent, &token);
        let card = &reply["tokenizedCardObject"];
        assert_eq!(
            (&reply["result"], &card["masked_card_number"]),
            (&json!("0000"), &json!("************1881"))
        );
        assert_eq!(card["valid_until"], "20201126122000");
        let token = card["token"].as_str().unwrap();
        let kept = paygent
            .ledger
            .transact(|connection| tokens::usable_card(connection, token, NOW))
            .unwrap()
            .unwrap();
        assert_eq!((kept.brand.as_str(), kept.card_key.as_str()), ("visa", "visa_2"));
        assert_ne!(
            kept.fingerprint,
            hash::sha256(&["4012888888881881"]),
            "anyone could count such a print back"
        );
    }

    #[test]
    fn a_token_of_a_security_code_alone_is_no_card() {
        let paygent = Paygent::new(ledger::in_memory(), "secret".to_owned());
        let typed = Typed {
            cvc_only: true,
            cvc: "123".to_owned(),
            ..Typed::default()
        };
        let token = keep(&paygent, &typed, NOW).map_err(|problem| problem.1).unwrap();
        let (as_card, as_code) = paygent
            .ledger
            .transact(|connection| {
                let as_card = tokens::usable_card(connection, &token.token, NOW)?;
                Ok((as_card, tokens::usable_code(connection, &token.token, NOW)?))
            })
            .unwrap();
        assert_eq!(as_card.unwrap_err().code, "2021");
        assert!(as_code.unwrap().has_cvc);
    }
}
