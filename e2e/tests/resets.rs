//! Resets while the other side reads slowly, or not at all.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};
use vestibule_e2e::{
    Connections, Origin, PATIENCE, Random, Vestibule, eventually, linger_zero, wait_for,
};

/// What the upstream sends before it resets the connection.
const BYTES: usize = 1_000_000;

fn in_front_of(origin: &Origin, keys: &str) -> Vestibule {
    Vestibule::start(format!(
        "[[listener]]\nname = \"in\"\nbind = \"127.0.0.1:0\"\nservice = \"s\"\n\
         [service.s]\nupstreams = [\"{}\"]\n{keys}\n",
        origin.address()
    ))
}

/// A client whose kernel takes little before somebody reads, and its upstream.
fn carried(vestibule: &Vestibule, connections: &Connections) -> (TcpStream, TcpStream) {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    socket.set_recv_buffer_size(16_000).expect("SO_RCVBUF");
    let address: SocketAddr = vestibule.address("in");
    socket.connect(&address.into()).expect("the listener");
    let mut client = TcpStream::from(socket);
    client.set_read_timeout(Some(PATIENCE)).expect("a time");
    client.write_all(b"?").expect("a byte");
    (client, connections.accept())
}

/// Sends `bytes` and resets the connection when Vestibule's kernel has them all: what the reset
/// overtakes would be lost without Vestibule, too.
fn send_and_reset(mut upstream: TcpStream, bytes: &[u8]) -> Instant {
    upstream.write_all(bytes).expect("the bytes");
    eventually("Vestibule's kernel to take the bytes", || {
        unacknowledged(&upstream) == 0
    });
    linger_zero(&upstream);
    Instant::now()
}

/// Bytes that the other kernel has not acknowledged.
fn unacknowledged(stream: &TcpStream) -> u64 {
    let port = |address: SocketAddr| format!(":{:04X}", address.port());
    let local = port(stream.local_addr().expect("an address"));
    let remote = port(stream.peer_addr().expect("an address"));
    let table = fs::read_to_string("/proc/net/tcp").expect("the sockets");
    let queues = table.lines().find_map(|line| {
        let mut fields = line.split_whitespace().skip(1);
        let ours = fields.next()?.ends_with(&local) && fields.next()?.ends_with(&remote);
        fields.nth(1).filter(|_| ours)
    });
    let queues = queues.expect("the socket in the table");
    let (sending, _) = queues.split_once(':').expect("two queues");
    u64::from_str_radix(sending, 16).expect("a number of bytes")
}

#[test]
fn a_slow_reader_gets_all_that_came_before_the_upstreams_reset() {
    // Longer than any fixed time that could be meant for the rest. On a machine that does much else the
    // reset may come late.
    let mut times = (0..5).map(|_| read_slowly());
    assert!(times.any(|time| time > Duration::from_millis(2_500)));
}

/// How long the rest has taken.
fn read_slowly() -> Duration {
    let (origin, connections) = Origin::hand_over();
    let vestibule = in_front_of(&origin, "");
    let (mut client, upstream) = carried(&vestibule, &connections);
    let mut bytes = vec![0; BYTES];
    Random::new(1).fill(&mut bytes);
    let sent = bytes.clone();
    let upstream = thread::spawn(move || send_and_reset(upstream, &sent));
    let mut received = Vec::new();
    let mut buffer = [0; 10_000];
    loop {
        match client.read(&mut buffer) {
            Ok(0) => panic!("FIN instead of a reset after {} bytes", received.len()),
            Ok(n) => received.extend_from_slice(&buffer[..n]),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => break,
            Err(error) => panic!("{error} after {} bytes", received.len()),
        }
        thread::sleep(Duration::from_millis(40));
    }
    let reset = upstream.join().expect("the upstream");
    assert!(received == bytes, "{} bytes came", received.len());
    let time = reset.elapsed();
    let record = vestibule.record_of(client.local_addr().expect("an address"));
    record.assert(&[("end", "reset"), ("ended_by", "upstream")]);
    assert_eq!(record.number("bytes_out"), BYTES as u64);
    time
}

/// A reader that has stopped is waited for as long as half a connection may be silent.
#[test]
fn a_reader_that_stalls_after_the_upstreams_reset_is_given_up() {
    let (origin, connections) = Origin::hand_over();
    let mut vestibule = in_front_of(&origin, "half_close_timeout = \"1s\"");
    vestibule.metrics();
    let idle = vestibule.process().open_descriptors();
    let (mut client, upstream) = carried(&vestibule, &connections);
    let reset = send_and_reset(upstream, &vec![1; 200_000]);
    let process = vestibule.process();
    eventually("the connection to be closed", || {
        process.open_descriptors() <= idle
    });
    assert!(reset.elapsed() >= Duration::from_millis(900));
    assert!(reset.elapsed() < Duration::from_secs(30));
    let end = wait_for("a reset", || client.read(&mut [0; 1_000]).err());
    assert_eq!(end.kind(), ErrorKind::ConnectionReset);
}
