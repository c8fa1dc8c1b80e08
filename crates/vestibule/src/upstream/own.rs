//! The addresses on which this process waits itself.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
    sync::Arc,
};

use arc_swap::ArcSwap;

use crate::addr::embedded_v4;

/// Every TCP address on which the process listens, shared by all threads. Whoever names a
/// destination must not be carried there: it would go round in circles, or reach what only the
/// operator may.
#[derive(Debug, Default)]
pub(crate) struct OwnAddresses(ArcSwap<Vec<SocketAddr>>);

impl OwnAddresses {
    /// Says what they are now.
    pub(crate) fn set(&self, addresses: Vec<SocketAddr>) {
        self.0.store(Arc::new(addresses));
    }

    /// Whether a connection to `address` would come in here, or might after it was translated to
    /// IPv4.
    pub(crate) fn have(&self, address: SocketAddr) -> bool {
        let (ip, port) = (address.ip().to_canonical(), address.port());
        let v4 = embedded_v4(ip).map(IpAddr::V4).filter(|v4| *v4 != ip);
        self.have_exactly(ip, port) || v4.is_some_and(|v4| self.have_exactly(v4, port))
    }

    fn have_exactly(&self, ip: IpAddr, port: u16) -> bool {
        // To connect to the unspecified address is to connect to this machine.
        let anywhere_here = ip.is_unspecified();
        self.0.load().iter().any(|own| {
            own.port() == port
                && (own.ip() == ip
                    || anywhere_here
                    || (own.ip().is_unspecified() && own.is_ipv4() == ip.is_ipv4() && is_local(ip)))
        })
    }
}

/// Whether `ip` leads to this machine: to one of its interfaces, or by a route of type `local`.
/// Asks the kernel, which sends nothing.
fn is_local(ip: IpAddr) -> bool {
    if ip.is_loopback() {
        return true;
    }
    let any: IpAddr = match ip {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    // Where that cannot be found out, for want of descriptors, it is better to take it for local.
    let Ok(socket) = UdpSocket::bind((any, 0)) else {
        return true;
    };
    // Whoever talks to itself talks from the address that it talks to.
    socket
        .connect((ip, 9))
        .and_then(|()| socket.local_addr())
        .is_ok_and(|local| local.ip() == ip)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(addresses: &[&str]) -> OwnAddresses {
        let own = OwnAddresses::default();
        own.set(addresses.iter().map(|a| a.parse().unwrap()).collect());
        own
    }

    fn has(own: &OwnAddresses, address: &str) -> bool {
        own.have(address.parse().unwrap())
    }

    #[test]
    fn an_address_is_itself_in_any_form() {
        let own = own(&["127.0.0.1:3128", "[::1]:3128"]);
        for there in [
            "127.0.0.1:3128",
            "[::ffff:127.0.0.1]:3128",
            "[64:ff9b::127.0.0.1]:3128",
            "[2002:7f00:1::1]:3128",
            "0.0.0.0:3128",
            "[::]:3128",
            "[::1]:3128",
        ] {
            assert!(has(&own, there), "{there}");
        }
        assert!(!has(&own, "127.0.0.1:3129"));
        assert!(!has(&own, "127.0.0.2:3128"));
        assert!(!has(&own, "192.0.2.1:3128"));
    }

    #[test]
    fn a_listener_on_every_address_is_on_all_of_this_machine() {
        let own = own(&["0.0.0.0:3128"]);
        assert!(has(&own, "127.0.0.1:3128"));
        assert!(has(&own, "127.9.9.9:3128"));
        assert!(has(&own, "[::ffff:127.0.0.1]:3128"));
        assert!(!has(&own, "[::1]:3128"));
        assert!(!has(&own, "192.0.2.1:3128"));
    }
}
