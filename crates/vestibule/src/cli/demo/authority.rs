//! Certificates for the demo, made when it starts: it needs no file.

use std::{fs, io, path::Path};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose,
};

/// A certificate authority that exists while the demo runs. Its key is in memory only.
pub(super) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    /// A new one.
    ///
    /// # Errors
    ///
    /// When there is no randomness.
    pub(super) fn new() -> io::Result<Self> {
        let mut params = CertificateParams::default();
        let name = "Authority of vestibule demo";
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let issuer = CertifiedIssuer::self_signed(params, key).map_err(io::Error::other)?;
        Ok(Self(issuer))
    }

    /// The authority's own certificate, in PEM.
    pub(super) fn pem(&self) -> String {
        self.0.pem()
    }

    /// Writes `FILE.pem` and `FILE.key` to `directory`: a certificate for `names`, which goes by
    /// `common_name`. Each file is in its place at once.
    ///
    /// # Errors
    ///
    /// When they cannot be written.
    pub(super) fn issue(
        &self,
        directory: &Path,
        file: &str,
        common_name: &str,
        names: &[&str],
    ) -> io::Result<()> {
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).map_err(io::Error::other)?;
        params
            .distinguished_name
            .push(DnType::CommonName, common_name);
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let certificate = params.signed_by(&key, &self.0).map_err(io::Error::other)?;
        for (ending, text) in [("pem", certificate.pem()), ("key", key.serialize_pem())] {
            let new = directory.join("new");
            fs::write(&new, text)?;
            fs::rename(new, directory.join(format!("{file}.{ending}")))?;
        }
        Ok(())
    }
}
