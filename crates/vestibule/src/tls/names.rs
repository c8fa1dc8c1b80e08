//! The configuration's words for what is spoken, as rustls has them, and back into the words of
//! OpenSSL.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use rustls::{
    NamedGroup, ProtocolVersion, SupportedCipherSuite, SupportedProtocolVersion,
    crypto::{
        CryptoProvider, SupportedKxGroup,
        aws_lc_rs::{self, cipher_suite, kx_group},
    },
    version::{TLS12, TLS13},
};
use vestibule_config::{CipherSuite, Group, TlsParameters, TlsVersion};

/// The cryptography that `parameters` allow, in their order.
pub(super) fn provider(parameters: &TlsParameters) -> Arc<CryptoProvider> {
    let allowed = parameters.min_version..=parameters.max_version;
    let suites = parameters.cipher_suites.iter();
    Arc::new(CryptoProvider {
        cipher_suites: suites
            .filter(|suite| allowed.contains(&suite.version()))
            .map(|suite| cipher_suite(*suite))
            .collect(),
        kx_groups: parameters
            .groups
            .iter()
            .map(|group| kx_group(*group))
            .collect(),
        ..aws_lc_rs::default_provider()
    })
}

/// The versions that `parameters` allow.
pub(super) fn versions(parameters: &TlsParameters) -> Vec<&'static SupportedProtocolVersion> {
    let allowed = parameters.min_version..=parameters.max_version;
    [(TlsVersion::V1_3, &TLS13), (TlsVersion::V1_2, &TLS12)]
        .into_iter()
        .filter(|(version, _)| allowed.contains(version))
        .map(|(_, version)| version)
        .collect()
}

/// The name of a version in OpenSSL, such as `TLSv1.3`.
pub(crate) fn version(version: ProtocolVersion) -> &'static str {
    match version {
        ProtocolVersion::TLSv1_2 => "TLSv1.2",
        ProtocolVersion::TLSv1_3 => "TLSv1.3",
        // Nothing else is negotiated.
        _ => "",
    }
}

/// The name of a cipher suite in OpenSSL, such as `ECDHE-ECDSA-AES256-GCM-SHA384`.
pub(crate) fn openssl_cipher(suite: SupportedCipherSuite) -> &'static str {
    CipherSuite::ALL
        .into_iter()
        .find(|known| cipher_suite(*known).suite() == suite.suite())
        // Nothing else is negotiated.
        .map_or("", CipherSuite::openssl_name)
}

/// The name of a key exchange group in the IANA registry, such as `X25519MLKEM768`.
pub(crate) fn group(group: NamedGroup) -> Option<&'static str> {
    Group::ALL
        .into_iter()
        .find(|known| kx_group(*known).name() == group)
        .map(Group::name)
}

fn cipher_suite(suite: CipherSuite) -> SupportedCipherSuite {
    use cipher_suite::*;
    match suite {
        CipherSuite::Aes256GcmSha384 => TLS13_AES_256_GCM_SHA384,
        CipherSuite::Aes128GcmSha256 => TLS13_AES_128_GCM_SHA256,
        CipherSuite::Chacha20Poly1305Sha256 => TLS13_CHACHA20_POLY1305_SHA256,
        CipherSuite::EcdheEcdsaWithAes256GcmSha384 => TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
        CipherSuite::EcdheEcdsaWithAes128GcmSha256 => TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
        CipherSuite::EcdheEcdsaWithChacha20Poly1305Sha256 => {
            TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256
        }
        CipherSuite::EcdheRsaWithAes256GcmSha384 => TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
        CipherSuite::EcdheRsaWithAes128GcmSha256 => TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
        CipherSuite::EcdheRsaWithChacha20Poly1305Sha256 => {
            TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256
        }
    }
}

fn kx_group(group: Group) -> &'static dyn SupportedKxGroup {
    match group {
        Group::X25519Mlkem768 => kx_group::X25519MLKEM768,
        Group::X25519 => kx_group::X25519,
        Group::Secp256r1 => kx_group::SECP256R1,
        Group::Secp384r1 => kx_group::SECP384R1,
    }
}
