//! Strings and names.

use super::{Encoder, Surrogates, TEXT, UNSIGNED, head};
use crate::keys::Digest;
use crate::transcode::{
    error::Reason,
    members::{Form, Name},
    scan,
};

impl<'j> Encoder<'j, '_, '_> {
    /// A string as a value; the position is at its first quotation mark.
    #[inline]
    pub(super) fn string(&mut self) -> Result<(), Reason> {
        match self.plain_string()? {
            Some(text) => self.text(text),
            None => self.escaped_string(),
        }
    }

    /// A string as the name of a member; the position is at its first quotation mark.
    #[inline]
    pub(super) fn name(&mut self) -> Result<(Name, Form), Reason> {
        if let Some(text) = self.plain_string()? {
            let digest = Digest::of(text);
            return match self.keys.number_of(text, &digest) {
                Some(number) => self.listed(number),
                None => {
                    self.text(text)?;
                    Ok((Name::Other(digest.hash()), Form::Text))
                }
            };
        }
        let start = self.out.len();
        let text = self.unescape()?;
        let name = &self.out.bytes()[start..];
        let digest = Digest::of(name);
        match self.keys.number_of(name, &digest) {
            Some(number) => {
                self.out.truncate(start);
                self.listed(number)
            }
            None => {
                self.insert_head(start, text)?;
                Ok((Name::Other(digest.hash()), Form::Text))
            }
        }
    }

    fn listed(&mut self, number: u8) -> Result<(Name, Form), Reason> {
        self.head(UNSIGNED, u64::from(number))?;
        Ok((Name::Listed(number), Form::Text))
    }

    #[inline]
    fn text(&mut self, text: &[u8]) -> Result<(), Reason> {
        self.head(TEXT, text.len() as u64)?;
        self.out.extend(text)
    }

    /// A string without escapes, and the position behind it; or nothing, and the position as it was.
    #[inline]
    fn plain_string(&mut self) -> Result<Option<&'j [u8]>, Reason> {
        let rest = self.rest().get(1..).unwrap_or_default();
        let len = scan::plain(rest);
        if rest.get(len) != Some(&b'"') {
            return Ok(None);
        }
        if len > self.limits.string {
            return Err(Reason::String);
        }
        self.position += len + 2;
        Ok(Some(&rest[..len]))
    }

    #[cold]
    fn escaped_string(&mut self) -> Result<(), Reason> {
        let start = self.out.len();
        let len = self.unescape()?;
        self.insert_head(start, len)
    }

    fn insert_head(&mut self, start: usize, len: usize) -> Result<(), Reason> {
        let (head, head_len) = head(TEXT, len as u64);
        self.out.insert(start, &head[..head_len])
    }

    /// Writes the characters of a string, and returns how many bytes they are.
    fn unescape(&mut self) -> Result<usize, Reason> {
        let (start, string) = (self.out.len(), self.position);
        self.position += 1;
        loop {
            let rest = self.rest();
            let run = scan::plain(rest);
            if self.out.len() - start + run > self.limits.string {
                self.position = string;
                return Err(Reason::String);
            }
            self.out.extend(&rest[..run])?;
            self.position += run;
            match rest.get(run) {
                None => return Err(Reason::UnexpectedEnd),
                Some(b'"') => break,
                Some(b'\\') => self.escape()?,
                Some(_) => return Err(Reason::ControlCharacter),
            }
        }
        self.position += 1;
        let len = self.out.len() - start;
        if len > self.limits.string {
            self.position = string;
            return Err(Reason::String);
        }
        Ok(len)
    }

    /// One escape, or two that are a surrogate pair (RFC 8259 section 7).
    fn escape(&mut self) -> Result<(), Reason> {
        let rest = self.rest();
        let byte = match rest.get(1) {
            Some(byte @ (b'"' | b'\\' | b'/')) => *byte,
            Some(b'b') => 0x08,
            Some(b'f') => 0x0c,
            Some(b'n') => b'\n',
            Some(b'r') => b'\r',
            Some(b't') => b'\t',
            Some(b'u') => return self.code_point(),
            Some(_) => return Err(Reason::Escape),
            None => return self.missing(),
        };
        self.position += 2;
        self.out.push(byte)
    }

    fn code_point(&mut self) -> Result<(), Reason> {
        let rest = self.rest();
        let Some(first) = code_unit(rest) else {
            return match rest.len() {
                ..6 => self.missing(),
                _ => Err(Reason::Escape),
            };
        };
        let (code_point, len) = match first {
            0xd800..0xdc00 => match code_unit(&rest[6..]) {
                Some(second @ 0xdc00..0xe000) => {
                    (0x1_0000 + ((first - 0xd800) << 10 | (second - 0xdc00)), 12)
                }
                _ => (first, 6),
            },
            _ => (first, 6),
        };
        // What is no character is half of a pair.
        let character = match char::from_u32(code_point) {
            Some(character) => character,
            None if self.surrogates == Surrogates::Replace => char::REPLACEMENT_CHARACTER,
            None => return Err(Reason::Surrogate),
        };
        self.position += len;
        self.out
            .extend(character.encode_utf8(&mut [0; 4]).as_bytes())
    }

    /// The text ends inside of an escape.
    fn missing(&mut self) -> Result<(), Reason> {
        self.position = self.json.len();
        Err(Reason::UnexpectedEnd)
    }
}

/// The value of `\uXXXX` at the beginning of `escape`.
fn code_unit(escape: &[u8]) -> Option<u32> {
    let [b'\\', b'u', digits @ ..] = escape.first_chunk::<6>()? else {
        return None;
    };
    digits.iter().try_fold(0, |value, digit| {
        Some(value << 4 | char::from(*digit).to_digit(16)?)
    })
}
