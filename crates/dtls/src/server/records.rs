//! Records of associations.

use std::time::Instant;

use bytes::Bytes;

use super::{
    Server,
    event::{Closed, Event},
    path::{Path, Proof, TrialId},
};
use crate::{
    session::Fault,
    wire::{self, Kind, Record},
};

/// The most bytes of a handshake message in the clear that is no hello: what a client has to say is the share of its key,
/// of at most 133 bytes. No certificate is asked of it.
const MAX_PLAIN_MESSAGE: usize = 512;

/// What a record of epoch 0 holds that is a sign of trouble at the other end (RFC 6347 section 4.1): never answered.
const ALERT: u8 = 21;

/// unexpected_message (RFC 8446 section 6.2).
const UNEXPECTED_MESSAGE: u8 = 10;

impl Server {
    /// Takes a record that is no hello. `first`: it begins a datagram.
    pub(super) fn record(&mut self, now: Instant, path: Path, record: &Record<'_>, first: bool) {
        if wire::longest_message(record.bytes) > MAX_PLAIN_MESSAGE {
            // A stack has to keep parts of messages until the rest comes, and this one anybody can send.
            return self.shared.counters.unknown.add();
        }
        let by_id = record.connection_id().and_then(|cid| self.table.by_id(cid));
        if let Some(slot) = by_id {
            return self.feed(now, slot, path, record.bytes, first);
        }
        let here = self.table.at(&path);
        let handshake = matches!(record.kind, Kind::Plain { epoch: 0, .. });
        // While a handshake goes on, its records are not the old association's. The others may be of either: one that
        // does not have the keys drops them without a trace.
        let open = here.open.filter(|_| !handshake || here.half_open.is_none());
        if open.is_none() && here.half_open.is_none() {
            return self.unknown(now, path, record, first);
        }
        if let Some(slot) = open {
            self.feed(now, slot, path, record.bytes, first);
        }
        if let Some(slot) = here.half_open {
            self.feed(now, slot, path, record.bytes, first && open.is_none());
        }
    }

    /// Gives a record to an association, and acts on what comes of it. `first`: it begins a datagram.
    pub(super) fn feed(&mut self, now: Instant, slot: u32, path: Path, record: &[u8], first: bool) {
        let Some(association) = self.table.get_mut(slot) else {
            return;
        };
        let result = association.session.handle_record(now, record);
        let newest = result.is_ok() && association.session.is_newest();
        if newest {
            association.heard = now;
            if association.heard_from(now, path, TrialId(self.trials)) {
                self.trials += 1;
                self.shared.counters.trials.add();
            }
        }
        association.count(path, record.len(), first);
        if !association.open && association.session.is_established() {
            self.opened(now, slot);
        }
        self.receive(now, slot, path);
        let Some(association) = self.table.get(slot) else {
            return;
        };
        match result {
            Ok(()) if association.session.is_closed_by_peer() => {
                self.end(now, slot, Closed::ByPeer);
            }
            Ok(()) if association.open && association.session.is_over() => {
                self.end(now, slot, Closed::Fault(Fault::Internal));
            }
            Ok(()) => {
                if association.has_settled() {
                    self.want_proof(now, slot);
                }
                self.release(now, slot);
                self.arm(now, slot);
            }
            Err(fault) => self.broken(now, slot, fault),
        }
    }

    /// A handshake is over.
    fn opened(&mut self, now: Instant, slot: u32) {
        let Some(association) = self.table.get_mut(slot) else {
            return;
        };
        let Some(agreement) = association.session.agreement() else {
            return;
        };
        association.heard = now;
        association.unproven = None;
        association.place.open();
        let (id, path) = (association.id, association.home);
        let counters = &self.shared.counters;
        counters.opened.add();
        if agreement.resumed {
            counters.resumed.add();
        }
        if let Some(before) = self.table.open(slot) {
            // Its peer is gone, or has forgotten it.
            self.forget(before, Closed::Replaced);
        }
        self.events.push_back(Event::Opened {
            id,
            agreement,
            path,
        });
    }

    /// Passes a payload up.
    fn receive(&mut self, now: Instant, slot: u32, path: Path) {
        let Some(association) = self.table.get_mut(slot).filter(|it| it.open) else {
            return;
        };
        self.scratch.clear();
        if association.session.receive(&mut self.scratch) > 0 {
            association.heard = now;
            self.events.push_back(Event::Received {
                id: association.id,
                path,
                payload: Bytes::copy_from_slice(&self.scratch),
            });
        }
    }

    /// The association cannot go on.
    fn broken(&mut self, now: Instant, slot: u32, fault: Fault) {
        let counters = &self.shared.counters;
        if self.table.get(slot).is_some_and(|it| !it.open) {
            counters.handshakes_failed.add();
        }
        match fault {
            Fault::Panicked => counters.panics.add(),
            Fault::Excessive => counters.excesses.add(),
            Fault::Alert(_) | Fault::PeerMisbehaved | Fault::Internal => {}
        }
        // Perhaps there is an alert to be sent.
        self.drain(now, slot);
        self.forget(slot, Closed::Fault(fault));
    }

    /// A record of nobody.
    fn unknown(&mut self, now: Instant, path: Path, record: &Record<'_>, first: bool) {
        let alert = match record.kind {
            Kind::Plain { content, epoch } => epoch == 0 || content == ALERT,
            Kind::Cid12(_) | Kind::Unified { .. } => false,
        };
        if first {
            self.shared.counters.unknown.add();
            if self.config.answer_unknown && !alert {
                self.alert(now, path, record.bytes.len(), UNEXPECTED_MESSAGE, 0);
            }
        }
    }

    /// Does for an association what is due.
    pub(super) fn wake(&mut self, now: Instant, slot: u32) {
        let Some(association) = self.table.get_mut(slot) else {
            return;
        };
        association.timer = None;
        if association.end(self.config.handshake_timeout) <= now {
            if association.open {
                return self.end(now, slot, Closed::Idle);
            }
            self.shared.counters.handshake_timeouts.add();
            return self.forget(slot, Closed::Idle);
        }
        let session = &mut association.session;
        if session.poll_timeout().is_some_and(|time| time <= now) {
            session.handle_timeout(now);
        }
        if association.open && session.is_over() {
            return self.end(now, slot, Closed::Fault(Fault::Internal));
        }
        match association.trial.as_ref().map(|it| it.proof) {
            Some(Proof::Due(_)) => self.want_proof(now, slot),
            Some(Proof::Until(at)) if at <= now => self.give_up_proof(now, slot),
            _ => {}
        }
        self.release(now, slot);
        self.arm(now, slot);
    }
}
