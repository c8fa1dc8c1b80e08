//! The relay's promises on single connections: half-close, resets, back-pressure, silence.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use vestibule_e2e::{
    Connections, End, Origin, Random, Sum, Vestibule, connect, eventually, exchange, linger_zero,
    read_to_end, within,
};

/// A plain listener in front of `origin`, the service having these keys too.
fn in_front_of(origin: &Origin, keys: &str) -> Vestibule {
    Vestibule::start(format!(
        "[[listener]]\nname = \"in\"\nbind = \"127.0.0.1:0\"\nservice = \"s\"\n\
         [service.s]\nupstreams = [\"{}\"]\n{keys}\n",
        origin.address()
    ))
}

/// Vestibule, and both ends of a connection through it that has carried a byte each way.
fn carried(keys: &str) -> (Vestibule, TcpStream, TcpStream) {
    let (origin, connections) = Origin::hand_over();
    let vestibule = in_front_of(&origin, keys);
    let (client, upstream) = carried_through(&vestibule, &connections);
    (vestibule, client, upstream)
}

fn carried_through(vestibule: &Vestibule, connections: &Connections) -> (TcpStream, TcpStream) {
    let mut client = connect(vestibule.address("in"));
    client.write_all(b"?").expect("a byte to be taken");
    let mut upstream = connections.accept();
    let mut byte = [0];
    upstream.read_exact(&mut byte).expect("the client's byte");
    upstream.write_all(b"!").expect("a byte to be taken");
    client.read_exact(&mut byte).expect("the origin's byte");
    (client, upstream)
}

fn random_bytes(count: usize, seed: u64) -> Vec<u8> {
    let mut bytes = vec![0; count];
    Random::new(seed).fill(&mut bytes);
    bytes
}

#[test]
fn the_clients_fin_ends_one_direction_only() {
    let (vestibule, mut client, mut upstream) = carried("");
    let (question, answer) = (random_bytes(100_000, 1), random_bytes(3_000_000, 2));
    client.write_all(&question).expect("the question");
    client.shutdown(Shutdown::Write).expect("FIN");
    assert_eq!(read_to_end(&mut upstream), (question, End::Fin));
    // Long after the FIN, the other direction is as open as before.
    thread::sleep(Duration::from_millis(300));
    let sent = answer.clone();
    let sender = thread::spawn(move || upstream.write_all(&sent).expect("the answer"));
    assert_eq!(read_to_end(&mut client), (answer, End::Fin));
    sender.join().expect("the sender");
    let record = vestibule.record_of(client.local_addr().expect("an address"));
    record.assert(&[("end", "eof"), ("ended_by", "client"), ("service", "s")]);
    assert_eq!(record.number("bytes_in"), 100_001);
    assert_eq!(record.number("bytes_out"), 3_000_001);
}

#[test]
fn the_upstreams_fin_ends_one_direction_only() {
    let (vestibule, mut client, mut upstream) = carried("");
    let (answer, more) = (random_bytes(100_000, 3), random_bytes(3_000_000, 4));
    upstream.write_all(&answer).expect("the answer");
    upstream.shutdown(Shutdown::Write).expect("FIN");
    assert_eq!(read_to_end(&mut client), (answer, End::Fin));
    thread::sleep(Duration::from_millis(300));
    let address = client.local_addr().expect("an address");
    let sent = more.clone();
    let sender = thread::spawn(move || client.write_all(&sent).expect("more"));
    assert_eq!(read_to_end(&mut upstream), (more, End::Fin));
    sender.join().expect("the sender");
    let record = vestibule.record_of(address);
    record.assert(&[("end", "eof"), ("ended_by", "upstream")]);
    assert_eq!(record.number("bytes_in"), 3_000_001);
}

/// The upstream reads only after the client's reset has come: it still gets every byte that
/// Vestibule had read, and learns of the reset only then.
#[test]
fn a_clients_reset_follows_what_was_read_before_it() {
    let (vestibule, mut client, mut upstream) = carried("");
    let bytes = random_bytes(50_000, 5);
    client.write_all(&bytes).expect("the bytes");
    wait_until_received(&vestibule, 50_001);
    let address = client.local_addr().expect("an address");
    linger_zero(&client);
    drop(client);
    let record = vestibule.record_of(address);
    assert_eq!(read_all_before_reset(&mut upstream), bytes);
    record.assert(&[("end", "reset"), ("ended_by", "client")]);
    assert_eq!(record.number("bytes_in"), 50_001);
}

#[test]
fn an_upstreams_reset_follows_what_was_read_before_it() {
    let (vestibule, mut client, mut upstream) = carried("");
    let bytes = random_bytes(50_000, 6);
    upstream.write_all(&bytes).expect("the bytes");
    eventually("the bytes to be read", || {
        let sent = vestibule
            .metrics()
            .value("vestibule_sent_bytes_total", &[("service", "s")]);
        sent == 50_001
    });
    linger_zero(&upstream);
    drop(upstream);
    let record = vestibule.record_of(client.local_addr().expect("an address"));
    assert_eq!(read_all_before_reset(&mut client), bytes);
    record.assert(&[("end", "reset"), ("ended_by", "upstream")]);
    assert_eq!(record.number("bytes_out"), 50_001);
}

/// A reset that comes after FIN is a reset all the same.
#[test]
fn a_reset_after_fin_is_passed_on() {
    let (vestibule, mut client, mut upstream) = carried("");
    upstream.shutdown(Shutdown::Write).expect("FIN");
    assert_eq!(read_to_end(&mut client), (Vec::new(), End::Fin));
    let address = client.local_addr().expect("an address");
    linger_zero(&client);
    drop(client);
    assert_eq!(read_to_end(&mut upstream), (Vec::new(), End::Reset));
    let record = vestibule.record_of(address);
    record.assert(&[("end", "reset"), ("ended_by", "client")]);
}

/// Nobody reads: what is on its way stays within what the kernel's buffers hold, and Vestibule's
/// own memory does not grow. Then everything arrives.
#[test]
fn a_reader_that_stalls_stops_the_writer() {
    const CONNECTIONS: usize = 8;
    const BLOCKED: Duration = Duration::from_millis(700);
    let (origin, connections) = Origin::hand_over();
    let mut vestibule = in_front_of(&origin, "");
    let pairs: Vec<_> = (0..CONNECTIONS)
        .map(|_| carried_through(&vestibule, &connections))
        .collect();
    let before = vestibule.process().resident_memory();
    let in_flight: Vec<Sum> = pairs
        .iter()
        .map(|(client, _)| fill(client, BLOCKED))
        .collect();
    let grown = vestibule.process().resident_memory().saturating_sub(before);
    // What Vestibule itself holds of a connection is at most what one read gave.
    assert!(grown < CONNECTIONS * 64 * 1024 + (1 << 20), "{grown} bytes");
    for ((client, mut upstream), sent) in pairs.into_iter().zip(in_flight) {
        assert!(sent.bytes > 0);
        assert!(sent.bytes < 32 << 20, "{} bytes on their way", sent.bytes);
        client.shutdown(Shutdown::Write).expect("FIN");
        let (received, end) = read_to_end(&mut upstream);
        let mut sum = Sum::default();
        sum.add(&received);
        assert_eq!((sum, end), (sent, End::Fin));
    }
}

/// Writes until nothing has been taken for `blocked`.
fn fill(mut stream: &TcpStream, blocked: Duration) -> Sum {
    let mut random = Random::new(7);
    let mut sum = Sum::default();
    let mut segment = [0; 16 * 1024];
    stream.set_nonblocking(true).expect("O_NONBLOCK");
    let mut last = Instant::now();
    random.fill(&mut segment);
    while last.elapsed() < blocked {
        match stream.write(&segment) {
            Ok(n) => {
                sum.add(&segment[..n]);
                random.fill(&mut segment);
                last = Instant::now();
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                thread::sleep(Duration::from_millis(10));
            }
            Err(error) => panic!("writing failed: {error}"),
        }
    }
    stream.set_nonblocking(false).expect("O_NONBLOCK");
    sum
}

#[test]
fn silence_ends_a_connection_with_fin_on_both_sides() {
    let (vestibule, mut client, mut upstream) = carried("idle_timeout = \"1s\"");
    let silent_since = Instant::now();
    assert_eq!(read_to_end(&mut client), (Vec::new(), End::Fin));
    let waited = silent_since.elapsed();
    assert!(waited >= Duration::from_millis(950), "{waited:?}");
    assert!(waited < Duration::from_secs(30), "{waited:?}");
    assert_eq!(read_to_end(&mut upstream), (Vec::new(), End::Fin));
    let record = vestibule.record_of(client.local_addr().expect("an address"));
    record.assert(&[("end", "idle_timeout"), ("ended_by", "vestibule")]);
}

#[test]
fn whoever_speaks_now_and_then_is_not_silent() {
    let origin = Origin::echo();
    let vestibule = in_front_of(&origin, "idle_timeout = \"5s\"");
    let mut client = connect(vestibule.address("in"));
    for _ in 0..5 {
        exchange(&mut client, b"still here");
        thread::sleep(Duration::from_millis(1_500));
    }
    client.shutdown(Shutdown::Write).expect("FIN");
    assert_eq!(read_to_end(&mut client), (Vec::new(), End::Fin));
    let record = vestibule.record_of(client.local_addr().expect("an address"));
    record.assert(&[("end", "eof")]);
    assert!(record.duration_ms() > 7_000.0);
}

/// Each side has its own limit: the one that stays silent for too long is named.
#[test]
fn silence_of_one_side_is_told_from_that_of_the_other() {
    let keys = "idle_timeout = { client = \"1h\", upstream = \"1s\" }";
    let (vestibule, mut client, _upstream) = carried(keys);
    assert_eq!(read_to_end(&mut client), (Vec::new(), End::Fin));
    let record = vestibule.record_of(client.local_addr().expect("an address"));
    record.assert(&[
        ("end", "idle_timeout"),
        ("reason", "the upstream was silent"),
    ]);
}

#[test]
fn half_a_connection_does_not_live_for_ever() {
    let (vestibule, mut client, mut upstream) = carried("half_close_timeout = \"5s\"");
    client.shutdown(Shutdown::Write).expect("FIN");
    assert_eq!(read_to_end(&mut upstream), (Vec::new(), End::Fin));
    // As long as something moves, half a connection goes on.
    for _ in 0..6 {
        upstream.write_all(b"more").expect("the answer goes on");
        thread::sleep(Duration::from_millis(1_200));
    }
    let silent_since = Instant::now();
    let (received, end) = read_to_end(&mut client);
    assert_eq!((received.len(), end), (24, End::Fin));
    assert!(silent_since.elapsed() < Duration::from_secs(30));
    let record = vestibule.record_of(client.local_addr().expect("an address"));
    record.assert(&[("end", "half_close_timeout"), ("ended_by", "vestibule")]);
}

#[test]
fn a_server_may_speak_first() {
    let origin = Origin::greeting("220 ready\r\n");
    let vestibule = Vestibule::start(format!(
        "[limits]\npeek_timeout = \"30s\"\n\
         [[listener]]\nname = \"plain\"\nbind = \"127.0.0.1:0\"\nservice = \"s\"\n\
         [[listener]]\nname = \"proxied\"\nbind = \"127.0.0.1:0\"\nservice = \"s\"\n\
         [listener.proxy_protocol]\n\
         [service.s]\nupstreams = [\"{}\"]\n",
        origin.address()
    ));
    for (listener, header) in [
        ("plain", ""),
        ("proxied", "PROXY TCP4 192.0.2.1 198.51.100.1 1 2\r\n"),
    ] {
        let started = Instant::now();
        let mut client = connect(vestibule.address(listener));
        client.write_all(header.as_bytes()).expect("the header");
        let mut greeting = [0; 11];
        client.read_exact(&mut greeting).expect("the greeting");
        assert_eq!(&greeting, b"220 ready\r\n");
        let waited = started.elapsed();
        assert!(waited < Duration::from_secs(25), "{listener}: {waited:?}");
    }
}

/// A header that names nobody is how proxies check: the end or a byte is waited for. What is no
/// check, but a client of a server that speaks first, is carried after `peek_timeout`.
#[test]
fn a_server_speaks_first_to_a_client_without_a_name_too() {
    let origin = Origin::greeting("220 ready\r\n");
    let vestibule = Vestibule::start(format!(
        "[limits]\npeek_timeout = \"3s\"\n\
         [[listener]]\nname = \"in\"\nbind = \"127.0.0.1:0\"\nservice = \"s\"\n\
         [listener.proxy_protocol]\n\
         [service.s]\nupstreams = [\"{}\"]\n",
        origin.address()
    ));
    let started = Instant::now();
    let mut client = connect(vestibule.address("in"));
    client.write_all(b"PROXY UNKNOWN\r\n").expect("the header");
    let mut greeting = [0; 11];
    client.read_exact(&mut greeting).expect("the greeting");
    assert!(started.elapsed() >= Duration::from_secs(3));
    assert!(started.elapsed() < Duration::from_secs(30));
    // Whoever says something is not kept waiting.
    within(Duration::from_secs(2), || {
        let mut client = connect(vestibule.address("in"));
        client
            .write_all(b"PROXY UNKNOWN\r\nhello")
            .expect("the header and more");
        client.read_exact(&mut greeting).expect("the greeting");
    });
}

/// A client that has gone before anything was dialed is nobody's connection.
#[test]
fn whoever_closes_without_a_byte_is_counted_and_not_carried() {
    let origin = Origin::echo();
    let vestibule = in_front_of(&origin, "");
    for _ in 0..20 {
        let mut client = connect(vestibule.address("in"));
        client.shutdown(Shutdown::Write).expect("FIN");
        read_to_end(&mut client);
    }
    eventually("20 empty connections to be counted", || {
        let labels = [("listener", "in")];
        let metrics = vestibule.metrics();
        metrics.value("vestibule_connections_empty_total", &labels) == 20
            && metrics.value("vestibule_connections_active", &labels) == 0
    });
    assert_eq!(vestibule.records().len(), 0);
}

fn wait_until_received(vestibule: &Vestibule, bytes: u64) {
    eventually("the bytes to be read", || {
        let received = vestibule
            .metrics()
            .value("vestibule_received_bytes_total", &[("service", "s")]);
        received == bytes
    });
}

/// Reads what comes before a reset, piece by piece: a failing read must not take bytes with it.
#[track_caller]
fn read_all_before_reset(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 1000];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => panic!("FIN instead of a reset after {} bytes", bytes.len()),
            Ok(n) => bytes.extend_from_slice(&buffer[..n]),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return bytes,
            Err(error) => panic!("{error} instead of a reset"),
        }
    }
}
