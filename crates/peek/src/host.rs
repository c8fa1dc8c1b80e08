//! Names of hosts, in the one form in which they are compared.

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::{fmt, ops, str};

/// A host by its address or by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Host {
    /// An IP address written out.
    Ip(IpAddr),
    /// A name.
    Name(HostName),
}

impl Host {
    /// Reads an IPv4 address, an IPv6 address (without brackets) or a host name.
    ///
    /// `None` if `text` is none of them; see [`HostName::parse`].
    pub fn parse(text: &[u8]) -> Option<Self> {
        // Only IPv6 addresses have colons.
        if text.contains(&b':') {
            let address: Ipv6Addr = str::from_utf8(text).ok()?.parse().ok()?;
            return Some(Self::Ip(address.into()));
        }
        let name = without_trailing_dot(text);
        if name.first().is_some_and(u8::is_ascii_digit)
            && let Ok(text) = str::from_utf8(name)
            && let Ok(address) = text.parse::<Ipv4Addr>()
        {
            return Some(Self::Ip(address.into()));
        }
        HostName::parse(text).map(Self::Name)
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(address) => address.fmt(f),
            Self::Name(name) => name.fmt(f),
        }
    }
}

/// A host name in lower case and without a dot at its end, held by value.
///
/// At most 253 bytes; labels of 1 to 63 letters, digits, hyphens and underscores, with no hyphen
/// at either end (RFC 1123 section 2.1; the underscore is in wide use). The last label is not a
/// number, decimal or with `0x`, because such a name is an address to some resolvers.
#[derive(Clone, Copy)]
pub struct HostName {
    bytes: [u8; HostName::MAX_LEN],
    len: u8,
}

impl HostName {
    /// Longest name in bytes (RFC 1035 section 2.3.4, without the root's dot).
    pub const MAX_LEN: usize = 253;

    /// Reads a name in any case, with or without a dot at its end; `None` if it breaks a rule.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let text = without_trailing_dot(text);
        let len = u8::try_from(text.len()).ok()?;
        let mut bytes = [0; Self::MAX_LEN];
        bytes.get_mut(..text.len())?.copy_from_slice(text);
        bytes.make_ascii_lowercase();

        let mut last = &[][..];
        for label in text.split(|byte| *byte == b'.') {
            if !is_label(label) {
                return None;
            }
            last = label;
        }
        if is_number(last) {
            return None;
        }
        Some(Self { bytes, len })
    }

    /// The name.
    #[inline]
    pub fn as_str(&self) -> &str {
        // The name is ASCII, so the empty string is never taken.
        str::from_utf8(self.as_bytes()).unwrap_or_default()
    }

    /// The name as bytes of ASCII.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        // The slice is never longer than the array.
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }
}

impl AsRef<str> for HostName {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl ops::Deref for HostName {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Debug for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl PartialEq for HostName {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for HostName {}

impl PartialOrd for HostName {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for HostName {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_bytes().cmp(other.as_bytes())
    }
}

impl Hash for HostName {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

fn without_trailing_dot(text: &[u8]) -> &[u8] {
    text.strip_suffix(b".").unwrap_or(text)
}

fn is_label(label: &[u8]) -> bool {
    let ([first, ..], [.., last]) = (label, label) else {
        return false;
    };
    label.len() <= 63
        && *first != b'-'
        && *last != b'-'
        && label
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// Whether resolvers that follow `inet_aton` take `label` for a part of an IPv4 address.
fn is_number(label: &[u8]) -> bool {
    match label {
        [b'0', b'x' | b'X', digits @ ..] => digits.iter().all(u8::is_ascii_hexdigit),
        digits => digits.iter().all(u8::is_ascii_digit),
    }
}

#[cfg(test)]
mod tests;
