//! Answers to requests.

use std::time::Instant;

use bytes::Bytes;

use super::{Exchange, Server, observations::Outstanding, snapshots::KnownBy};
use crate::{
    BlockSize, BlockValue, OptionNumber, Type,
    endpoint::{
        event::{Assurance, ExchangeId, ObservationId, Response},
        link::{Content, Link, remove_own},
        outbox::{Purpose, SnapshotId},
        received::{Received, Reply},
        refusal::Refusal,
    },
};

/// A response as its first or only message carries it.
pub(super) struct Cut {
    pub(super) response: Response,
    /// What keeps the rest of the body.
    pub(super) snapshot: Option<SnapshotId>,
}

impl Server {
    /// Answers a request. With an assurance, a request that registers becomes an observation, if the answer is a
    /// success and there is room. The observation.
    pub(in crate::endpoint) fn respond(
        &mut self,
        now: Instant,
        link: &mut Link,
        received: &mut Received,
        id: ExchangeId,
        response: Response,
        assurance: Option<Assurance>,
    ) -> Option<ObservationId> {
        let exchange = self.exchanges.remove(&id)?;
        let known_by = exchange.known_by;
        // What was registered before this request ends with its answer; what was registered after it does not.
        if exchange.registers
            && let Some(same) = self.observations.with_token(known_by.token)
            && same.0 < id.0
        {
            self.forget(link, same);
        }
        let mut response = response;
        if exchange.does_not_want(response.code) {
            response.payload = Bytes::new();
        }
        let mut cut = self.cut(now, link, response, exchange.size, known_by);
        if let Some(block1) = exchange.block1 {
            let last = BlockValue {
                more: false,
                ..block1
            };
            let options = &mut cut.response.options;
            options.push_uint(OptionNumber::BLOCK1, last.to_uint());
        }
        // Only now is it certain what the answer is.
        let observation = assurance
            .filter(|_| exchange.registers && cut.response.code.is_success())
            .filter(|_| self.observations.with_token(known_by.token).is_none())
            .and_then(|assurance| self.register(link, &exchange, &mut cut, assurance));
        let purpose = match (observation, assurance) {
            (Some(observation), Some(Assurance::Acknowledged)) => {
                Purpose::Notification(observation)
            }
            _ => Purpose::Response(id),
        };
        self.send(link, received, &exchange, &cut, purpose);
        observation
    }

    /// Makes a request that registers an observation, and its answer the first state.
    fn register(
        &mut self,
        link: &Link,
        exchange: &Exchange,
        cut: &mut Cut,
        assurance: Assurance,
    ) -> Option<ObservationId> {
        if self.observations.len() >= link.config.max_observations {
            return None;
        }
        self.last_id += 1;
        let id = ObservationId(self.last_id);
        let known_by = exchange.known_by;
        let sequence = self.observations.next_sequence();
        if assurance != Assurance::Silent {
            let options = &mut cut.response.options;
            options.push_uint(OptionNumber::OBSERVE, u64::from(sequence));
        }
        let outstanding = (assurance == Assurance::Acknowledged).then_some(Outstanding {
            message: None,
            snapshot: cut.snapshot,
        });
        if outstanding.is_some()
            && let Some(snapshot) = cut.snapshot.and_then(|id| self.snapshots.get(id))
        {
            snapshot.observation = Some(id);
        }
        self.observations
            .insert(id, known_by, exchange.size, outstanding);
        Some(id)
    }

    /// Sends an answer in the way that the request allows.
    fn send(
        &mut self,
        link: &mut Link,
        received: &mut Received,
        exchange: &Exchange,
        cut: &Cut,
        purpose: Purpose,
    ) {
        let content = Content {
            code: cut.response.code,
            token: exchange.known_by.token,
            options: &cut.response.options,
            payload: &cut.response.payload,
        };
        let unwanted = exchange.does_not_want(cut.response.code);
        // The first of several blocks needs no acknowledgement: that the next one is asked for is one.
        let assured = matches!(purpose, Purpose::Notification(_)) && cut.snapshot.is_none();
        let key = exchange.key;
        if exchange.acknowledge_at.is_some() {
            if !assured && !unwanted {
                let datagram = link.piggyback(key.id(), content);
                received.set_reply(key, Reply::Datagram(datagram), &link.config);
                return;
            }
            received.set_reply(key, Reply::Acknowledgement, &link.config);
            link.send_empty(Type::Acknowledgement, key.id());
        }
        if unwanted {
            return;
        }
        if !exchange.confirmable && !assured {
            return link.non_confirmable(content);
        }
        let message = link.confirmable(content, purpose);
        if let Purpose::Notification(observation) = purpose
            && let Some(entry) = self.observations.get(observation)
            && let Some(outstanding) = &mut entry.outstanding
        {
            outstanding.message = Some(message);
        }
    }

    /// Takes the first block of a body that is larger than one, and keeps the rest.
    pub(super) fn cut(
        &mut self,
        now: Instant,
        link: &mut Link,
        mut response: Response,
        size: BlockSize,
        known_by: KnownBy,
    ) -> Cut {
        remove_own(&mut response.options);
        if response.payload.len() <= size.bytes() {
            return Cut {
                response,
                snapshot: None,
            };
        }
        if response.options.first(OptionNumber::ETAG).is_none() {
            self.etag = self.etag.wrapping_add(1);
            // Two bytes are far below the limit.
            let _ = response
                .options
                .push(OptionNumber::ETAG, self.etag.to_be_bytes());
        }
        let config = &link.config;
        let content = (known_by, response.code, response.options.clone());
        let body = response.payload.clone();
        let kept = self
            .snapshots
            .keep(now, body, size, content, config, &self.budget);
        for message in self.snapshots.take_orphans() {
            link.withdraw(Some(message));
        }
        let (id, first) = match kept {
            Ok(kept) => kept,
            Err(refusal) => {
                return Cut {
                    response: refused(link, refusal),
                    snapshot: None,
                };
            }
        };
        let options = &mut response.options;
        options.push_uint(OptionNumber::BLOCK2, first.value.to_uint());
        options.push_uint(OptionNumber::SIZE2, response.payload.len() as u64);
        response.payload = first.payload;
        Cut {
            response,
            snapshot: Some(id),
        }
    }
}

/// In place of a body that there is no room for.
fn refused(link: &Link, refusal: Refusal) -> Response {
    link.budget.note(refusal.into());
    let (options, payload) = refusal.content(&link.config);
    Response {
        code: refusal.code(),
        options,
        payload,
    }
}
