//! Which tables there are, and which keys each has.

mod low_bandwidth;

pub(crate) use low_bandwidth::{
    HOMESERVER_TLS, LOW_BANDWIDTH, LOW_BANDWIDTH_CERTIFICATE, LOW_BANDWIDTH_LIMITS,
};

/// A kind of table.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Schema {
    /// As it is called in messages.
    pub(crate) name: &'static str,
    pub(crate) keys: &'static [&'static str],
}

/// Every kind of table.
pub(crate) const ALL: &[&Schema] = &[
    &RUNTIME,
    &LIMITS,
    &TCP,
    &ADMIN,
    &LOG,
    &CERTIFICATE,
    &LISTENER,
    &PROXY_PROTOCOL,
    &TLS,
    &CLIENT_AUTH,
    &TICKETS,
    &ROUTE,
    &SERVICE,
    &SEND_PROXY,
    &UPSTREAM_TLS,
    &UPSTREAM_CERTIFICATE,
    &VIA,
    &HOP_TLS,
    &SECRET,
    &HEALTH,
    &IDLE_TIMEOUT,
    &COMPONENT,
    &COMPONENT_TLS,
    &COMPONENT_SECRET,
    &JAT,
    &LOW_BANDWIDTH,
    &LOW_BANDWIDTH_CERTIFICATE,
    &HOMESERVER_TLS,
    &LOW_BANDWIDTH_LIMITS,
    &ROOT,
];

/// The keys of Prosody's mod_net_proxy; they stand before the first table.
pub(crate) const SHORTHAND: &[&str] = &[
    "proxy_interfaces",
    "proxy_port_mappings",
    "proxy_ports",
    "proxy_trusted_proxies",
];

pub(crate) const ROOT: Schema = Schema {
    name: "the top of the file",
    keys: &[
        "admin",
        "certificate",
        "component",
        "limits",
        "listener",
        "log",
        "low_bandwidth",
        "proxy_interfaces",
        "proxy_port_mappings",
        "proxy_ports",
        "proxy_trusted_proxies",
        "runtime",
        "service",
        "tcp",
    ],
};

pub(crate) const RUNTIME: Schema = Schema {
    name: "[runtime]",
    keys: &["group", "user", "workers"],
};

pub(crate) const LIMITS: Schema = Schema {
    name: "[limits]",
    keys: &[
        "connections",
        "connections_per_client",
        "drain_timeout",
        "handshake_timeout",
        "peek_timeout",
    ],
};

pub(crate) const TCP: Schema = Schema {
    name: "[tcp]",
    keys: &[
        "keepalive_idle",
        "keepalive_interval",
        "mark",
        "user_timeout",
    ],
};

pub(crate) const ADMIN: Schema = Schema {
    name: "[admin]",
    keys: &["control", "listen"],
};

pub(crate) const LOG: Schema = Schema {
    name: "[log]",
    keys: &["access", "format", "level"],
};

pub(crate) const CERTIFICATE: Schema = Schema {
    name: "[[certificate]]",
    keys: &["chain", "key"],
};

pub(crate) const LISTENER: Schema = Schema {
    name: "[[listener]]",
    keys: &[
        "bind",
        "name",
        "proxy_protocol",
        "routes",
        "service",
        "tls",
        "transparent",
    ],
};

pub(crate) const PROXY_PROTOCOL: Schema = Schema {
    name: "[listener.proxy_protocol]",
    keys: &["max_header", "mode", "timeout", "trusted"],
};

pub(crate) const TLS: Schema = Schema {
    name: "[listener.tls]",
    keys: &[
        "alpn",
        "cipher_suites",
        "client_auth",
        "groups",
        "max_version",
        "min_version",
        "mode",
        "prefer_server_ciphers",
        "strict_sni",
        "tickets",
    ],
};

pub(crate) const CLIENT_AUTH: Schema = Schema {
    name: "client_auth",
    keys: &["ca", "crl", "mode"],
};

pub(crate) const TICKETS: Schema = Schema {
    name: "tickets",
    keys: &["key_file", "lifetime"],
};

pub(crate) const ROUTE: Schema = Schema {
    name: "a route",
    keys: &[
        "alpn",
        "client",
        "destination",
        "http_host",
        "proxy_tlv",
        "service",
        "sni",
    ],
};

pub(crate) const SERVICE: Schema = Schema {
    name: "[service.NAME]",
    keys: &[
        "allow",
        "allow_networks",
        "balance",
        "connect_timeout",
        "deny",
        "half_close_timeout",
        "health",
        "idle_timeout",
        "keep_alive_timeout",
        "kind",
        "mark",
        "realm",
        "request_timeout",
        "response_timeout",
        "retries",
        "send_proxy",
        "source",
        "tls",
        "trusted_proxies",
        "upstreams",
        "users",
        "via",
    ],
};

pub(crate) const SEND_PROXY: Schema = Schema {
    name: "send_proxy",
    keys: &["pass_tlvs", "tlvs", "version"],
};

pub(crate) const UPSTREAM_TLS: Schema = Schema {
    name: "tls of a service",
    keys: &[
        "alpn",
        "ca",
        "certificate",
        "cipher_suites",
        "groups",
        "max_version",
        "min_version",
        "server_name",
        "sni",
        "verify",
    ],
};

pub(crate) const VIA: Schema = Schema {
    name: "via",
    keys: &["password", "tls", "url", "username"],
};

pub(crate) const HOP_TLS: Schema = Schema {
    name: "tls of a proxy in via",
    keys: &[
        "ca",
        "certificate",
        "cipher_suites",
        "groups",
        "max_version",
        "min_version",
        "server_name",
        "sni",
        "verify",
    ],
};

pub(crate) const SECRET: Schema = Schema {
    name: "password of a proxy in via",
    keys: &["env", "file"],
};

pub(crate) const UPSTREAM_CERTIFICATE: Schema = Schema {
    name: "certificate of a service",
    keys: &["chain", "key"],
};

pub(crate) const HEALTH: Schema = Schema {
    name: "health",
    keys: &["fall", "interval", "rise", "timeout"],
};

pub(crate) const IDLE_TIMEOUT: Schema = Schema {
    name: "idle_timeout",
    keys: &["client", "upstream"],
};

pub(crate) const COMPONENT: Schema = Schema {
    name: "[[component]]",
    keys: &[
        "allow",
        "attempt_timeout",
        "attempts",
        "balance",
        "deny",
        "disco",
        "domain",
        "features",
        "jat",
        "max_pending",
        "max_pending_bytes",
        "max_pending_per_requester",
        "max_stanza",
        "name",
        "namespaces",
        "ping",
        "policy_key",
        "rate",
        "required",
        "retry_sets",
        "secret",
        "server",
        "target",
        "target_address",
        "timeout",
        "tls",
        "version",
    ],
};

pub(crate) const COMPONENT_TLS: Schema = Schema {
    name: "tls of a component",
    keys: HOP_TLS.keys,
};

pub(crate) const COMPONENT_SECRET: Schema = Schema {
    name: "secret of a component",
    keys: SECRET.keys,
};

pub(crate) const JAT: Schema = Schema {
    name: "jat",
    keys: &["key_file", "mode"],
};

/// `proxy_port_mappings`, whose keys are ports.
pub(crate) const MAPPINGS: Schema = Schema {
    name: "proxy_port_mappings",
    keys: &[],
};
