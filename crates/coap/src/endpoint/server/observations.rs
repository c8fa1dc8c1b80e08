//! Observations that the peer has registered (RFC 7641 section 4).

use super::snapshots::KnownBy;
use crate::{
    BlockSize, Token,
    endpoint::{
        event::ObservationId,
        outbox::{SendKey, SnapshotId},
    },
};

/// The observations of the peer.
#[derive(Debug, Default)]
pub(super) struct Observations {
    observations: Vec<Observation>,
    /// The value of Observe that was used last.
    sequence: u32,
}

/// One observation.
#[derive(Debug)]
pub(super) struct Observation {
    pub(super) id: ObservationId,
    pub(super) known_by: KnownBy,
    /// The size of blocks that the registration asked for.
    pub(super) size: BlockSize,
    /// The state that is on its way.
    pub(super) outstanding: Option<Outstanding>,
    /// Whether what is on its way, or was, is a last answer.
    pub(super) is_refused: bool,
}

/// A state that is not delivered yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outstanding {
    /// The message that carries it, or its first block, if that is to be acknowledged.
    pub(super) message: Option<SendKey>,
    /// The rest of it.
    pub(super) snapshot: Option<SnapshotId>,
}

impl Observations {
    pub(super) fn insert(
        &mut self,
        id: ObservationId,
        known_by: KnownBy,
        size: BlockSize,
        outstanding: Option<Outstanding>,
    ) {
        self.observations.push(Observation {
            id,
            known_by,
            size,
            outstanding,
            is_refused: false,
        });
    }

    pub(super) fn get(&mut self, id: ObservationId) -> Option<&mut Observation> {
        self.observations.iter_mut().find(|other| other.id == id)
    }

    pub(super) fn with_token(&self, token: Token) -> Option<ObservationId> {
        let has = |other: &&Observation| other.known_by.token == token;
        self.observations.iter().find(has).map(|other| other.id)
    }

    pub(super) fn remove(&mut self, id: ObservationId) -> Option<Observation> {
        let at = self.observations.iter().position(|other| other.id == id)?;
        Some(self.observations.swap_remove(at))
    }

    pub(super) fn len(&self) -> usize {
        self.observations.len()
    }

    /// The next value of Observe: larger than those before it, also those of earlier observations with the same token
    /// (RFC 7641 section 4.4). It begins at 2, because clients of the Go library reject what they do not know from
    /// there on only, and goes round after 2^24 steps.
    pub(super) fn next_sequence(&mut self) -> u32 {
        self.sequence = self.sequence.max(1) % 0xff_ffff + 1;
        self.sequence
    }
}
