//! Bytes as people write them: hexadecimal digits.

use std::{
    borrow::Cow,
    fmt::{self, Write},
};

/// How bytes come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Hexadecimal digits.
    Hex,
    /// The bytes themselves.
    Raw,
    /// Whatever the input looks like.
    Unknown,
}

/// Where hexadecimal input goes wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum HexError {
    /// This is no hexadecimal digit.
    Digit(char),
    /// This group has an odd number of digits.
    Odd(String),
}

/// The bytes that `input` stands for. Of [`Form::Unknown`] only digits and what may separate them
/// is taken as hexadecimal, which no PROXY header is that arrives as bytes, and no array or map of
/// CBOR.
///
/// # Errors
///
/// Where the digits go wrong.
pub(super) fn from_input(input: &[u8], form: Form) -> Result<Cow<'_, [u8]>, HexError> {
    let hex = match form {
        Form::Hex => true,
        Form::Raw => false,
        Form::Unknown => looks_like_hex(input),
    };
    match hex {
        true => from_hex(&String::from_utf8_lossy(input)).map(Cow::Owned),
        false => Ok(Cow::Borrowed(input)),
    }
}

/// Bytes of `text`: pairs of digits, with `0x` or `\x` before and white space, commas or colons
/// between them, or without.
///
/// # Errors
///
/// Where the digits go wrong.
pub(super) fn from_hex(text: &str) -> Result<Vec<u8>, HexError> {
    let mut bytes = Vec::with_capacity(text.len() / 2);
    let plain = ["0x", "0X", "\\x"]
        .iter()
        .fold(text.to_owned(), |text, prefix| text.replace(prefix, ""));
    for group in plain.split(is_separator).filter(|group| !group.is_empty()) {
        let mut digits = Vec::with_capacity(group.len());
        for c in group.chars() {
            // A hexadecimal digit is below 16.
            digits.push(c.to_digit(16).ok_or(HexError::Digit(c))? as u8);
        }
        let (pairs, []) = digits.as_chunks::<2>() else {
            return Err(HexError::Odd(group.to_owned()));
        };
        bytes.extend(pairs.iter().map(|[high, low]| high << 4 | low));
    }
    Ok(bytes)
}

/// Lower-case digits without anything between them.
pub(super) fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn looks_like_hex(input: &[u8]) -> bool {
    let allowed =
        |c: char| c.is_ascii_hexdigit() || is_separator(c) || matches!(c, 'x' | 'X' | '\\');
    std::str::from_utf8(input).is_ok_and(|text| {
        text.chars().all(allowed) && text.contains(|c: char| c.is_ascii_hexdigit())
    })
}

fn is_separator(c: char) -> bool {
    c.is_ascii_whitespace() || matches!(c, ',' | ':')
}

impl fmt::Display for HexError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Digit(c) => write!(f, "{c:?} is not a hexadecimal digit"),
            Self::Odd(group) => write!(
                f,
                "\"{group}\" has an odd number of hexadecimal digits; a byte has two"
            ),
        }
    }
}
