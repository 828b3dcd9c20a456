//! The card page (guide, p. 2 and 3): shown after the order confirmation, authorises, and knows the rule of 「戻る」.
//!
//! Every POST answers 303, so that a reload never posts again. A form is good for one attempt: its number is a
//! unique column, so a double click or fifty parallel posts make one telegram 020.

use chrono::TimeDelta;
use serde_json::json;

use super::charge::charge;
use super::means::Means;
use super::means::is_token;
use super::route::whole;
use super::standing::{Checkout, elsewhere, in_flight, load, onward, outcome, turned_back};
use super::storing::Keep;
use super::{Call, cards, guard, journal, link, outbox, settle, storing, three_ds};
use crate::config::Entry;
use crate::page;
use crate::paygent::LINK;
use crate::payment::attempt::{AttemptState, Event, LEFT};
use crate::payment::guard::Hindrance;
use crate::payment::hold::HoldState;
use crate::payment::japan;
use crate::payment::trading_id::trading_id;
use crate::payment::{PaymentClass, Yen};
use crate::reply::{Problem, Reply, Status};
use crate::seal::{Purpose, random_hex};
use crate::store::attempts::Attempt;
use crate::store::holds::Hold;
use crate::store::{Connection, StoreResult, attempts, holds, orders, telegrams};

/// How long a drawn card page can be used.
const FORM_LASTS: TimeDelta = TimeDelta::hours(2);

/// `card.page`.
pub(super) fn show(call: &Call<'_>) -> Result<Reply, Problem> {
    let id = call.segment("card.page")?;
    let mut checkout = load(call, id)?;
    if link::look(call, checkout.last.as_ref())? {
        checkout = load(call, id)?;
    }
    if let Some(reply) = elsewhere(call, &checkout)? {
        return Ok(reply);
    }
    let form = random_hex::<16>()?;
    let nonce = random_hex::<16>()?;
    let hold = &checkout.hold;
    let number = hold.number.to_string();
    let seal = &call.instance.seal;
    let form_token = seal.token(Purpose::Pay, &[&hold.checkout, &number, &form], call.now(), FORM_LASTS);
    let back_token = seal.token(Purpose::Back, &[&hold.checkout, &number], call.now(), FORM_LASTS);
    let config = &call.instance.config;
    let url = format!("{}/pay/{}", call.base_url(), hold.checkout);
    let amount = Yen::try_from(hold.amount).unwrap_or(Yen::ZERO);
    let state = checkout.last.as_ref().map_or("new", |attempt| attempt.state.as_str());
    let mut data = json!({"form": form_token, "back": back_token, "state": state, "amount": hold.amount});
    if config.card.entry == Entry::Link {
        let shown = page::LinkPage {
            shop_name: &config.shop.name,
            order_number: &checkout.order.order_number,
            amount: Yen::try_from(hold.amount).unwrap_or(Yen::ZERO),
            pay_url: &url,
            back_url: &format!("{url}/back"),
            form_token: &form_token,
            back_token: &back_token,
            brands: config
                .card
                .brands
                .iter()
                .filter_map(|brand| page::Brand::of(brand))
                .collect(),
            begun: state == AttemptState::HandedOver.name(),
            problem: problem_shown(call, &checkout),
            test_mode: config.gateway.is_test(),
        };
        return Ok(link::page(call, &shown, &nonce).with_data(data));
    }
    let wallet = cards::wallet(call)?;
    let shown = page::CardPage {
        shop_name: &config.shop.name,
        order_number: &checkout.order.order_number,
        amount,
        pay_url: &url,
        back_url: &format!("{url}/back"),
        form_token: &form_token,
        back_token: &back_token,
        token_script_url: config.gateway.token_script(),
        merchant_id: config.gateway.merchant_id(),
        token_key: config.gateway.token_key(),
        brands: config
            .card
            .brands
            .iter()
            .filter_map(|brand| page::Brand::of(brand))
            .collect(),
        classes: config
            .card
            .choices(amount, japan::date(call.moment()))
            .iter()
            .map(|choice| page::ClassOffered::of(choice.class, choice.brands, call.language))
            .collect(),
        wallet: wallet.as_ref(),
        problem: problem_shown(call, &checkout),
        test_mode: config.gateway.is_test(),
    };
    if let (Some(wallet), Some(members)) = (&wallet, data.as_object_mut()) {
        members.insert("cards".to_owned(), json!(wallet.cards));
    }
    Ok(whole(200, page::card(&shown, call.language, &nonce)).with_data(data))
}

/// What the page has to say of the try before, or of the order itself.
fn problem_shown(call: &Call<'_>, checkout: &Checkout) -> Option<page::CardProblem> {
    if checkout.order.amount != checkout.hold.amount {
        return Some(page::CardProblem::of("card-amount-changed", call.language));
    }
    if let Some(problem) = guard::problem_shown(call) {
        return Some(problem);
    }
    let attempt = checkout.last.as_ref()?;
    if attempt.is_link() {
        return link::problem_shown(call, attempt);
    }
    match attempt.state().ok()? {
        AttemptState::Declined => Some(page::CardProblem::of_code(
            attempt.code.as_deref().unwrap_or(""),
            PaymentClass::read(&attempt.payment_class, attempt.split_count),
            call.language,
        )),
        AttemptState::NotExecuted if attempt.code.as_deref() == Some(LEFT) => {
            Some(page::CardProblem::of("card-3ds-left", call.language))
        }
        AttemptState::NotExecuted | AttemptState::Missing | AttemptState::Closed => {
            Some(page::CardProblem::of("card-not-executed", call.language))
        }
        _ => None,
    }
}

/// `card.pay`.
pub(super) fn pay(call: &Call<'_>) -> Result<Reply, Problem> {
    call.refuse_other_sites()?;
    let id = call.segment("card.pay")?;
    let posted = call.request.form()?;
    if posted.has_card_number() {
        return Err(Problem::misuse(
            "form.card_number",
            "a card number was posted; only its token may be",
        ));
    }
    let checkout = load(call, id)?;
    if let Some(reply) = elsewhere(call, &checkout)? {
        return Ok(reply);
    }
    let again = format!("{}/pay/{id}", call.base_url());
    let number = checkout.hold.number.to_string();
    let sealed = call
        .instance
        .seal
        .open(Purpose::Pay, posted.one("form")?.unwrap_or(""), call.now());
    let form = match sealed.as_deref() {
        Some([of, hold, form]) if of == id && *hold == number => form.clone(),
        _ => {
            return Ok(Reply::redirect(again).because(
                Status::Refused,
                "form.stale",
                "the card form is not this page's, or too old",
            ));
        }
    };
    let by_link = call.instance.config.card.entry == Entry::Link;
    let token = posted.one("card_token")?.unwrap_or("");
    if !by_link && !is_token(token) {
        return Ok(Reply::redirect(again).because(
            Status::Refused,
            "form.card_token",
            "the form carries no card token",
        ));
    }
    // Paygent's page offers 一括 alone, whatever was posted here.
    let wanted = posted.one("payment_class")?.filter(|_| !by_link);
    let Some(class) = payment_class(call, &checkout.hold, wanted) else {
        return Ok(Reply::redirect(again).because(
            Status::Refused,
            "form.payment_class",
            "this way of paying off is not offered for this amount today",
        ));
    };
    if checkout.order.amount != checkout.hold.amount {
        return Ok(Reply::redirect(again).because(
            Status::Refused,
            "order.amount_changed",
            "the order's amount changed since the confirmation",
        ));
    }
    if let Some(reply) = checkout.last.as_ref().and_then(|last| onward(call, last)) {
        return Ok(reply);
    }
    let (means, fingerprint) = match posted.one("stored_card")?.filter(|reference| !reference.is_empty()) {
        None => (
            Means::Token(token.to_owned()),
            posted.one("card_fingerprint")?.map(str::to_owned),
        ),
        Some(reference) => match cards::chosen(call, reference) {
            Some(chosen) => chosen.with_code(token),
            None => {
                return Ok(Reply::redirect(again).because(
                    Status::Refused,
                    "card.not_own",
                    "this card is none of the member's, or expired",
                ));
            }
        },
    };
    let wish = Wish {
        checkout: id,
        form,
        class,
        keep: storing::wished(call, &posted, &means)?,
        means,
        fingerprint,
    };
    authorise(call, &wish)
}

struct Wish<'a> {
    checkout: &'a str,
    form: String,
    class: PaymentClass,
    means: Means,
    /// The card is to be stored once it has paid.
    keep: Option<Keep>,
    /// Of the card, as the page posted it, or the gateway told it of a stored one.
    fingerprint: Option<String>,
}

/// Why a wish to pay becomes no attempt.
enum Obstacle {
    /// Another post of this form, or of another tab, was first, or the order no longer waits.
    Taken,
    /// Too many tries.
    Hindered(Hindrance),
}

fn authorise(call: &Call<'_>, wish: &Wish<'_>) -> Result<Reply, Problem> {
    let salt = random_hex::<2>()?;
    let (attempt_id, telegram_id) = (random_hex::<16>()?, random_hex::<16>()?);
    let return_key = random_hex::<16>()?;
    let ids = (
        attempt_id.as_str(),
        telegram_id.as_str(),
        salt.as_str(),
        return_key.as_str(),
    );
    let keep = match &wish.keep {
        Some(keep) => Some(keep.waiting(call, &attempt_id)?),
        None => None,
    };
    let intent = call.instance.store.write(|rows| {
        let intended = intend(call, rows, wish, ids)?;
        if let (Ok(_), Some(keep)) = (&intended, &keep) {
            storing::intend(rows, keep)?;
        }
        Ok(intended)
    });
    let attempt = match intent {
        Ok(Ok(attempt)) => attempt,
        Ok(Err(Obstacle::Hindered(hindrance))) => {
            let page = format!("{}/pay/{}", call.base_url(), wish.checkout);
            return Ok(guard::refusal(call, &page, hindrance));
        }
        // What came of the other is shown, nothing is sent.
        Ok(Err(Obstacle::Taken)) => return outcome(call, wish.checkout),
        Err(error) if error.is_taken() => return outcome(call, wish.checkout),
        Err(error) => return Err(error.into()),
    };
    if attempt.is_link() {
        return link::hand_over(call, &attempt, wish.checkout);
    }
    if attempt.state()? == AttemptState::Authenticating {
        return three_ds::begin(call, &attempt, &wish.means);
    }
    charge(call, &attempt, &wish.means)?;
    outcome(call, wish.checkout)
}

/// Commits the attempt, the guard's count of it and its telegram before anything is sent, where it may be made.
fn intend(
    call: &Call<'_>,
    rows: &mut Connection,
    wish: &Wish<'_>,
    ids: (&str, &str, &str, &str),
) -> StoreResult<Result<Attempt, Obstacle>> {
    let now = call.moment();
    let Some(hold) = holds::find(rows, wish.checkout)? else {
        return Ok(Err(Obstacle::Taken));
    };
    let Some(mut order) = orders::find(rows, &hold.order_id)? else {
        return Ok(Err(Obstacle::Taken));
    };
    let blocked = hold.state()? != HoldState::Held || hold.back_wanted || order.amount != hold.amount;
    if blocked || attempts::of_form(rows, &wish.form)?.is_some() || attempts::live_of(rows, &order.order_id)?.is_some()
    {
        return Ok(Err(Obstacle::Taken));
    }
    let keys = guard::keys(call, Some(&order.order_id), wish.fingerprint.as_deref());
    if let Some(hindrance) = guard::hinders(call, rows, &keys, (&order.order_id, hold.opened_at))? {
        return Ok(Err(Obstacle::Hindered(hindrance)));
    }
    order.last_attempt += 1;
    let prefix = &call.instance.config.shop.trading_prefix;
    let named = trading_id(prefix, &order.order_number, order.last_attempt, ids.2);
    let mut attempt = Attempt {
        hold: hold.number,
        payment_class: wish.class.code().to_owned(),
        split_count: i32::from(wish.class.split_count()),
        ..Attempt::new(&order, (ids.0, named, &wish.form), hold.amount, now)
    };
    let card = &call.instance.config.card;
    let (kind, event) = if card.entry == Entry::Link {
        link::prepare(call, &mut attempt, ids.3);
        (LINK, Event::Sent)
    } else if card.three_ds.enabled {
        three_ds::prepare(call, &mut attempt, (&wish.means, ids.3))?;
        ("450", Event::HolderAsked)
    } else {
        ("020", Event::Sent)
    };
    attempts::begin(rows, &mut attempt, event)?;
    guard::reserve(rows, &keys, (&attempt.attempt_id, attempt.sent_at), true)?;
    let amount = Yen::try_from(attempt.amount).ok();
    telegrams::insert(rows, &journal::sent(ids.1.to_owned(), &attempt, kind, amount, now))?;
    orders::update(rows, &mut order)?;
    Ok(Ok(attempt))
}

/// `card.back`: 「戻る」 leaves no order (guide line 58). Only this way out does.
pub(super) fn back(call: &Call<'_>) -> Result<Reply, Problem> {
    call.refuse_other_sites()?;
    let id = call.segment("card.back")?;
    let posted = call.request.form()?;
    let checkout = load(call, id)?;
    let number = checkout.hold.number.to_string();
    let sealed = call
        .instance
        .seal
        .open(Purpose::Back, posted.one("back")?.unwrap_or(""), call.now());
    if !matches!(sealed.as_deref(), Some([of, hold]) if of == id && *hold == number) {
        return Ok(Reply::redirect(format!("{}/pay/{id}", call.base_url())).because(
            Status::Refused,
            "form.stale",
            "the form is not this page's, or too old",
        ));
    }
    call.instance.store.write(|rows| {
        let Some(mut hold) = holds::find(rows, id)? else {
            return Ok(());
        };
        let Some(mut order) = orders::find(rows, &hold.order_id)? else {
            return Ok(());
        };
        if !hold.state()?.is_open() {
            return Ok(());
        }
        if let Some(live) = attempts::live_of(rows, &order.order_id)? {
            // Money may be held: nothing is withdrawn before that is known (decision A1).
            return link::turn_back(rows, &mut hold, live);
        }
        hold.move_to(HoldState::Withdrawn, call.moment());
        holds::update(rows, &mut hold)?;
        outbox::withdraw(rows, &mut order, &hold, true, call.moment())?;
        order.removed = true;
        orders::update(rows, &mut order)
    })?;
    link::look(call, load(call, id)?.last.as_ref())?;
    turned_back(call, id)
}

/// `card.status`: 確認中. Asks the gateway itself while the shopper waits, and sends them on once it is known.
pub(super) fn status(call: &Call<'_>) -> Result<Reply, Problem> {
    let id = call.segment("card.status")?;
    let mut checkout = load(call, id)?;
    if let Some(attempt) = in_flight(&checkout) {
        settle::inquire(call, &attempt.attempt_id)?;
        checkout = load(call, id)?;
    }
    if in_flight(&checkout).is_none() {
        let known = elsewhere(call, &checkout)?;
        return Ok(known.unwrap_or_else(|| Reply::redirect(format!("{}/pay/{id}", call.base_url()))));
    }
    let nonce = random_hex::<16>()?;
    let shown = page::Confirming {
        shop_name: &call.instance.config.shop.name,
        order_number: &checkout.order.order_number,
        status_url: &format!("{}/pay/{id}/status", call.base_url()),
        refresh_secs: 3,
    };
    Ok(whole(200, page::confirming(&shown, call.language, &nonce)).with_data(json!({"outcome": "confirming"})))
}

/// The way of paying off that was chosen, if it is offered for this amount today; 一括 where none was.
fn payment_class(call: &Call<'_>, hold: &Hold, posted: Option<&str>) -> Option<PaymentClass> {
    let Some(posted) = posted.filter(|posted| !posted.is_empty()) else {
        return Some(PaymentClass::Once);
    };
    let amount = Yen::try_from(hold.amount).unwrap_or(Yen::ZERO);
    let choices = call.instance.config.card.choices(amount, japan::date(call.moment()));
    choices
        .iter()
        .map(|choice| choice.class)
        .find(|class| class.value() == posted)
}
