//! The TLS ClientHello (RFC 8446 section 4.1.2), read and not answered.
//!
//! [`HelloReader`] follows the message through records and segments; [`Hello`] shows what it says.
//! Records may be cut in any way, down to one byte each.
//!
//! # Where the standards leave a choice
//!
//! * Every record must say version 3.x, as all implementations send; RFC 8446 has receivers ignore
//!   the field, but it is what tells TLS from other protocols.
//! * The server name is checked as a host name, and one that is none is refused: a route could not
//!   be found for it. Addresses, which RFC 6066 section 3 forbids there, are shown as such.
//! * What extensions other than those shown here hold is not looked at.
//! * With Encrypted ClientHello everything shown is what the outer hello says.

mod hello;
mod ja4;
mod malformed;
mod parse;
mod reader;

pub use hello::{Hello, Protocols, Sni, U16s, is_grease};
pub use ja4::Ja4;
pub use malformed::Malformed;
pub use reader::{HelloReader, Progress};

/// Longest body of a ClientHello in bytes that is read.
pub const MAX_BODY_LEN: usize = 64 * 1024;

/// Longest ClientHello in bytes with its type and length, and so the most scratch that
/// [`HelloReader::hello`] needs.
pub const MAX_MESSAGE_LEN: usize = HANDSHAKE_HEADER_LEN + MAX_BODY_LEN;

/// Most bytes on the wire from the first one to the last one of a ClientHello: every byte of the
/// longest message in a record of its own.
pub const MAX_RECEIVED_LEN: usize = MAX_MESSAGE_LEN * (RECORD_HEADER_LEN + 1);

/// Bytes of a handshake message before its body (RFC 8446 section 4).
const HANDSHAKE_HEADER_LEN: usize = 4;

/// Bytes of a record before its payload (RFC 8446 section 5.1).
const RECORD_HEADER_LEN: usize = 5;
