//! What the peer answers and notifies.

use std::time::Instant;

use super::{
    Client,
    download::{Download, Progress},
    outgoing::Upload,
};
use crate::{
    BlockValue, Code, Message, OptionNumber,
    endpoint::{
        config::Dialect,
        event::{Event, Failure, RequestId, Response},
        link::Link,
        outbox::Purpose,
        received::MessageKey,
        understood::bad_option,
    },
};

/// How a confirmable response is to be answered.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::endpoint) enum Verdict {
    /// With an acknowledgement.
    Acknowledge,
    /// Later, when the application says so.
    Hold,
    /// With a reset: nobody has asked.
    Reject,
}

impl Client {
    /// A response of any type, that was not seen before. `key` is that of a confirmable message.
    pub(in crate::endpoint) fn handle_response(
        &mut self,
        now: Instant,
        link: &mut Link,
        message: &Message<'_>,
        key: Option<MessageKey>,
    ) -> Verdict {
        let token = message.header.token;
        let Some(&id) = self.tokens.get(&token) else {
            return Verdict::Reject;
        };
        let Some(outgoing) = self.requests.get(&id) else {
            return Verdict::Reject;
        };
        if outgoing.is_silent() {
            if message.options.first(OptionNumber::OBSERVE).is_some() {
                // A notification that has met the deregistration.
                return Verdict::Reject;
            }
            self.remove(link, id);
            Verdict::Acknowledge
        } else if let Some(number) = bad_option(message, &link.config) {
            // The peer would say the same again.
            self.fail(link, id, Failure::BadOption(number));
            Verdict::Reject
        } else if outgoing.fetch_token == Some(token) {
            self.fetched(now, link, id, message, key)
        } else if outgoing.is_observing() {
            self.notified(now, link, id, message, key)
        } else if outgoing.upload.is_some() && !self.uploaded(link, id, message) {
            Verdict::Acknowledge
        } else {
            self.answered(now, link, id, message, key)
        }
    }

    /// An answer to a block of our body. Whether it is an answer to all of it.
    fn uploaded(&mut self, link: &mut Link, id: RequestId, message: &Message<'_>) -> bool {
        let Some(outgoing) = self.requests.get_mut(&id) else {
            return false;
        };
        let Some(upload) = outgoing.upload else {
            return true;
        };
        let block = message.options.first(OptionNumber::BLOCK1);
        let block = block.and_then(|value| BlockValue::parse(value).ok());
        let smaller = block
            .map(|block| block.size)
            .filter(|&size| size < upload.size);
        let left = outgoing.request.payload.len().saturating_sub(upload.offset);
        match message.header.code {
            Code::CONTINUE => {
                let number = upload.offset / upload.size.bytes();
                if left > upload.size.bytes()
                    && block.is_none_or(|block| block.number as usize == number)
                {
                    link.withdraw(outgoing.message.take());
                    outgoing.upload = Some(Upload {
                        offset: upload.offset + upload.size.bytes(),
                        size: smaller.unwrap_or(upload.size),
                    });
                    outgoing.send_body(link, Purpose::Request(id));
                }
                false
            }
            Code::REQUEST_ENTITY_TOO_LARGE if upload.offset == 0 && smaller.is_some() => {
                let size = smaller.unwrap_or(upload.size);
                self.tag = self.tag.wrapping_add(1);
                outgoing.begin(link, self.tag, size, Purpose::Request(id));
                false
            }
            // The peer has not processed it, so that it may be sent again.
            Code::REQUEST_ENTITY_INCOMPLETE if outgoing.restarts < link.config.max_restarts => {
                outgoing.restarts += 1;
                self.tag = self.tag.wrapping_add(1);
                outgoing.begin(link, self.tag, upload.size, Purpose::Request(id));
                false
            }
            _ => true,
        }
    }

    /// An answer, or the first or a later block of it.
    fn answered(
        &mut self,
        now: Instant,
        link: &mut Link,
        id: RequestId,
        message: &Message<'_>,
        key: Option<MessageKey>,
    ) -> Verdict {
        let sequence = message.options.uint(OptionNumber::OBSERVE);
        let registered = sequence.is_some() && message.header.code.is_success();
        let Some(outgoing) = self.requests.get_mut(&id) else {
            return Verdict::Reject;
        };
        let registers = outgoing.observation.is_some();
        // A newer state takes the place of one that is still fetched.
        if outgoing.fetch_token.is_some()
            && sequence.is_some_and(|sequence| outgoing.is_newer(now, sequence as u32))
        {
            outgoing.download = None;
        }
        let progress = match &mut outgoing.download {
            Some(download) => download.take(message, &link.config),
            None => {
                let (download, progress) = Download::begin(message, &link.config);
                outgoing.download = download;
                match progress {
                    // A later block, though none was asked for. After a restart it may be a late one.
                    Progress::Ignored if outgoing.restarts == 0 => Progress::Malformed,
                    progress => progress,
                }
            }
        };
        match progress {
            Progress::Ignored => Verdict::Acknowledge,
            Progress::Lost => {
                self.lost(link, id);
                Verdict::Reject
            }
            Progress::Malformed => {
                self.fail(link, id, Failure::BadOption(OptionNumber::BLOCK2));
                Verdict::Reject
            }
            Progress::TooLarge => {
                self.fail(link, id, Failure::BodyTooLarge);
                Verdict::Reject
            }
            Progress::Next(block) => {
                outgoing.upload = None;
                if registers && registered {
                    if let Some(sequence) = sequence {
                        outgoing.is_newer(now, sequence as u32);
                    }
                    self.use_fetch_token(link, id);
                }
                if let Some(outgoing) = self.requests.get_mut(&id) {
                    outgoing.send_fetch(link, block, Purpose::Request(id));
                }
                Verdict::Acknowledge
            }
            Progress::Whole(response) => {
                let observed = registers && registered;
                if let Some(sequence) = sequence.filter(|_| observed) {
                    outgoing.is_newer(now, sequence as u32);
                }
                self.finish(link, id, response, observed, key)
            }
        }
    }

    /// The answer to a request is whole.
    fn finish(
        &mut self,
        link: &mut Link,
        id: RequestId,
        response: Response,
        observed: bool,
        key: Option<MessageKey>,
    ) -> Verdict {
        let go = link.config.dialect == Dialect::Go && response.code == Code::CONTENT;
        let Some(outgoing) = self.requests.get_mut(&id) else {
            return Verdict::Reject;
        };
        let observed =
            outgoing.observation.is_some() && (observed || go && response.payload.is_empty());
        let mut verdict = Verdict::Acknowledge;
        if observed {
            link.withdraw(outgoing.message.take());
            outgoing.deadline = None;
            outgoing.download = None;
            outgoing.upload = None;
            outgoing.restarts = 0;
            outgoing.acknowledged = None;
            verdict = outgoing.hold(key);
            if let Some(token) = outgoing.fetch_token.take() {
                self.tokens.remove(&token);
            }
        } else {
            self.remove(link, id);
        }
        link.events.push_back(Event::Response {
            request: id,
            response,
            observed,
        });
        verdict
    }

    /// A notification, or its first block.
    fn notified(
        &mut self,
        now: Instant,
        link: &mut Link,
        id: RequestId,
        message: &Message<'_>,
        key: Option<MessageKey>,
    ) -> Verdict {
        let Some(outgoing) = self.requests.get_mut(&id) else {
            return Verdict::Reject;
        };
        let (download, progress) = Download::begin(message, &link.config);
        let failure = match progress {
            Progress::TooLarge => Some(Failure::BodyTooLarge),
            Progress::Ignored | Progress::Lost | Progress::Malformed => {
                Some(Failure::BadOption(OptionNumber::BLOCK2))
            }
            Progress::Next(_) | Progress::Whole(_) => None,
        };
        if let Some(failure) = failure {
            self.fail(link, id, failure);
            return Verdict::Reject;
        }
        let sequence = message.options.uint(OptionNumber::OBSERVE);
        if let Some(sequence) = sequence
            && !outgoing.is_newer(now, sequence as u32)
        {
            return outgoing.verdict_on_old(sequence as u32);
        }
        self.drop_fetch(link, id);
        match progress {
            Progress::Whole(response) if sequence.is_some() && response.code.is_success() => {
                self.deliver(link, id, response, key)
            }
            Progress::Whole(response) => self.refused(link, id, response),
            Progress::Next(block) => {
                self.use_fetch_token(link, id);
                if let Some(outgoing) = self.requests.get_mut(&id) {
                    outgoing.download = download;
                    outgoing.fetch_until = Some(now + link.config.snapshot_idle);
                    outgoing.send_fetch(link, block, Purpose::Fetch(id));
                }
                Verdict::Acknowledge
            }
            _ => Verdict::Reject,
        }
    }

    /// A further block of a notification, or of the first answer to a registration.
    fn fetched(
        &mut self,
        now: Instant,
        link: &mut Link,
        id: RequestId,
        message: &Message<'_>,
        key: Option<MessageKey>,
    ) -> Verdict {
        let Some(outgoing) = self.requests.get_mut(&id) else {
            return Verdict::Reject;
        };
        let Some(download) = &mut outgoing.download else {
            return Verdict::Reject;
        };
        let code = download.code();
        let progress = download.take(message, &link.config);
        let observing = outgoing.is_observing();
        let purpose = if observing {
            Purpose::Fetch(id)
        } else {
            Purpose::Request(id)
        };
        match progress {
            Progress::Ignored => {}
            Progress::Next(block) => {
                if observing {
                    outgoing.fetch_until = Some(now + link.config.snapshot_idle);
                }
                outgoing.send_fetch(link, block, purpose);
                return Verdict::Acknowledge;
            }
            Progress::Whole(response)
                if observing && response.code == code && code.is_success() =>
            {
                self.drop_fetch(link, id);
                return self.deliver(link, id, response, key);
            }
            Progress::Whole(response)
                if !observing && (response.code == code || !response.code.is_success()) =>
            {
                let observed = response.code.is_success();
                return self.finish(link, id, response, observed, key);
            }
            Progress::Lost | Progress::Whole(_) if !observing => self.lost(link, id),
            // The last answer of an observation is an error from its first block on; other errors are about the block.
            Progress::Whole(response) if response.code == code => {
                return self.refused(link, id, response);
            }
            Progress::TooLarge => self.fail(link, id, Failure::BodyTooLarge),
            Progress::Malformed => {
                self.fail(link, id, Failure::BadOption(OptionNumber::BLOCK2));
            }
            Progress::Lost | Progress::Whole(_) => self.drop_fetch(link, id),
        }
        // What does not belong must not be acknowledged: the peer would take a state for delivered.
        Verdict::Reject
    }

    /// The peer notifies no more, and this is why.
    fn refused(&mut self, link: &mut Link, id: RequestId, response: Response) -> Verdict {
        self.remove(link, id);
        link.events.push_back(Event::ObservationRefused {
            request: id,
            response,
        });
        Verdict::Acknowledge
    }

    fn deliver(
        &mut self,
        link: &mut Link,
        id: RequestId,
        response: Response,
        key: Option<MessageKey>,
    ) -> Verdict {
        let Some(outgoing) = self.requests.get_mut(&id) else {
            return Verdict::Reject;
        };
        let verdict = outgoing.hold(key);
        link.events.push_back(Event::Notification {
            request: id,
            response,
        });
        verdict
    }

    /// The answer has changed while it was fetched: asks again, if asking twice is without effect.
    fn lost(&mut self, link: &mut Link, id: RequestId) {
        let Some(outgoing) = self.requests.get_mut(&id) else {
            return;
        };
        if !outgoing.request.code.is_safe() || outgoing.restarts >= link.config.max_restarts {
            return self.fail(link, id, Failure::BodyChanged);
        }
        outgoing.restarts += 1;
        if let Some(token) = outgoing.fetch_token.take() {
            self.tokens.remove(&token);
        }
        self.begin(link, id);
    }

    /// The token of an observation is taken as long as it lasts: further blocks are asked for with another one
    /// (RFC 7959 section 2.6).
    fn use_fetch_token(&mut self, link: &mut Link, id: RequestId) {
        let token = self.new_token(link);
        if let Some(outgoing) = self.requests.get_mut(&id) {
            let before = outgoing.fetch_token.replace(token);
            self.tokens.insert(token, id);
            if let Some(before) = before {
                self.tokens.remove(&before);
            }
        }
    }
}
