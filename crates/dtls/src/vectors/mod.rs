//! A client and a server without a network between them, and what must hold for any input.
//!
//! For tests only, here and in what uses this crate: the fuzz targets call these functions, and so
//! does the replay of their corpora.

pub mod dtls12;
pub mod dtls13;
mod handshake;
mod identities;
mod keys;
mod pair;
mod protected;
mod script;
mod wire;

pub use handshake::check_handshake;
pub use identities::{Kind, NAME, certificate_key, identity, self_signed};
pub use keys::{Keys, Secret};
pub use pair::{Line, Pair, Tally, Way, client_settings, server_settings};
pub use protected::check_protected;
pub use wire::check_wire;
