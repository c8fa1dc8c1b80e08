//! Answers of resources.

use std::time::Instant;

use super::{Component, Dropped, Outcome, Stage, presence::PING, requests};
use crate::{jid, stanza::Stanza};

/// Whose word an answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Said {
    /// The service's.
    Service,
    /// The server's: the resource has not answered.
    Server,
    /// The server's for somebody who is not there (RFC 6121 section 8.5.3.2.3), or the service's for
    /// what it does not know.
    Either,
}

/// Whose word `stanza` is, an answer.
fn said(stanza: &Stanza<'_>) -> Said {
    if stanza.type_name() != "error" {
        return Said::Service;
    }
    match stanza
        .error()
        .ok()
        .flatten()
        .map_or("", |error| error.condition)
    {
        "recipient-unavailable" | "remote-server-not-found" | "remote-server-timeout" => {
            Said::Server
        }
        "service-unavailable" => Said::Either,
        _ => Said::Service,
    }
}

impl Component {
    /// An answer has come.
    pub(super) fn take_answer(&mut self, now: Instant, stanza: &Stanza<'_>, from: &str, to: &str) {
        let Some(key) = self.asked(now, stanza, from, to) else {
            return;
        };
        match said(stanza) {
            Said::Server => return self.fail_over(now, key),
            Said::Service => self.confirm(from),
            Said::Either => {
                match self.targets.resource(from) {
                    None => return self.fail_over(now, key),
                    // It went while the link was not there.
                    Some(it) if !it.is_confirmed => return self.lose_resource(now, from),
                    Some(_) => {}
                }
                // It may have just gone, or not know what others know.
                if self.may_ask_again(key, 0)
                    && let Some(next) = self.next_resource(now, key)
                {
                    return self.ask(now, key, next, None);
                }
            }
        }
        if let ("result", Ok(Some(payload))) = (stanza.type_name(), stanza.payload())
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
            self.take_ping_answer(now, stanza, id, from);
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
            if said(stanza) == Said::Service {
                self.confirm(from);
            }
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
    fn take_ping_answer(&mut self, now: Instant, stanza: &Stanza<'_>, id: &str, from: &str) {
        if !id.starts_with(PING) {
            return self.drop_stanza(Dropped::Unwanted);
        }
        let resource = self.targets.resource(from);
        match (said(stanza), resource) {
            (Said::Service, _) => self.confirm(from),
            // Whose presence was seen is there, and does not know what a ping is.
            (Said::Either, Some(resource)) if resource.is_confirmed => resource.suspect = None,
            (Said::Either, _) => self.lose_resource(now, from),
            (Said::Server, _) => {}
        }
    }

    /// A resource has answered: it is there.
    fn confirm(&mut self, jid: &str) {
        if let Some(resource) = self.targets.resource(jid) {
            resource.suspect = None;
            resource.is_confirmed = true;
        }
    }
}
