//! Stanzas: what they say about themselves, and new addresses for them.

mod error;
mod readdress;
mod reply;

use std::borrow::Cow;

pub use error::{Condition, ErrorKind, StanzaError};
pub use readdress::Addresses;
pub use reply::{Question, Reply};

use crate::{
    Malformed,
    xml::{Content, Tag, Token},
};

/// The namespace of stanzas in a component's stream (XEP-0114 section 3).
pub const NAMESPACE: &str = "jabber:component:accept";

/// The namespace of the conditions of stanza errors (RFC 6120 section 8.3.2).
pub const ERRORS: &str = "urn:ietf:params:xml:ns:xmpp-stanzas";

/// What is in an element of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A request or its answer (RFC 6120 section 8.2.3).
    Iq,
    /// A message (RFC 6120 section 8.2.1).
    Message,
    /// Anything else, such as an error of the stream.
    Other,
    /// Presence, or something about subscriptions (RFC 6120 section 8.2.2).
    Presence,
}

/// One stanza, as it came.
#[derive(Clone, Debug)]
pub struct Stanza<'a> {
    raw: &'a str,
    tag: Tag<'a>,
    /// What it is.
    pub kind: Kind,
    /// `from`, as the server has written it.
    pub from: Option<Cow<'a, str>>,
    /// `id`.
    pub id: Option<Cow<'a, str>>,
    /// `to`.
    pub to: Option<Cow<'a, str>>,
    /// `type`, such as `get` or `unavailable`.
    pub kind_of: Option<Cow<'a, str>>,
}

/// The first element in a stanza: what it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payload<'a> {
    /// Its name without prefix.
    pub name: &'a str,
    /// Its namespace.
    pub namespace: Cow<'a, str>,
    /// Its tag.
    pub tag: Tag<'a>,
}

impl<'a> Stanza<'a> {
    /// Reads the start tag of `raw`, one whole element of a stream.
    ///
    /// # Errors
    ///
    /// What is wrong with the tag.
    pub fn parse(raw: &'a str) -> Result<Self, Malformed> {
        let (tag, _) = Tag::parse(raw)?;
        let mut stanza = Self {
            raw,
            tag,
            kind: Kind::Other,
            from: None,
            id: None,
            to: None,
            kind_of: None,
        };
        let mut is_ours = true;
        for attribute in tag.attributes() {
            let attribute = attribute?;
            let place = match attribute.name {
                "from" => &mut stanza.from,
                "id" => &mut stanza.id,
                "to" => &mut stanza.to,
                "type" => &mut stanza.kind_of,
                "xmlns" => {
                    is_ours = crate::xml::unescape(attribute.raw_value)? == NAMESPACE;
                    continue;
                }
                _ => continue,
            };
            let value = crate::xml::unescape(attribute.raw_value)?;
            if place.replace(value).is_some() {
                return Err(Malformed::AttributeRepeated);
            }
        }
        if is_ours {
            stanza.kind = match tag.name() {
                "iq" => Kind::Iq,
                "message" => Kind::Message,
                "presence" => Kind::Presence,
                _ => Kind::Other,
            };
        }
        Ok(stanza)
    }

    /// All of it, byte for byte.
    pub fn raw(&self) -> &'a str {
        self.raw
    }

    /// Its start tag.
    pub fn tag(&self) -> &Tag<'a> {
        &self.tag
    }

    /// `type`; the empty string where there is none.
    pub fn type_name(&self) -> &str {
        self.kind_of.as_deref().unwrap_or_default()
    }

    /// What stands in it.
    pub fn content(&self) -> Content<'a> {
        Content::new(&self.raw[self.tag.raw().len()..])
    }

    /// The first element in it; `None` where there is none.
    ///
    /// # Errors
    ///
    /// What is wrong up to the end of its tag.
    pub fn payload(&self) -> Result<Option<Payload<'a>>, Malformed> {
        if self.tag.is_empty() {
            return Ok(None);
        }
        for token in self.content() {
            match token? {
                Token::Text(_) => {}
                Token::End(_) => return Ok(None),
                Token::Start(tag) => {
                    let namespace = tag.namespace(&[self.tag], NAMESPACE)?;
                    return Ok(Some(Payload {
                        name: tag.local(),
                        namespace,
                        tag,
                    }));
                }
            }
        }
        Ok(None)
    }

    /// The characters in the first element of this name in the namespace of the stanza, such as
    /// `show` or `priority` (RFC 6121 section 4.7.2).
    ///
    /// # Errors
    ///
    /// What is wrong up to its end.
    pub fn child_text(&self, name: &str) -> Result<Option<Cow<'a, str>>, Malformed> {
        if self.tag.is_empty() {
            return Ok(None);
        }
        let mut content = self.content();
        while let Some(token) = content.next() {
            match token? {
                Token::Text(_) => {}
                Token::End(_) => return Ok(None),
                Token::Start(tag) => {
                    let text = content.rest_of(&tag)?;
                    if tag.local() == name && tag.namespace(&[self.tag], NAMESPACE)? == NAMESPACE {
                        return Ok(Some(text));
                    }
                }
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests;
