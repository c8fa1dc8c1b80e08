//! The server's side: requests of the peer, from the first block to the last of the answer.

mod fetch;
mod incoming;
mod notify;
mod observations;
mod open;
mod respond;
mod snapshots;
mod uploads;

pub use self::notify::NotifyError;
use std::{collections::BTreeMap, time::Instant};

use self::{
    observations::Observations,
    snapshots::{KnownBy, Snapshots},
    uploads::Uploads,
};
use super::{
    budget::Budget,
    config::Config,
    counts::Counted,
    event::{Event, ExchangeId, ObservationEnd, ObservationId, Owner},
    link::Link,
    received::{MessageKey, Received, Reply},
    rtt::earliest,
};
use crate::{BlockSize, BlockValue, Code, Type};

/// All that is kept for the requests of the peer.
#[derive(Debug)]
pub(super) struct Server {
    exchanges: BTreeMap<ExchangeId, Exchange>,
    uploads: Uploads,
    snapshots: Snapshots,
    observations: Observations,
    budget: Budget,
    last_id: u64,
    /// The ETag of the last body that was sent in blocks.
    etag: u16,
}

/// A request that is not answered yet.
#[derive(Debug)]
struct Exchange {
    key: MessageKey,
    confirmable: bool,
    known_by: KnownBy,
    /// When the request is acknowledged without an answer. `None` once it is.
    acknowledge_at: Option<Instant>,
    /// The last block of the request.
    block1: Option<BlockValue>,
    /// The largest block that the peer wants.
    size: BlockSize,
    /// Whether the request asks for notifications.
    registers: bool,
    /// The classes of codes that the peer does not want to hear, a bit for each (RFC 7967).
    unwanted: u64,
}

impl Exchange {
    /// Whether the peer does not want to hear answers of this class (RFC 7967).
    fn does_not_want(&self, code: Code) -> bool {
        self.unwanted >> code.class().saturating_sub(1) & 1 == 1
    }
}

impl Server {
    pub(super) fn new(budget: Budget, etag: u16) -> Self {
        Self {
            exchanges: BTreeMap::new(),
            uploads: Uploads::default(),
            snapshots: Snapshots::default(),
            observations: Observations::default(),
            budget,
            last_id: 0,
            etag,
        }
    }

    /// Acknowledges a request whose answer will take long. Without effect when that has happened.
    pub(super) fn accept(&mut self, link: &mut Link, received: &mut Received, id: ExchangeId) {
        if let Some(exchange) = self.exchanges.get_mut(&id)
            && exchange.acknowledge_at.take().is_some()
        {
            received.set_reply(exchange.key, Reply::Acknowledgement, &link.config);
            link.send_empty(Type::Acknowledgement, exchange.key.id());
        }
    }

    /// Notes whose a request is.
    pub(super) fn set_owner(&mut self, id: ExchangeId, owner: Owner) {
        if let Some(exchange) = self.exchanges.get_mut(&id) {
            exchange.known_by.owner = Some(owner);
        }
    }

    /// Forgets a request without answering it.
    pub(super) fn drop_exchange(&mut self, id: ExchangeId) {
        self.exchanges.remove(&id);
    }

    /// Does what is due.
    pub(super) fn handle_timeout(
        &mut self,
        now: Instant,
        link: &mut Link,
        received: &mut Received,
    ) {
        let is_due = |exchange: &Exchange| exchange.acknowledge_at.is_some_and(|at| at <= now);
        let due = self
            .exchanges
            .iter()
            .filter(|(_, exchange)| is_due(exchange));
        let due: Vec<ExchangeId> = due.map(|(&id, _)| id).collect();
        for id in due {
            self.accept(link, received, id);
        }
        self.uploads.expire(now, &link.config, &self.budget);
        while let Some(snapshot) = self.snapshots.expire(now, &link.config) {
            if !snapshot.is_fetched() {
                self.budget.note(Counted::ResponseExpired);
            }
            self.snapshot_lost(link, &snapshot);
        }
    }

    pub(super) fn next_timeout(&self, link: &Link) -> Option<Instant> {
        let windows = self.exchanges.values();
        earliest([
            windows.filter_map(|exchange| exchange.acknowledge_at).min(),
            self.uploads.next_timeout(&link.config),
            self.snapshots.next_timeout(&link.config),
        ])
    }

    /// Whether a request waits for its answer, or for the rest of it.
    pub(super) fn is_answering(&self, now: Instant, config: &Config) -> bool {
        !self.exchanges.is_empty() || self.snapshots.are_fetched(now, config)
    }

    /// How many requests, uploads, bodies and observations are held.
    pub(super) fn len(&self) -> [usize; 4] {
        [
            self.exchanges.len(),
            self.uploads.len(),
            self.snapshots.len(),
            self.observations.len(),
        ]
    }

    pub(super) fn footprint(&self) -> usize {
        self.exchanges.len() * size_of::<(ExchangeId, Exchange)>()
            + self.uploads.footprint()
            + self.snapshots.footprint()
            + self.observations.len() * size_of::<observations::Observation>()
    }

    /// The peer wants no more of this observation.
    fn end(&mut self, link: &mut Link, id: ObservationId, end: ObservationEnd) {
        if self.forget(link, id) {
            link.events.push_back(Event::ObservationEnded(id, end));
        }
    }
}
