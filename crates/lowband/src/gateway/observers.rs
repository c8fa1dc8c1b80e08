//! What the clients of one association observe.

use std::sync::Arc;
use std::time::Instant;

use vestibule_coap::endpoint::{self, ObservationEnd, ObservationId};

use super::ask::{AskId, HttpAnswer};
use super::observer::Observer;
use super::record::{Asked, Exchange};
use super::shared::{Exceeded, ObservationPlace, TokenDigest};
use super::turn::{Core, Turn};
use crate::mapping::server::HttpRequest;
use crate::sync::{self, PollFailure, Undelivered};

/// How many observations each user may have: the one that is served, and an earlier one.
pub(super) const MAX_OF_USER: usize = 2;

/// All observations of an association, in the order of their registers.
///
/// A client that registers again uses a new token of CoAP. Its earlier observation is kept until a
/// body of the later one is delivered, but only the latest of a user is served: a register that comes
/// late must not end the one that is meant.
#[derive(Debug)]
pub(super) struct Observers {
    observers: Vec<Observer>,
    seed: u64,
}

impl Observers {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            observers: Vec::new(),
            seed,
        }
    }

    /// A request registers, with the token of a user whose digest this is.
    pub(super) fn register(
        &mut self,
        turn: &mut Turn<'_>,
        asked: Asked,
        replaces: Option<ObservationId>,
        request: HttpRequest,
        digest: TokenDigest,
    ) {
        let known = replaces.and_then(|id| self.position(id));
        let place = match self.place(turn.core, &request, known, digest) {
            Ok(place) => place,
            Err(exceeded) => {
                // The answer ends it.
                if let Some(id) = replaces {
                    self.forget(turn, id);
                }
                return turn.refuse(Exchange::Register, &asked, &request, exceeded);
            }
        };
        if let Some(observer) = known.and_then(|at| self.observers.get_mut(at)) {
            return observer.register_again(turn, asked, request, place);
        }
        self.make_room(turn, &request);
        self.seed = self.seed.wrapping_add(1);
        let observer = Observer::new(turn, asked, request, place, self.seed);
        self.observers.push(observer);
    }

    /// Something authentic has come from the client.
    pub(super) fn handle_peer_alive(&mut self, turn: &mut Turn<'_>) {
        for observer in &mut self.observers {
            observer.handle_peer_alive(turn);
        }
    }

    pub(super) fn handle_delivered(&mut self, turn: &mut Turn<'_>, id: ObservationId) {
        let Some(at) = self.position(id) else { return };
        let observer = &mut self.observers[at];
        observer.handle_delivered(turn);
        let token = observer.request.token.clone();
        for earlier in (0..at).rev() {
            if self.observers[earlier].request.token == token {
                self.remove(turn, earlier);
            }
        }
    }

    pub(super) fn handle_undelivered(
        &mut self,
        turn: &mut Turn<'_>,
        id: ObservationId,
        why: endpoint::Undelivered,
    ) {
        let why = match why {
            endpoint::Undelivered::Abandoned => Undelivered::Abandoned,
            endpoint::Undelivered::TimedOut => Undelivered::TimedOut,
        };
        if let Some(observer) = self.observer(id) {
            observer.handle_undelivered(turn, why);
        }
    }

    pub(super) fn handle_ended(
        &mut self,
        turn: &mut Turn<'_>,
        id: ObservationId,
        why: ObservationEnd,
    ) {
        if let Some(observer) = self.observer(id) {
            observer.handle_ended(turn, why == ObservationEnd::Refused);
        }
    }

    /// The client does not observe any more, and nobody is told.
    pub(super) fn forget(&mut self, turn: &mut Turn<'_>, id: ObservationId) {
        if let Some(at) = self.position(id) {
            self.remove(turn, at);
        }
    }

    /// The homeserver has answered, or has not.
    pub(super) fn handle_answer(
        &mut self,
        now: Instant,
        id: AskId,
        answer: &Result<HttpAnswer, PollFailure>,
    ) {
        let mut observers = self.observers.iter_mut();
        // Which one it is does not matter here.
        let _ = observers.any(|observer| observer.handle_answer(now, id, answer));
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let served = (0..self.observers.len()).filter(|at| self.is_served(*at));
        let times = served.filter_map(|at| self.observers[at].observation.poll_timeout());
        times.min()
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        for at in 0..self.observers.len() {
            if self.is_served(at) {
                self.observers[at].observation.handle_timeout(now);
            }
        }
    }

    /// Does what the observations want.
    pub(super) fn drive(&mut self, turn: &mut Turn<'_>) {
        // One that is served from now on, because another one has ended, may have something that was due
        // meanwhile. Each becomes so once.
        for _ in 0..=self.observers.len() {
            while self.end_revoked(turn.core) || self.step(turn) {}
            if self.poll_timeout().is_none_or(|at| at > turn.now) {
                return;
            }
            self.handle_timeout(turn.now);
        }
    }

    /// Gives up bodies that are not on their way. Whether there were any.
    pub(super) fn shed(&mut self, now: Instant) -> bool {
        let mut has_shed = false;
        for at in 0..self.observers.len() {
            // What the others want to do is not taken yet.
            if self.is_served(at) && self.observers[at].spare_bytes() > 0 {
                self.observers[at].observation.drop_body(now);
                has_shed = true;
            }
        }
        has_shed
    }

    /// The association is over.
    pub(super) fn abandon(&mut self, now: Instant, core: &mut Core) {
        for observer in self.observers.drain(..) {
            observer.abandon(now, core);
        }
    }

    /// How many there are, also those that are not answered, or are but for an acknowledgement over.
    pub(super) fn len(&self) -> usize {
        self.observers.len()
    }

    /// How many of them the endpoint knows.
    pub(super) fn known(&self) -> usize {
        let known = self.observers.iter().filter(|it| it.id.is_some());
        known.count()
    }

    /// Bytes of bodies that are not delivered.
    pub(super) fn held_bytes(&self) -> usize {
        self.observers.iter().map(|it| it.observation.held()).sum()
    }

    /// Does the next thing that an observation wants. Whether there was one.
    fn step(&mut self, turn: &mut Turn<'_>) -> bool {
        for at in 0..self.observers.len() {
            let is_served = self.is_served(at);
            let observer = &mut self.observers[at];
            let is_over = observer.observation.is_over();
            if (is_served || is_over)
                && let Some(action) = observer.observation.poll_action()
            {
                observer.act(turn, action);
                return true;
            }
            if is_over && observer.ending.is_none() {
                self.remove(turn, at);
                return true;
            }
        }
        false
    }

    /// Ends those whose token is worth nothing any more, and those that have lost their place. Whether
    /// there were any.
    fn end_revoked(&mut self, core: &mut Core) -> bool {
        let mut has_ended = false;
        let revoked = core.revoked.take();
        for observer in &mut self.observers {
            let revoked = revoked
                .as_ref()
                .filter(|(token, _)| observer.request.token.as_ref() == Some(token));
            if let Some((_, refusal)) = revoked
                && !observer.observation.is_over()
            {
                observer.observation.refuse(refusal.clone());
                has_ended = true;
            } else if observer.has_lost_place() {
                observer.observation.refuse(sync::Refusal::overloaded());
                has_ended = true;
            }
        }
        has_ended
    }

    /// The place of its user, or a new one. `known`, which registers again, gives up its own.
    fn place(
        &mut self,
        core: &Core,
        request: &HttpRequest,
        known: Option<usize>,
        digest: TokenDigest,
    ) -> Result<Arc<ObservationPlace>, Exceeded> {
        let mut of_user = self.observers.iter().filter(|it| it.is_of_user(request));
        let place = of_user.find_map(|it| it.place.as_ref().filter(|place| !place.is_lost()));
        if let Some(place) = place {
            return Ok(Arc::clone(place));
        }
        let others = self.observers.iter().enumerate().filter(|(at, other)| {
            let is_first = |before: &Observer| !before.is_of_user(&other.request);
            Some(*at) != known
                && other.ending.is_none()
                && !other.is_of_user(request)
                && self.observers.iter().take(*at).all(is_first)
        });
        if others.count() >= core.shared.limits().observers_per_association {
            core.shared.note(Exceeded::Observers);
            return Err(Exceeded::Observers);
        }
        if let Some(known) = known.and_then(|at| self.observers.get_mut(at)) {
            known.place = None;
        }
        core.shared.observe(digest).map(Arc::new)
    }

    /// Makes room for one more of the user of this request.
    fn make_room(&mut self, turn: &mut Turn<'_>, request: &HttpRequest) {
        let of_user = |other: &Observer| other.is_of_user(request);
        if self.observers.iter().filter(|it| of_user(it)).count() >= MAX_OF_USER
            && let Some(at) = self.observers.iter().position(of_user)
        {
            self.remove(turn, at);
        }
        // Of those that are over, the last answer is given up.
        let limit = turn.core.shared.limits().observations_per_association();
        while self.observers.len() >= limit
            && let Some(at) = self.observers.iter().position(|it| it.ending.is_some())
        {
            self.remove(turn, at);
        }
    }

    /// Whether it is the latest of its user, or its register waits for an answer.
    fn is_served(&self, at: usize) -> bool {
        let mut later = self.observers.iter().skip(at + 1);
        self.observers.get(at).is_some_and(|observer| {
            observer.register.is_some() || !later.any(|other| other.is_of_user(&observer.request))
        })
    }

    fn position(&self, id: ObservationId) -> Option<usize> {
        self.observers.iter().position(|it| it.id == Some(id))
    }

    fn observer(&mut self, id: ObservationId) -> Option<&mut Observer> {
        self.observers.iter_mut().find(|it| it.id == Some(id))
    }

    fn remove(&mut self, turn: &mut Turn<'_>, at: usize) {
        self.observers.remove(at).leave(turn);
    }
}
