//! What goes in and out of a receiver.

use std::time::Duration;

use crate::sync::{Body, Refusal, Registration};

/// How patient a receiver is, and what it keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReceiverSettings {
    /// The least time between two registers. It doubles each time that one is not answered with a
    /// body, and up to a quarter is added to it.
    pub spacing: Duration,
    /// The longest of these times, before that quarter.
    pub spacing_limit: Duration,
    /// How long a call waits for the answer to the register that it has caused, at least, however
    /// short its own timeout is.
    pub first_answer: Duration,
    /// How long is observed without a call.
    pub idle: Duration,
    /// After this time without a body it is registered again while a call waits: the other side may
    /// have ended the observation, and its last word may have been lost.
    pub refresh: Duration,
    /// How many bodies are kept that nobody has taken.
    pub max_bodies: usize,
    /// How long they may be together, in bytes. One is taken in any case.
    pub max_bytes: usize,
}

impl Default for ReceiverSettings {
    fn default() -> Self {
        Self {
            spacing: Duration::from_secs(1),
            spacing_limit: Duration::from_secs(30),
            first_answer: Duration::from_secs(20),
            idle: Duration::from_secs(5 * 60),
            refresh: Duration::from_secs(30 * 60),
            max_bodies: 8,
            max_bytes: 4 << 20,
        }
    }
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReceiverAction {
    /// Register, with a token that was not used before. What still comes for an earlier registration
    /// is rejected.
    Register {
        /// By this it is told what has come.
        id: RegistrationId,
        /// What to register for.
        registration: Registration,
    },
    /// End the registration: reject what comes for it, or say so.
    Cancel(RegistrationId),
    /// Answer a call, with status 200.
    Answer {
        /// Which one.
        call: CallId,
        /// The JSON.
        body: Body,
    },
    /// Answer a call with an error.
    Refuse {
        /// Which one.
        call: CallId,
        /// What the client is told.
        refusal: Refusal,
    },
}

/// What is to be done with a body that has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Receipt {
    /// It is acknowledged.
    Acknowledge,
    /// It is rejected, which ends the registration.
    Reject,
}

/// Which registration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RegistrationId(pub(super) u64);

/// Which call of `/sync`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CallId(pub(super) u64);
