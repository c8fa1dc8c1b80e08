use super::super::dialogue::{Dialogue, Step};
use super::Requests;
use crate::error::Error;
use crate::http::{BODY, ONLY_REQUEST, REQUEST};
use crate::origin::FILLER;

fn answer() -> Vec<u8> {
    let head = b"HTTP/1.1 200 OK\r\nContent-Length: 128\r\n\r\n";
    [&head[..], &[FILLER; BODY]].concat()
}

#[test]
fn on_a_kept_connection_the_next_request_follows_the_answer() {
    let mut requests = Requests::new(true);
    assert_eq!(requests.opening(), REQUEST);
    for _ in 0..2 {
        let answer = answer();
        let (begin, end) = answer.split_at(answer.len() - 1);
        let mut send = Vec::new();
        assert_eq!(requests.handle_bytes(begin, &mut send).unwrap(), Step::Wait);
        assert_eq!(send, b"");
        assert_eq!(requests.handle_bytes(end, &mut send).unwrap(), Step::Done);
        assert_eq!(send, REQUEST);
    }
    // The proxy should not have closed.
    assert!(matches!(requests.handle_end(), Err(Error::Truncated)));
}

#[test]
fn the_only_request_is_done_when_the_connection_ends() {
    let mut requests = Requests::new(false);
    assert_eq!(requests.opening(), ONLY_REQUEST);
    assert!(matches!(requests.handle_end(), Err(Error::Truncated)));
    let mut send = Vec::new();
    let step = requests.handle_bytes(&answer(), &mut send).unwrap();
    assert_eq!((step, &send[..]), (Step::Wait, &b""[..]));
    requests.handle_end().unwrap();
}

#[test]
fn a_refusal_is_an_error() {
    for kept in [true, false] {
        let mut requests = Requests::new(kept);
        let outcome = requests
            .handle_bytes(b"HTTP/1.1 502 Bad Gateway\r\n\r\n", &mut Vec::new())
            .and_then(|_| requests.handle_end());
        assert!(matches!(outcome, Err(Error::Refused(_))), "{outcome:?}");
    }
}
