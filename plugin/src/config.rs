//! The configuration that a host gives at `paygent_open`. Its secrets do not print.

mod classes;
mod guard;

use std::path::PathBuf;

use base64::Engine as _;
use schemars::JsonSchema;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use crate::paygent;
use crate::payment::deadline::Limits;
use crate::reply::Problem;
use classes::{Bonus, Instalments, Revolving};
pub(crate) use guard::Guard;

/// All settings. A member that nobody knows is refused: a mistyped setting must not pass for its default.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// The plugin's own SQLite file; made where it is missing. No other program may open it from this process.
    pub(crate) database: PathBuf,
    /// Base64 of 24 to 64 random bytes: signs the forms of the plugin's pages.
    #[schemars(with = "String")]
    pub(crate) signing_key: SecretString,
    /// Where the host mounts the plugin's pages.
    #[serde(default)]
    pub(crate) urls: Urls,
    /// The shop.
    #[serde(default)]
    pub(crate) shop: Shop,
    /// The gateway and the merchant's account there.
    pub(crate) gateway: paygent::Settings,
    /// What the card page offers.
    #[serde(default)]
    pub(crate) card: Card,
    /// The card-testing guard.
    #[serde(default)]
    pub(crate) guard: Guard,
    /// What the gateway tells by itself.
    #[serde(default)]
    pub(crate) notices: Notices,
    /// The staff's screen and its rules.
    #[serde(default)]
    pub(crate) staff: Staff,
    /// Link to ペイジェントオンライン on the staff's page.
    #[serde(default = "paygent_online")]
    pub(crate) paygent_online_url: String,
    /// The HTTP door of `paygent_serve`.
    #[serde(default)]
    pub(crate) http: Http,
    /// Seconds before "the gateway knows nothing of it" counts: longer than a request can be in flight. 120 by default.
    #[serde(default = "quarantine")]
    pub(crate) quarantine_secs: u32,
}

/// Mount points; paths or whole addresses.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Urls {
    /// Of the shopper's pages; `/paygent` by default.
    pub(crate) shopper: String,
    /// Of the staff's pages; `/admin/paygent` by default.
    pub(crate) staff: String,
    /// The host's own my page, where the page of stored cards leads back to; it leads nowhere by default.
    pub(crate) my_page: String,
}

/// The shop.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Shop {
    /// Shown on the card page.
    pub(crate) name: String,
    /// Put before each trading_id: tells shops with one merchant account apart. Letters, digits and `_`.
    pub(crate) trading_prefix: String,
}

/// What the card page offers.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Card {
    /// Where the card's number is typed: `token` (default) on the plugin's page, `link` on Paygent's.
    pub(crate) entry: Entry,
    /// Link type: minutes for which Paygent's page is good, 5 to 2,880; 30 by default.
    pub(crate) link_minutes: u16,
    /// Brands that the contract allows: `visa`, `mastercard`, `jcb`, `amex`, `diners`.
    pub(crate) brands: Vec<String>,
    /// 分割; not offered by default.
    pub(crate) instalments: Option<Instalments>,
    /// ボーナス一括; not offered by default.
    pub(crate) bonus: Option<Bonus>,
    /// リボ; not offered by default.
    pub(crate) revolving: Option<Revolving>,
    /// Members may leave cards with Paygent and pay with them later (カード情報お預かり, an option of the contract). Off by
    /// default, and without effect where the number is typed on Paygent's page.
    pub(crate) stored: bool,
    /// EMV 3-D Secure.
    pub(crate) three_ds: ThreeDs,
}

/// Where the card's number is typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Entry {
    /// On the plugin's page; Paygent's script makes a token of it (トークン型).
    #[default]
    Token,
    /// On Paygent's own page (リンク型). Needs `gateway.link_key`, and `urls.shopper` as a whole address.
    Link,
}

impl Card {
    /// Members may store cards, and the plugin's page offers them.
    pub(crate) fn stores_cards(&self) -> bool {
        self.stored && self.entry == Entry::Token
    }

    fn check(&self, urls: &Urls, gateway: &paygent::Settings) -> Result<(), Problem> {
        let wrong = |why: &str| Err(Problem::misuse("config.link", why));
        if !(5..=2_880).contains(&self.link_minutes) {
            return wrong("card.link_minutes is 5 to 2880");
        }
        if self.entry == Entry::Token {
            return Ok(());
        }
        if !gateway.shown().has_link_key {
            return wrong("card.entry `link` needs gateway.link_key");
        }
        if !urls.shopper.starts_with("http") {
            return wrong("with card.entry `link` urls.shopper has to be a whole address: browsers come back to it");
        }
        Ok(())
    }
}

/// EMV 3-D Secure: since 2025 a shop in Japan has to use it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ThreeDs {
    /// Authenticates the holder (450) before each authorisation. Needs `urls.shopper` as a whole address.
    pub(crate) enabled: bool,
    /// The shop's name as the card company shows it: ASCII, at most 40 characters.
    pub(crate) merchant_name: String,
    /// The key of the `hc` of returns. With one, a return without the right hash is refused.
    #[schemars(with = "Option<String>")]
    pub(crate) key: Option<SecretString>,
    /// Shows the card company's page in a frame below the order and its amount, one link away from the whole window;
    /// in the whole window at once otherwise.
    pub(crate) frame: bool,
    /// Goes on where the issuer or the card has no 3-D Secure (attempt_kbn 1): the shop bears chargebacks. Refused otherwise.
    pub(crate) accept_attempts: bool,
    /// Goes on without it where the brand has none (31012). Refused otherwise.
    pub(crate) accept_brands_without: bool,
}

/// What the gateway tells by itself.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Notices {
    /// The key of the `hc` of pushed notices. Without one push is off, and 091 does the work.
    #[schemars(with = "Option<String>")]
    pub(crate) key: Option<SecretString>,
    /// Seconds between two looks at 091; 0 never looks. 300 by default.
    pub(crate) poll_secs: u32,
}

impl Default for ThreeDs {
    fn default() -> Self {
        Self {
            enabled: false,
            merchant_name: "SHOP".to_owned(),
            key: None,
            frame: false,
            accept_attempts: true,
            accept_brands_without: false,
        }
    }
}

impl ThreeDs {
    fn check(&self, urls: &Urls) -> Result<(), Problem> {
        let name = &self.merchant_name;
        if name.is_empty() || name.len() > 40 || !name.chars().all(|c| c.is_ascii_graphic() || c == ' ') {
            let why = "card.three_ds.merchant_name has 1 to 40 characters of ASCII";
            return Err(Problem::misuse("config.three_ds", why));
        }
        if self.enabled && !urls.shopper.starts_with("http") {
            let why = "with 3-D Secure urls.shopper has to be a whole address: browsers come back to it";
            return Err(Problem::misuse("config.three_ds", why));
        }
        Ok(())
    }
}

impl Default for Notices {
    fn default() -> Self {
        Self {
            key: None,
            poll_secs: 300,
        }
    }
}

/// The staff's screen and its rules.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Staff {
    /// Columns shown beside the guide's ten: `gateway`, `held`, `deadline`, `attempts`, `liability`.
    pub(crate) columns: Vec<String>,
    /// Days of the month on which the customers' card companies usually close; 31 stands for the last day.
    pub(crate) closing_days: Vec<u8>,
    /// Days from an authorisation to the last day of its capture; 60 by contract.
    pub(crate) authorisation_days: u16,
    /// 取消 also calls the order off through the host's own cancel, with stock and points back. On by default.
    pub(crate) cancel_calls_off_the_order: bool,
    /// A smaller amount is made by correction (028, 029) where that keeps more. On by default: the customer sees a smaller
    /// sale and no refund, and the card company is not asked anew. Needs notices (push or 091), by which a lost answer is
    /// found.
    pub(crate) corrections: bool,
    /// Days from a capture to the last day of a change or cancel; 60 by contract.
    pub(crate) sale_days: u16,
    /// 決済処理中の注文の取消 takes orders made so many days before today or longer ago, 1 to 366; 7 by default (R81, R83).
    pub(crate) cleanup_days: u16,
    /// The hour in Japan, 0 to 23, at which that runs by itself each day; not at all by default (R84).
    pub(crate) cleanup_hour: Option<u8>,
    /// The hour in Japan at which shop, plugin and gateway are compared each night; 4 by default, `null` for not at all (N4).
    pub(crate) compare_hour: Option<u8>,
    /// Days before the last day of a capture on which the shop is warned; 14, 7 and 2 by default, none for not at all (N6).
    pub(crate) warning_days: Vec<u16>,
    /// The hour in Japan at which warnings are written; 9 by default.
    pub(crate) warning_hour: u8,
}

/// The HTTP door.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Http {
    /// `whsec_` and Base64 of 24 to 64 bytes: host calls are signed with it. Without it no host call is taken.
    #[schemars(with = "Option<String>")]
    pub(crate) secret: Option<SecretString>,
    /// Listening beyond this machine is refused unless this is set.
    pub(crate) allow_public: bool,
}

/// The five international brands (guide line 38).
const BRANDS: [&str; 5] = ["visa", "mastercard", "jcb", "amex", "diners"];

impl Default for Urls {
    fn default() -> Self {
        Self {
            shopper: "/paygent".to_owned(),
            staff: "/admin/paygent".to_owned(),
            my_page: String::new(),
        }
    }
}

/// The columns that a shop can add to the list, in the order in which they stand.
pub(crate) const COLUMNS: [&str; 5] = ["deadline", "gateway", "held", "attempts", "liability"];

impl Default for Staff {
    fn default() -> Self {
        Self {
            columns: vec!["deadline".to_owned()],
            closing_days: vec![15, 31],
            cancel_calls_off_the_order: true,
            corrections: true,
            authorisation_days: 60,
            sale_days: 60,
            cleanup_days: 7,
            cleanup_hour: None,
            compare_hour: Some(4),
            warning_days: vec![14, 7, 2],
            warning_hour: 9,
        }
    }
}

impl Staff {
    /// The limits as the rules take them.
    pub(crate) fn limits(&self) -> Limits {
        Limits {
            authorisation: self.authorisation_days,
            sale: self.sale_days,
        }
    }

    fn check(&self) -> Result<(), Problem> {
        if let Some(unknown) = self.columns.iter().find(|column| !COLUMNS.contains(&column.as_str())) {
            let why = format!("there is no column `{unknown}`, only {}", COLUMNS.join(", "));
            return Err(Problem::misuse("config.columns", why));
        }
        if !self.closing_days.iter().all(|day| (1..=31).contains(day)) {
            return Err(Problem::misuse("config.closing_days", "days of a month are 1 to 31"));
        }
        let sound = |days: &u16| (1..=366).contains(days);
        if !sound(&self.authorisation_days) || !sound(&self.sale_days) {
            return Err(Problem::misuse("config.days", "a limit is 1 to 366 days"));
        }
        let hours = [self.cleanup_hour, self.compare_hour, Some(self.warning_hour)];
        if hours.into_iter().flatten().any(|hour| hour > 23) {
            let why = "staff.cleanup_hour, compare_hour and warning_hour are hours of the day, 0 to 23";
            return Err(Problem::misuse("config.hours", why));
        }
        if !sound(&self.cleanup_days) || self.warning_days.iter().any(|days| *days > 366) {
            let why = "staff.cleanup_days is 1 to 366, and each of staff.warning_days at most 366";
            return Err(Problem::misuse("config.days", why));
        }
        Ok(())
    }
}

impl Default for Card {
    fn default() -> Self {
        Self {
            entry: Entry::default(),
            link_minutes: 30,
            brands: BRANDS.map(str::to_owned).to_vec(),
            instalments: None,
            bonus: None,
            revolving: None,
            stored: false,
            three_ds: ThreeDs::default(),
        }
    }
}

fn paygent_online() -> String {
    "https://online.paygent.co.jp/".to_owned()
}

/// What the gateway itself may take beyond our patience.
const QUARANTINE_SLACK_SECS: u32 = 30;

fn quarantine() -> u32 {
    120
}

impl Config {
    /// Parses and checks the JSON; opens nothing.
    pub(crate) fn parse(json: &str) -> Result<Self, Problem> {
        let config: Self =
            serde_json::from_str(json).map_err(|error| Problem::misuse("config.malformed", error.to_string()))?;
        let prefix = &config.shop.trading_prefix;
        if prefix.len() > 8 || !prefix.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            return Err(Problem::misuse(
                "config.trading_prefix",
                "at most 8 letters, digits and `_`",
            ));
        }
        let brands = &config.card.brands;
        if brands.is_empty() || !brands.iter().all(|brand| BRANDS.contains(&brand.as_str())) {
            let why = format!("name at least one of {}", BRANDS.join(", "));
            return Err(Problem::misuse("config.brands", why));
        }
        config.staff.check()?;
        config.card.check_classes()?;
        config.card.three_ds.check(&config.urls)?;
        config.card.check(&config.urls, &config.gateway)?;
        config.guard.check()?;
        config
            .gateway
            .check()
            .map_err(|wrong| Problem::misuse("config.gateway", wrong))?;
        if config.quarantine_secs < config.gateway.longest_secs().saturating_add(QUARANTINE_SLACK_SECS) {
            let why = "must be longer than the gateway's time-outs together, by half a minute at least";
            return Err(Problem::misuse("config.quarantine_secs", why));
        }
        let keys = [
            ("notices.key", &config.notices.key),
            ("card.three_ds.key", &config.card.three_ds.key),
        ];
        let empty = keys
            .into_iter()
            .find(|(_, key)| key.as_ref().is_some_and(|key| key.expose_secret().trim().is_empty()));
        if let Some((name, _)) = empty {
            // Whoever knows that it is empty could sign with it.
            let why = format!("{name} is empty: leave it out, or name the key");
            return Err(Problem::misuse("config.empty_key", why));
        }
        if let Some(secret) = &config.http.secret {
            webhook_secret(secret)?;
        }
        key_bytes(&config.signing_key).map(|_| config)
    }
}

/// The bytes of `signing_key`.
pub(crate) fn key_bytes(key: &SecretString) -> Result<Vec<u8>, Problem> {
    decoded(key.expose_secret())
        .ok_or_else(|| Problem::misuse("config.signing_key", "the signing key must be Base64 of 24 to 64 bytes"))
}

/// The bytes of `http.secret`.
pub(crate) fn webhook_secret(secret: &SecretString) -> Result<Vec<u8>, Problem> {
    secret
        .expose_secret()
        .strip_prefix("whsec_")
        .and_then(decoded)
        .ok_or_else(|| {
            Problem::misuse(
                "config.http_secret",
                "http.secret must be `whsec_` and Base64 of 24 to 64 bytes",
            )
        })
}

fn decoded(base64: &str) -> Option<Vec<u8>> {
    let bytes = base64::engine::general_purpose::STANDARD.decode(base64).ok()?;
    (24..=64).contains(&bytes.len()).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The code that a configuration with this member put in, or taken out, is refused with.
    fn refused(member: &str, value: serde_json::Value) -> &'static str {
        let mut config = serde_json::json!({
            "database": "/nowhere/paygent.db",
            "signing_key": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
            "gateway": {"access": "hash", "hash_key": "k", "merchant_id": "1", "connect_id": "c", "connect_password": "p"},
        });
        config[member] = value;
        Config::parse(&config.to_string()).map_or_else(|problem| problem.code, |_| "good")
    }

    #[test]
    fn a_configuration_that_cannot_work_is_refused_by_name() {
        use serde_json::json;
        assert_eq!(refused("quarantine_secs", json!(120)), "good");
        assert_eq!(refused("quarantine_secs", json!(60)), "config.quarantine_secs");
        assert_eq!(refused("databse", json!("x")), "config.malformed");
        assert_eq!(refused("signing_key", json!("c2hvcnQ=")), "config.signing_key");
        assert_eq!(
            refused("card", json!({"three_ds": {"enabled": true}})),
            "config.three_ds"
        );
        assert_eq!(
            refused("card", json!({"three_ds": {"merchant_name": "店"}})),
            "config.three_ds"
        );
        assert_eq!(refused("notices", json!({"key": " "})), "config.empty_key");
        assert_eq!(refused("card", json!({"three_ds": {"key": ""}})), "config.empty_key");
        assert_eq!(refused("card", json!({"entry": "link"})), "config.link");
        assert_eq!(refused("card", json!({"link_minutes": 4})), "config.link");
        assert_eq!(refused("staff", json!({"columns": ["mood"]})), "config.columns");
        assert_eq!(refused("staff", json!({"closing_days": [0]})), "config.closing_days");
        assert_eq!(refused("staff", json!({"sale_days": 0})), "config.days");
        for wrong in [
            json!({"order": {"tries": 0, "minutes": 30}}),
            json!({"card": {"tries": 5, "minutes": 20_000}}),
            json!({"alarm": {"percent": 100}}),
            json!({"wait_secs": 700}),
        ] {
            assert_eq!(refused("guard", wrong), "config.guard");
        }
        assert_eq!(
            refused("guard", json!({"trusted_proxies": ["192.0.2.0/33"]})),
            "config.malformed"
        );
        assert_eq!(
            refused("guard", json!({"session": {"tries": 3, "minutes": 15}})),
            "good"
        );
        assert_eq!(refused("card", json!({"brands": []})), "config.brands");
        assert_eq!(refused("card", json!({"brands": ["discover"]})), "config.brands");
        assert_eq!(
            refused("shop", json!({"trading_prefix": "店"})),
            "config.trading_prefix"
        );
        assert_eq!(
            refused("http", json!({"secret": "whsec_c2hvcnQ="})),
            "config.http_secret"
        );
        let plain = json!({"access": "hash", "hash_key": "k", "merchant_id": "1", "connect_id": "c", "connect_password": "p", "url": "http://x"});
        assert_eq!(refused("gateway", plain), "config.gateway");
    }

    #[test]
    fn secrets_do_not_print() {
        let json = r#"{"database":"d","signing_key":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
            "gateway":{"access":"hash","hash_key":"hash-secret","merchant_id":"1","connect_id":"c","connect_password":"pass-secret"}}"#;
        let printed = format!("{:?}", Config::parse(json).unwrap());
        assert!(!printed.contains("secret\"") && !printed.contains("AAAA"), "{printed}");
    }
}
