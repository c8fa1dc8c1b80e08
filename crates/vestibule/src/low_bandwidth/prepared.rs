//! A gateway that only has to be started: what can fail on the way was done.

use std::{fmt, net::SocketAddr, path::PathBuf, sync::Arc};

use vestibule_config::FileRef;
use zeroize::Zeroizing;

use super::Spec;
use crate::{
    coaps::{self, Sockets, TicketKeyError, ticket_key},
    metrics,
};

/// A gateway that only has to be started.
pub(crate) struct Prepared {
    pub(super) spec: Arc<Spec>,
    pub(super) holdings: Holdings,
    /// A file that was made, and was not there before.
    made: Option<PathBuf>,
}

/// What a gateway holds, and leaves to the one that takes its place.
#[derive(Clone)]
pub(crate) struct Holdings {
    /// Where it listens for DTLS.
    pub(super) sockets: Sockets,
    /// Where it serves CoAP without DTLS: one address or none.
    pub(super) plain: Sockets,
    /// The key of tickets that the file has.
    file_key: Option<TicketKey>,
    /// The one that nobody else has. It is kept, so that clients can resume when the limits change.
    own_key: TicketKey,
    /// What is counted, and what is under way.
    pub(super) readout: metrics::Gateway,
}

/// The key of session tickets.
type TicketKey = Arc<Zeroizing<[u8; 32]>>;

/// Why a gateway cannot be started.
#[derive(Debug)]
pub(crate) enum PrepareError {
    /// Its addresses for DTLS cannot be bound.
    Sockets(coaps::Error),
    /// What stands in the file of its key of tickets.
    TicketKey(TicketKeyError),
    /// Its address for CoAP without DTLS cannot be bound.
    Plain(coaps::Error),
}

impl Prepared {
    /// Binds and reads what `spec` needs, for so many workers. `own` is what the gateway of the same name
    /// has; `others` have what may have changed its name. What they have bound is taken from them: it may
    /// be started when none of them that [is in its way](Self::waits_for) runs any more.
    ///
    /// # Errors
    ///
    /// Why it cannot be started. Nothing has changed then.
    pub(crate) fn new(
        spec: Arc<Spec>,
        workers: usize,
        own: Option<&Holdings>,
        others: &[&Holdings],
    ) -> Result<Self, PrepareError> {
        let config = &spec.config;
        let bind = |addresses: &[SocketAddr], of: fn(&Holdings) -> &Sockets| {
            let others: Vec<&Sockets> = others.iter().map(|it| of(it)).collect();
            let own = own.map(of).cloned().unwrap_or_default();
            own.rebind(addresses, &others)
        };
        let sockets = bind(&config.bind, |it| &it.sockets).map_err(PrepareError::Sockets)?;
        let plain = match config.plain_debug_bind {
            None => Sockets::default(),
            Some(address) => bind(&[address], |it| &it.plain).map_err(PrepareError::Plain)?,
        };
        let file = config.ticket_key_file.as_ref();
        let made = file
            .map(|FileRef { path, .. }| path)
            .filter(|it| !it.exists());
        let made = made.cloned();
        let file_key = file
            .map(|file| ticket_key::read_or_make(&file.path))
            .transpose();
        let file_key = file_key.map_err(PrepareError::TicketKey)?;
        let readout = match own {
            None => spec.readout(workers),
            Some(own) => spec.succeeding(&own.readout),
        };
        let holdings = Holdings {
            sockets,
            plain,
            file_key: file_key.map(|key| Arc::new(Zeroizing::new(key))),
            own_key: own.map_or_else(
                || Arc::new(Zeroizing::new(rand::random())),
                |own| Arc::clone(&own.own_key),
            ),
            readout,
        };
        Ok(Self {
            spec,
            holdings,
            made,
        })
    }

    /// Its name.
    pub(crate) fn name(&self) -> &str {
        self.spec.name()
    }

    /// What is counted of it, and of those before.
    pub(crate) fn readout(&self) -> &metrics::Gateway {
        &self.holdings.readout
    }

    /// What it will have.
    pub(crate) fn holdings(&self) -> &Holdings {
        &self.holdings
    }

    /// A file that was made for it.
    pub(crate) fn made(&self) -> Option<&PathBuf> {
        self.made.as_ref()
    }

    /// Whether it cannot run beside a gateway with this name, which holds this.
    pub(crate) fn waits_for(&self, name: &str, other: &Holdings) -> bool {
        let own = &self.holdings;
        self.name() == name || own.sockets.share(&other.sockets) || own.plain.share(&other.plain)
    }
}

impl Holdings {
    /// Where it listens for DTLS.
    pub(crate) fn local_addrs(&self) -> Vec<SocketAddr> {
        self.sockets.local_addrs()
    }

    /// Where it serves CoAP without DTLS.
    pub(crate) fn plain_addr(&self) -> Option<SocketAddr> {
        self.plain.local_addrs().first().copied()
    }

    /// The key of tickets.
    pub(super) fn ticket_key(&self) -> [u8; 32] {
        ***self.file_key.as_ref().unwrap_or(&self.own_key)
    }
}

impl fmt::Display for PrepareError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sockets(error) => error.fmt(f),
            Self::TicketKey(error) => error.fmt(f),
            Self::Plain(error) => write!(f, "plain_debug_bind: {error}"),
        }
    }
}

#[cfg(test)]
mod tests;
