//! The server's side: requests of the peer, from the first block to the last of the answer.

mod fetch;
mod incoming;
mod notify;
mod observations;
mod respond;
mod snapshots;
mod uploads;

pub use self::notify::NotifyError;
use std::{collections::BTreeMap, time::Instant};

use bytes::Bytes;

use self::{
    incoming::Incoming,
    observations::Observations,
    snapshots::{KnownBy, Snapshots},
    uploads::{Step, Uploads},
};
use super::{
    budget::Budget,
    config::Refusal,
    event::{Event, ExchangeId, IncomingRequest, ObservationEnd, ObservationId, Observe},
    link::{Content, Link, earliest},
    received::{MessageKey, Received, Reply},
};
use crate::{
    BlockSize, BlockValue, Code, ContentFormat, Message, OptionList, OptionNumber, Token, Type,
};

/// All that is kept for the requests of the peer.
#[derive(Debug)]
pub(super) struct Server {
    exchanges: BTreeMap<ExchangeId, Exchange>,
    uploads: Uploads,
    snapshots: Snapshots,
    observations: Observations,
    budget: Budget,
    last_id: u64,
    /// The ETag of the last body that was sent in blocks.
    etag: u16,
}

/// A request that is not answered yet.
#[derive(Debug)]
struct Exchange {
    key: MessageKey,
    confirmable: bool,
    known_by: KnownBy,
    /// When the request is acknowledged without an answer. `None` once it is.
    acknowledge_at: Option<Instant>,
    /// The last block of the request.
    block1: Option<BlockValue>,
    /// The largest block that the peer wants.
    size: BlockSize,
    /// Whether the request asks for notifications.
    registers: bool,
    /// The classes of codes that the peer does not want to hear, a bit for each (RFC 7967).
    unwanted: u64,
}

/// How long a peer is asked to wait when there is too much to do.
const BUSY_SECONDS: u64 = 5;

impl Server {
    pub(super) fn new(budget: Budget, etag: u16) -> Self {
        Self {
            exchanges: BTreeMap::new(),
            uploads: Uploads::default(),
            snapshots: Snapshots::default(),
            observations: Observations::default(),
            budget,
            last_id: 0,
            etag,
        }
    }

    /// A confirmable or non-confirmable request that was not seen before.
    pub(super) fn handle_request(
        &mut self,
        now: Instant,
        link: &mut Link,
        received: &mut Received,
        message: &Message<'_>,
        key: MessageKey,
    ) {
        let confirmable = message.header.kind == Type::Confirmable;
        let request = match Incoming::read(message, key, confirmable, &link.config) {
            Ok(request) => request,
            // Rejecting a non-confirmable message means to ignore it (RFC 7252 section 4.3).
            Err(Refusal::BadOption(_)) if !confirmable => return,
            Err(refusal) => {
                let token = message.header.token;
                return refuse(link, key, confirmable, token, refusal);
            }
        };
        match (request.block1, request.block2) {
            (_, Some(block)) if block.number > 0 => {
                self.fetch(now, link, &request, block);
            }
            (Some(block), _) => self.take_block(now, link, received, &request, block),
            _ => {
                let body = Bytes::copy_from_slice(request.payload);
                self.open(now, link, received, &request, &request.options, body);
            }
        }
    }

    /// Acknowledges a request whose answer will take long. Without effect when that has happened.
    pub(super) fn accept(&mut self, link: &mut Link, received: &mut Received, id: ExchangeId) {
        if let Some(exchange) = self.exchanges.get_mut(&id)
            && exchange.acknowledge_at.take().is_some()
        {
            received.set_reply(exchange.key, Reply::Acknowledgement, &link.config);
            link.send_empty(Type::Acknowledgement, exchange.key.id());
        }
    }

    /// Does what is due.
    pub(super) fn handle_timeout(
        &mut self,
        now: Instant,
        link: &mut Link,
        received: &mut Received,
    ) {
        let is_due = |exchange: &Exchange| exchange.acknowledge_at.is_some_and(|at| at <= now);
        let due = self
            .exchanges
            .iter()
            .filter(|(_, exchange)| is_due(exchange));
        let due: Vec<ExchangeId> = due.map(|(&id, _)| id).collect();
        for id in due {
            self.accept(link, received, id);
        }
        self.uploads.expire(now, &link.config);
        while let Some(snapshot) = self.snapshots.expire(now, &link.config) {
            self.snapshot_lost(link, &snapshot);
        }
    }

    pub(super) fn next_timeout(&self, link: &Link) -> Option<Instant> {
        let windows = self.exchanges.values();
        earliest([
            windows.filter_map(|exchange| exchange.acknowledge_at).min(),
            self.uploads.next_timeout(&link.config),
            self.snapshots.next_timeout(&link.config),
        ])
    }

    /// How many requests, uploads, bodies and observations are held.
    pub(super) fn len(&self) -> [usize; 4] {
        [
            self.exchanges.len(),
            self.uploads.len(),
            self.snapshots.len(),
            self.observations.len(),
        ]
    }

    pub(super) fn footprint(&self) -> usize {
        self.exchanges.len() * size_of::<(ExchangeId, Exchange)>()
            + self.uploads.footprint()
            + self.snapshots.footprint()
            + self.observations.len() * size_of::<observations::Observation>()
    }

    /// A block of a request.
    fn take_block(
        &mut self,
        now: Instant,
        link: &mut Link,
        received: &mut Received,
        request: &Incoming<'_>,
        block: BlockValue,
    ) {
        let step = self
            .uploads
            .take(now, block, request, &link.config, &self.budget);
        match step {
            Ok(Step::Whole { options, body }) => {
                self.open(now, link, received, request, &options, Bytes::from(body));
            }
            Ok(Step::Continue(next)) => {
                let mut options = OptionList::new();
                options.push_uint(OptionNumber::BLOCK1, next.to_uint());
                let content = Content {
                    code: Code::CONTINUE,
                    token: request.token,
                    options: &options,
                    payload: &[],
                };
                let reply = answer(link, request.key, request.confirmable, content);
                // A late repetition of the first block must not begin the request again. Repeating a later one is
                // without effect, and when there is no room to remember it, beginning again costs time only.
                if block.number == 0
                    && received.insert(now, request.key, &link.config).is_ok()
                    && let Some(datagram) = reply
                {
                    received.set_reply(request.key, Reply::Datagram(datagram), &link.config);
                }
            }
            Err(refusal) => {
                let Incoming {
                    key,
                    confirmable,
                    token,
                    ..
                } = *request;
                refuse(link, key, confirmable, token, refusal);
            }
        }
    }

    /// Hands a whole request to the application.
    fn open(
        &mut self,
        now: Instant,
        link: &mut Link,
        received: &mut Received,
        request: &Incoming<'_>,
        options: &OptionList,
        payload: Bytes,
    ) {
        let Incoming {
            key,
            confirmable,
            token,
            code,
            ..
        } = *request;
        if self.exchanges.len() >= link.config.max_exchanges
            || received.insert(now, key, &link.config).is_err()
        {
            return refuse(link, key, confirmable, token, Refusal::Busy);
        }
        self.last_id += 1;
        let exchange = ExchangeId(self.last_id);
        let observe = self.observe(link, code, token, options);
        let wanted = request.block2.map_or(BlockSize::MAX, |block| block.size);
        self.exchanges.insert(
            exchange,
            Exchange {
                key,
                confirmable,
                known_by: KnownBy {
                    token,
                    body_key: request.body_key(&link.config),
                    path_key: request.path_key(),
                },
                acknowledge_at: confirmable.then(|| now + link.config.piggyback_window),
                block1: request.block1,
                size: wanted.min(link.config.block_size),
                registers: matches!(observe, Some(Observe::Register { .. })),
                unwanted: options.uint(OptionNumber::NO_RESPONSE).unwrap_or_default(),
            },
        );
        link.events.push_back(Event::Request(IncomingRequest {
            exchange,
            code,
            options: Incoming::application_options(options),
            payload,
            observe,
            confirmable,
            message_id: key.id(),
        }));
    }

    /// What the request says about observation. Methods that are not safe cannot observe.
    fn observe(
        &mut self,
        link: &mut Link,
        code: Code,
        token: Token,
        options: &OptionList,
    ) -> Option<Observe> {
        let value = options
            .uint(OptionNumber::OBSERVE)
            .filter(|_| code.is_safe())?;
        let same = self.observations.with_token(token);
        match value {
            0 => Some(Observe::Register { replaces: same }),
            1 => {
                if let Some(id) = same {
                    self.end(link, id, ObservationEnd::Deregistered);
                }
                Some(Observe::Deregister { ended: same })
            }
            _ => None,
        }
    }

    /// The peer wants no more of this observation.
    fn end(&mut self, link: &mut Link, id: ObservationId, end: ObservationEnd) {
        if self.forget(link, id) {
            link.events.push_back(Event::ObservationEnded(id, end));
        }
    }
}

/// Answers without an exchange. The datagram, where the answer rides on an acknowledgement.
fn answer(
    link: &mut Link,
    key: MessageKey,
    confirmable: bool,
    content: Content<'_>,
) -> Option<Bytes> {
    if confirmable {
        return Some(link.piggyback(key.id(), content));
    }
    link.non_confirmable(content);
    None
}

/// Refuses a request that the application has not seen, and will not see. Nothing is remembered: a repetition is
/// refused again.
fn refuse(link: &mut Link, key: MessageKey, confirmable: bool, token: Token, refusal: Refusal) {
    let explanation = (link.config.explain)(refusal);
    let mut options = OptionList::new();
    if let Some(ContentFormat(format)) = explanation.format {
        options.push_uint(OptionNumber::CONTENT_FORMAT, u64::from(format));
    }
    match refusal {
        Refusal::BodyTooLarge => {
            options.push_uint(OptionNumber::SIZE1, link.config.max_request_body as u64);
        }
        Refusal::Busy => options.push_uint(OptionNumber::MAX_AGE, BUSY_SECONDS),
        _ => {}
    }
    let content = Content {
        code: refusal.code(),
        token,
        options: &options,
        payload: &explanation.payload,
    };
    answer(link, key, confirmable, content);
}
