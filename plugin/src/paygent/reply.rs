//! A telegram that came back: `key=value` lines, or rows of cells. Nothing is promised of their order, and nothing here
//! panics on any bytes.

use super::windows_31j;

/// The fields of a reply, in the order in which they came.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Fields {
    lines: Vec<(String, String)>,
    /// Of a reply that tells of several things: name and value of each cell, row by row.
    rows: Vec<Vec<(String, String)>>,
}

impl Fields {
    /// Reads a body. Lines without `=` (real replies begin with an empty one) are passed over; the value of a key that
    /// ends in `_html` starts on the next line and runs to the end of the body.
    pub(crate) fn parse(body: &[u8]) -> Self {
        Self::read(&windows_31j::decode(body))
    }

    /// The same for 450, which alone answers in UTF-8.
    pub(crate) fn parse_utf8(body: &[u8]) -> Self {
        Self::read(&String::from_utf8_lossy(body))
    }

    /// The same for 027, which answers in rows: `"1"` how it went, `"2"` the columns' names, `"3"` a row each, `"4"` how
    /// many. What begins otherwise is read as lines.
    pub(crate) fn parse_rows(body: &[u8]) -> Self {
        const HEAD: [&str; 3] = ["result", "response_code", "response_detail"];
        let text = windows_31j::decode(body);
        let table = cells(&text);
        if !table.iter().any(|line| line.first().is_some_and(|kind| kind == "1")) {
            return Self::read(&text);
        }
        let named = |names: &[String], values: &[String]| names.iter().cloned().zip(values.iter().cloned()).collect();
        let mut reply = Self::default();
        let mut columns: &[String] = &[];
        for line in &table {
            match line.split_first().map(|(kind, values)| (kind.as_str(), values)) {
                Some(("1", values)) => reply.lines = named(&HEAD.map(str::to_owned), values),
                Some(("2", names)) => columns = names,
                Some(("3", values)) => reply.rows.push(named(columns, values)),
                Some(("4", [count, ..])) => reply.lines.push(("data_count".to_owned(), count.clone())),
                _ => {}
            }
        }
        reply
    }

    fn read(text: &str) -> Self {
        let mut fields = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let (line, after) = rest.split_once('\n').unwrap_or((rest, ""));
            let line = line.strip_suffix('\r').unwrap_or(line);
            if let Some((key, value)) = line.split_once('=') {
                if key.ends_with("_html") {
                    let html = if value.is_empty() {
                        after
                    } else {
                        rest.get(key.len() + 1..).unwrap_or("")
                    };
                    fields.push((key.to_owned(), html.to_owned()));
                    break;
                }
                fields.push((key.to_owned(), unquoted(key, value).to_owned()));
            }
            rest = after;
        }
        Self {
            lines: fields,
            rows: Vec::new(),
        }
    }

    /// The rows, each a list of names and values.
    pub(crate) fn rows(&self) -> &[Vec<(String, String)>] {
        &self.rows
    }

    /// The value of a key; the last one where it came several times.
    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.lines
            .iter()
            .rev()
            .find(|(name, _)| name == key)
            .map(|(_, value)| value.as_str())
    }

    /// The fields that may be journaled, rows never. The gateway masks the card's number itself; page code is too long to
    /// keep, and whoever knows the address of Paygent's page can open it.
    pub(crate) fn masked(&self) -> Vec<(String, String)> {
        self.lines.iter().filter(|(key, _)| may_be_kept(key)).cloned().collect()
    }
}

/// A field of that name may stand in a row: nothing of the card, no hash, no page.
pub(super) fn may_be_kept(key: &str) -> bool {
    const DROPPED: [&str; 4] = ["card_valid_term", "fingerprint", "hc", "url"];
    !key.ends_with("_html") && !DROPPED.contains(&key)
}

/// `response_detail` sometimes stands in double quotes: `"1G12"`.
fn unquoted<'a>(key: &str, value: &'a str) -> &'a str {
    match value.strip_prefix('"').and_then(|value| value.strip_suffix('"')) {
        Some(inner) if key == "response_detail" => inner,
        _ => value,
    }
}

/// Lines of cells. A cell in double quotes may hold commas, line ends and doubled quotes.
fn cells(text: &str) -> Vec<Vec<String>> {
    let (mut lines, mut line, mut cell) = (Vec::new(), Vec::new(), String::new());
    let mut quoted = false;
    let mut signs = text.chars().peekable();
    while let Some(sign) = signs.next() {
        match sign {
            '"' if quoted && signs.peek() == Some(&'"') => cell.extend(signs.next()),
            '"' => quoted = !quoted,
            ',' if !quoted => line.push(std::mem::take(&mut cell)),
            '\n' if !quoted => {
                line.push(std::mem::take(&mut cell));
                lines.push(std::mem::take(&mut line));
            }
            '\r' if !quoted => {}
            sign => cell.push(sign),
        }
    }
    if !cell.is_empty() || !line.is_empty() {
        line.push(cell);
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn framing_as_captured() {
        let reply = Fields::parse(
            b"\r\nresult=1\r\nresponse_code=2001\r\nresponse_detail=\"1G12\"\r\nnote=a=b \r\nempty=\r\nresult=0\r\n\
              out_acs_html=\r\n<p a=\"b\">\r\nx=y\r\n",
        );
        assert_eq!(reply.get("result"), Some("0"), "the last duplicate wins");
        assert_eq!(reply.get("response_detail"), Some("1G12"));
        assert_eq!(
            reply.get("note"),
            Some("a=b "),
            "split at the first = only, not trimmed"
        );
        assert_eq!(reply.get("empty"), Some(""));
        assert_eq!(reply.get("out_acs_html"), Some("<p a=\"b\">\r\nx=y\r\n"));
        assert_eq!(reply.get("x"), None);
    }

    #[test]
    fn half_width_kana_is_read() {
        let reply = Fields::parse(b"issur_name=\xd0\xc2\xb2\xbd\xd0\xc4\xd3\r\n");
        assert_eq!(reply.get("issur_name"), Some("ﾐﾂｲｽﾐﾄﾓ"));
    }

    #[test]
    fn rows_are_read_by_their_names() {
        let reply = Fields::parse_rows(
            b"\"1\",\"0\",\"\",\"\"\r\n\"2\",\"customer_card_id\",\"name\"\r\n\"3\",\"7\",\"A \"\"B\"\", C=D\"\r\n\"4\",\"1\"\r\n",
        );
        assert_eq!((reply.get("result"), reply.get("data_count")), (Some("0"), Some("1")));
        let row = [("customer_card_id", "7"), ("name", "A \"B\", C=D")];
        assert_eq!(
            reply.rows(),
            [row.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec()]
        );
        assert!(
            !reply.masked().iter().any(|(name, _)| name == "name"),
            "rows are never journaled"
        );
        let refused = Fields::parse_rows(b"\"1\",\"1\",\"P026\",\"x\"\r\n");
        assert_eq!(
            (refused.get("result"), refused.get("response_code")),
            (Some("1"), Some("P026"))
        );
        assert_eq!(
            Fields::parse_rows(b"\r\nresult=1\r\nresponse_code=P026\r\n").get("response_code"),
            Some("P026")
        );
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(body in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = Fields::parse(&body).masked();
            let _ = Fields::parse_rows(&body).rows();
        }
    }
}
