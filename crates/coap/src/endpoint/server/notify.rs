//! Notifications, and what becomes of them.

use std::time::Instant;

use super::{Server, observations::Outstanding, respond::Cut, snapshots::Snapshot};
use crate::{
    OptionNumber,
    endpoint::{
        event::{Event, ObservationEnd, ObservationId, Response, Undelivered},
        link::{Content, Link},
        outbox::{Purpose, SnapshotId},
    },
};

/// Why a notification cannot be sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum NotifyError {
    /// There is no such observation (any more).
    Gone,
    /// There is no room to keep the body while it is fetched.
    NoRoom,
    /// The code is that of an error, which ends an observation: [`super::Endpoint::refuse_observation`].
    NoSuccess,
    /// The one before is not delivered yet.
    Outstanding,
}

impl Server {
    /// Sends a new state, which must be a success. One at a time.
    pub(in crate::endpoint) fn notify(
        &mut self,
        now: Instant,
        link: &mut Link,
        id: ObservationId,
        response: Response,
    ) -> Result<(), NotifyError> {
        if !response.code.is_success() {
            return Err(NotifyError::NoSuccess);
        }
        let entry = self.observations.get(id).ok_or(NotifyError::Gone)?;
        if entry.is_refused {
            return Err(NotifyError::Gone);
        }
        if entry.outstanding.is_some() {
            return Err(NotifyError::Outstanding);
        }
        let (known_by, size) = (entry.known_by, entry.size);
        let mut cut = self.cut(now, link, response, size, known_by);
        if !cut.response.code.is_success() {
            return Err(NotifyError::NoRoom);
        }
        let sequence = u64::from(self.observations.next_sequence());
        let options = &mut cut.response.options;
        options.push_uint(OptionNumber::OBSERVE, sequence);
        self.send_state(link, id, &cut);
        Ok(())
    }

    /// The body of the state that is on its way, if it travels in blocks.
    pub(in crate::endpoint) fn outstanding_body(
        &mut self,
        id: ObservationId,
    ) -> Option<SnapshotId> {
        self.observations.get(id)?.outstanding?.snapshot
    }

    /// Ends an observation with a last answer, which says why (RFC 7641 section 4.2). It takes the place of a state that
    /// is on its way. The observation is there until the answer is acknowledged.
    pub(in crate::endpoint) fn refuse_observation(
        &mut self,
        now: Instant,
        link: &mut Link,
        id: ObservationId,
        response: Response,
    ) {
        let Some(entry) = self.observations.get(id) else {
            return;
        };
        entry.is_refused = true;
        let (known_by, size) = (entry.known_by, entry.size);
        let outstanding = entry.outstanding.take();
        self.withdraw(link, outstanding);
        let cut = self.cut(now, link, response, size, known_by);
        self.send_state(link, id, &cut);
    }

    /// Puts a state, or a last answer, on its way.
    fn send_state(&mut self, link: &mut Link, id: ObservationId, cut: &Cut) {
        let Some(entry) = self.observations.get(id) else {
            return;
        };
        let content = Content {
            code: cut.response.code,
            token: entry.known_by.token,
            options: &cut.response.options,
            payload: &cut.response.payload,
        };
        entry.outstanding = Some(Outstanding {
            message: Some(link.confirmable(content, Purpose::Notification(id))),
            snapshot: cut.snapshot,
        });
        if let Some(snapshot) = cut.snapshot.and_then(|id| self.snapshots.get(id)) {
            snapshot.observation = Some(id);
        }
    }

    /// Forgets an observation without a word. Whether there was one.
    pub(in crate::endpoint) fn forget(&mut self, link: &mut Link, id: ObservationId) -> bool {
        let Some(entry) = self.observations.remove(id) else {
            return false;
        };
        self.withdraw(link, entry.outstanding);
        true
    }

    /// Gives up a state that is on its way.
    fn withdraw(&mut self, link: &mut Link, outstanding: Option<Outstanding>) {
        let Some(outstanding) = outstanding else {
            return;
        };
        link.withdraw(outstanding.message);
        let snapshot = outstanding.snapshot;
        if let Some(snapshot) = snapshot.and_then(|id| self.snapshots.remove(id)) {
            link.withdraw(snapshot.flying.map(|flying| flying.message));
        }
    }

    /// The peer has acknowledged a message of this purpose, or rejected it.
    pub(in crate::endpoint) fn settled(&mut self, link: &mut Link, purpose: Purpose, reset: bool) {
        match purpose {
            Purpose::Notification(id) if reset => self.end(link, id, ObservationEnd::Reset),
            Purpose::Notification(id) => {
                let entry = self.observations.get(id);
                let Some(outstanding) = entry.and_then(|entry| entry.outstanding.as_mut()) else {
                    return;
                };
                outstanding.message = None;
                if outstanding.snapshot.is_none() {
                    self.delivered(link, id);
                }
            }
            Purpose::Block(id) => self.block_settled(link, id, reset),
            _ => {}
        }
    }

    /// A message of this purpose was given up.
    pub(in crate::endpoint) fn given_up(&mut self, link: &mut Link, purpose: Purpose) {
        match purpose {
            Purpose::Notification(id) => self.undelivered(link, id, Undelivered::TimedOut),
            Purpose::Block(id) => {
                if let Some(snapshot) = self.snapshots.remove(id)
                    && let Some(observation) = snapshot.observation
                {
                    self.undelivered(link, observation, Undelivered::TimedOut);
                }
            }
            _ => {}
        }
    }

    /// A body was not fetched to its end, and is not kept any longer.
    pub(super) fn snapshot_lost(&mut self, link: &mut Link, snapshot: &Snapshot) {
        link.withdraw(snapshot.flying.map(|flying| flying.message));
        if let Some(observation) = snapshot.observation {
            self.undelivered(link, observation, Undelivered::Abandoned);
        }
    }

    fn block_settled(&mut self, link: &mut Link, id: SnapshotId, reset: bool) {
        let Some(snapshot) = self.snapshots.get(id) else {
            return;
        };
        let Some(flying) = snapshot.flying.take() else {
            return;
        };
        if reset {
            if let Some(snapshot) = self.snapshots.remove(id) {
                self.snapshot_lost(link, &snapshot);
            }
        } else if flying.last
            && let Some(observation) = snapshot.observation
        {
            self.snapshots.remove(id);
            self.delivered(link, observation);
        }
    }

    fn delivered(&mut self, link: &mut Link, id: ObservationId) {
        let Some(entry) = self.observations.get(id) else {
            return;
        };
        // The acknowledgement of the first block may have been lost. It must not be that of the next state.
        if let Some(outstanding) = entry.outstanding.take() {
            link.withdraw(outstanding.message);
        }
        if entry.is_refused {
            self.end(link, id, ObservationEnd::Refused);
        } else {
            link.events.push_back(Event::NotificationDelivered(id));
        }
    }

    fn undelivered(&mut self, link: &mut Link, id: ObservationId, why: Undelivered) {
        let Some(entry) = self.observations.get(id) else {
            return;
        };
        let outstanding = entry.outstanding.take();
        if outstanding.is_some() {
            self.withdraw(link, outstanding);
            link.events.push_back(Event::NotificationFailed(id, why));
        }
    }
}
