//! One order's payments: what stands now, what may be done, and the time line of every telegram, with operator, answer,
//! amounts and the chain of payment ids (N13).

use serde_json::json;

use super::asked::Asked;
use super::{cell, japanese_time, linking, status_label};
use crate::config;
use crate::hook::{Call, journal, observe, outbox, settle, staff};
use crate::page::{self, Event, Fact, OperationButton, OrderPage};
use crate::paygent::{Inquire, Inquiry, LINK, Outcome, PaymentId};
use crate::payment::attempt::AttemptState;
use crate::payment::operation::{Column, label};
use crate::payment::{PaymentClass, Yen};
use crate::reply::{Problem, Reply};
use crate::seal::random_hex;
use crate::store::attempts::Attempt;
use crate::store::changes::Change;
use crate::store::flags::Flag;
use crate::store::notices::Notice;
use crate::store::orders::Listed;
use crate::store::payments::Payment;
use crate::store::telegrams::{self, Telegram};
use crate::store::{attempts, changes, flags, notices, orders, payments};

/// All that is known of an order's payments.
struct Known {
    listed: Listed,
    payments: Vec<Payment>,
    telegrams: Vec<Telegram>,
    changes: Vec<Change>,
    notices: Vec<Notice>,
    flags: Vec<Flag>,
    /// All tries, the first first.
    attempts: Vec<Attempt>,
}

impl Known {
    /// The attempt that nobody has answered for yet.
    fn in_flight(&self) -> Option<&Attempt> {
        let is_in_flight = |attempt: &&Attempt| attempt.state().is_ok_and(AttemptState::is_open);
        self.attempts.iter().rfind(is_in_flight)
    }
}

/// `admin.order`.
pub(in crate::hook) fn show(call: &Call<'_>) -> Result<Reply, Problem> {
    let operator = call.operator_with("view")?;
    let known = load(call, "admin.order")?;
    let frame = staff::frame(call, operator, "list");
    let Known { listed, .. } = &known;
    let order = &listed.order;
    let own_url = format!("{}/orders/{}", frame.list_url, page::path_segment(&order.order_id));
    let asked = Asked::of_query(call.request.query_one("back").unwrap_or(""));
    let payment_id = listed.payment.as_ref().map(|payment| payment.payment_id.clone());
    let shown = OrderPage {
        order_id: &order.order_id,
        order_number: &order.order_number,
        back_url: asked.url(&frame.list_url, &[]),
        search: asked.query(),
        inquire_url: (payment_id.is_some() || known.in_flight().is_some()).then(|| format!("{own_url}/inquire")),
        link_url: (linking::is_offered(order) && call.has_right("change")).then(|| format!("{own_url}/link")),
        preflight_url: format!("{}/preflight", frame.runs_url),
        online_url: &call.instance.config.paygent_online_url,
        facts: facts(call, &known),
        drawn: call.stamp(listed).map(|stamp| format!("{}={stamp}", order.order_id)),
        operations: operations(call, listed),
        busy: listed.busy,
        flags: known.flags.iter().map(|flag| flag_words(call, flag)).collect(),
        payments: known
            .payments
            .iter()
            .map(|payment| shown_payment(call, payment))
            .collect(),
        events: events(call, &known),
        message: call
            .request
            .query_one("asked")
            .map(|answer| inquiry_words(call, answer)),
        staff: frame,
    };
    let data = json!({
        "order": order.order_id, "payment_id": payment_id,
        "payments": known.payments.iter().map(|payment| json!({
            "payment_id": payment.payment_id, "amount": payment.amount, "gateway_status": payment.gateway_status,
            "replaced_by": payment.replaced_by,
        })).collect::<Vec<_>>(),
        "csrf": shown.staff.csrf,
    });
    Ok(staff::framed(page::order(&shown, call.language, call.nonce())).with_data(data))
}

fn load(call: &Call<'_>, hook: &'static str) -> Result<Known, Problem> {
    let segment = call.segment(hook)?;
    let id = percent_encoding::percent_decode_str(segment)
        .decode_utf8_lossy()
        .into_owned();
    let found = call.instance.store.read(|rows| {
        let Some(order) = orders::find(rows, &id)?.filter(|order| !order.removed) else {
            return Ok(None);
        };
        let (payments, attempts) = (payments::of_order(rows, &id)?, attempts::of_order(rows, &id)?);
        let payment_ids: Vec<&str> = payments.iter().map(|payment| payment.payment_id.as_str()).collect();
        let trading_ids: Vec<&str> = attempts.iter().map(|attempt| attempt.trading_id.as_str()).collect();
        Ok(Some(Known {
            listed: orders::listed(rows, order)?,
            notices: notices::about(rows, &payment_ids, &trading_ids)?,
            telegrams: telegrams::of_order(rows, &id)?,
            changes: changes::of_order(rows, &id)?,
            flags: flags::standing(rows, &id)?,
            payments,
            attempts,
        }))
    })?;
    found.ok_or_else(|| Problem::misuse("order.unknown", "there is no such order"))
}

/// What a person has to look at, in the operator's language, and the detail as the log has it.
fn flag_words(call: &Call<'_>, flag: &Flag) -> (String, String) {
    let id = format!("flag-{}", flag.kind.replace('.', "-"));
    (page::text(call.language, &id, &[]), flag.detail.clone())
}

/// What stands at the head of the page.
fn facts(call: &Call<'_>, known: &Known) -> Vec<Fact> {
    let listed = &known.listed;
    let order = &listed.order;
    let words = |id: &str| page::text(call.language, id, &[]);
    let fact = |id: &str, value: String| Fact {
        name: words(id),
        value,
        mark: "",
    };
    let judged = call.judged(listed);
    let state = judged
        .as_ref()
        .and_then(|row| label(row.status_today(&call.rules()), row.last));
    let mut facts = vec![
        fact("list-name", order.customer_name.clone()),
        fact("list-date", japanese_time(order.ordered_at.unwrap_or(order.created_at))),
        fact("list-order-status", status_label(call, &order.status)),
        fact(
            "list-amount",
            Yen::try_from(order.amount).unwrap_or(Yen::ZERO).to_string(),
        ),
        fact("list-method", order.payment_method.clone()),
    ];
    let Some(payment) = &listed.payment else {
        facts.push(fact("order-paygent", words("order-no-payment")));
        return facts;
    };
    facts.push(fact(
        "order-paygent",
        state.map_or_else(|| words("payment-authorised"), words),
    ));
    for column in config::COLUMNS {
        let cell = cell(call, listed, column);
        facts.push(Fact {
            name: words(&format!("column-{column}")),
            value: cell.text,
            mark: cell.mark,
        });
    }
    facts.push(fact("order-payment-id", payment.payment_id.clone()));
    facts.push(fact("order-card", payment.masked_card.clone().unwrap_or_default()));
    let of_payment = |attempt: &&Attempt| attempt.trading_id == payment.trading_id;
    let class = known.attempts.iter().find(of_payment);
    let class = class.and_then(|attempt| PaymentClass::read(&attempt.payment_class, attempt.split_count));
    facts.extend(class.map(|class| fact("card-payments", page::class_name(class, call.language))));
    facts
}

/// What the operator may do with the payment now.
fn operations(call: &Call<'_>, listed: &Listed) -> Vec<OperationButton> {
    let Some(row) = call.judged(listed) else {
        return Vec::new();
    };
    Column::ALL
        .into_iter()
        .filter(|column| call.has_right(column.name()))
        .filter_map(|column| {
            let action = row.decide(column, &call.rules()).ok()?;
            Some(OperationButton {
                operation: column.name(),
                words: page::text(call.language, &format!("action-{}", action.kind()), &[]),
            })
        })
        .collect()
}

fn shown_payment(call: &Call<'_>, payment: &Payment) -> page::PaymentLine {
    page::PaymentLine {
        payment_id: payment.payment_id.clone(),
        trading_id: payment.trading_id.clone(),
        amount: payment.held().to_string(),
        status: page::gateway_status(call.language, payment.gateway_status),
        authorised_at: japanese_time(payment.authorised_at),
        captured_at: payment.captured_at.map(japanese_time).unwrap_or_default(),
        cancelled_at: payment.cancelled_at.map(japanese_time).unwrap_or_default(),
        replaced_by: payment.replaced_by.clone(),
    }
}

/// Telegrams, notices and the ends of changes, the newest first.
fn events(call: &Call<'_>, known: &Known) -> Vec<Event> {
    let words = |id: &str| page::text(call.language, id, &[]);
    let telegram = |telegram: &Telegram| {
        let at = telegram.sent_at.unwrap_or(telegram.planned_at);
        let answer = match telegram.code.as_deref() {
            Some(code) if telegram.state != telegrams::GOOD => page::reason(call.language, code),
            _ => String::new(),
        };
        let event = Event {
            at: japanese_time(at),
            who: match (&telegram.operator, telegram.kind.as_str()) {
                (Some(operator), _) => operator.clone(),
                (None, "020" | "025" | LINK) => words("event-shopper"),
                (None, _) => words("event-nobody"),
            },
            what: words(&format!("telegram-{}", telegram.kind)),
            kind: telegram.kind.clone(),
            state: words(&format!("telegram-state-{}", telegram.state.replace('_', "-"))),
            tone: tone(&telegram.state),
            amount: telegram
                .amount
                .and_then(|amount| Yen::try_from(amount).ok())
                .map(|yen| yen.to_string())
                .unwrap_or_default(),
            id: telegram
                .payment_id
                .clone()
                .unwrap_or_else(|| telegram.trading_id.clone()),
            answer,
            exchange: exchange(telegram),
        };
        (at, event)
    };
    let change = |change: &Change| {
        let at = change.finished_at.unwrap_or(change.started_at);
        let amounts =
            [change.old_amount, change.new_amount].map(|yen| Yen::try_from(yen).unwrap_or(Yen::ZERO).to_string());
        let [from, to] = &amounts;
        let event = Event {
            at: japanese_time(at),
            who: change.operator.clone().unwrap_or_default(),
            what: page::text(
                call.language,
                &match change.is_correction() {
                    true => format!("event-correction-{}", change.kind),
                    false => format!("preflight-change-{}", change.kind),
                },
                &[("from", from), ("to", to)],
            ),
            kind: String::new(),
            state: words(&format!("change-state-{}", change.state)),
            tone: tone(match change.state.as_str() {
                "done" => telegrams::GOOD,
                "undone" | "refused" => telegrams::DECLINED,
                _ => telegrams::SENT,
            }),
            amount: String::new(),
            id: format!(
                "{} → {}",
                change.old_payment_id,
                change.new_payment_id.as_deref().unwrap_or("…")
            ),
            answer: change
                .code
                .as_deref()
                .map(|code| page::reason(call.language, code))
                .unwrap_or_default(),
            exchange: Vec::new(),
        };
        (at, event)
    };
    let notice = |notice: &Notice| {
        let event = Event {
            at: japanese_time(notice.received_at),
            who: words("event-gateway"),
            what: page::text(
                call.language,
                "event-notice",
                &[("status", &page::gateway_status(call.language, notice.status))],
            ),
            kind: notice.source.clone(),
            state: words(&format!("notice-state-{}", notice.state)),
            tone: match notice.state.as_str() {
                notices::APPLIED => "good",
                notices::NEW => "open",
                _ => "bad",
            },
            amount: Yen::try_from(notice.amount).unwrap_or(Yen::ZERO).to_string(),
            id: format!("{} ({})", notice.payment_id, notice.notice_id),
            answer: String::new(),
            exchange: Vec::new(),
        };
        (notice.received_at, event)
    };
    // A change's end stands behind its last step.
    let last_step = |change: &Change| {
        let own = |telegram: &Telegram| telegram.change_id.as_deref() == Some(&change.change_id);
        known.telegrams.iter().rposition(own)
    };
    let telegrams = known
        .telegrams
        .iter()
        .enumerate()
        .map(|(place, row)| (Some(place), telegram(row)));
    let mut all: Vec<_> = telegrams.collect();
    all.extend(known.changes.iter().map(|row| (last_step(row), change(row))));
    all.extend(known.notices.iter().map(|row| (None, notice(row))));
    all.sort_by_key(|(place, (at, _))| (*at, *place));
    all.into_iter().rev().map(|(_, (_, event))| event).collect()
}

fn tone(state: &str) -> &'static str {
    match state {
        telegrams::GOOD => "good",
        telegrams::DECLINED | telegrams::NOT_EXECUTED => "bad",
        _ => "open",
    }
}

/// What went over the wire, as the journal keeps it: without secrets and card data.
fn exchange(telegram: &Telegram) -> Vec<(String, String)> {
    let read = |text: &Option<String>| -> Vec<(String, String)> {
        text.as_deref()
            .and_then(|text| serde_json::from_str(text).ok())
            .unwrap_or_default()
    };
    let sent = read(&telegram.request)
        .into_iter()
        .map(|(name, value)| (format!("→ {name}"), value));
    let came = read(&telegram.reply)
        .into_iter()
        .map(|(name, value)| (format!("← {name}"), value));
    sent.chain(came).filter(|(_, value)| !value.is_empty()).collect()
}

/// `admin.inquire`: asks 094 how the order's payment, or the attempt that nobody answered for, stands now.
pub(in crate::hook) fn inquire(call: &Call<'_>) -> Result<Reply, Problem> {
    call.refuse_other_sites()?;
    let operator = call.operator_with("view")?;
    let form = call.request.form()?;
    call.check_form(operator, form.one("csrf")?)?;
    let known = load(call, "admin.inquire")?;
    let order_id = &known.listed.order.order_id;
    let answer = match (&known.listed.payment, known.in_flight()) {
        (_, Some(attempt)) => {
            let now = settle::inquire(call, &attempt.attempt_id)?;
            let open = now.is_none_or(|now| now.state().is_ok_and(AttemptState::is_open));
            if open { "open" } else { "moved" }
        }
        (Some(payment), None) => ask(call, payment, operator.shown())?,
        (None, None) => "nothing",
    };
    let back = Asked::of_query(form.one("back")?.unwrap_or("")).query();
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("asked", answer);
    if !back.is_empty() {
        query.append_pair("back", &back);
    }
    let own_url = format!("{}/payments/orders/{}", call.staff_url(), page::path_segment(order_id));
    let effects = call.instance.store.read(|rows| outbox::offered(rows, order_id))?;
    Ok(Reply::redirect(format!("{own_url}?{}", query.finish()))
        .with_data(json!({"answer": answer}))
        .with_effects(effects))
}

fn ask(call: &Call<'_>, payment: &Payment, operator: &str) -> Result<&'static str, Problem> {
    let id = PaymentId::try_from(payment.payment_id.as_str())
        .map_err(|_| Problem::failed("payment.unreadable", "the payment's id cannot be sent"))?;
    let telegram_id = random_hex::<16>()?;
    let now = call.moment();
    let sent = call.instance.store.write(|rows| {
        let Some(attempt) = attempts::find(rows, &payment.attempt_id)? else {
            return Ok(false);
        };
        let mut telegram = journal::sent(telegram_id.clone(), &attempt, "094", None, now);
        telegram.payment_id = Some(payment.payment_id.clone());
        telegram.operator = Some(operator.to_owned());
        telegram.change_id = None;
        telegrams::insert(rows, &telegram)?;
        Ok(true)
    })?;
    if !sent {
        return Ok("nothing");
    }
    let answer = call.instance.gateway.inquire(&Inquire::ByPayment(id), call.now());
    let state = journal::state_of(&answer.outcome);
    let (told, code, found) = match answer.outcome {
        Outcome::Good(Inquiry::Found(found)) => ("", None, Some(found)),
        Outcome::Good(Inquiry::NotFound) => ("unknown", None, None),
        Outcome::Good(Inquiry::Several) => ("unknown", None, None),
        Outcome::Declined(refusal) | Outcome::Pending(refusal) => {
            ("failed", Some(journal::nearest(&refusal.code, &refusal.detail)), None)
        }
        Outcome::NotExecuted(fault) | Outcome::Unknown(fault) => ("failed", Some(fault.code.as_str().to_owned()), None),
    };
    Ok(call.instance.store.write(|rows| {
        if let Some(mut row) = telegrams::find(rows, &telegram_id)? {
            journal::record(&mut row, state, code.clone(), &answer.exchange, now);
            telegrams::update(rows, &mut row)?;
        }
        let (Some(found), Some(mut now_there)) = (found, payments::find(rows, &payment.payment_id)?) else {
            return Ok(told);
        };
        // What an operation or a change has written since the question was asked is newer than the answer.
        let newer = now_there.version != payment.version;
        if newer || telegrams::open_on(rows, &payment.payment_id)?.is_some() {
            return Ok("busy");
        }
        let before = (now_there.gateway_status, now_there.amount);
        observe::found(rows, &mut now_there, &found, now)?;
        let same = before == (now_there.gateway_status, now_there.amount);
        Ok(if same { "same" } else { "moved" })
    })?)
}

fn inquiry_words(call: &Call<'_>, answer: &str) -> String {
    let id = match answer {
        "same" | "moved" | "busy" | "open" | "unknown" | "nothing" | "linked" => format!("inquiry-{answer}"),
        _ => "inquiry-failed".to_owned(),
    };
    page::text(call.language, &id, &[])
}
