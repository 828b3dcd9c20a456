//! Brands of cards, by the names that settings, scripts and people have for them.

use serde::Serialize;

/// A brand that the contract allows.
#[derive(Serialize)]
pub(crate) struct Brand {
    id: String,
    name: &'static str,
}

impl Brand {
    /// By its name in the configuration; `None` where the page does not know it.
    pub(crate) fn of(id: &str) -> Option<Self> {
        const NAMES: [(&str, &str); 5] = [
            ("visa", "VISA"),
            ("mastercard", "Mastercard"),
            ("jcb", "JCB"),
            ("amex", "AMEX"),
            ("diners", "Diners Club"),
        ];
        NAMES.iter().find(|(known, _)| *known == id).map(|(id, name)| Self {
            id: (*id).to_owned(),
            name,
        })
    }

    /// The name in the configuration of what the gateway calls a brand; empty where it is none of those.
    pub(super) fn id_of(told: &str) -> &'static str {
        const TOLD: [(&str, &str); 5] = [
            ("visa", "visa"),
            ("master", "mastercard"),
            ("jcb", "jcb"),
            ("am", "amex"),
            ("diners", "diners"),
        ];
        let told = told.to_ascii_lowercase();
        TOLD.iter()
            .find(|(begin, _)| told.starts_with(begin))
            .map_or("", |(_, id)| id)
    }
}
