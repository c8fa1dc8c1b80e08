//! What is done as a low bandwidth gateway, in words.

use std::{
    fmt::{self, Formatter},
    net::SocketAddr,
};

use vestibule_lowband::mapping::server::CborKeys;

use super::{joined, line, tls};
use crate::{
    ForwardedFor, LowBandwidth, LowBandwidthLimits, Profile, Service, ServiceKind, UpstreamPrefix,
    value::{duration::show, network, size},
};

/// Whether this service was made for the TCP side of a gateway, and is told of there.
pub(super) fn is_tcp_side(service: &Service) -> bool {
    matches!(&service.kind, ServiceKind::Http(http) if http.matrix.is_some())
}

pub(super) fn gateway(f: &mut Formatter<'_>, gateway: &LowBandwidth) -> fmt::Result {
    writeln!(f, "gateway {}", gateway.name)?;
    let versions = tls::show_range(gateway.min_version, gateway.max_version);
    let at = addresses(&gateway.bind);
    line(f, "DTLS", &format!("{versions} at {at}"))?;
    line(
        f,
        "certificate",
        &tls::show_certificate(&gateway.certificate),
    )?;
    let tickets = match &gateway.ticket_key_file {
        Some(file) => format!("key of {}", file.path.display()),
        None => "key of this process".to_owned(),
    };
    line(f, "tickets", &tickets)?;
    if let Some(address) = gateway.plain_debug_bind {
        line(f, "in clear", &format!("CoAP without DTLS at {address}"))?;
    }
    homeserver(f, gateway)?;
    tcp_side(f, gateway)?;
    let mut paths = vec!["the client-server API (no /admin, no media)".to_owned()];
    paths.extend(gateway.allow_paths.iter().cloned());
    line(f, "allows", &joined(paths.into_iter()))?;
    line(f, "speaks", &show_mapping(gateway))?;
    line(f, "clients", &show_profile(gateway))?;
    let [request, sync, queue] = [
        gateway.request_timeout,
        gateway.sync_timeout,
        gateway.limits.queue_timeout,
    ]
    .map(show);
    let timeouts = format!("requests {request}, syncs {sync}, waiting for a place {queue}");
    line(f, "timeouts", &timeouts)?;
    limits(f, &gateway.limits)?;
    writeln!(f)
}

fn homeserver(f: &mut Formatter<'_>, gateway: &LowBandwidth) -> fmt::Result {
    let homeserver = &gateway.homeserver;
    let scheme = if homeserver.tls.is_some() {
        "https"
    } else {
        "http"
    };
    let place = if homeserver.is_local() {
        "local"
    } else {
        "remote"
    };
    let text = format!("{scheme}://{}, {place}", homeserver.authority());
    line(f, "homeserver", &text)?;
    if let Some(tls) = &homeserver.tls {
        tls::homeserver(f, tls)?;
    }
    let told = match (gateway.x_forwarded_for, homeserver.is_local()) {
        (ForwardedFor::Always, _) => "the addresses of clients",
        (ForwardedFor::Auto, true) => "the addresses of clients, because it is local",
        (ForwardedFor::Auto, false) => "no addresses of clients, because it is remote",
        (ForwardedFor::Never, _) => "no addresses of clients",
    };
    line(f, "is told", told)
}

fn tcp_side(f: &mut Formatter<'_>, gateway: &LowBandwidth) -> fmt::Result {
    let Some(advertise) = &gateway.advertise else {
        return line(f, "HTTP", "not served: nothing is advertised");
    };
    line(f, "advertises", &advertise.url)?;
    let scheme = if advertise.is_https { "https" } else { "http" };
    let at = addresses(&gateway.tcp_bind);
    line(f, "HTTP", &format!("{scheme} at {at}, with media"))?;
    if gateway.trusted_proxies.is_empty() {
        return Ok(());
    }
    let trusted = joined(gateway.trusted_proxies.iter().map(network::show));
    line(f, "believes", &format!("X-Forwarded-* of {trusted}"))
}

fn show_mapping(gateway: &LowBandwidth) -> String {
    let keys = match gateway.cbor_keys {
        CborKeys::Always => "integer keys to everyone",
        CborKeys::Negotiated => "integer keys to who understands them",
    };
    let prefix = match gateway.upstream_prefix {
        UpstreamPrefix::Auto => "r0 or v3 as the homeserver has it",
        UpstreamPrefix::R0 => "r0",
        UpstreamPrefix::V3 => "v3",
    };
    let stable = if gateway.stable_key {
        "; tells the stable key, too"
    } else {
        ""
    };
    format!("{keys}; {prefix}{stable}")
}

fn show_profile(gateway: &LowBandwidth) -> String {
    let profile = match gateway.profile {
        Profile::Standard => "standard",
        Profile::Satellite => "satellite",
        Profile::Hf => "hf",
    };
    let [handshake, window] = [gateway.handshake_timeout, gateway.ack_window].map(show);
    let block = gateway.block_size;
    format!(
        "{profile}: handshake {handshake}, blocks of {block} bytes, answers after {window} are separate"
    )
}

fn limits(f: &mut Formatter<'_>, l: &LowBandwidthLimits) -> fmt::Result {
    let [idle, observing] = [l.idle_timeout, l.observe_idle_timeout].map(show);
    let text = format!(
        "{}, {} per source; idle {idle}, observing {observing}",
        l.associations, l.associations_per_source
    );
    line(f, "associations", &text)?;
    let text = format!(
        "{} under way, {} per source; {} a minute per source, {} at once",
        l.half_open, l.half_open_per_source, l.handshakes_per_minute, l.handshake_burst
    );
    line(f, "handshakes", &text)?;
    let rate = match l.requests_per_minute {
        0 => "any number a minute".to_owned(),
        number => format!("{number} a minute"),
    };
    let text = format!(
        "{} at the homeserver, {} per association and {} more waiting, {rate}",
        l.requests, l.requests_per_association, l.queue_per_association
    );
    line(f, "requests", &text)?;
    let text = format!(
        "{} at the homeserver, {} per association beside observations",
        l.polls, l.syncs_per_association
    );
    line(f, "syncs", &text)?;
    let [poll, spacing, orphan] = [l.long_poll, l.poll_spacing, l.orphan_timeout].map(show);
    let text = format!(
        "{}, {} per token, of {} users per association; polls of {poll}, {spacing} apart; \
         given up after {orphan}",
        l.observations, l.observations_per_token, l.observers_per_association
    );
    line(f, "observations", &text)?;
    let [idle, total] = [l.upload_idle_timeout, l.upload_timeout].map(show);
    let (request, uploads) = (size::show(l.request_body), l.uploads);
    let text = format!("{request}; {uploads} at a time, idle {idle}, {total} in all");
    line(f, "uploads", &text)?;
    let (response, responses) = (size::show(l.response_body), l.responses);
    let text = format!(
        "{response}; {responses} at a time, idle {}",
        show(l.response_idle_timeout)
    );
    line(f, "answers", &text)?;
    let [bodies, waiting] = [l.bodies, l.waiting_bodies].map(size::show);
    line(
        f,
        "memory",
        &format!("{bodies} in blocks, {waiting} waiting"),
    )
}

fn addresses(addresses: &[SocketAddr]) -> String {
    joined(addresses.iter().map(SocketAddr::to_string))
}
