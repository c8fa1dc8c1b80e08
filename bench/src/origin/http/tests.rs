use super::super::{Next, Serve};
use super::Connection;
use crate::http::{ONLY_REQUEST, REQUEST, answer_is_complete};

#[test]
fn requests_are_answered_one_by_one() {
    let mut connection = Connection::new(false);
    for _ in 0..2 {
        let (begin, end) = REQUEST.split_at(40);
        let mut answer = Vec::new();
        assert_eq!(connection.handle_bytes(begin, &mut answer), Next::KeepOpen);
        assert_eq!(answer, b"");
        assert_eq!(connection.handle_bytes(end, &mut answer), Next::KeepOpen);
        assert!(answer_is_complete(&answer).unwrap());
    }
}

#[test]
fn the_only_request_ends_the_connection() {
    let mut answer = Vec::new();
    let next = Connection::new(false).handle_bytes(ONLY_REQUEST, &mut answer);
    assert_eq!(next, Next::Close);
    assert!(answer_is_complete(&answer).unwrap());
}

#[test]
fn a_proxy_must_say_for_whom_it_asks() {
    let mut answer = Vec::new();
    let mut connection = Connection::new(true);
    let request = b"GET / HTTP/1.1\r\nX-Forwarded-For: 127.0.0.1\r\n\r\n";
    assert_eq!(
        connection.handle_bytes(request, &mut answer),
        Next::KeepOpen
    );
    assert!(answer_is_complete(&answer).unwrap());
    answer.clear();
    assert_eq!(connection.handle_bytes(REQUEST, &mut answer), Next::Close);
    assert!(answer_is_complete(&answer).is_err());
}
