//! Bodies that the peer fetches in blocks (RFC 7959 section 2.4).

#[cfg(test)]
mod tests;

use std::time::Instant;

use bytes::Bytes;

use super::incoming::{Incoming, may_be_same};
use crate::{
    BlockSize, BlockValue, Code, OptionList, OptionNumber, Token,
    endpoint::{
        budget::{Budget, Reservation},
        config::Config,
        event::{ObservationId, Owner},
        outbox::{SendKey, SnapshotId},
        refusal::Refusal,
    },
};

/// The bodies that are kept for the peer.
#[derive(Debug, Default)]
pub(super) struct Snapshots {
    snapshots: Vec<Snapshot>,
    /// Messages with blocks of bodies that are not kept any more.
    orphans: Vec<SendKey>,
    last_id: u64,
}

/// A body as it was when it was sent first: what comes later never replaces it.
#[derive(Debug)]
pub(super) struct Snapshot {
    pub(super) id: SnapshotId,
    pub(super) known_by: KnownBy,
    pub(super) code: Code,
    /// What each block carries beside its number.
    pub(super) options: OptionList,
    pub(super) body: Bytes,
    pub(super) size: BlockSize,
    /// The observation whose state this is, if its delivery is to be told.
    pub(super) observation: Option<ObservationId>,
    /// A block that was sent as a confirmable message.
    pub(super) flying: Option<Flying>,
    /// The offset behind the last block that was sent.
    sent: usize,
    begun: Instant,
    touched: Instant,
    /// Holds the bytes as long as the body is here.
    _reservation: Reservation,
}

/// A block that waits for its acknowledgement.
#[derive(Clone, Copy, Debug)]
pub(super) struct Flying {
    pub(super) message: SendKey,
    pub(super) offset: usize,
    /// The token it answers.
    pub(super) token: Token,
    /// Whether the body ends with it.
    pub(super) last: bool,
}

/// What requests for further blocks are recognised by.
#[derive(Clone, Copy, Debug)]
pub(super) struct KnownBy {
    pub(super) token: Token,
    pub(super) body_key: u64,
    pub(super) path_key: u64,
    /// Whose the body is. Nobody else gets it.
    pub(super) owner: Option<Owner>,
}

/// A part of a body.
#[derive(Debug)]
pub(super) struct Block {
    pub(super) value: BlockValue,
    pub(super) payload: Bytes,
    pub(super) offset: usize,
}

impl Snapshots {
    /// Keeps a body, and cuts its first block, unless there is no room: states that are to be delivered stay; others that were fetched to
    /// their end go first, then those not asked for for longest.
    pub(super) fn keep(
        &mut self,
        now: Instant,
        body: Bytes,
        size: BlockSize,
        content: (KnownBy, Code, OptionList),
        config: &Config,
        budget: &Budget,
    ) -> Result<(SnapshotId, Block), Refusal> {
        let (known_by, code, options) = content;
        let mut reservation = budget.reservation();
        self.make_room(body.len(), &known_by, &mut reservation, config)?;
        self.last_id += 1;
        let id = SnapshotId(self.last_id);
        let snapshot = Snapshot {
            id,
            known_by,
            code,
            options,
            sent: size.bytes(),
            body,
            size,
            observation: None,
            flying: None,
            begun: now,
            touched: now,
            _reservation: reservation,
        };
        let first = snapshot.first();
        self.snapshots.push(snapshot);
        Ok((id, first))
    }

    /// The body that a request for a later block means, if it is not somebody else's: by its token, with all options or
    /// without a query; by method and options; or, as the Go library asks for the rest of a notification, and as the
    /// options may have been left out, by path and ETag of an observation whose next block it is. Of several, the one whose
    /// next block it is.
    pub(super) fn find(
        &mut self,
        block: BlockValue,
        request: &Incoming<'_>,
        config: &Config,
    ) -> Option<&mut Snapshot> {
        let offset = block.offset();
        let body_key = request.body_key(config);
        let path_key = request.path_key();
        let owner = request.owner(config);
        let is_owned = |snapshot: &Snapshot| may_be_same(snapshot.known_by.owner, owner);
        let by_path = |snapshot: &Snapshot| {
            let same_path = snapshot.known_by.path_key == path_key;
            snapshot.observation.is_some() && same_path && is_owned(snapshot)
        };
        let is_only_one = self.snapshots.iter().filter(|other| by_path(other)).count() == 1;
        let etag = request.options.first(OptionNumber::ETAG);
        let rank = |snapshot: &Snapshot| {
            let known_by = &snapshot.known_by;
            // Of a state that is to be delivered no block is left out.
            let is_there = offset < snapshot.body.len()
                && (snapshot.observation.is_none() || offset <= snapshot.sent);
            let is_named = etag.is_none_or(|etag| snapshot.etag() == Some(etag));
            if !is_there || !is_named || !is_owned(snapshot) {
                return None;
            }
            let same_token = known_by.token == request.token;
            let same_options = known_by.body_key == body_key;
            let same_path = known_by.path_key == path_key && !request.has_query();
            let is_meant = by_path(snapshot) && request.code == Code::GET && same_path;
            match (same_token, same_options) {
                (true, true) => Some(4),
                (true, false) => same_path.then_some(3),
                (false, true) => Some(2),
                (false, false) => (is_meant && (etag.is_some() || is_only_one)).then_some(1),
            }
        };
        let ranked = self.snapshots.iter_mut().filter_map(|snapshot| {
            let rank = (rank(snapshot)?, offset == snapshot.sent, snapshot.touched);
            Some((rank, snapshot))
        });
        ranked
            .max_by_key(|(rank, _)| *rank)
            .map(|(_, snapshot)| snapshot)
    }

    /// The messages with blocks of bodies that had to make room: they are to be withdrawn.
    pub(super) fn take_orphans(&mut self) -> Vec<SendKey> {
        std::mem::take(&mut self.orphans)
    }

    pub(super) fn get(&mut self, id: SnapshotId) -> Option<&mut Snapshot> {
        self.snapshots.iter_mut().find(|other| other.id == id)
    }

    pub(super) fn remove(&mut self, id: SnapshotId) -> Option<Snapshot> {
        let at = self.snapshots.iter().position(|other| other.id == id)?;
        Some(self.snapshots.swap_remove(at))
    }

    /// Takes a body away that has not been asked for for too long.
    pub(super) fn expire(&mut self, now: Instant, config: &Config) -> Option<Snapshot> {
        let expired = |other: &Snapshot| other.expiry(config) <= now;
        let at = self.snapshots.iter().position(expired)?;
        Some(self.snapshots.swap_remove(at))
    }

    pub(super) fn next_timeout(&self, config: &Config) -> Option<Instant> {
        let expiries = self.snapshots.iter().map(|other| other.expiry(config));
        expiries.min()
    }

    /// Whether the peer is fetching an answer: it has asked for a block not long ago, or has one to acknowledge. Who
    /// pauses for longer than a request and two repetitions of it take has given up. States do not count.
    pub(super) fn are_fetched(&self, now: Instant, config: &Config) -> bool {
        let pause = config.timing.initial * 5;
        let is_awaited = |it: &Snapshot| !it.is_fetched() && now < it.touched + pause;
        let mut answers = self.snapshots.iter().filter(|it| it.observation.is_none());
        answers.any(|it| it.flying.is_some() || is_awaited(it))
    }

    pub(super) fn len(&self) -> usize {
        self.snapshots.len()
    }

    pub(super) fn footprint(&self) -> usize {
        let others = self.snapshots.iter().map(|other| other.options.footprint());
        self.bytes()
            + others
                .map(|bytes| bytes + size_of::<Snapshot>())
                .sum::<usize>()
    }

    /// Makes room for a body and reserves it, without throwing anything away for nothing.
    fn make_room(
        &mut self,
        length: usize,
        known_by: &KnownBy,
        reservation: &mut Reservation,
        config: &Config,
    ) -> Result<(), Refusal> {
        let pinned = self.snapshots.iter().filter(|other| !other.is_movable());
        let (count, bytes) = pinned.fold((0, 0), |(count, bytes), other| {
            (count + 1, bytes + other.body.len())
        });
        let fits = count < config.max_snapshots && bytes + length <= config.max_snapshot_bytes;
        if !fits {
            return Err(Refusal::TooManyResponses);
        }
        if self.bytes() - bytes + reservation.available() < length {
            return Err(Refusal::NoRoom);
        }
        // The same request again: its earlier body will not be asked for.
        let is_same = |other: &Snapshot| {
            other.is_movable()
                && other.known_by.token == known_by.token
                && other.known_by.body_key == known_by.body_key
        };
        while let Some(at) = self.snapshots.iter().position(is_same) {
            self.evict(at);
        }
        while self.snapshots.len() >= config.max_snapshots
            || self.bytes() + length > config.max_snapshot_bytes
            || !reservation.grow(length)
        {
            let movable = (0..self.snapshots.len())
                .filter(|&at| self.snapshots[at].is_movable())
                .min_by_key(|&at| {
                    let snapshot = &self.snapshots[at];
                    (!snapshot.is_fetched(), snapshot.touched)
                });
            let movable = movable.ok_or(Refusal::NoRoom)?;
            self.evict(movable);
            reservation.note_replaced();
        }
        Ok(())
    }

    fn evict(&mut self, at: usize) {
        let evicted = self.snapshots.swap_remove(at);
        self.orphans.extend(evicted.flying.map(|it| it.message));
    }

    fn bytes(&self) -> usize {
        self.snapshots.iter().map(|other| other.body.len()).sum()
    }
}

impl Snapshot {
    /// The first block.
    pub(super) fn first(&self) -> Block {
        self.cut(0, self.size)
    }

    /// A later block as the peer asks for it, perhaps in a smaller size (RFC 7959 section 2.4).
    pub(super) fn later(&mut self, now: Instant, asked: BlockValue) -> Block {
        let block = self.cut(asked.offset(), asked.size.min(self.size));
        let end = block.offset + block.payload.len();
        // Asking for the same again and again does not keep it.
        if end > self.sent {
            self.touched = now;
            self.sent = end;
        }
        block
    }

    /// What each block carries: ETag and Content-Format, and the first one also the rest (RFC 7959 section 2.4).
    pub(super) fn block_options(&self, block: &Block) -> OptionList {
        let mut options = OptionList::new();
        for (number, value) in self.options.iter() {
            if matches!(number, OptionNumber::ETAG | OptionNumber::CONTENT_FORMAT) {
                // It comes from a list, where it had room.
                let _ = options.push(number, value);
            }
        }
        options.push_uint(OptionNumber::BLOCK2, block.value.to_uint());
        options
    }

    /// When it is not kept any longer. Once it was fetched, it is for late repetitions only.
    fn expiry(&self, config: &Config) -> Instant {
        let idle = if self.is_fetched() && self.is_movable() {
            config.snapshot_idle / 2
        } else {
            config.snapshot_idle
        };
        let blocks = u32::try_from(self.sent / self.size.bytes() + 1).unwrap_or(u32::MAX);
        let slowest = config.snapshot_pace.saturating_mul(blocks);
        (self.touched + idle).min(self.begun + idle + slowest)
    }

    /// What this version of the body is called.
    fn etag(&self) -> Option<&[u8]> {
        self.options.first(OptionNumber::ETAG)
    }

    /// Whether it may make room for others: nobody waits for its delivery.
    fn is_movable(&self) -> bool {
        self.observation.is_none()
    }

    /// Whether its last block was sent.
    pub(super) fn is_fetched(&self) -> bool {
        self.sent >= self.body.len()
    }

    fn cut(&self, offset: usize, size: BlockSize) -> Block {
        let end = self.body.len().min(offset + size.bytes());
        let number = u32::try_from(offset / size.bytes()).unwrap_or(BlockValue::MAX_NUMBER);
        Block {
            value: BlockValue {
                number,
                more: end < self.body.len(),
                size,
            },
            payload: self.body.slice(offset.min(end)..end),
            offset,
        }
    }
}
