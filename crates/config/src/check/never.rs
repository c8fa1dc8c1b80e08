//! Routes that nothing can match on their listener.

use toml::Spanned;

use crate::{
    Bind, DestinationMatch, ListenerTls, Route,
    code::Code,
    diagnostic::Problem,
    reader::{Reader, Table},
};

/// Reports what cannot match on a listener that takes no PROXY headers: there the client is that of
/// the socket, and the destination, too, unless it `intercepts`.
pub(crate) fn without_proxy_protocol(
    r: &mut Reader<'_>,
    table: &Table<'_>,
    route: &Route,
    bind: &[Spanned<Bind>],
    intercepts: bool,
) {
    const HELP: &str = "this needs PROXY headers: add [listener.proxy_protocol]";
    let mut never = |key: &str, message: &str, help: &str| {
        if let Some(span) = table.key_span(key) {
            r.warning(
                span,
                Problem::new(Code::RouteNeverMatches, message).help(help),
            );
        }
    };
    if !route.proxy_tlv.is_empty() {
        never(
            "proxy_tlv",
            "nothing can match: this listener takes no PROXY headers",
            HELP,
        );
    }
    let only_unix = !bind.is_empty()
        && bind
            .iter()
            .all(|bind| matches!(bind.get_ref(), Bind::Unix(_)));
    if only_unix && !route.client.is_empty() {
        never(
            "client",
            "nothing can match: a client of a unix socket has no address",
            HELP,
        );
    }
    let possible =
        |wanted: &DestinationMatch| bind.iter().any(|bind| can_be(wanted, bind.get_ref()));
    let nowhere = !route.destination.is_empty() && !route.destination.iter().any(possible);
    if nowhere && !intercepts && !bind.is_empty() {
        let message = "nothing can match: this listener has no such address";
        let help = "the destination is an address of `bind`, unless `transparent` or PROXY headers \
                    tell another";
        never("destination", message, help);
    }
}

/// Reports what cannot match on a listener that does not look for TLS.
pub(crate) fn without_tls(r: &mut Reader<'_>, table: &Table<'_>) {
    for key in ["alpn", "sni"] {
        if let Some(span) = table.key_span(key) {
            let message = "nothing can match: this listener does not look at TLS";
            let problem = Problem::new(Code::RouteNeverMatches, message)
                .help("this needs the client's hello: add [listener.tls] with `mode = \"peek\"`");
            r.warning(span, problem);
        }
    }
}

/// Reports what cannot match where TLS is not terminated: a request inside it.
pub(crate) fn inside_tls(r: &mut Reader<'_>, table: &Table<'_>) {
    if let Some(span) = table.key_span("http_host")
        && (table.has("alpn") || table.has("sni"))
    {
        let message = "nothing can match: the request is inside TLS, which is not terminated here";
        let problem = Problem::new(Code::RouteNeverMatches, message)
            .help("write `mode = \"terminate\"`, or `sni` alone");
        r.warning(span, problem);
    }
}

/// Reports what does not match clients that speak HTTP/2: their first bytes name no host.
pub(crate) fn by_http2(r: &mut Reader<'_>, table: &Table<'_>, tls: Option<&ListenerTls>) {
    let Some(ListenerTls::Terminate(terminate)) = tls else {
        return;
    };
    if let Some(span) = table.key_span("http_host")
        && terminate.alpn.iter().any(|protocol| protocol == b"h2")
    {
        let message = "clients that speak HTTP/2 never match: their first bytes name no host";
        let problem = Problem::new(Code::Http2WithoutHost, message)
            .help("write `sni` instead, or leave `h2` out of `alpn`");
        r.warning(span, problem);
    }
}

/// Whether a connection to `bind` can have the destination `wanted`.
fn can_be(wanted: &DestinationMatch, bind: &Bind) -> bool {
    let Bind::Tcp(address) = bind else {
        return false;
    };
    let port = address.port() == 0 || wanted.port.is_none_or(|port| port == address.port());
    port && wanted.network.is_none_or(|network| {
        if address.ip().is_unspecified() {
            network.addr().is_ipv4() == address.is_ipv4()
        } else {
            network.contains(&address.ip())
        }
    })
}
