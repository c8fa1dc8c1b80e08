//! TLS, in both roles: what is read from files, and what is spoken. The only module that names
//! rustls.

mod certificates;
mod client;
pub(crate) mod dtls;
mod facts;
mod handshake;
mod keylog;
mod material;
mod names;
mod server;
mod session;
mod stream;
#[cfg(test)]
pub(crate) mod testing;
mod tickets;
mod verify;

pub(crate) use certificates::Chosen;
pub(crate) use client::ClientPolicy;
pub(crate) use facts::{ClientCertificate, ClientHello, Terminated};
pub(crate) use handshake::{HandshakeError, Shaken, Turns, client_session, shake};
pub(crate) use keylog::announce as announce_key_log;
pub(crate) use material::Tls;
pub(crate) use server::ServerPolicy;
pub(crate) use session::Session;
pub(crate) use stream::{Buffers, TlsStream};
pub(crate) use tickets::first_ticket_key;
