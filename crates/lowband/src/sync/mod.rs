//! The observation of `/sync` (MSC3079, RFC 7641): an [`Observation`] polls the homeserver and pushes,
//! a [`Receiver`] at the other end hands out what was pushed.
//!
//! Bodies of `/sync` are deltas: each goes on where the one before has ended, so none may be lost,
//! overtaken or seen twice. The observation sees to that:
//!
//! - A register is answered with what is new at once, also when that is nothing.
//! - Then the homeserver is polled for as long as the client is there. A body without content is not
//!   pushed; the next poll goes on behind it.
//! - A body with content is delivered when the client has acknowledged it, and only then is the
//!   homeserver polled again, so that at most one body is under way and at most one is held.
//! - A body that was not acknowledged is kept and pushed again as it was. Another one in its place,
//!   with what has happened since, would show events twice to a client that has taken the first and
//!   of which only the acknowledgement was lost.
//! - Where a client says what it has, by registering again, that is believed before anything else.
//!
//! The answer to a register that has content must be acknowledged like a push. One without content
//! need not be: when it is lost, the body that follows names a later `next_batch`, and holds all that
//! has happened since the client's own.
//!
//! Time and what has happened go in; [actions](Action) and the time at which something is due come
//! out.

mod action;
mod backoff;
mod body;
mod position;
mod receiver;
mod registration;
mod settings;
mod steps;
mod upstream;

use std::time::{Duration, Instant};

use rand::{SeedableRng, rngs::SmallRng};

pub use self::{
    action::{
        Action, Answer, Body, DeliveryId, Poll, PollFailure, PollId, Reason, Refusal, Undelivered,
    },
    receiver::{CallId, Receipt, Receiver, ReceiverAction, ReceiverSettings, RegistrationId},
    registration::Registration,
    settings::Settings,
};

use self::{backoff::Backoff, body::Counts, position::Position};
pub(crate) use self::{settings::after, upstream::RETRY_AFTER};

/// After a failed delivery, a sign of life shortens the wait to this part of it, and to
/// [`Settings::haste`] at least: a client that can be heard but not reached is not tried for ever.
const HASTE: u32 = 12;

/// One client that observes `/sync`.
///
/// Who drives it hands over what has happened and after each time takes what
/// [`poll_action`](Self::poll_action) has, and calls [`handle_timeout`](Self::handle_timeout) at
/// [`poll_timeout`](Self::poll_timeout). Every poll is answered by
/// [`handle_answer`](Self::handle_answer) or [`handle_failure`](Self::handle_failure), every delivery
/// by [`handle_delivered`](Self::handle_delivered) or
/// [`handle_undelivered`](Self::handle_undelivered), unless another action has taken its place; what
/// is told of those nevertheless is ignored.
///
/// All polls have the token of the register. When that is worth nothing any more, after a logout, the
/// homeserver says so to the next poll, and the client is told; to end it at once is
/// what [`refuse`](Self::refuse) is for, and without a word [`handle_reset`](Self::handle_reset).
#[derive(Debug)]
pub struct Observation {
    settings: Settings,
    action: Option<Action>,
    /// The counts of the body that was delivered last.
    counts: Counts<'static>,
    /// Whether a client that has the last body says so by its `since`: not where only counts have
    /// changed.
    counts_are_dated: bool,
    deliveries: Backoff,
    held: Option<Held>,
    ids: u64,
    last_poll: Option<Instant>,
    polls: Backoff,
    position: Position,
    random: SmallRng,
    registration: Registration,
    /// Since when nothing was heard of the client, after a delivery that was not acknowledged.
    silent_since: Option<Instant>,
    /// Between polls that are answered at once with nothing.
    spacing: Backoff,
    stage: Stage,
    /// Whether the client still waits for its full state.
    wants_full_state: bool,
}

/// What is waited for.
#[derive(Clone, Copy, Debug)]
enum Stage {
    /// A register, the first one or one after the end.
    Over,
    /// The answer to the poll of a register.
    Registering(PollId),
    /// The time of the next poll.
    Resting(Instant),
    /// The answer to a poll.
    Polling(PollId),
    /// An acknowledgement of the body that is held.
    Delivering {
        id: DeliveryId,
        /// Whether it answers a register.
        is_answer: bool,
    },
    /// The time at which a body is delivered that was not, or asked for anew if it is not held.
    Undelivered {
        failed: Instant,
        wait: Duration,
        retry: Instant,
    },
}

/// A body with content that is not known to be delivered.
#[derive(Debug)]
struct Held {
    body: Body,
    counts: Counts<'static>,
    has_full_state: bool,
    next_batch: Box<str>,
}

impl Observation {
    /// An observation that waits for its first register. `seed` decides the jitter.
    pub fn new(settings: Settings, seed: u64) -> Self {
        let settings = settings.allowed();
        Self {
            action: None,
            counts: Counts::default(),
            counts_are_dated: true,
            deliveries: Backoff::new(settings.delivery_backoff, settings.delivery_backoff_limit),
            held: None,
            ids: 0,
            last_poll: None,
            polls: Backoff::new(settings.upstream_backoff, settings.upstream_backoff_limit),
            position: Position::default(),
            random: SmallRng::seed_from_u64(seed),
            registration: Registration::default(),
            silent_since: None,
            spacing: Backoff::new(settings.spacing, settings.spacing_limit),
            stage: Stage::Over,
            wants_full_state: false,
            settings,
        }
    }

    /// The client registers, for the first time or again.
    ///
    /// When it does so again, its `since` says what has become of the body that is held. If it goes
    /// on behind that body, it has taken it. If it is where that body begins, it has not, and is
    /// answered with the very same. Else the client wants something else, and the body is dropped.
    ///
    /// An earlier register that is not answered yet needs no answer any more.
    pub fn handle_register(&mut self, now: Instant, registration: Registration) {
        if matches!(self.stage, Stage::Registering(_)) && registration == self.registration {
            return;
        }
        if matches!(self.stage, Stage::Over) {
            self.counts = Counts::default();
        }
        self.silent_since = None;
        self.deliveries.reset();
        self.polls.reset();
        self.spacing.reset();
        let since = registration.since();
        let is_known = self.position.is_known_to_client(since);
        let is_like = registration.is_like(&self.registration);
        let held = self.held.take();
        match held {
            Some(held)
                if is_known && is_like && held.has_full_state == registration.has_full_state() =>
            {
                self.held = Some(held);
                return self.deliver(true);
            }
            Some(held) if since == Some(&held.next_batch) && !is_known => {
                self.counts = held.counts;
            }
            _ if is_known && self.counts_are_dated => {}
            // What a client knew that goes back is not known here.
            _ => self.counts = Counts::default(),
        }
        self.counts_are_dated = true;
        self.position = Position::reported(since);
        self.wants_full_state = registration.has_full_state();
        self.registration = registration;
        let id = self.poll(now, Duration::ZERO);
        self.stage = Stage::Registering(id);
    }

    /// The homeserver has answered a poll.
    pub fn handle_answer(&mut self, now: Instant, poll: PollId, answer: &Answer) {
        let Some(is_register) = self.is_register(poll) else {
            return;
        };
        match upstream::read(answer, self.settings.max_body) {
            Ok(summary) => self.take_body(now, is_register, &answer.body, &summary),
            Err(trouble) => self.take_trouble(now, is_register, trouble),
        }
    }

    /// The homeserver has not answered a poll.
    pub fn handle_failure(&mut self, now: Instant, poll: PollId, failure: PollFailure) {
        if let Some(is_register) = self.is_register(poll) {
            self.take_trouble(now, is_register, failure.into());
        }
    }

    /// The client has acknowledged a body, all blocks of it.
    pub fn handle_delivered(&mut self, now: Instant, delivery: DeliveryId) {
        if !matches!(self.stage, Stage::Delivering { id, .. } if id == delivery) {
            return;
        }
        if let Some(held) = self.held.take() {
            self.counts_are_dated = !self.position.is_known_to_client(Some(&held.next_batch));
            self.position = Position::reported(Some(&held.next_batch));
            self.counts = held.counts;
        }
        self.wants_full_state = false;
        self.silent_since = None;
        self.deliveries.reset();
        self.rest(now, self.settings.spacing);
    }

    /// A delivery has come to nothing. The body is kept for another one, unless it cannot be sent at
    /// all: then the observation ends, because nothing may be left out.
    pub fn handle_undelivered(&mut self, now: Instant, delivery: DeliveryId, why: Undelivered) {
        let is_answer = match self.stage {
            Stage::Delivering { id, is_answer } if id == delivery => is_answer,
            _ => return,
        };
        match why {
            Undelivered::TimedOut => {
                self.silent_since.get_or_insert(now);
            }
            Undelivered::Abandoned => {}
            Undelivered::Unsendable => return self.give_up(is_answer, upstream::unsendable()),
        }
        let wait = self.deliveries.next(&mut self.random);
        self.stage = Stage::Undelivered {
            failed: now,
            wait,
            retry: after(now, wait),
        };
    }

    /// The client has rejected a push, or does not want to observe any more.
    pub fn handle_reset(&mut self) {
        if !matches!(self.stage, Stage::Over) {
            self.end(Action::Ended(Reason::Reset));
        }
    }

    /// Ends the observation with a word, whatever is under way: the client may not observe any more.
    pub fn refuse(&mut self, refusal: Refusal) {
        if !matches!(self.stage, Stage::Over) {
            self.give_up(matches!(self.stage, Stage::Registering(_)), refusal);
        }
    }

    /// Something authentic has come from the client, whatever it is: a body that waits for another
    /// delivery is delivered at once, or as soon as a part of its wait is over. That part grows with
    /// each failure, so that a datagram each second makes no storm.
    pub fn handle_peer_alive(&mut self, now: Instant) {
        if let Some(since) = &mut self.silent_since {
            *since = now;
        }
        if let Stage::Undelivered {
            failed,
            wait,
            retry,
        } = &mut self.stage
        {
            let haste = after(*failed, self.settings.haste.max(*wait / HASTE));
            *retry = haste.max(now).min(*retry);
        }
    }

    /// The body that is held takes room that is needed elsewhere. It is dropped, and a delivery of it
    /// that is under way is given up.
    ///
    /// When the client was to be tried again, the homeserver is asked anew from where the client was.
    /// In this one case can a client see events twice: when it has taken the body and only the
    /// acknowledgement was lost.
    pub fn drop_body(&mut self, now: Instant) {
        self.held = None;
        if let Stage::Delivering { id, .. } = self.stage {
            self.handle_undelivered(now, id, Undelivered::Abandoned);
        }
    }

    /// Does what is due. As long as an action waits to be taken, that is nothing.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.action.is_some() {
            return;
        }
        if self.orphaned().is_some_and(|at| at <= now) {
            return self.end(Action::Ended(Reason::Orphaned));
        }
        match self.stage {
            Stage::Resting(until) if until <= now => {
                let id = self.poll(now, self.settings.long_poll);
                self.stage = Stage::Polling(id);
            }
            Stage::Undelivered { retry, .. } if retry <= now => match self.held {
                Some(_) => self.deliver(false),
                None => {
                    let id = self.poll(now, Duration::ZERO);
                    self.stage = Stage::Polling(id);
                }
            },
            _ => {}
        }
    }

    /// When something is due; `None`: nothing before something comes.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let due = match self.stage {
            Stage::Resting(until) => Some(until),
            Stage::Undelivered { retry, .. } => Some(retry),
            _ => None,
        };
        [due, self.orphaned()].into_iter().flatten().min()
    }

    /// What is to be done next.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.action.take()
    }

    /// Whether nothing is observed: before the first register, and after the end.
    pub fn is_over(&self) -> bool {
        matches!(self.stage, Stage::Over)
    }

    /// How many bytes are held that were not delivered.
    pub fn held(&self) -> usize {
        self.held.as_ref().map_or(0, |held| held.body.len())
    }

    /// When the observation ends unless something is heard of the client. How a delivery goes that is
    /// under way is waited for.
    fn orphaned(&self) -> Option<Instant> {
        let since = self.silent_since?;
        let is_delivering = matches!(self.stage, Stage::Delivering { .. });
        (!is_delivering).then(|| after(since, self.settings.orphan))
    }
}

#[cfg(test)]
mod tests;
