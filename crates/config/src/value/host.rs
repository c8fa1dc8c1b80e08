//! `"chat.example.org"`: names of hosts, and what is matched against them.

#[cfg(test)]
mod tests;

use std::net::IpAddr;

use crate::{
    Code, NameMatch,
    diagnostic::{Problem, quote},
};

/// One entry of `sni`: `""` is a hello without a name.
pub(crate) fn sni(text: &str) -> Result<NameMatch, Problem> {
    match text {
        "" => Ok(NameMatch::Absent),
        "*" => Err(invalid(text).help("leave the key out to match every name")),
        _ => pattern(text),
    }
}

/// One entry of `http_host`, where an address is possible too.
pub(crate) fn http_host(text: &str) -> Result<NameMatch, Problem> {
    match (text, address(text)) {
        (_, Some(ip)) => Ok(NameMatch::Exact(ip.to_string())),
        ("*", None) => Err(invalid(text).help("leave the key out to match every host")),
        _ => pattern(text),
    }
}

/// One entry of `allow`.
pub(crate) fn allowed(text: &str) -> Result<NameMatch, Problem> {
    if text == "*" {
        return Err(invalid(text).help(
            "whoever connects would choose the target: write the domains, such as `*.example.org`",
        ));
    }
    pattern(text)
}

/// `server_name`: the name or IP address that a certificate must have.
pub(crate) fn server_name(text: &str) -> Result<String, Problem> {
    if let Some(ip) = address(text) {
        return Ok(ip.to_string());
    }
    if text.contains('*') {
        return Err(invalid(text).help(
            "write one name that the certificate of the target has, such as `xmpp.example.org`",
        ));
    }
    name(text).ok_or_else(|| explained(text))
}

/// As it is written in a file.
pub(crate) fn show(name: &NameMatch) -> String {
    match name {
        NameMatch::Absent => "\"\"".to_owned(),
        NameMatch::Exact(name) => name.clone(),
        NameMatch::Wildcard(parent) => format!("*.{parent}"),
    }
}

/// Whether everything that `narrow` matches is matched by `wide`.
pub(crate) fn covers(wide: &NameMatch, narrow: &NameMatch) -> bool {
    match narrow {
        NameMatch::Absent => wide.matches(None),
        NameMatch::Exact(name) => wide.matches(Some(name)),
        NameMatch::Wildcard(_) => wide == narrow,
    }
}

/// A host name (RFC 952, RFC 1123; `_` as in practice) that cannot be taken for an address, in
/// lower case and without a dot at the end.
pub(crate) fn name(text: &str) -> Option<String> {
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
    let possible = name.len() <= 253
        && name.split('.').all(label)
        && !last.bytes().all(|b| b.is_ascii_digit());
    possible.then(|| name.to_ascii_lowercase())
}

fn pattern(text: &str) -> Result<NameMatch, Problem> {
    if let Some(ip) = address(text) {
        let help = format!("TLS has no server name for `{ip}` (RFC 6066, section 3): write a name");
        return Err(invalid(text).help(help));
    }
    match text.strip_prefix("*.") {
        // The label that the `*` stands for has at least one letter.
        Some(parent) if text.trim_end_matches('.').len() <= 253 => name(parent)
            .map(NameMatch::Wildcard)
            .ok_or_else(|| explained(text)),
        _ => name(text)
            .map(NameMatch::Exact)
            .ok_or_else(|| explained(text)),
    }
}

/// An address, with or without the brackets of IPv6.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'));
    bare.unwrap_or(text)
        .parse::<IpAddr>()
        .ok()
        .map(|ip| ip.to_canonical())
}

/// That this is not a name, and what would be one.
fn explained(text: &str) -> Problem {
    let problem = invalid(text);
    if !text.is_ascii() {
        return problem.help("write the name as the DNS has it, with A-labels: `xn--…` (RFC 5890)");
    }
    if let Some((_, rest)) = text.split_once("://") {
        let host = rest.split(['/', ':']).next().unwrap_or_default();
        return problem.help(format!("write `{host}`, without the scheme"));
    }
    if text.strip_prefix("*.").unwrap_or(text).contains('*') {
        return problem.help("`*` is only possible as the whole first label: `*.example.org`");
    }
    if let Some((host, port)) = text.rsplit_once(':')
        && port.parse::<u16>().is_ok()
    {
        return problem.help(format!("write `{host}`, without the port"));
    }
    if let Some(parent) = text.strip_prefix('.').filter(|_| text.len() > 1) {
        return problem.help(format!("write `*.{parent}` for the names below `{parent}`"));
    }
    problem.help(
        "a name has labels of 1 to 63 letters (a-z), digits, `-` or `_` with dots between them, \
         at most 253 characters",
    )
}

fn invalid(text: &str) -> Problem {
    Problem::new(
        Code::InvalidName,
        format!("{} is not the name of a host", quote(text)),
    )
}
