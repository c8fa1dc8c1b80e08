//! Verifies the certificates of a server.

#[cfg(test)]
mod tests;

use rustls_pki_types::{CertificateDer, SignatureVerificationAlgorithm, UnixTime};
use webpki::{EndEntityCert, KeyUsage, aws_lc_rs as algorithms};
use x509_parser::{certificate::X509Certificate, prelude::FromDer};

use super::{
    config::PeerName,
    refusal::Refusal,
    trust::{Fingerprint, Roots, Trust},
};

/// The signatures that are taken in chains: those of rustls.
static ALGORITHMS: &[&dyn SignatureVerificationAlgorithm] = &[
    algorithms::ECDSA_P256_SHA256,
    algorithms::ECDSA_P256_SHA384,
    algorithms::ECDSA_P256_SHA512,
    algorithms::ECDSA_P384_SHA256,
    algorithms::ECDSA_P384_SHA384,
    algorithms::ECDSA_P384_SHA512,
    algorithms::ECDSA_P521_SHA256,
    algorithms::ECDSA_P521_SHA384,
    algorithms::ECDSA_P521_SHA512,
    algorithms::ED25519,
    algorithms::RSA_PSS_2048_8192_SHA256_LEGACY_KEY,
    algorithms::RSA_PSS_2048_8192_SHA384_LEGACY_KEY,
    algorithms::RSA_PSS_2048_8192_SHA512_LEGACY_KEY,
    algorithms::RSA_PKCS1_2048_8192_SHA256,
    algorithms::RSA_PKCS1_2048_8192_SHA384,
    algorithms::RSA_PKCS1_2048_8192_SHA512,
    algorithms::RSA_PKCS1_2048_8192_SHA256_ABSENT_PARAMS,
    algorithms::RSA_PKCS1_2048_8192_SHA384_ABSENT_PARAMS,
    algorithms::RSA_PKCS1_2048_8192_SHA512_ABSENT_PARAMS,
];

/// Whether `trust` makes `chain`, the server's own certificate first, good for `name` at `time`. Revocation is not
/// asked. That the server has the key of the first one is for the handshake to show.
///
/// # Errors
/// Why not.
pub(super) fn verify(
    chain: &[Vec<u8>],
    trust: &Trust,
    name: &PeerName,
    time: UnixTime,
) -> Result<(), Refusal> {
    let (leaf, intermediates) = chain.split_first().ok_or(Refusal::NoCertificate)?;
    match trust {
        Trust::Insecure => Ok(()),
        Trust::Fingerprint(expected) => match Fingerprint::of(leaf) {
            presented if presented == *expected => Ok(()),
            presented => Err(Refusal::WrongFingerprint {
                expected: *expected,
                presented,
            }),
        },
        Trust::Roots(roots) => {
            let leaf = CertificateDer::from(leaf.as_slice());
            let certificate =
                EndEntityCert::try_from(&leaf).map_err(|error| Refusal::of_chain(&error))?;
            // An authority cannot be a server for webpki, nor sign what is none: yet a certificate that was trusted
            // by itself needs nobody to vouch for it.
            if roots.contains(&leaf) {
                verify_member(&leaf, time)?;
            } else {
                verify_chain(&certificate, intermediates, roots, time)?;
            }
            certificate
                .verify_is_valid_for_subject_name(name.server_name())
                .map_err(|error| Refusal::of_name(&error, name, &leaf))
        }
    }
}

fn verify_chain(
    certificate: &EndEntityCert<'_>,
    intermediates: &[Vec<u8>],
    roots: &Roots,
    time: UnixTime,
) -> Result<(), Refusal> {
    let intermediates: Vec<_> = intermediates
        .iter()
        .map(|der| CertificateDer::from(der.as_slice()))
        .collect();
    certificate
        .verify_for_usage(
            ALGORITHMS,
            &roots.anchors,
            &intermediates,
            time,
            KeyUsage::server_auth(),
            None,
            None,
        )
        .map(drop)
        .map_err(|error| Refusal::of_chain(&error))
}

/// What is asked of a certificate that is trusted by itself: its time, and that it is for servers.
fn verify_member(leaf: &CertificateDer<'_>, time: UnixTime) -> Result<(), Refusal> {
    let Ok((_, leaf)) = X509Certificate::from_der(leaf) else {
        return Err(Refusal::Malformed);
    };
    let now = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    let validity = leaf.validity();
    let (from, until) = (
        validity.not_before.timestamp(),
        validity.not_after.timestamp(),
    );
    if now < from {
        return Err(Refusal::not_yet_valid(from));
    }
    if now > until {
        return Err(Refusal::expired(until));
    }
    match leaf.extended_key_usage() {
        Ok(None) => Ok(()),
        Ok(Some(usage)) if usage.value.server_auth => Ok(()),
        Ok(Some(_)) => Err(Refusal::NotForServers),
        Err(_) => Err(Refusal::Malformed),
    }
}
