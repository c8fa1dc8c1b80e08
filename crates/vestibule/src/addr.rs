//! Addresses with a meaning, so that two of them cannot be swapped.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
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

/// The IPv4 address to which a packet for `address` may come in the end, when that stands in it: it is
/// IPv4-mapped, -compatible (RFC 4291 section 2.5.5) or -translated (RFC 2765), of NAT64 ([`nat64`])
/// or of 6to4 (RFC 3056). An IPv4 address is itself.
pub(crate) fn embedded_v4(address: IpAddr) -> Option<Ipv4Addr> {
    let address = match address {
        IpAddr::V4(address) => return Some(address),
        IpAddr::V6(address) => address,
    };
    match address.segments() {
        // Unspecified and loopback.
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => None,
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low] | [0, 0, 0, 0, 0xffff, 0, high, low] => {
            Some(joined(high, low))
        }
        [0x2002, high, low, ..] => Some(joined(high, low)),
        _ => nat64(address),
    }
}

/// The IPv4 address to which NAT64 translates `address`: the last 32 bits of the prefixes with 96 bits
/// in 64:ff9b::/96 (RFC 6052) and 64:ff9b:1::/48 (RFC 8215), or what follows all of the latter as a prefix of 48 bits
/// (RFC 6052 section 2.2).
pub(crate) fn nat64(address: Ipv6Addr) -> Option<Ipv4Addr> {
    match address.segments() {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => Some(joined(high, low)),
        // Octet 8 is not part of the address.
        [0x64, 0xff9b, 1, high, middle @ 0..=0xff, low, 0, 0] if low & 0xff == 0 => {
            Some(joined(high, middle << 8 | low >> 8))
        }
        [0x64, 0xff9b, 1, _, _, _, high, low] => Some(joined(high, low)),
        _ => None,
    }
}

fn joined(high: u16, low: u16) -> Ipv4Addr {
    Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low))
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

    #[test]
    fn ipv4_is_found_in_ipv6() {
        let embedded = |a: &str| embedded_v4(a.parse().unwrap()).map(|v4| v4.to_string());
        for address in [
            "192.0.2.33",
            "::192.0.2.33",
            "::ffff:192.0.2.33",
            "::ffff:0:192.0.2.33",
            "64:ff9b::192.0.2.33",
            "64:ff9b:1::192.0.2.33",
            "64:ff9b:1:fffe::192.0.2.33",
            "64:ff9b:1:c000:2:2100::",
            "2002:c000:221::1",
        ] {
            assert_eq!(
                embedded(address).as_deref(),
                Some("192.0.2.33"),
                "{address}"
            );
        }
        for address in ["::", "::1", "2001:db8::192.0.2.33", "64:ff9b:2::1"] {
            assert_eq!(embedded(address), None, "{address}");
        }
    }
}
