//! What is done with TLS, in words.

use std::fmt::{self, Formatter};

use super::{joined, line};
use crate::{
    Certificate, CipherSuite, ClientAuth, Group, ListenerTls, Terminate, Tickets, TlsParameters,
    TlsVersion, UpstreamAlpn, UpstreamTls,
    value::{
        duration,
        tls::{show_protocol, show_version},
    },
};

pub(super) fn certificates(f: &mut Formatter<'_>, all: &[Certificate]) -> fmt::Result {
    if all.is_empty() {
        return Ok(());
    }
    writeln!(f, "certificates")?;
    for (number, certificate) in (1..).zip(all) {
        let label = match number {
            1 => "default".to_owned(),
            _ => number.to_string(),
        };
        line(f, &label, &show_certificate(certificate))?;
    }
    writeln!(f)
}

pub(super) fn listener(f: &mut Formatter<'_>, tls: &ListenerTls) -> fmt::Result {
    match tls {
        ListenerTls::Peek => line(f, "TLS", "the hello is peeked at, nothing is changed"),
        ListenerTls::Terminate(terminate) => terminated(f, terminate),
    }
}

pub(super) fn upstream(f: &mut Formatter<'_>, tls: &UpstreamTls) -> fmt::Result {
    peer(f, tls, "as the upstream is named")?;
    let alpn = match &tls.alpn {
        UpstreamAlpn::Forward => "what was negotiated with the client".to_owned(),
        UpstreamAlpn::Set(protocols) if protocols.is_empty() => "none".to_owned(),
        UpstreamAlpn::Set(protocols) => show_protocols(protocols),
    };
    line(f, "ALPN", &alpn)?;
    own_certificate(f, tls)
}

/// Of a homeserver, where ALPN is always the same.
pub(super) fn homeserver(f: &mut Formatter<'_>, tls: &UpstreamTls) -> fmt::Result {
    peer(f, tls, "as the homeserver is named")?;
    match &tls.certificate {
        Some(certificate) => line(f, "shown to it", &show_certificate(certificate)),
        None => Ok(()),
    }
}

/// Of a component, where there is no ALPN.
pub(super) fn server(f: &mut Formatter<'_>, tls: &UpstreamTls) -> fmt::Result {
    peer(f, tls, "as the server is named")?;
    own_certificate(f, tls)
}

/// Who is at the other end, and what is spoken there.
fn peer(f: &mut Formatter<'_>, tls: &UpstreamTls, default: &str) -> fmt::Result {
    let name = match &tls.server_name {
        Some(name) => format!("as {name}"),
        None => default.to_owned(),
    };
    let trust = match (&tls.ca, tls.verify) {
        (_, false) => "not verified".to_owned(),
        (Some(ca), true) => format!("verified by {}", ca.path.display()),
        (None, true) => "verified by the system's CAs".to_owned(),
    };
    let sni = if tls.sni { "" } else { ", without SNI" };
    let versions = show_versions(&tls.parameters);
    line(f, "TLS", &format!("{versions} {name}{sni}, {trust}"))?;
    parameters(f, &tls.parameters)
}

fn own_certificate(f: &mut Formatter<'_>, tls: &UpstreamTls) -> fmt::Result {
    match &tls.certificate {
        Some(certificate) => line(f, "certificate", &show_certificate(certificate)),
        None => Ok(()),
    }
}

fn terminated(f: &mut Formatter<'_>, tls: &Terminate) -> fmt::Result {
    let order = match tls.prefer_server_ciphers {
        true => "our order of suites",
        false => "the client's order of suites",
    };
    let strict = match tls.strict_sni {
        true => "unknown names are refused",
        false => "unknown names get the default certificate",
    };
    let versions = show_versions(&tls.parameters);
    line(
        f,
        "TLS",
        &format!("terminated: {versions}, {order}; {strict}"),
    )?;
    parameters(f, &tls.parameters)?;
    if !tls.alpn.is_empty() {
        line(f, "ALPN", &show_protocols(&tls.alpn))?;
    }
    line(
        f,
        "client cert",
        &show_client_auth(tls.client_auth.as_ref()),
    )?;
    line(f, "tickets", &show_tickets(tls.tickets.as_ref()))
}

/// Only what differs from the default, which is everything there is.
fn parameters(f: &mut Formatter<'_>, parameters: &TlsParameters) -> fmt::Result {
    if parameters.cipher_suites != CipherSuite::ALL {
        let names = parameters.cipher_suites.iter().map(|suite| suite.name());
        line(f, "suites", &joined(names.map(str::to_owned)))?;
    }
    if parameters.groups != Group::ALL {
        let names = parameters.groups.iter().map(|group| group.name());
        line(f, "groups", &joined(names.map(str::to_owned)))?;
    }
    Ok(())
}

fn show_versions(parameters: &TlsParameters) -> String {
    let versions = show_range(parameters.min_version, parameters.max_version);
    format!("TLS {versions}")
}

/// Versions by their numbers, which TLS and DTLS have in common.
pub(super) fn show_range(min: TlsVersion, max: TlsVersion) -> String {
    let [from, to] = [min, max].map(show_version);
    match min == max {
        true => from.to_owned(),
        false => format!("{from} to {to}"),
    }
}

fn show_client_auth(auth: Option<&ClientAuth>) -> String {
    let Some(auth) = auth else {
        return "not asked for".to_owned();
    };
    let mode = if auth.required {
        "required"
    } else {
        "optional"
    };
    let signed = format!("{mode}, signed by {}", auth.ca.path.display());
    if auth.crl.is_empty() {
        return signed;
    }
    let lists = auth.crl.iter().map(|file| file.path.display().to_string());
    format!("{signed}, not revoked by {}", joined(lists))
}

fn show_tickets(tickets: Option<&Tickets>) -> String {
    let Some(tickets) = tickets else {
        return "none".to_owned();
    };
    let lifetime = duration::show(tickets.lifetime);
    match &tickets.key_file {
        Some(file) => format!("for {lifetime}, keys of {}", file.path.display()),
        None => format!("for {lifetime}, keys of this process"),
    }
}

pub(super) fn show_certificate(certificate: &Certificate) -> String {
    let chain = certificate.chain.path.display();
    format!("{chain}, key {}", certificate.key.path.display())
}

fn show_protocols(protocols: &[Vec<u8>]) -> String {
    joined(protocols.iter().map(|protocol| show_protocol(protocol)))
}
