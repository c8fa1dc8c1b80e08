//! Options of UDP sockets.

use std::{ffi::c_int, io, os::fd::AsFd, sync::Arc};

use tokio::io::{Interest, unix::AsyncFd};

use super::set_option;
use crate::udp::Socket;

/// Watches a socket for what comes, and only for that: that there is room to send again must not
/// wake anybody. For a tokio runtime.
///
/// # Errors
///
/// When the system cannot watch it.
#[allow(unsafe_code)]
pub(crate) fn watch_for_datagrams(socket: Arc<Socket>) -> io::Result<AsyncFd<Arc<Socket>>> {
    // SAFETY: a `Socket` has the same descriptor all its life, which lasts as long as the `Arc`.
    let watched = unsafe { AsyncFd::register_with_interest(socket, Interest::READABLE) };
    watched.map_err(io::Error::from)
}

/// Lets what is too long for a link leave in fragments, and has the kernel ignore what strangers say
/// of the path (`IP_PMTUDISC_OMIT`; ip(7), ipv6(7)): whoever forges such a message could make every
/// answer a stream of small pieces.
pub(crate) fn allow_fragments(socket: impl AsFd, is_ipv6: bool) -> io::Result<()> {
    let set = |level, name, value| set_option(&socket, level, name, value);
    if !is_ipv6 {
        return set(libc::SOL_IP, libc::IP_MTU_DISCOVER, libc::IP_PMTUDISC_OMIT);
    }
    set(libc::SOL_IPV6, libc::IPV6_DONTFRAG, 0)?;
    set(
        libc::SOL_IPV6,
        libc::IPV6_MTU_DISCOVER,
        libc::IPV6_PMTUDISC_OMIT,
    )
}

/// Has each datagram arrive alone (no `UDP_GRO`), and without the time at which it came.
pub(crate) fn receive_plain(socket: impl AsFd) {
    const OFF: c_int = 0;
    // A kernel that does not know one of them does not do it either.
    let _ = set_option(&socket, libc::SOL_UDP, libc::UDP_GRO, OFF);
    let _ = set_option(&socket, libc::SOL_SOCKET, libc::SO_TIMESTAMPNS, OFF);
}
