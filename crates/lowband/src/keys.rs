//! The key table of MSC3079, appendix A: small integers that stand for frequent names of JSON members.

#[cfg(test)]
mod tests;

/// Which integers stand for names: the version of the table.
///
/// A peer says its version by option 257; versions only ever add rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Keys {
    /// No integers: every name is text.
    None,
    /// Version 1: the integers 1 to 104.
    #[default]
    V1,
}

impl Keys {
    /// The integer that stands for `name`.
    pub fn number(self, name: &[u8]) -> Option<u8> {
        self.number_of(name, &Digest::of(name))
    }

    /// The name that `number` stands for.
    pub fn name(self, number: u64) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::V1 => row(number).map(|index| V1[index]),
        }
    }

    /// As [`Keys::number`], for a name whose digest is known.
    #[inline]
    pub(crate) fn number_of(self, name: &[u8], digest: &Digest) -> Option<u8> {
        match self {
            Self::None => None,
            Self::V1 => {
                let number = SLOTS[slot(digest.hash())];
                let row = usize::from(number).checked_sub(1)?;
                let equal = V1_DIGESTS[row] == *digest
                    && (digest.is_all_of_it() || V1[row].as_bytes() == name);
                equal.then_some(number)
            }
        }
    }

    /// The name that `number` stands for as JSON writes it before a value: `"name":`.
    #[inline]
    pub(crate) fn member(self, number: u64) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::V1 => row(number).map(|index| V1_MEMBERS[index]),
        }
    }
}

/// The place in the table of version 1 of what `number` stands for.
#[inline]
fn row(number: u64) -> Option<usize> {
    usize::try_from(number)
        .ok()?
        .checked_sub(1)
        .filter(|index| *index < V1.len())
}

/// The beginning and the end of a name, and its length.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Digest {
    first: u64,
    last: u64,
    len: usize,
}

impl Digest {
    #[inline]
    pub(crate) const fn of(name: &[u8]) -> Self {
        let (first, last) = match (name.first_chunk(), name.last_chunk()) {
            (Some(first), Some(last)) => (u64::from_le_bytes(*first), u64::from_le_bytes(*last)),
            _ => Self::ends_of_short(name),
        };
        Self {
            first,
            last,
            len: name.len(),
        }
    }

    /// The same of less than eight bytes.
    #[inline]
    const fn ends_of_short(name: &[u8]) -> (u64, u64) {
        match (name.first_chunk(), name.last_chunk()) {
            (Some(first), Some(last)) => (
                u32::from_le_bytes(*first) as u64,
                u32::from_le_bytes(*last) as u64,
            ),
            _ if name.is_empty() => (0, 0),
            _ => {
                let middle = u16::from_le_bytes([name[0], name[name.len() / 2]]);
                (middle as u64, name[name.len() - 1] as u64)
            }
        }
    }

    /// Whether there is nothing between the beginning and the end.
    #[inline]
    const fn is_all_of_it(&self) -> bool {
        self.len <= 16
    }

    /// A hash: all names of the table get different [`slot`]s, other names what comes of it.
    ///
    /// Whoever chooses names can make them collide; nothing may be slow because of that.
    #[inline]
    pub(crate) const fn hash(&self) -> u32 {
        let mixed = (self.first ^ self.len as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ self.last;
        // This factor was found by trying: it is the first of a random sequence that gives each
        // name a slot of its own, which the construction of `SLOTS` checks.
        (mixed.wrapping_mul(FACTOR) >> 32) as u32
    }
}

/// The place of a hash in [`SLOTS`].
const fn slot(hash: u32) -> usize {
    (hash >> (32 - SLOT_BITS)) as usize
}

const SLOT_BITS: u32 = 9;
const FACTOR: u64 = 0xf695_3d2e_2539_acf5;

/// For each [`slot`] the number of the name that may be there, or 0.
static SLOTS: [u8; 1 << SLOT_BITS] = {
    let mut slots = [0; 1 << SLOT_BITS];
    let mut index = 0;
    while index < V1.len() {
        let slot = slot(V1_DIGESTS[index].hash());
        assert!(slots[slot] == 0, "two names have the same slot");
        slots[slot] = index as u8 + 1;
        index += 1;
    }
    slots
};

static V1_DIGESTS: [Digest; V1.len()] = {
    let mut digests = [Digest::of(b""); V1.len()];
    let mut index = 0;
    while index < V1.len() {
        digests[index] = Digest::of(V1[index].as_bytes());
        index += 1;
    }
    digests
};

macro_rules! table {
    ($names:ident, $members:ident: $($name:literal),* $(,)?) => {
        /// The names, from 1 on.
        static $names: [&str; const { [$($name),*].len() }] = [$($name),*];
        /// The names as [`Keys::member`] gives them.
        static $members: [&str; const { [$($name),*].len() }] = [$(concat!("\"", $name, "\":")),*];
    };
}

table! { V1, V1_MEMBERS:
    "event_id",
    "type",
    "content",
    "state_key",
    "room_id",
    "sender",
    "user_id",
    "origin_server_ts",
    "unsigned",
    "prev_content",
    "state",
    "timeline",
    "events",
    "limited",
    "prev_batch",
    "transaction_id",
    "age",
    "redacted_because",
    "next_batch",
    "presence",
    "avatar_url",
    "account_data",
    "rooms",
    "join",
    "membership",
    "displayname",
    "body",
    "msgtype",
    "format",
    "formatted_body",
    "ephemeral",
    "invite_state",
    "leave",
    "third_party_invite",
    "is_direct",
    "hashes",
    "signatures",
    "depth",
    "prev_events",
    "prev_state",
    "auth_events",
    "origin",
    "creator",
    "join_rule",
    "history_visibility",
    "ban",
    "events_default",
    "kick",
    "redact",
    "state_default",
    "users",
    "users_default",
    "reason",
    "visibility",
    "room_alias_name",
    "name",
    "topic",
    "invite",
    "invite_3pid",
    "room_version",
    "creation_content",
    "initial_state",
    "preset",
    "servers",
    "identifier",
    "user",
    "medium",
    "address",
    "password",
    "token",
    "device_id",
    "initial_device_display_name",
    "access_token",
    "home_server",
    "well_known",
    "base_url",
    "device_lists",
    "to_device",
    "peek",
    "last_seen_ip",
    "display_name",
    "typing",
    "last_seen_ts",
    "algorithm",
    "sender_key",
    "session_id",
    "ciphertext",
    "one_time_keys",
    "timeout",
    "recent_rooms",
    "chunk",
    "m.fully_read",
    "device_keys",
    "failures",
    "device_display_name",
    "prev_sender",
    "replaces_state",
    "changed",
    "unstable_features",
    "versions",
    "devices",
    "errcode",
    "error",
    "room_alias",
}
