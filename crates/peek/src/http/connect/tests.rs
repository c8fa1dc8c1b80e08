use super::{Basic, Credentials, Malformed, Progress, Request, request, write_request};
use crate::Host;
use crate::http::{MAX_HEAD_LEN, Version};
use crate::vectors::{check_against_uri, check_connect};

#[test]
fn a_request_is_shown() {
    let input = b"CONNECT Chat.Example.ORG.:5222 HTTP/1.1\r\n\
        Host: Chat.Example.ORG.:5222\r\nProxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n\r\n\
        <?xml";
    let request = asked(input);
    assert_eq!(request.host.to_string(), "chat.example.org");
    assert_eq!((request.port, request.version), (5222, Version::Http11));
    assert_eq!(&input[request.len..], b"<?xml");
    let basic = basic(&request);
    assert_eq!(basic.username(), "Aladdin");
    assert_eq!(basic.password(), b"open sesame");
    check_connect(input);
}

#[test]
fn every_beginning_needs_more() {
    let input: &[u8] = b"\r\nCONNECT [2001:db8::1]:443 HTTP/1.0\r\nHost: b.example\r\n\
        Proxy-Authorization: Basic dTpw\r\nA:\tb \r\n\r\n";
    for end in 0..input.len() {
        assert_eq!(
            request(&input[..end]),
            Ok(Progress::NeedMore),
            "{end} bytes"
        );
    }
    for after in ["", "\r\n\r\n", "GET / HTTP/1.1\r\n\r\n", "\0"] {
        assert_eq!(
            asked(&[input, after.as_bytes()].concat()).len,
            input.len(),
            "{after:?}"
        );
    }
    check_connect(input);
}

#[test]
fn targets_have_one_form() {
    for (target, host, port) in [
        ("example.org:443", "example.org", 443),
        ("EXAMPLE.org:1", "example.org", 1),
        ("_x.example.org:65535", "_x.example.org", 65535),
        ("localhost:80", "localhost", 80),
        ("192.0.2.1:443", "192.0.2.1", 443),
        ("[2001:DB8:0::1]:443", "2001:db8::1", 443),
        ("[::ffff:192.0.2.1]:443", "::ffff:192.0.2.1", 443),
    ] {
        let input = format!("CONNECT {target} HTTP/1.1\r\n\r\n");
        let request = asked(input.as_bytes());
        assert_eq!((&request.host.to_string()[..], request.port), (host, port));
        check_connect(input.as_bytes());
        assert!(check_against_uri(input.as_bytes()));
    }
}

#[test]
fn wrong_targets_are_refused() {
    let long = format!("{}:443", "a".repeat(254));
    for (target, reason) in [
        ("example.org", Malformed::TargetPort),
        ("example.org:", Malformed::TargetPort),
        ("example.org:0", Malformed::TargetPort),
        ("example.org:0443", Malformed::TargetPort),
        ("example.org:+443", Malformed::TargetPort),
        ("example.org:-1", Malformed::TargetPort),
        ("example.org:65536", Malformed::TargetPort),
        ("example.org:99999999999999999999", Malformed::TargetPort),
        ("example.org:https", Malformed::TargetPort),
        ("example.org:443:443", Malformed::TargetPort),
        ("example.org:443/", Malformed::TargetPort),
        ("example.org:443?x", Malformed::TargetPort),
        ("example.org:443#x", Malformed::TargetPort),
        ("https://example.org:443", Malformed::TargetPort),
        ("user:pass@example.org:443", Malformed::TargetPort),
        ("[::1]", Malformed::TargetPort),
        ("[::1]443", Malformed::TargetPort),
        ("[::1]b:443", Malformed::TargetPort),
        ("/", Malformed::TargetPort),
        ("*", Malformed::TargetPort),
        (":443", Malformed::TargetHost),
        (".:443", Malformed::TargetHost),
        ("user@example.org:443", Malformed::TargetHost),
        ("example.org/x:443", Malformed::TargetHost),
        ("*.example.org:443", Malformed::TargetHost),
        ("ex%61mple.org:443", Malformed::TargetHost),
        ("m\u{FC}nchen.example:443", Malformed::TargetHost),
        (&long, Malformed::TargetHost),
        ("::1:443", Malformed::TargetHost),
        ("[::1:443", Malformed::TargetHost),
        ("[fe80::1%eth0]:443", Malformed::TargetHost),
        ("[fe80::1%25eth0]:443", Malformed::TargetHost),
        ("[v1.x]:443", Malformed::TargetHost),
        ("[192.0.2.1]:443", Malformed::TargetHost),
        ("[example.org]:443", Malformed::TargetHost),
        // What only some resolvers take for an address.
        ("127.1:443", Malformed::TargetHost),
        ("2130706433:443", Malformed::TargetHost),
        ("0177.0.0.1:443", Malformed::TargetHost),
        ("0x7f.0.0.1:443", Malformed::TargetHost),
        ("0x7f000001:443", Malformed::TargetHost),
        ("127.0.0.0x1:443", Malformed::TargetHost),
        ("256.0.0.1:443", Malformed::TargetHost),
        ("192.0.2.1..:443", Malformed::TargetHost),
    ] {
        let input = format!("CONNECT {target} HTTP/1.1\r\nHost: example.org:443\r\n\r\n");
        assert_eq!(request(input.as_bytes()), Err(reason), "{target}");
        check_connect(input.as_bytes());
        check_against_uri(input.as_bytes());
    }
}

#[test]
fn wrong_heads_are_refused() {
    let many = "A: b\r\n".repeat(65);
    for (fields, reason) in [
        ("Content-Length: 1", Malformed::Body),
        ("Content-Length: 00", Malformed::Body),
        ("Content-Length:", Malformed::Body),
        ("Content-Length: 0, 0", Malformed::Body),
        ("Content-Length: 0\r\ncontent-length: 5", Malformed::Body),
        ("transfer-encoding: chunked", Malformed::Body),
        ("Transfer-Encoding: identity", Malformed::Body),
        (
            "Proxy-Authorization: Basic dTpw\r\nproxy-authorization: Basic dTpw",
            Malformed::CredentialsRepeated,
        ),
        ("A: b\r\n folded", Malformed::HeaderName),
        ("A: b\r\n\tfolded", Malformed::HeaderName),
        (" A: b", Malformed::HeaderName),
        ("A : b", Malformed::HeaderName),
        ("A", Malformed::HeaderName),
        (": b", Malformed::HeaderName),
        ("A\0: b", Malformed::HeaderName),
        ("A: b\0", Malformed::HeaderValue),
        ("A: b\x7f", Malformed::HeaderValue),
        ("A: b\rc", Malformed::HeaderValue),
        ("\rA: b", Malformed::LineEnding),
        ("Host: a b", Malformed::Host),
        ("Host: user@example.org", Malformed::Host),
        ("Host: [fe80::1%eth0]", Malformed::Host),
        ("Host: example.org, example.org", Malformed::Host),
        (
            "Host: example.org\r\nHost: example.org",
            Malformed::HostRepeated,
        ),
        (&many, Malformed::TooManyHeaders),
    ] {
        let input = format!("CONNECT example.org:443 HTTP/1.1\r\n{fields}\r\n\r\n");
        assert_eq!(request(input.as_bytes()), Err(reason), "{fields:?}");
        check_connect(input.as_bytes());
    }
}

#[test]
fn harmless_fields_are_passed_over() {
    for fields in [
        "",
        "Host:\r\n",
        "Host: other.example\r\n",
        "Content-Length: 0\r\n",
        "Content-Length: 0\r\nContent-Length: 0\r\n",
        "Expect: 100-continue\r\n",
        "Proxy-Connection: keep-alive\r\nConnection: upgrade\r\nUpgrade: x\r\n",
        "Authorization: Basic dTpw\r\nX: \u{FC}\r\n",
        &"A: b\r\n".repeat(64),
    ] {
        let input = format!("CONNECT example.org:443 HTTP/1.1\r\n{fields}\r\n");
        let request = asked(input.as_bytes());
        assert_eq!(request.host.to_string(), "example.org", "{fields:?}");
        assert_eq!(request.credentials, None, "{fields:?}");
        check_connect(input.as_bytes());
    }
    let input = b"CONNECT example.org:443 HTTP/1.1\nHost: example.org\n\n\n";
    assert_eq!(asked(input).len, input.len() - 1);
    check_connect(input);
}

#[test]
fn credentials_are_decoded() {
    for (value, username, password) in [
        ("Basic dTpw", "u", &b"p"[..]),
        ("basic dTpw", "u", b"p"),
        ("BASIC   dTpw  ", "u", b"p"),
        ("Basic dTo=", "u", b""),
        ("Basic Og==", "", b""),
        ("Basic dTo6cDo=", "u", b":p:"),
        // RFC 7617 section 2.1.
        ("Basic dGVzdDoxMjPCow==", "test", b"123\xC2\xA3"),
        ("Basic w7w6/w==", "\u{FC}", b"\xFF"),
    ] {
        let input = with_credentials(value);
        let request = asked(input.as_bytes());
        let basic = basic(&request);
        assert_eq!((basic.username(), basic.password()), (username, password));
        check_connect(input.as_bytes());
    }
}

#[test]
fn other_credentials_are_told_apart() {
    for (value, credentials) in [
        ("", Credentials::Other),
        ("Bearer dTpw", Credentials::Other),
        ("Basicx dTpw", Credentials::Other),
        ("Negotiate", Credentials::Other),
        ("Basic", Credentials::Invalid),
        // Without colon.
        ("Basic dXA=", Credentials::Invalid),
        // Without padding, in another alphabet, with bits behind the end, with something behind.
        ("Basic dTo", Credentials::Invalid),
        ("Basic dTp_", Credentials::Invalid),
        ("Basic dTp=", Credentials::Invalid),
        ("Basic dTpw, Basic dTpw", Credentials::Invalid),
        ("Basic dT pw", Credentials::Invalid),
        // The user name \xFF.
        ("Basic /zpw", Credentials::Invalid),
        // Control characters: NUL in the password, LF in the user name, U+0085 there.
        ("Basic dTpwAA==", Credentials::Invalid),
        ("Basic dQo6cA==", Credentials::Invalid),
        ("Basic woU6cA==", Credentials::Invalid),
    ] {
        let input = with_credentials(value);
        let request = asked(input.as_bytes());
        assert_eq!(request.credentials, Some(credentials), "{value}");
        check_connect(input.as_bytes());
    }
}

#[test]
fn debug_shows_no_secrets() {
    let input = with_credentials("Basic c2VjcmV0OnNlY3JldA==");
    let shown = format!("{:?}", request(input.as_bytes()));
    assert!(shown.contains("Basic") && shown.contains("example.org"));
    assert!(
        !shown.contains("secret") && !shown.contains("c2Vj"),
        "{shown}"
    );
    assert!(!shown.contains("115, 101"), "{shown}");
}

#[test]
fn other_methods_are_named() {
    for (line, method) in [
        ("GET http://example.org/ HTTP/1.1", "GET"),
        ("POST / HTTP/1.0", "POST"),
        ("connect example.org:443 HTTP/1.1", "connect"),
        ("CONNECTX example.org:443 HTTP/1.1", "CONNECTX"),
        ("OPTIONS * HTTP/1.1\r\nHost: a b\r\nHost: c", "OPTIONS"),
        ("PUT /x HTTP/1.1\r\nContent-Length: 5", "PUT"),
    ] {
        let input = format!("{line}\r\n\r\nbody");
        let len = input.len() - 4;
        assert_eq!(
            request(input.as_bytes()),
            Ok(Progress::OtherMethod { len, method })
        );
        check_connect(input.as_bytes());
    }
}

#[test]
fn other_protocols_are_seen() {
    for input in [
        &b"\x16\x03\x01"[..],
        b"\x05\x01\x00",
        b"<stream",
        b"CONNECT\r\n",
        b"CONNECT  a:1 HTTP/1.1\r\n\r\n",
        b"CONNECT a:1  HTTP/1.1\r\n\r\n",
        b"CONNECT a:1\r\n",
        b"CONNECT a:1 HTTP/1.2",
        b"CONNECT a:1 HTTP/2",
        b"CONNECT\ta:1 HTTP/1.1\r\n\r\n",
        b" CONNECT a:1 HTTP/1.1\r\n\r\n",
    ] {
        assert_eq!(request(input), Ok(Progress::NotHttp), "{input:?}");
        check_connect(input);
    }
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    assert_eq!(request(preface), Ok(Progress::Http2));
    check_connect(preface);
}

#[test]
fn heads_are_read_up_to_the_limit() {
    let fixed = "CONNECT a:1 HTTP/1.1\r\nA: \r\n\r\n".len();
    let of_len = |len: usize| {
        let value = "b".repeat(len - fixed);
        format!("CONNECT a:1 HTTP/1.1\r\nA: {value}\r\n\r\n")
    };
    assert_eq!(asked(of_len(MAX_HEAD_LEN).as_bytes()).len, MAX_HEAD_LEN);
    let longer = of_len(MAX_HEAD_LEN + 1);
    assert_eq!(request(longer.as_bytes()), Err(Malformed::TooLarge));
    check_connect(longer.as_bytes());
}

#[test]
fn what_is_written_is_exact() {
    let written = |host: &str, authorization| {
        let mut out = b"before".to_vec();
        let host = Host::parse(host.as_bytes()).unwrap();
        write_request(&mut out, &host, 443, authorization);
        String::from_utf8(out).unwrap()
    };
    assert_eq!(
        written("Example.org", None),
        "beforeCONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\n\r\n"
    );
    assert_eq!(
        written("192.0.2.1", None),
        "beforeCONNECT 192.0.2.1:443 HTTP/1.1\r\nHost: 192.0.2.1:443\r\n\r\n"
    );
    assert_eq!(
        written("2001:db8::1", Some("Basic dTpw")),
        "beforeCONNECT [2001:db8::1]:443 HTTP/1.1\r\nHost: [2001:db8::1]:443\r\n\
         Proxy-Authorization: Basic dTpw\r\n\r\n"
    );
}

fn with_credentials(value: &str) -> String {
    format!("CONNECT example.org:443 HTTP/1.1\r\nProxy-Authorization: {value}\r\n\r\n")
}

fn asked(input: &[u8]) -> Request {
    match request(input) {
        Ok(Progress::Request(request)) => request,
        answer => panic!("{answer:?}"),
    }
}

fn basic(request: &Request) -> &Basic {
    match &request.credentials {
        Some(Credentials::Basic(basic)) => basic,
        credentials => panic!("{credentials:?}"),
    }
}
