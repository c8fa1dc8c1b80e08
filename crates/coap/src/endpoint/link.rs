//! What both sides of an endpoint share: the way out, and the way to the application.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use rand::{SeedableRng, rngs::StdRng};

use super::{
    budget::Budget,
    config::Config,
    event::Event,
    ids::MessageIds,
    outbox::{Outbox, Purpose, SendKey, Sender, Settled, pace},
    presence::Presence,
    received::MessageKey,
    rtt::{RoundTrip, earliest},
};
use crate::{Code, Header, OptionList, OptionNumber, Token, Type, encode};

/// Messages out, events up.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) config: Arc<Config>,
    pub(super) budget: Budget,
    pub(super) rng: StdRng,
    pub(super) events: VecDeque<Event>,
    pub(super) transmits: VecDeque<Bytes>,
    /// Messages that were held, and are to be rejected.
    pub(super) rejected: Vec<MessageKey>,
    outbox: Outbox,
    ids: MessageIds,
    path: RoundTrip,
    presence: Presence,
    /// When a message that waits for an id gets one.
    id_free: Option<Instant>,
    /// When messages were sent again because the path has changed.
    hurried: Option<Instant>,
    /// When the path has changed, if messages from before are yet to be sent again.
    changed: Option<Instant>,
    /// Non-confirmable messages that wait for an id, with the id 0.
    unnumbered: VecDeque<Vec<u8>>,
}

/// The content of a message: all but its type and id.
#[derive(Clone, Copy, Debug)]
pub(super) struct Content<'a> {
    pub(super) code: Code,
    pub(super) token: Token,
    pub(super) options: &'a OptionList,
    pub(super) payload: &'a [u8],
}

/// Options that the endpoint deals with itself: the application neither sees nor sets them.
pub(super) const OWN: [OptionNumber; 6] = [
    OptionNumber::OBSERVE,
    OptionNumber::BLOCK1,
    OptionNumber::BLOCK2,
    OptionNumber::SIZE1,
    OptionNumber::SIZE2,
    OptionNumber::NO_RESPONSE,
];

/// How many non-confirmable messages wait for an id. Beyond, they are lost, as they may be.
const MAX_UNNUMBERED: usize = 16;

/// Between two times that messages are sent again because the path has changed.
const HURRY_INTERVAL: Duration = Duration::from_secs(1);

impl Link {
    pub(super) fn new(config: Arc<Config>, budget: Budget, seed: [u8; 32]) -> Self {
        let mut rng = StdRng::from_seed(seed);
        Self {
            ids: MessageIds::new(&mut rng),
            path: RoundTrip::new(&config.timing),
            config,
            budget,
            rng,
            events: VecDeque::new(),
            transmits: VecDeque::new(),
            rejected: Vec::new(),
            outbox: Outbox::default(),
            presence: Presence::default(),
            id_free: None,
            hurried: None,
            changed: None,
            unnumbered: VecDeque::new(),
        }
    }

    /// Queues a confirmable message.
    pub(super) fn confirmable(&mut self, content: Content<'_>, purpose: Purpose) -> SendKey {
        let datagram = content.to_datagram(Type::Confirmable, 0);
        self.outbox.push(datagram, purpose)
    }

    /// Queues a ping: an empty confirmable message.
    pub(super) fn ping(&mut self) -> SendKey {
        let datagram = empty(Type::Confirmable, 0).to_vec();
        self.outbox.push(datagram, Purpose::Ping)
    }

    /// Queues a non-confirmable message.
    pub(super) fn non_confirmable(&mut self, content: Content<'_>) {
        if self.unnumbered.len() < MAX_UNNUMBERED {
            let datagram = content.to_datagram(Type::NonConfirmable, 0);
            self.unnumbered.push_back(datagram);
        }
    }

    /// Sends an acknowledgement with a response. The datagram, to be sent again if the request comes again.
    pub(super) fn piggyback(&mut self, id: u16, content: Content<'_>) -> Bytes {
        let datagram = Bytes::from(content.to_datagram(Type::Acknowledgement, id));
        self.transmits.push_back(datagram.clone());
        datagram
    }

    /// Sends an empty acknowledgement or a reset.
    pub(super) fn send_empty(&mut self, kind: Type, id: u16) {
        let datagram = Bytes::copy_from_slice(&empty(kind, id));
        self.transmits.push_back(datagram);
    }

    /// Starts what may start. To be called after everything that queues or settles.
    pub(super) fn start(&mut self, now: Instant) {
        self.id_free = None;
        while let Some(mut datagram) = self.unnumbered.pop_front() {
            match self.ids.next(now) {
                Ok(id) => {
                    datagram[2..4].copy_from_slice(&id.to_be_bytes());
                    self.transmits.push_back(Bytes::from(datagram));
                }
                Err(free) => {
                    self.unnumbered.push_front(datagram);
                    self.id_free = Some(free);
                    return;
                }
            }
        }
        let (outbox, mut sender) = self.sender();
        self.id_free = outbox.start(now, &mut sender);
    }

    /// A random id that no message of the endpoint has for the lifetime of an exchange. `None` if there is none left that
    /// is hard to guess.
    pub(super) fn reserve_id(&mut self, now: Instant) -> Option<u16> {
        self.ids.reserve(now, &mut self.rng)
    }

    /// Forgets ids that were reserved long ago.
    pub(super) fn forget(&mut self, now: Instant) {
        self.ids.forget(now);
    }

    /// Takes away the message that the peer has acknowledged or rejected, and learns from it how long the path takes.
    pub(super) fn settle(&mut self, now: Instant, id: u16) -> Option<Settled> {
        let settled = self.outbox.settle(now, id)?;
        let timing = &self.config.timing;
        if settled.is_measure {
            self.path.sample(settled.time, settled.repeated, timing);
        }
        self.presence.settle();
        Some(settled)
    }

    /// What the message with this id is for, if it is on its way.
    pub(super) fn purpose(&self, id: u16) -> Option<Purpose> {
        self.outbox.purpose(id)
    }

    /// Takes a message away that need not arrive any more.
    pub(super) fn withdraw(&mut self, key: Option<SendKey>) {
        if let Some(key) = key {
            self.outbox.withdraw(key);
        }
    }

    /// Whether the message is still on its way.
    pub(super) fn holds(&self, key: SendKey) -> bool {
        self.outbox.holds(key)
    }

    /// Repeats what is due; the purpose of a message that is given up, if there is one.
    pub(super) fn repeat(&mut self, now: Instant) -> Option<Purpose> {
        let timing = &self.config.timing;
        self.outbox.repeat(now, timing, &mut self.transmits)
    }

    /// The peer is somewhere else, and has missed what was sent to where it was: it is sent again, at once or when
    /// [`HURRY_INTERVAL`] is over.
    pub(super) fn path_changed(&mut self, now: Instant) {
        self.changed = Some(now);
        self.hurry(now);
    }

    /// Sends again what the peer has missed, if it is time.
    pub(super) fn hurry(&mut self, now: Instant) {
        if let Some(changed) = self.changed
            && self.hurried.is_none_or(|at| at + HURRY_INTERVAL <= now)
        {
            self.changed = None;
            self.hurried = Some(now);
            let (outbox, mut sender) = self.sender();
            outbox.hurry(now, changed, &mut sender);
        }
    }

    /// A datagram of the peer has come, and was dealt with. What it has missed because it was away is sent again: one
    /// message for each datagram, and one for each round trip until something is acknowledged.
    pub(super) fn hear(&mut self, now: Instant) {
        let before = self.presence.hear(now);
        let pace = pace(self.path.timeout());
        if before.is_none_or(|before| before + pace <= now) {
            self.outbox.note_missed(now, before);
        }
        self.prompt(now);
    }

    /// Sends what the peer has missed again, if it is time.
    pub(super) fn prompt(&mut self, now: Instant) {
        if self.next_prompt().is_some_and(|at| at <= now)
            && self
                .outbox
                .prompt(now, &self.config.timing, &mut self.transmits)
        {
            self.presence.prompt(now);
        }
    }

    /// When [`Self::prompt`] has something to do.
    fn next_prompt(&self) -> Option<Instant> {
        let before = self.presence.allowance()?;
        let due = self.outbox.next_prompt()?;
        let from = before.map(|before| before + pace(self.path.timeout()));
        Some(from.map_or(due, |from| from.max(due)))
    }

    pub(super) fn next_timeout(&self) -> Option<Instant> {
        let changed = self.changed.filter(|&at| self.outbox.has_older(at));
        earliest([
            self.outbox.next_timeout(),
            self.id_free,
            self.ids.next_timeout(),
            changed.and(self.hurried).map(|at| at + HURRY_INTERVAL),
            self.next_prompt(),
        ])
    }

    /// The present timeout of retransmission.
    pub(super) fn path_timeout(&self) -> Duration {
        self.path.timeout()
    }

    /// How many separate answers wait for an acknowledgement.
    pub(super) fn answers(&self) -> usize {
        self.outbox.answers()
    }

    /// How many messages wait for an acknowledgement.
    pub(super) fn unsettled(&self) -> usize {
        self.outbox.len()
    }

    pub(super) fn footprint(&self) -> usize {
        let waiting = self.unnumbered.iter().map(Vec::len);
        let ready = self.transmits.iter().map(Bytes::len);
        let kept = self.outbox.footprint() + self.ids.footprint();
        kept + waiting.chain(ready).sum::<usize>()
    }

    /// What waits, and what sending it needs.
    fn sender(&mut self) -> (&mut Outbox, Sender<'_>) {
        let sender = Sender {
            timing: &self.config.timing,
            nstart: self.config.nstart,
            max_answers: self.config.max_answers,
            ids: &mut self.ids,
            path: &self.path,
            rng: &mut self.rng,
            transmits: &mut self.transmits,
        };
        (&mut self.outbox, sender)
    }
}

impl Content<'_> {
    fn to_datagram(self, kind: Type, id: u16) -> Vec<u8> {
        let header = Header {
            kind,
            code: self.code,
            id,
            token: self.token,
        };
        let mut datagram = Vec::with_capacity(self.payload.len() + 64);
        encode(header, self.options, self.payload, &mut datagram);
        datagram
    }
}

/// Takes the [`OWN`] options away.
pub(super) fn remove_own(options: &mut OptionList) {
    for number in OWN {
        options.remove(number);
    }
}

fn empty(kind: Type, id: u16) -> [u8; 4] {
    let [high, low] = id.to_be_bytes();
    [1 << 6 | kind.bits() << 4, 0, high, low]
}
