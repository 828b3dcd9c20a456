//! A telegram on its way out: ordered fields, percent-encoded Windows-31J (450 and link type: UTF-8).

use super::windows_31j::{self, Unencodable};

/// The hand-over's kind in the journal. On the wire it has none.
pub(crate) const LINK: &str = "lnk";

/// A field that the wire cannot carry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("field {field}: {source}")]
pub(crate) struct FieldError {
    field: &'static str,
    source: Unencodable,
}

/// Fields in the order in which they are sent.
#[derive(Clone)]
pub(crate) struct Telegram {
    pub(crate) kind: &'static str,
    fields: Vec<(&'static str, String)>,
}

impl Telegram {
    /// A telegram of that kind; the common fields are put before its own when it is sent.
    pub(crate) fn new(kind: &'static str) -> Self {
        Self {
            kind,
            fields: vec![("telegram_kind", kind.to_owned())],
        }
    }

    /// One that carries its own fields alone.
    pub(crate) fn bare(kind: &'static str) -> Self {
        Self {
            kind,
            fields: Vec::new(),
        }
    }

    /// One field more.
    pub(crate) fn with(mut self, field: &'static str, value: impl Into<String>) -> Self {
        self.fields.push((field, value.into()));
        self
    }

    /// One field more, if there is a value.
    pub(crate) fn with_some(self, field: &'static str, value: &str) -> Self {
        if value.is_empty() {
            self
        } else {
            self.with(field, value)
        }
    }

    /// The value of a field; empty where there is none.
    pub(crate) fn value(&self, field: &str) -> &str {
        self.fields
            .iter()
            .find(|(name, _)| *name == field)
            .map_or("", |(_, value)| value)
    }

    /// The fields that may be journaled: neither password nor token nor hash.
    pub(crate) fn masked(&self) -> Vec<(String, String)> {
        const SECRET: [&str; 6] = [
            "card_token",
            "connect_password",
            "hc",
            "term_url",
            "return_url",
            "stop_return_url",
        ];
        // What 450 tells of a person stays out of the journal.
        const PERSONAL: [&str; 11] = [
            "account_",
            "activity_",
            "bill_",
            "cardholder",
            "email",
            "home_",
            "login_",
            "mobile_",
            "password_",
            "purchase_",
            "ship_",
        ];
        let mask = |name: &str, value: &str| {
            if SECRET.contains(&name) || PERSONAL.iter().any(|begin| name.starts_with(begin)) {
                "***".to_owned()
            } else {
                value.to_owned()
            }
        };
        self.fields
            .iter()
            .map(|(name, value)| ((*name).to_owned(), mask(name, value)))
            .collect()
    }

    /// The body: `before`, then the fields.
    pub(crate) fn body(&self, before: &[(&'static str, &str)]) -> Result<String, FieldError> {
        let own = self.fields.iter().map(|(name, value)| (*name, value.as_str()));
        let mut body = String::new();
        for (field, value) in before.iter().copied().chain(own) {
            // 450 and the link type alone are written in UTF-8.
            let bytes = match self.kind {
                "450" | LINK => value.as_bytes().to_vec(),
                _ => windows_31j::encode(value).map_err(|source| FieldError { field, source })?,
            };
            if !body.is_empty() {
                body.push('&');
            }
            body.push_str(field);
            body.push('=');
            body.extend(form_urlencoded::byte_serialize(&bytes));
        }
        Ok(body)
    }
}
