//! A client: it observes, keeps what it was told, and begins anew from there when it has to.

use super::*;

#[derive(Clone, Debug, Default)]
pub(super) struct Client {
    /// The gateway's life that the client is connected to.
    pub(super) epoch: u32,
    /// Which registration this is. Each has a token of its own.
    pub(super) generation: u32,
    pub(super) transmissions: u32,
    pub(super) is_answered: bool,
    pub(super) last_heard: Duration,
    /// When something is to be sent.
    pub(super) next_tick: Duration,
    /// The number of the last notification.
    sequence: u32,
    /// Events that were shown a second time.
    pub(super) repeated: u32,
    pub(super) state: State,
    /// What was on disk, the latest last.
    checkpoints: Vec<State>,
}

/// What a client keeps.
#[derive(Clone, Debug, Default)]
pub(super) struct State {
    pub(super) since: Option<String>,
    pub(super) seen: u32,
    pub(super) count: Option<u32>,
}

#[derive(Deserialize)]
struct Sync {
    next_batch: String,
    rooms: Option<Rooms>,
    device_one_time_keys_count: Option<Count>,
}

#[derive(Deserialize)]
struct Rooms {
    join: Join,
}

#[derive(Deserialize)]
struct Join {
    #[serde(default, rename = "!r")]
    room: Vec<u32>,
}

#[derive(Deserialize)]
struct Count {
    k: u32,
}

/// What a message is to a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// Nothing that it has asked for.
    Foreign,
    /// One that has come before, or is older than one that has.
    Before,
    New,
}

impl Client {
    /// Looks at a message as CoAP does.
    pub(super) fn look_at(&mut self, now: Duration, message: &Message) -> Seen {
        if (message.epoch, message.generation) != (self.epoch, self.generation) {
            return Seen::Foreign;
        }
        self.is_answered = true;
        self.last_heard = now;
        if message.sequence <= self.sequence {
            return Seen::Before;
        }
        self.sequence = message.sequence;
        Seen::New
    }

    /// Takes a body.
    pub(super) fn take(&mut self, body: &Body, may_repeat: bool) {
        let sync: Sync = serde_json::from_slice(body.as_bytes()).expect("a body");
        if let Some(count) = sync.device_one_time_keys_count {
            self.state.count = Some(count.k);
        }
        if self.state.since.as_ref() != Some(&sync.next_batch) {
            self.state.since = Some(sync.next_batch);
            for number in sync.rooms.map(|rooms| rooms.join.room).unwrap_or_default() {
                self.see(number, may_repeat);
            }
        }
        self.checkpoints.push(self.state.clone());
    }

    /// Each event comes once and after the one before.
    fn see(&mut self, number: u32, may_repeat: bool) {
        if may_repeat && number < self.state.seen {
            self.repeated += 1;
            return;
        }
        assert_eq!(number, self.state.seen, "the next event");
        self.state.seen += 1;
    }

    /// Begins another registration.
    pub(super) fn begin(&mut self, epoch: u32) {
        self.epoch = epoch;
        self.generation += 1;
        self.transmissions = 0;
        self.is_answered = false;
        self.sequence = 0;
    }

    /// Goes back to something that was on disk.
    pub(super) fn restart(&mut self, random: &mut SmallRng) {
        let kept = random.random_range(0..=self.checkpoints.len());
        self.checkpoints.truncate(kept);
        self.state = self.checkpoints.last().cloned().unwrap_or_default();
    }
}
