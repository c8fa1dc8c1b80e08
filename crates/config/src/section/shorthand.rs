//! The names of Prosody's mod_net_proxy before the first table: a listener for each port.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use toml::Spanned;

use super::{
    Endpoint,
    listener::Placed,
    proxy_protocol::{required_from, trusted},
    service::Services,
};
use crate::{
    Bind, Destination, Listener,
    code::Code,
    diagnostic::{Problem, quote},
    reader::{Reader, Span, Table, unknown_key, wrong_type},
    schema,
    value::address,
};

/// Where a port is mapped to, and where the file says so.
#[derive(Debug)]
struct Mapping {
    key: Span,
    value: Span,
    service: String,
}

pub(crate) fn listeners(
    r: &mut Reader<'_>,
    root: &Table<'_>,
    services: &mut Services,
    endpoints: &mut Vec<Endpoint>,
) -> Vec<Placed> {
    let Some(first) = schema::SHORTHAND
        .iter()
        .filter_map(|key| root.key_span(key))
        .min_by_key(|span| span.start)
    else {
        return Vec::new();
    };
    let mappings = mappings(r, root);
    let trusted = trusted(r, root, "proxy_trusted_proxies");
    let interfaces = interfaces(r, root);
    let before = r.mistakes();
    let listed = root.has("proxy_ports").then(|| ports(r, root));
    if !root.has("proxy_port_mappings") && !root.has("proxy_ports") {
        let problem = Problem::new(
            Code::ShorthandWithoutPorts,
            "without ports this does nothing",
        );
        r.warning(
            first,
            problem.help("write for example `proxy_port_mappings = { 15222 = \"c2s\" }`"),
        );
    }
    if let Some(listed) = listed.as_ref().filter(|_| r.mistakes() == before) {
        for (port, mapping) in mappings
            .iter()
            .filter(|(port, _)| !listed.contains_key(port))
        {
            let message = format!("port {port} is mapped, but not listened on");
            let problem = Problem::new(Code::MappedPortNotListened, message);
            r.warning(
                mapping.key.clone(),
                problem.help("add it to `proxy_ports`, or leave `proxy_ports` out"),
            );
        }
    }
    let ports = listed.unwrap_or_else(|| {
        mappings
            .iter()
            .map(|(port, mapping)| (*port, mapping.key.clone()))
            .collect()
    });
    let mut listeners = Vec::with_capacity(ports.len());
    for (port, span) in ports {
        let default = destination(r, services, port, mappings.get(&port), &span);
        let name = format!("proxy-{port}");
        let bind: Vec<_> = interfaces
            .iter()
            .map(|ip| Bind::Tcp(SocketAddr::new(*ip, port)))
            .collect();
        let owner = format!("listener `{name}`");
        endpoints.extend(bind.iter().map(|bind| Endpoint {
            bind: bind.clone(),
            span: span.clone(),
            owner: owner.clone(),
            is_beside_datagrams: false,
        }));
        let listener = Listener {
            name,
            bind,
            routes: Vec::new(),
            default,
            proxy_protocol: Some(required_from(trusted.clone())),
            tls: None,
            transparent: None,
        };
        listeners.push(Placed {
            listener,
            name: span,
            has_tls: false,
        });
    }
    listeners
}

/// As the module does it: a connection that cannot be carried is dropped after its header.
fn destination(
    r: &mut Reader<'_>,
    services: &mut Services,
    port: u16,
    mapping: Option<&Mapping>,
    span: &Span,
) -> Destination {
    const DROPPED: &str = "its connections are dropped after their PROXY header";
    let Some(mapping) = mapping else {
        let message = format!("port {port} has no mapping: {DROPPED}");
        let help =
            format!("write `proxy_port_mappings = {{ {port} = \"c2s\" }}`, or take the port out");
        r.warning(
            span.clone(),
            Problem::new(Code::PortWithoutMapping, message).help(help),
        );
        return Destination::Missing(None);
    };
    if let Some(index) = services.find(&mapping.service) {
        return Destination::Service(index);
    }
    if !r.services_are_hidden() {
        let problem = services.unknown(Code::MappedServiceMissing, &mapping.service);
        let message = format!("{}: {DROPPED}", problem.message);
        r.warning(mapping.value.clone(), Problem { message, ..problem });
    }
    Destination::Missing(Some(mapping.service.clone()))
}

fn mappings(r: &mut Reader<'_>, root: &Table<'_>) -> BTreeMap<u16, Mapping> {
    let mut mappings = BTreeMap::new();
    let Some(value) = root.value("proxy_port_mappings") else {
        return mappings;
    };
    let Some(entries) = value.get_ref().as_table() else {
        let problem = wrong_type("a table of ports and services", value.get_ref());
        r.error(
            value.span(),
            problem.help("write for example `{ 15222 = \"c2s\", 15269 = \"s2s\" }`"),
        );
        return mappings;
    };
    for (key, value) in entries {
        let name = key.get_ref().as_ref();
        if schema::SHORTHAND.contains(&name) {
            r.error(key.span(), unknown_key(name, &schema::MAPPINGS));
            continue;
        }
        let Some(port) = port(name) else {
            let problem = Problem::new(Code::OutOfRange, format!("{} is not a port", quote(name)));
            r.error(
                key.span(),
                problem.help("write a number from 1 to 65535, without leading zeros"),
            );
            continue;
        };
        if let Some(service) = r.string(value, "the name of a service") {
            let service = service.to_owned();
            mappings.insert(
                port,
                Mapping {
                    key: key.span(),
                    value: value.span(),
                    service,
                },
            );
        }
    }
    mappings
}

fn port(text: &str) -> Option<u16> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    text.parse().ok().filter(|_| plain)
}

/// The ports of `proxy_ports`, and where each stands.
fn ports(r: &mut Reader<'_>, root: &Table<'_>) -> BTreeMap<u16, Span> {
    let mut ports: BTreeMap<u16, Span> = BTreeMap::new();
    let Some(value) = root.value("proxy_ports") else {
        return ports;
    };
    let items = match value.get_ref().as_array() {
        Some(items) => items.iter().collect(),
        None if value.get_ref().is_integer() => vec![value],
        None => {
            r.error(value.span(), wrong_type("a list of ports", value.get_ref()));
            return ports;
        }
    };
    for item in items {
        let number = r.number(item, "proxy_ports", 1..=65_535);
        let Some(port) = number.and_then(|number| u16::try_from(number).ok()) else {
            continue;
        };
        if let Some(first) = ports.insert(port, item.span()) {
            let problem = Problem::new(Code::DuplicateValue, format!("port {port} stands twice"));
            r.conflict(
                item.span(),
                problem.help("keep one of them"),
                &first,
                "first here",
            );
        }
    }
    ports
}

fn interfaces(r: &mut Reader<'_>, root: &Table<'_>) -> Vec<IpAddr> {
    let meaning = "without an interface nothing is listened on: leave the key out for all";
    let interfaces = r.some_texts(root, "proxy_interfaces", meaning, address::interface);
    interfaces.map_or_else(
        || vec![Ipv4Addr::UNSPECIFIED.into(), Ipv6Addr::UNSPECIFIED.into()],
        |list| {
            let mut kept: Vec<IpAddr> = Vec::with_capacity(list.len());
            for interface in list.into_iter().map(Spanned::into_inner) {
                // Prosody's lists are sets.
                if !kept.contains(&interface) {
                    kept.push(interface);
                }
            }
            kept
        },
    )
}
