//! `[listener.tls]`.

use std::time::Duration;

use toml::de::DeValue;

use super::tls_parameters::{parameters, protocols};
use crate::{
    Certificate, ClientAuth, ListenerTls, Terminate, Tickets,
    code::Code,
    diagnostic::{Problem, quote},
    reader::{DurationKey, Reader, Table, wrong_type},
    schema,
};

/// A client may keep a ticket for seven days at most (RFC 8446, section 4.6.1).
const LIFETIME: DurationKey = DurationKey {
    key: "lifetime",
    default: Duration::from_secs(12 * 3600),
    min: Duration::from_secs(60),
    max: Duration::from_secs(7 * 24 * 3600),
};

/// `mode`.
#[derive(Clone, Copy, Debug)]
enum Mode {
    Peek,
    Terminate,
}

/// `client_auth.mode`.
#[derive(Clone, Copy, Debug)]
enum AuthMode {
    None,
    Optional,
    Required,
}

/// `has_certificates`: whether the file has any `[[certificate]]`.
pub(super) fn listener_tls(
    r: &mut Reader<'_>,
    listener: &Table<'_>,
    has_certificates: bool,
) -> Option<ListenerTls> {
    let value = listener.value("tls")?;
    let table = r.table(value, &schema::TLS)?;
    let modes = [("peek", Mode::Peek), ("terminate", Mode::Terminate)];
    let Some(mode) = table.value("mode") else {
        let problem = Problem::new(Code::MissingKey, "[listener.tls] has no `mode`");
        r.missing(
            &table,
            &["mode"],
            problem.help("write `mode = \"peek\"` to route only, `mode = \"terminate\"` to be the end of TLS"),
        );
        return None;
    };
    match r.choice(&table, "mode", &modes)? {
        Mode::Peek => {
            for key in schema::TLS.keys.iter().filter(|key| **key != "mode") {
                if let Some(span) = table.key_span(key) {
                    let message = format!("{} needs `mode = \"terminate\"`", quote(key));
                    let problem = Problem::new(Code::NeedsTerminate, message);
                    r.error(
                        span,
                        problem.help(
                            "what is only peeked at stays between client and server: leave it out",
                        ),
                    );
                }
            }
            Some(ListenerTls::Peek)
        }
        Mode::Terminate => {
            if !has_certificates && !r.is_broken() {
                let problem = Problem::new(
                    Code::NoCertificate,
                    "TLS ends here, but there is no certificate",
                );
                r.error(
                    mode.span(),
                    problem.help("write a [[certificate]] with `chain` and `key`"),
                );
            }
            Some(ListenerTls::Terminate(Box::new(terminate(r, &table))))
        }
    }
}

/// The default of everything, for a listener that shows nothing but this certificate.
pub(super) fn showing(
    r: &mut Reader<'_>,
    certificate: Certificate,
    alpn: &[&[u8]],
) -> Box<Terminate> {
    Box::new(Terminate {
        alpn: alpn.iter().map(|protocol| protocol.to_vec()).collect(),
        certificate: Some(certificate),
        ..terminate(r, &Table::absent(&schema::TLS))
    })
}

fn terminate(r: &mut Reader<'_>, table: &Table<'_>) -> Terminate {
    Terminate {
        parameters: parameters(r, table),
        prefer_server_ciphers: r.boolean(table, "prefer_server_ciphers").unwrap_or(true),
        alpn: protocols(r, table).unwrap_or_default(),
        strict_sni: r.boolean(table, "strict_sni").unwrap_or(false),
        client_auth: client_auth(r, table),
        tickets: tickets(r, table),
        certificate: None,
    }
}

fn client_auth(r: &mut Reader<'_>, tls: &Table<'_>) -> Option<ClientAuth> {
    let table = r.table(tls.value("client_auth")?, &schema::CLIENT_AUTH)?;
    let modes = [
        ("none", AuthMode::None),
        ("optional", AuthMode::Optional),
        ("required", AuthMode::Required),
    ];
    if !table.has("mode") {
        let problem = Problem::new(Code::MissingKey, "`client_auth` has no `mode`");
        r.missing(
            &table,
            &["mode"],
            problem.help("write `mode = \"required\"`, or `optional` or `none`"),
        );
    }
    let mode = r.choice(&table, "mode", &modes);
    let crl = r.files(
        &table,
        "crl",
        "leave the key out when there is no revocation list",
    );
    let ca = match mode {
        None | Some(AuthMode::None) => r.file(&table, "ca"),
        Some(_) => r.required_file(
            &table,
            "ca",
            "`client_auth`",
            "write the PEM file of who signs the clients' certificates, such as `ca = \"clients.pem\"`",
        ),
    };
    let required = match mode? {
        AuthMode::None => return None,
        AuthMode::Optional => false,
        AuthMode::Required => true,
    };
    Some(ClientAuth {
        required,
        ca: ca?,
        crl,
    })
}

fn tickets(r: &mut Reader<'_>, tls: &Table<'_>) -> Option<Tickets> {
    let of_this_process = Tickets {
        key_file: None,
        lifetime: LIFETIME.default,
    };
    let Some(value) = tls.value("tickets") else {
        return Some(of_this_process);
    };
    match value.get_ref() {
        DeValue::Boolean(false) => None,
        DeValue::Boolean(true) => Some(of_this_process),
        DeValue::Table(_) => {
            let table = r.table(value, &schema::TICKETS)?;
            Some(Tickets {
                key_file: r.file(&table, "key_file"),
                lifetime: r.duration(&table, &LIFETIME),
            })
        }
        other => {
            let problem = wrong_type("a table or a boolean", other);
            r.error(
                value.span(),
                problem.help("write `tickets = false` for none"),
            );
            None
        }
    }
}
