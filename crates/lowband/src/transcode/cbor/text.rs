//! Text strings, and what they have in common with byte strings.

use super::{
    Decoder,
    head::{BREAK, Head, Length},
};
use crate::transcode::{error::Reason, scan};

impl<'c> Decoder<'c, '_, '_> {
    /// Writes a text string that begins at `start`; the position is behind its head.
    #[inline]
    pub(super) fn text(&mut self, start: usize, length: Length) -> Result<(), Reason> {
        self.out.push(b'"')?;
        match length {
            Some(length) => {
                let text = self.content(start, length, 0)?;
                self.characters(text)?;
            }
            None => self.text_chunks(start)?,
        }
        self.out.push(b'"')
    }

    /// The bytes of a string that begins at `start`, of which `before` were read before.
    #[inline]
    pub(super) fn content(
        &mut self,
        start: usize,
        length: u64,
        before: usize,
    ) -> Result<&'c [u8], Reason> {
        if length > (self.limits.string - before) as u64 {
            return self.fail(start, Reason::String);
        }
        // It was compared with a number of this type.
        match self.cbor[self.position..].split_at_checked(length as usize) {
            Some((content, _)) => {
                self.position += content.len();
                Ok(content)
            }
            None => self.fail(self.cbor.len(), Reason::UnexpectedEnd),
        }
    }

    /// Whether the position is at the end of a string of indefinite length, and then behind it.
    pub(super) fn ends_chunks(&mut self) -> bool {
        let ends = self.cbor.get(self.position) == Some(&BREAK);
        self.position += usize::from(ends);
        ends
    }

    #[cold]
    fn text_chunks(&mut self, start: usize) -> Result<(), Reason> {
        let mut len = 0;
        while !self.ends_chunks() {
            let chunk = self.position;
            let Head::Text(Some(length)) = self.head()? else {
                return self.fail(chunk, Reason::Chunk);
            };
            let text = self.content(start, length, len)?;
            self.characters(text)?;
            len += text.len();
        }
        Ok(())
    }

    /// Writes the inside of a string in JSON; the position is behind it.
    #[inline]
    fn characters(&mut self, text: &[u8]) -> Result<(), Reason> {
        if scan::plain_ascii(text) == text.len() {
            return self.out.extend(text);
        }
        self.any_characters(text)
    }

    fn any_characters(&mut self, text: &[u8]) -> Result<(), Reason> {
        if let Err(error) = str::from_utf8(text) {
            let start = self.position - text.len();
            return self.fail(start + error.valid_up_to(), Reason::Utf8);
        }
        let mut rest = text;
        loop {
            let (run, special) = rest.split_at(scan::plain(rest));
            self.out.extend(run)?;
            let Some((byte, after)) = special.split_first() else {
                return Ok(());
            };
            self.escape(*byte)?;
            rest = after;
        }
    }

    /// Writes a byte that JSON has to escape (RFC 8259 section 7).
    fn escape(&mut self, byte: u8) -> Result<(), Reason> {
        let letter = match byte {
            b'"' | b'\\' => byte,
            0x08 => b'b',
            0x0c => b'f',
            b'\n' => b'n',
            b'\r' => b'r',
            b'\t' => b't',
            _ => {
                let digit = |value| b"0123456789abcdef"[usize::from(value & 0xf)];
                return (self.out).extend(&[
                    b'\\',
                    b'u',
                    b'0',
                    b'0',
                    digit(byte >> 4),
                    digit(byte),
                ]);
            }
        };
        self.out.extend(&[b'\\', letter])
    }
}
