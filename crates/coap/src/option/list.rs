//! Options to be sent, or kept.

use std::fmt;

use super::{OptionNumber, Options, uint_from_bytes, uint_to_bytes};

/// Options that own their values, always in the order in which they are sent: by number, equal numbers as pushed.
#[derive(Clone, Default, Eq, PartialEq)]
pub struct OptionList {
    entries: Vec<Entry>,
    bytes: Vec<u8>,
}

/// A value over 65,535 bytes, which no option can carry in a datagram.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct OptionTooLong;

#[derive(Clone, Copy, Eq, PartialEq)]
struct Entry {
    number: OptionNumber,
    length: u16,
    start: u32,
}

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
    /// A value over 65,535 bytes.
    pub fn push(
        &mut self,
        number: OptionNumber,
        value: impl AsRef<[u8]>,
    ) -> Result<(), OptionTooLong> {
        let value = value.as_ref();
        let length = u16::try_from(value.len()).map_err(|_| OptionTooLong)?;
        let start = u32::try_from(self.bytes.len()).map_err(|_| OptionTooLong)?;
        self.bytes.extend_from_slice(value);
        self.insert(Entry {
            number,
            length,
            start,
        });
        Ok(())
    }

    /// Adds an option without a value.
    pub fn push_empty(&mut self, number: OptionNumber) {
        self.insert(Entry {
            number,
            length: 0,
            start: 0,
        });
    }

    /// Adds an option of format uint, in as few bytes as it needs.
    pub fn push_uint(&mut self, number: OptionNumber, value: u64) {
        let (bytes, length) = uint_to_bytes(value);
        // Eight bytes at most: it fails only when all values together pass 4 GiB.
        let pushed = self.push(number, &bytes[..length]);
        debug_assert!(pushed.is_ok(), "a list beyond 4 GiB");
    }

    /// Replaces all options of this number by one of format uint.
    pub fn set_uint(&mut self, number: OptionNumber, value: u64) {
        self.remove(number);
        self.push_uint(number, value);
    }

    /// Takes all options of this number away.
    pub fn remove(&mut self, number: OptionNumber) {
        self.entries.retain(|entry| entry.number != number);
    }

    /// Number and value of each option, by number.
    pub fn iter(&self) -> impl Iterator<Item = (OptionNumber, &[u8])> {
        self.entries.iter().map(|entry| {
            let start = entry.start as usize;
            let value = &self.bytes[start..start + usize::from(entry.length)];
            (entry.number, value)
        })
    }

    /// The values of all options with this number.
    pub fn all(&self, number: OptionNumber) -> impl Iterator<Item = &[u8]> {
        self.iter()
            .filter(move |&(other, _)| other == number)
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
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How much memory the list takes, in bytes.
    #[must_use]
    pub fn footprint(&self) -> usize {
        self.bytes.capacity() + self.entries.capacity() * size_of::<Entry>()
    }

    fn insert(&mut self, entry: Entry) {
        let at = self
            .entries
            .partition_point(|other| other.number <= entry.number);
        self.entries.insert(at, entry);
    }
}

impl From<Options<'_>> for OptionList {
    fn from(options: Options<'_>) -> Self {
        let mut list = Self::new();
        for (number, value) in options {
            // Values of a datagram are far below the limit.
            let pushed = list.push(number, value);
            debug_assert!(pushed.is_ok(), "an option longer than a datagram");
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
        f.write_str("the value of an option has at most 65,535 bytes")
    }
}

impl std::error::Error for OptionTooLong {}
