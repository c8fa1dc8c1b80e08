//! `[listener.proxy_protocol]`.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    time::Duration,
};

use ipnet::IpNet;
use toml::Spanned;

use crate::{
    ProxyProtocol, ProxyProtocolMode,
    code::Code,
    diagnostic::Problem,
    reader::{DurationKey, Reader, Table},
    schema,
    value::network,
};

const TIMEOUT: DurationKey = DurationKey {
    key: "timeout",
    default: Duration::from_secs(3),
    min: Duration::from_millis(10),
    max: Duration::from_secs(60),
};

/// The 16 bytes that begin a version 2 header, and the largest length they can announce.
const LONGEST_HEADER: u64 = 16 + 65_535;
/// The longest version 1 header and the NUL of an implementation in C (proxy-protocol.txt,
/// section 2.1).
const SHORTEST_LIMIT: u64 = 108;

pub(super) fn proxy_protocol(r: &mut Reader<'_>, listener: &Table<'_>) -> Option<ProxyProtocol> {
    let value = listener.value("proxy_protocol")?;
    let table = r.table(value, &schema::PROXY_PROTOCOL)?;
    let modes = [
        ("mixed", ProxyProtocolMode::Mixed),
        ("require", ProxyProtocolMode::Require),
    ];
    let max_header = r.size(&table, "max_header", SHORTEST_LIMIT..=LONGEST_HEADER);
    Some(ProxyProtocol {
        trusted: trusted(r, &table, "trusted"),
        mode: r
            .choice(&table, "mode", &modes)
            .unwrap_or(ProxyProtocolMode::Require),
        timeout: r.duration(&table, &TIMEOUT),
        max_header: usize::try_from(max_header.unwrap_or(LONGEST_HEADER)).unwrap_or(usize::MAX),
    })
}

/// What every listener of the shorthand has.
pub(super) fn required_from(trusted: Vec<IpNet>) -> ProxyProtocol {
    ProxyProtocol {
        trusted,
        mode: ProxyProtocolMode::Require,
        timeout: TIMEOUT.default,
        max_header: usize::try_from(LONGEST_HEADER).unwrap_or(usize::MAX),
    }
}

/// The list of trusted networks under `key`, with a warning when it leaves nobody out.
pub(super) fn trusted(r: &mut Reader<'_>, table: &Table<'_>, key: &str) -> Vec<IpNet> {
    let Some(value) = table.value(key) else {
        let loopback = [
            IpAddr::from(Ipv4Addr::LOCALHOST),
            IpAddr::from(Ipv6Addr::LOCALHOST),
        ];
        return loopback.map(IpNet::from).to_vec();
    };
    let networks = r.texts(table, key, network::parse).unwrap_or_default();
    let trusted: Vec<_> = networks.iter().map(|network| *network.get_ref()).collect();
    let is_empty = value
        .get_ref()
        .as_array()
        .is_some_and(|items| items.is_empty());
    let world = networks
        .iter()
        .find(|network| network.get_ref().prefix_len() == 0);
    if is_empty || network::is_whole_world(&trusted) {
        let problem = Problem::new(
            Code::TrustsEveryone,
            "every peer is trusted to say who its client is",
        )
        .help("whoever reaches this port can claim any address: write those of your load balancer");
        r.warning(world.map_or(value.span(), Spanned::span), problem);
    }
    trusted
}
