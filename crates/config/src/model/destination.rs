//! What the configuration says of destinations that clients name, and of the way there.

use std::{fmt, ops::RangeInclusive};

use ipnet::IpNet;

use super::{FileRef, NameMatch, UpstreamTls};

/// One entry of `allow` or `deny`: `"*.example.org:443"`, `"192.0.2.0/24"`, `"[2001:db8::]/32:443"`,
/// `"example.org:5222-5269"`, `"*:443"`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DestinationRule {
    /// The hosts that match.
    pub host: HostMatch,
    /// The ports that match; all of them when the entry has none.
    pub ports: RangeInclusive<u16>,
}

/// The host of a [`DestinationRule`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum HostMatch {
    /// `*`: every name and address.
    Any,
    /// An address, or all of a network: matches what is dialed, however it was named.
    Network(IpNet),
    /// A name; never [`NameMatch::Absent`].
    Name(NameMatch),
}

/// One entry of `via`: a proxy that understands HTTP CONNECT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hop {
    /// Its name in lower case, or its IP address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// With `https`: TLS towards it. Its ALPN is always [`UpstreamAlpn::Set`](crate::UpstreamAlpn).
    pub tls: Option<UpstreamTls>,
    /// What it wants to know (Basic, RFC 7617).
    pub credentials: Option<Credentials>,
}

/// Who we are to a proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// Without a colon.
    pub username: String,
    /// What proves it.
    pub password: Secret,
}

/// A string, `{ file = "…" }` or `{ env = "…" }`.
#[derive(Clone, PartialEq, Eq)]
pub enum Secret {
    /// The content of this file, without one line ending at its end.
    File(FileRef),
    /// Itself, from the configuration or from the environment.
    Text(String),
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(file) => f.debug_tuple("File").field(file).finish(),
            Self::Text(_) => f.write_str("Text(…)"),
        }
    }
}
