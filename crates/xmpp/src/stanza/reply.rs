//! Answers of our own to a stanza.

use super::{Condition, ERRORS, ErrorKind, Stanza};
use crate::xml::{escape_into, write_attribute};

/// What we answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply<'a> {
    /// That it cannot be done, and a sentence for people (RFC 6120 section 8.3.2).
    Error(ErrorKind, Condition, &'a str),
    /// That it is done, with this element, which may be empty (RFC 6120 section 8.2.3).
    Result(&'a str),
}

/// What an answer needs to know of what it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question<'a> {
    /// The name of the element, such as `iq`.
    pub name: &'a str,
    /// Who has sent it.
    pub from: Option<&'a str>,
    /// Its `id`.
    pub id: Option<&'a str>,
    /// The address that it was sent to.
    pub to: Option<&'a str>,
}

impl Stanza<'_> {
    /// What an answer to this stanza needs to know. Whether there may be an answer at all is for the
    /// caller to know: there is none to results and errors.
    pub fn question(&self) -> Question<'_> {
        Question {
            name: self.tag.name(),
            from: self.from.as_deref(),
            id: self.id.as_deref(),
            to: self.to.as_deref(),
        }
    }
}

impl Question<'_> {
    /// Appends an answer to `out`: of the same kind, with the same `id`, back to where the question
    /// came from, by the address that was asked (RFC 6120 section 8.1.2.1). What was asked is not
    /// repeated.
    pub fn reply(&self, reply: Reply<'_>, out: &mut Vec<u8>) {
        out.push(b'<');
        out.extend_from_slice(self.name.as_bytes());
        let kind = match reply {
            Reply::Error(..) => "error",
            Reply::Result(_) => "result",
        };
        write_attribute("type", kind, out);
        for (name, value) in [("id", self.id), ("from", self.to), ("to", self.from)] {
            if let Some(value) = value {
                write_attribute(name, value, out);
            }
        }
        out.push(b'>');
        match reply {
            Reply::Error(kind, condition, text) => {
                out.extend_from_slice(b"<error");
                write_attribute("type", kind.name(), out);
                out.extend_from_slice(b"><");
                out.extend_from_slice(condition.name().as_bytes());
                write_attribute("xmlns", ERRORS, out);
                out.extend_from_slice(b"/><text");
                write_attribute("xmlns", ERRORS, out);
                out.extend_from_slice(b" xml:lang='en'>");
                escape_into(text, out);
                out.extend_from_slice(b"</text></error>");
            }
            Reply::Result(element) => out.extend_from_slice(element.as_bytes()),
        }
        out.extend_from_slice(b"</");
        out.extend_from_slice(self.name.as_bytes());
        out.push(b'>');
    }
}
