//! Active checks of targets: one task per target, in the supervisor.

use std::{future::poll_fn, io, sync::Arc};

use vestibule_config::Health;

use super::{
    Target,
    dial::{begin, connect_unix, connected, tcp_socket},
    header::{Introduction, KnownTls, outgoing_header},
    target::Place,
};
use crate::{
    plan::{Plan, Service},
    relay::{Leg, Stream},
    tls::{Buffers, Turns, client_session, shake},
};

/// Checks the targets of every service of `plan` that asks for it, until aborted.
pub(crate) async fn watch(plan: Arc<Plan>) {
    let mut tasks = tokio::task::JoinSet::new();
    for service in &plan.services {
        for target in &service.targets {
            match &service.config.health {
                Some(health) => {
                    let (service, target) = (Arc::clone(service), Arc::clone(target));
                    tasks.spawn_local(follow(service, target, health.clone()));
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
/// may wait for it in its only acceptor), carries out the TLS handshake where there is one, and
/// closes.
async fn check(service: &Service, target: &Target) -> io::Result<()> {
    let stream = match target.next_place() {
        Place::Unresolved => return Err(io::ErrorKind::NotFound.into()),
        Place::Unix(path) => connect_unix(path).await?,
        Place::Tcp(address) => connected(begin(tcp_socket(address)?, address)?.0).await?,
    };
    let header = match &service.config.send_proxy {
        None => Vec::new(),
        Some(send) => introduction(send, &stream)?,
    };
    let Some(policy) = &service.tls else {
        // A new socket's buffer holds any header.
        return match header.is_empty() {
            true => Ok(()),
            false => stream.write_now(&header).map(drop),
        };
    };
    let session = client_session(policy, &target.host(), None)?;
    let (buffers, turns) = (Buffers::new(), Turns::new());
    let shaken = shake(Leg::Plain(stream), session, Vec::new(), header, buffers, &turns).await;
    let mut secured = shaken.map_err(|(error, _)| error)?.stream;
    poll_fn(|cx| secured.poll_shut_down(cx)).await
}

fn introduction(send: &vestibule_config::SendProxy, stream: &Stream) -> io::Result<Vec<u8>> {
    let (own, there) = (stream.local_endpoint(), stream.peer_endpoint());
    let own = (own.socket_addr(), there.socket_addr());
    let mut header = Vec::new();
    let introduction = Introduction {
        client: None,
        destination: None,
        own,
        incoming: None,
        unique_id: "health-check",
        tls: KnownTls::default(),
    };
    outgoing_header(send, &introduction, &mut header).map_err(io::Error::other)?;
    Ok(header)
}
