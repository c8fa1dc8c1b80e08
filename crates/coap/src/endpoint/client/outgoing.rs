//! One request of ours, from its first block to its last notification.

use std::time::{Duration, Instant};

use super::{Verdict, download::Download};
use crate::{
    BlockSize, BlockValue, Code, OptionList, OptionNumber, Token,
    endpoint::{
        event::{Acknowledge, Request},
        link::{Content, Link},
        outbox::{Purpose, SendKey},
        received::MessageKey,
    },
};

/// A request and all that has come of it.
#[derive(Debug)]
pub(super) struct Outgoing {
    pub(super) request: Request,
    /// When it fails; `None` once it is answered.
    pub(super) deadline: Option<Instant>,
    pub(super) token: Token,
    /// The token of requests for further blocks, if it is another one.
    pub(super) fetch_token: Option<Token>,
    pub(super) observation: Option<Observation>,
    /// The body on its way out, if it does not fit one block.
    pub(super) upload: Option<Upload>,
    /// The Request-Tag, if the body does not fit one block: it tells this attempt from others of the same request,
    /// until the last block of the answer (RFC 9175 section 3).
    pub(super) tag: Option<u8>,
    pub(super) download: Option<Download>,
    /// When fetching a notification fails.
    pub(super) fetch_until: Option<Instant>,
    /// The message that waits for its acknowledgement.
    pub(super) message: Option<SendKey>,
    /// The id of the last message that was acknowledged without an answer.
    pub(super) acknowledged: Option<u16>,
    /// How often it was begun again.
    pub(super) restarts: u8,
}

/// What a request has to do with observation.
#[derive(Clone, Copy, Debug)]
pub(super) struct Observation {
    /// The value of Observe in the request.
    pub(super) value: u64,
    pub(super) acknowledge: Acknowledge,
    /// The newest state: its Observe and when it came (RFC 7641 section 3.4).
    pub(super) newest: Option<(u32, Instant)>,
    /// A message that the application has not called safe yet.
    pub(super) unacknowledged: Option<MessageKey>,
}

/// A body on its way out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Upload {
    /// Where the block begins that is on its way.
    pub(super) offset: usize,
    pub(super) size: BlockSize,
}

/// The value of Observe that registers.
pub(super) const REGISTER: u64 = 0;
/// The value of Observe that ends an observation.
pub(super) const DEREGISTER: u64 = 1;

/// A state that came this long after the one before is newer, whatever its Observe says (RFC 7641 section 3.4).
const ORDER_MATTERS: Duration = Duration::from_secs(128);

impl Outgoing {
    /// Whether nobody is to be told what becomes of it.
    pub(super) fn is_silent(&self) -> bool {
        self.observation
            .is_some_and(|observation| observation.value == DEREGISTER)
    }

    /// Whether it was answered, and notifications may come.
    pub(super) fn is_observing(&self) -> bool {
        self.deadline.is_none()
    }

    /// Sends the request from its beginning.
    pub(super) fn begin(&mut self, link: &mut Link, tag: u8, size: BlockSize, purpose: Purpose) {
        link.withdraw(self.message.take());
        self.download = None;
        let in_blocks = self.request.payload.len() > size.bytes();
        self.upload = in_blocks.then_some(Upload { offset: 0, size });
        self.tag = in_blocks.then_some(tag);
        self.send_body(link, purpose);
    }

    /// Sends the block of the request that is to be sent, or all of it.
    pub(super) fn send_body(&mut self, link: &mut Link, purpose: Purpose) {
        self.acknowledged = None;
        let mut options = self.request.options.clone();
        let mut payload = &self.request.payload[..];
        if let Some(observation) = self.observation {
            options.push_uint(OptionNumber::OBSERVE, observation.value);
        }
        if let Some(upload) = self.upload {
            if upload.offset > 0 {
                leave_out(&mut options, self.request.once);
            }
            let end = payload.len().min(upload.offset + upload.size.bytes());
            let block = BlockValue {
                number: u32::try_from(upload.offset / upload.size.bytes())
                    .unwrap_or(BlockValue::MAX_NUMBER),
                more: end < payload.len(),
                size: upload.size,
            };
            if upload.offset == 0 {
                options.push_uint(OptionNumber::SIZE1, payload.len() as u64);
            }
            options.push_uint(OptionNumber::BLOCK1, block.to_uint());
            payload = &payload[upload.offset..end];
        }
        self.push_tag(&mut options);
        if link.config.block_size < BlockSize::MAX {
            let wanted = BlockValue {
                number: 0,
                more: false,
                size: link.config.block_size,
            };
            options.push_uint(OptionNumber::BLOCK2, wanted.to_uint());
        }
        let content = Content {
            code: self.request.code,
            token: self.token,
            options: &options,
            payload,
        };
        if self.request.confirmable || self.upload.is_some() {
            self.message = Some(link.confirmable(content, purpose));
        } else {
            link.non_confirmable(content);
        }
    }

    /// Asks for a further block of the answer.
    pub(super) fn send_fetch(&mut self, link: &mut Link, block: BlockValue, purpose: Purpose) {
        link.withdraw(self.message.take());
        self.acknowledged = None;
        let mut options = self.request.options.clone();
        leave_out(&mut options, self.request.once);
        options.push_uint(OptionNumber::BLOCK2, block.to_uint());
        // With a token of its own, and without all options, it must say what it means.
        let is_sticky = |number| link.config.sticky.contains(number);
        if self.fetch_token.is_some()
            && !self.request.once.iter().all(is_sticky)
            && let Some(etag) = self.download.as_ref().and_then(Download::etag)
        {
            // It comes from a message, where it had room.
            let _ = options.push(OptionNumber::ETAG, etag);
        }
        self.push_tag(&mut options);
        // The body of a FETCH is part of what its answer is known by.
        let payload = match self.request.code {
            Code::FETCH => &self.request.payload[..],
            _ => &[],
        };
        let content = Content {
            code: self.request.code,
            token: self.fetch_token.unwrap_or(self.token),
            options: &options,
            payload,
        };
        self.message = Some(link.confirmable(content, purpose));
    }

    /// Whether a state is newer than the newest (RFC 7641 section 3.4). If so it is the newest now.
    pub(super) fn is_newer(&mut self, now: Instant, sequence: u32) -> bool {
        const HALF: u32 = 1 << 23;
        let Some(observation) = &mut self.observation else {
            return false;
        };
        let newer = observation.newest.is_none_or(|(newest, at)| {
            let ahead = sequence.wrapping_sub(newest) & 0xff_ffff;
            (1..HALF).contains(&ahead) || now > at + ORDER_MATTERS
        });
        if newer {
            observation.newest = Some((sequence, now));
        }
        newer
    }

    /// How a state is acknowledged that is not newer: not at all if it is the one that is held.
    pub(super) fn verdict_on_old(&self, sequence: u32) -> Verdict {
        let is_held = self.observation.is_some_and(|it| {
            it.unacknowledged.is_some() && it.newest.is_some_and(|(newest, _)| newest == sequence)
        });
        if is_held {
            Verdict::Hold
        } else {
            Verdict::Acknowledge
        }
    }

    /// How the message that made a state whole is acknowledged.
    pub(super) fn hold(&mut self, key: Option<MessageKey>) -> Verdict {
        match &mut self.observation {
            Some(observation) if observation.acknowledge == Acknowledge::ByCaller => {
                observation.unacknowledged = key;
                Verdict::Hold
            }
            _ => Verdict::Acknowledge,
        }
    }

    pub(super) fn footprint(&self) -> usize {
        let download = self.download.as_ref().map_or(0, Download::footprint);
        size_of::<Self>() + self.request.payload.len() + self.request.options.footprint() + download
    }

    fn push_tag(&self, options: &mut OptionList) {
        if let Some(tag) = self.tag {
            // One byte is far below the limit.
            let _ = options.push(OptionNumber::REQUEST_TAG, [tag]);
        }
    }
}

fn leave_out(options: &mut OptionList, once: &[OptionNumber]) {
    for &number in once {
        options.remove(number);
    }
}
