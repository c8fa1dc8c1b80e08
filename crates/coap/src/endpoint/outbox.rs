//! Confirmable messages on their way.

mod missed;

pub(super) use self::missed::pace;

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use bytes::Bytes;
use rand::rngs::StdRng;

use super::{
    config::{MAX_TRANSMIT_SPAN, Timing},
    event::{ExchangeId, ObservationId, RequestId},
    ids::MessageIds,
    rtt::{RoundTrip, grown, spread},
};

/// Holds each confirmable message from when it is ready until it is acknowledged, rejected, given up or withdrawn;
/// starts it when its lane has room and an id is free; repeats it (RFC 7252 section 4.2).
#[derive(Debug, Default)]
pub(super) struct Outbox {
    entries: VecDeque<Entry>,
    last_key: u64,
}

/// Names a message in the [`Outbox`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct SendKey(u64);

/// What a message is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Purpose {
    /// A block of a body that the peer fetches, which is to be acknowledged.
    Block(SnapshotId),
    /// A request for a further block of a notification.
    Fetch(RequestId),
    /// A notification, or a first answer to a registration.
    Notification(ObservationId),
    /// A ping.
    Ping,
    /// A request, or a further block of it or of its answer.
    Request(RequestId),
    /// A separate response.
    Response(ExchangeId),
}

/// A body that the peer may fetch in blocks.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(super) struct SnapshotId(pub(super) u64);

/// What an acknowledgement or a reset was for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settled {
    pub(super) purpose: Purpose,
    /// Since the first transmission.
    pub(super) time: Duration,
    /// Whether it was transmitted more than once.
    pub(super) repeated: bool,
    /// Whether the time says something of the path, and not of how long the peer was away.
    pub(super) is_measure: bool,
}

/// Which messages wait for each other.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Lane {
    /// A few at a time.
    Answers,
    /// For none.
    Free,
    /// One at a time.
    Notifications,
    /// NSTART at a time.
    Requests,
}

#[derive(Debug)]
struct Entry {
    key: SendKey,
    purpose: Purpose,
    /// With the id 0 until it is sent.
    datagram: Bytes,
    flight: Option<Flight>,
}

#[derive(Debug)]
struct Flight {
    id: u16,
    since: Instant,
    /// The last transmission.
    sent: Instant,
    /// When to repeat it or to give up.
    next: Instant,
    first_timeout: Duration,
    timeout: Duration,
    repetitions: u8,
    /// Whether it was sent again out of turn.
    is_hurried: bool,
    /// Whether it is not repeated any more, because it would be too late.
    is_last: bool,
    /// Whether the peer was heard that should have acknowledged it long ago: it was away.
    is_missed: bool,
    /// How often it was sent again because of that.
    prompts: u8,
    /// The last time of these.
    prompted: Option<Instant>,
}

/// How late a timer may be without a repetition being lost.
const LATE_TIMER: Duration = Duration::from_secs(2);

/// What sending needs beside the messages.
pub(super) struct Sender<'a> {
    pub(super) timing: &'a Timing,
    pub(super) nstart: usize,
    pub(super) max_answers: usize,
    pub(super) ids: &'a mut MessageIds,
    pub(super) path: &'a RoundTrip,
    pub(super) rng: &'a mut StdRng,
    pub(super) transmits: &'a mut VecDeque<Bytes>,
}

impl Outbox {
    /// Queues a datagram of a confirmable message with the id 0, behind others of its lane: the next step of a long
    /// transfer too, so that it does not keep them waiting to its end.
    pub(super) fn push(&mut self, datagram: Vec<u8>, purpose: Purpose) -> SendKey {
        self.last_key += 1;
        let key = SendKey(self.last_key);
        self.entries.push_back(Entry {
            key,
            purpose,
            datagram: Bytes::from(datagram),
            flight: None,
        });
        key
    }

    /// Sends what may be sent. When an id becomes free, if one is missing.
    pub(super) fn start(&mut self, now: Instant, sender: &mut Sender<'_>) -> Option<Instant> {
        for at in 0..self.entries.len() {
            let Entry {
                purpose,
                flight: None,
                ..
            } = self.entries[at]
            else {
                continue;
            };
            if !self.has_room(purpose.lane(), sender) {
                continue;
            }
            let id = match sender.ids.next(now) {
                Ok(id) => id,
                Err(free) => return Some(free),
            };
            self.entries[at].launch(now, id, sender);
        }
        None
    }

    /// An acknowledgement or a reset of this id: takes the message away.
    pub(super) fn settle(&mut self, now: Instant, id: u16) -> Option<Settled> {
        let at = self.position(id)?;
        let Entry {
            purpose, flight, ..
        } = self.entries.remove(at)?;
        let flight = flight?;
        Some(Settled {
            purpose,
            time: now.saturating_duration_since(flight.since),
            repeated: flight.repetitions > 0 || flight.is_hurried || flight.prompts > 0,
            is_measure: !flight.has_awaited_peer(now),
        })
    }

    /// What the message with this id is for, if it is on its way.
    pub(super) fn purpose(&self, id: u16) -> Option<Purpose> {
        Some(self.entries[self.position(id)?].purpose)
    }

    /// Takes a message away that need not arrive any more.
    pub(super) fn withdraw(&mut self, key: SendKey) {
        self.entries.retain(|entry| entry.key != key);
    }

    /// Whether the message is neither settled nor given up nor withdrawn.
    pub(super) fn holds(&self, key: SendKey) -> bool {
        self.entries.iter().any(|entry| entry.key == key)
    }

    /// Repeats what is due. The purpose of the first message that is given up; call it again until there is none.
    pub(super) fn repeat(
        &mut self,
        now: Instant,
        timing: &Timing,
        transmits: &mut VecDeque<Bytes>,
    ) -> Option<Purpose> {
        for at in 0..self.entries.len() {
            let entry = &mut self.entries[at];
            let Some(flight) = entry.flight.as_mut().filter(|flight| flight.next <= now) else {
                continue;
            };
            let last = flight.since + MAX_TRANSMIT_SPAN;
            let is_late = now > last + LATE_TIMER;
            if flight.repetitions >= timing.retransmissions || flight.is_last || is_late {
                return Some(self.entries.remove(at)?.purpose);
            }
            flight.repetitions += 1;
            flight.sent = now;
            flight.is_missed = false;
            flight.timeout = grown(flight.timeout, flight.first_timeout);
            flight.next = now + flight.timeout;
            // Where the next repetition would be too late, it is the last one that is in time.
            if now >= last {
                flight.is_last = true;
            } else if flight.repetitions < timing.retransmissions {
                flight.next = flight.next.min(last);
            }
            transmits.push_back(entry.datagram.clone());
        }
        None
    }

    /// Sends again what was sent at `changed` or before, as if for the first time on a path that nothing is known of: with
    /// all its repetitions, of which the first comes after [`Timing::initial`] at least. None is later than
    /// [`MAX_TRANSMIT_SPAN`] after the first transmission of all.
    pub(super) fn hurry(&mut self, now: Instant, changed: Instant, sender: &mut Sender<'_>) {
        for entry in &mut self.entries {
            if let Some(flight) = &mut entry.flight
                && flight.is_older(changed)
                && now < flight.since + MAX_TRANSMIT_SPAN
            {
                flight.is_hurried = true;
                flight.repetitions = 0;
                flight.first_timeout = flight.first_timeout.max(sender.timing.initial);
                flight.timeout = spread(flight.first_timeout, sender.rng);
                flight.next = (now + flight.timeout).min(flight.since + MAX_TRANSMIT_SPAN);
                flight.is_missed = false;
                // What was sent because the peer was heard has gone to where it is.
                if flight.prompted != Some(changed) {
                    flight.sent = now;
                    sender.transmits.push_back(entry.datagram.clone());
                }
            }
        }
    }

    /// Whether a message on its way was sent at `changed` or before, and not again since.
    pub(super) fn has_older(&self, changed: Instant) -> bool {
        let mut flights = self.entries.iter().filter_map(|it| it.flight.as_ref());
        flights.any(|flight| flight.is_older(changed))
    }

    /// When [`Self::repeat`] has something to do.
    pub(super) fn next_timeout(&self) -> Option<Instant> {
        let flights = self
            .entries
            .iter()
            .filter_map(|entry| entry.flight.as_ref());
        flights.map(|flight| flight.next).min()
    }

    /// How many separate answers are held.
    pub(super) fn answers(&self) -> usize {
        let is_answer = |entry: &&Entry| entry.purpose.lane() == Lane::Answers;
        self.entries.iter().filter(is_answer).count()
    }

    /// How many messages are held.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// How many bytes they take.
    pub(super) fn footprint(&self) -> usize {
        let datagrams = self.entries.iter().map(|entry| entry.datagram.len());
        datagrams.map(|length| length + size_of::<Entry>()).sum()
    }

    fn position(&self, id: u16) -> Option<usize> {
        let has = |entry: &Entry| entry.flight.as_ref().is_some_and(|flight| flight.id == id);
        self.entries.iter().position(has)
    }

    fn has_room(&self, lane: Lane, sender: &Sender<'_>) -> bool {
        let limit = match lane {
            Lane::Answers => sender.max_answers,
            Lane::Free => return true,
            Lane::Notifications => 1,
            Lane::Requests => sender.nstart,
        };
        let flying = |entry: &&Entry| entry.flight.is_some() && entry.purpose.lane() == lane;
        self.entries.iter().filter(flying).count() < limit
    }
}

impl Entry {
    fn launch(&mut self, now: Instant, id: u16, sender: &mut Sender<'_>) {
        let mut datagram = Vec::from(std::mem::take(&mut self.datagram));
        datagram[2..4].copy_from_slice(&id.to_be_bytes());
        self.datagram = Bytes::from(datagram);
        sender.transmits.push_back(self.datagram.clone());
        let floor = match self.purpose {
            Purpose::Request(_) => sender.timing.min_request,
            _ => sender.timing.min,
        };
        let first_timeout = sender.path.timeout().max(floor);
        let timeout = spread(first_timeout, sender.rng);
        self.flight = Some(Flight {
            id,
            since: now,
            sent: now,
            next: now + timeout,
            first_timeout,
            timeout,
            repetitions: 0,
            is_hurried: false,
            is_last: false,
            is_missed: false,
            prompts: 0,
            prompted: None,
        });
    }
}

impl Flight {
    fn is_older(&self, changed: Instant) -> bool {
        self.sent <= changed
    }
}

impl Purpose {
    fn lane(self) -> Lane {
        match self {
            Self::Response(_) => Lane::Answers,
            Self::Block(_) | Self::Ping => Lane::Free,
            Self::Fetch(_) | Self::Request(_) => Lane::Requests,
            Self::Notification(_) => Lane::Notifications,
        }
    }
}
