//! TLS as the clients and the origin speak it: version 1.3, one cipher suite, one group at a time,
//! so that a row measures what its name says.

mod client;
mod identity;
mod server;

pub(crate) use self::client::{Client, Stream, client_hello};
pub(crate) use self::identity::{
    CA, CERTIFICATE, CERTIFICATE_AND_KEY, Identity, KEY, RSA_CERTIFICATE, RSA_KEY,
};
pub(crate) use self::server::Server;

use std::fmt;
use std::sync::Arc;

use rustls::crypto::{CryptoProvider, SupportedKxGroup, aws_lc_rs};

use crate::error::Error;

/// The name in every ClientHello and in the certificate.
pub(crate) const SERVER_NAME: &str = "chat.example.org";

/// A key exchange group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Group {
    X25519,
    X25519MlKem768,
}

impl Group {
    fn implementation(self) -> &'static dyn SupportedKxGroup {
        match self {
            Self::X25519 => aws_lc_rs::kx_group::X25519,
            Self::X25519MlKem768 => aws_lc_rs::kx_group::X25519MLKEM768,
        }
    }
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::X25519 => "X25519",
            Self::X25519MlKem768 => "X25519MLKEM768",
        })
    }
}

/// The suite is the one that rustls and OpenSSL both prefer, so that it is the same everywhere.
fn provider(groups: &[Group]) -> Arc<CryptoProvider> {
    Arc::new(CryptoProvider {
        cipher_suites: vec![aws_lc_rs::cipher_suite::TLS13_AES_256_GCM_SHA384],
        kx_groups: groups.iter().map(|group| group.implementation()).collect(),
        ..aws_lc_rs::default_provider()
    })
}

fn tls_error(error: rustls::Error) -> Error {
    Error::Tls(error)
}

#[cfg(test)]
mod tests;
