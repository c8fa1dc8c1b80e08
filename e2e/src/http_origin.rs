use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc::{Receiver, channel};

use crate::{Origin, PATIENCE};

/// A server of HTTP/1.1 behind Vestibule that shows the test every byte of each request's head.
#[derive(Debug)]
pub struct HttpOrigin {
    origin: Origin,
    heads: Receiver<String>,
}

impl HttpOrigin {
    /// Answers each request by `answer`, which gets the head and the connection. It reads the body,
    /// if there is one; when it answers false, the connection ends.
    pub fn start(answer: impl Fn(&str, &mut TcpStream) -> bool + Clone + Send + 'static) -> Self {
        let (sender, heads) = channel();
        let origin = Origin::serve(move |mut stream| {
            while let Some(head) = read_head(&mut stream) {
                let _ = sender.send(head.clone());
                if !answer(&head, &mut stream) {
                    return;
                }
            }
        });
        Self { origin, heads }
    }

    /// Answers each request, whose body has a length, with this text.
    pub fn saying(text: &'static str) -> Self {
        Self::start(move |head, stream| {
            read_body(head, stream);
            let length = text.len();
            let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{text}");
            stream.write_all(answer.as_bytes()).is_ok()
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.origin.address()
    }

    /// Connections accepted so far.
    pub fn accepted(&self) -> usize {
        self.origin.accepted()
    }

    /// The head of the next request.
    #[track_caller]
    pub fn head(&self) -> String {
        self.heads
            .recv_timeout(PATIENCE)
            .expect("a request to come")
    }

    /// Whether no other request has come.
    pub fn is_quiet(&self) -> bool {
        self.heads.try_recv().is_err()
    }
}

/// The value of a header field.
pub fn field<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().skip(1).find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

/// Reads the body that this head announces by a length.
pub fn read_body(head: &str, stream: &mut TcpStream) -> Vec<u8> {
    let length =
        field(head, "content-length").map_or(0, |length| length.parse().expect("a length"));
    let mut body = vec![0; length];
    let _ = stream.read_exact(&mut body);
    body
}

fn read_head(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(1) => head.push(byte[0]),
            _ => return None,
        }
    }
    Some(String::from_utf8_lossy(&head).into_owned())
}
