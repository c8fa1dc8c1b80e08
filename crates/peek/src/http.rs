//! Heads of HTTP/1 (RFC 9112), read and not answered: that of the first request of a connection,
//! of a request for a tunnel in [`connect`], and of the answer to one in [`response`].

pub mod connect;
mod host;
mod malformed;
pub mod response;

pub use malformed::Malformed;

use crate::Host;

/// Longest head in bytes that is read, its empty line included.
pub const MAX_HEAD_LEN: usize = 16 * 1024;

/// Most header fields that are read.
pub const MAX_HEADERS: usize = 64;

/// Longest method in bytes.
const MAX_METHOD_LEN: usize = 32;

/// What an HTTP/2 client sends first (RFC 9113 section 3.4).
const HTTP2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Looks at the request head at the beginning of `received`, all that has come so far. What follows
/// the head is ignored.
///
/// However the bytes are cut into segments, the answer is the same in the end. Each call looks at
/// the head from its beginning, 16 KiB at most.
///
/// # Errors
///
/// The rule that the head breaks. Anything wrong in the request line is not an error but
/// [`Progress::NotHttp`], because that line is all that tells HTTP from other protocols.
pub fn request(received: &[u8]) -> Result<Progress<'_>, Malformed> {
    let mut fields = [httparse::EMPTY_HEADER; MAX_HEADERS];
    match parse(received, &mut fields)? {
        Parsed::Head(head) => Ok(Progress::Head(Request {
            host: host::of(head.method, head.target, head.fields)?,
            len: head.len,
            method: head.method,
            target: head.target,
        })),
        Parsed::Http2 => Ok(Progress::Http2),
        Parsed::NeedMore => Ok(Progress::NeedMore),
        Parsed::NotHttp => Ok(Progress::NotHttp),
    }
}

/// What [`request`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress<'a> {
    /// A complete head.
    Head(Request<'a>),
    /// The preface of HTTP/2 with prior knowledge, which names no host.
    Http2,
    /// Nothing speaks against HTTP so far, and more bytes belong to the head.
    NeedMore,
    /// The first line is not a request line of HTTP/1.
    NotHttp,
}

/// The head of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request<'a> {
    /// The host that the request is for, without its port (RFC 9112 section 3.3): that of the
    /// target when the target names one, else that of the header field Host.
    pub host: Option<Host>,
    /// Bytes of the head, from the first one received, its empty line included.
    pub len: usize,
    /// Method, such as `GET`; at most 32 bytes.
    pub method: &'a str,
    /// Target as sent, such as `/` or `http://example.org/`.
    pub target: &'a str,
}

/// Version of HTTP that a head says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// HTTP/1.0 (RFC 1945).
    Http10,
    /// HTTP/1.1 (RFC 9112).
    Http11,
}

impl Version {
    /// The parser knows the minor versions 0 and 1 only.
    fn of_minor(minor: Option<u8>) -> Self {
        match minor {
            Some(0) => Self::Http10,
            _ => Self::Http11,
        }
    }
}

/// What [`parse`] found; see [`Progress`].
enum Parsed<'a, 'fields> {
    Head(Head<'a, 'fields>),
    Http2,
    NeedMore,
    NotHttp,
}

/// A complete head of which nothing is understood yet but its shape.
struct Head<'a, 'fields> {
    fields: &'fields [httparse::Header<'a>],
    len: usize,
    method: &'a str,
    target: &'a str,
    version: Version,
}

/// Parses as much as all requests have in common.
fn parse<'a, 'fields>(
    received: &'a [u8],
    fields: &'fields mut [httparse::Header<'a>; MAX_HEADERS],
) -> Result<Parsed<'a, 'fields>, Malformed> {
    let received = &received[..received.len().min(MAX_HEAD_LEN)];
    if received.starts_with(HTTP2_PREFACE) {
        return Ok(Parsed::Http2);
    }
    if !received.is_empty() && HTTP2_PREFACE.starts_with(received) {
        return Ok(Parsed::NeedMore);
    }
    if !may_begin_with_method(received) {
        return Ok(Parsed::NotHttp);
    }

    let mut parsed = httparse::Request::new(fields);
    match parsed.parse(received) {
        Ok(httparse::Status::Complete(len)) => {
            let httparse::Request {
                method: Some(method),
                path: Some(target),
                version,
                headers: fields,
            } = parsed
            else {
                // A complete head has both.
                return Ok(Parsed::NotHttp);
            };
            Ok(Parsed::Head(Head {
                fields,
                len,
                method,
                target,
                version: Version::of_minor(version),
            }))
        }
        Ok(httparse::Status::Partial) if received.len() == MAX_HEAD_LEN => Err(Malformed::TooLarge),
        Ok(httparse::Status::Partial) => Ok(Parsed::NeedMore),
        Err(httparse::Error::HeaderName) => Err(Malformed::HeaderName),
        Err(httparse::Error::HeaderValue) => Err(Malformed::HeaderValue),
        Err(httparse::Error::NewLine) => Err(Malformed::LineEnding),
        Err(httparse::Error::TooManyHeaders) => Err(Malformed::TooManyHeaders),
        Err(httparse::Error::Status | httparse::Error::Token | httparse::Error::Version) => {
            Ok(Parsed::NotHttp)
        }
    }
}

/// Whether `received` is empty lines (RFC 9112 section 2.2) and a method or the beginning of one.
fn may_begin_with_method(received: &[u8]) -> bool {
    let mut rest = received;
    loop {
        rest = match rest {
            [] | b"\r" => return true,
            [b'\n', rest @ ..] | [b'\r', b'\n', rest @ ..] => rest,
            _ => break,
        };
    }
    match rest.iter().position(|byte| !is_token_byte(*byte)) {
        Some(end) => rest[end] == b' ' && (1..=MAX_METHOD_LEN).contains(&end),
        None => rest.len() <= MAX_METHOD_LEN,
    }
}

/// RFC 9110 section 5.6.2.
fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests;
