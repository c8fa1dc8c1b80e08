//! Endpoints, applications and the network, and the time that passes for them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use vestibule_coap::Endpoint;
use vestibule_coap::endpoint::{Budget, EXCHANGE_LIFETIME, Footprint};

use crate::client::ClientApplication;
use crate::ladder::Ladder;
use crate::network::{Direction, Network};
use crate::scenario::{END, Scenario};
use crate::server::ServerApplication;
use rand::Rng;

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
    network: Network,
    ladder: Ladder,
    client: (Endpoint, ClientApplication),
    server: (Endpoint, ServerApplication),
    budgets: [Budget; 2],
    heals: Duration,
    forgotten: bool,
}

/// What has happened in a world, or in many.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) requests: u64,
    pub(crate) answered: u64,
    pub(crate) failed: u64,
    /// Answered by the endpoint of the server: it was busy, or blocks were missing.
    pub(crate) refused: u64,
    pub(crate) cancelled: u64,
    pub(crate) notifications: u64,
    pub(crate) undelivered: u64,
    pub(crate) registrations: u64,
    pub(crate) datagrams: u64,
}

/// When the server gives up observers that have gone without a word, counted from the end.
const ORPHANED: Duration = Duration::from_secs(300);
/// When nothing may be left: besides the exchange lifetime, a body may have been kept.
const EMPTY: Duration = Duration::from_secs(300 + 247 + 150);
/// More datagrams than this are a storm.
const STORM: u64 = 100_000;

impl Clock {
    pub(crate) fn instant(self) -> Instant {
        self.begin + self.now
    }
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let mut scenario = Scenario::new(seed);
        let heals = scenario.heals;
        let budgets = [(); 2].map(|()| Budget::new(64 << 20));
        let [client_seed, server_seed]: [[u8; 32]; 2] = scenario.rng.random();
        let [of_client, of_server] = budgets.clone();
        let asking = ClientApplication::new(&scenario);
        let answering = ServerApplication::new(&scenario);
        let client = Endpoint::new(Arc::new(scenario.client), of_client, client_seed);
        let server = Endpoint::new(Arc::new(scenario.server), of_server, server_seed);
        Self {
            clock: Clock {
                begin: Instant::now(),
                now: Duration::ZERO,
            },
            network: Network::new(scenario.rng, scenario.to_client, scenario.to_server, heals),
            ladder: Ladder::new(seed),
            client: (client, asking),
            server: (server, answering),
            budgets,
            heals,
            forgotten: false,
        }
    }

    pub(crate) fn run(mut self) -> Outcome {
        self.settle();
        while let Some(next) = self.next_time() {
            assert!(next <= self.heals + END + EMPTY, "something at {next:?}");
            assert!(self.ladder.datagrams() < STORM, "a storm");
            self.clock.now = self.clock.now.max(next);
            self.step();
        }
        self.check_executions();
        self.client.1.assert_settled();
        let observer = &self.client.1.observer;
        if observer.registrations > 0 {
            let last = self.server.1.state();
            assert_eq!(observer.state, last, "states that never arrived");
        }
        assert_eq!(self.client.0.footprint(), Footprint::default());
        assert_eq!(self.server.0.footprint(), Footprint::default());
        assert_eq!(self.budgets.each_ref().map(Budget::used), [0, 0]);
        Outcome {
            undelivered: self.server.1.undelivered,
            datagrams: self.ladder.datagrams(),
            ..self.client.1.outcome()
        }
    }

    fn next_time(&self) -> Option<Duration> {
        let due = |endpoint: &Endpoint| {
            let timeout = endpoint.poll_timeout()?;
            Some(timeout.saturating_duration_since(self.clock.begin))
        };
        let orphaned = (!self.forgotten).then_some(self.heals + END + ORPHANED);
        let times = [
            self.network.next_arrival(),
            due(&self.client.0),
            due(&self.server.0),
            self.client.1.next_timer(),
            self.server.1.next_timer(),
            orphaned,
        ];
        times.into_iter().flatten().min()
    }

    /// Does all that is due now.
    fn step(&mut self) {
        let clock = self.clock;
        while let Some((direction, datagram)) = self.network.receive(clock.now) {
            let endpoint = match direction {
                Direction::ToClient => &mut self.client.0,
                Direction::ToServer => &mut self.server.0,
            };
            let taken = endpoint.handle_datagram(clock.instant(), &datagram);
            assert!(taken.is_ok(), "{taken:?}");
            self.settle();
        }
        for endpoint in [&mut self.client.0, &mut self.server.0] {
            if endpoint
                .poll_timeout()
                .is_some_and(|at| at <= clock.instant())
            {
                endpoint.handle_timeout(clock.instant());
                let next = endpoint.poll_timeout();
                assert!(next.is_none_or(|at| at > clock.instant()), "still due");
            }
        }
        self.settle();
        let (endpoint, application) = &mut self.client;
        application.handle_timer(clock, endpoint);
        let (endpoint, application) = &mut self.server;
        application.handle_timer(clock, endpoint);
        if !self.forgotten && clock.now >= self.heals + END + ORPHANED {
            self.forgotten = true;
            application.forget_observers(endpoint);
        }
        self.settle();
    }

    /// Hands on what the endpoints have to send and to say.
    fn settle(&mut self) {
        let clock = self.clock;
        loop {
            let mut idle = true;
            let (endpoint, application) = &mut self.client;
            while let Some(event) = endpoint.poll_event() {
                idle = false;
                self.ladder
                    .note(clock.now, Direction::ToServer, format!("{event:?}"));
                application.handle_event(clock, endpoint, event);
            }
            while let Some(datagram) = endpoint.poll_transmit() {
                idle = false;
                self.network
                    .send(clock.now, Direction::ToServer, datagram, &mut self.ladder);
            }
            let (endpoint, application) = &mut self.server;
            while let Some(event) = endpoint.poll_event() {
                idle = false;
                self.ladder
                    .note(clock.now, Direction::ToClient, format!("{event:?}"));
                application.handle_event(clock, endpoint, event);
            }
            while let Some(datagram) = endpoint.poll_transmit() {
                idle = false;
                self.network
                    .send(clock.now, Direction::ToClient, datagram, &mut self.ladder);
            }
            if idle {
                break;
            }
        }
        let (endpoint, application) = &self.server;
        assert_eq!(endpoint.footprint().observations, application.observers());
    }

    /// Nothing was executed twice. What only reads may be asked again when its answer was not kept for
    /// as long as it took to fetch it.
    fn check_executions(&self) {
        for (nonce, code) in self.client.1.requests() {
            let executions = self.server.1.executions(nonce);
            let limit = if code.is_safe() { 3 } else { 1 };
            assert!(
                executions <= limit,
                "{code} {nonce} was executed {executions} times"
            );
        }
    }
}

impl Outcome {
    /// The worlds were not so bad that nothing was tested, and not so good.
    pub(crate) fn assert_meaningful(self, seeds: u64) {
        let ended = self.answered + self.failed + self.refused + self.cancelled;
        assert_eq!(self.requests, ended);
        assert!(self.requests > seeds * 5);
        assert!(self.answered > self.requests / 3);
        assert!(self.failed > self.requests / 50);
        assert!(self.notifications > seeds);
        assert!(self.undelivered > seeds / 50);
        assert!(self.datagrams > seeds * 50);
    }
}

/// How long a message may come again: what [`World`] waits for is longer.
const _: () = assert!(EMPTY.as_secs() > ORPHANED.as_secs() + EXCHANGE_LIFETIME.as_secs());
