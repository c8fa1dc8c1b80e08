//! The admin listener when its clients behave badly: a probe is answered at once all the same.

use std::fmt::Write as _;
use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use socket2::{Domain, Socket, Type};
use vestibule_e2e::{Origin, Vestibule, connect, exchange, http_get, within};

/// More than the admin listener serves at once.
const MANY: usize = 80;

/// Vestibule with this many services, so that `/metrics` has much to say.
fn with_services(origin: &Origin, services: usize) -> Vestibule {
    let mut tables =
        "[[listener]]\nname = \"in\"\nbind = \"127.0.0.1:0\"\nservice = \"s0\"\n".to_owned();
    for n in 0..services {
        let upstream = origin.address();
        let _ = writeln!(tables, "[service.s{n}]\nupstreams = [\"{upstream}\"]");
    }
    Vestibule::start(tables)
}

#[track_caller]
fn answers_at_once(admin: SocketAddr) {
    within(Duration::from_secs(1), || {
        assert_eq!(http_get(admin, "/healthz"), (200, "ok\n".to_owned()));
        assert_eq!(http_get(admin, "/readyz").0, 200);
    });
}

#[test]
fn silent_clients_keep_no_probe_waiting() {
    let origin = Origin::echo();
    let vestibule = with_services(&origin, 1);
    let admin = vestibule.admin();
    for head in ["", "GET /healthz HTTP/1.1\r\nHost: e2e\r\n"] {
        let silent: Vec<TcpStream> = (0..MANY)
            .map(|_| {
                let mut stream = connect(admin);
                stream.write_all(head.as_bytes()).expect("half a request");
                stream
            })
            .collect();
        answers_at_once(admin);
        drop(silent);
    }
    exchange(&mut connect(vestibule.address("in")), b"hello");
}

/// However many come, they have as many descriptors as they may and no more.
#[test]
fn silent_clients_have_a_bound() {
    const PLACES: usize = 64;
    let origin = Origin::echo();
    let mut vestibule = with_services(&origin, 1);
    let admin = vestibule.admin();
    answers_at_once(admin);
    let before = vestibule.process().open_descriptors();
    let silent: Vec<TcpStream> = (0..5 * PLACES).map(|_| connect(admin)).collect();
    answers_at_once(admin);
    let grown = vestibule.process().open_descriptors() - before;
    assert!(grown <= PLACES + 1, "{grown} further descriptors");
    drop(silent);
}

#[test]
fn clients_that_do_not_read_keep_no_probe_waiting() {
    let origin = Origin::echo();
    let vestibule = with_services(&origin, 400);
    let admin = vestibule.admin();
    let (status, metrics) = http_get(admin, "/metrics");
    assert_eq!(status, 200);
    // Else an answer would fit into the kernel's buffers, and nobody would be waited for.
    assert!(metrics.len() > 100_000, "{} bytes", metrics.len());
    let stalled: Vec<Socket> = (0..MANY)
        .map(|_| {
            let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
            socket.set_recv_buffer_size(1_000).expect("SO_RCVBUF");
            // The kernel makes room for some segments, and those of loopback are large.
            socket.set_tcp_mss(536).expect("TCP_MAXSEG");
            socket.connect(&admin.into()).expect("the admin listener");
            let request = b"GET /metrics HTTP/1.1\r\nHost: e2e\r\n\r\n";
            socket.send(request).expect("a request");
            socket
        })
        .collect();
    answers_at_once(admin);
    exchange(&mut connect(vestibule.address("in")), b"hello");
    drop(stalled);
}
