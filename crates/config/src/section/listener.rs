//! `[[listener]]`.

use toml::{Spanned, de::DeValue};

use super::{
    Endpoint, proxy_protocol::proxy_protocol, route::routes, service::Services, tls::listener_tls,
};
use crate::{
    Bind, Destination, Interception, Listener,
    check::reach,
    code::Code,
    diagnostic::{Problem, quote},
    reader::{Reader, Span, Table, wrong_type},
    schema,
    value::{address, name},
};

/// A listener, and where the file names it.
#[derive(Debug)]
pub(crate) struct Placed {
    pub(crate) listener: Listener,
    pub(crate) name: Span,
    /// Whether it has `[listener.tls]`, right or wrong.
    pub(crate) has_tls: bool,
}

pub(crate) fn listeners(
    r: &mut Reader<'_>,
    root: &Table<'_>,
    services: &mut Services,
    endpoints: &mut Vec<Endpoint>,
) -> Vec<Placed> {
    // Whatever is wrong with them was told.
    let has_certificates = root
        .value("certificate")
        .is_some_and(|value| !matches!(value.get_ref(), DeValue::Array(items) if items.is_empty()));
    let tables = r.tables(root, "listener", &schema::LISTENER);
    tables
        .iter()
        .map(|table| listener(r, table, services, endpoints, has_certificates))
        .collect()
}

fn listener(
    r: &mut Reader<'_>,
    table: &Table<'_>,
    services: &mut Services,
    endpoints: &mut Vec<Endpoint>,
    has_certificates: bool,
) -> Placed {
    if !table.has("name") {
        let problem = Problem::new(Code::MissingKey, "this listener has no `name`");
        r.missing(
            table,
            &["name"],
            problem.help("write the word for logs and metrics, such as `name = \"c2s\"`"),
        );
    }
    let label = r.text(table, "name", name::label).unwrap_or_default();
    let place = table
        .value("name")
        .map_or_else(|| table.span().clone(), Spanned::span);

    let bind = bind(r, table);
    let owner = match label.is_empty() {
        true => "another listener".to_owned(),
        false => format!("listener {}", quote(&label)),
    };
    endpoints.extend(bind.iter().map(|bind| Endpoint {
        bind: bind.get_ref().clone(),
        span: bind.span(),
        owner: owner.clone(),
        is_beside_datagrams: false,
    }));

    let proxy_protocol = proxy_protocol(r, table);
    let tls = listener_tls(r, table, has_certificates);
    let transparent = transparent(r, table, &bind);
    let intercepts = transparent.is_some();
    let routes = routes(r, table, services, &bind, tls.as_ref(), intercepts);
    let default = table
        .value("service")
        .and_then(|value| services.resolve(r, value));
    reach::report(r, &routes, table.value("service").map(Spanned::span));
    let has_routes = table
        .value("routes")
        .is_some_and(|value| !matches!(value.get_ref(), DeValue::Array(items) if items.is_empty()));
    if !has_routes && !table.has("service") {
        let message =
            "nothing can ever be carried: this listener has neither `routes` nor a `service`";
        let problem = Problem::new(Code::EmptyListener, message);
        r.missing(
            table,
            &["routes", "service"],
            problem.help("write where connections go, such as `service = \"c2s\"`"),
        );
    }
    let listener = Listener {
        name: label,
        bind: bind.into_iter().map(Spanned::into_inner).collect(),
        routes: routes.into_iter().map(Spanned::into_inner).collect(),
        default: default.map_or(Destination::Refuse, Destination::Service),
        proxy_protocol,
        tls,
        transparent,
    };
    Placed {
        listener,
        name: place,
        has_tls: table.has("tls"),
    }
}

/// How connections to others are brought here.
fn transparent(
    r: &mut Reader<'_>,
    table: &Table<'_>,
    bind: &[Spanned<Bind>],
) -> Option<Interception> {
    let value = table.value("transparent")?;
    let is_unix = |bind: &&Spanned<Bind>| matches!(bind.get_ref(), Bind::Unix(_));
    if let Some(unix) = bind.iter().find(is_unix)
        && value.get_ref().as_bool() != Some(false)
    {
        let message = "connections to a unix socket are never intercepted";
        let problem = Problem::new(Code::WayImpossible, message)
            .help("write another listener for the unix socket");
        r.conflict(value.span(), problem, &unix.span(), "this is one");
    }
    if let Some(any) = value.get_ref().as_bool() {
        return any.then_some(Interception::Any);
    }
    let problem = match value.get_ref().as_str() {
        Some("redirect") => return Some(Interception::Redirect),
        Some("tproxy") => return Some(Interception::Tproxy),
        Some(word @ ("true" | "false")) => {
            let problem = wrong_type("a boolean", value.get_ref());
            problem.help(format!("write `{word}` without quotes"))
        }
        Some(word) => {
            let message = format!("unknown `transparent` {}", quote(word));
            Problem::new(Code::UnknownValue, message)
                .help("write `true` for every kind of interception, \"redirect\" or \"tproxy\"")
        }
        None => wrong_type("a boolean or a string", value.get_ref())
            .help("write `true` for every kind of interception, \"redirect\" or \"tproxy\""),
    };
    r.error(value.span(), problem);
    None
}

fn bind(r: &mut Reader<'_>, table: &Table<'_>) -> Vec<Spanned<Bind>> {
    match table.value("bind") {
        None => {
            let problem = Problem::new(Code::MissingKey, "this listener has no `bind`");
            r.missing(
                table,
                &["bind"],
                problem.help("write where it waits, such as `bind = \"127.0.0.1:5222\"`"),
            );
            Vec::new()
        }
        Some(value) if value.get_ref().is_integer() => {
            let problem = wrong_type("an address and port as text", value.get_ref());
            let port = value
                .get_ref()
                .as_integer()
                .map(ToString::to_string)
                .unwrap_or_default();
            r.error(
                value.span(),
                problem.help(format!(
                    "write `\"127.0.0.1:{port}\"` for this machine only, \
                 `[\"0.0.0.0:{port}\", \"[::]:{port}\"]` for every address"
                )),
            );
            Vec::new()
        }
        Some(_) => {
            let meaning = "write at least one address, such as \"127.0.0.1:5222\"";
            r.some_texts(table, "bind", meaning, address::bind)
                .unwrap_or_default()
        }
    }
}
