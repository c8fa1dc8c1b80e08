//! Hellos, and the associations that come of them.

use std::{collections::VecDeque, hash::BuildHasher, time::Instant};

use rand::Rng;

use super::{
    Server, Transmit,
    association::Association,
    event::{AssociationId, Meter},
    path::{Allowance, Path},
    shared::Place,
};
use crate::{
    session::{Answer, ConnectionId, Session},
    wire::{Hello, Record},
};

/// A whole hello.
struct Whole<'a> {
    /// The record with it, alone and unfragmented.
    record: &'a [u8],
    /// A hash of its random, which both hellos of one attempt have in common.
    attempt: u64,
    /// Whether it has a cookie.
    cookie: bool,
    /// Whether a ticket may stand for one.
    ticket: bool,
}

/// handshake_failure (RFC 8446 section 6.2).
const HANDSHAKE_FAILURE: u8 = 40;

impl Server {
    /// Takes a record with a hello, or a piece of one, and says whether the hello is whole by that.
    pub(super) fn hello(&mut self, now: Instant, path: Path, record: &Record<'_>) -> bool {
        let Some(hello) = Hello::peek(record.bytes) else {
            self.shared.counters.hellos_dropped.add();
            return true;
        };
        if hello.whole {
            self.whole_hello(now, path, record.bytes, &hello);
            return true;
        }
        let Some(whole) = self.pieces.add(now, path.remote, record.bytes, &hello) else {
            return false;
        };
        match Hello::peek(&whole) {
            Some(hello) => self.whole_hello(now, path, &whole, &hello),
            None => self.shared.counters.hellos_dropped.add(),
        }
        true
    }

    fn whole_hello(&mut self, now: Instant, path: Path, record: &[u8], hello: &Hello) {
        let Some(random) = hello.random else {
            return self.shared.counters.hellos_dropped.add();
        };
        let hello = Whole {
            record,
            attempt: self.hasher.hash_one(random),
            cookie: hello.cookie,
            ticket: hello.offers_13 && hello.ticket,
        };
        let here = self.table.at(&path);
        let same = |slot: u32| {
            self.table
                .get(slot)
                .is_some_and(|it| it.attempt == hello.attempt)
        };
        if let Some(slot) = here.half_open.filter(|&slot| same(slot)) {
            // Repeated: our flight is late, or lost. The session knows whether that needs anything.
            return self.feed(now, slot, path, record, true);
        }
        if here.open.is_some_and(same) {
            return;
        }
        self.answer(now, path, &hello);
    }

    /// Answers a hello that no association has come of.
    fn answer(&mut self, now: Instant, path: Path, hello: &Whole<'_>) {
        if self.shared.may_look().is_err() {
            return;
        }
        let address = path.remote.ip();
        // Asked before the keys are made, and again after: only then its owner has shown to be there.
        if hello.cookie && self.shared.may_begin(now, address).is_err() {
            return;
        }
        let skip_cookie =
            !hello.cookie && hello.ticket && self.shared.may_skip_cookie(now, address);
        let cid = self.new_connection_id();
        let answer = self
            .accept
            .handle_hello(now, path.remote, hello.record, cid, skip_cookie);
        let counters = &self.shared.counters;
        match answer {
            // No longer than what it answers, or we would be of use in an attack.
            Answer::Reply(bytes) if bytes.len() <= hello.record.len() => {
                counters.cookies.add();
                self.transmits.push_back(Transmit { path, bytes });
            }
            Answer::Session(session) => {
                if let Ok(place) = self.shared.begin(now, address, !hello.cookie) {
                    self.begin(now, path, hello, cid, session, place);
                }
            }
            Answer::Reply(_) => counters.hellos_too_short.add(),
            Answer::Nothing => {
                counters.hellos_dropped.add();
                if hello.cookie && self.table.at(&path).is_empty() {
                    // The request for the cookie had the number 0.
                    self.alert(now, path, hello.record.len(), HANDSHAKE_FAILURE, 1);
                }
            }
        }
    }

    fn begin(
        &mut self,
        now: Instant,
        path: Path,
        hello: &Whole<'_>,
        cid: ConnectionId,
        session: Box<dyn Session>,
        place: Place,
    ) {
        let counters = &self.shared.counters;
        counters.handshakes.add();
        if !hello.cookie {
            counters.handshakes_by_ticket.add();
        }
        if let Some(before) = self.table.at(&path).half_open {
            counters.handshakes_failed.add();
            self.forget(before, super::Closed::Replaced);
        }
        self.serial += 1;
        let mut association = Association {
            id: AssociationId {
                worker: self.worker,
                slot: self.table.next_slot(),
                serial: self.serial,
            },
            cid,
            session,
            attempt: hello.attempt,
            open: false,
            since: now,
            heard: now,
            lifetime: self.config.idle_lifetime,
            home: path,
            unproven: (!hello.cookie).then(Allowance::default),
            trial: None,
            next_question: None,
            held: VecDeque::new(),
            timer: None,
            place,
            meter: Meter::default(),
        };
        association.count(path, hello.record.len(), true);
        let slot = self.table.insert(association);
        self.drain(now, slot);
        self.arm(now, slot);
    }

    /// A Connection ID that nobody has.
    fn new_connection_id(&mut self) -> ConnectionId {
        loop {
            let mut cid: ConnectionId = self.random.random();
            cid[0] = self.worker;
            if self.table.by_id(cid).is_none() {
                return cid;
            }
        }
    }
}
