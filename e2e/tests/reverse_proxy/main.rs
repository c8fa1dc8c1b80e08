//! Services of kind `http`: what servers hear of a request, and what clients hear of the answer.

mod hostile;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use vestibule_e2e::{
    Authority, HttpOrigin, Leaf, Neighbour, Origin, ReservedPort, Vestibule, answer, connect,
    eventually, exchange, field, read_body, request,
};

/// A reverse proxy in front of `origin`, with these keys.
fn in_front_of(origin: std::net::SocketAddr, keys: &str) -> Vestibule {
    Vestibule::start(format!(
        "[[listener]]\nname = \"in\"\nbind = \"127.0.0.1:0\"\nservice = \"web\"\n\
         [service.web]\nkind = \"http\"\nupstreams = [\"{origin}\"]\n{keys}\n"
    ))
}

/// The same behind proxies that say who the client is.
fn behind_headers(origin: std::net::SocketAddr, keys: &str) -> Vestibule {
    Vestibule::start(format!(
        "[[listener]]\nname = \"in\"\nbind = \"127.0.0.1:0\"\nservice = \"web\"\n\
         [listener.proxy_protocol]\n\
         [service.web]\nkind = \"http\"\nupstreams = [\"{origin}\"]\n{keys}\n"
    ))
}

const FROM_192: &str = "PROXY TCP4 192.0.2.7 198.51.100.1 4000 80\r\n";
const SPOOFED: &str = "GET /path?query HTTP/1.1\r\nHost: web.example.org\r\n\
                       X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-Proto: https\r\n\
                       X-Forwarded-Host: evil.example\r\nForwarded: for=6.6.6.6\r\n\
                       X-Real-IP: 6.6.6.6\r\nConnection: keep-alive, X-Mine\r\nX-Mine: 1\r\n\
                       Keep-Alive: timeout=5\r\nProxy-Authorization: Basic abc\r\n\
                       X-Other: kept\r\n\r\n";

#[test]
fn what_clients_claim_of_themselves_is_replaced() {
    let origin = HttpOrigin::saying("ok");
    let vestibule = behind_headers(origin.address(), "");
    let answer = request(vestibule.address("in"), format!("{FROM_192}{SPOOFED}"));
    assert_eq!(answer.status(), 200);
    let head = origin.head();
    assert!(head.starts_with("GET /path?query HTTP/1.1\r\n"), "{head}");
    assert!(
        !head.contains("6.6.6.6") && !head.contains("evil"),
        "{head}"
    );
    for (name, value) in [
        ("Host", Some("web.example.org")),
        ("X-Forwarded-For", Some("192.0.2.7")),
        ("X-Forwarded-Proto", Some("http")),
        ("X-Forwarded-Host", Some("web.example.org")),
        (
            "Forwarded",
            Some("for=192.0.2.7;proto=http;host=web.example.org"),
        ),
        ("X-Other", Some("kept")),
        // Of this hop only.
        ("X-Mine", None),
        ("Keep-Alive", None),
        ("Proxy-Authorization", None),
        ("X-Real-IP", None),
    ] {
        assert_eq!(field(&head, name), value, "{name} in {head}");
    }
    let record = vestibule.record("the request", |record| record.text("event") == "request");
    record.assert(&[
        ("client", "192.0.2.7:4000"),
        ("method", "GET"),
        ("path", "/path"),
        ("host", "web.example.org"),
        ("service", "web"),
    ]);
    assert_eq!(record.number("status"), 200);
}

#[test]
fn what_trusted_proxies_say_is_kept_and_continued() {
    let origin = HttpOrigin::saying("ok");
    let vestibule = behind_headers(origin.address(), "trusted_proxies = [\"192.0.2.0/24\"]");
    request(vestibule.address("in"), format!("{FROM_192}{SPOOFED}"));
    let head = origin.head();
    assert_eq!(field(&head, "X-Forwarded-For"), Some("6.6.6.6, 192.0.2.7"));
    assert_eq!(field(&head, "X-Forwarded-Proto"), Some("https"));
    assert_eq!(field(&head, "X-Forwarded-Host"), Some("evil.example"));
    let forwarded = field(&head, "Forwarded").expect("Forwarded");
    assert!(
        forwarded.starts_with("for=6.6.6.6, for=192.0.2.7"),
        "{forwarded}"
    );
    // Others behind the same listener are strangers still.
    let stranger = FROM_192.replace("192.0.2.7", "203.0.113.7");
    request(vestibule.address("in"), format!("{stranger}{SPOOFED}"));
    assert_eq!(
        field(&origin.head(), "X-Forwarded-For"),
        Some("203.0.113.7")
    );
}

/// 64 MiB each way, at a time when neither of us could hold it.
#[test]
fn bodies_stream_both_ways() {
    const LENGTH: usize = 64 << 20;
    let origin = HttpOrigin::start(|_, stream| {
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {LENGTH}\r\n\r\n");
        if stream.write_all(head.as_bytes()).is_err() {
            return false;
        }
        let mut buffer = vec![0; 64 * 1024];
        let mut left = LENGTH;
        while left > 0 {
            let Ok(n @ 1..) = stream.read(&mut buffer) else {
                return false;
            };
            if stream.write_all(&buffer[..n]).is_err() {
                return false;
            }
            left -= n;
        }
        true
    });
    let mut vestibule = in_front_of(origin.address(), "");
    let before = vestibule.process().resident_memory();
    let mut stream = connect(vestibule.address("in"));
    let head = format!("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: {LENGTH}\r\n\r\n");
    stream.write_all(head.as_bytes()).expect("a head");
    let mut writer = stream.try_clone().expect("a second descriptor");
    let sending = thread::spawn(move || {
        // Not taken at once: the echo waits for us to read.
        vestibule_e2e::write_random(&mut writer, LENGTH as u64, 9)
    });
    thread::sleep(Duration::from_millis(500));
    assert!(!sending.is_finished(), "somebody has taken it all");
    let grown = vestibule.process().resident_memory().saturating_sub(before);
    assert!(grown < 8 << 20, "{grown} bytes");
    let mut echoed = answer(stream);
    assert_eq!(echoed.status(), 200);
    let mut body = Vec::with_capacity(LENGTH);
    Read::by_ref(&mut echoed.stream)
        .take(LENGTH as u64)
        .read_to_end(&mut body)
        .expect("the echo");
    let sent = sending.join().expect("bytes to go");
    let mut sum = vestibule_e2e::Sum::default();
    sum.add(&body);
    assert_eq!(sum, sent);
}

#[test]
fn curl_speaks_both_versions_and_waits_for_100() {
    let authority = Authority::new();
    let leaf = authority.server(&["web.example.org"]);
    let origin = HttpOrigin::saying("the answer");
    let vestibule = over_tls(&leaf, &origin);
    let address = vestibule.address("in");
    for (version, shown) in [("--http2", "2"), ("--http1.1", "1.1")] {
        let arguments = format!(
            "{version} --cacert {} --header Expect:100-continue --data-binary @/bin/sh --write-out %{{http_version}}",
            authority.root().display()
        );
        let output = vestibule_e2e::curl(address, "web.example.org", "/", &arguments);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(said, format!("the answer{shown}"), "{output:?}");
        let head = origin.head();
        assert_eq!(field(&head, "X-Forwarded-Proto"), Some("https"));
        assert!(head.starts_with("POST / HTTP/1.1\r\n"), "{head}");
    }
}

fn over_tls(leaf: &Leaf, origin: &HttpOrigin) -> Vestibule {
    Vestibule::start(format!(
        "{}[[listener]]\nname = \"in\"\nbind = \"127.0.0.1:0\"\nservice = \"web\"\n\
         tls = {{ mode = \"terminate\", alpn = [\"h2\", \"http/1.1\"] }}\n\
         [service.web]\nkind = \"http\"\nupstreams = [\"{}\"]\n",
        leaf.section(),
        origin.address()
    ))
}

/// A switch of protocols: from then on, bytes are carried.
#[test]
fn upgraded_connections_are_carried() {
    let origin = HttpOrigin::start(|_, stream| {
        // With the first bytes of the other protocol in the same segment.
        let head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
                    Connection: Upgrade\r\n\r\nearly";
        if stream.write_all(head.as_bytes()).is_err() {
            return false;
        }
        let mut buffer = [0; 4096];
        while let Ok(n @ 1..) = stream.read(&mut buffer) {
            if stream.write_all(&buffer[..n]).is_err() {
                break;
            }
        }
        false
    });
    let vestibule = in_front_of(origin.address(), "");
    let mut upgraded = request(
        vestibule.address("in"),
        "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    );
    assert_eq!(upgraded.status(), 101);
    assert_eq!(upgraded.field("Upgrade"), Some("websocket"));
    let head = origin.head();
    assert_eq!(field(&head, "Upgrade"), Some("websocket"));
    let mut early = [0; 5];
    upgraded.stream.read_exact(&mut early).expect("early bytes");
    assert_eq!(&early, b"early");
    exchange(&mut upgraded.stream, b"carried as they are");
    let client = upgraded.stream.local_addr().expect("an address");
    drop(upgraded);
    eventually("the end of it", || {
        let records = vestibule.records();
        records.iter().any(|record| {
            record.text("event") == "close" && record.text("client") == client.to_string()
        })
    });
}

#[test]
fn a_request_for_another_host_is_not_sent_to_the_wrong_service() {
    let (one, two) = (HttpOrigin::saying("one"), HttpOrigin::saying("two"));
    let vestibule = Vestibule::start(format!(
        "[[listener]]\nname = \"in\"\nbind = \"127.0.0.1:0\"\n\
         routes = [{{ http_host = \"one.example\", service = \"one\" }},\n\
                   {{ http_host = \"two.example\", service = \"two\" }}]\n\
         [service.one]\nkind = \"http\"\nupstreams = [\"{}\"]\n\
         [service.two]\nkind = \"http\"\nupstreams = [\"{}\"]\n",
        one.address(),
        two.address()
    ));
    let first = request(
        vestibule.address("in"),
        "GET / HTTP/1.1\r\nHost: one.example\r\n\r\n",
    );
    assert_eq!(first.status(), 200);
    one.head();
    let mut stream: TcpStream = first.stream;
    stream.read_exact(&mut [0; 3]).expect("one");
    stream
        .write_all(b"GET / HTTP/1.1\r\nHost: two.example\r\n\r\n")
        .expect("a request");
    assert_eq!(answer(stream).status(), 421);
    assert!(one.is_quiet() && two.is_quiet());
}

/// Browsers use one connection for all names of a certificate.
#[test]
fn a_connection_by_one_name_is_not_for_requests_to_another() {
    let authority = Authority::new();
    let leaf = authority.server(&["one.example", "two.example"]);
    let (one, two) = (HttpOrigin::saying("one"), HttpOrigin::saying("two"));
    let vestibule = Vestibule::start(format!(
        "{}[[listener]]\nname = \"in\"\nbind = \"127.0.0.1:0\"\n\
         tls = {{ mode = \"terminate\", alpn = [\"h2\", \"http/1.1\"] }}\n\
         routes = [{{ sni = \"one.example\", service = \"one\" }},\n\
                   {{ sni = \"two.example\", service = \"two\" }}]\n\
         [service.one]\nkind = \"http\"\nupstreams = [\"{}\"]\n\
         [service.two]\nkind = \"http\"\nupstreams = [\"{}\"]\n",
        leaf.section(),
        one.address(),
        two.address()
    ));
    for (version, host, wanted) in [
        ("--http2", "one.example", "one200"),
        ("--http1.1", "one.example", "one200"),
        ("--http2", "two.example", "421"),
        ("--http1.1", "two.example", "421"),
    ] {
        let arguments = format!(
            "{version} --cacert {} --header Host:{host} --write-out %{{http_code}}",
            authority.root().display()
        );
        let output = vestibule_e2e::curl(vestibule.address("in"), "one.example", "/", &arguments);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(said.ends_with(wanted), "{version} {host}: {said}");
    }
    assert!(two.is_quiet());
}

/// The server says nothing more before the client has what it has said.
#[test]
fn long_polls_and_events_come_as_they_are_said() {
    let (go, goes) = channel();
    let goes = Arc::new(Mutex::new(goes));
    let origin = HttpOrigin::start(move |_, stream| {
        let goes = goes.lock().expect("one request");
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\
                    Transfer-Encoding: chunked\r\n\r\n";
        if stream.write_all(head.as_bytes()).is_err() {
            return false;
        }
        for _ in 0..5 {
            if goes.recv().is_err() || stream.write_all(b"6\r\ndata\n\n\r\n").is_err() {
                return false;
            }
        }
        stream.write_all(b"0\r\n\r\n").is_ok()
    });
    let vestibule = in_front_of(origin.address(), "");
    let mut events = request(vestibule.address("in"), "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    for _ in 0..5 {
        go.send(()).expect("the server");
        let mut event = [0; 11];
        events.stream.read_exact(&mut event).expect("an event");
        assert_eq!(&event, b"6\r\ndata\n\n\r\n");
    }
}
