//! What carries CoAP messages to one server.

mod dtls;
mod plain;

use std::time::Instant;

use bytes::Bytes;
use vestibule_dtls::{client::Fingerprint, session::Agreement};

pub(super) use self::{dtls::Dtls, plain::Plain};
use super::trouble::Trouble;

/// An association with one server, from its handshake to its end, without a socket. After any call of
/// another method the four `poll_*` are to be asked.
pub(super) trait Association {
    /// Takes a datagram of the server.
    fn handle_datagram(&mut self, now: Instant, datagram: &[u8]);

    /// Does what is due.
    fn handle_timeout(&mut self, now: Instant);

    /// When [`Self::handle_timeout`] is to be called.
    fn poll_timeout(&self) -> Option<Instant>;

    /// The next datagram for the server.
    fn poll_transmit(&mut self) -> Option<Bytes>;

    /// What has happened next.
    fn poll_event(&mut self) -> Option<Happened>;

    /// Sends a CoAP message; only when it is open.
    ///
    /// # Errors
    /// It is closed, or cannot send any more.
    fn send(&mut self, now: Instant, message: &[u8]) -> Result<(), Trouble>;

    /// Tells the server that this is the end.
    fn close(&mut self, now: Instant);
}

/// What has happened to an association.
#[derive(Debug)]
pub(super) enum Happened {
    /// The server is who it should be, and messages may go. Without DTLS nothing was agreed on.
    Open(Option<Opened>),
    /// A CoAP message.
    Received(Bytes),
    /// It is over.
    Closed(Trouble),
}

/// An association that is open.
#[derive(Clone, Debug)]
pub(super) struct Opened {
    /// What was agreed on.
    pub(super) agreement: Agreement,
    /// The SHA-256 of the server's certificate.
    pub(super) fingerprint: Option<Fingerprint>,
}
