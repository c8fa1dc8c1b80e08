//! What a body of `/sync` holds, as far as an observation needs to know it.
//!
//! Nothing is built from the body but what [`Summary`] has. Values that are passed over are passed
//! over without recursion, whatever their depth.

use std::{
    borrow::Cow,
    fmt,
    hash::{DefaultHasher, Hash, Hasher},
};

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

/// A longer `next_batch` could not be sent as a `since`, in bytes.
const LONGEST_TOKEN: usize = 4096;

/// Of a longer count only a hash is remembered, in bytes.
const LONGEST_COUNT: usize = 4096;

/// What a body holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Summary<'a> {
    /// Where the next poll goes on.
    pub(super) next_batch: Cow<'a, str>,
    /// Whether something stands in it besides `next_batch` and the counts.
    pub(super) has_news: bool,
    pub(super) counts: Counts<'a>,
}

/// Why a body is of no use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unusable {
    /// It is not a JSON object.
    NotAnObject,
    /// It has no `next_batch`, or one that cannot be sent back.
    NoNextBatch,
}

/// What stands in every body, changed or not, as JSON. `None`: not there, or empty, which is the same
/// to clients.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts<'a> {
    one_time_keys: Option<Count<'a>>,
    fallback_keys: Option<Count<'a>>,
    /// The name before it was in the specification (MSC2732).
    unstable_fallback_keys: Option<Count<'a>>,
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Count<'a> {
    Json(Cow<'a, str>),
    /// The hash of one that no homeserver has a reason to send.
    Long(u64),
}

impl<'a> Summary<'a> {
    /// Reads a body. Of members of the same name the last one is meant.
    pub(super) fn parse(body: &'a [u8]) -> Result<Self, Unusable> {
        // The parser does not look into the strings that it passes over.
        let text = str::from_utf8(body).map_err(|_| Unusable::NotAnObject)?;
        let found: Found<'a> = serde_json::from_str(text).map_err(|_| Unusable::NotAnObject)?;
        let next_batch = found.next_batch.ok_or(Unusable::NoNextBatch)?;
        if next_batch.is_empty() || next_batch.len() > LONGEST_TOKEN {
            return Err(Unusable::NoNextBatch);
        }
        Ok(Self {
            next_batch,
            has_news: found.is_unknown || found.sections.contains(&true),
            counts: found.counts,
        })
    }
}

impl Counts<'_> {
    /// A copy to be remembered.
    pub(super) fn to_owned(&self) -> Counts<'static> {
        let copy = |count: &Option<Count<'_>>| count.as_ref().map(Count::to_owned);
        Counts {
            one_time_keys: copy(&self.one_time_keys),
            fallback_keys: copy(&self.fallback_keys),
            unstable_fallback_keys: copy(&self.unstable_fallback_keys),
        }
    }

    /// Appends them to an object of JSON that has a member already, but for those that are too long.
    pub(super) fn write_members(&self, json: &mut String) {
        let members = [
            (ONE_TIME_KEYS, &self.one_time_keys),
            (FALLBACK_KEYS, &self.fallback_keys),
            (UNSTABLE_FALLBACK_KEYS, &self.unstable_fallback_keys),
        ];
        for (name, value) in members {
            if let Some(Count::Json(value)) = value {
                json.extend([",\"", name, "\":", value]);
            }
        }
    }
}

impl<'a> Count<'a> {
    /// `None`: it is as if it were not there.
    fn new(json: &'a str) -> Option<Self> {
        if is_nothing(json) {
            return None;
        }
        if json.len() <= LONGEST_COUNT {
            return Some(Self::Json(Cow::Borrowed(json)));
        }
        let mut hasher = DefaultHasher::new();
        json.hash(&mut hasher);
        Some(Self::Long(hasher.finish()))
    }

    fn to_owned(&self) -> Count<'static> {
        match self {
            Self::Json(json) => Count::Json(Cow::Owned(json.as_ref().to_owned())),
            Self::Long(hash) => Count::Long(*hash),
        }
    }
}

/// The members of a body, as far as they were read.
#[derive(Default)]
struct Found<'a> {
    next_batch: Option<Cow<'a, str>>,
    /// Which of [`SECTIONS`] hold something.
    sections: [bool; SECTIONS.len()],
    is_unknown: bool,
    counts: Counts<'a>,
}

const ONE_TIME_KEYS: &str = "device_one_time_keys_count";
const FALLBACK_KEYS: &str = "device_unused_fallback_key_types";
const UNSTABLE_FALLBACK_KEYS: &str = "org.matrix.msc2732.device_unused_fallback_key_types";

/// Members that hold news unless they are empty.
const SECTIONS: [&str; 5] = [
    "rooms",
    "presence",
    "account_data",
    "to_device",
    "device_lists",
];

impl<'de: 'a, 'a> Deserialize<'de> for Found<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FoundVisitor)
    }
}

struct FoundVisitor;

impl<'de> Visitor<'de> for FoundVisitor {
    type Value = Found<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = Found::default();
        while let Some(Text(name)) = map.next_key()? {
            if let Some(index) = SECTIONS.iter().position(|section| *section == name) {
                found.sections[index] = map.next_value_seed(HoldsSomething { levels: 1 })?;
                continue;
            }
            let counts = &mut found.counts;
            match &*name {
                "next_batch" => {
                    let raw: &'de RawValue = map.next_value()?;
                    found.next_batch = serde_json::from_str::<Text<'de>>(raw.get())
                        .ok()
                        .map(|Text(text)| text);
                }
                ONE_TIME_KEYS => counts.one_time_keys = count(&mut map)?,
                FALLBACK_KEYS => counts.fallback_keys = count(&mut map)?,
                UNSTABLE_FALLBACK_KEYS => counts.unstable_fallback_keys = count(&mut map)?,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                    found.is_unknown = true;
                }
            }
        }
        Ok(found)
    }
}

/// The next value, as a count.
fn count<'de, A: MapAccess<'de>>(map: &mut A) -> Result<Option<Count<'de>>, A::Error> {
    Ok(Count::new(map.next_value::<&'de RawValue>()?.get()))
}

/// Whether a JSON value is null, `{}` or `[]`.
fn is_nothing(text: &str) -> bool {
    let inner = match text.as_bytes() {
        [b'{', inner @ .., b'}'] | [b'[', inner @ .., b']'] => inner,
        other => return other == b"null",
    };
    inner.iter().all(u8::is_ascii_whitespace)
}

/// A string, borrowed where it has no escapes.
#[derive(Deserialize)]
#[serde(transparent)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// Whether a value holds something: it is neither null nor an empty object or array, nor an object
/// that has only such members. More than these levels are not looked into: a room is news as soon as
/// it is named.
#[derive(Clone, Copy)]
struct HoldsSomething {
    levels: u8,
}

impl<'de> DeserializeSeed<'de> for HoldsSomething {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for HoldsSomething {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_bool<E>(self, _: bool) -> Result<bool, E> {
        Ok(true)
    }

    fn visit_i64<E>(self, _: i64) -> Result<bool, E> {
        Ok(true)
    }

    fn visit_u64<E>(self, _: u64) -> Result<bool, E> {
        Ok(true)
    }

    fn visit_f64<E>(self, _: f64) -> Result<bool, E> {
        Ok(true)
    }

    fn visit_str<E>(self, _: &str) -> Result<bool, E> {
        Ok(true)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<bool, A::Error> {
        let mut holds = false;
        while seq.next_element::<IgnoredAny>()?.is_some() {
            holds = true;
        }
        Ok(holds)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<bool, A::Error> {
        let mut holds = false;
        while map.next_key::<IgnoredAny>()?.is_some() {
            holds |= match self.levels {
                0 => map.next_value::<IgnoredAny>().map(|_| true)?,
                levels => map.next_value_seed(Self { levels: levels - 1 })?,
            };
        }
        Ok(holds)
    }
}

#[cfg(test)]
mod tests;
