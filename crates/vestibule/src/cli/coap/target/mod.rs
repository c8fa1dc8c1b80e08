//! The URL of a request.

#[cfg(test)]
mod tests;

use std::{fmt, net::Ipv6Addr, str::FromStr};

use vestibule_coap::{OptionList, OptionNumber};

/// Where a request goes, and what it asks for.
#[derive(Clone, Eq, PartialEq)]
pub(super) struct Target {
    /// The server.
    pub(super) place: Place,
    /// Whether the scheme is `coap`: without DTLS.
    pub(super) plain: bool,
    /// The segments of the path, without their escapes.
    path: Vec<Vec<u8>>,
    /// The parts of the query, without their escapes.
    query: Vec<Vec<u8>>,
}

/// A host, perhaps with a port.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Place {
    /// A name, or an address as text, IPv6 without brackets.
    pub(super) host: String,
    pub(super) port: Option<u16>,
}

/// Why a text is no URL that can be asked for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum TargetError {
    /// A percent sign without two hexadecimal digits after it.
    Escape,
    /// `#`, which begins what is not sent.
    Fragment,
    /// There is no host.
    NoHost,
    /// This is neither a name nor an address.
    Host,
    /// This is no port.
    Port,
    /// A segment of the path, or a part of the query, with so many bytes.
    TooLong(usize),
    /// A user name or a password.
    User,
}

/// The longest segment and the longest part of a query (RFC 7252 section 5.10), in bytes.
const LONGEST: usize = 255;

impl Target {
    /// Appends the path and the query as options (RFC 7252 section 6.4).
    pub(super) fn push_to(&self, options: &mut OptionList) {
        for (number, values) in [
            (OptionNumber::URI_PATH, &self.path),
            (OptionNumber::URI_QUERY, &self.query),
        ] {
            for value in values {
                // They are not longer than 255 bytes.
                let _ = options.push(number, value);
            }
        }
    }
}

impl FromStr for Target {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, TargetError> {
        if text.contains('#') {
            return Err(TargetError::Fragment);
        }
        let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, rest) = rest.split_at(end);
        let (path, query) = match rest.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (rest, None),
        };
        // A path of one slash is none (RFC 7252 section 6.4).
        let path = path.strip_prefix('/').filter(|path| !path.is_empty());
        Ok(Self {
            place: authority.parse()?,
            plain: scheme.eq_ignore_ascii_case("coap"),
            path: parts(path, '/')?,
            query: parts(query, '&')?,
        })
    }
}

impl FromStr for Place {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, TargetError> {
        if text.contains('@') {
            return Err(TargetError::User);
        }
        let (host, port) = match text.strip_prefix('[') {
            Some(text) => {
                let (host, rest) = text.split_once(']').ok_or(TargetError::Host)?;
                (
                    ipv6(host)?,
                    rest.strip_prefix(':')
                        .or_else(|| rest.is_empty().then_some("")),
                )
            }
            None => match text.split_once(':') {
                Some((_, rest)) if rest.contains(':') => return Err(TargetError::Host),
                Some((host, port)) => (name(host)?, Some(port)),
                None => (name(text)?, Some("")),
            },
        };
        let port = match port.ok_or(TargetError::Host)? {
            "" => None,
            port => match port.parse() {
                Ok(0) | Err(_) => return Err(TargetError::Port),
                Ok(port) => Some(port),
            },
        };
        Ok(Self { host, port })
    }
}

/// An address of IPv6, perhaps with a zone (RFC 6874).
fn ipv6(text: &str) -> Result<String, TargetError> {
    let (address, zone) = match text.split_once('%') {
        Some((address, zone)) => (address, Some(zone.strip_prefix("25").unwrap_or(zone))),
        None => (text, None),
    };
    let address: Ipv6Addr = address.parse().map_err(|_| TargetError::Host)?;
    Ok(match zone {
        Some(zone) => format!("{address}%{zone}"),
        None => address.to_string(),
    })
}

fn name(text: &str) -> Result<String, TargetError> {
    let is_good = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    match text.bytes().all(is_good) {
        true if text.is_empty() => Err(TargetError::NoHost),
        true => Ok(text.to_owned()),
        false => Err(TargetError::Host),
    }
}

fn parts(text: Option<&str>, separator: char) -> Result<Vec<Vec<u8>>, TargetError> {
    let Some(text) = text else {
        return Ok(Vec::new());
    };
    text.split(separator).map(unescaped).collect()
}

/// What a part says without its escapes. `+` is no space (RFC 3986).
fn unescaped(part: &str) -> Result<Vec<u8>, TargetError> {
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        if first != b'%' {
            bytes.push(first);
            continue;
        }
        let digit = |at: usize| {
            let digit = after
                .get(at)
                .and_then(|&byte| char::from(byte).to_digit(16));
            digit.ok_or(TargetError::Escape)
        };
        bytes.push((digit(0)? << 4 | digit(1)?) as u8);
        rest = &after[2..];
    }
    match bytes.len() {
        0..=LONGEST => Ok(bytes),
        length => Err(TargetError::TooLong(length)),
    }
}

/// A query may have a token in it.
impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target")
            .field("place", &self.place)
            .field("plain", &self.plain)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "[{}]", self.host)?,
            false => f.write_str(&self.host)?,
        }
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

impl fmt::Display for TargetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Escape => {
                f.write_str("two hexadecimal digits must follow each % (%25 is a percent sign)")
            }
            Self::Fragment => {
                f.write_str("what follows a # is not sent; in a path or a query it is written %23")
            }
            Self::NoHost => f.write_str("there is no host in it"),
            Self::Host => f.write_str(
                "the host is a name of ASCII characters or an address, IPv6 in brackets",
            ),
            Self::Port => f.write_str("a port is a number from 1 to 65535"),
            Self::TooLong(length) => write!(
                f,
                "a segment of the path or a part of the query has {length} bytes, and CoAP \
                 carries {LONGEST}"
            ),
            Self::User => f.write_str(
                "CoAP has no user names; a token goes into a header: \
                 -H 'Authorization: Bearer TOKEN'",
            ),
        }
    }
}

impl std::error::Error for TargetError {}
