//! The ids of the messages that we send.

#[cfg(test)]
mod tests;

use std::{collections::VecDeque, time::Instant};

use rand::{Rng, rngs::StdRng};

use super::config::EXCHANGE_LIFETIME;

/// Gives each message an id that no other has had for the lifetime of an exchange (RFC 7252 section 4.4). Never 0:
/// clients of the Go library use it for many messages, and take a second one for a repetition.
#[derive(Debug)]
pub(super) struct MessageIds {
    next: u16,
    /// For each sixteenth of the ids, when one of it was used last.
    used: [Option<Instant>; PARTS],
    /// Ids that the counter is to leave out, with the time until which, in the order of these times.
    reserved: VecDeque<(Instant, u16)>,
}

const PARTS: usize = 16;

/// How many ids can be reserved at a time.
const MAX_RESERVED: usize = 64;

impl MessageIds {
    pub(super) fn new(rng: &mut StdRng) -> Self {
        Self {
            next: rng.random_range(1..=u16::MAX),
            used: [None; PARTS],
            reserved: VecDeque::new(),
        }
    }

    /// The next id.
    ///
    /// # Errors
    /// All ids are in use; when the next becomes free.
    pub(super) fn next(&mut self, now: Instant) -> Result<u16, Instant> {
        loop {
            let id = self.next;
            let part = part(id);
            // Only the first id of a part looks back: the others of this round are of now.
            if id & 0xfff == u16::from(part == 0)
                && let Some(free) = self.used[part].map(|used| used + EXCHANGE_LIFETIME)
                && free > now
            {
                return Err(free);
            }
            self.next = if id == u16::MAX { 1 } else { id + 1 };
            if !self.is_reserved(now, id) {
                self.used[part] = Some(now);
                return Ok(id);
            }
        }
    }

    /// A random id that [`Self::next`] leaves out as long as it lives. `None` when there are less than half of the ids
    /// to choose from, so that it could be guessed, or when [`MAX_RESERVED`] are reserved.
    pub(super) fn reserve(&mut self, now: Instant, rng: &mut StdRng) -> Option<u16> {
        self.forget(now);
        let is_free = |used: Option<Instant>| used.is_none_or(|at| at + EXCHANGE_LIFETIME <= now);
        let free = self.used.iter().filter(|used| is_free(**used)).count();
        if free < PARTS / 2 || self.reserved.len() >= MAX_RESERVED {
            return None;
        }
        // Every second one does at least, but for the few that are reserved.
        let id = loop {
            let id = rng.random_range(1..=u16::MAX);
            if is_free(self.used[part(id)]) && !self.is_reserved(now, id) {
                break id;
            }
        };
        self.reserved.push_back((now + EXCHANGE_LIFETIME, id));
        Some(id)
    }

    /// Forgets reservations that are over.
    pub(super) fn forget(&mut self, now: Instant) {
        while self.reserved.front().is_some_and(|&(end, _)| end <= now) {
            self.reserved.pop_front();
        }
        if self.reserved.is_empty() {
            self.reserved = VecDeque::new();
        }
    }

    /// When all reservations are over. Single ones are forgotten when another is made.
    pub(super) fn next_timeout(&self) -> Option<Instant> {
        self.reserved.back().map(|&(end, _)| end)
    }

    /// How many bytes the reservations take.
    pub(super) fn footprint(&self) -> usize {
        self.reserved.len() * size_of::<(Instant, u16)>()
    }

    fn is_reserved(&self, now: Instant, id: u16) -> bool {
        let is_it = |&(end, reserved): &(Instant, u16)| reserved == id && end > now;
        self.reserved.iter().any(is_it)
    }
}

/// Which sixteenth of the ids it is of.
fn part(id: u16) -> usize {
    usize::from(id >> 12)
}
