//! The users of a gateway, as many as are remembered.

use std::{
    collections::{BTreeMap, HashMap, hash_map::Entry},
    time::Instant,
};

use vestibule_lowband::gateway::{Finished, Outcome, TokenDigest};

use super::tally::Tally;

/// The users who were seen last.
#[derive(Debug)]
pub(super) struct Users {
    capacity: usize,
    known: HashMap<TokenDigest, User>,
    /// Who was seen when, by [`User::turn`].
    order: BTreeMap<u64, TokenDigest>,
    next_turn: u64,
}

/// Somebody who has shown one access token.
#[derive(Clone, Copy, Debug)]
pub(super) struct User {
    /// When something was heard first.
    pub(super) since: Instant,
    /// And last.
    pub(super) seen: Instant,
    /// What came of it.
    pub(super) tally: Tally,
    turn: u64,
}

impl Users {
    /// Nobody yet, and never more than `capacity`.
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            capacity,
            known: HashMap::new(),
            order: BTreeMap::new(),
            next_turn: 0,
        }
    }

    /// Counts an exchange of a user. Who is not known becomes known if the homeserver has carried it
    /// out, and for this who was not seen for longest may be forgotten. Whether it is known now.
    pub(super) fn finished(
        &mut self,
        now: Instant,
        digest: TokenDigest,
        finished: &Finished,
    ) -> bool {
        let is_good = matches!(
            finished.outcome,
            Outcome::Answered { status: Some(status), .. } if status.is_success()
        );
        let user = match is_good {
            true => Some(self.admit(now, digest)),
            false => self.find(now, digest),
        };
        let Some(user) = user else {
            return false;
        };
        user.tally.note(finished);
        true
    }

    /// Counts bytes of UDP payloads of a user, if known. Who sends nothing is not seen.
    pub(super) fn carried(&mut self, now: Instant, digest: TokenDigest, received: u64, sent: u64) {
        let user = match received {
            0 => self.known.get_mut(&digest),
            _ => self.find(now, digest),
        };
        if let Some(user) = user {
            user.tally.bytes_in += received;
            user.tally.bytes_out += sent;
        }
    }

    /// Adds those of another worker.
    pub(super) fn merge(&mut self, other: &Self) {
        // Turns of different workers do not compare.
        for (digest, theirs) in &other.known {
            match self.known.entry(*digest) {
                Entry::Occupied(mut entry) => {
                    let ours = entry.get_mut();
                    ours.since = ours.since.min(theirs.since);
                    ours.seen = ours.seen.max(theirs.seen);
                    ours.tally.add(&theirs.tally);
                }
                Entry::Vacant(entry) => {
                    entry.insert(*theirs);
                }
            }
        }
    }

    /// All of them, who was seen last first; never more than are remembered.
    pub(super) fn latest_first(self) -> impl Iterator<Item = (TokenDigest, User)> {
        let mut users: Vec<_> = self.known.into_iter().collect();
        users.sort_unstable_by_key(|(digest, user)| (std::cmp::Reverse(user.seen), *digest));
        users.into_iter().take(self.capacity)
    }

    /// Who is known was seen now.
    fn find(&mut self, now: Instant, digest: TokenDigest) -> Option<&mut User> {
        let user = self.known.get_mut(&digest)?;
        user.seen = now;
        // Most often it was the last one, too.
        if user.turn + 1 != self.next_turn {
            self.order.remove(&user.turn);
            user.turn = self.next_turn;
            self.next_turn += 1;
            self.order.insert(user.turn, digest);
        }
        Some(user)
    }

    fn admit(&mut self, now: Instant, digest: TokenDigest) -> &mut User {
        if self.find(now, digest).is_none() {
            while self.known.len() >= self.capacity
                && let Some((_, longest)) = self.order.pop_first()
            {
                self.known.remove(&longest);
            }
            self.order.insert(self.next_turn, digest);
            self.next_turn += 1;
        }
        let turn = self.next_turn - 1;
        self.known.entry(digest).or_insert_with(|| User {
            since: now,
            seen: now,
            tally: Tally::default(),
            turn,
        })
    }
}

#[cfg(test)]
mod tests;
