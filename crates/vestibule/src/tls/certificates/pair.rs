//! A chain and its private key, read and compared.

use std::{
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use rustls::{
    Error, InconsistentKeys,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, pem, pem::PemObject},
    sign::CertifiedKey,
};
use vestibule_config::{Certificate, FileRef};

use super::x509::{self, Details};
use crate::material::{Moment, Reader, Reason};

/// How long before its end a certificate is worth a warning.
const SOON: i64 = 7 * 24 * 3600;

/// The shortest RSA key, in bits.
const SHORTEST_RSA: usize = 2048;

/// A chain and its private key.
#[derive(Debug)]
pub(in crate::tls) struct Pair {
    /// The path of the chain.
    pub(in crate::tls) label: String,
    pub(in crate::tls) key: Arc<CertifiedKey>,
    pub(in crate::tls) details: Details,
}

/// What a certificate is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::tls) enum Role {
    /// Shown by us to servers.
    Client,
    /// Shown by us to clients, who look for a name in it.
    Server,
}

impl Pair {
    /// Reads them. `None`: `reader` has the reasons.
    pub(in crate::tls) fn load(
        source: &Certificate,
        role: Role,
        reader: &mut Reader,
    ) -> Option<Self> {
        // Both are read, so that everything wrong is told at once.
        let chain = read_certificates(&source.chain, reader);
        let key = read_key(&source.key, reader);
        let chain = chain?;
        let details = examine(&chain, &source.chain, role, reader)?;
        let key = match aws_lc_rs::sign::any_supported_type(&key?) {
            Ok(key) => CertifiedKey::new(chain, key),
            Err(error) => {
                let what = match error {
                    Error::General(what) => what,
                    error => error.to_string(),
                };
                reader.note(&source.key, Reason::KeyUnusable(what));
                return None;
            }
        };
        match key.keys_match() {
            Ok(()) | Err(Error::InconsistentKeys(InconsistentKeys::Unknown)) => {}
            Err(Error::InconsistentKeys(_)) => {
                reader.note(&source.key, Reason::KeyMismatch);
                return None;
            }
            Err(_) => {
                reader.note(&source.chain, Reason::BadCertificate { at: 1 });
                return None;
            }
        }
        Some(Self {
            label: source.chain.path.display().to_string(),
            key: Arc::new(key),
            details,
        })
    }
}

/// All certificates of a file; at least one. `None`: `reader` has the reason.
pub(in crate::tls) fn read_certificates(
    file: &FileRef,
    reader: &mut Reader,
) -> Option<Vec<CertificateDer<'static>>> {
    let found = read_sections(file, Reason::NoCertificate, reader)?;
    for (at, certificate) in found.iter().enumerate() {
        if Details::of(certificate).is_none() {
            reader.note(file, Reason::BadCertificate { at: at + 1 });
            return None;
        }
    }
    Some(found)
}

/// All sections of a kind in a file; at least one. `None`: `reader` has the reason.
pub(in crate::tls) fn read_sections<T: PemObject>(
    file: &FileRef,
    absent: Reason,
    reader: &mut Reader,
) -> Option<Vec<T>> {
    let bytes = reader.read(file)?;
    let reason = match T::pem_slice_iter(&bytes).collect::<Result<Vec<_>, _>>() {
        Ok(found) if !found.is_empty() => return Some(found),
        // An ASN.1 sequence begins so, text does not.
        Ok(_) if bytes.starts_with(&[0x30]) => Reason::Der,
        Ok(_) => absent,
        Err(error) => Reason::BadPem(damage(&error)),
    };
    reader.note(file, reason);
    None
}

/// The private key of a file. `None`: `reader` has the reason.
pub(in crate::tls) fn read_key(
    file: &FileRef,
    reader: &mut Reader,
) -> Option<PrivateKeyDer<'static>> {
    let bytes = reader.read(file)?;
    let reason = match PrivateKeyDer::from_pem_slice(&bytes) {
        Ok(key) => return Some(key),
        // PKCS#8, and what OpenSSL wrote before (RFC 1421 section 4.6.1.1).
        Err(_) if contains(&bytes, b"ENCRYPTED") => Reason::EncryptedKey,
        Err(pem::Error::NoItemsFound) if bytes.starts_with(&[0x30]) => Reason::Der,
        Err(pem::Error::NoItemsFound) => Reason::NoKey,
        Err(error) => Reason::BadPem(damage(&error)),
    };
    reader.note(file, reason);
    None
}

/// Notes everything that is wrong or doubtful in a chain. `None`: it cannot be used.
fn examine(
    chain: &[CertificateDer<'_>],
    file: &FileRef,
    role: Role,
    reader: &mut Reader,
) -> Option<Details> {
    let details = Details::of(chain.first()?)?;
    if let Some(bits) = details.rsa_bits.filter(|bits| *bits < SHORTEST_RSA) {
        reader.note(file, Reason::KeyTooShort { bits });
        return None;
    }
    let Moment(now) = now();
    let (Moment(begin), Moment(end)) = (details.not_before, details.not_after);
    if end < now {
        reader.note(file, Reason::Expired(details.not_after));
    } else if end < now + SOON {
        reader.note(file, Reason::ExpiresSoon(details.not_after));
    }
    if begin > now {
        reader.note(file, Reason::NotYetValid(details.not_before));
    }
    if role == Role::Server && details.names.is_empty() {
        reader.note(file, Reason::NoSubjectAltName);
    }
    let broken = (2..)
        .zip(chain.windows(2))
        .find(|(_, pair)| !x509::issued(&pair[1], &pair[0]));
    if let Some((at, _)) = broken {
        reader.note(file, Reason::ChainOutOfOrder { at });
    }
    Some(details)
}

/// What is wrong with PEM, without the bytes of it: they may be those of a key.
fn damage(error: &pem::Error) -> String {
    match error {
        pem::Error::MissingSectionEnd { .. } => "a section has no end",
        pem::Error::IllegalSectionStart { .. } => "a section begins in a wrong way",
        pem::Error::Base64Decode(_) => "a section is not base64",
        pem::Error::SectionTooLarge => "a section is too large",
        _ => "it cannot be decoded",
    }
    .to_owned()
}

fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}

/// The time now, by this machine's clock.
pub(in crate::tls) fn now() -> Moment {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    Moment(since.map_or(0, |since| since.as_secs().cast_signed()))
}
