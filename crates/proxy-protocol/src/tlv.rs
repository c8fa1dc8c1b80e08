//! TLVs: kinds, iterators and the rules for values (sections 2.2 to 2.2.8).

use std::str;

use crate::Reject;

/// Registered TLV kinds and the reserved ranges (sections 2.2 and 2.2.8).
pub mod kind {
    use std::ops::RangeInclusive;

    /// Protocol chosen by ALPN.
    pub const ALPN: u8 = 0x01;
    /// Host name that the client asked for.
    pub const AUTHORITY: u8 = 0x02;
    /// Checksum of the header.
    pub const CRC32C: u8 = 0x03;
    /// Padding.
    pub const NOOP: u8 = 0x04;
    /// Opaque name of the connection.
    pub const UNIQUE_ID: u8 = 0x05;
    /// TLS of the client connection, with TLVs of its own.
    pub const SSL: u8 = 0x20;
    /// In SSL: version of TLS.
    pub const SSL_VERSION: u8 = 0x21;
    /// In SSL: common name of the client certificate.
    pub const SSL_CN: u8 = 0x22;
    /// In SSL: cipher suite.
    pub const SSL_CIPHER: u8 = 0x23;
    /// In SSL: algorithm that signed the server certificate.
    pub const SSL_SIG_ALG: u8 = 0x24;
    /// In SSL: algorithm of the server certificate's key.
    pub const SSL_KEY_ALG: u8 = 0x25;
    /// In SSL: group of the key exchange.
    pub const SSL_GROUP: u8 = 0x26;
    /// In SSL: scheme with which the server signed the handshake.
    pub const SSL_SIG_SCHEME: u8 = 0x27;
    /// In SSL: client certificate, DER.
    pub const SSL_CLIENT_CERT: u8 = 0x28;
    /// Network namespace.
    pub const NETNS: u8 = 0x30;
    /// For applications.
    pub const CUSTOM: RangeInclusive<u8> = 0xE0..=0xEF;
    /// For experiments.
    pub const EXPERIMENT: RangeInclusive<u8> = 0xF0..=0xF7;
    /// For later versions of the protocol.
    pub const FUTURE: RangeInclusive<u8> = 0xF8..=0xFF;
}

/// Longest UNIQUE_ID in bytes (section 2.2.5).
pub(crate) const UNIQUE_ID_MAX_LEN: usize = 128;

/// Bytes of a TLV before its value.
pub(crate) const TLV_FIXED_LEN: usize = 3;

/// Bytes of an SSL value before its TLVs.
pub(crate) const SSL_FIXED_LEN: usize = 5;

/// A TLV by its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tlv<'a> {
    /// Protocol chosen by ALPN (2.2.1).
    Alpn(&'a [u8]),
    /// Host name that the client asked for, often the SNI (2.2.2).
    Authority(&'a str),
    /// Checksum of the header, already found right (2.2.3).
    Crc32c(u32),
    /// Network namespace, US-ASCII (2.2.7).
    Netns(&'a str),
    /// Padding (2.2.4).
    Noop(&'a [u8]),
    /// A kind that is not registered: custom, experimental or newer than this crate.
    Other {
        /// Kind of the TLV.
        kind: u8,
        /// Its bytes.
        value: &'a [u8],
    },
    /// TLS of the client connection (2.2.6).
    Ssl(Ssl<'a>),
    /// Opaque name of the connection, at most 128 bytes (2.2.5).
    UniqueId(&'a [u8]),
}

impl<'a> Tlv<'a> {
    /// Gives a TLV its type, or says which rule for its value it breaks.
    ///
    /// Whether a CRC32C is right cannot be seen here.
    pub fn parse(raw: RawTlv<'a>) -> Result<Self, Reject> {
        let value = raw.value;
        Ok(match raw.kind {
            kind::ALPN => Self::Alpn(value),
            kind::AUTHORITY => match str::from_utf8(value) {
                Ok(text) => Self::Authority(text),
                Err(_) => return Err(Reject::V2AuthorityEncoding),
            },
            kind::CRC32C => match value.try_into() {
                Ok(bytes) => Self::Crc32c(u32::from_be_bytes(bytes)),
                Err(_) => return Err(Reject::V2Crc32cLength),
            },
            kind::NETNS => match str::from_utf8(value) {
                Ok(text) if text.is_ascii() => Self::Netns(text),
                _ => return Err(Reject::V2NetnsEncoding),
            },
            kind::NOOP => Self::Noop(value),
            kind::SSL => Self::Ssl(Ssl::parse(value)?),
            kind::UNIQUE_ID if value.len() > UNIQUE_ID_MAX_LEN => {
                return Err(Reject::V2UniqueIdLength);
            }
            kind::UNIQUE_ID => Self::UniqueId(value),
            kind => Self::Other { kind, value },
        })
    }
}

/// A TLV as kind and bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawTlv<'a> {
    /// Kind of the TLV; see [`kind`].
    pub kind: u8,
    /// Its bytes.
    pub value: &'a [u8],
}

/// Iterator over TLVs by type; see [`Header::tlvs`](crate::Header::tlvs).
#[derive(Clone, Debug)]
pub struct Tlvs<'a>(RawTlvs<'a>);

impl<'a> Tlvs<'a> {
    pub(crate) fn new(checked: &'a [u8]) -> Self {
        Self(RawTlvs::new(checked))
    }
}

impl<'a> Iterator for Tlvs<'a> {
    type Item = Tlv<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        let raw = self.0.next()?;
        // The values were checked with the header, so the second arm is never taken.
        Some(Tlv::parse(raw).unwrap_or(Tlv::Other {
            kind: raw.kind,
            value: raw.value,
        }))
    }
}

/// Iterator over TLVs as kind and bytes; see [`Header::raw_tlvs`](crate::Header::raw_tlvs).
#[derive(Clone, Debug)]
pub struct RawTlvs<'a> {
    rest: &'a [u8],
}

impl<'a> RawTlvs<'a> {
    pub(crate) fn new(checked: &'a [u8]) -> Self {
        Self { rest: checked }
    }
}

impl<'a> Iterator for RawTlvs<'a> {
    type Item = RawTlv<'a>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        // Lengths were checked with the header, so what does not fit is the empty rest.
        let (tlv, rest) = split_tlv(self.rest)?;
        self.rest = rest;
        Some(tlv)
    }
}

/// Value of an SSL TLV (section 2.2.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ssl<'a> {
    client: ClientFlags,
    tlvs: &'a [u8],
    verify: u32,
}

impl<'a> Ssl<'a> {
    /// Takes the value of an SSL TLV apart.
    pub fn parse(value: &'a [u8]) -> Result<Self, Reject> {
        let Some((fixed, tlvs)) = value.split_first_chunk::<SSL_FIXED_LEN>() else {
            return Err(Reject::V2SslLength);
        };
        let mut rest = tlvs;
        while !rest.is_empty() {
            (_, rest) = split_tlv(rest).ok_or(Reject::V2SslTlvOverrun)?;
        }
        let [client, verify @ ..] = *fixed;
        Ok(Self {
            client: ClientFlags(client),
            tlvs,
            verify: u32::from_be_bytes(verify),
        })
    }

    /// What is known of the client.
    pub fn client(&self) -> ClientFlags {
        self.client
    }

    /// 0 if the client presented a certificate that was found good, else the sender's error code.
    pub fn verify(&self) -> u32 {
        self.verify
    }

    /// Whether the client presented a certificate, on this connection or earlier in its session,
    /// that was found good.
    pub fn verified(&self) -> bool {
        let certificate = ClientFlags(ClientFlags::CERT_CONN.0 | ClientFlags::CERT_SESS.0);
        self.verify == 0 && self.client.intersects(certificate)
    }

    /// The TLVs inside, by type, in their order.
    pub fn tlvs(&self) -> SslTlvs<'a> {
        SslTlvs(self.raw_tlvs())
    }

    /// The TLVs inside as kind and bytes.
    pub fn raw_tlvs(&self) -> RawTlvs<'a> {
        RawTlvs::new(self.tlvs)
    }

    /// The value of the first TLV inside of this kind, one of the `SSL_` constants of [`kind`].
    pub fn sub(&self, kind: u8) -> Option<&'a [u8]> {
        self.raw_tlvs()
            .find(|tlv| tlv.kind == kind)
            .map(|tlv| tlv.value)
    }
}

/// The `client` byte of an SSL TLV (section 2.2.6).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ClientFlags(pub u8);

impl ClientFlags {
    /// The client gave a certificate on this connection.
    pub const CERT_CONN: Self = Self(0x02);
    /// The client gave a certificate at least once in this TLS session.
    pub const CERT_SESS: Self = Self(0x04);
    /// The client speaks TLS.
    pub const SSL: Self = Self(0x01);

    /// Whether at least one of `flags` is set.
    pub fn intersects(self, flags: Self) -> bool {
        self.0 & flags.0 != 0
    }
}

/// A TLV inside of an SSL TLV.
///
/// They are bytes: the specification calls most of them US-ASCII and the common name UTF-8, but
/// senders copy the name from certificates, where it may be in any encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SslTlv<'a> {
    /// Cipher suite, such as `ECDHE-RSA-AES128-GCM-SHA256`.
    Cipher(&'a [u8]),
    /// Client certificate, DER.
    ClientCert(&'a [u8]),
    /// Common name of the client certificate.
    Cn(&'a [u8]),
    /// Group of the key exchange, such as `X25519MLKEM768`.
    Group(&'a [u8]),
    /// Algorithm of the server certificate's key, such as `RSA2048`.
    KeyAlg(&'a [u8]),
    /// A kind that is not registered.
    Other {
        /// Kind of the TLV.
        kind: u8,
        /// Its bytes.
        value: &'a [u8],
    },
    /// Algorithm that signed the server certificate, such as `RSA-SHA256`.
    SigAlg(&'a [u8]),
    /// Scheme with which the server signed the handshake, such as `rsa_pss_rsae_sha256`.
    SigScheme(&'a [u8]),
    /// Version of TLS, such as `TLSv1.3`.
    Version(&'a [u8]),
}

/// Iterator over the TLVs inside of an SSL TLV; see [`Ssl::tlvs`].
#[derive(Clone, Debug)]
pub struct SslTlvs<'a>(RawTlvs<'a>);

impl<'a> Iterator for SslTlvs<'a> {
    type Item = SslTlv<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        let RawTlv { kind, value } = self.0.next()?;
        Some(match kind {
            kind::SSL_CIPHER => SslTlv::Cipher(value),
            kind::SSL_CLIENT_CERT => SslTlv::ClientCert(value),
            kind::SSL_CN => SslTlv::Cn(value),
            kind::SSL_GROUP => SslTlv::Group(value),
            kind::SSL_KEY_ALG => SslTlv::KeyAlg(value),
            kind::SSL_SIG_ALG => SslTlv::SigAlg(value),
            kind::SSL_SIG_SCHEME => SslTlv::SigScheme(value),
            kind::SSL_VERSION => SslTlv::Version(value),
            kind => SslTlv::Other { kind, value },
        })
    }
}

/// The first TLV of `bytes` and what follows it; `None` if it goes beyond them.
#[inline]
pub(crate) fn split_tlv(bytes: &[u8]) -> Option<(RawTlv<'_>, &[u8])> {
    let (&[kind, high, low], rest) = bytes.split_first_chunk::<TLV_FIXED_LEN>()?;
    let (value, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes([high, low])))?;
    Some((RawTlv { kind, value }, rest))
}
