//! One target of a service and what is known of it, shared by all workers and kept over reloads.

use std::{
    fmt,
    net::SocketAddr,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use arc_swap::ArcSwap;
use tokio::sync::Notify;
use vestibule_config::Upstream;

use crate::metrics::TargetStats;

/// How long a target is avoided after a connection to it failed, while another one is available.
pub(crate) const AVOIDED: Duration = Duration::from_secs(5);

/// One target.
#[derive(Debug)]
pub(crate) struct Target {
    /// What the configuration calls it.
    pub(crate) upstream: Upstream,
    /// The same for people: `host:port` or `unix:/path`.
    pub(crate) label: String,
    pub(crate) stats: TargetStats,
    active: AtomicUsize,
    /// Whether its name is resolved here.
    pub(crate) is_resolved: bool,
    /// What the name resolves to; unused for unix sockets.
    addresses: ArcSwap<Vec<SocketAddr>>,
    /// Whether a look-up of the name has come to an end yet, well or badly.
    looked_up: AtomicBool,
    /// Says that it has.
    first_look_up: Notify,
    /// Counts turns through the addresses.
    turn: AtomicUsize,
    /// Milliseconds since `epoch` until which it is avoided.
    avoided_until: AtomicU64,
    /// Active checks say that it is down.
    unhealthy: AtomicBool,
    epoch: Instant,
}

/// Where to connect to for one attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place<'a> {
    Tcp(SocketAddr),
    Unix(&'a Path),
    /// The name resolves to nothing (yet).
    Unresolved,
}

/// Counts one connection of a target while it lives.
#[derive(Debug)]
pub(crate) struct Active(Arc<Target>);

impl Active {
    /// Counts one more connection of `target`.
    pub(crate) fn new(target: &Arc<Target>) -> Self {
        target.active.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(target))
    }

    /// The target.
    pub(crate) fn target(&self) -> &Arc<Target> {
        &self.0
    }
}

impl Drop for Active {
    fn drop(&mut self) {
        self.0.active.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Target {
    /// A target that is thought to be up. Its name is for others to resolve when it is reached
    /// `through_proxies`.
    pub(crate) fn new(upstream: Upstream, through_proxies: bool, workers: usize) -> Self {
        let is_resolved = matches!(upstream, Upstream::Name(..)) && !through_proxies;
        let addresses = match &upstream {
            Upstream::Address(address) => vec![*address],
            Upstream::Asked
            | Upstream::Name(..)
            | Upstream::Original
            | Upstream::Sni(_)
            | Upstream::Unix(_) => Vec::new(),
        };
        Self {
            label: Label(&upstream).to_string(),
            stats: TargetStats::new(workers),
            active: AtomicUsize::new(0),
            addresses: ArcSwap::from_pointee(addresses),
            looked_up: AtomicBool::new(!is_resolved),
            is_resolved,
            first_look_up: Notify::new(),
            turn: AtomicUsize::new(0),
            avoided_until: AtomicU64::new(0),
            unhealthy: AtomicBool::new(false),
            epoch: Instant::now(),
            upstream,
        }
    }

    /// The name or address that its certificate must have, when nothing else is said.
    pub(crate) fn host(&self) -> String {
        match &self.upstream {
            Upstream::Address(address) => address.ip().to_string(),
            Upstream::Name(host, _) => host.clone(),
            Upstream::Asked | Upstream::Original | Upstream::Sni(_) | Upstream::Unix(_) => {
                String::new()
            }
        }
    }

    /// Connections carried to it now, by all workers.
    pub(crate) fn active(&self) -> usize {
        self.active.load(Ordering::Relaxed)
    }

    /// Whether it is worth trying before others that are not.
    pub(crate) fn is_up(&self) -> bool {
        let unresolved = || {
            self.is_resolved
                && self.looked_up.load(Ordering::Relaxed)
                && self.addresses.load().is_empty()
        };
        if self.unhealthy.load(Ordering::Relaxed) || unresolved() {
            return false;
        }
        let until = self.avoided_until.load(Ordering::Relaxed);
        until == 0 || self.millis() >= until
    }

    /// A connection to it failed.
    pub(crate) fn failed(&self) {
        let avoided = u64::try_from(AVOIDED.as_millis()).unwrap_or(u64::MAX);
        self.avoided_until
            .store(self.millis() + avoided, Ordering::Relaxed);
    }

    /// A connection to it succeeded.
    pub(crate) fn succeeded(&self) {
        if self.avoided_until.load(Ordering::Relaxed) != 0 {
            self.avoided_until.store(0, Ordering::Relaxed);
        }
    }

    /// What active checks say. Answers whether that is new.
    pub(crate) fn set_healthy(&self, healthy: bool) -> bool {
        if healthy {
            self.succeeded();
        }
        self.unhealthy.swap(!healthy, Ordering::Relaxed) == healthy
    }

    /// Where the next attempt goes: through all addresses of a name in turn.
    pub(crate) fn next_place(&self) -> Place<'_> {
        if let Upstream::Unix(path) = &self.upstream {
            return Place::Unix(path);
        }
        let addresses = self.addresses.load();
        match addresses.len() {
            0 => Place::Unresolved,
            1 => Place::Tcp(addresses[0]),
            n => Place::Tcp(addresses[self.turn.fetch_add(1, Ordering::Relaxed) % n]),
        }
    }

    /// Waits until the name has been looked up for the first time, which is soon after the start
    /// or the reload that brought it.
    pub(crate) async fn looked_up(&self) {
        let first = self.first_look_up.notified();
        tokio::pin!(first);
        first.as_mut().enable();
        if !self.looked_up.load(Ordering::Acquire) {
            first.await;
        }
    }

    /// Says that a look-up has come to an end.
    pub(crate) fn set_looked_up(&self) {
        if !self.looked_up.swap(true, Ordering::AcqRel) {
            self.first_look_up.notify_waiters();
        }
    }

    /// Says what the name resolves to now. Answers whether that is new.
    pub(crate) fn set_addresses(&self, addresses: Vec<SocketAddr>) -> bool {
        let new = **self.addresses.load() != addresses;
        if new {
            self.addresses.store(Arc::new(addresses));
        }
        new
    }

    fn millis(&self) -> u64 {
        u64::try_from(self.epoch.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

struct Label<'a>(&'a Upstream);

impl fmt::Display for Label<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Upstream::Address(address) => address.fmt(f),
            Upstream::Name(host, port) => write!(f, "{host}:{port}"),
            Upstream::Asked => f.write_str("asked"),
            Upstream::Original => f.write_str("original"),
            Upstream::Sni(port) => write!(f, "sni:{port}"),
            Upstream::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named() -> Target {
        Target::new(Upstream::Name("xmpp.example.org".into(), 5222), false, 1)
    }

    #[test]
    fn addresses_of_a_name_take_turns() {
        let target = named();
        assert_eq!(target.next_place(), Place::Unresolved);
        let [a, b]: [SocketAddr; 2] =
            ["192.0.2.1:5222", "[2001:db8::1]:5222"].map(|a| a.parse().unwrap());
        assert!(target.set_addresses(vec![a, b]));
        assert!(!target.set_addresses(vec![a, b]));
        assert_eq!(target.next_place(), Place::Tcp(a));
        assert_eq!(target.next_place(), Place::Tcp(b));
        assert_eq!(target.next_place(), Place::Tcp(a));
    }

    #[tokio::test]
    async fn the_first_look_up_is_waited_for() {
        let target = Arc::new(named());
        let waiter = tokio::spawn({
            let target = Arc::clone(&target);
            async move { target.looked_up().await }
        });
        tokio::task::yield_now().await;
        assert!(!waiter.is_finished());
        assert!(target.is_up());
        target.set_looked_up();
        waiter.await.unwrap();
        target.looked_up().await;
        assert!(!target.is_up(), "a name that does not resolve");
    }

    #[test]
    fn failures_avoid_and_successes_forgive() {
        let target = named();
        target.set_addresses(vec!["192.0.2.1:5222".parse().unwrap()]);
        assert!(target.is_up());
        target.failed();
        assert!(!target.is_up());
        target.succeeded();
        assert!(target.is_up());
        assert!(target.set_healthy(false));
        assert!(!target.set_healthy(false));
        assert!(!target.is_up());
        assert!(target.set_healthy(true));
        assert!(target.is_up());
    }

    #[test]
    fn labels_are_what_people_write() {
        assert_eq!(named().label, "xmpp.example.org:5222");
        assert_eq!(
            Target::new(Upstream::Unix("/run/x.sock".into()), false, 1).label,
            "unix:/run/x.sock"
        );
    }
}
