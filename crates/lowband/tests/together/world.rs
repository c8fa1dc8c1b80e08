//! All of them, and the time that passes for them.

use std::ops::AddAssign;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use vestibule_coap::Endpoint;
use vestibule_coap::endpoint::{Budget, Config, Footprint};
use vestibule_lowband::gateway::{Footprint as Held, Present, Shared};
use vestibule_lowband::mapping::client::Settings;

use crate::companion::{Companion, TRIES};
use crate::gateway::{self, Gateway};
use crate::homeserver::Homeserver;
use crate::matrix::Client;
use crate::scenario::{Happening, Scenario};
use vestibule_test_network::{Direction, Ladder, Names, Network};

const NAMES: Names = Names {
    variable: "LOWBAND_SEED",
    client: "companion",
    server: "gateway",
};

/// The time of a world.
#[derive(Clone, Copy)]
pub(crate) struct Clock {
    begin: Instant,
    /// Since the world began.
    pub(crate) now: Duration,
}

/// One seed.
pub(crate) struct World {
    clock: Clock,
    rng: StdRng,
    network: Network,
    ladder: Ladder,
    configs: [Arc<Config>; 2],
    budgets: [Budget; 2],
    settings: Settings,
    renews: bool,
    clients: Vec<Client>,
    companion: Companion,
    shared: Arc<Shared>,
    gateway: Gateway,
    homeserver: Homeserver,
    /// Which association each side has: the companion, the gateway.
    associations: [u32; 2],
    /// When the companion notices that the gateway has another association.
    reconnect: Option<Duration>,
    happenings: Vec<(Duration, Happening)>,
    heals: Duration,
    calls: u64,
    /// Since when nothing was missing.
    whole: Option<Duration>,
    is_closed: bool,
    outcome: Outcome,
}

/// What has happened in a world, or in many.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) events: u64,
    pub(crate) syncs: u64,
    pub(crate) answered: u64,
    pub(crate) failed: u64,
    pub(crate) registered: u64,
    pub(crate) delivered: u64,
    pub(crate) undelivered: u64,
    pub(crate) reconnected: u64,
    pub(crate) datagrams: u64,
}

/// When all must have been seen, counted from when everything works.
const SEEN: Duration = Duration::from_secs(600);
/// When nothing may be left, counted from when the clients have gone.
const EMPTY: Duration = Duration::from_secs(700);
/// More datagrams than this are a storm.
const STORM: u64 = 50_000;

impl Clock {
    pub(crate) fn instant(self) -> Instant {
        self.begin + self.now
    }
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let mut scenario = Scenario::new(seed);
        let heals = scenario.heals;
        let clock = Clock {
            begin: Instant::now(),
            now: Duration::ZERO,
        };
        let configs = [scenario.companion, scenario.gateway].map(Arc::new);
        let budgets = [(); 2].map(|()| Budget::new(64 << 20));
        let settings = Settings {
            has_short_follow_ups: scenario.has_short_follow_ups,
            block_size: configs[0].block_size,
            ..Settings::default()
        };
        let rng = &mut scenario.rng;
        let mut part = || StdRng::seed_from_u64(rng.random());
        let homeserver = Homeserver::new(part(), scenario.trouble, heals);
        let users = scenario.plans.into_iter().enumerate();
        let clients = users.map(|(user, plan)| Client::new(user, part(), plan));
        let clients = clients.collect();
        let network = Network::new(part(), scenario.to_client, scenario.to_server, heals);
        let mut rng = part();
        let [ours, theirs] = [0, 1].map(|side: usize| {
            let budget = budgets[side].clone();
            Endpoint::new(Arc::clone(&configs[side]), budget, rng.random())
        });
        let now = clock.instant();
        let shared = gateway::shared(seed);
        Self {
            clock,
            network,
            ladder: Ladder::new(NAMES, seed),
            companion: Companion::new(now, ours, settings.clone(), scenario.renews),
            gateway: Gateway::new(theirs, Arc::clone(&shared), seed),
            shared,
            configs,
            budgets,
            settings,
            renews: scenario.renews,
            clients,
            homeserver,
            associations: [0; 2],
            reconnect: None,
            happenings: scenario.happenings,
            heals,
            calls: 0,
            whole: None,
            is_closed: false,
            outcome: Outcome::default(),
            rng,
        }
    }

    pub(crate) fn run(mut self) -> Outcome {
        self.settle();
        while let Some(next) = self.next_time() {
            self.clock.now = self.clock.now.max(next);
            assert!(self.ladder.datagrams() < STORM, "a storm");
            self.step();
            self.watch();
        }
        assert!(self.is_closed, "nothing goes on");
        assert_eq!(
            self.companion.link.endpoint.footprint(),
            Footprint::default()
        );
        assert_eq!(self.gateway.endpoint.footprint(), Footprint::default());
        assert_eq!(self.budgets.each_ref().map(Budget::used), [0, 0]);
        assert_eq!(self.gateway.footprint(), Held::default());
        assert_eq!(self.shared.present(), Present::default());
        for client in &self.clients {
            client.check(&self.homeserver);
            self.outcome.syncs += client.syncs;
            self.outcome.answered += client.answered;
            self.outcome.failed += client.failed;
        }
        self.count_observers();
        for call in 0..self.calls {
            let limit = TRIES;
            assert!(self.homeserver.arrivals(call) <= limit, "call {call}");
        }
        Outcome {
            events: self.homeserver.events,
            datagrams: self.ladder.datagrams(),
            ..self.outcome
        }
    }

    fn next_time(&self) -> Option<Duration> {
        let since = |at: Option<Instant>| Some(at?.saturating_duration_since(self.clock.begin));
        let clients = self.clients.iter().filter(|_| !self.is_closed);
        let times = [
            self.network.next_arrival(),
            since(self.companion.link.endpoint.poll_timeout()),
            since(self.gateway.endpoint.poll_timeout()),
            since(self.companion.next_timer()),
            since(self.gateway.next_timer()),
            self.homeserver.next_timer(),
            clients.filter_map(Client::next_timer).min(),
            self.happenings.last().map(|(at, _)| *at),
            self.reconnect,
        ];
        times.into_iter().flatten().min()
    }

    /// Does all that is due now.
    fn step(&mut self) {
        let clock = self.clock;
        let now = clock.instant();
        while let Some((direction, association, datagram)) = self.network.receive(clock.now) {
            match direction {
                Direction::ToClient if association == self.associations[0] => {
                    self.companion.handle_datagram(clock, &datagram);
                }
                Direction::ToServer if association == self.associations[1] => {
                    self.gateway.handle_datagram(clock, &datagram);
                }
                _ => {}
            }
            self.settle();
        }
        for endpoint in [
            &mut self.companion.link.endpoint,
            &mut self.gateway.endpoint,
        ] {
            if endpoint.poll_timeout().is_some_and(|at| at <= now) {
                endpoint.handle_timeout(now);
                let next = endpoint.poll_timeout();
                assert!(next.is_none_or(|at| at > now), "still due");
            }
        }
        self.settle();
        if self.companion.next_timer().is_some_and(|at| at <= now) {
            self.companion.handle_timer(now);
        }
        if self.gateway.next_timer().is_some_and(|at| at <= now) {
            self.gateway.handle_timer(clock, &mut self.homeserver);
        }
        self.settle();
        while let Some((id, answer)) = self.homeserver.answer(clock.now) {
            self.gateway
                .handle_answer(clock, &mut self.homeserver, id, answer);
            self.settle();
        }
        if self.reconnect.take_if(|at| *at <= clock.now).is_some() {
            self.reconnect();
        }
        while let Some((_, what)) = self.happenings.pop_if(|(at, _)| *at <= clock.now) {
            self.happen(what);
            self.settle();
        }
        if !self.is_closed {
            self.drive_clients();
        }
        self.settle();
    }

    /// Hands on what the endpoints have to send and to say.
    fn settle(&mut self) {
        let clock = self.clock;
        let [ours, theirs] = self.associations;
        loop {
            let mut is_idle = true;
            while let Some(event) = self.companion.link.endpoint.poll_event() {
                is_idle = false;
                self.ladder
                    .note(clock.now, Direction::ToServer, event.clone());
                self.companion.handle_event(clock.instant(), event);
            }
            while let Some(datagram) = self.companion.link.endpoint.poll_transmit() {
                is_idle = false;
                let (to, ladder) = (Direction::ToServer, &mut self.ladder);
                self.network.send(clock.now, to, ours, datagram, ladder);
            }
            while let Some(event) = self.gateway.endpoint.poll_event() {
                is_idle = false;
                self.ladder
                    .note(clock.now, Direction::ToClient, event.clone());
                self.gateway
                    .handle_event(clock, &mut self.homeserver, event);
            }
            for note in self.gateway.notes.drain(..) {
                self.ladder.note(clock.now, Direction::ToClient, note);
            }
            while let Some(datagram) = self.gateway.endpoint.poll_transmit() {
                is_idle = false;
                let (to, ladder) = (Direction::ToClient, &mut self.ladder);
                self.network.send(clock.now, to, theirs, datagram, ladder);
            }
            while let Some((number, heard)) = self.companion.answers.pop_front() {
                is_idle = false;
                let is_healed = clock.now >= self.heals;
                for client in &mut self.clients {
                    client.handle_answer(clock.now, number, &heard, &self.homeserver, is_healed);
                }
            }
            if is_idle {
                break;
            }
        }
        let observations = self.gateway.endpoint.footprint().observations;
        assert_eq!(observations, self.gateway.observations());
    }

    fn drive_clients(&mut self) {
        let clock = self.clock;
        for user in 0..self.clients.len() {
            if let Some(number) = self.clients[user].give_up(clock.now) {
                self.companion.handle_gone(user, number);
            }
            while let Some((call, deadline)) = self.clients[user].call(clock.now, self.calls) {
                let note = (self.calls, call.method.clone(), call.target.clone());
                self.ladder.note(clock.now, Direction::ToServer, note);
                let now = clock.instant();
                self.companion
                    .handle_call(now, self.calls, user, call, deadline);
                self.calls += 1;
                self.settle();
            }
        }
    }

    fn happen(&mut self, what: Happening) {
        let now = self.clock.now;
        self.ladder.note(now, Direction::ToClient, what);
        match what {
            Happening::Event(size) => self.homeserver.happen(size),
            Happening::RestartHomeserver => self.homeserver.restart(now),
            Happening::RestartClient(user) => {
                if let Some(number) = self.clients[user].restart(now) {
                    self.companion.handle_gone(user, number);
                }
            }
            Happening::RestartGateway => {
                self.restart_gateway();
                let wait = self.rng.random_range(0..20_000);
                self.reconnect = Some(now + Duration::from_millis(wait));
            }
            Happening::RestartCompanion => {
                self.restart_gateway();
                self.reconnect = None;
                self.associations[0] = self.associations[1];
                let endpoint = self.endpoint(0);
                let clock = self.clock.instant();
                // What clients wait for ends with the connection.
                self.companion.reconnect(clock, endpoint);
                let mut answers = std::mem::take(&mut self.companion.answers);
                let endpoint = self.endpoint(0);
                let settings = self.settings.clone();
                self.companion = Companion::new(clock, endpoint, settings, self.renews);
                self.companion.answers.append(&mut answers);
                for user in 0..self.clients.len() {
                    self.clients[user].hang_up(now);
                }
            }
        }
    }

    /// The gateway has forgotten the association, whatever the reason.
    fn restart_gateway(&mut self) {
        self.count_observers();
        self.associations[1] += 1;
        let endpoint = self.endpoint(1);
        let shared = Arc::clone(&self.shared);
        self.gateway = Gateway::new(endpoint, shared, self.rng.random());
    }

    /// The companion has a new association.
    fn reconnect(&mut self) {
        self.outcome.reconnected += 1;
        self.associations[0] = self.associations[1];
        let endpoint = self.endpoint(0);
        self.companion.reconnect(self.clock.instant(), endpoint);
    }

    fn endpoint(&mut self, side: usize) -> Endpoint {
        let config = Arc::clone(&self.configs[side]);
        Endpoint::new(config, self.budgets[side].clone(), self.rng.random())
    }

    /// Whether all is well, and when it was for long enough, that is the end.
    fn watch(&mut self) {
        let now = self.clock.now;
        if self.is_closed {
            let since = self.whole.expect("it was whole");
            return assert!(now < since + EMPTY, "something goes on");
        }
        assert!(now < self.heals + SEEN, "something is missing");
        let clients = &mut self.clients.iter();
        if now > self.heals + Duration::from_secs(2)
            && clients.all(|client| client.is_whole(&self.homeserver))
        {
            let since = *self.whole.get_or_insert(now);
            if now > since + Duration::from_secs(70) {
                self.is_closed = true;
                self.whole = Some(now);
            }
        } else {
            self.whole = None;
        }
    }

    fn count_observers(&mut self) {
        self.outcome.registered += self.gateway.registered;
        self.outcome.delivered += self.gateway.delivered;
        self.outcome.undelivered += self.gateway.undelivered;
    }
}

impl Outcome {
    /// The worlds were not so bad that nothing was tested, and not so good.
    pub(crate) fn assert_meaningful(self, seeds: u64) {
        assert!(self.events > seeds * 5);
        assert!(self.answered > seeds * 3);
        assert!(self.failed > seeds / 5);
        assert!(self.registered > seeds * 2);
        assert!(self.delivered > seeds * 2);
        assert!(self.undelivered > seeds / 50);
        assert!(self.reconnected > seeds / 50);
    }
}

impl AddAssign for Outcome {
    fn add_assign(&mut self, other: Self) {
        self.events += other.events;
        self.syncs += other.syncs;
        self.answered += other.answered;
        self.failed += other.failed;
        self.registered += other.registered;
        self.delivered += other.delivered;
        self.undelivered += other.undelivered;
        self.reconnected += other.reconnected;
        self.datagrams += other.datagrams;
    }
}
