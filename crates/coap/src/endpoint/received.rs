//! Which messages of the peer have been seen, and what was answered (RFC 7252 section 4.5).

#[cfg(test)]
mod tests;

use std::{
    collections::{HashMap, VecDeque},
    hash::{DefaultHasher, Hash, Hasher},
    time::Instant,
};

use bytes::Bytes;

use super::config::{Config, EXCHANGE_LIFETIME};

/// Knows each message of the peer again for the lifetime of an exchange. What must be processed once only is
/// remembered here; what may be processed again, such as fetching a block, need not be.
#[derive(Debug, Default)]
pub(super) struct Received {
    entries: HashMap<MessageKey, Entry>,
    /// In the order of arrival, with the time at which each may be forgotten.
    order: VecDeque<(Instant, MessageKey)>,
    reply_bytes: usize,
    /// Keys whose replies are held, in the order of the replies; some may be forgotten already.
    held: VecDeque<MessageKey>,
    /// The same of messages that make room for others: their replies go first.
    held_passing: VecDeque<MessageKey>,
    /// Keys that make room for others, in the order of arrival; some may be forgotten already.
    passing: VecDeque<MessageKey>,
}

#[derive(Debug)]
struct Entry {
    expiry: Instant,
    reply: Reply,
    passing: bool,
}

/// What a message is known by: its id. The Go library sends many different messages with the id 0; these are known by
/// their bytes.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) struct MessageKey {
    id: u16,
    hash: u64,
}

/// What a repetition of a message is answered with.
#[derive(Clone, Debug)]
pub(super) enum Reply {
    /// An empty acknowledgement.
    Acknowledgement,
    /// This very datagram.
    Datagram(Bytes),
    /// Nothing: it is still worked on, it is non-confirmable, or its answer had to be forgotten.
    Nothing,
    /// A reset.
    Reset,
}

/// There are too many to remember one more.
#[derive(Clone, Copy, Debug)]
pub(super) struct Full;

impl MessageKey {
    pub(super) fn new(id: u16, datagram: &[u8]) -> Self {
        let hash = if id == 0 {
            let mut hasher = DefaultHasher::new();
            datagram.hash(&mut hasher);
            hasher.finish()
        } else {
            0
        };
        Self { id, hash }
    }

    pub(super) fn id(self) -> u16 {
        self.id
    }
}

impl Received {
    /// What to answer if this message was seen before.
    pub(super) fn reply(&self, key: MessageKey) -> Option<&Reply> {
        self.entries.get(&key).map(|entry| &entry.reply)
    }

    /// Remembers a message.
    ///
    /// # Errors
    /// [`Config::max_received`] are remembered already, and all of them may still be repeated.
    pub(super) fn insert(
        &mut self,
        now: Instant,
        key: MessageKey,
        config: &Config,
    ) -> Result<(), Full> {
        self.forget(now);
        while self.entries.len() >= config.max_received {
            let passing = self.passing.pop_front().ok_or(Full)?;
            self.remove(passing);
        }
        let expiry = now + EXCHANGE_LIFETIME;
        let entry = Entry {
            expiry,
            reply: Reply::Nothing,
            passing: false,
        };
        self.entries.insert(key, entry);
        self.order.push_back((expiry, key));
        self.compact();
        Ok(())
    }

    /// Remembers a message until there is no room: processing it again would do little harm.
    pub(super) fn insert_passing(
        &mut self,
        now: Instant,
        key: MessageKey,
        config: &Config,
    ) -> Result<(), Full> {
        self.insert(now, key, config)?;
        self.let_pass(key);
        Ok(())
    }

    /// From now on a message makes room for others.
    pub(super) fn let_pass(&mut self, key: MessageKey) {
        if let Some(entry) = self.entries.get_mut(&key) {
            entry.passing = true;
            self.passing.push_back(key);
        }
    }

    /// Sets what a repetition is answered with. Without effect when the message is forgotten. The oldest datagrams go
    /// when they are more than [`Config::max_reply_bytes`]: their messages are not processed again all the same.
    pub(super) fn set_reply(&mut self, key: MessageKey, reply: Reply, config: &Config) {
        let Some(entry) = self.entries.get_mut(&key) else {
            return;
        };
        self.reply_bytes -= entry.reply.bytes();
        self.reply_bytes += reply.bytes();
        if let Reply::Datagram(_) = &reply {
            match entry.passing {
                true => self.held_passing.push_back(key),
                false => self.held.push_back(key),
            }
        }
        entry.reply = reply;
        while self.reply_bytes > config.max_reply_bytes
            && let Some(oldest) = self
                .held_passing
                .pop_front()
                .or_else(|| self.held.pop_front())
        {
            if let Some(entry) = self.entries.get_mut(&oldest) {
                self.reply_bytes -= std::mem::replace(&mut entry.reply, Reply::Nothing).bytes();
            }
        }
    }

    /// Forgets what cannot come again.
    pub(super) fn forget(&mut self, now: Instant) {
        while let Some(&(expiry, key)) = self.order.front()
            && expiry <= now
        {
            self.order.pop_front();
            // It may have made room, and have come again since.
            if self
                .entries
                .get(&key)
                .is_some_and(|entry| entry.expiry == expiry)
            {
                self.remove(key);
            }
        }
        self.compact();
        if self.entries.is_empty() && self.order.capacity() > 0 {
            *self = Self::default();
        }
    }

    /// When everything can be forgotten. Single messages are forgotten whenever there is something to do.
    pub(super) fn next_timeout(&self) -> Option<Instant> {
        self.order.back().map(|&(expiry, _)| expiry)
    }

    /// How many messages are remembered.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// How many bytes that takes.
    pub(super) fn footprint(&self) -> usize {
        let entry = size_of::<(MessageKey, Entry)>();
        let queues = self.order.len() * size_of::<(Instant, MessageKey)>()
            + (self.held.len() + self.held_passing.len() + self.passing.len())
                * size_of::<MessageKey>();
        self.entries.len() * entry + queues + self.reply_bytes
    }

    /// Takes out of the queues what was forgotten, when that is most of it.
    fn compact(&mut self) {
        let most = self.entries.len() * 2 + 64;
        let entries = &self.entries;
        if self.order.len() > most {
            self.order
                .retain(|(expiry, key)| entries.get(key).is_some_and(|it| it.expiry == *expiry));
        }
        for keys in [&mut self.held, &mut self.held_passing, &mut self.passing] {
            if keys.len() > most {
                keys.retain(|key| entries.contains_key(key));
            }
        }
    }

    fn remove(&mut self, key: MessageKey) {
        if let Some(entry) = self.entries.remove(&key) {
            self.reply_bytes -= entry.reply.bytes();
        }
    }
}

impl Reply {
    fn bytes(&self) -> usize {
        match self {
            Self::Datagram(datagram) => datagram.len(),
            _ => 0,
        }
    }
}
