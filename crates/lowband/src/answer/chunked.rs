//! The chunked transfer coding (RFC 9112 section 7.1).

use super::Malformed;

/// Most bytes of all extensions and trailer fields, which nobody looks at.
const MAX_ASIDE_LEN: u16 = 16 * 1024;

/// Most digits of the size of a chunk.
const MAX_DIGITS: u8 = 15;

/// Where in the coding we are. Nothing is kept of what has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Chunked {
    at: At,
    /// How much more of extensions and trailer fields may come.
    aside: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    /// In the size of a chunk.
    Size { size: u64, digits: u8 },
    /// In white space behind the size.
    Space { size: u64 },
    /// In extensions, up to the end of the line.
    Extension { size: u64 },
    /// CR has come, and LF ends the line of the size.
    SizeLf { size: u64 },
    /// In the data of a chunk, of which so much is still to come.
    Data { left: u64 },
    /// CR ends the data.
    DataCr,
    /// LF ends the data.
    DataLf,
    /// In the trailer, `is_empty` when nothing of a line has come yet.
    Trailer { is_empty: bool },
    /// CR has come in the trailer.
    TrailerLf { is_empty: bool },
    /// All has come.
    Complete,
}

impl Chunked {
    /// Before the first chunk.
    pub(super) const START: Self = Self {
        at: At::START,
        aside: MAX_ASIDE_LEN,
    };

    /// Whether all has come.
    pub(super) fn is_complete(&self) -> bool {
        self.at == At::Complete
    }

    /// Takes from the front of `bytes`: data, which is returned, or a piece of what stands around it,
    /// when what is returned is empty. Takes something when there is something and it is not
    /// [complete](Self::is_complete).
    ///
    /// # Errors
    ///
    /// The rule that is broken.
    pub(super) fn take<'a>(&mut self, bytes: &mut &'a [u8]) -> Result<&'a [u8], Malformed> {
        if let At::Data { left } = self.at {
            let n = bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            let (data, rest) = bytes.split_at(n);
            *bytes = rest;
            self.at = match left - n as u64 {
                0 => At::DataCr,
                left => At::Data { left },
            };
            return Ok(data);
        }
        while let Some((&byte, rest)) = bytes.split_first() {
            if matches!(self.at, At::Complete | At::Data { .. }) {
                break;
            }
            let next = self.at.next(byte).ok_or(Malformed::Chunk)?;
            if next.is_aside() {
                self.aside = self.aside.checked_sub(1).ok_or(Malformed::Chunk)?;
            }
            self.at = next;
            *bytes = rest;
        }
        Ok(&[])
    }
}

impl At {
    const START: Self = Self::Size { size: 0, digits: 0 };

    /// What comes after `byte`; `None`: it must not stand there.
    fn next(self, byte: u8) -> Option<Self> {
        Some(match (self, byte) {
            (Self::Size { size, digits }, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => {
                if digits == MAX_DIGITS {
                    return None;
                }
                let digit = char::from(byte).to_digit(16)?;
                Self::Size {
                    size: size << 4 | u64::from(digit),
                    digits: digits + 1,
                }
            }
            (Self::Size { digits: 0, .. }, _) => return None,
            (Self::Size { size, .. } | Self::Space { size } | Self::Extension { size }, b'\r') => {
                Self::SizeLf { size }
            }
            (Self::Size { size, .. } | Self::Space { size }, b';') => Self::Extension { size },
            (Self::Size { size, .. } | Self::Space { size }, b' ' | b'\t') => Self::Space { size },
            (Self::Extension { .. }, byte) if is_text(byte) => self,
            (Self::SizeLf { size: 0 }, b'\n') => Self::Trailer { is_empty: true },
            (Self::SizeLf { size: left }, b'\n') => Self::Data { left },
            (Self::DataCr, b'\r') => Self::DataLf,
            (Self::DataLf, b'\n') => Self::START,
            (Self::Trailer { is_empty }, b'\r') => Self::TrailerLf { is_empty },
            (Self::Trailer { .. }, byte) if is_text(byte) => Self::Trailer { is_empty: false },
            (Self::TrailerLf { is_empty: true }, b'\n') => Self::Complete,
            (Self::TrailerLf { is_empty: false }, b'\n') => Self::Trailer { is_empty: true },
            _ => return None,
        })
    }

    /// Whether a byte that leads here is of what nobody looks at.
    fn is_aside(self) -> bool {
        matches!(
            self,
            Self::Space { .. } | Self::Extension { .. } | Self::Trailer { .. }
        )
    }
}

/// Whether `byte` may stand in a line: no control character but HTAB.
fn is_text(byte: u8) -> bool {
    byte == b'\t' || !byte.is_ascii_control()
}
