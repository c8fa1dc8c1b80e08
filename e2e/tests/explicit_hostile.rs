//! Clients of an explicit proxy that mean no good: large heads by the megabyte, heads by the byte,
//! answers that nobody reads. Others do not notice.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use vestibule_e2e::{
    Authority, Neighbour, Origin, TlsClient, Vestibule, answer, connect, eventually, exchange,
    receive, request, tunnel, write_random,
};

/// A longest head, in bytes with its empty line.
const LONGEST: usize = 16 * 1024;

/// An explicit proxy that lets through to all of loopback, with further keys.
fn proxy(keys: &str) -> Vestibule {
    Vestibule::start(format!(
        "[[listener]]\nname = \"in\"\nbind = \"127.0.0.1:0\"\nservice = \"egress\"\n\
         [service.egress]\nkind = \"connect\"\nallow = \"127.0.0.0/8\"\n{keys}\n"
    ))
}

/// Somebody else in a tunnel of the same proxy.
fn neighbour(vestibule: &Vestibule, origin: &Origin) -> Neighbour {
    let answer = tunnel(vestibule.address("in"), &origin.address().to_string(), "");
    assert_eq!(answer.status(), 200);
    Neighbour::on(answer.stream)
}

fn refused(vestibule: &Vestibule, reason: &str) -> u64 {
    let labels = [("listener", "in"), ("reason", reason)];
    let metrics = vestibule.metrics();
    metrics.value("vestibule_connections_refused_total", &labels)
}

/// A head of exactly this many bytes.
fn head(destination: &str, length: usize) -> String {
    let start = format!("CONNECT {destination} HTTP/1.1\r\nHost: {destination}\r\nX-Long: ");
    let end = "\r\n\r\n";
    let filling = "x".repeat(length - start.len() - end.len());
    format!("{start}{filling}{end}")
}

#[test]
fn the_longest_head_is_taken_and_one_byte_more_is_not() {
    let (vestibule, origin) = (proxy(""), Origin::echo());
    let there = origin.address().to_string();
    let address = vestibule.address("in");
    let mut longest = request(address, head(&there, LONGEST) + "behind it");
    assert_eq!(longest.status(), 200);
    let mut echoed = [0; 9];
    longest.stream.read_exact(&mut echoed).expect("an echo");
    assert_eq!(&echoed, b"behind it");
    assert_eq!(request(address, head(&there, LONGEST + 1)).status(), 431);
    assert_eq!(origin.accepted(), 1);
}

#[test]
fn heads_of_a_megabyte_disturb_nobody() {
    const CLIENTS: u64 = 200;
    let (mut vestibule, origin) = (proxy(""), Origin::echo());
    let neighbour = neighbour(&vestibule, &origin);
    let address = vestibule.address("in");
    let before = vestibule.process().resident_memory();
    let megabyte = head("127.0.0.1:80", 1 << 20);
    for _ in 0..CLIENTS / 10 {
        let streams: Vec<TcpStream> = (0..10)
            .map(|_| {
                let mut stream = connect(address);
                // It is refused long before all of it has gone.
                let _ = stream.write_all(megabyte.as_bytes());
                stream
            })
            .collect();
        for stream in streams {
            assert_eq!(answer(stream).status(), 431);
        }
    }
    neighbour.assert_undisturbed();
    assert_eq!(refused(&vestibule, "http_request_too_large"), CLIENTS);
    let after = vestibule.process().resident_memory();
    assert!(after < before + (16 << 20), "{before} to {after}");
}

/// Each of them is told so when its time is over, however much it is still sending.
#[test]
fn heads_by_the_byte_end_at_the_deadline_and_disturb_nobody() {
    const CLIENTS: usize = 500;
    const LIMIT: Duration = Duration::from_secs(4);
    let (vestibule, origin) = (proxy("request_timeout = \"4s\""), Origin::echo());
    let neighbour = neighbour(&vestibule, &origin);
    let start = Instant::now();
    let mut streams: Vec<TcpStream> = (0..CLIENTS)
        .map(|_| {
            let mut stream = connect(vestibule.address("in"));
            stream.write_all(b"C").expect("a first byte");
            stream
        })
        .collect();
    let connected = start.elapsed();
    for byte in b"ONNECT 127.0" {
        for stream in &mut streams {
            // Those that came first may be over.
            let _ = stream.write_all(&[*byte]);
        }
        thread::sleep(Duration::from_millis(100));
    }
    for stream in streams {
        let client = stream.local_addr().expect("an address");
        assert_eq!(answer(stream).status(), 408);
        let record = vestibule.record_of(client);
        record.assert(&[("end", "http_request_timeout"), ("ended_by", "vestibule")]);
        let lasted = Duration::from_secs_f64(record.duration_ms() / 1e3);
        let late = LIMIT + Duration::from_secs(5) + connected;
        assert!((LIMIT - LIMIT / 10..late).contains(&lasted), "{lasted:?}");
    }
    neighbour.assert_undisturbed();
    assert_eq!(refused(&vestibule, "http_request_timeout"), CLIENTS as u64);
}

/// Much comes behind the head before the destination is there: it waits, in order, and in bounds.
#[test]
fn much_behind_the_head_is_kept_in_order() {
    const BYTES: u64 = 16 << 20;
    let (mut vestibule, origin) = (proxy(""), Origin::echo());
    let mut stream = connect(vestibule.address("in"));
    let before = vestibule.process().resident_memory();
    let sending = stream.try_clone().expect("a second descriptor");
    let there = origin.address();
    let sending = thread::spawn(move || {
        let head = format!("CONNECT {there} HTTP/1.1\r\nHost: {there}\r\n\r\n");
        (&sending).write_all(head.as_bytes()).expect("a request");
        write_random(&sending, BYTES, 5)
    });
    // Nobody reads, until everything on the way is full.
    thread::sleep(Duration::from_millis(500));
    let grown = vestibule.process().resident_memory();
    assert!(grown < before + (8 << 20), "{before} to {grown}");
    let answer = answer(stream.try_clone().expect("a third descriptor"));
    assert_eq!(answer.status(), 200);
    let received = receive((&mut stream).take(BYTES), 5);
    assert_eq!(received, sending.join().expect("bytes to go"));
}

/// What looks like a second request is the tunnel's.
#[test]
fn nothing_in_a_tunnel_is_a_request() {
    let (vestibule, origin) = (proxy(""), Origin::echo());
    let there = origin.address();
    let one = format!("CONNECT {there} HTTP/1.1\r\nHost: {there}\r\n\r\n");
    let mut first = request(vestibule.address("in"), one.repeat(3));
    assert_eq!(first.status(), 200);
    let mut echoed = vec![0; 2 * one.len()];
    first.stream.read_exact(&mut echoed).expect("an echo");
    assert_eq!(String::from_utf8_lossy(&echoed), one.repeat(2));
    exchange(&mut first.stream, one.as_bytes());
    assert_eq!(origin.accepted(), 1);
}

/// Whoever goes in the middle of a head is told apart from who is too slow, also inside of TLS.
#[test]
fn heads_that_are_cut_off_are_told() {
    let authority = Authority::new();
    let leaf = authority.server(&["localhost"]);
    let vestibule = Vestibule::start(format!(
        "{}[[listener]]\nname = \"in\"\nbind = \"127.0.0.1:0\"\nservice = \"egress\"\n\
         [[listener]]\nname = \"tls\"\nbind = \"127.0.0.1:0\"\nservice = \"egress\"\n\
         tls = {{ mode = \"terminate\" }}\n\
         [service.egress]\nkind = \"connect\"\nallow = \"127.0.0.0/8\"\n",
        leaf.section()
    ));
    let half = b"CONNECT 127.0.0.1:80 HTTP/1.1\r\nHost: 127";
    let mut plain = connect(vestibule.address("in"));
    plain.write_all(half).expect("half a head");
    let secured = TlsClient::new(&authority, "localhost").connect(vestibule.address("tls"));
    (&secured).write_all(half).expect("half a head");
    secured.close_notify();
    let clients = [
        plain.local_addr().expect("an address"),
        secured.local_addr(),
    ];
    drop((plain, secured));
    for client in clients {
        let record = vestibule.record_of(client);
        record.assert(&[("end", "http_request_truncated"), ("ended_by", "client")]);
    }
}

/// Answers that nobody reads hold nothing for long.
#[test]
fn answers_that_nobody_reads_are_given_up() {
    let (mut vestibule, origin) = (proxy(""), Origin::echo());
    let neighbour = neighbour(&vestibule, &origin);
    let descriptors = vestibule.process().open_descriptors();
    let text = "GET http://example.org/ HTTP/1.1\r\nHost: example.org\r\n\r\n";
    let deaf: Vec<TcpStream> = (0..200)
        .map(|_| {
            let mut stream = connect(vestibule.address("in"));
            stream.write_all(text.as_bytes()).expect("a request");
            stream
        })
        .collect();
    eventually("all of them to be gone", || {
        vestibule.process().open_descriptors() <= descriptors
    });
    assert_eq!(refused(&vestibule, "method_not_allowed"), deaf.len() as u64);
    neighbour.assert_undisturbed();
}
