//! Another protocol on the same connection, such as WebSocket (RFC 9110 section 7.8).

use hyper::{
    HeaderMap,
    header::{HeaderValue, UPGRADE},
    http::response,
};

use super::head::{BadResponse, rewrite_response};
use crate::{relay::Leg, upstream::Active};

/// A server that has switched protocols.
pub(super) struct Upgrade {
    pub(super) leg: Leg,
    /// Counts the connection among the target's.
    pub(super) active: Active,
    /// What the client has to be sent before anything else: the head of the response, and what has
    /// come behind it.
    pub(super) early: Vec<u8>,
}

/// The head of a response that switches protocols, as it goes on to the client. hyper does not write
/// it: from here on bytes are carried as they are.
///
/// # Errors
///
/// When it does not say to what.
pub(super) fn switching(mut parts: response::Parts) -> Result<Vec<u8>, BadResponse> {
    let protocol: HeaderValue = parts.headers.remove(UPGRADE).ok_or(BadResponse)?;
    rewrite_response(&mut parts, Some(0))?;
    let mut head = Vec::with_capacity(256);
    head.extend_from_slice(b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: ");
    head.extend_from_slice(protocol.as_bytes());
    head.extend_from_slice(b"\r\n");
    write_fields(&parts.headers, &mut head);
    head.extend_from_slice(b"\r\n");
    Ok(head)
}

fn write_fields(headers: &HeaderMap, out: &mut Vec<u8>) {
    for (name, value) in headers {
        out.extend_from_slice(name.as_str().as_bytes());
        out.extend_from_slice(b": ");
        out.extend_from_slice(value.as_bytes());
        out.extend_from_slice(b"\r\n");
    }
}
