//! Gateways for tests.

use std::time::Duration;

use vestibule_config::{
    Advertise, Certificate, FileRef, ForwardedFor, Homeserver, LowBandwidth, LowBandwidthLimits,
    Profile, TlsVersion, UpstreamPrefix,
};
use vestibule_lowband::mapping::{policy::Policy, server::CborKeys};

use super::Side;

/// A gateway before a homeserver on this machine, that clients know as `https://lb.example.org`.
pub(crate) fn config() -> LowBandwidth {
    LowBandwidth {
        name: "lb".to_owned(),
        bind: vec!["0.0.0.0:8008".parse().unwrap()],
        homeserver: homeserver("127.0.0.1", 8008),
        advertise: Some(Advertise {
            url: "https://lb.example.org".to_owned(),
            is_https: true,
        }),
        tcp_bind: vec!["0.0.0.0:8008".parse().unwrap()],
        certificate: Certificate {
            chain: FileRef::unnamed("a.pem"),
            key: FileRef::unnamed("a.key"),
        },
        ticket_key_file: None,
        min_version: TlsVersion::V1_2,
        max_version: TlsVersion::V1_3,
        profile: Profile::Standard,
        block_size: 1024,
        handshake_timeout: Duration::from_secs(60),
        ack_window: Duration::from_millis(1500),
        request_timeout: Duration::from_secs(60),
        sync_timeout: Duration::from_secs(300),
        x_forwarded_for: ForwardedFor::Auto,
        trusted_proxies: Vec::new(),
        cbor_keys: CborKeys::Always,
        upstream_prefix: UpstreamPrefix::Auto,
        policy: Policy::new(),
        allow_paths: Vec::new(),
        stable_key: false,
        plain_debug_bind: None,
        limits: LowBandwidthLimits::default(),
    }
}

/// A homeserver without TLS.
pub(crate) fn homeserver(host: &str, port: u16) -> Homeserver {
    Homeserver {
        host: host.to_owned(),
        port,
        tls: None,
    }
}

/// The side of [`config`].
pub(crate) fn side() -> Side {
    Side::new(&config())
}
