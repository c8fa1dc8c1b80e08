//! What the configuration says of low bandwidth gateways.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use ipnet::IpNet;
use vestibule_lowband::mapping::{discovery::Advertisement, policy::Policy, server::CborKeys};

use super::{Certificate, FileRef, TlsVersion, UpstreamTls};

const MINUTE: Duration = Duration::from_secs(60);

/// `[[low_bandwidth]]`: a gateway that speaks low bandwidth Matrix (MSC3079) with clients and HTTP with
/// one homeserver.
#[derive(Clone, Debug, PartialEq)]
pub struct LowBandwidth {
    /// Its name in logs and metrics. Default: the first address of `bind`.
    pub name: String,
    /// Where it waits for DTLS, by UDP; at least one, none twice in the whole file. `":8008"` is every
    /// address of both families. Port 0 lets the kernel choose.
    pub bind: Vec<SocketAddr>,
    /// The homeserver, to which every request goes.
    pub homeserver: Homeserver,
    /// Where clients find it; `None`: nowhere else than the homeserver, so nothing is rewritten and
    /// there is no TCP side.
    pub advertise: Option<Advertise>,
    /// Where HTTP is served, by TLS when `advertise` says `https`. Empty without `advertise`, else by
    /// default [`bind`](Self::bind).
    pub tcp_bind: Vec<SocketAddr>,
    /// What is shown to clients, by DTLS and by TLS.
    pub certificate: Certificate,
    /// The key of the session tickets, which is made when there is none; `None`: one that nobody else
    /// has, so no session survives a restart.
    pub ticket_key_file: Option<FileRef>,
    /// The lowest version of DTLS, by the number of the same TLS. Default 1.2.
    pub min_version: TlsVersion,
    /// The highest version of DTLS, not below `min_version`. Default 1.3.
    pub max_version: TlsVersion,
    /// How patient it is with the path to clients. Default: [`Profile::Standard`].
    pub profile: Profile,
    /// Bytes of a block (RFC 7959): 16, 32, 64 … 1024. Default 1024.
    pub block_size: u16,
    /// For a DTLS handshake. Default 60 s; 300 s with [`Profile::Hf`].
    pub handshake_timeout: Duration,
    /// How long an answer may take before the request is acknowledged without it. Default 1.5 s.
    pub ack_window: Duration,
    /// For the homeserver's answer to a request. Default 60 s.
    pub request_timeout: Duration,
    /// For the homeserver's answer to a sync. Default 5 min.
    pub sync_timeout: Duration,
    /// Whether the homeserver is told the client's address by X-Forwarded-For. Default: when it is
    /// [local](Homeserver::is_local).
    pub x_forwarded_for: ForwardedFor,
    /// Peers of the TCP side whose X-Forwarded-* and Forwarded are believed. Default: none.
    pub trusted_proxies: Vec<IpNet>,
    /// Whether clients are sent integer keys. Default: always.
    pub cbor_keys: CborKeys,
    /// Which version of the API the codes of paths stand for. Default: what the homeserver has.
    pub upstream_prefix: UpstreamPrefix,
    /// What may be asked for by CoAP: the client-server API, and what `allow_paths` adds.
    pub policy: Policy,
    /// What `allow_paths` adds, each without a slash at its end.
    pub allow_paths: Vec<String>,
    /// Whether `/versions` gets the stable key beside the unstable one. Default false.
    pub stable_key: bool,
    /// Where CoAP is served without DTLS, on loopback only; `None`: nowhere.
    pub plain_debug_bind: Option<SocketAddr>,
    /// How much it may hold.
    pub limits: LowBandwidthLimits,
}

/// `homeserver`: a URL without a path.
#[derive(Clone, Debug, PartialEq)]
pub struct Homeserver {
    /// Its name in lower case, or its IP address (IPv6 without brackets).
    pub host: String,
    /// Its port. Default 80, with TLS 443.
    pub port: u16,
    /// TLS towards it, with the scheme `https`. Its ALPN is always `h2`, `http/1.1`.
    pub tls: Option<UpstreamTls>,
}

/// `advertise`: a URL without a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advertise {
    /// The URL, without a slash at its end.
    pub url: String,
    /// Whether its scheme is `https`.
    pub is_https: bool,
}

/// `profile`: the path to clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// Round trips of up to some seconds.
    Standard,
    /// Round trips of a second and more, always.
    Satellite,
    /// Shortwave radio: round trips of up to half a minute.
    Hf,
}

/// `x_forwarded_for`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForwardedFor {
    /// When the homeserver is local.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// `upstream_prefix`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpstreamPrefix {
    /// `v3` if the homeserver's `/versions` has a version of the specification with it, else `r0`.
    Auto,
    /// `r0`.
    R0,
    /// `v3`.
    V3,
}

/// `[low_bandwidth.limits]`. What has no unit is a number of things at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LowBandwidthLimits {
    /// Associations. Default 10,000.
    pub associations: usize,
    /// Associations of an IPv4 address or an IPv6 /64. Default 1,024: carriers share addresses.
    pub associations_per_source: usize,
    /// Handshakes that are not over. Default 1,000.
    pub half_open: usize,
    /// Handshakes that are not over, of an IPv4 address or an IPv6 /64. Default 128.
    pub half_open_per_source: usize,
    /// New handshakes of an IPv4 address or an IPv6 /64 in a minute, in the long run. Default
    /// 240: after a restart, all who share an address come back.
    pub handshakes_per_minute: u32,
    /// So many of them at once. Default 120.
    pub handshake_burst: u32,
    /// Silence after which an association that observes nothing ends. Default 30 min.
    pub idle_timeout: Duration,
    /// Silence after which an association that observes ends. Default 24 h.
    pub observe_idle_timeout: Duration,
    /// The bytes of the longest request. Default 128 KiB, which is the most.
    pub request_body: usize,
    /// Uploads in blocks, of an association. Default 4.
    pub uploads: usize,
    /// Silence after which an upload ends. Default 60 s; 120 s with [`Profile::Satellite`], 300 s with
    /// [`Profile::Hf`].
    pub upload_idle_timeout: Duration,
    /// For a whole upload. Default 5 min; 15 min with [`Profile::Satellite`], 2 h with
    /// [`Profile::Hf`].
    pub upload_timeout: Duration,
    /// The bytes of the longest answer of the homeserver, and of all that an association has not
    /// fetched. Default 16 MiB.
    pub response_body: usize,
    /// Answers of an association that are fetched in blocks. Default 4.
    pub responses: usize,
    /// Silence after which an answer ends that is fetched in blocks. Default 2 min; 5 min with
    /// [`Profile::Satellite`], 15 min with [`Profile::Hf`].
    pub response_idle_timeout: Duration,
    /// Bytes of all bodies in blocks, of all associations, and as many of all answers of the
    /// homeserver on their way to them. Default 512 MiB.
    pub bodies: usize,
    /// Bytes of all requests that wait, and of all notifications that are not delivered. Default
    /// 256 MiB.
    pub waiting_bodies: usize,
    /// Requests at the homeserver, syncs excepted. Default 512.
    pub requests: usize,
    /// Requests at the homeserver of an association, syncs excepted. Default 16.
    pub requests_per_association: usize,
    /// Requests of an association that wait for one of these places. Default 64.
    pub queue_per_association: usize,
    /// How long they wait. Default 30 s.
    pub queue_timeout: Duration,
    /// Requests of an association in a minute; 0: any number. Default 300.
    pub requests_per_minute: u32,
    /// Syncs at the homeserver, those of observations included. Default 10,000.
    pub polls: usize,
    /// Syncs at the homeserver of an association, without those of observations. Default 8.
    pub syncs_per_association: usize,
    /// Observations. Default 10,000.
    pub observations: usize,
    /// Users of an association who observe. Default 2.
    pub observers_per_association: usize,
    /// Observations with one access token. Default 8.
    pub observations_per_token: usize,
    /// How long the homeserver is asked to wait for news, 50 s at most. Default 30 s.
    pub long_poll: Duration,
    /// At least this is between two syncs of an observation. Default 1 s.
    pub poll_spacing: Duration,
    /// Silence of a client after which its observation ends, when it has not acknowledged something.
    /// Default 30 min.
    pub orphan_timeout: Duration,
}

impl LowBandwidth {
    /// Whether the homeserver is told where clients are.
    pub fn tells_addresses(&self) -> bool {
        match self.x_forwarded_for {
            ForwardedFor::Always => true,
            ForwardedFor::Auto => self.homeserver.is_local(),
            ForwardedFor::Never => false,
        }
    }

    /// What `/versions` says of it when DTLS is spoken at `port`; `None`: nothing, because the port is 0,
    /// so that the kernel chooses one that is not known yet.
    pub fn advertisement(&self, port: u16) -> Option<Advertisement> {
        (port != 0).then_some(Advertisement {
            port,
            is_stable: self.stable_key,
        })
    }
}

impl Homeserver {
    /// Whether it is on this machine or in a private network: an address of one, or `localhost`.
    pub fn is_local(&self) -> bool {
        is_local(&self.host)
    }

    /// What requests name as their host: with the port, where it is not that of the scheme.
    pub fn authority(&self) -> String {
        let host = match self.host.contains(':') {
            true => format!("[{}]", self.host),
            false => self.host.clone(),
        };
        match (self.port, self.tls.is_some()) {
            (443, true) | (80, false) => host,
            (port, _) => format!("{host}:{port}"),
        }
    }
}

/// Whether this host, a name or an address, is on this machine or in a private network.
pub(crate) fn is_local(host: &str) -> bool {
    match host.parse() {
        Ok(IpAddr::V4(v4)) => v4.is_loopback() || v4.is_private() || v4.is_link_local(),
        Ok(IpAddr::V6(v6)) => {
            v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local()
        }
        Err(_) => host == "localhost" || host.ends_with(".localhost"),
    }
}

impl LowBandwidthLimits {
    /// The defaults with this profile.
    pub fn of(profile: Profile) -> Self {
        let defaults = Self::default();
        match profile {
            Profile::Standard => defaults,
            Profile::Satellite => Self {
                upload_idle_timeout: 2 * MINUTE,
                upload_timeout: 15 * MINUTE,
                response_idle_timeout: 5 * MINUTE,
                ..defaults
            },
            Profile::Hf => Self {
                upload_idle_timeout: 5 * MINUTE,
                upload_timeout: 120 * MINUTE,
                response_idle_timeout: 15 * MINUTE,
                ..defaults
            },
        }
    }
}

impl Default for LowBandwidthLimits {
    /// With [`Profile::Standard`].
    fn default() -> Self {
        Self {
            associations: 10_000,
            associations_per_source: 1_024,
            half_open: 1_000,
            half_open_per_source: 128,
            handshakes_per_minute: 240,
            handshake_burst: 120,
            idle_timeout: 30 * MINUTE,
            observe_idle_timeout: 24 * 60 * MINUTE,
            request_body: 128 << 10,
            uploads: 4,
            upload_idle_timeout: MINUTE,
            upload_timeout: 5 * MINUTE,
            response_body: 16 << 20,
            responses: 4,
            response_idle_timeout: 2 * MINUTE,
            bodies: 512 << 20,
            waiting_bodies: 256 << 20,
            requests: 512,
            requests_per_association: 16,
            queue_per_association: 64,
            queue_timeout: Duration::from_secs(30),
            requests_per_minute: 300,
            polls: 10_000,
            syncs_per_association: 8,
            observations: 10_000,
            observers_per_association: 2,
            observations_per_token: 8,
            long_poll: Duration::from_secs(30),
            poll_spacing: Duration::from_secs(1),
            orphan_timeout: 30 * MINUTE,
        }
    }
}
