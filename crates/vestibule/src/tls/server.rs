//! TLS with clients: what a listener speaks and whom it lets in.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::{
    ServerConfig,
    server::{NoServerSessionStorage, WebPkiClientVerifier},
};
use vestibule_config::{FileRef, Terminate, Tickets};

use super::{
    certificates::{Resolver, Table},
    keylog, names,
    tickets::{Key, Keys, OwnKeys, Policy, Ticketer},
    verify::Clients,
};
use crate::material::{FromFiles, Reader, Reason, readable_by_others};

/// What a listener with `mode = "terminate"` speaks. Replaced in place when files change.
#[derive(Debug)]
pub(crate) struct ServerPolicy {
    current: ArcSwap<ServerConfig>,
    listener: String,
    /// Keys for tickets, where the configuration names no file of them.
    own_keys: Option<Arc<OwnKeys>>,
    source: Terminate,
    table: Arc<Table>,
}

impl ServerPolicy {
    /// Reads what `source` names. Takes the keys for tickets over from `previous`, so that a reload
    /// does not cost all clients a full handshake. `None`: `reader` has the reasons.
    pub(super) fn load(
        listener: &str,
        source: &Terminate,
        table: &Arc<Table>,
        previous: Option<&Self>,
        reader: &mut Reader,
    ) -> Option<Arc<Self>> {
        let own_keys = source
            .tickets
            .as_ref()
            .filter(|tickets| tickets.key_file.is_none())
            .map(|tickets| {
                let known = previous.and_then(|previous| previous.own_keys.as_ref());
                known
                    .filter(|keys| keys.lifetime == tickets.lifetime)
                    .map_or_else(|| Arc::new(OwnKeys::new(tickets.lifetime)), Arc::clone)
            });
        let config = build(source, table, own_keys.as_ref(), reader)?;
        Some(Arc::new(Self {
            current: ArcSwap::from_pointee(config),
            listener: listener.to_owned(),
            own_keys,
            source: source.clone(),
            table: Arc::clone(table),
        }))
    }

    /// Whether this is what the listener of this name speaks.
    pub(super) fn is_of(&self, listener: &str) -> bool {
        self.listener == listener
    }

    /// What a new connection speaks.
    pub(crate) fn config(&self) -> Arc<ServerConfig> {
        self.current.load_full()
    }

    /// Whether there is a certificate for a client that asks for this name. Never for one without.
    pub(crate) fn has_certificate_for(&self, sni: Option<&str>) -> bool {
        sni.is_some_and(|name| self.table.has(name))
    }

    /// Whether a client is refused for whose name there is no certificate.
    pub(crate) fn is_strict(&self) -> bool {
        self.source.strict_sni
    }
}

impl FromFiles for ServerPolicy {
    fn refresh(&self, reader: &mut Reader) -> bool {
        let Some(config) = build(&self.source, &self.table, self.own_keys.as_ref(), reader) else {
            return false;
        };
        self.current.store(Arc::new(config));
        tracing::info!(
            listener = self.listener,
            "client authorities, revocation lists and ticket keys read again"
        );
        true
    }
}

fn build(
    source: &Terminate,
    table: &Arc<Table>,
    own_keys: Option<&Arc<OwnKeys>>,
    reader: &mut Reader,
) -> Option<ServerConfig> {
    let provider = names::provider(&source.parameters);
    let clients = source
        .client_auth
        .as_ref()
        .map(|auth| (auth, Clients::load(auth, &provider, reader)));
    let keys = source
        .tickets
        .as_ref()
        .map(|tickets| (tickets.lifetime, ticket_keys(tickets, own_keys, reader)));
    // Only now, so that everything wrong is told at once.
    let (verifier, policy) = match clients {
        None => (WebPkiClientVerifier::no_client_auth(), Policy::new(None)),
        Some((auth, clients)) => {
            let Clients { verifier, basis } = clients?;
            (verifier, Policy::new(Some((auth.required, &basis))))
        }
    };
    let ticketer = match keys {
        None => None,
        Some((lifetime, keys)) => Some(Ticketer::new(keys?, lifetime, policy)),
    };
    let builder = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&names::versions(&source.parameters));
    let builder = match builder {
        Ok(builder) => builder,
        Err(error) => {
            let place = table.place().unwrap_or_else(|| FileRef::unnamed(""));
            reader.note(&place, Reason::Unsupported(error.to_string()));
            return None;
        }
    };
    let resolver = Resolver {
        table: Arc::clone(table),
        strict: source.strict_sni,
    };
    let mut config = builder
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(Arc::new(resolver));
    config.alpn_protocols = source.alpn.clone();
    config.ignore_client_order = source.prefer_server_ciphers;
    config.key_log = keylog::shared();
    config.max_early_data_size = 0;
    // What a client wants remembered is in its ticket.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    match ticketer {
        Some(ticketer) => {
            config.send_tls13_tickets = 2;
            config.ticketer = Arc::new(ticketer);
        }
        None => config.send_tls13_tickets = 0,
    }
    Some(config)
}

fn ticket_keys(
    tickets: &Tickets,
    own_keys: Option<&Arc<OwnKeys>>,
    reader: &mut Reader,
) -> Option<Keys> {
    let Some(file) = &tickets.key_file else {
        return own_keys.map(|keys| Keys::Own(Arc::clone(keys)));
    };
    let text = reader.read(file)?;
    let reason = match Key::parse_all(&text) {
        Ok(keys) if !keys.is_empty() => {
            if readable_by_others(&file.path) {
                reader.note(file, Reason::ReadableByOthers);
            }
            return Some(Keys::Given(keys.into()));
        }
        Ok(_) => Reason::NoTicketKey,
        Err(line) => Reason::TicketKeyLine(line),
    };
    reader.note(file, reason);
    None
}
