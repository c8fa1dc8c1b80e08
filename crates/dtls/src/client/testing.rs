//! Certificates for the tests.

use rcgen::{
    BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use rustls_pki_types::UnixTime;

use super::{Roots, Trust};

/// The certificates here are valid from 2026 to 2027.
pub(super) const PRESENT: UnixTime = at(1_790_000_000);
pub(super) const BEFORE: UnixTime = at(1_700_000_000);
pub(super) const AFTER: UnixTime = at(1_900_000_000);

/// An authority that signs, from 2020 to 2035.
pub(super) struct Authority {
    pub(super) der: Vec<u8>,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate with its key.
#[derive(Clone)]
pub(super) struct Issued {
    pub(super) chain: Vec<Vec<u8>>,
    pub(super) pkcs8: Vec<u8>,
}

const fn at(seconds: u64) -> UnixTime {
    UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds))
}

impl Authority {
    pub(super) fn new(name: &str) -> Self {
        Self::with_key(name, KeyPair::generate().unwrap())
    }

    pub(super) fn with_key(name: &str, key: KeyPair) -> Self {
        Self::with_params(authority_params(name), key)
    }

    pub(super) fn with_params(params: CertificateParams, key: KeyPair) -> Self {
        let der = params.self_signed(&key).unwrap().der().to_vec();
        Self {
            der,
            issuer: Issuer::new(params, key),
        }
    }

    /// Another one, which this one signs. Its chain is to be shown.
    pub(super) fn subordinate(&self, name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let params = authority_params(name);
        let der = params.signed_by(&key, &self.issuer).unwrap().der().to_vec();
        Self {
            der,
            issuer: Issuer::new(params, key),
        }
    }

    pub(super) fn issue(&self, params: &CertificateParams) -> Issued {
        let key = KeyPair::generate().unwrap();
        Issued {
            chain: vec![self.issue_with(params, &key)],
            pkcs8: key.serialize_der(),
        }
    }

    pub(super) fn issue_with(&self, params: &CertificateParams, key: &KeyPair) -> Vec<u8> {
        params.signed_by(key, &self.issuer).unwrap().der().to_vec()
    }

    /// Trust in this one alone.
    pub(super) fn trust(&self) -> Trust {
        trust([self.der.as_slice()])
    }
}

/// Trust in these certificates.
pub(super) fn trust<'a>(certificates: impl IntoIterator<Item = &'a [u8]>) -> Trust {
    Trust::Roots(Roots::new(certificates).unwrap().into())
}

pub(super) fn self_signed(params: &CertificateParams) -> Issued {
    let key = KeyPair::generate().unwrap();
    let der = params.self_signed(&key).unwrap().der().to_vec();
    Issued {
        chain: vec![der],
        pkcs8: key.serialize_der(),
    }
}

/// What a server's certificate has.
pub(super) fn server_params(names: &[&str]) -> CertificateParams {
    let names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params.not_before = date_time_ymd(2026, 1, 1);
    params.not_after = date_time_ymd(2027, 12, 31);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params
}

pub(super) fn authority_params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params
        .distinguished_name
        .push(rcgen::DnType::CommonName, name);
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2035, 1, 1);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params
}
