//! Vestibule's configuration file: parsed, checked and explained.
//!
//! Pure: text in, a typed [`Config`] and diagnostics out. Nothing here opens a socket, resolves a
//! name or touches the network.
#![forbid(unsafe_code)]

mod model;

pub use model::*;
