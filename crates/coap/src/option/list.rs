//! Options to be sent, or kept.

use std::fmt;

use super::{OptionNumber, Options, uint_from_bytes, uint_to_bytes};

/// Options that own their values, always in the order in which they are sent: by number, equal numbers as pushed.
#[derive(Clone, Default, Eq, PartialEq)]
pub struct OptionList {
    entries: Vec<Entry>,
    /// The values, one after the other, in the order of the entries.
    bytes: Vec<u8>,
}

/// A value over 65,804 bytes, which no option can carry (RFC 7252 section 3.1).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct OptionTooLong;

#[derive(Clone, Copy, Eq, PartialEq)]
struct Entry {
    number: OptionNumber,
    length: u32,
}

/// The longest value that the sixteen bits of a length can tell.
const MAX_LENGTH: usize = u16::MAX as usize + 269;

impl OptionList {
    /// A list without options.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            entries: Vec::new(),
            bytes: Vec::new(),
        }
    }

    /// Adds an option after those of the same number.
    ///
    /// # Errors
    /// A value over 65,804 bytes.
    pub fn push(
        &mut self,
        number: OptionNumber,
        value: impl AsRef<[u8]>,
    ) -> Result<(), OptionTooLong> {
        let value = value.as_ref();
        if value.len() > MAX_LENGTH {
            return Err(OptionTooLong);
        }
        self.insert(number, value);
        Ok(())
    }

    /// Adds an option without a value.
    pub fn push_empty(&mut self, number: OptionNumber) {
        self.insert(number, &[]);
    }

    /// Adds an option of format uint, in as few bytes as it needs.
    pub fn push_uint(&mut self, number: OptionNumber, value: u64) {
        let (bytes, length) = uint_to_bytes(value);
        self.insert(number, &bytes[..length]);
    }

    /// Replaces all options of this number by one of format uint.
    pub fn set_uint(&mut self, number: OptionNumber, value: u64) {
        self.remove(number);
        self.push_uint(number, value);
    }

    /// Takes all options of this number away.
    pub fn remove(&mut self, number: OptionNumber) {
        let first = self.entries.partition_point(|entry| entry.number < number);
        let end = self.entries.partition_point(|entry| entry.number <= number);
        self.bytes.drain(self.offset(first)..self.offset(end));
        self.entries.drain(first..end);
    }

    /// Number and value of each option, by number.
    pub fn iter(&self) -> impl Iterator<Item = (OptionNumber, &[u8])> {
        let mut rest = &*self.bytes;
        self.entries.iter().map(move |entry| {
            let (value, others) = rest.split_at(entry.length as usize);
            rest = others;
            (entry.number, value)
        })
    }

    /// The values of all options with this number.
    pub fn all(&self, number: OptionNumber) -> impl Iterator<Item = &[u8]> {
        self.iter()
            .skip_while(move |&(other, _)| other < number)
            .take_while(move |&(other, _)| other == number)
            .map(|(_, value)| value)
    }

    /// The value of the first option with this number.
    #[must_use]
    pub fn first(&self, number: OptionNumber) -> Option<&[u8]> {
        self.all(number).next()
    }

    /// The first option with this number as a uint. `None` where it is missing or has more than eight bytes.
    #[must_use]
    pub fn uint(&self, number: OptionNumber) -> Option<u64> {
        uint_from_bytes(self.first(number)?)
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How much memory the list takes, in bytes.
    #[must_use]
    pub const fn footprint(&self) -> usize {
        self.bytes.capacity() + self.entries.capacity() * size_of::<Entry>()
    }

    /// Adds an option whose value has at most [`MAX_LENGTH`] bytes.
    fn insert(&mut self, number: OptionNumber, value: &[u8]) {
        let at = self.entries.partition_point(|entry| entry.number <= number);
        let start = self.offset(at);
        let entry = Entry {
            number,
            length: value.len() as u32,
        };
        self.entries.insert(at, entry);
        if start == self.bytes.len() {
            self.bytes.extend_from_slice(value);
        } else {
            self.bytes.splice(start..start, value.iter().copied());
        }
    }

    /// Where the value of the entry `at` begins.
    fn offset(&self, at: usize) -> usize {
        // Options mostly come in their order.
        if at == self.entries.len() {
            return self.bytes.len();
        }
        let before = self.entries[..at].iter();
        before.map(|entry| entry.length as usize).sum()
    }
}

impl From<Options<'_>> for OptionList {
    fn from(options: Options<'_>) -> Self {
        let mut list = Self::new();
        for (number, value) in options {
            list.insert(number, value);
        }
        list
    }
}

impl fmt::Debug for OptionList {
    /// Numbers and lengths only: values may be secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map()
            .entries(self.iter().map(|(number, value)| (number, value.len())))
            .finish()
    }
}

impl fmt::Display for OptionTooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the value of an option has at most 65,804 bytes")
    }
}

impl std::error::Error for OptionTooLong {}
