//! The states of an association.

use crate::{
    session::{MAX_DATAGRAM, Session},
    stack::{ClientSession, Resumption},
};

/// How far an association is.
pub(super) enum State {
    Handshake(Box<dyn Stack>),
    Connected(Box<dyn Stack>),
    /// All is said that the caller needs to know. In DTLS 1.3 the goodbye is of no use before the server has
    /// acknowledged our Finished (RFC 9147 section 5.8.1): the stack repeats the one and holds the other back.
    Closing(Box<dyn Stack>),
    Closed,
}

/// The client's end of a stack.
pub(super) trait Stack: Session {
    /// What the server has given since the last call to resume the session with.
    fn take_resumption(&mut self) -> Option<Resumption>;
}

impl Stack for ClientSession {
    fn take_resumption(&mut self) -> Option<Resumption> {
        Self::take_resumption(self)
    }
}

/// The datagrams that a stack has to send.
pub(super) fn transmissions(stack: &mut dyn Stack) -> impl Iterator<Item = Vec<u8>> {
    std::iter::from_fn(|| {
        let mut datagram = Vec::new();
        stack
            .poll_transmit(&mut datagram, MAX_DATAGRAM)
            .then_some(datagram)
    })
}
