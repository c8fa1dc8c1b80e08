//! The gateway: it drives an observation, and sends again what was not acknowledged.

use super::{world::Happening, *};

/// When a message is sent again, and when it is given up, after it was sent.
const TRANSMISSIONS: [u64; 5] = [0, 2, 6, 14, 30];
const GIVEN_UP: Duration = Duration::from_secs(62);

/// The gateway, as long as it lives.
pub(super) struct Gateway {
    /// How often the gateway was started.
    pub(super) epoch: u32,
    pub(super) observation: Observation,
    /// The registration that is observed, and the last one that has come.
    pub(super) generation: u32,
    pub(super) sequence: u32,
    /// The answer to a register that is repeated when the register is.
    pub(super) reply: Option<Message>,
    /// The message that is not acknowledged.
    pub(super) outstanding: Option<Message>,
    pub(super) last_long_poll: Option<Duration>,
}

/// From the gateway to the client.
#[derive(Clone, Debug)]
pub(super) struct Message {
    pub(super) epoch: u32,
    pub(super) generation: u32,
    pub(super) sequence: u32,
    pub(super) delivery: Option<DeliveryId>,
    /// `None`: an error, after which nothing is observed.
    pub(super) body: Option<Body>,
}

impl World {
    /// The gateway does what the observation wants.
    pub(super) fn act(&mut self, action: Action) {
        match action {
            Action::Poll(poll) => {
                assert!(self.gateway.outstanding.is_none(), "polls while it pushes");
                if poll.timeout > Duration::ZERO {
                    let last = self.gateway.last_long_poll.replace(self.now);
                    let is_spaced = last.is_none_or(|last| self.now - last >= spacing());
                    assert!(is_spaced, "polls too soon");
                }
                let until = self.now + poll.timeout;
                let delay = self.random.random_range(0..2_000);
                self.after(delay, Happening::Look);
                self.at(until + Duration::from_secs(2), Happening::Look);
                self.homeserver.waiting = Some(Waiting {
                    epoch: self.gateway.epoch,
                    poll,
                    until,
                });
            }
            Action::AnswerRegister { delivery, body } => {
                let message = self.gateway.message(delivery, Some(body));
                self.gateway.reply = Some(message.clone());
                self.send(message);
            }
            Action::Push { delivery, body } => {
                let message = self.gateway.message(Some(delivery), Some(body));
                self.send(message);
            }
            Action::RefuseRegister(_) | Action::EndWith(_) => {
                let message = self.gateway.message(None, None);
                self.gateway.reply = Some(message.clone());
                self.send(message);
            }
            Action::Ended(_) => self.gateway.outstanding = None,
        }
    }

    /// Sends a message, again and again where it must be acknowledged.
    fn send(&mut self, message: Message) {
        self.gateway.outstanding = None;
        if message.delivery.is_none() {
            return self.down(message);
        }
        self.gateway.outstanding = Some(message.clone());
        for seconds in TRANSMISSIONS {
            self.after(seconds * 1000, Happening::Transmit(message.clone()));
        }
        self.at(self.now + GIVEN_UP, Happening::GiveUp(message));
    }

    fn is_outstanding(&self, message: &Message) -> bool {
        let of = |message: &Message| (message.epoch, message.delivery);
        self.gateway.outstanding.as_ref().map(of) == Some(of(message))
    }

    pub(super) fn transmit(&mut self, message: Message) {
        if self.is_outstanding(&message) {
            self.down(message);
        }
    }

    pub(super) fn give_up(&mut self, message: &Message) {
        let Some(delivery) = message.delivery.filter(|_| self.is_outstanding(message)) else {
            return;
        };
        self.gateway.outstanding = None;
        let why = match self.random.random_ratio(1, 4) {
            true => Undelivered::Abandoned,
            false => Undelivered::TimedOut,
        };
        let now = self.start + self.now;
        self.gateway
            .observation
            .handle_undelivered(now, delivery, why);
    }

    /// A register has come: a new one, or one that the gateway has seen.
    pub(super) fn reach_gateway(&mut self, epoch: u32, generation: u32, since: Option<String>) {
        if epoch != self.gateway.epoch || generation < self.gateway.generation {
            return;
        }
        let now = self.start + self.now;
        if generation == self.gateway.generation {
            self.gateway.observation.handle_peer_alive(now);
            let reply = self.gateway.reply.clone();
            if let Some(reply) = reply.filter(|reply| reply.delivery.is_none()) {
                self.down(reply);
            }
            return;
        }
        self.gateway.generation = generation;
        (self.gateway.sequence, self.gateway.reply) = (0, None);
        self.gateway.outstanding = None;
        let query = since.map(|since| format!("since={since}"));
        let registration = Registration::from_query(query.as_deref());
        self.gateway.observation.handle_register(now, registration);
    }
}

impl Gateway {
    pub(super) fn new(epoch: u32, seed: u64) -> Self {
        Self {
            epoch,
            observation: Observation::new(settings(), seed),
            generation: 0,
            sequence: 0,
            reply: None,
            outstanding: None,
            last_long_poll: None,
        }
    }

    fn message(&mut self, delivery: Option<DeliveryId>, body: Option<Body>) -> Message {
        self.sequence += 1;
        Message {
            epoch: self.epoch,
            generation: self.generation,
            sequence: self.sequence,
            delivery,
            body,
        }
    }
}

/// Patience that is short, so that much happens.
fn settings() -> Settings {
    Settings {
        upstream_backoff_limit: Duration::from_secs(20),
        delivery_backoff: Duration::from_secs(20),
        delivery_backoff_limit: Duration::from_secs(80),
        orphan: Duration::from_secs(150),
        ..Settings::default()
    }
}

fn spacing() -> Duration {
    settings().spacing
}
