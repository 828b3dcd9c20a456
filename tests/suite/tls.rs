//! Whom the plugin believes and how it proves who it is: no telegram for a stranger, a certificate shown whenever the
//! server asks, and what shop and shopper see when either goes wrong.

use std::io::Write as _;
use std::time::{Duration, Instant};

use host_shim::library::{Called, Status as Outcome};
use openssl::ssl::{SslConnectorBuilder, SslOptions, SslVersion};
use serde_json::{Value, json};

use crate::boundary::run;
use crate::peer::{Apache, Asks, Heard, Holds, Host, Identity, post};
use crate::world::{CardPage, GOOD, World, code, outcome, text, words};

const HERE: &str = "127.0.0.1";
const NEUTRAL: &str = "決済会社に接続できず、お支払いは行われていません。しばらくしてから、もう一度お試しください。";
/// A no of the card company, as proof that a server was asked.
const NO: &[u8] =
    b"HTTP/1.1 200 OK\r\nContent-Length: 49\r\n\r\n\r\nresult=1\r\nresponse_code=2001\r\nresponse_detail=\r\n";

/// A shop whose plugin goes to that server, believes that authority, and shows that certificate.
fn shop_of(world: World, url: &str, authority: &Identity, shown: &Identity) -> World {
    let authorities = authority.written(world.folder.path().join("believed.pem"));
    let client = shown.written_for_a_shop(world.folder.path().join("shown.pem"));
    world.reopened(|gateway| {
        gateway["url"] = json!(url);
        gateway["authorities"] = json!(authorities);
        gateway["certificate"] = json!(client);
    })
}

/// The journal's rows of a kind: how each ended, and why.
fn journal(world: &World, kind: &str) -> Vec<(String, String)> {
    let query = format!("SELECT state, code FROM telegrams WHERE kind = '{kind}' ORDER BY rowid");
    let database = world.folder.path().join("shop/paygent.db");
    let printed = run(std::process::Command::new("sqlite3")
        .args(["-json"])
        .arg(database)
        .arg(query));
    let rows: Vec<Value> = serde_json::from_str(&printed).unwrap();
    rows.iter()
        .map(|row| (text(row, "/state"), text(row, "/code")))
        .collect()
}

/// The shopper is on the card page again, and may pay: nothing was asked, and the journal says why.
fn is_not_executed(world: &World, page: &CardPage, paid: &Called, why: &str) {
    assert_eq!(outcome(paid), "not_executed", "{}", paid.reply);
    assert_eq!(code(paid), (Outcome::Failed, "card.not_executed".to_owned()));
    assert_eq!(paid.reply["redirect"], format!("/paygent{}", page.path));
    let shown = words(&text(&world.show(page).reply, "/body"));
    assert!(shown.contains(NEUTRAL), "{shown}");
    assert!(!shown.contains("tls."), "the reason is no shopper's business");
    assert_eq!(journal(world, "020"), [("not_executed".to_owned(), why.to_owned())]);
}

fn sells_and_captures(world: &World) {
    let order = world.placed();
    world.run("capture", &[order.order_id.as_str()]);
    let payments = world.payments();
    assert_eq!(
        (payments.len(), payments[0]["status"].as_i64()),
        (1, Some(40)),
        "{payments:?}"
    );
    assert_eq!((world.telegrams("020").len(), world.telegrams("022").len()), (1, 1));
}

fn shows<'a>(client: &'a Identity) -> impl FnOnce(&mut SslConnectorBuilder) + 'a {
    |builder| {
        builder.set_certificate(&client.certificate).unwrap();
        builder.set_private_key(&client.key).unwrap();
    }
}

fn is_let_in(answer: &std::io::Result<String>) -> bool {
    answer.as_ref().is_ok_and(|answer| answer.starts_with("HTTP/1.1 200 "))
}

#[test]
fn an_apache_that_renegotiates_for_the_certificate_sells_and_captures() {
    let (world, authority) = (World::new(), Identity::alone("An authority"));
    let apache = Apache::before(&world, &authority, "TLSv1.2", Asks::ByPath);
    let client = authority.vouch("shop", Holds::Today);

    // It is the server that this test means: the path decides, so only a second handshake can ask.
    assert!(is_let_in(&post(&apache.url, "/s/ref/paymentref", &authority, |_| {})));
    assert!(!is_let_in(&post(&apache.url, "/n/ref/paymentref", &authority, |_| {})));
    assert!(is_let_in(&post(
        &apache.url,
        "/n/ref/paymentref",
        &authority,
        shows(&client)
    )));
    let stubborn = post(&apache.url, "/n/ref/paymentref", &authority, |builder| {
        shows(&client)(builder);
        builder.set_options(SslOptions::NO_RENEGOTIATION);
    });
    assert!(!is_let_in(&stubborn), "{stubborn:?}");

    let url = apache.url.clone();
    sells_and_captures(&shop_of(world, &url, &authority, &client));
}

#[test]
fn an_apache_that_asks_after_the_handshake_of_tls_1_3_sells_and_captures() {
    let (world, authority) = (World::new(), Identity::alone("An authority"));
    let apache = Apache::before(&world, &authority, "TLSv1.3", Asks::ByPath);
    let client = authority.vouch("shop", Holds::Today);
    assert!(is_let_in(&post(&apache.url, "/s/ref/paymentref", &authority, |_| {})));
    let silent = post(&apache.url, "/n/ref/paymentref", &authority, shows(&client));
    assert!(
        silent.is_ok_and(|answer| answer.starts_with("HTTP/1.1 403 ")),
        "a client that does not offer it"
    );

    let url = apache.url.clone();
    sells_and_captures(&shop_of(world, &url, &authority, &client));
}

#[test]
fn an_apache_that_asks_everybody_first_sells_and_captures() {
    for protocol in ["TLSv1.2", "TLSv1.3"] {
        let (world, authority) = (World::new(), Identity::alone("An authority"));
        let apache = Apache::before(&world, &authority, protocol, Asks::First);
        assert!(
            !is_let_in(&post(&apache.url, "/n/ref/paymentref", &authority, |_| {})),
            "{protocol}"
        );
        let client = authority.vouch("shop", Holds::Today);
        sells_and_captures(&shop_of(world, &apache.url, &authority, &client));
    }
}

#[test]
fn a_shop_of_hashes_needs_no_certificate_at_the_same_apache() {
    let (world, authority) = (World::new(), Identity::alone("An authority"));
    let apache = Apache::before(&world, &authority, "TLSv1.2", Asks::ByPath);
    let authorities = authority.written(world.folder.path().join("believed.pem"));
    let key = world.gateway.merchant().hash_key.clone();
    let world = world.reopened(|gateway| {
        gateway["url"] = json!(apache.url);
        gateway["authorities"] = json!(authorities);
        gateway["access"] = json!("hash");
        gateway["hash_key"] = json!(key);
        gateway["certificate"] = Value::Null;
    });
    sells_and_captures(&world);
}

#[test]
fn a_client_certificate_that_ran_out_executes_nothing_wherever_the_server_asks() {
    for (protocol, asks) in [
        ("TLSv1.2", Asks::First),
        ("TLSv1.3", Asks::First),
        ("TLSv1.2", Asks::ByPath),
        ("TLSv1.3", Asks::ByPath),
    ] {
        let (world, authority) = (World::new(), Identity::alone("An authority"));
        let apache = Apache::before(&world, &authority, protocol, asks);
        let world = shop_of(world, &apache.url, &authority, &authority.vouch("shop", Holds::NoMore));
        let page = world.entered();
        let paid = world.pay(&page, GOOD);
        assert_eq!(outcome(&paid), "not_executed", "{protocol} {asks:?}: {}", paid.reply);
        is_not_executed(&world, &page, &paid, "tls.certificate");
        assert!(world.payments().is_empty() && world.telegrams("020").is_empty());

        // The merchant puts the new certificate in; the same page sells.
        let client = authority.vouch("shop", Holds::Today);
        let world = shop_of(world, &apache.url, &authority, &client);
        assert_eq!(outcome(&world.pay(&page, GOOD)), "placed", "{protocol} {asks:?}");
        assert_eq!(world.telegrams("020").len(), 1);
    }
}

/// The plugin believes `authority`; what became of one payment at that server, and what the server heard.
fn pays_at(host: Host, authority: &Identity, why: &str) -> Heard {
    let world = shop_of(
        World::new(),
        &host.url,
        authority,
        &authority.vouch("shop", Holds::Today),
    );
    let page = world.entered();
    let paid = world.pay(&page, GOOD);
    is_not_executed(&world, &page, &paid, why);
    assert!(world.payments().is_empty());
    host.heard()
}

fn says_no() -> impl Fn(&mut openssl::ssl::SslStream<std::net::TcpStream>) + Send + 'static {
    |stream| stream.write_all(NO).unwrap()
}

const NOTHING: &str = "";

#[test]
fn a_host_that_we_believe_is_asked_and_believed() {
    let authority = Identity::alone("An authority");
    let host = Host::start(&authority.vouch(HERE, Holds::Today), says_no());
    let world = shop_of(
        World::new(),
        &host.url,
        &authority,
        &authority.vouch("shop", Holds::Today),
    );
    let page = world.entered();
    assert_eq!(outcome(&world.pay(&page, GOOD)), "declined");
    let heard = host.heard();
    assert_eq!(heard.connections, 1);
    assert!(heard.said.contains("telegram_kind=020"), "{}", heard.said);
}

#[test]
fn the_certificate_of_another_host_is_refused_and_nothing_was_sent() {
    let authority = Identity::alone("An authority");
    let host = Host::start(&authority.vouch("other.example", Holds::Today), says_no());
    assert_eq!(pays_at(host, &authority, "tls.host").said, NOTHING);
}

#[test]
fn a_server_certificate_that_ran_out_is_refused_and_nothing_was_sent() {
    let authority = Identity::alone("An authority");
    let host = Host::start(&authority.vouch(HERE, Holds::NoMore), says_no());
    assert_eq!(pays_at(host, &authority, "tls.host").said, NOTHING);
}

#[test]
fn a_server_that_vouches_for_itself_is_refused_and_nothing_was_sent() {
    let host = Host::start(&Identity::alone(HERE), says_no());
    assert_eq!(
        pays_at(host, &Identity::alone("An authority"), "tls.host").said,
        NOTHING
    );
}

#[test]
fn the_certificate_of_an_authority_that_nobody_named_is_refused_and_nothing_was_sent() {
    let namesake = Identity::alone("An authority");
    let host = Host::start(&namesake.vouch(HERE, Holds::Today), says_no());
    assert_eq!(
        pays_at(host, &Identity::alone("An authority"), "tls.host").said,
        NOTHING
    );
}

#[test]
fn a_server_of_tls_1_1_is_refused_and_nothing_was_sent() {
    let authority = Identity::alone("An authority");
    let old = |builder: &mut openssl::ssl::SslContextBuilder| {
        builder.clear_options(SslOptions::NO_TLSV1_1);
        builder.set_min_proto_version(Some(SslVersion::TLS1_1)).unwrap();
        builder.set_max_proto_version(Some(SslVersion::TLS1_1)).unwrap();
        builder.set_cipher_list("ALL:@SECLEVEL=0").unwrap();
    };
    let host = Host::start_with(&authority.vouch(HERE, Holds::Today), |builder| old(builder), says_no());
    let permissive = post(&host.url, "/n/ref/paymentref", &authority, |builder| old(builder));
    assert!(is_let_in(&permissive), "who still speaks it is served: {permissive:?}");
    let before = host.heard().said;
    assert_eq!(pays_at(host, &authority, "tls.handshake").said, before);
}

#[test]
fn a_gateway_that_sends_elsewhere_is_not_followed() {
    let authority = Identity::alone("An authority");
    for status in [
        "301 Moved Permanently",
        "302 Found",
        "307 Temporary Redirect",
        "308 Permanent Redirect",
    ] {
        let elsewhere = Host::start(&authority.vouch(HERE, Holds::Today), says_no());
        let redirect = format!(
            "HTTP/1.1 {status}\r\nLocation: {}/n/card/request\r\nContent-Length: 0\r\n\r\n",
            elsewhere.url
        );
        let host = Host::start(&authority.vouch(HERE, Holds::Today), move |stream| {
            stream.write_all(redirect.as_bytes()).unwrap();
        });
        let world = shop_of(
            World::new(),
            &host.url,
            &authority,
            &authority.vouch("shop", Holds::Today),
        );
        let page = world.entered();
        let paid = world.pay(&page, GOOD);
        // The telegram arrived somewhere, so nobody may say that it was not executed.
        assert_eq!(
            code(&paid),
            (Outcome::Uncertain, "payment.confirming".to_owned()),
            "{status}"
        );
        assert_eq!(
            journal(&world, "020"),
            [("unknown".to_owned(), "reply.status".to_owned())]
        );
        assert_eq!(elsewhere.heard(), Heard::default(), "{status}");
        assert_eq!(host.heard().said.matches("telegram_kind=020").count(), 1, "asked once");
    }
}

/// A payment at a server that never comes to an end: why, and after how long.
fn endless(answer: impl Fn(&mut openssl::ssl::SslStream<std::net::TcpStream>) + Send + 'static, why: &str) -> Duration {
    let authority = Identity::alone("An authority");
    let host = Host::start(&authority.vouch(HERE, Holds::Today), answer);
    let world = World::new();
    let authorities = authority.written(world.folder.path().join("believed.pem"));
    let world = world.reopened(|gateway| {
        gateway["url"] = json!(host.url);
        gateway["authorities"] = json!(authorities);
        gateway["timeout_secs"] = json!(2);
    });
    let page = world.entered();
    let begun = Instant::now();
    let paid = world.pay(&page, GOOD);
    let took = begun.elapsed();
    assert_eq!(code(&paid), (Outcome::Uncertain, "payment.confirming".to_owned()));
    assert_eq!(journal(&world, "020"), [("unknown".to_owned(), why.to_owned())]);
    took
}

#[test]
fn an_answer_byte_by_byte_meets_one_deadline_for_all_of_it() {
    // Each byte comes well within the deadline; the whole would take three minutes.
    let took = endless(
        |stream| {
            let slow = b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n"
                .iter()
                .chain([b'a'; 900].iter());
            for byte in slow {
                if stream.write_all(&[*byte]).is_err() {
                    break;
                }
                std::thread::sleep(Duration::from_millis(200));
            }
        },
        "reply.timeout",
    );
    assert!((2..10).contains(&took.as_secs()), "{took:?}");
}

#[test]
fn an_answer_without_an_end_is_cut_short() {
    // Chunks for as long as somebody takes them. Deadline and limit both end it; the limit comes first.
    let (told, written) = std::sync::mpsc::channel();
    endless(
        move |stream| {
            let chunk = format!("10000\r\n{}\r\n", "a".repeat(0x10000));
            let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
            stream.write_all(head.as_bytes()).unwrap();
            let chunks = (0..100_000)
                .take_while(|_| stream.write_all(chunk.as_bytes()).is_ok())
                .count();
            told.send(chunks).unwrap();
        },
        "reply.too_long",
    );
    let megabytes = written.recv_timeout(Duration::from_secs(20)).unwrap() >> 4;
    assert!(megabytes < 32, "{megabytes} MB were taken off the server");
}
