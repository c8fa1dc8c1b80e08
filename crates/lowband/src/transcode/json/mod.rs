//! JSON → CBOR.

mod number;
mod text;

use super::{
    error::Reason,
    limits::Limits,
    members::{Members, Names, Order},
    output::Output,
};
use crate::keys::Keys;

/// The first three bits of a data item (RFC 8949 section 3.1).
const UNSIGNED: u8 = 0x00;
const NEGATIVE: u8 = 0x20;
const TEXT: u8 = 0x60;
const ARRAY: u8 = 0x80;
const MAP: u8 = 0xa0;

const FALSE: u8 = 0xf4;
const TRUE: u8 = 0xf5;
const NULL: u8 = 0xf6;

/// Reads a JSON text and writes CBOR.
///
/// Where a method fails, the position is that of what is wrong.
pub(super) struct Encoder<'j, 'o, 'b> {
    json: &'j str,
    position: usize,
    keys: Keys,
    limits: &'j Limits,
    /// Whether floats are as short as they can be, whatever they look like in JSON.
    canonical: bool,
    surrogates: Surrogates,
    out: &'o mut Output<'b>,
    open: Vec<Container>,
    /// Elements and members of all containers that are open.
    items: usize,
    members: Members,
}

/// What becomes of half of a surrogate pair (RFC 8259 section 8.2).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Surrogates {
    /// It is an error.
    Refuse,
    /// It becomes U+FFFD.
    Replace,
}

/// An array or an object whose end has not been read.
struct Container {
    /// Where its first byte is in the output; the others follow when the length is known.
    head: usize,
    items: usize,
    /// Of an object.
    names: Option<Names>,
}

/// What comes next in the JSON text.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    /// A value, at the position.
    Value,
    /// What comes after a value.
    AfterValue,
}

impl<'j, 'o, 'b> Encoder<'j, 'o, 'b> {
    pub(super) fn new(
        json: &'j str,
        keys: Keys,
        limits: &'j Limits,
        order: Order,
        surrogates: Surrogates,
        out: &'o mut Output<'b>,
    ) -> Self {
        Self {
            json,
            position: 0,
            keys,
            limits,
            canonical: matches!(order, Order::Canonical(_)),
            surrogates,
            out,
            open: Vec::new(),
            items: 0,
            members: Members::new(order),
        }
    }

    /// How far the text was read, or what is wrong.
    pub(super) fn position(&self) -> usize {
        self.position
    }

    /// Converts the whole text.
    pub(super) fn document(&mut self) -> Result<(), Reason> {
        self.skip_space();
        let mut next = Next::Value;
        loop {
            next = match next {
                Next::Value => self.value()?,
                Next::AfterValue if !self.open.is_empty() => self.after_value()?,
                Next::AfterValue => break,
            };
        }
        self.skip_space();
        match self.peek() {
            Some(_) => Err(Reason::TrailingBytes),
            None => Ok(()),
        }
    }

    #[inline]
    fn value(&mut self) -> Result<Next, Reason> {
        match self.peek() {
            Some(b'"') => self.string()?,
            Some(b'{') => return self.object(),
            Some(b'[') => return self.array(),
            Some(b'-' | b'0'..=b'9') => self.number()?,
            Some(b't') => self.literal("true", TRUE)?,
            Some(b'f') => self.literal("false", FALSE)?,
            Some(b'n') => self.literal("null", NULL)?,
            Some(_) => return Err(Reason::Syntax),
            None => return Err(Reason::UnexpectedEnd),
        }
        Ok(Next::AfterValue)
    }

    /// After a value in a container: another one, or the end of the container.
    #[inline]
    fn after_value(&mut self) -> Result<Next, Reason> {
        self.skip_space();
        let is_object = (self.open.last()).is_some_and(|container| container.names.is_some());
        match (self.peek(), is_object) {
            (Some(b','), true) => {
                self.position += 1;
                self.skip_space();
                self.member()
            }
            (Some(b','), false) => {
                self.position += 1;
                self.skip_space();
                self.element()
            }
            (Some(b'}'), true) | (Some(b']'), false) => self.close(),
            (Some(_), _) => Err(Reason::Syntax),
            (None, _) => Err(Reason::UnexpectedEnd),
        }
    }

    fn object(&mut self) -> Result<Next, Reason> {
        let names = self.members.open();
        self.open(MAP, Some(names))?;
        match self.peek() {
            Some(b'}') => self.close(),
            _ => self.member(),
        }
    }

    fn array(&mut self) -> Result<Next, Reason> {
        self.open(ARRAY, None)?;
        match self.peek() {
            Some(b']') => self.close(),
            _ => self.element(),
        }
    }

    /// A name and its colon.
    #[inline]
    fn member(&mut self) -> Result<Next, Reason> {
        self.expect(b'"')?;
        self.count()?;
        let start = self.out.len();
        let (name, form) = self.name()?;
        if let Some(names) = (self.open.last_mut()).and_then(|object| object.names.as_mut()) {
            self.members.add(names, name, form, start, self.out);
        }
        self.skip_space();
        self.expect(b':')?;
        self.position += 1;
        self.skip_space();
        Ok(Next::Value)
    }

    #[inline]
    fn element(&mut self) -> Result<Next, Reason> {
        self.count()?;
        Ok(Next::Value)
    }

    /// One more in the innermost container.
    #[inline]
    fn count(&mut self) -> Result<(), Reason> {
        if self.items == self.limits.items {
            return Err(Reason::Items);
        }
        self.items += 1;
        if let Some(container) = self.open.last_mut() {
            container.items += 1;
        }
        Ok(())
    }

    fn open(&mut self, kind: u8, names: Option<Names>) -> Result<(), Reason> {
        if self.open.len() >= self.limits.depth {
            return Err(Reason::Depth);
        }
        self.open.push(Container {
            head: self.out.len(),
            items: 0,
            names,
        });
        self.out.push(kind)?;
        self.position += 1;
        self.skip_space();
        Ok(())
    }

    /// The innermost container is complete: its length becomes known.
    fn close(&mut self) -> Result<Next, Reason> {
        if let Some(container) = self.open.pop() {
            self.items -= container.items;
            let items = match &container.names {
                Some(names) => self.members.close(names, self.out),
                None => container.items,
            };
            let kind = self.out.bytes()[container.head];
            let (head, len) = head(kind, items as u64);
            self.out.bytes_mut()[container.head] = head[0];
            if len > 1 {
                self.out.insert(container.head + 1, &head[1..len])?;
            }
        }
        self.position += 1;
        Ok(Next::AfterValue)
    }

    fn literal(&mut self, word: &str, item: u8) -> Result<(), Reason> {
        for byte in word.bytes() {
            self.expect(byte)?;
            self.position += 1;
        }
        self.out.push(item)
    }

    /// The next byte, which must be this one, stays the next.
    #[inline]
    fn expect(&self, byte: u8) -> Result<(), Reason> {
        match self.peek() {
            Some(next) if next == byte => Ok(()),
            Some(_) => Err(Reason::Syntax),
            None => Err(Reason::UnexpectedEnd),
        }
    }

    #[inline]
    fn peek(&self) -> Option<u8> {
        self.rest().first().copied()
    }

    #[inline]
    fn rest(&self) -> &'j [u8] {
        // The position is never beyond the end.
        self.json
            .as_bytes()
            .get(self.position..)
            .unwrap_or_default()
    }

    #[inline]
    fn skip_space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.position += 1;
        }
    }

    #[inline]
    fn head(&mut self, kind: u8, argument: u64) -> Result<(), Reason> {
        match argument {
            0..24 => self.out.push(kind | argument as u8),
            24..0x100 => self.out.extend(&[kind | 24, argument as u8]),
            _ => {
                let (head, len) = head(kind, argument);
                self.out.extend(&head[..len])
            }
        }
    }
}

/// The first bytes of a data item, in the shortest form, and how many they are (RFC 8949 section 3).
#[inline]
fn head(kind: u8, argument: u64) -> ([u8; 9], usize) {
    let mut head = [0; 9];
    let len: usize = match argument {
        0..24 => {
            head[0] = kind | argument as u8;
            return (head, 1);
        }
        24..0x100 => 1,
        0x100..0x1_0000 => 2,
        0x1_0000..0x1_0000_0000 => 4,
        _ => 8,
    };
    head[0] = kind | (24 + len.ilog2() as u8);
    head[1..=len].copy_from_slice(&argument.to_be_bytes()[8 - len..]);
    (head, 1 + len)
}
