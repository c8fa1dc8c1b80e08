//! The demultiplexer: datagrams of many peers in, associations out.
//!
//! Nothing here opens a socket, reads a clock or waits. The caller feeds [`Server::handle_datagram`] with what has come
//! and the time at which it came, sends what [`Server::poll_transmit`] gives, acts on what [`Server::poll_event`] says,
//! and calls [`Server::handle_timeout`] at the time of [`Server::poll_timeout`]. After each call of any other method
//! these three are to be asked again.
//!
//! There is a server for each worker. A Connection ID names the worker in its first byte; who has none, or none yet, is
//! found by address: [`Shared::worker_of`] says which worker is to be given a datagram.
//!
//! # Where a peer is
//!
//! A peer that offers a Connection ID is followed to another address, in steps (RFC 9146 section 6):
//!
//! 1. A record that authenticates, has our Connection ID and is the newest of all comes from there. From then on
//!    answers go there, but at most three times the bytes that have come from there.
//! 2. When more is to be sent, it waits, and [`Event::ProofWanted`] asks for a proof, as it does when the peer goes on to
//!    be heard from there: an answer, from there, to a question
//!    that was sent there ([`Server::ask`], [`Server::confirm`]). The peer itself is not to be believed: it could have
//!    us send to somebody else what it has asked for. So the question must have something in it that cannot be guessed.
//! 3. With it the address is the peer's, [`Event::Moved`]. Without it what waited goes to the old address, as it does
//!    when newer records come from there again.

mod association;
mod config;
mod event;
mod hellos;
mod path;
mod pieces;
mod records;
mod sending;
mod shared;
mod table;
#[cfg(test)]
mod tests;
mod timers;
#[cfg(any(test, feature = "test-vectors"))]
pub mod toy;
#[cfg(any(test, feature = "test-vectors"))]
pub mod vectors;

use std::{
    collections::VecDeque,
    fmt,
    hash::RandomState,
    sync::Arc,
    time::{Duration, Instant},
};

use rand::{SeedableRng, rngs::StdRng};

use self::{
    association::Association, pieces::Pieces, sending::Alerts, table::Table, timers::Timers,
};
pub use self::{
    config::{Config, Limits},
    event::{AssociationId, Closed, Event, Meter, Transmit, View},
    path::{Local, Path, Source, TrialId},
    shared::{Counter, Counters, Refusal, Shared},
};
use crate::{
    session::{Accept, Fault, SendError},
    wire,
};

/// The associations of one worker.
pub struct Server {
    config: Arc<Config>,
    shared: Arc<Shared>,
    accept: Box<dyn Accept>,
    worker: u8,
    random: StdRng,
    /// For hashes of hellos.
    hasher: RandomState,
    serial: u64,
    /// How many trials there have been.
    trials: u64,
    table: Table,
    pieces: Pieces,
    timers: Timers,
    alerts: Alerts,
    transmits: VecDeque<Transmit>,
    events: VecDeque<Event>,
    /// Where payloads are read into.
    scratch: Vec<u8>,
}

/// What became of a datagram.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Handled {
    /// It was for this worker, or for nobody.
    Done,
    /// It has a Connection ID that nobody has here. The worker of its address may know whose it is
    /// ([`Shared::worker_of_address`], [`Server::handle_stray`]).
    Elsewhere,
}

impl Server {
    /// The associations of the worker with the number `worker`; there are none yet. The `seed` must be random, and
    /// other than that of any server before: Connection IDs come from it.
    #[must_use]
    pub fn new(
        config: Arc<Config>,
        shared: Arc<Shared>,
        accept: Box<dyn Accept>,
        worker: u8,
        seed: [u8; 32],
    ) -> Self {
        Self {
            alerts: Alerts::new(config.alerts_per_second),
            config,
            shared,
            accept,
            worker,
            random: StdRng::from_seed(seed),
            hasher: RandomState::new(),
            serial: 0,
            trials: 0,
            table: Table::default(),
            pieces: Pieces::default(),
            timers: Timers::default(),
            transmits: VecDeque::new(),
            events: VecDeque::new(),
            scratch: Vec::new(),
        }
    }

    /// Takes a datagram that came by `path`. For [`Handled::Elsewhere`] nothing was done with it.
    pub fn handle_datagram(&mut self, now: Instant, path: Path, datagram: &[u8]) -> Handled {
        self.shared.counters.datagrams.add();
        let first = wire::records(datagram).next();
        let cid = first.and_then(|record| record.connection_id());
        if cid.is_some_and(|cid| self.table.by_id(cid).is_none()) && self.table.at(&path).is_empty()
        {
            return Handled::Elsewhere;
        }
        self.take(now, path, datagram);
        Handled::Done
    }

    /// Takes a datagram for which another worker said [`Handled::Elsewhere`], or for which there is no other worker.
    pub fn handle_stray(&mut self, now: Instant, path: Path, datagram: &[u8]) {
        self.take(now, path, datagram);
    }

    fn take(&mut self, now: Instant, path: Path, datagram: &[u8]) {
        // Split, because a stack gives the payloads of a datagram in one piece.
        let (mut records, mut answered) = (0, false);
        for record in wire::records(datagram) {
            if !record.is_hello() {
                self.record(now, path, &record, records == 0);
            } else if !answered {
                // Nobody has two in one datagram.
                answered = self.hello(now, path, &record);
            }
            records += 1;
        }
        if records == 0 {
            self.shared.counters.unknown.add();
        }
    }

    /// Does what is due: repeats flights, gives handshakes up, ends associations that are idle.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some(slot) = self.timers.pop(now) {
            self.wake(now, slot);
        }
    }

    /// When [`Self::handle_timeout`] is to be called. `None`: nothing is waited for.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.timers.next()
    }

    /// The next datagram to be sent.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.transmits.pop_front()
    }

    /// What has happened next.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Sends a payload.
    ///
    /// # Errors
    /// The association is unknown, or cannot send (any more), or the payload is too long. One whose record numbers are
    /// used up is closed by that.
    pub fn send(
        &mut self,
        now: Instant,
        id: AssociationId,
        payload: &[u8],
    ) -> Result<(), SendError> {
        let slot = self.table.slot(id).ok_or(SendError::Closed)?;
        let association = self.table.get_mut(slot).ok_or(SendError::Closed)?;
        let result = association.session.send(payload);
        match result {
            Err(SendError::Exhausted) => self.end(now, slot, Closed::Exhausted),
            Err(SendError::Closed) => self.end(now, slot, Closed::Fault(Fault::Internal)),
            _ => self.drain(now, slot),
        }
        result
    }

    /// Asks the peer to show that it is where it seems to have moved to, by a `payload` that has something in it that
    /// cannot be guessed. Only there it is sent, and counts as little as anything else until then; `false`: it was not
    /// sent.
    pub fn ask(&mut self, now: Instant, id: AssociationId, trial: TrialId, payload: &[u8]) -> bool {
        self.send_question(now, id, trial, payload)
    }

    /// Notes that the answer to a question has come from `path`. If that is where the trial is about, the peer is
    /// there; `false`: it is not.
    pub fn confirm(&mut self, now: Instant, id: AssociationId, trial: TrialId, path: Path) -> bool {
        let Some(slot) = self.table.slot(id) else {
            return false;
        };
        let Some(association) = self.table.get_mut(slot).filter(|it| it.open) else {
            return false;
        };
        let proved = association
            .trial
            .take_if(|it| it.id == trial && it.path == path);
        if proved.is_none() {
            return false;
        }
        association.place.move_to(now, path.remote.ip());
        self.shared.counters.moves.add();
        self.table.move_to(slot, path);
        self.events.push_back(Event::Moved { id, path });
        self.release(now, slot);
        true
    }

    /// Notes that something has come that pretends to be the answer to a question, and is not. The peer may not be
    /// asked again for a while, and what waits goes home: who guesses must not have many guesses.
    pub fn doubt(&mut self, now: Instant, id: AssociationId, trial: TrialId) {
        if let Some(slot) = self.table.slot(id)
            && let Some(association) = self.table.get_mut(slot)
            && association.trial(trial).is_some()
        {
            self.give_up_proof(now, slot);
            self.release(now, slot);
        }
    }

    /// Sets how long an association lives without something from its peer, as [`Config::idle_lifetime`] has it.
    pub fn set_lifetime(&mut self, now: Instant, id: AssociationId, lifetime: Duration) {
        if let Some(slot) = self.table.slot(id)
            && let Some(association) = self.table.get_mut(slot)
        {
            association.lifetime = lifetime;
            self.arm(now, slot);
        }
    }

    /// Ends an association, with close_notify.
    pub fn close(&mut self, now: Instant, id: AssociationId) {
        if let Some(slot) = self.table.slot(id) {
            self.end(now, slot, Closed::ByUs);
        }
    }

    /// Ends all associations, with close_notify.
    pub fn close_all(&mut self, now: Instant) {
        let all: Vec<_> = self.table.iter().map(|it| it.id.slot).collect();
        for slot in all {
            self.end(now, slot, Closed::ByUs);
        }
    }

    /// Begins associations in another way from now on, such as with another certificate.
    pub fn replace_accept(&mut self, accept: Box<dyn Accept>) {
        self.accept = accept;
    }

    /// An association whose handshake is over.
    #[must_use]
    pub fn association(&self, id: AssociationId) -> Option<View> {
        self.table.get(self.table.slot(id)?)?.view()
    }

    /// What an association has carried.
    #[must_use]
    pub fn meter(&self, id: AssociationId) -> Option<Meter> {
        Some(self.table.get(self.table.slot(id)?)?.meter)
    }

    /// All associations whose handshake is over.
    pub fn associations(&self) -> impl Iterator<Item = View> {
        self.table.iter().filter_map(Association::view)
    }

    /// How many associations there are, those in handshake included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.table.len() == 0
    }

    /// Ends an association, and says good-bye to its peer if there are keys for that.
    fn end(&mut self, now: Instant, slot: u32, why: Closed) {
        if let Some(association) = self.table.get_mut(slot) {
            association.session.close();
            self.drain(now, slot);
        }
        if let Some(association) = self.table.get_mut(slot)
            && !association.held.is_empty()
        {
            // There is no time for a proof any more.
            association.trial = None;
            self.release(now, slot);
        }
        self.forget(slot, why);
    }

    /// Forgets an association.
    fn forget(&mut self, slot: u32, why: Closed) {
        let Some(association) = self.table.remove(slot) else {
            return;
        };
        self.timers.forget(slot, association.timer);
        if association.open {
            self.shared.counters.closed[why.index()].add();
            self.events.push_back(Event::Closed {
                id: association.id,
                why,
                meter: association.meter,
            });
        }
    }
}

/// The time so long after another one; a very late one if there is none.
fn after(time: Instant, wait: Duration) -> Instant {
    const LATE: Duration = Duration::from_secs(100 * 365 * 24 * 3600);
    time.checked_add(wait.min(LATE)).unwrap_or(time)
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("worker", &self.worker)
            .field("associations", &self.table.len())
            .finish_non_exhaustive()
    }
}
