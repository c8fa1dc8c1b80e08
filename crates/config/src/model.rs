//! What a checked configuration says, as types. "Parse, don't validate": a value of these types
//! needs no further check by the program.

mod component;
mod destination;
mod low_bandwidth;
mod service;
mod tls;

use std::{
    net::SocketAddr,
    num::{NonZeroU32, NonZeroUsize},
    path::PathBuf,
    time::Duration,
};

use ipnet::IpNet;

pub use component::*;
pub use destination::*;
pub use low_bandwidth::*;
pub use service::*;
pub use tls::*;

/// A whole configuration file, checked, with every default filled in.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// `[runtime]`: what can only be changed by a restart.
    pub runtime: Runtime,
    /// `[limits]`: what one process may hold and for how long.
    pub limits: Limits,
    /// `[tcp]`: socket options of both legs.
    pub tcp: Tcp,
    /// `[admin]`: where the process can be watched and steered.
    pub admin: Admin,
    /// `[log]`: what is written where.
    pub log: Log,
    /// Every `[[certificate]]`, in the order of the file. The first is the default one.
    pub certificates: Vec<Certificate>,
    /// Every `[[listener]]`, then those of the mod_net_proxy shorthand, then the TCP sides of gateways,
    /// each named `GATEWAY/tcp`. Names are unique.
    pub listeners: Vec<Listener>,
    /// Every `[service.NAME]`, in the order of the file, then the homeservers of gateways that have a
    /// TCP side, each named `GATEWAY/tcp`. Names are unique.
    pub services: Vec<Service>,
    /// Every `[[component]]`, in the order of the file. Domains are unique.
    pub components: Vec<Component>,
    /// Every `[[low_bandwidth]]`, in the order of the file. Names are unique.
    pub low_bandwidth: Vec<LowBandwidth>,
}

/// `[runtime]`: changes only at restart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Runtime {
    /// Worker threads; `None`: one per core.
    pub workers: Option<NonZeroUsize>,
    /// The user to become after binding, when started as root.
    pub user: Option<String>,
    /// The group to become after binding; `None`: the user's own.
    pub group: Option<String>,
}

/// `[limits]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections held at once in all; `None`: what the descriptor limit allows.
    pub connections: Option<NonZeroUsize>,
    /// Connections held at once per real client address (IPv6: per /64); 0 is off (the default).
    pub connections_per_client: usize,
    /// For a TLS handshake with a client, from its first byte. Default 10 s.
    pub handshake_timeout: Duration,
    /// How long a client may be silent where something is peeked at. Default 5 s.
    pub peek_timeout: Duration,
    /// How long live connections may go on after SIGTERM. Default 30 s.
    pub drain_timeout: Duration,
}

/// `[tcp]`: socket options of both legs of every TCP connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tcp {
    /// Silence before the first keepalive probe (TCP_KEEPIDLE); `None`: no keepalive. Default 2 min.
    pub keepalive_idle: Option<Duration>,
    /// Between keepalive probes (TCP_KEEPINTVL). Default 30 s.
    pub keepalive_interval: Duration,
    /// How long sent data may stay unacknowledged before the connection is given up
    /// (TCP_USER_TIMEOUT); `None`: the kernel's default. Default 5 min.
    pub user_timeout: Option<Duration>,
    /// The firewall mark of every connection that we open (SO_MARK), by which rules that intercept
    /// know our own. Default: none.
    pub mark: Option<NonZeroU32>,
}

/// `[admin]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Admin {
    /// Where `/metrics`, `/healthz` and `/readyz` are served; `None`: nowhere.
    pub listen: Option<SocketAddr>,
    /// The control socket's path; `None`: there is none.
    pub control: Option<PathBuf>,
}

/// `[log]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// Text (the default) or JSON, for both logs.
    pub format: LogFormat,
    /// Where access records go. Default: standard output.
    pub access: AccessLog,
    /// The least level of the event log (standard error). Default: info.
    pub level: LogLevel,
}

/// `log.format`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// One line for people.
    Text,
}

/// `log.access`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccessLog {
    /// Appended to this file, which is opened again on SIGHUP.
    File(PathBuf),
    /// Not written.
    Off,
    /// Written to standard output.
    Stdout,
}

/// `log.level`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

/// `[[listener]]`: where connections come in, and with which policy.
#[derive(Clone, Debug, PartialEq)]
pub struct Listener {
    /// Its name in logs and metrics.
    pub name: String,
    /// The addresses it waits on; at least one, none twice in the whole file.
    pub bind: Vec<Bind>,
    /// Tried top to bottom; the first match wins.
    pub routes: Vec<Route>,
    /// Where everything else goes.
    pub default: Destination,
    /// Who must speak the PROXY protocol here; `None`: header bytes are just bytes.
    pub proxy_protocol: Option<ProxyProtocol>,
    /// What is done with TLS here; `None`: nothing, its bytes are just bytes.
    pub tls: Option<ListenerTls>,
    /// How connections to others are intercepted and brought here; `None`: none are.
    pub transparent: Option<Interception>,
}

/// `transparent` of a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interception {
    /// `true`: either way. Without the right to TPROXY, a warning says so and REDIRECT works.
    Any,
    /// `"redirect"`: nft's `redirect` or `dnat`; the kernel remembers the original destination.
    Redirect,
    /// `"tproxy"`: nft's `tproxy`; accepted sockets have the original destination as their own
    /// address. Needs CAP_NET_ADMIN, or the listener cannot be opened.
    Tproxy,
}

/// One address of a listener.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Bind {
    /// TCP. `[::]` is IPv6 only. Port 0 lets the kernel choose.
    Tcp(SocketAddr),
    /// A unix stream socket at this path.
    Unix(PathBuf),
}

/// Where a route or a listener sends a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// The shorthand maps the port to this name, but there is no such service (or, when `None`, no
    /// mapping): the connection is dropped after its PROXY header, logged and counted.
    Missing(Option<String>),
    /// Nowhere: the connection is refused.
    Refuse,
    /// The service at this index of [`Config::services`].
    Service(usize),
}

/// One entry of `routes`: keys are ANDed, the values of a key ORed. An empty list is an absent key.
#[derive(Clone, Debug, PartialEq)]
pub struct Route {
    /// What the client offers by ALPN (RFC 7301); one of these matches.
    pub alpn: Vec<Vec<u8>>,
    /// Networks of the real client.
    pub client: Vec<IpNet>,
    /// Destinations that the client asked for (PROXY header, else the socket's own address).
    pub destination: Vec<DestinationMatch>,
    /// TLVs of the PROXY header.
    pub proxy_tlv: Vec<TlvMatch>,
    /// The host of the HTTP request.
    pub http_host: Vec<NameMatch>,
    /// The server name of the TLS hello.
    pub sni: Vec<NameMatch>,
    /// The service at this index of [`Config::services`].
    pub service: usize,
}

/// `destination` of a route: `"192.0.2.0/24"`, `"192.0.2.7:5222"`, `"[2001:db8::]/32"`,
/// `"[2001:db8::1]:5222"`, `":5222"`, or `"192.0.2.0/24:5222"`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DestinationMatch {
    /// The networks that match; `None`: any.
    pub network: Option<IpNet>,
    /// The port that matches; `None`: any.
    pub port: Option<u16>,
}

/// `proxy_tlv` of a route: `"NAME"` (present) or `"NAME=VALUE"` (equal), where NAME is `alpn`,
/// `authority`, `unique_id`, `netns`, `ssl`, `ssl.version`, `ssl.cn`, `ssl.cipher`, `ssl.sig_alg`,
/// `ssl.key_alg`, `ssl.group`, `ssl.sig_scheme` or a number such as `0xE0`, and VALUE is text or
/// `hex:` and hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlvMatch {
    /// Which TLV.
    pub kind: TlvKind,
    /// The exact value; `None`: it only has to be there. (`authority` is compared without case.)
    pub value: Option<Vec<u8>>,
}

/// A TLV, or a sub-TLV of the SSL TLV.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlvKind {
    /// A TLV of this type.
    Top(u8),
    /// A sub-TLV of this type inside the SSL TLV (0x20).
    Ssl(u8),
}

/// `[listener.proxy_protocol]`.
#[derive(Clone, Debug, PartialEq)]
pub struct ProxyProtocol {
    /// Peers that may, and therefore must, send a header. Empty: everyone (with a warning).
    /// Default: loopback. Peers on unix sockets are trusted by the socket's file mode.
    pub trusted: Vec<IpNet>,
    /// What is done with others.
    pub mode: ProxyProtocolMode,
    /// For the whole header, from accept. Default 3 s.
    pub timeout: Duration,
    /// The longest header accepted, in bytes. Default and maximum 65,551.
    pub max_header: usize,
}

/// `proxy_protocol.mode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyProtocolMode {
    /// A peer that is not trusted is a plain client; its bytes are never searched for a header.
    Mixed,
    /// A peer that is not trusted is closed unread. The default.
    Require,
}
