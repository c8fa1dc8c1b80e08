use std::net::SocketAddr;

use socket2::{Domain, Socket, Type};

/// A free port of 127.0.0.1 for a program that must be told which one to listen on.
///
/// A bound socket that does not listen keeps the port from everybody but those who ask for it by
/// number with SO_REUSEADDR, as servers do. So nobody takes it before the program is up.
#[derive(Debug)]
pub struct ReservedPort {
    _socket: Socket,
    address: SocketAddr,
}

impl ReservedPort {
    /// A port that the kernel chooses.
    pub fn new() -> Self {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        socket.set_reuse_address(true).expect("SO_REUSEADDR");
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        socket.bind(&any.into()).expect("a free port");
        let address = socket.local_addr().ok().and_then(|a| a.as_socket());
        Self {
            _socket: socket,
            address: address.expect("the address of a bound socket"),
        }
    }

    /// The address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.address.port()
    }
}

impl Default for ReservedPort {
    fn default() -> Self {
        Self::new()
    }
}
