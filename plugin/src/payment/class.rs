//! How a shopper pays a card's bill off (支払区分).

/// A way of paying off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PaymentClass {
    /// 一括
    Once,
    /// ボーナス一括: all of it when the next bonus is paid.
    Bonus,
    /// 分割, in so many parts.
    Instalments(u8),
    /// リボ: so much a month, as agreed with the card company.
    Revolving,
}

impl PaymentClass {
    /// `payment_class` of the wire.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::Once => "10",
            Self::Bonus => "23",
            Self::Instalments(_) => "61",
            Self::Revolving => "80",
        }
    }

    /// `split_count`; 0 where there is none.
    pub(crate) fn split_count(self) -> u8 {
        match self {
            Self::Instalments(count) => count,
            Self::Once | Self::Bonus | Self::Revolving => 0,
        }
    }

    /// The class as rows keep it.
    pub(crate) fn read(code: &str, split_count: i32) -> Option<Self> {
        match (code, u8::try_from(split_count)) {
            ("10", _) => Some(Self::Once),
            ("23", _) => Some(Self::Bonus),
            ("61", Ok(count)) => Some(Self::Instalments(count)),
            ("80", _) => Some(Self::Revolving),
            _ => None,
        }
    }

    /// The class as a form posts it: the code, and `61-3` for three parts.
    pub(crate) fn value(self) -> String {
        match self {
            Self::Instalments(count) => format!("61-{count}"),
            other => other.code().to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_row_keeps_is_read_back() {
        for class in [
            PaymentClass::Once,
            PaymentClass::Bonus,
            PaymentClass::Instalments(24),
            PaymentClass::Revolving,
        ] {
            assert_eq!(
                PaymentClass::read(class.code(), i32::from(class.split_count())),
                Some(class)
            );
        }
        assert_eq!(PaymentClass::read("61", -1), None);
        assert_eq!(PaymentClass::read("21", 0), None, "a class that is not offered here");
    }
}
