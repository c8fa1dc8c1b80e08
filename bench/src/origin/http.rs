use super::{FILLER, Next, Serve};
use crate::http::{BODY, has_field, head_length};

/// Answers each request with a small body and closes when it is asked to.
pub(super) struct Connection {
    /// There is no answer without X-Forwarded-For.
    forwarded: bool,
    received: Vec<u8>,
}

impl Connection {
    pub(super) fn new(forwarded: bool) -> Self {
        Self {
            forwarded,
            received: Vec::new(),
        }
    }
}

impl Serve for Connection {
    fn handle_bytes(&mut self, received: &[u8], answer: &mut Vec<u8>) -> Next {
        self.received.extend_from_slice(received);
        while let Some(length) = head_length(&self.received) {
            let head = &self.received[..length];
            let last = has_field(head, b"connection: close");
            if self.forwarded && !has_field(head, b"x-forwarded-for: ") {
                answer.extend_from_slice(
                    b"HTTP/1.1 400 No X-Forwarded-For\r\n\
                      Content-Length: 0\r\nConnection: close\r\n\r\n",
                );
                return Next::Close;
            }
            append_answer(answer, last);
            if last {
                return Next::Close;
            }
            self.received.drain(..length);
        }
        Next::KeepOpen
    }
}

fn append_answer(answer: &mut Vec<u8>, last: bool) {
    const { assert!(BODY == 128, "the length is written below") };
    answer.extend_from_slice(
        b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 128\r\n",
    );
    if last {
        answer.extend_from_slice(b"Connection: close\r\n");
    }
    answer.extend_from_slice(b"\r\n");
    answer.extend_from_slice(&[FILLER; BODY]);
}

#[cfg(test)]
mod tests;
