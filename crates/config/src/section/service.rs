//! `[service.NAME]`.

use std::{collections::HashMap, time::Duration};

use toml::{Spanned, de::DeValue};

use super::{
    destinations,
    kind::{self, Word},
    send_proxy::send_proxy,
    upstream_tls::upstream_tls,
    via::via,
    way,
};
use crate::{
    Balance, Health, IdleTimeout, Service, ServiceKind, SourceAddress, Upstream,
    code::Code,
    diagnostic::{Problem, quote},
    later,
    reader::{DurationKey, Reader, Span, Table, Value, unknown_key, wrong_type},
    schema, suggest,
    value::{name, upstream},
};

const CONNECT_TIMEOUT: DurationKey = DurationKey {
    key: "connect_timeout",
    default: Duration::from_secs(5),
    min: Duration::from_millis(10),
    max: Duration::from_secs(300),
};
const IDLE_TIMEOUT: DurationKey = DurationKey {
    key: "idle_timeout",
    default: Duration::from_secs(24 * 3600),
    min: Duration::from_millis(100),
    max: Duration::from_secs(30 * 24 * 3600),
};
const HALF_CLOSE_TIMEOUT: DurationKey = DurationKey {
    key: "half_close_timeout",
    default: Duration::from_secs(60),
    min: Duration::from_millis(100),
    max: Duration::from_secs(24 * 3600),
};
const HEALTH_INTERVAL: DurationKey = DurationKey {
    key: "interval",
    default: Duration::from_secs(5),
    min: Duration::from_millis(100),
    max: Duration::from_secs(3600),
};
const HEALTH_TIMEOUT: DurationKey = DurationKey {
    key: "timeout",
    default: Duration::from_secs(2),
    min: Duration::from_millis(10),
    max: Duration::from_secs(300),
};

const DEFAULT_RETRIES: u32 = 2;
const MOST_RETRIES: u64 = 100;
const DEFAULT_RISE: u32 = 2;
const DEFAULT_FALL: u32 = 3;
const MOST_IN_A_ROW: u64 = 100;

/// Every service, and where the file has it.
#[derive(Debug, Default)]
pub(crate) struct Services {
    pub(crate) list: Vec<Service>,
    pub(crate) places: Vec<Place>,
    /// Whether a reference to a service could not be read.
    pub(crate) unresolved: bool,
}

/// Where a service stands in the file.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) name: Span,
    pub(crate) upstreams: Vec<Span>,
    pub(crate) via: Vec<Span>,
    /// Whether it has `users`, right or wrong.
    pub(crate) has_users: bool,
    pub(crate) used: bool,
}

impl Services {
    /// The index of the service of this name, which is then used.
    pub(crate) fn find(&mut self, name: &str) -> Option<usize> {
        let index = self.list.iter().position(|service| service.name == name)?;
        self.places[index].used = true;
        Some(index)
    }

    /// That there is no service of this name. The one that is probably meant counts as used.
    pub(crate) fn unknown(&mut self, code: Code, name: &str) -> Problem {
        let names = || self.list.iter().map(|service| service.name.as_str());
        let problem = Problem::new(code, format!("there is no service {}", quote(name)));
        match suggest::nearest(name, names()).map(str::to_owned) {
            Some(near) => {
                self.find(&near);
                problem.help(format!("did you mean `{near}`?"))
            }
            None if self.list.is_empty() => problem.help(define(name)),
            None => problem.help(format!(
                "{}; there are {}",
                define(name),
                suggest::listed(names())
            )),
        }
    }

    /// The service that `value` names; an error when there is none.
    pub(crate) fn resolve(&mut self, r: &mut Reader<'_>, value: &Value<'_>) -> Option<usize> {
        let Some(name) = r.string(value, "the name of a service") else {
            self.unresolved = true;
            return None;
        };
        let found = self.find(name);
        if found.is_none() && !r.services_are_hidden() {
            let problem = self.unknown(Code::UnknownService, name);
            r.error(value.span(), problem);
        }
        found
    }
}

pub(crate) fn services(r: &mut Reader<'_>, root: &Table<'_>) -> Services {
    let mut services = Services::default();
    let Some(value) = root.value("service") else {
        return services;
    };
    let Some(entries) = value.get_ref().as_table() else {
        let problem = wrong_type("tables such as [service.c2s]", value.get_ref());
        r.error(
            value.span(),
            problem.help("write [service.NAME] with single brackets"),
        );
        return services;
    };
    let mut entries: Vec<_> = entries.iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    for (key, value) in entries {
        let name = key.get_ref().as_ref();
        if !value.get_ref().is_table() && is_key(name) {
            r.error(key.span(), key_without_service(name));
            continue;
        }
        if let Err(problem) = name::label(name) {
            r.error(key.span(), problem);
        }
        let mut place = Place {
            name: key.span(),
            upstreams: Vec::new(),
            via: Vec::new(),
            has_users: false,
            used: false,
        };
        services.list.push(match r.table(value, &schema::SERVICE) {
            Some(table) => service(r, name, &table, &mut place),
            None => with_defaults(name),
        });
        services.places.push(place);
    }
    services
}

/// The service; notes in `place` where its upstreams and proxies stand.
fn service(r: &mut Reader<'_>, name: &str, table: &Table<'_>, place: &mut Place) -> Service {
    // What the other keys mean depends on the kind.
    let Some(word) = kind::word(r, table) else {
        return with_defaults(name);
    };
    let kind = kind::kind(r, table, word);
    let upstreams = match word {
        Word::Connect => Vec::new(),
        Word::Http | Word::Tcp => upstreams(r, name, table),
    };
    let balances = [
        ("least_connections", Balance::LeastConnections),
        ("random", Balance::Random),
        ("round_robin", Balance::RoundRobin),
        ("source_hash", Balance::SourceHash),
    ];
    let retries = r.integer(table, "retries", 0..=MOST_RETRIES);
    let is_connect = word == Word::Connect;
    let destinations = destinations::read(r, name, table, &upstreams, word);
    let via = via(r, table);
    let source = way::source(r, table, &upstreams, &via);
    way::report(r, table, word, &upstreams, &via);
    place.upstreams = upstreams.iter().map(Spanned::span).collect();
    place.via = via.iter().map(Spanned::span).collect();
    place.has_users = table.has("users");
    Service {
        kind,
        allow: destinations.allow,
        allow_networks: destinations.allow_networks,
        deny: destinations.deny,
        balance: r
            .choice(table, "balance", &balances)
            .unwrap_or(Balance::RoundRobin),
        send_proxy: send_proxy(r, table),
        source,
        mark: r.mark(table),
        via: via.into_iter().map(Spanned::into_inner).collect(),
        tls: match is_connect {
            true => None,
            false => upstream_tls(r, table, &upstreams, word),
        },
        upstreams: match is_connect {
            true => vec![Upstream::Asked],
            false => upstreams.into_iter().map(Spanned::into_inner).collect(),
        },
        health: health(r, table),
        connect_timeout: r.duration(table, &CONNECT_TIMEOUT),
        retries: small(retries, DEFAULT_RETRIES),
        idle_timeout: idle_timeout(r, table),
        half_close_timeout: r.duration(table, &HALF_CLOSE_TIMEOUT),
        ..with_defaults(name)
    }
}

fn upstreams(r: &mut Reader<'_>, name: &str, table: &Table<'_>) -> Vec<Spanned<Upstream>> {
    if !table.has("upstreams") {
        let problem = Problem::new(
            Code::MissingKey,
            format!("service {} has no `upstreams`", quote(name)),
        );
        r.missing(
            table,
            &["upstreams"],
            problem.help("write for example `upstreams = [\"127.0.0.1:5222\"]`"),
        );
    }
    let meaning = "write at least one target, such as \"127.0.0.1:5222\"";
    let all = r
        .some_texts(table, "upstreams", meaning, upstream::parse)
        .unwrap_or_default();
    let mut first: HashMap<Upstream, Span> = HashMap::with_capacity(all.len());
    let mut kept = Vec::with_capacity(all.len());
    for upstream in all {
        if let Some(first) = first.get(upstream.get_ref()) {
            let message = format!("service {} has this upstream twice", quote(name));
            let problem = Problem::new(Code::DuplicateUpstream, message)
                .help("each upstream stands once; connections are shared equally");
            r.conflict(upstream.span(), problem, first, "first here");
        } else {
            first.insert(upstream.get_ref().clone(), upstream.span());
            kept.push(upstream);
        }
    }
    kept
}

fn health(r: &mut Reader<'_>, table: &Table<'_>) -> Option<Health> {
    let value = table.value("health")?;
    let table = match value.get_ref() {
        DeValue::Boolean(false) => return None,
        DeValue::Boolean(true) => Table::absent(&schema::HEALTH),
        DeValue::Table(_) => r.table(value, &schema::HEALTH)?,
        other => {
            let problem = wrong_type("a table or a boolean", other);
            r.error(
                value.span(),
                problem.help("write `health = true` for the defaults"),
            );
            return None;
        }
    };
    let rise = r.integer(&table, "rise", 1..=MOST_IN_A_ROW);
    let fall = r.integer(&table, "fall", 1..=MOST_IN_A_ROW);
    let health = Health {
        interval: r.duration(&table, &HEALTH_INTERVAL),
        timeout: r.duration(&table, &HEALTH_TIMEOUT),
        rise: small(rise, DEFAULT_RISE),
        fall: small(fall, DEFAULT_FALL),
    };
    if health.timeout > health.interval {
        let message = "a check may take longer than the time between checks";
        let problem = Problem::new(Code::HealthOverlap, message)
            .help("write a `timeout` that is not above `interval`");
        let place = table
            .value("timeout")
            .or(table.value("interval"))
            .unwrap_or(value);
        r.warning(place.span(), problem);
    }
    Some(health)
}

fn idle_timeout(r: &mut Reader<'_>, table: &Table<'_>) -> IdleTimeout {
    const CLIENT: DurationKey = DurationKey {
        key: "client",
        ..IDLE_TIMEOUT
    };
    const UPSTREAM: DurationKey = DurationKey {
        key: "upstream",
        ..IDLE_TIMEOUT
    };
    let both = |duration| IdleTimeout {
        client: duration,
        upstream: duration,
    };
    match table.value("idle_timeout") {
        Some(value) if value.get_ref().is_table() => {
            let table = r.table(value, &schema::IDLE_TIMEOUT);
            let table = table.unwrap_or_else(|| Table::absent(&schema::IDLE_TIMEOUT));
            IdleTimeout {
                client: r.duration(&table, &CLIENT),
                upstream: r.duration(&table, &UPSTREAM),
            }
        }
        _ => both(r.duration(table, &IDLE_TIMEOUT)),
    }
}

/// One of kind `tcp` without upstreams.
pub(super) fn with_defaults(name: &str) -> Service {
    Service {
        name: name.to_owned(),
        kind: ServiceKind::Tcp,
        upstreams: Vec::new(),
        allow: Vec::new(),
        allow_networks: Vec::new(),
        deny: Vec::new(),
        source: SourceAddress::Own,
        mark: None,
        via: Vec::new(),
        tls: None,
        balance: Balance::RoundRobin,
        send_proxy: None,
        health: None,
        connect_timeout: CONNECT_TIMEOUT.default,
        retries: DEFAULT_RETRIES,
        idle_timeout: IdleTimeout {
            client: IDLE_TIMEOUT.default,
            upstream: IDLE_TIMEOUT.default,
        },
        half_close_timeout: HALF_CLOSE_TIMEOUT.default,
    }
}

fn is_key(name: &str) -> bool {
    schema::SERVICE.keys.contains(&name)
        || schema::SHORTHAND.contains(&name)
        || later::keys(&schema::SERVICE).any(|key| key == name)
}

fn key_without_service(name: &str) -> Problem {
    if schema::SHORTHAND.contains(&name) {
        return unknown_key(name, &schema::SERVICE);
    }
    Problem::new(
        Code::MisplacedKey,
        format!("{} stands in no service", quote(name)),
    )
    .help("begin the table with the name of the service, such as [service.c2s]")
}

fn define(name: &str) -> String {
    let name = if name::label(name).is_ok() {
        name
    } else {
        "NAME"
    };
    format!("define it: [service.{name}] with `upstreams`")
}

/// A number that was checked to be small.
fn small(number: Option<u64>, default: u32) -> u32 {
    number
        .and_then(|number| u32::try_from(number).ok())
        .unwrap_or(default)
}
