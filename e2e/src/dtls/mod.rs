//! DTLS: our server and our client on real sockets, the peers, and a network address translator
//! that forgets.

mod association;
mod client;
mod command;
mod dimpl;
mod hello;
mod memory;
mod nat;
mod server;

pub use association::{Association, Trace};
pub use client::{CoapsClient, client_config, roots};
pub use command::{RawProcess, gnutls_udp, libcoap, openssl_dtls};
pub use dimpl::{DimplClient, DimplVersion};
pub use hello::{first_hello, is_handshake, with_random};
pub use memory::proportional_memory;
pub use nat::{HOST, Nat, udp_in};
pub use server::{CoapsServer, Opened};
