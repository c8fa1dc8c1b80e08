use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use super::SERVER_NAME;
use crate::error::Error;

/// The file with the certificate of the authority, PEM like the others.
pub(crate) const CA: &str = "ca.pem";
/// The file with the certificate of [`SERVER_NAME`].
pub(crate) const CERTIFICATE: &str = "certificate.pem";
/// The file with both, as HAProxy reads them.
pub(crate) const CERTIFICATE_AND_KEY: &str = "certificate-and-key.pem";
/// The file with the key of the certificate.
pub(crate) const KEY: &str = "key.pem";

/// A certificate for [`SERVER_NAME`] with a key on P-256, and the authority that signed it. Proxies
/// that terminate TLS and the origin behind those that originate it both have it.
pub(crate) struct Identity {
    ca: String,
    certificate: rcgen::Certificate,
    key: KeyPair,
}

impl Identity {
    /// Makes a new one.
    ///
    /// # Errors
    ///
    /// [`Error::Certificate`].
    pub(crate) fn generate() -> Result<Self, Error> {
        let mut params = params(Vec::new(), "Vestibule benchmark CA")?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca_key = generate_key()?;
        let ca = params.self_signed(&ca_key).map_err(Error::Certificate)?;
        let issuer = Issuer::new(params, ca_key);

        let key = generate_key()?;
        let certificate = params_for_server()?
            .signed_by(&key, &issuer)
            .map_err(Error::Certificate)?;
        Ok(Self {
            ca: ca.pem(),
            certificate,
            key,
        })
    }

    /// Writes the four files into `directory`.
    ///
    /// # Errors
    ///
    /// [`Error::Io`].
    pub(crate) fn write(&self, directory: &Path) -> Result<(), Error> {
        let (certificate, key) = (self.certificate.pem(), self.key.serialize_pem());
        let both = format!("{certificate}{key}");
        for (name, text) in [
            (CA, &self.ca),
            (CERTIFICATE, &certificate),
            (CERTIFICATE_AND_KEY, &both),
            (KEY, &key),
        ] {
            let file = directory.join(name);
            std::fs::write(&file, text).map_err(Error::io(format!("write {}", file.display())))?;
        }
        Ok(())
    }

    pub(super) fn certificate(&self) -> CertificateDer<'static> {
        self.certificate.der().clone()
    }

    pub(super) fn key(&self) -> PrivateKeyDer<'static> {
        PrivatePkcs8KeyDer::from(self.key.serialize_der()).into()
    }
}

fn params_for_server() -> Result<CertificateParams, Error> {
    params(vec![SERVER_NAME.to_owned()], SERVER_NAME)
}

/// The common names differ, because a certificate whose subject is its issuer counts as
/// self-signed.
fn params(names: Vec<String>, common_name: &str) -> Result<CertificateParams, Error> {
    let mut params = CertificateParams::new(names).map_err(Error::Certificate)?;
    params
        .distinguished_name
        .push(DnType::CommonName, common_name);
    Ok(params)
}

fn generate_key() -> Result<KeyPair, Error> {
    KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).map_err(Error::Certificate)
}
