//! Heads of requests and responses: what is refused, and what is changed on the way.
//!
//! hyper has parsed them, so what goes on is written from the parsed form. It refuses line folding,
//! space before a colon, lengths that contradict each other and Transfer-Encoding in HTTP/1.0. Where
//! Content-Length stands beside Transfer-Encoding it takes the former out, so that others look at
//! the head before it ([`watch`](super::watch)).

use std::str;

use hyper::{
    HeaderMap, Method, StatusCode, Uri, Version,
    header::{
        CONNECTION, CONTENT_LENGTH, COOKIE, EXPECT, Entry, HOST, HeaderName, HeaderValue, TE,
        TRANSFER_ENCODING, UPGRADE,
    },
    http::{request, response, uri::PathAndQuery},
};
use vestibule_peek::Host;

use super::{
    fields::{is_of_hop, is_removed, is_removed_for_homeserver},
    forwarded::{ForHost, Forwarded},
};
use crate::low_bandwidth::tcp::Side;

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Invalid {
    /// An expectation other than 100-continue.
    Expectation,
    /// Host is missing, stands twice, is no host, or is not the one in the target.
    Host,
    /// The body has more than one length.
    Length,
    /// CONNECT or TRACE.
    Method,
    /// The target is no path.
    Target,
    /// Transfer-Encoding other than `chunked`.
    TransferEncoding,
}

/// Why a response is not passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BadResponse;

/// Checks a request, and brings it into the form that goes on: the target without scheme and host,
/// Host with the host. Answers that (RFC 9112 section 3.2, RFC 9113 section 8.3.1). What it expects is
/// taken out: the client is told to continue once a server wants the body.
///
/// # Errors
///
/// Why it must be refused.
pub(super) fn check(parts: &mut request::Parts) -> Result<HeaderValue, Invalid> {
    if matches!(parts.method, Method::CONNECT | Method::TRACE) {
        return Err(Invalid::Method);
    }
    let host = host(parts)?;
    let headers = &mut parts.headers;
    let mut encodings = headers.get_all(TRANSFER_ENCODING).iter();
    match (encodings.next(), encodings.next()) {
        (None, _) => {}
        (Some(only), None) if only.as_bytes().eq_ignore_ascii_case(b"chunked") => {}
        _ => return Err(Invalid::TransferEncoding),
    }
    if headers.get_all(CONTENT_LENGTH).iter().nth(1).is_some() {
        return Err(Invalid::Length);
    }
    match headers.remove(EXPECT) {
        None => {}
        Some(value) if value.as_bytes().eq_ignore_ascii_case(b"100-continue") => {}
        Some(_) => return Err(Invalid::Expectation),
    }
    Ok(host)
}

fn host(parts: &mut request::Parts) -> Result<HeaderValue, Invalid> {
    let mut fields = parts.headers.get_all(HOST).iter();
    let (field, second) = (fields.next(), fields.next());
    if second.is_some() {
        return Err(Invalid::Host);
    }
    if let Some(scheme) = parts.uri.scheme_str()
        && !matches!(scheme, "http" | "https")
    {
        return Err(Invalid::Target);
    }
    if parts.uri.path() == "*" && parts.method != Method::OPTIONS {
        return Err(Invalid::Target);
    }
    let Some(authority) = parts.uri.authority() else {
        return match (field, parts.version) {
            (Some(host), _) => Ok(host.clone()),
            // HTTP/1.1 wants the field also where there is nothing to say.
            (None, Version::HTTP_10) => {
                let nobody = HeaderValue::from_static("");
                parts.headers.insert(HOST, nobody.clone());
                Ok(nobody)
            }
            (None, _) => Err(Invalid::Host),
        };
    };
    let authority = authority.as_str();
    match (field, parts.version) {
        (Some(host), Version::HTTP_2)
            if !host.as_bytes().eq_ignore_ascii_case(authority.as_bytes()) =>
        {
            return Err(Invalid::Host);
        }
        (None, Version::HTTP_11) => return Err(Invalid::Host),
        _ => {}
    }
    // A target of the form `host:port` is for CONNECT only.
    if parts.uri.scheme().is_none() {
        return Err(Invalid::Target);
    }
    let host = HeaderValue::from_str(authority).map_err(|_| Invalid::Host)?;
    let path = parts.uri.path_and_query().cloned();
    parts.uri = Uri::from(path.unwrap_or_else(|| PathAndQuery::from_static("/")));
    parts.headers.insert(HOST, host.clone());
    Ok(host)
}

/// The host in a value of Host, `uri-host [ ":" port ]`; `None` within where the value is empty.
///
/// # Errors
///
/// When it is none.
pub(super) fn parse_host(value: &HeaderValue) -> Result<Option<Host>, Invalid> {
    let value = value.as_bytes();
    if value.is_empty() {
        return Ok(None);
    }
    let (host, port) = match value {
        [b'[', rest @ ..] => {
            let end = rest.iter().position(|byte| *byte == b']');
            let (host, rest) = rest.split_at(end.ok_or(Invalid::Host)?);
            if !host.contains(&b':') {
                return Err(Invalid::Host);
            }
            (host, &rest[1..])
        }
        _ => {
            let end = value.iter().position(|byte| *byte == b':');
            value.split_at(end.unwrap_or(value.len()))
        }
    };
    match port {
        [] | [b':'] => {}
        [b':', digits @ ..] if digits.iter().all(u8::is_ascii_digit) => {
            let digits = str::from_utf8(digits).map_err(|_| Invalid::Host)?;
            digits.parse::<u16>().map_err(|_| Invalid::Host)?;
        }
        _ => return Err(Invalid::Host),
    }
    Host::parse(host).map(Some).ok_or(Invalid::Host)
}

/// Whether the client asks for another protocol that we can carry: by HTTP/1.1, without a body, and
/// not for another version of HTTP or for TLS (RFC 9110 section 7.8).
pub(super) fn asks_for_upgrade(parts: &request::Parts, has_body: bool) -> bool {
    let lists_upgrade = |value: &HeaderValue| {
        tokens(value.as_bytes()).any(|token| token.eq_ignore_ascii_case(b"upgrade"))
    };
    let is_ours = |value: &HeaderValue| {
        tokens(value.as_bytes()).any(|protocol| {
            let starts = |with: &[u8]| {
                protocol.len() >= with.len() && protocol[..with.len()].eq_ignore_ascii_case(with)
            };
            starts(b"h2") || starts(b"http") || starts(b"tls")
        })
    };
    let mut protocols = parts.headers.get_all(UPGRADE).iter().peekable();
    parts.version == Version::HTTP_11
        && !has_body
        && protocols.peek().is_some()
        && !protocols.any(is_ours)
        && parts.headers.get_all(CONNECTION).iter().any(lists_upgrade)
}

/// Makes of a request that was checked what goes on to a server by HTTP/1.1. With `upgrade`, the
/// client's wish for another protocol goes on too. `side`: the server is a homeserver.
pub(super) fn rewrite_request(
    parts: &mut request::Parts,
    has_body: bool,
    upgrade: bool,
    forwarded: &Forwarded,
    known: &ForHost,
    side: Option<&Side>,
) {
    let headers = &mut parts.headers;
    let wants_trailers = headers.get_all(TE).iter().any(|value| {
        tokens(value.as_bytes()).any(|coding| coding.eq_ignore_ascii_case(b"trailers"))
    });
    let protocols = match upgrade {
        true => headers.remove(UPGRADE),
        false => None,
    };
    let tells_client = side.is_none_or(Side::tells_client);
    let trusted = tells_client && forwarded.is_trusted();
    remove_hop_by_hop(headers, |name| match side {
        None => is_removed(name, trusted),
        Some(_) => is_removed_for_homeserver(name, trusted),
    });
    if let Some(protocols) = protocols {
        headers.insert(UPGRADE, protocols);
        headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    }
    if wants_trailers && !upgrade {
        headers.insert(TE, HeaderValue::from_static("trailers"));
        headers.insert(CONNECTION, HeaderValue::from_static("te"));
    }
    if has_body && !headers.contains_key(CONTENT_LENGTH) {
        headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    }
    if parts.version == Version::HTTP_2 {
        join_cookies(headers);
        let may_have_body = matches!(parts.method, Method::PATCH | Method::POST | Method::PUT);
        if may_have_body && !has_body {
            headers
                .entry(CONTENT_LENGTH)
                .or_insert(HeaderValue::from_static("0"));
        }
    }
    parts.version = Version::HTTP_11;
    if tells_client {
        forwarded.say(known, headers);
    }
}

/// Makes of a server's response what goes on to the client. `exact` is the length of its body, if it
/// is known.
///
/// # Errors
///
/// When we do not know what its body means.
pub(super) fn rewrite_response(
    parts: &mut response::Parts,
    exact: Option<u64>,
) -> Result<(), BadResponse> {
    let headers = &mut parts.headers;
    let mut encodings = headers.get_all(TRANSFER_ENCODING).iter();
    match (encodings.next(), encodings.next()) {
        (None, _) => {
            let mut lengths = headers.get_all(CONTENT_LENGTH).iter();
            let first = lengths.next();
            if lengths.next().is_some()
                || first.is_some_and(|value| value.as_bytes().contains(&b','))
            {
                headers.remove(CONTENT_LENGTH);
                if let Some(exact) = exact {
                    headers.insert(CONTENT_LENGTH, exact.into());
                }
            }
        }
        (Some(only), None) if only.as_bytes().eq_ignore_ascii_case(b"chunked") => {
            headers.remove(CONTENT_LENGTH);
        }
        _ => return Err(BadResponse),
    }
    if parts.status == StatusCode::NO_CONTENT {
        // RFC 9110 section 8.6.
        headers.remove(CONTENT_LENGTH);
    }
    remove_hop_by_hop(headers, |_| false);
    parts.version = Version::HTTP_11;
    Ok(())
}

/// Takes out what is for the next hop only (RFC 9110 section 7.6.1), what Connection names, and what
/// `also` says.
fn remove_hop_by_hop(headers: &mut HeaderMap, also: impl Fn(&str) -> bool) {
    let mut gone: Vec<HeaderName> = Vec::new();
    for name in headers.keys() {
        if is_of_hop(name.as_str()) || also(name.as_str()) {
            gone.push(name.clone());
        }
    }
    if let Entry::Occupied(connection) = headers.entry(CONNECTION) {
        for value in connection.remove_entry_mult().1 {
            for token in tokens(value.as_bytes()) {
                let is_option = [&b"close"[..], b"keep-alive", b"upgrade", b"te"]
                    .iter()
                    .any(|option| token.eq_ignore_ascii_case(option));
                if !is_option
                    && let Ok(name) = HeaderName::from_bytes(token)
                    // These are never for one hop; without them the message would be another one.
                    && !matches!(name, CONTENT_LENGTH | HOST)
                {
                    gone.push(name);
                }
            }
        }
    }
    for name in &gone {
        headers.remove(name);
    }
}

/// Whether a server may switch to what it says in `headers`: it was in the list that the client
/// `offered` (RFC 9110 section 7.8).
pub(super) fn was_offered(offered: &[HeaderValue], headers: &HeaderMap) -> bool {
    let mut chosen = headers.get_all(UPGRADE).iter();
    chosen.all(|value| {
        tokens(value.as_bytes()).all(|protocol| {
            let mut offers = offered.iter().flat_map(|value| tokens(value.as_bytes()));
            offers.any(|offer| offer.eq_ignore_ascii_case(protocol))
        })
    })
}

/// HTTP/2 may split this field, HTTP/1.1 may not (RFC 9113 section 8.2.3).
fn join_cookies(headers: &mut HeaderMap) {
    if headers.get_all(COOKIE).iter().nth(1).is_none() {
        return;
    }
    let crumbs: Vec<&[u8]> = headers
        .get_all(COOKIE)
        .iter()
        .map(HeaderValue::as_bytes)
        .collect();
    if let Ok(joined) = HeaderValue::from_bytes(&crumbs.join(&b"; "[..])) {
        headers.insert(COOKIE, joined);
    }
}

/// The elements of a list (RFC 9110 section 5.6.1).
fn tokens(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    list.split(|byte| *byte == b',')
        .map(<[u8]>::trim_ascii)
        .filter(|token| !token.is_empty())
}

#[cfg(test)]
mod tests;
