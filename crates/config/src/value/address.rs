//! `"127.0.0.1:5222"`, `"[::]:5222"`, `":8008"` and `"unix:/run/c2s.sock"`: where something is listened
//! on.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::path;
use crate::{
    Bind, Code,
    diagnostic::{Problem, quote},
};

/// One entry of `bind`.
pub(crate) fn bind(text: &str) -> Result<Bind, Problem> {
    if let Some(path) = text.strip_prefix("unix:") {
        return path::socket(path).map(Bind::Unix);
    }
    if text.starts_with('/') || text.starts_with("./") {
        return Err(not_an_address(text).help(format!("write `unix:{text}` for a unix socket")));
    }
    listen(text).map(Bind::Tcp)
}

/// A TCP address to listen on. Port 0 lets the kernel choose.
pub(crate) fn listen(text: &str) -> Result<SocketAddr, Problem> {
    socket(text).map_err(|problem| match problem.help {
        Some(_) => problem,
        None => problem.help(listen_help(text)),
    })
}

/// Addresses of a gateway to listen on: `:8008` is every address of both families.
pub(crate) fn both_families(text: &str) -> Result<Vec<SocketAddr>, Problem> {
    let digits = text.strip_prefix(':').unwrap_or_default();
    if let Some(port) = number(digits) {
        return Ok(vec![
            SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), port),
            SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), port),
        ]);
    }
    let every = number(text.strip_prefix("*:").unwrap_or(text));
    if let Some(port) = every {
        let help =
            format!("write `:{port}` for every address, `127.0.0.1:{port}` for this machine");
        return Err(not_an_address(text).help(help));
    }
    if text.starts_with("unix:") || text.starts_with('/') {
        let help = "a gateway has no unix sockets: write for example `:8008` for every address";
        return Err(not_an_address(text).help(help));
    }
    Ok(vec![listen(text)?])
}

/// One entry of `proxy_interfaces`. Prosody's `*` is every IPv4 address.
pub(crate) fn interface(text: &str) -> Result<IpAddr, Problem> {
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    if text == "*" {
        return Ok(Ipv4Addr::UNSPECIFIED.into());
    }
    text.parse::<IpAddr>()
        .map(|ip| ip.to_canonical())
        .map_err(|_| {
            let help = match (text.parse::<SocketAddr>(), bare.parse::<IpAddr>()) {
                (Ok(address), _) => format!("write `{}`: the ports are those mapped", address.ip()),
                (_, Ok(ip)) => format!("write `{ip}`"),
                _ => "write an address of this machine, `0.0.0.0` (all IPv4) or `::` (all IPv6)"
                    .into(),
            };
            Problem::new(
                Code::InvalidAddress,
                format!("{} is not an address", quote(text)),
            )
            .help(help)
        })
}

/// An address and port. Without help where the words depend on what the address is for.
pub(super) fn socket(text: &str) -> Result<SocketAddr, Problem> {
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Ok(canonical(address));
    }
    let problem = not_an_address(text);
    if let Ok(ip) = text
        .trim_start_matches('[')
        .trim_end_matches(']')
        .parse::<IpAddr>()
    {
        return Err(match (ip, without_brackets(text)) {
            (_, Some(meant)) => problem.help(format!("write `{meant}`: IPv6 needs brackets")),
            (ip, None) => {
                let example = SocketAddr::new(ip, 5222);
                problem.help(format!(
                    "the port is missing: write for example `{example}`"
                ))
            }
        });
    }
    if let Some((_, rest)) = text.split_once("://") {
        let rest = rest.split('/').next().unwrap_or_default();
        return Err(problem.help(format!("write `{rest}`, without the scheme")));
    }
    if let Some((host, port)) = text.rsplit_once(':') {
        if !host.is_empty() && number(port).is_none() {
            return Err(problem.help(format!("{} is not a port (1 to 65535)", quote(port))));
        }
        if host.contains('%') {
            return Err(
                problem.help("name the interface by its number, such as `[fe80::1%2]:5222`")
            );
        }
    }
    Err(problem)
}

/// `::1:5222` read as `[::1]:5222`.
pub(super) fn without_brackets(text: &str) -> Option<SocketAddr> {
    let (host, port) = text.rsplit_once(':')?;
    let host = host.parse::<Ipv6Addr>().ok()?;
    // `::` and a short group is an address, four digits and more are rather a port.
    let port = port.parse::<u16>().ok().filter(|_| port.len() >= 2)?;
    Some(SocketAddr::new(host.into(), port))
}

fn listen_help(text: &str) -> String {
    let (host, port) = text.rsplit_once(':').unwrap_or(("", text));
    let port = port.parse::<u16>().unwrap_or(5222);
    match host {
        "" => format!(
            "write `127.0.0.1:{port}` for this machine only, \
             `0.0.0.0:{port}` and `[::]:{port}` for every address"
        ),
        "*" => format!("write `0.0.0.0:{port}` and `[::]:{port}` for every address"),
        "localhost" => format!("write `127.0.0.1:{port}` and `[::1]:{port}`"),
        _ => format!("write an address of this machine, such as `192.0.2.7:{port}`, not a name"),
    }
}

/// A port, digits only.
fn number(text: &str) -> Option<u16> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| digits)
}

fn canonical(address: SocketAddr) -> SocketAddr {
    match address.ip().to_canonical() {
        IpAddr::V4(ip) => SocketAddr::new(ip.into(), address.port()),
        IpAddr::V6(_) => address,
    }
}

fn not_an_address(text: &str) -> Problem {
    Problem::new(
        Code::InvalidAddress,
        format!("{} is not an address and port", quote(text)),
    )
}
