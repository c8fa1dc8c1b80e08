//! A component that balances requests over the resources of accounts: what it does with each stanza.
//!
//! Stanzas and time go in; bytes for the server, events and the time at which something is due come
//! out.

mod about;
mod address;
mod admission;
mod answers;
mod attempts;
mod event;
mod memory;
mod outbox;
mod pending;
mod presence;
mod refusal;
mod requests;
mod settings;
mod targets;

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use rand::{SeedableRng, rngs::StdRng};

pub use about::LOOKUP;
pub use event::{Dropped, Event, Outcome, RequestRecord, SubscriptionState};
pub use settings::{
    About, Answerer, Balance, Mode, PolicyKey, Rate, Requester, RetrySets, Settings,
};

use self::{
    address::Translation,
    admission::Rates,
    memory::Memory,
    outbox::{Outbox, Unsent},
    pending::{Pending, Stage},
    targets::{Choice, Targets},
};
use crate::{
    jid,
    stanza::{Condition, ErrorKind, Kind, Reply, Stanza},
    token::Tokens,
};

/// How long requests wait for resources to be seen again after the link was made.
const SETTLING: Duration = Duration::from_secs(2);

/// How long others may take to be seen once one was.
const GATHERING: Duration = Duration::from_millis(50);

/// Sessions that are remembered, and for how long after their last request.
const SESSIONS: usize = 10_000;
const SESSION_LIFETIME: Duration = Duration::from_secs(3600);

/// Events that nobody has read yet.
const EVENTS: usize = 100_000;

/// One component.
///
/// Who drives it hands over what has come ([`handle_established`](Self::handle_established),
/// [`handle_stanza`](Self::handle_stanza), …) and after that sends [`take_output`](Self::take_output),
/// reads [`poll_event`](Self::poll_event) until it is empty, and calls
/// [`handle_timeout`](Self::handle_timeout) at [`poll_timeout`](Self::poll_timeout).
#[derive(Debug)]
pub struct Component {
    settings: Settings,
    choice: Choice,
    dropped: [u64; Dropped::ALL.len()],
    events: VecDeque<Event>,
    /// When those are served who wait for resources that come back.
    gathered: Option<Instant>,
    is_leaving: bool,
    /// When all resources should have been seen that are there.
    settled: Option<Instant>,
    /// Since when the link is there.
    link: Option<Instant>,
    out: Outbox,
    pending: Pending,
    random: StdRng,
    rates: Rates,
    retries: u64,
    /// The resource that has a session (XEP-0050), by requester and name of the session.
    sessions: Memory<String>,
    targets: Targets,
    translation: Translation,
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
        Self {
            choice: Choice::default(),
            dropped: [0; Dropped::ALL.len()],
            events: VecDeque::new(),
            gathered: None,
            settled: None,
            is_leaving: false,
            link: None,
            out: Outbox::new(&settings.domain, settings.max_stanza),
            pending: Pending::new(),
            random: StdRng::from_seed(seed),
            rates: Rates::new(settings.rate),
            retries: 0,
            sessions: Memory::new(SESSION_LIFETIME, SESSIONS),
            targets: Targets::new(&settings.targets),
            translation: Translation::new(&settings.domain, settings.mode, tokens),
            settings,
        }
    }

    /// Takes other settings and tokens from now on. The domain stays the same.
    pub fn reconfigure(&mut self, now: Instant, settings: Settings, tokens: Tokens) {
        self.out.limit = settings.max_stanza;
        self.rates.set(settings.rate);
        self.translation.tokens = tokens;
        self.translation.mode = settings.mode;
        self.settings = settings;
        self.change_targets(now);
    }

    /// The link to the server is there: stanzas may be sent.
    pub fn handle_established(&mut self, now: Instant) {
        self.link = Some(now);
        self.settled = Some(now + SETTLING);
        self.begin_presence(now);
        self.resume_requests(now);
    }

    /// The link to the server has ended. What was not sent is thrown away; requests that may be asked
    /// again wait for the next link.
    pub fn handle_lost(&mut self, now: Instant) {
        let has_settled = self
            .link
            .take()
            .is_some_and(|since| since + SETTLING <= now);
        (self.gathered, self.settled) = (None, None);
        self.out.clear();
        self.suspend_requests(now);
        for target in &mut self.targets.0 {
            // Who was not seen by this link is not waited for by another one.
            target
                .resources
                .retain(|resource| resource.is_confirmed || !has_settled);
            for resource in &mut target.resources {
                resource.is_confirmed = false;
            }
        }
    }

    /// The process ends: nothing new is begun. When [`pending`](Self::pending) is 0, or when no more
    /// time is left, [`handle_stopped`](Self::handle_stopped) is called and the link can be closed.
    pub fn handle_leaving(&mut self) {
        self.is_leaving = true;
    }

    /// No time is left: all who wait are told so, and the targets that the component goes.
    pub fn handle_stopped(&mut self, now: Instant) {
        self.is_leaving = true;
        self.stop_requests(now);
        self.end_presence();
    }

    /// A stanza has come.
    pub fn handle_stanza(&mut self, now: Instant, stanza: &Stanza<'_>) {
        let Some((from, to)) = self.addresses(stanza) else {
            return;
        };
        match (stanza.kind, stanza.type_name()) {
            (Kind::Iq, "get" | "set") => self.take_request(now, stanza, from, to),
            (Kind::Iq, "error" | "result") => self.take_answer(now, stanza, from, to),
            (Kind::Iq, _) => {
                let reply = Outcome::BadRequest.error(self.settings.mode, false);
                self.answer(stanza, reply);
            }
            (Kind::Message, "error") => self.drop_stanza(Dropped::Unwanted),
            (Kind::Message, _) => self.take_message(stanza, from, to),
            (Kind::Presence, _) => self.take_presence(now, stanza, from, to),
            (Kind::Other, _) => self.drop_stanza(Dropped::Malformed),
        }
    }

    /// A stanza has come that was too large to be read: its start tag, where that is known.
    pub fn handle_too_large(&mut self, now: Instant, stanza: Option<&Stanza<'_>>) {
        let Some(stanza) = stanza else {
            return self.drop_stanza(Dropped::TooLarge);
        };
        let Some((from, to)) = self.addresses(stanza) else {
            return;
        };
        match (stanza.kind, stanza.type_name()) {
            (Kind::Iq, "get" | "set") => {
                self.refuse(stanza, (from, to), "", Outcome::StanzaTooLarge);
            }
            (Kind::Iq, "error" | "result") => self.take_answer_too_large(now, stanza, from, to),
            (Kind::Message, kind) if kind != "error" => self.take_message(stanza, from, to),
            _ => self.drop_stanza(Dropped::TooLarge),
        }
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.serve_held(now);
        while let Some(key) = self.pending.woken(now) {
            self.look_at(now, key);
        }
        if self.link.is_some() {
            self.ask_again(now);
            self.doubt_unseen(now);
            self.ping_suspects(now);
        }
    }

    /// When something is due; `None`: nothing before something comes.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let presence = self.link.and_then(|_| self.targets.next_due());
        let times = [
            self.pending.next_wake(),
            presence,
            self.gathered,
            self.settled,
        ];
        times.into_iter().flatten().min()
    }

    /// What happened, the oldest first.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Appends to `out` what is to be sent, whole stanzas.
    pub fn take_output(&mut self, out: &mut Vec<u8>) {
        self.out.take(out);
    }

    /// How many requests wait for their answers.
    pub fn pending(&self) -> usize {
        self.pending.len()
    }

    /// How many stanzas were dropped for this reason.
    pub fn dropped(&self, reason: Dropped) -> u64 {
        self.dropped[reason as usize]
    }

    /// How many attempts were made beyond the first of their request.
    pub fn retries(&self) -> u64 {
        self.retries
    }

    /// The accounts whose resources answer.
    pub fn targets(&self) -> impl Iterator<Item = TargetView<'_>> {
        self.targets.0.iter().map(|target| TargetView {
            jid: &target.jid,
            subscription: target.subscription,
        })
    }

    /// The resources that are known.
    pub fn resources(&self) -> impl Iterator<Item = ResourceView<'_>> {
        let all = self.targets.0.iter().flat_map(|target| &target.resources);
        all.map(targets::Resource::view)
    }

    /// Who has sent a stanza, and to which address of ours.
    fn addresses<'a>(&mut self, stanza: &'a Stanza<'_>) -> Option<(&'a str, &'a str)> {
        let to = stanza.to.as_deref().unwrap_or_default();
        if jid::domain(to) != self.settings.domain || jid::parts(to).is_none() {
            self.drop_stanza(Dropped::ForeignTo);
            return None;
        }
        let from = stanza.from.as_deref().unwrap_or_default();
        if jid::parts(from).is_none() {
            self.drop_stanza(Dropped::Malformed);
            return None;
        }
        Some((from, to))
    }

    /// Messages are not passed on.
    fn take_message(&mut self, stanza: &Stanza<'_>, from: &str, to: &str) {
        let to_us = to == self.settings.domain && self.targets.has(from);
        let reply = match to_us {
            true => Reply::Error(
                ErrorKind::Cancel,
                Condition::BadRequest,
                "The proxy itself reads no messages.",
            ),
            false => Reply::Error(
                ErrorKind::Cancel,
                Condition::FeatureNotImplemented,
                "Only requests are passed on here, messages are not.",
            ),
        };
        self.answer(stanza, Some(reply));
    }

    /// Answers a stanza, which is neither an error nor a result.
    fn answer(&mut self, stanza: &Stanza<'_>, reply: Option<Reply<'_>>) {
        let Some(reply) = reply else { return };
        let sent = self.out.reply(&stanza.question(), reply);
        self.check(sent);
    }

    /// Counts what was not sent.
    fn check(&mut self, sent: Result<(), Unsent>) {
        match sent {
            Ok(()) => {}
            Err(Unsent::ForeignFrom) => self.drop_stanza(Dropped::ForeignFrom),
            Err(Unsent::TooLarge) => self.drop_stanza(Dropped::TooLarge),
        }
    }

    fn drop_stanza(&mut self, reason: Dropped) {
        self.dropped[reason as usize] += 1;
    }

    fn tell(&mut self, event: Event) {
        if self.events.len() < EVENTS {
            self.events.push_back(event);
        }
    }
}

#[cfg(test)]
mod tests;
