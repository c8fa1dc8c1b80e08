//! One attempt to reach a target.

use std::{
    cell::Cell,
    io,
    net::SocketAddr,
    pin::{Pin, pin},
    rc::Rc,
    sync::Arc,
};

use vestibule_config::{SourceAddress, Upstream};

use super::{
    Destination, Target,
    connect::{Outgoing, connect_unix, connected},
    dial::Front,
    header::{Introduction, outgoing_header},
    target::Place,
    tunnel::Tunnel,
};
use crate::{
    ending::{Ending, Refusal},
    plan::{Named, Service},
    relay::{Leg, Stream},
    tls::{ClientPolicy, client_session, shake},
    worker::{Connection, Interrupt, Tick, Worker},
};

/// One attempt to reach a target.
pub(super) struct Attempt<'a> {
    pub(super) worker: &'a Worker,
    pub(super) connection: &'a Connection,
    pub(super) service: &'a Service,
    pub(super) target: &'a Arc<Target>,
    /// How many there were before.
    pub(super) number: u32,
    pub(super) deadline: Deadline,
    pub(super) front: Front<'a>,
    /// How many different attempts there can be, once that is known: a destination that the client
    /// names is tried at each of its addresses, and not twice.
    pub(super) choices: Cell<usize>,
}

/// When an attempt has taken too long.
#[derive(Clone, Copy, Debug)]
pub(super) enum Deadline {
    /// By the connection's own timer.
    Tick(Tick),
    /// By a timer of this attempt's, where several may be under way for one connection.
    Instant(tokio::time::Instant),
}

/// A target that was reached, without the service's TLS.
pub(super) struct Reached {
    pub(super) leg: Leg,
    /// What has already come from it.
    pub(super) early: Vec<u8>,
}

impl Attempt<'_> {
    /// Connects to the target, through other proxies if the service says so.
    ///
    /// # Errors
    ///
    /// How the connection ends, when no further attempt can end better.
    pub(super) async fn reach(&self) -> Result<io::Result<Reached>, Ending> {
        if !self.service.via.is_empty() {
            return Box::pin(self.reach_through_proxies()).await;
        }
        let stream = match self.target.upstream {
            Upstream::Asked | Upstream::Original | Upstream::Sni(_) => {
                Box::pin(self.connect_to_named()).await?
            }
            Upstream::Address(_) | Upstream::Name(..) | Upstream::Unix(_) => self.connect().await?,
        };
        Ok(stream.map(|stream| Reached {
            leg: Leg::Plain(stream),
            early: Vec::new(),
        }))
    }

    async fn connect(&self) -> Result<io::Result<Stream>, Ending> {
        let target = self.target;
        let mut place = target.next_place();
        if place == Place::Unresolved {
            let mut looked_up = Box::pin(target.looked_up());
            match self.in_time(looked_up.as_mut()).await? {
                Some(()) | None => place = target.next_place(),
            }
        }
        match place {
            Place::Unresolved => Ok(Err(io::Error::new(
                io::ErrorKind::NotFound,
                format!("the name in {} does not resolve", target.label),
            ))),
            // Boxed, because it is large and most connections are not to unix sockets.
            Place::Unix(path) => {
                let mut connecting = Box::pin(connect_unix(path));
                self.or_timed_out(connecting.as_mut()).await
            }
            Place::Tcp(address) => self.connect_tcp(address).await,
        }
    }

    async fn connect_tcp(&self, address: SocketAddr) -> Result<io::Result<Stream>, Ending> {
        let source = match self.service.config.source {
            SourceAddress::Client => self.connection.client().0.socket_addr(),
            SourceAddress::Own => None,
        };
        let begun = Outgoing {
            options: &self.worker.tcp_options.borrow(),
            mark: self.service.config.mark,
            source: source.map(|source| source.ip()),
            lasts: self.front.is_request(),
        }
        .begin(address);
        match begun {
            Ok((stream, true)) => Ok(Ok(Stream::Tcp(stream))),
            Ok((stream, false)) => {
                // Boxed, so that the future of a connection stays small.
                let mut connecting = Box::pin(connected(stream));
                self.or_timed_out(connecting.as_mut()).await
            }
            Err(error) => Ok(Err(error)),
        }
    }

    /// Connects to what the client names, if its addresses may be dialed.
    async fn connect_to_named(&self) -> Result<io::Result<Stream>, Ending> {
        let destination = self.destination().ok_or(FORBIDDEN)?;
        let Some(name) = destination.name() else {
            return match destination.address() {
                Some(address) => {
                    self.permit(address, None)?;
                    self.choices.set(1);
                    self.connect_tcp(address).await
                }
                None => Err(FORBIDDEN),
            };
        };
        let named = self.service.guard.judge_name(name, destination.port);
        if named == Named::Refused {
            return Err(FORBIDDEN);
        }
        let looking_up = pin!(self.worker.lookups.addresses(name));
        let addresses = match self.or_timed_out(looking_up).await? {
            Ok(addresses) => addresses,
            Err(error) => {
                self.choices.set(1);
                return Ok(Err(error));
            }
        };
        // What is judged here is what is dialed: the name is not asked for again.
        let (mut permitted, mut refused) = (Vec::new(), None);
        for ip in addresses {
            let address = SocketAddr::new(ip, destination.port);
            match self.permit(address, Some(named)) {
                Ok(()) => permitted.push(address),
                Err(ending) => refused = refused.or(Some(ending)),
            }
        }
        self.choices.set(permitted.len());
        match permitted.len() {
            0 => Err(refused.unwrap_or(FORBIDDEN)),
            n => self.connect_tcp(permitted[self.turn() % n]).await,
        }
    }

    async fn reach_through_proxies(&self) -> Result<io::Result<Reached>, Ending> {
        let configured = Destination::of(&self.target.upstream);
        let Some(target) = configured.clone().or_else(|| self.destination()) else {
            return Err(FORBIDDEN);
        };
        // Whoever resolves the name is far away: only the name and the port can be judged.
        if configured.is_none() {
            self.choices.set(1);
            match (target.name(), target.address()) {
                (Some(name), _) => {
                    if self.service.guard.judge_name(name, target.port) != Named::Allowed {
                        return Err(FORBIDDEN);
                    }
                }
                (None, Some(address)) => self.permit(address, None)?,
                (None, None) => return Err(FORBIDDEN),
            }
        }
        let worker = self.worker;
        let tunnel = Tunnel {
            hops: &self.service.via,
            target: &target,
            lookups: &worker.lookups,
            outgoing: Outgoing {
                options: &worker.tcp_options.borrow().clone(),
                mark: self.service.config.mark,
                source: None,
                lasts: self.front.is_request(),
            },
            buffers: &worker.tls_buffers,
            turns: &worker.handshake_turns,
            turn: self.turn(),
        };
        let open = pin!(tunnel.open());
        self.or_timed_out(open).await
    }

    /// Which of several addresses this attempt begins with.
    fn turn(&self) -> usize {
        usize::try_from(self.number).unwrap_or(0)
    }

    /// Whether the client may be carried to this address.
    fn permit(&self, address: SocketAddr, named: Option<Named>) -> Result<(), Ending> {
        if self.worker.own.have(address) {
            return Err(Ending::Loop(address));
        }
        match self.service.guard.permits_address(address, named) {
            true => Ok(()),
            false => Err(Ending::ForbiddenAddress(address)),
        }
    }

    /// What the client names, when the target is that.
    fn destination(&self) -> Option<Destination> {
        let destination = self.connection.destination(&self.target.upstream)?;
        // What is asked for was told when it was asked for.
        if self.target.upstream != Upstream::Asked {
            self.connection.names_destination(&destination.to_string());
        }
        Some(destination)
    }

    /// The PROXY header for the target, empty when it is sent none.
    pub(super) fn header(&self, socket: &Stream) -> io::Result<Vec<u8>> {
        let Some(send) = &self.service.config.send_proxy else {
            return Ok(Vec::new());
        };
        let (worker, connection) = (self.worker, self.connection);
        // Kept for a further attempt.
        let incoming = connection.header.borrow();
        let identity = connection.identity();
        let client_address = connection.client().0.socket_addr();
        let destination = identity.and_then(|known| known.destination.0.socket_addr());
        let own = match (client_address, destination) {
            (Some(_), Some(_)) => (None, None),
            _ => {
                let (here, there) = (socket.local_endpoint(), socket.peer_endpoint());
                (here.socket_addr(), there.socket_addr())
            }
        };
        let certificate = self.front.certificate();
        let introduction = Introduction {
            client: client_address,
            destination,
            own,
            incoming: incoming.as_deref(),
            unique_id: &worker.connections.unique_id(connection.id),
            tls: connection.known_tls(certificate.as_ref()),
        };
        let mut header = Vec::with_capacity(64);
        outgoing_header(send, &introduction, &mut header)
            .map_err(|error| io::Error::other(format!("cannot write the PROXY header: {error}")))?;
        Ok(header)
    }

    /// Carries out the service's TLS handshake, after `header`. Nothing of that is left to be sent.
    pub(super) async fn secure(
        &self,
        policy: &ClientPolicy,
        reached: Reached,
        header: Vec<u8>,
    ) -> Result<io::Result<Reached>, Ending> {
        let (worker, connection) = (self.worker, self.connection);
        let host = match self.target.upstream {
            Upstream::Address(_) | Upstream::Name(..) | Upstream::Unix(_) => self.target.host(),
            Upstream::Asked | Upstream::Original | Upstream::Sni(_) => {
                let named = connection.destination(&self.target.upstream);
                let hello = connection.hello.get();
                // Whoever was brought here by its address may have said a name all the same.
                let sni = hello.and_then(|hello| hello.server_name());
                let host = || named.map(|named| named.host.to_string());
                sni.map(ToOwned::to_owned).or_else(host).unwrap_or_default()
            }
        };
        let forwarded = connection.terminated.get().and_then(|t| t.alpn.as_deref());
        let session = match client_session(policy, &host, forwarded) {
            Ok(session) => session,
            Err(error) => return Ok(Err(error)),
        };
        let buffers = Rc::clone(&worker.tls_buffers);
        let turns = &worker.handshake_turns;
        let shaking = pin!(shake(
            reached.leg,
            session,
            reached.early,
            header,
            buffers,
            turns
        ));
        let Some(shaken) = self.in_time(shaking).await? else {
            return Ok(Err(io::ErrorKind::TimedOut.into()));
        };
        match shaken {
            // What the client asked for is to blame, so no other attempt ends better.
            Err((error, _)) if policy.forwards(forwarded) && error.is_about_alpn() => {
                Err(Ending::ConnectFailed(error.into()))
            }
            Err((error, _)) => Ok(Err(error.into())),
            Ok(shaken) => {
                connection
                    .upstream_tls
                    .set(shaken.stream.session().version());
                Ok(Ok(Reached {
                    leg: Leg::Tls(shaken.stream),
                    early: shaken.plaintext,
                }))
            }
        }
    }

    /// Waits for `future` until the deadline; `None` when that has come.
    async fn in_time<F: Future>(&self, future: Pin<&mut F>) -> Result<Option<F::Output>, Ending> {
        match self.deadline {
            Deadline::Instant(deadline) => Ok(tokio::time::timeout_at(deadline, future).await.ok()),
            Deadline::Tick(deadline) => {
                let waiting = self.connection.until(self.worker, deadline, future);
                match waiting.await {
                    Ok(output) => Ok(Some(output)),
                    Err(Interrupt::Timeout) => Ok(None),
                    Err(Interrupt::Stop(stop)) => Err(Ending::Stopped(stop)),
                }
            }
        }
    }

    async fn or_timed_out<T>(
        &self,
        future: Pin<&mut impl Future<Output = io::Result<T>>>,
    ) -> Result<io::Result<T>, Ending> {
        let timed_out = || Err(io::ErrorKind::TimedOut.into());
        Ok(self.in_time(future).await?.unwrap_or_else(timed_out))
    }

    pub(super) fn succeeded(&self) {
        self.target.succeeded();
        self.target.stats.total.add(self.worker.id, 1);
    }

    pub(super) fn failed(&self) {
        // What a client names says nothing of what the next one names.
        if Destination::of(&self.target.upstream).is_some()
            || matches!(self.target.upstream, Upstream::Unix(_))
        {
            self.target.failed();
        }
        self.target.stats.connect_errors.add(self.worker.id, 1);
    }
}

/// The client names nothing, or what it may not.
const FORBIDDEN: Ending = Ending::Refused(Refusal::ForbiddenDestination);
