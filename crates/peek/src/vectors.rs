//! Captured and made messages, and what must hold for them.
//!
//! For tests only, here and in what uses this crate.

mod captures;
mod invariants;
mod oracle;
mod wire;

pub use captures::{CAPTURES, Capture};
pub use invariants::{check_hello, check_request};
pub use oracle::check_against_rustls;
#[cfg(test)]
pub(crate) use wire::message;
pub use wire::{extension, hello, list_u8, list_u16, records, sni, u16s};
