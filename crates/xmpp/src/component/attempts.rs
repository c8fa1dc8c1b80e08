//! Requests on their way: which resource is asked, and what happens when it does not answer.

use std::time::Instant;

use super::{
    Component, Dropped, Event, GATHERING, Outcome, RequestRecord, SETTLING, Stage,
    address::Untranslated,
    outbox::Unsent,
    pending::{Asked, Request},
};
use crate::{
    jid,
    stanza::{Addresses, Question, Reply, Stanza},
};

/// A longer id is replaced by a shorter one on the way.
const LONGEST_ID: usize = 256;

impl Component {
    /// Begins a request that was taken in.
    pub(super) fn begin(&mut self, now: Instant, key: usize, stanza: &Stanza<'_>) {
        let next = self.next_resource(now, key);
        if next.is_some() || !self.is_settling(now) {
            if self.may_ask_again(key, 1) {
                self.keep(key, stanza);
            }
            return match next {
                Some(resource) => self.ask(now, key, resource, Some(stanza)),
                None => self.fail(now, key, Outcome::NoResource),
            };
        }
        // Not for sets either has anything happened yet.
        match self.keep(key, stanza) {
            true => self.hold(now, key),
            false => self.fail(now, key, Outcome::TooMany),
        }
    }

    /// It is time to look at a request.
    pub(super) fn look_at(&mut self, now: Instant, key: usize) {
        let Some(request) = self.pending.request(key) else {
            return;
        };
        let (is_due, due) = (request.due <= now, request.due);
        let fallback = request.fallback();
        let asked = match &request.stage {
            Stage::Owed(_) => return,
            Stage::Asked(asked) => Some(asked.resource.clone()),
            Stage::Held => None,
        };
        match asked {
            Some(resource) => {
                if let Some(resource) = self.targets.resource(&resource) {
                    resource.suspect.get_or_insert(now);
                }
                if is_due {
                    return self.fail(now, key, Outcome::TimedOut);
                }
                // While nobody else is there, this one may still answer.
                let next = match self.may_ask_again(key, 0) {
                    true => self.next_resource(now, key),
                    false => None,
                };
                match next {
                    Some(next) => self.ask(now, key, next, None),
                    None => self.pending.wake(key, due),
                }
            }
            None if is_due || self.link.is_none() => self.fail(now, key, fallback),
            None => match self.next_resource(now, key) {
                Some(next) => self.ask(now, key, next, None),
                None => self.fail(now, key, fallback),
            },
        }
    }

    /// A resource that is asked will not answer: asks another one, or says so.
    pub(super) fn fail_over(&mut self, now: Instant, key: usize) {
        if !self.may_ask_again(key, 0) {
            return self.fail(now, key, Outcome::ResourceGone);
        }
        match self.next_resource(now, key) {
            Some(next) => self.ask(now, key, next, None),
            None if self.is_settling(now) => {
                self.release(key);
                self.hold(now, key);
            }
            None => self.fail(now, key, Outcome::ResourceGone),
        }
    }

    /// A resource will answer nothing any more that it was asked.
    pub(super) fn resource_gone(&mut self, now: Instant, jid: &str) {
        for key in self.pending.of_resource(jid) {
            self.fail_over(now, key);
        }
    }

    /// A resource has come: whoever waits for one is served, as soon as others have had the time to
    /// come as well.
    pub(super) fn gather(&mut self, now: Instant) {
        if self.is_settling(now) && self.pending.len() > 0 {
            self.gathered.get_or_insert(now + GATHERING);
        }
    }

    /// Serves those who wait for a resource, when the time has come.
    pub(super) fn serve_held(&mut self, now: Instant) {
        if self.gathered.take_if(|at| *at <= now).is_none() {
            return;
        }
        for key in self.pending.keys(Request::is_held) {
            if let Some(resource) = self.next_resource(now, key) {
                self.ask(now, key, resource, None);
            }
        }
    }

    /// The link is lost: nobody will answer what was asked.
    pub(super) fn suspend_requests(&mut self, now: Instant) {
        for key in self.pending.keys(|request| !request.is_owed()) {
            let may_ask_again = self.may_ask_again(key, 0);
            let was_asked = self.release(key);
            let Some(request) = self.pending.request(key) else {
                continue;
            };
            if was_asked && !may_ask_again {
                self.fail(now, key, Outcome::LinkLost);
                continue;
            }
            // Nobody has refused or failed: all may be asked again.
            request.tried.clear();
            let due = request.due;
            self.pending.wake(key, due);
        }
    }

    /// The link is there again.
    pub(super) fn resume_requests(&mut self, now: Instant) {
        for key in self.pending.keys(Request::is_owed) {
            let stage = self.pending.request(key).map(|request| &request.stage);
            if let Some(Stage::Owed(outcome)) = stage {
                let outcome = *outcome;
                self.fail(now, key, outcome);
            }
        }
        for key in self.pending.keys(Request::is_held) {
            self.hold(now, key);
        }
    }

    /// Nobody is waited for any more.
    pub(super) fn stop_requests(&mut self, now: Instant) {
        for key in self.pending.keys(|_| true) {
            self.fail(now, key, Outcome::Stopped);
        }
        // Without a link they cannot be told any more.
        for key in self.pending.keys(|_| true) {
            if let Some(request) = self.pending.remove(key) {
                self.record(now, request, Outcome::Stopped);
            }
        }
    }

    /// Ends a request with an error of our own.
    pub(super) fn fail(&mut self, now: Instant, key: usize, outcome: Outcome) {
        self.release(key);
        if self.link.is_none() {
            self.pending.forget_raw(key);
            self.pending.sleep(key);
            if let Some(request) = self.pending.request(key) {
                request.stage = Stage::Owed(outcome);
            }
            return;
        }
        let Some(request) = self.pending.remove(key) else {
            return;
        };
        if let Some(reply) = outcome.error(self.settings.mode, request.may_be_done()) {
            self.reply_to(&request, reply);
        }
        self.record(now, request, outcome);
    }

    /// Ends a request with the answer of the resource that was asked.
    pub(super) fn succeed(&mut self, now: Instant, key: usize, answer: &Stanza<'_>) {
        self.release(key);
        let Some(request) = self.pending.remove(key) else {
            return;
        };
        let addresses = Addresses {
            from: &request.asked,
            id: Some(&request.id),
            to: &request.sender,
        };
        let outcome = match self.out.readdressed(answer, &addresses) {
            Ok(()) if answer.type_name() == "error" => Outcome::Error,
            Ok(()) => Outcome::Result,
            Err(unsent) => {
                if unsent == Unsent::ForeignFrom {
                    self.drop_stanza(Dropped::ForeignFrom);
                }
                let outcome = Outcome::StanzaTooLarge;
                if let Some(reply) = outcome.error(self.settings.mode, request.may_be_done()) {
                    self.reply_to(&request, reply);
                }
                outcome
            }
        };
        self.record(now, request, outcome);
    }

    /// Whether a request may be asked of another resource: `kept` is how many attempts must be left
    /// besides.
    pub(super) fn may_ask_again(&mut self, key: usize, kept: u32) -> bool {
        let Some(request) = self.pending.request(key) else {
            return false;
        };
        let (attempts, is_set) = (request.attempts, request.is_set);
        let has_raw = request.raw.is_some() || kept > 0;
        let namespace = std::mem::take(&mut request.namespace);
        let may = self.may_repeat(is_set, &namespace);
        if let Some(request) = self.pending.request(key) {
            request.namespace = namespace;
        }
        may && has_raw && attempts + kept < self.settings.attempts
    }

    /// The resource to ask next; `None`: there is no other one.
    pub(super) fn next_resource(&mut self, now: Instant, key: usize) -> Option<String> {
        let doubtful = !self.is_settling(now);
        self.link?;
        let request = self.pending.request(key)?;
        if let Some(session) = &request.session
            && let Some(resource) = self.sessions.value(now, session)
            && !request.has_tried(resource)
            && let Some(known) = self.targets.resource(resource)
            // Who only wants nothing new brings to its end what is begun.
            && known.priority >= 0
            && known.suspect.is_none()
        {
            return Some(resource.clone());
        }
        let mut tried = request.tried.clone();
        if let Stage::Asked(asked) = &request.stage {
            tried.push(asked.resource.clone());
        }
        let (settings, random) = (&self.settings, &mut self.random);
        let chosen = self.choice.choose(
            settings,
            random,
            &self.targets,
            &request.sender,
            &tried,
            doubtful,
        );
        chosen.map(|resource| resource.jid.clone())
    }

    /// Asks a resource. `given` is the request where it has just come.
    pub(super) fn ask(
        &mut self,
        now: Instant,
        key: usize,
        resource: String,
        given: Option<&Stanza<'_>>,
    ) {
        self.release(key);
        let Some(request) = self.pending.request(key) else {
            return;
        };
        let (sender, asked) = (request.sender.clone(), request.asked.clone());
        let (id, due, session) = (request.id.clone(), request.due, request.session.clone());
        let is_first = request.attempts == 0;
        let origin = (sender.as_str(), asked.as_str());
        let holder = jid::bare(&resource);
        let translated = self
            .translation
            .address(now, &mut self.random, holder, origin);
        let address = match translated {
            Ok(address) => address,
            Err(Untranslated::TooLong) => return self.fail(now, key, Outcome::AddressTooLong),
            Err(Untranslated::TooMany) => return self.fail(now, key, Outcome::TooMany),
        };
        let id = self.free_id(&address, id);
        let new = Addresses {
            from: &address,
            id: Some(&id),
            to: &resource,
        };
        // What is asked again was kept, and parsed before.
        let raw = self.pending.request(key).and_then(|it| it.raw.take());
        let kept = match given {
            Some(_) => None,
            None => raw.as_deref().and_then(|raw| Stanza::parse(raw).ok()),
        };
        let sent = match given.or(kept.as_ref()) {
            Some(stanza) => self.out.readdressed(stanza, &new),
            None => Err(Unsent::TooLarge),
        };
        if let Some(request) = self.pending.request(key) {
            request.raw = raw;
        }
        if let Err(unsent) = sent {
            if unsent == Unsent::ForeignFrom {
                self.drop_stanza(Dropped::ForeignFrom);
            }
            return self.fail(now, key, Outcome::StanzaTooLarge);
        }
        self.retries += u64::from(!is_first);
        if let Some(session) = session {
            self.sessions.insert(now, &session, resource.clone());
        }
        if let Some(resource) = self.targets.resource(&resource) {
            resource.outstanding += 1;
            resource.asked += 1;
        }
        self.pending.asks(
            key,
            Asked {
                resource,
                address,
                id,
            },
        );
        if !self.may_ask_again(key, 0) {
            self.pending.forget_raw(key);
        }
        let wake = due.min(now + self.settings.attempt_timeout);
        self.pending.wake(key, wake);
    }

    /// Keeps a request for another attempt. False when there is no room.
    fn keep(&mut self, key: usize, stanza: &Stanza<'_>) -> bool {
        let raw = stanza.raw();
        let has_room = self.pending.may_keep(&self.settings, raw.len());
        if has_room {
            self.pending.keep_raw(key, raw);
        }
        has_room
    }

    /// Has a request wait until resources are seen again.
    fn hold(&mut self, now: Instant, key: usize) {
        let settled = self.link.map_or(now, |since| since + SETTLING);
        if let Some(request) = self.pending.request(key) {
            let wake = request.due.min(settled);
            self.pending.wake(key, wake);
        }
    }

    /// Whether resources may be there that we have not seen yet.
    fn is_settling(&self, now: Instant) -> bool {
        self.link.is_some_and(|since| now < since + SETTLING)
    }

    /// A request is asked of nobody any more. Whether it was.
    fn release(&mut self, key: usize) -> bool {
        let Some(asked) = self.pending.rests(key) else {
            return false;
        };
        if let Some(resource) = self.targets.resource(&asked.resource) {
            resource.outstanding = resource.outstanding.saturating_sub(1);
        }
        true
    }

    /// What a request is called at the address of its requester, where another one may have its name.
    fn free_id(&mut self, address: &str, id: String) -> String {
        if id.len() <= LONGEST_ID && self.pending.named(address, &id).is_none() {
            return id;
        }
        loop {
            let other = format!(
                "vestibule-{:016x}",
                rand::RngCore::next_u64(&mut self.random)
            );
            if self.pending.named(address, &other).is_none() {
                return other;
            }
        }
    }

    fn reply_to(&mut self, request: &Request, reply: Reply<'_>) {
        let question = Question {
            name: "iq",
            from: Some(&request.sender),
            id: Some(&request.id),
            to: Some(&request.asked),
        };
        let sent = self.out.reply(&question, reply);
        self.check(sent);
    }

    fn record(&mut self, now: Instant, request: Request, outcome: Outcome) {
        self.tell(Event::Request(RequestRecord {
            from: request.sender,
            to: request.asked,
            resource: request.last,
            is_set: request.is_set,
            namespace: request.namespace,
            outcome,
            attempts: request.attempts,
            took: now.saturating_duration_since(request.began),
        }));
    }
}
