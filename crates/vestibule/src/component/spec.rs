//! One component as the configuration wants it, with what was read from files.

use std::{net::SocketAddr, sync::Arc};

use vestibule_config::{Component, Config, Upstream};
use vestibule_xmpp::{component::Settings, token::Tokens};
use zeroize::Zeroizing;

use crate::material::{ComponentMaterial, Material};

/// One component as the configuration wants it.
#[derive(Debug)]
pub(crate) struct Spec {
    config: Component,
    material: ComponentMaterial,
}

impl Spec {
    /// All components of `config`, for which `material` was read.
    pub(crate) fn all(config: &Config, material: &Material) -> Vec<Arc<Self>> {
        let parts = config.components.iter().zip(material.components());
        let specs = parts.map(|(config, material)| {
            Arc::new(Self {
                config: config.clone(),
                material: material.clone(),
            })
        });
        specs.collect()
    }

    /// Its domain.
    pub(crate) fn domain(&self) -> &str {
        &self.config.settings.domain
    }

    /// What it does.
    pub(super) fn settings(&self) -> &Settings {
        &self.config.settings
    }

    /// Where the server takes components.
    pub(super) fn server(&self) -> &Upstream {
        &self.config.server
    }

    /// The same for people.
    pub(super) fn server_label(&self) -> String {
        match self.server() {
            Upstream::Address(address) => SocketAddr::to_string(address),
            Upstream::Name(host, port) => format!("{host}:{port}"),
            Upstream::Unix(path) => format!("unix:{}", path.display()),
            // No component has such a server.
            Upstream::Asked | Upstream::Original | Upstream::Sni(_) => String::new(),
        }
    }

    /// The name or address that the server's certificate must have, when nothing else is said.
    pub(super) fn host(&self) -> String {
        match self.server() {
            Upstream::Address(address) => address.ip().to_string(),
            Upstream::Name(host, _) => host.clone(),
            _ => String::new(),
        }
    }

    /// What it needs from files, as that is now.
    pub(super) fn material(&self) -> &ComponentMaterial {
        &self.material
    }

    /// What the server knows it by now.
    pub(super) fn secret(&self) -> Zeroizing<String> {
        self.material.secret.value()
    }

    /// Its tokens, with the keys as they are now.
    pub(super) fn tokens(&self) -> Tokens {
        let keys = self.material.keys.as_ref().map(|keys| keys.current());
        Tokens::new(self.domain(), keys.as_deref().map_or(&[], Vec::as_slice))
    }

    /// Whether the process is not ready while the link is down.
    pub(super) fn is_required(&self) -> bool {
        self.config.required
    }

    /// Whether a link of `other`, of the same domain, is one of this component as well.
    pub(super) fn has_place_of(&self, other: &Self) -> bool {
        (&self.config.server, &self.config.tls) == (&other.config.server, &other.config.tls)
    }
}
