//! What is said after a handshake (RFC 9147 sections 7 to 9), but for payloads.

use crate::{session::CID_LEN, wire::Fragment};

/// Content types (RFC 9147 section 4.1).
pub(super) const ALERT: u8 = 21;
pub(super) const HANDSHAKE: u8 = 22;
pub(super) const PAYLOAD: u8 = 23;
pub(super) const ACK: u8 = 26;

/// Types of handshake messages (RFC 8446 section B.3, RFC 9147 section 9).
pub(super) const REQUEST_CONNECTION_ID: u8 = 9;
pub(super) const NEW_CONNECTION_ID: u8 = 10;
pub(super) const KEY_UPDATE: u8 = 24;

/// The epoch and the number of a record.
pub(super) type Number = (u64, u64);

/// A handshake message in one piece.
pub(super) fn message(kind: u8, seq: u16, body: &[u8]) -> Option<Vec<u8>> {
    let [0, length @ ..] = u32::try_from(body.len()).ok()?.to_be_bytes() else {
        return None;
    };
    let mut message = Vec::with_capacity(12 + body.len());
    message.push(kind);
    message.extend(length);
    message.extend(seq.to_be_bytes());
    message.extend([0; 3]);
    message.extend(length);
    message.extend_from_slice(body);
    Some(message)
}

/// An acknowledgement of a few records.
pub(super) fn acknowledgement(numbers: &[Number]) -> Option<Vec<u8>> {
    let length = u16::try_from(16 * numbers.len()).ok()?;
    let mut content = length.to_be_bytes().to_vec();
    for (epoch, number) in numbers {
        content.extend(epoch.to_be_bytes());
        content.extend(number.to_be_bytes());
    }
    Some(content)
}

/// The records that are acknowledged. `None`: that is no acknowledgement.
pub(super) fn acknowledged(content: &[u8]) -> Option<Vec<Number>> {
    let (length, rest) = content.split_first_chunk()?;
    let (numbers, odd) = rest.as_chunks::<16>();
    if usize::from(u16::from_be_bytes(*length)) != rest.len() || !odd.is_empty() {
        return None;
    }
    let numbers = numbers.iter().map(|it| {
        let both = u128::from_be_bytes(*it);
        ((both >> 64) as u64, both as u64)
    });
    Some(numbers.collect())
}

/// Whether the sender of a KeyUpdate wants one in return. `None`: that is none.
pub(super) fn wants_update(body: &[u8]) -> Option<bool> {
    match body {
        [0] => Some(false),
        [1] => Some(true),
        _ => None,
    }
}

/// NewConnectionId, with some that the peer may use some time.
pub(super) fn spare_ids(ids: &[[u8; CID_LEN]]) -> Option<Vec<u8>> {
    let length = u16::try_from((1 + CID_LEN) * ids.len()).ok()?;
    let mut body = length.to_be_bytes().to_vec();
    for id in ids {
        body.push(u8::try_from(CID_LEN).ok()?);
        body.extend(id);
    }
    body.push(1);
    Some(body)
}

/// The Connection ID of a NewConnectionId that is to be used from now on, if it says so. `None`: that is none.
pub(super) fn immediate_id(body: &[u8]) -> Option<Option<&[u8]>> {
    let (length, rest) = body.split_first_chunk()?;
    let length = usize::from(u16::from_be_bytes(*length));
    let (mut list, usage) = rest.split_at_checked(length)?;
    let mut first = None;
    while let Some((&length, after)) = list.split_first() {
        let (id, after) = after.split_at_checked(usize::from(length))?;
        (!id.is_empty()).then_some(())?;
        first.get_or_insert(id);
        list = after;
    }
    match usage {
        [0] => first.map(Some),
        [1] => Some(None),
        _ => None,
    }
}

/// Parts of the one message that comes next. They are taken in order only: what is not taken is not acknowledged, and
/// comes again.
#[derive(Default)]
pub(super) struct Inbox {
    /// The number of that message.
    next: u16,
    /// Its type, its length, and what is there of it.
    part: Option<Box<(u8, usize, Vec<u8>)>>,
}

/// What became of a part of a message.
pub(super) enum Taken {
    /// The message is whole.
    Whole(u8, Vec<u8>),
    /// It is there now, or has been for long.
    Kept,
    /// It comes too early.
    Early,
    /// It makes no sense.
    Senseless,
}

/// The longest message that is taken: no client has more to say. The longest is a list of Connection IDs.
const MAX_MESSAGE: usize = 4096;

impl Inbox {
    /// One whose first message has this number.
    pub(super) fn new(next: u16) -> Self {
        Self { next, part: None }
    }

    pub(super) fn take(&mut self, fragment: &Fragment<'_>) -> Taken {
        if fragment.message_seq < self.next {
            return Taken::Kept;
        }
        if fragment.message_seq > self.next {
            return Taken::Early;
        }
        let Some(next) = self.next.checked_add(1) else {
            return Taken::Senseless;
        };
        if fragment.length > MAX_MESSAGE {
            return Taken::Senseless;
        }
        let (kind, length, had) = match self.part.as_deref_mut() {
            Some((kind, length, had)) => (*kind, *length, had),
            None if fragment.is_complete() => {
                self.next = next;
                return Taken::Whole(fragment.kind, fragment.body.to_vec());
            }
            None => {
                let part = (fragment.kind, fragment.length, Vec::new());
                let (kind, length, had) = &mut **self.part.insert(Box::new(part));
                (*kind, *length, had)
            }
        };
        if (kind, length) != (fragment.kind, fragment.length) {
            return Taken::Senseless;
        }
        let Some(known) = had.len().checked_sub(fragment.offset) else {
            return Taken::Early;
        };
        had.extend_from_slice(fragment.body.get(known..).unwrap_or_default());
        if had.len() < length {
            return Taken::Kept;
        }
        self.next = next;
        let whole = std::mem::take(had);
        self.part = None;
        Taken::Whole(kind, whole)
    }
}

#[cfg(test)]
mod tests;
