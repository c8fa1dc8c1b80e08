//! Where a connection may be dialed whose destination the client has named.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use vestibule_config::{DestinationRule, HostMatch, Upstream};

use super::Networks;
use crate::addr::{embedded_v4, nat64};

/// What a client may name as a destination: names and networks that are allowed and not denied, and
/// of the addresses that a name resolves to only public ones, unless others are allowed too.
/// Otherwise whoever controls a name could have us connect to our own network.
#[derive(Debug)]
pub(crate) struct Guard {
    allow: Vec<DestinationRule>,
    deny: Vec<DestinationRule>,
    /// What an allowed name may lead to although it is not public.
    networks: Networks,
    /// Everything is allowed that is not denied: the client was brought here, it did not choose.
    open: bool,
}

/// What is thought of a name before it is resolved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Named {
    /// It may be dialed, if its addresses may.
    Allowed,
    /// Whatever it resolves to must be allowed as an address.
    ByAddress,
    /// It may not be dialed, whatever it resolves to.
    Refused,
}

impl Guard {
    /// What `service` allows.
    pub(crate) fn new(service: &vestibule_config::Service) -> Self {
        let original = |upstream: &Upstream| *upstream == Upstream::Original;
        Self {
            allow: service.allow.clone(),
            deny: service.deny.clone(),
            networks: Networks::new(&service.allow_networks),
            open: service.allow.is_empty() && service.upstreams.iter().any(original),
        }
    }

    /// What is thought of this name, in lower case, at this port.
    pub(crate) fn judge_name(&self, name: &str, port: u16) -> Named {
        let names = |rule: &&DestinationRule| match &rule.host {
            HostMatch::Any => true,
            HostMatch::Name(allowed) => allowed.matches(Some(name)),
            HostMatch::Network(_) => false,
        };
        if at(&self.deny, port).any(|rule| names(&rule)) {
            return Named::Refused;
        }
        if self.open || at(&self.allow, port).any(|rule| names(&rule)) {
            return Named::Allowed;
        }
        let by_address = |rule: &DestinationRule| matches!(rule.host, HostMatch::Network(_));
        match at(&self.allow, port).any(by_address) {
            true => Named::ByAddress,
            false => Named::Refused,
        }
    }

    /// Whether this address, which is about to be dialed, may be. `named` is what was thought of
    /// the name that resolves to it; `None`: the client named the address itself.
    pub(crate) fn permits_address(&self, address: SocketAddr, named: Option<Named>) -> bool {
        let (ip, port) = (address.ip().to_canonical(), address.port());
        let v4 = embedded_v4(ip).map(IpAddr::V4);
        let denied = |rule: &DestinationRule| match &rule.host {
            HostMatch::Any => true,
            HostMatch::Network(network) => {
                network.contains(&ip) || v4.is_some_and(|v4| network.contains(&v4))
            }
            HostMatch::Name(_) => false,
        };
        if at(&self.deny, port).any(denied) {
            return false;
        }
        if self.open {
            return true;
        }
        // What NAT64 translates is that very machine. Behind an address of 6to4 are others.
        let translated = match ip {
            IpAddr::V4(_) => None,
            IpAddr::V6(ip) => nat64(ip).map(IpAddr::V4),
        };
        let listed = |rule: &DestinationRule| match &rule.host {
            HostMatch::Network(network) => {
                network.contains(&ip) || translated.is_some_and(|v4| network.contains(&v4))
            }
            HostMatch::Any | HostMatch::Name(_) => false,
        };
        if at(&self.allow, port).any(listed) {
            return true;
        }
        let any = |rule: &DestinationRule| rule.host == HostMatch::Any;
        let by_name = match named {
            Some(named) => named == Named::Allowed,
            None => at(&self.allow, port).any(any),
        };
        by_name && (is_public(ip) || self.networks.contains(ip))
    }
}

/// The rules for this port.
fn at(rules: &[DestinationRule], port: u16) -> impl Iterator<Item = &DestinationRule> {
    rules.iter().filter(move |rule| rule.ports.contains(&port))
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
    match address.segments() {
        // Unspecified, loopback and IPv4-compatible.
        [0, 0, 0, 0, 0, 0, ..] => false,
        // The local prefix of NAT64 (RFC 8215) is of this network.
        [0x64, 0xff9b, 1, ..] => false,
        // Discard-only (RFC 6666).
        [0x100, 0, 0, ..] => false,
        // Teredo, ORCHID and others (RFC 2928), documentation (RFC 3849, RFC 9637).
        [0x2001, 0..=0x01ff, ..] => false,
        [0x2001, 0x0db8, ..] => false,
        [0x3fff, 0..=0x0fff, ..] => false,
        [first, ..] => match embedded_v4(address.into()) {
            Some(v4) => is_public_v4(v4),
            // Global unicast (RFC 4291 section 2.4) is 2000::/3; what is not assigned is not public:
            // among that unique local, link-local, site-local and multicast addresses.
            None => first & 0xe000 == 0x2000,
        },
    }
}

#[cfg(test)]
mod tests;
