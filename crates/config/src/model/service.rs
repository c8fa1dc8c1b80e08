//! What the configuration says of services.

use std::{net::SocketAddr, num::NonZeroU32, path::PathBuf, time::Duration};

use ipnet::IpNet;

use super::{DestinationRule, FileRef, Hop, UpstreamTls};

/// `[service.NAME]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Service {
    /// Its name.
    pub name: String,
    /// What is done with connections.
    pub kind: ServiceKind,
    /// Where connections are carried; at least one, none twice. Of kind `connect`:
    /// [`Upstream::Asked`] alone.
    pub upstreams: Vec<Upstream>,
    /// The destinations that clients may name (`sni:`, kind `connect`) or have had in mind
    /// (`original`). Never empty with `sni:`; empty with `original` is everything, with `connect`
    /// nothing.
    pub allow: Vec<DestinationRule>,
    /// Networks that a name in `allow` may lead to although they are not public.
    pub allow_networks: Vec<IpNet>,
    /// Destinations that are refused although they are allowed.
    pub deny: Vec<DestinationRule>,
    /// In which order targets are tried. Default: round robin.
    pub balance: Balance,
    /// The PROXY header written to the upstream; `None`: none. With `via`, inside the tunnel.
    pub send_proxy: Option<SendProxy>,
    /// Whose address the upstream sees. Default: ours.
    pub source: SourceAddress,
    /// Instead of [`Tcp::mark`](crate::Tcp::mark); `None`: that.
    pub mark: Option<NonZeroU32>,
    /// The proxies that the upstream is reached through, nearest first. Empty: directly. A name is
    /// passed on to them unresolved.
    pub via: Vec<Hop>,
    /// TLS towards the targets; `None`: none.
    pub tls: Option<UpstreamTls>,
    /// Active checks; `None`: a target is only known to be down by failed connections.
    pub health: Option<Health>,
    /// For one attempt to connect, TLS handshake included. Default 5 s.
    pub connect_timeout: Duration,
    /// Further attempts after the first that failed to connect. Default 2.
    pub retries: u32,
    /// Silence after which a connection is closed. Default 24 h for both.
    pub idle_timeout: IdleTimeout,
    /// Silence after which a connection is closed, of which one direction has ended. Default 1 min.
    pub half_close_timeout: Duration,
}

/// `kind`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServiceKind {
    /// `"connect"`: the explicit proxy. Clients say by HTTP CONNECT where to.
    Connect(Connect),
    /// `"http"`: the reverse proxy.
    Http(Http),
    /// `"tcp"`, the default: bytes are carried as they are.
    Tcp,
}

/// What belongs to kind `connect`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connect {
    /// Who may use it, an htpasswd file with bcrypt hashes; `None`: everyone who can reach it.
    pub users: Option<FileRef>,
    /// What clients show when they ask for the password. Default `vestibule`.
    pub realm: String,
    /// For the whole head of the request, from its first byte on or from accept. Default 10 s.
    pub request_timeout: Duration,
}

/// What belongs to kind `http`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Http {
    /// Peers (by the real client's address) whose X-Forwarded-* and Forwarded are believed. Default:
    /// none.
    pub trusted_proxies: Vec<IpNet>,
    /// For the whole head of a request, from its first byte on. Default 10 s.
    pub request_timeout: Duration,
    /// Silence between two requests after which a connection is closed. Default 60 s.
    pub keep_alive_timeout: Duration,
    /// From the end of a request to the head of its response. Default 5 min.
    pub response_timeout: Duration,
    /// The TCP side of the gateway at this index of [`Config::low_bandwidth`](crate::Config). Never
    /// written: gateways with `advertise` have such a service.
    pub matrix: Option<usize>,
}

/// `source`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SourceAddress {
    /// `"client"`: that of the real client (IP_TRANSPARENT); the kernel picks the port.
    Client,
    /// Whatever the kernel picks.
    #[default]
    Own,
}

/// One target of a service.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Upstream {
    /// An address, used as it is.
    Address(SocketAddr),
    /// What the client asks for by CONNECT. Never written: services of kind `connect` have it.
    Asked,
    /// A name to resolve, and a port.
    Name(String, u16),
    /// `original`: what the client connected to before it was intercepted, or what the PROXY header
    /// names.
    Original,
    /// `sni:PORT`: the server name of the client's TLS hello, and this port.
    Sni(u16),
    /// A unix stream socket.
    Unix(PathBuf),
}

/// `balance`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Balance {
    LeastConnections,
    Random,
    RoundRobin,
    SourceHash,
}

/// `send_proxy`: `"v1"`, `"v2"` or a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SendProxy {
    /// Which version is written.
    pub version: ProxyVersion,
    /// TLVs that we write when we know them (version 2 only), each once.
    pub tlvs: Vec<SendTlv>,
    /// Types of incoming TLVs that are passed on as they are (version 2 only), each once.
    pub pass_tlvs: Vec<u8>,
}

/// `send_proxy.version`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum ProxyVersion {
    V1,
    V2,
}

/// `send_proxy.tlvs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum SendTlv {
    Alpn,
    Authority,
    Crc32c,
    Ssl,
    UniqueId,
}

/// `health`: connects to each target (with a full PROXY header of our own address when `send_proxy`
/// is set).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// Between checks of one target. Default 5 s.
    pub interval: Duration,
    /// For one check. Default 2 s.
    pub timeout: Duration,
    /// Successes in a row that bring a target up. Default 2.
    pub rise: u32,
    /// Failures in a row that take a target down. Default 3.
    pub fall: u32,
}

/// `idle_timeout`: one duration for both, or a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdleTimeout {
    /// No byte came from or was accepted by the client.
    pub client: Duration,
    /// No byte came from or was accepted by the upstream.
    pub upstream: Duration,
}
