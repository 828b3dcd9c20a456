//! The wire, against the bytes that other clients send, and the five ends of a telegram, against servers that misbehave.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::thread::JoinHandle;

use openssl::asn1::Asn1Time;
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::ssl::{SslAcceptor, SslMethod};
use openssl::x509::extension::SubjectAlternativeName;
use openssl::x509::{X509, X509NameBuilder};
use proptest::prelude::*;

use super::shopper::Address;
use super::*;

const PREFIX: &str = "merchant_id=10001&connect_id=cid&connect_password=cpw&telegram_version=1.0";

fn settings(more: &str) -> Settings {
    let json = format!(
        r#"{{"access":"hash","hash_key":"HASHKEY","merchant_id":"10001","connect_id":"cid","connect_password":"cpw",
            "timeout_secs":1,"connect_timeout_secs":2{more}}}"#
    );
    serde_json::from_str(&json).unwrap()
}

fn trading(id: &str) -> TradingId {
    TradingId::try_from(id).unwrap()
}

fn payment(id: &str) -> PaymentRef {
    PaymentRef {
        payment_id: PaymentId::try_from(id).unwrap(),
        trading_id: None,
    }
}

fn card() -> Authorise {
    Authorise {
        trading_id: trading("1001"),
        amount: Yen::try_from(3300).unwrap(),
        class: PaymentClass::Once,
        card: CardSource::Token {
            token: "tok_abc/+=123".into(),
            security_code: true,
        },
        auth_id: None,
    }
}

/// 020 with a stored card and its security code, and the 450 before it.
#[test]
fn a_stored_card_is_named_by_customer_and_card() {
    let customer = CustomerId::try_from("0123abcd").unwrap();
    let card_id = CardId::try_from("7").unwrap();
    let paid = Authorise {
        card: CardSource::Stored {
            customer: customer.clone(),
            card: card_id.clone(),
            code_token: "tok_cvc".into(),
        },
        ..card()
    };
    assert_eq!(
        sent(&authorise(&paid)),
        format!(
            "{PREFIX}&telegram_kind=020&trading_id=1001&payment_id=&payment_amount=3300&payment_class=10&3dsecure_ryaku=1\
             &stock_card_mode=1&customer_id=0123abcd&customer_card_id=7&security_code_token=1&card_token=tok_cvc"
        )
    );
    let asked = Authenticate {
        trading_id: trading("1001"),
        amount: Yen::try_from(3300).unwrap(),
        card: HolderOf::Stored(customer.clone(), card_id.clone()),
        term_url: "https://shop.example/r".to_owned(),
        merchant_name: "SHOP".to_owned(),
        shopper: Shopper::default(),
    };
    let asked = sent(&authenticate(&asked, "2026-11-25".parse().unwrap()));
    let named = "&card_set_method=customer&payment_amount=3300&customer_id=0123abcd&customer_card_id=7";
    assert!(asked.contains(named) && !asked.contains("card_token"), "{asked}");
    assert_eq!(
        sent(&stock::store(&customer, &"tok_1".into())),
        format!("{PREFIX}&telegram_kind=025&customer_id=0123abcd&card_token=tok_1")
    );
    assert_eq!(
        sent(&stock::delete(&customer, &card_id)),
        format!("{PREFIX}&telegram_kind=026&customer_id=0123abcd&customer_card_id=7")
    );
    assert!(CustomerId::try_from("member@example.com").is_err() && CustomerId::try_from("").is_err());
}

fn sent(telegram: &Telegram) -> String {
    telegram.body(&common(&settings(""))).unwrap()
}

#[test]
fn telegrams_are_the_bytes_that_other_clients_send() {
    assert_eq!(
        sent(&authorise(&card())),
        format!(
            "{PREFIX}&telegram_kind=020&trading_id=1001&payment_id=&payment_amount=3300&payment_class=10&3dsecure_ryaku=1\
             &card_token=tok_abc%2F%2B%3D123&security_code_use=1"
        )
    );
    let with_trading = PaymentRef {
        trading_id: Some(trading("1001")),
        ..payment("28569257")
    };
    assert_eq!(
        sent(&operate("022", &with_trading)),
        format!("{PREFIX}&telegram_kind=022&trading_id=1001&payment_id=28569257")
    );
    for kind in ["021", "023"] {
        let expected = format!("{PREFIX}&telegram_kind={kind}&payment_id=28569257");
        assert_eq!(sent(&operate(kind, &payment("28569257"))), expected);
    }
    let by = Inquire::ByPayment(PaymentId::try_from("28569257").unwrap());
    assert_eq!(
        sent(&inquire(&by)),
        format!("{PREFIX}&telegram_kind=094&payment_id=28569257")
    );
}

#[test]
fn a_new_amount_is_authorised_on_the_card_of_the_earlier_payment() {
    let body = sent(&authorise(&Authorise {
        class: PaymentClass::Instalments(3),
        card: CardSource::Earlier(trading("1000")),
        ..card()
    }));
    assert_eq!(
        body,
        format!(
            "{PREFIX}&telegram_kind=020&trading_id=1001&payment_id=&payment_amount=3300&payment_class=61&split_count=3\
             &3dsecure_ryaku=1&ref_trading_id=1000"
        )
    );
}

#[test]
fn an_authenticated_holder_is_named_by_the_authentication_alone() {
    let body = sent(&authorise(&Authorise {
        auth_id: Some("11111111-1111-1111-1111-111111111111".to_owned()),
        ..card()
    }));
    assert!(
        body.contains("&3dsecure_use_type=2&3ds_auth_id=11111111-1111-1111-1111-111111111111&"),
        "{body}"
    );
    assert!(!body.contains("3dsecure_ryaku"));
}

#[test]
fn r18_450_tells_what_the_host_knows_and_journals_nothing_of_a_person() {
    let shopper = Shopper {
        email: "taro@example.com".to_owned(),
        phone: "090-0000-1234".to_owned(),
        login_type: "02".to_owned(),
        account_created_on: "2020-04-01".parse().ok(),
        password_changed_on: "2026-11-01".parse().ok(),
        purchases: Some(3),
        billing: Address {
            state: "44".to_owned(),
            city: "大分市".to_owned(),
            post_code: "8700000".to_owned(),
            ..Address::default()
        },
        ..Shopper::default()
    };
    let asked = Authenticate {
        trading_id: trading("1001"),
        amount: Yen::try_from(3300).unwrap(),
        card: HolderOf::Token("tok_1".into()),
        term_url: "https://shop.example/paygent/pay/c/return/k".to_owned(),
        merchant_name: "SHOP".to_owned(),
        shopper,
    };
    let telegram = authenticate(&asked, "2026-11-25".parse().unwrap());
    assert_eq!(
        sent(&telegram),
        format!(
            "{PREFIX}&telegram_kind=450&trading_id=1001&term_url=https%3A%2F%2Fshop.example%2Fpaygent%2Fpay%2Fc%2Freturn%2Fk\
             &merchant_name=SHOP&authentication_type=01&card_set_method=token&payment_amount=3300&card_token=tok_1\
             &email_address=taro%40example.com&mobile_phone_cc=81&mobile_phone_subscriber=9000001234&login_type=02\
             &account_indicator=05&account_create_date=20200401&password_change_indicator=03\
             &password_change_date=20261101&purchase_count=3&bill_address_state=44\
             &bill_address_city=%E5%A4%A7%E5%88%86%E5%B8%82&bill_address_post_code=8700000&bill_address_country=392"
        ),
        "in UTF-8, and nothing that is not known"
    );
    let journaled = format!("{:?}", telegram.masked());
    for secret in ["taro", "大分", "9000001234", "20200401", "tok_1", "return/k"] {
        assert!(!journaled.contains(secret), "{secret} in {journaled}");
    }
}

#[test]
fn instalments_say_how_many() {
    let body = sent(&authorise(&Authorise {
        class: PaymentClass::Instalments(6),
        ..card()
    }));
    assert!(body.contains("&payment_class=61&split_count=6&"), "{body}");
}

#[test]
fn a_correction_tells_the_new_total_and_no_trading_id() {
    for (kind, number) in [(ChangeKind::Authorisation, "028"), (ChangeKind::Sale, "029")] {
        let body = sent(&correct(&Correct {
            kind,
            payment_id: PaymentId::try_from("28569257").unwrap(),
            amount: Yen::try_from(2_100).unwrap(),
        }));
        let fields = format!("&telegram_kind={number}&payment_id=28569257&payment_amount=2100&reduction_flag=0");
        assert!(body.ends_with(&fields), "{body}");
    }
}

#[test]
fn no_secret_is_printed_or_journaled() {
    let settings = settings("");
    let hashed = hashed(&settings, &authorise(&card()), &"HASHKEY".into(), DateTime::UNIX_EPOCH);
    let printed = format!("{settings:?} {:?}", hashed.masked());
    for secret in ["cpw", "HASHKEY", "tok_abc", hashed.value("hc")] {
        assert!(!printed.contains(secret), "{secret} in {printed}");
    }
    assert_eq!(hashed.value("request_date"), "19700101090000", "Japanese time");
}

proptest! {
    #[test]
    fn nothing_in_a_field_becomes_another_field(text in "\\PC*|[\r\n=&\0%+①髙ｱ ]*") {
        let telegram = Telegram::new("020").with("payer_name", text.clone()).with("last", "x");
        if let Ok(body) = telegram.body(&[]) {
            let parts: Vec<&str> = body.split('&').collect();
            prop_assert_eq!(parts.len(), 3);
            prop_assert!(parts[1].starts_with("payer_name=") && parts[2] == "last=x");
            prop_assert!(body.bytes().all(|byte| byte.is_ascii_graphic()));
            let bytes: Vec<u8> = percent_encoding::percent_decode_str(&parts[1]["payer_name=".len()..].replace('+', " ")).collect();
            prop_assert_eq!(bytes, windows_31j::encode(&text).unwrap());
        }
    }
}

/// How a reply to a telegram of that kind ends.
fn end(kind: &str, reply: &str) -> &'static str {
    let outcome = conclude(kind, &Fields::parse(reply.as_bytes()), |reply| {
        payment_id(reply).map(|_| ()).ok_or_else(|| malformed("no payment_id"))
    });
    match outcome {
        Outcome::Good(()) => "good",
        Outcome::Declined(_) => "declined",
        Outcome::NotExecuted(_) => "not executed",
        Outcome::Pending(_) => "pending",
        Outcome::Unknown(_) => "unknown",
    }
}

#[test]
fn a_reply_ends_a_telegram_in_one_of_five_ways() {
    let table = [
        ("020", "\r\nresult=0\r\npayment_id=28569257\r\n", "good"),
        ("020", "result=0\r\n", "unknown"),
        ("020", "result=0\r\npayment_id=12ab\r\n", "unknown"),
        ("020", "<html>maintenance</html>", "unknown"),
        ("020", "", "unknown"),
        ("020", "result=2\r\n", "unknown"),
        (
            "020",
            "result=1\r\nresponse_code=2001\r\nresponse_detail=1G12\r\n",
            "declined",
        ),
        ("020", "result=1\r\nresponse_code=2008\r\n", "pending"),
        ("020", "result=1\r\nresponse_code=2022\r\n", "pending"),
        ("020", "result=1\r\nresponse_code=E002\r\n", "pending"),
        ("020", "result=1\r\nresponse_code=P011\r\n", "declined"),
        ("022", "result=1\r\nresponse_code=2004\r\n", "pending"),
        ("022", "result=1\r\nresponse_code=2007\r\n", "declined"),
        (
            "028",
            "result=1\r\nresponse_code=2011\r\npayment_id=28569258\r\n",
            "pending",
        ),
        ("029", "result=1\r\nresponse_code=2014\r\n", "declined"),
        ("094", "result=1\r\nresponse_code=9005\r\n", "declined"),
    ];
    for (kind, reply, wanted) in table {
        assert_eq!(end(kind, reply), wanted, "{kind}: {reply}");
    }
}

/// A certificate for `127.0.0.1` or another host, signed by itself.
fn certificate(host: Option<&str>) -> (X509, PKey<Private>) {
    let key = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
    let mut name = X509NameBuilder::new().unwrap();
    name.append_entry_by_text("CN", "test").unwrap();
    let name = name.build();
    let mut builder = X509::builder().unwrap();
    builder.set_version(2).unwrap();
    builder.set_subject_name(&name).unwrap();
    builder.set_issuer_name(&name).unwrap();
    builder.set_pubkey(&key).unwrap();
    builder.set_not_before(&Asn1Time::days_from_now(0).unwrap()).unwrap();
    builder.set_not_after(&Asn1Time::days_from_now(1).unwrap()).unwrap();
    let mut names = SubjectAlternativeName::new();
    match host {
        Some(host) => names.dns(host),
        None => names.ip("127.0.0.1"),
    };
    let names = names.build(&builder.x509v3_context(None, None)).unwrap();
    builder.append_extension(names).unwrap();
    builder.sign(&key, MessageDigest::sha256()).unwrap();
    (builder.build(), key)
}

/// A server that takes one connection: it reads the request, answers with these bytes, and hangs up.
/// The thread brings what it read.
fn server(folder: &Path, host: Option<&str>, answer: &'static [u8]) -> (Settings, JoinHandle<String>) {
    let (certificate, key) = certificate(host);
    let authorities = folder.join("authorities.pem");
    std::fs::write(&authorities, certificate.to_pem().unwrap()).unwrap();
    let mut acceptor = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server()).unwrap();
    acceptor.set_certificate(&certificate).unwrap();
    acceptor.set_private_key(&key).unwrap();
    let acceptor = acceptor.build();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let serving = std::thread::spawn(move || {
        let Ok(mut stream) = acceptor.accept(listener.accept().unwrap().0) else {
            return String::new();
        };
        let mut read = Vec::new();
        let mut buffer = [0_u8; 4096];
        while !String::from_utf8_lossy(&read).contains("telegram_kind") {
            match stream.read(&mut buffer) {
                Ok(count) if count > 0 => read.extend_from_slice(&buffer[..count]),
                _ => break,
            }
        }
        stream.write_all(answer).unwrap();
        if answer == FAREWELL {
            let _ = stream.shutdown();
        }
        if answer == STALLING {
            // The client's deadline passes; it hangs up, which ends this read.
            let _ = stream.read(&mut buffer);
        }
        String::from_utf8_lossy(&read).into_owned()
    });
    let more = format!(
        r#","url":"https://127.0.0.1:{port}","authorities":"{}""#,
        authorities.display()
    );
    (settings(&more), serving)
}

const GOOD: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\n\r\nresult=0\r\npayment_id=1\r\ntrading_id=\r\n";
/// No length, no last line end, but TLS says that this is all.
const FAREWELL: &[u8] = b"HTTP/1.0 200 OK\r\n\r\nresult=0\r\npayment_id=28569257";
const STALLING: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\nresult=0";

fn fault(settings: Settings) -> (&'static str, &'static str) {
    match Gateway::new(settings).authorise(&card(), DateTime::UNIX_EPOCH).outcome {
        Outcome::Good(_) => ("good", ""),
        Outcome::NotExecuted(fault) => ("not executed", fault.code.as_str()),
        Outcome::Unknown(fault) => ("unknown", fault.code.as_str()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_answer_that_breaks_off_leaves_the_outcome_unknown() {
    let folder = tempfile::tempdir().unwrap();
    let table: [(&[u8], _, _); 8] = [
        (b"", "unknown", "request.cut"),
        (
            b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n",
            "unknown",
            "reply.status",
        ),
        (
            b"HTTP/1.1 302 Found\r\nLocation: https://127.0.0.1/\r\nContent-Length: 0\r\n\r\n",
            "unknown",
            "reply.status",
        ),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nresult=0\r\npayment_id=1\r\n",
            "unknown",
            "reply.cut",
        ),
        (
            b"HTTP/1.0 200 OK\r\n\r\nresult=0\r\npayment_id=2856",
            "unknown",
            "reply.cut",
        ),
        (
            b"HTTP/1.0 200 OK\r\n\r\nresult=0\r\npayment_id=28569257\r\n",
            "good",
            "",
        ),
        (FAREWELL, "good", ""),
        (STALLING, "unknown", "reply.timeout"),
    ];
    for (answer, end, code) in table {
        let (settings, serving) = server(folder.path(), None, answer);
        assert_eq!(fault(settings), (end, code), "{}", String::from_utf8_lossy(answer));
        let request = serving.join().unwrap();
        assert!(request.starts_with("POST /s/card/request HTTP/1.1\r\n"), "{request}");
    }
}

#[test]
fn a_host_that_we_do_not_believe_gets_not_one_byte() {
    let folder = tempfile::tempdir().unwrap();
    let (other_host, serving) = server(folder.path(), Some("other.example"), GOOD);
    assert_eq!(fault(other_host), ("not executed", "tls.host"));
    assert_eq!(serving.join().unwrap(), "");

    let (stranger, serving) = server(folder.path(), None, GOOD);
    let (unrelated, _) = certificate(None);
    std::fs::write(folder.path().join("authorities.pem"), unrelated.to_pem().unwrap()).unwrap();
    assert_eq!(fault(stranger), ("not executed", "tls.host"));
    assert_eq!(serving.join().unwrap(), "");
}

#[test]
fn who_does_not_answer_was_not_asked() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    assert_eq!(
        fault(settings(&format!(r#","url":"https://127.0.0.1:{closed}""#))),
        ("not executed", "connect.failed")
    );

    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    assert_eq!(
        fault(settings(&format!(r#","url":"https://127.0.0.1:{port}""#))),
        ("not executed", "connect.failed")
    );
}

#[test]
fn a_certificate_that_cannot_be_used_says_so() {
    let json = r#"{"certificate":"/nowhere/client.pem","merchant_id":"1","connect_id":"c","connect_password":"p",
                   "url":"https://127.0.0.1:1"}"#;
    let settings: Settings = serde_json::from_str(json).unwrap();
    assert_eq!(settings.check(), Ok(()));
    assert_eq!(fault(settings), ("not executed", "tls.certificate"));
}
