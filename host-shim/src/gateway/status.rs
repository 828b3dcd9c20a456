//! `payment_status` of a card payment, and which telegram may move it where.

use super::refusal::Refusal;

/// Paygent's number for where a payment stands.
pub(crate) type Status = i32;

/// オーソリNG.
pub(crate) const REFUSED: Status = 11;
/// オーソリOK.
pub(crate) const AUTHORISED: Status = 20;
/// オーソリキャンセル.
pub(crate) const VOIDED: Status = 32;
/// 売上.
pub(crate) const CAPTURED: Status = 40;
/// オーソリ期限切れ.
pub(crate) const EXPIRED: Status = 33;
/// 売上, 取消期限切れ.
pub(crate) const PAST_LIMIT: Status = 41;
/// 売上キャンセル.
pub(crate) const SALE_CANCELLED: Status = 60;

/// Days that an authorisation can be captured, and that a sale can be cancelled; the last of them still counts.
pub(crate) const GOOD_FOR_DAYS: i64 = 60;

/// Every status in words, as Paygent Online would list them.
const WORDS: [(Status, &str); 15] = [
    (10, "申込済"),
    (11, "オーソリNG"),
    (13, "3Dセキュア認証中"),
    (14, "3Dセキュア認証済"),
    (15, "申込中断"),
    (20, "オーソリOK"),
    (30, "売上処理中"),
    (31, "オーソリ取消処理中"),
    (32, "オーソリ取消済"),
    (33, "オーソリ期限切れ"),
    (40, "売上済"),
    (41, "売上済（取消期限切れ）"),
    (42, "売上取消処理中"),
    (50, "売上取消処理中"),
    (60, "売上取消済"),
];

/// What a shop asks to be done to a payment that exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    /// 021: the authorisation is given back.
    Void,
    /// 022: the authorised amount is taken.
    Capture,
    /// 023: the sale is given back.
    CancelSale,
    /// 028: the authorisation makes room for a smaller one.
    CorrectAuthorisation,
    /// 029: the sale makes room for a smaller one.
    CorrectSale,
}

impl Operation {
    /// The statuses it is legal on, and the one it leads to.
    fn rule(self) -> (&'static [Status], Status) {
        match self {
            Self::Void => (&[AUTHORISED, 31], VOIDED),
            Self::Capture => (&[AUTHORISED, 30], CAPTURED),
            Self::CancelSale => (&[CAPTURED, 42, 50], SALE_CANCELLED),
            Self::CorrectAuthorisation => (&[AUTHORISED], VOIDED),
            Self::CorrectSale => (&[CAPTURED], SALE_CANCELLED),
        }
    }

    /// Where the payment stands afterwards. Whether Paygent takes a repeat for a success is unknown, so both can be had.
    pub(crate) fn apply(self, status: Status, repeat_succeeds: bool) -> Result<Status, Refusal> {
        let (from, to) = self.rule();
        if from.contains(&status) || (repeat_succeeds && status == to) {
            return Ok(to);
        }
        let too_late = matches!(status, EXPIRED | PAST_LIMIT);
        Err(Refusal::new(if too_late { "2007" } else { "2004" }, ""))
    }
}

/// The status in words.
pub(crate) fn words(status: Status) -> &'static str {
    WORDS
        .iter()
        .find(|(number, _)| *number == status)
        .map_or("不明", |(_, words)| words)
}

/// The status's kind, which colours it on the page: nothing held, held, taken, given back.
pub(crate) fn tone(status: Status) -> &'static str {
    match status {
        11 | 15 | 33 => "bad",
        20 | 30 | 31 => "held",
        40 | 41 | 42 | 50 => "taken",
        _ => "over",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Operation; 5] = [
        Operation::Void,
        Operation::Capture,
        Operation::CancelSale,
        Operation::CorrectAuthorisation,
        Operation::CorrectSale,
    ];

    #[test]
    fn every_status_answers_every_operation_as_the_wire_says() {
        let legal = [
            (Operation::Void, 20, 32),
            (Operation::Void, 31, 32),
            (Operation::Capture, 20, 40),
            (Operation::Capture, 30, 40),
            (Operation::CancelSale, 40, 60),
            (Operation::CancelSale, 42, 60),
            (Operation::CancelSale, 50, 60),
            (Operation::CorrectAuthorisation, 20, 32),
            (Operation::CorrectSale, 40, 60),
        ];
        for operation in ALL {
            for (status, _) in WORDS {
                let led = legal
                    .iter()
                    .find(|(op, from, _)| (*op, *from) == (operation, status))
                    .map(|(_, _, to)| *to);
                let expected = match (led, status) {
                    (Some(to), _) => Ok(to),
                    (None, 33 | 41) => Err(Refusal::new("2007", "")),
                    (None, _) => Err(Refusal::new("2004", "")),
                };
                assert_eq!(operation.apply(status, false), expected, "{operation:?} on {status}");
            }
        }
    }

    #[test]
    fn a_repeat_succeeds_only_where_the_switch_says_so() {
        for (operation, done) in ALL.into_iter().zip([VOIDED, CAPTURED, SALE_CANCELLED]) {
            assert_eq!(operation.apply(done, true), Ok(done));
            assert_eq!(operation.apply(done, false), Err(Refusal::new("2004", "")));
        }
        assert!(
            Operation::Void.apply(CAPTURED, true).is_err(),
            "a switch for repeats does not void a sale"
        );
    }
}
