//! Everything that is read from files which the configuration names: certificates and keys, users,
//! secrets. What changes there takes effect without a reload.

mod authorization;
mod component;
mod files;
mod gather;
mod load;
mod low_bandwidth;
mod password;
mod private_file;
mod problem;

use std::sync::Arc;

use vestibule_config::{Config, FileRef, ServiceKind};

pub(crate) use authorization::Authorization;
pub(crate) use component::{ComponentMaterial, are_same_keys};
pub(crate) use files::{FromFiles, Reader, read as read_file, readable_by_others};
pub(crate) use gather::Gather;
pub(crate) use load::{load, parse};
pub(crate) use low_bandwidth::LowBandwidthMaterial;
pub(crate) use private_file::create_private;
pub(crate) use problem::{FileProblem, Moment, Reason};

use self::gather::Watching;
use crate::{
    auth::Users,
    tls::{ClientPolicy, Tls},
};

/// Everything that one configuration needs from files.
#[derive(Debug)]
pub(crate) struct Material {
    /// What is needed for TLS.
    pub(crate) tls: Tls,
    hops: Vec<Vec<HopMaterial>>,
    users: Vec<Option<Arc<Users>>>,
    components: Vec<ComponentMaterial>,
    gateways: Vec<LowBandwidthMaterial>,
    watching: Watching,
}

/// What is needed for one proxy on the way to the targets of a service.
#[derive(Clone, Debug)]
pub(crate) struct HopMaterial {
    pub(crate) authorization: Option<Arc<Authorization>>,
    pub(crate) tls: Option<Arc<ClientPolicy>>,
}

/// What came of reading the files of a configuration.
pub(crate) struct Loaded {
    /// `None` when there are errors among the problems.
    pub(crate) material: Option<Material>,
    /// Everything that is wrong or doubtful.
    pub(crate) problems: Vec<FileProblem>,
}

impl Material {
    /// Reads every file that `config` names. What has no file, such as keys for tickets and failed
    /// attempts to log in, is taken over from `previous` where its listener or file stayed the same.
    /// Blocks.
    pub(crate) fn load(config: &Config, previous: Option<&Self>) -> Loaded {
        let mut gather = Gather::default();
        let tls = Tls::load(config, previous.map(|known| &known.tls), &mut gather);
        let (mut hops, mut users) = (Vec::new(), Vec::new());
        for service in &config.services {
            let hop = |hop: &vestibule_config::Hop| HopMaterial {
                authorization: hop.credentials.as_ref().and_then(|credentials| {
                    gather.item(|reader| Authorization::load(credentials, reader))
                }),
                tls: hop.tls.as_ref().and_then(|source| {
                    gather.item(|reader| ClientPolicy::load(&service.name, source, reader))
                }),
            };
            hops.push(service.via.iter().map(hop).collect());
            let file = match &service.kind {
                ServiceKind::Connect(connect) => connect.users.as_ref(),
                ServiceKind::Http(_) | ServiceKind::Tcp => None,
            };
            users.push(file.and_then(|file| {
                let known = previous.and_then(|previous| previous.users_of(file));
                gather.item(|reader| Users::load(file, known, reader))
            }));
        }
        let components = config.components.iter();
        let components = components
            .filter_map(|component| ComponentMaterial::load(component, &mut gather))
            .collect();
        let gateways = config.low_bandwidth.iter();
        let gateways = gateways
            .filter_map(|gateway| LowBandwidthMaterial::load(gateway, &mut gather))
            .collect();
        let good = gather.is_good();
        let (watching, problems) = gather.finish();
        Loaded {
            material: good.then_some(Self {
                tls,
                hops,
                users,
                components,
                gateways,
                watching,
            }),
            problems,
        }
    }

    /// What is needed for each entry of `via` of the service at this index of
    /// [`Config::services`].
    pub(crate) fn hops(&self, index: usize) -> &[HopMaterial] {
        self.hops.get(index).map_or(&[], Vec::as_slice)
    }

    /// The users of this file, if they are known: who failed to log in, and who did not.
    fn users_of(&self, file: &FileRef) -> Option<&Arc<Users>> {
        self.users.iter().flatten().find(|users| users.is_of(file))
    }

    /// Who may use the service at this index of [`Config::services`]; `None`: everyone.
    pub(crate) fn users(&self, index: usize) -> Option<Arc<Users>> {
        self.users.get(index)?.clone()
    }

    /// What is needed for each of [`Config::components`], in their order.
    pub(crate) fn components(&self) -> &[ComponentMaterial] {
        &self.components
    }

    /// What is needed for each of [`Config::low_bandwidth`], in their order.
    pub(crate) fn gateways(&self) -> &[LowBandwidthMaterial] {
        &self.gateways
    }

    /// Looks every second whether files changed, and puts them into effect when they are good; as
    /// long as somebody uses them: connections keep the configuration that they began with.
    pub(crate) fn keep_fresh(self: &Arc<Self>) -> impl Future<Output = ()> + use<> {
        let used = Arc::downgrade(self);
        files::keep_fresh(self.watching.start(), move || used.strong_count() > 0)
    }
}
