//! `-H`: headers of HTTP, and options of CoAP, as options.

mod source;

#[cfg(test)]
mod tests;

use std::{fmt, str::FromStr};

use vestibule_coap::{ContentFormat, OptionFormat, OptionList, OptionNumber};
use vestibule_lowband::mapping::ACCESS_TOKEN;

pub(super) use self::source::Source;
use super::format;
use crate::cli::hex::from_hex;

/// A header of a request.
#[derive(Clone, Eq, PartialEq)]
pub(super) enum Header {
    /// `Content-Type` without a value: the format of the body is not told.
    NoContentFormat,
    /// This option.
    Option(OptionNumber, Vec<u8>),
}

/// Why a text is no header that CoAP can carry.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum HeaderError {
    /// It is what a flag is for.
    Flag(&'static str),
    /// This is no content format.
    Format,
    /// The value is as long as this, and the option may have from so many bytes to so many.
    Length(usize, u16, u16),
    /// There is neither a colon nor a semicolon in it.
    NoColon,
    /// No name of a file follows the `@`.
    NoFile,
    /// The value is a number, and this is none.
    Number,
    /// `If-None-Match` of something that is no entity tag.
    NotATag,
    /// A line of a file is no text.
    NotUtf8,
    /// `Authorization` of another scheme than `Bearer`.
    Scheme,
    /// No option is called so.
    Unknown,
}

/// The longest value that a message could carry at all.
const LONGEST: usize = 64 << 10;

/// Options that the endpoint adds, and what asks for them.
const FLAGS: [(OptionNumber, &str); 5] = [
    (OptionNumber::OBSERVE, "--observe"),
    (OptionNumber::BLOCK1, "--block-size"),
    (OptionNumber::BLOCK2, "--block-size"),
    (OptionNumber::SIZE1, "--block-size"),
    (OptionNumber::SIZE2, "--block-size"),
];

impl Header {
    /// Adds it to the options of a request.
    pub(super) fn push_to(&self, options: &mut OptionList) {
        if let Self::Option(number, value) = self {
            // It is not longer than options may be.
            let _ = options.push(*number, value);
        }
    }

    /// Whether it says in which format the body is, or that this is not told.
    pub(super) fn is_content_format(&self) -> bool {
        match self {
            Self::NoContentFormat => true,
            Self::Option(number, _) => *number == OptionNumber::CONTENT_FORMAT,
        }
    }
}

impl FromStr for Header {
    type Err = HeaderError;

    fn from_str(text: &str) -> Result<Self, HeaderError> {
        let (name, value) = match text.split_once(':') {
            Some((name, value)) => (name.trim(), value.trim()),
            // As curl has it, for a header without a value.
            None => (
                text.trim_end()
                    .strip_suffix(';')
                    .ok_or(HeaderError::NoColon)?
                    .trim(),
                "",
            ),
        };
        if let Ok(number) = name.parse() {
            return option(OptionNumber(number), value);
        }
        match &*name.to_ascii_lowercase() {
            "authorization" => limited(ACCESS_TOKEN, token(value)?.into(), 0, u16::MAX),
            "content-type" | "content-format" if value.is_empty() => Ok(Self::NoContentFormat),
            "content-type" | "content-format" => format(OptionNumber::CONTENT_FORMAT, value),
            "accept" => format(OptionNumber::ACCEPT, value),
            "host" => option(OptionNumber::URI_HOST, value),
            "if-match" if value == "*" => Ok(Self::Option(OptionNumber::IF_MATCH, Vec::new())),
            "if-none-match" if value.is_empty() || value == "*" => {
                Ok(Self::Option(OptionNumber::IF_NONE_MATCH, Vec::new()))
            }
            // HTTP asks with it whether what one has is still good, CoAP with ETag.
            "if-none-match" if value.starts_with(['"', '0']) => option(OptionNumber::ETAG, value),
            "if-none-match" => Err(HeaderError::NotATag),
            name => option(by_name(name).ok_or(HeaderError::Unknown)?, value),
        }
    }
}

/// The option of this name of the registry, in lower case.
fn by_name(name: &str) -> Option<OptionNumber> {
    (0..=u16::MAX).map(OptionNumber).find(|number| {
        let definition = number.definition();
        definition.is_some_and(|definition| definition.name.eq_ignore_ascii_case(name))
    })
}

/// An option whose value is written as its format asks for.
fn option(number: OptionNumber, value: &str) -> Result<Header, HeaderError> {
    if let Some((_, flag)) = FLAGS.iter().find(|(reserved, _)| *reserved == number) {
        return Err(HeaderError::Flag(flag));
    }
    if [OptionNumber::CONTENT_FORMAT, OptionNumber::ACCEPT].contains(&number) {
        return format(number, value);
    }
    let Some(definition) = number.definition() else {
        return limited(number, bytes(value), 0, u16::MAX);
    };
    let bytes = match definition.format {
        OptionFormat::Uint => uint(value.parse().map_err(|_| HeaderError::Number)?),
        OptionFormat::String => value.into(),
        OptionFormat::Empty | OptionFormat::Opaque => bytes(value),
    };
    limited(number, bytes, definition.min, definition.max)
}

fn limited(
    number: OptionNumber,
    value: Vec<u8>,
    min: u16,
    max: u16,
) -> Result<Header, HeaderError> {
    match value.len() {
        length if length > LONGEST || !(min.into()..=max.into()).contains(&length) => {
            Err(HeaderError::Length(length, min, max))
        }
        _ => Ok(Header::Option(number, value)),
    }
}

/// `Content-Format` or `Accept`; of several formats the first one counts.
fn format(number: OptionNumber, value: &str) -> Result<Header, HeaderError> {
    let first = value.split(',').next().unwrap_or_default();
    let ContentFormat(format) = format::by_name(first).ok_or(HeaderError::Format)?;
    Ok(Header::Option(number, uint(format.into())))
}

/// Bytes: hexadecimal digits after `0x`, text in quotes or without.
fn bytes(value: &str) -> Vec<u8> {
    let digits = value
        .strip_prefix("0x")
        .and_then(|digits| from_hex(digits.as_bytes()).ok());
    digits.unwrap_or_else(|| {
        let quoted = value
            .strip_prefix('"')
            .and_then(|rest| rest.strip_suffix('"'));
        quoted.unwrap_or(value).into()
    })
}

/// A number in as few bytes as it needs (RFC 7252 section 3.2).
fn uint(value: u64) -> Vec<u8> {
    let zeros = (value.leading_zeros() / 8) as usize;
    value.to_be_bytes()[zeros..].to_vec()
}

/// The token of `Authorization`, with `Bearer` before it or without.
fn token(value: &str) -> Result<&str, HeaderError> {
    match value.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Ok(token.trim()),
        Some(_) => Err(HeaderError::Scheme),
        // A variable of the shell was empty.
        None if value.eq_ignore_ascii_case("bearer") => Ok(""),
        None => Ok(value),
    }
}

/// Values may be secrets.
impl fmt::Debug for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoContentFormat => f.write_str("NoContentFormat"),
            Self::Option(number, value) => write!(f, "Option({number}, {} bytes)", value.len()),
        }
    }
}

impl fmt::Display for HeaderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => write!(f, "this option is set by {flag}"),
            Self::Format => write!(
                f,
                "CoAP has numbers for formats; known here are {}, and any number from 0 to 65535",
                format::names()
            ),
            Self::Length(length, min, max) if min == max => {
                write!(f, "the value has {length} bytes, and the option {max}")
            }
            Self::Length(length, min, max) => {
                write!(
                    f,
                    "the value has {length} bytes, and the option {min} to {max}"
                )
            }
            Self::NoColon => f.write_str("a header is NAME: VALUE, or NAME; without a value"),
            Self::NoFile => f.write_str("no name of a file follows the @"),
            Self::Number => f.write_str("the value of this option is a number"),
            Self::NotATag => f.write_str(
                "the value is * or an entity tag, in quotes or as 0x and hexadecimal digits",
            ),
            Self::Scheme => f.write_str(
                "CoAP carries a token, as in Authorization: Bearer TOKEN, and no other scheme",
            ),
            Self::NotUtf8 => f.write_str("this is no text in UTF-8"),
            Self::Unknown => f.write_str(
                "CoAP has no such header. It has Authorization, Content-Type, Accept, ETag, \
                 If-Match, If-None-Match, Host, the names of its options, and options by number \
                 (257: 0x01)",
            ),
        }
    }
}

impl std::error::Error for HeaderError {}
