//! Routes that are never reached, because an earlier one takes all that they could match.

use ipnet::IpNet;
use toml::Spanned;

use crate::{
    DestinationMatch, NameMatch, Route, TlvMatch,
    code::Code,
    diagnostic::Problem,
    reader::{Reader, Span},
    value::{host, tlv},
};

/// Reports routes, and the service for everything else (at `default`), that are never reached.
pub(crate) fn report(r: &mut Reader<'_>, routes: &[Spanned<Route>], default: Option<Span>) {
    if r.is_broken() {
        // A condition may be missing only because it could not be read.
        return;
    }
    let mut earlier: Vec<(Vec<IpNet>, &Spanned<Route>)> = Vec::with_capacity(routes.len());
    for route in routes {
        let narrow = route.get_ref();
        let wide = earlier
            .iter()
            .find(|(clients, wide)| covers(wide.get_ref(), clients, narrow));
        if let Some((_, earlier)) = wide {
            let problem = Problem::new(Code::UnreachableRoute, "this route is never reached")
                .help("routes are tried from top to bottom: put the narrower one first");
            r.doubt(
                route.span(),
                problem,
                &earlier.span(),
                "this one takes all that it could match",
            );
        }
        earlier.push((IpNet::aggregate(&narrow.client), route));
    }
    let catch_all = routes.iter().find(|route| is_catch_all(route.get_ref()));
    if let (Some(catch_all), Some(default)) = (catch_all, default) {
        let problem = Problem::new(Code::UnreachableRoute, "this service is never reached")
            .help("a route without conditions takes everything: leave it or `service` out");
        r.doubt(
            default,
            problem,
            &catch_all.span(),
            "this route takes everything",
        );
    }
}

fn is_catch_all(route: &Route) -> bool {
    route.alpn.is_empty()
        && route.client.is_empty()
        && route.destination.is_empty()
        && route.http_host.is_empty()
        && route.proxy_tlv.is_empty()
        && route.sni.is_empty()
}

/// Whether `first`, whose clients are together `clients`, matches everything that `second` matches.
fn covers(first: &Route, clients: &[IpNet], second: &Route) -> bool {
    let client = |network: &IpNet| clients.iter().any(|wide| wide.contains(network));
    let destination = |narrow: &DestinationMatch| {
        first
            .destination
            .iter()
            .any(|wide| covers_destination(wide, narrow))
    };
    let tlv = |narrow: &TlvMatch| first.proxy_tlv.iter().any(|wide| covers_tlv(wide, narrow));
    let name = |wide: &[NameMatch], narrow: &[NameMatch]| {
        contained(wide, narrow, |narrow| {
            wide.iter().any(|wide| host::covers(wide, narrow))
        })
    };
    let alpn = |protocol: &Vec<u8>| first.alpn.contains(protocol);
    contained(&first.alpn, &second.alpn, alpn)
        && contained(&first.client, &second.client, client)
        && contained(&first.destination, &second.destination, destination)
        && name(&first.http_host, &second.http_host)
        && contained(&first.proxy_tlv, &second.proxy_tlv, tlv)
        && name(&first.sni, &second.sni)
}

/// Whether the key with the values `wide` matches whatever the one with `narrow` matches.
fn contained<T>(wide: &[T], narrow: &[T], covered: impl Fn(&T) -> bool) -> bool {
    wide.is_empty() || (!narrow.is_empty() && narrow.iter().all(covered))
}

fn covers_destination(wide: &DestinationMatch, narrow: &DestinationMatch) -> bool {
    let network = match (&wide.network, &narrow.network) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(wide), Some(narrow)) => wide.contains(narrow),
    };
    network && (wide.port.is_none() || wide.port == narrow.port)
}

fn covers_tlv(wide: &TlvMatch, narrow: &TlvMatch) -> bool {
    let caseless = wide.kind == tlv::AUTHORITY;
    let equal =
        |one: &[u8], other: &[u8]| one == other || (caseless && one.eq_ignore_ascii_case(other));
    wide.kind == narrow.kind
        && match (&wide.value, &narrow.value) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(wide), Some(narrow)) => equal(wide, narrow),
        }
}
