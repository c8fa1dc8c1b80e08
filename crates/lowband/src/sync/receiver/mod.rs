//! The other end of an observation: what is pushed is handed out to a local client that calls
//! `/sync` as if it spoke to the homeserver.
//!
//! A body that is pushed goes on where the one before ends, and a call is answered with the body that
//! goes on where the client is, by its `since`. Each body is kept until the client goes on behind it.
//! A client that says something else, because it has restarted from an older state or wants another
//! filter, has the receiver register anew from there.
//!
//! Bodies may be acknowledged before the client has taken them: where they are lost with the process,
//! the client goes on from where it is, and what it says is believed at both ends. Of bodies that
//! nobody fetches only a few are taken. Then the observation is ended, which costs less than to let
//! the other side send again what cannot be taken.

mod action;
mod chain;

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

pub use self::action::{CallId, Receipt, ReceiverAction, ReceiverSettings, RegistrationId};

use rand::{SeedableRng, rngs::SmallRng};

use self::chain::Chain;
use super::{
    Body, Refusal, Registration, backoff::Backoff, body::Summary, settings::after, upstream,
};

/// How many calls wait at once. More come from a client that does not wait for its answers.
const CALLS: usize = 8;

/// What one local client, one device of one account, is told of `/sync`.
///
/// It is for servers that notify. One that answers a register without observing is asked plainly, call
/// by call.
///
/// Who drives it hands over what has happened and after each time takes what
/// [`poll_action`](Self::poll_action) has until it is empty, and calls
/// [`handle_timeout`](Self::handle_timeout) at [`poll_timeout`](Self::poll_timeout).
#[derive(Debug)]
pub struct Receiver {
    settings: ReceiverSettings,
    actions: VecDeque<ReceiverAction>,
    active: Option<Active>,
    calls: VecDeque<Call>,
    chain: Chain,
    ids: u64,
    /// When a call has last come or was answered.
    last_call: Option<Instant>,
    /// When the last register was sent, and how long none may follow it.
    last_register: Option<(Instant, Duration)>,
    /// What the chain was registered for.
    parameters: Registration,
    random: SmallRng,
    spacing: Backoff,
    /// What is to be registered, and when.
    wanted: Option<(Instant, Registration)>,
}

/// A registration that was not ended.
#[derive(Debug)]
struct Active {
    id: RegistrationId,
    is_answered: bool,
    /// When it was sent, or a body has last come for it.
    heard: Instant,
}

/// A call that waits.
#[derive(Debug)]
struct Call {
    id: CallId,
    registration: Registration,
    until: Instant,
}

impl Receiver {
    /// A receiver that observes nothing yet. `seed` decides the jitter.
    pub fn new(settings: ReceiverSettings, seed: u64) -> Self {
        Self {
            settings,
            actions: VecDeque::new(),
            active: None,
            calls: VecDeque::new(),
            chain: Chain::default(),
            ids: 0,
            last_call: None,
            last_register: None,
            parameters: Registration::default(),
            random: SmallRng::seed_from_u64(seed),
            spacing: Backoff::new(settings.spacing, settings.spacing_limit),
            wanted: None,
        }
    }

    /// The client calls `/sync` and is content to wait for `timeout`.
    pub fn handle_call(
        &mut self,
        now: Instant,
        registration: Registration,
        timeout: Duration,
    ) -> CallId {
        let id = CallId(self.next_id());
        self.last_call = Some(now);
        if self.calls.len() == CALLS && !self.answer_silently(now, 0) {
            self.refuse(0, &superseded());
        }
        let until = after(now, timeout);
        self.calls.push_back(Call {
            id,
            registration,
            until,
        });
        self.place_last(now);
        self.serve(now);
        id
    }

    /// The client does not wait for its answer any more.
    pub fn handle_gone(&mut self, call: CallId) {
        self.calls.retain(|waiting| waiting.id != call);
    }

    /// A body has come for a registration: the answer to the register, or a notification that is
    /// newer than all before.
    pub fn handle_body(&mut self, now: Instant, id: RegistrationId, body: Body) -> Receipt {
        if self.active.as_ref().is_none_or(|active| active.id != id) {
            return Receipt::Reject;
        }
        let bytes = body.clone();
        let summary = match Summary::parse(bytes.as_bytes()) {
            Ok(summary) => summary,
            Err(unusable) => {
                let trouble = upstream::Trouble::from(unusable);
                self.handle_refused(id, &trouble.refusal);
                return Receipt::Reject;
            }
        };
        let is_full = self.chain.len() >= self.settings.max_bodies
            || self.chain.bytes() + body.len() > self.settings.max_bytes;
        if is_full && self.chain.len() > 0 {
            self.active = None;
            return Receipt::Reject;
        }
        self.spacing.reset();
        if let Some((_, wait)) = &mut self.last_register {
            *wait = self.settings.spacing;
        }
        let was_answered = self.active.as_mut().is_some_and(|active| {
            active.heard = now;
            std::mem::replace(&mut active.is_answered, true)
        });
        self.chain.take(body, &summary, !was_answered);
        self.serve(now);
        Receipt::Acknowledge
    }

    /// A registration was refused, or has ended with an error.
    pub fn handle_refused(&mut self, id: RegistrationId, refusal: &Refusal) {
        if self.active.take_if(|active| active.id == id).is_some() {
            while !self.calls.is_empty() {
                self.refuse(0, refusal);
            }
        }
    }

    /// Nothing more will come for a registration: the association is lost, or a register was not
    /// answered. While a call waits, it is registered again.
    pub fn handle_lost(&mut self, now: Instant, id: RegistrationId) {
        if self.active.take_if(|active| active.id == id).is_some() && !self.calls.is_empty() {
            self.place_last(now);
            self.serve(now);
        }
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        if let Some((_, registration)) = self.wanted.take_if(|(at, _)| *at <= now) {
            self.register(now, registration);
        }
        let mut index = 0;
        while index < self.calls.len() {
            if !self.calls[index].is_due(now) || !self.answer_silently(now, index) {
                index += 1;
            }
        }
        if let Some(active) = &self.active
            && self.stale().is_some_and(|at| at <= now)
        {
            self.handle_lost(now, active.id);
        }
        if self.idle().is_some_and(|at| at <= now) {
            let active = self.active.take();
            self.actions
                .extend(active.map(|active| ReceiverAction::Cancel(active.id)));
        }
    }

    /// When something is due; `None`: nothing before something comes.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let calls = self.calls.iter().filter_map(Call::due);
        let wanted = self.wanted.as_ref().map(|(at, _)| *at);
        let others = [self.idle(), self.stale()].into_iter().flatten();
        calls.chain(wanted).chain(others).min()
    }

    /// What is to be done next.
    pub fn poll_action(&mut self) -> Option<ReceiverAction> {
        self.actions.pop_front()
    }

    /// How many bytes are kept.
    pub fn held(&self) -> usize {
        self.chain.bytes()
    }

    /// When it has been observed for long enough without a call.
    fn idle(&self) -> Option<Instant> {
        let is_idle = self.active.is_some() && self.calls.is_empty();
        let since = self.last_call.filter(|_| is_idle)?;
        Some(after(since, self.settings.idle))
    }

    /// When it has been silent for long enough to be made sure that it is still observed.
    fn stale(&self) -> Option<Instant> {
        let is_awaited = !self.calls.is_empty();
        let active = self.active.as_ref().filter(|it| it.is_answered)?;
        is_awaited.then(|| after(active.heard, self.settings.refresh))
    }

    /// Finds out where the last call is, and registers where that is not known.
    fn place_last(&mut self, now: Instant) {
        let Some(call) = self.calls.back_mut() else {
            return;
        };
        let registration = &call.registration;
        let is_known = self.chain.has(registration.since())
            && registration.has_same_parameters(&self.parameters);
        let is_under_way = match (&self.active, &self.wanted) {
            (_, Some(_)) => true,
            (Some(active), None) => !active.is_answered,
            (None, None) => false,
        };
        let is_same = *registration == self.parameters && is_under_way;
        if is_same || (is_known && !registration.has_full_state()) {
            self.chain.confirm(registration.since());
            let is_served = !self.chain.is_end(registration.since());
            if is_under_way {
                call.until = call.until.max(after(now, self.settings.first_answer));
            }
            if is_served || self.active.is_some() || is_under_way {
                return;
            }
        }
        call.until = call.until.max(after(now, self.settings.first_answer));
        let registration = registration.clone();
        self.chain.restart(registration.since(), is_known);
        self.parameters = registration.clone();
        self.active = None;
        self.refuse_superseded();
        let spaced = self.last_register.map(|(last, wait)| after(last, wait));
        match spaced.filter(|at| *at > now) {
            Some(at) => self.wanted = Some((at, registration)),
            None => self.register(now, registration),
        }
    }

    fn register(&mut self, now: Instant, registration: Registration) {
        let id = RegistrationId(self.next_id());
        self.wanted = None;
        self.last_register = Some((now, self.spacing.next(&mut self.random)));
        self.active = Some(Active {
            id,
            is_answered: false,
            heard: now,
        });
        self.actions
            .push_back(ReceiverAction::Register { id, registration });
    }

    /// Answers the calls for which there is something.
    fn serve(&mut self, now: Instant) {
        let is_answered = self
            .active
            .as_ref()
            .is_some_and(|active| active.is_answered);
        let mut index = 0;
        while let Some(call) = self.calls.get(index) {
            let since = call.registration.since();
            let is_ours = call.registration.has_same_parameters(&self.parameters);
            let is_owed = (since.is_none() && is_answered) || self.chain.has_new_counts();
            let body = match is_ours {
                true => self.chain.body(since),
                false => None,
            };
            let is_end = self.chain.is_end(since);
            match body {
                Some(body) => self.answer(now, index, body),
                None if is_ours && is_owed && is_end && self.answer_silently(now, index) => {}
                None => index += 1,
            }
        }
    }

    /// Answers a call with nothing new. Whether that is possible: who has nothing yet is not told so.
    fn answer_silently(&mut self, now: Instant, index: usize) -> bool {
        let since = self.calls[index].registration.since();
        let Some(body) = self.chain.silence(since) else {
            return false;
        };
        self.answer(now, index, body);
        true
    }

    fn answer(&mut self, now: Instant, index: usize, body: Body) {
        self.last_call = Some(now);
        let call = self.calls.remove(index).map(|call| call.id);
        self.actions
            .extend(call.map(|call| ReceiverAction::Answer { call, body }));
    }

    fn refuse(&mut self, index: usize, refusal: &Refusal) {
        let call = self.calls.remove(index).map(|call| call.id);
        let refusal = refusal.clone();
        self.actions
            .extend(call.map(|call| ReceiverAction::Refuse { call, refusal }));
    }

    /// Calls from the beginning cannot be told that there is nothing; where another registration has
    /// taken the place of theirs, they would wait for ever.
    fn refuse_superseded(&mut self) {
        let mut index = 0;
        while index < self.calls.len() {
            let registration = &self.calls[index].registration;
            let is_stranded = registration.since().is_none() && *registration != self.parameters;
            match is_stranded {
                true => self.refuse(index, &superseded()),
                false => index += 1,
            }
        }
    }

    fn next_id(&mut self) -> u64 {
        self.ids += 1;
        self.ids
    }
}

impl Call {
    /// When it is answered though there is nothing.
    fn due(&self) -> Option<Instant> {
        self.registration.since().map(|_| self.until)
    }

    fn is_due(&self, now: Instant) -> bool {
        self.due().is_some_and(|due| due <= now)
    }
}

/// What a call is told when too many others have come after it.
fn superseded() -> Refusal {
    Refusal {
        status: 503,
        retry_after: None,
        body: upstream::error(
            "M_UNKNOWN",
            "Another sync of this device has taken the place.",
        ),
    }
}

#[cfg(test)]
mod tests;
