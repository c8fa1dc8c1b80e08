//! Binding and sending.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd},
};

use quinn_udp::{Transmit, UdpSockRef, UdpSocketState};
use socket2::{Domain, Protocol, Socket as RawSocket, Type};

use crate::sys::{allow_fragments, receive_plain};

/// What the kernel is asked to hold in each direction, in bytes: a burst of some thousand
/// handshakes. It may allow less (`net.core.rmem_max`, `net.core.wmem_max`).
const BUFFER: usize = 4 << 20;

/// A bound UDP socket. It is shared by everybody who sends; who receives has a
/// [`Receiver`](super::Receiver).
#[derive(Debug)]
pub(crate) struct Socket {
    socket: RawSocket,
    pub(super) state: UdpSocketState,
    local: SocketAddr,
}

/// Why a datagram was not sent. It is lost, as datagrams may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unsent {
    /// The kernel has no room for it now.
    Full,
    /// The system does not send it: no route, a firewall, an address that is not ours any more.
    Refused,
}

impl Socket {
    /// Binds an address, which nobody else may have; port 0 is a free one. `[::]` is IPv6 only.
    ///
    /// # Errors
    ///
    /// When the system refuses: the address is in use or is not ours.
    pub(crate) fn bind(address: SocketAddr) -> io::Result<Self> {
        let domain = Domain::for_address(address);
        let kind = Type::DGRAM.nonblocking().cloexec();
        let socket = RawSocket::new(domain, kind, Some(Protocol::UDP))?;
        if domain == Domain::IPV6 {
            socket.set_only_v6(true)?;
        }
        // What is allowed without them does as well.
        let _ = socket.set_recv_buffer_size(BUFFER);
        let _ = socket.set_send_buffer_size(BUFFER);
        socket.bind(&address.into())?;
        let state = UdpSocketState::new(UdpSockRef::from(&socket))?;
        // That has forbidden fragments, for those who search for the largest datagram.
        allow_fragments(&socket, address.is_ipv6())?;
        receive_plain(&socket);
        let local = socket.local_addr()?.as_socket().unwrap_or(address);
        Ok(Self {
            socket,
            state,
            local,
        })
    }

    /// Where it is bound.
    pub(crate) fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// Sends a datagram, without waiting, from the address `from` of ours; `None`: from the one that
    /// the kernel chooses.
    ///
    /// # Errors
    ///
    /// Why it is lost.
    pub(crate) fn send(
        &self,
        from: Option<IpAddr>,
        to: SocketAddr,
        datagram: &[u8],
    ) -> Result<(), Unsent> {
        let transmit = Transmit {
            destination: to,
            ecn: None,
            contents: datagram,
            segment_size: None,
            src_ip: from,
        };
        let sent = self.state.try_send(UdpSockRef::from(self), &transmit);
        sent.map_err(|error| match error.raw_os_error() {
            // Both are EAGAIN on Linux; the queue of a device says ENOBUFS.
            Some(libc::EAGAIN | libc::ENOBUFS | libc::ENOMEM) => Unsent::Full,
            _ => Unsent::Refused,
        })
    }
}

impl AsRawFd for Socket {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
