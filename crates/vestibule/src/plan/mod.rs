//! A checked configuration, compiled into what workers use. Immutable; a reload makes a new one,
//! and a live connection keeps the parts it started with.

mod guard;
mod networks;
mod route;

use std::{collections::HashMap, sync::Arc, sync::atomic::AtomicUsize, time::Duration};

use vestibule_config::{
    Bind, Config, Destination, Interception, LowBandwidth, ProxyProtocolMode, ProxyVersion,
    SendTlv, ServiceKind, Upstream,
};

pub(crate) use guard::{Guard, Named};
pub(crate) use networks::Networks;
pub(crate) use route::{Asked, AskedByTls, Route, choose, first_match};

use crate::{
    auth::Users,
    low_bandwidth::tcp::Side,
    material::{HopMaterial, Material},
    metrics::{ListenerStats, ServiceStats},
    tls::{ClientPolicy, ServerPolicy},
    upstream::{Hop, Target},
};

/// A whole configuration.
#[derive(Debug)]
pub(crate) struct Plan {
    /// What it was compiled from.
    pub(crate) config: Config,
    /// What was read from the files that it names.
    pub(crate) material: Arc<Material>,
    /// In the order of the configuration.
    pub(crate) listeners: Vec<Arc<Listener>>,
    /// In the order of the configuration.
    pub(crate) services: Vec<Arc<Service>>,
}

/// The policy of a listener.
#[derive(Debug)]
pub(crate) struct Listener {
    pub(crate) name: String,
    pub(crate) bind: Vec<Bind>,
    pub(crate) routes: Vec<Route>,
    pub(crate) default: Next,
    pub(crate) proxy: Option<ProxyPolicy>,
    pub(crate) stats: Arc<ListenerStats>,
    /// Whether anything that comes after the header looks at its TLVs.
    pub(crate) keeps_tlvs: bool,
    /// Whether a route looks at HTTP requests.
    pub(crate) peeks_http: bool,
    /// How connections to others are brought here.
    pub(crate) transparent: Option<Interception>,
    /// What is done with TLS; `None`: nothing.
    pub(crate) tls: Option<ListenerTls>,
}

/// What a listener does with TLS.
#[derive(Debug)]
pub(crate) enum ListenerTls {
    /// The hello is read, and carried on.
    Peek,
    /// It ends here.
    Terminate(Arc<ServerPolicy>),
}

/// Where a connection goes.
#[derive(Clone, Debug)]
pub(crate) enum Next {
    /// Dropped: the mod_net_proxy shorthand maps the port to nothing that exists.
    Missing,
    /// Refused: no route matches and there is no default.
    Refuse,
    /// Carried by this service.
    Service(Arc<Service>),
}

/// Who must speak the PROXY protocol.
#[derive(Debug)]
pub(crate) struct ProxyPolicy {
    /// `None`: everyone.
    pub(crate) trusted: Option<Networks>,
    pub(crate) mode: ProxyProtocolMode,
    pub(crate) timeout: Duration,
    pub(crate) max_header: usize,
}

/// A service and the state that it shares over all workers and reloads.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) config: vestibule_config::Service,
    /// Where clients may lead it, when they name the destination.
    pub(crate) guard: Guard,
    pub(crate) targets: Vec<Arc<Target>>,
    pub(crate) stats: Arc<ServiceStats>,
    /// Who may use it; `None`: everyone.
    pub(crate) users: Option<Arc<Users>>,
    /// The proxies on the way to the targets, nearest first.
    pub(crate) via: Vec<Hop>,
    /// TLS towards the targets.
    pub(crate) tls: Option<Arc<ClientPolicy>>,
    /// The TCP side of the low bandwidth gateway that it is; `None`: it is none.
    pub(crate) side: Option<Arc<Side>>,
    /// Counts turns of round robin, and breaks ties.
    pub(crate) turn: Arc<AtomicUsize>,
}

impl Listener {
    /// Whether a route asks for this protocol.
    pub(crate) fn asks_for_alpn(&self, protocol: &[u8]) -> bool {
        self.routes
            .iter()
            .any(|route| route.asks_for_alpn(protocol))
    }

    /// Whether a route looks at the name that the client asks for, in its hello or in its request.
    pub(crate) fn routes_by_name(&self) -> bool {
        self.peeks_http || self.routes.iter().any(Route::wants_sni)
    }

    /// Whether the first bytes of a connection decide anything here.
    pub(crate) fn looks_inside(&self) -> bool {
        self.tls.is_some() || self.peeks_http
    }
}

impl Service {
    /// Its name.
    pub(crate) fn name(&self) -> &str {
        &self.config.name
    }

    /// Whether the client's TLS hello names the destination.
    pub(crate) fn follows_sni(&self) -> bool {
        let mut upstreams = self.config.upstreams.iter();
        upstreams.any(|upstream| matches!(upstream, Upstream::Sni(_)))
    }

    /// Whether the name in a client's TLS hello leads nowhere, whatever it resolves to.
    pub(crate) fn refuses_name(&self, name: &str) -> bool {
        self.config.upstreams.iter().all(|upstream| match upstream {
            Upstream::Sni(port) => self.guard.judge_name(name, *port) == Named::Refused,
            _ => false,
        })
    }

    /// Whether it writes TLVs that it takes from the incoming header.
    pub(crate) fn takes_tlvs(&self) -> bool {
        self.config.send_proxy.as_ref().is_some_and(|send| {
            send.version == ProxyVersion::V2
                && (!send.pass_tlvs.is_empty()
                    || send.tlvs.iter().any(|tlv| *tlv != SendTlv::Crc32c))
        })
    }
}

impl Plan {
    /// Compiles `config` for `workers` workers, and takes over from `previous` what keeps its name:
    /// counters, and what is known of targets. `material` is what was read for `config`.
    pub(crate) fn compile(
        config: Config,
        material: Arc<Material>,
        workers: usize,
        previous: Option<&Self>,
    ) -> Self {
        let services: Vec<_> = config
            .services
            .iter()
            .enumerate()
            .map(|(index, service)| {
                let known = previous.and_then(|plan| plan.service(&service.name));
                let files = ServiceFiles {
                    hops: material.hops(index),
                    tls: material.tls.service(index),
                    users: material.users(index),
                };
                let side = compile_side(service, &config.low_bandwidth);
                Arc::new(compile_service(service, files, side, workers, known))
            })
            .collect();
        let known_listeners: HashMap<&str, &Arc<Listener>> = previous
            .into_iter()
            .flat_map(|plan| plan.listeners.iter().map(|l| (l.name.as_str(), l)))
            .collect();
        let listeners = config
            .listeners
            .iter()
            .enumerate()
            .map(|(index, listener)| {
                let stats = known_listeners.get(listener.name.as_str()).map_or_else(
                    || Arc::new(ListenerStats::new(workers)),
                    |known| Arc::clone(&known.stats),
                );
                let policy = material.tls.listener(index);
                Arc::new(compile_listener(listener, policy, &services, stats))
            })
            .collect();
        Self {
            config,
            material,
            listeners,
            services,
        }
    }

    /// A plan of a process that has just started.
    #[cfg(test)]
    pub(crate) fn first(config: Config, workers: usize) -> Self {
        let material = Material::load(&config, None).material.unwrap();
        Self::compile(config, Arc::new(material), workers, None)
    }

    /// The service of this name.
    pub(crate) fn service(&self, name: &str) -> Option<&Arc<Service>> {
        self.services.iter().find(|s| s.name() == name)
    }
}

/// What was read for a service.
struct ServiceFiles<'a> {
    hops: &'a [HopMaterial],
    tls: Option<Arc<ClientPolicy>>,
    users: Option<Arc<Users>>,
}

fn compile_service(
    config: &vestibule_config::Service,
    files: ServiceFiles<'_>,
    side: Option<Arc<Side>>,
    workers: usize,
    known: Option<&Arc<Service>>,
) -> Service {
    let target = |upstream: &Upstream| {
        known
            .filter(|service| service.via.is_empty() == config.via.is_empty())
            .and_then(|service| service.targets.iter().find(|t| t.upstream == *upstream))
            .map_or_else(
                || {
                    let through_proxies = !config.via.is_empty();
                    Arc::new(Target::new(upstream.clone(), through_proxies, workers))
                },
                Arc::clone,
            )
    };
    Service {
        targets: config.upstreams.iter().map(target).collect(),
        stats: known.map_or_else(
            || Arc::new(ServiceStats::new(workers)),
            |service| Arc::clone(&service.stats),
        ),
        guard: Guard::new(config),
        users: files.users,
        via: config.via.iter().zip(files.hops).filter_map(hop).collect(),
        tls: files.tls,
        side,
        turn: known.map_or_else(Arc::default, |service| Arc::clone(&service.turn)),
        config: config.clone(),
    }
}

/// The side of the gateway that this service is of.
fn compile_side(
    service: &vestibule_config::Service,
    gateways: &[LowBandwidth],
) -> Option<Arc<Side>> {
    match &service.kind {
        ServiceKind::Http(http) => Some(Arc::new(Side::new(gateways.get(http.matrix?)?))),
        ServiceKind::Connect(_) | ServiceKind::Tcp => None,
    }
}

/// A hop with what was read for it. Its host was checked to be one.
fn hop((config, files): (&vestibule_config::Hop, &HopMaterial)) -> Option<Hop> {
    Hop::new(config, files.tls.clone(), files.authorization.clone())
}

fn compile_listener(
    config: &vestibule_config::Listener,
    policy: Option<Arc<ServerPolicy>>,
    services: &[Arc<Service>],
    stats: Arc<ListenerStats>,
) -> Listener {
    let default = match &config.default {
        Destination::Missing(_) => Next::Missing,
        Destination::Refuse => Next::Refuse,
        Destination::Service(index) => Next::Service(Arc::clone(&services[*index])),
    };
    let routes: Vec<_> = config
        .routes
        .iter()
        .map(|route| Route::compile(route, Arc::clone(&services[route.service])))
        .collect();
    let to_default = match &default {
        Next::Service(service) => Some(service),
        Next::Missing | Next::Refuse => None,
    };
    let keeps_tlvs = routes.iter().any(Route::wants_tlvs)
        || routes
            .iter()
            .map(|route| &route.service)
            .chain(to_default)
            .any(|service| service.takes_tlvs());
    let tls = match (policy, &config.tls) {
        (Some(policy), _) => Some(ListenerTls::Terminate(policy)),
        (None, Some(_)) => Some(ListenerTls::Peek),
        (None, None) => None,
    };
    Listener {
        peeks_http: routes.iter().any(Route::wants_http),
        tls,
        name: config.name.clone(),
        bind: config.bind.clone(),
        proxy: config.proxy_protocol.as_ref().map(|proxy| ProxyPolicy {
            trusted: (!proxy.trusted.is_empty()).then(|| Networks::new(&proxy.trusted)),
            mode: proxy.mode,
            timeout: proxy.timeout,
            max_header: proxy.max_header,
        }),
        routes,
        default,
        stats,
        keeps_tlvs,
        transparent: config.transparent,
    }
}
