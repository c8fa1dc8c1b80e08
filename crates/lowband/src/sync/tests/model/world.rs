//! The clock, the path, and the gateway that drives an observation.

use std::collections::BTreeMap;

use super::*;

/// When everything works from then on, and when all must have been seen.
const HEALED: Duration = Duration::from_secs(300);
const END: Duration = Duration::from_secs(1500);

/// How long a client bears silence.
const PATIENCE: Duration = Duration::from_secs(200);

pub(super) struct World {
    seed: u64,
    pub(super) now: Duration,
    pub(super) start: Instant,
    queue: BTreeMap<(Duration, u64), Happening>,
    happened: u64,
    pub(super) random: SmallRng,
    path: Path,
    pub(super) homeserver: Homeserver,
    pub(super) client: Client,
    /// In some worlds a receiver stands between the path and the client.
    pub(super) companion: Option<Companion>,
    pub(super) gateway: Gateway,
    pub(super) dropped: u32,
    /// Since when nothing was missing.
    whole: Option<Duration>,
}

/// What a seed decides about the time before everything works.
struct Path {
    loss_up: f64,
    loss_down: f64,
    longest_delay: u64,
    trouble: f64,
    drops_bodies: bool,
}

#[derive(Clone, Debug)]
pub(super) enum Happening {
    Append,
    /// The homeserver looks whether it answers.
    Look,
    Transmit(Message),
    GiveUp(Message),
    ToClient(Message),
    /// A register of this life of the gateway and this generation.
    Register(u32, u32, Option<String>),
    Acknowledge(u32, DeliveryId),
    Ping(u32),
    /// What has come for this generation is rejected.
    Reset(u32, u32),
    RestartClient,
    RestartGateway,
    DropBody,
}

impl World {
    pub(super) fn new(seed: u64) -> Self {
        let mut random = SmallRng::seed_from_u64(seed);
        let loss = |random: &mut SmallRng| [0.0, 0.1, 0.3, 0.6, 1.0][random.random_range(0..5)];
        let path = Path {
            loss_up: loss(&mut random),
            loss_down: loss(&mut random),
            longest_delay: [100, 3_000, 30_000][random.random_range(0..3)],
            trouble: [0.0, 0.0, 0.2][random.random_range(0..3)],
            drops_bodies: random.random_ratio(1, 4),
        };
        let mut world = Self {
            seed,
            now: Duration::ZERO,
            start: Instant::now(),
            queue: BTreeMap::new(),
            happened: 0,
            path,
            homeserver: Homeserver::default(),
            client: Client::default(),
            companion: (seed % 2 == 1).then(Companion::default),
            gateway: Gateway::new(1, seed),
            dropped: 0,
            whole: None,
            random,
        };
        world.client.begin(1);
        world.plan();
        world
    }

    /// What happens whatever else happens.
    fn plan(&mut self) {
        for (most, what) in [
            (30, Happening::Append),
            (3, Happening::RestartClient),
            (2, Happening::RestartGateway),
        ] {
            for _ in 0..self.random.random_range(0..=most) {
                self.sometime(what.clone());
            }
        }
        if self.path.drops_bodies {
            for _ in 0..self.random.random_range(0..=10) {
                self.sometime(Happening::DropBody);
            }
        }
        // What happens last must be seen as well.
        self.at(HEALED + Duration::from_secs(1), Happening::Append);
    }

    /// Runs until all was seen for a while.
    pub(super) fn run(mut self) {
        loop {
            self.step();
            assert!(self.now < END, "something is missing");
            assert!(self.happened < 50_000, "a storm");
            if self.is_whole() {
                let since = *self.whole.get_or_insert(self.now);
                if self.now > since + Duration::from_secs(70) {
                    return;
                }
            } else {
                self.whole = None;
            }
        }
    }

    /// Does what comes next.
    fn step(&mut self) {
        let timer = self.gateway.observation.poll_timeout();
        let timer = timer.map(|due| due.saturating_duration_since(self.start));
        let queued = self.queue.first_key_value().map(|(key, _)| key.0);
        let tick = self.client.next_tick;
        let call = self.companion.as_ref().and_then(|it| it.due(self.start));
        let next = [timer, queued, call, Some(tick)]
            .into_iter()
            .flatten()
            .min();
        self.now = next.unwrap_or(tick).max(self.now);
        if queued.is_some_and(|at| at <= self.now) {
            if let Some((_, happening)) = self.queue.pop_first() {
                self.happen(happening);
            }
        } else if tick <= self.now {
            self.tick();
        } else {
            let now = self.start + self.now;
            self.gateway.observation.handle_timeout(now);
        }
        self.drive_companion();
        while let Some(action) = self.gateway.observation.poll_action() {
            self.act(action);
        }
        self.happened += 1;
    }

    fn is_whole(&self) -> bool {
        self.now > HEALED + Duration::from_secs(2)
            && self.client.state.seen == self.homeserver.events
            && self.client.state.count == Some(self.homeserver.count)
            && self.gateway.observation.held() == 0
            && (self.client.repeated == 0 || self.dropped > 0)
    }

    fn happen(&mut self, happening: Happening) {
        let now = self.start + self.now;
        match happening {
            Happening::Append => {
                self.homeserver.append(&mut self.random);
                self.after(0, Happening::Look);
            }
            Happening::Look => self.look(),
            Happening::Transmit(message) => self.transmit(message),
            Happening::GiveUp(message) => self.give_up(&message),
            Happening::ToClient(message) => self.reach_client(&message),
            Happening::Register(epoch, generation, since) => {
                self.reach_gateway(epoch, generation, since);
            }
            Happening::Acknowledge(epoch, delivery) if epoch == self.gateway.epoch => {
                self.gateway.observation.handle_peer_alive(now);
                let outstanding = &mut self.gateway.outstanding;
                outstanding.take_if(|message| message.delivery == Some(delivery));
                self.gateway.observation.handle_delivered(now, delivery);
            }
            Happening::Ping(epoch) if epoch == self.gateway.epoch => {
                self.gateway.observation.handle_peer_alive(now);
            }
            Happening::Reset(epoch, generation)
                if (epoch, generation) == (self.gateway.epoch, self.gateway.generation) =>
            {
                self.gateway.observation.handle_reset();
            }
            Happening::Acknowledge(..) | Happening::Ping(_) | Happening::Reset(..) => {}
            Happening::RestartClient => {
                self.client.restart(&mut self.random);
                match &mut self.companion {
                    Some(companion) => companion.restart(self.now, &mut self.random),
                    None => self.begin(0),
                }
            }
            Happening::RestartGateway => {
                let epoch = self.gateway.epoch + 1;
                self.gateway = Gateway::new(epoch, self.seed);
                self.homeserver.waiting = None;
            }
            Happening::DropBody => {
                self.dropped += u32::from(self.gateway.observation.held() > 0);
                self.gateway.observation.drop_body(now);
                self.gateway.outstanding = None;
            }
        }
    }

    pub(super) fn down(&mut self, message: Message) {
        let loss = self.path.loss_down;
        self.travel(loss, &Happening::ToClient(message));
    }

    pub(super) fn up(&mut self, happening: &Happening) {
        let loss = self.path.loss_up;
        self.travel(loss, happening);
    }

    /// Something is on its way, perhaps twice.
    fn travel(&mut self, loss: f64, happening: &Happening) {
        let is_healed = self.is_healed();
        let copies = match is_healed {
            true => 1,
            false => 1 + u32::from(self.random.random_ratio(1, 10)),
        };
        for _ in 0..copies {
            if is_healed || !self.random.random_bool(loss) {
                let longest = if is_healed {
                    100
                } else {
                    self.path.longest_delay
                };
                let delay = self.random.random_range(20..=longest);
                self.after(delay, happening.clone());
            }
        }
    }

    fn reach_client(&mut self, message: &Message) {
        let seen = self.client.look_at(self.now, message);
        let is_taken = match (seen, &message.body) {
            (Seen::Foreign, _) => return,
            (Seen::New, body) if self.companion.is_some() => self.hand_over(body.as_ref()),
            (Seen::New, None) => return self.begin(5),
            (Seen::New, Some(body)) => {
                self.client.take(body, self.dropped > 0);
                true
            }
            (Seen::Before, _) => true,
        };
        let reply = match (is_taken, message.delivery) {
            (true, Some(delivery)) => Happening::Acknowledge(message.epoch, delivery),
            (true, None) => return,
            (false, _) => Happening::Reset(message.epoch, message.generation),
        };
        self.up(&reply);
    }

    /// The client registers anew in so many seconds.
    pub(super) fn begin(&mut self, seconds: u64) {
        self.client.begin(self.gateway.epoch);
        self.client.next_tick = self.now + Duration::from_secs(seconds);
    }

    /// The client sends what is due: a register until it is answered, then pings.
    fn tick(&mut self) {
        let client = &mut self.client;
        client.next_tick = self.now + Duration::from_secs(20);
        let is_idle = self.companion.as_ref().is_some_and(Companion::is_idle);
        if is_idle || (client.is_answered && self.now <= client.last_heard + PATIENCE) {
            let ping = Happening::Ping(client.epoch);
            return self.up(&ping);
        }
        if client.is_answered || client.transmissions == 5 {
            if self.companion.is_some() {
                return self.lose();
            }
            client.begin(self.gateway.epoch);
        }
        client.transmissions += 1;
        let wait = self.random.random_range(3_000..20_000);
        client.next_tick = self.now + Duration::from_millis(wait);
        let since = match &self.companion {
            Some(companion) => companion.since(),
            None => client.state.since.clone(),
        };
        let register = Happening::Register(client.epoch, client.generation, since);
        self.up(&register);
    }

    pub(super) fn is_healed(&self) -> bool {
        self.now >= HEALED
    }

    /// The homeserver answers a poll, if there is something or the time is over.
    fn look(&mut self) {
        let Some(body) = self.homeserver.answer(self.now) else {
            return;
        };
        let waiting = self.homeserver.waiting.take().expect("a poll");
        assert_eq!(waiting.epoch, self.gateway.epoch);
        let (now, poll) = (self.start + self.now, waiting.poll.id);
        let is_trouble = !self.is_healed() && self.random.random_bool(self.path.trouble);
        let observation = &mut self.gateway.observation;
        let (status, body) = match is_trouble {
            false => (200, body),
            true => match self.random.random_range(0..6) {
                0 => return observation.handle_failure(now, poll, PollFailure::TimedOut),
                1 => (200, "<html>".to_owned()),
                2 => (200, "{}".to_owned()),
                3 => (401, r#"{"errcode":"M_UNKNOWN_TOKEN"}"#.to_owned()),
                4 => (429, String::new()),
                _ => (500, String::new()),
            },
        };
        let answer = Answer {
            status,
            retry_after: (status == 429).then_some(Duration::from_secs(2)),
            body: body.into(),
        };
        observation.handle_answer(now, poll, &answer);
    }

    fn sometime(&mut self, happening: Happening) {
        let at = self.random.random_range(0..HEALED.as_millis() as u64);
        self.at(Duration::from_millis(at), happening);
    }

    pub(super) fn after(&mut self, millis: u64, happening: Happening) {
        self.at(self.now + Duration::from_millis(millis), happening);
    }

    pub(super) fn at(&mut self, at: Duration, happening: Happening) {
        self.happened += 1;
        self.queue.insert((at, self.happened), happening);
    }
}
