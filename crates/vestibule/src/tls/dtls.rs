//! What DTLS shares with TLS: certificates, the key log, and who is trusted.

use std::{io, path::Path, sync::Arc};

use rustls::pki_types::{
    CertificateDer,
    pem::{Error, PemObject},
};
use vestibule_config::Certificate;
use vestibule_dtls::{Identity, stack::KeyLog};

use super::{
    certificates::{Pair, Role, read_key},
    keylog,
};
use crate::material::{Reader, Reason};

/// What a chain may have, in bytes, before it is worth a warning: each client pays for it with each
/// full handshake.
const LONG_CHAIN: usize = 1_500;

/// Reads a chain and its key, as a server shows them by DTLS. `None`: `reader` has the reasons.
pub(crate) fn load_identity(source: &Certificate, reader: &mut Reader) -> Option<Identity> {
    let pair = Pair::load(source, Role::Server, reader)?;
    let key = read_key(&source.key, reader)?;
    let chain: Vec<Vec<u8>> = pair.key.cert.iter().map(|der| der.to_vec()).collect();
    if pair.details.rsa_bits.is_some() {
        reader.note(&source.chain, Reason::RsaByRadio);
    }
    let bytes = chain.iter().map(Vec::len).sum();
    if bytes > LONG_CHAIN {
        reader.note(&source.chain, Reason::LongChain { bytes });
    }
    // All else was found out already.
    let identity = Identity::new(chain, key.secret_der());
    identity
        .map_err(|_| reader.note(&source.key, Reason::KeyNotForDtls))
        .ok()
}

/// As [`key_log`], for a process without an event log: says to `tell`, once, that something could not be written.
pub(crate) fn told_key_log(tell: fn(&io::Error)) -> Option<Arc<dyn KeyLog>> {
    let log = Told {
        secrets: keylog::secrets(),
        tell,
    };
    rustls::KeyLog::will_log(&*log.secrets, "CLIENT_RANDOM").then(|| Arc::new(log) as _)
}

/// A key log whose failure is told.
struct Told {
    secrets: Arc<keylog::Secrets>,
    tell: fn(&io::Error),
}

impl KeyLog for Told {
    fn log(&self, label: &str, client_random: &[u8; 32], secret: &[u8]) {
        if let Err(error) = self.secrets.write(label, client_random, secret) {
            (self.tell)(&error);
        }
    }
}

/// The key log of the process, if there is one.
pub(crate) fn key_log() -> Option<Arc<dyn KeyLog>> {
    let secrets = keylog::secrets();
    rustls::KeyLog::will_log(&*secrets, "CLIENT_RANDOM").then_some(secrets as _)
}

/// The certificates of a file in PEM, in DER.
///
/// # Errors
/// It cannot be read, or what is wrong with it.
pub(crate) fn read_authorities(path: &Path) -> Result<Vec<Vec<u8>>, String> {
    let found: Result<Vec<_>, Error> =
        CertificateDer::pem_file_iter(path).and_then(Iterator::collect);
    match found {
        Err(Error::Io(error)) => Err(error.to_string()),
        Err(error) => Err(format!("it is no PEM: {error}")),
        Ok(found) if found.is_empty() => Err("there is no certificate in it".to_owned()),
        Ok(found) => Ok(found.iter().map(|der| der.to_vec()).collect()),
    }
}

/// The authorities that the system trusts, in DER.
pub(crate) fn system_authorities() -> Vec<Vec<u8>> {
    let found = rustls_native_certs::load_native_certs().certs;
    found.iter().map(|der| der.to_vec()).collect()
}
