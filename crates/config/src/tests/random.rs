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
    CipherSuite, Config, ListenerTls, Loaded, Secret, Service, ServiceKind, SourceAddress,
    Upstream, parse,
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
        assert!(!config.listeners.is_empty() || !config.components.is_empty());
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

/// Whatever is allowed can be spoken.
fn hold_tls(config: &Config) {
    let terminated = config
        .listeners
        .iter()
        .filter_map(|listener| match &listener.tls {
            Some(ListenerTls::Terminate(tls)) => Some(&tls.parameters),
            _ => None,
        });
    let terminated: Vec<_> = terminated.collect();
    assert!(terminated.is_empty() || !config.certificates.is_empty());
    let upstreams = config
        .services
        .iter()
        .filter_map(|service| Some(&service.tls.as_ref()?.parameters));
    for parameters in terminated.into_iter().chain(upstreams) {
        for version in [parameters.min_version, parameters.max_version] {
            let of_version = |suite: &CipherSuite| suite.version() == version;
            assert!(parameters.cipher_suites.iter().any(of_version));
        }
        assert!(parameters.min_version <= parameters.max_version);
        assert!(!parameters.groups.is_empty());
    }
}

#[test]
fn the_valid_file_is_valid() {
    let report = parse("test.toml", VALID).report;
    assert!(report.diagnostics.is_empty(), "{}", report.render(false));
}

#[test]
fn every_beginning_of_a_file_is_checked() {
    for (end, _) in VALID.char_indices() {
        hold(&VALID[..end]);
    }
}

#[test]
fn every_line_can_be_absent() {
    let lines: Vec<_> = VALID.lines().collect();
    for absent in 0..lines.len() {
        let mut kept = lines.clone();
        kept.remove(absent);
        hold(&kept.join("\n"));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn mutated_files_are_checked(edits in prop::collection::vec(edit(), 1..12)) {
        let mut text = VALID.to_owned();
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
    fn random_values_are_checked(value in "[\"\\[\\]{}:/.%@=,a-z0-9 \\-]{0,40}", line in any::<Index>()) {
        let mut lines: Vec<_> = VALID.lines().map(str::to_owned).collect();
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
