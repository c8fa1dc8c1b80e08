//! What goes out, and when associations are woken.

use std::time::{Duration, Instant};

use super::{
    Server, after,
    association::Way,
    event::{AssociationId, Event, Transmit},
    path::{Path, Proof, TrialId},
};
use crate::wire;

/// The least time until a timer is looked at again.
const GRANULARITY: Duration = Duration::from_millis(1);

/// The least time between two questions whether the peer of an association is there. It may seem to move with each
/// datagram.
const QUESTION_INTERVAL: Duration = Duration::from_secs(1);

impl Server {
    /// Sends what an association has ready.
    pub(super) fn drain(&mut self, now: Instant, slot: u32) {
        let Some(association) = self.table.get_mut(slot) else {
            return;
        };
        let mut waits = false;
        loop {
            let mut bytes = Vec::new();
            let limit = self.config.max_datagram;
            if !association.session.poll_transmit(&mut bytes, limit) {
                break;
            }
            match association.way(bytes.len()) {
                Way::To(path) => {
                    association.meter.datagrams_out += 1;
                    association.meter.bytes_out += bytes.len() as u64;
                    self.transmits.push_back(Transmit { path, bytes });
                }
                Way::Hold => {
                    waits = true;
                    if !association.hold(bytes, self.config.max_held) {
                        self.shared.counters.held_dropped.add();
                    }
                }
                Way::Lose => {}
            }
        }
        if waits {
            self.want_proof(now, slot);
        }
    }

    /// Sends what an association has ready, and before it what has waited, as far as that may be sent now.
    pub(super) fn release(&mut self, now: Instant, slot: u32) {
        if let Some(association) = self.table.get_mut(slot) {
            while let Some(bytes) = association.held.pop_front() {
                let Way::To(path) = association.way(bytes.len()) else {
                    association.held.push_front(bytes);
                    break;
                };
                association.meter.datagrams_out += 1;
                association.meter.bytes_out += bytes.len() as u64;
                self.transmits.push_back(Transmit { path, bytes });
            }
            if association.held.is_empty() {
                association.held.shrink_to_fit();
            } else {
                self.want_proof(now, slot);
            }
        }
        self.drain(now, slot);
    }

    /// Asks for a proof that the peer has moved, once for each place it moves to, and not too often.
    pub(super) fn want_proof(&mut self, now: Instant, slot: u32) {
        let Some(association) = self.table.get_mut(slot) else {
            return;
        };
        let Some(trial) = &mut association.trial else {
            return;
        };
        if trial.proof == Proof::NotWanted {
            trial.proof = Proof::Due(association.next_question.unwrap_or(now));
        }
        if matches!(trial.proof, Proof::Due(at) if at <= now) {
            trial.proof = Proof::Until(after(now, self.config.proof_timeout));
            association.next_question = Some(now + QUESTION_INTERVAL);
            self.events.push_back(Event::ProofWanted {
                id: association.id,
                trial: trial.id,
                path: trial.path,
            });
        }
        self.arm(now, slot);
    }

    /// Gives up the proof that was asked for. What waits for it goes home.
    pub(super) fn give_up_proof(&mut self, now: Instant, slot: u32) {
        let Some(association) = self.table.get_mut(slot) else {
            return;
        };
        if let Some(trial) = &mut association.trial {
            trial.proof = Proof::Failed;
            association.next_question = Some(after(now, self.config.proof_timeout));
            self.shared.counters.trials_failed.add();
        }
    }

    /// Sends the question to the place it is about, or to none.
    pub(super) fn send_question(
        &mut self,
        now: Instant,
        id: AssociationId,
        trial: TrialId,
        payload: &[u8],
    ) -> bool {
        let Some(slot) = self.table.slot(id) else {
            return false;
        };
        // What was ready before is not the question.
        self.drain(now, slot);
        let Some(association) = self.table.get_mut(slot) else {
            return false;
        };
        let is_current = association.trial(trial).is_some();
        if !is_current || association.session.send(payload).is_err() {
            return false;
        }
        let mut bytes = Vec::new();
        let limit = self.config.max_datagram;
        if !association.session.poll_transmit(&mut bytes, limit) {
            return false;
        }
        let Some(trial) = association.trial(trial) else {
            return false;
        };
        let path = trial.path;
        let allowed = trial.allowance.take(bytes.len());
        if allowed {
            self.transmit(slot, path, bytes);
        }
        allowed
    }

    /// Sends a datagram of an association.
    fn transmit(&mut self, slot: u32, path: Path, bytes: Vec<u8>) {
        if let Some(association) = self.table.get_mut(slot) {
            association.meter.datagrams_out += 1;
            association.meter.bytes_out += bytes.len() as u64;
        }
        self.transmits.push_back(Transmit { path, bytes });
    }

    /// Sees to it that an association is woken in time. Later times are found when the earlier one is due.
    pub(super) fn arm(&mut self, now: Instant, slot: u32) {
        let Some(association) = self.table.get_mut(slot) else {
            return;
        };
        let time = association
            .deadline(self.config.handshake_timeout)
            .max(now + GRANULARITY);
        if association.timer.is_none_or(|before| time < before) {
            self.timers.set(slot, association.timer.replace(time), time);
        }
    }

    /// Sends an alert to `path`, in the clear, in answer to `length` bytes. `sequence` must be a number that the peer
    /// has not had from us, or it is dropped as a repetition.
    pub(super) fn alert(
        &mut self,
        now: Instant,
        path: Path,
        length: usize,
        description: u8,
        sequence: u64,
    ) {
        let alert = wire::fatal_alert(description, sequence);
        if alert.len() <= length && self.alerts.take(now) {
            self.shared.counters.alerts.add();
            let bytes = alert.to_vec();
            self.transmits.push_back(Transmit { path, bytes });
        }
    }
}

/// How many alerts may be sent without an association.
#[derive(Debug)]
pub(super) struct Alerts {
    per_second: u32,
    left: u32,
    since: Option<Instant>,
}

impl Alerts {
    pub(super) fn new(per_second: u32) -> Self {
        Self {
            per_second,
            left: 0,
            since: None,
        }
    }

    /// Whether another one may be sent.
    fn take(&mut self, now: Instant) -> bool {
        let young = |since| now.saturating_duration_since(since) < Duration::from_secs(1);
        if !self.since.is_some_and(young) {
            self.since = Some(now);
            self.left = self.per_second;
        }
        let allowed = self.left > 0;
        self.left -= u32::from(allowed);
        allowed
    }
}
