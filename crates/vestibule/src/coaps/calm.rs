//! Whether the workers of a server have anything left to answer.

use std::sync::atomic::{AtomicBool, Ordering};

/// For each worker whether it has nothing left to answer. In the beginning, nobody has said so.
#[derive(Debug)]
pub(super) struct Calm {
    workers: Box<[AtomicBool]>,
    /// Whether everybody was at once. It stays so: those who have not seen it yet are to leave, too.
    everywhere: AtomicBool,
}

impl Calm {
    /// Of so many workers.
    pub(super) fn new(workers: usize) -> Self {
        Self {
            workers: (0..workers).map(|_| AtomicBool::new(false)).collect(),
            everywhere: AtomicBool::new(false),
        }
    }

    /// A worker says whether it has nothing left to answer.
    pub(super) fn set(&self, worker: usize, is_calm: bool) {
        if let Some(it) = self.workers.get(worker) {
            it.store(is_calm, Ordering::SeqCst);
        }
    }

    /// Whether no worker has anything left to answer, now or when somebody asked before.
    pub(super) fn is_everywhere(&self) -> bool {
        if self.workers.iter().all(|it| it.load(Ordering::SeqCst)) {
            self.everywhere.store(true, Ordering::SeqCst);
        }
        self.everywhere.load(Ordering::SeqCst)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_is_not_keeps_everybody() {
        let calm = Calm::new(3);
        calm.set(0, true);
        calm.set(1, true);
        assert!(!calm.is_everywhere());
        calm.set(1, false);
        calm.set(2, true);
        assert!(!calm.is_everywhere());
        calm.set(1, true);
        assert!(calm.is_everywhere());
        // Nobody stays behind.
        calm.set(0, false);
        assert!(calm.is_everywhere());
    }
}
