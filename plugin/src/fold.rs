//! Text as it is searched: width, kana, case and spaces folded away, on both sides of the comparison.

use unicode_normalization::UnicodeNormalization as _;

/// Half and full width become one (NFKC), hiragana becomes katakana, upper case lower, spaces go.
pub(crate) fn fold(text: &str) -> String {
    text.nfkc()
        .filter(|c| !c.is_whitespace())
        .flat_map(char::to_lowercase)
        .map(to_katakana)
        .collect()
}

/// Full-width letters and digits as half-width ones (NFKC); all else stays as it is typed.
pub(crate) fn width(text: &str) -> String {
    text.nfkc().collect()
}

/// The pairs of neighbouring characters of a folded text, as words that an index takes whatever the characters are.
pub(crate) fn pairs(folded: &str) -> Vec<String> {
    let word = |(one, next): (char, char)| format!("{:06x}{:06x}", u32::from(one), u32::from(next));
    folded.chars().zip(folded.chars().skip(1)).map(word).collect()
}

/// The digits of a phone number; empty where the text holds anything that a phone number does not.
pub(crate) fn phone_digits(text: &str) -> String {
    let folded: String = text.nfkc().filter(|c| !c.is_whitespace()).collect();
    let is_mark = |c: char| matches!(c, '-' | '−' | '‐' | '–' | 'ー' | '(' | ')' | '+' | '.');
    if folded.chars().all(|c| c.is_ascii_digit() || is_mark(c)) {
        folded.chars().filter(char::is_ascii_digit).collect()
    } else {
        String::new()
    }
}

fn to_katakana(c: char) -> char {
    const FROM_HIRAGANA: u32 = 0x60;
    match c {
        'ぁ'..='ゖ' => char::from_u32(u32::from(c) + FROM_HIRAGANA).unwrap_or(c),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_as_displayed_is_found_however_it_is_typed() {
        for typed in ["テスト 会員", "テスト会員", "てすと　会員", "ﾃｽﾄ 会員"] {
            assert_eq!(fold(typed), "テスト会員", "{typed}");
        }
        assert_eq!(fold("ＡＢＣ"), "abc");
    }

    #[test]
    fn pairs_are_words_without_signs() {
        assert_eq!(pairs("田"), [""; 0]);
        assert_eq!(pairs("田中%"), ["007530004e2d".to_owned(), "004e2d000025".to_owned()]);
    }

    #[test]
    fn a_phone_number_is_its_digits() {
        assert_eq!(phone_digits("０３-1234-5678"), "0312345678");
        assert_eq!(phone_digits("(03) 1234 5678"), "0312345678");
        assert_eq!(phone_digits("会員1"), "");
    }
}
