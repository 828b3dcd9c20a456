//! How a telegram can end: five ways, and silence is none of the bad ones.

use super::codes::{self, Class};

/// The end of a telegram.
#[derive(Debug)]
pub(crate) enum Outcome<T> {
    /// The gateway did it.
    Good(T),
    /// The gateway or the card company refused; nothing was done.
    Declined(Refusal),
    /// Provably no byte of it left, or the server refused who we are: it may be sent again.
    NotExecuted(Fault),
    /// An answer came that leaves the outcome open: ask 094.
    Pending(Refusal),
    /// Asked, and no answer that can be believed: ask 094, never send it again.
    Unknown(Fault),
}

/// What the gateway said instead of yes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// `response_code`.
    pub(crate) code: String,
    /// `response_detail`, such as `1G12`.
    pub(crate) detail: String,
}

impl Refusal {
    /// What kind of refusal it is.
    pub(crate) fn class(&self) -> Class {
        codes::class(&self.code)
    }
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) code: FaultCode,
    /// For the log; holds no secret.
    pub(crate) detail: String,
}

impl Fault {
    pub(super) fn new(code: FaultCode, detail: impl Into<String>) -> Self {
        Self {
            code,
            detail: detail.into(),
        }
    }
}

/// The kinds of faults, with stable names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FaultCode {
    /// A field holds what Windows-31J cannot.
    Unencodable,
    /// The client certificate or its key cannot be used, or the server refuses it.
    TlsCertificate,
    /// TLS cannot be set up on our side.
    TlsSetup,
    /// Name or address does not answer.
    Connect,
    /// The host's certificate is not one that we believe.
    TlsHost,
    /// The handshake failed otherwise: not TLS, or none that both speak.
    TlsHandshake,
    /// The connection broke before the answer.
    RequestCut,
    /// No whole answer within the deadline.
    Timeout,
    /// The answer broke off.
    ReplyCut,
    /// Not status 200.
    ReplyStatus,
    /// Longer than any telegram.
    ReplyTooLong,
    /// No telegram, or one that contradicts what was asked.
    ReplyMalformed,
}

impl FaultCode {
    /// Its name in rows and logs.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Unencodable => "request.unencodable",
            Self::TlsCertificate => "tls.certificate",
            Self::TlsSetup => "tls.setup",
            Self::Connect => "connect.failed",
            Self::TlsHost => "tls.host",
            Self::TlsHandshake => "tls.handshake",
            Self::RequestCut => "request.cut",
            Self::Timeout => "reply.timeout",
            Self::ReplyCut => "reply.cut",
            Self::ReplyStatus => "reply.status",
            Self::ReplyTooLong => "reply.too_long",
            Self::ReplyMalformed => "reply.malformed",
        }
    }
}
