//! Messages of the peer on their way to the side that they are for.

use std::time::Instant;

use super::{
    Endpoint,
    client::Verdict,
    event::Event,
    outbox::Purpose,
    received::{MessageKey, Reply},
};
use crate::{Code, Message, Type};

impl Endpoint {
    pub(super) fn handle_message(&mut self, now: Instant, message: &Message<'_>, datagram: &[u8]) {
        match message.header.kind {
            Type::Acknowledgement => self.handle_acknowledgement(now, message),
            // With content it is none (RFC 7252 section 4.2).
            Type::Reset if message.header.code != Code::EMPTY => {}
            Type::Reset => self.handle_settled(now, message.header.id, true),
            Type::Confirmable | Type::NonConfirmable => self.handle_new(now, message, datagram),
        }
    }

    /// A confirmable or non-confirmable message.
    fn handle_new(&mut self, now: Instant, message: &Message<'_>, datagram: &[u8]) {
        let header = message.header;
        let confirmable = header.kind == Type::Confirmable;
        let key = MessageKey::new(header.id, datagram);
        if let Some(reply) = self.received.reply(key) {
            match reply.clone() {
                Reply::Acknowledgement => self.link.send_empty(Type::Acknowledgement, header.id),
                Reply::Datagram(datagram) => self.link.transmits.push_back(datagram),
                Reply::Nothing => {}
                Reply::Reset => self.link.send_empty(Type::Reset, header.id),
            }
        } else if header.code.is_request() {
            let (link, received) = (&mut self.link, &mut self.received);
            self.server
                .handle_request(now, link, received, message, key);
        } else if header.code.is_response() {
            self.handle_response(now, message, key);
        } else if confirmable {
            // A ping, or a code of a reserved class (RFC 7252 sections 4.2 and 4.3).
            self.link.send_empty(Type::Reset, header.id);
        }
    }

    /// A separate response or a notification.
    fn handle_response(&mut self, now: Instant, message: &Message<'_>, key: MessageKey) {
        let confirmable = message.header.kind == Type::Confirmable;
        let held = confirmable.then_some(key);
        let verdict = self
            .client
            .handle_response(now, &mut self.link, message, held);
        if verdict == Verdict::Reject {
            self.link.send_empty(Type::Reset, key.id());
            return;
        }
        // Without room to remember it, a repetition is judged anew: its token is not known any more, or it is not newer.
        let _ = self.received.insert(now, key, &self.link.config);
        if confirmable && verdict == Verdict::Acknowledge {
            self.received
                .set_reply(key, Reply::Acknowledgement, &self.link.config);
            self.link.send_empty(Type::Acknowledgement, key.id());
        }
    }

    /// An acknowledgement: empty, with a response, or with a request as the Go library sends it.
    fn handle_acknowledgement(&mut self, now: Instant, message: &Message<'_>) {
        let header = message.header;
        if header.code.is_request() {
            // A late repetition must not be served from what is under way by now.
            let Some(purpose) = self.link.purpose(header.id) else {
                return;
            };
            let acknowledged = match purpose {
                Purpose::Block(id) => Some(id),
                Purpose::Notification(id) => self.server.outstanding_body(id),
                _ => None,
            };
            self.handle_settled(now, header.id, false);
            let link = &mut self.link;
            self.server
                .handle_acknowledging_request(now, link, message, acknowledged);
            return;
        }
        // The Go proxy answers 0.00 with a token and a payload where it has no code.
        let answers = header.code.is_response() || message.bent && !message.payload.is_empty();
        let flying = self.link.purpose(header.id);
        if answers && self.client.may_answer(header.token, header.id, flying) {
            if let Some(settled) = self.link.settle(now, header.id) {
                let link = &mut self.link;
                self.client.settled(link, settled.purpose, header.id, false);
            }
            self.client
                .handle_response(now, &mut self.link, message, None);
        } else if header.code == Code::EMPTY {
            self.handle_settled(now, header.id, false);
        }
    }

    /// A message of ours is acknowledged or rejected.
    fn handle_settled(&mut self, now: Instant, id: u16, reset: bool) {
        let Some(settled) = self.link.settle(now, id) else {
            return;
        };
        if settled.purpose == Purpose::Ping {
            self.link.events.push_back(Event::Pong(settled.time));
        }
        self.server.settled(&mut self.link, settled.purpose, reset);
        self.client
            .settled(&mut self.link, settled.purpose, id, reset);
    }
}
