//! A flood of hellos with the addresses of others.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use vestibule_coap::Code;
use vestibule_dtls::client::{Memory, Versions};
use vestibule_dtls::session::Version;
use vestibule_e2e::coap::coap_request;
use vestibule_e2e::dtls::{CoapsClient, CoapsServer, client_config, first_hello, with_random};
use vestibule_e2e::{Authority, PATIENCE, in_network_namespace};

const PROGRAM: &str = env!("CARGO_BIN_EXE_coaps-server");
const NAME: &str = "matrix.example.org";
const HELLOS: u64 = 100_000;

/// How many of them are on their way at once. All get an answer, so none are lost in the queue of
/// the server's socket, and the count is what the server has seen.
const AT_ONCE: u64 = 100;

/// How much the memory of the server may differ, in bytes: what a client takes that is there at the
/// same time, and what the allocator does.
const SLACK: usize = 200 << 10;

/// Sends hellos with these numbers, each from another address, and reads the answers.
fn flood(server: SocketAddr, hello: &[u8], numbers: std::ops::Range<u64>) {
    let mut hello = hello.to_owned();
    let mut answer = [0; 4096];
    for begin in numbers.clone().step_by(AT_ONCE as usize) {
        let end = numbers.end.min(begin + AT_ONCE);
        let sockets: Vec<UdpSocket> = (begin..end)
            .map(|number| {
                let [.., a, b, c] = (number as u32 + 2).to_be_bytes();
                let socket = UdpSocket::bind((Ipv4Addr::new(127, 1 + a, b, c), 0));
                let socket = socket.expect("every address of 127.0.0.0/8 is ours");
                with_random(&mut hello, number);
                socket.send_to(&hello, server).expect("a datagram is sent");
                socket
            })
            .collect();
        for socket in sockets {
            let timeout = socket.set_read_timeout(Some(PATIENCE));
            timeout.expect("a timeout");
            match socket.recv(&mut answer) {
                Ok(length) => assert!(length <= hello.len(), "{length} for {}", hello.len()),
                Err(error) if error.kind() == ErrorKind::WouldBlock => panic!("no answer"),
                Err(error) => panic!("{error}"),
            }
        }
    }
}

/// Nothing is kept of who has not shown that it is where it says: not of the hellos of any version,
/// nor of their pieces beyond a few. Somebody who means it gets through meanwhile.
#[test]
fn a_hundred_thousand_hellos_leave_memory_where_it_was() {
    if !in_network_namespace("a_hundred_thousand_hellos_leave_memory_where_it_was") {
        return;
    }
    let authority = Authority::new();
    let leaf = authority.server(&[NAME]);
    let server = CoapsServer::start(PROGRAM, &leaf, "--workers 2");
    let address = server.address();
    let config = client_config(&authority, NAME);
    let connect = |version| {
        let mut config = config.clone();
        config.versions = Versions::Only(version);
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
        let mut client = CoapsClient::connect(socket, address, config, Memory::default());
        let answer = client.request(coap_request(Code::POST, "/echo", "in between"));
        assert_eq!(answer.payload, "in between");
        client.close();
    };
    let versions = [Version::Dtls12, Version::Dtls13];
    let hellos = versions.map(|version| first_hello(&config, version));
    // What is done for the first time takes memory.
    for (version, hello) in versions.into_iter().zip(&hellos) {
        (0..20).for_each(|_| connect(version));
        flood(address, hello, 0..5000);
    }
    let cookies = server.count("cookies", &[]);
    let before = server.memory();

    let ends = AtomicBool::new(false);
    let clients = thread::scope(|scope| {
        let connecting = scope.spawn(|| {
            let mut clients = 0;
            while !ends.load(Ordering::SeqCst) {
                connect(versions[clients % 2]);
                clients += 1;
                // As many as one address may begin.
                thread::sleep(Duration::from_millis(200));
            }
            clients
        });
        for (at, hello) in (0..).zip(&hellos) {
            let half = HELLOS / 2;
            flood(address, hello, at * half..(at + 1) * half);
        }
        ends.store(true, Ordering::SeqCst);
        connecting.join().expect("clients that get through")
    });
    assert!(clients >= 2);
    let answered = server.count("cookies", &[]) - cookies;
    assert!(answered >= HELLOS, "{answered}");
    let after = server.memory();
    assert!(after <= before + SLACK, "{before} bytes, then {after}");

    // Pieces of hellos, of which the rest never comes: there is room for a few.
    let mut piece = hellos[0][..13 + 12 + 64].to_vec();
    let body = (piece.len() - 13) as u16;
    piece[11..13].copy_from_slice(&body.to_be_bytes());
    piece[22..25].copy_from_slice(&[0, 0, 64]);
    for number in 0..20_000 {
        let [.., a, b, c] = (number as u32 + 2).to_be_bytes();
        let socket = UdpSocket::bind((Ipv4Addr::new(127, 1 + a, b, c), 0)).expect("an address");
        with_random(&mut piece, number);
        socket.send_to(&piece, address).expect("a datagram is sent");
    }
    connect(Version::Dtls12);
    let pieces = server.memory();
    assert!(
        pieces <= before + SLACK + (2 << 20),
        "{before} bytes, then {pieces}"
    );
    println!(
        "{HELLOS} hellos: {before} bytes before, {after} after, {pieces} after pieces; {clients} \
         clients got through meanwhile"
    );
}
