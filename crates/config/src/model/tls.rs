//! What the configuration says of TLS.

use std::{ops::Range, path::PathBuf, time::Duration};

/// `[[certificate]]`, or `tls.certificate` of a service: a chain and its private key, both PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// The certificate itself first, then intermediate ones.
    pub chain: FileRef,
    /// The private key: PKCS#8, PKCS#1 or SEC1.
    pub key: FileRef,
}

/// A file that the program reads, and where the configuration names it, so that what is wrong with
/// the file can be told at that place ([`crate::Report::add`]).
#[derive(Clone, Debug)]
pub struct FileRef {
    /// The file. What the configuration writes as a relative path is relative to the directory
    /// of the configuration file.
    pub path: PathBuf,
    pub(crate) span: Range<usize>,
}

impl FileRef {
    /// A file that the configuration does not name. What is wrong with it is told at the
    /// beginning of the configuration.
    pub fn unnamed(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            span: 0..0,
        }
    }
}

impl PartialEq for FileRef {
    /// The same file, wherever it is named.
    fn eq(&self, other: &Self) -> bool {
        self.path == other.path
    }
}

impl Eq for FileRef {}

/// `[listener.tls]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListenerTls {
    /// `mode = "peek"`: the ClientHello is read for routing and carried on, byte for byte.
    Peek,
    /// `mode = "terminate"`: this is the end of the client's TLS.
    Terminate(Box<Terminate>),
}

/// `[listener.tls]` with `mode = "terminate"`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terminate {
    /// What is spoken here.
    pub parameters: TlsParameters,
    /// `prefer_server_ciphers`: our order of cipher suites decides, not the client's. Default true.
    pub prefer_server_ciphers: bool,
    /// Protocols by preference (RFC 7301). Empty: ALPN is not negotiated.
    pub alpn: Vec<Vec<u8>>,
    /// Whether a client is refused whose server name (or lack of one) no certificate has; otherwise
    /// it gets the default certificate. Default false.
    pub strict_sni: bool,
    /// Whom we ask for a certificate; `None`: nobody.
    pub client_auth: Option<ClientAuth>,
    /// Session tickets; `None`: none are given and every handshake is a full one.
    pub tickets: Option<Tickets>,
    /// What is shown instead of any `[[certificate]]`. Never written: the TCP side of a gateway has
    /// that of the gateway.
    pub certificate: Option<Certificate>,
}

/// Versions, cipher suites and groups, in both roles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsParameters {
    /// The lowest version. Default 1.2.
    pub min_version: TlsVersion,
    /// The highest version, not below `min_version`. Default 1.3.
    pub max_version: TlsVersion,
    /// Cipher suites by preference. Default: [`CipherSuite::ALL`]. At least one for each version
    /// between `min_version` and `max_version`.
    pub cipher_suites: Vec<CipherSuite>,
    /// Key exchange groups by preference. Default: [`Group::ALL`].
    pub groups: Vec<Group>,
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TlsVersion {
    /// TLS 1.2 (RFC 5246).
    V1_2,
    /// TLS 1.3 (RFC 8446).
    V1_3,
}

/// A cipher suite, by its name in the IANA registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum CipherSuite {
    Aes256GcmSha384,
    Aes128GcmSha256,
    Chacha20Poly1305Sha256,
    EcdheEcdsaWithAes256GcmSha384,
    EcdheEcdsaWithAes128GcmSha256,
    EcdheEcdsaWithChacha20Poly1305Sha256,
    EcdheRsaWithAes256GcmSha384,
    EcdheRsaWithAes128GcmSha256,
    EcdheRsaWithChacha20Poly1305Sha256,
}

impl CipherSuite {
    /// Every suite there is, best first.
    pub const ALL: [Self; 9] = [
        Self::Aes256GcmSha384,
        Self::Aes128GcmSha256,
        Self::Chacha20Poly1305Sha256,
        Self::EcdheEcdsaWithAes256GcmSha384,
        Self::EcdheEcdsaWithAes128GcmSha256,
        Self::EcdheEcdsaWithChacha20Poly1305Sha256,
        Self::EcdheRsaWithAes256GcmSha384,
        Self::EcdheRsaWithAes128GcmSha256,
        Self::EcdheRsaWithChacha20Poly1305Sha256,
    ];

    /// Its name in the IANA registry, as the configuration writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Aes256GcmSha384 => "TLS_AES_256_GCM_SHA384",
            Self::Aes128GcmSha256 => "TLS_AES_128_GCM_SHA256",
            Self::Chacha20Poly1305Sha256 => "TLS_CHACHA20_POLY1305_SHA256",
            Self::EcdheEcdsaWithAes256GcmSha384 => "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
            Self::EcdheEcdsaWithAes128GcmSha256 => "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
            Self::EcdheEcdsaWithChacha20Poly1305Sha256 => {
                "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"
            }
            Self::EcdheRsaWithAes256GcmSha384 => "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
            Self::EcdheRsaWithAes128GcmSha256 => "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
            Self::EcdheRsaWithChacha20Poly1305Sha256 => {
                "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256"
            }
        }
    }

    /// Its name in OpenSSL, as HAProxy writes it into the PROXY protocol; the configuration
    /// accepts it too.
    pub const fn openssl_name(self) -> &'static str {
        match self {
            Self::Aes256GcmSha384 => "TLS_AES_256_GCM_SHA384",
            Self::Aes128GcmSha256 => "TLS_AES_128_GCM_SHA256",
            Self::Chacha20Poly1305Sha256 => "TLS_CHACHA20_POLY1305_SHA256",
            Self::EcdheEcdsaWithAes256GcmSha384 => "ECDHE-ECDSA-AES256-GCM-SHA384",
            Self::EcdheEcdsaWithAes128GcmSha256 => "ECDHE-ECDSA-AES128-GCM-SHA256",
            Self::EcdheEcdsaWithChacha20Poly1305Sha256 => "ECDHE-ECDSA-CHACHA20-POLY1305",
            Self::EcdheRsaWithAes256GcmSha384 => "ECDHE-RSA-AES256-GCM-SHA384",
            Self::EcdheRsaWithAes128GcmSha256 => "ECDHE-RSA-AES128-GCM-SHA256",
            Self::EcdheRsaWithChacha20Poly1305Sha256 => "ECDHE-RSA-CHACHA20-POLY1305",
        }
    }

    /// The version that it belongs to.
    pub const fn version(self) -> TlsVersion {
        match self {
            Self::Aes256GcmSha384 | Self::Aes128GcmSha256 | Self::Chacha20Poly1305Sha256 => {
                TlsVersion::V1_3
            }
            _ => TlsVersion::V1_2,
        }
    }
}

/// A key exchange group, by its name in the IANA registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Group {
    X25519Mlkem768,
    X25519,
    Secp256r1,
    Secp384r1,
}

impl Group {
    /// Every group there is, best first. The first is post-quantum, and for TLS 1.3 only.
    pub const ALL: [Self; 4] = [
        Self::X25519Mlkem768,
        Self::X25519,
        Self::Secp256r1,
        Self::Secp384r1,
    ];

    /// Its name in the IANA registry, as the configuration writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::X25519Mlkem768 => "X25519MLKEM768",
            Self::X25519 => "X25519",
            Self::Secp256r1 => "secp256r1",
            Self::Secp384r1 => "secp384r1",
        }
    }
}

/// `client_auth`: certificates of clients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientAuth {
    /// `mode = "required"` (true) or `"optional"` (false): a client without a certificate is
    /// refused. One with a bad certificate always is.
    pub required: bool,
    /// Whose certificates are good: one or more, PEM.
    pub ca: FileRef,
    /// Revocation lists, PEM. Where there are any, every certificate of the chain must be covered
    /// by one.
    pub crl: Vec<FileRef>,
}

/// `tickets`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tickets {
    /// Keys shared with other machines: one a line, 64 hexadecimal digits; the first encrypts, all
    /// decrypt. `None`: keys of this process, replaced by themselves.
    pub key_file: Option<FileRef>,
    /// How long a ticket can be used. Default 12 h.
    pub lifetime: Duration,
}

/// A name that is matched: `""`, `"chat.example.org"` or `"*.example.org"`. In lower case, without
/// a dot at the end.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum NameMatch {
    /// `""`: there is no name.
    Absent,
    /// This name.
    Exact(String),
    /// `"*.example.org"`, held as `example.org`: exactly one label more.
    Wildcard(String),
}

impl NameMatch {
    /// Whether `name`, in lower case and without a dot at the end, matches.
    pub fn matches(&self, name: Option<&str>) -> bool {
        match (self, name) {
            (Self::Absent, name) => name.is_none(),
            (_, None) => false,
            (Self::Exact(exact), Some(name)) => exact == name,
            (Self::Wildcard(parent), Some(name)) => name
                .split_once('.')
                .is_some_and(|(label, rest)| !label.is_empty() && rest == parent),
        }
    }
}

/// `tls` of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamTls {
    /// What is spoken there.
    pub parameters: TlsParameters,
    /// The name (or IP address) that the target's certificate must have, and that is sent as SNI
    /// when it is a name. `None`: the target's own, of `sni:` upstreams the client's.
    pub server_name: Option<String>,
    /// Whether SNI is sent. Default true.
    pub sni: bool,
    /// What is offered by ALPN.
    pub alpn: UpstreamAlpn,
    /// Whose certificates are good, PEM; `None`: the system's.
    pub ca: Option<FileRef>,
    /// Our own certificate, for targets that ask for one.
    pub certificate: Option<Certificate>,
    /// Whether the target's certificate is verified. Default true.
    pub verify: bool,
}

/// `tls.alpn` of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UpstreamAlpn {
    /// `"forward"`: what was negotiated with the client where its TLS was terminated, else nothing.
    /// The default; never of kind `http`.
    Forward,
    /// These protocols, by preference. Empty: none. Of kind `http` by default `http/1.1`.
    Set(Vec<Vec<u8>>),
}
