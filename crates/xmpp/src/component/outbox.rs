//! What is to be sent: the one way out of a component.

use crate::{
    jid,
    stanza::{Addresses, Question, Reply, Stanza},
};

/// Whole stanzas that are to be sent.
#[derive(Debug)]
pub(super) struct Outbox {
    domain: String,
    buffer: Vec<u8>,
    /// The largest stanza, in bytes.
    pub(super) limit: usize,
}

/// Why a stanza was not sent. Either would end the link, and with it what everybody else waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unsent {
    /// Its `from` is not in the component's domain.
    ForeignFrom,
    /// It is too large.
    TooLarge,
}

impl Outbox {
    pub(super) fn new(domain: &str, limit: usize) -> Self {
        Self {
            domain: domain.to_owned(),
            buffer: Vec::new(),
            limit,
        }
    }

    /// Sends `stanza` with other addresses.
    pub(super) fn readdressed(
        &mut self,
        stanza: &Stanza<'_>,
        new: &Addresses<'_>,
    ) -> Result<(), Unsent> {
        self.send(new.from, |out| stanza.readdress(new, out))
    }

    /// Answers a question.
    pub(super) fn reply(
        &mut self,
        question: &Question<'_>,
        reply: Reply<'_>,
    ) -> Result<(), Unsent> {
        let from = question.to.unwrap_or_default();
        self.send(from, |out| question.reply(reply, out))
    }

    /// Sends presence from the domain itself, of this type, which is empty for "available".
    pub(super) fn presence(&mut self, kind: &str, to: &str) -> Result<(), Unsent> {
        let from = self.domain.clone();
        self.send(&from, |out| {
            let attributes = [("type", kind), ("from", &from), ("to", to)];
            element("presence", &attributes, "", out);
        })
    }

    /// Asks `to` from the domain itself.
    pub(super) fn get(&mut self, id: &str, to: &str, payload: &str) -> Result<(), Unsent> {
        let from = self.domain.clone();
        self.send(&from, |out| {
            let attributes = [("type", "get"), ("id", id), ("from", &from), ("to", to)];
            element("iq", &attributes, payload, out);
        })
    }

    /// Appends to `out` what is to be sent.
    pub(super) fn take(&mut self, out: &mut Vec<u8>) {
        match out.is_empty() {
            true => std::mem::swap(out, &mut self.buffer),
            false => out.append(&mut self.buffer),
        }
    }

    /// Throws away what is to be sent.
    pub(super) fn clear(&mut self) {
        self.buffer = Vec::new();
    }

    /// Nothing leaves but through here: a stanza from elsewhere, or one that is too large, has the
    /// server close the link.
    fn send(&mut self, from: &str, write: impl FnOnce(&mut Vec<u8>)) -> Result<(), Unsent> {
        if jid::domain(from) != self.domain {
            return Err(Unsent::ForeignFrom);
        }
        let before = self.buffer.len();
        write(&mut self.buffer);
        if self.buffer.len() - before > self.limit {
            self.buffer.truncate(before);
            return Err(Unsent::TooLarge);
        }
        Ok(())
    }
}

/// `<name attribute='value'>content</name>`. Empty values are left out.
fn element(name: &str, attributes: &[(&str, &str)], content: &str, out: &mut Vec<u8>) {
    out.push(b'<');
    out.extend_from_slice(name.as_bytes());
    for (name, value) in attributes {
        if !value.is_empty() {
            crate::xml::write_attribute(name, value, out);
        }
    }
    out.push(b'>');
    out.extend_from_slice(content.as_bytes());
    out.extend_from_slice(b"</");
    out.extend_from_slice(name.as_bytes());
    out.push(b'>');
}
