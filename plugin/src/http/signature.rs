//! Signed host calls, in the form of Standard Webhooks: `webhook-id`, `webhook-timestamp` (Unix seconds) and
//! `webhook-signature` (`v1,` and Base64 of HMAC-SHA256 over `id.timestamp.body`; several, divided by spaces).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

use crate::reply::Problem;

/// A call's headers and body.
pub(super) struct Signed<'a> {
    pub(super) id: &'a str,
    pub(super) timestamp: &'a str,
    pub(super) signatures: &'a str,
    pub(super) body: &'a [u8],
}

/// Refuses a call that the holder of `secret` did not sign within five minutes of `now`.
pub(super) fn check(secret: &[u8], signed: &Signed<'_>, now: DateTime<Utc>) -> Result<(), Problem> {
    const TOLERANCE_SECS: i64 = 300;
    let refuse = |code, why: &str| Err(Problem::refused(code, why));
    if signed.id.is_empty() || signed.id.len() > 128 {
        return refuse("signature.id", "webhook-id is missing or too long");
    }
    let Ok(at) = signed.timestamp.parse::<i64>() else {
        return refuse("signature.timestamp", "webhook-timestamp is not a Unix time");
    };
    if now.timestamp().abs_diff(at) > TOLERANCE_SECS.unsigned_abs() {
        return refuse("signature.timestamp", "webhook-timestamp is more than five minutes off");
    }
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret) else {
        return refuse("signature.secret", "the secret cannot be used");
    };
    mac.update(format!("{}.{}.", signed.id, signed.timestamp).as_bytes());
    mac.update(signed.body);
    let wanted = mac.finalize().into_bytes();
    let fits = |one: &str| {
        let given = one.strip_prefix("v1,").and_then(|base64| BASE64.decode(base64).ok());
        given.is_some_and(|given| bool::from(wanted.as_slice().ct_eq(&given)))
    };
    if signed.signatures.split(' ').any(fits) {
        Ok(())
    } else {
        refuse("signature.wrong", "webhook-signature does not fit")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vector that the Standard Webhooks libraries share.
    const SECRET: &str = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const AT: i64 = 1_614_265_330;

    fn vector() -> Signed<'static> {
        Signed {
            id: "msg_p5jXN8AQM9LWM0D4loKWxJek",
            timestamp: "1614265330",
            signatures: "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
            body: br#"{"test": 2432232314}"#,
        }
    }

    fn code(signed: &Signed<'_>, now: i64) -> &'static str {
        let secret = BASE64.decode(SECRET).unwrap();
        check(&secret, signed, DateTime::from_timestamp(now, 0).unwrap())
            .map_or_else(|problem| problem.code, |()| "good")
    }

    #[test]
    fn the_shared_vector_fits_and_nothing_edited_does() {
        assert_eq!(code(&vector(), AT), "good");
        assert_eq!(
            code(
                &Signed {
                    body: b"{}",
                    ..vector()
                },
                AT
            ),
            "signature.wrong"
        );
        assert_eq!(
            code(
                &Signed {
                    id: "msg_2",
                    ..vector()
                },
                AT
            ),
            "signature.wrong"
        );
        assert_eq!(
            code(
                &Signed {
                    timestamp: "1614265331",
                    ..vector()
                },
                AT
            ),
            "signature.wrong"
        );
        assert_eq!(
            code(
                &Signed {
                    signatures: "",
                    ..vector()
                },
                AT
            ),
            "signature.wrong"
        );
        assert_eq!(code(&Signed { id: "", ..vector() }, AT), "signature.id");
    }

    #[test]
    fn an_old_call_is_refused_and_one_of_several_signatures_is_enough() {
        assert_eq!(code(&vector(), AT + 301), "signature.timestamp");
        assert_eq!(code(&vector(), AT - 301), "signature.timestamp");
        assert_eq!(code(&vector(), AT + 300), "good");
        let signatures = "v1,AAAA v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        assert_eq!(code(&Signed { signatures, ..vector() }, AT), "good");
    }
}
