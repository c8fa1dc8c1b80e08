//! Dialing: from a service to a connected stream that has been told who the client is.

use std::{io, net::SocketAddr, path::Path, pin::pin, sync::Arc, time::Duration};

use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use tokio::{
    io::Interest,
    net::{TcpStream, UnixStream},
};

use super::{Active, Target, balance::Attempts, header::outgoing_header, target::Place};
use crate::{
    ending::{Ending, Party},
    plan::Service,
    relay::Stream,
    worker::{Connection, Interrupt, Worker},
};

/// Between attempts to connect to a unix socket whose queue is full.
const QUEUE_FULL: Duration = Duration::from_millis(10);

/// A connection to a target.
pub(crate) struct Dialed {
    pub(crate) stream: Stream,
    /// Counts the connection while it lives.
    pub(crate) active: Active,
    /// What is still owed to the target: all of the PROXY header and of the client's first bytes
    /// that it did not take at once.
    pub(crate) first: Vec<u8>,
}

/// Connects `connection` to a target of `service`: up to `1 + retries` attempts in balance order,
/// each within `connect_timeout`, unless `client` is gone by then. The PROXY header and then `payload`, what the client has sent so
/// far, are written at once, so that they share the first segment.
///
/// # Errors
///
/// How the connection ends when no target could be reached.
pub(crate) async fn dial(
    worker: &Worker,
    connection: &Connection,
    service: &Service,
    client: &Stream,
    payload: Vec<u8>,
) -> Result<Dialed, Ending> {
    let mut attempts = Attempts::new(service);
    let mut last_error = io::Error::other("the service has no target");
    for number in 0..=service.config.retries {
        if number > 0 && client.has_failed() {
            return Err(Ending::Reset(Party::Client, io::ErrorKind::ConnectionReset));
        }
        let Some(target) = attempts.next(service, connection.client()) else {
            break;
        };
        connection.dialed(Arc::clone(target));
        match attempt(worker, connection, service, target).await {
            Err(ending) => return Err(ending),
            Ok(Ok((stream, active))) => {
                target.succeeded();
                target.stats.total.add(worker.id, 1);
                let first = first_bytes(worker, connection, service, &stream, payload)
                    .map_err(Ending::ConnectFailed)?;
                return Ok(Dialed {
                    stream,
                    active,
                    first,
                });
            }
            Ok(Err(error)) => {
                target.failed();
                target.stats.connect_errors.add(worker.id, 1);
                last_error = error;
            }
        }
    }
    Err(Ending::ConnectFailed(last_error))
}

async fn attempt(
    worker: &Worker,
    connection: &Connection,
    service: &Service,
    target: &Arc<Target>,
) -> Result<io::Result<(Stream, Active)>, Ending> {
    let active = Active::new(target);
    let limit = service.config.connect_timeout;
    let mut place = target.next_place();
    if place == Place::Unresolved {
        let looked_up = Box::pin(target.looked_up());
        match connection.within(worker, limit, pin!(looked_up)).await {
            Ok(()) | Err(Interrupt::Timeout) => place = target.next_place(),
            Err(Interrupt::Stop(stop)) => return Err(Ending::Stopped(stop)),
        }
    }
    let connected = match place {
        Place::Unresolved => Ok(Err(io::Error::new(
            io::ErrorKind::NotFound,
            format!("the name in {} does not resolve", target.label),
        ))),
        Place::Unix(path) => {
            // Boxed, because it is large and most connections are not to unix sockets.
            let connecting = Box::pin(connect_unix(path));
            connection.within(worker, limit, pin!(connecting)).await
        }
        Place::Tcp(address) => match start_tcp(worker, address) {
            Ok((stream, true)) => Ok(Ok(Stream::Tcp(stream))),
            Ok((stream, false)) => {
                let connecting = pin!(connected(stream));
                connection.within(worker, limit, connecting).await
            }
            Err(error) => Ok(Err(error)),
        },
    };
    match connected {
        Ok(Ok(stream)) => Ok(Ok((stream, active))),
        Ok(Err(error)) => Ok(Err(error)),
        Err(Interrupt::Timeout) => Ok(Err(io::ErrorKind::TimedOut.into())),
        Err(Interrupt::Stop(stop)) => Err(Ending::Stopped(stop)),
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

/// Writes the PROXY header and the client's first bytes; answers what the target did not take yet.
fn first_bytes(
    worker: &Worker,
    connection: &Connection,
    service: &Service,
    stream: &Stream,
    payload: Vec<u8>,
) -> io::Result<Vec<u8>> {
    let mut first = payload;
    if let Some(send) = &service.config.send_proxy {
        let incoming = connection.header.take();
        let identity = connection.identity();
        let mut header = Vec::with_capacity(64 + first.len());
        let own = || {
            let (here, there) = (stream.local_endpoint(), stream.peer_endpoint());
            (here.socket_addr(), there.socket_addr())
        };
        let client = connection.client().0.socket_addr();
        let destination = identity.and_then(|known| known.destination.0.socket_addr());
        let own = match (client, destination) {
            (Some(_), Some(_)) => (None, None),
            _ => own(),
        };
        outgoing_header(
            send,
            client,
            destination,
            own,
            incoming.as_deref(),
            &worker.connections.unique_id(connection.id),
            &mut header,
        )
        .map_err(|error| io::Error::other(format!("cannot write the PROXY header: {error}")))?;
        header.extend_from_slice(&first);
        first = header;
    }
    if first.is_empty() {
        return Ok(first);
    }
    match stream.write_now(&first) {
        Ok(written) if written == first.len() => Ok(Vec::new()),
        Ok(written) => Ok(first.split_off(written)),
        // The relay meets the same error again, if it is one.
        Err(_) => Ok(first),
    }
}
