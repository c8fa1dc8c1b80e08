//! `"*.example.org:443"`: what clients may ask for, or may not.

use std::ops::RangeInclusive;

use super::{host, network};
use crate::{
    Code, DestinationRule, HostMatch,
    diagnostic::{Problem, quote},
};

/// Every port.
const EVERY: RangeInclusive<u16> = 1..=u16::MAX;

/// What `"*"` means.
pub(crate) const EVERYTHING: DestinationRule = DestinationRule {
    host: HostMatch::Any,
    ports: EVERY,
};

/// One entry of `allow` or `deny`.
pub(crate) fn parse(text: &str) -> Result<DestinationRule, Problem> {
    let (host, ports) = split(text)?;
    let ports = match ports {
        None => EVERY,
        Some(ports) => self::ports(text, ports)?,
    };
    let host = match host.as_str() {
        "" if text.starts_with(':') => HostMatch::Any,
        "*" => HostMatch::Any,
        host if looks_like_network(host) => HostMatch::Network(network::parse(host)?),
        host => HostMatch::Name(host::allowed(host)?),
    };
    Ok(DestinationRule { host, ports })
}

/// As it is written in a file.
pub(crate) fn show(rule: &DestinationRule) -> String {
    let bare = rule.ports == EVERY;
    let host = match &rule.host {
        HostMatch::Any => "*".to_owned(),
        HostMatch::Network(network) => {
            let text = network::show(network);
            match (network.addr().is_ipv4() || bare, text.split_once('/')) {
                (true, _) => text,
                (false, None) => format!("[{text}]"),
                (false, Some((address, prefix))) => format!("[{address}]/{prefix}"),
            }
        }
        HostMatch::Name(name) => host::show(name),
    };
    match (bare, rule.ports.start(), rule.ports.end()) {
        (true, ..) => host,
        (false, first, last) if first == last => format!("{host}:{first}"),
        (false, first, last) => format!("{host}:{first}-{last}"),
    }
}

/// Whether everything that `narrow` matches is matched by `wide`.
pub(crate) fn covers(wide: &DestinationRule, narrow: &DestinationRule) -> bool {
    let ports =
        wide.ports.contains(narrow.ports.start()) && wide.ports.contains(narrow.ports.end());
    ports
        && match (&wide.host, &narrow.host) {
            (HostMatch::Any, _) => true,
            (HostMatch::Network(wide), HostMatch::Network(narrow)) => wide.contains(narrow),
            (HostMatch::Name(wide), HostMatch::Name(narrow)) => host::covers(wide, narrow),
            _ => false,
        }
}

/// The host, without brackets, and the ports, if there are any.
fn split(text: &str) -> Result<(String, Option<&str>), Problem> {
    if let Some(rest) = text.strip_prefix('[') {
        let Some((address, rest)) = rest.split_once(']') else {
            return Err(invalid(text).help("close the bracket: `[2001:db8::]/32:443`"));
        };
        let (prefix, ports) = match rest.split_once(':') {
            Some((prefix, ports)) => (prefix, Some(ports)),
            None => (rest, None),
        };
        if !(prefix.is_empty() || prefix.starts_with('/')) {
            return Err(invalid(text).help(FORMS));
        }
        return Ok((format!("{address}{prefix}"), ports));
    }
    match text.split_once(':') {
        // That it has a scheme is told with the name.
        _ if text.contains("://") => Ok((text.to_owned(), None)),
        Some((host, ports)) if !ports.contains(':') => Ok((host.to_owned(), Some(ports))),
        // Several colons: an IPv6 address or network without ports.
        _ => Ok((text.to_owned(), None)),
    }
}

/// Whether `host` is meant to be an address or a network, right or wrong.
fn looks_like_network(host: &str) -> bool {
    let numeric = |b: u8| b.is_ascii_digit() || b == b'.';
    let is_url = host.contains("://");
    (!is_url && host.contains(['/', ':'])) || (!host.is_empty() && host.bytes().all(numeric))
}

fn ports(text: &str, ports: &str) -> Result<RangeInclusive<u16>, Problem> {
    let port = |digits: &str| {
        let number = digits.bytes().all(|b| b.is_ascii_digit());
        let number = number.then(|| digits.parse::<u16>().ok()).flatten();
        number.filter(|port| *port != 0).ok_or_else(|| {
            let help = format!("{} is not a port (1 to 65535)", quote(digits));
            invalid(text).help(help)
        })
    };
    if ports == "*" {
        return Ok(EVERY);
    }
    let (first, last) = match ports.split_once('-') {
        Some((first, last)) => (port(first)?, port(last)?),
        None => (port(ports)?, port(ports)?),
    };
    if first > last {
        let help = format!("the first port comes first: write `{last}-{first}`");
        return Err(invalid(text).help(help));
    }
    Ok(first..=last)
}

const FORMS: &str = "write `*.example.org:443`, `192.0.2.0/24`, `[2001:db8::]/32:443`, \
                     `example.org:5222-5269` or `:443`";

fn invalid(text: &str) -> Problem {
    Problem::new(
        Code::InvalidAddress,
        format!("{} is not a destination", quote(text)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_shown_as_they_are_written() {
        for text in [
            "*",
            "*:443",
            "example.org",
            "*.example.org:443",
            "xmpp.example.net:5222-5269",
            "192.0.2.1",
            "192.0.2.0/24:443",
            "2001:db8::/32",
            "[2001:db8::]/32:443",
            "[2001:db8::1]:443",
        ] {
            assert_eq!(show(&parse(text).unwrap()), text);
        }
        for (text, shown) in [
            (":443", "*:443"),
            ("Example.ORG.:*", "example.org"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("example.org:7-7", "example.org:7"),
        ] {
            assert_eq!(show(&parse(text).unwrap()), shown);
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            ":",
            ":0",
            ":65536",
            "*.*.org",
            "example.org:",
            "example.org:9-8",
            "example.org:1-",
            "example.org:+1",
            "192.0.2.1/24",
            "192.0.2.256",
            "[2001:db8::1",
            "[2001:db8::1]x",
            "https://example.org",
            "a b",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn wide_rules_cover_narrow_ones() {
        let covered =
            |wide: &str, narrow: &str| covers(&parse(wide).unwrap(), &parse(narrow).unwrap());
        assert!(covered("*", "example.org:443"));
        assert!(covered("*.example.org", "a.example.org:443"));
        assert!(covered("10.0.0.0/8:1-100", "10.1.0.0/16:22"));
        assert!(!covered("*.example.org:443", "a.example.org"));
        assert!(!covered("example.org", "10.0.0.1"));
    }
}
