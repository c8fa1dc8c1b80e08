//! Identities for tests.

use rcgen::{
    CertificateParams, DistinguishedName, DnType, KeyPair, PKCS_ECDSA_P256_SHA256,
    PKCS_ECDSA_P384_SHA384, PKCS_RSA_SHA256, RsaKeySize,
};

use crate::Identity;

/// The name in all certificates.
pub const NAME: &str = "matrix.example.org";

/// Kinds of keys.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// ECDSA with P-256.
    P256,
    /// ECDSA with P-384.
    P384,
    /// RSA with 2048 bits.
    Rsa,
}

/// A new identity, whose certificate has signed itself.
///
/// # Panics
/// If it cannot be made.
#[must_use]
pub fn identity(kind: Kind) -> Identity {
    let key = certificate_key(kind);
    let certificate = self_signed(&key, 0);
    Identity::new(vec![certificate], &key.serialize_der()).expect("an identity")
}

/// A new key.
///
/// # Panics
/// If it cannot be made.
#[must_use]
pub fn certificate_key(kind: Kind) -> KeyPair {
    match kind {
        Kind::P256 => KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256),
        Kind::P384 => KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384),
        Kind::Rsa => KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048),
    }
    .expect("a key")
}

/// A certificate for [`NAME`] that has signed itself, with so many bytes that say nothing. DER.
///
/// # Panics
/// If it cannot be made.
#[must_use]
pub fn self_signed(key: &KeyPair, padding: usize) -> Vec<u8> {
    let mut params = CertificateParams::new(vec![NAME.to_owned()]).expect("a name");
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, NAME);
    if padding > 0 {
        params
            .distinguished_name
            .push(DnType::OrganizationName, "x".repeat(padding));
    }
    params
        .self_signed(key)
        .expect("a certificate")
        .der()
        .to_vec()
}
