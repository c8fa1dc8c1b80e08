//! One association of a gateway with a client: requests go to the homeserver and come back, and what
//! is observed is polled and pushed. It opens no socket, reads no clock and waits for nothing.
//!
//! A [`Gateway`] stands between an endpoint of CoAP and something that sends requests of HTTP:
//!
//! - what the endpoint says goes into [`Gateway::handle_event`], and what the gateway answers comes
//!   out by [`Replies`], at once;
//! - what is to be asked of the homeserver comes out of [`Gateway::poll_ask`], and what comes of it
//!   goes into [`Gateway::handle_answer`];
//! - what is to be logged and counted comes out of [`Gateway::poll_record`].
//!
//! After each call of any method that takes the time, [`Gateway::poll_ask`], [`Gateway::poll_record`]
//! and [`Gateway::poll_timeout`] are to be asked again.
//!
//! All that is known here is known of one association, and ends with it: tokens, requests,
//! observations. A client with a new association registers again, from the last `next_batch` that it
//! has. [`Shared`] only counts, for all associations together.

mod ask;
mod observer;
mod observers;
mod rate;
mod record;
mod replies;
mod requests;
mod settings;
mod shared;
mod traffic;
mod turn;

use std::sync::Arc;
use std::time::Instant;

use vestibule_coap::endpoint::Event;

pub use self::{
    ask::{Ask, AskId, HttpAnswer},
    record::{Exchange, Finished, Outcome},
    replies::{EndpointAt, Replies},
    settings::{Limits, Settings, Timeouts},
    shared::{Exceeded, Present, Shared, TokenDigest},
};
use self::{
    traffic::Traffic,
    turn::{Core, Turn},
};
use crate::sync::PollFailure;

/// One association with a client.
#[derive(Debug)]
pub struct Gateway {
    core: Core,
    traffic: Traffic,
    /// The part of [`Present::held_bytes`] that is held here.
    held_bytes: usize,
}

/// What a gateway holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Footprint {
    /// Requests that are not answered.
    pub requests: usize,
    /// Observations, those included whose last answer is not acknowledged.
    pub observations: usize,
    /// Bytes of requests that wait, and of bodies that are not delivered.
    pub bytes: usize,
}

impl Gateway {
    /// An association that is new, or that was resumed: nothing is known of it. `seed` decides the
    /// jitter of its observations.
    pub fn new(settings: Arc<Settings>, shared: Arc<Shared>, seed: u64) -> Self {
        Self {
            core: Core::new(settings, shared),
            traffic: Traffic::new(seed),
            held_bytes: 0,
        }
    }

    /// Other settings, for requests and registers that come from now on.
    pub fn replace_settings(&mut self, settings: Arc<Settings>) {
        self.core.settings = settings;
    }

    /// The endpoint says that something has happened. What concerns requests of its own, which a
    /// gateway has none of, is ignored.
    pub fn handle_event(&mut self, now: Instant, replies: &mut dyn Replies, event: Event) {
        self.turn(now, replies, |traffic, turn| {
            traffic.handle_event(turn, event);
        });
    }

    /// Something authentic has come from the client, whatever it is: what it has not acknowledged is
    /// sent again.
    pub fn handle_peer_alive(&mut self, now: Instant, replies: &mut dyn Replies) {
        self.turn(now, replies, |traffic, turn| {
            traffic.observers.handle_peer_alive(turn);
        });
    }

    /// The homeserver has answered what it was [asked](Ask::Request), or has not.
    pub fn handle_answer(
        &mut self,
        now: Instant,
        replies: &mut dyn Replies,
        id: AskId,
        answer: &Result<HttpAnswer, PollFailure>,
    ) {
        self.turn(now, replies, |traffic, turn| {
            if !traffic.requests.handle_answer(turn, id, answer) {
                traffic.observers.handle_answer(now, id, answer);
            }
        });
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Instant, replies: &mut dyn Replies) {
        self.turn(now, replies, |traffic, turn| {
            traffic.handle_timeout(turn);
        });
    }

    /// The gateway is about to end: who waits for news is told to ask again, and so is at once whoever
    /// would wait for some from now on, so that nothing takes long any more. What is observed is left as
    /// it is: the client registers again.
    pub fn handle_shutdown(&mut self, now: Instant, replies: &mut dyn Replies) {
        self.turn(now, replies, |traffic, turn| {
            turn.core.is_leaving = true;
            traffic.requests.send_away(turn);
        });
    }

    /// The association is over: what is under way is cancelled. All that is to be done after it is to
    /// take what [`poll_ask`](Self::poll_ask) and [`poll_record`](Self::poll_record) have.
    pub fn handle_closed(&mut self, now: Instant) {
        self.traffic.requests.abandon(now, &mut self.core);
        self.traffic.observers.abandon(now, &mut self.core);
        self.account();
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called. `None`: nothing is waited for.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.traffic.poll_timeout()
    }

    /// What is to be asked of the homeserver next.
    pub fn poll_ask(&mut self) -> Option<Ask> {
        self.core.asks.poll()
    }

    /// What is over, and not told yet.
    pub fn poll_record(&mut self) -> Option<Finished> {
        self.core.records.pop_front()
    }

    /// How many observations the client has been told of that are not over.
    pub fn observations(&self) -> usize {
        self.traffic.observers.known()
    }

    /// What is held at present.
    pub fn footprint(&self) -> Footprint {
        Footprint {
            requests: self.traffic.requests.len(),
            observations: self.traffic.observers.len(),
            bytes: self.traffic.held_bytes(),
        }
    }

    /// Does something, and then what follows from it.
    fn turn(
        &mut self,
        now: Instant,
        replies: &mut dyn Replies,
        work: impl FnOnce(&mut Traffic, &mut Turn<'_>),
    ) {
        let core = &mut self.core;
        let turn = &mut Turn { now, replies, core };
        work(&mut self.traffic, turn);
        self.traffic.observers.drive(turn);
        if self.account() && self.traffic.observers.shed(now) {
            self.core.shared.note(Exceeded::HeldBytes);
            self.account();
        }
    }

    /// Tells how much is held. Whether it is too much, all gateways together.
    fn account(&mut self) -> bool {
        let before = std::mem::replace(&mut self.held_bytes, self.traffic.held_bytes());
        self.core.shared.hold(before, self.held_bytes)
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.core.shared.hold(self.held_bytes, 0);
    }
}

#[cfg(test)]
mod tests;
