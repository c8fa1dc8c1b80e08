//! Everything that a configuration needs for TLS, read from files.

#[cfg(test)]
mod tests;

use std::{collections::HashSet, fmt, slice, sync::Arc};

use vestibule_config::{Certificate, Config, ListenerTls};

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
    /// That of all certificates, and those of listeners that have one of their own.
    tables: Vec<Arc<Table>>,
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
        let common = table(&config.certificates, gather);
        let mut tables = vec![Arc::clone(&common)];
        let mut listeners = Vec::new();
        for listener in &config.listeners {
            listeners.push(match &listener.tls {
                Some(ListenerTls::Terminate(source)) => {
                    let table = match &source.certificate {
                        None => Arc::clone(&common),
                        Some(own) => {
                            let own = table(slice::from_ref(own), gather);
                            tables.push(Arc::clone(&own));
                            own
                        }
                    };
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
            tables,
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

    /// The certificates that clients are shown now, in the order of the file, and then those of
    /// listeners that have one of their own. No chain stands there twice.
    pub(crate) fn certificates(&self) -> Vec<CertificateView> {
        let mut known = HashSet::new();
        let views = self.tables.iter().flat_map(|table| table.views());
        views
            .filter(|view| known.insert(view.label.clone()))
            .collect()
    }

    fn policy_of(&self, listener: &str) -> Option<&ServerPolicy> {
        let policies = self.listeners.iter().flatten();
        policies
            .map(|policy| &**policy)
            .find(|policy| policy.is_of(listener))
    }
}

/// Those of the certificates that could be read.
fn table(sources: &[Certificate], gather: &mut Gather) -> Arc<Table> {
    let mut pairs = Vec::new();
    let mut stamps = Vec::new();
    for source in sources {
        let mut reader = Reader::default();
        pairs.extend(Pair::load(source, Role::Server, &mut reader).map(Arc::new));
        gather.problems.append(&mut reader.problems);
        stamps.push(reader.stamps);
    }
    let table = Arc::new(Table::new(sources.to_vec(), pairs));
    for (at, stamps) in stamps.into_iter().enumerate() {
        let entry = Entry {
            table: Arc::clone(&table),
            at,
        };
        gather.watch(Arc::new(entry), stamps);
    }
    table
}
