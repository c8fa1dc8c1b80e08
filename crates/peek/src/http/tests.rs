use super::{MAX_HEAD_LEN, Malformed, Progress, Request, request};
use crate::vectors::check_request;

#[test]
fn a_head_is_shown() {
    let input = b"GET /x HTTP/1.1\r\nHost: Web.Example.ORG:8443\r\nAccept: */*\r\n\r\nbody";
    let head = head(input);
    assert_eq!((head.method, head.target), ("GET", "/x"));
    assert_eq!(head.len, input.len() - 4);
    assert_eq!(
        head.host.map(|host| host.to_string()).as_deref(),
        Some("web.example.org")
    );
    check_request(input);
}

#[test]
fn hosts_have_one_form() {
    for (line, host) in [
        ("GET / HTTP/1.1\r\nhost:example.org", Some("example.org")),
        (
            "GET / HTTP/1.1\r\nHOST:  EXAMPLE.org.:80 ",
            Some("example.org"),
        ),
        ("GET / HTTP/1.1\r\nHost: example.org:", Some("example.org")),
        ("GET / HTTP/1.1\r\nHost: 192.0.2.1:80", Some("192.0.2.1")),
        (
            "GET / HTTP/1.1\r\nHost: [2001:DB8::1]:80",
            Some("2001:db8::1"),
        ),
        ("GET / HTTP/1.1\r\nHost: [::1]", Some("::1")),
        ("GET / HTTP/1.0\r\nAccept: */*", None),
        ("GET / HTTP/1.1\r\nHost:", None),
        (
            "OPTIONS * HTTP/1.1\r\nHost: example.org",
            Some("example.org"),
        ),
        // The target comes first (RFC 9112 section 3.2.2).
        (
            "GET http://a.example/ HTTP/1.1\r\nHost: b.example",
            Some("a.example"),
        ),
        (
            "GET HTTP://a.example?q=http://c.example/ HTTP/1.1\r\nHost: b.example",
            Some("a.example"),
        ),
        ("GET wss://A.example:1 HTTP/1.1\r\nHost:", Some("a.example")),
        (
            "GET /?q=http://c.example/ HTTP/1.1\r\nHost: b.example",
            Some("b.example"),
        ),
        (
            "CONNECT a.example:443 HTTP/1.1\r\nHost: b.example",
            Some("a.example"),
        ),
        (
            "CONNECT [2001:db8::2]:443 HTTP/1.1\r\nHost: b.example",
            Some("2001:db8::2"),
        ),
    ] {
        let input = format!("{line}\r\n\r\n");
        let shown = head(input.as_bytes()).host.map(|host| host.to_string());
        assert_eq!(shown.as_deref(), host, "{line}");
        check_request(input.as_bytes());
    }
}

#[test]
fn wrong_hosts_are_refused() {
    for host in [
        "a b",
        "a/b",
        "user@example.org",
        "example.org:http",
        "example.org:80:80",
        "[::1",
        "[::1]80",
        "[example.org]",
        "[192.0.2.1]",
        "::1",
        "*.example.org",
        "m\u{FC}nchen.example",
        ".",
        ":80",
    ] {
        let input = format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n");
        assert_eq!(request(input.as_bytes()), Err(Malformed::Host), "{host}");
        check_request(input.as_bytes());
    }
    for target in ["http:///x", "http://user@a.example/", "http://:80/"] {
        let input = format!("GET {target} HTTP/1.1\r\nHost: a.example\r\n\r\n");
        assert_eq!(request(input.as_bytes()), Err(Malformed::Host), "{target}");
    }
}

#[test]
fn wrong_heads_are_refused() {
    let many = "A: b\r\n".repeat(65);
    for (fields, reason) in [
        (
            "Host: a.example\r\nhost: a.example\r\n\r\n",
            Malformed::HostRepeated,
        ),
        ("Host : a.example\r\n\r\n", Malformed::HeaderName),
        (": a\r\n\r\n", Malformed::HeaderName),
        ("A: b\r\n folded\r\n\r\n", Malformed::HeaderName),
        ("A: b\0\r\n\r\n", Malformed::HeaderValue),
        ("A: b\r\n\rC", Malformed::LineEnding),
        (&many, Malformed::TooManyHeaders),
    ] {
        let input = format!("GET / HTTP/1.1\r\n{fields}");
        assert_eq!(request(input.as_bytes()), Err(reason), "{fields:?}");
        check_request(input.as_bytes());
    }
}

#[test]
fn heads_are_read_up_to_the_limit() {
    let fixed = "GET / HTTP/1.1\r\nA: \r\n\r\n".len();
    let of_len = |len: usize| format!("GET / HTTP/1.1\r\nA: {}\r\n\r\n", "b".repeat(len - fixed));
    assert_eq!(head(of_len(MAX_HEAD_LEN).as_bytes()).len, MAX_HEAD_LEN);
    let longer = of_len(MAX_HEAD_LEN + 1);
    assert_eq!(request(longer.as_bytes()), Err(Malformed::TooLarge));
    assert_eq!(
        request(&longer.as_bytes()[..MAX_HEAD_LEN]),
        Err(Malformed::TooLarge)
    );
    assert_eq!(
        request(&longer.as_bytes()[..MAX_HEAD_LEN - 1]),
        Ok(Progress::NeedMore)
    );
    check_request(longer.as_bytes());
}

#[test]
fn other_protocols_are_seen_at_their_first_byte() {
    for input in [
        &b"\x16"[..],
        b"<",
        b" ",
        b"\0",
        b"\rG",
        b"GET\r",
        b"\r\n\r\n\0",
        b"EHLO mail.example\r",
        b"GET / HTTP/2",
        b"GET  ",
        b"PRI * HTTP/2.0\r\n\r\nSX\r\n",
        &[b'A'; 33],
    ] {
        assert_eq!(request(input), Ok(Progress::NotHttp), "{input:?}");
        check_request(input);
    }
    for input in [
        &b""[..],
        b"\r",
        b"\r\n",
        b"G",
        &[b'A'; 32],
        b"GET ",
        b"GET / HTTP/1.",
        b"PRI * HT",
    ] {
        assert_eq!(request(input), Ok(Progress::NeedMore), "{input:?}");
        check_request(input);
    }
}

#[test]
fn the_preface_of_http_2_is_known() {
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    for end in 0..preface.len() {
        assert_eq!(request(&preface[..end]), Ok(Progress::NeedMore));
    }
    assert_eq!(request(preface), Ok(Progress::Http2));
    assert_eq!(
        request(&[&preface[..], b"\0\0\x12"].concat()),
        Ok(Progress::Http2)
    );
}

#[test]
fn methods_may_be_any_token() {
    for method in [
        "G",
        "PROPFIND",
        "M-SEARCH",
        "PRIVATE",
        "POST",
        &"A".repeat(32),
    ] {
        let input = format!("{method} * HTTP/1.1\r\n\r\n");
        assert_eq!(head(input.as_bytes()).method, method);
        check_request(input.as_bytes());
    }
}

fn head(input: &[u8]) -> Request<'_> {
    match request(input) {
        Ok(Progress::Head(head)) => head,
        answer => panic!("{answer:?}"),
    }
}
