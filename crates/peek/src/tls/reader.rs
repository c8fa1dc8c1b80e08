//! From bytes to a whole handshake message.

use super::parse;
use super::{HANDSHAKE_HEADER_LEN, Hello, MAX_BODY_LEN, Malformed, RECORD_HEADER_LEN};

/// Content type of handshake records (RFC 8446 section 5.1).
const HANDSHAKE: u8 = 22;

/// Handshake type of a ClientHello (RFC 8446 section 4).
const CLIENT_HELLO: u8 = 1;

/// Upper half of the version of all records (RFC 8446 section 5.1).
const VERSION_MAJOR: u8 = 3;

/// Longest payload of a record in bytes (RFC 8446 section 5.1).
const MAX_PAYLOAD_LEN: usize = 1 << 14;

/// Follows a ClientHello through records and segments.
///
/// Give [`advance`](Self::advance) everything received each time more has come; it looks only at
/// what it has not seen. Then [`hello`](Self::hello) shows the message.
#[derive(Clone, Debug, Default)]
pub struct HelloReader {
    /// Bytes received that were looked at.
    seen: usize,
    /// Headers of records among them.
    records: usize,
    /// Bytes of the current record's payload that are still to come.
    payload_left: usize,
    /// Bytes of the message among those seen, at most its length.
    gathered: usize,
    /// The first bytes of the message: type and length.
    header: [u8; HANDSHAKE_HEADER_LEN],
}

impl HelloReader {
    /// A reader at the first byte of a connection.
    pub fn new() -> Self {
        Self::default()
    }

    /// Looks at what has come since the last call. `received` is everything from the connection's
    /// first byte on; what follows the message is ignored.
    ///
    /// However the bytes are cut into segments, the answer is the same in the end, and the cost
    /// is that of looking at each byte once. After another answer than [`Progress::NeedMore`],
    /// further calls give the same answer.
    ///
    /// # Errors
    ///
    /// The rule that the bytes break, as soon as that is certain: a message that is too large is
    /// refused once its length is there.
    pub fn advance(&mut self, received: &[u8]) -> Result<Progress, Malformed> {
        while !self.is_complete() {
            let rest = received.get(self.seen..).unwrap_or_default();
            if self.payload_left == 0 {
                match self.record_header(rest)? {
                    RecordHeader::NeedMore => return Ok(Progress::NeedMore),
                    RecordHeader::NotTls => return Ok(Progress::NotTls),
                    RecordHeader::PayloadLen(len) => {
                        self.seen += RECORD_HEADER_LEN;
                        self.records += 1;
                        self.payload_left = len;
                    }
                }
            } else if rest.is_empty() {
                return Ok(Progress::NeedMore);
            } else {
                self.payload(rest)?;
            }
        }
        Ok(Progress::Complete)
    }

    /// Length of the message in bytes with its type and length, at most
    /// [`MAX_MESSAGE_LEN`](super::MAX_MESSAGE_LEN); 0 until it is known.
    pub fn message_len(&self) -> usize {
        if self.gathered < HANDSHAKE_HEADER_LEN {
            return 0;
        }
        HANDSHAKE_HEADER_LEN + self.body_len()
    }

    /// Whether all that was seen of the message is in one record, so that
    /// [`hello`](Self::hello) needs no scratch.
    pub fn in_one_record(&self) -> bool {
        self.records <= 1
    }

    /// Shows the message, after [`Progress::Complete`].
    ///
    /// `received` begins with what [`advance`](Self::advance) was given. `scratch` is used only
    /// when the message is spread over several records, and holds at least
    /// [`message_len`](Self::message_len) bytes then.
    ///
    /// # Errors
    ///
    /// The rule that the message breaks.
    ///
    /// # Panics
    ///
    /// If the message is not complete in `received`, or `scratch` is too short.
    pub fn hello<'a>(
        &self,
        received: &'a [u8],
        scratch: &'a mut [u8],
    ) -> Result<Hello<'a>, Malformed> {
        assert!(self.is_complete(), "the ClientHello is not complete");
        let message = if self.in_one_record() {
            &received[RECORD_HEADER_LEN..][..self.message_len()]
        } else {
            let message = &mut scratch[..self.message_len()];
            gather(received, message);
            message
        };
        parse::hello(&message[HANDSHAKE_HEADER_LEN..])
    }

    fn record_header(&self, rest: &[u8]) -> Result<RecordHeader, Malformed> {
        let first = self.records == 0;
        match *rest {
            [kind, ..] if kind != HANDSHAKE && first => Ok(RecordHeader::NotTls),
            [kind, ..] if kind != HANDSHAKE => Err(Malformed::RecordInterleaved),
            [_, major, ..] if major != VERSION_MAJOR && first => Ok(RecordHeader::NotTls),
            [_, major, ..] if major != VERSION_MAJOR => Err(Malformed::RecordVersion),
            [_, _, _, high, low, ..] => {
                let len = usize::from(u16::from_be_bytes([high, low]));
                if len == 0 || len > MAX_PAYLOAD_LEN {
                    return Err(Malformed::RecordLength);
                }
                Ok(RecordHeader::PayloadLen(len))
            }
            _ => Ok(RecordHeader::NeedMore),
        }
    }

    /// Takes from `rest`, which begins within a record's payload, what belongs to the message.
    fn payload(&mut self, rest: &[u8]) -> Result<(), Malformed> {
        let there = rest.len().min(self.payload_left);
        let taken = if let Some(missing) = self.header.get_mut(self.gathered..)
            && !missing.is_empty()
        {
            let taken = there.min(missing.len());
            missing[..taken].copy_from_slice(&rest[..taken]);
            if self.header[0] != CLIENT_HELLO {
                return Err(Malformed::HandshakeType);
            }
            if self.gathered + taken == HANDSHAKE_HEADER_LEN && self.body_len() > MAX_BODY_LEN {
                return Err(Malformed::TooLarge);
            }
            taken
        } else {
            there.min(self.message_len() - self.gathered)
        };
        self.seen += taken;
        self.payload_left -= taken;
        self.gathered += taken;
        Ok(())
    }

    fn body_len(&self) -> usize {
        let [_, high, middle, low] = self.header;
        usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low)
    }

    fn is_complete(&self) -> bool {
        self.gathered >= HANDSHAKE_HEADER_LEN && self.gathered == self.message_len()
    }
}

/// What [`HelloReader::advance`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The whole message is there; [`HelloReader::hello`] shows it.
    Complete,
    /// A ClientHello so far, and more bytes belong to it.
    NeedMore,
    /// The first one or two bytes are not those of a TLS connection. A hello in the form of SSL
    /// 2.0 (RFC 5246 appendix E.2) is not TLS either.
    NotTls,
}

enum RecordHeader {
    NeedMore,
    NotTls,
    PayloadLen(usize),
}

/// Copies the payloads of the records in `received` to `message`, until it is full.
fn gather(received: &[u8], message: &mut [u8]) {
    let (mut rest, mut filled) = (received, 0);
    while filled < message.len() {
        let len = usize::from(u16::from_be_bytes([rest[3], rest[4]]));
        let taken = len.min(message.len() - filled);
        let payload = &rest[RECORD_HEADER_LEN..];
        message[filled..][..taken].copy_from_slice(&payload[..taken]);
        filled += taken;
        rest = &payload[taken..];
    }
}

#[cfg(test)]
mod tests;
