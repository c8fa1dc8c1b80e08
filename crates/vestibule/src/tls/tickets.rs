//! Session tickets (RFC 5077, RFC 8446 section 4.6.1): what we would have to remember of a session,
//! sealed and given to the client.
//!
//! ```text
//! ticket = version (1) ‖ id of the key (8) ‖ salt (32) ‖ AES-256-GCM(issued (8) ‖ session)
//! ```
//!
//! The key of each ticket is HKDF-SHA256 of our key, with the salt and with what the listener
//! demands of clients. So no nonce can repeat, and a ticket is worth nothing where other clients
//! are let in than where it was given.

mod keys;

#[cfg(test)]
mod tests;

use std::{
    cell::Cell,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    digest::{SHA256, digest},
    error::Unspecified,
    hkdf::{HKDF_SHA256, Salt},
    rand,
};
use rustls::server::ProducesTickets;

pub(crate) use keys::first as first_ticket_key;
pub(super) use keys::{Key, Keys, OwnKeys};

const VERSION: u8 = 1;
const KEY_ID: usize = 8;
const SALT: usize = 32;
const HEADER: usize = 1 + KEY_ID + SALT;
const ISSUED: usize = 8;

/// How far ahead the clock of another machine may be that has the same keys.
const SKEW: Duration = Duration::from_secs(300);

/// The longest time that a client may be told (RFC 8446 section 4.6.1).
const LONGEST: Duration = Duration::from_secs(7 * 24 * 3600);

/// Seals and opens the tickets of a listener.
#[derive(Debug)]
pub(super) struct Ticketer {
    keys: Keys,
    lifetime: Duration,
    policy: Policy,
}

/// What a listener demands of clients, as a digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Policy([u8; 32]);

impl Policy {
    /// `auth`: whether clients must have a certificate, and what it is verified by, in DER;
    /// `None`: they are not asked for one.
    pub(super) fn new(auth: Option<(bool, &[Vec<u8>])>) -> Self {
        let (mode, basis) = match auth {
            None => (0, &[][..]),
            Some((false, basis)) => (1, basis),
            Some((true, basis)) => (2, basis),
        };
        // Machines that share keys need not have their files in the same order.
        let mut parts: Vec<_> = basis.iter().map(|der| hash(der)).collect();
        parts.sort_unstable();
        Self(hash(&[&[mode], &*parts.concat()].concat()))
    }
}

impl Ticketer {
    pub(super) fn new(keys: Keys, lifetime: Duration, policy: Policy) -> Self {
        Self {
            keys,
            lifetime,
            policy,
        }
    }

    /// A ticket for `session`, made `now` for one that was `authenticated` then (since 1970).
    fn seal(
        &self,
        session: &[u8],
        now: Duration,
        authenticated: Duration,
    ) -> Result<Vec<u8>, Unspecified> {
        let key = self.keys.newest(now)?;
        let mut ticket =
            Vec::with_capacity(HEADER + ISSUED + session.len() + AES_256_GCM.tag_len());
        let mut salt = [0; SALT];
        rand::fill(&mut salt)?;
        ticket.push(VERSION);
        ticket.extend_from_slice(&key.id);
        ticket.extend_from_slice(&salt);
        let mut sealed = Vec::with_capacity(ISSUED + session.len());
        sealed.extend_from_slice(&authenticated.as_secs().to_be_bytes());
        sealed.extend_from_slice(session);
        let key = self.key_of_ticket(&key.secret, &salt)?;
        let tag = key.seal_in_place_separate_tag(once(), Aad::from(&ticket), &mut sealed)?;
        ticket.extend_from_slice(&sealed);
        ticket.extend_from_slice(tag.as_ref());
        Ok(ticket)
    }

    /// The session in `ticket` and when it was authenticated, unless it is not ours or too old.
    fn open(&self, ticket: &[u8], now: Duration) -> Option<(Duration, Vec<u8>)> {
        let (header, sealed) = ticket.split_at_checked(HEADER)?;
        let (version, rest) = header.split_at_checked(1)?;
        let (id, salt) = rest.split_at_checked(KEY_ID)?;
        if version != [VERSION] {
            return None;
        }
        let key = self.keys.find(id, now)?;
        let mut opened = sealed.to_vec();
        let length = self
            .key_of_ticket(&key, salt)
            .and_then(|key| {
                key.open_in_place(once(), Aad::from(header), &mut opened)
                    .map(|it| it.len())
            })
            .ok()?;
        opened.truncate(length);
        let (issued, session) = opened.split_first_chunk::<ISSUED>()?;
        let issued = Duration::from_secs(u64::from_be_bytes(*issued));
        let good = issued <= now + SKEW && now.saturating_sub(issued) <= self.lifetime;
        good.then(|| (issued, session.to_vec()))
    }

    fn key_of_ticket(&self, key: &[u8; 32], salt: &[u8]) -> Result<LessSafeKey, Unspecified> {
        let secret = Salt::new(HKDF_SHA256, salt).extract(key);
        let info = [b"vestibule ticket", &self.policy.0[..]];
        let key = UnboundKey::from(secret.expand(&info, &AES_256_GCM)?);
        Ok(LessSafeKey::new(key))
    }
}

thread_local! {
    /// When the session that is being computed on was authenticated, since 1970.
    static AUTHENTICATED: Cell<Option<Duration>> = const { Cell::new(None) };
}

/// Says when the session was authenticated on which the next step is computed, and answers what
/// the step before has found out. A ticket that a resumed session gets is as old as the one that it
/// came with: otherwise a client that returns often enough would never have to show its certificate
/// again. rustls does not tell which session it asks for a ticket, so this stands around every step
/// of a handshake.
pub(super) fn authenticated(session: Option<Duration>) -> Option<Duration> {
    AUTHENTICATED.replace(session)
}

impl ProducesTickets for Ticketer {
    fn enabled(&self) -> bool {
        true
    }

    fn lifetime(&self) -> u32 {
        let seconds = self.lifetime.min(LONGEST).as_secs();
        seconds.try_into().unwrap_or(u32::MAX)
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        let now = now();
        let authenticated = AUTHENTICATED.get().unwrap_or(now);
        self.seal(plain, now, authenticated).ok()
    }

    fn decrypt(&self, cipher: &[u8]) -> Option<Vec<u8>> {
        let (issued, session) = self.open(cipher, now())?;
        AUTHENTICATED.set(Some(issued));
        Some(session)
    }
}

/// A key is used for one ticket only.
fn once() -> Nonce {
    Nonce::assume_unique_for_key([0; 12])
}

fn hash(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, bytes).as_ref());
    hash
}

/// Since 1970, by this machine's clock.
fn now() -> Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
}
