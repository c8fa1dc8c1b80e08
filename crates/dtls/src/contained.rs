//! Sessions that do no harm to others, whatever stack they are of.
//!
//! - A peer that has keys can send what a stack must keep until more of it comes: the stack that is used here keeps parts
//!   of eight handshake messages of up to 256 KiB each, of which a few bytes are enough. What is in a protected record
//!   only the stack knows, so what it allocates is measured.
//! - A stack that panics ends the session that it panicked in, and no other.

use std::{
    net::SocketAddr,
    panic::{AssertUnwindSafe, catch_unwind},
    time::Instant,
};

use crate::session::{Accept, Agreement, Answer, ConnectionId, Fault, SendError, Session};

/// Makes sessions that end when they keep too much, or panic.
pub struct ContainedAccept {
    inner: Box<dyn Accept>,
    bound: Bound,
}

/// How much a session may keep.
#[derive(Clone, Copy, Debug)]
pub struct Bound {
    /// Bytes that the calling thread has allocated, less those that it has freed: what an allocator counts. If it is always
    /// the same number, there is no bound.
    pub held: fn() -> i64,
    /// The most bytes. A session needs about 14 kB, and while the handshake goes on some times its certificates; one of
    /// 1.3 needs 3 kB when that is over.
    pub most: usize,
}

impl ContainedAccept {
    /// Makes the sessions of `inner` end when they keep too much, or panic.
    #[must_use]
    pub fn new(inner: Box<dyn Accept>, bound: Bound) -> Self {
        Self { inner, bound }
    }
}

impl Accept for ContainedAccept {
    fn handle_hello(
        &mut self,
        now: Instant,
        from: SocketAddr,
        record: &[u8],
        id: ConnectionId,
        skip_cookie: bool,
    ) -> Answer {
        let before = (self.bound.held)();
        // What makes sessions is the same for all hellos, but for settings that each of them has anew.
        let answer = catch_unwind(AssertUnwindSafe(|| {
            self.inner.handle_hello(now, from, record, id, skip_cookie)
        }));
        match answer {
            Ok(Answer::Session(inner)) => Answer::Session(Box::new(Contained {
                inner,
                bound: self.bound,
                kept: (self.bound.held)() - before,
                panicked: false,
            })),
            Ok(other) => other,
            Err(_) => Answer::Nothing,
        }
    }
}

/// A session that is watched.
struct Contained {
    inner: Box<dyn Session>,
    bound: Bound,
    /// What it keeps, in bytes.
    kept: i64,
    /// Whether it must not be touched any more: its state may be half changed.
    panicked: bool,
}

impl Contained {
    /// Does something with the session that may change what it keeps. `None`: it has panicked, now or before.
    fn watch<T>(&mut self, act: impl FnOnce(&mut dyn Session) -> T) -> Option<T> {
        if self.panicked {
            return None;
        }
        let before = (self.bound.held)();
        let result = catch_unwind(AssertUnwindSafe(|| act(&mut *self.inner)));
        self.kept += (self.bound.held)() - before;
        self.panicked = result.is_err();
        result.ok()
    }

    /// The same, when it also appends to `out`, whose growth is not the session's.
    fn watch_with<T>(
        &mut self,
        out: &mut Vec<u8>,
        act: impl FnOnce(&mut dyn Session, &mut Vec<u8>) -> T,
    ) -> Option<T> {
        let before = out.capacity();
        let result = self.watch(|inner| act(inner, out));
        // Never more than `isize::MAX`.
        self.kept -= out.capacity() as i64 - before as i64;
        result
    }
}

impl Session for Contained {
    fn handle_record(&mut self, now: Instant, record: &[u8]) -> Result<(), Fault> {
        let taken = self.watch(|inner| inner.handle_record(now, record));
        taken.unwrap_or(Err(Fault::Panicked))?;
        match usize::try_from(self.kept) {
            Ok(kept) if kept > self.bound.most => Err(Fault::Excessive),
            _ => Ok(()),
        }
    }

    fn poll_transmit(&mut self, out: &mut Vec<u8>, limit: usize) -> bool {
        let sends = self.watch_with(out, |inner, out| inner.poll_transmit(out, limit));
        sends.unwrap_or(false)
    }

    fn receive(&mut self, out: &mut Vec<u8>) -> usize {
        let length = self.watch_with(out, |inner, out| inner.receive(out));
        length.unwrap_or(0)
    }

    fn send(&mut self, payload: &[u8]) -> Result<(), SendError> {
        let sent = self.watch(|inner| inner.send(payload));
        sent.unwrap_or(Err(SendError::Closed))
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.inner.poll_timeout().filter(|_| !self.panicked)
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.watch(|inner| inner.handle_timeout(now));
    }

    fn is_established(&self) -> bool {
        self.inner.is_established()
    }

    fn is_newest(&self) -> bool {
        self.inner.is_newest()
    }

    fn is_over(&self) -> bool {
        self.panicked || self.inner.is_over()
    }

    fn close(&mut self) {
        self.watch(|inner| inner.close());
    }

    fn is_closed_by_peer(&self) -> bool {
        self.inner.is_closed_by_peer()
    }

    fn connection_id(&self) -> Option<&[u8]> {
        self.inner.connection_id()
    }

    fn overhead(&self) -> usize {
        self.inner.overhead()
    }

    fn export(&self, label: &[u8], context: &[u8], out: &mut [u8]) -> bool {
        self.inner.export(label, context, out)
    }

    fn peer_certificates(&self) -> &[Vec<u8>] {
        self.inner.peer_certificates()
    }

    fn agreement(&self) -> Option<Agreement> {
        self.inner.agreement()
    }

    fn footprint(&self) -> usize {
        match usize::try_from(self.kept) {
            Ok(kept) if kept > 0 => size_of::<Self>() + kept,
            _ => size_of::<Self>() + self.inner.footprint(),
        }
    }
}

#[cfg(test)]
mod tests;
