use super::{
    Head, MAX_HEAD_LEN, MAX_INTERIM, MAX_PROXY_STATUS_LEN, MAX_REASON_LEN, Malformed, Progress,
    head,
};
use crate::vectors::check_response;

const INTERIM: &str = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";

#[test]
fn a_head_is_shown() {
    let input = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 3\r\n\
        proxy-status: far; error=dns_error\r\nProxy-Status: near\r\n\r\nbad";
    let head = answer(input);
    assert_eq!((head.status, head.reason), (502, "Bad Gateway"));
    assert_eq!(head.proxy_status, Some("far; error=dns_error"));
    assert_eq!(&input[head.len..], b"bad");
    check_response(input);
}

#[test]
fn every_beginning_needs_more() {
    let input = format!("\r\n{INTERIM}HTTP/1.0 200 OK\r\nA:\tb \r\n\r\n");
    for end in 0..input.len() {
        assert_eq!(
            head(&input.as_bytes()[..end]),
            Ok(Progress::NeedMore),
            "{end} bytes"
        );
    }
    for after in ["", "HTTP/1.1 400 No\r\n\r\n", "\r\n", "\0"] {
        let longer = format!("{input}{after}");
        let head = answer(longer.as_bytes());
        assert_eq!((head.len, head.status), (input.len(), 200), "{after:?}");
    }
    check_response(input.as_bytes());
}

#[test]
fn status_lines_are_read() {
    let longest = "x".repeat(MAX_REASON_LEN);
    let longer = format!("{longest}x");
    for (line, status, reason) in [
        (
            "HTTP/1.1 200 Connection established",
            200,
            "Connection established",
        ),
        ("HTTP/1.0 200 OK", 200, "OK"),
        ("HTTP/1.1 200 ", 200, ""),
        ("HTTP/1.1 200", 200, ""),
        ("HTTP/1.1 299 x", 299, "x"),
        ("HTTP/1.1 407  a  b", 407, " a  b"),
        ("HTTP/1.1 999 x", 999, "x"),
        (
            "HTTP/1.1 101 Switching Protocols",
            101,
            "Switching Protocols",
        ),
        ("HTTP/1.1 403 a\tb", 403, ""),
        ("HTTP/1.1 403 \u{FC}", 403, ""),
        (&format!("HTTP/1.1 403 {longest}"), 403, &longest),
        (&format!("HTTP/1.1 403 {longer}"), 403, &longest),
    ] {
        let input = format!("{line}\r\nTransfer-Encoding: chunked\r\n\r\n");
        let head = answer(input.as_bytes());
        assert_eq!((head.status, head.reason), (status, reason), "{line}");
        assert_eq!((head.len, head.proxy_status), (input.len(), None));
        check_response(input.as_bytes());
    }
    let input = b"HTTP/1.1 200 OK\nA: b\n\n\n";
    assert_eq!(answer(input).len, input.len() - 1);
    check_response(input);
}

#[test]
fn proxy_status_is_printable_and_short() {
    let longer = "x".repeat(MAX_PROXY_STATUS_LEN + 1);
    for (value, shown) in [
        ("a; error=x", Some("a; error=x")),
        ("", Some("")),
        ("a\tb", None),
        ("\u{FC}", None),
        (&longer[..], Some(&longer[1..])),
    ] {
        let input = format!("HTTP/1.1 403 x\r\nProxy-Status: {value}\r\n\r\n");
        assert_eq!(answer(input.as_bytes()).proxy_status, shown, "{value}");
        check_response(input.as_bytes());
    }
}

#[test]
fn interim_answers_are_passed_over() {
    for count in [1, MAX_INTERIM] {
        let input = format!("{}HTTP/1.1 403 No\r\n\r\n", INTERIM.repeat(count));
        let head = answer(input.as_bytes());
        assert_eq!((head.status, head.len), (403, input.len()));
        check_response(input.as_bytes());
    }
    let input = INTERIM.repeat(MAX_INTERIM + 1);
    assert_eq!(head(input.as_bytes()), Err(Malformed::Interim));
    assert_eq!(
        head(&input.as_bytes()[..input.len() - 1]),
        Ok(Progress::NeedMore)
    );
    check_response(input.as_bytes());
    let input = format!("{INTERIM}SSH-2.0");
    assert_eq!(head(input.as_bytes()), Err(Malformed::NotHttp));
    check_response(input.as_bytes());
}

#[test]
fn wrong_heads_are_refused() {
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "A: b\r\n".repeat(65));
    for (input, reason) in [
        ("SSH-2.0-x\r\n", Malformed::NotHttp),
        ("\x05\x00", Malformed::NotHttp),
        ("h", Malformed::NotHttp),
        ("HTTP/2", Malformed::NotHttp),
        ("HTTP/1.2 ", Malformed::NotHttp),
        ("HTTP/1.12 200 OK\r\n\r\n", Malformed::NotHttp),
        (" HTTP/1.1", Malformed::NotHttp),
        ("HTTP/1.1  200 OK\r\n\r\n", Malformed::Status),
        ("HTTP/1.1 20 OK\r\n\r\n", Malformed::Status),
        ("HTTP/1.1 2000 OK\r\n\r\n", Malformed::Status),
        ("HTTP/1.1 099 OK\r\n\r\n", Malformed::Status),
        ("HTTP/1.1 000 OK\r\n\r\n", Malformed::Status),
        ("HTTP/1.1 -20 OK\r\n\r\n", Malformed::Status),
        ("HTTP/1.1 200 O\0K\r\n\r\n", Malformed::Status),
        ("HTTP/1.1 200 O\x1b[2JK\r\n\r\n", Malformed::Status),
        ("HTTP/1.1 200 O\rK\r\n\r\n", Malformed::Status),
        ("HTTP/1.1 200 OK\r\nA : b\r\n\r\n", Malformed::HeaderName),
        (
            "HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n",
            Malformed::HeaderName,
        ),
        ("HTTP/1.1 200 OK\r\n A: b\r\n\r\n", Malformed::HeaderName),
        ("HTTP/1.1 200 OK\r\nA\r\n\r\n", Malformed::HeaderName),
        ("HTTP/1.1 200 OK\r\nA: \0\r\n\r\n", Malformed::HeaderValue),
        ("HTTP/1.1 200 OK\r\nA: b\rc\r\n\r\n", Malformed::HeaderValue),
        ("HTTP/1.1 200 OK\r\n\rX", Malformed::LineEnding),
        (&many, Malformed::TooManyHeaders),
    ] {
        assert_eq!(head(input.as_bytes()), Err(reason), "{input:?}");
        check_response(input.as_bytes());
    }
}

#[test]
fn heads_are_read_up_to_the_limit() {
    let fixed = INTERIM.len() + "HTTP/1.1 200 OK\r\nA: \r\n\r\n".len();
    let of_len = |len: usize| {
        let value = "b".repeat(len - fixed);
        format!("{INTERIM}HTTP/1.1 200 OK\r\nA: {value}\r\n\r\n")
    };
    let longest = of_len(MAX_HEAD_LEN);
    assert_eq!(answer(longest.as_bytes()).len, MAX_HEAD_LEN);
    check_response(longest.as_bytes());
    let longer = of_len(MAX_HEAD_LEN + 1);
    assert_eq!(head(longer.as_bytes()), Err(Malformed::TooLarge));
    assert_eq!(
        head(&longer.as_bytes()[..MAX_HEAD_LEN - 1]),
        Ok(Progress::NeedMore)
    );
    check_response(longer.as_bytes());
}

fn answer(input: &[u8]) -> Head<'_> {
    match head(input) {
        Ok(Progress::Head(head)) => head,
        answer => panic!("{answer:?}"),
    }
}
