//! Keys of tokens.

use aes_siv::{KeyInit, siv::Aes128Siv};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

/// A key of all components, 32 bytes. Each component has its own made of it.
#[derive(Clone)]
pub struct Key(Zeroizing<[u8; 32]>);

/// Why a text is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct KeyError;

/// The key of one component.
pub(super) struct DomainKey {
    /// Tells the key of a token among others.
    id: char,
    key: Zeroizing<[u8; 32]>,
    domain: String,
}

impl Key {
    /// The key that these bytes are, which must be secret and random.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The key that is written as 64 hexadecimal digits.
    ///
    /// # Errors
    ///
    /// When it is not.
    pub fn from_hex(text: &str) -> Result<Self, KeyError> {
        let digits: &[u8; 64] = text.as_bytes().try_into().map_err(|_| KeyError)?;
        let mut bytes = Zeroizing::new([0; 32]);
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            let digit = |digit: u8| char::from(digit).to_digit(16).ok_or(KeyError);
            let value = digit(pair[0])? << 4 | digit(pair[1])?;
            *byte = u8::try_from(value).map_err(|_| KeyError)?;
        }
        Ok(Self(bytes))
    }

    /// The key as 64 hexadecimal digits.
    pub fn to_hex(&self) -> Zeroizing<String> {
        let digits = |byte: &u8| [byte >> 4, byte & 15].map(u32::from);
        let digits = self.0.iter().flat_map(digits);
        Zeroizing::new(
            digits
                .filter_map(|digit| char::from_digit(digit, 16))
                .collect(),
        )
    }

    /// The key of the component of `domain`, and what names it (RFC 5869).
    pub(super) fn for_domain(&self, domain: &str) -> DomainKey {
        let secret = Hkdf::<Sha256>::new(None, &*self.0);
        let mut key = Zeroizing::new([0; 32]);
        let mut name = [0];
        // These lengths are possible.
        let _ = secret.expand_multi_info(&[b"vestibule jat key\0", domain.as_bytes()], &mut *key);
        let _ = secret.expand(b"vestibule jat name", &mut name);
        let id = URL_SAFE_NO_PAD.encode(name).chars().next().unwrap_or('A');
        DomainKey {
            id,
            key,
            domain: domain.to_owned(),
        }
    }
}

impl DomainKey {
    /// The first character of tokens that are made with it.
    pub(super) fn id(&self) -> char {
        self.id
    }

    /// Encrypts and authenticates.
    pub(super) fn seal(&self, holder: &str, plaintext: &[u8]) -> Option<Vec<u8>> {
        let bound = [self.domain.as_bytes(), holder.as_bytes()];
        self.cipher().encrypt(bound, plaintext).ok()
    }

    /// What was sealed; `None` when it was not.
    pub(super) fn open(&self, holder: &str, sealed: &[u8]) -> Option<Vec<u8>> {
        let bound = [self.domain.as_bytes(), holder.as_bytes()];
        self.cipher().decrypt(bound, sealed).ok()
    }

    fn cipher(&self) -> Aes128Siv {
        Aes128Siv::new((&*self.key).into())
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(…)")
    }
}

impl std::fmt::Debug for DomainKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DomainKey")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Display for KeyError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a key is written as 64 hexadecimal digits")
    }
}

impl std::error::Error for KeyError {}
