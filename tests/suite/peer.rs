//! Servers that stand where Paygent's would, and certificates made for them: Debian's Apache in front of the simulator,
//! and one that does what a test tells it. Each on a port of its own, stopped when it is dropped.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use openssl::asn1::Asn1Time;
use openssl::bn::{BigNum, MsbOption};
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::ssl::{SslAcceptor, SslAcceptorBuilder, SslConnector, SslConnectorBuilder, SslMethod, SslStream};
use openssl::symm::Cipher;
use openssl::x509::extension::{BasicConstraints, SubjectAlternativeName};
use openssl::x509::{X509, X509NameBuilder};

use crate::crash::within;
use crate::world::World;

/// A certificate and its key.
pub(crate) struct Identity {
    pub(crate) certificate: X509,
    pub(crate) key: PKey<Private>,
}

/// Until when a certificate holds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Holds {
    Today,
    /// It ran out years ago.
    NoMore,
}

impl Identity {
    /// Signed by itself, of an authority or of a host that has none.
    pub(crate) fn alone(name: &str) -> Self {
        Self::signed(name, Holds::Today, None)
    }

    /// This authority's word for a name.
    pub(crate) fn vouch(&self, name: &str, holds: Holds) -> Self {
        Self::signed(name, holds, Some(self))
    }

    fn signed(name: &str, holds: Holds, by: Option<&Self>) -> Self {
        const DAY: i64 = 86_400;
        const THE_YEAR_2019: i64 = 1_546_300_800;
        let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
        let key = PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap();
        let mut subject = X509NameBuilder::new().unwrap();
        subject.append_entry_by_nid(Nid::COMMONNAME, name).unwrap();
        let subject = subject.build();
        let mut serial = BigNum::new().unwrap();
        serial.rand(127, MsbOption::MAYBE_ZERO, false).unwrap();
        let mut builder = X509::builder().unwrap();
        builder.set_version(2).unwrap();
        builder.set_serial_number(&serial.to_asn1_integer().unwrap()).unwrap();
        builder.set_subject_name(&subject).unwrap();
        builder
            .set_issuer_name(by.map_or(&subject, |by| by.certificate.subject_name()))
            .unwrap();
        builder.set_pubkey(&key).unwrap();
        let until = match holds {
            Holds::Today => Asn1Time::days_from_now(2),
            Holds::NoMore => Asn1Time::from_unix(THE_YEAR_2019 + DAY),
        };
        builder
            .set_not_before(&Asn1Time::from_unix(THE_YEAR_2019).unwrap())
            .unwrap();
        builder.set_not_after(&until.unwrap()).unwrap();
        let mut constraints = BasicConstraints::new();
        constraints.critical();
        if by.is_none() {
            constraints.ca();
        }
        builder.append_extension(constraints.build().unwrap()).unwrap();
        let mut names = SubjectAlternativeName::new();
        match name.parse::<IpAddr>() {
            Ok(_) => names.ip(name),
            Err(_) => names.dns(name),
        };
        let names = names.build(&builder.x509v3_context(None, None)).unwrap();
        builder.append_extension(names).unwrap();
        builder
            .sign(by.map_or(&key, |by| &by.key), MessageDigest::sha256())
            .unwrap();
        Self {
            certificate: builder.build(),
            key,
        }
    }

    /// The certificate alone, as a file of authorities.
    pub(crate) fn written(&self, path: PathBuf) -> PathBuf {
        fs::write(&path, self.certificate.to_pem().unwrap()).unwrap();
        path
    }

    /// Certificate and key as a shop gets them: the key under the passphrase of custom.
    pub(crate) fn written_for_a_shop(&self, path: PathBuf) -> PathBuf {
        let key = self
            .key
            .private_key_to_pem_pkcs8_passphrase(Cipher::aes_256_cbc(), b"changeit");
        fs::write(&path, [self.certificate.to_pem().unwrap(), key.unwrap()].concat()).unwrap();
        path
    }

    /// Certificate and key as a server reads them.
    fn written_open(&self, path: PathBuf) -> PathBuf {
        let key = self.key.private_key_to_pem_pkcs8().unwrap();
        fs::write(&path, [self.certificate.to_pem().unwrap(), key].concat()).unwrap();
        path
    }
}

/// When a server asks for the client's certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asks {
    /// In the first handshake, of everybody.
    First,
    /// Once it has read a path below `/n/`.
    ByPath,
}

/// Debian's Apache before the simulator: it alone decides who is let in, for it shows the simulator a certificate of its own.
pub(crate) struct Apache {
    child: Child,
    pub(crate) url: String,
}

impl Apache {
    /// One protocol version, `TLSv1.2` or `TLSv1.3`. Its own certificate and those of its clients are `authority`'s.
    pub(crate) fn before(world: &World, authority: &Identity, protocol: &str, asks: Asks) -> Self {
        let folder = world.folder.path().join(format!("apache-{protocol}-{asks:?}"));
        fs::create_dir(&folder).unwrap();
        // The port is free when it is chosen, not when Apache takes it.
        (0..5)
            .find_map(|_| Self::started(world, &folder, &config(world, &folder, authority, protocol, asks)))
            .unwrap_or_else(|| panic!("{}", fs::read_to_string(folder.join("log")).unwrap_or_default()))
    }

    /// Two names over TLS, as browsers reach them: the shop's, and that of the simulator's pages.
    pub(crate) fn for_browsers(world: &World, shop: (&str, &Identity), simulator: (&str, &Identity)) -> Self {
        let folder = world.folder.path().join("apache-browsers");
        fs::create_dir(&folder).unwrap();
        let site = |(name, identity): (&str, &Identity), to: &str| {
            let pem = identity.written_open(folder.join(format!("{name}.pem")));
            format!(
                "<VirtualHost *>
                  ServerName {name}
                  SSLEngine on
                  SSLCertificateFile {}
                  ProxyPreserveHost On
                  ProxyPass / {to}
                </VirtualHost>\n",
                pem.display()
            )
        };
        let sites = [
            site(shop, world.shop_url.as_deref().unwrap()),
            site(simulator, &world.reach.online_url),
        ]
        .concat();
        let config = format!("{}{sites}", common(&folder));
        (0..5)
            .find_map(|_| Self::started(world, &folder, &config))
            .unwrap_or_else(|| panic!("{}", fs::read_to_string(folder.join("log")).unwrap_or_default()))
    }

    /// `127.0.0.1:port`.
    pub(crate) fn address(&self) -> &str {
        self.url.trim_start_matches("https://")
    }

    fn started(world: &World, folder: &Path, config: &str) -> Option<Self> {
        let port = free_port();
        let file = folder.join("apache.conf");
        fs::write(&file, format!("Listen 127.0.0.1:{port}\n{config}")).unwrap();
        let log = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(folder.join("log"));
        // By its path: not every user's shell looks there. `-X`: one process, so none is left behind.
        let child = Command::new("/usr/sbin/apache2")
            .arg("-X")
            .arg("-f")
            .arg(&file)
            .current_dir(world.folder.path())
            .stdout(Stdio::null())
            .stderr(log.unwrap())
            .spawn()
            .expect("apache2 is installed (tests/run does it)");
        let mut own = Self {
            child,
            url: format!("https://127.0.0.1:{port}"),
        };
        let pid = folder.join("pid");
        let ended = |own: &mut Self| own.child.try_wait().unwrap().is_some();
        let serves = within(20, || pid.exists() || ended(&mut own)) && !ended(&mut own);
        serves.then_some(own)
    }
}

impl Drop for Apache {
    fn drop(&mut self) {
        // One that ended by itself is no news.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn config(world: &World, folder: &Path, authority: &Identity, protocol: &str, asks: Asks) -> String {
    let server = authority
        .vouch("127.0.0.1", Holds::Today)
        .written_open(folder.join("server.pem"));
    let clients = authority.written(folder.join("clients.pem"));
    let pem = fs::read(&world.reach.client_pem).unwrap();
    let machine = Identity {
        certificate: X509::from_pem(&pem).unwrap(),
        key: PKey::private_key_from_pem_passphrase(&pem, b"changeit").unwrap(),
    };
    let machine = machine.written_open(folder.join("machine.pem"));
    let verify = match asks {
        Asks::First => "SSLVerifyClient require".to_owned(),
        Asks::ByPath => "<Location /n/>\n  SSLVerifyClient require\n</Location>".to_owned(),
    };
    let common = common(folder);
    let (server, clients) = (server.display(), clients.display());
    let (machine, simulator) = (machine.display(), &world.reach.tls_url);
    let authorities = world.reach.authorities_pem.display();
    format!(
        "{common}
        SSLEngine on
        SSLProtocol {protocol}
        SSLCertificateFile {server}
        SSLCACertificateFile {clients}
        SSLVerifyDepth 1
        {verify}
        SSLProxyEngine on
        SSLProxyVerify require
        SSLProxyCACertificateFile {authorities}
        SSLProxyMachineCertificateFile {machine}
        ProxyPass /n/ {simulator}/n/
        ProxyPass /s/ {simulator}/s/
        "
    )
}

/// What each of them needs to run in a folder of its own.
fn common(folder: &Path) -> String {
    let modules: String = ["mpm_event", "authz_core", "ssl", "proxy", "proxy_http"]
        .map(|name| format!("LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n"))
        .concat();
    let folder = folder.display();
    format!(
        "{modules}
        ServerName 127.0.0.1
        ServerRoot {folder}
        DefaultRuntimeDir {folder}
        PidFile {folder}/pid
        ErrorLog {folder}/log
        LogLevel warn ssl:info
        Mutex pthread
        # Heard only where root starts it, which Apache does not serve as.
        User #65534
        Group #65534
        SSLSessionCache none
        "
    )
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A server that answers as a test tells it, and keeps what it was told.
pub(crate) struct Host {
    pub(crate) url: String,
    heard: Arc<Mutex<Heard>>,
    stopping: Arc<AtomicBool>,
    serving: Option<JoinHandle<()>>,
}

/// What reached a server.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Heard {
    pub(crate) connections: usize,
    /// All requests, as they came out of TLS.
    pub(crate) said: String,
}

impl Host {
    /// It speaks TLS 1.2 and 1.3.
    pub(crate) fn start(identity: &Identity, answer: impl Fn(&mut SslStream<TcpStream>) + Send + 'static) -> Self {
        Self::start_with(identity, |_| {}, answer)
    }

    pub(crate) fn start_with(
        identity: &Identity,
        change: impl FnOnce(&mut SslAcceptorBuilder),
        answer: impl Fn(&mut SslStream<TcpStream>) + Send + 'static,
    ) -> Self {
        let mut builder = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server()).unwrap();
        builder.set_certificate(&identity.certificate).unwrap();
        builder.set_private_key(&identity.key).unwrap();
        change(&mut builder);
        let acceptor = builder.build();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("https://{}", listener.local_addr().unwrap());
        let (heard, stopping) = (Arc::<Mutex<Heard>>::default(), Arc::<AtomicBool>::default());
        let (told, stop) = (Arc::clone(&heard), Arc::clone(&stopping));
        let serving = std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if stop.load(Ordering::Acquire) {
                    break;
                }
                told.lock().unwrap().connections += 1;
                if let Ok(mut stream) = patient(stream).and_then(|stream| accept(&acceptor, stream)) {
                    let said = request(&mut stream);
                    let was_asked = !said.is_empty();
                    told.lock().unwrap().said.push_str(&said);
                    if was_asked {
                        answer(&mut stream);
                    }
                }
            }
        });
        Self {
            url,
            heard,
            stopping,
            serving: Some(serving),
        }
    }

    pub(crate) fn heard(&self) -> Heard {
        self.heard.lock().unwrap().clone()
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::Release);
        // Wakes the thread; one that is gone already needs no waking.
        let _ = TcpStream::connect(self.url.trim_start_matches("https://"));
        let served = self.serving.take().unwrap().join();
        assert!(served.is_ok() || std::thread::panicking(), "the server failed");
    }
}

/// A test that goes wrong ends nevertheless.
fn patient(stream: TcpStream) -> io::Result<TcpStream> {
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    stream.set_write_timeout(Some(Duration::from_secs(20)))?;
    Ok(stream)
}

fn accept(acceptor: &SslAcceptor, stream: TcpStream) -> io::Result<SslStream<TcpStream>> {
    acceptor.accept(stream).map_err(io::Error::other)
}

/// One request, whole, or as much of it as came.
fn request(stream: &mut SslStream<TcpStream>) -> String {
    let (mut read, mut buffer) = (String::new(), [0_u8; 4_096]);
    let is_whole = |read: &str| {
        let length = |head: &str| {
            let head = head.to_ascii_lowercase();
            let value = head.split("content-length: ").nth(1)?.lines().next()?.trim().to_owned();
            value.parse::<usize>().ok()
        };
        read.split_once("\r\n\r\n")
            .is_some_and(|(head, body)| body.len() >= length(head).unwrap_or(0))
    };
    while !is_whole(&read) {
        match stream.read(&mut buffer) {
            Ok(count) if count > 0 => read.push_str(&String::from_utf8_lossy(&buffer[..count])),
            _ => break,
        }
    }
    read
}

/// What another client than the plugin is told: the whole answer, or why there is none.
pub(crate) fn post(
    url: &str,
    path: &str,
    trusted: &Identity,
    change: impl FnOnce(&mut SslConnectorBuilder),
) -> io::Result<String> {
    let mut builder = SslConnector::builder(SslMethod::tls_client())?;
    builder.cert_store_mut().add_cert(trusted.certificate.clone())?;
    change(&mut builder);
    let address = url.trim_start_matches("https://");
    let stream = patient(TcpStream::connect(address)?)?;
    let connected = builder.build().connect("127.0.0.1", stream);
    let mut stream = connected.map_err(|error| io::Error::other(error.to_string()))?;
    let body = "merchant_id=10001&telegram_version=1.0&telegram_kind=094&trading_id=nobody";
    write!(
        stream,
        "POST {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}
