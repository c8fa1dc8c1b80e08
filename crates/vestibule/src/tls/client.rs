//! TLS with the targets of a service: what is spoken, and whom we believe.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::{
    ClientConfig,
    client::{Resumption, WebPkiServerVerifier, danger::ServerCertVerifier},
    crypto::CryptoProvider,
    pki_types::ServerName,
    sign::SingleCertAndKey,
};
use vestibule_config::{FileRef, UpstreamAlpn, UpstreamTls};

use super::{
    certificates::{Pair, Role},
    keylog, names,
    verify::{Unverified, read_roots, system_roots},
};
use crate::material::{FromFiles, Reader, Reason};

/// Sessions that are remembered for each service, to be resumed.
const SESSIONS: usize = 256;

/// Where the authorities of the system are, as far as messages go.
const SYSTEM_ROOTS: &str = "/etc/ssl/certs";

/// What a service with `tls` speaks. Replaced in place when files change.
#[derive(Debug)]
pub(crate) struct ClientPolicy {
    current: ArcSwap<ClientConfig>,
    service: String,
    source: UpstreamTls,
}

impl ClientPolicy {
    /// Reads what `source` names. `None`: `reader` has the reasons.
    pub(crate) fn load(
        service: &str,
        source: &UpstreamTls,
        reader: &mut Reader,
    ) -> Option<Arc<Self>> {
        Some(Arc::new(Self {
            current: ArcSwap::from_pointee(build(source, reader)?),
            service: service.to_owned(),
            source: source.clone(),
        }))
    }

    /// What a new connection speaks. Its ALPN is empty: see [`Self::alpn`].
    pub(crate) fn config(&self) -> Arc<ClientConfig> {
        self.current.load_full()
    }

    /// What is offered by ALPN, where `negotiated` is what was agreed on with the client.
    pub(crate) fn alpn(&self, negotiated: Option<&[u8]>) -> Vec<Vec<u8>> {
        match &self.source.alpn {
            UpstreamAlpn::Forward => negotiated.map(<[u8]>::to_vec).into_iter().collect(),
            UpstreamAlpn::Set(protocols) => protocols.clone(),
        }
    }

    /// Whether what was agreed on with the client is all that is offered.
    pub(crate) fn forwards(&self, negotiated: Option<&[u8]>) -> bool {
        negotiated.is_some() && self.source.alpn == UpstreamAlpn::Forward
    }

    /// The name (or address) that the certificate of `target` must have. `None`: neither it nor
    /// what the configuration sets is a name.
    pub(crate) fn server_name(&self, target: &str) -> Option<ServerName<'static>> {
        let name = self.source.server_name.as_deref().unwrap_or(target);
        let name = name.strip_suffix('.').unwrap_or(name);
        ServerName::try_from(name.to_owned()).ok()
    }
}

impl FromFiles for ClientPolicy {
    fn refresh(&self, reader: &mut Reader) -> bool {
        let Some(config) = build(&self.source, reader) else {
            return false;
        };
        self.current.store(Arc::new(config));
        tracing::info!(
            service = self.service,
            "certificate and authorities for targets read again"
        );
        true
    }
}

fn build(source: &UpstreamTls, reader: &mut Reader) -> Option<ClientConfig> {
    let provider = names::provider(&source.parameters);
    let verifier = verifier(source, &provider, reader);
    let pair = source
        .certificate
        .as_ref()
        .map(|certificate| Pair::load(certificate, Role::Client, reader));
    // Only now, so that everything wrong is told at once.
    let verifier = verifier?;
    let pair = match pair {
        None => None,
        Some(pair) => Some(pair?),
    };
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&names::versions(&source.parameters));
    let builder = match builder {
        Ok(builder) => builder,
        Err(error) => {
            reader.note(&place(source), Reason::Unsupported(error.to_string()));
            return None;
        }
    };
    let builder = builder
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let mut config = match pair {
        None => builder.with_no_client_auth(),
        Some(pair) => builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(pair.key))),
    };
    config.enable_early_data = false;
    config.enable_sni = source.sni;
    config.key_log = keylog::shared();
    config.resumption = Resumption::in_memory_sessions(SESSIONS);
    Some(config)
}

fn verifier(
    source: &UpstreamTls,
    provider: &Arc<CryptoProvider>,
    reader: &mut Reader,
) -> Option<Arc<dyn ServerCertVerifier>> {
    if !source.verify {
        return Some(Arc::new(Unverified(
            provider.signature_verification_algorithms,
        )));
    }
    let roots = match &source.ca {
        Some(file) => read_roots(file, reader)?,
        None => match system_roots() {
            Some(roots) => roots,
            None => {
                reader.note(&FileRef::unnamed(SYSTEM_ROOTS), Reason::NoSystemRoots);
                return None;
            }
        },
    };
    match WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(provider)).build() {
        Ok(verifier) => Some(verifier),
        Err(error) => {
            reader.note(&place(source), Reason::Unsupported(error.to_string()));
            None
        }
    }
}

/// Where something is told that no file is to blame for.
fn place(source: &UpstreamTls) -> FileRef {
    let certificate = source.certificate.as_ref().map(|pair| &pair.chain);
    let named = source.ca.as_ref().or(certificate);
    named.map_or_else(|| FileRef::unnamed(SYSTEM_ROOTS), FileRef::clone)
}
