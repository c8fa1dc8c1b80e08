//! Targets that cannot be reached in the way that is asked for.

use toml::Spanned;

use super::kind::Word;
use crate::{
    Hop, SourceAddress, Upstream,
    code::Code,
    diagnostic::Problem,
    reader::{Reader, Table},
};

/// Reads whose address the upstreams see.
pub(super) fn source(
    r: &mut Reader<'_>,
    table: &Table<'_>,
    upstreams: &[Spanned<Upstream>],
    via: &[Spanned<Hop>],
) -> SourceAddress {
    let words = [
        ("client", SourceAddress::Client),
        ("own", SourceAddress::Own),
    ];
    let source = r.choice(table, "source", &words).unwrap_or_default();
    let Some(value) = table
        .value("source")
        .filter(|_| source == SourceAddress::Client)
    else {
        return source;
    };
    let mut impossible = |message: &str, place, there: &str| {
        let problem = Problem::new(Code::WayImpossible, message)
            .help("leave `source` out; `send_proxy` says who the client is");
        r.conflict(value.span(), problem, &place, there);
    };
    if let Some(hop) = via.first() {
        let message = "a proxy on the way connects from its own address";
        impossible(message, hop.span(), "this proxy");
    }
    if let Some(unix) = upstreams.iter().find(|upstream| is_unix(upstream)) {
        let message = "connections to a unix socket have no source address";
        impossible(message, unix.span(), "this is one");
    }
    source
}

/// Reports upstreams that this kind of service or the proxies of `via` do not reach.
pub(super) fn report(
    r: &mut Reader<'_>,
    table: &Table<'_>,
    word: Word,
    upstreams: &[Spanned<Upstream>],
    via: &[Spanned<Hop>],
) {
    for upstream in upstreams {
        let dynamic = matches!(upstream.get_ref(), Upstream::Original | Upstream::Sni(_));
        if dynamic
            && word == Word::Http
            && let Some(kind) = table.value("kind")
        {
            let message = "a reverse proxy knows its targets: requests do not name them";
            let problem = Problem::new(Code::WayImpossible, message)
                .help("write where the server is, such as \"127.0.0.1:5280\"");
            r.conflict(upstream.span(), problem, &kind.span(), "this is its kind");
        }
        if is_unix(upstream)
            && let Some(hop) = via.first()
        {
            let message = "no other proxy can reach a unix socket of this machine";
            let problem = Problem::new(Code::WayImpossible, message)
                .help("write `host:port`, or leave `via` out");
            r.conflict(upstream.span(), problem, &hop.span(), "this proxy");
        }
    }
}

fn is_unix(upstream: &Spanned<Upstream>) -> bool {
    matches!(upstream.get_ref(), Upstream::Unix(_))
}
