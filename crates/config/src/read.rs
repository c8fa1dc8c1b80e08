//! A whole file.

use toml::de::DeTable;

use crate::{
    Code, Config, Loaded, Report,
    check::{self, addresses, certificates, components, services},
    diagnostic::Problem,
    reader::Reader,
    schema,
    section::{
        certificate, component, globals, listener,
        low_bandwidth::{self, Placed, tcp},
        service, shorthand,
    },
    source::Source,
    syntax::Syntax,
};

pub(crate) fn read(source: Source) -> Loaded {
    let syntax = Syntax::new(&source);
    let (document, _) = DeTable::parse_recoverable(&syntax.text);
    let mut r = Reader::new(&source, &syntax);
    let config = config(&mut r, document.get_ref());
    let usable = !r.has_errors();
    let found = r.finish();
    Loaded {
        config: usable.then_some(config),
        report: Report::new(source, found),
    }
}

fn config(r: &mut Reader<'_>, document: &DeTable<'_>) -> Config {
    let root = r.known_keys(document, 0..0, &schema::ROOT);
    let certificates = certificate::certificates(r, &root);
    let mut endpoints = Vec::new();
    let mut services = service::services(r, &root);
    let mut listeners = listener::listeners(r, &root, &mut services, &mut endpoints);
    listeners.extend(shorthand::listeners(
        r,
        &root,
        &mut services,
        &mut endpoints,
    ));
    let components = component::components(r, &root);
    let mut datagrams = Vec::new();
    let gateways = low_bandwidth::gateways(r, &root, &mut endpoints, &mut datagrams);
    let runtime = globals::runtime(r, &root);
    let limits = globals::limits(r, &root);
    let tcp = globals::tcp(r, &root);
    let admin = globals::admin(r, &root, &mut endpoints);
    let log = globals::log(r, &root);

    unique_names(r, &listeners);
    addresses::report(r, &endpoints);
    addresses::report(r, &datagrams);
    services::unused(r, &services);
    services::loops(r, &services, &listeners);
    services::nameless(r, &services, &listeners);
    services::open(r, &services, &listeners);
    certificates::unused(r, &certificates, &listeners);
    components::report(r, &components);
    check::low_bandwidth::report(r, &gateways);
    let is_empty = listeners.is_empty() && components.is_empty() && gateways.is_empty();
    if is_empty && !r.has_errors() {
        let problem = Problem::new(Code::NoListeners, "there is nothing to listen on").help(
            "write a [[listener]] with `name`, `bind` and `service`, `proxy_port_mappings`, a \
             [[component]] or a [[low_bandwidth]]",
        );
        r.error(0..0, problem);
    }
    let mut listeners: Vec<_> = listeners
        .into_iter()
        .map(|placed| placed.listener)
        .collect();
    let mut services = services.list;
    // Behind all others, whose indices stay what they are.
    for (index, Placed { gateway, .. }) in gateways.iter().enumerate() {
        if let Some((listener, service)) = tcp::side(r, gateway, index, services.len()) {
            listeners.push(listener);
            services.push(service);
        }
    }
    Config {
        runtime,
        limits,
        tcp,
        admin,
        log,
        certificates: certificates
            .into_iter()
            .map(|(certificate, _)| certificate)
            .collect(),
        listeners,
        services,
        components: components
            .into_iter()
            .map(|placed| placed.component)
            .collect(),
        low_bandwidth: gateways.into_iter().map(|placed| placed.gateway).collect(),
    }
}

fn unique_names(r: &mut Reader<'_>, listeners: &[listener::Placed]) {
    let mut names = std::collections::HashMap::new();
    for placed in listeners
        .iter()
        .filter(|placed| !placed.listener.name.is_empty())
    {
        let name = &placed.listener.name;
        if let Some(first) = names.insert(name, &placed.name) {
            let problem = Problem::new(
                Code::DuplicateName,
                format!("listener `{name}` is already there"),
            )
            .help("each listener has a name of its own, for logs and metrics");
            r.conflict(placed.name.clone(), problem, first, "first here");
        }
    }
}
