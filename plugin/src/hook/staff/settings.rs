//! Settings and self-check (N28): what the host configured, without its secrets, and whether it works. The settings
//! themselves are the host's: they come with `paygent_open`.

use chrono::TimeDelta;
use serde_json::json;

use crate::config::Entry;
use crate::hook::{Call, staff};
use crate::page::{self, Check, Fact, SettingsPage};
use crate::paygent::{Inquire, Inquiry, Outcome, TradingId};
use crate::payment::guard::Kind;
use crate::payment::{Yen, japan};
use crate::reply::{Problem, Reply};
use crate::request::Operator;
use crate::seal::random_hex;
use crate::store::{attempts, facts, notices, removals};

/// `admin.settings`.
pub(in crate::hook) fn show(call: &Call<'_>) -> Result<Reply, Problem> {
    let operator = call.operator_with("settings")?;
    drawn(call, operator, Vec::new())
}

/// `admin.check`: the same page with the findings of a self-check, one inquiry to the gateway among them.
pub(in crate::hook) fn check(call: &Call<'_>) -> Result<Reply, Problem> {
    call.refuse_other_sites()?;
    let operator = call.operator_with("settings")?;
    let form = call.request.form()?;
    call.check_form(operator, form.one("csrf")?)?;
    let mut checks = connection(call)?;
    checks.extend(certificate(call));
    checks.push(database(call)?);
    checks.push(attempts_follow(call)?);
    checks.push(under_way(call)?);
    drawn(call, operator, checks)
}

fn drawn(call: &Call<'_>, operator: &Operator, checks: Vec<Check>) -> Result<Reply, Problem> {
    let frame = staff::frame(call, operator, "settings");
    let data = json!({
        "checks": checks.iter().map(|check| json!({"name": check.id, "good": check.tone == "good"})).collect::<Vec<_>>(),
        "csrf": frame.csrf,
    });
    let shown = SettingsPage {
        check_url: format!("{}/settings/check", call.staff_url()),
        groups: groups(call)?,
        checks,
        staff: frame,
    };
    Ok(staff::framed(page::settings(&shown, call.language, call.nonce())).with_data(data))
}

/// The settings, group by group.
fn groups(call: &Call<'_>) -> Result<Vec<(String, Vec<Fact>)>, Problem> {
    let config = &call.instance.config;
    let words = |id: &str| page::text(call.language, id, &[]);
    let fact = |id: &str, value: String| Fact {
        name: words(id),
        value: if value.is_empty() {
            words("settings-none")
        } else {
            value
        },
        mark: "",
    };
    let kept = |is_set: bool| words(if is_set { "settings-secret-set" } else { "settings-none" });
    let on = |is_on: bool| words(if is_on { "settings-on" } else { "settings-off" });
    let taken = |is_taken: bool| words(if is_taken { "settings-taken" } else { "settings-refused" });
    let days = |count: u16| page::text(call.language, "settings-days", &[("count", &count.to_string())]);
    let daily = |hour: Option<u8>| match hour {
        Some(hour) => page::text(call.language, "settings-hour", &[("hour", &hour.to_string())]),
        None => words("settings-off"),
    };
    let shown = config.gateway.shown();
    let column_names = config
        .staff
        .columns
        .iter()
        .map(|column| words(&format!("column-{column}")));
    let account = vec![
        fact(
            "settings-environment",
            words(if config.gateway.is_test() {
                "settings-test"
            } else {
                "settings-live"
            }),
        ),
        fact("settings-merchant", config.gateway.merchant_id().to_owned()),
        fact("settings-connect", shown.connect_id.to_owned()),
        fact("settings-password", kept(true)),
        fact("settings-access", words(&format!("settings-access-{}", shown.access))),
        fact("settings-host", shown.host.to_owned()),
        fact("settings-certificate", shown.certificate),
        fact("settings-hash-key", kept(shown.has_hash_key)),
        fact("settings-link-key", kept(shown.has_link_key)),
        fact("settings-token-key", kept(!config.gateway.token_key().is_empty())),
        fact(
            "settings-timeout",
            page::text(
                call.language,
                "settings-seconds",
                &[("count", &shown.timeout_secs.to_string())],
            ),
        ),
    ];
    let minutes = config.card.link_minutes.to_string();
    let entry = match config.card.entry {
        Entry::Token => words("settings-entry-token"),
        Entry::Link => page::text(call.language, "settings-entry-link", &[("minutes", &minutes)]),
    };
    let card = vec![
        fact("settings-entry", entry),
        fact("settings-brands", config.card.brands.join(", ")),
        fact(
            "settings-instalments",
            config.card.instalments.as_ref().map_or_else(String::new, |offer| {
                let counts = offer.counts.iter().map(u8::to_string).collect::<Vec<_>>().join(", ");
                offered(call, &counts, offer.from, &offer.brands)
            }),
        ),
        fact(
            "settings-bonus",
            config.card.bonus.as_ref().map_or_else(String::new, |offer| {
                let periods: Vec<_> = offer
                    .periods
                    .iter()
                    .map(|(first, last)| format!("{first}–{last}"))
                    .collect();
                offered(call, &periods.join(", "), offer.from, &offer.brands)
            }),
        ),
        fact(
            "settings-revolving",
            config
                .card
                .revolving
                .as_ref()
                .map_or_else(String::new, |offer| offered(call, "", offer.from, &offer.brands)),
        ),
        fact("settings-stored", on(config.card.stores_cards())),
        fact("settings-removals", removals_open(call)?),
        fact("settings-three-ds", on(config.card.three_ds.enabled)),
        fact("settings-three-ds-key", kept(config.card.three_ds.key.is_some())),
        fact("settings-attempts", taken(config.card.three_ds.accept_attempts)),
        fact(
            "settings-brands-without",
            taken(config.card.three_ds.accept_brands_without),
        ),
    ];
    let told = vec![
        fact(
            "settings-notice-url",
            format!("{}/notice", config.urls.shopper.trim_end_matches('/')),
        ),
        fact("settings-notice-push", on(config.notices.key.is_some())),
        fact(
            "settings-notice-poll",
            match config.notices.poll_secs {
                0 => words("settings-off"),
                seconds => page::text(call.language, "settings-seconds", &[("count", &seconds.to_string())]),
            },
        ),
        fact("settings-notice-last", last_notice(call)?),
        fact("settings-notice-unexplained", unexplained(call)?),
    ];
    let staff = vec![
        fact("settings-columns", column_names.collect::<Vec<_>>().join("、")),
        fact("settings-corrections", on(config.staff.corrections)),
        fact("settings-authorisation-days", days(config.staff.authorisation_days)),
        fact("settings-sale-days", days(config.staff.sale_days)),
        fact("settings-cleanup-days", days(config.staff.cleanup_days)),
        fact("settings-cleanup-hour", daily(config.staff.cleanup_hour)),
        fact("settings-compare-hour", daily(config.staff.compare_hour)),
        fact("settings-warnings", warnings(call)),
        fact(
            "settings-closing-days",
            config
                .staff
                .closing_days
                .iter()
                .map(u8::to_string)
                .collect::<Vec<_>>()
                .join(", "),
        ),
        fact("settings-database", config.database.display().to_string()),
        fact("settings-version", env!("CARGO_PKG_VERSION").to_owned()),
    ];
    Ok(vec![
        (words("settings-account"), account),
        (words("settings-card"), card),
        (words("settings-guard"), guard(call)),
        (words("settings-notices"), told),
        (words("settings-staff"), staff),
    ])
}

/// Days before a last day on which the shop is warned: 「14, 7, 2日前 · 毎日9時」.
fn warnings(call: &Call<'_>) -> String {
    let staff = &call.instance.config.staff;
    let days: Vec<String> = staff.warning_days.iter().map(u16::to_string).collect();
    match days.is_empty() {
        true => String::new(),
        false => page::text(
            call.language,
            "settings-warned",
            &[("days", &days.join(", ")), ("hour", &staff.warning_hour.to_string())],
        ),
    }
}

/// What a way of paying off is offered for: 「3, 6 · ¥10,000から · visa, jcb」.
fn offered(call: &Call<'_>, details: &str, from: Yen, brands: &[String]) -> String {
    let from = page::text(call.language, "settings-from", &[("amount", &from.to_string())]);
    let parts = [details.to_owned(), from, brands.join(", ")];
    let parts: Vec<_> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join(" · ")
}

/// The card-testing guard's figures.
fn guard(call: &Call<'_>) -> Vec<Fact> {
    let guard = &call.instance.config.guard;
    let fact = |id: &str, value: String| Fact {
        name: page::text(call.language, id, &[]),
        value,
        mark: "",
    };
    if !guard.enabled {
        return vec![fact(
            "settings-guard-limits",
            page::text(call.language, "settings-off", &[]),
        )];
    }
    let minutes = |window: TimeDelta| window.num_minutes().to_string();
    let mut facts: Vec<_> = Kind::ALL
        .iter()
        .map(|kind| {
            let limit = guard.limit(*kind);
            let (tries, minutes) = (limit.tries.to_string(), minutes(limit.window));
            let figures = [("tries", tries.as_str()), ("minutes", minutes.as_str())];
            fact(
                &format!("settings-guard-{}", kind.name()),
                page::text(call.language, "settings-guard-within", &figures),
            )
        })
        .collect();
    let alarm = guard.alarm();
    let figures = [
        ("failures", alarm.failures.to_string()),
        ("percent", alarm.percent.to_string()),
        ("minutes", minutes(alarm.window)),
    ];
    let figures = figures.each_ref().map(|(name, figure)| (*name, figure.as_str()));
    facts.push(fact(
        "settings-guard-alarm",
        page::text(call.language, "settings-guard-raised", &figures),
    ));
    let proxies = guard
        .trusted_proxies
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>();
    facts.push(fact(
        "settings-guard-proxies",
        match proxies.is_empty() {
            true => page::text(call.language, "settings-none", &[]),
            false => proxies.join(", "),
        },
    ));
    facts
}

/// Members who left and whose cards the gateway still holds: since when, how often it was tried, and what is in the way.
fn removals_open(call: &Call<'_>) -> Result<String, Problem> {
    const SHOWN: i64 = 10;
    let open = call.instance.store.read(|rows| removals::open(rows, SHOWN))?;
    let lines = open.iter().map(|removal| {
        let since = japan::clock(removal.asked_at).format("%Y/%m/%d %H:%M");
        let why = removal.code.as_deref().map(|code| page::reason(call.language, code));
        format!(
            "{} ({since}, {}) {}",
            removal.customer_id,
            removal.tries,
            why.unwrap_or_default()
        )
    });
    Ok(lines.collect::<Vec<_>>().join(" / "))
}

/// Notices about payments that nobody here knows, or with another amount than the gateway says when asked.
fn unexplained(call: &Call<'_>) -> Result<String, Problem> {
    const SHOWN: i64 = 10;
    let kept = call.instance.store.read(|rows| notices::unexplained(rows, SHOWN))?;
    let lines = kept.iter().map(|notice| {
        let status = page::gateway_status(call.language, notice.status);
        let amount = Yen::try_from(notice.amount).unwrap_or(Yen::ZERO);
        format!(
            "{}: {} {} {status} {amount}",
            notice.notice_id, notice.payment_id, notice.trading_id
        )
    });
    Ok(lines.collect::<Vec<_>>().join(" / "))
}

/// Number and Japanese time of the notice that came last; a shop whose notices stopped sees it here.
fn last_notice(call: &Call<'_>) -> Result<String, Problem> {
    let last = call.instance.store.read(notices::last)?;
    Ok(last.map_or_else(String::new, |notice| {
        let at = japan::clock(notice.received_at).format("%Y/%m/%d %H:%M");
        format!("{at} ({}, {})", notice.notice_id, notice.source)
    }))
}

fn finding(call: &Call<'_>, id: &'static str, good: bool, arguments: &[(&str, &str)]) -> Check {
    let end = if good { "good" } else { "bad" };
    Check {
        id,
        tone: end,
        name: page::text(call.language, &format!("check-{id}"), &[]),
        words: page::text(call.language, &format!("check-{id}-{end}"), arguments),
    }
}

/// Asks the gateway for a payment that does not exist: that it says so proves account, certificate and connection.
fn connection(call: &Call<'_>) -> Result<Vec<Check>, Problem> {
    let nobody = format!("check_{}", random_hex::<8>()?);
    let nobody = TradingId::try_from(nobody.as_str())
        .map_err(|_| Problem::failed("check.name", "the self-check has no name to ask for"))?;
    let answer = call.instance.gateway.inquire(&Inquire::ByTrading(nobody), call.now());
    let (good, why) = match answer.outcome {
        Outcome::Good(Inquiry::NotFound) => (true, String::new()),
        Outcome::Good(_) => (false, "094".to_owned()),
        Outcome::Declined(refusal) | Outcome::Pending(refusal) => (false, refusal.code),
        Outcome::NotExecuted(fault) | Outcome::Unknown(fault) => {
            (false, format!("{}: {}", fault.code.as_str(), fault.detail))
        }
    };
    let mut checks = vec![finding(call, "connection", good, &[("why", &why)])];
    if let Some(theirs) = answer.exchange.date {
        const AT_MOST: i64 = 60;
        let skew = (call.now() - theirs).num_seconds();
        checks.push(finding(
            call,
            "clock",
            skew.abs() <= AT_MOST,
            &[("seconds", &skew.to_string())],
        ));
    }
    Ok(checks)
}

/// The client certificate can be read and does not run out soon.
fn certificate(call: &Call<'_>) -> Option<Check> {
    const SOON: i64 = 30;
    Some(match call.instance.gateway.certificate_days_left(call.now())? {
        Ok(days) => finding(
            call,
            "certificate",
            days > SOON,
            &[("days", &days.to_string()), ("why", "")],
        ),
        Err(fault) => finding(call, "certificate", false, &[("days", "?"), ("why", &fault.detail)]),
    })
}

/// The database answers and is of this version.
fn database(call: &Call<'_>) -> Result<Check, Problem> {
    let level = call.instance.store.read(facts::level)?;
    let sound = call.instance.store.read(facts::is_sound)?;
    Ok(finding(call, "database", sound, &[("level", &level)]))
}

/// Each attempt stands as what happened to it leads to: nobody wrote its row but the plugin.
fn attempts_follow(call: &Call<'_>) -> Result<Check, Problem> {
    const NAMED: usize = 10;
    let (wrong, count) = call.instance.store.read(|rows| attempts::not_as_logged(rows, NAMED))?;
    let arguments = [("count", count.to_string()), ("which", wrong.join(", "))];
    let arguments = arguments.each_ref().map(|(name, value)| (*name, value.as_str()));
    Ok(finding(call, "attempts", wrong.is_empty(), &arguments))
}

/// Nothing waits for an answer; while something does, the account must not be switched.
fn under_way(call: &Call<'_>) -> Result<Check, Problem> {
    let count = call.instance.store.read(facts::under_way)?;
    Ok(finding(call, "under-way", count == 0, &[("count", &count.to_string())]))
}
