//! What the peer says.

use std::time::{Duration, Instant};

use super::{
    Established, Fault, RETIREMENT, Reading, Retired,
    message::{
        self, ACK, ALERT, HANDSHAKE, KEY_UPDATE, NEW_CONNECTION_ID, Number, PAYLOAD,
        REQUEST_CONNECTION_ID, Taken,
    },
};
use crate::{
    protection::{Header, Keys, Opened, Window},
    session::{CID_LEN, ConnectionId, MAX_PAYLOAD},
    wire::Fragment,
};

/// The epoch of the handshake.
const HANDSHAKE_EPOCH: u64 = 2;

/// Alerts (RFC 8446 section 6.2, RFC 9147 section 9).
const UNEXPECTED_MESSAGE: u8 = 10;
const RECORD_OVERFLOW: u8 = 22;
const DECODE_ERROR: u8 = 50;
const TOO_MANY_CIDS_REQUESTED: u8 = 52;

/// After so many records that did not authenticate the keys are not to be used any more (RFC 9147 section 4.5.3).
const MAX_FORGED: u64 = 1 << 36;

/// How often a peer may have new keys in a while: each time costs more than a record.
const MAX_UPDATES: u32 = 64;
const WHILE: Duration = Duration::from_secs(60);

/// How many Connection IDs an association has at most besides the first, and how often a peer may ask for some.
const MAX_SPARE_IDS: usize = 8;
const MAX_ASKED: u8 = 32;

/// How many records with the client's Finished are acknowledged once more before a good-bye.
const MAX_UNCONFIRMED: usize = 8;

impl Established {
    /// Takes a record. What does not authenticate changes nothing.
    pub(super) fn take(&mut self, now: Instant, record: &[u8]) -> Result<(), Fault> {
        let Some((number, opened)) = self.open(record) else {
            return match self.forged {
                MAX_FORGED.. => Err(Fault::Internal),
                _ => Ok(()),
            };
        };
        if number.0 == self.read.epoch
            && let Some(retired) = &mut self.retired
        {
            retired.until.get_or_insert(now + RETIREMENT);
        }
        // Nothing of the handshake may do anything any more, but its end may have to be acknowledged again.
        let late = number.0 == HANDSHAKE_EPOCH;
        if !late && opened.kind != Some(ACK) {
            self.unconfirmed = Vec::new();
        }
        let content = opened.content();
        if content.len() > MAX_PAYLOAD {
            return Err(self.fail(RECORD_OVERFLOW));
        }
        match opened.kind {
            Some(HANDSHAKE) if late => {
                if self.unconfirmed.len() < MAX_UNCONFIRMED {
                    self.unconfirmed.push(number);
                }
                self.acknowledge(&[number]);
                Ok(())
            }
            Some(ALERT) if late => Ok(()),
            Some(PAYLOAD) if !late => {
                self.received.extend_from_slice(content);
                Ok(())
            }
            Some(HANDSHAKE) => self.handshake(now, number, content),
            Some(ALERT) => self.alert(content),
            Some(ACK) => self.acknowledged(now, content),
            _ => Err(self.fail(UNEXPECTED_MESSAGE)),
        }
    }

    fn open(&mut self, record: &[u8]) -> Option<(Number, Opened)> {
        let header = Header::parse(record, self.id.map_or(0, |id| id.len()))?;
        let id = header.id();
        if !id.is_none_or(|id| self.is_ours(id)) || id.is_some() != self.id.is_some() {
            return None;
        }
        let made;
        let (epoch, window, keys) = if header.may_be_of(self.read.epoch) {
            (self.read.epoch, &mut self.read.window, &self.read.keys)
        } else {
            let retired = self.retired.as_deref_mut()?;
            header.may_be_of(retired.epoch).then_some(())?;
            made = Keys::new(&retired.secret)?;
            (retired.epoch, &mut retired.window, &made)
        };
        let number = keys.number(&header, window.next())?;
        window.is_new(number).then_some(())?;
        let Some(opened) = keys.open(&header, number) else {
            self.forged += 1;
            return None;
        };
        window.mark(number);
        let number = (epoch, number);
        if number > self.newest {
            self.newest = number;
            self.is_newest = id.is_some();
        }
        Some((number, opened))
    }

    fn is_ours(&self, id: &[u8]) -> bool {
        self.id
            .iter()
            .chain(&self.spare_ids)
            .any(|ours| ours[..] == *id)
    }

    fn alert(&mut self, content: &[u8]) -> Result<(), Fault> {
        match *content {
            [_, 0] => {
                self.closed_by_peer = true;
                Ok(())
            }
            [_, description] => Err(Fault::Alert(description)),
            _ => Err(self.fail(DECODE_ERROR)),
        }
    }

    fn acknowledged(&mut self, now: Instant, content: &[u8]) -> Result<(), Fault> {
        let Some(numbers) = message::acknowledged(content) else {
            return Err(self.fail(DECODE_ERROR));
        };
        if self.flight.acknowledge(&numbers) {
            // Who has the keys for that is past its handshake.
            self.unconfirmed = Vec::new();
            self.advance(now)?;
        }
        Ok(())
    }

    fn handshake(&mut self, now: Instant, number: Number, content: &[u8]) -> Result<(), Fault> {
        let mut rest = content;
        while !rest.is_empty() {
            let Some(fragment) = Fragment::next(rest) else {
                return Err(self.fail(DECODE_ERROR));
            };
            match self.inbox.take(&fragment) {
                Taken::Whole(kind, body) => self.message(now, kind, &body)?,
                Taken::Kept => {}
                Taken::Early => return Ok(()),
                Taken::Senseless => return Err(self.fail(DECODE_ERROR)),
            }
            rest = fragment.rest;
        }
        self.acknowledge(&[number]);
        Ok(())
    }

    fn message(&mut self, now: Instant, kind: u8, body: &[u8]) -> Result<(), Fault> {
        match kind {
            KEY_UPDATE => match message::wants_update(body) {
                Some(wanted) => self.update(now, wanted),
                None => Err(self.fail(DECODE_ERROR)),
            },
            // Who has none does not have others (RFC 9147 section 9).
            NEW_CONNECTION_ID if !self.peer.is_empty() => match message::immediate_id(body) {
                Some(id) => {
                    // Those that are to spare are not kept, as that section allows.
                    if let Some(id) = id {
                        self.peer = id.into();
                    }
                    Ok(())
                }
                None => Err(self.fail(DECODE_ERROR)),
            },
            REQUEST_CONNECTION_ID if self.id.is_some() => match *body {
                [_] if self.ids_asked == MAX_ASKED => Err(self.fail(TOO_MANY_CIDS_REQUESTED)),
                [count] => {
                    self.ids_asked += 1;
                    self.ids_owed = self.ids_owed.saturating_add(count);
                    self.advance(now)
                }
                _ => Err(self.fail(DECODE_ERROR)),
            },
            _ => Err(self.fail(UNEXPECTED_MESSAGE)),
        }
    }

    /// The peer writes under new keys (RFC 9147 section 8).
    fn update(&mut self, now: Instant, wanted: bool) -> Result<(), Fault> {
        let (since, count) = &mut self.updates;
        if since.is_none_or(|since| now.saturating_duration_since(since) >= WHILE) {
            (*since, *count) = (Some(now), 0);
        }
        *count += 1;
        if *count > MAX_UPDATES {
            return Err(self.fail(UNEXPECTED_MESSAGE));
        }
        let secret = self.read.secret.next().ok_or(Fault::Internal)?;
        let keys = Keys::new(&secret).ok_or(Fault::Internal)?;
        let next = Reading {
            epoch: self.read.epoch + 1,
            secret,
            keys,
            window: Window::default(),
        };
        let before = std::mem::replace(&mut self.read, next);
        self.retired = Some(Box::new(Retired {
            epoch: before.epoch,
            secret: before.secret,
            window: before.window,
            until: None,
        }));
        if wanted && !self.updating {
            self.updating = true;
            self.tell(now, KEY_UPDATE, &[0]).ok_or(Fault::Internal)?;
        }
        Ok(())
    }

    /// NewConnectionId with new ones, as far as there are any left. All begin as the first does, which names the worker.
    pub(super) fn issue(&mut self, count: usize) -> Option<Vec<u8>> {
        let [worker, ..] = self.id?;
        let had = self.spare_ids.len();
        for _ in had..MAX_SPARE_IDS.min(had + count) {
            let mut id: ConnectionId = [0; CID_LEN];
            aws_lc_rs::rand::fill(&mut id).ok()?;
            id[0] = worker;
            self.spare_ids.push(id);
        }
        message::spare_ids(self.spare_ids.get(had..)?)
    }
}
