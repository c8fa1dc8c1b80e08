//! What a connection says about its destination before anybody answers: the TLS ClientHello in
//! [`tls`] and the head of an HTTP/1 request in [`http`]. Requests for tunnels, and the answers to
//! them, are read there too.
//!
//! Without input or output, and without allocation but for credentials: everything looks at all
//! that has been received so far and changes nothing of it, so that the same bytes can be carried
//! on to an upstream.
//!
//! ```
//! use vestibule_peek::tls::{HelloReader, Progress};
//!
//! let mut reader = HelloReader::new();
//! assert_eq!(reader.advance(b"\x16\x03\x01"), Ok(Progress::NeedMore));
//! assert_eq!(HelloReader::new().advance(b"GET / HTTP/1.1\r\n"), Ok(Progress::NotTls));
//! ```
//!
//! The feature `test-vectors` adds the module `vectors`: captured and made messages, and what must
//! hold for them, for tests of what uses this crate.
#![forbid(unsafe_code)]
#![allow(
    clippy::large_enum_variant,
    reason = "names are held by value, so that nothing is allocated"
)]

mod host;
pub mod http;
mod reason;
pub mod tls;
#[cfg(any(test, feature = "test-vectors"))]
pub mod vectors;

pub use host::{Host, HostName};
