//! A connected stream socket, TCP or unix.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd},
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use rustix::net::{RecvFlags, SendFlags};
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

    /// Makes closing the socket send RST and discard what is not sent yet.
    pub(crate) fn reset_on_close(&self) {
        let _ = socket2::SockRef::from(self).set_linger(Some(Duration::ZERO));
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
