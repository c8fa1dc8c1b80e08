//! Active checks of targets: one task per target, in the supervisor.

use std::{io, sync::Arc};

use vestibule_config::Health;

use super::{
    Target,
    dial::{begin, connect_unix, connected, tcp_socket},
    header::outgoing_header,
    target::Place,
};
use crate::{
    plan::{Plan, Service},
    relay::Stream,
};

/// Checks the targets of every service of `plan` that asks for it, until aborted.
pub(crate) async fn watch(plan: Arc<Plan>) {
    let mut tasks = tokio::task::JoinSet::new();
    for service in &plan.services {
        for target in &service.targets {
            match &service.config.health {
                Some(health) => {
                    let (service, target) = (Arc::clone(service), Arc::clone(target));
                    tasks.spawn(follow(service, target, health.clone()));
                }
                // An earlier configuration may have said that it is down.
                None => {
                    target.set_healthy(true);
                }
            }
        }
    }
    tasks.join_all().await;
}

async fn follow(service: Arc<Service>, target: Arc<Target>, health: Health) {
    let (mut successes, mut failures) = (0, 0);
    loop {
        let result = match tokio::time::timeout(health.timeout, check(&service, &target)).await {
            Ok(result) => result,
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        };
        let (service, upstream) = (service.name(), target.label.as_str());
        match result {
            Ok(()) => {
                (successes, failures) = (successes + 1, 0);
                if successes >= health.rise && target.set_healthy(true) {
                    tracing::info!(service, upstream, "target is up");
                }
            }
            Err(error) => {
                (successes, failures) = (0, failures + 1);
                if failures >= health.fall && target.set_healthy(false) {
                    tracing::warn!(service, upstream, %error, "target is down");
                }
            }
        }
        tokio::time::sleep(health.interval).await;
    }
}

/// Connects once, says who we are where a PROXY header is expected (a server that waits for one
/// may wait for it in its only acceptor), and closes.
async fn check(service: &Service, target: &Target) -> io::Result<()> {
    let stream = match target.next_place() {
        Place::Unresolved => return Err(io::ErrorKind::NotFound.into()),
        Place::Unix(path) => connect_unix(path).await?,
        Place::Tcp(address) => connected(begin(tcp_socket(address)?, address)?.0).await?,
    };
    match &service.config.send_proxy {
        None => Ok(()),
        Some(send) => introduce(send, &stream),
    }
}

fn introduce(send: &vestibule_config::SendProxy, stream: &Stream) -> io::Result<()> {
    let (own, there) = (stream.local_endpoint(), stream.peer_endpoint());
    let own = (own.socket_addr(), there.socket_addr());
    let mut header = Vec::new();
    outgoing_header(send, None, None, own, None, "health-check", &mut header)
        .map_err(io::Error::other)?;
    // A new socket's buffer holds any header.
    stream.write_now(&header).map(drop)
}
