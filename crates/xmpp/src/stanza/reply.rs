//! Answers of our own to a stanza.

use super::{Condition, ERRORS, ErrorKind, Stanza, readdress::write};
use crate::xml::escape_into;

/// What we answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply<'a> {
    /// That it cannot be done, and a sentence for people (RFC 6120 section 8.3.2).
    Error(ErrorKind, Condition, &'a str),
    /// That it is done, with this element, which may be empty (RFC 6120 section 8.2.3).
    Result(&'a str),
}

impl Stanza<'_> {
    /// Appends an answer to this stanza to `out`: of the same kind, with the same `id`, back to where
    /// it came from, by the address that was asked (RFC 6120 section 8.1.2.1). What was asked is not
    /// repeated. Whether there may be an answer at all is for the caller to know: there is none to
    /// results and errors.
    pub fn reply(&self, reply: Reply<'_>, out: &mut Vec<u8>) {
        let name = self.tag.name();
        out.push(b'<');
        out.extend_from_slice(name.as_bytes());
        let kind = match reply {
            Reply::Error(..) => "error",
            Reply::Result(_) => "result",
        };
        write("type", kind, out);
        let addresses = [("id", &self.id), ("from", &self.to), ("to", &self.from)];
        for (name, value) in addresses {
            if let Some(value) = value {
                write(name, value, out);
            }
        }
        out.push(b'>');
        match reply {
            Reply::Error(kind, condition, text) => {
                out.extend_from_slice(b"<error");
                write("type", kind.name(), out);
                out.extend_from_slice(b"><");
                out.extend_from_slice(condition.name().as_bytes());
                write("xmlns", ERRORS, out);
                out.extend_from_slice(b"/><text");
                write("xmlns", ERRORS, out);
                out.extend_from_slice(b" xml:lang='en'>");
                escape_into(text, out);
                out.extend_from_slice(b"</text></error>");
            }
            Reply::Result(element) => out.extend_from_slice(element.as_bytes()),
        }
        out.extend_from_slice(b"</");
        out.extend_from_slice(name.as_bytes());
        out.push(b'>');
    }
}
