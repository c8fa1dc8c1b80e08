//! Gateways that have the same name, and those that would ask themselves.

use std::collections::HashMap;

use crate::{
    Bind,
    code::Code,
    diagnostic::{Problem, quote},
    reader::Reader,
    section::low_bandwidth::{Placed, tcp},
};

use super::services::is_same;

/// Reports each name that stands twice, and each homeserver that is the gateway itself.
pub(crate) fn report(r: &mut Reader<'_>, gateways: &[Placed]) {
    let mut names: HashMap<&str, &Placed> = HashMap::with_capacity(gateways.len());
    for placed in gateways {
        let name = placed.gateway.name.as_str();
        let Some(first) = names.insert(name, placed).filter(|_| !name.is_empty()) else {
            continue;
        };
        // Of an address that stands twice, more was told.
        if placed.is_named_after_address && !name.ends_with(":0") {
            continue;
        }
        let message = format!("gateway {} is already there", quote(name));
        let problem = Problem::new(Code::DuplicateName, message)
            .help("each gateway has a `name` of its own, for logs and metrics");
        r.conflict(placed.name.clone(), problem, &first.name, "first here");
    }
    for placed in gateways {
        let gateway = &placed.gateway;
        let homeserver = tcp::upstream(&gateway.homeserver);
        let is_itself = |address| is_same(&homeserver, &Bind::Tcp(address));
        if gateway.tcp_bind.iter().copied().any(is_itself) {
            let message = "requests go round in circles: here this gateway serves HTTP itself";
            let problem = Problem::new(Code::ProxyLoop, message)
                .help("write where the homeserver listens, or another `tcp_bind`");
            r.error(placed.homeserver.clone(), problem);
        }
    }
}
