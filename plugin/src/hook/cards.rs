//! A member's stored cards: those that the card page offers, and `cards.page`, `cards.add` and `cards.delete`, a page of
//! their own for the host's my page.
//!
//! A page names a card by a text that is encrypted for its member: what another member's page holds opens for nobody else.

use chrono::{DateTime, TimeDelta};
use serde_json::json;

use super::means::{Means, is_token};
use super::route::{notice, whole};
use super::storing::{FULL, Keep, LOOK_SECS};
use super::{Call, customer, guard, storing};
use crate::page;
use crate::paygent::{CardId, Class, CustomerId, Outcome, StoredCard};
use crate::payment::japan;
use crate::payment::stored_card::{Expiry, MOST, StoringState};
use crate::reply::{Problem, Reply, Status};
use crate::request::Form;
use crate::seal::{Purpose, random_hex};
use crate::store::storings::{self, Storing};

/// How long a drawn page can be used.
const FORM_LASTS: TimeDelta = TimeDelta::hours(2);

/// What the card page shows of the cards of the member who asks. A gateway that does not answer leaves them out.
pub(super) fn wallet(call: &Call<'_>) -> Result<Option<page::Wallet>, Problem> {
    let Some(customer) = customer::asking(call) else {
        return Ok(None);
    };
    let gateway = call.instance.gateway.within(LOOK_SECS);
    let Outcome::Good(cards) = gateway.stored_cards(&customer, call.now()).outcome else {
        return Ok(Some(page::Wallet::unreadable(MOST)));
    };
    let today = japan::date(call.moment());
    let shown = cards
        .iter()
        .map(|card| {
            Ok(page::WalletCard::of(
                reference(call, &customer, card)?,
                card,
                card.expiry.is_some_and(|expiry| expiry.is_over(today)),
            ))
        })
        .collect::<Result<Vec<_>, Problem>>()?;
    Ok(Some(page::Wallet::of(shown, MOST)))
}

/// A card that a form named.
pub(super) struct Chosen {
    customer: CustomerId,
    card: CardId,
    expiry: Option<Expiry>,
    /// What tries at it are counted by.
    fingerprint: String,
}

impl Chosen {
    /// What is paid with, and what tries at it are counted by.
    pub(super) fn with_code(self, code_token: &str) -> (Means, Option<String>) {
        let means = Means::Stored {
            customer: self.customer,
            card: self.card,
            code_token: code_token.to_owned(),
        };
        (means, Some(self.fingerprint))
    }
}

/// The card that a form chose to pay with, if it is the member's own and can be used.
pub(super) fn chosen(call: &Call<'_>, reference: &str) -> Option<Chosen> {
    let today = japan::date(call.moment());
    named(call, customer::asking(call)?, reference)
        .filter(|card| !card.expiry.is_some_and(|expiry| expiry.is_over(today)))
}

fn reference(call: &Call<'_>, customer: &CustomerId, card: &StoredCard) -> Result<String, Problem> {
    let expiry = card.expiry.map(Expiry::term).unwrap_or_default();
    let fingerprint = card.fingerprint.clone();
    // A card without one is counted by what it is called.
    let fingerprint = fingerprint.unwrap_or_else(|| format!("{}/{}", customer.as_str(), card.id.as_str()));
    let text = [card.id.as_str(), &expiry, &fingerprint].join("\n");
    call.instance.seal.lock(&text, &locked_by(customer))
}

fn named(call: &Call<'_>, customer: CustomerId, reference: &str) -> Option<Chosen> {
    let text = call.instance.seal.unlock(reference, &locked_by(&customer))?;
    let mut parts = text.split('\n');
    Some(Chosen {
        card: CardId::try_from(parts.next()?).ok()?,
        expiry: Expiry::read(parts.next()?),
        fingerprint: parts.next()?.to_owned(),
        customer,
    })
}

fn locked_by(customer: &CustomerId) -> String {
    format!("{}/card", customer.as_str())
}

/// `cards.page`.
pub(super) fn show(call: &Call<'_>) -> Result<Reply, Problem> {
    let Some(customer) = member(call)? else {
        return Ok(logged_out(call));
    };
    let latest = || {
        call.instance
            .store
            .read(|rows| storings::latest_of(rows, customer.as_str()))
    };
    let mut last = latest()?;
    if let Some(open) = last.as_ref().filter(|last| last.due_at.is_some()) {
        storing::follow(call, &open.storing_id);
        last = latest()?;
    }
    let Some(wallet) = wallet(call)? else {
        return Ok(logged_out(call));
    };
    let config = &call.instance.config;
    let (form, drawn_at) = (random_hex::<16>()?, call.now().timestamp().to_string());
    let parts = [customer.as_str(), &form, &drawn_at];
    let form_token = call.instance.seal.token(Purpose::Cards, &parts, call.now(), FORM_LASTS);
    let url = format!("{}/cards", call.base_url());
    let shown = page::CardsPage {
        shop_name: &config.shop.name,
        add_url: &url,
        delete_url: &format!("{url}/delete"),
        back_url: &config.urls.my_page,
        form_token: &form_token,
        token_script_url: config.gateway.token_script(),
        merchant_id: config.gateway.merchant_id(),
        token_key: config.gateway.token_key(),
        brands: config
            .card
            .brands
            .iter()
            .filter_map(|brand| page::Brand::of(brand))
            .collect(),
        wallet: &wallet,
        told: told(call),
        problem: guard::problem_shown(call).or_else(|| last.as_ref().and_then(|last| trouble(call, last))),
        test_mode: config.gateway.is_test(),
    };
    let data = json!({
        "form": form_token, "cards": wallet.cards, "readable": !wallet.unreadable,
        "last": last.map(|last| json!({"state": last.state, "code": last.code})),
    });
    Ok(whole(200, page::cards(&shown, call.language, &random_hex::<16>()?)).with_data(data))
}

/// What the address says of the form before. Anybody can write one; all it shows is a sentence.
fn told(call: &Call<'_>) -> Option<String> {
    let id = match call.request.query_one("told")? {
        "stored" => "cards-stored",
        "deleted" => "cards-deleted",
        "not-deleted" => "cards-not-deleted",
        "stale" => "cards-stale",
        _ => return None,
    };
    Some(page::text(call.language, id, &[]))
}

/// What has to be told of the member's latest wish to store a card.
fn trouble(call: &Call<'_>, last: &Storing) -> Option<page::CardProblem> {
    let at = japan::clock(last.created_at).format("%Y/%m/%d %H:%M").to_string();
    let id = match (StoringState::parse(&last.state)?, last.code.as_deref()) {
        (StoringState::Stored | StoringState::Waiting, _) => return None,
        (StoringState::Failed, Some(FULL)) => "cards-failed-full",
        (StoringState::Failed, _) => "cards-failed",
        (StoringState::Due | StoringState::Sent | StoringState::Unknown, _) => "cards-checking",
    };
    let words = page::text(call.language, id, &[("at", &at), ("most", &MOST.to_string())]);
    Some(page::CardProblem::saying(words))
}

/// `cards.add`.
pub(super) fn add(call: &Call<'_>) -> Result<Reply, Problem> {
    call.refuse_other_sites()?;
    let Some(customer) = member(call)? else {
        return Ok(logged_out(call));
    };
    let posted = call.request.form()?;
    if posted.has_card_number() {
        return Err(Problem::misuse(
            "form.card_number",
            "a card number was posted; only its token may be",
        ));
    }
    let url = format!("{}/cards", call.base_url());
    let Some((form, drawn_at)) = drawn(call, &posted, &customer)? else {
        return Ok(stale(&url));
    };
    let token = posted.one("card_token")?.unwrap_or("");
    if !is_token(token) {
        return Ok(Reply::redirect(url).because(Status::Refused, "form.card_token", "the form carries no card token"));
    }
    let keep = Keep {
        customer,
        token: token.to_owned(),
        fingerprint: posted.one("card_fingerprint")?.unwrap_or("").to_owned(),
    };
    let row = keep.due(call, &form)?;
    let keys = guard::keys(call, None, Some(&keep.fingerprint));
    let intended = call.instance.store.write(|rows| {
        if storings::find(rows, &form)?.is_some() {
            return Ok(None);
        }
        let hindrance = guard::hinders(call, rows, &keys, (keep.customer.as_str(), drawn_at))?;
        if hindrance.is_none() {
            storing::intend(rows, &row)?;
            guard::reserve(rows, &keys, (&form, call.moment()), false)?;
        }
        Ok(hindrance)
    });
    match intended {
        Ok(None) => {}
        Ok(Some(hindrance)) => return Ok(guard::refusal(call, &url, hindrance)),
        // The same form was posted at the same time: it is stored once.
        Err(error) if error.is_taken() => {}
        Err(error) => return Err(error.into()),
    }
    storing::follow(call, &form);
    let stands = call.instance.store.read(|rows| storings::find(rows, &form))?;
    let state = stands.as_ref().and_then(|stands| StoringState::parse(&stands.state));
    let code = stands.and_then(|stands| stands.code);
    Ok(match state {
        Some(StoringState::Stored) => {
            Reply::redirect(format!("{url}?told=stored")).with_data(json!({"outcome": "stored"}))
        }
        Some(StoringState::Failed) | None => {
            let mut reply = Reply::redirect(url).with_data(json!({"outcome": "failed"})).because(
                Status::Refused,
                "cards.not_stored",
                "the card is not stored",
            );
            reply.detail = code;
            reply
        }
        Some(_) => Reply::redirect(url).with_data(json!({"outcome": "checking"})).because(
            Status::Uncertain,
            "cards.checking",
            "whether the card is stored is not known yet",
        ),
    })
}

/// `cards.delete`. The page has asked before.
pub(super) fn delete(call: &Call<'_>) -> Result<Reply, Problem> {
    call.refuse_other_sites()?;
    let Some(customer) = member(call)? else {
        return Ok(logged_out(call));
    };
    let posted = call.request.form()?;
    let url = format!("{}/cards", call.base_url());
    if drawn(call, &posted, &customer)?.is_none() {
        return Ok(stale(&url));
    }
    let Some(card) = named(call, customer, posted.one("card")?.unwrap_or("")) else {
        return Ok(Reply::redirect(format!("{url}?told=stale")).because(
            Status::Refused,
            "card.not_own",
            "this card is none of the member's",
        ));
    };
    let outcome = call
        .instance
        .gateway
        .delete_card(&card.customer, &card.card, call.now())
        .outcome;
    let not = |status, code| {
        Reply::redirect(format!("{url}?told=not-deleted")).because(status, code, "the card may still be stored")
    };
    Ok(match outcome {
        Outcome::Good(_) => Reply::redirect(format!("{url}?told=deleted")),
        // Gone already.
        Outcome::Declined(refusal) if refusal.class() == Class::NotFound => {
            Reply::redirect(format!("{url}?told=deleted"))
        }
        Outcome::Declined(_) => not(Status::Refused, "cards.not_deleted"),
        Outcome::NotExecuted(_) => not(Status::Failed, "cards.not_deleted"),
        // The list that is shown next tells.
        Outcome::Pending(_) | Outcome::Unknown(_) => not(Status::Uncertain, "cards.delete_unknown"),
    })
}

/// Form and time of a page that was drawn for this member.
fn drawn(
    call: &Call<'_>,
    posted: &Form,
    customer: &CustomerId,
) -> Result<Option<(String, chrono::NaiveDateTime)>, Problem> {
    let token = posted.one("form")?.unwrap_or("");
    let sealed = call.instance.seal.open(Purpose::Cards, token, call.now());
    Ok(match sealed.as_deref() {
        Some([of, form, at]) if of == customer.as_str() => {
            let at = at.parse().ok().and_then(|at| DateTime::from_timestamp(at, 0));
            at.map(|at| (form.clone(), at.naive_utc()))
        }
        _ => None,
    })
}

fn stale(url: &str) -> Reply {
    Reply::redirect(format!("{url}?told=stale")).because(
        Status::Refused,
        "form.stale",
        "the form is not this member's, or too old",
    )
}

/// The member who asks. The page is there only where the shop stores cards.
fn member(call: &Call<'_>) -> Result<Option<CustomerId>, Problem> {
    if call.instance.config.card.stores_cards() {
        Ok(customer::asking(call))
    } else {
        Err(Problem::misuse("page.unknown", "this shop stores no cards"))
    }
}

fn logged_out(call: &Call<'_>) -> Reply {
    notice(call, 403, "notice-log-in", None).because(
        Status::Refused,
        "member.missing",
        "the host tells of no member who is logged in",
    )
}
