//! An association of DTLS 1.3 after its handshake, at the server, without the stack.
//!
//! The stack keeps for each association what a handshake needs, and room for six sets of keys: 13 kB. What is
//! needed when the handshake is over is little: two secrets, two sets of keys, the numbers of records and messages.
//! So the stack is done with when it has taken the client's Finished. Its key log tells the secrets; what it still has
//! to say, an acknowledgement and a ticket, tells the rest, and shows that our keys are the ones that it uses.
//!
//! What there is besides payloads: acknowledgements and repetitions (RFC 9147 section 7), new keys on both sides
//! (section 8), Connection IDs (section 9), alerts, and repetitions of the client's Finished, which are acknowledged
//! again (section 5.8.1). No certificate is asked of a client after the handshake.

mod flight;
mod handover;
mod incoming;
mod message;
#[cfg(test)]
mod tests;

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use self::{
    flight::{Due, Flight},
    message::{ACK, ALERT, HANDSHAKE, Inbox, KEY_UPDATE, NEW_CONNECTION_ID, Number, PAYLOAD},
};
use crate::{
    protection::{Keys, Secret, Window},
    session::{Agreement, ConnectionId, Fault, MAX_PAYLOAD, SendError, Session},
};
pub(crate) use handover::{Handover, Secrets};

/// The most payloads of one association, as with the stack.
const MAX_SENT: u32 = 1 << 22;

/// The most records under one key (RFC 8446 section 5.5, RFC 9147 section 4.5.3 have a little more): payloads, and what
/// is said besides.
const MAX_RECORDS: u64 = 1 << 23;

/// How long the keys of an epoch are kept when the peer has used newer ones, for what is late or comes again: twice the
/// longest pause between repetitions. Before that it may not know that it should: our acknowledgement may be lost, and the
/// peer asleep.
const RETIREMENT: Duration = Duration::from_secs(120);

/// An association of DTLS 1.3 after its handshake.
pub(crate) struct Established {
    agreement: Agreement,
    exporter: Secret,
    read: Reading,
    /// The epoch before the one that is read. Records of it are rare, so its keys are made when one comes.
    retired: Option<Box<Retired>>,
    write: Writing,
    /// The Connection ID by which we are reached, and all that it may be besides.
    id: Option<ConnectionId>,
    spare_ids: Vec<ConnectionId>,
    /// The Connection ID of the peer.
    peer: Box<[u8]>,
    inbox: Inbox,
    flight: Flight,
    /// The number of our next message.
    next_message: u16,
    /// Whether we have said that new keys come: they do when all is acknowledged.
    updating: bool,
    /// The records of the client's Finished, until it is known to be past it.
    unconfirmed: Vec<Number>,
    /// How many Connection IDs the peer waits for.
    ids_owed: u8,
    ids_asked: u8,
    /// When the peer had new keys, and how often since.
    updates: (Option<Instant>, u32),
    /// How many records did not authenticate.
    forged: u64,
    sent: u32,
    newest: Number,
    is_newest: bool,
    said_goodbye: bool,
    closed_by_peer: bool,
    failed: bool,
    /// Payloads for the application.
    received: Vec<u8>,
    /// Records for the peer.
    outgoing: VecDeque<Vec<u8>>,
}

/// The epoch that is read.
struct Reading {
    epoch: u64,
    secret: Secret,
    keys: Keys,
    window: Window,
}

/// The epoch before.
struct Retired {
    epoch: u64,
    secret: Secret,
    window: Window,
    /// `None`: the peer has not used newer ones.
    until: Option<Instant>,
}

/// The epoch that is written.
struct Writing {
    epoch: u64,
    secret: Secret,
    keys: Keys,
    /// The number of the next record.
    next: u64,
}

impl Established {
    /// Seals a record, and lets it go.
    fn emit(&mut self, kind: u8, content: &[u8]) -> Option<Number> {
        if self.write.next >= MAX_RECORDS {
            return None;
        }
        let number = (self.write.epoch, self.write.next);
        let record = self.write.keys.seal(number, &self.peer, kind, content)?;
        // Never the same number twice under one key.
        self.write.next += 1;
        self.outgoing.push_back(record);
        Some(number)
    }

    /// Sends a handshake message, again and again until it is acknowledged.
    fn tell(&mut self, now: Instant, kind: u8, body: &[u8]) -> Option<()> {
        let fragment = message::message(kind, self.next_message, body)?;
        self.next_message = self.next_message.checked_add(1)?;
        let number = self.emit(HANDSHAKE, &fragment)?;
        self.flight.add(now, number, fragment);
        Some(())
    }

    fn acknowledge(&mut self, numbers: &[Number]) {
        if let Some(content) = message::acknowledgement(numbers) {
            self.emit(ACK, &content);
        }
    }

    /// Goes on when all is acknowledged: writes under new keys if the peer knows of them, and gives out Connection IDs
    /// that it waits for. Nothing that is to be repeated is ever of an epoch before (RFC 9147 section 4.2.1).
    fn advance(&mut self, now: Instant) -> Result<(), Fault> {
        if !self.flight.is_empty() {
            return Ok(());
        }
        if std::mem::take(&mut self.updating) {
            let secret = self.write.secret.next().ok_or(Fault::Internal)?;
            let keys = Keys::new(&secret).ok_or(Fault::Internal)?;
            self.write = Writing {
                epoch: self.write.epoch + 1,
                secret,
                keys,
                next: 0,
            };
        }
        if self.ids_owed > 0 {
            let owed = usize::from(std::mem::take(&mut self.ids_owed));
            let body = self.issue(owed).ok_or(Fault::Internal)?;
            self.tell(now, NEW_CONNECTION_ID, &body)
                .ok_or(Fault::Internal)?;
        }
        Ok(())
    }

    /// Tells the peer why this cannot go on.
    fn fail(&mut self, description: u8) -> Fault {
        self.emit(ALERT, &[2, description]);
        self.failed = true;
        Fault::PeerMisbehaved
    }

    /// Forgets the keys of an epoch whose time is over.
    fn retire(&mut self, now: Instant) {
        self.retired
            .take_if(|retired| retired.until.is_some_and(|until| until <= now));
    }
}

impl Session for Established {
    fn handle_record(&mut self, now: Instant, record: &[u8]) -> Result<(), Fault> {
        self.is_newest = false;
        self.retire(now);
        if self.is_over() {
            return Ok(());
        }
        let taken = self.take(now, record);
        self.failed |= taken.is_err();
        taken
    }

    fn poll_transmit(&mut self, out: &mut Vec<u8>, limit: usize) -> bool {
        let mut packed = 0;
        while let Some(record) = self.outgoing.front() {
            if packed > 0 && packed + record.len() > limit {
                return true;
            }
            packed += record.len();
            out.extend_from_slice(record);
            self.outgoing.pop_front();
        }
        self.outgoing = VecDeque::new();
        packed > 0
    }

    fn receive(&mut self, out: &mut Vec<u8>) -> usize {
        let received = std::mem::take(&mut self.received);
        out.extend_from_slice(&received);
        received.len()
    }

    fn send(&mut self, payload: &[u8]) -> Result<(), SendError> {
        if self.said_goodbye || self.is_over() {
            return Err(SendError::Closed);
        }
        if payload.len() > MAX_PAYLOAD {
            return Err(SendError::TooLong);
        }
        if self.sent >= MAX_SENT {
            return Err(SendError::Exhausted);
        }
        self.emit(PAYLOAD, payload).ok_or(SendError::Exhausted)?;
        self.sent += 1;
        Ok(())
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let retired = self.retired.as_ref().and_then(|retired| retired.until);
        [self.flight.due(), retired].into_iter().flatten().min()
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.retire(now);
        match self.flight.handle_timeout(now) {
            Due::Nothing => {}
            Due::Repeat => {
                let mut flight = std::mem::take(&mut self.flight);
                for sent in flight.sent() {
                    let number = self.emit(HANDSHAKE, &sent.fragment);
                    sent.numbers.extend(number);
                }
                self.flight = flight;
            }
            Due::GiveUp => {
                // The peer may have new keys of ours, or not (RFC 9147 section 8). It can do without anything else.
                self.failed |= self.flight.has(KEY_UPDATE);
                self.flight.clear();
                self.failed |= self.advance(now).is_err();
            }
        }
    }

    fn is_established(&self) -> bool {
        true
    }

    fn is_newest(&self) -> bool {
        self.is_newest
    }

    fn is_over(&self) -> bool {
        self.failed || self.closed_by_peer
    }

    fn close(&mut self) {
        if self.said_goodbye || self.failed {
            return;
        }
        // A client that still waits for it would take good-bye for the end of a handshake that failed.
        let unconfirmed = std::mem::take(&mut self.unconfirmed);
        if !unconfirmed.is_empty() {
            self.acknowledge(&unconfirmed);
        }
        // A warning, and close_notify (RFC 8446 section 6.1).
        self.emit(ALERT, &[1, 0]);
        self.said_goodbye = true;
    }

    fn is_closed_by_peer(&self) -> bool {
        self.closed_by_peer
    }

    fn connection_id(&self) -> Option<&[u8]> {
        self.id.as_ref().map(|id| &id[..])
    }

    fn overhead(&self) -> usize {
        // Flags, half of the number, length (RFC 9147 section 4); the content type; what authenticates it.
        5 + self.peer.len() + 1 + 16
    }

    fn export(&self, label: &[u8], context: &[u8], out: &mut [u8]) -> bool {
        self.exporter.export(label, context, out).is_some()
    }

    fn peer_certificates(&self) -> &[Vec<u8>] {
        &[]
    }

    fn agreement(&self) -> Option<Agreement> {
        Some(self.agreement.clone())
    }

    fn footprint(&self) -> usize {
        let name = self.agreement.server_name.as_ref();
        let retired = self.retired.as_ref().map_or(0, |_| size_of::<Retired>());
        size_of::<Self>() + name.map_or(0, String::len) + retired + self.received.capacity()
    }
}
