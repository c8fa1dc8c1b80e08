//! A stream of bytes, cut into stanzas.

mod scanner;

use self::scanner::{Found, Scanner};
use crate::Malformed;

/// What comes in a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame<'a> {
    /// The stream begins: its start tag.
    Header(&'a str),
    /// A stanza or any other element of the stream, whole.
    Stanza(&'a str),
    /// The stream ends: its end tag has come. Nothing may follow.
    StreamEnd,
    /// A stanza that was too large. It is gone, but for its start tag, unless that alone was too
    /// large.
    TooLarge(Option<&'a str>),
}

/// Cuts a stream into frames.
///
/// Tags are found by their ends, with regard to quotes and character data. Refused are comments,
/// processing instructions and declarations (RFC 6120 section 11.1), text between stanzas, bytes
/// that are no UTF-8 and characters that XML does not have; the last two are not looked for in a
/// stanza that is too large. Whether the names of start tags and end
/// tags are the same, and whether prefixes are declared, is not looked at: who sends us a stream
/// has parsed it.
///
/// No more is held than what is unfinished, and never more than the limit and what was
/// [received](Self::receive) last.
#[derive(Debug)]
pub struct Framer {
    buffer: Vec<u8>,
    /// Bytes of the buffer that were given out.
    used: usize,
    scanner: Scanner,
    limit: usize,
    excess: Option<Excess>,
    failed: Option<Malformed>,
    ended: bool,
}

/// A stanza of which not all is kept.
#[derive(Debug, Default)]
struct Excess {
    start_tag: Option<String>,
    /// The stanza has ended, and was told of.
    done: bool,
}

/// What was found, as positions.
enum Cut {
    Header(usize, usize),
    Stanza(usize, usize),
    StreamEnd,
    TooLarge,
}

impl Framer {
    /// A framer for a new stream, in which a stanza has at most `limit` bytes. Longer ones are
    /// skipped and told of.
    pub fn new(limit: usize) -> Self {
        Self {
            buffer: Vec::new(),
            used: 0,
            scanner: Scanner::new(),
            limit,
            excess: None,
            failed: None,
            ended: false,
        }
    }

    /// Takes bytes that have come. [`next_frame`](Self::next_frame) should be asked until it has no
    /// more before the next ones are taken.
    pub fn receive(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next frame; `None` when it has not come yet.
    ///
    /// # Errors
    ///
    /// The rule that the stream breaks. It stays the same from then on.
    pub fn next_frame(&mut self) -> Result<Option<Frame<'_>>, Malformed> {
        if let Some(malformed) = self.failed {
            return Err(malformed);
        }
        let cut = self.cut().inspect_err(|malformed| {
            self.failed = Some(*malformed);
        })?;
        Ok(cut.map(|cut| match cut {
            Cut::Header(from, to) => Frame::Header(self.text(from, to)),
            Cut::Stanza(from, to) => Frame::Stanza(self.text(from, to)),
            Cut::StreamEnd => Frame::StreamEnd,
            Cut::TooLarge => {
                let excess = self.excess.as_ref();
                Frame::TooLarge(excess.and_then(|excess| excess.start_tag.as_deref()))
            }
        }))
    }

    fn cut(&mut self) -> Result<Option<Cut>, Malformed> {
        self.throw_away();
        loop {
            if self.ended {
                let rest = &self.buffer[self.scanner.at()..];
                let blank = rest.iter().all(|byte| b" \t\r\n".contains(byte));
                return if blank {
                    Ok(None)
                } else {
                    Err(Malformed::Text)
                };
            }
            let found = self.scanner.advance(&self.buffer)?;
            let (from, to) = (self.scanner.begin(), self.scanner.at());
            match found {
                None => {
                    // White space that keeps the connection alive.
                    self.used = self.used.max(from);
                    self.keep_within_limit()?;
                    return Ok(None);
                }
                Some(Found::Declaration) => check(&self.buffer[from..to])?,
                Some(Found::Header) => {
                    self.used = to;
                    if to - from > LONGEST_HEADER {
                        return Err(Malformed::Tag);
                    }
                    check(&self.buffer[from..to])?;
                    return Ok(Some(Cut::Header(from, to)));
                }
                Some(Found::StartTag) => {
                    if to - from > self.limit {
                        self.excess.get_or_insert_default();
                    }
                }
                Some(Found::Stanza) => {
                    self.used = to;
                    if let Some(excess) = &mut self.excess {
                        excess.done = true;
                        return Ok(Some(Cut::TooLarge));
                    }
                    if to - from > self.limit {
                        self.excess = Some(Excess {
                            start_tag: start_tag(&self.buffer[from..to], self.limit),
                            done: true,
                        });
                        return Ok(Some(Cut::TooLarge));
                    }
                    check(&self.buffer[from..to])?;
                    return Ok(Some(Cut::Stanza(from, to)));
                }
                Some(Found::StreamEnd) => {
                    self.used = to;
                    if to - from > LONGEST_HEADER {
                        return Err(Malformed::Tag);
                    }
                    check(&self.buffer[from..to])?;
                    self.ended = true;
                    return Ok(Some(Cut::StreamEnd));
                }
            }
        }
    }

    /// What was given out is not needed any more.
    fn throw_away(&mut self) {
        if self.excess.as_ref().is_some_and(|excess| excess.done) {
            self.excess = None;
        }
        // Not for each stanza, since the rest has to be moved.
        let is_half = self.used > self.buffer.len() / 2 && self.scanner.at() >= self.used;
        if self.used == self.buffer.len() || is_half {
            self.drop_scanned(self.used);
        }
    }

    fn drop_scanned(&mut self, len: usize) {
        self.buffer.drain(..len);
        self.scanner.forget(len);
        self.used = self.used.saturating_sub(len);
        if self.buffer.is_empty() && self.buffer.capacity() > KEPT_CAPACITY {
            self.buffer = Vec::new();
        }
    }

    /// Lets go of what was scanned of a stanza that has become too large.
    fn keep_within_limit(&mut self) -> Result<(), Malformed> {
        let (from, at) = (self.scanner.begin(), self.scanner.at());
        if self.excess.is_none() {
            if !self.scanner.is_in_stanza() {
                return match at - from > LONGEST_HEADER {
                    true => Err(Malformed::Tag),
                    false => Ok(()),
                };
            }
            if at - from <= self.limit {
                return Ok(());
            }
            let start_tag = start_tag(&self.buffer[from..at], self.limit);
            self.excess = Some(Excess {
                start_tag,
                done: false,
            });
        }
        // A character may be cut here; of what is thrown away nobody reads anything.
        self.drop_scanned(at.saturating_sub(1));
        Ok(())
    }

    fn text(&self, from: usize, to: usize) -> &str {
        // It was checked, so that nothing is lost.
        str::from_utf8(&self.buffer[from..to]).unwrap_or_default()
    }
}

/// The longest start tag of a stream in bytes, and its longest end tag.
const LONGEST_HEADER: usize = 16_384;

/// More than this is given back when nothing is held.
const KEPT_CAPACITY: usize = 65_536;

/// The start tag at the beginning of `stanza`, if it is complete, good and within `limit`.
fn start_tag(stanza: &[u8], limit: usize) -> Option<String> {
    let mut quote = None;
    let end = stanza.iter().position(|&byte| {
        match quote {
            None if byte == b'"' || byte == b'\'' => quote = Some(byte),
            Some(open) if open == byte => quote = None,
            _ => {}
        }
        quote.is_none() && byte == b'>'
    })?;
    let tag = &stanza[..=end];
    check(tag).ok().filter(|()| tag.len() <= limit)?;
    String::from_utf8(tag.to_vec()).ok()
}

/// Whether these are characters of XML (XML 1.0 section 2.2).
fn check(bytes: &[u8]) -> Result<(), Malformed> {
    let text = str::from_utf8(bytes).map_err(|_| Malformed::Utf8)?;
    // All at once, which is faster than one by one.
    let is_control = |byte: u8| (byte < 0x20) & (byte != b'\t') & (byte != b'\n') & (byte != b'\r');
    if bytes
        .iter()
        .fold(false, |any, byte| any | is_control(*byte))
    {
        return Err(Malformed::Character);
    }
    if !text.is_ascii() && text.contains(['\u{fffe}', '\u{ffff}']) {
        return Err(Malformed::Character);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
