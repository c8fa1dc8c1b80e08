//! Whether the peer is there.

use std::time::Instant;

/// When the peer was heard, and what was sent because of that.
#[derive(Debug, Default)]
pub(super) struct Presence {
    /// When the last datagram came.
    heard: Option<Instant>,
    /// Whether one message may be sent again because of it.
    is_allowed: bool,
    /// When the last one was, if nothing was settled since.
    prompted: Option<Instant>,
}

impl Presence {
    /// A datagram has come. When the one before it did.
    pub(super) fn hear(&mut self, now: Instant) -> Option<Instant> {
        self.is_allowed = true;
        self.heard.replace(now)
    }

    /// A message was sent again.
    pub(super) fn prompt(&mut self, now: Instant) {
        self.is_allowed = false;
        self.prompted = Some(now);
    }

    /// The peer has acknowledged or rejected a message, so that what is sent does arrive.
    pub(super) fn settle(&mut self) {
        self.prompted = None;
    }

    /// Whether a message may be sent again, and after which one that was.
    pub(super) fn allowance(&self) -> Option<Option<Instant>> {
        self.is_allowed.then_some(self.prompted)
    }
}
