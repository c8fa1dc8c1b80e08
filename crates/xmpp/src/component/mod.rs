//! A component that balances requests over the resources of accounts: what it does with each stanza.
//!
//! Stanzas and time go in; bytes for the server, events and the time at which something is due come
//! out.

mod event;
mod settings;

use std::time::Instant;

pub use event::{Dropped, Event, Outcome, RequestRecord, SubscriptionState};
pub use settings::{
    About, Answerer, Balance, Mode, PolicyKey, Rate, Requester, RetrySets, Settings,
};

use crate::{stanza::Stanza, token::Tokens};

/// One component.
///
/// Who drives it hands over what has come ([`handle_established`](Self::handle_established),
/// [`handle_stanza`](Self::handle_stanza), …) and after that sends [`take_output`](Self::take_output),
/// reads [`poll_event`](Self::poll_event) until it is empty, and calls
/// [`handle_timeout`](Self::handle_timeout) at [`poll_timeout`](Self::poll_timeout).
#[derive(Debug)]
pub struct Component {
    settings: Settings,
    tokens: Tokens,
}

/// A resource as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceView<'a> {
    /// Its full address.
    pub jid: &'a str,
    /// Its priority (RFC 6121 section 4.7.2.3). Below 0 it is not asked.
    pub priority: i8,
    /// `away`, `chat`, `dnd` or `xa`; empty where nothing is said. With `dnd` it gets nothing new.
    pub show: &'a str,
    /// Whether it may be asked now.
    pub is_eligible: bool,
    /// Whether it has let its last requests time out and is spared until it answers.
    pub is_suspect: bool,
    /// How many requests it has not answered yet.
    pub outstanding: usize,
    /// How many requests it was given.
    pub asked: u64,
}

/// A target as it is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TargetView<'a> {
    /// The account.
    pub jid: &'a str,
    /// What is known of the subscription to its presence.
    pub subscription: SubscriptionState,
}

impl Component {
    /// A component without a link. `seed` must be random and secret.
    pub fn new(settings: Settings, tokens: Tokens, seed: [u8; 32]) -> Self {
        let _ = seed;
        Self { settings, tokens }
    }

    /// Takes other settings and tokens from now on. The domain stays the same.
    pub fn reconfigure(&mut self, now: Instant, settings: Settings, tokens: Tokens) {
        let _ = now;
        (self.settings, self.tokens) = (settings, tokens);
    }

    /// The link to the server is there: stanzas may be sent.
    pub fn handle_established(&mut self, now: Instant) {
        let _ = now;
    }

    /// The link to the server has ended. What was not sent is thrown away; requests that may be asked
    /// again wait for the next link.
    pub fn handle_lost(&mut self, now: Instant) {
        let _ = now;
    }

    /// The process ends: nothing new is begun. When [`pending`](Self::pending) is 0, or when no more
    /// time is left and [`handle_stopped`](Self::handle_stopped) was called, the link can be closed.
    pub fn handle_leaving(&mut self) {}

    /// No time is left: all who wait are told so.
    pub fn handle_stopped(&mut self, now: Instant) {
        let _ = now;
    }

    /// A stanza has come.
    pub fn handle_stanza(&mut self, now: Instant, stanza: &Stanza<'_>) {
        let _ = (now, stanza);
    }

    /// A stanza has come that was too large to be read: its start tag, where that is known.
    pub fn handle_too_large(&mut self, now: Instant, stanza: Option<&Stanza<'_>>) {
        let _ = (now, stanza);
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        let _ = now;
    }

    /// When something is due; `None`: nothing before something comes.
    pub fn poll_timeout(&self) -> Option<Instant> {
        None
    }

    /// What happened, the oldest first.
    pub fn poll_event(&mut self) -> Option<Event> {
        None
    }

    /// Appends to `out` what is to be sent, whole stanzas.
    pub fn take_output(&mut self, out: &mut Vec<u8>) {
        let _ = out;
    }

    /// How many requests wait for their answers.
    pub fn pending(&self) -> usize {
        0
    }

    /// How many stanzas were dropped for this reason.
    pub fn dropped(&self, reason: Dropped) -> u64 {
        let _ = reason;
        0
    }

    /// How many attempts were made beyond the first of their request.
    pub fn retries(&self) -> u64 {
        0
    }

    /// The accounts whose resources answer.
    pub fn targets(&self) -> impl Iterator<Item = TargetView<'_>> {
        std::iter::empty()
    }

    /// The resources that are known.
    pub fn resources(&self) -> impl Iterator<Item = ResourceView<'_>> {
        std::iter::empty()
    }
}
