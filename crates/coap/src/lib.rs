//! CoAP, the Constrained Application Protocol, without sockets and clocks.
//!
//! - The codec: [`Message`] takes a datagram apart without copying it ([RFC 7252] section 3), [`OptionList`] and
//!   [`encode`] put one together. [`Code`], [`OptionNumber`], [`ContentFormat`] and [`BlockValue`] are the numbers of
//!   the registries.
//! - The endpoint: [`Endpoint`] is one association with one peer, both client and server at once. It is given
//!   datagrams and the time, and says what is to be sent, when it wants to be woken, and what has happened:
//!   reliability and deduplication (RFC 7252 section 4), requests and responses (section 5), blockwise transfers
//!   ([RFC 7959]), observation ([RFC 7641]).
//!
//! It speaks two dialects at once: that of the specifications, and that of the clients and proxies that were written
//! with the Go library of 2021, which Matrix knows as "low bandwidth". Where a rule was bent for the latter, the
//! comment says so.
//!
//! [RFC 7252]: https://www.rfc-editor.org/rfc/rfc7252
//! [RFC 7641]: https://www.rfc-editor.org/rfc/rfc7641
//! [RFC 7959]: https://www.rfc-editor.org/rfc/rfc7959
#![forbid(unsafe_code)]

mod block;
mod code;
pub mod endpoint;
mod format;
mod message;
mod option;
mod token;
#[cfg(any(test, feature = "test-vectors"))]
pub mod vectors;

pub use block::{BlockSize, BlockValue, BlockValueError};
pub use code::Code;
pub use endpoint::Endpoint;
pub use format::ContentFormat;
pub use message::{Header, Message, ParseError, ParseErrorKind, Type, encode};
pub use option::{
    Definition, OptionFormat, OptionList, OptionNumber, OptionTooLong, Options, uint_from_bytes,
};
pub use token::{Token, TokenTooLong};
