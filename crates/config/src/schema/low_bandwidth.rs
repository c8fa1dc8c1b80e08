//! The tables of `[[low_bandwidth]]`.

use super::{HOP_TLS, Schema, UPSTREAM_CERTIFICATE};

pub(crate) const LOW_BANDWIDTH: Schema = Schema {
    name: "[[low_bandwidth]]",
    keys: &[
        "ack_window",
        "advertise",
        "allow_paths",
        "bind",
        "block_size",
        "cbor_keys",
        "certificate",
        "handshake_timeout",
        "homeserver",
        "limits",
        "max_version",
        "min_version",
        "name",
        "plain_debug_bind",
        "profile",
        "request_timeout",
        "stable_key",
        "sync_timeout",
        "tcp_bind",
        "ticket_key_file",
        "tls",
        "trusted_proxies",
        "upstream_prefix",
        "x_forwarded_for",
    ],
};

pub(crate) const LOW_BANDWIDTH_CERTIFICATE: Schema = Schema {
    name: "certificate of a gateway",
    keys: UPSTREAM_CERTIFICATE.keys,
};

pub(crate) const HOMESERVER_TLS: Schema = Schema {
    name: "tls of a homeserver",
    keys: HOP_TLS.keys,
};

pub(crate) const LOW_BANDWIDTH_LIMITS: Schema = Schema {
    name: "[low_bandwidth.limits]",
    keys: &[
        "associations",
        "associations_per_source",
        "bodies",
        "half_open",
        "half_open_per_source",
        "handshake_burst",
        "handshakes_per_minute",
        "idle_timeout",
        "long_poll",
        "observations",
        "observations_per_token",
        "observe_idle_timeout",
        "observers_per_association",
        "orphan_timeout",
        "poll_spacing",
        "polls",
        "queue_per_association",
        "queue_timeout",
        "request_body",
        "requests",
        "requests_per_association",
        "requests_per_minute",
        "response_body",
        "response_idle_timeout",
        "responses",
        "syncs_per_association",
        "upload_idle_timeout",
        "upload_timeout",
        "uploads",
        "waiting_bodies",
    ],
};
