//! The gateway of low bandwidth Matrix (MSC3079): DTLS, CoAP and CBOR with clients, HTTP and JSON with
//! one homeserver.
//!
//! ```text
//! client ── UDP ── DTLS ── CoAP ── mapping, observations ── HTTP ── homeserver
//!                 [coaps]          [vestibule_lowband]     [upstream]
//! ```
//!
//! [`Running`] is one gateway: a server of [CoAP over DTLS](crate::coaps) whose [application] has the
//! [clients] of each worker. What a client asks is carried out by a gateway of `vestibule_lowband`,
//! which has no sockets; what that asks of the homeserver is sent by [`upstream`]. [`plain`] is the same
//! without DTLS, on loopback. [`tcp`] is what the HTTP side does, which is a listener like others.
//!
//! A program that wants a gateway of its own calls [`start`] or [`run`].

mod application;
mod clients;
mod house;
mod library;
mod message;
pub(crate) mod meters;
mod plain;
mod prepared;
mod running;
mod spec;
pub(crate) mod tcp;
pub(crate) mod upstream;

pub use self::library::{Config, Error, Gateway, run, start};
pub(crate) use self::{
    prepared::{Holdings, Prepared},
    running::Running,
    spec::Spec,
};
