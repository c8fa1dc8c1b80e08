//! Limits of the whole process, exact across workers.

use std::{
    collections::{HashMap, hash_map::RandomState},
    hash::BuildHasher,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use tokio::sync::Notify;

use crate::addr::ClientAddr;

/// Shards of the table of clients. A power of two.
const SHARDS: usize = 16;

/// How many connections there are and may be.
#[derive(Debug)]
pub(crate) struct Limits {
    connections: AtomicUsize,
    max_connections: AtomicUsize,
    max_per_client: AtomicUsize,
    freed: Notify,
    /// Whether connections have had to wait since there was a place last.
    full: AtomicBool,
    hasher: RandomState,
    clients: [Mutex<HashMap<u128, usize>>; SHARDS],
}

/// One connection's share of `limits.connections`; given back when dropped.
#[derive(Debug)]
pub(crate) struct Place(Arc<Limits>);

/// One connection's share of `limits.connections_per_client`; given back when dropped.
#[derive(Debug)]
pub(crate) struct ClientPlace {
    limits: Arc<Limits>,
    key: u128,
}

impl Limits {
    /// Limits with nothing in use.
    pub(crate) fn new(max_connections: usize, max_per_client: usize) -> Self {
        Self {
            connections: AtomicUsize::new(0),
            max_connections: AtomicUsize::new(max_connections),
            max_per_client: AtomicUsize::new(max_per_client),
            freed: Notify::new(),
            full: AtomicBool::new(false),
            hasher: RandomState::new(),
            clients: Default::default(),
        }
    }

    /// Changes the limits. Connections beyond a smaller one go on.
    pub(crate) fn set(&self, max_connections: usize, max_per_client: usize) {
        self.max_connections
            .store(max_connections, Ordering::Relaxed);
        self.max_per_client.store(max_per_client, Ordering::Relaxed);
        self.freed.notify_waiters();
    }

    /// Connections now.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// Connections that may be.
    pub(crate) fn max_connections(&self) -> usize {
        self.max_connections.load(Ordering::Relaxed)
    }

    /// A place, if there is one now.
    pub(crate) fn try_place(self: &Arc<Self>) -> Option<Place> {
        let max = self.max_connections();
        self.connections
            .try_update(Ordering::AcqRel, Ordering::Relaxed, |n| {
                (n < max).then_some(n + 1)
            })
            .ok()?;
        Some(Place(Arc::clone(self)))
    }

    /// Waits for a place.
    pub(crate) async fn place(self: &Arc<Self>) -> Place {
        if !self.full.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                connections = self.max_connections(),
                "as many connections as limits.connections allows: others wait"
            );
        }
        loop {
            let freed = self.freed.notified();
            tokio::pin!(freed);
            freed.as_mut().enable();
            if let Some(place) = self.try_place() {
                // Several places may have been freed before this waiter ran.
                if self.connections() < self.max_connections() {
                    self.freed.notify_one();
                }
                return place;
            }
            freed.await;
        }
    }

    /// A place for this client: `Ok(None)` when clients are not limited or it has no address, an
    /// error when it has as many connections as it may.
    pub(crate) fn client_place(
        self: &Arc<Self>,
        client: ClientAddr,
    ) -> Result<Option<ClientPlace>, ()> {
        let max = self.max_per_client.load(Ordering::Relaxed);
        let Some(key) = client.limit_key().filter(|_| max > 0) else {
            return Ok(None);
        };
        let mut clients = self
            .shard(key)
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let connections = clients.entry(key).or_insert(0);
        if *connections >= max {
            return Err(());
        }
        *connections += 1;
        Ok(Some(ClientPlace {
            limits: Arc::clone(self),
            key,
        }))
    }

    fn shard(&self, key: u128) -> &Mutex<HashMap<u128, usize>> {
        let hash = usize::try_from(self.hasher.hash_one(key) % SHARDS as u64).unwrap_or(0);
        &self.clients[hash]
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let before = self.0.connections.fetch_sub(1, Ordering::AcqRel);
        let max = self.0.max_connections();
        if before >= max {
            self.0.freed.notify_one();
        }
        // Said again only after a tenth of the places were free.
        if before < max - max / 10 && self.0.full.load(Ordering::Relaxed) {
            self.0.full.store(false, Ordering::Relaxed);
        }
    }
}

impl Drop for ClientPlace {
    fn drop(&mut self) {
        let shard = self.limits.shard(self.key);
        let mut clients = shard.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(connections) = clients.get_mut(&self.key) {
            *connections -= 1;
            if *connections == 0 {
                clients.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::addr::Endpoint;

    fn client(address: &str) -> ClientAddr {
        ClientAddr(Endpoint::ip(address.parse().unwrap()))
    }

    #[test]
    fn places_are_bounded_and_given_back() {
        let limits = Arc::new(Limits::new(2, 0));
        let one = limits.try_place().unwrap();
        let _two = limits.try_place().unwrap();
        assert!(limits.try_place().is_none());
        drop(one);
        assert!(limits.try_place().is_some());
        assert_eq!(limits.connections(), 1);
    }

    #[tokio::test]
    async fn a_waiter_gets_the_place_that_is_freed() {
        let limits = Arc::new(Limits::new(1, 0));
        let one = limits.try_place().unwrap();
        let waiter = tokio::spawn({
            let limits = Arc::clone(&limits);
            async move { limits.place().await }
        });
        tokio::task::yield_now().await;
        drop(one);
        waiter.await.unwrap();
    }

    #[tokio::test]
    async fn every_waiter_gets_a_place_when_several_are_freed_at_once() {
        let limits = Arc::new(Limits::new(3, 0));
        let used: Vec<_> = (0..3).map(|_| limits.try_place().unwrap()).collect();
        let waiters: Vec<_> = (0..3)
            .map(|_| {
                let limits = Arc::clone(&limits);
                tokio::spawn(async move { limits.place().await })
            })
            .collect();
        tokio::task::yield_now().await;
        drop(used);
        for waiter in waiters {
            let place = tokio::time::timeout(std::time::Duration::from_secs(60), waiter).await;
            std::mem::forget(place.unwrap().unwrap());
        }
    }

    #[test]
    fn clients_are_counted_by_address_and_forgotten() {
        let limits = Arc::new(Limits::new(10, 1));
        let one = limits.client_place(client("192.0.2.1:1")).unwrap();
        assert!(one.is_some());
        assert!(limits.client_place(client("192.0.2.1:2")).is_err());
        assert!(limits.client_place(client("192.0.2.2:1")).is_ok());
        drop(one);
        assert!(limits.client_place(client("192.0.2.1:2")).is_ok());
        assert!(limits.clients.iter().all(|c| c.lock().unwrap().is_empty()));
    }

    #[test]
    fn zero_per_client_is_off() {
        let limits = Arc::new(Limits::new(10, 0));
        for _ in 0..5 {
            assert!(
                limits
                    .client_place(client("192.0.2.1:1"))
                    .unwrap()
                    .is_none()
            );
        }
    }
}
