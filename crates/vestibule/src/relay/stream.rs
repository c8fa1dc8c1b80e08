//! A connected stream socket, TCP or unix.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd},
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    net::{RecvFlags, SendFlags},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
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
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let mut buffer = ReadBuf::new(buffer);
        ready!(match self {
            Self::Tcp(stream) => Pin::new(stream).poll_read(cx, &mut buffer),
            Self::Unix(stream) => Pin::new(stream).poll_read(cx, &mut buffer),
        })?;
        Poll::Ready(Ok(buffer.filled().len()))
    }

    /// Writes some of `bytes`.
    pub(crate) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self {
            Self::Tcp(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Unix(stream) => Pin::new(stream).poll_write(cx, bytes),
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
