//! Whom a client believes.

#[cfg(test)]
mod tests;

use std::{collections::HashSet, fmt, str::FromStr, sync::Arc};

use aws_lc_rs::digest::{Context, SHA256, digest};
use rustls_pki_types::{CertificateDer, TrustAnchor};
use webpki::anchor_from_trusted_cert;
use x509_parser::{certificate::X509Certificate, prelude::FromDer, x509::X509Version};

/// What makes a server's certificate good.
#[derive(Clone, Debug)]
pub enum Trust {
    /// A chain to one of these, at its time, for the name of the server.
    Roots(Arc<Roots>),
    /// That it is this very certificate. The pin stands for chain, name and dates: none of them is looked at.
    Fingerprint(Fingerprint),
    /// Any certificate, whoever made it: the server could be anybody. It still has the key that belongs to it.
    Insecure,
}

impl Trust {
    /// What tells one trust from another: a session that was made under one is not used under another.
    pub(super) fn digest(&self) -> [u8; 32] {
        let mut context = Context::new(&SHA256);
        match self {
            Self::Roots(roots) => {
                context.update(b"roots");
                context.update(&roots.digest);
            }
            Self::Fingerprint(fingerprint) => {
                context.update(b"fingerprint");
                context.update(&fingerprint.0);
            }
            Self::Insecure => context.update(b"insecure"),
        }
        sha256(context.finish())
    }
}

/// Certificates that are trusted: authorities, and servers by their own certificate.
pub struct Roots {
    pub(super) anchors: Vec<TrustAnchor<'static>>,
    /// All of them as they are, for servers that show one of them as their own.
    members: HashSet<Fingerprint>,
    /// The same for the same certificates, in whatever order.
    digest: [u8; 32],
}

impl Roots {
    /// Trusts each of these certificates, in DER: as a server's own, and if it is an authority's for what it signs.
    ///
    /// # Errors
    /// One of them is no certificate, or there is none.
    pub fn new<'a>(certificates: impl IntoIterator<Item = &'a [u8]>) -> Result<Self, RootsError> {
        let mut roots = Self::empty();
        for (at, der) in certificates.into_iter().enumerate() {
            if !roots.add(der) {
                return Err(RootsError::NotACertificate { at });
            }
        }
        roots.finish().ok_or(RootsError::Empty)
    }

    /// As [`Self::new`], but without those that cannot be read, as there are in the stores of systems.
    ///
    /// # Errors
    /// None is left.
    pub fn parsable<'a>(
        certificates: impl IntoIterator<Item = &'a [u8]>,
    ) -> Result<Self, RootsError> {
        let mut roots = Self::empty();
        for der in certificates {
            roots.add(der);
        }
        roots.finish().ok_or(RootsError::Empty)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether there are none, which cannot be.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Whether this very certificate is one of them.
    pub(super) fn contains(&self, der: &[u8]) -> bool {
        self.members.contains(&Fingerprint::of(der))
    }

    fn empty() -> Self {
        Self {
            anchors: Vec::new(),
            members: HashSet::new(),
            digest: [0; 32],
        }
    }

    fn add(&mut self, der: &[u8]) -> bool {
        let der = CertificateDer::from(der);
        let Ok(anchor) = anchor_from_trusted_cert(&der) else {
            return false;
        };
        if self.members.insert(Fingerprint::of(&der)) && is_authority(&der) {
            self.anchors.push(anchor.to_owned());
        }
        true
    }

    fn finish(mut self) -> Option<Self> {
        let mut sorted: Vec<_> = self.members.iter().collect();
        sorted.sort_unstable();
        let mut context = Context::new(&SHA256);
        for member in sorted {
            context.update(&member.0);
        }
        self.digest = sha256(context.finish());
        (!self.members.is_empty()).then_some(self)
    }
}

impl fmt::Debug for Roots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Roots({})", self.members.len())
    }
}

/// Why there are no roots.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RootsError {
    /// No certificate was given, or none that can be read.
    Empty,
    /// This one, counted from 0, cannot be read.
    NotACertificate {
        /// Its place.
        at: usize,
    },
}

impl fmt::Display for RootsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("there is no trusted certificate"),
            Self::NotACertificate { at } => {
                write!(f, "trusted certificate {} cannot be read", at + 1)
            }
        }
    }
}

impl std::error::Error for RootsError {}

/// The SHA-256 of a certificate's DER. Written as OpenSSL does: bytes in hexadecimal with colons between them.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Fingerprint(pub [u8; 32]);

impl Fingerprint {
    /// That of this certificate.
    #[must_use]
    pub fn of(der: &[u8]) -> Self {
        Self(sha256(digest(&SHA256, der)))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, byte) in self.0.iter().enumerate() {
            let colon = if at == 0 { "" } else { ":" };
            write!(f, "{colon}{byte:02X}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Fingerprint {
    type Err = FingerprintError;

    /// Reads 64 hexadecimal digits, in either case, with colons between the bytes or without.
    fn from_str(text: &str) -> Result<Self, FingerprintError> {
        let colons = text.contains(':');
        let mut pairs = text.as_bytes().chunks(if colons { 3 } else { 2 });
        let mut bytes = [0; 32];
        for (at, byte) in bytes.iter_mut().enumerate() {
            let last = at == 31;
            *byte = match pairs.next() {
                Some(&[high, low, b':']) if colons && !last => hex(high, low),
                Some(&[high, low]) if !colons || last => hex(high, low),
                _ => None,
            }
            .ok_or(FingerprintError)?;
        }
        match pairs.next() {
            None => Ok(Self(bytes)),
            Some(_) => Err(FingerprintError),
        }
    }
}

/// A text that is not the SHA-256 of anything.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct FingerprintError;

impl fmt::Display for FingerprintError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a fingerprint is a SHA-256: 64 hexadecimal digits, with or without colons")
    }
}

impl std::error::Error for FingerprintError {}

/// Whether it may sign others. webpki asks that of intermediates only: without this, who has the key of a server that
/// is trusted by itself could be every other server too.
fn is_authority(der: &[u8]) -> bool {
    let Ok((_, certificate)) = X509Certificate::from_der(der) else {
        return false;
    };
    if certificate.version() != X509Version::V3 {
        // Before there were extensions, what distinguished the authorities of this kind was where they were listed.
        return certificate.subject() == certificate.issuer();
    }
    match (certificate.basic_constraints(), certificate.key_usage()) {
        (Ok(Some(constraints)), _) => constraints.value.ca,
        (Ok(None), Ok(Some(usage))) => usage.value.key_cert_sign(),
        _ => false,
    }
}

fn hex(high: u8, low: u8) -> Option<u8> {
    let digit = |digit: u8| char::from(digit).to_digit(16);
    u8::try_from(digit(high)? << 4 | digit(low)?).ok()
}

fn sha256(digest: aws_lc_rs::digest::Digest) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest.as_ref());
    out
}
