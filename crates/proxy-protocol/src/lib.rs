//! PROXY protocol versions 1 and 2, without input or output.
//!
//! The codec follows the specification that HAProxy publishes as `doc/proxy-protocol.txt`; section
//! numbers in this crate are that document's. [`decode`] looks at the bytes received so far and
//! answers with a [`Header`], with the number of bytes that are still missing, or with the one
//! [`Reject`] reason for which the connection must be closed. It allocates nothing and never looks
//! at the same header half-way: everything that a [`Header`] shows has been checked to its last
//! byte, the CRC32C included.
//!
//! ```
//! use vestibule_proxy_protocol::{Decoded, decode};
//!
//! let received = b"PROXY TCP4 192.0.2.1 198.51.100.1 56324 5222\r\n<?xml version='1.0'?>";
//! let Ok(Decoded::Header(header)) = decode(received, 536) else { panic!() };
//! let (source, _) = header.stream_addresses().unwrap();
//! assert_eq!(source.to_string(), "192.0.2.1:56324");
//! assert_eq!(&received[header.len()..], b"<?xml version='1.0'?>");
//! ```
//!
//! # Where the specification leaves a choice
//!
//! * The block of LOCAL, and of PROXY with UNSPEC as family or transport, is skipped unread: only its
//!   length counts. The header shows neither addresses nor TLVs then.
//! * What UNKNOWN has ignored may be anything but a CR or LF alone.
//! * IPv6 addresses in version 1 may have a dotted tail, as HAProxy and nginx write it for mapped
//!   addresses. [`encode_v1`] never writes one.
//! * TLVs may be repeated, and [`Header::tlv`] finds the first; CRC32C may not.
//! * AUTHORITY must be UTF-8 and NETNS US-ASCII. Texts inside SSL are bytes, because senders copy
//!   them from certificates in any encoding.
//!
//! The feature `test-vectors` adds the module `vectors`: headers with the answers they must get, for
//! tests of what uses this crate.
//!
//! A header is written with [`encode_v1`], [`encode_v1_unknown`] or [`V2Builder`].
#![forbid(unsafe_code)]

mod crc;
mod decode;
mod encode;
mod header;
mod reject;
mod tlv;
#[cfg(any(test, feature = "test-vectors"))]
pub mod vectors;

pub use decode::{Decoded, decode};
pub use encode::{EncodeError, SslInfo, V2Builder, V2Writer, encode_v1, encode_v1_unknown};
pub use header::{Addresses, Command, Header, Transport, Version};
pub use reject::Reject;
pub use tlv::{ClientFlags, RawTlv, RawTlvs, Ssl, SslTlv, SslTlvs, Tlv, Tlvs, kind};

/// Longest version 1 line, CR LF included (section 2.1).
pub const V1_MAX_LEN: usize = 107;

/// Longest version 2 header: 16 fixed bytes and the most that their length field can say.
pub const V2_MAX_LEN: usize = V2_FIXED_LEN + 65_535;

/// Bytes of a version 2 header before its address block (section 2.2).
const V2_FIXED_LEN: usize = 16;

/// The first 12 bytes of a version 2 header (section 2.2).
const V2_SIGNATURE: [u8; 12] = *b"\x0D\x0A\x0D\x0A\x00\x0D\x0A\x51\x55\x49\x54\x0A";

/// Length of each of the two addresses of the UNIX family (section 2.2).
const UNIX_ADDRESS_LEN: usize = 108;
