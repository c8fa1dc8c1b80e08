use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::thread;

use vestibule_dtls::wire::{self, Hello};

use super::{Flood, WINDOW};

/// What has come to the server of the test.
#[derive(Default)]
struct Seen {
    addresses: HashSet<IpAddr>,
    randoms: HashSet<[u8; 32]>,
}

/// Answers every hello but each `silent`th, until an empty datagram says that this was the last.
fn serve(socket: &UdpSocket, silent: usize) -> Seen {
    let (mut seen, mut datagram) = (Seen::default(), [0; 2048]);
    loop {
        let (length, from) = socket.recv_from(&mut datagram).unwrap();
        if length == 0 {
            return seen;
        }
        let mut records = wire::records_without_id(&datagram[..length]);
        let hello = Hello::peek(records.next().unwrap().bytes).unwrap();
        assert!(hello.whole && !hello.cookie && !hello.ticket);
        assert!(from.ip().is_loopback());
        seen.addresses.insert(from.ip());
        seen.randoms.insert(hello.random.unwrap());
        if !seen.addresses.len().is_multiple_of(silent) {
            socket.send_to(b"cookie", from).unwrap();
        }
    }
}

/// How many of 300 hellos had no answer from a server that answers all but 6.
fn unanswered() -> u64 {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address: SocketAddr = socket.local_addr().unwrap();
    let server = thread::spawn(move || serve(&socket, 50));
    let mut flood = Flood::new(address).unwrap();
    flood.send(WINDOW as u32 * 2).unwrap();
    flood.send(300 - WINDOW as u32 * 2).unwrap();
    let end = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    end.send_to(&[], address).unwrap();
    let seen = server.join().unwrap();
    assert_eq!((seen.addresses.len(), seen.randoms.len()), (300, 300));
    flood.unanswered
}

#[test]
fn every_hello_is_another_one_and_what_has_no_answer_is_counted() {
    // A machine that is busy may be late with others.
    let counts: Vec<_> = (0..20)
        .map(|_| unanswered())
        .take_while(|count| !(6..100).contains(count))
        .collect();
    assert!(
        counts.len() < 20 && counts.iter().all(|count| *count >= 6),
        "{counts:?}"
    );
}
