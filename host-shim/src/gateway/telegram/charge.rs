//! Holds an amount on a card, whoever asked for it. Good or refused, it leaves a record, as the guide says
//! (オーソリOK・NGどちらの情報も残ります).

use diesel::prelude::*;

use super::card::{Card, Source};
use crate::gateway::cards::{self, Script};
use crate::gateway::ledger::payments::{self, Payment};
use crate::gateway::ledger::{authentications, notices};
use crate::gateway::refusal::Refusal;
use crate::gateway::settings::Settings;
use crate::gateway::status::{AUTHORISED, CAPTURED, REFUSED};

/// Payment classes (23 bonus, 80 revolving) that brands do not take. Which these are is each acquirer's own affair: here
/// it is AMEX and Diners.
const NOT_OF_BRANDS: [(&str, [&str; 2]); 2] = [("23", ["amex", "diners"]), ("80", ["amex", "diners"])];

/// What is to be paid, and how.
pub(crate) struct Order<'a> {
    pub(crate) trading_id: &'a str,
    pub(crate) amount: i64,
    /// 支払区分 and 分割回数.
    pub(crate) class: &'a str,
    pub(crate) split: &'a str,
    /// Taken at once.
    pub(crate) captures: bool,
    /// The authentication by 3-D Secure, one that is good for this payment alone.
    pub(crate) auth_id: Option<&'a str>,
}

/// What came of it.
pub(crate) enum Charge {
    /// Filled in wrongly: no record.
    Unfit(Refusal),
    /// The card's script lets nothing happen.
    Lost(Script),
    /// A record, good or with the reason why it is not.
    Recorded {
        payment: Box<Payment>,
        refusal: Option<Refusal>,
        script: Script,
    },
}

pub(crate) fn charge(
    connection: &mut SqliteConnection,
    order: &Order<'_>,
    source: &Source<'_>,
    settings: &Settings,
    now: i64,
) -> QueryResult<Charge> {
    let card = match source.find(connection, now)? {
        Ok(card) => card,
        Err(refusal) => return Ok(Charge::Unfit(refusal)),
    };
    if let Some(id) = order.auth_id
        && let Err(refusal) = spend_authentication(connection, id, (order, &card), now)?
    {
        return Ok(Charge::Unfit(refusal));
    }
    let script = cards::script(&card.key);
    if matches!(script, Script::RequestLost | Script::Http500) {
        return Ok(Charge::Lost(script));
    }
    source.spend(connection, now)?;
    let refusal = judge(&card, order.class, script, settings).err();
    let id = payments::next_id(connection)?;
    let payment = record(id, order, card, refusal.as_ref(), now);
    payments::insert(connection, &payment)?;
    if refusal.is_none() || settings.refusals_are_noticed {
        notices::tell(connection, &payment)?;
    }
    Ok(Charge::Recorded {
        payment: Box::new(payment),
        refusal,
        script,
    })
}

fn takes_class(brand: &str, class: &str) -> bool {
    !NOT_OF_BRANDS
        .iter()
        .any(|(of, brands)| *of == class && brands.contains(&brand))
}

/// The authentication has to be good, of this card and amount, and unused: 31009 not good, 31010 used.
fn spend_authentication(
    connection: &mut SqliteConnection,
    id: &str,
    (order, card): (&Order<'_>, &Card),
    now: i64,
) -> QueryResult<Result<(), Refusal>> {
    let Some(mut found) = authentications::find(connection, id)? else {
        return Ok(Err(Refusal::new("31009", "")));
    };
    if found.used_at.is_some() {
        return Ok(Err(Refusal::new("31010", "")));
    }
    let fits = found.result == "0" && found.amount == order.amount && found.fingerprint == card.fingerprint;
    if !fits {
        return Ok(Err(Refusal::new("31009", "")));
    }
    found.used_at = Some(now);
    authentications::update(connection, &found)?;
    Ok(Ok(()))
}

/// The acquirer's and the issuer's word. A brand outside the contract is a card that cannot be used (R3).
fn judge(card: &Card, class: &str, script: Script, settings: &Settings) -> Result<(), Refusal> {
    if !settings.brands.contains(&card.brand) {
        return Err(Refusal::new("2001", "1G12"));
    }
    if !takes_class(&card.brand, class) {
        return Err(Refusal::new("2001", "1G78"));
    }
    if card.lacks_cvc {
        return Err(Refusal::new("2001", "1G45"));
    }
    match script {
        Script::Refuse(detail) => Err(Refusal::new("2001", detail)),
        Script::RefusedByReference(detail) if card.by_reference => Err(Refusal::new("2001", detail)),
        Script::TimeoutRefused => Err(Refusal::new("2008", "")),
        _ => Ok(()),
    }
}

fn record(id: i64, order: &Order<'_>, card: Card, refusal: Option<&Refusal>, now: i64) -> Payment {
    let mut payment = Payment {
        payment_id: id,
        trading_id: order.trading_id.to_owned(),
        amount: order.amount,
        status: if refusal.is_some() { REFUSED } else { AUTHORISED },
        brand: card.brand,
        masked_card: card.masked,
        expiry: card.expiry,
        fingerprint: card.fingerprint,
        card_key: card.key,
        payment_class: order.class.to_owned(),
        split_count: order.split.to_owned(),
        code: refusal.map(|refusal| refusal.code.clone()).unwrap_or_default(),
        detail: refusal
            .map(|refusal| refusal.detail.replace('"', ""))
            .unwrap_or_default(),
        applied_at: now,
        changed_at: now,
        captured_at: None,
        cancelled_at: None,
        three_ds: order.auth_id.is_some(),
    };
    if order.captures && refusal.is_none() {
        payment.turn(CAPTURED, now);
    }
    payment
}
