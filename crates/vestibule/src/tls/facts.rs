//! What is known of a client's TLS.

use rustls::pki_types::CertificateDer;
use vestibule_peek::tls::{Hello, Ja4, Sni};

use super::{
    Session,
    certificates::{Chosen, common_name},
    names,
};

/// What the client said in its hello, as far as logs and upstreams want it.
#[derive(Debug)]
pub(crate) struct ClientHello {
    /// The server name, in lower case and without a dot at the end; or an IP address, which is no
    /// name (RFC 6066 section 3).
    sni: Option<Box<str>>,
    /// What the client likes best by ALPN.
    pub(crate) alpn: Option<Box<[u8]>>,
    /// What is offered by ALPN, as far as a route asks for it; kept where further requests of the
    /// connection are routed.
    pub(crate) asked_alpn: Vec<Vec<u8>>,
    /// The JA4 fingerprint, when somebody wants to know it.
    pub(crate) ja4: Option<Ja4>,
    is_name: bool,
}

/// What was negotiated where the client's TLS ends.
#[derive(Clone, Debug)]
pub(crate) struct Terminated {
    /// The protocol that was agreed on by ALPN.
    pub(crate) alpn: Option<Box<[u8]>>,
    /// As OpenSSL names it.
    pub(crate) cipher: &'static str,
    /// The common name of the client's certificate.
    pub(crate) client_cn: Option<Box<str>>,
    /// The key exchange group, by its name in the IANA registry.
    pub(crate) group: Option<&'static str>,
    /// Our own certificate.
    pub(crate) own: Option<Chosen>,
    /// Whether an earlier session was resumed.
    pub(crate) resumed: bool,
    /// Such as `TLSv1.3`.
    pub(crate) version: &'static str,
}

/// A certificate that a client has shown and that was verified.
#[derive(Debug)]
pub(crate) struct ClientCertificate<'a> {
    /// X.509.
    pub(crate) der: &'a [u8],
    /// The common name of its subject.
    pub(crate) common_name: Option<String>,
}

impl<'a> ClientCertificate<'a> {
    /// What `der` says.
    pub(crate) fn new(der: &'a [u8]) -> Self {
        Self {
            der,
            common_name: common_name(&CertificateDer::from(der)),
        }
    }
}

impl ClientHello {
    /// What `hello` says.
    pub(crate) fn new(hello: &Hello<'_>, fingerprint: bool) -> Self {
        let (sni, is_name) = match hello.sni() {
            Sni::Absent => (None, false),
            Sni::IpLiteral(address) => (Some(address.to_string().into()), false),
            Sni::Name(name) => (Some(name.as_str().into()), true),
        };
        Self {
            sni,
            alpn: hello.alpn().next().map(Into::into),
            asked_alpn: Vec::new(),
            ja4: fingerprint.then(|| hello.ja4()),
            is_name,
        }
    }

    /// The server name, when there is one.
    pub(crate) fn server_name(&self) -> Option<&str> {
        self.sni.as_deref().filter(|_| self.is_name)
    }

    /// What stands where the server name should, as it is logged.
    pub(crate) fn sni(&self) -> Option<&str> {
        self.sni.as_deref()
    }
}

impl Terminated {
    /// What `session`, whose handshake is complete, has negotiated, and which certificate was
    /// `chosen` for it.
    pub(crate) fn new(session: &Session, own: Option<Chosen>) -> Self {
        let state = session.state();
        Self {
            alpn: state.alpn_protocol().map(Into::into),
            cipher: state
                .negotiated_cipher_suite()
                .map_or("", names::openssl_cipher),
            client_cn: state
                .peer_certificates()
                .and_then(|chain| common_name(chain.first()?))
                .map(Into::into),
            group: state
                .negotiated_key_exchange_group()
                .and_then(|group| names::group(group.name())),
            own,
            resumed: state.handshake_kind() == Some(rustls::HandshakeKind::Resumed),
            version: state.protocol_version().map_or("", names::version),
        }
    }
}
