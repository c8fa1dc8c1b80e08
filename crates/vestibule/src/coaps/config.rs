//! What a server is started with, and why it is not.

use std::{fmt, io, net::SocketAddr, sync::Arc};

use vestibule_coap::endpoint;
use vestibule_dtls::{Identity, server, session::Version, stack::ServerSettings};

/// The most workers: one byte of a Connection ID names them.
pub const MAX_WORKERS: usize = 256;

/// What a server is started with.
#[derive(Clone)]
pub struct Config {
    /// Where it listens. Port 0 is a free one, `[::]` is IPv6 only.
    pub bind: Vec<SocketAddr>,
    /// How many threads serve associations, from 1 to [`MAX_WORKERS`]. One.
    pub workers: usize,
    /// The certificate and what else the handshakes need.
    pub security: ServerSettings,
    /// How long associations live, and what is sent for them.
    pub dtls: server::Config,
    /// How much strangers can make the server keep.
    pub limits: server::Limits,
    /// The settings of CoAP.
    pub coap: Arc<endpoint::Config>,
    /// How many bytes of bodies all associations together may keep that travel in blocks. 512 MiB.
    pub max_bodies: usize,
}

impl Config {
    /// A server on these addresses that shows this certificate, with the default of everything else:
    /// both versions, no key log, and a ticket key that nobody else has.
    #[must_use]
    pub fn new(bind: Vec<SocketAddr>, identity: Identity) -> Self {
        let security = ServerSettings {
            identity,
            ticket_key: rand::random(),
            key_log: None,
            post_quantum: false,
            versions: &[Version::Dtls12, Version::Dtls13],
        };
        Self {
            bind,
            workers: 1,
            security,
            dtls: server::Config::default(),
            limits: server::Limits::default(),
            coap: Arc::default(),
            max_bodies: 512 << 20,
        }
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("bind", &self.bind)
            .field("workers", &self.workers)
            .field("dtls", &self.dtls)
            .field("limits", &self.limits)
            .field("coap", &self.coap)
            .field("max_bodies", &self.max_bodies)
            .finish_non_exhaustive()
    }
}

/// Why a server is not started.
#[derive(Debug)]
pub enum Error {
    /// This address cannot be bound.
    Bind(SocketAddr, io::Error),
    /// There is nowhere to listen.
    NoAddress,
    /// None or more workers than [`MAX_WORKERS`].
    Workers(usize),
    /// A thread cannot be started.
    Thread(io::Error),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bind(address, error) => write!(f, "cannot listen on udp {address}: {error}"),
            Self::NoAddress => f.write_str("there is no address to listen on"),
            Self::Workers(count) => write!(f, "{count} workers: from 1 to {MAX_WORKERS} can be"),
            Self::Thread(error) => write!(f, "cannot start a worker: {error}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Bind(_, error) | Self::Thread(error) => Some(error),
            Self::NoAddress | Self::Workers(_) => None,
        }
    }
}
