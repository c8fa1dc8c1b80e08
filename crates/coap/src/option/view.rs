//! The options of a message that was received.

use std::fmt;

use super::{OptionNumber, uint_from_bytes};

/// The options of a [`crate::Message`], in the order of their numbers. Cheap to copy, it borrows the datagram.
#[derive(Clone, Copy, Default)]
pub struct Options<'a> {
    bytes: &'a [u8],
}

/// Goes through [`Options`].
#[derive(Clone, Debug)]
pub struct Iter<'a> {
    bytes: &'a [u8],
    number: u16,
}

/// What is wrong with the bytes of options.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Malformed {
    /// A delta or length of 15 that is no payload marker.
    Reserved,
    /// A number beyond 65,535.
    Number,
    /// The datagram ends inside an option.
    Truncated,
}

impl<'a> Options<'a> {
    /// Finds the end of the options in the rest of a datagram: the options, and what stands after the payload marker.
    /// The payload is `None` without a marker.
    pub(crate) fn split(bytes: &'a [u8]) -> Result<(Self, Option<&'a [u8]>), Malformed> {
        let mut rest = bytes;
        let mut number = 0;
        while let Some(&first) = rest.first() {
            if first == 0xff {
                let (options, payload) = bytes.split_at(bytes.len() - rest.len());
                return Ok((Self { bytes: options }, Some(&payload[1..])));
            }
            (number, _, rest) = next(rest, number)?;
        }
        Ok((Self { bytes }, None))
    }

    /// Number and value of each option.
    #[must_use]
    pub fn iter(&self) -> Iter<'a> {
        Iter {
            bytes: self.bytes,
            number: 0,
        }
    }

    /// The value of the first option with this number.
    #[must_use]
    pub fn first(&self, number: OptionNumber) -> Option<&'a [u8]> {
        self.all(number).next()
    }

    /// The first option with this number as a uint. `None` where it is missing or has more than eight bytes.
    #[must_use]
    pub fn uint(&self, number: OptionNumber) -> Option<u64> {
        uint_from_bytes(self.first(number)?)
    }

    /// The values of all options with this number.
    pub fn all(&self, number: OptionNumber) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        self.iter()
            .skip_while(move |&(other, _)| other < number)
            .take_while(move |&(other, _)| other == number)
            .map(|(_, value)| value)
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }
}

impl<'a> IntoIterator for Options<'a> {
    type IntoIter = Iter<'a>;
    type Item = (OptionNumber, &'a [u8]);

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

impl<'a> Iterator for Iter<'a> {
    type Item = (OptionNumber, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        if self.bytes.is_empty() {
            return None;
        }
        // Cannot fail: `split` went the same way.
        let (number, value, rest) = next(self.bytes, self.number).ok()?;
        self.number = number;
        self.bytes = rest;
        Some((OptionNumber(number), value))
    }
}

impl fmt::Debug for Options<'_> {
    /// Numbers and lengths only: values may be secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map()
            .entries(self.iter().map(|(number, value)| (number, value.len())))
            .finish()
    }
}

/// The option at the beginning of `bytes`: its number, its value, and what follows.
fn next(bytes: &[u8], before: u16) -> Result<(u16, &[u8], &[u8]), Malformed> {
    let (&first, rest) = bytes.split_first().ok_or(Malformed::Truncated)?;
    let (delta, rest) = extended(first >> 4, rest)?;
    let (length, rest) = extended(first & 15, rest)?;
    let number = u16::try_from(u32::from(before) + delta).map_err(|_| Malformed::Number)?;
    let (value, rest) = rest
        .split_at_checked(length as usize)
        .ok_or(Malformed::Truncated)?;
    Ok((number, value, rest))
}

/// A nibble of the first byte with its extension of one or two bytes (RFC 7252 section 3.1).
fn extended(nibble: u8, rest: &[u8]) -> Result<(u32, &[u8]), Malformed> {
    match (nibble, rest) {
        (..=12, _) => Ok((u32::from(nibble), rest)),
        (13, [byte, rest @ ..]) => Ok((u32::from(*byte) + 13, rest)),
        (14, [high, low, rest @ ..]) => {
            Ok((u32::from(u16::from_be_bytes([*high, *low])) + 269, rest))
        }
        (13 | 14, _) => Err(Malformed::Truncated),
        _ => Err(Malformed::Reserved),
    }
}
