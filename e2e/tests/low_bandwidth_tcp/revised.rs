//! Answers that tell clients where their homeserver is, and what it can.

use std::io::Write;
use std::sync::mpsc::channel;

use vestibule_e2e::{answer, connect, field, free_ports, read_body};

use super::{Gateway, Homeserver, body, homeserver};

const WELL_KNOWN: &str = r#"{"m.homeserver":{"base_url":"https://hs.example.org"},"x":[1.0]}"#;
const OURS: &str = r#"{"m.homeserver":{"base_url":"http://lb.example.org"},"x":[1.0]}"#;
const LOGIN: &str =
    r#"{"user_id":"@a:hs","well_known":{"m.homeserver":{"base_url":"https://hs"}}}"#;
const OUR_LOGIN: &str =
    r#"{"user_id":"@a:hs","well_known":{"m.homeserver":{"base_url":"http://lb.example.org"}}}"#;

/// What is revised: method, target, what the homeserver says, and what the client gets.
const ALL: &[(&str, &str, &str, &str)] = &[
    ("GET", "/.well-known/matrix/client", WELL_KNOWN, OURS),
    ("POST", "/_matrix/client/v3/login", LOGIN, OUR_LOGIN),
    ("POST", "/_matrix/client/r0/login", LOGIN, OUR_LOGIN),
    (
        "POST",
        "/_matrix/client/v3/register?kind=guest",
        LOGIN,
        OUR_LOGIN,
    ),
];

#[test]
fn clients_stay_with_the_gateway() {
    for (method, target, said, wanted) in ALL {
        let homeserver = homeserver(
            "200 OK",
            "Content-Type: application/json\r\nETag: \"x\"\r\nContent-MD5: x\r\nDigest: x\r\n\
             Cache-Control: no-store\r\n",
            said,
        );
        let gateway = Gateway::before(&homeserver);
        let fields = "Content-Length: 2\r\nAccept-Encoding: gzip, br\r\nIf-None-Match: \"x\"\r\n\
                      Range: bytes=0-3\r\n\r\n{}";
        let mut answer = gateway.ask(method, target, fields);
        assert_eq!(answer.status(), 200);
        assert_eq!(body(&mut answer), *wanted);
        for name in ["ETag", "Content-MD5", "Digest"] {
            assert_eq!(answer.field(name), None);
        }
        assert_eq!(answer.field("Content-Type"), Some("application/json"));
        assert_eq!(answer.field("Cache-Control"), Some("no-store"));
        let head = homeserver.head();
        assert_eq!(field(&head, "Accept-Encoding"), Some("identity"));
        for name in ["If-None-Match", "Range"] {
            assert_eq!(field(&head, name), None);
        }
        let version = [
            "--http2-prior-knowledge",
            "--request",
            method,
            "--data",
            "{}",
        ];
        assert_eq!(gateway.curl(target, &version), *wanted);
    }
}

#[test]
fn versions_name_the_gateway() {
    let homeserver = homeserver("200 OK", "", r#"{"versions":["v1.11"]}"#);
    let url = format!("http://{}", homeserver.address());
    let port = free_ports(1);
    let gateway = Gateway::at(port, url, "", |setup| setup);
    let said = gateway.curl("/_matrix/client/versions", &[]);
    let key = format!(
        r#"{{"versions":["v1.11"],"org.matrix.msc3079.low_bandwidth":{{"dtls":{port},"cbor_enum_version":1,"coap_enum_version":1}}"#
    );
    assert!(said.starts_with(&key), "{said}");
}

/// However the homeserver says where a body ends, and when.
#[test]
fn chunks_are_put_together() {
    let (sender, peers) = channel();
    let homeserver = Homeserver::start(move |_, stream| {
        let _ = sender.send(stream.peer_addr().expect("an address"));
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n";
        let chunks = WELL_KNOWN.as_bytes().chunks(7);
        stream.write_all(head.as_bytes()).is_ok()
            && chunks.into_iter().all(|chunk| {
                let mut bytes = format!("{:x}\r\n", chunk.len()).into_bytes();
                bytes.extend_from_slice(chunk);
                bytes.extend_from_slice(b"\r\n");
                stream.write_all(&bytes).is_ok()
            })
            && stream.write_all(b"0\r\nX-Sum: 1\r\n\r\n").is_ok()
    });
    let gateway = Gateway::before(&homeserver);
    let mut stream = connect(gateway.address());
    for _ in 0..2 {
        let head = "GET /.well-known/matrix/client HTTP/1.1\r\nHost: a\r\n\r\n";
        stream.write_all(head.as_bytes()).expect("a connection");
        let mut got = answer(stream);
        assert_eq!(body(&mut got), OURS);
        assert_eq!(got.field("Transfer-Encoding"), None);
        assert_eq!(got.field("Trailer"), None);
        stream = got.stream;
    }
    let same = peers.recv().expect("a request") == peers.recv().expect("another one");
    assert!(same, "the connection is used again");
}

#[test]
fn a_body_that_ends_with_the_connection_is_whole() {
    let homeserver = Homeserver::start(|_, stream| {
        let _ = write!(stream, "HTTP/1.1 200 OK\r\n\r\n{WELL_KNOWN}");
        false
    });
    let gateway = Gateway::before(&homeserver);
    assert_eq!(gateway.curl("/.well-known/matrix/client", &[]), OURS);
}

#[test]
fn a_body_that_breaks_off_is_none() {
    let homeserver = Homeserver::start(|_, stream| {
        let _ = write!(
            stream,
            "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{WELL_KNOWN}"
        );
        false
    });
    let gateway = Gateway::before(&homeserver);
    let mut answer = gateway.ask("GET", "/.well-known/matrix/client", "");
    assert_eq!(answer.status(), 502);
    assert!(body(&mut answer).starts_with(r#"{"errcode":"M_UNKNOWN""#));
}

#[test]
fn what_cannot_be_read_is_not_passed_on() {
    let encoded = homeserver(
        "200 OK",
        "Content-Encoding: gzip\r\n",
        "\u{1f}\u{8}not really",
    );
    let gateway = Gateway::before(&encoded);
    for (method, target, ..) in ALL {
        let answer = gateway.ask(method, target, "Content-Length: 0\r\n");
        assert_eq!(answer.status(), 502, "{target}");
    }
    // Without its key nobody is led anywhere.
    assert_eq!(
        gateway.ask("GET", "/_matrix/client/versions", "").status(),
        200
    );

    for has_length in [true, false] {
        let large = Homeserver::start(move |head, stream| {
            read_body(head, stream);
            let length = (1 << 20) + 1;
            let head = match has_length {
                true => format!("Content-Length: {length}\r\n"),
                false => String::new(),
            };
            let _ = write!(stream, "HTTP/1.1 200 OK\r\n{head}\r\n");
            let _ = stream.write_all(&vec![b' '; length]);
            false
        });
        let gateway = Gateway::before(&large);
        for (method, target, ..) in ALL {
            let mut answer = gateway.ask(method, target, "Content-Length: 0\r\n");
            assert_eq!(answer.status(), 502, "{target}");
            assert!(body(&mut answer).starts_with(r#"{"errcode":"M_UNKNOWN""#));
        }
    }
}

#[test]
fn a_megabyte_is_read() {
    let homeserver = Homeserver::start(|_, stream| {
        let rest = WELL_KNOWN.strip_suffix('}').expect("an object");
        let pad = " ".repeat((1 << 20) - WELL_KNOWN.len());
        super::write_answer(stream, "200 OK", "", &format!("{rest}{pad}}}"))
    });
    let gateway = Gateway::before(&homeserver);
    assert_eq!(gateway.curl("/.well-known/matrix/client", &[]), OURS);
}

#[test]
fn what_says_nothing_of_it_stays_as_it_is() {
    for (status, said) in [
        ("200 OK", r#"{ "user_id" : "@a:hs" }"#),
        ("200 OK", "<html>hello</html>"),
        ("200 OK", ""),
        ("401 Unauthorized", LOGIN),
        ("404 Not Found", WELL_KNOWN),
        ("201 Created", WELL_KNOWN),
        ("500 Internal Server Error", "<html>oops</html>"),
    ] {
        let homeserver = homeserver(status, "ETag: \"x\"\r\n", said);
        let gateway = Gateway::before(&homeserver);
        for (method, target, ..) in ALL {
            let mut answer = gateway.ask(method, target, "Content-Length: 0\r\n");
            assert!(answer.head.contains(status), "{}", answer.head);
            assert_eq!(body(&mut answer), said);
            assert_eq!(answer.field("ETag"), Some("\"x\""));
        }
    }
}

#[test]
fn other_answers_may_say_what_they_like() {
    let homeserver = homeserver("200 OK", "ETag: \"x\"\r\n", WELL_KNOWN);
    let gateway = Gateway::before(&homeserver);
    for target in ["/_matrix/client/v3/login", "/_matrix/client/v3/sync"] {
        let mut answer = gateway.ask("GET", target, "Accept-Encoding: gzip\r\n");
        assert_eq!(body(&mut answer), WELL_KNOWN);
        let head = homeserver.head();
        assert_eq!(field(&head, "Accept-Encoding"), Some("gzip"));
    }
}

/// The length that the homeserver names is that of another body.
#[test]
fn heads_alone_do_not_say_what_is_not_so() {
    let homeserver = Homeserver::start(|_, stream| {
        let head = b"HTTP/1.1 200 OK\r\nETag: \"x\"\r\nContent-Length: 66\r\n\r\n";
        stream.write_all(head).is_ok()
    });
    let gateway = Gateway::before(&homeserver);
    let mut stream = connect(gateway.address());
    for (target, has_length) in [
        ("/.well-known/matrix/client", false),
        ("/_matrix/client/versions", false),
        ("/_matrix/media/v3/download/a/b", true),
    ] {
        let head = format!("HEAD {target} HTTP/1.1\r\nHost: a\r\n\r\n");
        stream.write_all(head.as_bytes()).expect("a connection");
        let got = answer(stream);
        assert_eq!(got.status(), 200);
        assert_eq!(got.field("Content-Length").is_some(), has_length);
        assert_eq!(got.field("ETag").is_some(), has_length);
        stream = got.stream;
    }
}
