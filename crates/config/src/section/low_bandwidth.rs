//! `[[low_bandwidth]]`.

mod addresses;
mod homeserver;
mod limits;
mod patience;
pub(crate) mod tcp;
mod tls;

use toml::Spanned;
use vestibule_lowband::mapping::{policy::Policy, server::CborKeys};

use super::Endpoint;
use crate::{
    LowBandwidth, UpstreamPrefix,
    code::Code,
    diagnostic::{Problem, quote},
    reader::{Reader, Span, Table},
    schema,
    value::{api_path, name},
};

/// A gateway, and where the file has it.
#[derive(Debug)]
pub(crate) struct Placed {
    pub(crate) gateway: LowBandwidth,
    /// Its name, or what it is named after.
    pub(crate) name: Span,
    /// Whether it is named after its first address.
    pub(crate) is_named_after_address: bool,
    pub(crate) homeserver: Span,
}

/// Every `[[low_bandwidth]]`; adds where they listen to `streams` (TCP) and `datagrams` (UDP).
pub(crate) fn gateways(
    r: &mut Reader<'_>,
    root: &Table<'_>,
    streams: &mut Vec<Endpoint>,
    datagrams: &mut Vec<Endpoint>,
) -> Vec<Placed> {
    let tables = r.tables(root, "low_bandwidth", &schema::LOW_BANDWIDTH);
    tables
        .iter()
        .map(|table| gateway(r, table, streams, datagrams))
        .collect()
}

fn gateway(
    r: &mut Reader<'_>,
    table: &Table<'_>,
    streams: &mut Vec<Endpoint>,
    datagrams: &mut Vec<Endpoint>,
) -> Placed {
    let bind = addresses::bind(r, table);
    let own_name = r.text(table, "name", name::label);
    let is_named_after_address = own_name.is_none();
    let after_address = || bind.first().map(|first| first.get_ref().to_string());
    let name = own_name.or_else(after_address).unwrap_or_default();
    let place = table.value("name").or(table.value("bind"));
    let place = place.map_or_else(|| table.span().clone(), Spanned::span);
    let (homeserver, homeserver_place) = homeserver::homeserver(r, table);
    let x_forwarded_for = homeserver::forwarded(r, table, &homeserver);
    let advertise = addresses::advertise(r, table, &bind);
    let tcp_bind = addresses::tcp_bind(r, table, &bind);
    let plain_debug_bind = addresses::plain_debug_bind(r, table);
    let owner = match name.is_empty() {
        true => "another gateway".to_owned(),
        false => format!("gateway {}", quote(&name)),
    };
    streams.extend(tcp_bind.endpoints(&format!("the TCP side of {owner}")));
    datagrams.extend(addresses::endpoints(&bind, &owner));
    datagrams.extend(addresses::endpoints(plain_debug_bind.as_slice(), &owner));
    let patience = patience::read(r, table);
    let (min_version, max_version) = tls::versions(r, table);
    let (policy, allow_paths) = paths(r, table);
    let limits = limits::read(r, table, patience.profile);
    let keys = [
        ("always", CborKeys::Always),
        ("negotiated", CborKeys::Negotiated),
    ];
    let prefixes = [
        ("auto", UpstreamPrefix::Auto),
        ("r0", UpstreamPrefix::R0),
        ("v3", UpstreamPrefix::V3),
    ];
    let gateway = LowBandwidth {
        name,
        bind: addresses::plain(bind),
        homeserver,
        advertise,
        tcp_bind: tcp_bind.plain(),
        certificate: tls::own_certificate(r, table),
        ticket_key_file: r.file(table, "ticket_key_file"),
        min_version,
        max_version,
        profile: patience.profile,
        block_size: patience.block_size,
        handshake_timeout: patience.handshake_timeout,
        ack_window: patience.ack_window,
        request_timeout: patience.request_timeout,
        sync_timeout: patience.sync_timeout,
        x_forwarded_for,
        trusted_proxies: addresses::trusted_proxies(r, table),
        cbor_keys: r.choice(table, "cbor_keys", &keys).unwrap_or_default(),
        upstream_prefix: r
            .choice(table, "upstream_prefix", &prefixes)
            .unwrap_or(UpstreamPrefix::Auto),
        policy,
        allow_paths,
        stable_key: r.boolean(table, "stable_key").unwrap_or(false),
        plain_debug_bind: plain_debug_bind.map(Spanned::into_inner),
        limits,
    };
    Placed {
        gateway,
        name: place,
        is_named_after_address,
        homeserver: homeserver_place,
    }
}

/// What may be asked for, and what was said to be beside the client-server API.
fn paths(r: &mut Reader<'_>, table: &Table<'_>) -> (Policy, Vec<String>) {
    let paths = r.texts(table, "allow_paths", api_path::parse);
    let paths: Vec<Spanned<String>> = paths.unwrap_or_default();
    for path in &paths {
        if api_path::opens_admin(path.get_ref()) {
            let message = format!(
                "{} has paths for administrators, which everyone may ask for then",
                quote(path.get_ref())
            );
            let problem = Problem::new(Code::OpensAdmin, message)
                .help("write what is needed only, such as `/_synapse/client`");
            r.warning(path.span(), problem);
        }
    }
    let paths = r.distinct(paths, Clone::clone);
    let policy = paths
        .iter()
        .fold(Policy::new(), |policy, path| api_path::allow(policy, path));
    (policy, paths)
}
