//! What a ClientHello says.

use std::net::IpAddr;
use std::slice;

use super::Ja4;
use crate::HostName;

/// TLS 1.3 as a version (RFC 8446 section 4.2.1).
const TLS13: u16 = 0x0304;

/// A ClientHello (RFC 8446 section 4.1.2); see [`HelloReader::hello`](super::HelloReader::hello).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hello<'a> {
    pub(super) alpn: &'a [u8],
    pub(super) cipher_suites: &'a [u8],
    /// All extensions, checked.
    pub(super) extensions: &'a [u8],
    pub(super) groups: &'a [u8],
    pub(super) has_early_data: bool,
    pub(super) has_ech: bool,
    pub(super) has_psk: bool,
    pub(super) signature_schemes: &'a [u8],
    pub(super) sni: Sni,
    pub(super) versions: &'a [u8],
}

impl<'a> Hello<'a> {
    /// The application protocols that the client offers, by its preference (RFC 7301); none when
    /// the extension is absent.
    pub fn alpn(&self) -> Protocols<'a> {
        Protocols { rest: self.alpn }
    }

    /// The cipher suites that the client offers, by its preference, GREASE among them.
    pub fn cipher_suites(&self) -> U16s<'a> {
        U16s::new(self.cipher_suites)
    }

    /// The groups that the client offers, by its preference, GREASE among them (RFC 8446 section
    /// 4.2.7).
    pub fn groups(&self) -> U16s<'a> {
        U16s::new(self.groups)
    }

    /// Whether the client sends early data (RFC 8446 section 4.2.10).
    pub fn has_early_data(&self) -> bool {
        self.has_early_data
    }

    /// Whether encrypted_client_hello is there (RFC 9849 section 5). It may be GREASE: the two are
    /// made not to be told apart.
    pub fn has_ech(&self) -> bool {
        self.has_ech
    }

    /// Whether the client offers to resume, or another pre-shared key (RFC 8446 section 4.2.11).
    pub fn has_psk(&self) -> bool {
        self.has_psk
    }

    /// Whether the client offers TLS 1.3.
    pub fn has_tls13(&self) -> bool {
        self.versions().any(|version| version == TLS13)
    }

    /// The client's fingerprint, computed anew at each call.
    pub fn ja4(&self) -> Ja4 {
        Ja4::new(self)
    }

    /// The highest version that the client offers, GREASE left out, such as `0x0304` for TLS 1.3.
    pub fn max_version(&self) -> Option<u16> {
        self.versions().filter(|version| !is_grease(*version)).max()
    }

    /// The signature schemes that the client accepts, by its preference (RFC 8446 section 4.2.3);
    /// none when the extension is absent.
    pub fn signature_schemes(&self) -> U16s<'a> {
        U16s::new(self.signature_schemes)
    }

    /// The server name.
    pub fn sni(&self) -> Sni {
        self.sni
    }

    /// The versions that the client offers, GREASE among them: those of supported_versions (RFC
    /// 8446 section 4.2.1), or the legacy version alone when that extension is absent.
    pub fn versions(&self) -> U16s<'a> {
        U16s::new(self.versions)
    }

    /// Types of all extensions, in the order of the message, each of them once.
    pub fn extension_types(&self) -> impl Iterator<Item = u16> + use<'a> {
        super::parse::Extensions::new(self.extensions).map(|extension| extension.kind)
    }
}

/// The server name of a ClientHello (RFC 6066 section 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sni {
    /// The extension is absent.
    Absent,
    /// An address, which the standard forbids; some clients send it all the same.
    IpLiteral(IpAddr),
    /// A name.
    Name(HostName),
}

impl Sni {
    /// The name, when it is one.
    pub fn name(&self) -> Option<&HostName> {
        match self {
            Self::Name(name) => Some(name),
            Self::Absent | Self::IpLiteral(_) => None,
        }
    }
}

/// Iterator over application protocols; see [`Hello::alpn`].
#[derive(Clone, Debug)]
pub struct Protocols<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Protocols<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<Self::Item> {
        // Lengths were checked with the hello, so what does not fit is the empty rest.
        let (len, rest) = self.rest.split_first()?;
        let (name, rest) = rest.split_at_checked(usize::from(*len))?;
        self.rest = rest;
        Some(name)
    }
}

/// Iterator over 16-bit code points.
#[derive(Clone, Debug)]
pub struct U16s<'a>(slice::Iter<'a, [u8; 2]>);

impl<'a> U16s<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes.as_chunks().0.iter())
    }
}

impl Iterator for U16s<'_> {
    type Item = u16;

    #[inline]
    fn next(&mut self) -> Option<u16> {
        self.0.next().map(|bytes| u16::from_be_bytes(*bytes))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl ExactSizeIterator for U16s<'_> {}

/// Whether a code point is one of those that clients mix in so that servers learn to ignore what
/// they do not know: `0x0A0A`, `0x1A1A` and so on to `0xFAFA` (RFC 8701 section 2).
#[inline]
pub fn is_grease(value: u16) -> bool {
    let [high, low] = value.to_be_bytes();
    high == low && low & 0x0F == 0x0A
}

#[cfg(test)]
mod tests;
