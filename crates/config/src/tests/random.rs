//! No input makes the check panic, or accept what it has reported.

mod text;

use std::collections::BTreeSet;

use proptest::{prelude::*, sample::Index};
use vestibule_xmpp::{
    component::{Mode, RetrySets},
    jid,
};

use self::text::{PIECES, VALID};
use crate::{
    CipherSuite, Config, Destination, ListenerTls, Loaded, Secret, Service, ServiceKind,
    SourceAddress, Terminate, Upstream, parse,
};

/// Remove, put in, or take twice.
#[derive(Clone, Debug)]
enum Edit {
    Insert(Index, &'static str),
    Remove(Index, usize),
    Repeat(Index, usize),
}

fn edit() -> impl Strategy<Value = Edit> {
    let piece = prop::sample::select(PIECES);
    prop_oneof![
        (any::<Index>(), piece).prop_map(|(at, piece)| Edit::Insert(at, piece)),
        (any::<Index>(), 1..40_usize).prop_map(|(at, length)| Edit::Remove(at, length)),
        (any::<Index>(), 1..80_usize).prop_map(|(at, length)| Edit::Repeat(at, length)),
    ]
}

fn apply(text: &mut String, edit: &Edit) {
    let place = |at: &Index, text: &str| text.floor_char_boundary(at.index(text.len() + 1));
    match edit {
        Edit::Insert(at, piece) => text.insert_str(place(at, text), piece),
        Edit::Remove(at, length) => {
            let start = place(at, text);
            text.replace_range(start..text.ceil_char_boundary(start + length), "");
        }
        Edit::Repeat(at, length) => {
            let start = place(at, text);
            let again = text[start..text.ceil_char_boundary(start + length)].to_owned();
            text.insert_str(start, &again);
        }
    }
}

/// What holds for the check of any text.
fn hold(text: &str) {
    let Loaded { config, report } = parse("test.toml", text);
    assert_eq!(config.is_none(), report.has_errors());
    if let Some(config) = config {
        assert!(config.describe().ends_with('\n'));
        let parts = [
            config.listeners.len(),
            config.components.len(),
            config.low_bandwidth.len(),
        ];
        assert!(parts.iter().any(|count| *count > 0));
        for listener in &config.listeners {
            assert!(!listener.bind.is_empty() && !listener.name.is_empty());
            assert!(
                listener
                    .routes
                    .iter()
                    .all(|route| route.service < config.services.len())
            );
        }
        for service in &config.services {
            assert!(!service.upstreams.is_empty());
            hold_destinations(service);
        }
        hold_components(&config);
        hold_gateways(&config);
        hold_tls(&config);
    }
    let lines = text.split('\n').count();
    for found in &report.diagnostics {
        assert!((1..=lines).contains(&found.line) && found.column >= 1);
        assert!((found.end.line, found.end.column) >= (found.line, found.column));
        assert!(!found.message.is_empty() && !found.message.contains('\n'));
    }
    let sorted = |pair: &[crate::Diagnostic]| {
        (pair[0].line, pair[0].column) <= (pair[1].line, pair[1].column)
    };
    assert!(report.diagnostics.windows(2).all(sorted));
    assert_eq!(
        report.render(false).is_empty(),
        report.diagnostics.is_empty()
    );
    report.render(true);
}

/// Only where clients choose are there rules for it, and with `sni:` there are always.
fn hold_destinations(service: &Service) {
    let dynamic = |upstream: &Upstream| {
        matches!(
            upstream,
            Upstream::Asked | Upstream::Original | Upstream::Sni(_)
        )
    };
    let by_name = |upstream: &Upstream| matches!(upstream, Upstream::Sni(_));
    let is_connect = matches!(service.kind, ServiceKind::Connect(_));
    assert_eq!(service.upstreams.contains(&Upstream::Asked), is_connect);
    let chosen = service.upstreams.iter().any(dynamic);
    assert!(chosen || (service.allow.is_empty() && service.deny.is_empty()));
    assert!(!service.upstreams.iter().any(by_name) || !service.allow.is_empty());
    assert!(service.via.len() <= 4);
    assert!(service.via.is_empty() || service.source == SourceAddress::Own);
    for rule in service.allow.iter().chain(&service.deny) {
        assert!(*rule.ports.start() >= 1 && rule.ports.start() <= rule.ports.end());
    }
}

/// Each has a domain of its own, targets outside of all of them, and limits that can be kept.
fn hold_components(config: &Config) {
    let settings = || config.components.iter().map(|found| &found.settings);
    let domains: BTreeSet<_> = settings().map(|settings| &*settings.domain).collect();
    assert_eq!(domains.len(), config.components.len());
    for settings in settings() {
        let prepared = |text: &str| jid::prepare(text).as_deref() == Ok(text);
        assert!(prepared(&settings.domain) && jid::domain(&settings.domain) == settings.domain);
        assert!(!settings.targets.is_empty());
        for target in &settings.targets {
            let parts = jid::parts(target).unwrap();
            assert!(prepared(target) && parts.local.is_some() && parts.resource.is_none());
            assert!(!domains.contains(parts.domain));
        }
        assert!(settings.attempts >= 1 && settings.max_pending_bytes >= settings.max_stanza);
        assert!(
            settings
                .rate
                .is_none_or(|rate| rate.count >= 1 && !rate.per.is_zero())
        );
        assert_ne!(settings.retry_sets, RetrySets::Namespaces(Vec::new()));
    }
    for component in &config.components {
        assert_eq!(
            component.key_file.is_some(),
            component.settings.mode == Mode::Opaque
        );
        assert_ne!(component.secret, Secret::Text(String::new()));
        assert!(matches!(
            component.server,
            Upstream::Address(_) | Upstream::Name(..) | Upstream::Unix(_)
        ));
    }
}

/// Each has a name of its own, limits that can be kept, and a TCP side when it says so to clients.
fn hold_gateways(config: &Config) {
    let names: BTreeSet<_> = config.low_bandwidth.iter().map(|g| &g.name).collect();
    assert_eq!(names.len(), config.low_bandwidth.len());
    let mut sides: Vec<_> = config.services.iter().enumerate().collect();
    sides.retain(
        |(_, service)| matches!(&service.kind, ServiceKind::Http(http) if http.matrix.is_some()),
    );
    let mut sides = sides.into_iter();
    for (index, gateway) in config.low_bandwidth.iter().enumerate() {
        assert!(!gateway.bind.is_empty() && !gateway.name.is_empty());
        assert_ne!(gateway.homeserver.port, 0);
        assert!(gateway.min_version <= gateway.max_version);
        assert!(gateway.block_size.is_power_of_two() && (16..=1024).contains(&gateway.block_size));
        assert!(
            gateway
                .plain_debug_bind
                .is_none_or(|a| a.ip().is_loopback())
        );
        let limits = &gateway.limits;
        assert!(limits.request_body <= limits.bodies.min(limits.waiting_bodies));
        assert!(limits.response_body <= limits.bodies);
        assert_eq!(gateway.advertise.is_none(), gateway.tcp_bind.is_empty());
        if gateway.advertise.is_none() {
            continue;
        }
        let (at, service) = sides.next().unwrap();
        let is_its = |kind: &ServiceKind| matches!(kind, ServiceKind::Http(http) if http.matrix == Some(index));
        assert!(is_its(&service.kind));
        assert_eq!(service.name, format!("{}/tcp", gateway.name));
        let mut listeners = config.listeners.iter();
        let listener = listeners.find(|l| l.name == service.name).unwrap();
        assert_eq!(listener.default, Destination::Service(at));
    }
    assert!(sides.next().is_none());
}

/// Whatever is allowed can be spoken.
fn hold_tls(config: &Config) {
    let terminated = config
        .listeners
        .iter()
        .filter_map(|listener| match &listener.tls {
            Some(ListenerTls::Terminate(tls)) => Some(tls),
            _ => None,
        });
    let terminated: Vec<_> = terminated.collect();
    let has_default = !config.certificates.is_empty();
    let shows = |tls: &Terminate| tls.certificate.is_some() || has_default;
    assert!(terminated.iter().all(|tls| shows(tls)));
    let upstreams = config
        .services
        .iter()
        .filter_map(|service| Some(&service.tls.as_ref()?.parameters));
    let terminated = terminated.into_iter().map(|tls| &tls.parameters);
    for parameters in terminated.chain(upstreams) {
        for version in [parameters.min_version, parameters.max_version] {
            let of_version = |suite: &CipherSuite| suite.version() == version;
            assert!(parameters.cipher_suites.iter().any(of_version));
        }
        assert!(parameters.min_version <= parameters.max_version);
        assert!(!parameters.groups.is_empty());
    }
}

#[test]
fn the_valid_files_are_valid() {
    for text in VALID {
        let report = parse("test.toml", text).report;
        assert!(report.diagnostics.is_empty(), "{}", report.render(false));
    }
}

#[test]
fn every_beginning_of_a_file_is_checked() {
    for text in VALID {
        for (end, _) in text.char_indices() {
            hold(&text[..end]);
        }
    }
}

#[test]
fn every_line_can_be_absent() {
    for text in VALID {
        let lines: Vec<_> = text.lines().collect();
        for absent in 0..lines.len() {
            let mut kept = lines.clone();
            kept.remove(absent);
            hold(&kept.join("\n"));
        }
    }
}

fn valid() -> impl Strategy<Value = &'static str> {
    prop::sample::select(VALID.as_slice())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn mutated_files_are_checked(
        text in valid(),
        edits in prop::collection::vec(edit(), 1..12),
    ) {
        let mut text = text.to_owned();
        for edit in &edits {
            apply(&mut text, edit);
        }
        hold(&text);
    }

    #[test]
    fn random_text_is_checked(text in "\\PC{0,200}") {
        hold(&text);
    }

    #[test]
    fn random_pieces_are_checked(pieces in prop::collection::vec(prop::sample::select(PIECES), 0..60)) {
        hold(&pieces.concat());
    }

    #[test]
    fn random_values_are_checked(
        text in valid(),
        value in "[\"\\[\\]{}:/.%@=,a-z0-9 \\-]{0,40}",
        line in any::<Index>(),
    ) {
        let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
        let line = line.index(lines.len());
        if let Some((key, _)) = lines[line].clone().split_once('=') {
            let quoted = value.replace('"', "");
            lines[line] = format!("{key}= \"{quoted}\"");
            hold(&lines.join("\n"));
            lines[line] = format!("{key}= {value}");
        }
        hold(&lines.join("\n"));
    }
}
