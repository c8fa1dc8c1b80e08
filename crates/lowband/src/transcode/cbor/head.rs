//! The first bytes of data items (RFC 8949 section 3).

use super::Decoder;
use crate::transcode::{error::Reason, float};

/// The "break" that ends an indefinite length.
pub(super) const BREAK: u8 = 0xff;

/// How long something is, or nothing for an indefinite length.
pub(super) type Length = Option<u64>;

/// What the first bytes of a data item say.
#[derive(Clone, Copy)]
pub(super) enum Head {
    Unsigned(u64),
    /// -1 minus this.
    Negative(u64),
    Bytes(Length),
    Text(Length),
    Array(Length),
    /// Its length counts pairs.
    Map(Length),
    Tag(u64),
    Simple(u8),
    Float(f64),
    Break,
}

impl Decoder<'_, '_, '_> {
    /// Reads the head of a data item.
    #[inline]
    pub(super) fn head(&mut self) -> Result<Head, Reason> {
        let start = self.position;
        let Some(&first) = self.cbor.get(start) else {
            return Err(Reason::UnexpectedEnd);
        };
        self.position += 1;
        let argument = match first & 0x1f {
            immediate @ ..24 => Some(u64::from(immediate)),
            24 => Some(u64::from(u8::from_be_bytes(self.array_of()?))),
            25 => Some(u64::from(u16::from_be_bytes(self.array_of()?))),
            26 => Some(u64::from(u32::from_be_bytes(self.array_of()?))),
            27 => Some(u64::from_be_bytes(self.array_of()?)),
            31 => None,
            _ => return self.fail(start, Reason::Head),
        };
        Ok(match (first >> 5, argument) {
            (0, Some(value)) => Head::Unsigned(value),
            (1, Some(value)) => Head::Negative(value),
            (2, length) => Head::Bytes(length),
            (3, length) => Head::Text(length),
            (4, length) => Head::Array(length),
            (5, length) => Head::Map(length),
            (6, Some(tag)) => Head::Tag(tag),
            (7, Some(value)) => match first & 0x1f {
                ..24 => Head::Simple(value as u8),
                // These have a form of one byte, or none (RFC 8949 section 3.3).
                24 if value < 32 => return self.fail(start, Reason::Head),
                24 => Head::Simple(value as u8),
                25 => Head::Float(float::from_half(value as u16)),
                26 => Head::Float(f64::from(f32::from_bits(value as u32))),
                _ => Head::Float(f64::from_bits(value)),
            },
            (7, None) => Head::Break,
            _ => return self.fail(start, Reason::Head),
        })
    }

    /// The next bytes.
    #[inline]
    fn array_of<const N: usize>(&mut self) -> Result<[u8; N], Reason> {
        match self.cbor[self.position..].first_chunk() {
            Some(bytes) => {
                self.position += N;
                Ok(*bytes)
            }
            None => self.fail(self.cbor.len(), Reason::UnexpectedEnd),
        }
    }
}
