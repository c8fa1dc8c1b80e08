//! What a client names: where it wants to be carried.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
};

use vestibule_config::Upstream;
use vestibule_peek::{Host, HostName};

/// A host and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Destination {
    /// Its name in lower case, or its address.
    pub(crate) host: Host,
    pub(crate) port: u16,
}

impl Destination {
    /// `None`: `host` is neither a name nor an address.
    pub(crate) fn new(host: &str, port: u16) -> Option<Self> {
        let host = Host::parse(host.as_bytes())?;
        Some(Self { host, port })
    }

    /// What a configured target is called, unless it is a unix socket or depends on the client.
    pub(crate) fn of(upstream: &Upstream) -> Option<Self> {
        match upstream {
            Upstream::Address(address) => Some((*address).into()),
            Upstream::Name(name, port) => Self::new(name, *port),
            Upstream::Asked | Upstream::Original | Upstream::Sni(_) | Upstream::Unix(_) => None,
        }
    }

    /// The name, when it is one.
    pub(crate) fn name(&self) -> Option<&HostName> {
        match &self.host {
            Host::Ip(_) => None,
            Host::Name(name) => Some(name),
        }
    }

    /// The address, when the host is one.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        match self.host {
            Host::Ip(ip) => Some(SocketAddr::new(ip, self.port)),
            Host::Name(_) => None,
        }
    }
}

impl From<SocketAddr> for Destination {
    fn from(address: SocketAddr) -> Self {
        Self {
            host: Host::Ip(address.ip().to_canonical()),
            port: address.port(),
        }
    }
}

/// As it stands in a request for a tunnel: `name:port`, `[2001:db8::1]:port` (RFC 9110 section
/// 7.2).
impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host {
            Host::Ip(IpAddr::V6(ip)) => write!(f, "[{ip}]:{}", self.port),
            host => write!(f, "{host}:{}", self.port),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn destinations_read_as_they_are_written() {
        let shown = |host: &str| Destination::new(host, 443).unwrap().to_string();
        assert_eq!(shown("Example.ORG"), "example.org:443");
        assert_eq!(shown("192.0.2.1"), "192.0.2.1:443");
        assert_eq!(shown("2001:db8::1"), "[2001:db8::1]:443");
        assert_eq!(Destination::new("not a name", 443), None);
        let mapped: SocketAddr = "[::ffff:192.0.2.1]:5".parse().unwrap();
        assert_eq!(Destination::from(mapped).to_string(), "192.0.2.1:5");
    }
}
