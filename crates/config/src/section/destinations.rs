//! `allow`, `deny` and `allow_networks`: what belongs to destinations that clients name.

use ipnet::IpNet;
use toml::{Spanned, de::DeValue};

use super::kind::Word;
use crate::{
    DestinationRule, HostMatch, Upstream,
    code::Code,
    diagnostic::{Problem, quote},
    reader::{Reader, Table},
    value::{destination_rule, host, network},
};

/// Where the clients of a service may be carried, when they say where.
#[derive(Debug, Default)]
pub(super) struct Destinations {
    pub(super) allow: Vec<DestinationRule>,
    pub(super) allow_networks: Vec<IpNet>,
    pub(super) deny: Vec<DestinationRule>,
}

/// Who names the destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Named {
    /// The request of kind `connect`.
    Asked,
    /// The configuration.
    Here,
    /// The connection that was intercepted.
    Original,
    /// The TLS hello.
    Sni,
}

/// Reads the keys of the service `name`, which is of the kind `word`.
pub(super) fn read(
    r: &mut Reader<'_>,
    name: &str,
    table: &Table<'_>,
    upstreams: &[Spanned<Upstream>],
    word: Word,
) -> Destinations {
    let (mistakes, is_connect) = (r.mistakes(), word == Word::Connect);
    let meaning = "an empty list allows nothing: write the names, such as `*.example.org`";
    let allow = match is_connect {
        // For an explicit proxy, that is the default.
        true => r.texts(table, "allow", destination_rule::parse),
        false => r.some_texts(table, "allow", meaning, destination_rule::parse),
    };
    let networks = r.texts(table, "allow_networks", network::parse);
    let deny = r.texts(table, "deny", destination_rule::parse);
    let of_client = |upstream: &&Spanned<Upstream>| {
        matches!(upstream.get_ref(), Upstream::Original | Upstream::Sni(_))
    };
    let dynamic = upstreams.iter().find(of_client);
    if let Some(dynamic) = dynamic
        && let Some(other) = upstreams
            .iter()
            .find(|other| kind(other.get_ref()) != kind(dynamic.get_ref()))
    {
        mixed(r, dynamic, other);
    }
    let named = match dynamic {
        _ if is_connect => Named::Asked,
        Some(upstream) => kind(upstream.get_ref()),
        None => Named::Here,
    };
    match (named, dynamic) {
        (Named::Here, _) if !upstreams.is_empty() => unneeded(r, table),
        (Named::Sni, _) if word == Word::Tcp => {
            names_only(r, &allow);
            required(r, name, table);
        }
        _ => {}
    }
    if let Some(dynamic) = dynamic {
        no_health(r, table, dynamic);
    }
    let allow = r.distinct(allow.unwrap_or_default(), destination_rule::show);
    let deny = r.distinct(deny.unwrap_or_default(), destination_rule::show);
    // What is missing may be missing only because it is wrong.
    if r.mistakes() == mistakes {
        match named {
            Named::Asked if allow.is_empty() => nothing(r, name, table),
            Named::Here => {}
            _ => nothing_left(r, name, table, &allow, &deny),
        }
    }
    Destinations {
        allow,
        allow_networks: values(networks),
        deny,
    }
}

fn kind(upstream: &Upstream) -> Named {
    match upstream {
        Upstream::Asked => Named::Asked,
        Upstream::Original => Named::Original,
        Upstream::Sni(_) => Named::Sni,
        Upstream::Address(_) | Upstream::Name(..) | Upstream::Unix(_) => Named::Here,
    }
}

fn mixed(r: &mut Reader<'_>, dynamic: &Spanned<Upstream>, other: &Spanned<Upstream>) {
    let written = match dynamic.get_ref() {
        Upstream::Original => "`original`",
        _ => "`sni:`",
    };
    let message = format!("{written} does not stand beside other upstreams");
    let problem = Problem::new(Code::MixedUpstreams, message)
        .help("connections are not shared between a name and a target: write two services");
    r.conflict(dynamic.span(), problem, &other.span(), "this is another");
}

/// With `sni:`, whoever connects would choose among everything.
fn names_only(r: &mut Reader<'_>, allow: &Option<Vec<Spanned<DestinationRule>>>) {
    for rule in allow.iter().flatten() {
        if rule.get_ref().host == HostMatch::Any
            && let Err(problem) = host::allowed("*")
        {
            r.error(rule.span(), problem);
        }
    }
}

fn required(r: &mut Reader<'_>, name: &str, table: &Table<'_>) {
    if !table.has("allow") {
        let message = format!(
            "service {} has `sni:` upstreams, but no `allow`",
            quote(name)
        );
        let problem = Problem::new(Code::MissingKey, message)
            .help("write the names that clients may choose, such as `allow = [\"*.example.org\"]`");
        r.missing(table, &["allow"], problem);
    }
}

fn no_health(r: &mut Reader<'_>, table: &Table<'_>, dynamic: &Spanned<Upstream>) {
    if let Some(health) = table.value("health")
        && !matches!(health.get_ref(), DeValue::Boolean(false))
    {
        let message = "there is nothing to check: each connection names its own target";
        let problem = Problem::new(Code::HealthWithoutTarget, message).help("leave `health` out");
        r.conflict(
            health.span(),
            problem,
            &dynamic.span(),
            "the target is named here",
        );
    }
}

fn unneeded(r: &mut Reader<'_>, table: &Table<'_>) {
    for key in ["allow", "allow_networks", "deny"] {
        if let Some(span) = table.key_span(key) {
            let message = format!(
                "{} is for destinations that clients name, and these upstreams are named here",
                quote(key)
            );
            let problem = Problem::new(Code::NeedsSniUpstream, message).help(
                "write for example `upstreams = [\"sni:443\"]` or `kind = \"connect\"`, or leave \
                 it out",
            );
            r.error(span, problem);
        }
    }
}

fn nothing(r: &mut Reader<'_>, name: &str, table: &Table<'_>) {
    let message = format!(
        "service {} allows nothing: every request is refused",
        quote(name)
    );
    let problem = Problem::new(Code::AllowsNothing, message)
        .help("write where clients may go, such as `allow = [\"*.example.org:443\"]`");
    let place = table
        .value("allow")
        .map_or_else(|| table.span().clone(), Spanned::span);
    r.warning(place, problem);
}

/// Reports a `deny` that takes away all that is allowed.
fn nothing_left(
    r: &mut Reader<'_>,
    name: &str,
    table: &Table<'_>,
    allow: &[DestinationRule],
    deny: &[DestinationRule],
) {
    let everything = [destination_rule::EVERYTHING];
    let allowed = match allow {
        [] => &everything[..],
        rules => rules,
    };
    let denied = |rule| deny.iter().any(|deny| destination_rule::covers(deny, rule));
    if let Some(value) = table.value("deny").filter(|_| allowed.iter().all(denied)) {
        let message = format!("service {} denies all that it allows", quote(name));
        let problem = Problem::new(Code::AllowsNothing, message)
            .help("write what is narrower than `allow`, or leave it out");
        r.warning(value.span(), problem);
    }
}

fn values<T>(list: Option<Vec<Spanned<T>>>) -> Vec<T> {
    list.into_iter()
        .flatten()
        .map(Spanned::into_inner)
        .collect()
}
