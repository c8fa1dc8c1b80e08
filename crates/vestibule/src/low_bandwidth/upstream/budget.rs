//! How much memory the answers of the homeserver may have, all together.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use super::failure::Failure;

/// Bytes for the bodies of all answers of one homeserver, shared by all threads.
#[derive(Debug)]
pub(super) struct Budget {
    most: usize,
    held: AtomicUsize,
}

/// A part of a [`Budget`], which is given back when it is dropped.
#[derive(Debug)]
pub(super) struct Held {
    budget: Arc<Budget>,
    bytes: usize,
}

impl Budget {
    /// Of `most` bytes.
    pub(super) fn new(most: usize) -> Arc<Self> {
        let held = AtomicUsize::new(0);
        Arc::new(Self { most, held })
    }

    /// Nothing of it yet.
    pub(super) fn hold(self: &Arc<Self>) -> Held {
        Held {
            budget: Arc::clone(self),
            bytes: 0,
        }
    }

    /// How much of it is held.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }

    fn take(&self, bytes: usize) -> Result<(), Failure> {
        let with_it = |held: usize| held.checked_add(bytes).filter(|&held| held <= self.most);
        let order = Ordering::Relaxed;
        let taken = self.held.fetch_update(order, order, with_it);
        taken.map(drop).map_err(|_| Failure::NoRoom)
    }

    fn give_back(&self, bytes: usize) {
        self.held.fetch_sub(bytes, Ordering::Relaxed);
    }
}

impl Held {
    /// Holds `bytes` from now on.
    ///
    /// # Errors
    ///
    /// [`NoRoom`](Failure::NoRoom) when there is not as much; nothing has changed then.
    pub(super) fn resize(&mut self, bytes: usize) -> Result<(), Failure> {
        match bytes.checked_sub(self.bytes) {
            Some(more) => self.budget.take(more)?,
            None => self.budget.give_back(self.bytes - bytes),
        }
        self.bytes = bytes;
        Ok(())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.budget.give_back(self.bytes);
    }
}
