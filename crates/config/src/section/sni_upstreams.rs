//! What belongs to `sni:` upstreams of a service.

use ipnet::IpNet;
use toml::{Spanned, de::DeValue};

use crate::{
    DestinationRule, HostMatch, Upstream,
    code::Code,
    diagnostic::{Problem, quote},
    reader::{Reader, Table},
    value::{host, network},
};

/// Where the names of clients may lead to.
#[derive(Debug)]
pub(super) struct Names {
    pub(super) allow: Vec<DestinationRule>,
    pub(super) allow_networks: Vec<IpNet>,
}

/// Reads `allow` and `allow_networks` of the service `name`.
pub(super) fn read(
    r: &mut Reader<'_>,
    name: &str,
    table: &Table<'_>,
    upstreams: &[Spanned<Upstream>],
) -> Names {
    let meaning = "an empty list allows nothing: write the names, such as `*.example.org`";
    let allow = r.some_texts(table, "allow", meaning, host::allowed);
    let networks = r.texts(table, "allow_networks", network::parse);
    let is_sni = |upstream: &&Spanned<Upstream>| matches!(upstream.get_ref(), Upstream::Sni(_));
    match upstreams.iter().find(is_sni) {
        Some(sni) => {
            let other = upstreams.iter().find(|upstream| !is_sni(upstream));
            for_names(r, name, table, sni, other);
        }
        None if !upstreams.is_empty() => without_names(r, table),
        None => {}
    }
    Names {
        allow: values(allow)
            .into_iter()
            .map(|name| DestinationRule {
                host: HostMatch::Name(name),
                ports: 1..=u16::MAX,
            })
            .collect(),
        allow_networks: values(networks),
    }
}

fn for_names(
    r: &mut Reader<'_>,
    name: &str,
    table: &Table<'_>,
    sni: &Spanned<Upstream>,
    other: Option<&Spanned<Upstream>>,
) {
    if let Some(other) = other {
        let message = "`sni:` does not stand beside other upstreams";
        let problem = Problem::new(Code::MixedUpstreams, message)
            .help("connections are not shared between a name and a target: write two services");
        r.conflict(sni.span(), problem, &other.span(), "this is another");
    }
    if !table.has("allow") {
        let message = format!(
            "service {} has `sni:` upstreams, but no `allow`",
            quote(name)
        );
        let problem = Problem::new(Code::MissingKey, message)
            .help("write the names that clients may choose, such as `allow = [\"*.example.org\"]`");
        r.missing(table, &["allow"], problem);
    }
    if let Some(health) = table.value("health")
        && !matches!(health.get_ref(), DeValue::Boolean(false))
    {
        let message = "there is nothing to check: each connection names its own target";
        let problem = Problem::new(Code::HealthWithoutTarget, message).help("leave `health` out");
        r.conflict(
            health.span(),
            problem,
            &sni.span(),
            "the target is named here",
        );
    }
}

fn without_names(r: &mut Reader<'_>, table: &Table<'_>) {
    for key in ["allow", "allow_networks"] {
        if let Some(span) = table.key_span(key) {
            let message = format!("{} is for `sni:` upstreams, and there is none", quote(key));
            let problem = Problem::new(Code::NeedsSniUpstream, message)
                .help("write for example `upstreams = [\"sni:443\"]`, or leave it out");
            r.error(span, problem);
        }
    }
}

fn values<T>(list: Option<Vec<Spanned<T>>>) -> Vec<T> {
    list.into_iter()
        .flatten()
        .map(Spanned::into_inner)
        .collect()
}
