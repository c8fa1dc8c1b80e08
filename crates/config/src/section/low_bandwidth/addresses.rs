//! Where a gateway listens, and where clients find it.

use std::net::SocketAddr;

use ipnet::IpNet;
use toml::Spanned;

use super::super::{Endpoint, kind};
use crate::{
    Advertise, Bind,
    code::Code,
    diagnostic::Problem,
    model::is_local,
    reader::{Reader, Table, wrong_type},
    value::{address, url},
};

/// Where HTTP is served.
pub(super) struct TcpBind {
    addresses: Vec<Spanned<SocketAddr>>,
    /// Whether they are those of `bind`.
    is_default: bool,
}

impl TcpBind {
    /// As they are listened on.
    pub(super) fn endpoints(&self, owner: &str) -> Vec<Endpoint> {
        let mut endpoints = endpoints(&self.addresses, owner);
        for endpoint in &mut endpoints {
            endpoint.is_beside_datagrams = self.is_default;
        }
        endpoints
    }

    pub(super) fn plain(self) -> Vec<SocketAddr> {
        plain(self.addresses)
    }
}

/// Where DTLS is waited for.
pub(super) fn bind(r: &mut Reader<'_>, table: &Table<'_>) -> Vec<Spanned<SocketAddr>> {
    if !table.has("bind") {
        let problem = Problem::new(Code::MissingKey, "this gateway has no `bind`");
        let help = "write where it waits for DTLS, such as `bind = \":8008\"` for every address";
        r.missing(table, &["bind"], problem.help(help));
    }
    addresses(
        r,
        table,
        "bind",
        "write at least one address, such as \":8008\"",
    )
}

/// Where HTTP is served: nowhere, unless clients are told of it.
pub(super) fn tcp_bind(
    r: &mut Reader<'_>,
    table: &Table<'_>,
    bind: &[Spanned<SocketAddr>],
) -> TcpBind {
    if !table.has("tcp_bind") {
        let addresses = match table.has("advertise") {
            true => bind.to_vec(),
            false => Vec::new(),
        };
        return TcpBind {
            addresses,
            is_default: true,
        };
    }
    needs_advertise(r, table, "tcp_bind");
    let meaning = "leave it out for the addresses of `bind`, or `advertise` for no HTTP at all";
    TcpBind {
        addresses: addresses(r, table, "tcp_bind", meaning),
        is_default: false,
    }
}

/// Whose X-Forwarded-For is believed by TCP.
pub(super) fn trusted_proxies(r: &mut Reader<'_>, table: &Table<'_>) -> Vec<IpNet> {
    needs_advertise(r, table, "trusted_proxies");
    kind::trusted(r, table)
}

/// Where clients find this gateway.
pub(super) fn advertise(
    r: &mut Reader<'_>,
    table: &Table<'_>,
    bind: &[Spanned<SocketAddr>],
) -> Option<Advertise> {
    let value = table.value("advertise")?;
    let origin = r.text(table, "advertise", url::advertise)?;
    if !origin.is_https && !is_local(&origin.host) {
        let message = "clients send their access tokens and messages through the network in clear";
        let problem = Problem::new(Code::TokensInClear, message).help(
            "write `https://`: TLS is spoken with the certificate of this gateway; behind a proxy \
             that speaks TLS, write the `https://` URL of the proxy and `tcp_bind`",
        );
        r.warning(value.span(), problem);
    }
    let port = origin.port();
    let ports = || bind.iter().map(|address| address.get_ref().port());
    if ports().all(|other| other != port && other != 0)
        && let Some(other) = ports().next()
        && let Some(place) = table.value("bind")
    {
        let message =
            format!("clients look for DTLS at port {port}, too, where it is not waited for");
        let problem = Problem::new(Code::AdvertisedPortDiffers, message).help(format!(
            "write port {other} here, or port {port} in `bind`; where a router or firewall maps the \
             port, this is right"
        ));
        r.doubt(value.span(), problem, &place.span(), "DTLS waits here");
    }
    Some(Advertise {
        url: origin.show(),
        is_https: origin.is_https,
    })
}

/// Where CoAP is served without DTLS.
pub(super) fn plain_debug_bind(
    r: &mut Reader<'_>,
    table: &Table<'_>,
) -> Option<Spanned<SocketAddr>> {
    let value = table.value("plain_debug_bind")?;
    let address = r.text(table, "plain_debug_bind", address::listen)?;
    if !address.ip().is_loopback() {
        let message = "CoAP without DTLS can be reached from other machines";
        let problem = Problem::new(Code::PlainNotLoopback, message).help(format!(
            "tokens and messages go there in clear, and anyone can ask: write `127.0.0.1:{}`",
            address.port()
        ));
        r.error(value.span(), problem);
    }
    Some(Spanned::new(value.span(), address))
}

/// As they are listened on.
pub(super) fn endpoints(addresses: &[Spanned<SocketAddr>], owner: &str) -> Vec<Endpoint> {
    let endpoints = addresses.iter().map(|address| Endpoint {
        bind: Bind::Tcp(*address.get_ref()),
        span: address.span(),
        owner: owner.to_owned(),
        is_beside_datagrams: false,
    });
    endpoints.collect()
}

pub(super) fn plain(addresses: Vec<Spanned<SocketAddr>>) -> Vec<SocketAddr> {
    addresses.into_iter().map(Spanned::into_inner).collect()
}

/// The addresses under `key`, those of `:8008` at the same place.
fn addresses(
    r: &mut Reader<'_>,
    table: &Table<'_>,
    key: &str,
    meaning: &str,
) -> Vec<Spanned<SocketAddr>> {
    let Some(value) = table.value(key) else {
        return Vec::new();
    };
    if let Some(port) = value.get_ref().as_integer() {
        let port = port.to_string();
        let problem = wrong_type("an address and port as text", value.get_ref());
        r.error(
            value.span(),
            problem.help(format!("write `\":{port}\"` for every address")),
        );
        return Vec::new();
    }
    let read = r.some_texts(table, key, meaning, address::both_families);
    let mut addresses = Vec::new();
    for entry in read.into_iter().flatten() {
        let span = entry.span();
        let entry = entry.into_inner().into_iter();
        addresses.extend(entry.map(|address| Spanned::new(span.clone(), address)));
    }
    addresses
}

/// Reports `key` where nothing is served by TCP.
fn needs_advertise(r: &mut Reader<'_>, table: &Table<'_>, key: &str) {
    if let Some(span) = table.key_span(key)
        && r.lacks(table, "advertise")
    {
        let message = format!("`{key}` is for HTTP, which is not served without `advertise`");
        let problem = Problem::new(Code::WithoutEffect, message)
            .help("write `advertise = \"https://…\"`, the URL that clients know, or leave it out");
        r.error(span, problem);
    }
}
