//! Whose certificates are good.

use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use rustls::{
    CertRevocationListError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{
        CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
    },
    pki_types::{CertificateDer, CertificateRevocationListDer, ServerName, UnixTime},
    server::{VerifierBuilderError, WebPkiClientVerifier, danger::ClientCertVerifier},
};
use vestibule_config::{ClientAuth, FileRef};
use x509_parser::{prelude::FromDer, revocation_list::CertificateRevocationList};

use super::certificates::{now, read_certificates, read_sections};
use crate::material::{Moment, Reader, Reason};

/// Whom a listener lets in.
pub(super) struct Clients {
    pub(super) verifier: Arc<dyn ClientCertVerifier>,
    /// What the verifier goes by, in DER: the authorities and the revocation lists.
    pub(super) basis: Vec<Vec<u8>>,
}

impl Clients {
    /// Reads the authorities and the revocation lists. `None`: `reader` has the reasons.
    pub(super) fn load(
        auth: &ClientAuth,
        provider: &Arc<CryptoProvider>,
        reader: &mut Reader,
    ) -> Option<Self> {
        let authorities = read_certificates(&auth.ca, reader);
        let mut lists = Some(Vec::new());
        for file in &auth.crl {
            match (read_revocation_lists(file, reader), &mut lists) {
                (Some(read), Some(lists)) => lists.extend(read.into_iter().map(|it| (file, it))),
                _ => lists = None,
            }
        }
        let (authorities, lists) = (authorities?, lists?);
        let roots = Arc::new(roots(&authorities, &auth.ca, reader)?);
        let builder = || {
            WebPkiClientVerifier::builder_with_provider(Arc::clone(&roots), Arc::clone(provider))
        };
        // One by one, because an error does not say which.
        for (file, list) in &lists {
            if let Err(error) = builder().with_crls([list.clone()]).build() {
                reader.note(file, Reason::BadRevocationList(reason(&error)));
                return None;
            }
        }
        let mut basis: Vec<_> = authorities.iter().map(|der| der.to_vec()).collect();
        basis.extend(lists.iter().map(|(_, der)| der.to_vec()));
        let mut builder = builder().with_crls(lists.into_iter().map(|(_, list)| list));
        if !auth.required {
            builder = builder.allow_unauthenticated();
        }
        match builder.build() {
            Ok(verifier) => Some(Self { verifier, basis }),
            Err(error) => {
                reader.note(&auth.ca, Reason::Unsupported(error.to_string()));
                None
            }
        }
    }
}

/// Reads the authorities of `file`. `None`: `reader` has the reason.
pub(super) fn read_roots(file: &FileRef, reader: &mut Reader) -> Option<Arc<RootCertStore>> {
    let authorities = read_certificates(file, reader)?;
    roots(&authorities, file, reader).map(Arc::new)
}

/// The authorities of the system, read once per process. `None`: there are none.
pub(super) fn system_roots() -> Option<Arc<RootCertStore>> {
    static KNOWN: LazyLock<Mutex<Option<Arc<RootCertStore>>>> = LazyLock::new(Mutex::default);
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if known.is_none() {
        let mut roots = RootCertStore::empty();
        let found = rustls_native_certs::load_native_certs().certs;
        roots.add_parsable_certificates(found);
        *known = (!roots.is_empty()).then(|| Arc::new(roots));
    }
    known.clone()
}

/// Accepts every certificate, but only from who has its key.
#[derive(Debug)]
pub(super) struct Unverified(pub(super) WebPkiSupportedAlgorithms);

impl ServerCertVerifier for Unverified {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.0)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}

fn roots(
    authorities: &[CertificateDer<'static>],
    file: &FileRef,
    reader: &mut Reader,
) -> Option<RootCertStore> {
    let mut roots = RootCertStore::empty();
    for (at, authority) in authorities.iter().enumerate() {
        if roots.add(authority.clone()).is_err() {
            reader.note(file, Reason::BadCertificate { at: at + 1 });
            return None;
        }
    }
    Some(roots)
}

fn read_revocation_lists(
    file: &FileRef,
    reader: &mut Reader,
) -> Option<Vec<CertificateRevocationListDer<'static>>> {
    let lists: Vec<CertificateRevocationListDer<'static>> =
        read_sections(file, Reason::NoRevocationList, reader)?;
    for der in &lists {
        let Ok((_, list)) = CertificateRevocationList::from_der(der) else {
            let what = "it cannot be decoded".to_owned();
            reader.note(file, Reason::BadRevocationList(what));
            return None;
        };
        let due = list.next_update().map(|time| Moment(time.timestamp()));
        if let Some(due) = due.filter(|due| *due < now()) {
            reader.note(file, Reason::RevocationListOutdated(due));
        }
    }
    Some(lists)
}

fn reason(error: &VerifierBuilderError) -> String {
    let VerifierBuilderError::InvalidCrl(error) = error else {
        return error.to_string();
    };
    let reason = match error {
        CertRevocationListError::ParseError => "it cannot be decoded",
        CertRevocationListError::UnsupportedCriticalExtension => {
            "it has a critical extension that is not known"
        }
        CertRevocationListError::UnsupportedCrlVersion => "it is not of version 2",
        CertRevocationListError::UnsupportedDeltaCrl => "it holds changes only",
        CertRevocationListError::UnsupportedIndirectCrl => "it covers other issuers",
        CertRevocationListError::UnsupportedRevocationReason => "it covers some reasons only",
        error => return format!("{error:?}"),
    };
    reason.to_owned()
}
