//! Requests of others: what is let through.

use std::time::{Duration, Instant};

use super::{
    Component, Dropped, Event, Mode, Outcome, RequestRecord, RetrySets, Stage, admission,
    pending::Request,
};
use crate::{
    jid,
    stanza::{Condition, ErrorKind, Payload, Reply, Stanza},
    token::Refused,
};

/// Longer names of sessions are not remembered, and longer namespaces not told.
const LONGEST_NAME: usize = 256;

impl Component {
    /// A request has come.
    pub(super) fn take_request(&mut self, now: Instant, stanza: &Stanza<'_>, from: &str, to: &str) {
        let payload = match stanza.payload() {
            Ok(Some(payload)) if stanza.id.as_ref().is_some_and(|id| !id.is_empty()) => payload,
            _ => return self.refuse(stanza, (from, to), "", Outcome::BadRequest),
        };
        let is_look_up = to == self.settings.domain && payload.namespace == super::LOOKUP;
        let is_target = self.targets.has(from);
        if is_target && is_look_up {
            return self.look_up(now, stanza, &payload, (from, to));
        }
        if is_target && let Some(reply) = self.asks_requester(now, from, to) {
            return self.answer(stanza, Some(reply));
        }
        let namespace = payload.namespace.as_ref();
        if let Err(outcome) = self.admit(now, from, to, namespace) {
            return self.refuse(stanza, (from, to), namespace, outcome);
        }
        if is_look_up {
            return self.look_up(now, stanza, &payload, (from, to));
        }
        if stanza.type_name() == "get"
            && let Some(result) = self.about(to, &payload)
        {
            self.answer(stanza, Some(Reply::Result(&result)));
            return self.record_local(stanza, (from, to), namespace, Outcome::Local);
        }
        if !self.pending.has_place(&self.settings, from) {
            return self.refuse(stanza, (from, to), namespace, Outcome::TooMany);
        }
        let request = Request {
            sender: from.to_owned(),
            asked: to.to_owned(),
            id: stanza.id.as_deref().unwrap_or_default().to_owned(),
            is_set: stanza.type_name() == "set",
            namespace: shortened(namespace).to_owned(),
            session: session(&payload, from),
            raw: None,
            began: now,
            due: now + self.settings.timeout,
            attempts: 0,
            tried: Vec::new(),
            last: None,
            stage: Stage::Held,
        };
        if !self.pending.has_room(&self.settings, request.size()) {
            return self.refuse(stanza, (from, to), namespace, Outcome::TooMany);
        }
        let key = self.pending.insert(request);
        self.begin(now, key, stanza);
    }

    /// Whether a request of this type may be asked of another resource.
    pub(super) fn may_repeat(&self, is_set: bool, namespace: &str) -> bool {
        !is_set
            || match &self.settings.retry_sets {
                RetrySets::All => true,
                RetrySets::Namespaces(some) => some.iter().any(|one| one == namespace),
                RetrySets::Never => false,
            }
    }

    /// Refuses a request that was not taken in.
    pub(super) fn refuse(
        &mut self,
        stanza: &Stanza<'_>,
        addresses: (&str, &str),
        namespace: &str,
        outcome: Outcome,
    ) {
        // Nothing has happened yet, whatever it was.
        self.answer(stanza, outcome.error(self.settings.mode, false));
        // Tokens are not for the log.
        let addresses = match outcome {
            Outcome::ForeignToken => (addresses.0, jid::bare(addresses.1)),
            _ => addresses,
        };
        self.record_local(stanza, addresses, namespace, outcome);
    }

    pub(super) fn record_local(
        &mut self,
        stanza: &Stanza<'_>,
        (from, to): (&str, &str),
        namespace: &str,
        outcome: Outcome,
    ) {
        self.tell(Event::Request(RequestRecord {
            from: from.to_owned(),
            to: to.to_owned(),
            resource: None,
            is_set: stanza.type_name() == "set",
            namespace: shortened(namespace).to_owned(),
            outcome,
            attempts: 0,
            took: Duration::ZERO,
        }));
    }

    /// Whether a request is let through.
    fn admit(
        &mut self,
        now: Instant,
        from: &str,
        to: &str,
        namespace: &str,
    ) -> Result<(), Outcome> {
        if self.is_leaving {
            return Err(Outcome::Stopped);
        }
        if !admission::is_allowed(&self.settings, from) {
            return Err(Outcome::Forbidden);
        }
        if !self.rates.takes(now, jid::bare(from)) {
            return Err(Outcome::RateLimited);
        }
        let let_through = &self.settings.namespaces;
        if !let_through.is_empty() && !let_through.iter().any(|one| one == namespace) {
            return Err(Outcome::Namespace);
        }
        match jid::parts(to).and_then(|parts| parts.resource) {
            Some(resource) if self.is_held_by_anybody(now, resource) => Err(Outcome::ForeignToken),
            _ => Ok(()),
        }
    }

    /// Whether this resource of ours stands for a requester, for any of the targets.
    fn is_held_by_anybody(&mut self, now: Instant, resource: &str) -> bool {
        let holders = self.targets.0.iter();
        holders
            .map(|target| self.translation.origin(now, &target.jid, resource))
            .any(|origin| origin.is_ok())
    }

    /// What a target is answered that wants something of the address of a requester. `None`: it is a
    /// request like that of anybody else.
    fn asks_requester(&mut self, now: Instant, from: &str, to: &str) -> Option<Reply<'static>> {
        let parts = jid::parts(to)?;
        let stands_for_requester = match self.translation.mode {
            Mode::Compat => parts.resource.is_some(),
            Mode::Escaped => parts.local.is_some(),
            Mode::Opaque => {
                let holder = jid::bare(from);
                match self.translation.origin(now, holder, parts.resource?) {
                    Ok(_) => true,
                    Err(Refused::NoToken) => false,
                    Err(refused) => {
                        self.drop_stanza(dropped(refused));
                        return Some(Reply::Error(
                            ErrorKind::Cancel,
                            Condition::ItemNotFound,
                            "There is no such address.",
                        ));
                    }
                }
            }
        };
        stands_for_requester.then_some(Reply::Error(
            ErrorKind::Cancel,
            Condition::FeatureNotImplemented,
            "Requests are passed on in one direction only.",
        ))
    }
}

/// What is kept of a namespace: whoever asks may make it as long as a stanza.
fn shortened(namespace: &str) -> &str {
    let mut end = namespace.len().min(LONGEST_NAME);
    while !namespace.is_char_boundary(end) {
        end -= 1;
    }
    &namespace[..end]
}

/// How an answer is counted whose token is not accepted.
pub(super) fn dropped(refused: Refused) -> Dropped {
    match refused {
        Refused::Forged => Dropped::ForgedToken,
        Refused::NoToken => Dropped::NoToken,
        Refused::UnknownKey => Dropped::RetiredKey,
    }
}

/// The name of the session that a request or an answer belongs to, for this requester: protocols with
/// sessions name them in an attribute of their element (XEP-0050, XEP-0047, XEP-0166).
pub(super) fn session(payload: &Payload<'_>, requester: &str) -> Option<String> {
    let attribute = |name| payload.tag.attribute(name).ok().flatten();
    let name = attribute("sessionid").or_else(|| attribute("sid"))?;
    if name.len() > LONGEST_NAME {
        return None;
    }
    // No address contains this.
    Some(format!("{requester}\0{name}"))
}
