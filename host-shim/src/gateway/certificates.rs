//! Keys and certificates, made once per folder: an authority, the server's and the shop's. The authority's key is
//! thrown away when they are signed.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use openssl::asn1::Asn1Time;
use openssl::bn::{BigNum, MsbOption};
use openssl::ec::{EcGroup, EcKey};
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::symm::Cipher;
use openssl::x509::extension::{BasicConstraints, ExtendedKeyUsage, KeyUsage, SubjectAlternativeName};
use openssl::x509::{X509, X509Builder, X509Name, X509NameBuilder};

/// The passphrase of every client key of this family, by custom.
const PASSPHRASE: &[u8] = b"changeit";
const VALID_DAYS: u32 = 3650;

/// Where the files are.
#[derive(Debug, Clone)]
pub(crate) struct Certificates {
    /// The authority's certificate.
    pub(crate) authorities: PathBuf,
    /// The server's certificate, then its key.
    pub(crate) server: PathBuf,
    /// The shop's certificate, then its key under the passphrase.
    pub(crate) client: PathBuf,
}

struct Pair {
    key: PKey<Private>,
    certificate: X509,
}

impl Certificates {
    /// Those in the folder, or new ones when one of them is missing.
    pub(crate) fn in_folder(folder: &Path) -> anyhow::Result<Self> {
        let file = |name: &str| folder.join(name);
        let all = Self {
            authorities: file("authorities.pem"),
            server: file("server.pem"),
            client: file("client.pem"),
        };
        if [&all.authorities, &all.server, &all.client]
            .iter()
            .any(|path| !path.exists())
        {
            all.make().context("the simulator's certificates")?;
        }
        Ok(all)
    }

    fn make(&self) -> anyhow::Result<()> {
        let authority = authority()?;
        let server = signed(&authority, "127.0.0.1", Role::Server)?;
        let client = signed(&authority, "Simulated merchant", Role::Client)?;
        let key = client
            .key
            .private_key_to_pem_pkcs8_passphrase(Cipher::aes_256_cbc(), PASSPHRASE)?;
        write(&self.client, &[client.certificate.to_pem()?, key].concat())?;
        write(
            &self.server,
            &[server.certificate.to_pem()?, server.key.private_key_to_pem_pkcs8()?].concat(),
        )?;
        write(&self.authorities, &authority.certificate.to_pem()?)
    }
}

/// For the owner's eyes only from the first byte on.
fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    if path.exists() {
        std::fs::remove_file(path)?;
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    Ok(())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Server,
    Client,
}

fn authority() -> Result<Pair, ErrorStack> {
    let key = new_key()?;
    let name = name("Paygent simulator authority")?;
    let mut builder = draft(&name, &key)?;
    builder.set_issuer_name(&name)?;
    builder.append_extension(BasicConstraints::new().critical().ca().build()?)?;
    builder.append_extension(KeyUsage::new().critical().key_cert_sign().crl_sign().build()?)?;
    builder.sign(&key, MessageDigest::sha256())?;
    Ok(Pair {
        key,
        certificate: builder.build(),
    })
}

fn signed(authority: &Pair, common_name: &str, role: Role) -> Result<Pair, ErrorStack> {
    let key = new_key()?;
    let mut builder = draft(&name(common_name)?, &key)?;
    builder.set_issuer_name(authority.certificate.subject_name())?;
    builder.append_extension(BasicConstraints::new().critical().build()?)?;
    builder.append_extension(KeyUsage::new().critical().digital_signature().build()?)?;
    let mut usage = ExtendedKeyUsage::new();
    let usage = if role == Role::Server {
        usage.server_auth()
    } else {
        usage.client_auth()
    };
    builder.append_extension(usage.build()?)?;
    if role == Role::Server {
        let context = builder.x509v3_context(Some(&authority.certificate), None);
        let names = SubjectAlternativeName::new()
            .ip("127.0.0.1")
            .dns("localhost")
            .build(&context)?;
        builder.append_extension(names)?;
    }
    builder.sign(&authority.key, MessageDigest::sha256())?;
    Ok(Pair {
        key,
        certificate: builder.build(),
    })
}

fn draft(subject: &X509Name, key: &PKey<Private>) -> Result<X509Builder, ErrorStack> {
    let mut serial = BigNum::new()?;
    serial.rand(127, MsbOption::MAYBE_ZERO, false)?;
    let mut builder = X509::builder()?;
    builder.set_version(2)?;
    builder.set_serial_number(&*serial.to_asn1_integer()?)?;
    builder.set_subject_name(subject)?;
    builder.set_pubkey(key)?;
    builder.set_not_before(&*Asn1Time::days_from_now(0)?)?;
    builder.set_not_after(&*Asn1Time::days_from_now(VALID_DAYS)?)?;
    Ok(builder)
}

fn new_key() -> Result<PKey<Private>, ErrorStack> {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?;
    PKey::from_ec_key(EcKey::generate(&group)?)
}

fn name(common_name: &str) -> Result<X509Name, ErrorStack> {
    let mut builder = X509NameBuilder::new()?;
    builder.append_entry_by_nid(Nid::COMMONNAME, common_name)?;
    Ok(builder.build())
}
