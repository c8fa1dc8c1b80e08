//! Secrets, and what is made of them (RFC 8446 section 7, with the prefix of RFC 9147 section 5.9).

use aws_lc_rs::{
    aead::{self, AES_128_GCM, AES_256_GCM, CHACHA20_POLY1305, quic},
    digest,
    hkdf::{HKDF_SHA256, HKDF_SHA384, KeyType, Prk},
};
use zeroize::Zeroize as _;

/// The longest hash of a suite.
const MAX_HASH: usize = 48;

/// A cipher suite.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Suite {
    Aes128,
    Aes256,
    ChaCha20,
}

impl Suite {
    /// The suite with this number in the registry.
    pub(crate) fn from_number(number: u16) -> Option<Self> {
        match number {
            0x1301 => Some(Self::Aes128),
            0x1302 => Some(Self::Aes256),
            0x1303 => Some(Self::ChaCha20),
            _ => None,
        }
    }

    pub(super) fn aead(self) -> &'static aead::Algorithm {
        match self {
            Self::Aes128 => &AES_128_GCM,
            Self::Aes256 => &AES_256_GCM,
            Self::ChaCha20 => &CHACHA20_POLY1305,
        }
    }

    /// What masks record numbers. It is what QUIC has for the same suite (RFC 9001 section 5.4).
    pub(super) fn numbers(self) -> &'static quic::Algorithm {
        match self {
            Self::Aes128 => &quic::AES_128,
            Self::Aes256 => &quic::AES_256,
            Self::ChaCha20 => &quic::CHACHA20,
        }
    }

    fn digest(self) -> &'static digest::Algorithm {
        match self {
            Self::Aes128 | Self::ChaCha20 => &digest::SHA256,
            Self::Aes256 => &digest::SHA384,
        }
    }

    fn prk(self, secret: &[u8]) -> Prk {
        let algorithm = match self {
            Self::Aes128 | Self::ChaCha20 => HKDF_SHA256,
            Self::Aes256 => HKDF_SHA384,
        };
        Prk::new_less_safe(algorithm, secret)
    }
}

/// A secret of a key schedule, as long as the hash of its suite. It is wiped when it is dropped.
pub(crate) struct Secret {
    suite: Suite,
    bytes: [u8; MAX_HASH],
}

impl Secret {
    /// `None`: it has not the length of the suite's hash.
    pub(crate) fn new(suite: Suite, secret: &[u8]) -> Option<Self> {
        let mut bytes = [0; MAX_HASH];
        let length = suite.digest().output_len();
        if secret.len() != length {
            return None;
        }
        bytes.get_mut(..length)?.copy_from_slice(secret);
        Some(Self { suite, bytes })
    }

    /// The suite it is of.
    pub(crate) fn suite(&self) -> Suite {
        self.suite
    }

    /// HKDF-Expand-Label. `None`: nothing so long can be made.
    pub(super) fn expand(&self, label: &[u8], context: &[u8], out: &mut [u8]) -> Option<()> {
        expand(self.suite, self.as_slice(), label, context, out)
    }

    /// The secret of the next epoch (RFC 8446 section 7.2).
    pub(crate) fn next(&self) -> Option<Self> {
        let mut next = Self {
            suite: self.suite,
            bytes: [0; MAX_HASH],
        };
        let out = next.bytes.get_mut(..self.as_slice().len())?;
        self.expand(b"traffic upd", b"", out)?;
        Some(next)
    }

    /// Keying material for others, if this is the secret of exporters (RFC 8446 section 7.5).
    pub(crate) fn export(&self, label: &[u8], context: &[u8], out: &mut [u8]) -> Option<()> {
        let hash = self.suite.digest();
        let mut own = Self {
            suite: self.suite,
            bytes: [0; MAX_HASH],
        };
        let secret = own.bytes.get_mut(..hash.output_len())?;
        let nothing = digest::digest(hash, b"");
        self.expand(label, nothing.as_ref(), secret)?;
        let context = digest::digest(hash, context);
        own.expand(b"exporter", context.as_ref(), out)
    }

    fn as_slice(&self) -> &[u8] {
        self.bytes
            .get(..self.suite.digest().output_len())
            .unwrap_or_default()
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.bytes.zeroize();
    }
}

fn expand(suite: Suite, secret: &[u8], label: &[u8], context: &[u8], out: &mut [u8]) -> Option<()> {
    let length = u16::try_from(out.len()).ok()?.to_be_bytes();
    let label_length = [u8::try_from(PREFIX.len() + label.len()).ok()?];
    let context_length = [u8::try_from(context.len()).ok()?];
    let info = [
        &length[..],
        &label_length,
        PREFIX,
        label,
        &context_length,
        context,
    ];
    let prk = suite.prk(secret);
    prk.expand(&info, Length(out.len())).ok()?.fill(out).ok()
}

const PREFIX: &[u8] = b"dtls13";

struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}
