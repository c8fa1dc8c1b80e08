//! Where a connection may be dialed whose destination the client has named.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use vestibule_config::NameMatch;

use super::Networks;

/// What a client may name as a destination: names that are allowed, and of the addresses that they
/// resolve to only public ones, unless others are allowed too. Otherwise whoever controls a name
/// could have us connect to our own network.
#[derive(Debug)]
pub(crate) struct Guard {
    names: Vec<NameMatch>,
    networks: Networks,
}

impl Guard {
    /// Allows `names`, and addresses that are public or in `networks`.
    pub(crate) fn new(names: &[NameMatch], networks: &[IpNet]) -> Self {
        Self {
            names: names.to_vec(),
            networks: Networks::new(networks),
        }
    }

    /// Whether this name, in lower case, may be dialed.
    pub(crate) fn permits_name(&self, name: &str) -> bool {
        self.names.iter().any(|allowed| allowed.matches(Some(name)))
    }

    /// Whether this address, which is about to be dialed, may be.
    pub(crate) fn permits_address(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        is_public(address) || self.networks.contains(address)
    }
}

/// Whether an address means a machine of the public network: not this machine, not the local
/// network, not a group, and not such an address in the clothes of another one.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

/// The IANA IPv4 Special-Purpose Address Registry (RFC 6890).
fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    !(address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_broadcast()
        || address.is_documentation()
        // This network.
        || a == 0
        // Behind a carrier's NAT (RFC 6598).
        || (a == 100 && b & 0xc0 == 64)
        // Protocol assignments (RFC 6890), 6to4 relays (RFC 7526).
        || (a == 192 && b == 0 && c == 0)
        || (a == 192 && b == 88 && c == 99)
        // Benchmarks (RFC 2544).
        || (a == 198 && b & 0xfe == 18)
        // Reserved (RFC 1112).
        || a >= 240)
}

/// The IANA IPv6 Special-Purpose Address Registry (RFC 6890).
fn is_public_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    let [.., a, b] = segments;
    let last_v4 = Ipv4Addr::from_bits(u32::from(a) << 16 | u32::from(b));
    match segments {
        // Unspecified, loopback, IPv4-compatible, IPv4-mapped and IPv4-translated.
        [0, 0, 0, 0, 0, 0, ..] => false,
        [0, 0, 0, 0, 0, 0xffff, ..] => is_public_v4(last_v4),
        [0, 0, 0, 0, 0xffff, 0, ..] => is_public_v4(last_v4),
        // NAT64 (RFC 6052). The local prefix (RFC 8215) is of this network.
        [0x64, 0xff9b, 0, 0, 0, 0, ..] => is_public_v4(last_v4),
        [0x64, 0xff9b, 1, ..] => false,
        // Discard-only (RFC 6666).
        [0x100, 0, 0, ..] => false,
        // 6to4 (RFC 3056) leads to the IPv4 address inside.
        [0x2002, high, low, ..] => {
            is_public_v4(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)))
        }
        // Teredo, ORCHID and others (RFC 2928), documentation (RFC 3849, RFC 9637).
        [0x2001, 0..=0x01ff, ..] => false,
        [0x2001, 0x0db8, ..] => false,
        [0x3fff, 0..=0x0fff, ..] => false,
        // Global unicast (RFC 4291 section 2.4) is 2000::/3; what is not assigned is not public:
        // among that unique local, link-local, site-local and multicast addresses.
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn public_addresses_are_permitted() {
        let guard = Guard::new(&[], &[]);
        for public in [
            "1.1.1.1",
            "100.63.255.255",
            "100.128.0.0",
            "172.15.0.1",
            "172.32.0.1",
            "198.17.0.1",
            "2606:4700::1111",
            "::ffff:1.1.1.1",
            "64:ff9b::1.1.1.1",
            "2002:101:101::1",
            "2001:4860:4860::8888",
        ] {
            assert!(guard.permits_address(address(public)), "{public}");
        }
    }

    #[test]
    fn others_are_not_whatever_they_look_like() {
        let guard = Guard::new(&[], &[]);
        for refused in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.1.2.3",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.168.0.1",
            "198.18.0.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::7f00:1",
            "::ffff:127.0.0.1",
            "::ffff:0:10.0.0.1",
            "64:ff9b::127.0.0.1",
            "64:ff9b::10.0.0.1",
            "64:ff9b:1::1.1.1.1",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::1",
            "2002:a00:1::1",
            "3fff::1",
            "fc00::1",
            "fd12:3456::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "4000::1",
        ] {
            assert!(!guard.permits_address(address(refused)), "{refused}");
        }
    }

    #[test]
    fn networks_lift_the_refusal() {
        let guard = Guard::new(&[], &["10.1.0.0/16".parse().unwrap()]);
        assert!(guard.permits_address(address("10.1.2.3")));
        assert!(guard.permits_address(address("::ffff:10.1.2.3")));
        assert!(!guard.permits_address(address("10.2.0.1")));
        assert!(!guard.permits_address(address("64:ff9b::10.1.2.3")));
    }

    #[test]
    fn names_must_be_allowed() {
        let names = [
            NameMatch::Exact("example.org".into()),
            NameMatch::Wildcard("example.org".into()),
        ];
        let guard = Guard::new(&names, &[]);
        assert!(guard.permits_name("example.org"));
        assert!(guard.permits_name("chat.example.org"));
        assert!(!guard.permits_name("a.chat.example.org"));
        assert!(!guard.permits_name("example.com"));
        assert!(!Guard::new(&[], &[]).permits_name("example.org"));
    }
}
