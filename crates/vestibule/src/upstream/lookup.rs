//! Names that clients ask for, resolved while they wait.

use std::{
    cell::RefCell,
    collections::HashMap,
    io,
    net::{IpAddr, SocketAddr},
    time::{Duration, Instant},
};

use tokio::sync::Semaphore;

/// How long an answer holds. The system's resolver does not tell.
const GOOD_FOR: Duration = Duration::from_secs(30);

/// How long a failure holds.
const BAD_FOR: Duration = Duration::from_secs(2);

/// The most names that are remembered.
const MOST_NAMES: usize = 1024;

/// Look-ups under way at once, each of which occupies a thread. Others wait for their turn.
const AT_ONCE: usize = 16;

/// What a worker knows of the names that clients have asked for.
#[derive(Debug)]
pub(crate) struct Lookups {
    known: RefCell<HashMap<String, Known>>,
    turns: Semaphore,
}

/// The answer to a look-up: empty when the name does not resolve.
#[derive(Debug)]
struct Known {
    addresses: Vec<IpAddr>,
    until: Instant,
}

impl Default for Lookups {
    fn default() -> Self {
        Self {
            known: RefCell::default(),
            turns: Semaphore::new(AT_ONCE),
        }
    }
}

impl Lookups {
    /// The addresses of `name` by the system's resolver, off the worker's thread.
    ///
    /// # Errors
    ///
    /// When it does not resolve.
    pub(crate) async fn addresses(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        if let Some(addresses) = self.known(name) {
            return found(name, addresses);
        }
        let _turn = self.turns.acquire().await;
        // Somebody else may have asked meanwhile.
        if let Some(addresses) = self.known(name) {
            return found(name, addresses);
        }
        let resolved = tokio::net::lookup_host((name, 0)).await;
        let addresses: Vec<_> = resolved.map_or_else(
            |_| Vec::new(),
            |addresses| addresses.map(|address: SocketAddr| address.ip()).collect(),
        );
        self.remember(name, addresses.clone());
        found(name, addresses)
    }

    fn known(&self, name: &str) -> Option<Vec<IpAddr>> {
        let known = self.known.borrow();
        let known = known.get(name)?;
        (Instant::now() < known.until).then(|| known.addresses.clone())
    }

    fn remember(&self, name: &str, addresses: Vec<IpAddr>) {
        let now = Instant::now();
        let mut known = self.known.borrow_mut();
        if known.len() >= MOST_NAMES {
            known.retain(|_, known| now < known.until);
        }
        if known.len() >= MOST_NAMES {
            known.clear();
        }
        let holds = match addresses.is_empty() {
            true => BAD_FOR,
            false => GOOD_FOR,
        };
        let until = now + holds;
        known.insert(name.to_owned(), Known { addresses, until });
    }
}

fn found(name: &str, mut addresses: Vec<IpAddr>) -> io::Result<Vec<IpAddr>> {
    addresses.dedup();
    match addresses.is_empty() {
        true => Err(io::Error::new(
            io::ErrorKind::NotFound,
            format!("the name {name} does not resolve"),
        )),
        false => Ok(addresses),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "current_thread")]
    async fn names_are_resolved_and_remembered() {
        let lookups = Lookups::default();
        let local = lookups.addresses("localhost").await.unwrap();
        assert!(local.iter().all(IpAddr::is_loopback));
        assert!(lookups.known("localhost").is_some());
        lookups.remember("kept.example", vec![[192, 0, 2, 1].into()]);
        assert_eq!(
            lookups.addresses("kept.example").await.unwrap(),
            [IpAddr::from([192, 0, 2, 1])]
        );
    }

    #[tokio::test(flavor = "current_thread")]
    async fn failures_are_remembered_too() {
        let lookups = Lookups::default();
        lookups.remember("gone.example", Vec::new());
        let error = lookups.addresses("gone.example").await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn memory_is_bounded() {
        let lookups = Lookups::default();
        for i in 0..3 * MOST_NAMES {
            lookups.remember(&format!("{i}.example"), vec![[192, 0, 2, 1].into()]);
        }
        assert!(lookups.known.borrow().len() <= MOST_NAMES);
    }
}
