use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::thread;
use std::time::Duration;

use vestibule_dtls::wire::{self, Hello};

use super::{Flood, WINDOW};

/// What has come to the server of the test.
#[derive(Default)]
struct Seen {
    addresses: HashSet<IpAddr>,
    randoms: HashSet<[u8; 32]>,
}

/// Answers every hello but each `silent`th, until there is none for a while.
fn serve(socket: &UdpSocket, silent: usize) -> Seen {
    let (mut seen, mut datagram) = (Seen::default(), [0; 2048]);
    while let Ok((length, from)) = socket.recv_from(&mut datagram) {
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
    seen
}

#[test]
fn every_hello_is_another_one_and_what_has_no_answer_is_counted() {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let time = Some(Duration::from_secs(1));
    socket.set_read_timeout(time).unwrap();
    let address: SocketAddr = socket.local_addr().unwrap();
    let server = thread::spawn(move || serve(&socket, 50));
    let mut flood = Flood::new(address).unwrap();
    flood.send(WINDOW as u32 * 2).unwrap();
    flood.send(300 - WINDOW as u32 * 2).unwrap();
    let seen = server.join().unwrap();
    assert_eq!((seen.addresses.len(), seen.randoms.len()), (300, 300));
    // A machine that is busy may be late with others.
    assert!((6..100).contains(&flood.unanswered), "{}", flood.unanswered);
}
