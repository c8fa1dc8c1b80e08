//! `"xmpp2.internal:5222"`: where a service carries its connections.

use std::net::SocketAddr;

use super::{address, path};
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
    if let Some(path) = text.strip_prefix("unix:") {
        return path::socket(path).map(Upstream::Unix);
    }
    if text.starts_with('/') || text.starts_with("./") {
        return Err(invalid(text).help(format!("write `unix:{text}` for a unix socket")));
    }
    match address::socket(text) {
        Ok(address) => usable(text, address).map(Upstream::Address),
        Err(problem) => match text.rsplit_once(':') {
            Some((host, port)) if is_host(host) => match port.parse::<u16>() {
                Ok(0) => Err(port_zero(text)),
                Ok(number) if port.bytes().all(|b| b.is_ascii_digit()) => Ok(Upstream::Name(
                    host.trim_end_matches('.').to_ascii_lowercase(),
                    number,
                )),
                _ => Err(problem),
            },
            None if is_host(text) => Err(invalid(text).help(format!(
                "the port is missing: write for example `{text}:5222`"
            ))),
            _ if problem.help.is_some() => Err(problem),
            _ => Err(invalid(text)
                .help("write `host:port`, `192.0.2.7:5222`, `[2001:db8::1]:5222` or `unix:/path`")),
        },
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

/// A host name (RFC 952, RFC 1123; `_` as in practice) that cannot be taken for an address.
fn is_host(text: &str) -> bool {
    let name = text.strip_suffix('.').unwrap_or(text);
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    let last = name.rsplit('.').next().unwrap_or_default();
    name.len() <= 253 && name.split('.').all(label) && !last.bytes().all(|b| b.is_ascii_digit())
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
