//! `"xmpp2.internal:5222"`: where a service carries its connections.

use std::net::{IpAddr, SocketAddr};

use super::{address, host, path};
use crate::{
    Code, Upstream,
    diagnostic::{Problem, quote},
    later,
};

/// One entry of `upstreams`.
pub(crate) fn parse(text: &str) -> Result<Upstream, Problem> {
    if let Some(problem) = later::upstream(text) {
        return Err(problem);
    }
    if text == "original" {
        return Ok(Upstream::Original);
    }
    if let Some(path) = text.strip_prefix("unix:") {
        return path::socket(path).map(Upstream::Unix);
    }
    if let Some(port) = text.strip_prefix("sni:") {
        let number = port.parse::<u16>();
        return match number {
            Ok(0) => Err(port_zero(text)),
            Ok(number) if port.bytes().all(|b| b.is_ascii_digit()) => Ok(Upstream::Sni(number)),
            _ => Err(invalid(text).help(
                "write `sni:` and a port: `sni:443` is the name in the client's hello, port 443",
            )),
        };
    }
    if text.starts_with('/') || text.starts_with("./") {
        return Err(invalid(text).help(format!("write `unix:{text}` for a unix socket")));
    }
    match address::socket(text) {
        Ok(address) => usable(text, address).map(Upstream::Address),
        Err(problem) => match text.rsplit_once(':') {
            Some((host, port)) if let Some(host) = host::name(host) => match port.parse::<u16>() {
                Ok(0) => Err(port_zero(text)),
                Ok(number) if port.bytes().all(|b| b.is_ascii_digit()) => {
                    Ok(Upstream::Name(host, number))
                }
                _ => Err(problem),
            },
            None if host::name(text).is_some() => Err(invalid(text).help(format!(
                "the port is missing: write for example `{text}:5222`"
            ))),
            _ if problem.help.is_some() => Err(problem),
            _ => Err(invalid(text)
                .help("write `host:port`, `192.0.2.7:5222`, `[2001:db8::1]:5222` or `unix:/path`")),
        },
    }
}

/// `server` of a component.
pub(crate) fn server(text: &str) -> Result<Upstream, Problem> {
    match parse(text) {
        Ok(server @ (Upstream::Address(_) | Upstream::Name(..) | Upstream::Unix(_))) => Ok(server),
        Ok(Upstream::Asked | Upstream::Original | Upstream::Sni(_)) => {
            Err(invalid(text).help("write where the server takes components: `127.0.0.1:5347`"))
        }
        Err(problem) => Err(match without_port(text) {
            Some(host) => invalid(text).help(format!(
                "the port is missing: write for example `{host}:5347`"
            )),
            None => problem,
        }),
    }
}

/// A host alone, as it stands before a port.
fn without_port(text: &str) -> Option<String> {
    if address::without_brackets(text).is_some() {
        return None;
    }
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    match bare.parse::<IpAddr>() {
        Ok(IpAddr::V4(ip)) => Some(ip.to_string()),
        Ok(IpAddr::V6(ip)) => Some(format!("[{ip}]")),
        Err(_) => host::name(text),
    }
}

fn usable(text: &str, address: SocketAddr) -> Result<SocketAddr, Problem> {
    if address.port() == 0 {
        return Err(port_zero(text));
    }
    if address.ip().is_unspecified() {
        let local = if address.is_ipv4() {
            "127.0.0.1"
        } else {
            "[::1]"
        };
        return Err(invalid(text).help(format!(
            "write `{local}:{}` for this machine",
            address.port()
        )));
    }
    if address.ip().is_multicast() {
        return Err(invalid(text).help("nothing can be connected to at a multicast address"));
    }
    Ok(address)
}

fn port_zero(text: &str) -> Problem {
    invalid(text).help("port 0 cannot be connected to: write a port from 1 to 65535")
}

fn invalid(text: &str) -> Problem {
    Problem::new(
        Code::InvalidAddress,
        format!("{} is not a target", quote(text)),
    )
}
