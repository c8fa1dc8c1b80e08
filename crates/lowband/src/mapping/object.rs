//! A JSON object whose members are looked at one by one, and otherwise stay as they are written.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The members of an object in their order, not looked into.
pub(super) struct Object<'a>(Vec<(Cow<'a, str>, Cow<'a, RawValue>)>);

impl<'a> Object<'a> {
    /// The object that this JSON text is; `None` if it is none.
    pub(super) fn parse(json: &'a [u8]) -> Option<Self> {
        serde_json::from_slice(json).ok()
    }

    /// The JSON text of the last member with this name.
    pub(super) fn member(&self, name: &str) -> Option<&str> {
        let member = self.0.iter().rfind(|(other, _)| other == name)?;
        Some(member.1.get())
    }

    /// Gives the member with this name another value, which must be JSON. It stays in its place, or
    /// is the last when it is new.
    pub(super) fn set(&mut self, name: &'a str, json: String) {
        let Ok(value) = RawValue::from_string(json) else {
            return;
        };
        let place = self.0.iter().rposition(|(other, _)| other == name);
        match place.and_then(|at| self.0.get_mut(at)) {
            Some((_, old)) => *old = Cow::Owned(value),
            None => self.0.push((Cow::Borrowed(name), Cow::Owned(value))),
        }
    }

    /// The object as JSON text.
    pub(super) fn to_json(&self) -> String {
        let mut text = String::from("{");
        for (name, value) in &self.0 {
            if text.len() > 1 {
                text.push(',');
            }
            text.push_str(&string(name));
            text.push(':');
            text.push_str(value.get());
        }
        text.push('}');
        text
    }
}

/// A string of JSON that says `text`.
pub(super) fn string(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

impl<'de: 'a, 'a> Deserialize<'de> for Object<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;

        impl<'de> Visitor<'de> for Members {
            type Value = Object<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some((Name(name), value)) = map.next_entry::<Name<'de>, &RawValue>()? {
                    members.push((name, Cow::Borrowed(value)));
                }
                Ok(Object(members))
            }
        }

        deserializer.deserialize_map(Members)
    }
}

/// Borrows when it can, which `Cow` alone does not.
#[derive(serde::Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);
