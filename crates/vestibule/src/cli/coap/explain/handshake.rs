//! DTLS, as far as it can be seen without keys.

#[cfg(test)]
mod tests;

use vestibule_dtls::wire::alert_name;

use super::{hello, names};

const CHANGE_CIPHER_SPEC: u8 = 20;
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
const APPLICATION_DATA: u8 = 23;
const HEARTBEAT: u8 = 24;
const CID: u8 = 25;
const ACK: u8 = 26;

/// Bytes of the header of a record before 1.3 (RFC 6347 section 4.1).
const RECORD_HEADER: usize = 13;
/// Bytes of the header of a handshake message (RFC 6347 section 4.2.2).
const MESSAGE_HEADER: usize = 12;

const CLIENT_HELLO: u8 = 1;
const SERVER_HELLO: u8 = 2;

/// The records of a datagram, in words.
pub(in crate::cli::coap) fn datagram(bytes: &[u8]) -> String {
    let mut said: Vec<String> = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let (record, after) = record(rest);
        rest = after;
        // Tickets, and what else a stack sends in several records, look the same.
        if said.last() != Some(&record) {
            said.push(record);
        }
    }
    match said.is_empty() {
        true => "an empty datagram".to_owned(),
        false => said.join(" + "),
    }
}

/// Whether the datagram is one fatal alert without protection, which anybody can have sent.
pub(in crate::cli::coap) fn is_fatal_alert(bytes: &[u8]) -> bool {
    const FATAL: u8 = 2;
    let length = RECORD_HEADER + 2;
    bytes.len() == length && bytes[0] == ALERT && bytes[3..5] == [0, 0] && bytes[13] == FATAL
}

/// The first record in words, and what follows it.
fn record(bytes: &[u8]) -> (String, &[u8]) {
    let first = bytes.first().copied().unwrap_or_default();
    // The unified header of 1.3 (RFC 9147 section 4). How long it is depends on the Connection ID.
    if first & 0b1110_0000 == 0b0010_0000 {
        let id = match first & 0b1_0000 {
            0 => "protected",
            _ => "protected, with a Connection ID",
        };
        return (id.to_owned(), &[]);
    }
    if first == CID {
        return ("protected, with a Connection ID".to_owned(), &[]);
    }
    let (Some(header), Some(length)) = (bytes.first_chunk::<RECORD_HEADER>(), bytes.get(11..13))
    else {
        return (unknown(bytes), &[]);
    };
    let length = usize::from(u16::from_be_bytes([length[0], length[1]]));
    let Some((content, after)) = bytes[RECORD_HEADER..].split_at_checked(length) else {
        return (unknown(bytes), &[]);
    };
    let is_plain = header[3..5] == [0, 0];
    let said = match (first, is_plain) {
        (HANDSHAKE, true) => handshake(content),
        (ALERT, true) => alert(content),
        (CHANGE_CIPHER_SPEC, _) => "ChangeCipherSpec".to_owned(),
        (ACK, true) => "ACK of records".to_owned(),
        (HANDSHAKE, false) => "protected handshake message".to_owned(),
        (ALERT, false) => "protected alert".to_owned(),
        (APPLICATION_DATA, _) => "protected payload".to_owned(),
        (HEARTBEAT, _) => "heartbeat".to_owned(),
        _ => return (unknown(bytes), &[]),
    };
    (said, after)
}

fn unknown(bytes: &[u8]) -> String {
    format!("{} bytes that are no DTLS record", bytes.len())
}

/// The handshake messages of a record, or the parts of them that are in it.
fn handshake(mut content: &[u8]) -> String {
    let mut said = Vec::new();
    while let Some((header, rest)) = content.split_first_chunk::<MESSAGE_HEADER>() {
        let number = |at: usize| {
            let bytes = [0, header[at], header[at + 1], header[at + 2]];
            u32::from_be_bytes(bytes) as usize
        };
        let (length, offset, part) = (number(1), number(6), number(9));
        let body = &rest[..part.min(rest.len())];
        let whole = offset == 0 && part == length;
        said.push(message(header[0], body, whole));
        if let (Some(said), false) = (said.last_mut(), whole) {
            let end = offset + part;
            *said = format!("{said} (bytes {offset} to {end} of {length})");
        }
        content = &rest[body.len()..];
    }
    match said.is_empty() {
        true => "an empty handshake record".to_owned(),
        false => said.join(", "),
    }
}

fn message(kind: u8, body: &[u8], whole: bool) -> String {
    let Some(name) = names::handshake(kind) else {
        return format!("handshake message {kind}");
    };
    match kind {
        CLIENT_HELLO if whole => hello::client(body).map(|said| format!("{name} ({said})")),
        SERVER_HELLO if whole => hello::server(body).map(|(retry, said)| match retry {
            true => format!("HelloRetryRequest ({said})"),
            false => format!("{name} ({said})"),
        }),
        _ => None,
    }
    .unwrap_or_else(|| name.to_owned())
}

fn alert(content: &[u8]) -> String {
    let &[level, description] = content else {
        return "a malformed alert".to_owned();
    };
    let level = match level {
        1 => "warning",
        2 => "fatal",
        _ => "unknown",
    };
    match alert_name(description) {
        Some(name) => format!("unprotected {level} alert {name}"),
        None => format!("unprotected {level} alert {description}"),
    }
}
