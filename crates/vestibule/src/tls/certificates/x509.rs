//! What a certificate says of itself (RFC 5280).

use rustls::pki_types::CertificateDer;
use x509_parser::{
    certificate::X509Certificate, extensions::GeneralName, prelude::FromDer, public_key::PublicKey,
    x509::SubjectPublicKeyInfo,
};

use crate::material::Moment;

/// What we need to know of a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::tls) struct Details {
    /// The DNS names among its subjectAltNames, in lower case; some begin with `*.`.
    pub(in crate::tls) names: Vec<String>,
    pub(in crate::tls) not_before: Moment,
    pub(in crate::tls) not_after: Moment,
    /// The size of the key, of an RSA certificate.
    pub(in crate::tls) rsa_bits: Option<usize>,
    /// What it is signed with, by its short name in OpenSSL, such as `ecdsa-with-SHA256`; one that
    /// has none by its object identifier.
    pub(in crate::tls) signature_algorithm: String,
    /// The kind and size of its key, as HAProxy writes it, such as `RSA2048` or `EC256`; `None`:
    /// another kind.
    pub(in crate::tls) key_algorithm: Option<String>,
}

impl Details {
    /// `None`: this is not a certificate.
    pub(in crate::tls) fn of(der: &CertificateDer<'_>) -> Option<Self> {
        let certificate = parse(der)?;
        let validity = certificate.validity();
        let (key_algorithm, rsa_bits) = match key_size(certificate.public_key()) {
            Some((kind @ "RSA", bits)) => (Some(format!("{kind}{bits}")), Some(bits)),
            Some((kind, bits)) => (Some(format!("{kind}{bits}")), None),
            None => (None, None),
        };
        Some(Self {
            names: names(&certificate),
            not_before: Moment(validity.not_before.timestamp()),
            not_after: Moment(validity.not_after.timestamp()),
            rsa_bits,
            signature_algorithm: signature_algorithm(&certificate),
            key_algorithm,
        })
    }
}

/// Whether the subject of `issuer` is the issuer of `certificate`.
pub(super) fn issued(issuer: &CertificateDer<'_>, certificate: &CertificateDer<'_>) -> bool {
    match (parse(issuer), parse(certificate)) {
        (Some(issuer), Some(certificate)) => {
            issuer.subject().as_raw() == certificate.issuer().as_raw()
        }
        _ => false,
    }
}

/// Whether the time of a certificate is over by this machine's clock.
pub(crate) fn has_expired(der: &CertificateDer<'_>) -> bool {
    parse(der).is_none_or(|it| it.validity().not_after.timestamp() < super::now().0)
}

/// The common name of a certificate's subject: the last one, as OpenSSL shows it.
pub(crate) fn common_name(der: &CertificateDer<'_>) -> Option<String> {
    let certificate = parse(der)?;
    let name = certificate.subject().iter_common_name().last()?;
    name.as_str().ok().map(str::to_owned)
}

fn parse<'a>(der: &'a CertificateDer<'_>) -> Option<X509Certificate<'a>> {
    match X509Certificate::from_der(der) {
        Ok(([], certificate)) => Some(certificate),
        _ => None,
    }
}

fn names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(extension)) = certificate.subject_alternative_name() else {
        return Vec::new();
    };
    let all = extension.value.general_names.iter();
    all.filter_map(|name| match name {
        GeneralName::DNSName(name) => Some(name.to_ascii_lowercase()),
        _ => None,
    })
    .collect()
}

/// The kind of a key and its size in bits.
fn key_size(key: &SubjectPublicKeyInfo<'_>) -> Option<(&'static str, usize)> {
    match key.parsed().ok()? {
        PublicKey::RSA(key) => {
            let leading = key.modulus.iter().take_while(|byte| **byte == 0).count();
            let modulus = &key.modulus[leading..];
            let first = modulus.first()?.leading_zeros() as usize;
            Some(("RSA", 8 * modulus.len() - first))
        }
        PublicKey::EC(_) => {
            let curve = key.algorithm.parameters.as_ref()?.as_oid().ok()?;
            let bits = match &*curve.to_id_string() {
                "1.2.840.10045.3.1.7" => 256,
                "1.3.132.0.34" => 384,
                "1.3.132.0.35" => 521,
                _ => return None,
            };
            Some(("EC", bits))
        }
        _ => None,
    }
}

fn signature_algorithm(certificate: &X509Certificate<'_>) -> String {
    let id = certificate.signature_algorithm.algorithm.to_id_string();
    let name = match &*id {
        "1.2.840.113549.1.1.5" => "RSA-SHA1",
        "1.2.840.113549.1.1.10" => "RSASSA-PSS",
        "1.2.840.113549.1.1.11" => "RSA-SHA256",
        "1.2.840.113549.1.1.12" => "RSA-SHA384",
        "1.2.840.113549.1.1.13" => "RSA-SHA512",
        "1.2.840.10045.4.1" => "ecdsa-with-SHA1",
        "1.2.840.10045.4.3.2" => "ecdsa-with-SHA256",
        "1.2.840.10045.4.3.3" => "ecdsa-with-SHA384",
        "1.2.840.10045.4.3.4" => "ecdsa-with-SHA512",
        "1.3.101.112" => "ED25519",
        "1.3.101.113" => "ED448",
        _ => return id,
    };
    name.to_owned()
}
