//! Services that nothing leads to, or that lead back to where their connections come from.

use std::net::IpAddr;

use crate::{
    Bind, Destination, Listener, Upstream,
    code::Code,
    diagnostic::{Problem, quote},
    reader::Reader,
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

/// Reports upstreams that are an address of a listener that leads to them.
pub(crate) fn loops(r: &mut Reader<'_>, services: &Services, listeners: &[Placed]) {
    for (index, (service, place)) in services.list.iter().zip(&services.places).enumerate() {
        for (upstream, span) in service.upstreams.iter().zip(&place.upstreams) {
            let source = listeners.iter().find(|placed| {
                leads_to(&placed.listener, index)
                    && placed
                        .listener
                        .bind
                        .iter()
                        .any(|bind| is_same(upstream, bind))
            });
            if let Some(source) = source {
                let message = format!(
                    "connections go round in circles: this is an address of listener {}",
                    quote(&source.listener.name)
                );
                let problem = Problem::new(Code::ProxyLoop, message)
                    .help("write where the server itself listens");
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

/// Reports `sni:` upstreams of services that a listener leads to which never sees a hello.
pub(crate) fn nameless(r: &mut Reader<'_>, services: &Services, listeners: &[Placed]) {
    for (index, (service, place)) in services.list.iter().zip(&services.places).enumerate() {
        for (upstream, span) in service.upstreams.iter().zip(&place.upstreams) {
            let blind = listeners
                .iter()
                .find(|placed| !placed.has_tls && leads_to(&placed.listener, index));
            if let (Upstream::Sni(_), Some(blind)) = (upstream, blind) {
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
        }
    }
}

fn leads_to(listener: &Listener, service: usize) -> bool {
    listener.default == Destination::Service(service)
        || listener.routes.iter().any(|route| route.service == service)
}

fn is_same(upstream: &Upstream, bind: &Bind) -> bool {
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
