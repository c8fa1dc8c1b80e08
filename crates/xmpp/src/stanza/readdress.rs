//! New addresses for a stanza.

use super::Stanza;
use crate::xml::write_attribute;

/// What a stanza gets instead of what it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addresses<'a> {
    /// The new `from`.
    pub from: &'a str,
    /// The new `id`; `None`: as it is.
    pub id: Option<&'a str>,
    /// The new `to`.
    pub to: &'a str,
}

impl Stanza<'_> {
    /// Appends the stanza with other addresses to `out`. Only the values of these attributes are
    /// others; attributes that it has not are added behind those that it has. Everything else is what
    /// has come, byte for byte.
    pub fn readdress(&self, new: &Addresses<'_>, out: &mut Vec<u8>) {
        let tag = self.tag.raw();
        let added = new.from.len() + new.to.len() + new.id.map_or(0, str::len);
        out.reserve(self.raw.len() + added + 32);
        let mut missing = [
            ("from", Some(new.from)),
            ("id", new.id),
            ("to", Some(new.to)),
        ];
        let mut copied = 0;
        let mut last = 1 + self.tag.name().len();
        for attribute in self.tag.attributes() {
            // It was read before, without errors.
            let Ok(attribute) = attribute else { break };
            last = attribute.span.end;
            let place = missing.iter_mut().find(|(name, _)| *name == attribute.name);
            let Some(value) = place.and_then(|(_, value)| value.take()) else {
                continue;
            };
            out.extend_from_slice(&tag.as_bytes()[copied..attribute.span.start]);
            write_attribute(attribute.name, value, out);
            copied = attribute.span.end;
        }
        out.extend_from_slice(&tag.as_bytes()[copied..last]);
        for (name, value) in missing {
            if let Some(value) = value {
                write_attribute(name, value, out);
            }
        }
        out.extend_from_slice(&self.raw.as_bytes()[last..]);
    }
}
