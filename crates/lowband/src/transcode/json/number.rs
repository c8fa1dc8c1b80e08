//! Numbers.

use super::{Encoder, NEGATIVE, UNSIGNED};
use crate::transcode::{
    error::Reason,
    float::{Shortest, integer_of},
};

/// The first bytes of floats (RFC 8949 section 3.3).
const HALF: u8 = 0xf9;
const SINGLE: u8 = 0xfa;
const DOUBLE: u8 = 0xfb;

impl<'j> Encoder<'j, '_, '_> {
    /// A number; the position is at its first byte.
    pub(super) fn number(&mut self) -> Result<(), Reason> {
        let start = self.position;
        let negative = self.peek() == Some(b'-');
        self.position += usize::from(negative);
        let value = self.integer()?;
        if let Some(b'.' | b'e' | b'E') = self.peek() {
            let has_exponent = self.fraction_and_exponent()?;
            return self.float(start, has_exponent);
        }
        match value {
            Some(0) => self.head(UNSIGNED, 0),
            Some(value) => match u64::try_from(value - u128::from(negative)) {
                Ok(argument) if negative => self.head(NEGATIVE, argument),
                Ok(argument) => self.head(UNSIGNED, argument),
                Err(_) => self.float(start, true),
            },
            None => self.float(start, true),
        }
    }

    /// The digits before the point, as a number when that has no more than 128 bits.
    #[inline]
    fn integer(&mut self) -> Result<Option<u128>, Reason> {
        let digits = self.digits()?;
        if digits.len() > 1 && digits.starts_with(b"0") {
            self.position -= digits.len() - 1;
            return Err(Reason::Syntax);
        }
        // So many digits are never more than 64 bits.
        if digits.len() <= 19 {
            let value =
                (digits.iter()).fold(0, |value, digit| 10 * value + u64::from(digit - b'0'));
            return Ok(Some(u128::from(value)));
        }
        Ok((digits.iter()).try_fold(0_u128, |value, digit| {
            value.checked_mul(10)?.checked_add(u128::from(digit - b'0'))
        }))
    }

    /// What comes after the digits before the point; returns whether there is an exponent.
    fn fraction_and_exponent(&mut self) -> Result<bool, Reason> {
        if self.peek() == Some(b'.') {
            self.position += 1;
            self.digits()?;
        }
        let has_exponent = matches!(self.peek(), Some(b'e' | b'E'));
        if has_exponent {
            self.position += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.position += 1;
            }
            self.digits()?;
        }
        Ok(has_exponent)
    }

    /// One digit or more.
    #[inline]
    fn digits(&mut self) -> Result<&'j [u8], Reason> {
        let rest = self.rest();
        let len = (rest.iter())
            .position(|byte| !byte.is_ascii_digit())
            .unwrap_or(rest.len());
        self.position += len;
        match len {
            0 if rest.is_empty() => Err(Reason::UnexpectedEnd),
            0 => Err(Reason::Syntax),
            _ => Ok(&rest[..len]),
        }
    }

    /// Writes the number from `start` to here, which is no integer of 64 bits as it stands, as an
    /// integer where its float of 64 bits is one, else as a float.
    #[cold]
    fn float(&mut self, start: usize, double: bool) -> Result<(), Reason> {
        // What was read is a number as Rust reads it, too.
        let value: f64 = (self.json.get(start..self.position))
            .and_then(|text| text.parse().ok())
            .filter(|value: &f64| value.is_finite())
            .ok_or_else(|| {
                self.position = start;
                Reason::NumberRange
            })?;
        // Such a float comes back as an integer in any case, and takes more bytes.
        if let Some(value) = integer_of(value) {
            return match u64::try_from(value) {
                Ok(argument) => self.head(UNSIGNED, argument),
                Err(_) => self.head(NEGATIVE, value.unsigned_abs() - 1),
            };
        }
        let shortest = match double && !self.canonical {
            true => Shortest::Double(value),
            false => Shortest::of(value),
        };
        match shortest {
            Shortest::Half(bits) => self.float_item(HALF, &bits.to_be_bytes()),
            Shortest::Single(value) => self.float_item(SINGLE, &value.to_be_bytes()),
            Shortest::Double(value) => self.float_item(DOUBLE, &value.to_be_bytes()),
        }
    }

    fn float_item(&mut self, first: u8, value: &[u8]) -> Result<(), Reason> {
        self.out.push(first)?;
        self.out.extend(value)
    }
}
