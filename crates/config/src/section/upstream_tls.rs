//! `tls` of a service.

use toml::{Spanned, de::DeValue};

use super::{
    certificate::certificate,
    kind::Word,
    tls_parameters::{parameters, protocols},
};
use crate::{
    Certificate, Upstream, UpstreamAlpn, UpstreamTls,
    code::Code,
    diagnostic::{Problem, quote},
    reader::{Reader, Span, Table, Value, wrong_type},
    schema::{self, Schema},
    value::host,
};

/// What carries requests to upstreams and proxies.
const HTTP: &[u8] = b"http/1.1";
/// What a gateway speaks with its homeserver, too.
const HTTP_2: &[u8] = b"h2";

pub(super) fn upstream_tls(
    r: &mut Reader<'_>,
    service: &Table<'_>,
    upstreams: &[Spanned<Upstream>],
    word: Word,
) -> Option<UpstreamTls> {
    let value = service.value("tls")?;
    let table = table_or_boolean(r, value, &schema::UPSTREAM_TLS)?;
    let nameless = |upstream: &&Spanned<Upstream>| matches!(upstream.get_ref(), Upstream::Unix(_));
    if let Some(upstream) = upstreams.iter().find(nameless) {
        needs_name(r, value, &table, &upstream.span());
    }
    let alpn = match word {
        Word::Http => alpn_of_requests(r, service, &table),
        Word::Connect | Word::Tcp => alpn(r, &table),
    };
    Some(settings(r, &table, alpn))
}

/// `tls` of a proxy on the way.
pub(super) fn hop_tls(r: &mut Reader<'_>, table: &Table<'_>) -> UpstreamTls {
    // No other protocol than this one has the requests that we send.
    settings(r, table, UpstreamAlpn::Set(vec![HTTP.to_vec()]))
}

/// `tls` of a component whose server is at the path of a unix socket when `is_unix`.
pub(super) fn component_tls(
    r: &mut Reader<'_>,
    component: &Table<'_>,
    is_unix: bool,
) -> Option<UpstreamTls> {
    let value = component.value("tls")?;
    let table = table_or_boolean(r, value, &schema::COMPONENT_TLS)?;
    if let (true, Some(server)) = (is_unix, component.value("server")) {
        needs_name(r, value, &table, &server.span());
    }
    Some(settings(r, &table, UpstreamAlpn::Set(Vec::new())))
}

/// `tls` of a homeserver, which its URL says to have when `is_https`; `None` when the URL is wrong.
pub(super) fn homeserver_tls(
    r: &mut Reader<'_>,
    gateway: &Table<'_>,
    is_https: Option<bool>,
) -> Option<UpstreamTls> {
    let value = gateway.value("tls");
    let table = value.and_then(|value| table_or_boolean(r, value, &schema::HOMESERVER_TLS));
    let is_off = value.is_some_and(|value| value.get_ref().as_bool() == Some(false));
    let readable = value.filter(|value| value.get_ref().is_bool() || value.get_ref().is_table());
    if let (Some(value), Some(url)) = (readable, gateway.value("homeserver")) {
        let wrong = match (is_https, is_off) {
            (Some(true), true) => Some((
                Code::WayImpossible,
                "the URL of this homeserver says that it has TLS",
                "leave `tls` out, or write `http://` in `homeserver`",
            )),
            (Some(false), false) => Some((
                Code::WithoutEffect,
                "this homeserver is spoken to without TLS",
                "write `https://` in `homeserver`, or leave `tls` out",
            )),
            _ => None,
        };
        if let Some((code, message, help)) = wrong {
            let problem = Problem::new(code, message).help(help);
            r.conflict(value.span(), problem, &url.span(), "see here");
        }
    }
    let table = table.unwrap_or_else(|| Table::absent(&schema::HOMESERVER_TLS));
    let alpn = vec![HTTP_2.to_vec(), HTTP.to_vec()];
    let tls = settings(r, &table, UpstreamAlpn::Set(alpn));
    is_https.unwrap_or(false).then_some(tls)
}

/// `tls` of the same homeserver for the requests that a reverse proxy carries.
pub(super) fn for_requests(tls: &UpstreamTls) -> UpstreamTls {
    UpstreamTls {
        alpn: UpstreamAlpn::Set(vec![HTTP.to_vec()]),
        ..tls.clone()
    }
}

/// `None` for `false`, and for what is wrong.
fn table_or_boolean<'a>(
    r: &mut Reader<'_>,
    value: &'a Value<'a>,
    schema: &'static Schema,
) -> Option<Table<'a>> {
    match value.get_ref() {
        DeValue::Boolean(false) => None,
        DeValue::Boolean(true) => Some(Table::absent(schema)),
        DeValue::Table(_) => r.table(value, schema),
        other => {
            let problem = wrong_type("a table or a boolean", other);
            r.error(
                value.span(),
                problem.help("write `tls = true` for the defaults"),
            );
            None
        }
    }
}

/// Reports TLS to the unix socket at `socket` without a name.
fn needs_name(r: &mut Reader<'_>, value: &Value<'_>, table: &Table<'_>, socket: &Span) {
    if !table.has("server_name") {
        let message = "TLS to a unix socket needs a `server_name`: a path is not in a certificate";
        let problem = Problem::new(Code::MissingKey, message).help(
            "write `tls = { server_name = \"xmpp.example.org\" }`, as the certificate has it",
        );
        r.conflict(value.span(), problem, socket, "this has no name");
    }
}

fn settings(r: &mut Reader<'_>, table: &Table<'_>, alpn: UpstreamAlpn) -> UpstreamTls {
    let tls = UpstreamTls {
        parameters: parameters(r, table),
        server_name: r.text(table, "server_name", host::server_name),
        sni: r.boolean(table, "sni").unwrap_or(true),
        alpn,
        ca: r.file(table, "ca"),
        certificate: own_certificate(r, table),
        verify: r.boolean(table, "verify").unwrap_or(true),
    };
    if let Some(verify) = table.value("verify").filter(|_| !tls.verify) {
        let message = "nobody checks who the upstream is";
        let problem = Problem::new(Code::UnverifiedUpstream, message).help(
            "whoever is on the way can read and change everything: write a `ca` that its \
             certificate is signed by",
        );
        r.warning(verify.span(), problem);
    }
    tls
}

fn alpn(r: &mut Reader<'_>, table: &Table<'_>) -> UpstreamAlpn {
    let Some(value) = table.value("alpn") else {
        return UpstreamAlpn::Forward;
    };
    match value.get_ref().as_str() {
        Some("forward") => UpstreamAlpn::Forward,
        Some(text) => {
            let problem = Problem::new(
                Code::UnknownValue,
                format!("unknown `alpn` {}", quote(text)),
            );
            let help = format!("write `forward`, or a list of protocols such as `[\"{text}\"]`");
            r.error(value.span(), problem.help(help));
            UpstreamAlpn::Forward
        }
        None => protocols(r, table).map_or(UpstreamAlpn::Forward, UpstreamAlpn::Set),
    }
}

/// Of kind `http`, whose requests are always carried by HTTP/1.1: an upstream that was offered what
/// its client speaks might choose HTTP/2.
fn alpn_of_requests(r: &mut Reader<'_>, service: &Table<'_>, table: &Table<'_>) -> UpstreamAlpn {
    let Some(value) = table.value("alpn") else {
        return UpstreamAlpn::Set(vec![HTTP.to_vec()]);
    };
    let alpn = alpn(r, table);
    let carries_others = match &alpn {
        UpstreamAlpn::Forward => value.get_ref().as_str() == Some("forward"),
        UpstreamAlpn::Set(protocols) => protocols.iter().any(|p| !p.starts_with(b"http/1.")),
    };
    if let (true, Some(kind)) = (carries_others, service.value("kind")) {
        let message = "a reverse proxy speaks HTTP/1.1 with its upstreams, and nothing else";
        let problem = Problem::new(Code::WayImpossible, message)
            .help("leave `alpn` out, or write `[\"http/1.1\"]`");
        r.conflict(value.span(), problem, &kind.span(), "this is its kind");
    }
    alpn
}

fn own_certificate(r: &mut Reader<'_>, table: &Table<'_>) -> Option<Certificate> {
    let table = r.table(table.value("certificate")?, &schema::UPSTREAM_CERTIFICATE)?;
    certificate(r, &table)
}
