//! Everything that a configuration needs for TLS, read from files.

#[cfg(test)]
mod tests;

use std::{fmt, sync::Arc};

use vestibule_config::{Config, ListenerTls};

use super::{
    certificates::{CertificateView, Entry, Pair, Role, Table},
    client::ClientPolicy,
    server::ServerPolicy,
};
use crate::material::{Gather, Reader};

/// Everything that one configuration needs for TLS.
pub(crate) struct Tls {
    listeners: Vec<Option<Arc<ServerPolicy>>>,
    services: Vec<Option<Arc<ClientPolicy>>>,
    table: Arc<Table>,
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").finish_non_exhaustive()
    }
}

impl Tls {
    /// Reads every file that `config` names for TLS. What has no file, such as keys for tickets, is
    /// taken over from `previous` where its listener stayed the same. Something is missing when
    /// `gather` has errors. Blocks.
    pub(crate) fn load(config: &Config, previous: Option<&Self>, gather: &mut Gather) -> Self {
        let table = table(config, gather);
        let mut listeners = Vec::new();
        for listener in &config.listeners {
            listeners.push(match &listener.tls {
                Some(ListenerTls::Terminate(source)) => {
                    let previous = previous.and_then(|tls| tls.policy_of(&listener.name));
                    gather.item(|reader| {
                        ServerPolicy::load(&listener.name, source, &table, previous, reader)
                    })
                }
                Some(ListenerTls::Peek) | None => None,
            });
        }
        let mut services = Vec::new();
        for service in &config.services {
            services.push(service.tls.as_ref().and_then(|source| {
                gather.item(|reader| ClientPolicy::load(&service.name, source, reader))
            }));
        }
        Self {
            listeners,
            services,
            table,
        }
    }

    /// What the listener at this index of [`Config::listeners`] speaks; `None`: its TLS does not
    /// end here.
    pub(crate) fn listener(&self, index: usize) -> Option<Arc<ServerPolicy>> {
        self.listeners.get(index)?.clone()
    }

    /// What the service at this index of [`Config::services`] speaks with its targets; `None`: no
    /// TLS.
    pub(crate) fn service(&self, index: usize) -> Option<Arc<ClientPolicy>> {
        self.services.get(index)?.clone()
    }

    /// The certificates that clients are shown now, in the order of the file.
    pub(crate) fn certificates(&self) -> Vec<CertificateView> {
        self.table.views()
    }

    fn policy_of(&self, listener: &str) -> Option<&ServerPolicy> {
        let policies = self.listeners.iter().flatten();
        policies
            .map(|policy| &**policy)
            .find(|policy| policy.is_of(listener))
    }
}

/// The certificates that could be read.
fn table(config: &Config, gather: &mut Gather) -> Arc<Table> {
    let mut pairs = Vec::new();
    let mut stamps = Vec::new();
    for source in &config.certificates {
        let mut reader = Reader::default();
        pairs.extend(Pair::load(source, Role::Server, &mut reader).map(Arc::new));
        gather.problems.append(&mut reader.problems);
        stamps.push(reader.stamps);
    }
    let table = Arc::new(Table::new(config.certificates.clone(), pairs));
    for (at, stamps) in stamps.into_iter().enumerate() {
        let entry = Entry {
            table: Arc::clone(&table),
            at,
        };
        gather.watch(Arc::new(entry), stamps);
    }
    table
}
