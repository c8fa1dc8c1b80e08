//! The stack behind [`Session`] and [`Accept`]: purecrypto. Its names are in this module only.
//!
//! What it does: handshakes, the protection of records, the replay window, repetitions of what was lost, cookies,
//! tickets, Connection IDs in records. What it does not do, and this module adds: it is asked for one record at a time,
//! and its records are packed into datagrams; it has a version for each configuration, and the hello chooses; it keeps
//! nothing before a cookie returns; it signs with a key it never sees, and draws from aws-lc-rs what must not be
//! guessed. At a server it does the handshakes of 1.3 only: associations go on without it, for the sake of memory.
//!
//! [`Session`]: crate::Session
//! [`Accept`]: crate::Accept

mod accept;
mod client;
mod config;
mod entropy;
mod server;
mod session;
mod settings;

pub use accept::Acceptor;
pub use client::{ClientSession, Resumption, connect};
#[cfg(feature = "test-vectors")]
pub use client::{Offer, connect_offering};
pub use settings::{ClientSettings, KeyLog, ServerSettings};

#[cfg(test)]
mod tests;
