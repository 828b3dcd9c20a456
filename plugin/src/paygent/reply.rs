//! A telegram that came back: `key=value` lines. Nothing is promised of their order, and nothing here panics on any bytes.

use super::windows_31j;

/// The fields of a reply, in the order in which they came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fields(Vec<(String, String)>);

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
        Self(fields)
    }

    /// The value of a key; the last one where it came several times.
    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.0
            .iter()
            .rev()
            .find(|(name, _)| name == key)
            .map(|(_, value)| value.as_str())
    }

    /// The fields that may be journaled. The gateway masks the card's number itself; page code is too long to keep,
    /// and whoever knows the address of Paygent's page can open it.
    pub(crate) fn masked(&self) -> Vec<(String, String)> {
        const DROPPED: [&str; 4] = ["card_valid_term", "fingerprint", "hc", "url"];
        let kept = |key: &str| !key.ends_with("_html") && !DROPPED.contains(&key);
        self.0.iter().filter(|(key, _)| kept(key)).cloned().collect()
    }
}

/// `response_detail` sometimes stands in double quotes: `"1G12"`.
fn unquoted<'a>(key: &str, value: &'a str) -> &'a str {
    match value.strip_prefix('"').and_then(|value| value.strip_suffix('"')) {
        Some(inner) if key == "response_detail" => inner,
        _ => value,
    }
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

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(body in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = Fields::parse(&body).masked();
        }
    }
}
