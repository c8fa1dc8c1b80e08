//! The seam between this crate and a DTLS stack.

use std::{fmt, net::SocketAddr, time::Instant};

/// The most bytes of a datagram that a flight is packed into.
pub const MAX_DATAGRAM: usize = 1200;

/// The most bytes of a payload that [`Session::send`] takes: one record (RFC 6347 section 4.1). It takes one byte less
/// towards a peer of 1.2 with a Connection ID (RFC 9146 section 4).
pub const MAX_PAYLOAD: usize = 16_384;

/// The length of the Connection IDs that servers give out.
pub const CID_LEN: usize = 4;

/// A Connection ID that a server gave out. Its first byte names the worker.
pub type ConnectionId = [u8; CID_LEN];

/// Versions of the protocol.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Version {
    /// RFC 6347.
    Dtls12,
    /// RFC 9147.
    Dtls13,
}

impl Version {
    /// Its name in logs and metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Dtls12 => "1.2",
            Self::Dtls13 => "1.3",
        }
    }
}

/// One association, as its stack sees it: keys, sequence numbers, and the flights of the handshake. It knows no
/// addresses.
///
/// Records go in by [`Self::handle_record`], one at a time; after each, [`Self::receive`] has what it said. After any
/// call that changes something there may be datagrams for [`Self::poll_transmit`], and another time in
/// [`Self::poll_timeout`].
pub trait Session: Send {
    /// Takes one record. One that does not authenticate, is a repetition or makes no sense is dropped without a word,
    /// as RFC 6347 section 4.1.2.7 has it.
    ///
    /// # Errors
    /// The association is over: the peer broke the protocol in a record that authenticates, or has sent a fatal alert.
    fn handle_record(&mut self, now: Instant, record: &[u8]) -> Result<(), Fault>;

    /// Appends one datagram to `out`, of at most `limit` bytes unless a single record is longer. `false`: there is
    /// nothing to be sent.
    fn poll_transmit(&mut self, out: &mut Vec<u8>, limit: usize) -> bool;

    /// Appends the payload of the records that were taken since the last call, and says how many bytes those are.
    fn receive(&mut self, out: &mut Vec<u8>) -> usize;

    /// Protects a payload, as one record.
    ///
    /// # Errors
    /// The handshake is not over, the association is closed, the payload is longer than [`MAX_PAYLOAD`], or the record
    /// numbers are used up.
    fn send(&mut self, payload: &[u8]) -> Result<(), SendError>;

    /// When [`Self::handle_timeout`] is to be called. `None`: nothing is waited for.
    fn poll_timeout(&self) -> Option<Instant>;

    /// Repeats what was not answered.
    fn handle_timeout(&mut self, now: Instant);

    /// Whether the handshake is over, and maybe the association too: both sides have proved who they are (the certificate chain of a server is the
    /// client's to check) and payloads flow.
    fn is_established(&self) -> bool;

    /// Whether the record taken last authenticated, carried our Connection ID and is the newest of all: what RFC 9146
    /// section 6 asks before the address it came from may be considered.
    fn is_newest(&self) -> bool;

    /// Whether nothing can be sent or received any more. Stacks may give up without a word, such as when new keys are
    /// not acknowledged (RFC 9147 section 8).
    fn is_over(&self) -> bool;

    /// Sends close_notify, if there are keys for it.
    fn close(&mut self);

    /// Whether the peer has sent close_notify, in a record that authenticates.
    fn is_closed_by_peer(&self) -> bool;

    /// The Connection ID by which this side is reached; empty or `None`: without one.
    fn connection_id(&self) -> Option<&[u8]>;

    /// How many bytes longer the record of a payload is than the payload.
    fn overhead(&self) -> usize;

    /// Keying material for others (RFC 5705, RFC 8446 section 7.5). `false`: there is none (yet).
    fn export(&self, label: &[u8], context: &[u8], out: &mut [u8]) -> bool;

    /// The certificates of the peer, its own first. Empty when it showed none, also in a resumed association.
    fn peer_certificates(&self) -> &[Vec<u8>];

    /// What was agreed. `None` before the handshake is over.
    fn agreement(&self) -> Option<Agreement>;

    /// About what the allocator was asked for, in bytes. AWS-LC has another one.
    fn footprint(&self) -> usize;
}

/// What both sides agreed on.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Agreement {
    /// The version.
    pub version: Version,
    /// The cipher suite, by its number in the registry.
    pub suite: u16,
    /// Whether an earlier association was resumed.
    pub resumed: bool,
    /// The name that the client asked for, if it did. An address written as text is possible here, though RFC 6066
    /// forbids it: there are clients that send one.
    pub server_name: Option<String>,
}

/// Makes sessions of hellos. There is one for each worker.
pub trait Accept: Send {
    /// Answers a whole ClientHello: `record` holds it alone, unfragmented, in epoch 0. Before the peer has returned a
    /// cookie bound to `from`, nothing is kept (RFC 6347 section 4.2.1); with `skip_cookie` a ticket that was given to
    /// the same address may stand for it (RFC 9147 section 5.1). A session that comes of it is reached by `id` if the
    /// peer agrees to that.
    fn handle_hello(
        &mut self,
        now: Instant,
        from: SocketAddr,
        record: &[u8],
        id: ConnectionId,
        skip_cookie: bool,
    ) -> Answer;
}

/// What is answered to a hello.
pub enum Answer {
    /// This datagram, and nothing is kept.
    Reply(Vec<u8>),
    /// A session, which has its first flight ready.
    Session(Box<dyn Session>),
    /// Nothing. For a hello with a cookie that may mean that there is nothing in it that both sides can.
    Nothing,
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reply(bytes) => write!(f, "Reply({} bytes)", bytes.len()),
            Self::Session(_) => f.write_str("Session"),
            Self::Nothing => f.write_str("Nothing"),
        }
    }
}

/// Why an association is over before its time.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fault {
    /// The peer sent this fatal alert (RFC 8446 section 6), in a record that authenticates.
    Alert(u8),
    /// The peer broke the protocol.
    PeerMisbehaved,
    /// The private key could not sign, or the stack is not in the state for what was asked.
    Internal,
    /// The stack panicked.
    Panicked,
    /// The peer made the stack keep more than a session may.
    Excessive,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Alert(description) => write!(f, "the peer sent the fatal alert {description}"),
            Self::PeerMisbehaved => f.write_str("the peer broke the protocol"),
            Self::Internal => f.write_str("the DTLS stack failed"),
            Self::Panicked => f.write_str("the DTLS stack panicked"),
            Self::Excessive => f.write_str("the peer made the DTLS stack keep too much"),
        }
    }
}

impl std::error::Error for Fault {}

/// Why a payload was not sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SendError {
    /// The handshake is not over.
    NotEstablished,
    /// The association is closed, or unknown.
    Closed,
    /// It is longer than [`MAX_PAYLOAD`].
    TooLong,
    /// The record numbers of this association are used up: it needs another one.
    Exhausted,
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotEstablished => "the handshake is not over",
            Self::Closed => "the association is closed",
            Self::TooLong => "the payload does not fit a record",
            Self::Exhausted => "the record numbers are used up",
        })
    }
}

impl std::error::Error for SendError {}
