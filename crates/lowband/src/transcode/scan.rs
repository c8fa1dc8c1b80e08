//! Looking for the bytes of a string that need care, eight at a time.

/// How many bytes of `bytes` come before the first that JSON has to escape: a quotation mark, a
/// backslash or a control character.
#[inline]
pub(super) fn plain(bytes: &[u8]) -> usize {
    run(bytes, special)
}

/// As [`plain`], but stops at bytes that are not ASCII, too.
#[inline]
pub(super) fn plain_ascii(bytes: &[u8]) -> usize {
    run(bytes, |word| special(word) | word & HIGH)
}

/// How many bytes come before the first that `found` marks, in words of which the first byte is the
/// lowest.
#[inline]
fn run(bytes: &[u8], found: impl Fn(u64) -> u64) -> usize {
    let (words, rest) = bytes.as_chunks();
    for (index, word) in words.iter().enumerate() {
        let marks = found(u64::from_le_bytes(*word));
        if marks != 0 {
            return 8 * index + first(marks);
        }
    }
    // What is missing in the last word is filled with bytes that nobody looks for.
    let mut word = [b' '; 8];
    word[..rest.len()].copy_from_slice(rest);
    match found(u64::from_le_bytes(word)) {
        0 => bytes.len(),
        marks => 8 * words.len() + first(marks),
    }
}

/// The index of the byte of the lowest mark.
#[inline]
fn first(marks: u64) -> usize {
    marks.trailing_zeros() as usize / 8
}

/// Marks the high bit of each byte that needs an escape. Above the first of them there may be marks
/// that mean nothing.
#[inline]
fn special(word: u64) -> u64 {
    let quotes = word ^ (LOW * b'"' as u64);
    let backslashes = word ^ (LOW * b'\\' as u64);
    (word.wrapping_sub(LOW * 0x20) & !word
        | quotes.wrapping_sub(LOW) & !quotes
        | backslashes.wrapping_sub(LOW) & !backslashes)
        & HIGH
}

const LOW: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;
