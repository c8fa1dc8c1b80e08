//! Writing a request for a tunnel.

use std::io::Write as _;
use std::net::IpAddr;

use crate::Host;

/// Appends a request for a tunnel to `host` and `port` to `out`.
///
/// `authorization` is the value of the header field Proxy-Authorization, such as `Basic dTpw`; it
/// has no control characters, or the head would end in the middle of it.
pub fn write_request(out: &mut Vec<u8>, host: &Host, port: u16, authorization: Option<&str>) {
    debug_assert!(!authorization.is_some_and(|value| value.contains(char::is_control)));
    out.extend_from_slice(b"CONNECT ");
    write_authority(out, host, port);
    // RFC 9112 section 3.2: the same as the target.
    out.extend_from_slice(b" HTTP/1.1\r\nHost: ");
    write_authority(out, host, port);
    out.extend_from_slice(b"\r\n");
    if let Some(value) = authorization {
        out.extend_from_slice(b"Proxy-Authorization: ");
        out.extend_from_slice(value.as_bytes());
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"\r\n");
}

/// RFC 9112 section 3.2.3; IPv6 addresses stand in brackets (RFC 3986 section 3.2.2).
fn write_authority(out: &mut Vec<u8>, host: &Host, port: u16) {
    // Writing to memory cannot fail.
    let _ = match host {
        Host::Ip(IpAddr::V6(address)) => write!(out, "[{address}]:{port}"),
        host => write!(out, "{host}:{port}"),
    };
}
