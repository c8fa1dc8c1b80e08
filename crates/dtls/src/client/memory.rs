//! What clients remember of servers.

#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::config::{Config, PeerName};
use crate::{session::Version, stack::Resumption};

/// How many servers are remembered, unless said otherwise.
const SERVERS: usize = 256;

/// The most bytes of certificates that are kept with a session. Sessions with more are not kept.
const MAX_CHAIN: usize = 32 * 1024;

/// What the clients of a process remember of servers: the last session, and whether a server can do 1.3. For a bounded
/// number of servers; the one not used for longest makes room. Clones share it.
#[derive(Clone)]
pub struct Memory(Arc<Mutex<Servers>>);

impl Memory {
    /// Remembers this many servers. 0 remembers nothing.
    #[must_use]
    pub fn new(servers: usize) -> Self {
        Self(Arc::new(Mutex::new(Servers {
            limit: servers,
            uses: 0,
            known: HashMap::new(),
        })))
    }

    /// How many servers are remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.servers().known.len()
    }

    /// Whether none is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What is known of the server. A session of 1.3 is not remembered any more by that: who sees it used twice knows
    /// that it is the same client (RFC 8446 section C.4), and each association of 1.3 gives another one.
    pub(super) fn recall(&self, key: &Key) -> Known {
        let mut servers = self.servers();
        let use_ = servers.next_use();
        servers
            .known
            .get_mut(key)
            .map(|server| {
                server.last_use = use_;
                let known = server.known.clone();
                let session = &mut server.known.session;
                *session = session.take().filter(|it| it.version == Version::Dtls12);
                known
            })
            .unwrap_or_default()
    }

    /// Remembers whether the server can do 1.3.
    pub(super) fn set_offers_13(&self, key: &Key, offers_13: bool) {
        self.update(key, |known| known.offers_13 = offers_13);
    }

    /// Keeps a session, in place of an earlier one.
    pub(super) fn keep(&self, key: &Key, session: Kept) {
        if session.chain.iter().map(Vec::len).sum::<usize>() <= MAX_CHAIN {
            self.update(key, |known| known.session = Some(session));
        }
    }

    /// Forgets the session.
    pub(super) fn forget_session(&self, key: &Key) {
        if let Some(server) = self.servers().known.get_mut(key) {
            server.known.session = None;
        }
    }

    fn update(&self, key: &Key, change: impl FnOnce(&mut Known)) {
        let mut servers = self.servers();
        if servers.limit == 0 {
            return;
        }
        if !servers.known.contains_key(key) {
            servers.make_room();
        }
        let last_use = servers.next_use();
        let server = servers.known.entry(key.clone()).or_default();
        server.last_use = last_use;
        change(&mut server.known);
    }

    fn servers(&self) -> MutexGuard<'_, Servers> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self::new(SERVERS)
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Memory({} servers)", self.len())
    }
}

/// Under what something is remembered: what was learnt of a server under one trust says nothing under another.
#[derive(Clone, Eq, Hash, PartialEq)]
pub(super) struct Key {
    name: PeerName,
    port: u16,
    trust: [u8; 32],
}

impl Key {
    pub(super) fn of(config: &Config) -> Self {
        Self {
            name: config.name.clone(),
            port: config.port,
            trust: config.trust.digest(),
        }
    }
}

/// What is known of a server.
#[derive(Clone, Default)]
pub(super) struct Known {
    pub(super) offers_13: bool,
    pub(super) session: Option<Kept>,
}

/// A session that can be resumed, with the certificates that were verified when it was made: a resumed handshake shows
/// none.
#[derive(Clone)]
pub(super) struct Kept {
    pub(super) version: Version,
    pub(super) resumption: Resumption,
    pub(super) chain: Arc<[Vec<u8>]>,
}

struct Servers {
    limit: usize,
    /// Counts how often something was looked up or changed.
    uses: u64,
    known: HashMap<Key, Server>,
}

#[derive(Default)]
struct Server {
    known: Known,
    /// The value of [`Servers::uses`] then.
    last_use: u64,
}

impl Servers {
    fn next_use(&mut self) -> u64 {
        self.uses += 1;
        self.uses
    }

    fn make_room(&mut self) {
        while self.known.len() >= self.limit {
            let oldest = self.known.iter().min_by_key(|(_, server)| server.last_use);
            let Some(oldest) = oldest.map(|(key, _)| key.clone()) else {
                return;
            };
            self.known.remove(&oldest);
        }
    }
}
