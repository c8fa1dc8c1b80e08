//! Byte strings, as text where a tag says how, and bignums.

use std::borrow::Cow;

use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD, Engine};

use super::{
    Decoder,
    head::{Head, Length},
};
use crate::transcode::error::Reason;

/// How a byte string is to be written in JSON (RFC 8949 section 3.4.5.2).
#[derive(Clone, Copy)]
pub(super) enum Base {
    /// Tag 21: base64url without padding.
    Url64,
    /// Tag 22: base64 with padding.
    Classic64,
    /// Tag 23: base16 in upper case.
    Sixteen,
}

impl Base {
    pub(super) fn of_tag(tag: u64) -> Option<Self> {
        match tag {
            21 => Some(Self::Url64),
            22 => Some(Self::Classic64),
            23 => Some(Self::Sixteen),
            _ => None,
        }
    }
}

impl<'c> Decoder<'c, '_, '_> {
    /// Writes a byte string that begins at `start`; the position is behind its head.
    #[cold]
    pub(super) fn bytes(
        &mut self,
        start: usize,
        length: Length,
        base: Option<Base>,
    ) -> Result<(), Reason> {
        let Some(base) = base else {
            return self.fail(start, Reason::ByteString);
        };
        let bytes = self.whole(start, length)?;
        self.out.push(b'"')?;
        // As many bytes as are whole groups of either base.
        for part in bytes.chunks(PART) {
            let mut buffer = [0; 2 * PART];
            let encoded = match base {
                Base::Url64 => BASE64_URL_SAFE_NO_PAD.encode_slice(part, &mut buffer),
                Base::Classic64 => BASE64_STANDARD.encode_slice(part, &mut buffer),
                Base::Sixteen => Ok(base16(part, &mut buffer)),
            };
            // The buffer has room for the longest of them.
            self.out.extend(&buffer[..encoded.unwrap_or_default()])?;
        }
        self.out.extend(b"\",")
    }

    /// The bignum of a tag at `start`; the position is behind the tag.
    #[cold]
    pub(super) fn bignum(&mut self, start: usize, negative: bool) -> Result<(), Reason> {
        let string = self.position;
        let Head::Bytes(length) = self.head()? else {
            return self.fail(start, Reason::Tag);
        };
        let bytes = self.whole(string, length)?;
        let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
        let bytes = &bytes[zeros..];
        if bytes.len() > size_of::<u128>() {
            return self.fail(start, Reason::Bignum);
        }
        let value = (bytes.iter()).fold(0, |value: u128, byte| value << 8 | u128::from(*byte));
        match (negative, value.checked_add(1)) {
            (false, _) => self.integer(value),
            (true, Some(value)) => {
                self.out.push(b'-')?;
                self.integer(value)
            }
            // One more than 128 bits can say.
            (true, None) => self
                .out
                .extend(b"-340282366920938463463374607431768211456,"),
        }
    }

    /// The bytes of a byte string that begins at `start`; the position is behind its head.
    fn whole(&mut self, start: usize, length: Length) -> Result<Cow<'c, [u8]>, Reason> {
        if let Some(length) = length {
            return self.content(start, length, 0).map(Cow::Borrowed);
        }
        let mut bytes = Vec::new();
        while !self.ends_chunks() {
            let chunk = self.position;
            let Head::Bytes(Some(length)) = self.head()? else {
                return self.fail(chunk, Reason::Chunk);
            };
            bytes.extend_from_slice(self.content(start, length, bytes.len())?);
        }
        Ok(Cow::Owned(bytes))
    }
}

/// Bytes that are encoded at a time.
const PART: usize = 384;

/// Writes hexadecimal digits, and returns how many.
fn base16(bytes: &[u8], digits: &mut [u8]) -> usize {
    for (byte, pair) in bytes.iter().zip(digits.chunks_exact_mut(2)) {
        let digit = |value| b"0123456789ABCDEF"[usize::from(value & 0xf)];
        pair.copy_from_slice(&[digit(byte >> 4), digit(*byte)]);
    }
    2 * bytes.len()
}
