//! Answers of resources.

use std::time::Instant;

use super::{Component, Dropped, Outcome, Stage, presence::PING, requests};
use crate::{jid, stanza::Stanza};

/// What a server says for somebody who is not there (RFC 6121 section 8.5.3.2.3). Clients say the
/// first for what they do not know.
const NOT_THERE: &str = "service-unavailable";
const SAID_BY_SERVERS: [&str; 3] = [
    "recipient-unavailable",
    "remote-server-not-found",
    "remote-server-timeout",
];

impl Component {
    /// An answer has come.
    pub(super) fn take_answer(&mut self, now: Instant, stanza: &Stanza<'_>, from: &str, to: &str) {
        let Some(key) = self.asked(now, stanza, from, to) else {
            return;
        };
        let is_error = stanza.type_name() == "error";
        let said = match stanza.error() {
            Ok(Some(error)) if is_error => error.condition,
            _ => "",
        };
        if SAID_BY_SERVERS.contains(&said) {
            return self.fail_over(now, key);
        }
        if said == NOT_THERE {
            match self.targets.resource(from) {
                None => return self.fail_over(now, key),
                // It went while the link was not there.
                Some(resource) if !resource.is_confirmed => return self.lose_resource(now, from),
                Some(_) => {}
            }
            // It may have just gone, or not know what others know.
            if self.may_ask_again(key, 0)
                && let Some(next) = self.next_resource(now, key)
            {
                return self.ask(now, key, next, None);
            }
        }
        self.trust(from);
        if let (false, Ok(Some(payload))) = (is_error, stanza.payload())
            && let Some(request) = self.pending.request(key)
            && let Some(session) = requests::session(&payload, &request.sender)
        {
            self.sessions.insert(now, &session, from.to_owned());
        }
        self.succeed(now, key, stanza);
    }

    /// An answer has come that is too large to be read.
    pub(super) fn take_answer_too_large(
        &mut self,
        now: Instant,
        stanza: &Stanza<'_>,
        from: &str,
        to: &str,
    ) {
        if let Some(key) = self.asked(now, stanza, from, to) {
            self.fail(now, key, Outcome::StanzaTooLarge);
        }
    }

    /// The request that this answers, which was asked of the sender. Others are counted.
    fn asked(&mut self, now: Instant, stanza: &Stanza<'_>, from: &str, to: &str) -> Option<usize> {
        if !self.targets.has(from) {
            self.drop_stanza(Dropped::Unwanted);
            return None;
        }
        let id = stanza.id.as_deref().unwrap_or_default();
        if to == self.settings.domain {
            self.take_ping_answer(stanza, id, from);
            return None;
        }
        if let Some(key) = self.pending.named(to, id) {
            let stage = self.pending.request(key).map(|request| &request.stage);
            if let Some(Stage::Asked(asked)) = stage
                && asked.resource == from
            {
                return Some(key);
            }
        }
        if self.pending.was_asked(to, id, from) {
            self.trust(from);
            self.drop_stanza(Dropped::Late);
            return None;
        }
        if self.pending.named(to, id).is_some() {
            self.drop_stanza(Dropped::NotAsked);
            return None;
        }
        let resource = jid::parts(to).and_then(|parts| parts.resource);
        let origin = self
            .translation
            .origin(now, jid::bare(from), resource.unwrap_or_default());
        self.drop_stanza(match origin {
            Ok(_) => Dropped::Unasked,
            Err(refused) => requests::dropped(refused),
        });
        None
    }

    /// The answer to a question of our own.
    fn take_ping_answer(&mut self, stanza: &Stanza<'_>, id: &str, from: &str) {
        if !id.starts_with(PING) {
            return self.drop_stanza(Dropped::Unwanted);
        }
        let said = stanza
            .error()
            .ok()
            .flatten()
            .map_or("", |error| error.condition);
        if !SAID_BY_SERVERS.contains(&said) {
            self.trust(from);
        }
    }

    /// A resource has answered.
    fn trust(&mut self, jid: &str) {
        if let Some(resource) = self.targets.resource(jid) {
            resource.suspect = None;
            resource.is_confirmed = true;
        }
    }
}
