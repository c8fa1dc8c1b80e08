//! Datagrams cut into records.

use super::{CLIENT_HELLO, HANDSHAKE, MESSAGE_HEADER, TLS12_CID, plain::HEADER};
use crate::session::{CID_LEN, ConnectionId};

/// The records of a datagram that came to a server, whose Connection IDs are [`CID_LEN`] long. It ends before the first
/// thing that is no whole record, without a word (RFC 6347 section 4.1.2.7).
pub fn records(datagram: &[u8]) -> impl Iterator<Item = Record<'_>> {
    split(datagram, Some(CID_LEN))
}

/// The records of a datagram that came to a client, which has asked for none of the records to it to carry a Connection
/// ID. One that has any ends it, as all that is no whole record.
pub fn records_without_id(datagram: &[u8]) -> impl Iterator<Item = Record<'_>> {
    split(datagram, None)
}

/// One record of a datagram.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Record<'a> {
    /// All of it, with its header.
    pub bytes: &'a [u8],
    /// What its header says.
    pub kind: Kind<'a>,
}

/// What the header of a record says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind<'a> {
    /// The header of RFC 6347 section 4.1. Above epoch 0 it is a protected record of DTLS 1.2 without Connection ID.
    Plain {
        /// Its content type.
        content: u8,
        /// Its epoch.
        epoch: u16,
    },
    /// A protected record of DTLS 1.2 with this Connection ID (RFC 9146 section 4).
    Cid12(&'a [u8]),
    /// A protected record of DTLS 1.3 (RFC 9147 section 4).
    Unified {
        /// Its Connection ID, if it has one.
        cid: Option<&'a [u8]>,
    },
}

impl Record<'_> {
    /// The Connection ID it carries, if that has the length of ours.
    #[must_use]
    pub fn connection_id(&self) -> Option<ConnectionId> {
        match self.kind {
            Kind::Cid12(id) | Kind::Unified { cid: Some(id) } => id.try_into().ok(),
            Kind::Plain { .. } | Kind::Unified { cid: None } => None,
        }
    }

    /// Whether it begins with a ClientHello without protection, or with any part of one.
    #[must_use]
    pub fn is_hello(&self) -> bool {
        self.kind
            == Kind::Plain {
                content: HANDSHAKE,
                epoch: 0,
            }
            && self.bytes.len() >= HEADER + MESSAGE_HEADER
            && self.bytes[HEADER] == CLIENT_HELLO
    }
}

fn split(datagram: &[u8], id: Option<usize>) -> impl Iterator<Item = Record<'_>> {
    let mut rest = datagram;
    std::iter::from_fn(move || {
        let (length, kind) = header(rest, id)?;
        let (bytes, after) = rest.split_at_checked(length)?;
        rest = after;
        Some(Record { bytes, kind })
    })
}

/// The length of the record at the front, which may be more than there is, and what its header says. Which first bytes
/// begin what is in RFC 9147 section 4.1.
fn header(bytes: &[u8], id: Option<usize>) -> Option<(usize, Kind<'_>)> {
    match *bytes.first()? {
        TLS12_CID => {
            let end = 11 + id?;
            let id = bytes.get(11..end)?;
            // The version is the one of RFC 9146 section 4, and the stack does not look.
            (bytes[1..3] == [0xfe, 0xfd]).then_some(())?;
            Some((end + 2 + be16(bytes, end)?, Kind::Cid12(id)))
        }
        content @ (20..=24 | 26) => {
            let length = HEADER + be16(bytes, HEADER - 2)?;
            is_dtls(bytes).then_some(())?;
            let epoch = u16::from_be_bytes([bytes[3], bytes[4]]);
            Some((length, Kind::Plain { content, epoch }))
        }
        first @ 0b0010_0000..=0b0011_1111 => unified(first, bytes, id),
        _ => None,
    }
}

/// The header of RFC 9147 section 4, whose first byte is `001CSLEE`.
fn unified(first: u8, bytes: &[u8], id: Option<usize>) -> Option<(usize, Kind<'_>)> {
    let mut end = 1;
    let cid = if first & 0b1_0000 == 0 {
        None
    } else {
        end += id?;
        Some(bytes.get(1..end)?)
    };
    end += if first & 0b1000 == 0 { 1 } else { 2 };
    let length = if first & 0b100 == 0 {
        (end <= bytes.len()).then_some(bytes.len())?
    } else {
        end + 2 + be16(bytes, end)?
    };
    Some((length, Kind::Unified { cid }))
}

/// Whether the version behind the content type is one of DTLS; hellos have that of 1.0 or 1.2.
fn is_dtls(bytes: &[u8]) -> bool {
    bytes.get(1) == Some(&0xfe)
}

fn be16(bytes: &[u8], at: usize) -> Option<usize> {
    let pair = bytes.get(at..at + 2)?;
    Some(usize::from(u16::from_be_bytes([pair[0], pair[1]])))
}

#[cfg(test)]
mod tests;
