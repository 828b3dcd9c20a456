//! What the gateway's codes mean, as data. A code that nobody here knows is kept and shown, never guessed at.

/// What a refusal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// The card company or the gateway said no to this card or payment.
    Declined,
    /// The acquirer did not answer the gateway: the outcome is not known.
    AcquirerSilent,
    /// The payment is in another state than the telegram needs; it may be the echo of our own success.
    Conflict,
    /// A correction that may have stopped half-way: whether there is a new payment, and whether the old one still stands,
    /// has to be asked.
    HalfDone,
    /// The limit in days is past.
    TooLate,
    /// No such payment.
    NotFound,
    /// Several payments fit.
    Ambiguous,
    /// The token was used before: it may be the echo of our own success.
    TokenUsed,
    /// Settings or fields are wrong: for the staff.
    Setup,
    /// Paygent's side is in trouble.
    GatewaySide,
}

const KNOWN: [(&str, Class); 13] = [
    ("2004", Class::Conflict),
    ("2005", Class::Ambiguous),
    ("2006", Class::NotFound),
    ("2007", Class::TooLate),
    ("2008", Class::AcquirerSilent),
    ("2010", Class::HalfDone),
    ("2011", Class::HalfDone),
    ("2012", Class::HalfDone),
    ("2022", Class::TokenUsed),
    ("31005", Class::TokenUsed),
    ("13001", Class::NotFound),
    ("13002", Class::Ambiguous),
    ("P026", Class::NotFound),
];

/// The class of a `response_code`.
pub(crate) fn class(code: &str) -> Class {
    if let Some((_, class)) = KNOWN.iter().find(|(known, _)| *known == code) {
        return *class;
    }
    let is_9xxx = code.len() == 4 && code.starts_with('9');
    match code.chars().next() {
        Some('E') => Class::GatewaySide,
        _ if is_9xxx => Class::GatewaySide,
        Some('P') => Class::Setup,
        _ => Class::Declined,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_family_has_its_class() {
        let table = [
            ("2001", Class::Declined),
            ("1G12", Class::Declined),
            ("2008", Class::AcquirerSilent),
            ("2004", Class::Conflict),
            ("2007", Class::TooLate),
            ("2010", Class::HalfDone),
            ("2014", Class::Declined),
            ("13001", Class::NotFound),
            ("13002", Class::Ambiguous),
            ("2022", Class::TokenUsed),
            ("P011", Class::Setup),
            ("E002", Class::GatewaySide),
            ("9005", Class::GatewaySide),
            ("93001", Class::Declined),
            ("", Class::Declined),
        ];
        for (code, wanted) in table {
            assert_eq!(class(code), wanted, "{code}");
        }
    }
}
