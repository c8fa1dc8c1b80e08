//! Where clients may be carried, and on which way.

use std::fmt::{self, Formatter};

use super::{joined, line, show_upstream};
use crate::{
    Hop, Service, ServiceKind, SourceAddress, Upstream,
    value::{destination_rule, duration::show, network},
};

/// What is done with connections, when they are not just carried.
pub(super) fn kind(f: &mut Formatter<'_>, service: &Service) -> fmt::Result {
    match &service.kind {
        ServiceKind::Connect(connect) => {
            line(f, "kind", "explicit proxy (HTTP CONNECT)")?;
            let head = show(connect.request_timeout);
            line(f, "requests", &format!("head within {head}"))?;
            match &connect.users {
                Some(users) => {
                    let (users, realm) = (users.path.display(), &connect.realm);
                    line(f, "users", &format!("{users}, realm {realm}"))
                }
                None => line(f, "users", "everyone who can reach it"),
            }
        }
        ServiceKind::Http(http) => {
            line(f, "kind", "reverse proxy (HTTP)")?;
            let (head, answer) = (show(http.request_timeout), show(http.response_timeout));
            let kept = show(http.keep_alive_timeout);
            let requests =
                format!("head within {head}, answered within {answer}, next within {kept}");
            line(f, "requests", &requests)?;
            if http.trusted_proxies.is_empty() {
                return Ok(());
            }
            let networks = joined(http.trusted_proxies.iter().map(network::show));
            line(f, "believes", &format!("X-Forwarded-* of {networks}"))
        }
        ServiceKind::Tcp => Ok(()),
    }
}

/// What clients may choose, where they choose.
pub(super) fn rules(f: &mut Formatter<'_>, service: &Service) -> fmt::Result {
    let chosen_by_client = |upstream: &Upstream| {
        matches!(
            upstream,
            Upstream::Asked | Upstream::Original | Upstream::Sni(_)
        )
    };
    let Some(upstream) = service.upstreams.iter().find(|u| chosen_by_client(u)) else {
        return Ok(());
    };
    let rules = joined(service.allow.iter().map(destination_rule::show));
    let allowed = match (upstream, service.allow.is_empty()) {
        (Upstream::Original, true) => "everything but ourselves".to_owned(),
        (_, true) => "nothing".to_owned(),
        (_, false) if service.allow_networks.is_empty() => {
            format!("{rules}; names lead to public addresses only")
        }
        (_, false) => {
            let networks = joined(service.allow_networks.iter().map(network::show));
            format!("{rules}; names lead to public addresses and {networks}")
        }
    };
    line(f, "allows", &allowed)?;
    if !service.deny.is_empty() {
        let denied = joined(service.deny.iter().map(destination_rule::show));
        line(f, "but not", &denied)?;
    }
    Ok(())
}

/// How the targets are reached, when not directly and as ourselves.
pub(super) fn way(f: &mut Formatter<'_>, service: &Service) -> fmt::Result {
    if !service.via.is_empty() {
        line(f, "via", &joined(service.via.iter().map(show_hop)))?;
    }
    if service.source == SourceAddress::Client {
        line(f, "source", "the client's address")?;
    }
    if let Some(mark) = service.mark {
        line(f, "mark", &format!("0x{mark:x}"))?;
    }
    Ok(())
}

/// Where connections are carried.
pub(super) fn upstreams(service: &Service) -> String {
    joined(service.upstreams.iter().map(show_upstream))
}

/// Never the password.
fn show_hop(hop: &Hop) -> String {
    let scheme = match hop.tls {
        Some(_) => "https",
        None => "http",
    };
    let host = match hop.host.contains(':') {
        true => format!("[{}]", hop.host),
        false => hop.host.clone(),
    };
    let user = hop.credentials.as_ref();
    let user = user.map_or(String::new(), |known| format!(" as {}", known.username));
    let unverified = hop.tls.as_ref().is_some_and(|tls| !tls.verify);
    let doubt = if unverified { " (not verified)" } else { "" };
    format!("{scheme}://{host}:{}{user}{doubt}", hop.port)
}
