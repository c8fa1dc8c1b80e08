//! The homeserver: where it is, and what is allowed to it.

use std::{
    fmt,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use arc_swap::{ArcSwap, ArcSwapOption};
use vestibule_config::Upstream;

use super::{budget::Budget, failure::Failure};
use crate::{sys::TcpOptions, tls::ClientPolicy};

/// One homeserver, shared by all threads.
pub(crate) struct Homeserver {
    /// Where it is.
    pub(super) place: Upstream,
    /// Its name, or its address, as certificates have it.
    pub(super) host: String,
    /// What requests name as their host.
    pub(super) authority: String,
    /// TLS towards it; `None`: it is spoken to in clear.
    tls: ArcSwapOption<ClientPolicy>,
    /// How connections are made.
    tcp: ArcSwap<TcpOptions>,
    pub(super) limits: Limits,
    /// What all answers together may have.
    pub(super) bodies: Arc<Budget>,
    /// Whether the last request has failed, so that this is not said again.
    is_failing: AtomicBool,
}

/// What is allowed to a homeserver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    /// The bytes of the longest body of an answer.
    pub(crate) body: usize,
    /// Bytes of the bodies of all answers that are under way, or that somebody has still something
    /// of.
    pub(crate) bodies: usize,
    /// For a connection, TLS included.
    pub(crate) connect_timeout: Duration,
}

impl Limits {
    /// Bodies of up to `body` bytes, all of them `bodies`, connections within 5 s.
    pub(crate) fn new(body: usize, bodies: usize) -> Self {
        Self {
            body,
            bodies,
            connect_timeout: Duration::from_secs(5),
        }
    }
}

impl Homeserver {
    /// The one of `config`; `tls` is `None` when its URL says http.
    pub(crate) fn new(
        config: &vestibule_config::Homeserver,
        tls: Option<Arc<ClientPolicy>>,
        tcp: TcpOptions,
        limits: Limits,
    ) -> Self {
        let place = match config.host.parse() {
            Ok(ip) => Upstream::Address(SocketAddr::new(ip, config.port)),
            Err(_) => Upstream::Name(config.host.clone(), config.port),
        };
        Self {
            place,
            host: config.host.clone(),
            authority: config.authority(),
            tls: ArcSwapOption::new(tls),
            tcp: ArcSwap::from_pointee(tcp),
            limits,
            bodies: Budget::new(limits.bodies),
            is_failing: AtomicBool::new(false),
        }
    }

    /// TLS towards it, as new connections have it; `None`: it is spoken to in clear.
    pub(super) fn tls(&self) -> Option<Arc<ClientPolicy>> {
        self.tls.load_full()
    }

    /// New connections have this TLS from now on.
    pub(crate) fn replace_tls(&self, tls: Option<Arc<ClientPolicy>>) {
        self.tls.store(tls);
    }

    /// How new connections are made.
    pub(super) fn tcp(&self) -> Arc<TcpOptions> {
        self.tcp.load_full()
    }

    /// New connections are made so from now on.
    pub(crate) fn replace_tcp(&self, tcp: TcpOptions) {
        self.tcp.store(Arc::new(tcp));
    }

    /// A request has failed. That is worth saying when the one before has not.
    pub(super) fn has_failed(&self, why: &Failure) {
        let homeserver = &self.authority;
        match why.is_of_the_homeserver() && !self.is_failing.swap(true, Ordering::Relaxed) {
            true => tracing::warn!(homeserver, reason = %why, "the homeserver does not answer"),
            false => tracing::debug!(homeserver, reason = %why, "a request has failed"),
        }
    }

    /// A request was answered.
    pub(super) fn has_answered(&self) {
        if self.is_failing.load(Ordering::Relaxed) && self.is_failing.swap(false, Ordering::Relaxed)
        {
            tracing::info!(homeserver = self.authority, "the homeserver answers again");
        }
    }
}

impl fmt::Debug for Homeserver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Homeserver")
            .field("authority", &self.authority)
            .field("tls", &self.tls().is_some())
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}
