//! A no, as the gateway words it.

use super::wire::Reply;

/// Why a telegram is refused. An empty detail is sent as an empty line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) code: String,
    pub(crate) detail: String,
}

impl Refusal {
    pub(crate) fn new(code: &str, detail: &str) -> Self {
        Self {
            code: code.to_owned(),
            detail: detail.to_owned(),
        }
    }

    /// A field that the shop's server filled in wrongly. Paygent's own numbers are not public; all begin with `P`.
    pub(crate) fn field(detail: &str) -> Self {
        Self::new("P003", detail)
    }

    pub(crate) fn reply(&self) -> Reply {
        Reply::error(&self.code, &self.detail)
    }
}
