//! What all workers of a server share: how many there are, and how often something happened.

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    net::{IpAddr, SocketAddr},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use super::{config::Limits, event::Closed, path::Source};
use crate::wire;

/// What all workers of a server share.
#[derive(Debug)]
pub struct Shared {
    limits: Limits,
    /// What has happened.
    pub counters: Arc<Counters>,
    tally: Mutex<Tally>,
    /// Whether no handshake is begun any more.
    is_ending: AtomicBool,
    hasher: RandomState,
}

/// Who is there.
#[derive(Debug, Default)]
struct Tally {
    half_open: usize,
    associations: usize,
    sources: HashMap<Source, Presence>,
    swept: Option<Instant>,
}

/// What is known of a source.
#[derive(Debug)]
struct Presence {
    half_open: usize,
    associations: usize,
    /// Handshakes that it may begin, in thousandths.
    credit: u64,
    credited: Instant,
}

/// Why a handshake is not begun.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Refusal {
    /// [`Limits::half_open`].
    HalfOpen,
    /// [`Limits::half_open_per_source`].
    HalfOpenOfSource,
    /// [`Limits::associations`].
    Associations,
    /// [`Limits::associations_per_source`].
    AssociationsOfSource,
    /// [`Limits::handshakes_per_minute`].
    Rate,
    /// [`Shared::refuse_handshakes`].
    Ending,
}

impl Refusal {
    /// Every reason, in the order of [`Counters::refused`].
    pub const ALL: [Self; 6] = [
        Self::HalfOpen,
        Self::HalfOpenOfSource,
        Self::Associations,
        Self::AssociationsOfSource,
        Self::Rate,
        Self::Ending,
    ];

    /// Its name in logs and metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::HalfOpen => "half_open",
            Self::HalfOpenOfSource => "half_open_per_source",
            Self::Associations => "associations",
            Self::AssociationsOfSource => "associations_per_source",
            Self::Rate => "rate",
            Self::Ending => "ending",
        }
    }
}

/// How often something happened.
#[derive(Debug, Default)]
pub struct Counters {
    /// Datagrams that came.
    pub datagrams: Counter,
    /// Datagrams of no association, and no hello.
    pub unknown: Counter,
    /// Hellos answered with the request to return a cookie.
    pub cookies: Counter,
    /// Hellos that nothing was answered to: a cookie that is wrong or too old, nothing that both sides can, or nonsense.
    pub hellos_dropped: Counter,
    /// Hellos whose answer would have been longer than they are. In DTLS 1.3 that needs about 150 bytes, so that small
    /// ones are to be padded (RFC 7685).
    pub hellos_too_short: Counter,
    /// Handshakes begun, by a hello with the right cookie.
    pub handshakes: Counter,
    /// Those of them that began with a ticket in place of a cookie.
    pub handshakes_by_ticket: Counter,
    /// Handshakes finished.
    pub opened: Counter,
    /// Those of them that resumed an earlier association.
    pub resumed: Counter,
    /// Handshakes that took too long.
    pub handshake_timeouts: Counter,
    /// Handshakes that broke, or that the peer began anew.
    pub handshakes_failed: Counter,
    /// Handshakes not begun, by [`Refusal`]. For [`Refusal::Ending`] these are hellos, with a cookie or without.
    pub refused: [Counter; Refusal::ALL.len()],
    /// Peers that seem to have moved.
    pub trials: Counter,
    /// Peers that have.
    pub moves: Counter,
    /// Peers that did not show that they have.
    pub trials_failed: Counter,
    /// Datagrams lost because too many waited for a peer to show where it is.
    pub held_dropped: Counter,
    /// Alerts without an association.
    pub alerts: Counter,
    /// Associations that are over, in the order of [`Closed::NAMES`].
    pub closed: [Counter; Closed::NAMES.len()],
    /// Sessions that ended because the stack panicked.
    pub panics: Counter,
    /// Sessions that ended because their peer made the stack keep too much.
    pub excesses: Counter,
}

/// A number that grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds one.
    pub fn add(&self) {
        self.0.fetch_add(1, Relaxed);
    }

    /// The number.
    #[must_use]
    pub fn value(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// The most sources that something is remembered of. Only peers who have shown that they are at an address there make
/// us remember it, or who have a ticket.
const MAX_SOURCES: usize = 65_536;

/// How often those are looked for that need not be remembered any more, when there is no room.
const SWEEP_INTERVAL: Duration = Duration::from_secs(1);

/// A handshake, in [`Presence::credit`].
const ONE: u64 = 1000;

impl Shared {
    /// Nobody is there yet.
    #[must_use]
    pub fn new(limits: Limits) -> Arc<Self> {
        Self::with(limits, Arc::default())
    }

    /// As [`Self::new`], for the workers of a server that comes after that of this one: what was counted stays, and is
    /// counted on.
    #[must_use]
    pub fn succeeding(&self, limits: Limits) -> Arc<Self> {
        Self::with(limits, Arc::clone(&self.counters))
    }

    fn with(limits: Limits, counters: Arc<Counters>) -> Arc<Self> {
        Arc::new(Self {
            limits,
            counters,
            tally: Mutex::default(),
            is_ending: AtomicBool::new(false),
            hasher: RandomState::new(),
        })
    }

    /// Has no handshake begun from now on: nothing is answered to hellos, so that who repeats his is answered by whoever
    /// comes after. Those that have begun go on, and so do all associations.
    pub fn refuse_handshakes(&self) {
        self.is_ending.store(true, Relaxed);
    }

    /// Which of `workers` is to be given a datagram that came from `remote`: the one that its Connection ID names, if
    /// it begins with one that does, or else that of the address.
    #[must_use]
    pub fn worker_of(&self, datagram: &[u8], remote: SocketAddr, workers: usize) -> usize {
        let cid = wire::records(datagram)
            .next()
            .and_then(|record| record.connection_id());
        cid.map(|[worker, ..]| usize::from(worker))
            .filter(|&worker| worker < workers)
            .unwrap_or_else(|| self.worker_of_address(remote, workers))
    }

    /// Which of `workers` is to be given datagrams from `remote` that no Connection ID leads elsewhere.
    #[must_use]
    pub fn worker_of_address(&self, remote: SocketAddr, workers: usize) -> usize {
        let hash = self.hasher.hash_one(remote);
        // No more workers than a byte can name, so nothing is cut off.
        (hash % workers.max(1) as u64) as usize
    }

    /// Handshakes that are not over, and all associations, them included.
    #[must_use]
    pub fn present(&self) -> (usize, usize) {
        let tally = self.tally();
        (tally.half_open, tally.associations)
    }

    /// How many sources something is remembered of.
    #[cfg(test)]
    pub(super) fn sources(&self) -> usize {
        self.tally().sources.len()
    }

    /// Whether hellos are looked at.
    pub(super) fn may_look(&self) -> Result<(), Refusal> {
        match self.is_ending.load(Relaxed) {
            true => self.note(Err(Refusal::Ending)),
            false => Ok(()),
        }
    }

    /// Whether a handshake from `address` would be begun.
    pub(super) fn may_begin(&self, now: Instant, address: IpAddr) -> Result<(), Refusal> {
        let result = self.tally().room(&self.limits, now, Source::of(address));
        self.note(result)
    }

    /// Begins a handshake from `address`, whose owner has shown that he is there, or else must be `alone`. It lasts
    /// until the place is dropped.
    pub(super) fn begin(
        self: &Arc<Self>,
        now: Instant,
        address: IpAddr,
        alone: bool,
    ) -> Result<Place, Refusal> {
        let source = Source::of(address);
        let mut tally = self.tally();
        let mut room = tally.room(&self.limits, now, source);
        if alone && !tally.is_alone(source) {
            room = room.and(Err(Refusal::HalfOpenOfSource));
        }
        if room.is_ok() {
            tally.half_open += 1;
            tally.associations += 1;
            let presence = tally.enter(&self.limits, now, source);
            presence.half_open += 1;
            presence.credit = presence.credit.saturating_sub(ONE);
        }
        drop(tally);
        self.note(room)?;
        Ok(Place {
            shared: self.clone(),
            source,
            half_open: true,
        })
    }

    /// Whether a peer at `address` may begin with a ticket in place of a cookie: there is plenty of room, and it is the
    /// only one there. Someone else may have sent it.
    pub(super) fn may_skip_cookie(&self, now: Instant, address: IpAddr) -> bool {
        let source = Source::of(address);
        let mut tally = self.tally();
        let plenty = tally.half_open < self.limits.half_open / 4;
        plenty && tally.is_alone(source) && tally.room(&self.limits, now, source).is_ok()
    }

    fn note(&self, result: Result<(), Refusal>) -> Result<(), Refusal> {
        if let Err(refusal) = result
            && let Some(counter) = self.counters.refused.get(refusal as usize)
        {
            counter.add();
        }
        result
    }

    fn tally(&self) -> MutexGuard<'_, Tally> {
        // Every change is made whole before the lock goes.
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tally {
    fn room(&mut self, limits: &Limits, now: Instant, source: Source) -> Result<(), Refusal> {
        if self.half_open >= limits.half_open {
            return Err(Refusal::HalfOpen);
        }
        if self.associations >= limits.associations {
            return Err(Refusal::Associations);
        }
        let Some(presence) = self.sources.get_mut(&source) else {
            return match self.make_room(limits, now) {
                true => Ok(()),
                false => Err(Refusal::Rate),
            };
        };
        presence.earn(limits, now);
        let half_open = share(
            limits.half_open_per_source,
            self.half_open,
            limits.half_open,
        );
        let associations = share(
            limits.associations_per_source,
            self.associations,
            limits.associations,
        );
        if presence.half_open >= half_open {
            Err(Refusal::HalfOpenOfSource)
        } else if presence.associations >= associations {
            Err(Refusal::AssociationsOfSource)
        } else if presence.credit < ONE {
            Err(Refusal::Rate)
        } else {
            Ok(())
        }
    }

    /// Whether another source can be remembered.
    fn make_room(&mut self, limits: &Limits, now: Instant) -> bool {
        if self.sources.len() < MAX_SOURCES {
            return true;
        }
        let swept = |at: Instant| now.saturating_duration_since(at) < SWEEP_INTERVAL;
        if self.swept.is_some_and(swept) {
            return false;
        }
        self.swept = Some(now);
        self.sources.retain(|_, it| {
            it.earn(limits, now);
            !it.is_idle(limits)
        });
        self.sources.len() < MAX_SOURCES
    }

    /// Whether no handshake of `source` is under way.
    fn is_alone(&self, source: Source) -> bool {
        let presence = self.sources.get(&source);
        presence.is_none_or(|it| it.half_open == 0)
    }

    /// One more association of `source`.
    fn enter(&mut self, limits: &Limits, now: Instant, source: Source) -> &mut Presence {
        let presence = self.sources.entry(source).or_insert_with(|| Presence {
            half_open: 0,
            associations: 0,
            credit: u64::from(limits.handshake_burst) * ONE,
            credited: now,
        });
        presence.associations += 1;
        presence
    }

    /// One association less of `source`.
    fn leave(&mut self, limits: &Limits, source: Source, half_open: bool) {
        if let Some(presence) = self.sources.get_mut(&source) {
            presence.associations -= 1;
            presence.half_open -= usize::from(half_open);
            if presence.is_idle(limits) {
                self.sources.remove(&source);
            }
        }
    }

    /// Whether an association that moves can be counted at `source`.
    fn has_room_for_move(&mut self, limits: &Limits, now: Instant, source: Source) -> bool {
        match self.sources.get(&source) {
            Some(presence) => presence.associations < limits.associations_per_source,
            None => self.make_room(limits, now),
        }
    }
}

impl Presence {
    /// Counts the time that has passed.
    fn earn(&mut self, limits: &Limits, now: Instant) {
        let passed = now.saturating_duration_since(self.credited).as_millis();
        let passed = u64::try_from(passed).unwrap_or(u64::MAX);
        let rate = u64::from(limits.handshakes_per_minute);
        // A thousandth of a handshake is earned in 60 / rate milliseconds. What is less is earned later.
        let earned = passed.saturating_mul(rate) / 60;
        if earned > 0 {
            let most = u64::from(limits.handshake_burst) * ONE;
            self.credit = self.credit.saturating_add(earned).min(most);
            let spent = Duration::from_millis(earned.saturating_mul(60) / rate);
            self.credited = self.credited.checked_add(spent).unwrap_or(now);
        }
    }

    /// Whether it is the same as one that nothing is remembered of.
    fn is_idle(&self, limits: &Limits) -> bool {
        self.associations == 0 && self.credit >= u64::from(limits.handshake_burst) * ONE
    }
}

/// How many of the `limit` for one source it may have when `present` of `all` are in use.
fn share(limit: usize, present: usize, all: usize) -> usize {
    let free = all.saturating_sub(present);
    (limit.saturating_mul(free)).div_ceil(all.max(1)).max(1)
}

/// An association's place in the tally, which it leaves when this is dropped.
#[derive(Debug)]
pub(super) struct Place {
    shared: Arc<Shared>,
    source: Source,
    half_open: bool,
}

impl Place {
    /// The handshake is over.
    pub(super) fn open(&mut self) {
        if !self.half_open {
            return;
        }
        self.half_open = false;
        let mut tally = self.shared.tally();
        tally.half_open -= 1;
        if let Some(presence) = tally.sources.get_mut(&self.source) {
            presence.half_open -= 1;
        }
    }

    /// The peer is at `address` now, and counts there if there is room. Nobody is kept from moving, and nobody can fill
    /// the room of others by it.
    pub(super) fn move_to(&mut self, now: Instant, address: IpAddr) {
        let source = Source::of(address);
        let limits = &self.shared.limits;
        let mut tally = self.shared.tally();
        if source == self.source || !tally.has_room_for_move(limits, now, source) {
            return;
        }
        tally.leave(limits, self.source, false);
        tally.enter(limits, now, source);
        drop(tally);
        self.source = source;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut tally = self.shared.tally();
        tally.associations -= 1;
        tally.half_open -= usize::from(self.half_open);
        tally.leave(&self.shared.limits, self.source, self.half_open);
    }
}
