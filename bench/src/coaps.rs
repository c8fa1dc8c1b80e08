//! CoAP over DTLS as the clients speak it: our own stack, the same for every server, with one
//! version and one cipher suite at a time, so that a row measures what its name says.

mod client;
mod clients;
mod dialogue;

use std::fmt;

use vestibule_dtls::session::{Agreement, Version};

pub(crate) use self::client::client_hello;
pub(crate) use self::clients::Clients;
pub(crate) use self::dialogue::Dialogue;

/// A kind of handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Handshake {
    pub(crate) version: Version,
    pub(crate) key: Key,
    /// Each association resumes the one before it.
    pub(crate) resumes: bool,
}

/// The key of the server's certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Key {
    /// ECDSA with P-256.
    Ecdsa,
    /// RSA with 2048 bits.
    Rsa,
}

impl Handshake {
    pub(crate) const DTLS12: Self = Self {
        version: Version::Dtls12,
        key: Key::Ecdsa,
        resumes: false,
    };
    pub(crate) const DTLS13: Self = Self {
        version: Version::Dtls13,
        ..Self::DTLS12
    };

    /// The same with tickets.
    pub(crate) const fn resumed(self) -> Self {
        Self {
            resumes: true,
            ..self
        }
    }

    /// The same with another key.
    pub(crate) const fn with_key(self, key: Key) -> Self {
        Self { key, ..self }
    }

    /// What has to come of it.
    fn outcome(self, resumed: bool) -> Outcome {
        Outcome {
            version: self.version,
            suite: match (self.version, self.key) {
                (Version::Dtls12, Key::Ecdsa) => ECDHE_ECDSA_CHACHA20_POLY1305,
                (Version::Dtls12, Key::Rsa) => ECDHE_RSA_CHACHA20_POLY1305,
                (Version::Dtls13, _) => AES_128_GCM,
            },
            resumed,
        }
    }
}

/// Cipher suites by their numbers in the registry: those that the clients offer first.
const ECDHE_ECDSA_CHACHA20_POLY1305: u16 = 0xcca9;
const ECDHE_RSA_CHACHA20_POLY1305: u16 = 0xcca8;
const AES_128_GCM: u16 = 0x1301;

/// What a handshake has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Outcome {
    version: Version,
    suite: u16,
    resumed: bool,
}

impl From<Agreement> for Outcome {
    fn from(agreement: Agreement) -> Self {
        Self {
            version: agreement.version,
            suite: agreement.suite,
            resumed: agreement.resumed,
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (version, suite) = (self.version.name(), self.suite);
        let kind = if self.resumed { "resumed" } else { "full" };
        write!(f, "{kind}, DTLS {version}, suite {suite:04x}")
    }
}
