use super::error::Reason;

/// The end of a buffer that gets the result, and no more than that may have.
///
/// Positions count from where the buffer ended before.
pub(super) struct Output<'a> {
    buffer: &'a mut Vec<u8>,
    base: usize,
    /// The length of the buffer that must not be passed.
    end: usize,
    /// The length that needs no more memory and is no more than that.
    ready: usize,
}

impl<'a> Output<'a> {
    /// Appends to `buffer`, `limit` bytes at most, and reserves for `expected`.
    pub(super) fn new(buffer: &'a mut Vec<u8>, limit: usize, expected: usize) -> Self {
        let limit = limit.min(u32::MAX as usize);
        let base = buffer.len();
        buffer.reserve_exact(expected.min(limit));
        let end = base + limit;
        Self {
            ready: buffer.capacity().min(end),
            end,
            buffer,
            base,
        }
    }

    /// The bytes that were written.
    #[inline]
    pub(super) fn bytes(&self) -> &[u8] {
        &self.buffer[self.base..]
    }

    #[inline]
    pub(super) fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.buffer[self.base..]
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.buffer.len() - self.base
    }

    pub(super) fn truncate(&mut self, len: usize) {
        self.buffer.truncate(self.base + len);
    }

    /// The last byte that was written becomes another; there must be one.
    #[inline]
    pub(super) fn replace_last(&mut self, byte: u8) {
        if let Some(last) = self.bytes_mut().last_mut() {
            *last = byte;
        }
    }

    /// # Errors
    ///
    /// [`Reason::Output`]: there is no room for it.
    #[inline]
    pub(super) fn push(&mut self, byte: u8) -> Result<(), Reason> {
        self.make_room(1)?;
        self.buffer.push(byte);
        Ok(())
    }

    /// # Errors
    ///
    /// As for [`Output::push`].
    #[inline]
    pub(super) fn extend(&mut self, bytes: &[u8]) -> Result<(), Reason> {
        self.make_room(bytes.len())?;
        self.buffer.extend_from_slice(bytes);
        Ok(())
    }

    /// Puts `bytes` at `position`, before what is there; this takes time for all that follows.
    ///
    /// # Errors
    ///
    /// As for [`Output::push`].
    pub(super) fn insert(&mut self, position: usize, bytes: &[u8]) -> Result<(), Reason> {
        let old = self.len();
        self.extend(bytes)?;
        let written = self.bytes_mut();
        written.copy_within(position..old, position + bytes.len());
        written[position..position + bytes.len()].copy_from_slice(bytes);
        Ok(())
    }

    #[inline]
    fn make_room(&mut self, additional: usize) -> Result<(), Reason> {
        if additional > self.ready - self.buffer.len() {
            self.grow(additional)?;
        }
        Ok(())
    }

    /// Doubles the buffer, but not beyond what it may hold.
    #[cold]
    fn grow(&mut self, additional: usize) -> Result<(), Reason> {
        let len = self.buffer.len();
        if additional > self.end - len {
            return Err(Reason::Output);
        }
        let doubled = self.buffer.capacity().saturating_mul(2).min(self.end);
        self.buffer
            .reserve_exact(doubled.saturating_sub(len).max(additional));
        self.ready = self.buffer.capacity().min(self.end);
        Ok(())
    }
}
