//! Which tables there are, and which keys each has.

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
    &LISTENER,
    &PROXY_PROTOCOL,
    &ROUTE,
    &SERVICE,
    &SEND_PROXY,
    &HEALTH,
    &IDLE_TIMEOUT,
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
        "limits",
        "listener",
        "log",
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
        "peek_timeout",
    ],
};

pub(crate) const TCP: Schema = Schema {
    name: "[tcp]",
    keys: &["keepalive_idle", "keepalive_interval", "user_timeout"],
};

pub(crate) const ADMIN: Schema = Schema {
    name: "[admin]",
    keys: &["control", "listen"],
};

pub(crate) const LOG: Schema = Schema {
    name: "[log]",
    keys: &["access", "format", "level"],
};

pub(crate) const LISTENER: Schema = Schema {
    name: "[[listener]]",
    keys: &["bind", "name", "proxy_protocol", "routes", "service"],
};

pub(crate) const PROXY_PROTOCOL: Schema = Schema {
    name: "[listener.proxy_protocol]",
    keys: &["max_header", "mode", "timeout", "trusted"],
};

pub(crate) const ROUTE: Schema = Schema {
    name: "a route",
    keys: &["client", "destination", "proxy_tlv", "service"],
};

pub(crate) const SERVICE: Schema = Schema {
    name: "[service.NAME]",
    keys: &[
        "balance",
        "connect_timeout",
        "half_close_timeout",
        "health",
        "idle_timeout",
        "kind",
        "retries",
        "send_proxy",
        "upstreams",
    ],
};

pub(crate) const SEND_PROXY: Schema = Schema {
    name: "send_proxy",
    keys: &["pass_tlvs", "tlvs", "version"],
};

pub(crate) const HEALTH: Schema = Schema {
    name: "health",
    keys: &["fall", "interval", "rise", "timeout"],
};

pub(crate) const IDLE_TIMEOUT: Schema = Schema {
    name: "idle_timeout",
    keys: &["client", "upstream"],
};

/// `proxy_port_mappings`, whose keys are ports.
pub(crate) const MAPPINGS: Schema = Schema {
    name: "proxy_port_mappings",
    keys: &[],
};
