//! Services of kind `http`: what servers hear of a request, and what clients hear of the answer.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
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

/// None of these may make the server see a second request, or another one than we saw.
#[test]
fn nothing_is_smuggled() {
    let origin = HttpOrigin::saying("ok");
    let vestibule = in_front_of(origin.address(), "");
    let smuggled = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
    for (what, head) in [
        (
            "both lengths",
            "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        ),
        (
            "both, the other way",
            "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
        ),
        (
            "two lengths",
            "Content-Length: 0\r\nContent-Length: 50\r\n\r\n",
        ),
        ("a list of lengths", "Content-Length: 0, 50\r\n\r\n"),
        ("a signed length", "Content-Length: +0\r\n\r\n"),
        ("a length in hex", "Content-Length: 0x0\r\n\r\n"),
        (
            "another coding",
            "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        ),
        (
            "chunked not last",
            "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        ),
        (
            "chunked twice",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        ),
        (
            "a coding in odd letters",
            "Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
        ),
        ("a space before the colon", "Content-Length : 0\r\n\r\n"),
        (
            "a folded line",
            "X: a\r\n Transfer-Encoding: chunked\r\n\r\n",
        ),
        ("two hosts", "Host: b\r\n\r\n"),
        ("a bare CR", "X: a\rTransfer-Encoding: chunked\r\n\r\n"),
        ("a NUL", "X: a\0b\r\n\r\n"),
    ] {
        let text = format!(
            "POST /{} HTTP/1.1\r\nHost: a\r\n{head}{smuggled}",
            what.len()
        );
        let answer = request(vestibule.address("in"), &text);
        assert_eq!(answer.status(), 400, "{what}: {}", answer.head);
        assert!(!answer.rest().contains("HTTP/1.1 200"), "{what}");
    }
    assert!(origin.is_quiet());
    // HTTP/1.0 has no chunks.
    let old = "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    assert_eq!(request(vestibule.address("in"), old).status(), 400);
    // What stands in a right body is no request.
    let length = smuggled.len();
    let right =
        format!("POST /right HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n{smuggled}");
    assert_eq!(request(vestibule.address("in"), right).status(), 200);
    assert!(origin.head().starts_with("POST /right "));
    assert!(origin.is_quiet());
}

#[test]
fn heads_are_bounded_in_length_and_time() {
    let origin = HttpOrigin::saying("ok");
    let vestibule = in_front_of(origin.address(), "request_timeout = \"700ms\"");
    let address = vestibule.address("in");
    let long = "x".repeat(70_000);
    let mut stream = connect(address);
    let _ = stream.write_all(format!("GET / HTTP/1.1\r\nHost: a\r\nX: {long}\r\n\r\n").as_bytes());
    assert_eq!(answer(stream).status(), 431);
    let fits = "x".repeat(30_000);
    let fits = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {fits}\r\n\r\n");
    assert_eq!(request(address, fits).status(), 200);
    let start = Instant::now();
    let mut slow = connect(address);
    slow.write_all(b"GET / HTTP/1.1\r\nHost")
        .expect("half a head");
    let mut rest = Vec::new();
    let _ = slow.read_to_end(&mut rest);
    let took = start.elapsed();
    assert!((500..3000).contains(&took.as_millis()), "{took:?}");
    let said = String::from_utf8_lossy(&rest);
    assert!(
        said.is_empty() || said.starts_with("HTTP/1.1 408 "),
        "{said}"
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
fn only_what_can_be_repeated_is_repeated() {
    // Takes a request on a kept connection and closes without an answer, every second time.
    let origin = HttpOrigin::start(|head, stream| {
        if head.contains("/die") {
            return false;
        }
        let body = read_body(head, stream);
        let _ = body;
        stream
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            .is_ok()
    });
    let vestibule = in_front_of(origin.address(), "retries = 1");
    let address = vestibule.address("in");
    let get = request(address, "GET /die HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(get.status(), 502);
    let mut seen = 0;
    while !origin.is_quiet() {
        seen += 1;
    }
    assert!((1..=2).contains(&seen), "{seen}");
    let post = request(
        address,
        "POST /die HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi",
    );
    assert_eq!(post.status(), 502);
    origin.head();
    thread::sleep(Duration::from_millis(200));
    assert!(origin.is_quiet(), "a POST is never repeated");
    // A kept connection that the server has closed meanwhile costs nobody anything.
    let mut kept = connect(address);
    for _ in 0..3 {
        kept.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            .expect("a request");
        let told = answer(kept);
        assert_eq!(told.status(), 200);
        kept = told.stream;
        kept.read_exact(&mut [0; 2]).expect("ok");
    }
}

#[test]
fn servers_that_fail_are_told_apart() {
    let closed = ReservedPort::new();
    let down = in_front_of(closed.address(), "");
    let answer = request(down.address("in"), "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(answer.status(), 502);
    let silent = Origin::serve(|mut stream| {
        let _ = stream.read_to_end(&mut Vec::new());
    });
    let slow = in_front_of(silent.address(), "response_timeout = \"300ms\"");
    let answer = request(slow.address("in"), "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(answer.status(), 504);
    // In the middle of the body: the client must not take it for the whole.
    let broken = HttpOrigin::start(|_, stream| {
        let _ = stream
            .write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
        false
    });
    let cut = in_front_of(broken.address(), "");
    let mut answer = request(cut.address("in"), "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(answer.status(), 200);
    let mut body = Vec::new();
    let _ = answer.stream.read_to_end(&mut body);
    let body = String::from_utf8_lossy(&body);
    assert!(
        body.contains("hello") && !body.ends_with("0\r\n\r\n"),
        "{body:?}"
    );
    let garbage = Origin::serve(|mut stream| {
        let _ = stream.write_all(b"SSH-2.0-OpenSSH_9.2\r\n");
        let _ = stream.read_to_end(&mut Vec::new());
    });
    let odd = in_front_of(garbage.address(), "");
    let answer = request(odd.address("in"), "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(answer.status(), 502);
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

#[test]
fn long_polls_and_events_come_as_they_are_said() {
    let origin = HttpOrigin::start(|_, stream| {
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\
                    Transfer-Encoding: chunked\r\n\r\n";
        if stream.write_all(head.as_bytes()).is_err() {
            return false;
        }
        for _ in 0..5 {
            thread::sleep(Duration::from_millis(200));
            if stream.write_all(b"6\r\ndata\n\n\r\n").is_err() {
                return false;
            }
        }
        stream.write_all(b"0\r\n\r\n").is_ok()
    });
    let vestibule = in_front_of(origin.address(), "");
    let start = Instant::now();
    let mut events = request(vestibule.address("in"), "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(
        start.elapsed() < Duration::from_millis(150),
        "the head waits for nothing"
    );
    let mut first = [0; 11];
    events.stream.read_exact(&mut first).expect("an event");
    let took = start.elapsed();
    assert!(took < Duration::from_millis(600), "{took:?}");
}

/// Slow heads, slow bodies, slow readers, while somebody else is at work.
#[test]
fn slow_clients_disturb_nobody() {
    let origin = HttpOrigin::start(|head, stream| {
        read_body(head, stream);
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", 1 << 20);
        stream.write_all(head.as_bytes()).is_ok() && stream.write_all(&vec![b'x'; 1 << 20]).is_ok()
    });
    let echo = Origin::echo();
    let mut vestibule = Vestibule::start(format!(
        "[[listener]]\nname = \"in\"\nbind = \"127.0.0.1:0\"\nservice = \"web\"\n\
         [[listener]]\nname = \"echo\"\nbind = \"127.0.0.1:0\"\nservice = \"echo\"\n\
         [service.web]\nkind = \"http\"\nupstreams = [\"{}\"]\nrequest_timeout = \"2s\"\n\
         idle_timeout = \"3s\"\n\
         [service.echo]\nupstreams = [\"{}\"]\n",
        origin.address(),
        echo.address()
    ));
    let neighbour = Neighbour::at(vestibule.address("echo"));
    let before = vestibule.process().resident_memory();
    for attack in [
        vec!["-H", "-i", "1"],
        vec!["-B", "-i", "1", "-s", "8192"],
        vec!["-X", "-w", "64", "-y", "128", "-n", "1", "-z", "32"],
    ] {
        let output = Command::new("timeout")
            .args(["40", "slowhttptest", "-c", "200", "-r", "200", "-l", "6"])
            .args(&attack)
            .arg("-u")
            .arg(format!("http://{}/", vestibule.address("in")))
            .output()
            .expect("slowhttptest; `cargo xtask setup` gets it");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(said.contains("Exit status"), "{attack:?}: {output:?}");
    }
    neighbour.assert_undisturbed();
    eventually("all of them to be gone", || {
        let shown = vestibule.ask(&["show", "connections"]);
        shown["connections"].as_array().expect("a list").is_empty()
    });
    let grown = vestibule.process().resident_memory().saturating_sub(before);
    assert!(grown < 64 << 20, "{grown} bytes");
}
