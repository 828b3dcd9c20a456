//! The one seam to TLS. OpenSSL, because the server may ask for the client certificate only after it has read the path:
//! by renegotiation in TLS 1.2, as clients of this gateway's family must follow it, and after the handshake in TLS 1.3.
//! Host name and chain are always verified.

use std::io;

use openssl::asn1::Asn1Time;
use openssl::error::ErrorStack;
use openssl::pkey::PKey;
use openssl::ssl::{self, SslConnector, SslConnectorBuilder, SslMethod, SslRef, SslVersion};
use openssl::x509::store::X509StoreBuilder;
use openssl::x509::{X509, X509VerifyResult};
use secrecy::ExposeSecret as _;

use super::outcome::{Fault, FaultCode};
use super::settings::{Access, Settings};
use crate::abi::tls::answer_late_requests;

/// A connector for these settings; reads the certificate's files.
pub(super) fn connector(settings: &Settings) -> Result<SslConnector, Fault> {
    let broken = |error: ErrorStack| Fault::new(FaultCode::TlsSetup, error.to_string());
    let mut builder = SslConnector::builder(SslMethod::tls_client()).map_err(broken)?;
    builder
        .set_min_proto_version(Some(SslVersion::TLS1_2))
        .map_err(broken)?;
    trust(&mut builder, settings)?;
    if settings.access == Access::Certificate {
        prove(&mut builder, settings)?;
        answer_late_requests(&mut builder);
    }
    Ok(builder.build())
}

/// Whom we believe: the configured authorities alone, or the system's.
fn trust(builder: &mut SslConnectorBuilder, settings: &Settings) -> Result<(), Fault> {
    let broken = |what: String| Fault::new(FaultCode::TlsSetup, what);
    let mut store = X509StoreBuilder::new().map_err(|error| broken(error.to_string()))?;
    if let Some(path) = &settings.authorities {
        let pem = std::fs::read(path).map_err(|error| broken(format!("{}: {error}", path.display())))?;
        let authorities = X509::stack_from_pem(&pem).map_err(|error| broken(format!("{}: {error}", path.display())))?;
        for authority in authorities {
            store.add_cert(authority).map_err(|error| broken(error.to_string()))?;
        }
        builder.set_cert_store(store.build());
        return Ok(());
    }
    builder.set_cert_store(store.build());
    let system = openssl_probe::probe();
    builder
        .load_verify_locations(system.cert_file.as_deref(), system.cert_dir.as_deref())
        .map_err(|error| broken(format!("the system's certificate authorities: {error}")))
}

/// Days until our certificate runs out; none where we show none.
pub(super) fn days_left(settings: &Settings, now: i64) -> Option<Result<i64, Fault>> {
    let path = settings
        .certificate
        .as_ref()
        .filter(|_| settings.access == Access::Certificate)?;
    let broken = |what: String| Fault::new(FaultCode::TlsCertificate, format!("{}: {what}", path.display()));
    let read = || {
        let pem = std::fs::read(path).map_err(|error| broken(error.to_string()))?;
        let own = X509::from_pem(&pem).map_err(|error| broken(error.to_string()))?;
        let now = Asn1Time::from_unix(now).map_err(|error| broken(error.to_string()))?;
        let left = now.diff(own.not_after()).map_err(|error| broken(error.to_string()))?;
        Ok(i64::from(left.days))
    };
    Some(read())
}

/// Who we are: the first certificate of the file, its chain, and its key.
fn prove(builder: &mut SslConnectorBuilder, settings: &Settings) -> Result<(), Fault> {
    let Some(path) = &settings.certificate else {
        return Err(Fault::new(
            FaultCode::TlsCertificate,
            "no client certificate is configured",
        ));
    };
    let broken = |what: String| Fault::new(FaultCode::TlsCertificate, format!("{}: {what}", path.display()));
    let pem = std::fs::read(path).map_err(|error| broken(error.to_string()))?;
    let passphrase = settings.passphrase.expose_secret().as_bytes();
    let key = PKey::private_key_from_pem_passphrase(&pem, passphrase)
        .map_err(|_| broken("the key cannot be read with this passphrase".to_owned()))?;
    let mut chain = X509::stack_from_pem(&pem)
        .map_err(|error| broken(error.to_string()))?
        .into_iter();
    let own = chain.next().ok_or_else(|| broken("no certificate in it".to_owned()))?;
    let unfit = |error: ErrorStack| broken(error.to_string());
    builder.set_certificate(&own).map_err(unfit)?;
    for above in chain {
        builder.add_extra_chain_cert(above).map_err(unfit)?;
    }
    builder.set_private_key(&key).map_err(unfit)?;
    builder
        .check_private_key()
        .map_err(|_| broken("the key is not this certificate's".to_owned()))
}

/// Why a handshake failed: we do not believe them, they do not believe us, or something else.
pub(super) fn why(ssl: &SslRef, error: &ssl::Error) -> (FaultCode, String) {
    match ssl.verify_result() {
        X509VerifyResult::OK if refuses_us(error) => (FaultCode::TlsCertificate, error.to_string()),
        X509VerifyResult::OK => (FaultCode::TlsHandshake, error.to_string()),
        unbelieved => (FaultCode::TlsHost, unbelieved.error_string().to_owned()),
    }
}

/// Why the server does not take our certificate, where that is what broke a read.
pub(super) fn refusal(error: &io::Error) -> Option<String> {
    let error = error.get_ref()?.downcast_ref::<ssl::Error>()?;
    refuses_us(error).then(|| error.to_string())
}

/// The server's alert says that it is about our certificate.
fn refuses_us(error: &ssl::Error) -> bool {
    const LIBRARY_SSL: i32 = 20;
    /// OpenSSL's reason for an alert of the peer's is this and the alert's number.
    const ALERT: i32 = 1_000;
    /// RFC 8446, 6.2: bad, unsupported, revoked, expired, unknown, of an unknown authority, access denied, required.
    const OF_CERTIFICATES: [i32; 8] = [42, 43, 44, 45, 46, 48, 49, 116];
    let errors = error.ssl_error().map_or(&[][..], ErrorStack::errors);
    errors
        .iter()
        .any(|error| error.library_code() == LIBRARY_SSL && OF_CERTIFICATES.contains(&(error.reason_code() - ALERT)))
}
