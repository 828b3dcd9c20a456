//! CSV for spreadsheets: quoted cells, CRLF, and no cell that a spreadsheet takes for a formula.

use encoding_rs::SHIFT_JIS;

/// How the file's characters are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Charset {
    /// UTF-8 with a byte order mark, without which spreadsheets guess wrongly.
    Utf8,
    /// Windows-31J, what older Japanese software reads.
    Windows31J,
}

impl Charset {
    /// Its name in headers.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Utf8 => "utf-8",
            Self::Windows31J => "windows-31j",
        }
    }
}

/// What stands before the first line.
pub(crate) fn csv_begin(charset: Charset) -> Vec<u8> {
    match charset {
        Charset::Utf8 => b"\xef\xbb\xbf".to_vec(),
        Charset::Windows31J => Vec::new(),
    }
}

/// One line.
pub(crate) fn csv_line(charset: Charset, cells: &[String]) -> Vec<u8> {
    let quoted: Vec<String> = cells
        .iter()
        .map(|text| format!("\"{}\"", harmless(text).replace('"', "\"\"")))
        .collect();
    let line = quoted.join(",") + "\r\n";
    match charset {
        Charset::Utf8 => line.into_bytes(),
        Charset::Windows31J => windows_31j(&line),
    }
}

/// A spreadsheet reads a cell that begins with such a sign, half or full width, as a formula: an apostrophe before it makes
/// it text.
fn harmless(text: &str) -> String {
    const SIGNS: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];
    if text.trim_start_matches([' ', '\u{3000}']).starts_with(SIGNS) {
        format!("'{text}")
    } else {
        text.to_owned()
    }
}

/// Characters that Windows-31J does not have become 〓, the mark that Japanese print uses for a missing one.
fn windows_31j(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut small = [0_u8; 4];
    for c in text.chars() {
        let (encoded, _, missing) = SHIFT_JIS.encode(c.encode_utf8(&mut small));
        if missing {
            bytes.extend_from_slice(&SHIFT_JIS.encode("〓").0);
        } else {
            bytes.extend_from_slice(&encoded);
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(charset: Charset, cell: &str) -> Vec<u8> {
        csv_line(charset, &[cell.to_owned()])
    }

    #[test]
    fn no_cell_is_a_formula() {
        for evil in [
            "=1+1",
            "+1",
            "-1",
            "@SUM(A1)",
            " =1",
            "＝1",
            "\t=1",
            "＠x",
            "\u{3000}=1",
            "\n=1",
        ] {
            let told = String::from_utf8(line(Charset::Utf8, evil)).unwrap();
            assert!(told.starts_with("\"'"), "{told}");
        }
        assert_eq!(line(Charset::Utf8, "a-b=c"), b"\"a-b=c\"\r\n");
    }

    #[test]
    fn quotes_and_line_breaks_stay_inside_their_cell() {
        assert_eq!(line(Charset::Utf8, "a\"b\nc,d"), b"\"a\"\"b\nc,d\"\r\n");
    }

    #[test]
    fn what_windows_31j_lacks_is_marked_and_nothing_is_lost_beside_it() {
        assert_eq!(line(Charset::Windows31J, "髙橋"), b"\"\xfb\xfc\x8b\xb4\"\r\n");
        assert_eq!(line(Charset::Windows31J, "a😀b"), b"\"a\x81\xacb\"\r\n");
    }
}
