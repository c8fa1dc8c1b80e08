//! What stands in an element.

use std::borrow::Cow;

use memchr::{memchr, memmem};

use super::{Tag, unescape};
use crate::Malformed;

/// A piece of what stands in an element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Token<'a> {
    /// An element ends: its name.
    End(&'a str),
    /// An element begins, and ends at once if its tag [is empty](Tag::is_empty).
    Start(Tag<'a>),
    /// Characters.
    Text(Cow<'a, str>),
}

/// Goes through what stands in an element, piece by piece. Whether the names of tags agree is not
/// looked at.
#[derive(Clone, Debug)]
pub struct Content<'a>(&'a str);

impl<'a> Content<'a> {
    /// Of `text`, which begins behind a start tag.
    pub fn new(text: &'a str) -> Self {
        Self(text)
    }

    /// Goes over what is left of the element whose start tag came last, its end tag included. The
    /// characters in it that stand in no other element.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn rest_of(&mut self, tag: &Tag<'_>) -> Result<Cow<'a, str>, Malformed> {
        let mut text = Cow::Borrowed("");
        let mut depth = u32::from(!tag.is_empty());
        while depth > 0 {
            match self.next().ok_or(Malformed::Tag)?? {
                Token::Start(inner) => depth += u32::from(!inner.is_empty()),
                Token::End(_) => depth -= 1,
                Token::Text(more) if depth == 1 => match text.is_empty() {
                    true => text = more,
                    false => text.to_mut().push_str(&more),
                },
                Token::Text(_) => {}
            }
        }
        Ok(text)
    }

    fn read(&mut self) -> Result<Option<Token<'a>>, Malformed> {
        let text = self.0;
        if text.is_empty() {
            return Ok(None);
        }
        if !text.starts_with('<') {
            let end = memchr(b'<', text.as_bytes()).unwrap_or(text.len());
            let (characters, rest) = text.split_at(end);
            self.0 = rest;
            return unescape(characters).map(Token::Text).map(Some);
        }
        if let Some(data) = text.strip_prefix("<![CDATA[") {
            let end = memmem::find(data.as_bytes(), b"]]>").ok_or(Malformed::Tag)?;
            self.0 = &data[end + 3..];
            return Ok(Some(Token::Text(Cow::Borrowed(&data[..end]))));
        }
        if let Some(end) = text.strip_prefix("</") {
            let (name, rest) = end.split_once('>').ok_or(Malformed::Tag)?;
            self.0 = rest;
            let name = name.trim_end_matches([' ', '\t', '\r', '\n']);
            return Ok(Some(Token::End(name)));
        }
        let (tag, rest) = Tag::parse(text)?;
        self.0 = rest;
        Ok(Some(Token::Start(tag)))
    }
}

impl<'a> Iterator for Content<'a> {
    type Item = Result<Token<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        let read = self.read().transpose();
        if let Some(Err(_)) = read {
            self.0 = "";
        }
        read
    }
}
