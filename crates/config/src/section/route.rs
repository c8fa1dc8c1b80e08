//! One entry of `routes`.

use toml::Spanned;

use super::service::Services;
use crate::{
    Bind, Route,
    check::never,
    code::Code,
    diagnostic::Problem,
    reader::{Reader, Table},
    schema,
    value::{destination, network, tlv},
};

const EMPTY: &str = "an empty list matches nothing: leave the key out to match everything";

/// The routes of a listener that are free of errors, and where each stands.
pub(super) fn routes(
    r: &mut Reader<'_>,
    listener: &Table<'_>,
    services: &mut Services,
    bind: &[Spanned<Bind>],
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
                never::without_proxy_protocol(r, &table, &route, bind);
            }
            routes.push(Spanned::new(item.span(), route));
        }
    }
    routes
}

fn route(r: &mut Reader<'_>, table: &Table<'_>, services: &mut Services) -> Option<Route> {
    let client = r.some_texts(table, "client", EMPTY, network::parse);
    let destination = r.some_texts(table, "destination", EMPTY, destination::parse);
    let proxy_tlv = r.some_texts(table, "proxy_tlv", EMPTY, tlv::parse);
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
        alpn: Vec::new(),
        http_host: Vec::new(),
        sni: Vec::new(),
        client: values(client),
        destination: values(destination),
        proxy_tlv: values(proxy_tlv),
        service: services.resolve(r, service)?,
    })
}

fn values<T>(list: Option<Vec<Spanned<T>>>) -> Vec<T> {
    list.into_iter()
        .flatten()
        .map(Spanned::into_inner)
        .collect()
}
