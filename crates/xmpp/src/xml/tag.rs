//! Start tags and what stands in them (XML 1.0 section 3.1).

use std::{borrow::Cow, ops::Range};

use memchr::{memchr, memchr3};

use super::unescape;
use crate::Malformed;

/// The tag of an element: `<name …>`, or `<name …/>` where nothing is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tag<'a> {
    raw: &'a str,
    name: &'a str,
}

impl<'a> Tag<'a> {
    /// The tag at the beginning of `text`, and what follows it.
    ///
    /// # Errors
    ///
    /// [`Malformed::Tag`] or [`Malformed::Attribute`]. Attributes are read only when they are asked
    /// for, and their mistakes told then.
    pub fn parse(text: &'a str) -> Result<(Self, &'a str), Malformed> {
        let inside = text.strip_prefix('<').ok_or(Malformed::Tag)?;
        let is_end = |byte: u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | b'/' | b'>');
        let len = inside.bytes().position(is_end).ok_or(Malformed::Tag)?;
        let name = &inside[..len];
        if !is_name(name) {
            return Err(Malformed::Tag);
        }
        let bytes = text.as_bytes();
        let mut at = 1 + len;
        loop {
            at += memchr3(b'>', b'"', b'\'', &bytes[at..]).ok_or(Malformed::Tag)?;
            if bytes[at] == b'>' {
                let (raw, rest) = text.split_at(at + 1);
                return Ok((Self { raw, name }, rest));
            }
            let value = memchr(bytes[at], &bytes[at + 1..]).ok_or(Malformed::Attribute)?;
            at += value + 2;
        }
    }

    /// All of it, from `<` to `>`.
    pub fn raw(&self) -> &'a str {
        self.raw
    }

    /// The name as it is written, with its prefix.
    pub fn name(&self) -> &'a str {
        self.name
    }

    /// The part of the name before its colon; empty where there is none.
    pub fn prefix(&self) -> &'a str {
        self.name.split_once(':').map_or("", |(prefix, _)| prefix)
    }

    /// The part of the name behind its colon.
    pub fn local(&self) -> &'a str {
        self.name
            .split_once(':')
            .map_or(self.name, |(_, local)| local)
    }

    /// Whether nothing is in the element: the tag ends with `/>`.
    pub fn is_empty(&self) -> bool {
        self.raw.ends_with("/>")
    }

    /// The attributes in the order in which they are written.
    pub fn attributes(&self) -> Attributes<'a> {
        let end = self.raw.len() - if self.is_empty() { 2 } else { 1 };
        Attributes {
            raw: &self.raw[..end],
            at: 1 + self.name.len(),
        }
    }

    /// The value of the attribute with this name, prefix included.
    ///
    /// # Errors
    ///
    /// What is wrong with the attributes up to it.
    pub fn attribute(&self, name: &str) -> Result<Option<Cow<'a, str>>, Malformed> {
        for attribute in self.attributes() {
            let attribute = attribute?;
            if attribute.name == name {
                return unescape(attribute.raw_value).map(Some);
            }
        }
        Ok(None)
    }

    /// The namespace of the element, which stands inside of `outer`, the nearest first. `default` is
    /// that of the stream.
    ///
    /// # Errors
    ///
    /// [`Malformed::Prefix`], and what is wrong with attributes.
    pub fn namespace(
        &self,
        outer: &[Tag<'a>],
        default: &'a str,
    ) -> Result<Cow<'a, str>, Malformed> {
        let declares = |attribute: &Attribute<'_>| match self.prefix() {
            "" => attribute.name == "xmlns",
            prefix => attribute.name.strip_prefix("xmlns:") == Some(prefix),
        };
        for tag in std::iter::once(self).chain(outer) {
            for attribute in tag.attributes() {
                let attribute = attribute?;
                if declares(&attribute) {
                    return unescape(attribute.raw_value);
                }
            }
        }
        match self.prefix() {
            "" => Ok(Cow::Borrowed(default)),
            // Every stream declares it (RFC 6120 section 4.8.5).
            "stream" => Ok(Cow::Borrowed("http://etherx.jabber.org/streams")),
            "xml" => Ok(Cow::Borrowed("http://www.w3.org/XML/1998/namespace")),
            _ => Err(Malformed::Prefix),
        }
    }
}

/// One attribute of a tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute<'a> {
    /// With its prefix.
    pub name: &'a str,
    /// What stands between the quotes. [`unescape`] makes the value of it.
    pub raw_value: &'a str,
    /// Where in the tag it stands, from the white space before it to its second quote.
    pub span: Range<usize>,
}

/// The attributes of a tag.
#[derive(Clone, Debug)]
pub struct Attributes<'a> {
    /// Without the end of the tag.
    raw: &'a str,
    at: usize,
}

impl<'a> Attributes<'a> {
    fn read(&mut self) -> Result<Option<Attribute<'a>>, Malformed> {
        let from = self.at;
        let bytes = self.raw.as_bytes();
        let skip_space = |mut at: usize| {
            while bytes.get(at).is_some_and(|byte| b" \t\r\n".contains(byte)) {
                at += 1;
            }
            at
        };
        let name_from = skip_space(from);
        if name_from == bytes.len() {
            return Ok(None);
        }
        // White space stands before each.
        if name_from == from {
            return Err(Malformed::Attribute);
        }
        let equals = memchr(b'=', &bytes[name_from..]).ok_or(Malformed::Attribute)?;
        let name =
            self.raw[name_from..name_from + equals].trim_end_matches([' ', '\t', '\r', '\n']);
        if !is_name(name) {
            return Err(Malformed::Attribute);
        }
        let quote = skip_space(name_from + equals + 1);
        let (Some(b'"' | b'\''), Some(behind)) = (bytes.get(quote), bytes.get(quote + 1..)) else {
            return Err(Malformed::Attribute);
        };
        let len = memchr(bytes[quote], behind).ok_or(Malformed::Attribute)?;
        let raw_value = &self.raw[quote + 1..quote + 1 + len];
        self.at = quote + len + 2;
        let span = from..self.at;
        Ok(Some(Attribute {
            name,
            raw_value,
            span,
        }))
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = Result<Attribute<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        let read = self.read().transpose();
        if let Some(Err(_)) = read {
            self.at = self.raw.len();
        }
        read
    }
}

/// Whether it may be a name. Which characters beyond ASCII are letters is not looked at.
fn is_name(name: &str) -> bool {
    let is_start = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_' || !byte.is_ascii();
    let is_part = |byte: u8| is_start(byte) || byte.is_ascii_digit() || b"-.:".contains(&byte);
    let mut bytes = name.bytes();
    bytes.next().is_some_and(is_start) && bytes.all(is_part) && !name.ends_with(':')
}
