//! The gateway as verbs: authenticate (450), authorise (020), capture (022), void (021), cancel a sale (023), correct
//! (028, 029), inquire (094), fetch notices (091), store a member's card, delete and list them (025, 026, 027), hand over to
//! Paygent's page (link type).
//!
//! `settings` the merchant's account · `stock` the stored cards · `telegram`, `windows_31j`, `hash`, `link` what goes out, `shopper`
//! what 450 tells of whom · `tls`, `client` how · `reply`, `codes`, `outcome` what comes back and what it means. Each verb sends one
//! telegram once and says which of the five ends it came to; it writes no row and knows no order.

mod client;
mod codes;
pub(crate) mod hash;
mod link;
mod outcome;
mod reply;
mod settings;
mod shopper;
mod stock;
mod telegram;
mod tls;
mod windows_31j;

use chrono::{DateTime, FixedOffset, NaiveDate, NaiveDateTime, TimeDelta, Utc};
use secrecy::{ExposeSecret as _, SecretString};

use crate::payment::operation::ChangeKind;
use crate::payment::{PaymentClass, Yen, japan};
use client::{Failure, Posted};
pub(crate) use codes::{Class, class};
pub(crate) use link::HandOver;
pub(crate) use outcome::{Fault, FaultCode, Outcome, Refusal};
use reply::{Fields, may_be_kept};
use settings::Access;
pub(crate) use settings::Settings;
pub(crate) use shopper::Shopper;
pub(crate) use stock::{CardId, CustomerId, StoredCard};
pub(crate) use telegram::LINK;
use telegram::Telegram;

const VERSION: &str = "1.0";

/// How an attempt is named on the wire: 1 to 25 letters, digits and `_`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TradingId(String);

/// A payment's number at the gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PaymentId(String);

/// The text is no such id.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NotAnId;

/// What 020 asks for.
pub(crate) struct Authorise {
    pub(crate) trading_id: TradingId,
    pub(crate) amount: Yen,
    pub(crate) class: PaymentClass,
    pub(crate) card: CardSource,
    /// The holder was authenticated by this 450 (`3ds_auth_id`); without 3-D Secure otherwise.
    pub(crate) auth_id: Option<String>,
}

/// What 450 asks for.
pub(crate) struct Authenticate {
    pub(crate) trading_id: TradingId,
    pub(crate) amount: Yen,
    pub(crate) card: HolderOf,
    /// Where the browser comes back to.
    pub(crate) term_url: String,
    /// As the card company shows it.
    pub(crate) merchant_name: String,
    pub(crate) shopper: Shopper,
}

/// A holder is to be authenticated: the shopper's browser is shown `page`, and nothing else.
#[derive(Debug)]
pub(crate) struct Authentication {
    pub(crate) auth_id: String,
    pub(crate) page: String,
}

/// A notice as 091 gives it, or a push brings it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NoticeFields {
    pub(crate) notice_id: i64,
    pub(crate) payment_id: PaymentId,
    pub(crate) trading_id: String,
    pub(crate) status: i32,
    pub(crate) amount: Yen,
    /// All that came, without the hash.
    pub(crate) all: Vec<(String, String)>,
}

/// Whose card is charged.
pub(crate) enum CardSource {
    Token {
        /// What the browser got for the card; good for one 020.
        token: SecretString,
        /// The token covers the security code.
        security_code: bool,
    },
    /// One that a member left with the gateway.
    Stored {
        customer: CustomerId,
        card: CardId,
        /// Of the security code alone.
        code_token: SecretString,
    },
    /// The card of an earlier payment (`ref_trading_id`); the new payment is without 3-D Secure (guide line 272).
    Earlier(TradingId),
}

/// Whose holder is authenticated.
pub(crate) enum HolderOf {
    /// The token's card; 450 does not spend the token.
    Token(SecretString),
    /// A card that a member left with the gateway.
    Stored(CustomerId, CardId),
}

/// A payment that a telegram acts on.
pub(crate) struct PaymentRef {
    pub(crate) payment_id: PaymentId,
    pub(crate) trading_id: Option<TradingId>,
}

/// What 094 asks for.
pub(crate) enum Inquire {
    ByPayment(PaymentId),
    /// Finds the attempt whose answer was lost.
    ByTrading(TradingId),
}

/// A card was authorised.
#[derive(Debug)]
pub(crate) struct Authorised {
    pub(crate) payment_id: PaymentId,
    /// As the gateway masks it: `************1881`.
    pub(crate) masked_card_number: Option<String>,
    /// `attempt_kbn`, where it was told: who bears chargebacks after 3-D Secure.
    pub(crate) liability_shifted: Option<bool>,
}

/// An operation was done.
#[derive(Debug)]
pub(crate) struct Done;

/// What 028 or 029 asks for.
pub(crate) struct Correct {
    pub(crate) kind: ChangeKind,
    pub(crate) payment_id: PaymentId,
    /// The new total, less than what is held.
    pub(crate) amount: Yen,
}

/// What 094 knows.
#[derive(Debug)]
pub(crate) enum Inquiry {
    Found(Found),
    NotFound,
    /// Several payments carry the trading_id.
    Several,
}

/// A payment as 094 tells it.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) payment_id: PaymentId,
    /// Empty where it was not told.
    pub(crate) trading_id: String,
    /// `payment_status`.
    pub(crate) status: i32,
    pub(crate) amount: Yen,
    pub(crate) masked_card_number: Option<String>,
    /// `attempt_kbn`, where it was told.
    pub(crate) liability_shifted: Option<bool>,
    /// `payment_date`, UTC: when it was captured.
    pub(crate) captured_at: Option<NaiveDateTime>,
}

/// The end of a telegram, and what went over the wire, masked.
pub(crate) struct Answer<T> {
    pub(crate) outcome: Outcome<T>,
    pub(crate) exchange: Exchange,
}

/// What went over the wire, without secrets and card data.
#[derive(Debug, Default)]
pub(crate) struct Exchange {
    pub(crate) request: Vec<(String, String)>,
    pub(crate) reply: Vec<(String, String)>,
    /// A payment_id that the reply carried, also where it said no.
    pub(crate) payment_id: Option<PaymentId>,
    /// The card's fingerprint, where the reply told it. It tells cards apart without their numbers, and is not journaled.
    pub(crate) fingerprint: Option<String>,
    /// The gateway's clock, where it told it.
    pub(crate) date: Option<DateTime<Utc>>,
}

/// Paygent, as this merchant reaches it.
pub(crate) struct Gateway(Settings);

impl Gateway {
    /// Opens nothing.
    pub(crate) fn new(settings: Settings) -> Self {
        Self(settings)
    }

    /// The same with less patience: whoever waits for the answer can do without it.
    pub(crate) fn within(&self, seconds: u32) -> Self {
        let mut settings = self.0.clone();
        settings.timeout_secs = settings.timeout_secs.min(seconds);
        settings.connect_timeout_secs = settings.connect_timeout_secs.min(seconds);
        Self(settings)
    }

    /// Days until the client certificate runs out; none where the account has none.
    pub(crate) fn certificate_days_left(&self, now: DateTime<Utc>) -> Option<Result<i64, Fault>> {
        tls::days_left(&self.0, now.timestamp())
    }

    /// 020. Never sent twice for one attempt.
    pub(crate) fn authorise(&self, asked: &Authorise, now: DateTime<Utc>) -> Answer<Authorised> {
        let trading_id = asked.trading_id.as_str();
        self.run(&authorise(asked), now, |reply| {
            match (reply.get("trading_id"), payment_id(reply)) {
                (Some(other), _) if !other.is_empty() && other != trading_id => {
                    Err(malformed("another trading_id came back"))
                }
                (_, None) => Err(malformed("no payment_id came back")),
                (_, Some(payment_id)) => Ok(Authorised {
                    payment_id,
                    masked_card_number: masked_card_number(reply),
                    liability_shifted: liability_shifted(reply),
                }),
            }
        })
    }

    /// 450. It moves nothing; what it began and nobody finished runs out at the gateway.
    pub(crate) fn authenticate(&self, asked: &Authenticate, now: DateTime<Utc>) -> Answer<Authentication> {
        self.run(&authenticate(asked, japan::date(now.naive_utc())), now, |reply| match (
            reply.get("3ds_auth_id"),
            reply.get("out_acs_html"),
        ) {
            (Some(auth_id), Some(page)) if is_auth_id(auth_id) && !page.trim().is_empty() => Ok(Authentication {
                auth_id: auth_id.to_owned(),
                page: page.to_owned(),
            }),
            _ => Err(malformed("3ds_auth_id or out_acs_html is missing")),
        })
    }

    /// Hands an order over (link type): the address of the page on which its shopper pays. It moves no money itself.
    pub(crate) fn hand_over(&self, asked: &HandOver) -> Answer<String> {
        let settings = &self.0;
        let order = link::hand_over(settings, asked);
        let url = settings.link_url();
        let path = url
            .split_once("://")
            .and_then(|(_, rest)| rest.find('/').and_then(|at| rest.get(at..)))
            .unwrap_or("/");
        let sent = order
            .body(&[])
            .map_err(|error| Failure::NotSent(Fault::new(FaultCode::Unencodable, error.to_string())))
            .and_then(|body| client::post(settings, url, path, body));
        judged(&order, sent, |reply| link::address(settings, reply.get("url")))
    }

    /// 091: the oldest notice that was not fetched, or the one of a number; none where there is none.
    pub(crate) fn next_notice(&self, number: Option<i64>, now: DateTime<Utc>) -> Answer<Option<NoticeFields>> {
        let number = number.map(|number| number.to_string()).unwrap_or_default();
        let telegram = Telegram::new("091").with("payment_notice_id", number);
        self.run(&telegram, now, |reply| match reply.get("success_code") {
            Some("0") => notice_fields(&reply.masked())
                .map(Some)
                .ok_or_else(|| malformed("a notice without its numbers")),
            Some(_) => Ok(None),
            None => Err(malformed("no success_code came back")),
        })
    }

    /// 022.
    pub(crate) fn capture(&self, payment: &PaymentRef, now: DateTime<Utc>) -> Answer<Done> {
        self.operate("022", payment, now)
    }

    /// 021.
    pub(crate) fn void(&self, payment: &PaymentRef, now: DateTime<Utc>) -> Answer<Done> {
        self.operate("021", payment, now)
    }

    /// 023.
    pub(crate) fn cancel_sale(&self, payment: &PaymentRef, now: DateTime<Utc>) -> Answer<Done> {
        self.operate("023", payment, now)
    }

    /// 028 or 029: a new payment of the smaller amount, under the same trading_id.
    pub(crate) fn correct(&self, asked: &Correct, now: DateTime<Utc>) -> Answer<Done> {
        let old = &asked.payment_id;
        self.run(&correct(asked), now, |reply| match payment_id(reply) {
            Some(new) if new != *old => Ok(Done),
            Some(_) => Err(malformed("no new payment_id came back")),
            None => Err(malformed("no payment_id came back")),
        })
    }

    /// 094. "Not found" and "several" are good answers to a question.
    pub(crate) fn inquire(&self, by: &Inquire, now: DateTime<Utc>) -> Answer<Inquiry> {
        let answer = self.run(&inquire(by), now, |reply| {
            let number = |key: &str| reply.get(key).and_then(|value| value.trim().parse::<i64>().ok());
            let status = number("payment_status").and_then(|status| i32::try_from(status).ok());
            let amount = number("payment_amount").and_then(|amount| Yen::try_from(amount).ok());
            match (payment_id(reply), status, amount) {
                (Some(payment_id), Some(status), Some(amount)) => {
                    let masked_card_number = masked_card_number(reply);
                    Ok(Inquiry::Found(Found {
                        payment_id,
                        trading_id: reply.get("trading_id").unwrap_or("").to_owned(),
                        status,
                        amount,
                        masked_card_number,
                        liability_shifted: liability_shifted(reply),
                        captured_at: reply.get("payment_date").and_then(moment),
                    }))
                }
                _ => Err(malformed("payment_id, payment_status or payment_amount is missing")),
            }
        });
        let outcome = match answer.outcome {
            Outcome::Declined(refusal) if refusal.class() == Class::NotFound => Outcome::Good(Inquiry::NotFound),
            Outcome::Declined(refusal) if refusal.class() == Class::Ambiguous => Outcome::Good(Inquiry::Several),
            other => other,
        };
        Answer {
            outcome,
            exchange: answer.exchange,
        }
    }

    fn operate(&self, kind: &'static str, payment: &PaymentRef, now: DateTime<Utc>) -> Answer<Done> {
        let asked = payment.payment_id.as_str();
        self.run(&operate(kind, payment), now, |reply| match payment_id(reply) {
            Some(other) if other.as_str() != asked => Err(malformed("another payment_id came back")),
            _ => Ok(Done),
        })
    }

    fn run<T>(
        &self,
        telegram: &Telegram,
        now: DateTime<Utc>,
        read: impl FnOnce(&Fields) -> Result<T, Fault>,
    ) -> Answer<T> {
        judged(telegram, self.send(telegram, now), read)
    }

    fn send(&self, telegram: &Telegram, now: DateTime<Utc>) -> Result<Posted, Failure> {
        let settings = &self.0;
        let unencodable =
            |error: telegram::FieldError| Failure::NotSent(Fault::new(FaultCode::Unencodable, error.to_string()));
        let (telegram, area) = match (settings.access, &settings.hash_key) {
            (Access::Hash, Some(key)) => (hashed(settings, telegram, key, now), 's'),
            _ => (telegram.clone(), 'n'),
        };
        let body = telegram.body(&common(settings)).map_err(unencodable)?;
        client::post(
            settings,
            settings.host(),
            &format!("/{area}{}", path(telegram.kind)),
            body,
        )
    }
}

/// What came of a telegram.
fn judged<T>(
    telegram: &Telegram,
    sent: Result<Posted, Failure>,
    read: impl FnOnce(&Fields) -> Result<T, Fault>,
) -> Answer<T> {
    let mut exchange = Exchange {
        request: telegram.masked(),
        ..Exchange::default()
    };
    let outcome = match sent {
        Err(Failure::NotSent(fault)) => Outcome::NotExecuted(fault),
        Err(Failure::Lost(fault)) => Outcome::Unknown(fault),
        Ok(posted) => {
            let reply = match telegram.kind {
                "027" => Fields::parse_rows(&posted.body),
                "450" => Fields::parse_utf8(&posted.body),
                _ => Fields::parse(&posted.body),
            };
            exchange.date = posted.date;
            exchange.reply = reply.masked();
            exchange.payment_id = payment_id(&reply);
            exchange.fingerprint = reply
                .get("fingerprint")
                .filter(|told| !told.is_empty())
                .map(str::to_owned);
            conclude(telegram.kind, &reply, read)
        }
    };
    tell(telegram, &outcome);
    Answer { outcome, exchange }
}

/// `attempt_kbn` empty or 0: the card company bears chargebacks; 1: the holder was not authenticated, the shop does.
pub(crate) fn shifts_liability(attempt_kbn: &str) -> bool {
    matches!(attempt_kbn, "" | "0")
}

fn liability_shifted(reply: &Fields) -> Option<bool> {
    reply
        .get("attempt_kbn")
        .filter(|kbn| !kbn.is_empty())
        .map(shifts_liability)
}

/// 020 as it stands on the wire.
fn authorise(asked: &Authorise) -> Telegram {
    let telegram = Telegram::new("020")
        .with("trading_id", asked.trading_id.as_str())
        .with("payment_id", "")
        .with("payment_amount", asked.amount.get().to_string());
    let telegram = telegram.with("payment_class", asked.class.code());
    let telegram = match asked.class {
        PaymentClass::Once | PaymentClass::Bonus | PaymentClass::Revolving => telegram,
        PaymentClass::Instalments(count) => telegram.with("split_count", count.to_string()),
    };
    let telegram = match &asked.auth_id {
        Some(auth_id) => telegram
            .with("3dsecure_use_type", "2")
            .with("3ds_auth_id", auth_id.as_str()),
        None => telegram.with("3dsecure_ryaku", "1"),
    };
    match &asked.card {
        CardSource::Stored {
            customer,
            card,
            code_token,
        } => telegram
            .with("stock_card_mode", "1")
            .with("customer_id", customer.as_str())
            .with("customer_card_id", card.as_str())
            .with("security_code_token", "1")
            .with("card_token", code_token.expose_secret()),
        CardSource::Earlier(trading_id) => telegram.with("ref_trading_id", trading_id.as_str()),
        CardSource::Token { token, security_code } => {
            let telegram = telegram.with("card_token", token.expose_secret());
            if *security_code {
                telegram.with("security_code_use", "1")
            } else {
                telegram
            }
        }
    }
}

/// 450 as it stands on the wire.
fn authenticate(asked: &Authenticate, today: NaiveDate) -> Telegram {
    let telegram = Telegram::new("450")
        .with("trading_id", asked.trading_id.as_str())
        .with("term_url", asked.term_url.as_str())
        .with("merchant_name", asked.merchant_name.as_str())
        .with("authentication_type", "01");
    let amount = asked.amount.get().to_string();
    let telegram = match &asked.card {
        HolderOf::Token(token) => telegram
            .with("card_set_method", "token")
            .with("payment_amount", amount)
            .with("card_token", token.expose_secret()),
        HolderOf::Stored(customer, card) => telegram
            .with("card_set_method", "customer")
            .with("payment_amount", amount)
            .with("customer_id", customer.as_str())
            .with("customer_card_id", card.as_str()),
    };
    telegram.with_shopper(&asked.shopper, today)
}

/// 36 characters, as the gateway makes them.
fn is_auth_id(text: &str) -> bool {
    text.len() == 36 && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
}

/// A notice's numbers, out of the fields that came.
pub(crate) fn notice_fields(fields: &[(String, String)]) -> Option<NoticeFields> {
    let value = |name: &str| {
        fields
            .iter()
            .rfind(|(field, _)| field == name)
            .map(|(_, value)| value.trim())
    };
    Some(NoticeFields {
        notice_id: value("payment_notice_id")?.parse().ok().filter(|id| *id > 0)?,
        payment_id: PaymentId::try_from(value("payment_id")?).ok()?,
        trading_id: value("trading_id").unwrap_or("").chars().take(25).collect(),
        status: value("payment_status")?.parse().ok()?,
        amount: Yen::try_from(value("payment_amount")?.parse::<i64>().ok()?).ok()?,
        all: fields.iter().filter(|(field, _)| may_be_kept(field)).cloned().collect(),
    })
}

/// 021, 022 and 023 as they stand on the wire.
fn operate(kind: &'static str, payment: &PaymentRef) -> Telegram {
    let telegram = Telegram::new(kind);
    let telegram = match &payment.trading_id {
        Some(trading_id) => telegram.with("trading_id", trading_id.as_str()),
        None => telegram,
    };
    telegram.with("payment_id", payment.payment_id.as_str())
}

/// 028 and 029 as they stand on the wire.
fn correct(asked: &Correct) -> Telegram {
    // The amount is the new total, not what is taken off: a total that is read twice still is the same total.
    const TOTAL: &str = "0";
    Telegram::new(asked.kind.correction())
        .with("payment_id", asked.payment_id.as_str())
        .with("payment_amount", asked.amount.get().to_string())
        .with("reduction_flag", TOTAL)
}

/// 094 as it stands on the wire.
fn inquire(by: &Inquire) -> Telegram {
    match by {
        Inquire::ByPayment(payment_id) => Telegram::new("094").with("payment_id", payment_id.as_str()),
        Inquire::ByTrading(trading_id) => Telegram::new("094").with("trading_id", trading_id.as_str()),
    }
}

/// The fields that stand before every telegram's own.
fn common(settings: &Settings) -> [(&'static str, &str); 4] {
    [
        ("merchant_id", &settings.merchant_id),
        ("connect_id", &settings.connect_id),
        ("connect_password", settings.connect_password.expose_secret()),
        ("telegram_version", VERSION),
    ]
}

fn hashed(settings: &Settings, telegram: &Telegram, key: &SecretString, now: DateTime<Utc>) -> Telegram {
    const JST_SECS: i32 = 9 * 3_600;
    let jst = FixedOffset::east_opt(JST_SECS).map_or(now.naive_utc(), |jst| now.with_timezone(&jst).naive_local());
    let request_date = jst.format("%Y%m%d%H%M%S").to_string();
    let sender = hash::Sender {
        merchant_id: &settings.merchant_id,
        connect_id: &settings.connect_id,
        connect_password: settings.connect_password.expose_secret(),
        telegram_version: VERSION,
        request_date: &request_date,
    };
    let hc = hash::hc(&sender, telegram, key.expose_secret());
    telegram.clone().with("request_date", request_date).with("hc", hc)
}

fn path(kind: &str) -> &'static str {
    match kind {
        "091" => "/ref/paynotice",
        "094" => "/ref/paymentref",
        "450" => "/threeds/request",
        _ => "/card/request",
    }
}

/// Judges a reply that came whole.
fn conclude<T>(kind: &str, reply: &Fields, read: impl FnOnce(&Fields) -> Result<T, Fault>) -> Outcome<T> {
    let text = |key: &str| reply.get(key).unwrap_or("").to_owned();
    match reply.get("result") {
        Some("0") => read(reply).map_or_else(Outcome::Unknown, Outcome::Good),
        Some("1") => {
            let refusal = Refusal {
                code: text("response_code"),
                detail: text("response_detail"),
            };
            if leaves_it_open(kind, refusal.class()) {
                Outcome::Pending(refusal)
            } else {
                Outcome::Declined(refusal)
            }
        }
        _ => Outcome::Unknown(malformed("no result came back")),
    }
}

/// A no that does not say that nothing was done. Trouble on Paygent's side counts among them for whatever moves money:
/// it does not tell at which step it arose, and an inquiry costs less than a wrong guess.
fn leaves_it_open(kind: &str, class: Class) -> bool {
    match class {
        Class::AcquirerSilent | Class::TokenUsed | Class::Conflict | Class::HalfDone | Class::GatewaySide => {
            !matches!(kind, "027" | "091" | "094" | "450" | LINK)
        }
        _ => false,
    }
}

fn payment_id(reply: &Fields) -> Option<PaymentId> {
    reply.get("payment_id").and_then(|id| PaymentId::try_from(id).ok())
}

/// `YYYYMMDDhhmmss` of Japan, as UTC.
fn moment(date: &str) -> Option<NaiveDateTime> {
    const AHEAD: TimeDelta = TimeDelta::hours(9);
    let japan = NaiveDateTime::parse_from_str(date.trim(), "%Y%m%d%H%M%S").ok()?;
    japan.checked_sub_signed(AHEAD)
}

/// The card's number, if the gateway masked it; another is not believed to be one.
fn masked_card_number(reply: &Fields) -> Option<String> {
    reply
        .get("masked_card_number")
        .filter(|number| number.contains('*'))
        .map(str::to_owned)
}

fn malformed(why: &str) -> Fault {
    Fault::new(FaultCode::ReplyMalformed, why)
}

fn tell<T>(telegram: &Telegram, outcome: &Outcome<T>) {
    let (end, why) = match outcome {
        Outcome::Good(_) => ("good", String::new()),
        Outcome::Declined(refusal) => ("declined", format!("{} {}", refusal.code, refusal.detail)),
        Outcome::Pending(refusal) => ("pending", format!("{} {}", refusal.code, refusal.detail)),
        Outcome::NotExecuted(fault) => ("not_executed", format!("{}: {}", fault.code.as_str(), fault.detail)),
        Outcome::Unknown(fault) => ("unknown", format!("{}: {}", fault.code.as_str(), fault.detail)),
    };
    let (kind, trading_id, payment_id) = (
        telegram.kind,
        telegram.value("trading_id"),
        telegram.value("payment_id"),
    );
    tracing::info!(kind, trading_id, payment_id, end, why, "telegram.ended");
}

impl TradingId {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<&str> for TradingId {
    type Error = NotAnId;

    fn try_from(text: &str) -> Result<Self, NotAnId> {
        let fits = (1..=25).contains(&text.len()) && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if fits { Ok(Self(text.to_owned())) } else { Err(NotAnId) }
    }
}

impl PaymentId {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<&str> for PaymentId {
    type Error = NotAnId;

    fn try_from(text: &str) -> Result<Self, NotAnId> {
        let fits = (1..=20).contains(&text.len()) && text.chars().all(|c| c.is_ascii_digit());
        if fits { Ok(Self(text.to_owned())) } else { Err(NotAnId) }
    }
}

#[cfg(test)]
mod tests;
