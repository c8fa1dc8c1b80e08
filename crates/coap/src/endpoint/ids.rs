//! The ids of the messages that we send.

#[cfg(test)]
mod tests;

use std::time::Instant;

use rand::{Rng, rngs::StdRng};

use super::config::EXCHANGE_LIFETIME;

/// Gives each message an id that no other has had for the lifetime of an exchange (RFC 7252 section 4.4). Never 0:
/// clients of the Go library use it for many messages, and take a second one for a repetition.
#[derive(Debug)]
pub(super) struct MessageIds {
    next: u16,
    /// For each sixteenth of the ids, when one of it was used last.
    used: [Option<Instant>; 16],
}

impl MessageIds {
    pub(super) fn new(rng: &mut StdRng) -> Self {
        Self {
            next: rng.random_range(1..=u16::MAX),
            used: [None; 16],
        }
    }

    /// The next id.
    ///
    /// # Errors
    /// All ids are in use; when the next becomes free.
    pub(super) fn next(&mut self, now: Instant) -> Result<u16, Instant> {
        let id = self.next;
        let part = usize::from(id >> 12);
        // Only the first id of a part looks back: the others of this round are of now.
        if id & 0xfff == u16::from(part == 0)
            && let Some(free) = self.used[part].map(|used| used + EXCHANGE_LIFETIME)
            && free > now
        {
            return Err(free);
        }
        self.used[part] = Some(now);
        self.next = if id == u16::MAX { 1 } else { id + 1 };
        Ok(id)
    }
}
