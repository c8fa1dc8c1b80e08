//! One entry of `routes`.

use toml::Spanned;

use super::service::Services;
use crate::{
    Bind, ListenerTls, Route,
    check::never,
    code::Code,
    diagnostic::Problem,
    reader::{Reader, Table},
    schema,
    value::{destination, host, network, tls, tlv},
};

const EMPTY: &str = "an empty list matches nothing: leave the key out to match everything";

/// The routes of a listener that are free of errors, and where each stands. `intercepts`: connections
/// are brought here that are meant for others.
pub(super) fn routes(
    r: &mut Reader<'_>,
    listener: &Table<'_>,
    services: &mut Services,
    bind: &[Spanned<Bind>],
    tls: Option<&ListenerTls>,
    intercepts: bool,
) -> Vec<Spanned<Route>> {
    let Some(value) = listener.value("routes") else {
        return Vec::new();
    };
    let Some(items) = value.get_ref().as_array() else {
        r.error(
            value.span(),
            crate::reader::wrong_type("a list of routes", value.get_ref()),
        );
        return Vec::new();
    };
    let mut routes = Vec::with_capacity(items.len());
    for item in items {
        let before = r.mistakes();
        let Some(table) = r.table(item, &schema::ROUTE) else {
            continue;
        };
        let route = route(r, &table, services);
        if let Some(route) = route.filter(|_| r.mistakes() == before) {
            if !listener.has("proxy_protocol") {
                never::without_proxy_protocol(r, &table, &route, bind, intercepts);
            }
            if !listener.has("tls") {
                never::without_tls(r, &table);
            } else if tls == Some(&ListenerTls::Peek) {
                never::inside_tls(r, &table);
            }
            never::by_http2(r, &table, tls);
            routes.push(Spanned::new(item.span(), route));
        }
    }
    routes
}

fn route(r: &mut Reader<'_>, table: &Table<'_>, services: &mut Services) -> Option<Route> {
    let alpn = r.some_texts(table, "alpn", EMPTY, tls::protocol);
    let client = r.some_texts(table, "client", EMPTY, network::parse);
    let destination = r.some_texts(table, "destination", EMPTY, destination::parse);
    let http_host = r.some_texts(table, "http_host", EMPTY, host::http_host);
    let proxy_tlv = r.some_texts(table, "proxy_tlv", EMPTY, tlv::parse);
    let sni = r.some_texts(table, "sni", EMPTY, host::sni);
    let Some(service) = table.value("service") else {
        let problem = Problem::new(Code::MissingKey, "this route has no `service`");
        r.missing(
            table,
            &["service"],
            problem.help("write where it leads, such as `service = \"c2s\"`"),
        );
        return None;
    };
    Some(Route {
        alpn: values(alpn),
        client: values(client),
        destination: values(destination),
        http_host: values(http_host),
        proxy_tlv: values(proxy_tlv),
        sni: values(sni),
        service: services.resolve(r, service)?,
    })
}

fn values<T>(list: Option<Vec<Spanned<T>>>) -> Vec<T> {
    list.into_iter()
        .flatten()
        .map(Spanned::into_inner)
        .collect()
}
