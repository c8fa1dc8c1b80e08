//! Asking an explicit proxy.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use crate::{connect, read_to_end};

/// The head of an answer, and what follows.
#[derive(Debug)]
pub struct Answer {
    /// The head, with its empty line.
    pub head: String,
    /// The connection. The head is read, nothing else.
    pub stream: TcpStream,
}

impl Answer {
    /// The status code.
    #[track_caller]
    pub fn status(&self) -> u16 {
        let code = self
            .head
            .split(' ')
            .nth(1)
            .and_then(|code| code.parse().ok());
        code.unwrap_or_else(|| panic!("no status in {:?}", self.head))
    }

    /// The value of this header field.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    /// Everything that follows, to the end of the connection.
    #[track_caller]
    pub fn rest(mut self) -> String {
        let (rest, _) = read_to_end(&mut self.stream);
        String::from_utf8(rest).expect("text")
    }
}

/// Sends `request` as it is, and reads the head of the answer.
#[track_caller]
pub fn request(proxy: SocketAddr, request: impl AsRef<[u8]>) -> Answer {
    let mut stream = connect(proxy);
    stream.write_all(request.as_ref()).expect("a request");
    answer(stream)
}

/// Reads the head of an answer.
#[track_caller]
pub fn answer(mut stream: TcpStream) -> Answer {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(1) => head.push(byte[0]),
            end => panic!("{end:?} after {:?}", String::from_utf8_lossy(&head)),
        }
        assert!(head.len() < 64 * 1024, "a head without end");
    }
    Answer {
        head: String::from_utf8(head).expect("text"),
        stream,
    }
}

/// Asks for a tunnel to `destination`; `fields` are further header lines, each with its end.
#[track_caller]
pub fn tunnel(proxy: SocketAddr, destination: &str, fields: &str) -> Answer {
    request(
        proxy,
        format!("CONNECT {destination} HTTP/1.1\r\nHost: {destination}\r\n{fields}\r\n"),
    )
}
