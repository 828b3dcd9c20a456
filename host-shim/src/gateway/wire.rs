//! The bytes of a telegram and of its answer: Windows-31J, percent-encoded one way, CRLF lines the other.

use encoding_rs::SHIFT_JIS;
use percent_encoding::percent_decode;

/// Fields whose values are never written down.
const MASKED: [&str; 3] = ["connect_password", "hc", "card_token"];

/// The fields of a telegram, in the order they came.
#[derive(Debug, Default)]
pub(crate) struct Fields(Vec<(String, String)>);

impl Fields {
    /// Reads `key=value&…`, from a body or from a query string. Bytes that are no Windows-31J become U+FFFD.
    pub(crate) fn parse(raw: &[u8]) -> Self {
        let pairs = raw.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty());
        Self(
            pairs
                .map(split)
                .map(|(key, value)| (decode(key), decode(value)))
                .collect(),
        )
    }

    /// The same for the telegrams that are written in UTF-8.
    pub(crate) fn parse_utf8(raw: &[u8]) -> Self {
        Self(form_urlencoded(raw))
    }

    /// The value, or nothing when the field is missing or empty. The last one wins.
    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        let value = self
            .0
            .iter()
            .rev()
            .find(|(name, _)| name == key)
            .map(|(_, value)| value.as_str());
        value.filter(|value| !value.is_empty())
    }

    /// The value, empty when the field is missing.
    pub(crate) fn text(&self, key: &str) -> &str {
        self.get(key).unwrap_or_default()
    }
}

fn form_urlencoded(raw: &[u8]) -> Vec<(String, String)> {
    let text = |encoded: &[u8]| {
        let spaced: Vec<u8> = encoded
            .iter()
            .map(|byte| if *byte == b'+' { b' ' } else { *byte })
            .collect();
        percent_decode(&spaced).decode_utf8_lossy().into_owned()
    };
    raw.split(|byte| *byte == b'&')
        .filter(|pair| !pair.is_empty())
        .map(split)
        .map(|(key, value)| (text(key), text(value)))
        .collect()
}

/// A telegram as it came, byte for byte, but for the values that nobody may read later.
pub(crate) fn masked(raw: &[u8]) -> String {
    let pairs = raw.split(|byte| *byte == b'&').map(|pair| {
        let (key, value) = split(pair);
        let secret = MASKED.contains(&decode(key).as_str()) && !value.is_empty();
        if secret {
            format!("{}=***", String::from_utf8_lossy(key))
        } else {
            String::from_utf8_lossy(pair).into_owned()
        }
    });
    pairs.collect::<Vec<_>>().join("&")
}

fn split(pair: &[u8]) -> (&[u8], &[u8]) {
    let mut halves = pair.splitn(2, |byte| *byte == b'=');
    (halves.next().unwrap_or_default(), halves.next().unwrap_or_default())
}

fn decode(encoded: &[u8]) -> String {
    let spaced: Vec<u8> = encoded
        .iter()
        .map(|byte| if *byte == b'+' { b' ' } else { *byte })
        .collect();
    let bytes: Vec<u8> = percent_decode(&spaced).collect();
    SHIFT_JIS.decode_without_bom_handling(&bytes).0.into_owned()
}

/// An answer: an empty line, `key=value` lines, and perhaps a page at the end.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    lines: Vec<(&'static str, String)>,
}

impl Reply {
    /// `result=0`.
    pub(crate) fn good() -> Self {
        Self {
            lines: vec![("result", "0".to_owned())],
        }
    }

    /// `result=1` and why.
    pub(crate) fn error(code: &str, detail: &str) -> Self {
        let line = |key, value: &str| (key, value.to_owned());
        Self {
            lines: vec![
                line("result", "1"),
                line("response_code", code),
                line("response_detail", detail),
            ],
        }
    }

    /// One more line. A key ending in `_html` has to be the last one: its value starts on the next line.
    pub(crate) fn with(mut self, key: &'static str, value: impl Into<String>) -> Self {
        self.lines.push((key, value.into()));
        self
    }

    /// The text whose Windows-31J bytes are sent.
    pub(crate) fn text(&self) -> String {
        let mut text = String::from("\r\n");
        for (key, value) in &self.lines {
            let page = key.ends_with("_html");
            text.push_str(&if page {
                format!("{key}=\r\n{value}")
            } else {
                format!("{key}={value}\r\n")
            });
        }
        text
    }
}

/// An answer of rows, every cell in double quotes: `"1"` how it went, `"2"` the names, `"3"` a row each, `"4"` how many.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) names: &'static [&'static str],
    pub(crate) rows: Vec<Vec<String>>,
}

impl Table {
    /// The text whose Windows-31J bytes are sent.
    pub(crate) fn text(&self) -> String {
        let mut text = line(["1", "0", "", ""]);
        text.push_str(&line([&["2"], self.names].concat()));
        for row in &self.rows {
            text.push_str(&line(["3"].into_iter().chain(row.iter().map(String::as_str))));
        }
        text.push_str(&line(["4", &self.rows.len().to_string()]));
        text
    }
}

fn line<'a>(cells: impl IntoIterator<Item = &'a str>) -> String {
    let quoted: Vec<String> = cells
        .into_iter()
        .map(|cell| format!("\"{}\"", cell.replace('"', "\"\"")))
        .collect();
    format!("{}\r\n", quoted.join(","))
}

/// Windows-31J bytes.
pub(crate) fn encode(text: &str) -> Vec<u8> {
    SHIFT_JIS.encode(text).0.into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CAPTURED_020: &[u8] = b"merchant_id=10001&connect_id=cid&connect_password=cpw&telegram_version=1.0\
        &telegram_kind=020&trading_id=1001&payment_id=&payment_amount=3300&payment_class=10&3dsecure_ryaku=1\
        &card_token=tok_abc%2F%2B%3D123&security_code_use=1";

    #[test]
    fn the_captured_authorisation_is_read() {
        let fields = Fields::parse(CAPTURED_020);
        assert_eq!(fields.get("card_token"), Some("tok_abc/+=123"));
        assert_eq!(fields.get("payment_amount"), Some("3300"));
        assert_eq!(fields.get("payment_id"), None, "an empty value is as good as none");
        assert_eq!(fields.text("nothing"), "");
    }

    #[test]
    fn windows_31j_is_read_and_a_plus_is_a_space() {
        // 髙 and ① are characters that Shift_JIS lacks and Windows-31J has.
        let fields = Fields::parse(b"name=%83e%83X%83g+%EE%E0%87%40&b=1&b=2");
        assert_eq!(fields.text("name"), "テスト 髙①");
        assert_eq!(fields.text("b"), "2");
    }

    #[test]
    fn secrets_and_tokens_are_not_written_down() {
        let shown = masked(CAPTURED_020);
        assert!(shown.contains("connect_password=***&telegram_version=1.0"), "{shown}");
        assert!(shown.ends_with("&card_token=***&security_code_use=1"), "{shown}");
        assert!(shown.contains("&payment_id=&"), "{shown}");
        assert_eq!(masked(b"%63ard_token=secret"), "%63ard_token=***");
    }

    #[test]
    fn an_answer_begins_with_an_empty_line_and_ends_with_the_page() {
        let reply = Reply::good().with("payment_id", "28569257").with("out_acs_html", "");
        assert_eq!(reply.text(), "\r\nresult=0\r\npayment_id=28569257\r\nout_acs_html=\r\n");
        let reply = Reply::error("2001", "1G12").with("out_acs_html", "<p a=1>\n</p>");
        let expected = "\r\nresult=1\r\nresponse_code=2001\r\nresponse_detail=1G12\r\nout_acs_html=\r\n<p a=1>\n</p>";
        assert_eq!(reply.text(), expected);
    }

    #[test]
    fn every_cell_of_a_row_is_quoted_and_rows_are_counted() {
        let table = Table {
            names: &["a", "b"],
            rows: vec![vec!["1".to_owned(), "x\"y".to_owned()]],
        };
        let expected = "\"1\",\"0\",\"\",\"\"\r\n\"2\",\"a\",\"b\"\r\n\"3\",\"1\",\"x\"\"y\"\r\n\"4\",\"1\"\r\n";
        assert_eq!(table.text(), expected);
    }

    #[test]
    fn an_issuer_is_named_in_half_width_kana_one_byte_each() {
        assert_eq!(encode("issur_name=ﾋﾞｻﾞ"), b"issur_name=\xcb\xde\xbb\xde");
    }
}
