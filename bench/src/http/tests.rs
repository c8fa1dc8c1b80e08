use super::{BODY, ONLY_REQUEST, REQUEST, answer_is_complete, has_field, head_length};
use crate::error::Error;
use crate::origin::FILLER;

const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 128\r\n\r\n";

fn answer(body: &[u8]) -> Result<bool, Error> {
    answer_is_complete(&[HEAD, body].concat())
}

#[test]
fn an_answer_is_complete_with_its_last_byte() {
    assert!(!answer_is_complete(&HEAD[..HEAD.len() - 1]).unwrap());
    assert!(!answer(&[FILLER; BODY - 1]).unwrap());
    assert!(answer(&[FILLER; BODY]).unwrap());
}

#[test]
fn another_answer_is_an_error() {
    assert!(matches!(
        answer(&[FILLER; BODY + 1]),
        Err(Error::WrongAnswer)
    ));
    assert!(matches!(answer(b"80\r\n"), Err(Error::WrongAnswer)));
    let refused = answer_is_complete(b"HTTP/1.0 403 Forbidden\r\n\r\n");
    let Err(Error::Refused(line)) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(line, "HTTP/1.0 403 Forbidden");
}

#[test]
fn the_requests_are_one_head_each() {
    for request in [REQUEST, ONLY_REQUEST] {
        assert_eq!(head_length(request), Some(request.len()));
    }
}

#[test]
fn fields_are_found_in_any_case() {
    assert!(has_field(ONLY_REQUEST, b"connection: close"));
    assert!(!has_field(REQUEST, b"connection: "));
    assert!(has_field(
        b"GET / HTTP/1.1\r\nX-FORWARDED-FOR: ::1\r\n\r\n",
        b"x-forwarded-for: "
    ));
    assert!(!has_field(
        b"GET / HTTP/1.1\r\nX: host: a\r\n\r\n",
        b"host: "
    ));
}
