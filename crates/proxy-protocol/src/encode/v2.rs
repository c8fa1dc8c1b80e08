//! Version 2, the binary header (section 2.2).

use std::net::SocketAddr;

use crate::crc::checksum;
use crate::tlv::{RawTlv, SSL_FIXED_LEN, TLV_FIXED_LEN};
use crate::{
    Addresses, ClientFlags, Command, EncodeError, Tlv, Transport, UNIX_ADDRESS_LEN, V2_FIXED_LEN,
    V2_SIGNATURE, kind,
};

/// Commands, addresses and transport of a version 2 header.
///
/// [`V2Builder::write_to`] writes them alone, [`V2Builder::start`] goes on with TLVs. Both append
/// to the caller's buffer and need no other memory.
///
/// ```
/// use vestibule_proxy_protocol::V2Builder;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut out = Vec::new();
/// V2Builder::new("192.0.2.1:56324".parse()?, "198.51.100.1:443".parse()?)
///     .start(&mut out)
///     .alpn(b"h2")
///     .authority("example.org")
///     .crc32c()
///     .finish()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
#[must_use = "nothing is written before `write_to` or `start`"]
pub struct V2Builder<'a> {
    addresses: Result<Addresses<'a>, EncodeError>,
    command: Command,
    transport: Transport,
}

impl V2Builder<'static> {
    /// A connection carried for `source`, over TCP unless [`V2Builder::transport`] says otherwise.
    ///
    /// IPv4 addresses mapped into IPv6 are written as IPv6: unmap them first where the receiver
    /// should see IPv4. Scopes and flow labels have no place in the header.
    #[inline]
    pub fn new(source: SocketAddr, destination: SocketAddr) -> Self {
        let addresses = match (source, destination) {
            (SocketAddr::V4(source), SocketAddr::V4(destination)) => Ok(Addresses::Inet {
                source,
                destination,
            }),
            (SocketAddr::V6(source), SocketAddr::V6(destination)) => Ok(Addresses::Inet6 {
                source,
                destination,
            }),
            _ => Err(EncodeError::MixedFamilies),
        };
        Self {
            addresses,
            command: Command::Proxy,
            transport: Transport::Stream,
        }
    }

    /// A connection of the sender itself (LOCAL), without addresses. Several receivers mishandle
    /// it; section 2.1 rather has a sender state its own socket's addresses with
    /// [`V2Builder::new`].
    pub fn local() -> Self {
        Self {
            command: Command::Local,
            ..Self::unspecified()
        }
    }

    /// A connection carried for somebody unknown (PROXY with UNSPEC).
    pub fn unspecified() -> Self {
        Self {
            addresses: Ok(Addresses::Unspecified),
            command: Command::Proxy,
            transport: Transport::Unspecified,
        }
    }
}

impl<'a> V2Builder<'a> {
    /// A connection between UNIX stream sockets. The names have at most 108 bytes; an abstract one
    /// begins with a zero byte, an unnamed socket is empty.
    pub fn unix(source: &'a [u8], destination: &'a [u8]) -> Self {
        let addresses = if source.len().max(destination.len()) > UNIX_ADDRESS_LEN {
            Err(EncodeError::UnixAddressTooLong)
        } else {
            Ok(Addresses::Unix {
                source,
                destination,
            })
        };
        Self {
            addresses,
            command: Command::Proxy,
            transport: Transport::Stream,
        }
    }

    /// Sets the transport of the carried connection.
    pub fn transport(self, transport: Transport) -> Self {
        Self { transport, ..self }
    }

    /// Appends the header, without TLVs, to `out`.
    ///
    /// # Errors
    ///
    /// [`EncodeError::MixedFamilies`] or [`EncodeError::UnixAddressTooLong`]; `out` is as it was
    /// then.
    #[inline]
    pub fn write_to(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        self.write_fixed_and_addresses(out)
    }

    /// Begins the header at the end of `out` and takes TLVs next.
    pub fn start(self, out: &mut Vec<u8>) -> V2Writer<'_> {
        let start = out.len();
        let result = self.write_fixed_and_addresses(out);
        V2Writer {
            crc32c_field: None,
            out,
            result,
            start,
        }
    }

    #[inline]
    fn write_fixed_and_addresses(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let addresses = self.addresses?;
        let command = match self.command {
            Command::Local => 0x20,
            Command::Proxy => 0x21,
        };
        let transport = match self.transport {
            Transport::Datagram => 0x2,
            Transport::Stream => 0x1,
            Transport::Unspecified => 0x0,
        };
        // One block of a known size each: one check of the capacity, no growing in steps.
        match addresses {
            Addresses::Inet {
                source,
                destination,
            } => {
                let mut block = [0; V2_FIXED_LEN + 12];
                block[..16].copy_from_slice(&fixed(command, 0x10 | transport, 12));
                block[16..20].copy_from_slice(&source.ip().octets());
                block[20..24].copy_from_slice(&destination.ip().octets());
                block[24..26].copy_from_slice(&source.port().to_be_bytes());
                block[26..28].copy_from_slice(&destination.port().to_be_bytes());
                out.extend_from_slice(&block);
            }
            Addresses::Inet6 {
                source,
                destination,
            } => {
                let mut block = [0; V2_FIXED_LEN + 36];
                block[..16].copy_from_slice(&fixed(command, 0x20 | transport, 36));
                block[16..32].copy_from_slice(&source.ip().octets());
                block[32..48].copy_from_slice(&destination.ip().octets());
                block[48..50].copy_from_slice(&source.port().to_be_bytes());
                block[50..52].copy_from_slice(&destination.port().to_be_bytes());
                out.extend_from_slice(&block);
            }
            Addresses::Unix {
                source,
                destination,
            } => {
                let mut block = [0; V2_FIXED_LEN + 2 * UNIX_ADDRESS_LEN];
                block[..16].copy_from_slice(&fixed(command, 0x30 | transport, 216));
                block[16..16 + source.len()].copy_from_slice(source);
                block[124..124 + destination.len()].copy_from_slice(destination);
                out.extend_from_slice(&block);
            }
            Addresses::Unspecified => out.extend_from_slice(&fixed(command, transport, 0)),
        }
        Ok(())
    }
}

/// Writes the TLVs of a header that [`V2Builder::start`] began, in the order of the calls.
///
/// What stands in the buffer is a header only after [`V2Writer::finish`].
#[derive(Debug)]
#[must_use = "the header is complete only after `finish`"]
pub struct V2Writer<'o> {
    crc32c_field: Option<usize>,
    out: &'o mut Vec<u8>,
    /// The first error; what comes after it is not written.
    result: Result<(), EncodeError>,
    start: usize,
}

impl V2Writer<'_> {
    /// Adds a TLV as bytes, for custom kinds and for passing on what was received.
    ///
    /// Values of registered kinds are held to the rules of [`Tlv::parse`].
    pub fn tlv(&mut self, kind: u8, value: &[u8]) -> &mut Self {
        if kind == kind::CRC32C {
            return self.fail(EncodeError::Crc32cByHand);
        }
        match Tlv::parse(RawTlv { kind, value }) {
            Ok(_) => self.put(kind, value.len(), |out| out.extend_from_slice(value)),
            Err(reject) => self.fail(EncodeError::InvalidTlv(reject)),
        }
    }

    /// Adds the protocol chosen by ALPN.
    pub fn alpn(&mut self, protocol: &[u8]) -> &mut Self {
        self.tlv(kind::ALPN, protocol)
    }

    /// Adds the host name that the client asked for.
    pub fn authority(&mut self, host: &str) -> &mut Self {
        self.tlv(kind::AUTHORITY, host.as_bytes())
    }

    /// Adds the network namespace, US-ASCII.
    pub fn netns(&mut self, name: &str) -> &mut Self {
        self.tlv(kind::NETNS, name.as_bytes())
    }

    /// Adds `len` bytes of padding; with its kind and length the TLV takes three more.
    pub fn noop(&mut self, len: usize) -> &mut Self {
        self.put(kind::NOOP, len, |out| out.resize(out.len() + len, 0))
    }

    /// Adds what is known of the client's TLS.
    pub fn ssl(&mut self, info: &SslInfo<'_>) -> &mut Self {
        let subs = info.subs();
        let len = subs.iter().flatten().fold(SSL_FIXED_LEN, |len, sub| {
            len + TLV_FIXED_LEN + sub.value.len()
        });
        self.put(kind::SSL, len, |out| {
            out.push(info.client.0);
            out.extend_from_slice(&info.verify.to_be_bytes());
            for sub in subs.iter().flatten() {
                // The length of the whole has been checked, so the parts fit too.
                out.push(sub.kind);
                out.extend_from_slice(&(sub.value.len() as u16).to_be_bytes());
                out.extend_from_slice(sub.value);
            }
        })
    }

    /// Adds an opaque name of the connection of at most 128 bytes.
    pub fn unique_id(&mut self, id: &[u8]) -> &mut Self {
        self.tlv(kind::UNIQUE_ID, id)
    }

    /// Adds the checksum, which [`V2Writer::finish`] computes over the whole header. A second call
    /// changes nothing.
    pub fn crc32c(&mut self) -> &mut Self {
        if self.crc32c_field.is_none() {
            self.put(kind::CRC32C, 4, |out| out.extend_from_slice(&[0; 4]));
            self.crc32c_field = self.out.len().checked_sub(4);
        }
        self
    }

    /// Completes the header: sets its length and its checksum.
    ///
    /// # Errors
    ///
    /// The first error of the builder and of the TLVs; the buffer is as it was before the header
    /// then.
    pub fn finish(&mut self) -> Result<(), EncodeError> {
        if let Err(error) = self.result {
            self.out.truncate(self.start);
            return Err(error);
        }
        let header = &mut self.out[self.start..];
        // `put` keeps the header within the length field.
        let len = (header.len() - V2_FIXED_LEN) as u16;
        header[14..16].copy_from_slice(&len.to_be_bytes());
        if let Some(field) = self.crc32c_field {
            let field = field - self.start;
            let crc = checksum(header, field);
            header[field..field + 4].copy_from_slice(&crc.to_be_bytes());
        }
        Ok(())
    }

    fn put(&mut self, kind: u8, len: usize, value: impl FnOnce(&mut Vec<u8>)) -> &mut Self {
        if self.result.is_err() {
            return self;
        }
        let body_len = self.out.len() - self.start - V2_FIXED_LEN;
        let room = usize::from(u16::MAX) - body_len;
        if len.saturating_add(TLV_FIXED_LEN) > room {
            return self.fail(EncodeError::HeaderTooLong);
        }
        let [high, low] = (len as u16).to_be_bytes();
        self.out.extend_from_slice(&[kind, high, low]);
        value(self.out);
        self
    }

    fn fail(&mut self, error: EncodeError) -> &mut Self {
        self.result = self.result.and(Err(error));
        self
    }
}

/// What is known of the client's TLS, for [`V2Writer::ssl`] (section 2.2.6).
///
/// Fields that are `None` are left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SslInfo<'a> {
    /// Cipher suite.
    pub cipher: Option<&'a [u8]>,
    /// What is known of the client.
    pub client: ClientFlags,
    /// Client certificate, DER.
    pub client_cert: Option<&'a [u8]>,
    /// Common name of the client certificate, UTF-8.
    pub cn: Option<&'a [u8]>,
    /// Group of the key exchange.
    pub group: Option<&'a [u8]>,
    /// Algorithm of the server certificate's key.
    pub key_alg: Option<&'a [u8]>,
    /// Algorithm that signed the server certificate.
    pub sig_alg: Option<&'a [u8]>,
    /// Scheme with which the server signed the handshake.
    pub sig_scheme: Option<&'a [u8]>,
    /// 0 if the client's certificate was found good, anything else without one.
    pub verify: u32,
    /// Version of TLS, such as `TLSv1.3`.
    pub version: Option<&'a [u8]>,
}

impl<'a> SslInfo<'a> {
    fn subs(&self) -> [Option<RawTlv<'a>>; 8] {
        let sub = |kind, value: Option<&'a [u8]>| value.map(|value| RawTlv { kind, value });
        [
            sub(kind::SSL_VERSION, self.version),
            sub(kind::SSL_CN, self.cn),
            sub(kind::SSL_CIPHER, self.cipher),
            sub(kind::SSL_SIG_ALG, self.sig_alg),
            sub(kind::SSL_KEY_ALG, self.key_alg),
            sub(kind::SSL_GROUP, self.group),
            sub(kind::SSL_SIG_SCHEME, self.sig_scheme),
            sub(kind::SSL_CLIENT_CERT, self.client_cert),
        ]
    }
}

#[inline]
fn fixed(command: u8, family_transport: u8, len: u8) -> [u8; V2_FIXED_LEN] {
    let mut fixed = [0; V2_FIXED_LEN];
    fixed[..12].copy_from_slice(&V2_SIGNATURE);
    fixed[12..].copy_from_slice(&[command, family_transport, 0, len]);
    fixed
}
