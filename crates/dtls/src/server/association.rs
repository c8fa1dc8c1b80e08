//! One association, and where its datagrams go.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use super::{
    after,
    event::{AssociationId, Meter, View},
    path::{Allowance, Path, Proof, Trial, TrialId},
    shared::Place,
};
use crate::session::{ConnectionId, Session};

/// The bytes of a question whether the peer is there, an empty message of CoAP, and how many of them are sent: so much of
/// an allowance is kept.
const QUESTION: usize = 4;
const QUESTIONS: usize = 2;

/// After so many records from a new place it is asked for a proof although nothing waits for it, so that it is known at
/// last where the peer is. One that moves with each record, as behind a NAT that forgets fast, is not asked.
const SETTLED: u32 = 3;

/// One association.
pub(super) struct Association {
    pub(super) id: AssociationId,
    pub(super) cid: ConnectionId,
    pub(super) session: Box<dyn Session>,
    /// Of which hello it came: a hash of its random.
    pub(super) attempt: u64,
    pub(super) open: bool,
    pub(super) since: Instant,
    pub(super) heard: Instant,
    pub(super) lifetime: Duration,
    /// Where the peer has shown to be.
    pub(super) home: Path,
    /// What may go there until the peer has shown to be there, if it began with a ticket in place of a cookie.
    pub(super) unproven: Option<Allowance>,
    pub(super) trial: Option<Box<Trial>>,
    /// When a proof may be wanted again.
    pub(super) next_question: Option<Instant>,
    /// Datagrams that wait until the trial is over.
    pub(super) held: VecDeque<Vec<u8>>,
    /// When it is woken.
    pub(super) timer: Option<Instant>,
    pub(super) place: Place,
    pub(super) meter: Meter,
}

/// What to do with a datagram.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Way {
    /// Send it there.
    To(Path),
    /// Keep it until it is shown where the peer is.
    Hold,
    /// Lose it. The handshake repeats what matters.
    Lose,
}

impl Association {
    /// Whether records of it carry a Connection ID.
    pub(super) fn has_cid(&self) -> bool {
        self.session
            .connection_id()
            .is_some_and(|cid| *cid == self.cid)
    }

    /// Where a datagram of `length` bytes goes.
    pub(super) fn way(&mut self, length: usize) -> Way {
        if let Some(allowance) = &mut self.unproven {
            return match allowance.take(length) {
                true => Way::To(self.home),
                false => Way::Lose,
            };
        }
        let reserve = QUESTIONS * (self.session.overhead() + QUESTION);
        let Some(trial) = &mut self.trial else {
            return Way::To(self.home);
        };
        if trial.proof == Proof::Failed {
            Way::To(self.home)
        } else if trial.allowance.take_with_reserve(length, reserve) {
            Way::To(trial.path)
        } else if self.open {
            Way::Hold
        } else {
            Way::Lose
        }
    }

    /// Keeps a datagram, if there are not more than `max` bytes then.
    pub(super) fn hold(&mut self, datagram: Vec<u8>, max: usize) -> bool {
        let held: usize = self.held.iter().map(Vec::len).sum();
        let fits = held + datagram.len() <= max;
        if fits {
            self.held.push_back(datagram);
        }
        fits
    }

    /// Notes that the newest record came from `path`, and says whether the peer seems to have moved there just now:
    /// then `id` is used.
    pub(super) fn heard_from(&mut self, now: Instant, path: Path, id: TrialId) -> bool {
        if path == self.home {
            self.trial = None;
            return false;
        }
        let may_ask = self.next_question.is_none_or(|at| at <= now);
        let moved = self.trial.as_ref().is_none_or(|it| {
            // Who has not shown to be there may try again, but not at once.
            it.path != path || (it.proof == Proof::Failed && may_ask)
        });
        if moved {
            self.trial = Some(Box::new(Trial {
                id,
                path,
                allowance: Allowance::default(),
                heard: 0,
                proof: Proof::NotWanted,
            }));
        }
        if let Some(trial) = &mut self.trial {
            trial.heard += 1;
        }
        moved
    }

    /// Whether the peer has been heard so often from where it seems to be that it will stay there.
    pub(super) fn has_settled(&self) -> bool {
        let trial = self.trial.as_ref();
        self.open && trial.is_some_and(|it| it.heard >= SETTLED)
    }

    /// The trial with this id, if it is the current one.
    pub(super) fn trial(&mut self, id: TrialId) -> Option<&mut Trial> {
        let trial = self.trial.as_mut().filter(|it| it.id == id)?;
        Some(trial)
    }

    /// Counts a record that came from `path`. `first`: it begins a datagram.
    pub(super) fn count(&mut self, path: Path, length: usize, first: bool) {
        self.meter.datagrams_in += u64::from(first);
        self.meter.bytes_in += length as u64;
        if let Some(trial) = self.trial.as_mut().filter(|it| it.path == path) {
            trial.allowance.add(length);
        }
        if path == self.home
            && let Some(allowance) = &mut self.unproven
        {
            allowance.add(length);
        }
    }

    /// How it looks from outside. `None`: its handshake is not over.
    pub(super) fn view(&self) -> Option<View> {
        if !self.open {
            return None;
        }
        Some(View {
            id: self.id,
            agreement: self.session.agreement()?,
            connection_id: self.has_cid().then_some(self.cid),
            path: self.home,
            trial: self.trial.as_ref().map(|it| it.path),
            since: self.since,
            heard: self.heard,
            lifetime: self.lifetime,
            meter: self.meter,
        })
    }

    /// When it is over, if nothing comes.
    pub(super) fn end(&self, handshake: Duration) -> Instant {
        match self.open {
            true => after(self.heard, self.lifetime),
            false => after(self.since, handshake),
        }
    }

    /// When it is to be woken.
    pub(super) fn deadline(&self, handshake: Duration) -> Instant {
        let proof = self.trial.as_ref().and_then(|it| match it.proof {
            Proof::Due(at) | Proof::Until(at) => Some(at),
            Proof::NotWanted | Proof::Failed => None,
        });
        let others = [self.session.poll_timeout(), proof];
        others
            .into_iter()
            .flatten()
            .fold(self.end(handshake), Instant::min)
    }
}
