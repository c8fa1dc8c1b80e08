//! A configuration in words, for the administrator who wants to see what the file means.

mod component;
mod destinations;
mod low_bandwidth;
mod tls;

use std::fmt::{self, Display, Formatter};

use crate::{
    AccessLog, Balance, Bind, Config, Destination, Health, Interception, Limits, Listener,
    ProxyProtocol, ProxyProtocolMode, ProxyVersion, Route, SendProxy, Service, Tcp, Upstream,
    section::send_proxy::tlv_name,
    value::{destination, duration::show, host, network, tls::show_protocol, tlv},
};

impl Config {
    /// What the file means, defaults included: listeners with their addresses, trust and routes,
    /// services with their targets and timeouts, components and gateways. Several lines, for people; ends with a newline.
    pub fn describe(&self) -> String {
        Description(self).to_string()
    }
}

/// As it is written in a file, without quotes.
pub(crate) fn show_bind(bind: &Bind) -> String {
    match bind {
        Bind::Tcp(address) => address.to_string(),
        Bind::Unix(path) => format!("unix:{}", path.display()),
    }
}

struct Description<'a>(&'a Config);

impl Display for Description<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self(config) = self;
        tls::certificates(f, &config.certificates)?;
        let of_gateway = |listener: &&Listener| match &listener.default {
            Destination::Service(index) => low_bandwidth::is_tcp_side(&config.services[*index]),
            _ => false,
        };
        for listener in config.listeners.iter().filter(|l| !of_gateway(l)) {
            config.listener(f, listener)?;
        }
        for service in &config.services {
            if !low_bandwidth::is_tcp_side(service) {
                describe_service(f, service)?;
            }
        }
        for component in &config.components {
            component::component(f, component)?;
        }
        for gateway in &config.low_bandwidth {
            low_bandwidth::gateway(f, gateway)?;
        }
        config.globals(f)
    }
}

impl Config {
    fn listener(&self, f: &mut Formatter<'_>, listener: &Listener) -> fmt::Result {
        writeln!(f, "listener {}", listener.name)?;
        line(f, "bind", &joined(listener.bind.iter().map(show_bind)))?;
        match &listener.proxy_protocol {
            Some(policy) => line(f, "PROXY header", &show_policy(policy))?,
            None => line(f, "PROXY header", "not looked for")?,
        }
        if let Some(interception) = listener.transparent {
            let how = match interception {
                Interception::Any => "TPROXY and REDIRECT",
                Interception::Redirect => "REDIRECT",
                Interception::Tproxy => "TPROXY",
            };
            line(f, "intercepts", how)?;
        }
        if let Some(tls) = &listener.tls {
            tls::listener(f, tls)?;
        }
        for (number, route) in (1..).zip(&listener.routes) {
            let service = &self.services[route.service].name;
            line(
                f,
                &format!("route {number}"),
                &format!("{} -> {service}", show_route(route)),
            )?;
        }
        let rest = match &listener.default {
            Destination::Missing(Some(name)) => format!("dropped: there is no service {name}"),
            Destination::Missing(None) => "dropped: the port has no mapping".to_owned(),
            Destination::Refuse => "refused".to_owned(),
            Destination::Service(index) => format!("-> {}", self.services[*index].name),
        };
        line(
            f,
            if listener.routes.is_empty() {
                "all"
            } else {
                "all else"
            },
            &rest,
        )?;
        writeln!(f)
    }

    fn globals(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "process")?;
        let workers = match self.runtime.workers {
            Some(workers) => workers.to_string(),
            None => "one per core".to_owned(),
        };
        line(f, "workers", &workers)?;
        if let Some(user) = &self.runtime.user {
            let group = self.runtime.group.as_deref().unwrap_or("its own group");
            line(f, "becomes", &format!("user {user}, group {group}"))?;
        }
        line(f, "limits", &show_limits(&self.limits))?;
        line(f, "tcp", &show_tcp(&self.tcp))?;
        if let Some(listen) = self.admin.listen {
            line(f, "admin", &format!("http://{listen}"))?;
        }
        if let Some(control) = &self.admin.control {
            line(f, "control", &control.display().to_string())?;
        }
        let access = match &self.log.access {
            AccessLog::File(path) => path.display().to_string(),
            AccessLog::Off => "off".to_owned(),
            AccessLog::Stdout => "standard output".to_owned(),
        };
        line(f, "access log", &access)
    }
}

fn describe_service(f: &mut Formatter<'_>, service: &Service) -> fmt::Result {
    writeln!(f, "service {}", service.name)?;
    destinations::kind(f, service)?;
    line(f, "upstreams", &destinations::upstreams(service))?;
    let balance = match service.balance {
        Balance::LeastConnections => "least connections",
        Balance::Random => "random",
        Balance::RoundRobin => "round robin",
        Balance::SourceHash => "by source address",
    };
    if service.upstreams.len() > 1 {
        line(f, "balance", balance)?;
    }
    if let Some(send) = &service.send_proxy {
        line(f, "sends", &show_send_proxy(send))?;
    }
    destinations::rules(f, service)?;
    destinations::way(f, service)?;
    if let Some(tls) = &service.tls {
        tls::upstream(f, tls)?;
    }
    if let Some(health) = &service.health {
        line(f, "health", &show_health(health))?;
    }
    let idle = match (
        show(service.idle_timeout.client),
        show(service.idle_timeout.upstream),
    ) {
        (client, upstream) if client == upstream => client,
        (client, upstream) => format!("{client} client, {upstream} upstream"),
    };
    let connect = show(service.connect_timeout);
    let half = show(service.half_close_timeout);
    let retries = service.retries;
    line(
        f,
        "timeouts",
        &format!("connect {connect} (retries {retries}), idle {idle}, half-closed {half}"),
    )?;
    writeln!(f)
}

fn show_policy(policy: &ProxyProtocol) -> String {
    let trusted = if policy.trusted.is_empty() {
        "everyone".to_owned()
    } else {
        joined(policy.trusted.iter().map(network::show))
    };
    let others = match policy.mode {
        ProxyProtocolMode::Mixed => "others are plain clients",
        ProxyProtocolMode::Require => "others are closed unread",
    };
    let (timeout, longest) = (show(policy.timeout), policy.max_header);
    format!("required from {trusted}; {others}; within {timeout}, at most {longest} bytes")
}

fn show_route(route: &Route) -> String {
    let keys = [
        ("sni", joined(route.sni.iter().map(host::show))),
        (
            "alpn",
            joined(route.alpn.iter().map(|protocol| show_protocol(protocol))),
        ),
        ("http_host", joined(route.http_host.iter().map(host::show))),
        ("client", joined(route.client.iter().map(network::show))),
        (
            "destination",
            joined(route.destination.iter().map(destination::show)),
        ),
        ("proxy_tlv", joined(route.proxy_tlv.iter().map(tlv::show))),
    ];
    let keys = keys.into_iter().filter(|(_, values)| !values.is_empty());
    let keys: Vec<_> = keys
        .map(|(key, values)| format!("{key} {values}"))
        .collect();
    if keys.is_empty() {
        "everything".to_owned()
    } else {
        keys.join(" and ")
    }
}

fn show_upstream(upstream: &Upstream) -> String {
    match upstream {
        Upstream::Address(address) => address.to_string(),
        Upstream::Name(name, port) => format!("{name}:{port}"),
        Upstream::Asked => "whatever the client asks for".to_owned(),
        Upstream::Original => "original".to_owned(),
        Upstream::Sni(port) => format!("sni:{port}"),
        Upstream::Unix(path) => format!("unix:{}", path.display()),
    }
}

fn show_send_proxy(send: &SendProxy) -> String {
    let mut text = match send.version {
        ProxyVersion::V1 => "PROXY v1".to_owned(),
        ProxyVersion::V2 => "PROXY v2".to_owned(),
    };
    if !send.tlvs.is_empty() {
        text += &format!(
            " with {}",
            joined(send.tlvs.iter().map(|tlv| tlv_name(*tlv).to_owned()))
        );
    }
    if !send.pass_tlvs.is_empty() {
        let types = send
            .pass_tlvs
            .iter()
            .map(|number| format!("0x{number:02X}"));
        text += &format!("; passes on {}", joined(types));
    }
    text
}

fn show_health(health: &Health) -> String {
    let (interval, timeout) = (show(health.interval), show(health.timeout));
    let Health { rise, fall, .. } = health;
    format!("checked every {interval} for {timeout}; up after {rise}, down after {fall}")
}

fn show_limits(limits: &Limits) -> String {
    let all = match limits.connections {
        Some(connections) => format!("{connections} connections"),
        None => "connections by the descriptor limit".to_owned(),
    };
    let per_client = match limits.connections_per_client {
        0 => "any number per client".to_owned(),
        number => format!("{number} per client"),
    };
    let (peek, drain) = (show(limits.peek_timeout), show(limits.drain_timeout));
    let handshake = show(limits.handshake_timeout);
    format!("{all}, {per_client}; peek {peek}, handshake {handshake}, drain {drain}")
}

fn show_tcp(tcp: &Tcp) -> String {
    let keepalive = match tcp.keepalive_idle {
        Some(idle) => format!(
            "keepalive after {}, every {}",
            show(idle),
            show(tcp.keepalive_interval)
        ),
        None => "no keepalive".to_owned(),
    };
    let mark = tcp.mark;
    let mark = mark.map_or(String::new(), |mark| format!("; marked 0x{mark:x}"));
    match tcp.user_timeout {
        Some(timeout) => format!(
            "{keepalive}; given up after {} unacknowledged{mark}",
            show(timeout)
        ),
        None => format!("{keepalive}; given up by the kernel's rule{mark}"),
    }
}

fn line(f: &mut Formatter<'_>, label: &str, text: &str) -> fmt::Result {
    writeln!(f, "  {label:<12} {text}")
}

fn joined(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(", ")
}
