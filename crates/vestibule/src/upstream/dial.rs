//! Dialing: from a service to a connected stream that has been told who the client is.

use std::{
    io,
    net::SocketAddr,
    path::Path,
    pin::{Pin, pin},
    rc::Rc,
    sync::Arc,
    time::Duration,
};

use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use tokio::{
    io::Interest,
    net::{TcpStream, UnixStream},
};

use vestibule_config::Upstream;

use super::{
    Active, Target,
    balance::Attempts,
    header::{Introduction, outgoing_header},
    target::Place,
};
use crate::{
    addr::Endpoint,
    ending::{Ending, Party, Refusal},
    plan::{Named, Service},
    relay::{Leg, Stream},
    tls::{ClientPolicy, client_session, shake},
    worker::{Connection, Interrupt, Tick, Worker},
};

/// Between attempts to connect to a unix socket whose queue is full.
const QUEUE_FULL: Duration = Duration::from_millis(10);

/// A connection to a target.
pub(crate) struct Dialed {
    pub(crate) leg: Leg,
    /// Counts the connection while it lives.
    pub(crate) active: Active,
    /// What is still owed to the target: all of the PROXY header and of the client's first bytes
    /// that it did not take at once.
    pub(crate) first: Vec<u8>,
}

/// Connects `connection` to a target of `service`: up to `1 + retries` attempts in balance order,
/// each within `connect_timeout`, unless `client` is gone by then. The PROXY header goes first;
/// without TLS, `payload`, what the client has sent so far, is written together with it, so that
/// they share the first segment.
///
/// # Errors
///
/// How the connection ends when no target could be reached.
pub(crate) async fn dial(
    worker: &Worker,
    connection: &Connection,
    service: &Service,
    client: &Leg,
    payload: Vec<u8>,
) -> Result<Dialed, Ending> {
    let mut attempts = Attempts::new(service);
    let mut last_error = io::Error::other("the service has no target");
    for number in 0..=service.config.retries {
        if number > 0 && client.has_failed() {
            return Err(Ending::Reset(
                Party::Client,
                io::ErrorKind::ConnectionReset.into(),
            ));
        }
        let Some(target) = attempts.next(service, connection.client()) else {
            break;
        };
        connection.dialed(Arc::clone(target));
        let deadline = worker.timers.now().after(service.config.connect_timeout);
        let attempt = Attempt {
            worker,
            connection,
            service,
            target,
            number,
            deadline,
        };
        let active = Active::new(target);
        let error = match attempt.connect().await? {
            Err(error) => error,
            Ok(stream) => {
                let header = attempt.header(&stream, client);
                let header = header.map_err(Ending::ConnectFailed)?;
                let leg = match &service.tls {
                    None => Ok((Leg::Plain(stream), header)),
                    // Boxed, because it is large and over before the connection is idle.
                    Some(policy) => Box::pin(attempt.secure(policy, stream, header)).await?,
                };
                match leg {
                    Err(error) => error,
                    Ok((leg, header)) => {
                        attempt.succeeded();
                        connection.header.take();
                        let first = first_bytes(&leg, header, payload);
                        return Ok(Dialed { leg, active, first });
                    }
                }
            }
        };
        attempt.failed();
        last_error = error;
    }
    Err(Ending::ConnectFailed(last_error))
}

/// One attempt to reach a target.
struct Attempt<'a> {
    worker: &'a Worker,
    connection: &'a Connection,
    service: &'a Service,
    target: &'a Arc<Target>,
    /// How many there were before.
    number: u32,
    deadline: Tick,
}

impl Attempt<'_> {
    /// Connects the socket.
    async fn connect(&self) -> Result<io::Result<Stream>, Ending> {
        if let Upstream::Sni(port) = self.target.upstream {
            return Box::pin(self.connect_to_named(port)).await;
        }
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
        match start_tcp(self.worker, address) {
            Ok((stream, true)) => Ok(Ok(Stream::Tcp(stream))),
            Ok((stream, false)) => {
                // Boxed, so that the future of a connection stays small.
                let mut connecting = Box::pin(connected(stream));
                self.or_timed_out(connecting.as_mut()).await
            }
            Err(error) => Ok(Err(error)),
        }
    }

    /// Connects to the name in the client's TLS hello, if its addresses may be dialed.
    async fn connect_to_named(&self, port: u16) -> Result<io::Result<Stream>, Ending> {
        let forbidden = || Ending::Refused(Refusal::ForbiddenDestination);
        let guard = &self.service.guard;
        let hello = self.connection.hello.get();
        let name = hello
            .and_then(|hello| hello.server_name())
            .ok_or_else(forbidden)?;
        let named = guard.judge_name(name, port);
        if named == Named::Refused {
            return Err(forbidden());
        }
        self.connection.names_destination(&format!("{name}:{port}"));
        let looking_up = pin!(self.worker.lookups.addresses(name));
        let addresses = match self.or_timed_out(looking_up).await? {
            Ok(addresses) => addresses,
            Err(error) => return Ok(Err(error)),
        };
        // To connect to where this client has come in would go on for ever.
        let destination = self.connection.identity().map(|known| known.destination.0);
        let address = |ip| SocketAddr::new(ip, port);
        let permits = |ip| {
            guard.permits_address(address(ip), Some(named))
                && destination != Some(Endpoint::ip(address(ip)))
        };
        let (permitted, refused): (Vec<_>, Vec<_>) =
            addresses.into_iter().partition(|ip| permits(*ip));
        let turn = usize::try_from(self.number).unwrap_or(0);
        match (permitted.len(), refused.first()) {
            (0, Some(ip)) => Err(Ending::ForbiddenAddress(address(*ip))),
            (0, None) => Err(forbidden()),
            (n, _) => self.connect_tcp(address(permitted[turn % n])).await,
        }
    }

    /// The PROXY header for the target, empty when it is sent none.
    fn header(&self, stream: &Stream, client: &Leg) -> io::Result<Vec<u8>> {
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
                let (here, there) = (stream.local_endpoint(), stream.peer_endpoint());
                (here.socket_addr(), there.socket_addr())
            }
        };
        let certificate = client.client_certificate();
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

    /// Carries out the TLS handshake, after `header`. Nothing of that is left to be sent.
    async fn secure(
        &self,
        policy: &ClientPolicy,
        stream: Stream,
        header: Vec<u8>,
    ) -> Result<io::Result<(Leg, Vec<u8>)>, Ending> {
        let (worker, connection) = (self.worker, self.connection);
        let host = match &self.target.upstream {
            Upstream::Sni(_) => connection.hello.get().and_then(|hello| hello.server_name()),
            _ => None,
        };
        let host = host.map_or_else(|| self.target.host(), ToOwned::to_owned);
        let forwarded = connection.terminated.get().and_then(|t| t.alpn.as_deref());
        let session = match client_session(policy, &host, forwarded) {
            Ok(session) => session,
            Err(error) => return Ok(Err(error)),
        };
        let buffers = Rc::clone(&worker.tls_buffers);
        let turns = &worker.handshake_turns;
        let shaking = pin!(shake(Leg::Plain(stream), session, Vec::new(), header, buffers, turns));
        let Some(shaken) = self.in_time(shaking).await? else {
            return Ok(Err(io::ErrorKind::TimedOut.into()));
        };
        match shaken {
            // What the client asked for is to blame, so no other attempt ends better.
            Err((error, _)) if forwarded.is_some() && error.is_about_alpn() => {
                Err(Ending::ConnectFailed(error.into()))
            }
            Err((error, _)) => Ok(Err(error.into())),
            Ok(shaken) => {
                let mut stream = shaken.stream;
                connection.upstream_tls.set(stream.session().version());
                stream.unread(shaken.plaintext);
                Ok(Ok((Leg::Tls(stream), Vec::new())))
            }
        }
    }

    /// Waits for `future` until the deadline; `None` when that has come.
    async fn in_time<F: Future>(&self, future: Pin<&mut F>) -> Result<Option<F::Output>, Ending> {
        let waiting = self.connection.until(self.worker, self.deadline, future);
        match waiting.await {
            Ok(output) => Ok(Some(output)),
            Err(Interrupt::Timeout) => Ok(None),
            Err(Interrupt::Stop(stop)) => Err(Ending::Stopped(stop)),
        }
    }

    async fn or_timed_out<T>(
        &self,
        future: Pin<&mut impl Future<Output = io::Result<T>>>,
    ) -> Result<io::Result<T>, Ending> {
        let timed_out = || Err(io::ErrorKind::TimedOut.into());
        Ok(self.in_time(future).await?.unwrap_or_else(timed_out))
    }

    fn succeeded(&self) {
        self.target.succeeded();
        self.target.stats.total.add(self.worker.id, 1);
    }

    fn failed(&self) {
        // What a client names says nothing of what the next one names.
        if !matches!(self.target.upstream, Upstream::Sni(_)) {
            self.target.failed();
        }
        self.target.stats.connect_errors.add(self.worker.id, 1);
    }
}

/// Begins to connect; answers whether that is done already, which saves waiting for the reactor.
fn start_tcp(worker: &Worker, address: SocketAddr) -> io::Result<(TcpStream, bool)> {
    let socket = tcp_socket(address)?;
    worker.tcp_options.borrow().apply(&socket)?;
    begin(socket, address)
}

/// A socket that will not block, without options.
pub(crate) fn tcp_socket(address: SocketAddr) -> io::Result<Socket> {
    Socket::new(
        Domain::for_address(address),
        Type::STREAM.nonblocking().cloexec(),
        Some(Protocol::TCP),
    )
}

/// Begins to connect `socket`; answers whether that is done already.
pub(crate) fn begin(socket: Socket, address: SocketAddr) -> io::Result<(TcpStream, bool)> {
    let done = match socket.connect(&SockAddr::from(address)) {
        Ok(()) => true,
        // On loopback the handshake is over by now all the same: asking costs less than waiting.
        Err(error) if error.raw_os_error() == Some(libc::EINPROGRESS) => socket.peer_addr().is_ok(),
        Err(error) => return Err(error),
    };
    Ok((TcpStream::from_std(socket.into())?, done))
}

/// Waits until `stream` is connected, or has failed to.
pub(crate) async fn connected(stream: TcpStream) -> io::Result<Stream> {
    stream.ready(Interest::WRITABLE).await?;
    match stream.take_error()? {
        None => Ok(Stream::Tcp(stream)),
        Some(error) => Err(error),
    }
}

/// Connects to a unix socket. While its queue is full, which the kernel says at once, it is tried
/// again and again.
pub(crate) async fn connect_unix(path: &Path) -> io::Result<Stream> {
    loop {
        match UnixStream::connect(path).await {
            Ok(stream) => return Ok(Stream::Unix(stream)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                tokio::time::sleep(QUEUE_FULL).await;
            }
            Err(error) => return Err(error),
        }
    }
}

/// Writes the PROXY header, unless it went before TLS, and the client's first bytes; answers what
/// the target did not take yet.
fn first_bytes(leg: &Leg, header: Vec<u8>, payload: Vec<u8>) -> Vec<u8> {
    let mut first = header;
    match first.is_empty() {
        true => first = payload,
        false => first.extend_from_slice(&payload),
    }
    let Leg::Plain(stream) = leg else {
        return first;
    };
    if first.is_empty() {
        return first;
    }
    match stream.write_now(&first) {
        Ok(written) if written == first.len() => Vec::new(),
        Ok(written) => first.split_off(written),
        // The relay meets the same error again, if it is one.
        Err(_) => first,
    }
}
