//! A stack without cryptography, for tests of what stands around a stack. Its records look like those of DTLS 1.2 from
//! outside; inside, the first byte of a payload says what the record does.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    net::SocketAddr,
    time::{Duration, Instant},
};

use crate::{
    session::{
        Accept, Agreement, Answer, CID_LEN, ConnectionId, Fault, SendError, Session, Version,
    },
    wire::{Kind, records},
};

/// What a record does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
pub enum Does {
    /// Ends the handshake.
    Finish = b'F',
    /// Carries a payload.
    Carry = b'D',
    /// close_notify.
    Close = b'C',
    /// Breaks the protocol.
    Break = b'B',
    /// Makes the session give up without a word, at its next timer.
    GiveUp = b'G',
}

/// The bytes of the first flight of a session.
pub const FLIGHT: usize = 700;

/// How long a session waits before it repeats its flight.
pub const REPEAT: Duration = Duration::from_secs(1);

/// A hello. `random` names the attempt, `cookie` is what [`cookie`] gives, `by_ticket` is one of 1.3 with a ticket.
#[must_use]
pub fn hello(random: u8, cookie: &[u8], by_ticket: bool) -> Vec<u8> {
    let mut body = vec![0xfe, 0xfd];
    body.extend([random; 32]);
    body.push(0);
    body.push(cookie.len() as u8);
    body.extend(cookie);
    body.extend([0, 2, 0xc0, 0x2b, 1, 0]);
    let mut extensions = vec![0, 54, 0, 1, 0];
    if by_ticket {
        extensions.extend([0, 43, 0, 3, 2, 0xfe, 0xfc]);
        extensions.extend([0, 41, 0, 4, 1, 2, 3, 4]);
    }
    // Padding (RFC 7685), as a hello is longer than its answer.
    extensions.extend([0, 21, 0, 100]);
    extensions.extend([0; 100]);
    body.extend((extensions.len() as u16).to_be_bytes());
    body.extend(extensions);
    let mut message = vec![1];
    message.extend(&(body.len() as u32).to_be_bytes()[1..]);
    message.extend([0, u8::from(!cookie.is_empty()), 0, 0, 0]);
    message.extend(&(body.len() as u32).to_be_bytes()[1..]);
    message.extend(body);
    plain(22, 0, 0, &message)
}

/// The same hello in pieces of at most `size` bytes of its message.
#[must_use]
pub fn pieces(hello: &[u8], size: usize) -> Vec<Vec<u8>> {
    let (head, body) = hello.split_at(25);
    let pieces = body.chunks(size).enumerate().map(|(at, piece)| {
        let mut message = head[13..19].to_vec();
        message.extend(&((at * size) as u32).to_be_bytes()[1..]);
        message.extend(&(piece.len() as u32).to_be_bytes()[1..]);
        message.extend(piece);
        plain(22, 0, at as u64, &message)
    });
    pieces.collect()
}

/// The cookie of an address.
#[must_use]
pub fn cookie(from: SocketAddr) -> [u8; 8] {
    let mut hasher = DefaultHasher::new();
    from.hash(&mut hasher);
    hasher.finish().to_be_bytes()
}

/// A record of a peer: with its Connection ID, or without.
#[must_use]
pub fn record(cid: Option<ConnectionId>, sequence: u64, does: Does, payload: &[u8]) -> Vec<u8> {
    let mut content = vec![does as u8];
    content.extend(payload);
    let mut record = plain(23, 1, sequence, &content);
    if let Some(cid) = cid {
        record[0] = 25;
        record.splice(11..11, cid);
    }
    record
}

/// A record with the header of 13 bytes.
#[must_use]
pub fn plain(content: u8, epoch: u16, sequence: u64, bytes: &[u8]) -> Vec<u8> {
    let mut record = vec![content, 0xfe, 0xfd];
    record.extend(epoch.to_be_bytes());
    record.extend(&sequence.to_be_bytes()[2..]);
    record.extend((bytes.len() as u16).to_be_bytes());
    record.extend(bytes);
    record
}

/// Makes [`ToySession`]s.
#[derive(Debug, Default)]
pub struct ToyAccept {
    /// Whether sessions are reached by Connection ID.
    pub with_id: bool,
    /// How many have been made.
    pub made: usize,
}

impl Accept for ToyAccept {
    fn handle_hello(
        &mut self,
        now: Instant,
        from: SocketAddr,
        record: &[u8],
        id: ConnectionId,
        skip_cookie: bool,
    ) -> Answer {
        let found = record
            .get(60)
            .and_then(|&length| record.get(61..61 + usize::from(length)));
        let Some(found) = found else {
            return Answer::Nothing;
        };
        if found.is_empty() && !skip_cookie {
            return Answer::Reply(plain(22, 0, 0, &cookie(from)));
        }
        if !found.is_empty() && found != cookie(from) {
            return Answer::Nothing;
        }
        self.made += 1;
        Answer::Session(Box::new(ToySession {
            id: self.with_id.then_some(id),
            ready: vec![plain(22, 0, 1, &[0; FLIGHT])],
            repeat: Some(now + REPEAT),
            established: false,
            newest: None,
            last_is_newest: false,
            closed: false,
            peer_closed: false,
            received: Vec::new(),
            sent: 0,
            gives_up: false,
            over: false,
        }))
    }
}

/// A session without cryptography.
#[derive(Debug)]
pub struct ToySession {
    id: Option<ConnectionId>,
    ready: Vec<Vec<u8>>,
    repeat: Option<Instant>,
    established: bool,
    newest: Option<u64>,
    last_is_newest: bool,
    closed: bool,
    peer_closed: bool,
    received: Vec<u8>,
    sent: u64,
    /// Whether it has given up, at the next timer.
    gives_up: bool,
    over: bool,
}

/// The most payloads that a session sends.
pub const MOST_SENT: u64 = 1000;

impl Session for ToySession {
    fn handle_record(&mut self, now: Instant, record: &[u8]) -> Result<(), Fault> {
        self.last_is_newest = false;
        let Some(record) = records(record).next() else {
            return Ok(());
        };
        let (with_id, at) = match record.kind {
            Kind::Plain { epoch: 1, .. } => (false, 13),
            Kind::Cid12(cid) if Some(cid) == self.id.as_ref().map(|it| &it[..]) => {
                (true, 13 + CID_LEN)
            }
            _ => return Ok(()),
        };
        if with_id != self.id.is_some() {
            return Ok(());
        }
        let mut sequence = [0; 8];
        sequence[2..].copy_from_slice(&record.bytes[5..11]);
        let sequence = u64::from_be_bytes(sequence);
        if self.newest.is_some_and(|newest| sequence == newest) {
            return Ok(());
        }
        let Some((does, payload)) = record.bytes[at..].split_first() else {
            return Ok(());
        };
        match does {
            b'F' => {
                self.established = true;
                self.repeat = None;
            }
            b'D' => self.received.extend_from_slice(payload),
            b'C' => self.peer_closed = true,
            b'B' => return Err(Fault::PeerMisbehaved),
            b'G' => {
                self.gives_up = true;
                self.repeat = Some(now + REPEAT);
            }
            _ => return Ok(()),
        }
        if self.newest.is_none_or(|newest| sequence > newest) {
            self.newest = Some(sequence);
            self.last_is_newest = with_id;
        }
        Ok(())
    }

    fn poll_transmit(&mut self, out: &mut Vec<u8>, _: usize) -> bool {
        if self.ready.is_empty() {
            return false;
        }
        out.extend(self.ready.remove(0));
        true
    }

    fn receive(&mut self, out: &mut Vec<u8>) -> usize {
        let length = self.received.len();
        out.append(&mut self.received);
        length
    }

    fn send(&mut self, payload: &[u8]) -> Result<(), SendError> {
        if self.closed || self.over {
            return Err(SendError::Closed);
        }
        if !self.established {
            return Err(SendError::NotEstablished);
        }
        if self.sent == MOST_SENT {
            return Err(SendError::Exhausted);
        }
        self.sent += 1;
        self.ready
            .push(record(None, self.sent, Does::Carry, payload));
        Ok(())
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.repeat
    }

    fn handle_timeout(&mut self, now: Instant) {
        if self.gives_up {
            self.over = true;
            self.repeat = None;
        } else if self.repeat.is_some_and(|time| time <= now) {
            self.ready.push(plain(22, 0, 2, &[0; FLIGHT]));
            self.repeat = Some(now + REPEAT);
        }
    }

    fn is_established(&self) -> bool {
        self.established
    }

    fn is_newest(&self) -> bool {
        self.last_is_newest
    }

    fn is_over(&self) -> bool {
        self.over
    }

    fn close(&mut self) {
        if self.established && !self.closed {
            self.ready
                .push(record(None, self.sent + 1, Does::Close, &[]));
        }
        self.closed = true;
    }

    fn is_closed_by_peer(&self) -> bool {
        self.peer_closed
    }

    fn connection_id(&self) -> Option<&[u8]> {
        self.id.as_ref().map(|it| &it[..])
    }

    fn overhead(&self) -> usize {
        // Its records carry no Connection ID.
        14
    }

    fn export(&self, _: &[u8], _: &[u8], _: &mut [u8]) -> bool {
        false
    }

    fn peer_certificates(&self) -> &[Vec<u8>] {
        &[]
    }

    fn agreement(&self) -> Option<Agreement> {
        self.established.then_some(Agreement {
            version: Version::Dtls12,
            suite: 0,
            resumed: false,
            server_name: None,
        })
    }

    fn footprint(&self) -> usize {
        size_of::<Self>()
    }
}
