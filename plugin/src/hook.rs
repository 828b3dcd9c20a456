//! The table of hooks: what a host can ask, by name or by method and path.
//!
//! A hook file reads the request, loads rows, asks `payment` whether it may, writes the intent, asks `paygent`,
//! records what came of it, and replies. What moves money is sent from `charge`, `link`, `operation`, `amend` and `correction`;
//! `storing`, `cards` and `members` store, list and delete cards; `settle`, `timeline` and `settings` only ask.

mod amend;
mod card;
mod cards;
mod change;
mod charge;
mod checkout;
mod cleanup;
mod compare;
mod correction;
mod customer;
mod daily;
mod deadlines;
mod describe;
pub(crate) mod dispatch;
mod effects;
mod give_back;
mod guard;
mod handed_over;
mod inbox;
mod journal;
mod latecomer;
mod link;
mod means;
mod members;
mod notices;
mod observe;
mod operation;
mod orders;
mod outbox;
mod parking;
mod route;
mod settle;
mod staff;
mod standing;
mod state;
mod storing;
mod three_ds;
mod work;

use std::time::Instant;

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};

use crate::instance::Instance;
use crate::page::Language;
use crate::payment::{OrderStatus, Yen, japan, preflight};
use crate::reply::{Problem, Reply};
use crate::request::{Operator, Request};
use crate::seal::Purpose;
use crate::store::orders::Listed;

/// Whom a hook serves: the host lets nobody else through to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Audience {
    /// A browser of a shopper, unknown to us.
    Shopper,
    /// A member of the shop's staff whom the host knows.
    Staff,
    /// Paygent's servers. They come the shoppers' way: the host lets them through to `shopper.route`.
    Gateway,
    /// Whatever wakes the plugin now and then.
    Scheduler,
    /// The host itself.
    Host,
}

impl Audience {
    /// Its name in the interface.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Shopper => "shopper",
            Self::Staff => "staff",
            Self::Gateway => "gateway",
            Self::Scheduler => "scheduler",
            Self::Host => "host",
        }
    }
}

/// One hook.
pub(crate) struct Hook {
    pub(crate) name: &'static str,
    pub(crate) audience: Audience,
    pub(crate) method: &'static str,
    /// `{…}` stands for one segment, a final `*` for all that follows.
    pub(crate) path: &'static str,
    pub(crate) summary: &'static str,
    /// A final answer is kept by request id.
    pub(crate) keeps_answers: bool,
    function: fn(&Call<'_>) -> Result<Reply, Problem>,
}

impl Hook {
    /// Runs it.
    pub(crate) fn run(&self, call: &Call<'_>) -> Result<Reply, Problem> {
        (self.function)(call)
    }
}

/// All hooks, in the order in which an order meets them.
pub(crate) static HOOKS: &[Hook] = &[
    host(
        "plugin.describe",
        "/hooks/plugin.describe",
        "version, hooks and the JSON schemas",
        describe::describe,
    ),
    changing(
        "orders.put",
        "/hooks/orders.put",
        "tell of new, changed and deleted orders",
        orders::put,
    ),
    changing(
        "checkout.enter",
        "/hooks/checkout.enter",
        "the shopper confirmed: open the card page",
        checkout::enter,
    ),
    host(
        "effects.pending",
        "/hooks/effects.pending",
        "what the host still has to do",
        effects::pending,
    ),
    host(
        "effects.ack",
        "/hooks/effects.ack",
        "what the host did of it",
        effects::ack,
    ),
    host(
        "payments.state",
        "/hooks/payments.state",
        "state and allowed operations of orders",
        state::state,
    ),
    changing(
        "members.removed",
        "/hooks/members.removed",
        "a member left: their stored cards are deleted at the gateway",
        members::removed,
    ),
    Hook {
        name: "work.step",
        audience: Audience::Scheduler,
        method: "POST",
        path: "/hooks/work.step",
        summary: "a slice of recovery, inquiries and bulk runs",
        keeps_answers: false,
        function: work::step,
    },
    page(
        "shopper.route",
        Audience::Shopper,
        "ANY",
        "/*",
        "every shopper page by method and path",
        route::shopper,
    ),
    page(
        "card.page",
        Audience::Shopper,
        "GET",
        "/pay/{checkout}",
        "the card page",
        card::show,
    ),
    page(
        "card.pay",
        Audience::Shopper,
        "POST",
        "/pay/{checkout}",
        "authorise with the card's token",
        card::pay,
    ),
    page(
        "card.back",
        Audience::Shopper,
        "POST",
        "/pay/{checkout}/back",
        "「戻る」: the order is withdrawn",
        card::back,
    ),
    page(
        "card.return",
        Audience::Shopper,
        "GET",
        "/pay/{checkout}/return/{key}",
        "back from 3-D Secure, with or without a browser",
        three_ds::back,
    ),
    page(
        "card.authenticate",
        Audience::Shopper,
        "GET",
        "/pay/{checkout}/authenticate/{key}",
        "3-D Secure in a frame",
        three_ds::show,
    ),
    page(
        "card.acs",
        Audience::Shopper,
        "GET",
        "/pay/{checkout}/acs/{key}",
        "the card company's page, in that frame or alone",
        three_ds::acs,
    ),
    page(
        "link.paid",
        Audience::Shopper,
        "GET",
        "/pay/{checkout}/paid/{key}",
        "back from Paygent's card page",
        link::paid,
    ),
    page(
        "link.stopped",
        Audience::Shopper,
        "GET",
        "/pay/{checkout}/stopped/{key}",
        "「戻る」 on Paygent's card page: the order is withdrawn",
        link::stopped,
    ),
    page(
        "card.status",
        Audience::Shopper,
        "GET",
        "/pay/{checkout}/status",
        "the page while it is checked",
        card::status,
    ),
    page(
        "cards.page",
        Audience::Shopper,
        "GET",
        "/cards",
        "a member's stored cards, for the host's my page",
        cards::show,
    ),
    page(
        "cards.add",
        Audience::Shopper,
        "POST",
        "/cards",
        "store a card by its token",
        cards::add,
    ),
    page(
        "cards.delete",
        Audience::Shopper,
        "POST",
        "/cards/delete",
        "delete one of the member's cards",
        cards::delete,
    ),
    page(
        "notice.push",
        Audience::Gateway,
        "POST",
        "/notice",
        "a notice that Paygent pushes",
        notices::push,
    ),
    page(
        "staff.route",
        Audience::Staff,
        "ANY",
        "/*",
        "every staff page by method and path",
        route::staff,
    ),
    page(
        "admin.menu",
        Audience::Staff,
        "GET",
        "/menu",
        "the entry of the host's menu",
        staff::list::menu,
    ),
    page(
        "admin.list",
        Audience::Staff,
        "GET",
        "/payments",
        "ペイジェント決済状況一覧",
        staff::list::show,
    ),
    page(
        "admin.export",
        Audience::Staff,
        "GET",
        "/payments.csv",
        "the list as CSV, in pieces",
        staff::export::export,
    ),
    page(
        "admin.order",
        Audience::Staff,
        "GET",
        "/payments/orders/{order}",
        "an order's payments and their time line",
        staff::timeline::show,
    ),
    page(
        "admin.inquire",
        Audience::Staff,
        "POST",
        "/payments/orders/{order}/inquire",
        "ask the gateway how a payment stands",
        staff::timeline::inquire,
    ),
    page(
        "admin.link",
        Audience::Staff,
        "POST",
        "/payments/orders/{order}/link",
        "link a payment made by hand to an order that the staff entered",
        staff::linking::link,
    ),
    page(
        "admin.bulk.list",
        Audience::Staff,
        "GET",
        "/payments/bulk",
        "the bulk runs so far",
        staff::runs::list,
    ),
    page(
        "admin.bulk.start",
        Audience::Staff,
        "POST",
        "/payments/bulk",
        "run these rows at once",
        staff::bulk::start,
    ),
    page(
        "admin.bulk.preflight",
        Audience::Staff,
        "POST",
        "/payments/bulk/preflight",
        "what 実行 would do, as a draft",
        staff::bulk::preflight,
    ),
    page(
        "admin.cleanup",
        Audience::Staff,
        "POST",
        "/payments/cleanup",
        "決済処理中の注文の取消: what it would do, as a draft",
        staff::bulk::clean_up,
    ),
    page(
        "admin.bulk.show",
        Audience::Staff,
        "GET",
        "/payments/bulk/{job}",
        "a bulk run: before, during and after",
        staff::runs::show,
    ),
    page(
        "admin.bulk.confirm",
        Audience::Staff,
        "POST",
        "/payments/bulk/{job}/confirm",
        "OK: the run starts, once",
        staff::bulk::confirm,
    ),
    page(
        "admin.bulk.step",
        Audience::Staff,
        "POST",
        "/payments/bulk/{job}/step",
        "work on a bulk run",
        staff::bulk::step,
    ),
    page(
        "admin.bulk.stop",
        Audience::Staff,
        "POST",
        "/payments/bulk/{job}/stop",
        "begin nothing new",
        staff::bulk::stop,
    ),
    page(
        "admin.bulk.resume",
        Audience::Staff,
        "POST",
        "/payments/bulk/{job}/resume",
        "go on",
        staff::bulk::resume,
    ),
    page(
        "admin.bulk.retry",
        Audience::Staff,
        "POST",
        "/payments/bulk/{job}/retry",
        "the failed rows again, as a draft",
        staff::bulk::retry,
    ),
    page(
        "admin.mismatches",
        Audience::Staff,
        "GET",
        "/mismatches",
        "what differs between shop, plugin and gateway, and what puts it right",
        staff::mismatches::show,
    ),
    page(
        "admin.mismatches.compare",
        Audience::Staff,
        "POST",
        "/mismatches/compare",
        "compare them now",
        staff::mismatches::begin,
    ),
    page(
        "admin.mismatches.done",
        Audience::Staff,
        "POST",
        "/mismatches/{flag}/done",
        "a person has dealt with it",
        staff::mismatches::done,
    ),
    page(
        "admin.mismatches.give_back",
        Audience::Staff,
        "POST",
        "/mismatches/{flag}/give-back",
        "payments that no order waits for: what would be given back, as a draft",
        staff::mismatches::give_back,
    ),
    page(
        "admin.settings",
        Audience::Staff,
        "GET",
        "/settings",
        "settings and self-check",
        staff::settings::show,
    ),
    page(
        "admin.check",
        Audience::Staff,
        "POST",
        "/settings/check",
        "the self-check, with a connection test",
        staff::settings::check,
    ),
];

const fn host(
    name: &'static str,
    path: &'static str,
    summary: &'static str,
    function: fn(&Call<'_>) -> Result<Reply, Problem>,
) -> Hook {
    Hook {
        name,
        audience: Audience::Host,
        method: "POST",
        path,
        summary,
        keeps_answers: false,
        function,
    }
}

const fn changing(
    name: &'static str,
    path: &'static str,
    summary: &'static str,
    function: fn(&Call<'_>) -> Result<Reply, Problem>,
) -> Hook {
    Hook {
        keeps_answers: true,
        ..host(name, path, summary, function)
    }
}

const fn page(
    name: &'static str,
    audience: Audience,
    method: &'static str,
    path: &'static str,
    summary: &'static str,
    function: fn(&Call<'_>) -> Result<Reply, Problem>,
) -> Hook {
    Hook {
        name,
        audience,
        method,
        path,
        summary,
        keeps_answers: false,
        function,
    }
}

/// The hook of that name.
pub(crate) fn find(name: &str) -> Option<&'static Hook> {
    HOOKS.iter().find(|hook| hook.name == name)
}

/// One call on its way through a hook.
pub(crate) struct Call<'a> {
    pub(crate) instance: &'a Instance,
    pub(crate) request: &'a Request,
    /// The host's clock when the call came in, and ours since then.
    asked_at: DateTime<Utc>,
    since: Instant,
    pub(crate) language: Language,
}

impl<'a> Call<'a> {
    /// A call that came by a door.
    pub(crate) fn new(instance: &'a Instance, request: &'a Request, now: DateTime<Utc>) -> Self {
        let language = Language::parse(request.language.as_deref().unwrap_or("ja"));
        Self {
            instance,
            request,
            asked_at: now,
            since: Instant::now(),
            language,
        }
    }

    /// The one clock of the call, UTC: the host's, moved on by the whole seconds that the call has taken. A call may send
    /// several telegrams, each of which may take most of a minute.
    pub(crate) fn now(&self) -> DateTime<Utc> {
        let taken = i64::try_from(self.since.elapsed().as_secs()).unwrap_or(0);
        self.asked_at + TimeDelta::seconds(taken)
    }

    /// The clock as rows hold it.
    pub(crate) fn moment(&self) -> NaiveDateTime {
        self.now().naive_utc()
    }

    /// Where the shopper's pages are mounted, without a slash at the end.
    fn base_url(&self) -> &str {
        self.request
            .base_url
            .as_deref()
            .unwrap_or(&self.instance.config.urls.shopper)
            .trim_end_matches('/')
    }

    /// Where the staff's pages are mounted, without a slash at the end.
    fn staff_url(&self) -> &str {
        self.request
            .staff_url
            .as_deref()
            .unwrap_or(&self.instance.config.urls.staff)
            .trim_end_matches('/')
    }

    /// The frame's nonce, if it looks like one.
    fn nonce(&self) -> Option<&str> {
        let sound = |nonce: &&str| {
            (8..=128).contains(&nonce.len())
                && nonce
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=' | '-' | '_'))
        };
        self.request.nonce.as_deref().filter(sound)
    }

    /// The segment of the request's path that stands for `{…}` in the hook's.
    fn segment(&self, hook: &'static str) -> Result<&'a str, Problem> {
        let pattern = find(hook).map_or("", |hook| hook.path);
        route::segment(pattern, &self.request.path)
            .ok_or_else(|| Problem::misuse("request.path", format!("`{hook}` needs a path like {pattern}")))
    }

    /// The shop's rules as of today in Japan.
    fn rules(&self) -> preflight::Rules<'a> {
        let staff = &self.instance.config.staff;
        preflight::Rules {
            limits: staff.limits(),
            closing_days: &staff.closing_days,
            corrections: staff.corrections,
            today: japan::date(self.moment()),
        }
    }

    /// A row of the list as the rules look at it; none where the order has no payment.
    fn judged(&self, listed: &Listed) -> Option<preflight::Row> {
        let payment = listed.payment.as_ref()?;
        let order_status = OrderStatus::parse(&listed.order.status);
        Some(preflight::Row {
            status: payment.status(),
            last: payment.last_action(),
            busy: listed.busy,
            since: payment.since(),
            held: payment.held(),
            ordered: Yen::try_from(listed.order.amount).unwrap_or(Yen::ZERO),
            three_ds: payment.three_ds,
            authenticated: payment.authenticated,
            correction_refused: payment.correction_refused.is_some(),
            called_off: order_status.is_some_and(OrderStatus::is_called_off),
            placed: order_status.is_some_and(OrderStatus::is_placed),
            own_account: payment.account == self.instance.config.gateway.account(),
        })
    }

    /// The row as an operator sees it: where it runs under another, something changed meanwhile.
    fn stamp(&self, listed: &Listed) -> Option<String> {
        let payment = listed.payment.as_ref()?;
        Some(format!(
            "{}.{}",
            payment.payment_id,
            self.judged(listed)?.stamp(&self.rules())
        ))
    }

    /// The operator, if the host gives them this right.
    fn operator_with(&self, right: &str) -> Result<&'a Operator, Problem> {
        match &self.request.operator {
            Some(operator) if self.has_right(right) => Ok(operator),
            _ => Err(Problem::refused(
                "rights.missing",
                format!("the right `{right}` is not given"),
            )),
        }
    }

    /// Refuses a form that was not drawn for this operator.
    fn check_form(&self, operator: &Operator, token: Option<&str>) -> Result<(), Problem> {
        let sealed = self.instance.seal.open(Purpose::Staff, token.unwrap_or(""), self.now());
        match sealed.as_deref() {
            Some([of]) if *of == operator.id => Ok(()),
            _ => Err(Problem::refused(
                "form.stale",
                "the form is not this operator's, or too old; open the page again",
            )),
        }
    }

    /// The host says that the operator may do this; what it does not say is denied.
    fn has_right(&self, right: &str) -> bool {
        self.request.operator.is_some() && self.request.rights.iter().any(|named| named == right)
    }

    /// Refuses a form that another site posted.
    fn refuse_other_sites(&self) -> Result<(), Problem> {
        match self.request.headers.get("sec-fetch-site").map(String::as_str) {
            None | Some("same-origin" | "none") => Ok(()),
            Some(_) => Err(Problem::refused(
                "request.cross_site",
                "this form was posted from another site",
            )),
        }
    }
}

/// What one order's work came to; a failure is told, and keeps nobody else's from being done.
fn survived<T>(worked: Result<T, Problem>, of: &str) -> Option<T> {
    worked
        .inspect_err(|problem| {
            tracing::error!(
                of,
                code = problem.code,
                message = problem.message,
                detail = problem.detail,
                "work.failed"
            );
        })
        .ok()
}
