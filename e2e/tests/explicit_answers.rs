//! What an explicit proxy answers, byte by byte.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::thread;
use std::time::{Duration, Instant};

use vestibule_e2e::{
    Answer, Authority, Origin, ProxyOrigin, ReservedPort, TlsClient, Vestibule, answer, connect,
    exchange, read_to_end, request, tunnel,
};

/// An explicit proxy with these keys.
fn proxy(keys: &str) -> Vestibule {
    Vestibule::start(format!(
        "[[listener]]\nname = \"in\"\nbind = \"127.0.0.1:0\"\nservice = \"egress\"\n\
         [service.egress]\nkind = \"connect\"\n{keys}\n"
    ))
}

/// One that lets through to all of loopback.
fn open() -> Vestibule {
    proxy("allow = [\"127.0.0.0/8\", \"[::1]/128\"]")
}

#[track_caller]
fn assert_refused(answer: Answer, status: u16, error: &str) {
    assert_eq!(answer.status(), status, "{}", answer.head);
    let proxy_status = answer
        .field("Proxy-Status")
        .expect("Proxy-Status")
        .to_owned();
    let wanted = format!("vestibule; error={error}; details=\"");
    assert!(proxy_status.starts_with(&wanted), "{proxy_status}");
    assert_eq!(answer.field("Connection"), Some("close"));
    let length = answer
        .field("Content-Length")
        .and_then(|text| text.parse().ok());
    // A whole sentence, then the end.
    let body = answer.rest();
    assert_eq!(Some(body.len()), length);
    assert!(body.ends_with(".\n"), "{body:?}");
}

#[test]
fn a_tunnel_carries_what_comes_behind_the_request() {
    let (vestibule, origin) = (open(), Origin::echo());
    let destination = origin.address();
    let together = format!("CONNECT {destination} HTTP/1.1\r\nHost: x\r\n\r\nfirst bytes");
    let mut answer = request(vestibule.address("in"), &together);
    assert_eq!(answer.head, "HTTP/1.1 200 Connection established\r\n\r\n");
    let mut echoed = [0; 11];
    answer.stream.read_exact(&mut echoed).expect("an echo");
    assert_eq!(&echoed, b"first bytes");
    exchange(&mut answer.stream, b"and more");
    let client = answer.stream.local_addr().expect("an address");
    drop(answer);
    vestibule.record_of(client).assert(&[
        ("upstream", destination.to_string().as_str()),
        ("service", "egress"),
        ("end", "eof"),
    ]);
    let record = vestibule.record_of(client);
    assert_eq!(record.number("status"), 200);
    assert_eq!(record.number("bytes_in"), 19);
    assert_eq!(record.number("bytes_out"), 19);
}

#[test]
fn a_request_may_come_byte_by_byte() {
    let (vestibule, origin) = (open(), Origin::echo());
    let mut stream = connect(vestibule.address("in"));
    stream.set_nodelay(true).expect("TCP_NODELAY");
    let text = format!("CONNECT {} HTTP/1.0\r\n\r\nrest", origin.address());
    for byte in text.bytes() {
        stream.write_all(&[byte]).expect("a byte");
        thread::sleep(Duration::from_millis(1));
    }
    let mut answer = answer(stream);
    assert_eq!(answer.status(), 200);
    let mut echoed = [0; 4];
    answer.stream.read_exact(&mut echoed).expect("an echo");
    assert_eq!(&echoed, b"rest");
}

#[test]
fn a_server_may_speak_first() {
    let (vestibule, origin) = (open(), Origin::greeting("220 hello\r\n"));
    let answer = tunnel(vestibule.address("in"), &origin.address().to_string(), "");
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.rest(), "220 hello\r\n");
}

#[test]
fn ipv6_is_written_in_brackets() {
    let vestibule = open();
    let origin = Origin::echo_at("[::1]:0".parse().expect("an address"));
    let mut answer = tunnel(vestibule.address("in"), &origin.address().to_string(), "");
    assert_eq!(answer.status(), 200);
    exchange(&mut answer.stream, b"over IPv6");
}

#[test]
fn anything_else_than_connect_is_told_so() {
    let vestibule = open();
    let address = vestibule.address("in");
    for text in [
        "GET http://example.org/ HTTP/1.1\r\nHost: example.org\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
    ] {
        let answer = request(address, text);
        assert_eq!(answer.field("Allow"), Some("CONNECT"));
        assert_refused(answer, 405, "http_request_denied");
    }
}

#[test]
fn malformed_requests_are_refused() {
    let vestibule = open();
    let address = vestibule.address("in");
    for text in [
        "CONNECT example.org HTTP/1.1\r\nHost: a\r\n\r\n",
        "CONNECT example.org:0 HTTP/1.1\r\nHost: a\r\n\r\n",
        "CONNECT example.org:65536 HTTP/1.1\r\nHost: a\r\n\r\n",
        "CONNECT http://example.org:80 HTTP/1.1\r\nHost: a\r\n\r\n",
        "CONNECT ann@example.org:80 HTTP/1.1\r\nHost: a\r\n\r\n",
        "CONNECT 0x7f000001:80 HTTP/1.1\r\nHost: a\r\n\r\n",
        "CONNECT 127.1:80 HTTP/1.1\r\nHost: a\r\n\r\n",
        "CONNECT 2130706433:80 HTTP/1.1\r\nHost: a\r\n\r\n",
        "CONNECT ::1:80 HTTP/1.1\r\nHost: a\r\n\r\n",
        "CONNECT a:80 HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "CONNECT a:80 HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody",
        "CONNECT a:80 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
        "CONNECT a:80 HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n",
        "CONNECT a:80 HTTP/1.1\r\nHost : a\r\n\r\n",
        "SSH-2.0-OpenSSH_9.2\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ] {
        let answer = request(address, text);
        assert_eq!(answer.status(), 400, "{text:?}");
        assert_refused(answer, 400, "http_request_error");
    }
    let refused = vestibule.metrics().value(
        "vestibule_connections_refused_total",
        &[("listener", "in"), ("reason", "http_request_invalid")],
    );
    assert_eq!(refused, 16);
}

#[test]
fn large_heads_are_refused_before_they_end() {
    let vestibule = open();
    let mut stream = connect(vestibule.address("in"));
    let field = format!("X-Padding: {}\r\n", "x".repeat(1000));
    let head = format!("CONNECT a:80 HTTP/1.1\r\nHost: a\r\n{}", field.repeat(1000));
    // It is not all taken, and that may be told by a reset, but not before the answer.
    let _ = stream.write_all(head.as_bytes());
    assert_refused(answer(stream), 431, "http_request_error");
    let fields = "X: y\r\n".repeat(100);
    assert_refused(
        tunnel(vestibule.address("in"), "a:80", &fields),
        431,
        "http_request_error",
    );
}

#[test]
fn slow_heads_end_at_the_deadline() {
    let vestibule = proxy("allow = \"127.0.0.0/8\"\nrequest_timeout = \"700ms\"");
    let start = Instant::now();
    let mut stream = connect(vestibule.address("in"));
    let writer = stream.try_clone().expect("a second descriptor");
    thread::spawn(move || {
        let mut writer = writer;
        for byte in b"CONNECT 127.0.0.1:80 HTTP/1.1\r\n" {
            if writer.write_all(&[*byte]).is_err() {
                return;
            }
            thread::sleep(Duration::from_millis(100));
        }
    });
    let mut byte = [0; 12];
    stream.read_exact(&mut byte).expect("an answer");
    assert_eq!(&byte, b"HTTP/1.1 408");
    let took = start.elapsed();
    assert!((600..9000).contains(&took.as_millis()), "{took:?}");
    // Whoever says nothing at all hears nothing.
    let mut silent = connect(vestibule.address("in"));
    assert_eq!(read_to_end(&mut silent).0, b"");
}

#[test]
fn failures_to_reach_the_destination_are_told_apart() {
    let allow = "allow = [\"127.0.0.0/8\", \"*\"]";
    let vestibule = proxy(&format!("{allow}\nconnect_timeout = \"40s\""));
    let address = vestibule.address("in");
    let closed = ReservedPort::new();
    let refused = tunnel(address, &format!("127.0.0.1:{}", closed.port()), "");
    assert_refused(refused, 502, "connection_refused");
    let unknown = tunnel(address, "no-such-name.invalid:80", "");
    assert_refused(unknown, 502, "dns_error");
    // Its queue is full.
    let full = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    socket2::SockRef::from(&full)
        .listen(0)
        .expect("a short queue");
    let there = full.local_addr().expect("an address");
    let _waiting: Vec<_> = (0..3).map(|_| connect_slowly(there)).collect();
    let vestibule = proxy(&format!("{allow}\nconnect_timeout = \"400ms\""));
    let silent = tunnel(vestibule.address("in"), &there.to_string(), "");
    assert_refused(silent, 504, "connection_timeout");
}

/// Does not wait for the connection to be there.
fn connect_slowly(there: std::net::SocketAddr) -> socket2::Socket {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None);
    let socket = socket.expect("a socket");
    socket.set_nonblocking(true).expect("a mode");
    let _ = socket.connect(&there.into());
    socket
}

#[test]
fn what_is_not_allowed_is_not_reached() {
    let origin = Origin::echo();
    let there = origin.address();
    let port = there.port();
    let vestibule = proxy(&format!(
        "allow = [\"127.0.0.1:{port}\", \"localhost:1-9\", \"*:443\"]\ndeny = [\"127.0.0.1:9\", \
         \"*.internal.example\"]"
    ));
    let address = vestibule.address("in");
    assert_eq!(tunnel(address, &there.to_string(), "").status(), 200);
    for (destination, error) in [
        ("127.0.0.1:1", "destination_ip_prohibited"),
        ("127.0.0.1:9", "destination_ip_prohibited"),
        ("127.0.0.1:443", "destination_ip_prohibited"),
        ("10.0.0.1:443", "destination_ip_prohibited"),
        ("[::1]:443", "destination_ip_prohibited"),
        ("[::ffff:127.0.0.1]:443", "destination_ip_prohibited"),
        ("169.254.169.254:443", "destination_ip_prohibited"),
        ("localhost:443", "destination_ip_prohibited"),
        ("localhost:1", "destination_ip_prohibited"),
        ("example.org:80", "http_request_denied"),
        ("db.internal.example:443", "http_request_denied"),
    ] {
        let answer = tunnel(address, destination, "");
        assert_eq!(answer.status(), 403, "{destination}");
        assert_refused(answer, 403, error);
    }
    assert_eq!(origin.accepted(), 1);
}

/// Also where everything is allowed, by any address that leads here.
#[test]
fn our_own_listeners_are_never_reached() {
    let vestibule = Vestibule::start(
        "[[listener]]\nname = \"in\"\nbind = \"127.0.0.1:0\"\nservice = \"egress\"\n\
         [[listener]]\nname = \"wide\"\nbind = \"0.0.0.0:0\"\nservice = \"egress\"\n\
         [service.egress]\nkind = \"connect\"\nallow = [\"0.0.0.0/0\", \"::/0\", \"localhost\"]\n\
         allow_networks = [\"0.0.0.0/0\", \"::/0\"]\n",
    );
    let address = vestibule.address("in");
    let (own, wide) = (address.port(), vestibule.address("wide").port());
    let admin = vestibule.admin().port();
    for destination in [
        format!("127.0.0.1:{own}"),
        format!("0.0.0.0:{own}"),
        format!("[::ffff:127.0.0.1]:{own}"),
        format!("localhost:{own}"),
        format!("127.0.0.1:{wide}"),
        format!("127.9.8.7:{wide}"),
        format!("127.0.0.1:{admin}"),
        format!("localhost:{admin}"),
    ] {
        let answer = tunnel(address, &destination, "");
        assert_eq!(answer.status(), 403, "{destination}");
        assert_refused(answer, 403, "proxy_loop_detected");
    }
}

#[test]
fn the_target_is_told_who_the_client_is() {
    let origin = ProxyOrigin::echo();
    let vestibule = proxy("allow = \"127.0.0.0/8\"\nsend_proxy = \"v2\"");
    let text = format!(
        "CONNECT {} HTTP/1.1\r\nHost: x\r\n\r\nhello",
        origin.address()
    );
    let answer = request(vestibule.address("in"), text);
    assert_eq!(answer.status(), 200);
    let client = answer.stream.local_addr().expect("an address");
    assert_eq!(origin.told().source, Some(client));
}

#[test]
fn an_https_proxy_answers_inside_of_tls() {
    let authority = Authority::new();
    let leaf = authority.server(&["proxy.example.org"]);
    let origin = Origin::echo();
    let vestibule = Vestibule::start(format!(
        "{}[[listener]]\nname = \"in\"\nbind = \"127.0.0.1:0\"\nservice = \"egress\"\n\
         tls = {{ mode = \"terminate\" }}\n\
         [service.egress]\nkind = \"connect\"\nallow = [\"127.0.0.0/8\"]\n",
        leaf.section(),
    ));
    for (destination, status) in [
        (origin.address().to_string(), "200"),
        ("10.0.0.1:80".to_owned(), "403"),
    ] {
        let client = TlsClient::new(&authority, "proxy.example.org");
        let stream = client.connect(vestibule.address("in"));
        let text = format!("CONNECT {destination} HTTP/1.1\r\nHost: x\r\n\r\n");
        (&stream).write_all(text.as_bytes()).expect("a request");
        let mut answer = [0; 12];
        (&stream).read_exact(&mut answer).expect("an answer");
        assert_eq!(
            String::from_utf8_lossy(&answer),
            format!("HTTP/1.1 {status}")
        );
    }
}
