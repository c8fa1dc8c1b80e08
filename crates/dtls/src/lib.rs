//! DTLS ([RFC 6347], [RFC 9147]) for servers with many peers that move, and for clients, without sockets and clocks.
//!
//! - [`Session`] is one association as a DTLS stack sees it, [`Accept`] what makes sessions of hellos. They are the
//!   seam at which a stack can be replaced; [`stack`] is the one behind it.
//! - [`Server`] is the demultiplexer: datagrams of many peers in, associations out. It finds them by Connection ID
//!   ([RFC 9146]), follows them when their address changes, and bounds what strangers can make it keep.
//! - [`Client`] is one association with a server, whose certificate it verifies.
//! - [`wire`] takes datagrams apart as far as that is possible without keys.
//!
//! [RFC 6347]: https://www.rfc-editor.org/rfc/rfc6347
//! [RFC 9146]: https://www.rfc-editor.org/rfc/rfc9146
//! [RFC 9147]: https://www.rfc-editor.org/rfc/rfc9147
#![forbid(unsafe_code)]

pub mod client;
mod contained;
mod cookie;
mod established;
mod identity;
mod protection;
pub mod server;
pub mod session;
pub mod stack;
#[cfg(feature = "test-vectors")]
pub mod vectors;
pub mod wire;

pub use client::Client;
pub use contained::{Bound, ContainedAccept};
pub use cookie::CookieSecrets;
pub use identity::{Identity, IdentityError};
pub use server::Server;
pub use session::{Accept, Answer, Session};
