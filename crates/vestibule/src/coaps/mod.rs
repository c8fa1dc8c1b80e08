//! CoAP over DTLS ([RFC 7252 section 9.1]): a server for many peers that move.
//!
//! A [`Server`] has sockets and workers. Each worker is a thread that owns associations: DTLS,
//! their CoAP endpoints and the [`Application`] that serves them. One worker receives from a socket
//! and hands each datagram to the worker that its Connection ID names, or its address.
//!
//! What a session keeps is bounded by counting what is allocated for it, which only the allocator of
//! the program can: without a [`CountingAllocator`] a peer without any login can make the server keep
//! more than 2 MB, and the event log has a warning.
//!
//! ```
//! use std::time::Duration;
//! use vestibule::coaps::{
//!     Application, Associations, Config, CountingAllocator, Event, Peer, Server,
//!     coap::{Code, OptionList, endpoint},
//!     dtls::Identity,
//! };
//!
//! /// Answers every request with its own body.
//! struct Echo;
//!
//! /// So that no peer can make its session keep more than it needs.
//! #[global_allocator]
//! static ALLOCATOR: CountingAllocator = CountingAllocator;
//!
//! impl Application for Echo {
//!     type Message = ();
//!
//!     fn handle_event(&mut self, peer: &mut Peer<'_>, event: Event) {
//!         if let Event::Coap(endpoint::Event::Request(request)) = event {
//!             let response = endpoint::Response {
//!                 code: Code::CONTENT,
//!                 options: OptionList::new(),
//!                 payload: request.payload,
//!             };
//!             peer.respond(request.exchange, response);
//!         }
//!     }
//!
//!     fn handle_message(&mut self, _: &mut Associations, (): ()) {}
//! }
//!
//! # let key = rcgen::KeyPair::generate().unwrap();
//! # let parameters = rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap();
//! # let certificate = parameters.self_signed(&key).unwrap();
//! # let (chain, key) = (vec![certificate.der().to_vec()], key.serialize_der());
//! # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
//! # runtime.block_on(async {
//! let config = Config::new(vec!["127.0.0.1:0".parse()?], Identity::new(chain, &key)?);
//! let server = Server::start(config, |_| Echo)?;
//! println!("listening on {}", server.local_addrs()[0]);
//! server.shutdown(Duration::from_secs(1)).await;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! ```
//!
//! [RFC 7252 section 9.1]: https://www.rfc-editor.org/rfc/rfc7252#section-9.1

mod application;
mod associations;
mod calm;
mod config;
mod core;
mod counters;
mod drive;
mod handover;
mod peer;
mod proof;
mod server;
mod sockets;
#[cfg(test)]
mod tests;
pub(crate) mod ticket_key;

use std::sync::Arc;

use vestibule_dtls::stack::KeyLog;

use crate::tls;

pub use crate::sys::allocator::CountingAllocator;
pub use vestibule_coap as coap;
pub use vestibule_dtls as dtls;

pub(crate) use self::{
    application::messages,
    counters::{Counters, Dropped},
};
pub use self::{
    application::{Application, Ended, Event, Messages, NotSent, Setup},
    associations::Associations,
    config::{Config, Error, MAX_WORKERS},
    peer::Peer,
    server::Server,
    sockets::Sockets,
    ticket_key::{TicketKeyError, ticket_key},
};

/// The key log that the environment variable `SSLKEYLOGFILE` names. `None`: it names none that can
/// be written. Who reads it can decrypt every association, so the event log has a warning.
#[must_use]
pub fn key_log() -> Option<Arc<dyn KeyLog>> {
    tls::announce_key_log();
    tls::dtls::key_log()
}
