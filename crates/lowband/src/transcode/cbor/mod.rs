//! CBOR → JSON.

mod bytes;
mod head;
mod number;
mod text;

use self::{
    bytes::Base,
    head::{Head, Length},
};
use super::{
    error::Reason,
    limits::Limits,
    members::{Form, Members, Name, Names, Order},
    output::Output,
};
use crate::keys::{Digest, Keys};

/// Reads a CBOR data item and writes JSON.
///
/// Each value is written with a comma after it, which the end of a container takes the place of.
/// Where a method fails, the position is that of what is wrong.
pub(super) struct Decoder<'c, 'o, 'b> {
    cbor: &'c [u8],
    position: usize,
    keys: Keys,
    limits: &'c Limits,
    out: &'o mut Output<'b>,
    open: Vec<Container>,
    /// Elements and members of all containers that are open.
    items: usize,
    members: Members,
}

/// An array or a map whose end has not been read.
struct Container {
    items: usize,
    /// How many more elements or members follow.
    left: Length,
    /// Of a map.
    names: Option<Names>,
    /// How the byte strings in it are to be written.
    base: Option<Base>,
}

/// What comes next in the item.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    /// A value, at the position.
    Value,
    /// What comes after a value, or at the beginning of a container.
    AfterValue,
}

/// Tags (RFC 8949 section 3.4).
const UNSIGNED_BIGNUM: u64 = 2;
const NEGATIVE_BIGNUM: u64 = 3;
const SELF_DESCRIBED: u64 = 55_799;

impl<'c, 'o, 'b> Decoder<'c, 'o, 'b> {
    pub(super) fn new(
        cbor: &'c [u8],
        keys: Keys,
        limits: &'c Limits,
        out: &'o mut Output<'b>,
    ) -> Self {
        Self {
            cbor,
            position: 0,
            keys,
            limits,
            out,
            open: Vec::new(),
            items: 0,
            members: Members::new(Order::AsWritten),
        }
    }

    /// How far the item was read, or what is wrong.
    pub(super) fn position(&self) -> usize {
        self.position
    }

    /// Converts the whole item.
    pub(super) fn document(&mut self) -> Result<(), Reason> {
        let mut next = Next::Value;
        loop {
            next = match next {
                Next::Value => self.value()?,
                Next::AfterValue if !self.open.is_empty() => self.after_value()?,
                Next::AfterValue => break,
            };
        }
        if self.position < self.cbor.len() {
            return Err(Reason::TrailingBytes);
        }
        self.out.truncate(self.out.len() - 1);
        Ok(())
    }

    #[inline]
    fn value(&mut self) -> Result<Next, Reason> {
        let mut base = self.open.last().and_then(|container| container.base);
        loop {
            let start = self.position;
            match self.head()? {
                Head::Text(length) => {
                    self.text(start, length)?;
                    self.out.push(b',')?;
                }
                Head::Unsigned(value) => self.unsigned(value)?,
                Head::Negative(value) => self.negative(value)?,
                Head::Map(length) => return self.map(start, length, base),
                Head::Array(length) => return self.array(start, length, base),
                Head::Simple(value) => self.simple(start, value)?,
                Head::Float(value) => self.float(start, value)?,
                Head::Bytes(length) => self.bytes(start, length, base)?,
                Head::Tag(tag @ (UNSIGNED_BIGNUM | NEGATIVE_BIGNUM)) => {
                    self.bignum(start, tag == NEGATIVE_BIGNUM)?;
                }
                Head::Tag(SELF_DESCRIBED) => continue,
                Head::Tag(tag) => match Base::of_tag(tag) {
                    Some(tagged) => {
                        base = Some(tagged);
                        continue;
                    }
                    None => return self.fail(start, Reason::Tag),
                },
                Head::Break => return self.fail(start, Reason::Break),
            }
            return Ok(Next::AfterValue);
        }
    }

    /// In a container: its next member or element, or its end.
    #[inline]
    fn after_value(&mut self) -> Result<Next, Reason> {
        let Some(container) = self.open.last_mut() else {
            return Ok(Next::AfterValue);
        };
        match &mut container.left {
            Some(0) => return self.close(),
            Some(left) => *left -= 1,
            None if self.cbor.get(self.position) == Some(&head::BREAK) => {
                self.position += 1;
                return self.close();
            }
            None => {}
        }
        if self.items == self.limits.items {
            return Err(Reason::Items);
        }
        self.items += 1;
        container.items += 1;
        if container.names.is_some() {
            self.key()?;
        }
        Ok(Next::Value)
    }

    #[inline]
    fn key(&mut self) -> Result<(), Reason> {
        let (start, from) = (self.position, self.out.len());
        let (name, form) = match self.head()? {
            Head::Unsigned(number) => match self.keys.member(number) {
                Some(member) => {
                    self.out.extend(member.as_bytes())?;
                    // The table has no more rows than this type.
                    (Name::Listed(number as u8), Form::Integer)
                }
                None => (self.decimal_key(i128::from(number))?, Form::Integer),
            },
            Head::Negative(number) => (self.decimal_key(-1 - i128::from(number))?, Form::Integer),
            Head::Text(length) => {
                self.text(start, length)?;
                // A name that JSON has to escape is not in the table, also when it is escaped.
                let name = &self.out.bytes()[from + 1..self.out.len() - 1];
                let digest = Digest::of(name);
                let name = match self.keys.number_of(name, &digest) {
                    Some(number) => Name::Listed(number),
                    None => Name::Other(digest.hash()),
                };
                self.out.push(b':')?;
                (name, Form::Text)
            }
            Head::Break => return self.fail(start, Reason::Break),
            _ => return self.fail(start, Reason::Key),
        };
        if let Some(names) = (self.open.last_mut()).and_then(|map| map.names.as_mut()) {
            self.members.add(names, name, form, from, self.out);
        }
        Ok(())
    }

    /// A key that is an integer for which there is no name.
    fn decimal_key(&mut self, number: i128) -> Result<Name, Reason> {
        let mut buffer = itoa::Buffer::new();
        let digits = buffer.format(number).as_bytes();
        self.out.push(b'"')?;
        self.out.extend(digits)?;
        self.out.extend(b"\":")?;
        Ok(Name::Other(Digest::of(digits).hash()))
    }

    fn map(&mut self, start: usize, length: Length, base: Option<Base>) -> Result<Next, Reason> {
        let names = self.members.open();
        self.open(start, b'{', length, Some(names), base)
    }

    fn array(&mut self, start: usize, length: Length, base: Option<Base>) -> Result<Next, Reason> {
        self.open(start, b'[', length, None, base)
    }

    fn open(
        &mut self,
        start: usize,
        bracket: u8,
        left: Length,
        names: Option<Names>,
        base: Option<Base>,
    ) -> Result<Next, Reason> {
        if self.open.len() >= self.limits.depth {
            return self.fail(start, Reason::Depth);
        }
        if left.is_some_and(|left| left > (self.limits.items - self.items) as u64) {
            return self.fail(start, Reason::Items);
        }
        self.open.push(Container {
            items: 0,
            left,
            names,
            base,
        });
        self.out.push(bracket)?;
        Ok(Next::AfterValue)
    }

    /// The innermost container is complete.
    fn close(&mut self) -> Result<Next, Reason> {
        if let Some(container) = self.open.pop() {
            self.items -= container.items;
            let bracket = match &container.names {
                Some(names) => {
                    self.members.close(names, self.out);
                    b'}'
                }
                None => b']',
            };
            // Of repeated members one is left, so that there is a comma.
            match container.items {
                0 => self.out.push(bracket)?,
                _ => self.out.replace_last(bracket),
            }
            self.out.push(b',')?;
        }
        Ok(Next::AfterValue)
    }

    fn simple(&mut self, start: usize, value: u8) -> Result<(), Reason> {
        self.out.extend(match value {
            20 => b"false,",
            21 => b"true,",
            // `undefined` is nothing that JSON could tell from `null`.
            22 | 23 => b"null,",
            _ => return self.fail(start, Reason::Simple),
        })
    }

    fn fail<T>(&mut self, position: usize, reason: Reason) -> Result<T, Reason> {
        self.position = position;
        Err(reason)
    }
}
