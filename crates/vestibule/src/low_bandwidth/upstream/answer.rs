//! What is kept of an answer, whatever the version of HTTP.

use std::sync::Arc;

use hyper::body::Bytes;

use super::{
    budget::{Budget, Held},
    failure::Failure,
};

/// Room that is made for a body because of what its length is said to be, at most. More comes with
/// the bytes.
const MAX_EXPECTED: usize = 64 * 1024;

/// Longest field Retry-After that is looked at, in bytes.
const MAX_RETRY_AFTER_LEN: usize = 64;

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

    /// `length` bytes are said to come, in all.
    ///
    /// # Errors
    ///
    /// When that is too much, or there is no room.
    pub(super) fn expect(&mut self, length: u64) -> Result<(), Failure> {
        match usize::try_from(length) {
            Ok(length) if length <= self.most => {
                self.most = length;
                self.make_room(length.min(MAX_EXPECTED))
            }
            _ => Err(Failure::TooLarge),
        }
    }

    /// Takes more of it.
    ///
    /// # Errors
    ///
    /// When it is too much, or there is no room.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<(), Failure> {
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

impl AsRef<[u8]> for Kept {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// A field Retry-After, if it is text.
pub(super) fn retry_after(value: &[u8]) -> Option<String> {
    let text = str::from_utf8(value).ok()?;
    let is_plain = text.len() <= MAX_RETRY_AFTER_LEN && text.is_ascii();
    is_plain.then(|| text.trim().to_owned())
}
