//! Where requests go.

use super::super::upstream_tls::homeserver_tls;
use crate::{
    ForwardedFor, Homeserver,
    code::Code,
    diagnostic::{Problem, quote},
    reader::{Reader, Span, Table},
    value::url,
};

/// The homeserver, and where it stands.
pub(super) fn homeserver(r: &mut Reader<'_>, table: &Table<'_>) -> (Homeserver, Span) {
    let Some(value) = table.value("homeserver") else {
        let problem = Problem::new(Code::MissingKey, "this gateway has no `homeserver`");
        let help = "write where requests go, such as `homeserver = \"http://127.0.0.1:8008\"`";
        r.missing(table, &["homeserver"], problem.help(help));
        homeserver_tls(r, table, None);
        return (nowhere(), table.span().clone());
    };
    let origin = r.text(table, "homeserver", url::homeserver);
    let tls = homeserver_tls(r, table, origin.as_ref().map(|origin| origin.is_https));
    let homeserver = origin.map_or_else(nowhere, |origin| Homeserver {
        port: origin.port(),
        host: origin.host,
        tls,
    });
    if homeserver.tls.is_none() && !homeserver.is_local() {
        let message = format!(
            "access tokens and messages go to {} in clear",
            quote(&homeserver.host)
        );
        let problem = Problem::new(Code::TokensInClear, message).help(
            "write `https://`, or the address of the homeserver where that is on this machine or in \
             a private network",
        );
        r.warning(value.span(), problem);
    }
    (homeserver, value.span())
}

/// Whether the homeserver is told the addresses of clients.
pub(super) fn forwarded(
    r: &mut Reader<'_>,
    table: &Table<'_>,
    homeserver: &Homeserver,
) -> ForwardedFor {
    let words = [
        ("always", ForwardedFor::Always),
        ("auto", ForwardedFor::Auto),
        ("never", ForwardedFor::Never),
    ];
    let word = r.choice(table, "x_forwarded_for", &words);
    if let (Some(ForwardedFor::Always), Some(value), Some(url)) = (
        word,
        table.value("x_forwarded_for"),
        table.value("homeserver").filter(|_| !homeserver.is_local()),
    ) {
        let message = "the addresses of all clients are told to a homeserver that is not local";
        let problem = Problem::new(Code::ClientsRevealed, message)
            .help("it is right only where it trusts this gateway: write `auto`, or leave it out");
        r.doubt(value.span(), problem, &url.span(), "told to this one");
    }
    word.unwrap_or(ForwardedFor::Auto)
}

/// Stands for one that could not be read.
fn nowhere() -> Homeserver {
    Homeserver {
        host: "localhost".to_owned(),
        port: 0,
        tls: None,
    }
}
