//! What a server says.

use std::{
    fmt,
    time::{Duration, Instant},
};

use bytes::Bytes;

use super::path::{Path, TrialId};
use crate::session::{Agreement, ConnectionId, Fault};

/// An association of a server. Never given to another one while the process lives.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct AssociationId {
    pub(super) worker: u8,
    pub(super) slot: u32,
    pub(super) serial: u64,
}

impl fmt::Display for AssociationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.worker, self.serial)
    }
}

impl fmt::Debug for AssociationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AssociationId({self})")
    }
}

/// A datagram to be sent.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Transmit {
    /// Where to, and where from.
    pub path: Path,
    /// The datagram.
    pub bytes: Vec<u8>,
}

/// What has happened.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Event {
    /// A handshake is over.
    Opened {
        /// The new association.
        id: AssociationId,
        /// What was agreed.
        agreement: Agreement,
        /// Where the peer is.
        path: Path,
    },
    /// A payload, whole and alone.
    Received {
        /// The association.
        id: AssociationId,
        /// Where it came from. That is not always where the association's answers go.
        path: Path,
        /// The payload.
        payload: Bytes,
    },
    /// The peer seems to have moved, and datagrams wait until it shows that it is there: it is to be
    /// [asked](super::Server::ask) something that it cannot answer unless it has the question. Its answer is reported
    /// by [`super::Server::confirm`], anything else that pretends to be one by [`super::Server::doubt`].
    ProofWanted {
        /// The association.
        id: AssociationId,
        /// The number of this. Questions of earlier ones need no answer any more.
        trial: TrialId,
        /// Where it seems to have moved to.
        path: Path,
    },
    /// The peer has moved.
    Moved {
        /// The association.
        id: AssociationId,
        /// Where it is now.
        path: Path,
    },
    /// An association is over. Handshakes that fail have no events.
    Closed {
        /// The association, which is unknown from now on.
        id: AssociationId,
        /// Why.
        why: Closed,
        /// What it carried.
        meter: Meter,
    },
}

/// Why an association is over.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Closed {
    /// The peer has sent close_notify.
    ByPeer,
    /// We did.
    ByUs,
    /// It broke.
    Fault(Fault),
    /// Nothing that counts came for its lifetime.
    Idle,
    /// The peer, or who came after it, has another association at its address; by that, without a Connection ID, this
    /// one cannot be reached any more.
    Replaced,
    /// Its record numbers are used up.
    Exhausted,
}

impl Closed {
    /// All names.
    pub const NAMES: [&'static str; 6] = ["peer", "us", "fault", "idle", "replaced", "exhausted"];

    /// Its name in logs and metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMES[self.index()]
    }

    /// Where it stands in [`Self::NAMES`].
    pub(super) fn index(self) -> usize {
        match self {
            Self::ByPeer => 0,
            Self::ByUs => 1,
            Self::Fault(_) => 2,
            Self::Idle => 3,
            Self::Replaced => 4,
            Self::Exhausted => 5,
        }
    }
}

/// What an association has carried: payloads of UDP, with the handshake, but without the round of the cookie, which
/// nothing is kept of.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Meter {
    /// Datagrams of the peer.
    pub datagrams_in: u64,
    /// Their bytes.
    pub bytes_in: u64,
    /// Datagrams to the peer.
    pub datagrams_out: u64,
    /// Their bytes.
    pub bytes_out: u64,
}

/// An association, seen from outside.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct View {
    /// Its id.
    pub id: AssociationId,
    /// What was agreed.
    pub agreement: Agreement,
    /// The Connection ID by which it is found. `None`: the peer has not offered that.
    pub connection_id: Option<ConnectionId>,
    /// Where the peer is.
    pub path: Path,
    /// Where it seems to have moved to.
    pub trial: Option<Path>,
    /// When its handshake began.
    pub since: Instant,
    /// When something came last that counts: a payload, or, with a Connection ID, any record that authenticates and
    /// is the newest.
    pub heard: Instant,
    /// How long it lives without another.
    pub lifetime: Duration,
    /// What it has carried.
    pub meter: Meter,
}
