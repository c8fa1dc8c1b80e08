//! Finding the ends of tags. Looks at each byte once, however the stream is cut into segments.

use memchr::{memchr, memchr2, memchr3};

use crate::Malformed;

/// Where in the stream the next byte stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Inside of a section of character data.
    Cdata,
    /// Between tags.
    Content,
    /// Inside of a quoted value; inside of a tag that ends an element or not.
    Quoted { quote: u8, kind: Kind },
    /// Inside of a tag.
    Tag { kind: Kind },
}

/// What kind of tag it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// `<?xml … ?>`.
    Declaration,
    /// `</name>`.
    End,
    /// `<name …>` or `<name …/>`.
    Start,
}

/// What the scanner has come to. It stands behind it then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// The XML declaration has ended.
    Declaration,
    /// The start tag of the stream has ended.
    Header,
    /// A stanza has ended.
    Stanza,
    /// The start tag of a stanza has ended, and the stanza goes on.
    StartTag,
    /// The stream has ended.
    StreamEnd,
}

/// Goes through a stream, by positions in a buffer of which the owner may throw away what was
/// scanned.
#[derive(Debug)]
pub(super) struct Scanner {
    /// The first byte that has not been looked at.
    at: usize,
    /// How many elements are open; the stream is the first.
    depth: u64,
    place: Place,
    /// Where what is unfinished begins: a stanza, the header.
    begin: usize,
    /// Nothing has come yet: the XML declaration is possible.
    is_fresh: bool,
}

impl Scanner {
    pub(super) fn new() -> Self {
        Self {
            at: 0,
            depth: 0,
            place: Place::Content,
            begin: 0,
            is_fresh: true,
        }
    }

    /// Where the scanner is. What is before it has been looked at.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// Where the stanza or header begins that is being scanned, or that was found just now.
    pub(super) fn begin(&self) -> usize {
        self.begin
    }

    /// Whether a stanza has begun and not ended.
    pub(super) fn is_in_stanza(&self) -> bool {
        // With depth 1, an end tag is that of the stream.
        let outside = [Place::Content, Place::Tag { kind: Kind::End }];
        self.depth > 1 || (self.depth == 1 && !outside.contains(&self.place))
    }

    /// The first `len` bytes of the buffer are gone. They were scanned.
    pub(super) fn forget(&mut self, len: usize) {
        self.at -= len;
        self.begin = self.begin.saturating_sub(len);
    }

    /// Goes on to the next thing of interest; `None` when it is not in `buffer` yet.
    pub(super) fn advance(&mut self, buffer: &[u8]) -> Result<Option<Found>, Malformed> {
        loop {
            let rest = &buffer[self.at..];
            let found = match self.place {
                Place::Content => self.content(rest)?,
                Place::Cdata => self.cdata(rest),
                Place::Tag { kind } => self.tag(buffer, kind)?,
                Place::Quoted { quote, kind } => self.quoted(rest, quote, kind)?,
            };
            match found {
                Step::Found(found) => return Ok(Some(found)),
                Step::Further => {}
                Step::NeedMore => return Ok(None),
            }
        }
    }

    /// Between tags.
    fn content(&mut self, rest: &[u8]) -> Result<Step, Malformed> {
        let text = memchr(b'<', rest).unwrap_or(rest.len());
        if self.depth < 2 {
            // White space keeps the connection alive (RFC 6120 section 4.6.1).
            if !rest[..text].iter().all(|byte| b" \t\r\n".contains(byte)) {
                return Err(Malformed::Text);
            }
            // Before the XML declaration there is nothing.
            self.is_fresh &= text == 0;
            self.begin = self.at + text;
        }
        self.at += text;
        let markup = &rest[text..];
        let (kind, len) = match markup {
            [] | [b'<'] => return Ok(Step::NeedMore),
            [b'<', b'/', ..] => (Kind::End, 2),
            [b'<', b'!', ..] => return self.declaration(markup),
            [b'<', b'?', ..] if !self.is_fresh => return Err(Malformed::ProcessingInstruction),
            [b'<', b'?', ..] => match (begins(markup, b"<?xml"), markup.get(5)) {
                (Begins::Yes, Some(b' ' | b'\t' | b'\r' | b'\n')) => (Kind::Declaration, 6),
                (Begins::Yes, None) | (Begins::Perhaps, _) => return Ok(Step::NeedMore),
                _ => return Err(Malformed::ProcessingInstruction),
            },
            [_, first, ..] if is_name_start(*first) => (Kind::Start, 2),
            _ => return Err(Malformed::Tag),
        };
        if kind == Kind::End && self.depth == 0 {
            return Err(Malformed::Tag);
        }
        self.is_fresh = false;
        self.at += len;
        self.place = Place::Tag { kind };
        Ok(Step::Further)
    }

    /// `<!` and what follows.
    fn declaration(&mut self, markup: &[u8]) -> Result<Step, Malformed> {
        if begins(markup, b"<!--") == Begins::Yes {
            return Err(Malformed::Comment);
        }
        match begins(markup, b"<![CDATA[") {
            Begins::Yes if self.depth < 2 => Err(Malformed::Text),
            Begins::Yes => {
                self.at += 9;
                self.place = Place::Cdata;
                Ok(Step::Further)
            }
            Begins::Perhaps => Ok(Step::NeedMore),
            Begins::No if begins(markup, b"<!--") == Begins::Perhaps => Ok(Step::NeedMore),
            Begins::No => Err(Malformed::Declaration),
        }
    }

    fn cdata(&mut self, rest: &[u8]) -> Step {
        let mut from = 0;
        while let Some(bracket) = memchr(b']', &rest[from..]) {
            let bracket = from + bracket;
            match begins(&rest[bracket..], b"]]>") {
                Begins::Yes => {
                    self.at += bracket + 3;
                    self.place = Place::Content;
                    return Step::Further;
                }
                Begins::Perhaps => {
                    self.at += bracket;
                    return Step::NeedMore;
                }
                Begins::No => from = bracket + 1,
            }
        }
        self.at += rest.len();
        Step::NeedMore
    }

    /// Inside of a tag. The byte before the scanner belongs to the tag as well.
    fn tag(&mut self, buffer: &[u8], kind: Kind) -> Result<Step, Malformed> {
        let rest = &buffer[self.at..];
        let Some(end) = memchr3(b'>', b'"', b'\'', rest) else {
            if memchr(b'<', rest).is_some() {
                return Err(Malformed::Tag);
            }
            // Whether `/` or `?` stands before `>` is looked up there.
            self.at += rest.len();
            return Ok(Step::NeedMore);
        };
        if memchr(b'<', &rest[..end]).is_some() {
            return Err(Malformed::Tag);
        }
        let before = buffer[self.at + end - 1];
        self.at += end + 1;
        if rest[end] != b'>' {
            if kind == Kind::End {
                return Err(Malformed::Attribute);
            }
            let quote = rest[end];
            self.place = Place::Quoted { quote, kind };
            return Ok(Step::Further);
        }
        self.place = Place::Content;
        match kind {
            Kind::Declaration if before == b'?' => Ok(Step::Found(Found::Declaration)),
            Kind::Declaration => Err(Malformed::ProcessingInstruction),
            Kind::End => {
                self.depth -= 1;
                Ok(match self.depth {
                    0 => Step::Found(Found::StreamEnd),
                    1 => Step::Found(Found::Stanza),
                    _ => Step::Further,
                })
            }
            Kind::Start if before == b'/' => match self.depth {
                // A stream without anything in it is none.
                0 => Err(Malformed::Tag),
                1 => Ok(Step::Found(Found::Stanza)),
                _ => Ok(Step::Further),
            },
            Kind::Start => {
                self.depth += 1;
                Ok(match self.depth {
                    1 => Step::Found(Found::Header),
                    2 => Step::Found(Found::StartTag),
                    _ => Step::Further,
                })
            }
        }
    }

    fn quoted(&mut self, rest: &[u8], quote: u8, kind: Kind) -> Result<Step, Malformed> {
        match memchr2(quote, b'<', rest) {
            Some(end) if rest[end] == quote => {
                self.at += end + 1;
                self.place = Place::Tag { kind };
                Ok(Step::Further)
            }
            Some(_) => Err(Malformed::Attribute),
            None => {
                self.at += rest.len();
                Ok(Step::NeedMore)
            }
        }
    }
}

/// One step of the scanner.
enum Step {
    Found(Found),
    /// The place is another one now.
    Further,
    NeedMore,
}

#[derive(PartialEq, Eq)]
enum Begins {
    No,
    /// As far as it goes.
    Perhaps,
    Yes,
}

fn begins(text: &[u8], with: &[u8]) -> Begins {
    let len = text.len().min(with.len());
    match (text[..len] == with[..len], len == with.len()) {
        (false, _) => Begins::No,
        (true, false) => Begins::Perhaps,
        (true, true) => Begins::Yes,
    }
}

/// Whether a name can begin so; which characters beyond ASCII are letters is not looked at.
fn is_name_start(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || !byte.is_ascii()
}
