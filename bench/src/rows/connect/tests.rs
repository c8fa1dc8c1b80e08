use super::super::dialogue::{Dialogue, Step};
use super::{Tunnel, request};
use crate::error::Error;
use crate::load::{MESSAGE, REQUEST};
use crate::origin::FILLER;

const ESTABLISHED: &[u8] = b"HTTP/1.1 200 Connection established\r\n\r\n";

/// What is sent when these bytes come.
fn receive(tunnel: &mut Tunnel<'_>, received: &[u8]) -> Result<Vec<u8>, Error> {
    let mut send = Vec::new();
    assert_eq!(tunnel.handle_bytes(received, &mut send)?, Step::Wait);
    Ok(send)
}

#[test]
fn the_message_follows_the_whole_head() {
    let request = request(([127, 0, 0, 1], 7000).into());
    assert!(request.starts_with(b"CONNECT 127.0.0.1:7000 HTTP/1.1\r\n"));
    let mut tunnel = Tunnel::new(Some(&request));
    assert_eq!(tunnel.opening(), request);
    let (begin, end) = ESTABLISHED.split_at(ESTABLISHED.len() - 1);
    assert_eq!(receive(&mut tunnel, begin).unwrap(), b"");
    assert!(matches!(tunnel.handle_end(), Err(Error::Truncated)));
    assert_eq!(receive(&mut tunnel, end).unwrap(), REQUEST);

    assert_eq!(receive(&mut tunnel, &[FILLER; MESSAGE - 1]).unwrap(), b"");
    assert!(matches!(tunnel.handle_end(), Err(Error::Truncated)));
    receive(&mut tunnel, &[FILLER]).unwrap();
    tunnel.handle_end().unwrap();
}

#[test]
fn without_a_proxy_nobody_is_asked() {
    let mut tunnel = Tunnel::new(None);
    assert_eq!(tunnel.opening(), REQUEST);
    receive(&mut tunnel, &[FILLER; MESSAGE]).unwrap();
    tunnel.handle_end().unwrap();
}

#[test]
fn a_refusal_and_early_bytes_are_errors() {
    let refusal = receive(&mut Tunnel::new(Some(b"")), b"HTTP/1.0 403 No\r\n\r\n");
    assert!(matches!(refusal, Err(Error::Refused(_))), "{refusal:?}");
    let early = [ESTABLISHED, b"x"].concat();
    let early = receive(&mut Tunnel::new(Some(b"")), &early);
    assert!(matches!(early, Err(Error::WrongAnswer)), "{early:?}");
}
