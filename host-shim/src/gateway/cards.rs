//! Test cards: what each number makes the simulator do. The table is shown at `/cards`.

/// What happens when a shop authorises with the card.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Script {
    /// The card is good.
    Approve,
    /// The card is refused with this detail, exactly as the wire carries it (sometimes in double quotes).
    Refuse(&'static str),
    /// The acquirer answers too late (2008), yet holds the money.
    TimeoutApproved,
    /// The acquirer answers too late (2008) and holds nothing.
    TimeoutRefused,
    /// Approved; the answer takes five seconds.
    Slow,
    /// Approved; the connection closes without a byte.
    AnswerLost,
    /// The connection closes before anything is done.
    RequestLost,
    /// Approved; the answer cannot be read.
    Garbage,
    /// Approved; the answer ends in the middle.
    Cut,
    /// HTTP status 500, nothing done.
    Http500,
    /// A good card; this happens in 3-D Secure. Any other card is known to its issuer and asked nothing.
    ThreeDs(ThreeDs),
    /// Good the first time; refused when a later authorisation names it by `ref_trading_id`.
    RefusedByReference(&'static str),
}

/// What happens in EMV 3-D Secure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ThreeDs {
    /// The issuer asks nothing.
    Frictionless,
    /// The issuer asks for a password.
    Challenge,
    /// The issuer says no.
    Refused,
    /// Only tried: the issuer or the card has no 3-D Secure (attempt_kbn 1).
    Attempt,
    /// The holder does nothing; Paygent itself comes back to the shop, without a browser.
    TimedOut,
    /// Something fails on the card company's side.
    Error,
    /// 450 answers 31012: a brand without 3-D Secure.
    NotOffered,
    /// 450 answers 31007: refused.
    Denied,
}

/// One row of the table.
#[derive(Debug)]
pub(crate) struct Card {
    pub(crate) number: &'static str,
    /// What tokens and payments remember in place of the number.
    pub(crate) key: &'static str,
    pub(crate) script: Script,
    pub(crate) ja: &'static str,
    pub(crate) en: &'static str,
}

const fn card(number: &'static str, key: &'static str, script: Script, ja: &'static str, en: &'static str) -> Card {
    Card {
        number,
        key,
        script,
        ja,
        en,
    }
}

/// The scripted cards. Any other number that passes its check digit is a good card of its brand.
pub(crate) const CARDS: [Card; 32] = [
    card(
        "4111111111111111",
        "visa",
        Script::Approve,
        "承認（VISA）",
        "approved (VISA)",
    ),
    card(
        "4012888888881881",
        "visa_2",
        Script::Approve,
        "承認（VISA、2枚目）",
        "approved (VISA, a second card)",
    ),
    card(
        "5555555555554444",
        "mastercard",
        Script::Approve,
        "承認（MasterCard）",
        "approved (MasterCard)",
    ),
    card(
        "3530111333300000",
        "jcb",
        Script::Approve,
        "承認（JCB）",
        "approved (JCB)",
    ),
    card(
        "378282246310005",
        "amex",
        Script::Approve,
        "承認（AMEX）",
        "approved (AMEX)",
    ),
    card(
        "30569309025904",
        "diners",
        Script::Approve,
        "承認（Diners）",
        "approved (Diners)",
    ),
    card(
        "6011111111111117",
        "discover",
        Script::Approve,
        "取り扱いのないブランド（初期設定では拒否）",
        "a brand outside the contract (refused unless the settings accept it)",
    ),
    card(
        "4000000000001125",
        "1G12",
        Script::Refuse("1G12"),
        "カード使用不可",
        "card cannot be used",
    ),
    card(
        "4000000000001307",
        "1G30",
        Script::Refuse("\"1G30\""),
        "取引判定保留",
        "referral (detail in double quotes)",
    ),
    card(
        "4000000000001448",
        "1G44",
        Script::Refuse("1G44"),
        "セキュリティコード誤り",
        "security code wrong",
    ),
    card(
        "4000000000001547",
        "1G54",
        Script::Refuse("1G54"),
        "1日の利用回数超過",
        "daily limit of uses",
    ),
    card(
        "4000000000001604",
        "1G60",
        Script::Refuse("1G60"),
        "事故カード",
        "lost or stolen card",
    ),
    card(
        "4000000000001653",
        "1G65",
        Script::Refuse("1G65"),
        "カード番号誤り",
        "card number wrong",
    ),
    card(
        "4000000000001836",
        "1G83",
        Script::Refuse("1G83"),
        "有効期限誤り",
        "expiry date wrong",
    ),
    card(
        "4000000000020018",
        "2001",
        Script::Refuse(""),
        "与信拒否（2001のみ、詳細なし）",
        "refused (2001 without a detail)",
    ),
    card(
        "4000000000200818",
        "2008_approved",
        Script::TimeoutApproved,
        "2008 応答時間超過（与信は成立）",
        "2008 time-out at the acquirer, authorised all the same",
    ),
    card(
        "4000000000200800",
        "2008_refused",
        Script::TimeoutRefused,
        "2008 応答時間超過（与信は不成立）",
        "2008 time-out at the acquirer, not authorised",
    ),
    card(
        "4000000000900011",
        "slow",
        Script::Slow,
        "承認（応答まで5秒）",
        "approved, answers after five seconds",
    ),
    card(
        "4000000000900029",
        "answer_lost",
        Script::AnswerLost,
        "与信後に応答が失われる",
        "authorised, then the answer is lost",
    ),
    card(
        "4000000000900037",
        "request_lost",
        Script::RequestLost,
        "処理前に通信断",
        "connection lost before anything is done",
    ),
    card(
        "4000000000900045",
        "garbage",
        Script::Garbage,
        "与信後に解読できない応答",
        "authorised, then an unreadable answer",
    ),
    card(
        "4000000000900052",
        "cut",
        Script::Cut,
        "与信後に途中で切れる応答",
        "authorised, then an answer cut in the middle",
    ),
    card(
        "4000000000905002",
        "http_500",
        Script::Http500,
        "HTTP 500（処理なし）",
        "HTTP 500, nothing done",
    ),
    card(
        "4000000000900060",
        "reference_refused",
        Script::RefusedByReference("1G54"),
        "初回は承認、金額変更（ref_trading_id）で拒否",
        "approved at first, refused when the amount is changed (ref_trading_id)",
    ),
    card(
        "4000000000003006",
        "3ds_challenge",
        Script::ThreeDs(ThreeDs::Challenge),
        "3Dセキュア：パスワード入力（1234で成功）",
        "3-D Secure: asks for a password (1234 is right)",
    ),
    card(
        "4000000000003014",
        "3ds_refused",
        Script::ThreeDs(ThreeDs::Refused),
        "3Dセキュア：認証失敗",
        "3-D Secure: authentication refused",
    ),
    card(
        "4000000000003022",
        "3ds_attempt",
        Script::ThreeDs(ThreeDs::Attempt),
        "3Dセキュア：未登録カード（アテンプト）",
        "3-D Secure: only attempted (card not enrolled)",
    ),
    card(
        "4000000000003030",
        "3ds_timeout",
        Script::ThreeDs(ThreeDs::TimedOut),
        "3Dセキュア：時間切れ（ブラウザなしで戻る）",
        "3-D Secure: timed out, comes back without a browser",
    ),
    card(
        "4000000000003048",
        "3ds_error",
        Script::ThreeDs(ThreeDs::Error),
        "3Dセキュア：カード会社側のエラー",
        "3-D Secure: error at the card company",
    ),
    card(
        "4000000000003055",
        "3ds_not_offered",
        Script::ThreeDs(ThreeDs::NotOffered),
        "3Dセキュア：ブランド対象外（31012）",
        "3-D Secure: brand without it (31012)",
    ),
    card(
        "4000000000003063",
        "3ds_denied",
        Script::ThreeDs(ThreeDs::Denied),
        "3Dセキュア：拒否（31007）",
        "3-D Secure: denied (31007)",
    ),
    card(
        "5200000000001005",
        "1G55",
        Script::Refuse("1G55"),
        "1日の利用金額超過（MasterCard）",
        "daily limit of money (MasterCard)",
    ),
];

/// The key of a good card that is not in the table.
pub(crate) const OTHER: &str = "other";

/// The row of a number.
pub(crate) fn by_number(number: &str) -> Option<&'static Card> {
    CARDS.iter().find(|card| card.number == number)
}

/// What a remembered key makes happen.
pub(crate) fn script(key: &str) -> Script {
    CARDS
        .iter()
        .find(|card| card.key == key)
        .map_or(Script::Approve, |card| card.script)
}

/// The brand by the number's first digits.
pub(crate) fn brand(number: &str) -> &'static str {
    let head = |digits: usize| {
        number
            .get(..digits)
            .and_then(|head| head.parse::<u32>().ok())
            .unwrap_or(0)
    };
    match (head(1), head(2), head(3), head(4)) {
        (4, ..) => "visa",
        (_, 51..=55, ..) | (_, _, _, 2221..=2720) => "mastercard",
        (_, _, _, 3528..=3589) => "jcb",
        (_, 34 | 37, ..) => "amex",
        (_, 36 | 38 | 39, ..) | (_, _, 300..=305 | 309, _) => "diners",
        (_, 65, ..) | (_, _, 644..=649, _) | (_, _, _, 6011) => "discover",
        (_, 62, ..) => "unionpay",
        _ => "unknown",
    }
}

/// The brand as people write it.
pub(crate) fn brand_name(brand: &str) -> &str {
    match brand {
        "visa" => "VISA",
        "mastercard" => "MasterCard",
        "jcb" => "JCB",
        "amex" => "AMEX",
        "diners" => "Diners",
        "discover" => "Discover",
        "unionpay" => "UnionPay",
        other => other,
    }
}

/// The number's last digit fits the others (ISO/IEC 7812, Luhn).
pub(crate) fn check_digit_fits(number: &str) -> bool {
    let sum: u32 = number
        .bytes()
        .rev()
        .zip([1, 2].into_iter().cycle())
        .map(|(digit, weight)| {
            let product = u32::from(digit.wrapping_sub(b'0')) * weight;
            product / 10 + product % 10
        })
        .sum();
    number.bytes().all(|digit| digit.is_ascii_digit()) && sum.is_multiple_of(10)
}

/// All but the last four digits hidden, e.g. `************1881`.
pub(crate) fn masked(number: &str) -> String {
    let hidden = number.len().saturating_sub(4);
    format!("{}{}", "*".repeat(hidden), number.get(hidden..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_a_well_formed_card_and_stands_for_itself() {
        for (place, row) in CARDS.iter().enumerate() {
            assert!(check_digit_fits(row.number), "{}", row.number);
            assert_ne!(brand(row.number), "unknown", "{}", row.number);
            let twin = CARDS
                .iter()
                .skip(place + 1)
                .find(|other| other.number == row.number || other.key == row.key);
            assert!(twin.is_none(), "{twin:?}");
        }
        assert!(!check_digit_fits("4111111111111112"));
    }

    #[test]
    fn r03_the_five_brands_are_told_apart() {
        for key in ["visa", "mastercard", "jcb", "amex", "diners", "discover"] {
            let row = CARDS.iter().find(|card| card.key == key).unwrap();
            assert_eq!(brand(row.number), key);
        }
    }

    #[test]
    fn only_the_last_four_digits_stay_readable() {
        assert_eq!(masked("4012888888881881"), "************1881");
        assert_eq!(masked("378282246310005"), "***********0005");
    }
}
