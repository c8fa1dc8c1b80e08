//! Certificates, and ends of TLS connections that tests hold themselves.

mod authority;
mod client;
mod command;
mod hello;
mod origin;
mod stream;

pub use authority::{Authority, Leaf};
pub use client::TlsClient;
pub use command::{curl, gnutls_client, openssl_client};
pub use hello::{Hello, alert, in_records};
pub use origin::{TlsConnections, TlsOrigin, TlsServer};
pub use stream::{Facts, TlsEnd, TlsStream, alert_of};
