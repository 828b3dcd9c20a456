//! Signed tokens for the forms of the plugin's pages: they prove that the plugin drew the form, for whom and when,
//! without a session or a cookie. And a lock for the one secret that has to outlive a request: a card's token while its
//! holder is at the card company's page. And hashes that stand in rows for what the card-testing guard counts by.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use chrono::{DateTime, TimeDelta, Utc};
use hmac::{Hmac, KeyInit as _, Mac as _};
use openssl::symm::{Cipher, decrypt_aead, encrypt_aead};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

use crate::reply::Problem;

/// What a token is for: one made for one purpose is worth nothing for another.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Purpose {
    /// Storing or deleting a member's cards; bound to the member and one form.
    Cards,
    /// Posting a card form; bound to checkout, hold and one form.
    Pay,
    /// 「戻る」; bound to checkout and hold, spent when the hold is closed.
    Back,
    /// A staff member's form; bound to the operator.
    Staff,
    /// The address to which Paygent's page leads after a payment; bound to checkout and attempt.
    LinkPaid,
    /// The same for 「戻る」 there.
    LinkStop,
}

impl Purpose {
    fn name(self) -> &'static str {
        match self {
            Self::Cards => "cards",
            Self::Pay => "pay",
            Self::Back => "back",
            Self::Staff => "staff",
            Self::LinkPaid => "link paid",
            Self::LinkStop => "link stop",
        }
    }
}

/// Signs and checks, and locks away what must not stand in a row as it is.
pub(crate) struct Seal(Hmac<Sha256>);

const NONCE_BYTES: usize = 12;
const TAG_BYTES: usize = 16;

impl Seal {
    /// With the configuration's signing key.
    pub(crate) fn new(key: &[u8]) -> Result<Self, Problem> {
        Hmac::new_from_slice(key)
            .map(Self)
            .map_err(|_| Problem::misuse("config.signing_key", "the signing key cannot be used"))
    }

    /// A token that binds `parts` until `lasts` from `now`.
    pub(crate) fn token(&self, purpose: Purpose, parts: &[&str], now: DateTime<Utc>, lasts: TimeDelta) -> String {
        let until = (now + lasts).timestamp();
        let payload = format!("{until}\n{}", parts.join("\n"));
        format!(
            "{}.{}",
            BASE64.encode(&payload),
            BASE64.encode(self.mac(purpose, &payload))
        )
    }

    /// The parts of a token that was made for this purpose and has not expired.
    pub(crate) fn open(&self, purpose: Purpose, token: &str, now: DateTime<Utc>) -> Option<Vec<String>> {
        let (payload, mac) = token.split_once('.')?;
        let payload = String::from_utf8(BASE64.decode(payload).ok()?).ok()?;
        let mac = BASE64.decode(mac).ok()?;
        if !bool::from(self.mac(purpose, &payload).as_slice().ct_eq(&mac)) {
            return None;
        }
        let mut lines = payload.split('\n');
        let until: i64 = lines.next()?.parse().ok()?;
        (now.timestamp() <= until).then(|| lines.map(str::to_owned).collect())
    }

    /// What proves that an address with these parts is ours, for as long as it means anything.
    pub(crate) fn sign(&self, purpose: Purpose, parts: &[&str]) -> String {
        BASE64.encode(self.mac(purpose, &parts.join("\n")))
    }

    /// `given` is that proof.
    pub(crate) fn is_signed(&self, purpose: Purpose, parts: &[&str], given: &str) -> bool {
        bool::from(self.sign(purpose, parts).as_bytes().ct_eq(given.as_bytes()))
    }

    /// Encrypts a text for a row (AES-256-GCM); `of` is the row that it belongs to, and no other row opens it.
    pub(crate) fn lock(&self, text: &str, of: &str) -> Result<String, Problem> {
        let broken = |error: String| Problem::failed("system.encryption", error);
        let mut nonce = [0_u8; NONCE_BYTES];
        getrandom::fill(&mut nonce).map_err(|error| broken(error.to_string()))?;
        let mut tag = [0_u8; TAG_BYTES];
        let key = self.locking_key();
        let locked = encrypt_aead(
            Cipher::aes_256_gcm(),
            &key,
            Some(&nonce),
            of.as_bytes(),
            text.as_bytes(),
            &mut tag,
        )
        .map_err(|error| broken(error.to_string()))?;
        Ok(BASE64.encode([nonce.as_slice(), &tag, &locked].concat()))
    }

    /// The text that was locked for that row.
    pub(crate) fn unlock(&self, locked: &str, of: &str) -> Option<String> {
        let bytes = BASE64.decode(locked).ok()?;
        let (nonce, rest) = bytes.split_at_checked(NONCE_BYTES)?;
        let (tag, text) = rest.split_at_checked(TAG_BYTES)?;
        let text = decrypt_aead(
            Cipher::aes_256_gcm(),
            &self.locking_key(),
            Some(nonce),
            of.as_bytes(),
            text,
            tag,
        )
        .ok()?;
        String::from_utf8(text).ok()
    }

    /// What stands in a row for a value that must not: the same value of the same kind always reads the same, and without
    /// the signing key nobody counts it back, though addresses are few enough to try them all.
    pub(crate) fn hidden(&self, kind: &str, value: &str) -> String {
        BASE64.encode(self.derived("hidden", kind, value))
    }

    /// What the gateway is told in place of a value that it must not learn: 24 letters and digits, which nobody guesses
    /// without the signing key.
    pub(crate) fn pseudonym(&self, kind: &str, value: &str) -> String {
        const BYTES: usize = 12;
        let derived = self.derived("pseudonym", kind, value);
        derived.iter().take(BYTES).map(|byte| format!("{byte:02x}")).collect()
    }

    fn derived(&self, purpose: &str, kind: &str, value: &str) -> Vec<u8> {
        let mut mac = self.0.clone();
        for part in [purpose, "\0", kind, "\0", value] {
            mac.update(part.as_bytes());
        }
        mac.finalize().into_bytes().to_vec()
    }

    /// A key of its own, derived from the signing key.
    fn locking_key(&self) -> Vec<u8> {
        let mut mac = self.0.clone();
        mac.update(b"lock\0card token at rest");
        mac.finalize().into_bytes().to_vec()
    }

    fn mac(&self, purpose: Purpose, payload: &str) -> Vec<u8> {
        let mut mac = self.0.clone();
        mac.update(purpose.name().as_bytes());
        mac.update(b"\0");
        mac.update(payload.as_bytes());
        mac.finalize().into_bytes().to_vec()
    }
}

/// `N` random bytes in lower-case hex, from the system's generator.
pub(crate) fn random_hex<const N: usize>() -> Result<String, Problem> {
    let mut bytes = [0_u8; N];
    getrandom::fill(&mut bytes)
        .map_err(|error| Problem::failed("system.random", format!("no random numbers: {error}")))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seal() -> Seal {
        Seal::new(&[7; 32]).unwrap()
    }

    #[test]
    fn opens_only_for_its_purpose_and_time() {
        let now = DateTime::UNIX_EPOCH;
        let token = seal().token(Purpose::Back, &["c0ffee", "1"], now, TimeDelta::minutes(30));
        let open = |purpose, at| seal().open(purpose, &token, at);
        assert_eq!(
            open(Purpose::Back, now),
            Some(vec!["c0ffee".to_owned(), "1".to_owned()])
        );
        assert_eq!(open(Purpose::Pay, now), None);
        assert_eq!(open(Purpose::Back, now + TimeDelta::minutes(31)), None);
    }

    #[test]
    fn an_address_is_signed_for_its_purpose_and_parts() {
        let signature = seal().sign(Purpose::LinkPaid, &["c0ffee", "key"]);
        assert!(seal().is_signed(Purpose::LinkPaid, &["c0ffee", "key"], &signature));
        assert!(!seal().is_signed(Purpose::LinkStop, &["c0ffee", "key"], &signature));
        assert!(!seal().is_signed(Purpose::LinkPaid, &["c0ffee", "yek"], &signature));
        assert!(!seal().is_signed(Purpose::LinkPaid, &["c0ffee", "key"], ""));
    }

    #[test]
    fn what_is_locked_opens_for_its_row_alone_and_never_reads_the_same_twice() {
        let locked = seal().lock("tok_secret", "attempt-1").unwrap();
        assert_eq!(seal().unlock(&locked, "attempt-1").as_deref(), Some("tok_secret"));
        assert_eq!(seal().unlock(&locked, "attempt-2"), None);
        assert_eq!(Seal::new(&[8; 32]).unwrap().unlock(&locked, "attempt-1"), None);
        assert_ne!(seal().lock("tok_secret", "attempt-1").unwrap(), locked);
        assert!(!locked.contains("tok") && seal().unlock("short", "attempt-1").is_none());
    }

    #[test]
    fn what_is_hidden_reads_the_same_for_its_kind_and_key_alone() {
        let hidden = seal().hidden("address", "203.0.113.9");
        assert_eq!(seal().hidden("address", "203.0.113.9"), hidden);
        assert_ne!(seal().hidden("session", "203.0.113.9"), hidden);
        assert_ne!(Seal::new(&[8; 32]).unwrap().hidden("address", "203.0.113.9"), hidden);
        assert_eq!(hidden.len(), 43);
    }

    #[test]
    fn a_pseudonym_is_the_same_for_its_value_and_key_alone() {
        let name = seal().pseudonym("customer", "1");
        assert_eq!(seal().pseudonym("customer", "1"), name);
        assert_ne!(seal().pseudonym("customer", "2"), name);
        assert_ne!(Seal::new(&[8; 32]).unwrap().pseudonym("customer", "1"), name);
        assert!(name.len() == 24 && name.chars().all(|c| c.is_ascii_alphanumeric()));
    }

    #[test]
    fn every_edited_token_is_refused() {
        let now = DateTime::UNIX_EPOCH;
        let token = seal().token(Purpose::Pay, &["c0ffee", "1"], now, TimeDelta::minutes(30));
        for place in 0..token.len() {
            let mut bytes = token.clone().into_bytes();
            bytes[place] = if bytes[place] == b'A' { b'B' } else { b'A' };
            let edited = String::from_utf8(bytes).unwrap();
            if edited != token {
                assert_eq!(seal().open(Purpose::Pay, &edited, now), None, "{edited}");
            }
        }
    }
}
