//! The keys that tickets are sealed with.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use arc_swap::ArcSwap;
use aws_lc_rs::{
    digest::{Context, SHA256},
    error::Unspecified,
    rand,
};
use zeroize::Zeroizing;

use super::KEY_ID;
use crate::material::Reason;

/// The bytes of a key. Wiped when they are dropped.
pub(crate) type Secret = Zeroizing<[u8; 32]>;

/// The first key in the text of a file, which has them as [`Key::parse_all`] says.
///
/// # Errors
///
/// There is none, or something else.
pub(crate) fn first(text: &[u8]) -> Result<Secret, Reason> {
    let keys = Key::parse_all(text).map_err(Reason::TicketKeyLine)?;
    let first = keys.into_iter().next().ok_or(Reason::NoTicketKey)?;
    Ok(first.secret)
}

/// Keys for tickets.
#[derive(Clone, Debug)]
pub(in crate::tls) enum Keys {
    /// Keys from a file: the first seals, all open.
    Given(Arc<[Key]>),
    /// Keys of this process.
    Own(Arc<OwnKeys>),
}

impl Keys {
    /// The key that seals at this time (since 1970).
    pub(super) fn newest(&self, now: Duration) -> Result<Key, Unspecified> {
        match self {
            Self::Given(keys) => keys.first().cloned().ok_or(Unspecified),
            Self::Own(own) => own.newest(now),
        }
    }

    /// The key that has this id.
    pub(super) fn find(&self, id: &[u8], now: Duration) -> Option<Secret> {
        let secret = |key: &Key| (key.id == id).then(|| key.secret.clone());
        match self {
            Self::Given(keys) => keys.iter().find_map(secret),
            Self::Own(own) => {
                let keys = own.keys.load();
                let alive = keys.iter().filter(|aged| own.opens(aged, now));
                alive.map(|aged| &aged.key).find_map(secret)
            }
        }
    }
}

/// A key, and what it is called in tickets.
#[derive(Clone)]
pub(in crate::tls) struct Key {
    pub(super) id: [u8; KEY_ID],
    pub(super) secret: Secret,
}

impl Key {
    /// The keys in the text of a file: one a line, as 64 hexadecimal digits; `#` begins a comment.
    ///
    /// # Errors
    ///
    /// The first line, from 1, that is none of that.
    pub(in crate::tls) fn parse_all(text: &[u8]) -> Result<Vec<Self>, usize> {
        let mut keys = Vec::new();
        for (number, line) in (1_usize..).zip(text.split(|byte| *byte == b'\n')) {
            let digits = line.split(|byte| *byte == b'#').next().unwrap_or_default();
            let digits = digits.trim_ascii();
            if !digits.is_empty() {
                keys.push(Self::new(parse(digits).ok_or(number)?));
            }
        }
        Ok(keys)
    }

    fn new(secret: Secret) -> Self {
        let mut context = Context::new(&SHA256);
        context.update(b"vestibule ticket key id");
        context.update(&*secret);
        let mut id = [0; KEY_ID];
        id.copy_from_slice(&context.finish().as_ref()[..KEY_ID]);
        Self { id, secret }
    }

    fn random() -> Result<Self, Unspecified> {
        let mut secret = Secret::default();
        rand::fill(&mut *secret)?;
        Ok(Self::new(secret))
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").finish_non_exhaustive()
    }
}

/// Random keys of this process. A new one replaces the newest after half the lifetime of a ticket,
/// when the next ticket is sealed. A key is forgotten when its last ticket is too old.
#[derive(Debug)]
pub(in crate::tls) struct OwnKeys {
    pub(in crate::tls) lifetime: Duration,
    /// Newest first.
    keys: ArcSwap<Vec<Aged>>,
    /// Held while a key is made.
    making: Mutex<()>,
}

#[derive(Clone, Debug)]
struct Aged {
    key: Key,
    /// Since 1970.
    made: Duration,
}

impl OwnKeys {
    /// No key yet, for tickets that can be used so long.
    pub(in crate::tls) fn new(lifetime: Duration) -> Self {
        Self {
            lifetime,
            keys: ArcSwap::default(),
            making: Mutex::default(),
        }
    }

    /// How many keys are held.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.keys.load().len()
    }

    fn newest(&self, now: Duration) -> Result<Key, Unspecified> {
        let first = |keys: &[Aged]| {
            let aged = keys.first().filter(|aged| self.seals(aged, now));
            aged.map(|aged| aged.key.clone())
        };
        if let Some(key) = first(&self.keys.load()) {
            return Ok(key);
        }
        let _making = self.making.lock().unwrap_or_else(PoisonError::into_inner);
        let known = self.keys.load();
        // Somebody else may have been faster.
        if let Some(key) = first(&known) {
            return Ok(key);
        }
        let key = Key::random()?;
        let newest = Aged {
            key: key.clone(),
            made: now,
        };
        let old = known.iter().filter(|aged| self.opens(aged, now)).cloned();
        let keys = std::iter::once(newest).chain(old).collect();
        self.keys.store(Arc::new(keys));
        Ok(key)
    }

    // A clock that was set back makes a key old, too.
    fn seals(&self, aged: &Aged, now: Duration) -> bool {
        now.abs_diff(aged.made) <= self.lifetime / 2
    }

    fn opens(&self, aged: &Aged, now: Duration) -> bool {
        now.abs_diff(aged.made) <= self.lifetime + self.lifetime / 2
    }
}

fn parse(digits: &[u8]) -> Option<Secret> {
    let digits: &[u8; 64] = digits.try_into().ok()?;
    let mut secret = Secret::default();
    for (byte, pair) in secret.iter_mut().zip(digits.chunks_exact(2)) {
        let [high, low] = [pair[0], pair[1]].map(|digit| char::from(digit).to_digit(16));
        *byte = (high? << 4 | low?).try_into().ok()?;
    }
    Some(secret)
}
