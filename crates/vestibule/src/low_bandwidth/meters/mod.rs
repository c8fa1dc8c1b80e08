//! What a gateway has done, in numbers: for metrics, and for `show users`.
//!
//! Each worker counts alone; who looks adds up. Nothing here has a token, a query, a path or a body:
//! a user is known by a [`TokenDigest`].

mod durations;
mod end;
mod tally;
mod users;
mod view;

use std::{
    array,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use hyper::StatusCode;
use vestibule_lowband::{
    gateway::{Exceeded, Exchange, Finished, Outcome, TokenDigest},
    mapping::server::Refusal,
    sync::PollFailure,
};

use crate::metrics::Sharded;

pub(crate) use self::{
    durations::{BUCKETS, Durations},
    end::End,
    view::{AssociationView, Transport, UserView, count_associations},
};
use self::{end::Reply, users::Users};

/// How many users are known. Who was not seen for longest is forgotten first.
const MAX_USERS: usize = 10_000;

/// What one gateway has done since it was started.
#[derive(Debug)]
pub(crate) struct Meters {
    name: String,
    /// In the order of [`Exchange::ALL`].
    exchanges: [ExchangeMeters; Exchange::ALL.len()],
    /// In the order of [`refusals`].
    refusals: Box<[Sharded]>,
    /// Bytes of UDP payloads that came from clients.
    pub(crate) received: Sharded,
    /// Bytes of UDP payloads that went to clients.
    pub(crate) sent: Sharded,
    /// What the homeserver was asked.
    pub(crate) upstream: UpstreamMeters,
    /// Of each worker.
    users: Box<[Mutex<Users>]>,
}

/// Exchanges of one kind.
#[derive(Debug)]
pub(crate) struct ExchangeMeters {
    /// In the order of [`End::ALL`].
    ends: [Sharded; End::ALL.len()],
    /// Bytes of the bodies that came.
    pub(crate) received: Sharded,
    /// Bytes of the bodies that were sent.
    pub(crate) sent: Sharded,
    /// From the beginning to the end.
    pub(crate) durations: Durations,
}

/// Requests to the homeserver.
#[derive(Debug)]
pub(crate) struct UpstreamMeters {
    /// In the order of [`Reply::names`].
    replies: [Sharded; Reply::COUNT],
    /// Bytes of the bodies that it was sent.
    pub(crate) sent: Sharded,
    /// Bytes of the bodies that it has sent.
    pub(crate) received: Sharded,
    /// From the request to its answer.
    pub(crate) durations: Durations,
}

/// Why the gateway answers itself: what [`Finished`] may name, in the order in which it is told.
pub(crate) fn refusals() -> impl Iterator<Item = &'static str> {
    // The observation of somebody else ends where this is exceeded, and nobody is refused.
    let limits = Exceeded::ALL.into_iter();
    let refusing = limits.filter(|limit| *limit != Exceeded::ObservationsOfToken);
    Refusal::NAMES
        .into_iter()
        .chain(refusing.map(Exceeded::name))
}

impl Meters {
    /// Zeroes, for a gateway of this name and this many workers.
    pub(crate) fn new(name: &str, workers: usize) -> Self {
        let zero = || Sharded::new(workers);
        Self {
            name: name.to_owned(),
            exchanges: Exchange::ALL.map(|_| ExchangeMeters::new(workers)),
            refusals: refusals().map(|_| zero()).collect(),
            received: zero(),
            sent: zero(),
            upstream: UpstreamMeters::new(workers),
            users: (0..workers)
                .map(|_| Mutex::new(Users::new(MAX_USERS)))
                .collect(),
        }
    }

    /// What the configuration calls the gateway.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// An exchange is over. Its user is known from the first request on that the homeserver has carried
    /// out: tokens that are worth nothing make nobody be forgotten. Whether it has a user who is known.
    pub(crate) fn finished(&self, worker: usize, finished: &Finished) -> bool {
        let meters = self.of(finished.exchange);
        meters.note(worker, finished);
        if let Outcome::Answered {
            refusal: Some(refusal),
            ..
        } = finished.outcome
            && let Some(at) = refusals().position(|name| name == refusal)
        {
            self.refusals[at].add(worker, 1);
        }
        finished.token.is_some_and(|digest| {
            self.with_users(worker, |users| {
                users.finished(Instant::now(), digest, finished)
            })
        })
    }

    /// What the homeserver was asked: what it has answered or why it has not, how long that took, and
    /// the bytes of the body that it was sent and of that which it has sent.
    pub(crate) fn upstream(
        &self,
        worker: usize,
        result: Result<StatusCode, PollFailure>,
        took: Duration,
        bytes_up: usize,
        bytes_down: usize,
    ) {
        let upstream = &self.upstream;
        upstream.replies[Reply::from(result).index()].add(worker, 1);
        upstream.durations.note(worker, took);
        upstream.sent.add(worker, bytes_up as u64);
        upstream.received.add(worker, bytes_down as u64);
    }

    /// What the homeserver was asked with a body of so many bytes, and need not answer any more.
    pub(crate) fn upstream_cancelled(&self, worker: usize, bytes_up: usize) {
        let upstream = &self.upstream;
        upstream.replies[Reply::Cancelled.index()].add(worker, 1);
        upstream.sent.add(worker, bytes_up as u64);
    }

    /// Bytes of UDP payloads of an association that were not counted yet, from its client and to it.
    /// `user`: as whom it was last seen. Those of users who are not known count for the gateway alone,
    /// so the exchange that makes one known is [told](Self::finished) first.
    pub(crate) fn carried(
        &self,
        worker: usize,
        user: Option<TokenDigest>,
        received: u64,
        sent: u64,
    ) {
        self.received.add(worker, received);
        self.sent.add(worker, sent);
        if let Some(digest) = user {
            self.claimed(worker, digest, received, sent);
        }
    }

    /// Bytes that were nobody's when they were [carried](Self::carried) are those of this user.
    pub(crate) fn claimed(&self, worker: usize, user: TokenDigest, received: u64, sent: u64) {
        self.with_users(worker, |users| {
            users.carried(Instant::now(), user, received, sent);
        });
    }

    /// Exchanges of this kind.
    pub(crate) fn of(&self, exchange: Exchange) -> &ExchangeMeters {
        // The order of both is that of the declaration.
        &self.exchanges[exchange as usize]
    }

    /// How often the gateway has answered itself, by why.
    pub(crate) fn refused(&self) -> impl Iterator<Item = (&'static str, u64)> {
        refusals().zip(self.refusals.iter().map(Sharded::value))
    }

    /// The users that are known, who was seen last first.
    pub(crate) fn users(&self) -> Vec<UserView> {
        let now = Instant::now();
        let mut all = Users::new(MAX_USERS);
        for users in &self.users {
            let users = users.lock().unwrap_or_else(PoisonError::into_inner);
            all.merge(&users);
        }
        let view = |(digest, user)| UserView::new(&self.name, now, digest, user);
        all.latest_first().map(view).collect()
    }

    fn with_users<T>(&self, worker: usize, work: impl FnOnce(&mut Users) -> T) -> T {
        // A user that is half counted is better than none.
        let mut users = self.users[worker]
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        work(&mut users)
    }
}

impl ExchangeMeters {
    fn new(workers: usize) -> Self {
        Self {
            ends: End::ALL.map(|_| Sharded::new(workers)),
            received: Sharded::new(workers),
            sent: Sharded::new(workers),
            durations: Durations::new(workers),
        }
    }

    fn note(&self, worker: usize, finished: &Finished) {
        self.ends[End::from(&finished.outcome) as usize].add(worker, 1);
        self.received.add(worker, finished.received as u64);
        self.sent.add(worker, finished.sent as u64);
        self.durations.note(worker, finished.duration);
    }

    /// How many have ended like this.
    pub(crate) fn ended(&self, end: End) -> u64 {
        self.ends[end as usize].value()
    }
}

impl UpstreamMeters {
    fn new(workers: usize) -> Self {
        Self {
            replies: array::from_fn(|_| Sharded::new(workers)),
            sent: Sharded::new(workers),
            received: Sharded::new(workers),
            durations: Durations::new(workers),
        }
    }

    /// How often it went how.
    pub(crate) fn replies(&self) -> impl Iterator<Item = (&'static str, u64)> {
        Reply::names().zip(self.replies.iter().map(Sharded::value))
    }
}

#[cfg(test)]
mod tests;
