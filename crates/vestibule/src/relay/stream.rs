//! A connected stream socket, TCP or unix.

use std::{
    io,
    net::SocketAddr,
    os::fd::{AsFd, BorrowedFd},
    task::{Context, Poll, ready},
    time::Duration,
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    net::{
        RecvFlags, SendFlags,
        sockopt::{ip_original_dst, ipv6_original_dst},
    },
};
use tokio::{
    io::Interest,
    net::{TcpStream, UnixStream},
};

use crate::addr::Endpoint;

/// A connected stream socket.
#[derive(Debug)]
pub(crate) enum Stream {
    /// TCP over IPv4 or IPv6.
    Tcp(TcpStream),
    /// A unix stream socket.
    Unix(UnixStream),
}

impl Stream {
    /// Reads into `buffer`; 0 is FIN.
    pub(crate) fn poll_read(
        &self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_io(cx, Interest::READABLE, buffer.len(), || {
            self.read_now(buffer)
        })
    }

    /// Writes some of `bytes`.
    pub(crate) fn poll_write(&self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_io(cx, Interest::WRITABLE, bytes.len(), || {
            self.write_now(bytes)
        })
    }

    /// Calls `operation`, which moves up to `asked` bytes, when the reactor thinks that it can.
    ///
    /// One that moves less means that the socket is drained, or full: the next call waits for the
    /// reactor without asking the kernel. Zero is the end of the stream, which stays.
    fn poll_io(
        &self,
        cx: &mut Context<'_>,
        interest: Interest,
        asked: usize,
        mut operation: impl FnMut() -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(match (self, interest) {
                (Self::Tcp(stream), Interest::READABLE) => stream.poll_read_ready(cx),
                (Self::Tcp(stream), _) => stream.poll_write_ready(cx),
                (Self::Unix(stream), Interest::READABLE) => stream.poll_read_ready(cx),
                (Self::Unix(stream), _) => stream.poll_write_ready(cx),
            })?;
            let mut partial = None;
            let attempt = || {
                let moved = operation()?;
                if moved == 0 || moved == asked {
                    return Ok(moved);
                }
                partial = Some(moved);
                Err(io::ErrorKind::WouldBlock.into())
            };
            let tried = match self {
                Self::Tcp(stream) => stream.try_io(interest, attempt),
                Self::Unix(stream) => stream.try_io(interest, attempt),
            };
            match (tried, partial) {
                (_, Some(moved)) | (Ok(moved), None) => return Poll::Ready(Ok(moved)),
                (Err(error), None) if error.kind() == io::ErrorKind::WouldBlock => {}
                (Err(error), None) => return Poll::Ready(Err(error)),
            }
        }
    }

    /// Reads what has already arrived, without waiting and without asking the reactor, which knows
    /// nothing yet of a socket that was just accepted.
    pub(crate) fn read_now(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let (n, _) = rustix::net::recv(self, buffer, RecvFlags::DONTWAIT)?;
        Ok(n)
    }

    /// Writes what the socket takes at once, without asking the reactor.
    pub(crate) fn write_now(&self, bytes: &[u8]) -> io::Result<usize> {
        Ok(rustix::net::send(
            self,
            bytes,
            SendFlags::DONTWAIT | SendFlags::NOSIGNAL,
        )?)
    }

    /// Sends FIN: nothing more will be written.
    pub(crate) fn shut_down_write(&self) -> io::Result<()> {
        Ok(rustix::net::shutdown(self, rustix::net::Shutdown::Write)?)
    }

    /// Whether a write that failed like this tells only that the peer has closed. A unix socket
    /// whose peer has read everything and closed says EPIPE; TCP says it after RST.
    pub(crate) fn closed_in_order(&self, error: &io::Error) -> bool {
        matches!(self, Self::Unix(_)) && error.kind() == io::ErrorKind::BrokenPipe
    }

    /// Makes closing the socket send RST and discard what is not sent yet. There is no RST between
    /// unix sockets: the peer sees the end of the stream.
    pub(crate) fn reset_on_close(&self) {
        let _ = socket2::SockRef::from(self).set_linger(Some(Duration::ZERO));
    }

    /// Whether the connection has failed in a way that no system call has told yet.
    pub(crate) fn has_failed(&self) -> bool {
        let mut asked = [PollFd::new(self, PollFlags::empty())];
        let now = Timespec::default();
        poll(&mut asked, Some(&now)).is_ok() && asked[0].revents().contains(PollFlags::ERR)
    }

    /// Bytes written that the peer has not taken yet.
    pub(crate) fn unacknowledged(&self) -> usize {
        crate::sys::unacknowledged(self).unwrap_or(0)
    }

    /// This end's address.
    pub(crate) fn local_endpoint(&self) -> Endpoint {
        match self {
            Self::Tcp(stream) => stream.local_addr().map_or(Endpoint::Unix, Endpoint::ip),
            Self::Unix(_) => Endpoint::Unix,
        }
    }

    /// Where the peer wanted to go: before the firewall sent it here by a redirection, which only
    /// the kernel remembers, else this end's address, which with TPROXY is that of another machine.
    pub(crate) fn original_destination(&self) -> Endpoint {
        let local = self.local_endpoint();
        let redirected = match local.socket_addr() {
            None => None,
            // What came over IPv4 has an IPv4 socket: listeners of `[::]` are for IPv6 only.
            Some(SocketAddr::V4(_)) => ip_original_dst(self).ok().map(SocketAddr::from),
            Some(SocketAddr::V6(_)) => ipv6_original_dst(self).ok().map(SocketAddr::from),
        };
        redirected.map_or(local, Endpoint::ip)
    }

    /// The other end's address.
    pub(crate) fn peer_endpoint(&self) -> Endpoint {
        match self {
            Self::Tcp(stream) => stream.peer_addr().map_or(Endpoint::Unix, Endpoint::ip),
            Self::Unix(_) => Endpoint::Unix,
        }
    }
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tcp(stream) => stream.as_fd(),
            Self::Unix(stream) => stream.as_fd(),
        }
    }
}
