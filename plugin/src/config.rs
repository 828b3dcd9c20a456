//! The configuration that a host gives at `paygent_open`. Its secrets do not print.

use std::path::PathBuf;

use base64::Engine as _;
use schemars::JsonSchema;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use crate::paygent;
use crate::reply::Problem;

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
    /// Brands that the contract allows: `visa`, `mastercard`, `jcb`, `amex`, `diners`.
    pub(crate) brands: Vec<String>,
    /// Numbers of instalments offered; none by default.
    pub(crate) instalments: Vec<u8>,
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

impl Default for Urls {
    fn default() -> Self {
        Self {
            shopper: "/paygent".to_owned(),
            staff: "/admin/paygent".to_owned(),
        }
    }
}

impl Default for Card {
    fn default() -> Self {
        let brands = ["visa", "mastercard", "jcb", "amex", "diners"];
        Self {
            brands: brands.map(str::to_owned).to_vec(),
            instalments: Vec::new(),
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
        if config.card.brands.is_empty() {
            return Err(Problem::misuse("config.brands", "name at least one card brand"));
        }
        config
            .gateway
            .check()
            .map_err(|wrong| Problem::misuse("config.gateway", wrong))?;
        if config.quarantine_secs < config.gateway.longest_secs().saturating_add(QUARANTINE_SLACK_SECS) {
            let why = "must be longer than the gateway's time-outs together, by half a minute at least";
            return Err(Problem::misuse("config.quarantine_secs", why));
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
