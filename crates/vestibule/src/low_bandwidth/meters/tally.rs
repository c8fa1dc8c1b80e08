//! What one user has done.

use vestibule_lowband::gateway::{Exchange, Finished, Outcome};

/// What one user has done, in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// Requests that were answered, those that register included.
    pub(super) requests: u64,
    /// Those of them that were answered with an error, by the gateway or the homeserver.
    pub(super) errors: u64,
    /// Notifications that were acknowledged.
    pub(super) notifications: u64,
    /// Notifications that were not.
    pub(super) undelivered: u64,
    /// Bytes of UDP payloads that came.
    pub(super) bytes_in: u64,
    /// Bytes of UDP payloads that were sent.
    pub(super) bytes_out: u64,
    /// Bytes of bodies that came.
    pub(super) body_in: u64,
    /// Bytes of bodies that were sent.
    pub(super) body_out: u64,
}

impl Tally {
    /// Counts an exchange.
    pub(super) fn note(&mut self, finished: &Finished) {
        match (finished.exchange, finished.outcome) {
            (_, Outcome::Answered { code, .. }) => {
                self.requests += 1;
                self.errors += u64::from(!code.is_success());
            }
            (_, Outcome::Delivered(_)) => self.notifications += 1,
            (_, Outcome::Undelivered(_)) | (Exchange::Notification, Outcome::Abandoned) => {
                self.undelivered += 1;
            }
            (Exchange::Request | Exchange::Register, Outcome::Abandoned) => {}
        }
        self.body_in += finished.received as u64;
        self.body_out += finished.sent as u64;
    }

    /// Adds those of another worker.
    pub(super) fn add(&mut self, other: &Self) {
        self.requests += other.requests;
        self.errors += other.errors;
        self.notifications += other.notifications;
        self.undelivered += other.undelivered;
        self.bytes_in += other.bytes_in;
        self.bytes_out += other.bytes_out;
        self.body_in += other.body_in;
        self.body_out += other.body_out;
    }
}
