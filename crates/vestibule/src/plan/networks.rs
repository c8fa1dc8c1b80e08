//! A set of networks, made for many lookups.

use std::net::IpAddr;

use ipnet::IpNet;

/// A set of IP networks. Looking an address up takes the logarithm of their number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Networks {
    /// First and last address of disjoint ranges, sorted.
    v4: Vec<(u32, u32)>,
    v6: Vec<(u128, u128)>,
}

impl Networks {
    /// The union of these networks.
    pub(crate) fn new(networks: &[IpNet]) -> Self {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for network in networks {
            match network {
                IpNet::V4(net) => v4.push((net.network().to_bits(), net.broadcast().to_bits())),
                IpNet::V6(net) => v6.push((net.network().to_bits(), net.broadcast().to_bits())),
            }
        }
        Self {
            v4: disjoint(v4),
            v6: disjoint(v6),
        }
    }

    /// Whether `address` is in one of them. An IPv4-mapped IPv6 address is an IPv4 address.
    pub(crate) fn contains(&self, address: IpAddr) -> bool {
        match address.to_canonical() {
            IpAddr::V4(address) => within(&self.v4, address.to_bits()),
            IpAddr::V6(address) => within(&self.v6, address.to_bits()),
        }
    }
}

fn disjoint<T: Ord + Copy>(mut ranges: Vec<(T, T)>) -> Vec<(T, T)> {
    ranges.sort_unstable();
    let mut merged: Vec<(T, T)> = Vec::with_capacity(ranges.len());
    for (first, last) in ranges {
        match merged.last_mut() {
            Some(before) if first <= before.1 => before.1 = before.1.max(last),
            _ => merged.push((first, last)),
        }
    }
    merged
}

fn within<T: Ord + Copy>(ranges: &[(T, T)], address: T) -> bool {
    let after = ranges.partition_point(|(first, _)| *first <= address);
    after > 0 && address <= ranges[after - 1].1
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn set(networks: &[&str]) -> Networks {
        Networks::new(
            &networks
                .iter()
                .map(|n| n.parse().unwrap())
                .collect::<Vec<_>>(),
        )
    }

    #[test]
    fn holds_what_its_networks_hold() {
        let set = set(&[
            "127.0.0.0/8",
            "192.0.2.0/25",
            "192.0.2.64/26",
            "2001:db8::/32",
        ]);
        for (address, inside) in [
            ("127.0.0.1", true),
            ("128.0.0.0", false),
            ("192.0.2.127", true),
            ("192.0.2.128", false),
            ("::ffff:192.0.2.1", true),
            ("2001:db8:ffff::1", true),
            ("2001:db9::", false),
            ("::1", false),
        ] {
            assert_eq!(set.contains(address.parse().unwrap()), inside, "{address}");
        }
        assert!(!self::set(&[]).contains("::1".parse().unwrap()));
        assert!(self::set(&["0.0.0.0/0"]).contains("255.255.255.255".parse().unwrap()));
    }

    proptest! {
        #[test]
        fn agrees_with_a_linear_search(
            nets in proptest::collection::vec((any::<u32>(), 0u8..=32), 0..20),
            addresses in proptest::collection::vec(any::<u32>(), 50),
        ) {
            let nets: Vec<IpNet> = nets
                .into_iter()
                .map(|(bits, len)| IpNet::new(IpAddr::V4(bits.into()), len).unwrap().trunc())
                .collect();
            let set = Networks::new(&nets);
            for bits in addresses {
                let address = IpAddr::V4(bits.into());
                prop_assert_eq!(set.contains(address), nets.iter().any(|n| n.contains(&address)));
            }
        }
    }
}
