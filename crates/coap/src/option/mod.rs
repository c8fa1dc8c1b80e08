//! Options: their numbers, what is known of each, and lists of them.

mod list;
mod number;
mod view;

pub use list::{OptionList, OptionTooLong};
pub use number::{Definition, OptionFormat, OptionNumber};
pub(crate) use view::Malformed;
pub use view::Options;

/// The value of an option of format uint (RFC 7252 section 3.2). `None` for more than eight bytes.
#[must_use]
pub fn uint_from_bytes(value: &[u8]) -> Option<u64> {
    (value.len() <= 8).then(|| {
        value
            .iter()
            .fold(0, |uint, &byte| uint << 8 | u64::from(byte))
    })
}

/// A uint in as few bytes as it needs: the array, and how many of its first bytes count.
pub(crate) fn uint_to_bytes(value: u64) -> ([u8; 8], usize) {
    let zeros = (value.leading_zeros() / 8) as usize;
    let mut bytes = [0; 8];
    bytes[..8 - zeros].copy_from_slice(&value.to_be_bytes()[zeros..]);
    (bytes, 8 - zeros)
}

#[cfg(test)]
mod tests;
