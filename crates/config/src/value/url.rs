//! `"https://matrix.example.org:8448"`: where something is, by a URL without a path.

#[cfg(test)]
mod tests;

use std::net::{IpAddr, Ipv6Addr};

use super::host;
use crate::{
    Code,
    diagnostic::{Problem, quote},
    model::is_local,
};

/// What a URL says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    pub(crate) is_https: bool,
    /// A name in lower case, or an IP address without brackets.
    pub(crate) host: String,
    /// As it is written.
    pub(crate) port: Option<u16>,
}

impl Origin {
    /// The port, or that of the scheme.
    pub(crate) fn port(&self) -> u16 {
        self.port.unwrap_or(if self.is_https { 443 } else { 80 })
    }

    /// As a URL, without a slash at its end.
    pub(crate) fn show(&self) -> String {
        let scheme = if self.is_https { "https" } else { "http" };
        let host = match self.host.contains(':') {
            true => format!("[{}]", self.host),
            false => self.host.clone(),
        };
        match self.port {
            Some(port) => format!("{scheme}://{host}:{port}"),
            None => format!("{scheme}://{host}"),
        }
    }
}

/// `homeserver` of a gateway.
pub(crate) fn homeserver(text: &str) -> Result<Origin, Problem> {
    origin(text, HOMESERVER)
}

/// `advertise` of a gateway.
pub(crate) fn advertise(text: &str) -> Result<Origin, Problem> {
    origin(text, GATEWAY)
}

/// In words: whose URL it is, and what may be written.
type Whose = (&'static str, &'static str);

const HOMESERVER: Whose = (
    "a homeserver",
    "write `http://127.0.0.1:8008` or `https://matrix.example.org`",
);
const GATEWAY: Whose = (
    "a gateway",
    "write what clients reach this gateway by, such as `https://lb.example.org:8448`",
);

/// What is wrong is never told by showing the text, which may have a password in it.
fn origin(text: &str, whose: Whose) -> Result<Origin, Problem> {
    let (what, forms) = whose;
    let invalid = |message: String| Problem::new(Code::InvalidUrl, message);
    if text.contains('@') {
        let message = format!("the URL of {what} has no user name and no password");
        let help = "whoever asks brings a token: take out what stands before the `@`";
        return Err(invalid(message).help(help));
    }
    let (is_https, rest) = match text.split_once("://") {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => (false, rest),
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => (true, rest),
        Some((scheme, _)) => {
            let message = format!(
                "{what} is reached by http or https, not by {}",
                quote(scheme)
            );
            return Err(invalid(message).help(forms));
        }
        None => {
            let problem = invalid(format!("this is not the URL of {what}"));
            let meant = origin(&format!("https://{text}"), whose);
            return Err(match meant {
                Ok(meant) => {
                    // Beside us, hardly anything speaks TLS.
                    let is_https = !is_local(&meant.host);
                    let meant = Origin { is_https, ..meant };
                    problem.help(format!("write `{}`", meant.show()))
                }
                Err(_) => problem.help(forms),
            });
        }
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, more) = rest.split_at(end);
    let (host, port) = authority_of(authority, whose)?;
    let origin = Origin {
        is_https,
        host,
        port,
    };
    let part = match more {
        "" | "/" => return Ok(origin),
        _ if more.contains('#') => "fragment",
        _ if more.contains('?') => "query",
        _ => "path",
    };
    let problem = invalid(format!("the URL of {what} has no {part}"));
    Err(problem.help(format!(
        "the paths are those of the Matrix API: write `{}`",
        origin.show()
    )))
}

fn authority_of(authority: &str, (what, forms): Whose) -> Result<(String, Option<u16>), Problem> {
    let invalid = |message: String| Problem::new(Code::InvalidUrl, message);
    if let Ok(ip) = authority.parse::<Ipv6Addr>() {
        let problem = invalid("an IPv6 address stands in brackets".to_owned());
        return Err(problem.help(format!("write `[{ip}]`")));
    }
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (authority, None),
    };
    let number = |port: &str| {
        let digits = port.bytes().all(|b| b.is_ascii_digit());
        port.parse::<u16>().ok().filter(|port| digits && *port != 0)
    };
    let port = match port.map(number) {
        Some(None) => {
            let problem = invalid("the port is a number from 1 to 65535".to_owned());
            return Err(problem.help(forms));
        }
        port => port.flatten(),
    };
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    let ip: Option<IpAddr> = match bare {
        Some(bare) => bare.parse::<Ipv6Addr>().ok().map(Into::into),
        None => host.parse::<std::net::Ipv4Addr>().ok().map(Into::into),
    };
    let ip = ip.map(|ip| ip.to_canonical());
    if let Some(ip) = ip.filter(|ip| ip.is_unspecified() || ip.is_multicast()) {
        let message = format!("nothing can be connected to at `{ip}`");
        let local = if ip.is_ipv4() { "127.0.0.1" } else { "[::1]" };
        let help = format!("write the address where {what} is, or `{local}` for this machine");
        return Err(invalid(message).help(help));
    }
    let host = ip.map(|ip| ip.to_string()).or_else(|| host::name(host));
    let host = host.ok_or_else(|| {
        let problem = invalid("the host is neither a name nor an address".to_owned());
        problem.help(match authority.is_ascii() {
            true => forms,
            false => "write the name as the DNS has it, with A-labels: `xn--…` (RFC 5890)",
        })
    })?;
    Ok((host, port))
}
