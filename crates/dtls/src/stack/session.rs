//! One association of the stack.

use std::{
    mem,
    time::{Duration, Instant},
};

use purecrypto::tls::{Connection, Error, ProtocolVersion};

use crate::{
    identity::Identity,
    session::{Agreement, Fault, MAX_PAYLOAD, SendError, Session, Version},
    wire::{self, Hello},
};

/// What a session of the stack takes on the heap, beside certificates: measured.
const FOOTPRINT_12: usize = 8_000;
const FOOTPRINT_13: usize = 13_300;

/// The most payloads of one session. The stack has twice as many record numbers, without a word when they end: the rest
/// is for what it says by itself, and for close_notify.
pub(super) const MAX_SENT: u32 = 1 << 22;

/// Bytes that authenticate a record, in all suites that are used.
const TAG: usize = 16;

/// One association of the stack.
pub struct StackSession {
    pub(super) connection: Connection,
    version: Version,
    /// Signs for a server.
    identity: Option<Identity>,
    /// The name that the client asked for. The stack of a server does not tell.
    server_name: Option<Box<str>>,
    /// The stack counts time from here.
    epoch: Instant,
    /// A record of the stack that waits for the next datagram.
    spare: Vec<u8>,
    /// Records of epoch 0 get the number after the one that the stack gives them: the answer that carried the cookie
    /// had the first.
    bump: bool,
    /// Whether the handshake has been over; the stack forgets that when the association is.
    established: bool,
    /// Payloads that were sent.
    pub(super) sent: u32,
}

impl StackSession {
    pub(super) fn client(
        connection: Connection,
        version: Version,
        epoch: Instant,
        server_name: &str,
    ) -> Self {
        Self {
            connection,
            version,
            identity: None,
            server_name: Some(server_name.into()),
            epoch,
            spare: Vec::new(),
            bump: false,
            established: false,
            sent: 0,
        }
    }

    /// A session that begins with `hello`, the first one or the one with the cookie.
    pub(super) fn server(
        connection: Connection,
        version: Version,
        epoch: Instant,
        identity: Identity,
        hello: &[u8],
    ) -> Self {
        Self {
            connection,
            version,
            identity: Some(identity),
            server_name: Hello::server_name(hello).map(Box::from),
            epoch,
            spare: Vec::new(),
            bump: Hello::peek(hello).is_some_and(|hello| hello.cookie),
            established: false,
            sent: 0,
        }
    }

    /// The record that is sent next; empty if there is none.
    pub(super) fn next_record(&mut self) -> &[u8] {
        if self.spare.is_empty() {
            self.spare = self.pop();
        }
        &self.spare
    }

    /// All that waits to be sent, as the stack has packed it.
    pub(super) fn take_records(&mut self) -> Vec<Vec<u8>> {
        let mut records = Vec::new();
        while !self.next_record().is_empty() {
            records.push(mem::take(&mut self.spare));
        }
        records
    }

    /// Takes that back, to be sent in one piece.
    pub(super) fn put_back(&mut self, records: &[Vec<u8>]) {
        self.spare = records.concat();
    }

    /// The Connection ID in records to the peer, if there are any.
    pub(super) fn peer_connection_id(&self) -> Option<&[u8]> {
        self.connection.peer_connection_id()
    }

    /// The name that the client asked for, or the address it gave instead.
    pub(super) fn server_name(&self) -> Option<&str> {
        self.server_name.as_deref()
    }

    fn pop(&mut self) -> Vec<u8> {
        let mut record = self.connection.pop().unwrap_or_default();
        if self.bump {
            wire::bump_epoch0(&mut record);
        }
        record
    }

    fn since_epoch(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.epoch)
    }

    /// Signs what the stack wants signed.
    fn sign(&mut self) -> Result<(), Fault> {
        while let Some(request) = self.connection.signature_request() {
            let identity = self.identity.as_ref().ok_or(Fault::Internal)?;
            let signature = identity
                .sign(request.scheme, &request.message)
                .ok_or(Fault::Internal)?;
            let given = self.connection.provide_signature(signature);
            given.map_err(|error| fault(&error))?;
        }
        Ok(())
    }
}

impl Session for StackSession {
    fn handle_record(&mut self, now: Instant, record: &[u8]) -> Result<(), Fault> {
        self.connection.set_now(self.since_epoch(now));
        let taken = self.connection.feed(record);
        taken.map_err(|error| fault(&error))?;
        self.sign()?;
        self.established |= self.connection.is_handshake_complete();
        Ok(())
    }

    fn poll_transmit(&mut self, out: &mut Vec<u8>, limit: usize) -> bool {
        let mut packed = 0;
        loop {
            let length = self.next_record().len();
            if length == 0 || (packed > 0 && packed + length > limit) {
                return packed > 0;
            }
            packed += length;
            out.append(&mut mem::take(&mut self.spare));
        }
    }

    fn receive(&mut self, out: &mut Vec<u8>) -> usize {
        self.connection.recv_into(out).unwrap_or(0)
    }

    fn send(&mut self, payload: &[u8]) -> Result<(), SendError> {
        if !self.is_established() {
            return Err(SendError::NotEstablished);
        }
        if payload.len() > MAX_PAYLOAD {
            return Err(SendError::TooLong);
        }
        if self.sent >= MAX_SENT {
            return Err(SendError::Exhausted);
        }
        let sent = self.connection.send(payload);
        sent.map_err(|error| match error {
            Error::TooManyRecords => SendError::Exhausted,
            // With a Connection ID the content type counts too (RFC 9146 section 4).
            Error::RecordOverflow => SendError::TooLong,
            _ => SendError::Closed,
        })?;
        self.sent += 1;
        Ok(())
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.epoch.checked_add(self.connection.next_timeout()?)
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.connection.on_timeout(self.since_epoch(now));
    }

    fn is_established(&self) -> bool {
        self.established
    }

    fn is_newest(&self) -> bool {
        self.connection.datagram_allows_peer_address_update()
    }

    fn is_over(&self) -> bool {
        // The stack knows no suite any more when it has given up.
        self.is_established() && self.connection.negotiated_cipher_suite().is_none()
    }

    fn close(&mut self) {
        // The only error is that there are no keys yet, and then there is nothing to be said.
        let _ = self.connection.close();
    }

    fn is_closed_by_peer(&self) -> bool {
        self.connection.received_close_notify()
    }

    fn connection_id(&self) -> Option<&[u8]> {
        self.connection.local_connection_id()
    }

    fn overhead(&self) -> usize {
        let id = self.connection.peer_connection_id().map(<[u8]>::len);
        let suite = self.connection.negotiated_cipher_suite();
        // The content type is inside where there is a Connection ID (RFC 9146 section 4).
        let by_id = id.filter(|&id| id > 0).map_or(0, |id| id + 1);
        match (self.version, suite) {
            // Flags, half of the number, length (RFC 9147 section 4); the content type is always inside.
            (Version::Dtls13, _) => 5 + id.unwrap_or(0) + 1 + TAG,
            (Version::Dtls12, Some(0xcca8 | 0xcca9)) => 13 + by_id + TAG,
            // Eight bytes of nonce (RFC 5288 section 3).
            (Version::Dtls12, _) => 13 + by_id + 8 + TAG,
        }
    }

    fn export(&self, label: &[u8], context: &[u8], out: &mut [u8]) -> bool {
        self.connection.tls_exporter(label, context, out).is_ok()
    }

    fn peer_certificates(&self) -> &[Vec<u8>] {
        self.connection.peer_certificates()
    }

    fn agreement(&self) -> Option<Agreement> {
        if !self.is_established() {
            return None;
        }
        let version = match self.connection.negotiated_version()? {
            ProtocolVersion::DTLSv1_3 => Version::Dtls13,
            _ => Version::Dtls12,
        };
        Some(Agreement {
            version,
            suite: self.connection.negotiated_cipher_suite()?,
            resumed: self.connection.resumed(),
            server_name: self.server_name().map(str::to_owned),
        })
    }

    fn footprint(&self) -> usize {
        let chain = match &self.identity {
            Some(identity) => identity.chain(),
            None => self.peer_certificates(),
        };
        let engine = match self.version {
            Version::Dtls12 => FOOTPRINT_12,
            Version::Dtls13 => FOOTPRINT_13,
        };
        size_of::<Self>() + engine + chain.iter().map(Vec::len).sum::<usize>()
    }
}

fn fault(error: &Error) -> Fault {
    match error {
        Error::AlertReceived(description) => Fault::Alert(description.as_u8()),
        Error::InappropriateState | Error::TooManyRecords => Fault::Internal,
        _ => Fault::PeerMisbehaved,
    }
}
