//! Requests on their way to the application.

use std::time::Instant;

use bytes::Bytes;

use super::{Exchange, Server, incoming::Incoming, snapshots::KnownBy, uploads::Step};
use crate::{
    BlockSize, BlockValue, Code, Message, OptionList, OptionNumber, Token, Type,
    endpoint::{
        event::{Event, ExchangeId, IncomingRequest, ObservationEnd, Observe, PartialRequest},
        link::{Content, Link},
        received::{MessageKey, Received, Reply},
        refusal::Refusal,
    },
};

/// What a message is answered by when there is no exchange.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asker {
    pub(super) key: MessageKey,
    pub(super) confirmable: bool,
    pub(super) code: Code,
    pub(super) token: Token,
}

/// A request that is whole.
struct Whole<'a> {
    options: &'a OptionList,
    /// The id of the message with these options.
    message_id: u16,
    body: Bytes,
}

impl Server {
    /// A confirmable or non-confirmable request that was not seen before.
    pub(in crate::endpoint) fn handle_request(
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
            Err(refusal) => {
                let asker = Asker {
                    key,
                    confirmable,
                    code: message.header.code,
                    token: message.header.token,
                };
                tell(link, asker, message.options.into(), Some(refusal));
                // Rejecting a non-confirmable message means to ignore it (RFC 7252 section 4.3).
                if confirmable || !matches!(refusal, Refusal::BadOption(_)) {
                    refuse(link, asker, refusal);
                }
                return;
            }
        };
        match (request.block1, request.block2) {
            (_, Some(block)) if block.number > 0 => {
                self.fetch(now, link, received, &request, block);
            }
            (Some(block), _) => self.take_block(now, link, received, &request, block),
            _ => {
                let whole = Whole {
                    options: &request.options,
                    message_id: key.id(),
                    body: Bytes::copy_from_slice(request.payload),
                };
                self.open(now, link, received, &request, whole);
            }
        }
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
        // The body is kept: its last block may come again, in another message.
        if !block.more && self.is_busy(link) {
            return refuse_for_good(now, link, received, request, Refusal::Busy);
        }
        let step = self
            .uploads
            .take(now, block, request, &link.config, &self.budget);
        match step {
            Ok(Step::Whole {
                options,
                message_id,
                body,
            }) => {
                let whole = Whole {
                    options: &options,
                    message_id,
                    body: Bytes::from(body),
                };
                self.open(now, link, received, request, whole);
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
                let asker = request.asker();
                if block.number == 0 {
                    tell(link, asker, request.options.clone(), None);
                }
                let reply = answer(link, asker, content);
                // A late repetition must not get into another body. Of the first block it would begin the request
                // again; of others it does harm only where the next body has the same path and comes soon.
                let remembered = if block.number == 0 {
                    received.insert(now, request.key, &link.config)
                } else {
                    received.insert_passing(now, request.key, &link.config)
                };
                if let (Ok(()), Some(datagram)) = (remembered, reply) {
                    received.set_reply(request.key, Reply::Datagram(datagram), &link.config);
                }
            }
            // When it comes again there may be room, or the next body, which it must not get into.
            Err(refusal @ (Refusal::NoRoom | Refusal::MissingBlocks)) => {
                refuse_for_good(now, link, received, request, refusal);
            }
            Err(refusal) => {
                tell(
                    link,
                    request.asker(),
                    request.options.clone(),
                    Some(refusal),
                );
                refuse(link, request.asker(), refusal);
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
        whole: Whole<'_>,
    ) {
        let asker = request.asker();
        let Whole {
            options,
            message_id,
            body,
        } = whole;
        if self.is_busy(link) || received.insert(now, asker.key, &link.config).is_err() {
            return refuse_for_good(now, link, received, request, Refusal::Busy);
        }
        self.last_id += 1;
        let exchange = ExchangeId(self.last_id);
        let observe = self.observe(link, asker, options);
        let registers = matches!(observe, Some(Observe::Register { .. }));
        let unwanted = options.uint(OptionNumber::NO_RESPONSE);
        let wanted = request.block2.map_or(BlockSize::MAX, |block| block.size);
        self.exchanges.insert(
            exchange,
            Exchange {
                key: asker.key,
                confirmable: asker.confirmable,
                known_by: KnownBy {
                    token: asker.token,
                    body_key: request.body_key(&link.config),
                    path_key: request.path_key(),
                    owner: (link.config.owner)(options),
                },
                acknowledge_at: asker
                    .confirmable
                    .then(|| now + link.config.piggyback_window),
                block1: request.block1,
                size: wanted.min(link.config.block_size),
                registers,
                // Who registers wants to hear.
                unwanted: unwanted.filter(|_| !registers).unwrap_or_default(),
            },
        );
        link.events.push_back(Event::Request(IncomingRequest {
            exchange,
            code: asker.code,
            options: Incoming::application_options(options),
            payload: body,
            observe,
            confirmable: asker.confirmable,
            message_id,
        }));
    }

    /// Whether there are too many requests without an answer that has arrived.
    fn is_busy(&self, link: &Link) -> bool {
        self.exchanges.len() + link.answers() >= link.config.max_exchanges
    }

    /// What the request says about observation. Methods that are not safe cannot observe.
    fn observe(&mut self, link: &mut Link, asker: Asker, options: &OptionList) -> Option<Observe> {
        let value = options
            .uint(OptionNumber::OBSERVE)
            .filter(|_| asker.code.is_safe())?;
        let same = self.observations.with_token(asker.token);
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
}

/// Answers without an exchange. The datagram, where the answer rides on an acknowledgement.
pub(super) fn answer(link: &mut Link, asker: Asker, content: Content<'_>) -> Option<Bytes> {
    if asker.confirmable {
        return Some(link.piggyback(asker.key.id(), content));
    }
    link.non_confirmable(content);
    None
}

/// Refuses a request that the application does not get. Nothing is remembered.
pub(super) fn refuse(link: &mut Link, asker: Asker, refusal: Refusal) -> Option<Bytes> {
    link.budget.note(refusal.into());
    let (options, payload) = refusal.content(&link.config);
    let content = Content {
        code: refusal.code(),
        token: asker.token,
        options: &options,
        payload: &payload,
    };
    answer(link, asker, content)
}

/// Refuses a message, and refuses it again when it comes again, as long as there is room to remember that.
fn refuse_for_good(
    now: Instant,
    link: &mut Link,
    received: &mut Received,
    request: &Incoming<'_>,
    refusal: Refusal,
) {
    let asker = request.asker();
    tell(link, asker, request.options.clone(), Some(refusal));
    let remembered = received.insert_passing(now, asker.key, &link.config);
    let datagram = refuse(link, asker, refusal);
    if let (Ok(()), Some(datagram)) = (remembered, datagram) {
        received.set_reply(asker.key, Reply::Datagram(datagram), &link.config);
    }
}

/// Shows the application what it does not get, or not yet.
pub(super) fn tell(link: &mut Link, asker: Asker, options: OptionList, refusal: Option<Refusal>) {
    link.events.push_back(Event::Partial(PartialRequest {
        code: asker.code,
        options,
        message_id: asker.key.id(),
        refusal,
    }));
}
