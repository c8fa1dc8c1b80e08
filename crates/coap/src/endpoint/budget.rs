//! What all associations share: memory, and what is counted.

#[cfg(test)]
mod tests;

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use super::counts::{Counted, Counts};

/// How many bytes of bodies all endpoints that hold a clone of it may keep together: those that the peers fetch in
/// blocks, and those that they send in blocks. What else an association holds is bounded by its own limits. Beside
/// that, it counts what endpoints refuse and give up.
#[derive(Clone)]
pub struct Budget {
    shared: Arc<Shared>,
}

/// Bytes taken from a [`Budget`], given back when it is dropped.
pub(super) struct Reservation {
    bytes: usize,
    budget: Budget,
}

struct Shared {
    limit: usize,
    used: AtomicUsize,
    counts: Arc<Counts>,
}

impl Budget {
    /// A budget of `limit` bytes.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self {
            shared: Arc::new(Shared {
                limit,
                used: AtomicUsize::new(0),
                counts: Arc::default(),
            }),
        }
    }

    /// A budget of `limit` bytes, of which none is taken, for those who come after those of this one: what was counted
    /// stays, and is counted on.
    #[must_use]
    pub fn succeeding(&self, limit: usize) -> Self {
        Self {
            shared: Arc::new(Shared {
                limit,
                used: AtomicUsize::new(0),
                counts: Arc::clone(&self.shared.counts),
            }),
        }
    }

    /// How many bytes are taken.
    #[must_use]
    pub fn used(&self) -> usize {
        self.shared.used.load(Ordering::Relaxed)
    }

    /// How often this was.
    #[must_use]
    pub fn counted(&self, what: Counted) -> u64 {
        self.shared.counts.of(what)
    }

    /// Counts something.
    pub(super) fn note(&self, what: Counted) {
        self.shared.counts.note(what);
    }

    /// An empty part of it.
    pub(super) fn reservation(&self) -> Reservation {
        Reservation {
            bytes: 0,
            budget: self.clone(),
        }
    }
}

impl Reservation {
    /// How many bytes are not taken by anybody.
    pub(super) fn available(&self) -> usize {
        let Shared { limit, used, .. } = &*self.budget.shared;
        limit.saturating_sub(used.load(Ordering::Relaxed))
    }

    /// A body gave way to the one that this is for.
    pub(super) fn note_replaced(&self) {
        self.budget.note(Counted::ResponseReplaced);
    }

    /// Makes the part larger. `false` when the budget does not allow it; nothing is taken then.
    #[must_use]
    pub(super) fn grow(&mut self, bytes: usize) -> bool {
        let Shared { limit, used, .. } = &*self.budget.shared;
        let taken = used.try_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
            used.checked_add(bytes).filter(|sum| sum <= limit)
        });
        if taken.is_ok() {
            self.bytes += bytes;
        }
        taken.is_ok()
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.budget
            .shared
            .used
            .fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

impl fmt::Debug for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let limit = self.shared.limit;
        write!(f, "Budget({} of {limit} bytes)", self.used())
    }
}

impl fmt::Debug for Reservation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reservation({} bytes)", self.bytes)
    }
}
