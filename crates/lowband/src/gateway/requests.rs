//! Requests that are answered once.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use vestibule_coap::endpoint::IncomingRequest;

use super::ask::{AskId, HttpAnswer};
use super::record::{Asked, Exchange, Outcome};
use super::shared::{Exceeded, Place};
use super::turn::{Core, Turn, refusal};
use crate::mapping::endpoint::Kind;
use crate::mapping::server::{HttpRequest, Refusal};
use crate::sync::{PollFailure, RETRY_AFTER, after};

/// When it is looked again whether other associations have left a place.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// The requests of an association that are not answered.
#[derive(Debug, Default)]
pub(super) struct Requests {
    /// Those that wait for the token that another one brings.
    held: Vec<Held>,
    /// Those that wait for a place, the first one first.
    queue: VecDeque<Queued>,
    /// Those at the homeserver. They are few.
    under_way: Vec<UnderWay>,
    /// When to look whether there is a place.
    look_again: Option<Instant>,
}

/// A request that waits for a token.
#[derive(Debug)]
struct Held {
    until: Instant,
    arrived: Arrived,
}

/// A request as it has come.
#[derive(Debug)]
pub(super) struct Arrived {
    pub(super) request: IncomingRequest,
    pub(super) received: Instant,
}

#[derive(Debug)]
struct Queued {
    until: Instant,
    asked: Asked,
    request: Box<HttpRequest>,
}

#[derive(Debug)]
struct UnderWay {
    id: AskId,
    asked: Asked,
    /// Without its body.
    request: Box<HttpRequest>,
    _place: Place,
}

impl Requests {
    /// A request waits for the token that another one brings.
    pub(super) fn hold(&mut self, turn: &mut Turn<'_>, until: Instant, arrived: Arrived) {
        match self.may_wait(turn, arrived.request.payload.len()) {
            Ok(()) => self.held.push(Held { until, arrived }),
            Err(exceeded) => {
                let refusal = refusal(PollFailure::Overloaded);
                let Arrived { request, received } = &arrived;
                turn.reject(request, *received, refusal, exceeded.name());
            }
        }
    }

    /// A request goes to the homeserver, or waits until there is a place.
    pub(super) fn forward(&mut self, turn: &mut Turn<'_>, asked: Asked, request: Box<HttpRequest>) {
        if is_sync(request.kind) {
            return self.forward_sync(turn, asked, request);
        }
        if self.queue.is_empty()
            && let Some(place) = self.place(turn.core)
        {
            return self.send(turn, asked, request, place);
        }
        match self.may_wait(turn, request.body.len()) {
            Ok(()) => {
                turn.core.shared.note(match self.has_own_place(turn.core) {
                    true => Exceeded::Requests,
                    false => Exceeded::RequestsOfAssociation,
                });
                let until = after(turn.now, turn.core.settings.timeouts.queue);
                self.queue.push_back(Queued {
                    until,
                    asked,
                    request,
                });
                self.advance(turn);
            }
            Err(exceeded) => turn.refuse(Exchange::Request, &asked, &request, exceeded),
        }
    }

    /// The homeserver has answered, or has not. Whether it was asked by one of these requests.
    pub(super) fn handle_answer(
        &mut self,
        turn: &mut Turn<'_>,
        id: AskId,
        answer: &Result<HttpAnswer, PollFailure>,
    ) -> bool {
        let Some(at) = self.under_way.iter().position(|it| it.id == id) else {
            return false;
        };
        let UnderWay { asked, request, .. } = self.under_way.swap_remove(at);
        if self.under_way.is_empty() {
            // Most associations have nothing under way for most of the time.
            self.under_way = Vec::new();
        }
        let (response, outcome) = match answer {
            Ok(answer) => {
                let response = turn.close(&request, answer);
                let outcome = Outcome::passed_on(&response, answer.status);
                (response, outcome)
            }
            Err(failure) => {
                let refusal = refusal(*failure);
                let response = refusal.response(request.format);
                let outcome = Outcome::refused(&response, refusal.name());
                (response, outcome)
            }
        };
        turn.respond(Exchange::Request, &asked, &request, response, outcome);
        self.advance(turn);
        true
    }

    /// Those that waited for a token and need not wait any longer: all of them if one has come.
    pub(super) fn take_held(&mut self, now: Instant, has_token: bool) -> Vec<Arrived> {
        let is_due = |held: &mut Held| has_token || held.until <= now;
        let due = self.held.extract_if(.., is_due);
        due.map(|held| held.arrived).collect()
    }

    /// When [`take_held`](Self::take_held) or [`advance`](Self::advance) has something to do.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let held = self.held.iter().map(|held| held.until);
        let queued = self.queue.front().map(|queued| queued.until);
        held.chain(queued).chain(self.look_again).min()
    }

    /// Sends those for which there is a place, and refuses those that have waited too long.
    pub(super) fn advance(&mut self, turn: &mut Turn<'_>) {
        while let Some(front) = self.queue.front() {
            let is_late = front.until <= turn.now;
            let place = match is_late {
                true => None,
                false => self.place(turn.core),
            };
            if !is_late && place.is_none() {
                break;
            }
            let Some(Queued { asked, request, .. }) = self.queue.pop_front() else {
                break;
            };
            match place {
                Some(place) => self.send(turn, asked, request, place),
                None => {
                    turn.core.shared.note(Exceeded::QueueTime);
                    turn.refuse(Exchange::Request, &asked, &request, Exceeded::QueueTime);
                }
            }
        }
        let waits_for_others = !self.queue.is_empty() && self.has_own_place(turn.core);
        self.look_again = waits_for_others.then(|| turn.now + LOOK_AGAIN);
    }

    /// Answers those that wait for news, of which there is none yet.
    pub(super) fn send_away(&mut self, turn: &mut Turn<'_>) {
        let waits = |it: &mut UnderWay| is_sync(it.request.kind);
        let waiting: Vec<UnderWay> = self.under_way.extract_if(.., waits).collect();
        for UnderWay {
            id, asked, request, ..
        } in waiting
        {
            turn.core.asks.cancel(id);
            come_again(turn, &asked, &request);
        }
    }

    /// The association is over.
    pub(super) fn abandon(&mut self, now: Instant, core: &mut Core) {
        for UnderWay {
            id, asked, request, ..
        } in self.under_way.drain(..)
        {
            core.asks.cancel(id);
            core.abandon(now, Exchange::Request, &asked, &request);
        }
        for Queued { asked, request, .. } in self.queue.drain(..) {
            core.abandon(now, Exchange::Request, &asked, &request);
        }
        self.held.clear();
        self.look_again = None;
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.waiting() + self.under_way.len()
    }

    /// About how many bytes those have that wait. The bodies of those under way are not here any more.
    pub(super) fn held_bytes(&self) -> usize {
        let held = self.held.iter().map(|it| it.arrived.request.payload.len());
        let queued = self.queue.iter().map(|it| it.request.body.len());
        held.chain(queued).sum()
    }

    fn forward_sync(&mut self, turn: &mut Turn<'_>, asked: Asked, request: Box<HttpRequest>) {
        if turn.core.is_leaving && may_wait_for_news(request.kind) {
            return come_again(turn, &asked, &request);
        }
        let syncs = self.under_way.len() - self.requests_under_way();
        let place = match syncs < turn.core.shared.limits().syncs_per_association {
            true => turn.core.shared.poll().ok_or(Exceeded::Polls),
            false => {
                turn.core.shared.note(Exceeded::Syncs);
                Err(Exceeded::Syncs)
            }
        };
        match place {
            Ok(place) => {
                if may_wait_for_news(request.kind) {
                    // The answer will take long: the client must not repeat the request meanwhile.
                    turn.replies.accept(asked.exchange);
                }
                self.send(turn, asked, request, place);
            }
            Err(exceeded) => turn.refuse(Exchange::Request, &asked, &request, exceeded),
        }
    }

    fn send(
        &mut self,
        turn: &mut Turn<'_>,
        asked: Asked,
        mut request: Box<HttpRequest>,
        place: Place,
    ) {
        let body = std::mem::take(&mut request.body);
        let kept = request.clone();
        request.body = body;
        let timeout = turn.core.settings.timeouts.of(request.kind);
        let id = turn.core.asks.request(request, timeout);
        self.under_way.push(UnderWay {
            id,
            asked,
            request: kept,
            _place: place,
        });
    }

    /// Whether one more request with a body of so many bytes may wait.
    fn may_wait(&self, turn: &Turn<'_>, len: usize) -> Result<(), Exceeded> {
        let shared = &turn.core.shared;
        let exceeded = if self.waiting() >= shared.limits().queue_per_association {
            Exceeded::Queue
        } else if shared.has_room(len) {
            return Ok(());
        } else {
            Exceeded::HeldBytes
        };
        shared.note(exceeded);
        Err(exceeded)
    }

    fn place(&self, core: &Core) -> Option<Place> {
        let has_own = self.has_own_place(core);
        has_own.then(|| core.shared.request()).flatten()
    }

    fn has_own_place(&self, core: &Core) -> bool {
        self.requests_under_way() < core.shared.limits().requests_per_association
    }

    fn requests_under_way(&self) -> usize {
        let requests = self.under_way.iter();
        requests.filter(|it| !is_sync(it.request.kind)).count()
    }

    fn waiting(&self) -> usize {
        self.held.len() + self.queue.len()
    }
}

/// Answers who would wait for news when nobody may any more.
fn come_again(turn: &mut Turn<'_>, asked: &Asked, request: &HttpRequest) {
    let refusal = Refusal::Leaving {
        retry_after: RETRY_AFTER,
    };
    let response = refusal.response(request.format);
    let outcome = Outcome::refused(&response, refusal.name());
    turn.respond(Exchange::Request, asked, request, response, outcome);
}

fn is_sync(kind: Kind) -> bool {
    matches!(kind, Kind::Sync { .. } | Kind::SlidingSync { .. })
}

/// A sliding sync says in its body what it waits for as well.
fn may_wait_for_news(kind: Kind) -> bool {
    match kind {
        Kind::Sync { timeout } => !timeout.is_zero(),
        Kind::SlidingSync { .. } => true,
        _ => false,
    }
}
