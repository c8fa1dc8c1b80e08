//! What hellos say, as far as people want to know it.

use super::{digits, names};
use crate::cli::printable::printable;

/// DTLS 1.0, 1.2 and 1.3 as they stand on the wire.
const VERSIONS: [(u16, &str); 3] = [
    (0xfeff, "DTLS 1.0"),
    (0xfefd, "DTLS 1.2"),
    (0xfefc, "DTLS 1.3"),
];

const SERVER_NAME: u16 = 0;
const TICKET: u16 = 35;
const PRE_SHARED_KEY: u16 = 41;
const SUPPORTED_VERSIONS: u16 = 43;
const COOKIE: u16 = 44;
const CONNECTION_ID: u16 = 54;

/// The random that makes a ServerHello of TLS 1.3 a HelloRetryRequest (RFC 8446 section 4.1.3), its
/// first bytes.
const RETRY: [u8; 4] = [0xcf, 0x21, 0xad, 0x74];

/// Takes a message apart. Each step is `None` at its end.
#[derive(Clone, Copy)]
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(bytes)
    }

    /// A number of so many bytes.
    fn uint(&mut self, bytes: usize) -> Option<usize> {
        let bytes = self.bytes(bytes)?;
        Some(
            bytes
                .iter()
                .fold(0, |uint, &byte| uint << 8 | usize::from(byte)),
        )
    }

    /// Bytes with their length before them, which has so many bytes.
    fn vector(&mut self, length: usize) -> Option<&'a [u8]> {
        let length = self.uint(length)?;
        self.bytes(length)
    }

    /// Type and content of each extension.
    fn extensions(&mut self) -> Vec<(u16, &'a [u8])> {
        let mut found = Vec::new();
        let mut rest = Reader(self.vector(2).unwrap_or_default());
        while let (Some(kind), Some(content)) = (rest.uint(2), rest.vector(2)) {
            found.push((kind as u16, content));
        }
        found
    }
}

/// What a ClientHello offers. `None`: it is not whole.
pub(super) fn client(body: &[u8]) -> Option<String> {
    let mut reader = Reader(body);
    let legacy = reader.uint(2)?;
    reader.bytes(32)?;
    let session = reader.vector(1)?;
    let cookie = reader.vector(1)?;
    reader.vector(2)?;
    reader.vector(1)?;
    let mut versions = vec![version(legacy as u16)];
    let mut said = Vec::new();
    if !cookie.is_empty() {
        said.push(format!("cookie of {} bytes", cookie.len()));
    }
    for (kind, content) in reader.extensions() {
        let mut content = Reader(content);
        match kind {
            SERVER_NAME => said.extend(server_name(content).map(|name| format!("for {name}"))),
            SUPPORTED_VERSIONS => {
                let list = content.vector(1)?.chunks_exact(2);
                versions = list
                    .map(|it| version(u16::from_be_bytes([it[0], it[1]])))
                    .collect();
            }
            COOKIE => said.push(format!("cookie of {} bytes", content.vector(2)?.len())),
            TICKET if !content.0.is_empty() => said.push("session ticket".to_owned()),
            PRE_SHARED_KEY => said.push("session ticket".to_owned()),
            CONNECTION_ID => said.push("Connection ID".to_owned()),
            _ => {}
        }
    }
    if !session.is_empty() && !said.iter().any(|it| it == "session ticket") {
        said.push("session id".to_owned());
    }
    said.insert(0, versions.join(" or "));
    Some(said.join(", "))
}

/// What a ServerHello has chosen, and whether it is a HelloRetryRequest. `None`: it is not whole.
pub(super) fn server(body: &[u8]) -> Option<(bool, String)> {
    let mut reader = Reader(body);
    let mut chosen = version(reader.uint(2)? as u16);
    let random = reader.bytes(32)?;
    reader.vector(1)?;
    let suite = reader.uint(2)? as u16;
    reader.bytes(1)?;
    let mut said = vec![names::suite(suite)];
    for (kind, content) in reader.extensions() {
        let mut content = Reader(content);
        match kind {
            SUPPORTED_VERSIONS => chosen = version(content.uint(2)? as u16),
            PRE_SHARED_KEY => said.push("session resumed".to_owned()),
            CONNECTION_ID => said.push(match content.vector(1)? {
                [] => "Connection ID: none towards it".to_owned(),
                id => format!("Connection ID {}", digits(id)),
            }),
            _ => {}
        }
    }
    said.insert(0, chosen);
    Some((random.starts_with(&RETRY), said.join(", ")))
}

/// The name that a client asks for (RFC 6066 section 3).
fn server_name(mut content: Reader<'_>) -> Option<String> {
    let mut list = Reader(content.vector(2)?);
    list.uint(1)?;
    let name = String::from_utf8_lossy(list.vector(2)?);
    Some(printable(&name))
}

fn version(number: u16) -> String {
    let known = VERSIONS.iter().find(|(known, _)| *known == number);
    known.map_or_else(
        || format!("version 0x{number:04x}"),
        |(_, name)| (*name).to_owned(),
    )
}
