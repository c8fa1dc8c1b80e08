use std::fs::read_to_string;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};

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

/// Where ports are looked for that programs are told.
const LOWEST: u16 = 10_000;
const HIGHEST: u16 = 30_000;

/// How often they are drawn.
const DRAWS: usize = 1_000;

/// The first of `count` ports of 127.0.0.1 in a row that nobody has now, neither for TCP nor for UDP.
/// For programs that cannot share them with a [`ReservedPort`], and where nobody shall be.
///
/// The kernel gives them to nobody who asks for any port, so they mostly stay free.
pub fn free_ports(count: u16) -> u16 {
    let range = read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    let given = range.split_whitespace().next();
    let given = given.and_then(|lowest| lowest.parse().ok());
    let end = given.unwrap_or(HIGHEST).clamp(LOWEST + 1_000, HIGHEST) - count;
    let is_free = |port| {
        let address = (Ipv4Addr::LOCALHOST, port);
        UdpSocket::bind(address).is_ok() && TcpListener::bind(address).is_ok()
    };
    for _ in 0..DRAWS {
        let drawn = RandomState::new().build_hasher().finish() % u64::from(end - LOWEST);
        let first = LOWEST + u16::try_from(drawn).expect("less than a port");
        if (first..first + count).all(is_free) {
            return first;
        }
    }
    panic!("no {count} free ports between {LOWEST} and {end}");
}
