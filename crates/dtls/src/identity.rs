//! Who a server is: its certificates and its private key.

use std::{fmt, sync::Arc};

use aws_lc_rs::{
    encoding::{AsDer, PublicKeyX509Der},
    error::Unspecified,
    rand::SystemRandom,
    rsa,
    signature::{
        ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair, KeyPair,
        RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaEncoding,
    },
};
use rustls_pki_types::CertificateDer;
use webpki::EndEntityCert;

/// `ecdsa_secp256r1_sha256`, and the others that follow, as RFC 8446 section 4.2.3 numbers them.
const ECDSA_P256_SHA256: u16 = 0x0403;
const ECDSA_P384_SHA384: u16 = 0x0503;
const RSA_PSS_RSAE_SHA256: u16 = 0x0804;
const RSA_PKCS1_SHA256_SCHEME: u16 = 0x0401;

/// A certificate chain with the private key of its first certificate. The key stays where it is: no stack sees it.
#[derive(Clone)]
pub struct Identity(Arc<Inner>);

struct Inner {
    chain: Vec<Vec<u8>>,
    key: Key,
}

enum Key {
    Ecdsa { pair: EcdsaKeyPair, scheme: u16 },
    Rsa(rsa::KeyPair),
}

impl Identity {
    /// Takes a chain, the server's own certificate first, and its key: ECDSA with P-256 or P-384, or RSA from 2048 to
    /// 8192 bits. All is DER; the key is PKCS #8, or SEC 1 (ECDSA) or PKCS #1 (RSA).
    ///
    /// # Errors
    /// There is no certificate, the first one cannot be read, the key cannot be used, or it is not that of the first
    /// certificate. What else the chain says is not looked at.
    pub fn new(chain: Vec<Vec<u8>>, key: &[u8]) -> Result<Self, IdentityError> {
        let leaf = chain.first().ok_or(IdentityError::NoCertificate)?;
        let leaf = CertificateDer::from(leaf.as_slice());
        let leaf = EndEntityCert::try_from(&leaf).map_err(|_| IdentityError::Certificate)?;
        let key = Key::parse(key).ok_or(IdentityError::Key)?;
        let public = key.public().map_err(|_| IdentityError::Key)?;
        if leaf.subject_public_key_info().as_ref() != public.as_ref() {
            return Err(IdentityError::Mismatch);
        }
        Ok(Self(Arc::new(Inner { chain, key })))
    }

    /// As [`Self::new`], but the key may be any other.
    #[cfg(test)]
    pub(crate) fn of_somebody_else(chain: Vec<Vec<u8>>, key: &[u8]) -> Option<Self> {
        let key = Key::parse(key)?;
        Some(Self(Arc::new(Inner { chain, key })))
    }

    /// The chain, the server's own certificate first. DER.
    #[must_use]
    pub fn chain(&self) -> &[Vec<u8>] {
        &self.0.chain
    }

    /// The schemes it can sign with, those it prefers first.
    pub(crate) fn schemes(&self) -> Vec<u16> {
        match self.0.key {
            Key::Ecdsa { scheme, .. } => vec![scheme],
            Key::Rsa(_) => vec![RSA_PSS_RSAE_SHA256, RSA_PKCS1_SHA256_SCHEME],
        }
    }

    /// Signs `message`, which is hashed as the scheme has it. `None`: not with this scheme.
    pub(crate) fn sign(&self, scheme: u16, message: &[u8]) -> Option<Vec<u8>> {
        let random = SystemRandom::new();
        match (&self.0.key, scheme) {
            (Key::Ecdsa { pair, scheme: own }, _) if *own == scheme => {
                let signature = pair.sign(&random, message).ok()?;
                Some(signature.as_ref().to_vec())
            }
            (Key::Rsa(pair), RSA_PSS_RSAE_SHA256) => sign_rsa(pair, &RSA_PSS_SHA256, message),
            (Key::Rsa(pair), RSA_PKCS1_SHA256_SCHEME) => sign_rsa(pair, &RSA_PKCS1_SHA256, message),
            _ => None,
        }
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("schemes", &self.schemes())
            .field("certificates", &self.0.chain.len())
            .finish_non_exhaustive()
    }
}

impl Key {
    fn parse(der: &[u8]) -> Option<Self> {
        let ecdsa = |algorithm, scheme| {
            let pair = EcdsaKeyPair::from_private_key_der(algorithm, der).ok()?;
            Some(Self::Ecdsa { pair, scheme })
        };
        ecdsa(&ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P256_SHA256)
            .or_else(|| ecdsa(&ECDSA_P384_SHA384_ASN1_SIGNING, ECDSA_P384_SHA384))
            .or_else(|| {
                let pair = rsa::KeyPair::from_pkcs8(der).or_else(|_| rsa::KeyPair::from_der(der));
                pair.ok().map(Self::Rsa)
            })
    }

    /// The public key as certificates have it.
    fn public(&self) -> Result<PublicKeyX509Der<'static>, Unspecified> {
        match self {
            Self::Ecdsa { pair, .. } => pair.public_key().as_der(),
            Self::Rsa(pair) => pair.public_key().as_der(),
        }
    }
}

fn sign_rsa(
    pair: &rsa::KeyPair,
    padding: &'static dyn RsaEncoding,
    message: &[u8],
) -> Option<Vec<u8>> {
    let mut signature = vec![0; pair.public_modulus_len()];
    pair.sign(padding, &SystemRandom::new(), message, &mut signature)
        .ok()?;
    Some(signature)
}

/// Why certificates and a key are no [`Identity`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum IdentityError {
    /// The chain is empty.
    NoCertificate,
    /// The first certificate cannot be read.
    Certificate,
    /// The key is of another kind, too short or damaged.
    Key,
    /// The key is not that of the first certificate.
    Mismatch,
}

impl fmt::Display for IdentityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoCertificate => "no certificate",
            Self::Certificate => "the first certificate cannot be read",
            Self::Key => "the key is not ECDSA P-256, ECDSA P-384 or RSA of 2048 bits or more",
            Self::Mismatch => "the key is not that of the first certificate",
        })
    }
}

impl std::error::Error for IdentityError {}

#[cfg(test)]
mod tests;
