//! Captured and made messages, and what must hold for them.
//!
//! For tests only, here and in what uses this crate.

mod captures;
mod heads;
mod invariants;
mod oracle;
mod uri;
mod wire;

pub use captures::{CAPTURES, Capture};
pub use heads::{check_connect, check_request, check_response};
pub use invariants::check_hello;
pub use oracle::check_against_rustls;
pub use uri::check_against_uri;
#[cfg(test)]
pub(crate) use wire::message;
pub use wire::{extension, hello, list_u8, list_u16, records, sni, u16s};
