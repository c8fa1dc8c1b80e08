//! Requests that come in blocks (RFC 7959 section 2.5).

#[cfg(test)]
mod tests;

use std::time::Instant;

use super::incoming::{Incoming, may_be_same};
use crate::{
    BlockValue, Code, OptionList, OptionNumber, Token,
    endpoint::{
        budget::{Budget, Reservation},
        config::Config,
        counts::Counted,
        event::Owner,
        refusal::Refusal,
    },
};

/// The requests of the peer that are not whole yet.
#[derive(Debug, Default)]
pub(super) struct Uploads {
    uploads: Vec<Upload>,
}

/// What a block has led to.
#[derive(Debug)]
pub(super) enum Step {
    /// The next one may come.
    Continue(BlockValue),
    /// The request is whole.
    Whole {
        /// The options of its first block, and the id of the message that carried them.
        options: OptionList,
        message_id: u16,
        body: Vec<u8>,
    },
}

#[derive(Debug)]
struct Upload {
    key: u64,
    token: Token,
    /// Its method and path.
    path: (Code, u64),
    /// Whether a later block had the token of the first one.
    keeps_token: bool,
    /// The hash of its Request-Tags, if it has any.
    tag: Option<u64>,
    /// Whose it is, as its first block says.
    owner: Option<Owner>,
    /// The id of the message of its first block.
    message_id: u16,
    options: OptionList,
    body: Vec<u8>,
    reservation: Reservation,
    /// When the last block came.
    touched: Instant,
    /// When the first block came.
    begun: Instant,
}

impl Uploads {
    /// Takes a block.
    ///
    /// # Errors
    /// It does not fit what has come before, or the body is too large.
    pub(super) fn take(
        &mut self,
        now: Instant,
        block: BlockValue,
        request: &Incoming<'_>,
        config: &Config,
        budget: &Budget,
    ) -> Result<Step, Refusal> {
        let length = request.payload.len();
        let size = block.size.bytes();
        if length > size || block.more && length != size {
            return Err(Refusal::BadBlock);
        }
        let announced = request.options.uint(OptionNumber::SIZE1);
        let at = if block.number == 0 {
            // Better said before it has come.
            if announced.is_some_and(|size| size > config.max_request_body as u64) {
                return Err(Refusal::BodyTooLarge);
            }
            self.begin(now, request, config, budget)
        } else {
            self.find(block, request, config)
                .ok_or(Refusal::MissingBlocks)?
        };
        match self.uploads[at].append(now, block, request.payload, config) {
            Err(refusal) => {
                if refusal != Refusal::MissingBlocks {
                    self.uploads.swap_remove(at);
                }
                Err(refusal)
            }
            Ok(()) if block.more => Ok(Step::Continue(BlockValue {
                size: block.size.min(config.block_size),
                ..block
            })),
            Ok(()) => {
                let upload = self.uploads.swap_remove(at);
                Ok(Step::Whole {
                    options: upload.options,
                    message_id: upload.message_id,
                    body: upload.body,
                })
            }
        }
    }

    /// Forgets what has paused or taken for too long, and counts it.
    pub(super) fn expire(&mut self, now: Instant, config: &Config, budget: &Budget) {
        let expired = |upload: &mut Upload| upload.expiry(config) <= now;
        for upload in self.uploads.extract_if(.., expired) {
            let (idle, total) = upload.expiries(config);
            budget.note(match idle < total {
                true => Counted::UploadIdle,
                false => Counted::UploadTimeout,
            });
        }
    }

    pub(super) fn next_timeout(&self, config: &Config) -> Option<Instant> {
        self.uploads
            .iter()
            .map(|upload| upload.expiry(config))
            .min()
    }

    pub(super) fn len(&self) -> usize {
        self.uploads.len()
    }

    pub(super) fn footprint(&self) -> usize {
        let bodies = self
            .uploads
            .iter()
            .map(|upload| upload.body.capacity() + upload.options.footprint());
        bodies.map(|bytes| bytes + size_of::<Upload>()).sum()
    }

    /// A first block: makes room, and takes the place of what had begun with the same token.
    fn begin(
        &mut self,
        now: Instant,
        request: &Incoming<'_>,
        config: &Config,
        budget: &Budget,
    ) -> usize {
        let key = request.upload_key(config);
        let (path, tag) = (request.path(), request.tag());
        self.uploads.retain(|upload| {
            upload.token != request.token || upload.path != path || upload.tag != tag
        });
        if self.uploads.len() >= config.max_uploads.max(1) {
            let idle = (0..self.uploads.len()).min_by_key(|&at| self.uploads[at].touched);
            self.uploads.swap_remove(idle.unwrap_or_default());
            budget.note(Counted::UploadReplaced);
        }
        self.uploads.push(Upload {
            key,
            token: request.token,
            path,
            keeps_token: false,
            tag,
            owner: request.owner(config),
            message_id: request.key.id(),
            options: request.options.clone(),
            body: Vec::new(),
            reservation: budget.reservation(),
            touched: now,
            begun: now,
        });
        self.uploads.len() - 1
    }

    /// The request that a later block belongs to. Peers of the Go library keep the token of the first block; others
    /// take a new one for each, and repeat the options.
    fn find(
        &mut self,
        block: BlockValue,
        request: &Incoming<'_>,
        config: &Config,
    ) -> Option<usize> {
        let (path, tag) = (request.path(), request.tag());
        let owner = request.owner(config);
        // Blocks with different tags never belong together (RFC 9175 section 3.3), nor do those of two owners.
        let same_token = |upload: &Upload| {
            upload.token == request.token
                && upload.path == path
                && may_be_same(upload.owner, owner)
                && (upload.tag == tag || upload.tag.is_none() || tag.is_none())
        };
        let at = self.uploads.iter().position(same_token);
        if let Some(at) = at.filter(|&at| block.offset() <= self.uploads[at].body.len()) {
            self.uploads[at].keeps_token = true;
            return Some(at);
        }
        let key = request.upload_key(config);
        let fits = |at: &usize| {
            let upload = &self.uploads[*at];
            let fits = upload.key == key && may_be_same(upload.owner, owner);
            !upload.keeps_token && fits && block.offset() <= upload.body.len()
        };
        (0..self.uploads.len())
            .filter(fits)
            .max_by_key(|&at| self.uploads[at].touched)
    }
}

impl Upload {
    fn append(
        &mut self,
        now: Instant,
        block: BlockValue,
        payload: &[u8],
        config: &Config,
    ) -> Result<(), Refusal> {
        let offset = block.offset();
        let end = offset + payload.len();
        if end > config.max_request_body {
            return Err(Refusal::BodyTooLarge);
        }
        // A last block does not end before what has come.
        if offset > self.body.len() || !block.more && end < self.body.len() {
            return Err(Refusal::MissingBlocks);
        }
        // A block that has come before says nothing new.
        let new = end.saturating_sub(self.body.len());
        if new > 0 {
            if !self.reservation.grow(new) {
                return Err(Refusal::NoRoom);
            }
            self.body.extend_from_slice(&payload[payload.len() - new..]);
        }
        self.touched = now;
        Ok(())
    }

    fn expiry(&self, config: &Config) -> Instant {
        let (idle, total) = self.expiries(config);
        idle.min(total)
    }

    /// When it has paused for too long if nothing comes, and when it has taken too long.
    fn expiries(&self, config: &Config) -> (Instant, Instant) {
        (
            self.touched + config.upload_idle,
            self.begun + config.upload_total,
        )
    }
}
