//! When each association wants to be woken.

use std::{collections::BTreeSet, time::Instant};

/// One time for each association at most.
#[derive(Debug, Default)]
pub(super) struct Timers {
    queue: BTreeSet<(Instant, u32)>,
}

impl Timers {
    /// When the next one is due.
    pub(super) fn next(&self) -> Option<Instant> {
        self.queue.first().map(|&(time, _)| time)
    }

    /// The next one that is due, which is forgotten.
    pub(super) fn pop(&mut self, now: Instant) -> Option<u32> {
        self.queue.first().filter(|&&(time, _)| time <= now)?;
        self.queue.pop_first().map(|(_, slot)| slot)
    }

    /// Sets the time of `slot`, which was `before`.
    pub(super) fn set(&mut self, slot: u32, before: Option<Instant>, time: Instant) {
        self.forget(slot, before);
        self.queue.insert((time, slot));
    }

    /// Forgets the time of `slot`, which was `before`.
    pub(super) fn forget(&mut self, slot: u32, before: Option<Instant>) {
        if let Some(before) = before {
            self.queue.remove(&(before, slot));
        }
    }
}
