//! `"192.0.2.0/24:5222"`: the destination that a client asked for.

use super::network;
use crate::{
    Code, DestinationMatch,
    diagnostic::{Problem, quote},
};

/// One entry of `destination`: a network, a port, or both.
pub(crate) fn parse(text: &str) -> Result<DestinationMatch, Problem> {
    if let Some(port) = text.strip_prefix(':') {
        return Ok(DestinationMatch {
            network: None,
            port: Some(self::port(text, port)?),
        });
    }
    if let Some(rest) = text.strip_prefix('[') {
        let Some((address, rest)) = rest.split_once(']') else {
            return Err(invalid(text).help("close the bracket: `[2001:db8::1]:5222`"));
        };
        let (prefix, port) = match rest.split_once(':') {
            Some((prefix, port)) => (prefix, Some(self::port(text, port)?)),
            None => (rest, None),
        };
        if !(prefix.is_empty() || prefix.starts_with('/')) {
            return Err(invalid(text).help(FORMS));
        }
        let network = network::parse(&format!("{address}{prefix}"))?;
        return Ok(DestinationMatch {
            network: Some(network),
            port,
        });
    }
    if text.matches(':').count() > 1 {
        let (address, prefix) = text.split_once('/').unwrap_or((text, ""));
        let slash = if prefix.is_empty() { "" } else { "/" };
        return Err(invalid(text).help(format!(
            "write `[{address}]{slash}{prefix}`: IPv6 needs brackets"
        )));
    }
    let (network, port) = match text.split_once(':') {
        Some((network, port)) => (network, Some(self::port(text, port)?)),
        None => (text, None),
    };
    if network.bytes().all(|b| b.is_ascii_digit()) {
        let problem = invalid(text);
        return Err(if network.is_empty() {
            problem.help(FORMS)
        } else {
            problem.help(format!("write `:{network}` for a port"))
        });
    }
    Ok(DestinationMatch {
        network: Some(network::parse(network)?),
        port,
    })
}

/// As it is written in a file.
pub(crate) fn show(destination: &DestinationMatch) -> String {
    let network = destination.network.as_ref().map(|network| {
        let text = network::show(network);
        if network.addr().is_ipv4() {
            return text;
        }
        match text.split_once('/') {
            Some((address, prefix)) => format!("[{address}]/{prefix}"),
            None => format!("[{text}]"),
        }
    });
    let port = destination.port.map(|port| format!(":{port}"));
    network.unwrap_or_default() + &port.unwrap_or_default()
}

const FORMS: &str = "write `192.0.2.0/24`, `192.0.2.7:5222`, `[2001:db8::]/32`, \
                     `[2001:db8::1]:5222` or `:5222`";

fn port(text: &str, port: &str) -> Result<u16, Problem> {
    let number = port
        .bytes()
        .all(|b| b.is_ascii_digit())
        .then(|| port.parse::<u16>().ok())
        .flatten();
    number
        .filter(|number| *number != 0)
        .ok_or_else(|| invalid(text).help(format!("{} is not a port (1 to 65535)", quote(port))))
}

fn invalid(text: &str) -> Problem {
    Problem::new(
        Code::InvalidAddress,
        format!("{} is not a destination", quote(text)),
    )
}
