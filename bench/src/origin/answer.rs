use super::{FILLER, Next, Serve};
use crate::load::MESSAGE;

/// Reads a question, answers it and closes first, so that the kernel's TIME_WAIT state stays on
/// this side and no ephemeral port of a proxy is held by it.
pub(super) struct Connection {
    question: Question,
    received: Vec<u8>,
}

/// What there must be before there is an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Question {
    /// A ClientHello in one record.
    ClientHello,
    Message,
    MessageBehindHeader,
}

impl Connection {
    pub(super) fn new(question: Question) -> Self {
        Self {
            question,
            received: Vec::new(),
        }
    }
}

impl Serve for Connection {
    fn handle_bytes(&mut self, received: &[u8], answer: &mut Vec<u8>) -> Next {
        self.received.extend_from_slice(received);
        let wanted = match self.question {
            Question::ClientHello => record_length(&self.received),
            Question::Message => Length::Complete(MESSAGE),
            Question::MessageBehindHeader => match header_length(&self.received) {
                Length::Complete(length) => Length::Complete(length + MESSAGE),
                other => other,
            },
        };
        match wanted {
            Length::Absent => Next::Close,
            Length::Complete(length) if self.received.len() >= length => {
                answer.extend_from_slice(&[FILLER; MESSAGE]);
                Next::Close
            }
            Length::Complete(_) | Length::Incomplete => Next::KeepOpen,
        }
    }
}

/// The length of what a connection begins with.
#[derive(Debug, PartialEq, Eq)]
enum Length {
    /// It begins with something else.
    Absent,
    Complete(usize),
    /// Too little has come to know the length.
    Incomplete,
}

/// Measures a PROXY header of either version without judging what it says.
fn header_length(received: &[u8]) -> Length {
    match received {
        [b'P', ..] => match received.iter().position(|byte| *byte == b'\n') {
            Some(end) => Length::Complete(end + 1),
            None => Length::Incomplete,
        },
        [b'\r', ..] => match received.get(14..16) {
            Some(&[high, low]) => {
                Length::Complete(16 + usize::from(u16::from_be_bytes([high, low])))
            }
            _ => Length::Incomplete,
        },
        [] => Length::Incomplete,
        _ => Length::Absent,
    }
}

/// Measures a TLS record of the handshake (RFC 8446, 5.1).
fn record_length(received: &[u8]) -> Length {
    match received {
        [22, _, _, high, low, ..] => {
            Length::Complete(5 + usize::from(u16::from_be_bytes([*high, *low])))
        }
        [] | [22, ..] => Length::Incomplete,
        _ => Length::Absent,
    }
}

#[cfg(test)]
mod tests;
