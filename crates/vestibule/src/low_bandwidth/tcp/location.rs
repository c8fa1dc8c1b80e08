//! The homeserver in URLs.

use std::net::IpAddr;

use hyper::http::uri::Authority;
use vestibule_config::Homeserver;

/// Where the homeserver is, and by which scheme.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    host: String,
    port: u16,
    is_https: bool,
}

impl Place {
    /// Of this homeserver.
    pub(super) fn of(homeserver: &Homeserver) -> Self {
        Self {
            host: homeserver.host.clone(),
            port: homeserver.port,
            is_https: homeserver.tls.is_some(),
        }
    }

    /// What follows scheme, host and port in this URL, if they are those of the homeserver. A URL without a
    /// scheme, `//host/path`, is taken to have that of the homeserver.
    pub(super) fn strip<'a>(&self, url: &'a str) -> Option<&'a str> {
        let (scheme, rest) = url.split_once("//")?;
        let own_scheme = if self.is_https { "https:" } else { "http:" };
        if !scheme.is_empty() && !scheme.eq_ignore_ascii_case(own_scheme) {
            return None;
        }
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, rest) = rest.split_at(end);
        self.is(authority).then_some(rest)
    }

    fn is(&self, authority: &str) -> bool {
        // Who has a name and a password there is not ours to lead somewhere else.
        if authority.contains('@') {
            return false;
        }
        let Ok(authority) = authority.parse::<Authority>() else {
            return false;
        };
        let host = authority.host();
        let port = match authority.as_str().strip_prefix(host) {
            Some("" | ":") => Ok(if self.is_https { 443 } else { 80 }),
            port => port.unwrap_or_default().trim_start_matches(':').parse(),
        };
        let bare = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'));
        let host = bare.unwrap_or(host);
        let is_host = match (host.parse::<IpAddr>(), self.host.parse::<IpAddr>()) {
            (Ok(one), Ok(other)) => one == other,
            _ => host.eq_ignore_ascii_case(&self.host),
        };
        is_host && port == Ok(self.port)
    }
}

#[cfg(test)]
mod tests;
