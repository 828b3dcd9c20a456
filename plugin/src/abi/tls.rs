//! What OpenSSL offers to C alone.

use openssl::ssl::SslContextBuilder;

/// Lets a server of TLS 1.3 ask for our certificate after the handshake, once it has read the path, as it may by
/// renegotiation in TLS 1.2. An Apache set up so turns away who does not offer it (403), and an Apache of today speaks
/// both versions. The openssl crate has no word for it, and TLS 1.2 alone would end with the servers that speak it.
pub(crate) fn answer_late_requests(builder: &mut SslContextBuilder) {
    // SAFETY: the context is alive and `builder`'s alone, which is borrowed for the call; the call sets a flag in it.
    unsafe { openssl_sys::SSL_CTX_set_post_handshake_auth(builder.as_ptr(), 1) };
}
