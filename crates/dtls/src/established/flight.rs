//! Messages of ours that the peer has not acknowledged (RFC 9147 sections 5.8 and 7).

use std::time::{Duration, Instant};

use super::message::Number;

/// The first pause before a repetition, and the longest: each is twice as long as the one before.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// How often a message is repeated.
const REPETITIONS: u32 = 6;

/// What is under way. All of it is of the epoch in which we write.
#[derive(Default)]
pub(super) struct Flight {
    sent: Vec<Sent>,
    /// When it is repeated.
    due: Option<Instant>,
    repetitions: u32,
}

/// A message, or a part of one.
pub(super) struct Sent {
    /// The records in which it was.
    pub(super) numbers: Vec<Number>,
    /// It with its header.
    pub(super) fragment: Vec<u8>,
}

/// What is to be done when time has passed.
pub(super) enum Due {
    Nothing,
    Repeat,
    GiveUp,
}

impl Flight {
    /// Adds a message that was sent in this record.
    pub(super) fn add(&mut self, now: Instant, number: Number, fragment: Vec<u8>) {
        if self.sent.is_empty() {
            self.repetitions = 0;
            self.due = now.checked_add(FIRST_PAUSE);
        }
        self.sent.push(Sent {
            numbers: vec![number],
            fragment,
        });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.sent.is_empty()
    }

    /// Whether a message of this type is under way.
    pub(super) fn has(&self, kind: u8) -> bool {
        self.sent
            .iter()
            .any(|it| it.fragment.first() == Some(&kind))
    }

    /// What is under way, to be repeated.
    pub(super) fn sent(&mut self) -> &mut [Sent] {
        &mut self.sent
    }

    /// Notes that these records have come to the peer. Whether anything was in them that was under way.
    pub(super) fn acknowledge(&mut self, numbers: &[Number]) -> bool {
        let before = self.sent.len();
        self.sent
            .retain(|it| !it.numbers.iter().any(|number| numbers.contains(number)));
        let any = self.sent.len() < before;
        if self.sent.is_empty() {
            self.clear();
        }
        any
    }

    /// Forgets all.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// When something is to be done.
    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// What is to be done now.
    pub(super) fn handle_timeout(&mut self, now: Instant) -> Due {
        if self.due.is_none_or(|due| due > now) {
            return Due::Nothing;
        }
        if self.repetitions == REPETITIONS {
            self.due = None;
            return Due::GiveUp;
        }
        self.repetitions += 1;
        let pause = (FIRST_PAUSE * (1 << self.repetitions)).min(LONGEST_PAUSE);
        self.due = now.checked_add(pause);
        Due::Repeat
    }
}
