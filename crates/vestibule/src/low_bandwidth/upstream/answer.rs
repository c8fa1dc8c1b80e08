//! What is kept of an answer, whatever the version of HTTP.

use std::sync::Arc;

use hyper::body::Bytes;
use vestibule_lowband::answer::Body;

use super::{
    budget::{Budget, Held},
    failure::Failure,
};

/// Room that is made for a body because of what its length is said to be, at most. More comes with
/// the bytes.
const MAX_EXPECTED: usize = 64 * 1024;

/// A body as it comes. It has no memory before something has come of it.
pub(super) struct Collected {
    bytes: Vec<u8>,
    most: usize,
    /// As much as `bytes` has room for.
    held: Held,
}

/// A body that has come.
struct Kept {
    bytes: Box<[u8]>,
    _held: Held,
}

impl Collected {
    /// Of up to `most` bytes, which are of `budget`.
    pub(super) fn new(most: usize, budget: &Arc<Budget>) -> Self {
        Self {
            bytes: Vec::new(),
            most,
            held: budget.hold(),
        }
    }

    /// All of it, in as much memory as it needs, which is held until the last of the bytes is
    /// dropped.
    pub(super) fn into_bytes(mut self) -> Bytes {
        if self.bytes.is_empty() {
            return Bytes::new();
        }
        let bytes = self.bytes.into_boxed_slice();
        // Less can always be held.
        let _ = self.held.resize(bytes.len());
        Bytes::from_owner(Kept {
            bytes,
            _held: self.held,
        })
    }

    /// Makes room for so many bytes in all.
    fn make_room(&mut self, room: usize) -> Result<(), Failure> {
        self.held.resize(room)?;
        self.bytes.reserve_exact(room - self.bytes.len());
        Ok(())
    }
}

impl Body for Collected {
    type Error = Failure;

    /// # Errors
    ///
    /// When that is too much, or there is no room.
    fn expect(&mut self, length: u64) -> Result<(), Failure> {
        match usize::try_from(length) {
            Ok(length) if length <= self.most => {
                self.most = length;
                self.make_room(length.min(MAX_EXPECTED))
            }
            _ => Err(Failure::TooLarge),
        }
    }

    /// # Errors
    ///
    /// When it is too much, or there is no room.
    fn push(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        if bytes.len() > self.most - self.bytes.len() {
            return Err(Failure::TooLarge);
        }
        let needed = self.bytes.len() + bytes.len();
        if needed > self.bytes.capacity() {
            let doubled = self.bytes.capacity().saturating_mul(2);
            self.make_room(doubled.clamp(needed, self.most))?;
        }
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }
}

impl AsRef<[u8]> for Kept {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}
