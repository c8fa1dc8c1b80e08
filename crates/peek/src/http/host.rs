//! The host that a request is for (RFC 9112 section 3.2 and 3.3).

use httparse::Header;

use super::Malformed;
use crate::Host;

/// `None` if the request names no host.
pub(super) fn of(
    method: &str,
    target: &str,
    headers: &[Header<'_>],
) -> Result<Option<Host>, Malformed> {
    let field = field(headers)?;
    match (authority(method, target), field) {
        (Some(authority), _) => parse(authority.as_bytes()).map(Some),
        (None, Some(field)) if !field.is_empty() => parse(field).map(Some),
        // The field is there and empty when the target has no authority (RFC 9112 section 3.2).
        (None, _) => Ok(None),
    }
}

/// The value of the header field Host, which may stand only once.
pub(super) fn field<'a>(headers: &[Header<'a>]) -> Result<Option<&'a [u8]>, Malformed> {
    let mut fields = headers
        .iter()
        .filter(|header| header.name.eq_ignore_ascii_case("host"));
    let field = fields.next();
    match fields.next() {
        None => Ok(field.map(|field| field.value)),
        Some(_) => Err(Malformed::HostRepeated),
    }
}

/// The authority of a target in absolute form or authority form (RFC 9112 section 3.2.2, 3.2.3).
fn authority<'a>(method: &str, target: &'a str) -> Option<&'a str> {
    if method == "CONNECT" {
        return Some(target);
    }
    let (scheme, rest) = target.split_once("://")?;
    let is_scheme = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    if !is_scheme {
        return None;
    }
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    Some(&rest[..end])
}

/// Reads `uri-host [ ":" port ]` (RFC 9110 section 7.2).
pub(super) fn parse(authority: &[u8]) -> Result<Host, Malformed> {
    let (host, port) = match authority {
        [b'[', rest @ ..] => {
            let end = rest.iter().position(|byte| *byte == b']');
            let (host, rest) = rest.split_at(end.ok_or(Malformed::Host)?);
            if !host.contains(&b':') {
                return Err(Malformed::Host);
            }
            (host, &rest[1..])
        }
        _ => {
            let end = authority.iter().position(|byte| *byte == b':');
            authority.split_at(end.unwrap_or(authority.len()))
        }
    };
    match port {
        [] => {}
        [b':', digits @ ..] if digits.iter().all(u8::is_ascii_digit) => {}
        _ => return Err(Malformed::Host),
    }
    Host::parse(host).ok_or(Malformed::Host)
}
