//! The secrets behind cookies.

use std::{fmt, mem, time::Duration};

use aws_lc_rs::hmac;

/// How long a secret makes cookies. It is much longer than a cookie is good for, so that the one before is enough to
/// check all cookies that are.
const INTERVAL: Duration = Duration::from_secs(3600);

/// The secrets from which a server makes its cookies (RFC 6347 section 4.2.1, RFC 9147 section 5.1): a new one each
/// hour, made of the one before by a way that cannot be gone back. Clones go through the same secrets, each at its own
/// pace, so that a cookie of one worker is good at all of them.
#[derive(Clone)]
pub struct CookieSecrets {
    /// How many were before the current one.
    number: u64,
    current: [u8; 32],
    previous: [u8; 32],
}

impl CookieSecrets {
    /// A chain of secrets that begins with `seed`: 32 bytes that nobody can guess.
    #[must_use]
    pub fn new(seed: [u8; 32]) -> Self {
        Self {
            number: 0,
            current: seed,
            // Nobody knows of what it is a hash, so it makes no cookie before the first hour is over.
            previous: hash(&seed, b"before"),
        }
    }

    /// The current secret and the one before, so long after the start. Does not go back.
    pub(crate) fn at(&mut self, age: Duration) -> (&[u8; 32], &[u8; 32]) {
        let number = age.as_secs() / INTERVAL.as_secs();
        while self.number < number {
            self.number += 1;
            let next = hash(&self.current, b"next");
            self.previous = mem::replace(&mut self.current, next);
        }
        (&self.current, &self.previous)
    }
}

impl fmt::Debug for CookieSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CookieSecrets")
            .field("number", &self.number)
            .finish_non_exhaustive()
    }
}

fn hash(secret: &[u8; 32], purpose: &[u8]) -> [u8; 32] {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    let mut hash = [0; 32];
    hash.copy_from_slice(hmac::sign(&key, purpose).as_ref());
    hash
}

#[cfg(test)]
mod tests;
