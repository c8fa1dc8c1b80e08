//! What clients have sent that are not understood yet.

use std::cell::Cell;

/// The most that a worker keeps for all of them, in bytes. A ClientHello of usual size is below
/// 2 KiB, so this is enough for more clients than a worker can hold, but not for many that send
/// 64 KiB in records of one byte.
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
    /// Sets the share to `bytes`. False: that is more than there is, and the client must go.
    pub(super) fn set(&mut self, bytes: usize) -> bool {
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
        assert!(one.set(MOST - 10));
        assert!(two.set(10));
        assert!(!two.set(11));
        assert!(one.set(5));
        assert!(two.set(11));
        drop((one, two));
        assert_eq!(peeked.0.get(), 0);
    }
}
