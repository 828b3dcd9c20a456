//! Switches for what Paygent leaves open, and for what a test wants otherwise. They last as long as the process.

use serde::{Deserialize, Serialize};

/// How far a correction of an amount gets before it fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum CorrectionFault {
    /// It does not fail.
    #[serde(rename = "none")]
    None,
    /// There is no new payment, and the old one stays.
    #[serde(rename = "2010")]
    NothingDone,
    /// There is a new payment beside the old one.
    #[serde(rename = "2011")]
    OldStaysToo,
    /// All was done, and yet it is told as a failure.
    #[serde(rename = "2012")]
    DoneButRefused,
}

/// `GET` and `POST /control/settings`; what a `POST` does not name keeps its value.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    /// A repeated 021, 022 or 023 answers success, not 2004.
    pub(crate) repeat_succeeds: bool,
    /// A refused 020 names the payment id of its record.
    pub(crate) refusals_carry_payment_id: bool,
    /// Brands that the merchant's contract covers (R3).
    pub(crate) brands: Vec<String>,
    /// A refused 020 is a notice, too. Whether Paygent tells of it is unknown.
    pub(crate) refusals_are_noticed: bool,
    /// Where notices are pushed to; nowhere while it is empty.
    pub(crate) notice_url: String,
    /// How often each is pushed, although the shop answers as it should.
    pub(crate) notice_repeats: u32,
    /// The newest is pushed first.
    pub(crate) notice_disorder: bool,
    /// How long after it was made a notice is pushed.
    pub(crate) notice_delay_ms: u32,
    /// How long a token can be used.
    pub(crate) token_lifetime_secs: i64,
    /// The way back from the link page carries `result` and `trading_id`, which nobody may rely on.
    pub(crate) link_return_carries_result: bool,
    /// What every 028 and 029 comes to.
    pub(crate) correction_fault: CorrectionFault,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            repeat_succeeds: false,
            refusals_carry_payment_id: true,
            brands: ["visa", "mastercard", "jcb", "amex", "diners"]
                .map(str::to_owned)
                .to_vec(),
            refusals_are_noticed: false,
            notice_url: String::new(),
            notice_repeats: 1,
            notice_disorder: false,
            notice_delay_ms: 0,
            token_lifetime_secs: 20 * 60,
            link_return_carries_result: false,
            correction_fault: CorrectionFault::None,
        }
    }
}

impl Settings {
    /// These settings with the named ones replaced.
    pub(crate) fn changed(&self, change: serde_json::Map<String, serde_json::Value>) -> serde_json::Result<Self> {
        let mut all = serde_json::to_value(self)?;
        if let Some(fields) = all.as_object_mut() {
            fields.extend(change);
        }
        serde_json::from_value(all)
    }
}
