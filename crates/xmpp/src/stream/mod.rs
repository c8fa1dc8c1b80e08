//! A component's stream to its server: header, handshake, stanzas (XEP-0114 section 3).

mod failure;

use std::borrow::Cow;

use sha1::{Digest, Sha1};
use zeroize::Zeroizing;

pub use failure::Failure;

use crate::{
    Malformed,
    framer::{Frame, Framer},
    stanza::{NAMESPACE, Stanza},
    xml::{Content, Tag, Token, escape_into},
};

/// The namespace of streams (RFC 6120 section 4.8.1).
const STREAMS: &str = "http://etherx.jabber.org/streams";

/// The namespace of the conditions of stream errors (RFC 6120 section 4.9.2).
const STREAM_ERRORS: &str = "urn:ietf:params:xml:ns:xmpp-streams";

/// The end of a stream.
pub const END: &[u8] = b"</stream:stream>";

/// One stream of a component, from the first byte to the last.
#[derive(Debug)]
pub struct Stream {
    domain: String,
    secret: Secret,
    framer: Framer,
    stage: Stage,
}

/// What happens on a stream.
#[derive(Debug)]
pub enum Event<'a> {
    /// The server ends the stream.
    End,
    /// The server has accepted us: stanzas may be sent.
    Established,
    /// This is to be sent.
    Send(Vec<u8>),
    /// A stanza has come.
    Stanza(Stanza<'a>),
    /// A stanza has come that was too large; its start tag, where that was not.
    TooLarge(Option<Stanza<'a>>),
}

/// Never shown.
struct Secret(Zeroizing<String>);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// The server's header.
    Header,
    /// Its answer to our handshake.
    Handshake,
    /// An error: the header had no id. Prosody does so for a domain that it does not know.
    Refused,
    /// Stanzas.
    Stanzas,
}

impl Stream {
    /// A stream for the component of `domain`, with the `secret` that the server knows, and stanzas
    /// of at most `limit` bytes.
    pub fn new(domain: &str, secret: &str, limit: usize) -> Self {
        Self {
            domain: domain.to_owned(),
            secret: Secret(Zeroizing::new(secret.to_owned())),
            framer: Framer::new(limit),
            stage: Stage::Header,
        }
    }

    /// What is sent first, in one piece.
    pub fn header(&self) -> Vec<u8> {
        let mut header = Vec::with_capacity(256);
        header.extend_from_slice(b"<?xml version='1.0'?><stream:stream xmlns='");
        header.extend_from_slice(NAMESPACE.as_bytes());
        header.extend_from_slice(b"' xmlns:stream='");
        header.extend_from_slice(STREAMS.as_bytes());
        header.extend_from_slice(b"' to='");
        escape_into(&self.domain, &mut header);
        header.extend_from_slice(b"'>");
        header
    }

    /// Takes bytes that have come. [`next_event`](Self::next_event) should be asked until it has no
    /// more before the next ones are taken.
    pub fn receive(&mut self, bytes: &[u8]) {
        self.framer.receive(bytes);
    }

    /// What happens next; `None`: nothing before more has come.
    ///
    /// # Errors
    ///
    /// Why the stream cannot go on.
    pub fn next_event(&mut self) -> Result<Option<Event<'_>>, Failure> {
        if self.stage == Stage::Header {
            let id = match self.framer.next_frame()? {
                None => return Ok(None),
                Some(Frame::Header(header)) => read_header(header)?,
                Some(Frame::StreamEnd) => return Ok(Some(Event::End)),
                // The framer sees to it that the header comes first.
                Some(Frame::Stanza(_) | Frame::TooLarge(_)) => return Err(Failure::Unexpected),
            };
            if let Some(id) = id {
                self.stage = Stage::Handshake;
                return Ok(Some(Event::Send(handshake(&id, &self.secret.0))));
            }
            self.stage = Stage::Refused;
        }
        let Some(frame) = self.framer.next_frame()? else {
            return Ok(None);
        };
        let event = match (self.stage, frame) {
            (_, Frame::StreamEnd) => Event::End,
            // There is one header only: the framer sees to that.
            (_, Frame::Header(_)) | (Stage::Header, _) => return Err(Failure::Unexpected),
            (_, Frame::Stanza(raw)) if is_stream_error(raw)? => return Err(stream_error(raw)?),
            (Stage::Refused, _) => return Err(Failure::NoId),
            (Stage::Handshake, Frame::Stanza(raw)) => {
                if Tag::parse(raw)?.0.name() != "handshake" {
                    return Err(Failure::Unexpected);
                }
                self.stage = Stage::Stanzas;
                Event::Established
            }
            (Stage::Handshake, Frame::TooLarge(_)) => return Err(Failure::Unexpected),
            (Stage::Stanzas, Frame::Stanza(raw)) => Event::Stanza(Stanza::parse(raw)?),
            (Stage::Stanzas, Frame::TooLarge(tag)) => {
                Event::TooLarge(tag.map(Stanza::parse).transpose()?)
            }
        };
        Ok(Some(event))
    }
}

/// What is sent before the stream is closed because the other end breaks a rule.
pub fn error(malformed: Malformed) -> Vec<u8> {
    let condition = malformed.condition();
    let error = format!("<stream:error><{condition} xmlns='{STREAM_ERRORS}'/></stream:error>");
    [error.as_bytes(), END].concat()
}

/// The id of the stream that a server's header begins; `None`: it has none.
fn read_header(header: &str) -> Result<Option<String>, Failure> {
    let (tag, _) = Tag::parse(header)?;
    if tag.local() != "stream" || tag.namespace(&[], "")? != STREAMS {
        return Err(Failure::NoStream);
    }
    for attribute in tag.attributes() {
        let attribute = attribute?;
        let expected = match attribute.name {
            "xmlns" => NAMESPACE,
            // Stanzas are passed on as they are, to where nobody knows the prefixes of this stream.
            name if name.starts_with("xmlns:") => STREAMS,
            _ => continue,
        };
        if attribute.raw_value != expected {
            return Err(Failure::Namespace(attribute.raw_value.to_owned()));
        }
    }
    let id = tag.attribute("id")?.filter(|id| !id.is_empty());
    Ok(id.map(Cow::into_owned))
}

/// XEP-0114 section 3.
fn handshake(id: &str, secret: &str) -> Vec<u8> {
    let digest = Sha1::new_with_prefix(id.as_bytes()).chain_update(secret.as_bytes());
    let mut element = b"<handshake>".to_vec();
    for byte in digest.finalize() {
        let digits = [byte >> 4, byte & 15].map(u32::from);
        let digits = digits.map(|digit| char::from_digit(digit, 16).unwrap_or('0') as u8);
        element.extend_from_slice(&digits);
    }
    element.extend_from_slice(b"</handshake>");
    element
}

fn is_stream_error(raw: &str) -> Result<bool, Malformed> {
    let (tag, _) = Tag::parse(raw)?;
    Ok(tag.local() == "error" && tag.namespace(&[], NAMESPACE)? == STREAMS)
}

/// What an error of the stream says (RFC 6120 section 4.9.2).
fn stream_error(raw: &str) -> Result<Failure, Malformed> {
    let (tag, inside) = Tag::parse(raw)?;
    let (mut condition, mut text) = (String::new(), String::new());
    let mut content = Content::new(inside);
    while !tag.is_empty() {
        match content.next().ok_or(Malformed::Tag)?? {
            Token::End(_) => break,
            Token::Text(_) => {}
            Token::Start(inner) => {
                let is_ours = inner.namespace(&[tag], NAMESPACE)? == STREAM_ERRORS;
                let said = content.rest_of(&inner)?;
                match inner.local() {
                    "text" if is_ours => text = said.into_owned(),
                    name if is_ours && condition.is_empty() => condition = name.to_owned(),
                    _ => {}
                }
            }
        }
    }
    Ok(Failure::Server { condition, text })
}

#[cfg(test)]
mod tests;
