//! What all gateways in front of one homeserver share: how much is under way, and how often it was too
//! much.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::settings::Limits;
use crate::mapping::token::Token;

/// What all gateways in front of one homeserver share.
#[derive(Debug)]
pub struct Shared {
    limits: Limits,
    hasher: RandomState,
    requests: Ceiling,
    polls: Ceiling,
    observed: Mutex<Observed>,
    held_bytes: AtomicUsize,
    exceeded: Arc<[AtomicU64; Exceeded::ALL.len()]>,
}

/// Which limit was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Exceeded {
    /// [`Limits::held_bytes`]: a request was refused that would have waited, or a body dropped that is
    /// asked for anew.
    HeldBytes,
    /// [`Limits::observations`]: a register was refused.
    Observations,
    /// [`Limits::observations_per_token`]: an earlier observation was ended.
    ObservationsOfToken,
    /// [`Limits::observers_per_association`]: a register was refused.
    Observers,
    /// [`sync::Settings::orphan`](crate::sync::Settings::orphan): an observation was ended whose client was silent.
    Orphan,
    /// [`Limits::polls`]: a sync was refused, or the poll of an observation put off.
    Polls,
    /// [`Limits::queue_per_association`]: a request was refused.
    Queue,
    /// [`Timeouts::queue`](super::Timeouts::queue): a request has waited too long for
    /// one of the [`Limits::requests`] or [`Limits::requests_per_association`].
    QueueTime,
    /// [`Limits::requests_per_minute`]: a request was refused.
    Rate,
    /// [`Limits::requests`]: a request had to wait.
    Requests,
    /// [`Limits::requests_per_association`]: a request had to wait.
    RequestsOfAssociation,
    /// [`Limits::syncs_per_association`]: a sync was refused.
    Syncs,
}

/// How much is under way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Present {
    /// Requests at the homeserver, without syncs.
    pub requests: usize,
    /// Syncs at the homeserver.
    pub polls: usize,
    /// Observations.
    pub observations: usize,
    /// Bytes of requests that wait, and of bodies that could not be delivered.
    pub held_bytes: usize,
}

/// Stands for an access token where the token must not be: the same for the same token as long as the
/// process lives, and of no use to who does not have the token.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TokenDigest(u64);

/// As many as are taken may be there at a time.
#[derive(Debug)]
struct Ceiling {
    taken: Arc<AtomicUsize>,
    limit: usize,
}

/// One of those that a [`Ceiling`] allows, as long as it lives.
#[derive(Debug)]
pub(super) struct Place(Arc<AtomicUsize>);

/// A place among the observations, as long as it lives.
#[derive(Debug)]
pub(super) struct ObservationPlace {
    shared: Arc<Shared>,
    digest: TokenDigest,
    lost: Arc<AtomicBool>,
}

/// Who observes.
#[derive(Debug, Default)]
struct Observed {
    count: usize,
    /// The marks of those that must go, in the order in which they came.
    of_token: HashMap<TokenDigest, VecDeque<Arc<AtomicBool>>>,
}

impl Shared {
    /// Nothing is under way yet. `hasher` is the key of [`TokenDigest`]s.
    pub fn new(limits: Limits, hasher: RandomState) -> Arc<Self> {
        Arc::new(Self {
            requests: Ceiling::new(limits.requests),
            polls: Ceiling::new(limits.polls),
            limits,
            hasher,
            observed: Mutex::default(),
            held_bytes: AtomicUsize::new(0),
            exceeded: Arc::default(),
        })
    }

    /// As [`new`](Self::new), for those who come after who share this: tokens have the same digests, and what was counted
    /// stays, and is counted on.
    pub fn succeeding(&self, limits: Limits) -> Arc<Self> {
        Arc::new(Self {
            requests: Ceiling::new(limits.requests),
            polls: Ceiling::new(limits.polls),
            limits,
            hasher: self.hasher.clone(),
            observed: Mutex::default(),
            held_bytes: AtomicUsize::new(0),
            exceeded: Arc::clone(&self.exceeded),
        })
    }

    /// How much is under way.
    pub fn present(&self) -> Present {
        Present {
            requests: self.requests.taken.load(Relaxed),
            polls: self.polls.taken.load(Relaxed),
            observations: self.observed().count,
            held_bytes: self.held_bytes.load(Relaxed),
        }
    }

    /// How often this limit was reached.
    pub fn exceeded(&self, which: Exceeded) -> u64 {
        let counter = self.exceeded.get(which as usize);
        counter.map_or(0, |counter| counter.load(Relaxed))
    }

    /// What stands for this token.
    pub fn digest(&self, token: &Token) -> TokenDigest {
        TokenDigest(self.hasher.hash_one(token.as_str()))
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Counts that a limit was reached.
    pub(super) fn note(&self, which: Exceeded) {
        if let Some(counter) = self.exceeded.get(which as usize) {
            counter.fetch_add(1, Relaxed);
        }
    }

    /// A place for a request at the homeserver.
    pub(super) fn request(&self) -> Option<Place> {
        self.requests.take()
    }

    /// A place for a sync at the homeserver. Where there is none, that is counted.
    pub(super) fn poll(&self) -> Option<Place> {
        let place = self.polls.take();
        if place.is_none() {
            self.note(Exceeded::Polls);
        }
        place
    }

    /// A place for an observation. Where there are enough with this token, the first of them loses its
    /// own: it is most often that of an association that is dead.
    ///
    /// # Errors
    ///
    /// There is none. That is counted.
    pub(super) fn observe(
        self: &Arc<Self>,
        digest: TokenDigest,
    ) -> Result<ObservationPlace, Exceeded> {
        let mut observed = self.observed();
        let present = observed.of_token.get(&digest).map_or(0, VecDeque::len);
        let is_full = observed.count >= self.limits.observations;
        let has_enough = present >= self.limits.observations_per_token;
        if is_full && present == 0 || self.limits.observations_per_token == 0 {
            self.note(Exceeded::Observations);
            return Err(Exceeded::Observations);
        }
        if is_full || has_enough {
            self.note(Exceeded::ObservationsOfToken);
            observed.end_first(digest);
        }
        let lost = Arc::new(AtomicBool::new(false));
        observed.count += 1;
        let same = observed.of_token.entry(digest).or_default();
        same.push_back(Arc::clone(&lost));
        drop(observed);
        Ok(ObservationPlace {
            shared: Arc::clone(self),
            digest,
            lost,
        })
    }

    /// One gateway holds `now` bytes, and has held `before`. Whether all of them hold too many.
    pub(super) fn hold(&self, before: usize, now: usize) -> bool {
        let sum = match now.checked_sub(before) {
            Some(more) => self.held_bytes.fetch_add(more, Relaxed) + more,
            None => {
                let less = before - now;
                self.held_bytes.fetch_sub(less, Relaxed).wrapping_sub(less)
            }
        };
        sum > self.limits.held_bytes
    }

    /// Whether so many more bytes could be held.
    pub(super) fn has_room(&self, bytes: usize) -> bool {
        self.held_bytes.load(Relaxed).saturating_add(bytes) <= self.limits.held_bytes
    }

    fn observed(&self) -> MutexGuard<'_, Observed> {
        // Every change is made whole before the lock goes.
        self.observed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Exceeded {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::HeldBytes,
        Self::Observations,
        Self::ObservationsOfToken,
        Self::Observers,
        Self::Orphan,
        Self::Polls,
        Self::Queue,
        Self::QueueTime,
        Self::Rate,
        Self::Requests,
        Self::RequestsOfAssociation,
        Self::Syncs,
    ];

    /// Name for metrics and logs, in snake case; it never changes.
    pub fn name(self) -> &'static str {
        match self {
            Self::HeldBytes => "held_bytes",
            Self::Observations => "observations",
            Self::ObservationsOfToken => "observations_per_token",
            Self::Observers => "observers_per_association",
            Self::Orphan => "orphan_timeout",
            Self::Polls => "polls",
            Self::Queue => "queue",
            Self::QueueTime => "queue_time",
            Self::Rate => "rate",
            Self::Requests => "requests",
            Self::RequestsOfAssociation => "requests_per_association",
            Self::Syncs => "syncs_per_association",
        }
    }
}

impl Ceiling {
    fn new(limit: usize) -> Self {
        Self {
            taken: Arc::default(),
            limit,
        }
    }

    fn take(&self) -> Option<Place> {
        let one_more = |taken: usize| (taken < self.limit).then_some(taken + 1);
        let taken = self.taken.fetch_update(Relaxed, Relaxed, one_more);
        taken.is_ok().then(|| Place(Arc::clone(&self.taken)))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

impl ObservationPlace {
    /// Whether another observation with the same token has got it.
    pub(super) fn is_lost(&self) -> bool {
        self.lost.load(Relaxed)
    }
}

impl Drop for ObservationPlace {
    fn drop(&mut self) {
        let mut observed = self.shared.observed();
        let same = observed.of_token.entry(self.digest).or_default();
        let own = same.iter().position(|it| Arc::ptr_eq(it, &self.lost));
        let is_there = own.and_then(|at| same.remove(at)).is_some();
        if same.is_empty() {
            observed.of_token.remove(&self.digest);
        }
        observed.count -= usize::from(is_there);
    }
}

impl Observed {
    fn end_first(&mut self, digest: TokenDigest) {
        let same = self.of_token.get_mut(&digest);
        if let Some(lost) = same.and_then(VecDeque::pop_front) {
            lost.store(true, Relaxed);
            self.count -= 1;
        }
    }
}

impl fmt::Display for TokenDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for TokenDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenDigest({self})")
    }
}
