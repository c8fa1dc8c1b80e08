//! What one gateway does on its TCP side.

use std::net::SocketAddr;

use hyper::header::HeaderValue;
use vestibule_config::LowBandwidth;
use vestibule_lowband::mapping::{discovery::Advertisement, policy::Policy};

use super::location::Place;

/// What one gateway does on its TCP side.
#[derive(Debug)]
pub(crate) struct Side {
    /// What may be asked for.
    pub(super) policy: Policy,
    /// The homeserver, as its redirections may name it.
    pub(super) homeserver: Place,
    /// What requests name as their host.
    pub(super) authority: HeaderValue,
    /// What clients know the gateway as: the authority of [`base_url`](Self::base_url).
    public_host: HeaderValue,
    /// Where clients are told that the homeserver is; `None`: where it is.
    pub(super) base_url: Option<String>,
    /// What `/versions` says of low bandwidth; `None`: nothing, because the port is not known.
    pub(super) advertisement: Option<Advertisement>,
    tells_client: bool,
}

impl Side {
    /// Of the gateway with this configuration.
    pub(crate) fn new(config: &LowBandwidth) -> Self {
        // What CoAP does not carry.
        let policy = config.policy.clone().with_media();
        let policy = policy.clone().allow("/_synapse/client").unwrap_or(policy);
        let authority = config.homeserver.authority();
        let base_url = config.advertise.as_ref().map(|known| known.url.clone());
        let public_host = base_url
            .as_deref()
            .and_then(|url| url.split_once("://"))
            .map_or(&*authority, |(_, host)| host);
        let value = |text: &str| {
            let nobody = |_| HeaderValue::from_static("");
            HeaderValue::from_str(text).unwrap_or_else(nobody)
        };
        Self {
            policy,
            homeserver: Place::of(&config.homeserver),
            public_host: value(public_host),
            authority: value(&authority),
            advertisement: config.advertisement(config.bind.first().map_or(0, SocketAddr::port)),
            base_url,
            tells_client: config.tells_addresses(),
        }
    }

    /// What the client is told of as the host of its requests, however it has named that itself: what
    /// strangers say is no base for the addresses that a homeserver writes into mails.
    pub(crate) fn public_host(&self) -> &HeaderValue {
        &self.public_host
    }

    /// Whether the homeserver is told who the client is. If not, it is told nothing about where a
    /// request comes from.
    pub(crate) fn tells_client(&self) -> bool {
        self.tells_client
    }
}

#[cfg(test)]
mod tests;
