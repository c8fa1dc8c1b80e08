//! Addresses with a meaning, so that two of them cannot be swapped.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
};

/// One end of a stream socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Endpoint {
    /// TCP. IPv4-mapped IPv6 addresses are held as IPv4.
    Ip(SocketAddr),
    /// A unix socket, whose clients have no address.
    Unix,
}

impl Endpoint {
    /// The address, with an IPv4-mapped IPv6 address turned into IPv4.
    pub(crate) fn ip(address: SocketAddr) -> Self {
        Self::Ip(SocketAddr::new(address.ip().to_canonical(), address.port()))
    }

    /// The IP address and port, when there is one.
    pub(crate) fn socket_addr(self) -> Option<SocketAddr> {
        match self {
            Self::Ip(address) => Some(address),
            Self::Unix => None,
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(address) => address.fmt(f),
            Self::Unix => f.write_str("unix"),
        }
    }
}

/// Who is at the other end of the accepted socket: the client, or a proxy that speaks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PeerAddr(pub(crate) Endpoint);

/// The real client: from a trusted PROXY header, else the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ClientAddr(pub(crate) Endpoint);

impl ClientAddr {
    /// What limits count by: the IPv4 address, or the /64 of the IPv6 address.
    pub(crate) fn limit_key(self) -> Option<u128> {
        Some(match self.0.socket_addr()?.ip() {
            IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
            IpAddr::V6(v6) => v6.to_bits() & !u128::from(u64::MAX),
        })
    }
}

impl fmt::Display for ClientAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for PeerAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The address that the client asked for: from a trusted PROXY header, else the socket's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OriginalDst(pub(crate) Endpoint);

impl fmt::Display for OriginalDst {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(address: &str) -> ClientAddr {
        ClientAddr(Endpoint::ip(address.parse().unwrap()))
    }

    #[test]
    fn mapped_addresses_are_ipv4() {
        assert_eq!(client("[::ffff:192.0.2.1]:5").to_string(), "192.0.2.1:5");
    }

    #[test]
    fn limits_count_ipv6_by_64() {
        let key = |a| client(a).limit_key();
        assert_eq!(key("[2001:db8::1]:1"), key("[2001:db8::ffff:1]:2"));
        assert_ne!(key("[2001:db8::1]:1"), key("[2001:db8:0:1::1]:1"));
        assert_ne!(key("192.0.2.1:1"), key("192.0.2.2:1"));
        assert_eq!(key("192.0.2.1:1"), key("[::ffff:192.0.2.1]:2"));
        assert_eq!(ClientAddr(Endpoint::Unix).limit_key(), None);
    }
}
