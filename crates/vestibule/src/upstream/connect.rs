//! Sockets towards others: made, and connected.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    num::NonZeroU32,
    path::Path,
    time::Duration,
};

use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use tokio::{
    io::Interest,
    net::{TcpStream, UnixStream},
};

use crate::{
    relay::Stream,
    sys::{self, TcpOptions},
};

/// Between attempts to connect to a unix socket whose queue is full.
const QUEUE_FULL: Duration = Duration::from_millis(10);

/// How sockets towards others are made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outgoing<'a> {
    pub(super) options: &'a TcpOptions,
    /// The service's own firewall mark.
    pub(super) mark: Option<NonZeroU32>,
    /// Whose address the other end is to see; `None`: ours.
    pub(super) source: Option<IpAddr>,
    /// Whether nobody calls [`TcpOptions::settle`] later.
    pub(super) lasts: bool,
}

impl Outgoing<'_> {
    /// Begins to connect to `address`; answers whether that is done already, which saves waiting
    /// for the reactor.
    ///
    /// # Errors
    ///
    /// When the system refuses: without CAP_NET_ADMIN it does so for a mark, or the address of
    /// somebody else.
    pub(super) fn begin(&self, address: SocketAddr) -> io::Result<(TcpStream, bool)> {
        let socket = Socket::new(
            Domain::for_address(address),
            Type::STREAM.nonblocking().cloexec(),
            Some(Protocol::TCP),
        )?;
        match self.lasts {
            true => self.options.apply(&socket)?,
            false => self.options.begin(&socket)?,
        }
        if let Some(mark) = self.mark.or(self.options.mark()) {
            socket.set_mark(mark.get())?;
        }
        if let Some(source) = self.source {
            bind_to(&socket, source, address)?;
        }
        let done = match socket.connect(&SockAddr::from(address)) {
            Ok(()) => true,
            // On loopback the handshake is over by now all the same: asking costs less than waiting.
            Err(error) if error.raw_os_error() == Some(libc::EINPROGRESS) => {
                socket.peer_addr().is_ok()
            }
            Err(error) => return Err(error),
        };
        Ok((TcpStream::from_std(socket.into())?, done))
    }
}

/// Makes connections of `socket` to `target` come from `source`, which is another machine's.
fn bind_to(socket: &Socket, source: IpAddr, target: SocketAddr) -> io::Result<()> {
    match (source, target) {
        (IpAddr::V4(_), SocketAddr::V4(_)) => socket.set_ip_transparent_v4(true)?,
        (IpAddr::V6(_), SocketAddr::V6(_)) => socket.set_ip_transparent_v6(true)?,
        _ => {
            return Err(io::Error::other(format!(
                "{target} cannot be reached from {source}: IPv4 and IPv6 do not mix"
            )));
        }
    }
    // One client may have as many connections as there are ports for each target, not in all.
    sys::choose_port_late(socket)?;
    socket.bind(&SocketAddr::new(source, 0).into())
}

/// Waits until `stream` is connected, or has failed to.
pub(super) async fn connected(stream: TcpStream) -> io::Result<Stream> {
    stream.ready(Interest::WRITABLE).await?;
    match stream.take_error()? {
        None => Ok(Stream::Tcp(stream)),
        Some(error) => Err(error),
    }
}

/// Connects to a unix socket. While its queue is full, which the kernel says at once, it is tried
/// again and again.
pub(super) async fn connect_unix(path: &Path) -> io::Result<Stream> {
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
