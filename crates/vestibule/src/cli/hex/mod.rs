//! Bytes as people write them: hexadecimal digits.

#[cfg(test)]
mod tests;

use std::{
    borrow::Cow,
    fmt,
    io::{self, Write},
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

/// Where hexadecimal input goes wrong. Offsets are bytes of the text, from 0 on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum HexError {
    /// This is no hexadecimal digit.
    Digit { character: char, offset: usize },
    /// The digits that begin here, up to a separator, are an odd number.
    Odd { digits: usize, offset: usize },
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
        true => from_hex(input).map(Cow::Owned),
        false => Ok(Cow::Borrowed(input)),
    }
}

/// Bytes of `text`: pairs of digits, with `0x` or `\x` before and white space, commas or colons
/// between them, or without.
///
/// # Errors
///
/// Where the digits go wrong.
pub(super) fn from_hex(text: &[u8]) -> Result<Vec<u8>, HexError> {
    let mut bytes = Vec::with_capacity(text.len() / 2);
    let mut group = Group::at(0);
    let mut offset = 0;
    while let Some(&byte) = text.get(offset) {
        if is_separator(byte) {
            group.end()?;
            offset += 1;
            group = Group::at(offset);
        } else if group.high.is_none() && has_prefix(&text[offset..]) {
            offset += 2;
        } else {
            let Some(digit) = char::from(byte).to_digit(16) else {
                let character = first_character(&text[offset..]);
                return Err(HexError::Digit { character, offset });
            };
            group.add(digit as u8, &mut bytes);
            offset += 1;
        }
    }
    group.end()?;
    Ok(bytes)
}

/// Lower-case digits without anything between them.
pub(super) fn to_hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    text.extend(bytes.iter().flat_map(|byte| digits(*byte)).map(char::from));
    text
}

/// Writes the digits of [`to_hex`], a part at a time.
///
/// # Errors
///
/// Those of `out`.
pub(super) fn write_hex(bytes: &[u8], out: &mut dyn Write) -> io::Result<()> {
    /// Bytes whose digits are written at once.
    const PART: usize = 4096;

    bytes
        .chunks(PART)
        .try_for_each(|part| out.write_all(to_hex(part).as_bytes()))
}

/// Whether there are digits, and nothing but what may stand between them.
pub(super) fn looks_like_hex(input: &[u8]) -> bool {
    let allowed =
        |b: &u8| b.is_ascii_hexdigit() || is_separator(*b) || matches!(b, b'x' | b'X' | b'\\');
    input.iter().all(allowed) && input.iter().any(u8::is_ascii_hexdigit)
}

/// Digits without a separator.
struct Group {
    offset: usize,
    digits: usize,
    /// The first digit of a byte whose second one has not come.
    high: Option<u8>,
}

impl Group {
    fn at(offset: usize) -> Self {
        Self {
            offset,
            digits: 0,
            high: None,
        }
    }

    fn add(&mut self, digit: u8, bytes: &mut Vec<u8>) {
        self.digits += 1;
        match self.high.take() {
            Some(high) => bytes.push(high << 4 | digit),
            None => self.high = Some(digit),
        }
    }

    fn end(&self) -> Result<(), HexError> {
        match self.high {
            Some(_) => Err(HexError::Odd {
                digits: self.digits,
                offset: self.offset,
            }),
            None => Ok(()),
        }
    }
}

fn has_prefix(text: &[u8]) -> bool {
    matches!(text, [b'0', b'x' | b'X', ..] | [b'\\', b'x', ..])
}

/// The character at the beginning of `text`, as far as it is UTF-8.
fn first_character(text: &[u8]) -> char {
    let start = &text[..text.len().min(4)];
    let character = start
        .utf8_chunks()
        .next()
        .and_then(|chunk| chunk.valid().chars().next());
    character.unwrap_or(char::REPLACEMENT_CHARACTER)
}

fn digits(byte: u8) -> [u8; 2] {
    let digit = |value| b"0123456789abcdef"[usize::from(value & 0xf)];
    [digit(byte >> 4), digit(byte)]
}

fn is_separator(byte: u8) -> bool {
    byte.is_ascii_whitespace() || matches!(byte, b',' | b':')
}

impl fmt::Display for HexError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Digit { character, offset } => write!(
                f,
                "{character:?} is not a hexadecimal digit, at byte {offset} of the digits"
            ),
            Self::Odd { digits, offset } => write!(
                f,
                "an odd number of hexadecimal digits ({digits}), from byte {offset} of the digits \
                 on; a byte has two"
            ),
        }
    }
}
