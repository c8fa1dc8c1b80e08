//! Requests for a tunnel, HTTP CONNECT (RFC 9110 section 9.3.6): read, and written.

mod credentials;
mod malformed;
mod write;

pub use credentials::{Basic, Credentials};
pub use malformed::Malformed;
pub use write::write_request;

use super::{MAX_HEADERS, Parsed, Version, host, parse};
use crate::Host;

/// Looks at the request head at the beginning of `received`, all that has come so far. What follows
/// the head belongs to the tunnel.
///
/// However the bytes are cut into segments, the answer is the same in the end. Each call looks at
/// the head from its beginning, [`MAX_HEAD_LEN`](super::MAX_HEAD_LEN) bytes at most. Only a line
/// feed can complete a head. Lines may end with LF alone (RFC 9112 section 2.2).
///
/// Nothing is allocated unless the head has credentials.
///
/// # Errors
///
/// The rule that the head breaks. Anything wrong in the request line but its target is not an error
/// but [`Progress::NotHttp`].
pub fn request(received: &[u8]) -> Result<Progress<'_>, Malformed> {
    let mut fields = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let head = match parse(received, &mut fields)? {
        Parsed::Head(head) => head,
        Parsed::Http2 => return Ok(Progress::Http2),
        Parsed::NeedMore => return Ok(Progress::NeedMore),
        Parsed::NotHttp => return Ok(Progress::NotHttp),
    };
    if head.method != "CONNECT" {
        return Ok(Progress::OtherMethod {
            len: head.len,
            method: head.method,
        });
    }
    let (host, port) = destination(head.target)?;
    check_host_field(head.fields)?;
    check_body(head.fields)?;
    Ok(Progress::Request(Request {
        credentials: credentials::of(head.fields)?,
        host,
        len: head.len,
        port,
        version: head.version,
    }))
}

/// What [`request`] found.
#[derive(Debug, PartialEq, Eq)]
pub enum Progress<'a> {
    /// The preface of HTTP/2 with prior knowledge.
    Http2,
    /// Nothing speaks against HTTP so far, and more bytes belong to the head.
    NeedMore,
    /// The first line is not a request line of HTTP/1.
    NotHttp,
    /// A complete head with a method other than CONNECT; its target and its Host are not looked at.
    OtherMethod {
        /// Bytes of the head, its empty line included.
        len: usize,
        /// Method, such as `GET`; at most 32 bytes. Methods are case-sensitive.
        method: &'a str,
    },
    /// A request for a tunnel.
    Request(Request),
}

/// The head of a request for a tunnel.
#[derive(Debug, PartialEq, Eq)]
pub struct Request {
    /// Who the client says it is; `None` without the header field Proxy-Authorization.
    pub credentials: Option<Credentials>,
    /// Where the tunnel shall lead. The target says so; the header field Host has no say.
    pub host: Host,
    /// Bytes of the head, from the first one received, its empty line included.
    pub len: usize,
    /// Port of `host`, from 1.
    pub port: u16,
    /// Version of HTTP that the request line says.
    pub version: Version,
}

/// Reads a target in authority form, `uri-host ":" port` (RFC 9112 section 3.2.3).
fn destination(target: &str) -> Result<(Host, u16), Malformed> {
    let (host, port) = match target.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']').ok_or(Malformed::TargetHost)?;
            if !host.contains(':') {
                return Err(Malformed::TargetHost);
            }
            (host, port.strip_prefix(':').ok_or(Malformed::TargetPort)?)
        }
        None => target.split_once(':').ok_or(Malformed::TargetPort)?,
    };
    let host = Host::parse(host.as_bytes()).ok_or(Malformed::TargetHost)?;
    Ok((host, read_port(port).ok_or(Malformed::TargetPort)?))
}

/// Reads a port from 1 to 65535 without zeros in front.
fn read_port(digits: &str) -> Option<u16> {
    let [b'1'..=b'9', rest @ ..] = digits.as_bytes() else {
        return None;
    };
    if !rest.iter().all(u8::is_ascii_digit) {
        return None;
    }
    digits.parse().ok()
}

/// The field may be absent or empty, and may say something else than the target (RFC 9112 section
/// 3.2).
fn check_host_field(fields: &[httparse::Header<'_>]) -> Result<(), Malformed> {
    match host::field(fields)? {
        None | Some([]) => Ok(()),
        Some(value) => Ok(host::parse(value).map(|_| ())?),
    }
}

/// A body would be taken for the first bytes of the tunnel.
fn check_body(fields: &[httparse::Header<'_>]) -> Result<(), Malformed> {
    let announces_body = fields.iter().any(|field| {
        field.name.eq_ignore_ascii_case("transfer-encoding")
            || field.name.eq_ignore_ascii_case("content-length") && field.value != b"0"
    });
    match announces_body {
        true => Err(Malformed::Body),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests;
