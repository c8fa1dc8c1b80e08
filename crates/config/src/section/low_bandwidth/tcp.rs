//! The TCP side of gateways: ordinary listeners, and services of kind `http`.

use std::net::{IpAddr, SocketAddr};

use super::super::{kind, service::with_defaults, tls::showing, upstream_tls::for_requests};
use crate::{
    Bind, Destination, Homeserver, Listener, ListenerTls, LowBandwidth, Service, Upstream,
    reader::Reader,
};

/// What clients may speak inside TLS.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// The listener of `gateway`, which has this index, and its service, which will have that index of
/// `services`; `None` when it has no TCP side. Both are named `GATEWAY/tcp`, as nothing else can be.
pub(crate) fn side(
    r: &mut Reader<'_>,
    gateway: &LowBandwidth,
    index: usize,
    service: usize,
) -> Option<(Listener, Service)> {
    let advertise = gateway.advertise.as_ref()?;
    let name = format!("{}/tcp", gateway.name);
    let tls = advertise.is_https.then(|| {
        let certificate = gateway.certificate.clone();
        ListenerTls::Terminate(showing(r, certificate, &PROTOCOLS))
    });
    let listener = Listener {
        name: name.clone(),
        bind: gateway.tcp_bind.iter().copied().map(Bind::Tcp).collect(),
        routes: Vec::new(),
        default: Destination::Service(service),
        proxy_protocol: None,
        tls,
        transparent: None,
    };
    let service = Service {
        kind: kind::tcp_side(index, gateway.trusted_proxies.clone()),
        upstreams: vec![upstream(&gateway.homeserver)],
        tls: gateway.homeserver.tls.as_ref().map(for_requests),
        ..with_defaults(&name)
    };
    Some((listener, service))
}

/// As a target of a service.
pub(crate) fn upstream(homeserver: &Homeserver) -> Upstream {
    match homeserver.host.parse::<IpAddr>() {
        Ok(ip) => Upstream::Address(SocketAddr::new(ip, homeserver.port)),
        Err(_) => Upstream::Name(homeserver.host.clone(), homeserver.port),
    }
}
