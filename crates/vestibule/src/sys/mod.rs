//! The system calls that no crate wraps safely. All `unsafe` of the project lives here.

pub(crate) mod allocator;
mod datagrams;
mod options;
mod unix_socket;

use std::{
    ffi::c_int,
    io,
    os::fd::{AsFd, AsRawFd},
};

use rustix::ioctl::{Getter, Opcode, ioctl};

pub(crate) use datagrams::{allow_fragments, receive_plain, watch_for_datagrams};
pub(crate) use options::TcpOptions;
pub(crate) use unix_socket::{SocketFile, listen as listen_unix};

/// Lets the kernel choose the port of a bound socket only when it is connected, when it knows which
/// ones are free towards the target (`IP_BIND_ADDRESS_NO_PORT`, for IPv6 as well; ip(7)).
pub(crate) fn choose_port_late(socket: impl AsFd) -> io::Result<()> {
    set_option(socket, libc::SOL_IP, libc::IP_BIND_ADDRESS_NO_PORT, 1)
}

/// Sets an option whose value is a C int.
#[allow(unsafe_code)]
fn set_option(socket: impl AsFd, level: c_int, name: c_int, value: c_int) -> io::Result<()> {
    // SAFETY: the descriptor is open while it is borrowed, and the kernel reads one C int.
    let result = unsafe {
        libc::setsockopt(
            socket.as_fd().as_raw_fd(),
            level,
            name,
            (&raw const value).cast(),
            size_of::<c_int>() as libc::socklen_t,
        )
    };
    match result {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Bytes written to a stream socket that its peer has not taken yet: for TCP those not
/// acknowledged, for unix sockets those not read (`SIOCOUTQ`; tcp(7), unix(7)).
#[allow(unsafe_code)]
pub(crate) fn unacknowledged(socket: impl AsFd) -> io::Result<usize> {
    // SIOCOUTQ and TIOCOUTQ are the same number (<linux/sockios.h>).
    const SIOCOUTQ: Opcode = libc::TIOCOUTQ as Opcode;
    // SAFETY: this request reads nothing and writes one C int, for which `Getter` has room.
    let bytes = unsafe { ioctl(socket, Getter::<SIOCOUTQ, c_int>::new()) }?;
    Ok(usize::try_from(bytes).unwrap_or(0))
}
