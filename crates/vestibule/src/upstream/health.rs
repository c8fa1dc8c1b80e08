//! Active checks of targets: one task per target, in the supervisor.

use std::{future::poll_fn, io, rc::Rc, sync::Arc};

use vestibule_config::Health;

use super::{
    Destination, Lookups, Target,
    attempt::Reached,
    connect::{Outgoing, connect_unix, connected},
    header::{Introduction, KnownTls, outgoing_header},
    target::Place,
    tunnel::Tunnel,
};
use crate::{
    plan::{Plan, Service},
    relay::{Leg, Stream},
    sys::TcpOptions,
    tls::{Buffers, Turns, client_session, shake},
};

/// What all checks share.
struct Checker {
    buffers: Rc<Buffers>,
    lookups: Rc<Lookups>,
    options: TcpOptions,
    turns: Turns,
}

/// Checks the targets of every service of `plan` that asks for it, until aborted.
pub(crate) async fn watch(plan: Arc<Plan>) {
    let checker = Rc::new(Checker {
        buffers: Buffers::new(),
        lookups: Lookups::new(),
        options: TcpOptions::new(&plan.config.tcp),
        turns: Turns::new(),
    });
    let mut tasks = tokio::task::JoinSet::new();
    for service in &plan.services {
        for target in &service.targets {
            match &service.config.health {
                Some(health) => {
                    let (service, target) = (Arc::clone(service), Arc::clone(target));
                    let checker = Rc::clone(&checker);
                    tasks.spawn_local(checker.follow(service, target, health.clone()));
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

impl Checker {
    async fn follow(self: Rc<Self>, service: Arc<Service>, target: Arc<Target>, health: Health) {
        let (mut successes, mut failures) = (0, 0);
        let mut turn = 0_usize;
        loop {
            let check = self.check(&service, &target, turn);
            turn = turn.wrapping_add(1);
            let result = match tokio::time::timeout(health.timeout, check).await {
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

    /// Connects once, says who we are where a PROXY header is expected (a server that waits for
    /// one may wait for it in its only acceptor), carries out the TLS handshake where there is
    /// one, and closes.
    async fn check(&self, service: &Service, target: &Target, turn: usize) -> io::Result<()> {
        let Reached { leg, early } = self.reach(service, target, turn).await?;
        let header = match &service.config.send_proxy {
            None => Vec::new(),
            Some(send) => introduction(send, leg.socket())?,
        };
        let mut leg = leg;
        if let Some(policy) = &service.tls {
            let session = client_session(policy, &target.host(), None)?;
            let buffers = Rc::clone(&self.buffers);
            let shaken = shake(leg, session, early, header, buffers, &self.turns).await;
            leg = Leg::Tls(shaken.map_err(|(error, _)| error)?.stream);
        } else if !header.is_empty() {
            leg.write_all(&header).await?;
        }
        match leg {
            Leg::Plain(_) => Ok(()),
            Leg::Tls(mut secured) => poll_fn(|cx| secured.poll_shut_down(cx)).await,
        }
    }

    async fn reach(&self, service: &Service, target: &Target, turn: usize) -> io::Result<Reached> {
        let outgoing = Outgoing {
            options: &self.options,
            mark: service.config.mark,
            // A check is nobody's connection.
            source: None,
            lasts: true,
        };
        if let Some(destination) = Destination::of(&target.upstream)
            && !service.via.is_empty()
        {
            let tunnel = Tunnel {
                hops: &service.via,
                target: &destination,
                lookups: &self.lookups,
                outgoing,
                buffers: &self.buffers,
                turns: &self.turns,
                turn,
            };
            return tunnel.open().await;
        }
        let stream = match target.next_place() {
            Place::Unresolved => return Err(io::ErrorKind::NotFound.into()),
            Place::Unix(path) => connect_unix(path).await?,
            Place::Tcp(address) => connected(outgoing.begin(address)?.0).await?,
        };
        Ok(Reached {
            leg: Leg::Plain(stream),
            early: Vec::new(),
        })
    }
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
