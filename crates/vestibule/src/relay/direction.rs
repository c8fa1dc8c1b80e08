//! One direction of a relay as a state machine without input or output: it is told what the last
//! system call said and answers which one comes next.

/// Why a direction takes no more bytes from its source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// The source said FIN.
    Eof,
    /// The source was reset, or failed in another way.
    SourceFailed,
    /// The sink takes no more bytes: it was reset, or failed in another way.
    SinkFailed,
}

/// What to do next for a direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Read from the source, then say [`Direction::on_read`] or [`Direction::on_read_failed`].
    Read,
    /// Write [`Direction::pending`] to the sink, then say [`Direction::on_written`] or
    /// [`Direction::on_write_failed`].
    Write,
    /// Pass FIN on to the sink, then say [`Direction::on_shut_down`].
    ShutDown,
    /// Nothing more can happen.
    Finished(Cause),
}

/// The state of one direction: `source` to `sink`.
///
/// Bytes are read only while none are pending (that is the back-pressure), so at most one read's
/// worth is ever held, and nothing at all while the direction is idle.
#[derive(Debug)]
pub(crate) struct Direction {
    pending: Vec<u8>,
    written: usize,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The source may have more.
    Open,
    /// The source has ended for this cause; what is pending is still owed to the sink.
    Ending(Cause),
    /// The end has been passed on.
    Ended(Cause),
}

impl Direction {
    /// A direction that owes `pending` to its sink before anything is read.
    pub(crate) fn new(pending: Vec<u8>) -> Self {
        Self {
            pending,
            written: 0,
            state: State::Open,
        }
    }

    /// A read said `read` bytes (0: FIN), of which `unwritten` could not be written to the sink at
    /// once.
    pub(crate) fn on_read(&mut self, read: usize, unwritten: &[u8]) {
        debug_assert!(self.pending.is_empty() && self.state == State::Open);
        if read == 0 {
            self.state = State::Ending(Cause::Eof);
        } else {
            self.pending.extend_from_slice(unwritten);
        }
    }

    /// A read failed: what was read before it is still owed to the sink.
    pub(crate) fn on_read_failed(&mut self) {
        if self.state == State::Open {
            self.state = State::Ending(Cause::SourceFailed);
        }
    }

    /// The source turned out to have failed where it seemed to have said FIN. Only before that was
    /// passed on.
    pub(crate) fn on_source_failed(&mut self) {
        if self.state == State::Ending(Cause::Eof) {
            self.state = State::Ending(Cause::SourceFailed);
        }
    }

    /// FIN was passed on.
    pub(crate) fn on_shut_down(&mut self) {
        if let State::Ending(cause) = self.state {
            self.state = State::Ended(cause);
        }
    }

    /// A write took `n` of the pending bytes.
    pub(crate) fn on_written(&mut self, n: usize) {
        self.written += n;
        if self.written >= self.pending.len() {
            self.pending = Vec::new();
            self.written = 0;
        }
    }

    /// A write failed: nothing that is pending or still to come can be delivered.
    pub(crate) fn on_write_failed(&mut self) {
        self.pending = Vec::new();
        self.written = 0;
        self.state = State::Ended(Cause::SinkFailed);
    }

    /// The sink was closed in order while it was written to: it wants no more, and nothing failed.
    pub(crate) fn on_sink_closed(&mut self) {
        self.pending = Vec::new();
        self.written = 0;
        self.state = State::Ended(Cause::Eof);
    }

    /// What the sink is owed.
    pub(crate) fn pending(&self) -> &[u8] {
        &self.pending[self.written..]
    }

    /// The next step.
    pub(crate) fn next(&self) -> Step {
        match self.state {
            State::Ended(cause) => Step::Finished(cause),
            _ if !self.pending.is_empty() => Step::Write,
            State::Open => Step::Read,
            State::Ending(Cause::Eof) => Step::ShutDown,
            State::Ending(cause) => Step::Finished(cause),
        }
    }

    /// Whether nothing more is read, for whatever cause.
    pub(crate) fn source_ended(&self) -> bool {
        self.state != State::Open
    }

    /// Whether the sink takes no more because it failed.
    pub(crate) fn sink_failed(&self) -> bool {
        self.state == State::Ended(Cause::SinkFailed)
    }

    /// Whether the source has failed.
    pub(crate) fn source_failed(&self) -> bool {
        matches!(
            self.state,
            State::Ending(Cause::SourceFailed) | State::Ended(Cause::SourceFailed)
        )
    }

    /// Whether the source has said FIN, after which it may still receive.
    pub(crate) fn source_said_fin(&self) -> bool {
        matches!(
            self.state,
            State::Ending(Cause::Eof) | State::Ended(Cause::Eof)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open() -> Direction {
        Direction::new(Vec::new())
    }

    #[test]
    fn first_bytes_go_before_anything_is_read() {
        let mut d = Direction::new(b"header".to_vec());
        assert_eq!(d.next(), Step::Write);
        d.on_written(2);
        assert_eq!(d.pending(), b"ader");
        assert_eq!(d.next(), Step::Write);
        d.on_written(4);
        assert_eq!(d.next(), Step::Read);
    }

    #[test]
    fn a_short_write_stops_reading_until_it_is_made_good() {
        let mut d = open();
        d.on_read(5, b"lo");
        assert_eq!(d.next(), Step::Write);
        assert_eq!(d.pending(), b"lo");
        d.on_written(2);
        assert_eq!(d.next(), Step::Read);
        assert_eq!(d.pending.capacity(), 0, "idle directions hold no buffer");
    }

    #[test]
    fn eof_is_passed_on_after_the_last_byte() {
        let mut d = Direction::new(b"x".to_vec());
        d.on_written(1);
        d.on_read(0, b"");
        assert!(d.source_said_fin());
        assert_eq!(d.next(), Step::ShutDown);
        d.on_shut_down();
        assert_eq!(d.next(), Step::Finished(Cause::Eof));
    }

    #[test]
    fn a_failed_source_still_delivers_what_was_read() {
        let mut d = open();
        d.on_read(3, b"abc");
        d.on_read_failed();
        assert!(d.source_ended() && !d.source_said_fin());
        assert_eq!(d.next(), Step::Write);
        d.on_written(3);
        assert_eq!(d.next(), Step::Finished(Cause::SourceFailed));
    }

    #[test]
    fn a_sink_that_closed_in_order_ends_like_fin() {
        let mut d = open();
        d.on_read(3, b"abc");
        d.on_sink_closed();
        assert_eq!(d.next(), Step::Finished(Cause::Eof));
    }

    #[test]
    fn an_end_that_was_a_failure_is_not_passed_on_as_fin() {
        let mut d = open();
        d.on_read(0, b"");
        d.on_source_failed();
        assert_eq!(d.next(), Step::Finished(Cause::SourceFailed));
    }

    #[test]
    fn a_failed_sink_ends_at_once_whatever_is_pending() {
        let mut d = open();
        d.on_read(3, b"abc");
        d.on_write_failed();
        assert_eq!(d.next(), Step::Finished(Cause::SinkFailed));
        d.on_read_failed();
        assert_eq!(d.next(), Step::Finished(Cause::SinkFailed));
    }
}
