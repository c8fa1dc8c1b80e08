//! A decoded header and what it says.

use std::net::{SocketAddr, SocketAddrV4, SocketAddrV6};

use crate::{RawTlvs, Ssl, Tlvs, kind};

/// A complete header that obeys every rule of its version.
///
/// It borrows the bytes it was decoded from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header<'a> {
    pub(crate) addresses: Addresses<'a>,
    pub(crate) bytes: &'a [u8],
    pub(crate) command: Command,
    /// Checked by [`crate::decode`]; empty where the header has no TLVs that may be read.
    pub(crate) tlvs: &'a [u8],
    pub(crate) transport: Transport,
    pub(crate) version: Version,
}

// A header is never empty.
#[allow(clippy::len_without_is_empty)]
impl<'a> Header<'a> {
    /// Bytes of the header; the connection's own data begins there.
    #[inline]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// The header as it was received.
    #[inline]
    pub fn as_bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The version of the header.
    #[inline]
    pub fn version(&self) -> Version {
        self.version
    }

    /// Whether the connection is carried for somebody else. Always [`Command::Proxy`] in version 1.
    #[inline]
    pub fn command(&self) -> Command {
        self.command
    }

    /// The transport of the carried connection.
    ///
    /// [`Transport::Unspecified`] for LOCAL, whose transport byte means nothing, and for the
    /// UNKNOWN of version 1.
    #[inline]
    pub fn transport(&self) -> Transport {
        self.transport
    }

    /// The two ends of the carried connection.
    #[inline]
    pub fn addresses(&self) -> Addresses<'a> {
        self.addresses
    }

    /// Source and destination as a listener for stream connections may use them.
    ///
    /// They come only from the PROXY command with an IP family and a stream transport. `None`
    /// (LOCAL, UNKNOWN, UNSPEC, UNIX, DGRAM) means: use the addresses of the socket, as sections 2.1
    /// and 2.2 ask for.
    #[inline]
    pub fn stream_addresses(&self) -> Option<(SocketAddr, SocketAddr)> {
        if self.transport != Transport::Stream {
            return None;
        }
        match self.addresses {
            Addresses::Inet {
                source,
                destination,
            } => Some((source.into(), destination.into())),
            Addresses::Inet6 {
                source,
                destination,
            } => Some((source.into(), destination.into())),
            Addresses::Unix { .. } | Addresses::Unspecified => None,
        }
    }

    /// The TLVs by type, in the order of the header.
    ///
    /// Empty for version 1, for LOCAL and where the family or the transport is UNSPEC: section 2.2
    /// has the receiver ignore what these carry, and does not say where their TLVs would begin.
    pub fn tlvs(&self) -> Tlvs<'a> {
        Tlvs::new(self.tlvs)
    }

    /// The TLVs of [`Header::tlvs`] as kind and bytes.
    pub fn raw_tlvs(&self) -> RawTlvs<'a> {
        RawTlvs::new(self.tlvs)
    }

    /// The value of the first TLV of this kind; see [`kind`] for the registered ones.
    pub fn tlv(&self, kind: u8) -> Option<&'a [u8]> {
        self.raw_tlvs()
            .find(|tlv| tlv.kind == kind)
            .map(|tlv| tlv.value)
    }

    /// The first SSL TLV (section 2.2.6).
    pub fn ssl(&self) -> Option<Ssl<'a>> {
        self.tlv(kind::SSL).and_then(|value| Ssl::parse(value).ok())
    }
}

/// The ends of the carried connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Addresses<'a> {
    /// IPv4.
    Inet {
        /// Where the connection came from.
        source: SocketAddrV4,
        /// What it was made to.
        destination: SocketAddrV4,
    },
    /// IPv6. Flow label and scope are not carried and are 0.
    Inet6 {
        /// Where the connection came from.
        source: SocketAddrV6,
        /// What it was made to.
        destination: SocketAddrV6,
    },
    /// UNIX socket names of at most 108 bytes, without the zero bytes that fill their fields.
    ///
    /// An abstract name begins with a zero byte; an unnamed socket is empty.
    Unix {
        /// Where the connection came from.
        source: &'a [u8],
        /// What it was made to.
        destination: &'a [u8],
    },
    /// None that may be used: LOCAL, UNKNOWN or UNSPEC.
    Unspecified,
}

/// Whether a connection is the sender's own (section 2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Command {
    /// The sender speaks for itself, as health checks do. The socket's addresses are the real ones.
    Local,
    /// The sender carries a connection for somebody else.
    Proxy,
}

/// Kind of transport of the carried connection (section 2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// UDP, or a UNIX datagram socket.
    Datagram,
    /// TCP, or a UNIX stream socket.
    Stream,
    /// Unknown, unspecified, or without meaning.
    Unspecified,
}

/// Version of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Version {
    /// The line of text (section 2.1).
    V1,
    /// The binary header (section 2.2).
    V2,
}
