//! Services of kind `http`: how requests, responses and connections end, and whose fault it was.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::thread::sleep;
use std::time::{Duration, Instant};

use vestibule_e2e::{
    Authority, End, HttpOrigin, PATIENCE, Record, TlsEnd, TlsServer, Vestibule, answer, connect,
    field, read_body, read_to_end,
};

fn in_front_of(origin: SocketAddr, keys: &str) -> Vestibule {
    Vestibule::start(format!(
        "[[listener]]\nname = \"in\"\nbind = \"127.0.0.1:0\"\nservice = \"web\"\n\
         [service.web]\nkind = \"http\"\nupstreams = [\"{origin}\"]\n{keys}\n"
    ))
}

fn sends(vestibule: &Vestibule, bytes: impl AsRef<[u8]>) -> TcpStream {
    let mut client = connect(vestibule.address("in"));
    client.write_all(bytes.as_ref()).expect("a request");
    client
}

/// What a client gets until the end.
fn rest(mut client: TcpStream) -> (String, End) {
    let (bytes, end) = read_to_end(&mut client);
    (String::from_utf8_lossy(&bytes).into_owned(), end)
}

fn request_record(vestibule: &Vestibule) -> Record {
    vestibule.record("the request", |record| record.text("event") == "request")
}

fn connection_record(vestibule: &Vestibule) -> Record {
    vestibule.record("the connection", |record| record.text("event") == "close")
}

#[test]
fn who_has_said_all_and_closes_its_side_is_answered() {
    let origin = HttpOrigin::start(|head, stream| {
        read_body(head, stream);
        sleep(Duration::from_millis(300));
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
        stream.write_all(answer).is_ok()
    });
    let vestibule = in_front_of(origin.address(), "");
    let get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    let post = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc";
    for pause in [0, 100] {
        for request in [get, post] {
            let client = sends(&vestibule, request);
            sleep(Duration::from_millis(pause));
            client.shutdown(Shutdown::Write).expect("an open side");
            let (text, end) = rest(client);
            assert!(
                text.starts_with("HTTP/1.1 200 ") && text.ends_with("ok"),
                "{text:?} to {request:?} after {pause} ms"
            );
            assert_eq!(end, End::Fin);
        }
    }
    // Of two requests, too.
    let client = sends(&vestibule, [get, get].concat());
    client.shutdown(Shutdown::Write).expect("an open side");
    let (text, _) = rest(client);
    assert_eq!(text.matches("200 OK").count(), 2, "{text}");
    for record in vestibule.wait_for_records(11) {
        if record.text("event") == "close" {
            record.assert(&[("end", "eof"), ("ended_by", "client")]);
        } else {
            assert_eq!(record.number("status"), 200);
        }
    }
}

/// The body has come, and FIN, before there is anybody to take them.
#[test]
fn who_closes_its_side_while_the_server_is_dialed_is_answered() {
    let authority = Authority::new();
    let leaf = authority.server(&["chat.example.org"]);
    let server = TlsServer::new(&leaf).pause(Duration::from_millis(300));
    let origin = server.serve(|stream| {
        let mut request = Vec::new();
        let mut buffer = [0; 1024];
        while !request.ends_with(b"abc") && !request.ends_with(b"\r\n0\r\n\r\n") {
            match (&stream).read(&mut buffer) {
                Ok(n @ 1..) => request.extend(&buffer[..n]),
                _ => return,
            }
        }
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
        (&stream).write_all(answer).expect("a connection");
    });
    let tls = format!(
        "tls = {{ ca = \"{}\", server_name = \"chat.example.org\" }}",
        authority.root().display()
    );
    let length = "Content-Length: 3\r\n\r\nabc";
    let chunks = "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n2\r\nbc\r\n0\r\n\r\n";
    for body in [length, chunks] {
        for missing in [0, 1] {
            let vestibule = in_front_of(origin.address(), &tls);
            let request = format!("POST / HTTP/1.1\r\nHost: a\r\n{body}");
            let client = sends(&vestibule, &request[..request.len() - missing]);
            client.shutdown(Shutdown::Write).expect("an open side");
            let (text, _) = rest(client);
            let record = request_record(&vestibule);
            if missing == 0 {
                assert!(text.starts_with("HTTP/1.1 200 "), "{text:?} to {body:?}");
                assert_eq!(record.number("status"), 200);
            } else {
                assert!(!text.contains(" 200 "), "{text:?} to {body:?}");
                record.assert(&[("end", "http_request_invalid")]);
            }
        }
    }
}

#[test]
fn who_is_gone_is_not_waited_for() {
    let origin = HttpOrigin::start(|_, stream| {
        // Until we are not wanted any more.
        let _ = stream.read(&mut [0]);
        false
    });
    let vestibule = in_front_of(origin.address(), "");
    let client = sends(&vestibule, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    origin.head();
    let socket = socket2::SockRef::from(&client);
    socket.set_linger(Some(Duration::ZERO)).expect("a socket");
    drop(client);
    let record = request_record(&vestibule);
    record.assert(&[("end", "client_closed")]);
    let record = connection_record(&vestibule);
    record.assert(&[("end", "reset"), ("ended_by", "client")]);
}

#[test]
fn a_body_that_breaks_the_rules_is_the_fault_of_the_client() {
    let origin = HttpOrigin::start(|_, stream| {
        let _ = stream.read_to_end(&mut Vec::new());
        false
    });
    let post = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    for body in [
        "zz\r\nabc\r\n0\r\n\r\n",
        "3\r\nabcX",
        "-1\r\n",
        "0x3\r\nabc\r\n",
    ] {
        let vestibule = in_front_of(origin.address(), "");
        let got = answer(sends(&vestibule, format!("{post}{body}")));
        assert_eq!(got.status(), 400, "{body:?}");
        assert_eq!(field(&got.head, "connection"), Some("close"));
        let status = field(&got.head, "proxy-status");
        assert_eq!(status, Some("vestibule; error=http_request_error"));
        let record = request_record(&vestibule);
        record.assert(&[("end", "http_request_invalid")]);
        assert_eq!(record.number("status"), 400);
    }
    // Less than was announced.
    let vestibule = in_front_of(origin.address(), "");
    let post = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc";
    let client = sends(&vestibule, post);
    origin.head();
    client.shutdown(Shutdown::Write).expect("an open side");
    rest(client);
    request_record(&vestibule).assert(&[("end", "http_request_invalid")]);
}

#[test]
fn a_body_that_does_not_come_is_not_waited_for() {
    let origin = HttpOrigin::start(|_, stream| {
        let _ = stream.read_to_end(&mut Vec::new());
        false
    });
    for timeout in ["\"1s\"", "{ client = \"1s\", upstream = \"200ms\" }"] {
        let vestibule = in_front_of(origin.address(), &format!("idle_timeout = {timeout}"));
        let post = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc";
        let started = Instant::now();
        let got = answer(sends(&vestibule, post));
        assert_eq!(got.status(), 408, "{}", got.head);
        assert!(started.elapsed() > Duration::from_millis(800));
        let record = request_record(&vestibule);
        record.assert(&[("end", "http_request_timeout")]);
        assert_eq!(record.number("status"), 408);
        let record = connection_record(&vestibule);
        record.assert(&[("end", "idle_timeout"), ("reason", "the client was silent")]);
    }
}

#[test]
fn a_response_that_begins_early_may_take_its_time() {
    let origin = HttpOrigin::start(|head, stream| {
        let begin = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n";
        stream.write_all(begin).expect("a connection");
        read_body(head, stream);
        (0..6).all(|_| {
            sleep(Duration::from_millis(1_200));
            stream.write_all(b"x").is_ok()
        })
    });
    let vestibule = in_front_of(origin.address(), "response_timeout = \"6s\"");
    let post = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n";
    let mut client = sends(&vestibule, post);
    origin.head();
    sleep(Duration::from_millis(100));
    client.write_all(b"abc").expect("a connection");
    let mut got = answer(client);
    let mut body = [0; 6];
    got.stream.read_exact(&mut body).expect("the whole body");
}

#[test]
fn a_client_that_pauses_is_not_the_silence_of_the_server() {
    const LEN: usize = 32 << 20;
    let origin = HttpOrigin::start(|_, stream| {
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {LEN}\r\n\r\n");
        stream.write_all(head.as_bytes()).is_ok() && stream.write_all(&vec![b'x'; LEN]).is_ok()
    });
    let keys = "idle_timeout = { client = \"30s\", upstream = \"4s\" }";
    let vestibule = in_front_of(origin.address(), keys);
    let mut got = answer(sends(&vestibule, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
    sleep(Duration::from_secs(9));
    let mut body = vec![0; LEN];
    got.stream.read_exact(&mut body).expect("the whole body");
}

#[test]
fn a_response_that_breaks_off_is_not_taken_for_whole() {
    let origin = HttpOrigin::start(|_, stream| {
        let begin = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n";
        stream.write_all(begin).expect("a connection");
        sleep(Duration::from_millis(100));
        false
    });
    let vestibule = in_front_of(origin.address(), "");
    for version in ["1.0", "1.1"] {
        let client = sends(
            &vestibule,
            format!("GET / HTTP/{version}\r\nHost: a\r\n\r\n"),
        );
        let (text, end) = rest(client);
        assert!(text.contains("hello"), "{text}");
        assert_eq!(end, End::Reset, "{version}");
    }
}

#[test]
fn the_end_of_the_process_waits_for_responses_only() {
    let origin = HttpOrigin::start(|head, stream| {
        if head.starts_with("GET /slow") {
            sleep(Duration::from_secs(5));
        }
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
        stream.write_all(answer).is_ok()
    });
    let mut vestibule = in_front_of(origin.address(), "keep_alive_timeout = \"60s\"");
    let get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    let mut kept = answer(sends(&vestibule, get));
    kept.stream.read_exact(&mut [0; 2]).expect("a body");
    let mut silent = connect(vestibule.address("in"));
    let slow = sends(&vestibule, get.replace("GET /", "GET /slow"));
    origin.head();
    origin.head();
    let started = Instant::now();
    let slow = std::thread::spawn(move || (answer(slow), Instant::now()));
    let status = vestibule.terminate();
    assert!(status.success());
    let took = started.elapsed();
    assert!(took < Duration::from_secs(25), "{took:?}");
    let (got, _) = slow.join().expect("a thread that does not panic");
    assert_eq!(got.status(), 200);
    assert_eq!(field(&got.head, "connection"), Some("close"));
    assert_eq!(read_to_end(&mut kept.stream).1, End::Fin);
    assert_eq!(read_to_end(&mut silent).1, End::Fin);
}

/// A server that has answered early and reads no more must not be waited for by somebody else.
#[test]
fn a_stuck_connection_to_the_server_is_not_waited_for() {
    const LEN: usize = 16 << 20;
    let origin = HttpOrigin::start(|head, stream| {
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
        stream.write_all(answer).expect("a connection");
        if head.starts_with("POST") {
            sleep(Duration::from_secs(60));
        }
        true
    });
    let vestibule = in_front_of(origin.address(), "");
    let mut client = connect(vestibule.address("in"));
    let post = format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {LEN}\r\n\r\n");
    client.write_all(post.as_bytes()).expect("a request");
    let mut sending = client.try_clone().expect("a second descriptor");
    std::thread::spawn(move || sending.write_all(&vec![b'x'; LEN]));
    let mut got = answer(client.try_clone().expect("a second descriptor"));
    got.stream.read_exact(&mut [0; 2]).expect("a body");
    // Whoever else comes finds a server that answers.
    let started = Instant::now();
    let other = answer(sends(&vestibule, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
    assert_eq!(other.status(), 200);
    let took = started.elapsed();
    assert!(took < Duration::from_secs(30), "{took:?}");
}

/// TLS tells an end from an attack (RFC 8446 section 6.1).
#[test]
fn a_kept_connection_to_the_server_ends_with_close_notify() {
    let authority = Authority::new();
    let leaf = authority.server(&["chat.example.org"]);
    let (ends, end) = std::sync::mpsc::channel();
    let origin = TlsServer::new(&leaf).serve(move |stream| {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            (&stream).read_exact(&mut byte).expect("a request");
            head.extend(byte);
        }
        (&stream)
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            .expect("a connection");
        ends.send(stream.read_to_end()).expect("a test");
    });
    let tls = format!(
        "tls = {{ ca = \"{}\", server_name = \"chat.example.org\" }}",
        authority.root().display()
    );
    for drains in [false, true] {
        let mut vestibule = in_front_of(
            origin.address(),
            &format!("{tls}\nkeep_alive_timeout = \"60s\""),
        );
        let mut got = answer(sends(&vestibule, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
        got.stream.read_exact(&mut [0; 2]).expect("a body");
        if drains {
            vestibule.terminate();
        } else {
            drop(got);
        }
        let (rest, how) = end
            .recv_timeout(PATIENCE)
            .expect("the end of the connection");
        assert!(rest.is_empty());
        assert_eq!(how, TlsEnd::CloseNotify, "drains: {drains}");
    }
}
