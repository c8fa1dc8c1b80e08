//! Messages that the peer has missed because it was away.
//!
//! Repetitions come ever more rarely, because a path that loses them may be congested (RFC 7252 section 4.7). A peer
//! that was silent and is heard again tells something else: they were lost because it was not there. What it should have
//! acknowledged long ago is then sent once more, and its repetitions go on as they were.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use bytes::Bytes;

use super::{Flight, Outbox};
use crate::endpoint::config::{MAX_TRANSMIT_SPAN, Timing};

/// How long an answer is waited for at least.
const SHORTEST_PACE: Duration = Duration::from_secs(1);

/// How often the wait doubles.
const MOST_DOUBLINGS: u8 = 7;

/// For how long an answer is to be waited for on a path with this timeout.
pub(in crate::endpoint) fn pace(timeout: Duration) -> Duration {
    timeout.max(SHORTEST_PACE)
}

impl Outbox {
    /// The peer is heard that was silent since `before`. It has missed what it should have acknowledged, if the last
    /// transmission of that was in this time.
    pub(in crate::endpoint) fn note_missed(&mut self, now: Instant, before: Option<Instant>) {
        let flights = self.entries.iter_mut();
        for flight in flights.filter_map(|entry| entry.flight.as_mut()) {
            let was_silent = before.is_none_or(|before| before <= flight.sent);
            if was_silent && flight.since + pace(flight.first_timeout) <= now {
                flight.is_missed = true;
            }
        }
    }

    /// Sends the first message again that was missed, and for which it is time. Whether there is one.
    pub(in crate::endpoint) fn prompt(
        &mut self,
        now: Instant,
        timing: &Timing,
        transmits: &mut VecDeque<Bytes>,
    ) -> bool {
        for entry in &mut self.entries {
            let Some(flight) = &mut entry.flight else {
                continue;
            };
            if flight.prompt_at().is_none_or(|at| at > now) {
                continue;
            }
            // A timer may be late.
            if flight.prompt(now, timing) {
                transmits.push_back(entry.datagram.clone());
                return true;
            }
        }
        false
    }

    /// When [`Self::prompt`] has something to do.
    pub(in crate::endpoint) fn next_prompt(&self) -> Option<Instant> {
        let flights = self.entries.iter().filter_map(|it| it.flight.as_ref());
        flights.filter_map(Flight::prompt_at).min()
    }
}

impl Flight {
    /// When it is to be sent again because it was missed, if that is not too late.
    fn prompt_at(&self) -> Option<Instant> {
        let doublings = self.prompts.min(MOST_DOUBLINGS);
        let wait = pace(self.first_timeout).saturating_mul(1 << doublings);
        let at = self.sent + wait;
        (self.is_missed && at < self.since + MAX_TRANSMIT_SPAN).then_some(at)
    }

    /// Sends it out of turn, if it is not too late. Its next repetition, or its end, does not come before an answer can.
    fn prompt(&mut self, now: Instant, timing: &Timing) -> bool {
        self.is_missed = false;
        let last = self.since + MAX_TRANSMIT_SPAN;
        if now >= last {
            return false;
        }
        self.prompts = self.prompts.saturating_add(1);
        self.prompted = Some(now);
        self.sent = now;
        self.next = self.next.max(now + pace(self.first_timeout));
        if self.repetitions < timing.retransmissions {
            self.next = self.next.min(last);
        }
        true
    }

    /// Whether what is acknowledged now was waiting for the peer to be there, and not for the path.
    pub(super) fn has_awaited_peer(&self, now: Instant) -> bool {
        let answered = |at| now <= at + self.first_timeout;
        self.prompted.is_some_and(answered)
    }
}
