//! Names of targets, resolved once per process and never on a worker.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use vestibule_config::Upstream;

use super::Target;
use crate::plan::Plan;

/// Between look-ups of the same name. The system's resolver does not tell how long an answer holds.
const INTERVAL: Duration = Duration::from_secs(30);

/// Between look-ups of a name that does not resolve.
const RETRY: Duration = Duration::from_secs(2);

/// Resolves the names of `plan`'s targets by the system's resolver (so `/etc/hosts` and
/// `nsswitch.conf` count), again and again until aborted. When a look-up fails, the last good
/// answer stays.
pub(crate) async fn keep_resolved(plan: Arc<Plan>) {
    let mut tasks = tokio::task::JoinSet::new();
    for target in plan.services.iter().flat_map(|service| &service.targets) {
        if let Upstream::Name(host, port) = &target.upstream
            && target.is_resolved
        {
            tasks.spawn(follow(Arc::clone(target), host.clone(), *port));
        }
    }
    tasks.join_all().await;
}

async fn follow(target: Arc<Target>, host: String, port: u16) {
    let mut failing = false;
    loop {
        let wait = match look_up(&host, port).await {
            Ok(mut addresses) => {
                addresses.sort_unstable();
                addresses.dedup();
                failing = false;
                if target.set_addresses(addresses.clone()) {
                    tracing::info!(upstream = target.label, ?addresses, "resolved");
                }
                INTERVAL
            }
            Err(error) => {
                if !failing {
                    tracing::warn!(upstream = target.label, %error, "cannot resolve");
                }
                failing = true;
                RETRY
            }
        };
        target.set_looked_up();
        tokio::time::sleep(wait).await;
    }
}

/// At least one address.
async fn look_up(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    let addresses: Vec<_> = tokio::net::lookup_host((host, port)).await?.collect();
    match addresses.is_empty() {
        true => Err(io::Error::new(io::ErrorKind::NotFound, "it has no address")),
        false => Ok(addresses),
    }
}
