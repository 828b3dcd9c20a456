//! Windows-31J, the wire's charset. What it cannot hold is refused by name: a `&#128512;` inside a customer's name
//! would reach the card company.

use encoding_rs::SHIFT_JIS;

/// A character that the wire cannot carry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{character}` (U+{code:04X}) cannot be written in Windows-31J", code = u32::from(*character))]
pub(crate) struct Unencodable {
    pub(crate) character: char,
}

/// The bytes of `text`.
pub(crate) fn encode(text: &str) -> Result<Vec<u8>, Unencodable> {
    let mut bytes = Vec::with_capacity(text.len());
    for character in text.chars() {
        let sent = stand_in(character);
        let mut buffer = [0_u8; 4];
        let (encoded, _, unmappable) = SHIFT_JIS.encode(sent.encode_utf8(&mut buffer));
        if unmappable {
            return Err(Unencodable { character });
        }
        bytes.extend_from_slice(&encoded);
    }
    Ok(bytes)
}

/// The text of `bytes`; what is not Windows-31J becomes U+FFFD, so that a telegram is never dropped for its charset.
pub(crate) fn decode(bytes: &[u8]) -> String {
    SHIFT_JIS.decode_without_bom_handling(bytes).0.into_owned()
}

/// Characters that other systems write for ones that Windows-31J has.
fn stand_in(character: char) -> char {
    match character {
        '〜' => '～',
        '‖' => '∥',
        '—' => '―',
        '¢' => '￠',
        '£' => '￡',
        '¬' => '￢',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_extensions_of_windows_31j_are_there() {
        for (text, bytes) in [
            ("①", &[0x87, 0x40][..]),
            ("髙", &[0xfb, 0xfc]),
            ("﨑", &[0xfa, 0xb1]),
            ("ｱｲｳﾞﾟ", &[0xb1, 0xb2, 0xb3, 0xde, 0xdf]),
            ("〜", &[0x81, 0x60]),
        ] {
            assert_eq!(encode(text).unwrap(), bytes, "{text}");
        }
        assert_eq!(decode(&[0xb1, 0xdf]), "ｱﾟ");
    }

    #[test]
    fn what_it_lacks_is_refused_by_name() {
        for character in ['😀', '𠮷', 'é'] {
            assert_eq!(encode(&format!("会員{character}")), Err(Unencodable { character }));
        }
    }
}
