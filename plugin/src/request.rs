//! What a hook is asked: one shape for pages and hooks, over C and HTTP alike. Parsed once, at the door.

use std::collections::BTreeMap;

use base64::Engine as _;
use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::reply::Problem;

/// A request. Every member may be left out; members that nobody knows are ignored.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct Request {
    /// The same id with the same content gets the same final answer and does nothing twice.
    pub(crate) request_id: Option<String>,
    /// HTTP method of a page's request.
    pub(crate) method: String,
    /// Its path below the place where the host mounted the audience's pages, as `/pay/…`.
    pub(crate) path: String,
    /// Its query; a key that came several times has a list.
    pub(crate) query: BTreeMap<String, OneOrMany>,
    /// Its headers, names in lower case.
    pub(crate) headers: BTreeMap<String, String>,
    /// Its body as text.
    pub(crate) body: Option<String>,
    /// Its body where it is not text.
    pub(crate) body_base64: Option<String>,
    /// The address of the TCP peer. Where that is one of `guard.trusted_proxies`, the shopper's is read from
    /// `x-forwarded-for`.
    pub(crate) client_address: Option<String>,
    /// Whose browser asks, as the host knows it.
    pub(crate) shopper: Option<Visitor>,
    /// Where the host mounted the shopper's pages; the configuration's `urls.shopper` otherwise.
    pub(crate) base_url: Option<String>,
    /// Where the host mounted the staff's pages; the configuration's `urls.staff` otherwise.
    pub(crate) staff_url: Option<String>,
    /// `ja` (default) or `en`.
    pub(crate) language: Option<String>,
    /// The nonce of the content security policy that the host sends with the frame around a staff fragment.
    /// Without one the fragment holds no script and still works.
    pub(crate) nonce: Option<String>,
    /// Who works at the staff's screen.
    pub(crate) operator: Option<Operator>,
    /// What the operator may do: `view`, `capture`, `void`, `change`, `settings`. A right that is not named is denied.
    pub(crate) rights: Vec<String>,
    /// The hook's own question.
    pub(crate) data: Option<serde_json::Value>,
}

/// A query value.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl OneOrMany {
    /// The last value.
    pub(crate) fn last(&self) -> Option<&str> {
        match self {
            Self::One(value) => Some(value),
            Self::Many(values) => values.last().map(String::as_str),
        }
    }

    /// One value more.
    pub(crate) fn push(&mut self, value: String) {
        match self {
            Self::One(first) => *self = Self::Many(vec![std::mem::take(first), value]),
            Self::Many(values) => values.push(value),
        }
    }
}

/// A shopper's browser, as the host knows it; nothing here may come from the browser itself. Tries at a card are counted
/// by the ids, of which the plugin keeps keyed hashes.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct Visitor {
    /// The host's id of the session.
    pub(crate) session: Option<String>,
    /// The host's id of the member who is logged in.
    pub(crate) member: Option<String>,
    /// The host has just seen, by a challenge of its own, that this is a person: asked for by the code `guard.challenge`,
    /// and good for this request alone.
    pub(crate) human: bool,
}

/// A member of the shop's staff, as the host knows them.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub(crate) struct Operator {
    /// The host's id of the person.
    pub(crate) id: String,
    /// As shown in the time line.
    #[serde(default)]
    pub(crate) name: String,
}

impl Operator {
    /// As pages and journal name them.
    pub(crate) fn shown(&self) -> &str {
        if self.name.is_empty() { &self.id } else { &self.name }
    }
}

impl Request {
    /// Parses the JSON of a call; an empty text is an empty request.
    pub(crate) fn parse(json: &str) -> Result<Self, Problem> {
        if json.trim().is_empty() {
            return Ok(Self::default());
        }
        // serde would read a struct from an array, too.
        if !json.trim_start().starts_with('{') {
            return Err(Problem::misuse("request.malformed", "a request is a JSON object"));
        }
        serde_json::from_str(json).map_err(|error| Problem::misuse("request.malformed", error.to_string()))
    }

    /// The hook's own question as a typed value.
    pub(crate) fn data<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        let data = self.data.clone().unwrap_or_else(|| serde_json::json!({}));
        serde_json::from_value(data).map_err(|error| Problem::misuse("request.data", error.to_string()))
    }

    /// All values of a query key.
    pub(crate) fn query_all(&self, key: &str) -> Vec<&str> {
        match self.query.get(key) {
            None => Vec::new(),
            Some(OneOrMany::One(value)) => vec![value],
            Some(OneOrMany::Many(values)) => values.iter().map(String::as_str).collect(),
        }
    }

    /// The last value of a query key.
    pub(crate) fn query_one(&self, key: &str) -> Option<&str> {
        self.query_all(key).last().copied()
    }

    /// The fields of a posted form. A field that the page has once and that came twice is refused, never picked from.
    pub(crate) fn form(&self) -> Result<Form, Problem> {
        let raw;
        let bytes = match (&self.body, &self.body_base64) {
            (Some(text), _) => text.as_bytes(),
            (None, Some(base64)) => {
                raw = base64::engine::general_purpose::STANDARD
                    .decode(base64)
                    .map_err(|error| Problem::misuse("request.body_base64", error.to_string()))?;
                &raw
            }
            (None, None) => &[],
        };
        Ok(Form(form_urlencoded::parse(bytes).into_owned().collect()))
    }
}

/// A posted form.
pub(crate) struct Form(Vec<(String, String)>);

impl Form {
    /// All fields, in the order in which they came.
    pub(crate) fn pairs(&self) -> &[(String, String)] {
        &self.0
    }

    /// All values of a field.
    pub(crate) fn all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        self.0
            .iter()
            .filter(move |(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// The only value of a field.
    pub(crate) fn one<'a>(&'a self, name: &str) -> Result<Option<&'a str>, Problem> {
        let mut values = self.all(name);
        match (values.next(), values.next()) {
            (value, None) => Ok(value),
            _ => Err(Problem::misuse(
                "form.doubled",
                format!("the field `{name}` came twice"),
            )),
        }
    }

    /// A field looks like a card number: 13 to 19 digits with a right check digit. The page never sends one.
    pub(crate) fn has_card_number(&self) -> bool {
        self.0.iter().any(|(_, value)| is_card_number(value))
    }
}

fn is_card_number(text: &str) -> bool {
    let digits: Vec<u32> = text
        .chars()
        .filter(|c| !matches!(c, ' ' | '-'))
        .map_while(|c| c.to_digit(10))
        .collect();
    let all = text.chars().filter(|c| !matches!(c, ' ' | '-')).count();
    if digits.len() != all || !(13..=19).contains(&all) {
        return false;
    }
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| match place % 2 {
            0 => *digit,
            _ if *digit > 4 => digit * 2 - 9,
            _ => digit * 2,
        })
        .sum();
    sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_number_is_known_by_its_check_digit() {
        assert!(is_card_number("4111 1111 1111 1111"));
        assert!(is_card_number("378282246310005"));
        assert!(!is_card_number("4111111111111112"));
        assert!(!is_card_number("tok_4111111111111111"));
    }

    #[test]
    fn a_doubled_field_is_refused() {
        let request = Request {
            body: Some("form=a&form=b".into()),
            ..Request::default()
        };
        assert!(request.form().unwrap().one("form").is_err());
    }
}
