//! Everything that a configuration needs for TLS, read from files.

#[cfg(test)]
mod tests;

use std::{fmt, sync::Arc};

use vestibule_config::{Config, ListenerTls};

use super::{
    certificates::{CertificateView, Entry, Pair, Role, Table},
    client::ClientPolicy,
    files::{self, FromFiles, Reader, Stamps, Watched},
    problem::FileProblem,
    server::ServerPolicy,
};

/// Everything that one configuration needs for TLS.
pub(crate) struct Tls {
    listeners: Vec<Option<Arc<ServerPolicy>>>,
    services: Vec<Option<Arc<ClientPolicy>>>,
    table: Arc<Table>,
    watched: Vec<(Arc<dyn FromFiles>, Stamps)>,
}

/// What came of reading the files of a configuration.
pub(crate) struct Loaded {
    /// `None` when there are errors among the problems.
    pub(crate) tls: Option<Tls>,
    /// Everything that is wrong or doubtful.
    pub(crate) problems: Vec<FileProblem>,
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").finish_non_exhaustive()
    }
}

impl Tls {
    /// Reads every file that `config` names for TLS. What has no file, such as keys for tickets, is
    /// taken over from `previous` where its listener stayed the same. Blocks.
    pub(crate) fn load(config: &Config, previous: Option<&Self>) -> Loaded {
        let mut load = Load::default();
        let table = load.table(config);
        let mut listeners = Vec::new();
        for listener in &config.listeners {
            listeners.push(match &listener.tls {
                Some(ListenerTls::Terminate(source)) => {
                    let previous = previous.and_then(|tls| tls.policy_of(&listener.name));
                    load.item(|reader| {
                        ServerPolicy::load(&listener.name, source, &table, previous, reader)
                    })
                }
                Some(ListenerTls::Peek) | None => None,
            });
        }
        let mut services = Vec::new();
        for service in &config.services {
            services.push(service.tls.as_ref().and_then(|source| {
                load.item(|reader| ClientPolicy::load(&service.name, source, reader))
            }));
        }
        let good = !load.problems.iter().any(FileProblem::is_error);
        Loaded {
            tls: good.then_some(Self {
                listeners,
                services,
                table,
                watched: load.watched,
            }),
            problems: load.problems,
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

    /// Looks every second whether files changed, and puts them into effect when they are good;
    /// until aborted.
    pub(crate) async fn keep_fresh(self: Arc<Self>) {
        let watched = self.watched.iter();
        files::keep_fresh(
            watched
                .map(|(item, seen)| Watched::new(Arc::clone(item), seen.clone()))
                .collect(),
        )
        .await;
    }

    fn policy_of(&self, listener: &str) -> Option<&ServerPolicy> {
        let policies = self.listeners.iter().flatten();
        policies
            .map(|policy| &**policy)
            .find(|policy| policy.is_of(listener))
    }
}

/// Reads one thing after the other.
#[derive(Default)]
struct Load {
    problems: Vec<FileProblem>,
    watched: Vec<(Arc<dyn FromFiles>, Stamps)>,
}

impl Load {
    /// The certificates that could be read. The other files are read also when some could not, so
    /// that everything wrong is told at once.
    fn table(&mut self, config: &Config) -> Arc<Table> {
        let mut pairs = Vec::new();
        let mut stamps = Vec::new();
        for source in &config.certificates {
            let mut reader = Reader::default();
            pairs.extend(Pair::load(source, Role::Server, &mut reader).map(Arc::new));
            self.problems.append(&mut reader.problems);
            stamps.push(reader.stamps);
        }
        let table = Arc::new(Table::new(config.certificates.clone(), pairs));
        for (at, stamps) in stamps.into_iter().enumerate() {
            let entry = Entry {
                table: Arc::clone(&table),
                at,
            };
            self.watched.push((Arc::new(entry), stamps));
        }
        table
    }

    fn item<T: FromFiles + 'static>(
        &mut self,
        load: impl FnOnce(&mut Reader) -> Option<Arc<T>>,
    ) -> Option<Arc<T>> {
        let mut reader = Reader::default();
        let item = load(&mut reader);
        self.problems.append(&mut reader.problems);
        let item = item?;
        self.watched.push((Arc::<T>::clone(&item), reader.stamps));
        Some(item)
    }
}
