//! The gateway's part of the configuration: which Paygent, and which merchant.

use std::path::PathBuf;

use schemars::JsonSchema;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

/// Which of Paygent's hosts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Environment {
    /// Nothing that happens here moves money.
    #[default]
    Sandbox,
    /// Real money.
    Production,
}

/// How the merchant proves who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Access {
    /// A client certificate, on `/n/`.
    #[default]
    Certificate,
    /// A hash over each telegram, on `/s/`.
    Hash,
}

/// The merchant's account and how it is reached.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    /// `sandbox` (default) or `production`.
    #[serde(default)]
    environment: Environment,
    /// `certificate` (default) or `hash`.
    #[serde(default)]
    pub(super) access: Access,
    /// Another host than Paygent's: `https://host:port`.
    #[serde(default)]
    url: Option<String>,
    pub(super) merchant_id: String,
    pub(super) connect_id: String,
    #[schemars(with = "String")]
    pub(super) connect_password: SecretString,
    /// PEM file: the certificate, then its encrypted key.
    #[serde(default)]
    pub(super) certificate: Option<PathBuf>,
    /// Of the key; `changeit` by custom.
    #[serde(default = "passphrase")]
    #[schemars(with = "String")]
    pub(super) passphrase: SecretString,
    /// PEM file of the authorities that the host's certificate must come from; the system's otherwise.
    #[serde(default)]
    pub(super) authorities: Option<PathBuf>,
    /// For `hash`.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub(super) hash_key: Option<SecretString>,
    /// For the token script in the shopper's browser; not a secret.
    #[serde(default)]
    token_key: String,
    /// Another token script than Paygent's.
    #[serde(default)]
    token_script_url: Option<String>,
    /// マーチャントID of the link type; `merchant_id` by default.
    #[serde(default)]
    link_merchant_id: Option<String>,
    /// The key of the `hc` of the link type.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub(super) link_key: Option<SecretString>,
    /// Where orders of the link type are posted, if not at Paygent's: `https://host:port/path`.
    #[serde(default)]
    link_url: Option<String>,
    /// `scheme://host[:port]` of the pages that the link type leads to; any host of paygent.co.jp by default.
    #[serde(default)]
    link_pages: Option<String>,
    /// Seconds for connecting and the TLS handshake; 5 by default.
    #[serde(default = "connect_timeout")]
    pub(super) connect_timeout_secs: u32,
    /// Seconds for everything after that; 35 by default.
    #[serde(default = "timeout")]
    pub(super) timeout_secs: u32,
}

/// The account without its secrets.
pub(crate) struct Shown<'a> {
    pub(crate) connect_id: &'a str,
    pub(crate) access: &'static str,
    pub(crate) host: &'a str,
    /// The certificate's path; empty where there is none.
    pub(crate) certificate: String,
    pub(crate) has_hash_key: bool,
    pub(crate) has_link_key: bool,
    pub(crate) timeout_secs: u32,
}

fn passphrase() -> SecretString {
    "changeit".into()
}

fn connect_timeout() -> u32 {
    5
}

fn timeout() -> u32 {
    35
}

impl Settings {
    /// Refuses what contradicts itself.
    pub(crate) fn check(&self) -> Result<(), String> {
        if self.access == Access::Certificate && self.certificate.is_none() {
            return Err("gateway.access `certificate` needs gateway.certificate".to_owned());
        }
        if self.access == Access::Hash && self.hash_key.is_none() {
            return Err("gateway.access `hash` needs gateway.hash_key".to_owned());
        }
        if !self.host().starts_with("https://") {
            return Err("gateway.url must begin with https://".to_owned());
        }
        for (name, key) in [("hash_key", &self.hash_key), ("link_key", &self.link_key)] {
            if key.as_ref().is_some_and(|key| key.expose_secret().trim().is_empty()) {
                return Err(format!("gateway.{name} is empty: leave it out, or name the key"));
            }
        }
        if !self.link_url().starts_with("https://") {
            return Err("gateway.link_url must begin with https://".to_owned());
        }
        let pages = self.link_pages.as_deref();
        if pages.is_some_and(|pages| origin(pages) != Some(pages)) {
            return Err("gateway.link_pages must be scheme://host[:port] and nothing more".to_owned());
        }
        if self.timeout_secs == 0 || self.connect_timeout_secs == 0 {
            return Err("gateway time-outs are at least one second".to_owned());
        }
        Ok(())
    }

    /// The longest that a telegram can be under way, in seconds.
    pub(crate) fn longest_secs(&self) -> u32 {
        self.connect_timeout_secs.saturating_add(self.timeout_secs)
    }

    /// Which account of which Paygent: payments of another one are left alone.
    pub(crate) fn account(&self) -> String {
        let environment = match self.environment {
            Environment::Sandbox => "sandbox",
            Environment::Production => "production",
        };
        format!("{environment}:{}", self.merchant_id)
    }

    /// What a page may show of the account.
    pub(crate) fn shown(&self) -> Shown<'_> {
        Shown {
            connect_id: &self.connect_id,
            access: match self.access {
                Access::Certificate => "certificate",
                Access::Hash => "hash",
            },
            host: self.host(),
            certificate: self
                .certificate
                .as_ref()
                .map(|path| path.display().to_string())
                .unwrap_or_default(),
            has_hash_key: self.hash_key.is_some(),
            has_link_key: self.link_key.is_some(),
            timeout_secs: self.timeout_secs,
        }
    }

    pub(crate) fn merchant_id(&self) -> &str {
        &self.merchant_id
    }

    pub(crate) fn token_key(&self) -> &str {
        &self.token_key
    }

    /// The address of the token script.
    pub(crate) fn token_script(&self) -> &str {
        let own = match self.environment {
            Environment::Sandbox => "https://sandbox.paygent.co.jp/js/PaygentToken.js",
            Environment::Production => "https://token.paygent.co.jp/js/PaygentToken.js",
        };
        self.token_script_url.as_deref().unwrap_or(own)
    }

    /// Nothing here moves money.
    pub(crate) fn is_test(&self) -> bool {
        self.environment == Environment::Sandbox
    }

    /// `seq_merchant_id` of the link type.
    pub(super) fn link_merchant_id(&self) -> &str {
        self.link_merchant_id.as_deref().unwrap_or(&self.merchant_id)
    }

    /// Where orders of the link type are posted.
    pub(super) fn link_url(&self) -> &str {
        let own = match self.environment {
            Environment::Sandbox => "https://sandbox.paygent.co.jp/v/u/request",
            Environment::Production => "https://link.paygent.co.jp/v/u/request",
        };
        self.link_url.as_deref().unwrap_or(own)
    }

    /// An address where Paygent's pages are.
    pub(super) fn is_link_page(&self, url: &str) -> bool {
        let Some(found) = origin(url) else { return false };
        match &self.link_pages {
            Some(pages) => found == pages,
            None => found
                .strip_prefix("https://")
                .is_some_and(|host| host.ends_with(".paygent.co.jp")),
        }
    }

    /// The same as a source of a content policy.
    pub(crate) fn link_pages(&self) -> &str {
        self.link_pages.as_deref().unwrap_or("https://*.paygent.co.jp")
    }

    /// `https://host[:port]`.
    pub(super) fn host(&self) -> &str {
        let own = match self.environment {
            Environment::Sandbox => "https://sandbox.paygent.co.jp",
            Environment::Production => "https://module.paygent.co.jp",
        };
        self.url.as_deref().unwrap_or(own).trim_end_matches('/')
    }
}

/// `scheme://host[:port]` of an address, if it has nothing that hides another host.
fn origin(url: &str) -> Option<&str> {
    let (scheme, rest) = url.split_once("://")?;
    let host = rest.split(['/', '?', '#']).next()?;
    let sound = matches!(scheme, "http" | "https")
        && !host.is_empty()
        && host
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':'));
    sound.then(|| url.get(..scheme.len() + "://".len() + host.len()))?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(more: &str) -> Settings {
        let json = format!(r#"{{"merchant_id":"1","connect_id":"c","connect_password":"p"{more}}}"#);
        serde_json::from_str(&json).unwrap()
    }

    #[test]
    fn a_browser_is_sent_to_paygents_pages_alone() {
        let own = settings("");
        assert!(own.is_link_page("https://link.paygent.co.jp/v/p?x=1"));
        for other in [
            "http://link.paygent.co.jp/",
            "https://paygent.co.jp.example/",
            "https://evilpaygent.co.jp/",
            "https://link.paygent.co.jp@evil.example/",
            "https://evil.example/?.paygent.co.jp",
            "https://evil.example\\.paygent.co.jp/",
            "javascript://link.paygent.co.jp/%0aalert(1)",
            "",
        ] {
            assert!(!own.is_link_page(other), "{other}");
        }
        let simulated = settings(r#","link_pages":"http://127.0.0.1:9080""#);
        assert!(simulated.is_link_page("http://127.0.0.1:9080/link/x"));
        assert!(!simulated.is_link_page("http://127.0.0.1:90801/link/x"));
        assert!(!simulated.is_link_page("https://link.paygent.co.jp/"));
    }
}
