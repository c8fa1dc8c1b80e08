use std::fmt;

/// Why a document was not converted, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Error {
    /// The rule that it breaks.
    pub reason: Reason,
    /// The byte of the input, from 0 on, where that was seen. It is the first byte of what is wrong,
    /// or the length of the input when that ends too early.
    pub offset: usize,
}

/// The rule that a document breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// CBOR: a bignum of more than 128 bits (RFC 8949 section 3.4.3).
    Bignum,
    /// CBOR: a "break" outside of an indefinite length, or between a key and its value.
    Break,
    /// CBOR: a byte string that no tag says how to write, which JSON does not have.
    ByteString,
    /// CBOR: a part of a string of indefinite length that is no string of its kind.
    Chunk,
    /// JSON: a character below U+0020 in a string (RFC 8259 section 7).
    ControlCharacter,
    /// More arrays and objects inside of each other than [`Limits::depth`](super::Limits::depth).
    Depth,
    /// JSON: a backslash that begins no escape.
    Escape,
    /// CBOR: a first byte, or a simple value in two bytes, that is not well-formed (RFC 8949
    /// section 3).
    Head,
    /// More elements and members than [`Limits::items`](super::Limits::items).
    Items,
    /// CBOR: a key that is neither text nor an integer.
    Key,
    /// CBOR: a number that is NaN or infinite, which JSON does not have.
    NotFinite,
    /// JSON: a number that is too large for a float of 64 bits.
    NumberRange,
    /// A result of more bytes than [`Limits::output`](super::Limits::output).
    Output,
    /// CBOR: a simple value that JSON does not have.
    Simple,
    /// A string of more bytes than [`Limits::string`](super::Limits::string).
    String,
    /// JSON: half of a surrogate pair (RFC 8259 section 8.2).
    Surrogate,
    /// JSON: a byte that cannot stand where it does.
    Syntax,
    /// CBOR: a tag that means something that JSON does not have.
    Tag,
    /// Bytes after the end of the document.
    TrailingBytes,
    /// The input ends inside of the document.
    UnexpectedEnd,
    /// Bytes that are not UTF-8.
    Utf8,
}

impl Reason {
    /// Whether the document may be right, and is only too large: one of [`Limits`](super::Limits).
    pub fn is_limit(self) -> bool {
        matches!(
            self,
            Self::Depth | Self::Items | Self::Output | Self::String
        )
    }

    /// Name for metrics and logs, in snake case; it never changes.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bignum => "bignum",
            Self::Break => "break",
            Self::ByteString => "byte_string",
            Self::Chunk => "chunk",
            Self::ControlCharacter => "control_character",
            Self::Depth => "depth",
            Self::Escape => "escape",
            Self::Head => "head",
            Self::Items => "items",
            Self::Key => "key",
            Self::NotFinite => "not_finite",
            Self::NumberRange => "number_range",
            Self::Output => "output",
            Self::Simple => "simple",
            Self::String => "string",
            Self::Surrogate => "surrogate",
            Self::Syntax => "syntax",
            Self::Tag => "tag",
            Self::TrailingBytes => "trailing_bytes",
            Self::UnexpectedEnd => "unexpected_end",
            Self::Utf8 => "utf8",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bignum => "a bignum has more than 128 bits",
            Self::Break => "a break ends nothing here",
            Self::ByteString => "there is a byte string, which JSON does not have",
            Self::Chunk => "a part of a string is no string of the same kind",
            Self::ControlCharacter => "there is a control character in a string",
            Self::Depth => "arrays and objects are nested too deeply",
            Self::Escape => "a backslash begins no escape",
            Self::Head => "no data item begins like this",
            Self::Items => "there are too many elements and members",
            Self::Key => "a key is neither text nor an integer",
            Self::NotFinite => "a number is NaN or infinite, which JSON does not have",
            Self::NumberRange => "a number is too large",
            Self::Output => "the result is too long",
            Self::Simple => "there is a simple value that JSON does not have",
            Self::String => "a string is too long",
            Self::Surrogate => "there is half of a surrogate pair",
            Self::Syntax => "this cannot stand here",
            Self::Tag => "a tag means something that JSON does not have",
            Self::TrailingBytes => "something follows the document",
            Self::UnexpectedEnd => "the input ends too early",
            Self::Utf8 => "there are bytes that are not UTF-8",
        })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, at byte {}", self.reason, self.offset)
    }
}

impl std::error::Error for Error {}
