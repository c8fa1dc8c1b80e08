use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use super::SERVER_NAME;
#[cfg(test)]
use crate::coaps::Key;
use crate::error::Error;

/// The file with the certificate of the authority, PEM like the others.
pub(crate) const CA: &str = "ca.pem";
/// The file with the certificate of [`SERVER_NAME`].
pub(crate) const CERTIFICATE: &str = "certificate.pem";
/// The file with both, as HAProxy reads them.
pub(crate) const CERTIFICATE_AND_KEY: &str = "certificate-and-key.pem";
/// The file with the key of the certificate.
pub(crate) const KEY: &str = "key.pem";
/// The file with another certificate of the same name, whose key is RSA.
pub(crate) const RSA_CERTIFICATE: &str = "rsa-certificate.pem";
/// The file with the key of that.
pub(crate) const RSA_KEY: &str = "rsa-key.pem";

/// A certificate for [`SERVER_NAME`] with a key on P-256, and the authority that signed it. Proxies
/// that terminate TLS and the origin behind those that originate it both have it. There is another
/// one with an RSA key of 2048 bits.
pub(crate) struct Identity {
    ca: String,
    certificate: rcgen::Certificate,
    key: KeyPair,
    rsa_certificate: rcgen::Certificate,
    rsa_key: KeyPair,
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

        let sign = |key: &KeyPair| {
            let signed = params_for_server()?.signed_by(key, &issuer);
            signed.map_err(Error::Certificate)
        };
        let (key, rsa_key) = (generate_key()?, generate_rsa_key()?);
        Ok(Self {
            ca: ca.pem(),
            certificate: sign(&key)?,
            key,
            rsa_certificate: sign(&rsa_key)?,
            rsa_key,
        })
    }

    /// Writes the six files into `directory`.
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
            (RSA_CERTIFICATE, &self.rsa_certificate.pem()),
            (RSA_KEY, &self.rsa_key.serialize_pem()),
        ] {
            let file = directory.join(name);
            std::fs::write(&file, text).map_err(Error::io(format!("write {}", file.display())))?;
        }
        Ok(())
    }

    /// The certificate with this kind of key, and the key, PKCS #8.
    #[cfg(test)]
    pub(crate) fn der(&self, key: Key) -> (Vec<u8>, Vec<u8>) {
        let (certificate, key) = match key {
            Key::Ecdsa => (&self.certificate, &self.key),
            Key::Rsa => (&self.rsa_certificate, &self.rsa_key),
        };
        (certificate.der().to_vec(), key.serialize_der())
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

fn generate_rsa_key() -> Result<KeyPair, Error> {
    KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, rcgen::RsaKeySize::_2048)
        .map_err(Error::Certificate)
}
