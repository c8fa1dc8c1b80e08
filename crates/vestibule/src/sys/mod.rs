//! The system calls that no crate wraps safely. All `unsafe` of the project lives here.

mod options;
mod unix_socket;

use std::{ffi::c_int, io, os::fd::AsFd};

use rustix::ioctl::{Getter, Opcode, ioctl};

pub(crate) use options::TcpOptions;
pub(crate) use unix_socket::{SocketFile, listen as listen_unix};

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
