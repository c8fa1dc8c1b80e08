//! Services that nothing leads to, or that lead back to where their connections come from.

use std::net::{IpAddr, SocketAddr};

use crate::{
    Bind, Connect, Destination, Hop, Listener, ListenerTls, ServiceKind, Upstream,
    code::Code,
    diagnostic::{Problem, quote},
    reader::{Reader, Span},
    section::{listener::Placed, service::Services},
};

/// Reports services that no listener leads to.
pub(crate) fn unused(r: &mut Reader<'_>, services: &Services) {
    if r.is_broken() || services.unresolved {
        // What leads there may stand where it could not be read.
        return;
    }
    for (service, place) in services.list.iter().zip(&services.places) {
        if !place.used {
            let message = format!("nothing leads to service {}", quote(&service.name));
            let problem = Problem::new(Code::UnusedService, message)
                .help("name it in a listener or route, or take it out");
            r.warning(place.name.clone(), problem);
        }
    }
}

/// Reports upstreams and proxies in `via` that are an address of a listener that leads to them.
pub(crate) fn loops(r: &mut Reader<'_>, services: &Services, listeners: &[Placed]) {
    for (index, (service, place)) in services.list.iter().zip(&services.places).enumerate() {
        let upstreams = service.upstreams.iter().cloned().zip(&place.upstreams);
        let hops = service.via.iter().map(target).zip(&place.via);
        for (nth, (upstream, span)) in hops.chain(upstreams).enumerate() {
            // The others are dialed by a proxy: loopback is its own there.
            let is_dialed_here = service.via.is_empty() || nth == 0;
            if !is_dialed_here && is_loopback(&upstream) {
                continue;
            }
            let source = listeners.iter().find(|placed| {
                leads_to(&placed.listener, index)
                    && placed
                        .listener
                        .bind
                        .iter()
                        .any(|bind| is_same(&upstream, bind))
            });
            if let Some(source) = source {
                let message = format!(
                    "connections go round in circles: this is an address of listener {}",
                    quote(&source.listener.name)
                );
                let problem = Problem::new(Code::ProxyLoop, message)
                    .help("write where the server or the proxy itself listens");
                r.doubt(
                    span.clone(),
                    problem,
                    &source.name,
                    "this listener leads here",
                );
            }
        }
    }
}

/// Reports upstreams that a connection names, of services that a listener leads to which never
/// knows what they need.
pub(crate) fn nameless(r: &mut Reader<'_>, services: &Services, listeners: &[Placed]) {
    for (index, (service, place)) in services.list.iter().zip(&services.places).enumerate() {
        for (upstream, span) in service.upstreams.iter().zip(&place.upstreams) {
            let led = |placed: &&Placed| leads_to(&placed.listener, index);
            match upstream {
                Upstream::Original => {
                    let knows = |listener: &Listener| {
                        listener.transparent.is_some() || listener.proxy_protocol.is_some()
                    };
                    let blind = listeners.iter().filter(led);
                    for blind in blind.filter(|placed| !knows(&placed.listener)).take(1) {
                        never_intercepted(r, span, blind);
                    }
                }
                Upstream::Sni(_) => {
                    let blind = listeners.iter().filter(led);
                    for blind in blind.filter(|placed| !placed.has_tls).take(1) {
                        never_named(r, span, blind);
                    }
                }
                _ => {}
            }
        }
    }
}

fn never_named(r: &mut Reader<'_>, span: &Span, blind: &Placed) {
    let message = format!(
        "connections of listener {} never have a name: it does not look at TLS",
        quote(&blind.listener.name)
    );
    let problem = Problem::new(Code::NameNeverKnown, message)
        .help("add [listener.tls] to it with `mode = \"peek\"`, or another service");
    r.doubt(
        span.clone(),
        problem,
        &blind.name,
        "this listener leads here",
    );
}

fn never_intercepted(r: &mut Reader<'_>, span: &Span, blind: &Placed) {
    let message = format!(
        "connections of listener {} are all meant for itself: it intercepts none",
        quote(&blind.listener.name)
    );
    let problem = Problem::new(Code::DestinationNeverKnown, message).help(
        "add `transparent = true` to it, or [listener.proxy_protocol], or write another service",
    );
    let there = "this listener leads here";
    r.conflict(span.clone(), problem, &blind.name, there);
}

/// Reports explicit proxies that everyone may use who can reach them, where that can be anyone.
pub(crate) fn open(r: &mut Reader<'_>, services: &Services, listeners: &[Placed]) {
    for (index, (service, place)) in services.list.iter().zip(&services.places).enumerate() {
        let ServiceKind::Connect(Connect { users: None, .. }) = &service.kind else {
            continue;
        };
        if place.has_users {
            // What is wrong with them was told.
            continue;
        }
        let led = |placed: &&Placed| leads_to(&placed.listener, index);
        let open = listeners
            .iter()
            .filter(led)
            .find(|placed| is_open(&placed.listener));
        if let Some(open) = open.filter(|_| !service.allow.is_empty()) {
            let message = format!(
                "service {} is an open proxy: whoever can reach it may use it",
                quote(&service.name)
            );
            let problem = Problem::new(Code::OpenProxy, message).help(
                "write `users = \"htpasswd\"`, require client certificates, or listen on \
                 127.0.0.1",
            );
            r.doubt(
                place.name.clone(),
                problem,
                &open.name,
                "this listener is not for this machine only",
            );
        }
    }
}

/// Whether strangers can come in.
fn is_open(listener: &Listener) -> bool {
    let certified = match &listener.tls {
        Some(ListenerTls::Terminate(tls)) => tls.client_auth.as_ref().is_some_and(|a| a.required),
        Some(ListenerTls::Peek) | None => false,
    };
    let public = |bind: &Bind| match bind {
        Bind::Tcp(address) => !address.ip().is_loopback(),
        Bind::Unix(_) => false,
    };
    !certified && listener.bind.iter().any(public)
}

fn leads_to(listener: &Listener, service: usize) -> bool {
    listener.default == Destination::Service(service)
        || listener.routes.iter().any(|route| route.service == service)
}

/// Where a proxy is.
fn target(hop: &Hop) -> Upstream {
    match hop.host.parse::<IpAddr>() {
        Ok(ip) => Upstream::Address(SocketAddr::new(ip, hop.port)),
        Err(_) => Upstream::Name(hop.host.clone(), hop.port),
    }
}

/// Whether every machine has its own target of this name.
fn is_loopback(upstream: &Upstream) -> bool {
    match upstream {
        Upstream::Address(address) => address.ip().is_loopback(),
        Upstream::Name(name, _) => name == "localhost",
        _ => false,
    }
}

/// Whether connections to `upstream` come to `bind`, as far as the file tells.
pub(super) fn is_same(upstream: &Upstream, bind: &Bind) -> bool {
    match (upstream, bind) {
        (Upstream::Address(target), Bind::Tcp(bind)) => {
            target.port() == bind.port() && takes(bind.ip(), target.ip())
        }
        (Upstream::Name(name, port), Bind::Tcp(bind)) => {
            let local = bind.ip().is_loopback() || bind.ip().is_unspecified();
            name == "localhost" && *port == bind.port() && local
        }
        (Upstream::Unix(target), Bind::Unix(bind)) => target == bind,
        _ => false,
    }
}

/// Whether a socket bound to `bind` takes connections to `target`, as far as the file tells.
fn takes(bind: IpAddr, target: IpAddr) -> bool {
    let every = bind.is_unspecified() && bind.is_ipv4() == target.is_ipv4();
    bind == target || (every && target.is_loopback())
}
