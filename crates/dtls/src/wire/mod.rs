//! What datagrams show without keys: where their records begin, which association they name, and what a hello asks for.
//!
//! All functions here are pure, and take any bytes.

mod alert;
mod hello;
mod plain;
mod record;
mod server_hello;

pub use alert::alert_name;
pub use hello::Hello;
pub use plain::{bump_epoch0, fatal_alert};
pub use record::{Kind, Record, records, records_without_id};
pub(crate) use server_hello::DOWNGRADE;
pub use server_hello::{is_retry, server_random_advertises_13};

use plain::HEADER;

/// The length of the longest message that a plain handshake record has a part of; 0 if there is none, or it is none.
#[must_use]
pub fn longest_message(record: &[u8]) -> usize {
    messages(record).map(|it| it.length).max().unwrap_or(0)
}

/// The messages, or parts of them, that a plain handshake record holds, up to the first that makes no sense.
pub(crate) fn messages(record: &[u8]) -> impl Iterator<Item = Fragment<'_>> {
    std::iter::successors(Fragment::parse(record), |it| Fragment::next(it.rest))
}

/// Bytes of the header of a handshake message (RFC 6347 section 4.2.2).
const MESSAGE_HEADER: usize = 12;

/// Content type of handshake messages (RFC 8446 section B.1).
const HANDSHAKE: u8 = 22;

/// Content type of records with a Connection ID in DTLS 1.2 (RFC 9146 section 3).
const TLS12_CID: u8 = 25;

/// Types of handshake messages (RFC 8446 section B.3).
const CLIENT_HELLO: u8 = 1;
pub(crate) const SERVER_HELLO: u8 = 2;

/// One message, or a part of it, at the start of a handshake record in epoch 0.
#[derive(Clone, Copy)]
pub(crate) struct Fragment<'a> {
    pub(crate) kind: u8,
    /// Bytes of the whole message.
    pub(crate) length: usize,
    pub(crate) message_seq: u16,
    pub(crate) offset: usize,
    /// The bytes of the message that are here.
    pub(crate) body: &'a [u8],
    /// What follows in the same record.
    pub(crate) rest: &'a [u8],
}

impl<'a> Fragment<'a> {
    /// `None` if the record is not one of plain handshake messages, or ends before its first message does.
    fn parse(record: &'a [u8]) -> Option<Self> {
        let (header, content) = record.split_at_checked(HEADER)?;
        if header[0] != HANDSHAKE || header[3..5] != [0, 0] {
            return None;
        }
        Self::next(content)
    }

    /// The first of these messages, or parts of them.
    pub(crate) fn next(content: &'a [u8]) -> Option<Self> {
        let (header, content) = content.split_at_checked(MESSAGE_HEADER)?;
        let (length, offset) = (be24(&header[1..4]), be24(&header[6..9]));
        let (body, rest) = content.split_at_checked(be24(&header[9..12]))?;
        (offset + body.len() <= length).then_some(Self {
            kind: header[0],
            length,
            message_seq: u16::from_be_bytes([header[4], header[5]]),
            offset,
            body,
            rest,
        })
    }

    /// Whether all of the message is here.
    pub(crate) fn is_complete(&self) -> bool {
        self.body.len() == self.length
    }

    /// Whether the record holds this message, all of it, and nothing else.
    fn is_alone(&self) -> bool {
        self.is_complete() && self.rest.is_empty()
    }
}

/// Takes a vector with a length of one byte off the front.
fn take_vector8<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (&length, after) = rest.split_first()?;
    take(rest, after, usize::from(length))
}

/// Takes a vector with a length of two bytes off the front.
fn take_vector16<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (&[high, low], after) = rest.split_first_chunk()?;
    take(rest, after, usize::from(u16::from_be_bytes([high, low])))
}

fn take<'a>(rest: &mut &'a [u8], after: &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (vector, after) = after.split_at_checked(length)?;
    *rest = after;
    Some(vector)
}

fn be24(bytes: &[u8]) -> usize {
    bytes
        .iter()
        .fold(0, |number, &byte| number << 8 | usize::from(byte))
}
