use std::io::{self, Read, Write};
use std::net::TcpStream;

use super::Serve;
use crate::load::MESSAGE;

/// Reads one message, answers it and closes first, so that the kernel's TIME_WAIT state stays on
/// this side and no ephemeral port of a proxy is held by it.
pub(super) struct Connection {
    expects_header: bool,
    received: Vec<u8>,
}

impl Connection {
    pub(super) fn new(expects_header: bool) -> Self {
        Self {
            expects_header,
            received: Vec::new(),
        }
    }
}

impl Serve for Connection {
    fn handle_readable(&mut self, socket: &mut TcpStream) -> io::Result<bool> {
        let mut buffer = [0; 1024];
        let length = socket.read(&mut buffer)?;
        if length == 0 {
            return Ok(false);
        }
        self.received.extend_from_slice(&buffer[..length]);
        let wanted = if self.expects_header {
            match header_length(&self.received) {
                Header::Absent => return Ok(false),
                Header::Complete(length) => length + MESSAGE,
                Header::Incomplete => return Ok(true),
            }
        } else {
            MESSAGE
        };
        if self.received.len() < wanted {
            return Ok(true);
        }
        socket.write_all(&[b'a'; MESSAGE])?;
        Ok(false)
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Header {
    Absent,
    Complete(usize),
    Incomplete,
}

/// Measures a PROXY header of either version without judging what it says.
fn header_length(received: &[u8]) -> Header {
    match received {
        [b'P', ..] => match received.iter().position(|byte| *byte == b'\n') {
            Some(end) => Header::Complete(end + 1),
            None => Header::Incomplete,
        },
        [b'\r', ..] => match received.get(14..16) {
            Some(&[high, low]) => {
                Header::Complete(16 + usize::from(u16::from_be_bytes([high, low])))
            }
            _ => Header::Incomplete,
        },
        [] => Header::Incomplete,
        _ => Header::Absent,
    }
}

#[cfg(test)]
mod tests;
