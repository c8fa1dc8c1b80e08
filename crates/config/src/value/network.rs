//! `"192.0.2.0/24"`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net};

use crate::{
    Code,
    diagnostic::{Problem, quote},
};

/// An address or a network. IPv4 addresses written as IPv6 (`::ffff:192.0.2.1`) become IPv4.
pub(crate) fn parse(text: &str) -> Result<IpNet, Problem> {
    let (address, prefix) = match text.split_once('/') {
        Some((address, prefix)) => (address, Some(prefix)),
        None => (text, None),
    };
    let Ok(ip) = address.parse::<IpAddr>() else {
        return Err(not_an_address(text, address, prefix));
    };
    let longest = if ip.is_ipv4() { 32 } else { 128 };
    let length = match prefix {
        None => longest,
        Some(prefix) => match prefix.parse::<u8>() {
            Ok(length) if length <= longest && prefix.bytes().all(|b| b.is_ascii_digit()) => length,
            _ => return Err(wrong_prefix(address, prefix, longest)),
        },
    };
    let network = unmapped(ip, length);
    if network.addr() != network.network() {
        let alone = network.addr();
        return Err(Problem::new(
            Code::HostBitsSet,
            format!(
                "{} has bits set behind its prefix of {}",
                quote(text),
                network.prefix_len()
            ),
        )
        .help(format!(
            "write `{}` for the network, `{alone}` for the one address",
            network.trunc()
        )));
    }
    Ok(network)
}

/// As it is written in a file: a single address without its prefix.
pub(crate) fn show(network: &IpNet) -> String {
    if network.prefix_len() == network.max_prefix_len() {
        network.addr().to_string()
    } else {
        network.to_string()
    }
}

fn unmapped(ip: IpAddr, length: u8) -> IpNet {
    match (ip, ip.to_canonical()) {
        (IpAddr::V6(_), IpAddr::V4(v4)) if length >= 96 => {
            IpNet::V4(Ipv4Net::new_assert(v4, length - 96))
        }
        _ => IpNet::new_assert(ip, length),
    }
}

fn not_an_address(text: &str, address: &str, prefix: Option<&str>) -> Problem {
    let problem = Problem::new(
        Code::InvalidNetwork,
        format!("{} is not an address or network", quote(text)),
    );
    let slash = prefix
        .map(|prefix| format!("/{prefix}"))
        .unwrap_or_default();
    let bare = address.trim().trim_start_matches('[').trim_end_matches(']');
    if bare.parse::<IpAddr>().is_ok() {
        return problem.help(format!("write `{bare}{}`", slash.trim_end()));
    }
    if let Ok(socket) = text.parse::<std::net::SocketAddr>() {
        return problem.help(format!("write `{}` without the port", socket.ip()));
    }
    match address {
        "*" | "all" | "any" => problem.help("write `0.0.0.0/0` and `::/0` for every address"),
        "localhost" => problem.help("write `127.0.0.1` and `::1`"),
        _ => problem.help(
            "write addresses such as `192.0.2.7` or `2001:db8::1`, or networks such as \
                   `192.0.2.0/24`; names are not looked up here",
        ),
    }
}

fn wrong_prefix(address: &str, prefix: &str, longest: u8) -> Problem {
    let problem = Problem::new(
        Code::InvalidNetwork,
        format!("{} is not the length of a prefix", quote(prefix)),
    );
    if let Some(length) = mask_length(prefix) {
        return problem.help(format!("write `{address}/{length}`"));
    }
    problem.help(format!("write a number from 0 to {longest} behind the `/`"))
}

fn mask_length(mask: &str) -> Option<u8> {
    let mask = mask.parse::<IpAddr>().ok()?;
    ipnet::ip_mask_to_prefix(mask).ok()
}

/// Whether these networks together are every address of a family.
pub(crate) fn is_whole_world(networks: &[IpNet]) -> bool {
    let all = [
        IpNet::new_assert(Ipv4Addr::UNSPECIFIED.into(), 0),
        IpNet::new_assert(Ipv6Addr::UNSPECIFIED.into(), 0),
    ];
    IpNet::aggregate(&networks.to_vec())
        .iter()
        .any(|network| all.contains(network))
}
