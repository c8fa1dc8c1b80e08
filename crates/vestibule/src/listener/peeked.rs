//! What clients have sent that are not understood yet.

use std::cell::Cell;

/// What each client may send without asking, in bytes. A ClientHello of usual size is below 2 KiB.
/// `limits.connections` bounds this.
const FREE: usize = 16 * 1024;

/// The most that a worker keeps beyond that for all of them, in bytes: not enough for many that
/// send 64 KiB in records of one byte, and those do not stand in the way of others.
const MOST: usize = 64 * 1024 * 1024;

/// How much the clients of a worker have sent that are not understood yet.
#[derive(Debug, Default)]
pub(crate) struct Peeked(Cell<usize>);

/// One client's share; given back when dropped.
#[derive(Debug)]
pub(super) struct Share<'a> {
    of: &'a Peeked,
    bytes: usize,
}

impl Peeked {
    /// The share of a client that has sent nothing.
    pub(super) fn share(&self) -> Share<'_> {
        Share { of: self, bytes: 0 }
    }
}

impl Share<'_> {
    /// The client has sent `received` bytes in all. False: that is more than there is, and it must
    /// go.
    pub(super) fn set(&mut self, received: usize) -> bool {
        let bytes = received.saturating_sub(FREE);
        let all = self.of.0.get() - self.bytes + bytes;
        let fits = all <= MOST;
        if fits {
            self.of.0.set(all);
            self.bytes = bytes;
        }
        fits
    }
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        self.of.0.set(self.of.0.get() - self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_bounded_in_all_and_given_back() {
        let peeked = Peeked::default();
        let (mut one, mut two) = (peeked.share(), peeked.share());
        assert!(one.set(FREE + MOST - 10));
        assert!(two.set(FREE + 10));
        assert!(!two.set(FREE + 11));
        // Who sends no more than usual is not affected.
        assert!(peeked.share().set(FREE));
        assert!(one.set(5));
        assert!(two.set(FREE + 11));
        drop((one, two));
        assert_eq!(peeked.0.get(), 0);
    }
}
