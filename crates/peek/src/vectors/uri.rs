use std::net::Ipv6Addr;

use http::uri::Authority;

use crate::Host;
use crate::http::connect::{self, Malformed};

/// Reads the target of `input`, a request for a tunnel, as the crate `http` does too: what is
/// accepted must mean the same to it, and what it accepts must be refused for a reason.
///
/// Returns whether a tunnel is asked for, without which nothing is compared.
///
/// # Panics
///
/// If the two disagree.
pub fn check_against_uri(input: &[u8]) -> bool {
    let Some(target) = target(input) else {
        return false;
    };
    let theirs = target.parse::<Authority>().ok().filter(means_a_place);
    match connect::request(input) {
        Ok(connect::Progress::Request(request)) => {
            let theirs = theirs.unwrap_or_else(|| panic!("{target} is refused by http"));
            assert_eq!(theirs.port_u16(), Some(request.port));
            assert_eq!(host_of(&theirs), Some(request.host));
        }
        Err(Malformed::TargetHost | Malformed::TargetPort) => {
            assert_eq!(theirs, None, "http accepts {target}");
        }
        _ => {}
    }
    true
}

/// The target of a request line with the method CONNECT.
fn target(input: &[u8]) -> Option<&str> {
    let input = input.trim_ascii_start();
    let line = input.split(|byte| *byte == b'\n').next()?;
    let (target, _) = str::from_utf8(line)
        .ok()?
        .strip_prefix("CONNECT ")?
        .split_once(' ')?;
    Some(target)
}

/// Whether it is a host and a port for us too. To `http` an authority may have user information,
/// which a target must not have (RFC 9112 section 3.2.3), names that no host has, any number as
/// port, and anything between a bracket and the port, against RFC 3986 section 3.2.2.
fn means_a_place(authority: &Authority) -> bool {
    let port = authority.port_u16().filter(|port| *port != 0);
    let canonical = port.map(|port| format!("{}:{port}", authority.host()));
    canonical.as_deref() == Some(authority.as_str()) && host_of(authority).is_some()
}

fn host_of(authority: &Authority) -> Option<Host> {
    match authority.host().strip_prefix('[') {
        Some(rest) => {
            let address: Ipv6Addr = rest.strip_suffix(']')?.parse().ok()?;
            Some(Host::Ip(address.into()))
        }
        None => Host::parse(authority.host().as_bytes()),
    }
}
