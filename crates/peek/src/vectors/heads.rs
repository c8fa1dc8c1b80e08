use std::fmt::Debug;
use std::iter;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::http::connect::{self, Credentials, write_request};
use crate::http::{self, MAX_HEAD_LEN, MAX_HEADERS, response};

/// Reads `input` as the beginning of an HTTP connection and checks all that must hold for any
/// bytes.
///
/// # Panics
///
/// If something does not hold.
pub fn check_request(input: &[u8]) {
    let whole = http::request(input);
    check_prefixes(input, &whole, http::request, |answer| {
        *answer == Ok(http::Progress::NeedMore)
    });
    if let Ok(http::Progress::Head(request)) = whole {
        check_end(&input[..request.len]);
        assert_eq!(http::request(&input[..request.len]), whole);
        assert!((1..=32).contains(&request.method.len()));
        assert!(!request.target.is_empty());
    }
}

/// Reads `input` as a request for a tunnel and checks all that must hold for any bytes: the answer
/// does not depend on segments, nothing that would change where the tunnel begins or leads gets
/// through, secrets are not shown, and what is written for the same destination reads the same.
///
/// # Panics
///
/// If something does not hold.
pub fn check_connect(input: &[u8]) {
    let whole = connect::request(input);
    check_prefixes(input, &whole, connect::request, |answer| {
        *answer == Ok(connect::Progress::NeedMore)
    });
    check_agreement(http::request(input), &whole);
    match &whole {
        Ok(connect::Progress::Request(request)) => check_tunnel(input, request),
        Ok(connect::Progress::OtherMethod { len, method }) => {
            check_end(&input[..*len]);
            assert_ne!(*method, "CONNECT");
        }
        _ => {}
    }
}

/// Reads `input` as the answer of a proxy and checks all that must hold for any bytes.
///
/// # Panics
///
/// If something does not hold.
pub fn check_response(input: &[u8]) {
    let whole = response::head(input);
    check_prefixes(input, &whole, response::head, |answer| {
        *answer == Ok(response::Progress::NeedMore)
    });
    let Ok(response::Progress::Head(head)) = whole else {
        return;
    };
    assert_eq!(response::head(&input[..head.len]), whole);
    assert!(head.status == 101 || (200..=999).contains(&head.status));
    assert!(head.reason.len() <= response::MAX_REASON_LEN);
    for text in iter::once(head.reason).chain(head.proxy_status) {
        assert!(text.bytes().all(|byte| matches!(byte, b' '..=b'~')));
    }

    // One head after the other, as lines.
    let mut rest = &input[..head.len];
    for interim in 0.. {
        assert!(interim <= response::MAX_INTERIM);
        let (this, after) = rest.split_at(end_of_head(rest));
        let status = format!(" {}", head.status);
        let line = lines(this).next().expect("a status line");
        assert!(line.starts_with(b"HTTP/1."));
        rest = after;
        if rest.is_empty() {
            assert!(line[8..].starts_with(status.as_bytes()));
            break;
        }
        assert!(line[8..].starts_with(b" 1") && !line[8..].starts_with(b" 101"));
    }

    // An interim answer in front changes nothing but where the head ends.
    let interim = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";
    let longer = [interim, &input[..head.len]].concat();
    match response::head(&longer) {
        Ok(response::Progress::Head(again)) => {
            assert_eq!(again.len, longer.len());
            assert_eq!(
                again,
                response::Head {
                    len: again.len,
                    ..head
                }
            );
        }
        Err(response::Malformed::TooLarge) => assert!(longer.len() > MAX_HEAD_LEN),
        Err(response::Malformed::Interim) => {}
        answer => panic!("{answer:?}"),
    }
}

/// Checks that less of `input` gives no other answer than `whole`, except that it `needs_more`.
fn check_prefixes<'a, T: Debug + PartialEq>(
    input: &'a [u8],
    whole: &T,
    read: fn(&'a [u8]) -> T,
    needs_more: fn(&T) -> bool,
) {
    // All ends near both ends, a sample of the others: each call begins at the first byte.
    let near = |end: usize| end < 600 || end.is_multiple_of(97) || end + 100 > input.len();
    let mut waited = true;
    for end in (0..=input.len()).filter(|end| near(*end)) {
        let answer = read(&input[..end]);
        if needs_more(&answer) {
            assert!(end < MAX_HEAD_LEN);
            assert!(waited, "more is needed again after {end} bytes");
        } else {
            waited = false;
            assert_eq!(answer, *whole, "after {end} bytes");
        }
    }
}

/// Checks that `head`, a whole one, is not longer than it may be and ends at its first empty line.
fn check_end(head: &[u8]) {
    assert!(head.len() <= MAX_HEAD_LEN);
    assert_eq!(end_of_head(head), head.len());
}

/// Both readers of requests see the same, but for what only one of them looks at.
fn check_agreement(
    general: Result<http::Progress<'_>, http::Malformed>,
    connect: &Result<connect::Progress<'_>, connect::Malformed>,
) {
    use connect::Progress as Tunnel;
    use http::Progress as General;
    match (general, connect) {
        (Ok(General::Http2), Ok(Tunnel::Http2))
        | (Ok(General::NeedMore), Ok(Tunnel::NeedMore))
        | (Ok(General::NotHttp), Ok(Tunnel::NotHttp)) => {}
        (Ok(General::Head(head)), Ok(Tunnel::OtherMethod { len, method })) => {
            assert_eq!((head.len, head.method), (*len, *method));
        }
        // Host is not looked at with other methods.
        (
            Err(http::Malformed::Host | http::Malformed::HostRepeated),
            Ok(Tunnel::OtherMethod { .. }),
        ) => {}
        (Ok(General::Head(head)), Ok(Tunnel::Request(request))) => {
            assert_eq!((head.len, head.host), (request.len, Some(request.host)));
        }
        // Whatever a request for a tunnel must not have.
        (Ok(General::Head(head)), Err(_)) => assert_eq!(head.method, "CONNECT"),
        (Err(http::Malformed::Host), Err(connect::Malformed::TargetHost)) => {}
        (Err(http::Malformed::Host), Err(connect::Malformed::TargetPort)) => {}
        (Err(http::Malformed::HostRepeated), Err(connect::Malformed::TargetHost)) => {}
        (Err(http::Malformed::HostRepeated), Err(connect::Malformed::TargetPort)) => {}
        (Err(general), Err(connect)) => assert_eq!(connect::Malformed::from(general), *connect),
        (general, connect) => panic!("{general:?} and {connect:?}"),
    }
}

fn check_tunnel(input: &[u8], request: &connect::Request) {
    let head = &input[..request.len];
    check_end(head);
    assert_ne!(request.port, 0);
    let line = lines(head).next().expect("a request line");
    assert!(line.starts_with(b"CONNECT "));

    let fields: Vec<_> = fields(head).collect();
    assert!(fields.len() <= MAX_HEADERS);
    let named = |name: &str| {
        let fields = fields.iter();
        let named = fields.filter(|(field, _)| field.eq_ignore_ascii_case(name.as_bytes()));
        named.map(|(_, value)| *value).collect::<Vec<_>>()
    };
    assert!(named("host").len() <= 1);
    assert!(named("transfer-encoding").is_empty());
    assert!(named("content-length").iter().all(|value| *value == b"0"));
    match (&named("proxy-authorization")[..], &request.credentials) {
        ([], None) => {}
        ([value], Some(credentials)) => check_credentials(value, credentials),
        (fields, credentials) => panic!("{} fields, {credentials:?}", fields.len()),
    }

    let mut written = Vec::new();
    write_request(
        &mut written,
        &request.host,
        request.port,
        Some("Basic dTpw"),
    );
    match connect::request(&written) {
        Ok(connect::Progress::Request(again)) => {
            assert_eq!((again.host, again.port), (request.host, request.port));
            assert_eq!(again.len, written.len());
            assert_eq!(again.version, http::Version::Http11);
            assert!(matches!(again.credentials, Some(Credentials::Basic(_))));
        }
        answer => panic!("{answer:?}"),
    }
}

fn check_credentials(value: &[u8], credentials: &Credentials) {
    let has_scheme = value
        .split(|byte| *byte == b' ')
        .next()
        .is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"basic"));
    assert_eq!(has_scheme, *credentials != Credentials::Other);
    if let Credentials::Basic(basic) = credentials {
        assert_eq!(format!("{basic:?}"), "Basic { .. }");
        assert!(
            !basic
                .username()
                .contains(|c: char| c == ':' || c.is_control())
        );
        assert!(!basic.password().iter().any(u8::is_ascii_control));
        let pair = [basic.username().as_bytes(), b":", basic.password()].concat();
        assert!(value.ends_with(STANDARD.encode(pair).as_bytes()));
    }
}

/// Where the first head of `input` ends: behind the first empty line that follows another line.
fn end_of_head(input: &[u8]) -> usize {
    let (mut end, mut begun) = (0, false);
    for line in input.split_inclusive(|byte| *byte == b'\n') {
        end += line.len();
        match line {
            b"\n" | b"\r\n" if begun => return end,
            b"\n" | b"\r\n" => {}
            _ => begun = true,
        }
    }
    panic!("no empty line ends the head");
}

/// The lines of `head` that are not empty, without their ends.
fn lines(head: &[u8]) -> impl Iterator<Item = &[u8]> {
    head.split(|byte| *byte == b'\n')
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
        .filter(|line| !line.is_empty())
}

/// Names and values of the header fields of `head`.
fn fields(head: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    lines(head).skip(1).map(|line| {
        let colon = line.iter().position(|byte| *byte == b':').expect("a colon");
        (&line[..colon], line[colon + 1..].trim_ascii())
    })
}
