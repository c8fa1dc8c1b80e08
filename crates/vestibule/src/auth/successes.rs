//! Passwords that were right not long ago. Neither they nor their plain hashes are held.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use aws_lc_rs::hmac;

/// How long a success counts.
const HOLDS: Duration = Duration::from_secs(60);

/// The most that are remembered.
const MOST: usize = 1024;

/// Names with passwords that were right, by a hash that only this process can make.
#[derive(Debug)]
pub(super) struct Successes {
    key: hmac::Key,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    /// How often all were forgotten.
    epoch: u64,
    until: HashMap<Tag, Instant>,
}

/// Stands for a name with a password.
pub(super) type Tag = [u8; 32];

impl Successes {
    /// None yet. The key is new.
    pub(super) fn new() -> Self {
        let key: [u8; 32] = rand::random();
        Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, &key),
            known: Mutex::default(),
        }
    }

    /// What stands for `username` with `password`.
    pub(super) fn tag(&self, username: &str, password: &[u8]) -> Tag {
        let mut context = hmac::Context::with_key(&self.key);
        // The length says where the name ends.
        context.update(&(username.len() as u64).to_be_bytes());
        context.update(username.as_bytes());
        context.update(password);
        let mut tag = [0; 32];
        tag.copy_from_slice(context.sign().as_ref());
        tag
    }

    /// Whether it was right within [`HOLDS`].
    pub(super) fn has(&self, tag: &Tag, now: Instant) -> bool {
        let known = self.known();
        known.until.get(tag).is_some_and(|until| now < *until)
    }

    /// What [`Self::insert`] wants to know of the time when a check began.
    pub(super) fn epoch(&self) -> u64 {
        self.known().epoch
    }

    /// It is right, by what was known at `epoch`.
    pub(super) fn insert(&self, tag: Tag, epoch: u64, now: Instant) {
        let mut known = self.known();
        if known.epoch != epoch {
            return;
        }
        if known.until.len() >= MOST {
            known.until.retain(|_, until| now < *until);
        }
        if known.until.len() >= MOST
            && let Some(oldest) = known
                .until
                .iter()
                .min_by_key(|(_, until)| **until)
                .map(|(tag, _)| *tag)
        {
            known.until.remove(&oldest);
        }
        known.until.insert(tag, now + HOLDS);
    }

    /// Forgets all: the passwords may be others now.
    pub(super) fn forget(&self) {
        let mut known = self.known();
        known.epoch += 1;
        known.until.clear();
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_success_holds_for_a_minute() {
        let (successes, now) = (Successes::new(), Instant::now());
        let tag = successes.tag("ann", b"secret");
        assert!(!successes.has(&tag, now));
        successes.insert(tag, successes.epoch(), now);
        assert!(successes.has(&tag, now + HOLDS - Duration::from_millis(1)));
        assert!(!successes.has(&tag, now + HOLDS));
    }

    #[test]
    fn names_and_passwords_do_not_run_into_each_other() {
        let successes = Successes::new();
        assert_ne!(successes.tag("ab", b"c"), successes.tag("a", b"bc"));
        assert_ne!(successes.tag("a", b"b"), Successes::new().tag("a", b"b"));
    }

    #[test]
    fn what_began_before_all_were_forgotten_is_not_remembered() {
        let (successes, now) = (Successes::new(), Instant::now());
        let tag = successes.tag("ann", b"secret");
        let before = successes.epoch();
        successes.insert(tag, before, now);
        successes.forget();
        assert!(!successes.has(&tag, now));
        successes.insert(tag, before, now);
        assert!(!successes.has(&tag, now));
    }

    #[test]
    fn memory_is_bounded() {
        let (successes, now) = (Successes::new(), Instant::now());
        for i in 0..2 * MOST {
            let tag = successes.tag(&i.to_string(), b"");
            successes.insert(tag, 0, now + Duration::from_millis(i as u64));
        }
        assert_eq!(successes.known().until.len(), MOST);
    }
}
