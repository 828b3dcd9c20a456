//! The card page (guide, p. 2 and 3): shown after the order confirmation, authorises, and knows the rule of 「戻る」.
//!
//! Every POST answers 303, so that a reload never posts again. A form is good for one attempt: its number is a
//! unique column, so a double click or fifty parallel posts make one telegram 020.

use chrono::TimeDelta;
use serde_json::json;

use super::means::Means;
use super::route::{notice, whole};
use super::storing::Keep;
use super::{Call, cards, guard, journal, link, outbox, settle, storing, three_ds};
use crate::config::Entry;
use crate::page;
use crate::paygent::{Authorise, LINK, TradingId};
use crate::payment::attempt::{AttemptState, next_inquiry};
use crate::payment::guard::Hindrance;
use crate::payment::hold::HoldState;
use crate::payment::japan;
use crate::payment::trading_id::trading_id;
use crate::payment::{PaymentClass, Yen};
use crate::reply::{Problem, Reply, Status};
use crate::seal::{Purpose, random_hex};
use crate::store::attempts::Attempt;
use crate::store::holds::Hold;
use crate::store::orders::Order;
use crate::store::{Connection, StoreResult, attempts, holds, orders, telegrams};

/// How long a drawn card page can be used.
const FORM_LASTS: TimeDelta = TimeDelta::hours(2);

/// A checkout as it stands.
struct Checkout {
    hold: Hold,
    order: Order,
    /// The attempt that tells how this hold stands: the one that may hold money, or else the last that came to an end. One
    /// whose holder is still at the card company's page, in this tab or another, tells nothing yet.
    last: Option<Attempt>,
}

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
    let Some(class) = payment_class(call, &checkout.hold, posted.one("payment_class")?) else {
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
    if let Some(reply) = checkout.last.as_ref().and_then(|last| link::onward(call, last)) {
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

/// What a token looks like; whether it is one, the gateway knows.
pub(super) fn is_token(text: &str) -> bool {
    (1..=256).contains(&text.len()) && text.chars().all(|c| c.is_ascii_graphic())
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

/// Sends the 020 of an attempt whose intent is committed, and records what came of it. A card that paid is stored after
/// that, where its member wished it: before, a card that cannot pay would be kept, and a refusal to store it stand between
/// the shopper and the payment.
pub(super) fn charge(call: &Call<'_>, attempt: &Attempt, means: &Means) -> Result<(), Problem> {
    let broken = || Problem::failed("attempt.unreadable", "the attempt cannot be sent");
    let asked = Authorise {
        trading_id: TradingId::try_from(attempt.trading_id.as_str()).map_err(|_| broken())?,
        amount: Yen::try_from(attempt.amount)
            .map_err(|_| Problem::misuse("order.amount", "the amount cannot be paid"))?,
        class: PaymentClass::read(&attempt.payment_class, attempt.split_count).ok_or_else(broken)?,
        card: means.source(),
        auth_id: attempt.auth_id.clone(),
    };
    let answer = call.instance.gateway.authorise(&asked, call.now());
    settle::authorisation(call, attempt, answer)?;
    storing::follow(call, &attempt.attempt_id);
    Ok(())
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
    let mut attempt = Attempt {
        attempt_id: ids.0.to_owned(),
        order_id: order.order_id.clone(),
        hold: hold.number,
        number: order.last_attempt,
        trading_id: trading_id(prefix, &order.order_number, order.last_attempt, ids.2),
        form: wish.form.clone(),
        amount: hold.amount,
        state: String::new(),
        payment_id: None,
        code: None,
        sent_at: now,
        settled_at: None,
        inquiries: 0,
        inquired_at: None,
        next_inquiry_at: next_inquiry(now, 0),
        live_order: None,
        change_id: None,
        payment_class: wish.class.code().to_owned(),
        split_count: i32::from(wish.class.split_count()),
        auth_id: None,
        return_key: None,
        sealed_card: None,
        three_ds: false,
        link_until: None,
        sealed_link: None,
        version: 1,
    };
    let card = &call.instance.config.card;
    let kind = if card.entry == Entry::Link {
        link::prepare(call, &mut attempt, ids.3);
        LINK
    } else if card.three_ds.enabled {
        three_ds::prepare(call, &mut attempt, (&wish.means, ids.3))?;
        "450"
    } else {
        attempt.move_to(AttemptState::Sent);
        "020"
    };
    attempts::insert(rows, &attempt)?;
    guard::reserve(rows, &keys, (&attempt.attempt_id, attempt.sent_at))?;
    let amount = Yen::try_from(attempt.amount).ok();
    telegrams::insert(rows, &journal::sent(ids.1.to_owned(), &attempt, kind, amount, now))?;
    orders::update(rows, &mut order)?;
    Ok(Ok(attempt))
}

/// Where the shopper goes now, by what is known of the latest attempt.
pub(super) fn outcome(call: &Call<'_>, id: &str) -> Result<Reply, Problem> {
    let checkout = load(call, id)?;
    if let Some(reply) = elsewhere(call, &checkout)? {
        return Ok(reply);
    }
    if let Some(reply) = checkout.last.as_ref().and_then(|last| link::onward(call, last)) {
        return Ok(reply);
    }
    let declined = checkout.last.as_ref().is_some_and(|attempt| {
        attempt.state == AttemptState::Declined.name() || attempt.code.as_deref() == Some(link::REFUSED)
    });
    let (status, code, message) = match declined {
        true => (
            Status::Refused,
            "card.declined",
            "the card was refused; the card page is shown again",
        ),
        false => (
            Status::Failed,
            "card.not_executed",
            "nothing was asked of the gateway; the card page is shown again",
        ),
    };
    let code_detail = checkout.last.as_ref().and_then(|attempt| attempt.code.clone());
    let mut reply = Reply::redirect(format!("{}/pay/{id}", call.base_url()))
        .with_data(json!({"outcome": if declined { "declined" } else { "not_executed" }}))
        .because(status, code, message);
    reply.detail = code_detail;
    Ok(reply)
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

/// Where the shopper goes who turned back: away, or where what is held or not known of leads them.
pub(super) fn turned_back(call: &Call<'_>, id: &str) -> Result<Reply, Problem> {
    let checkout = load(call, id)?;
    match checkout.hold.state()? {
        HoldState::Withdrawn => {
            let effects = call
                .instance
                .store
                .read(|rows| outbox::offered(rows, &checkout.order.order_id))?;
            Ok(Reply::redirect(checkout.hold.back_url.clone())
                .with_data(json!({"withdrawn": true}))
                .with_effects(effects))
        }
        _ => {
            Ok(elsewhere(call, &checkout)?.unwrap_or_else(|| Reply::redirect(format!("{}/pay/{id}", call.base_url()))))
        }
    }
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

fn in_flight(checkout: &Checkout) -> Option<&Attempt> {
    let turned_back = checkout.hold.back_wanted;
    checkout.last.as_ref().filter(|attempt| {
        let state = attempt.state();
        state.is_ok_and(|state| state.is_in_flight() || turned_back && state == AttemptState::HandedOver)
    })
}

/// The page where this checkout now is, if that is not the card page.
fn elsewhere(call: &Call<'_>, checkout: &Checkout) -> Result<Option<Reply>, Problem> {
    let effects = || {
        call.instance
            .store
            .read(|rows| outbox::offered(rows, &checkout.order.order_id))
    };
    let reply = match checkout.hold.state()? {
        HoldState::Placed => Reply::redirect(checkout.hold.complete_url.clone())
            .with_data(json!({"outcome": "placed"}))
            .with_effects(effects()?),
        HoldState::Withdrawn => notice(
            call,
            410,
            "notice-withdrawn",
            Some((&checkout.hold.back_url, "notice-back")),
        )
        .with_effects(effects()?),
        HoldState::CalledOff => notice(
            call,
            410,
            "notice-closed",
            Some((&checkout.hold.back_url, "notice-back")),
        ),
        HoldState::Rejected => notice(
            call,
            409,
            "notice-sold-out",
            Some((&checkout.hold.back_url, "notice-back")),
        ),
        HoldState::Opening => {
            let reply = notice(
                call,
                503,
                "notice-not-ready",
                Some((
                    &format!("{}/pay/{}", call.base_url(), checkout.hold.checkout),
                    "notice-again",
                )),
            );
            reply.with_effects(effects()?).because(
                Status::Failed,
                "hold.not_acknowledged",
                "the effect order.pend of this order is not acknowledged",
            )
        }
        HoldState::Held if in_flight(checkout).is_some() => {
            Reply::redirect(format!("{}/pay/{}/status", call.base_url(), checkout.hold.checkout))
                .with_data(json!({"outcome": "confirming"}))
                .because(
                    Status::Uncertain,
                    "payment.confirming",
                    "the gateway was asked and has not answered",
                )
        }
        HoldState::Held
            if checkout
                .last
                .as_ref()
                .is_some_and(|last| last.state == AttemptState::Mismatched.name()) =>
        {
            notice(call, 409, "notice-contact-shop", None)
        }
        HoldState::Held => return Ok(None),
    };
    Ok(Some(reply))
}

fn load(call: &Call<'_>, id: &str) -> Result<Checkout, Problem> {
    let found = call.instance.store.read(|rows| {
        let Some(hold) = holds::find(rows, id)? else {
            return Ok(None);
        };
        let Some(order) = orders::find(rows, &hold.order_id)? else {
            return Ok(None);
        };
        let live = attempts::live_of(rows, &hold.order_id)?.filter(|live| live.hold == hold.number);
        let last = match live {
            Some(live) => Some(live),
            None => attempts::last_ended_of(rows, &hold.order_id, hold.number)?,
        };
        Ok(Some(Checkout { hold, order, last }))
    })?;
    found.ok_or_else(|| Problem::misuse("checkout.unknown", "there is no such checkout"))
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
