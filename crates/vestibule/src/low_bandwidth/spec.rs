//! One gateway as the configuration wants it, with what was read from files.

use std::{hash::RandomState, sync::Arc, time::Duration};

use vestibule_coap::{BlockSize, endpoint};
use vestibule_config::{
    Config, LowBandwidth, LowBandwidthLimits, Profile, TlsVersion, UpstreamPrefix,
};
use vestibule_dtls::{server, session::Version, stack::ServerSettings};
use vestibule_lowband::{
    gateway::{Limits, Settings, Shared, Timeouts},
    mapping::{self, paths::Prefix},
    sync,
};

use super::{
    meters::Meters,
    upstream::{self, Homeserver},
};
use crate::{
    coaps,
    material::{LowBandwidthMaterial, Material},
    metrics::{self, DtlsServer},
    sys::TcpOptions,
    tls,
};

/// One gateway as the configuration wants it.
#[derive(Debug)]
pub(crate) struct Spec {
    pub(crate) config: LowBandwidth,
    pub(crate) material: LowBandwidthMaterial,
}

impl Spec {
    /// All gateways of `config`, for which `material` was read.
    pub(crate) fn all(config: &Config, material: &Material) -> Vec<Arc<Self>> {
        let parts = config.low_bandwidth.iter().zip(material.gateways());
        let specs = parts.map(|(config, material)| {
            Arc::new(Self {
                config: config.clone(),
                material: material.clone(),
            })
        });
        specs.collect()
    }

    /// Its name.
    pub(crate) fn name(&self) -> &str {
        &self.config.name
    }

    /// Whether a server that was started for `other` serves this gateway as well, when it is told the
    /// [settings](Self::settings) and the certificate: nothing else has changed.
    pub(super) fn has_server_of(&self, other: &Self) -> bool {
        let rest = |config: &LowBandwidth| LowBandwidth {
            advertise: None,
            tcp_bind: Vec::new(),
            trusted_proxies: Vec::new(),
            certificate: self.config.certificate.clone(),
            cbor_keys: self.config.cbor_keys,
            policy: self.config.policy.clone(),
            allow_paths: Vec::new(),
            stable_key: false,
            request_timeout: Duration::ZERO,
            sync_timeout: Duration::ZERO,
            upstream_prefix: self.config.upstream_prefix,
            limits: LowBandwidthLimits {
                long_poll: Duration::ZERO,
                orphan_timeout: Duration::ZERO,
                poll_spacing: Duration::ZERO,
                queue_timeout: Duration::ZERO,
                ..config.limits.clone()
            },
            ..config.clone()
        };
        rest(&self.config) == rest(&other.config)
    }

    /// What a server of CoAP over DTLS is started with, by so many workers, with this key of tickets.
    pub(super) fn coaps(&self, workers: usize, ticket_key: [u8; 32]) -> coaps::Config {
        let config = &self.config;
        let limits = &config.limits;
        coaps::Config {
            bind: config.bind.clone(),
            workers,
            security: ServerSettings {
                identity: self.material.identity.current(),
                ticket_key,
                // Whoever has started the process has said that there is one.
                key_log: tls::dtls::key_log(),
                post_quantum: false,
                versions: versions(config.min_version, config.max_version),
            },
            dtls: server::Config {
                handshake_timeout: config.handshake_timeout,
                idle_lifetime: limits.idle_timeout,
                ..server::Config::default()
            },
            limits: self.dtls_limits(),
            coap: Arc::new(self.coap()),
            max_bodies: limits.bodies,
        }
    }

    /// The settings of the endpoints of its clients.
    pub(super) fn coap(&self) -> endpoint::Config {
        coap(&self.config)
    }

    /// How many associations there are, all clients together.
    fn dtls_limits(&self) -> server::Limits {
        let limits = &self.config.limits;
        server::Limits {
            half_open: limits.half_open,
            half_open_per_source: limits.half_open_per_source,
            associations: limits.associations,
            associations_per_source: limits.associations_per_source,
            handshakes_per_minute: limits.handshakes_per_minute,
            handshake_burst: limits.handshake_burst,
        }
    }

    /// What is counted of a gateway that has not been there before, with so many workers.
    pub(super) fn readout(&self, workers: usize) -> metrics::Gateway {
        let (name, max_bodies) = (self.name(), self.config.limits.bodies);
        metrics::Gateway {
            // One more for who speaks without DTLS.
            meters: Arc::new(Meters::new(name, workers + 1)),
            shared: Shared::new(limits(&self.config), RandomState::new()),
            dtls: DtlsServer::new(name, workers, self.dtls_limits(), max_bodies),
        }
    }

    /// What is counted of a gateway that comes after the one of which this was counted.
    pub(super) fn succeeding(&self, before: &metrics::Gateway) -> metrics::Gateway {
        let max_bodies = self.config.limits.bodies;
        metrics::Gateway {
            meters: Arc::clone(&before.meters),
            shared: before.shared.succeeding(limits(&self.config)),
            dtls: before.dtls.succeeding(self.dtls_limits(), max_bodies),
        }
    }

    /// How clients are served. `port` is where DTLS is spoken.
    pub(super) fn settings(&self, prefix: Prefix, port: u16) -> Settings {
        let config = &self.config;
        let limits = &config.limits;
        Settings {
            mapping: mapping::server::Settings {
                prefix: match config.upstream_prefix {
                    UpstreamPrefix::Auto => prefix,
                    UpstreamPrefix::R0 => Prefix::R0,
                    UpstreamPrefix::V3 => Prefix::V3,
                },
                policy: config.policy.clone(),
                cbor_keys: config.cbor_keys,
                advertisement: config.advertisement(port),
                base_url: config.advertise.as_ref().map(|it| it.url.clone()),
            },
            sync: sync::Settings {
                long_poll: limits.long_poll,
                spacing: limits.poll_spacing,
                orphan: limits.orphan_timeout,
                max_body: limits.response_body,
                ..sync::Settings::default()
            },
            timeouts: Timeouts {
                request: config.request_timeout,
                sync: config.sync_timeout,
                queue: limits.queue_timeout,
                ..Timeouts::default()
            },
        }
    }

    /// The homeserver.
    pub(super) fn homeserver(&self, tcp: TcpOptions) -> Homeserver {
        let limits = &self.config.limits;
        let limits = upstream::Limits::new(limits.response_body, limits.bodies);
        let tls = self.material.tls.clone();
        Homeserver::new(&self.config.homeserver, tls, tcp, limits)
    }
}

fn coap(config: &LowBandwidth) -> endpoint::Config {
    let mut coap = match config.profile {
        Profile::Standard => endpoint::Config::default(),
        Profile::Satellite => endpoint::Config::satellite(),
        Profile::Hf => endpoint::Config::hf(),
    };
    // What the protocol asks for comes first: the configuration may have less room than it.
    limits(config).configure(&mut coap);
    let limits = &config.limits;
    endpoint::Config {
        piggyback_window: config.ack_window,
        block_size: BlockSize::at_most(usize::from(config.block_size)),
        max_request_body: coap.max_request_body.min(limits.request_body),
        max_uploads: limits.uploads,
        upload_idle: limits.upload_idle_timeout,
        upload_total: limits.upload_timeout,
        max_snapshots: limits.responses,
        snapshot_idle: limits.response_idle_timeout,
        ..coap
    }
}

fn limits(config: &LowBandwidth) -> Limits {
    let limits = &config.limits;
    Limits {
        requests_per_association: limits.requests_per_association,
        queue_per_association: limits.queue_per_association,
        syncs_per_association: limits.syncs_per_association,
        requests_per_minute: limits.requests_per_minute,
        observers_per_association: limits.observers_per_association,
        response_bytes: limits.response_body,
        requests: limits.requests,
        polls: limits.polls,
        observations: limits.observations,
        observations_per_token: limits.observations_per_token,
        held_bytes: limits.waiting_bodies,
    }
}

fn versions(min: TlsVersion, max: TlsVersion) -> &'static [Version] {
    match (min, max) {
        (TlsVersion::V1_2, TlsVersion::V1_2) => &[Version::Dtls12],
        (TlsVersion::V1_3, _) => &[Version::Dtls13],
        (TlsVersion::V1_2, TlsVersion::V1_3) => &[Version::Dtls12, Version::Dtls13],
    }
}

#[cfg(test)]
mod tests;
