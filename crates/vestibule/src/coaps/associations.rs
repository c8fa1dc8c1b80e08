//! What an application sees of the associations of its worker, and does with them.

use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    sync::Arc,
    time::Instant,
};

use vestibule_coap::{
    Endpoint,
    endpoint::{Budget, Config},
};
use vestibule_dtls::server::{AssociationId, Path, Server, TrialId};

use super::{
    Peer,
    proof::{Answer, Proof},
};

/// The associations of one worker.
#[derive(Debug)]
pub struct Associations {
    pub(super) now: Instant,
    pub(super) dtls: Server,
    pub(super) slots: HashMap<AssociationId, Slot>,
    /// Those whose endpoints may have something to say or to send.
    touched: VecDeque<AssociationId>,
    /// When the endpoints want to be woken, and the application for an association.
    pub(super) timers: BTreeSet<(Instant, AssociationId)>,
    coap: Arc<Config>,
    budget: Budget,
}

/// What is kept for an association beside its DTLS.
#[derive(Debug, Default)]
pub(super) struct Slot {
    /// Made when it is needed first, and kept to the end: ids must not come twice.
    pub(super) endpoint: Option<Box<Endpoint>>,
    /// By which way its last payload came.
    pub(super) path: Option<Path>,
    /// Its entry in [`Associations::timers`].
    pub(super) timer: Option<Instant>,
    /// When the application wants to be woken.
    pub(super) wake_at: Option<Instant>,
    /// Whether the application has failed with it. It is about to be closed.
    pub(super) has_failed: bool,
    /// Whether it is in [`Associations::touched`].
    is_touched: bool,
    /// What is waited for to know where the peer is.
    proof: Option<Box<Proof>>,
}

impl Associations {
    pub(super) fn new(dtls: Server, coap: Arc<Config>, budget: Budget) -> Self {
        Self {
            now: Instant::now(),
            dtls,
            slots: HashMap::new(),
            touched: VecDeque::new(),
            timers: BTreeSet::new(),
            coap,
            budget,
        }
    }

    /// The time, which stands still while a method of the application runs.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.now
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// All of them, in no order.
    pub fn ids(&self) -> impl Iterator<Item = AssociationId> {
        self.slots.keys().copied()
    }

    /// One of them. `None`: it is over.
    pub fn peer(&mut self, id: AssociationId) -> Option<Peer<'_>> {
        let associations = self;
        associations
            .slots
            .contains_key(&id)
            .then_some(Peer::new(associations, id))
    }

    /// What is kept for an association that the application has not failed with.
    pub(super) fn unfailed(&mut self, id: AssociationId) -> Option<&mut Slot> {
        let slot = self.slots.get_mut(&id);
        slot.filter(|slot| !slot.has_failed)
    }

    /// The endpoint of an association that is there.
    pub(super) fn endpoint(&mut self, id: AssociationId) -> &mut Endpoint {
        let slot = self.slots.entry(id).or_default();
        slot.endpoint.get_or_insert_with(|| {
            let (coap, budget) = (Arc::clone(&self.coap), self.budget.clone());
            Box::new(Endpoint::new(coap, budget, rand::random()))
        })
    }

    /// Notes that an endpoint may have something to say or to send.
    pub(super) fn touch(&mut self, id: AssociationId) {
        if let Some(slot) = self.slots.get_mut(&id)
            && !slot.is_touched
        {
            slot.is_touched = true;
            self.touched.push_back(id);
        }
    }

    /// The next of those that were touched.
    pub(super) fn take_touched(&mut self) -> Option<AssociationId> {
        let id = self.touched.pop_front()?;
        if let Some(slot) = self.slots.get_mut(&id) {
            slot.is_touched = false;
        }
        Some(id)
    }

    /// Wakes who has to do with an association at the first time that somebody says.
    pub(super) fn arm(&mut self, id: AssociationId) {
        let Some(slot) = self.slots.get_mut(&id) else {
            return;
        };
        let endpoint = slot.endpoint.as_ref().and_then(|it| it.poll_timeout());
        let proof = slot.proof.as_ref().and_then(|it| it.again);
        let wanted = [endpoint, proof, slot.wake_at].into_iter().flatten().min();
        if wanted == slot.timer {
            return;
        }
        if let Some(before) = std::mem::replace(&mut slot.timer, wanted) {
            self.timers.remove(&(before, id));
        }
        self.timers.extend(wanted.map(|at| (at, id)));
    }

    /// The next association that has something to do now.
    pub(super) fn take_due(&mut self) -> Option<AssociationId> {
        let first = self.timers.first().filter(|(at, _)| *at <= self.now);
        let (_, id) = *first?;
        self.timers.pop_first();
        let slot = self.slots.get_mut(&id)?;
        slot.timer = None;
        Some(id)
    }

    /// Does what is due for an association. Whether the application is to be woken for it.
    pub(super) fn handle_due(&mut self, id: AssociationId) -> bool {
        let now = self.now;
        let Some(slot) = self.slots.get_mut(&id) else {
            return false;
        };
        let wakes = slot.wake_at.take_if(|at| *at <= now).is_some();
        if let Some(endpoint) = &mut slot.endpoint {
            endpoint.handle_timeout(now);
        }
        self.ask_again(id);
        self.touch(id);
        self.arm(id);
        wakes
    }

    /// Asks the peer of an association whether it is at `path`, where it seems to be.
    pub(super) fn want_proof(&mut self, id: AssociationId, trial: TrialId, path: Path) {
        if !self.slots.contains_key(&id) {
            return;
        }
        let message_ids = self.unused_ids(id);
        if let Some(slot) = self.slots.get_mut(&id) {
            slot.proof = Some(Box::new(Proof::new(trial, path, message_ids)));
            self.ask(id);
            self.arm(id);
        }
    }

    /// Asks again if it is time.
    pub(super) fn ask_again(&mut self, id: AssociationId) {
        let proof = self.slots.get(&id).and_then(|slot| slot.proof.as_ref());
        if proof.is_some_and(|proof| proof.again.is_some_and(|at| at <= self.now)) {
            self.ask(id);
        }
    }

    /// Two message ids that nobody can guess, and that the endpoint does not use.
    fn unused_ids(&mut self, id: AssociationId) -> [u16; 2] {
        let now = self.now;
        let endpoint = self.endpoint(id);
        // It has none when most ids of the last minutes are in use. One of those may be answered by mistake; it is
        // guessed as little.
        [(); 2].map(|()| endpoint.reserve_id(now).unwrap_or_else(rand::random))
    }

    fn ask(&mut self, id: AssociationId) {
        let proof = self.slots.get_mut(&id).and_then(|slot| slot.proof.as_mut());
        if let Some(proof) = proof {
            for question in proof.ask(self.now) {
                // One that may not be sent now is asked again later.
                let _ = self.dtls.ask(self.now, id, proof.trial, &question);
            }
        }
    }

    /// Looks whether a payload that came by `path` is an answer to the question where the peer is.
    pub(super) fn hear_proof(&mut self, id: AssociationId, path: Path, payload: &[u8]) -> bool {
        let Some(slot) = self.slots.get_mut(&id) else {
            return false;
        };
        let Some(proof) = &mut slot.proof else {
            return false;
        };
        let (answer, trial) = (proof.hear(path, payload), proof.trial);
        if matches!(answer, Answer::Right | Answer::Guessed) {
            slot.proof = None;
        }
        match answer {
            Answer::None => return false,
            Answer::Part => {}
            Answer::Right => {
                self.dtls.confirm(self.now, id, trial, path);
            }
            Answer::Guessed => self.dtls.doubt(self.now, id, trial),
        }
        self.arm(id);
        answer != Answer::Guessed
    }

    /// Forgets an association.
    pub(super) fn forget(&mut self, id: AssociationId) {
        if let Some(slot) = self.slots.remove(&id)
            && let Some(at) = slot.timer
        {
            self.timers.remove(&(at, id));
        }
    }

    /// When something is to be done.
    pub(super) fn next_timeout(&self) -> Option<Instant> {
        let endpoints = self.timers.first().map(|&(at, _)| at);
        let both = [self.dtls.poll_timeout(), endpoints];
        both.into_iter().flatten().min()
    }

    /// Whether no peer waits for anything: an answer, or the rest of one. What was sent without
    /// being asked for, notifications and pings, keeps nobody.
    pub(super) fn are_quiet(&self) -> bool {
        self.slots.values().all(|slot| {
            // What it was answered is held back until it is known where it is.
            let is_asked = slot.proof.as_ref().is_some_and(|it| it.again.is_some());
            let endpoint = slot.endpoint.as_ref();
            !is_asked && !endpoint.is_some_and(|it| it.is_answering(self.now))
        })
    }

    /// Hands what an endpoint has ready to DTLS.
    pub(super) fn transmit(&mut self, id: AssociationId) {
        let slot = self.slots.get_mut(&id);
        let Some(endpoint) = slot.and_then(|slot| slot.endpoint.as_mut()) else {
            return;
        };
        while let Some(datagram) = endpoint.poll_transmit() {
            // One that is closed or used up says so by an event.
            let _ = self.dtls.send(self.now, id, &datagram);
        }
    }
}
