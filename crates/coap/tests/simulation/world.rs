//! Endpoints, applications and the network, and the time that passes for them.

use std::time::{Duration, Instant};

use bytes::Bytes;
use rand::Rng;
use vestibule_coap::Code;
use vestibule_coap::endpoint::EXCHANGE_LIFETIME;

use crate::client::ClientApplication;
use crate::go_client::GoClient;
use crate::scenario::{END, Scenario};
use crate::server::ServerApplication;
use crate::side::{Ours, Side};
use crate::upload_client::UploadClient;
use vestibule_test_network::{Direction, Ladder, Names, Network};

const NAMES: Names = Names {
    variable: "COAP_SEED",
    client: "client",
    server: "server",
};

/// The time of a world.
#[derive(Clone, Copy)]
pub(crate) struct Clock {
    begin: Instant,
    /// Since the world began.
    pub(crate) now: Duration,
}

/// One seed.
pub(crate) struct World<C> {
    clock: Clock,
    network: Network,
    ladder: Ladder,
    client: C,
    server: Ours<ServerApplication>,
    heals: Duration,
    /// The largest answer that the server need not keep.
    block_size: usize,
    tight: bool,
    /// How long a request that fits one message may take to the server at most.
    patience: Duration,
    /// When the client must know all that has happened so far.
    reunion: Option<Duration>,
    forgotten: bool,
}

/// The side that asks.
pub(crate) trait Client: Side {
    /// Each request that it has sent, numbered from 1.
    fn requests(&self) -> &[Asked];

    /// The last state that it has taken, and will not lose.
    fn taken(&self) -> u64;

    /// Checks that everything has come to an end, and that the last state has arrived.
    fn finish(self, last_state: u64) -> Outcome;
}

/// A request that was sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    pub(crate) at: Duration,
    pub(crate) code: Code,
    /// How many bytes it carries.
    pub(crate) body: usize,
    /// How many bytes are to be answered.
    pub(crate) answer: usize,
    /// Whether it was answered that there is too much to do.
    pub(crate) refused: bool,
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
/// A client keeps nothing of what it counts.
const CLIENT_BUDGET: usize = 0;
/// More datagrams than this are a storm.
const STORM: u64 = 100_000;

impl Clock {
    pub(crate) fn instant(self) -> Instant {
        self.begin + self.now
    }

    pub(crate) fn since_begin(self, instant: Instant) -> Duration {
        instant.saturating_duration_since(self.begin)
    }
}

/// The world of a seed, where both sides are ours.
pub(crate) fn ours(seed: u64) -> Outcome {
    let mut scenario = Scenario::new(seed);
    let key = scenario.rng.random();
    let client = our_client(&scenario, key);
    World::new(seed, scenario, client).run()
}

/// The world of a seed, where the client is of the Go library.
pub(crate) fn with_go_client(seed: u64) -> Outcome {
    let scenario = Scenario::with_go_client(seed);
    let client = GoClient::new(&scenario);
    World::new(seed, scenario, client).run()
}

/// The world of a seed, where the client uploads as libcoap does.
pub(crate) fn with_uploads(seed: u64) -> Outcome {
    let scenario = Scenario::new(seed);
    let client = UploadClient::new(&scenario);
    World::new(seed, scenario, client).run()
}

/// The world of a seed, where short requests are sent beside long transfers.
pub(crate) fn beside_transfers(seed: u64) -> Outcome {
    let scenario = Scenario::beside_transfers(seed);
    // Each of the others may have one message before it, and an observation two.
    let turns = scenario.asks.len() as u32 + 2;
    let round_trip = scenario.to_server.delay + scenario.to_client.delay;
    let client = our_client(&scenario, [7; 32]);
    let mut world = World::new(seed, scenario, client);
    world.patience = round_trip * turns;
    world.run()
}

/// The world of a seed, where the client is away for a while.
pub(crate) fn away(seed: u64) -> Outcome {
    let (scenario, reunion) = Scenario::away(seed);
    let client = our_client(&scenario, [7; 32]);
    let mut world = World::new(seed, scenario, client);
    world.reunion = Some(reunion);
    world.run()
}

fn our_client(scenario: &Scenario, key: [u8; 32]) -> Ours<ClientApplication> {
    let application = ClientApplication::new(scenario);
    let config = scenario.client.clone();
    Ours::new(Direction::ToServer, config, CLIENT_BUDGET, key, application)
}

impl<C: Client> World<C> {
    fn new(seed: u64, mut scenario: Scenario, client: C) -> Self {
        let application = ServerApplication::new(&scenario);
        let key = scenario.rng.random();
        let heals = scenario.heals;
        let block_size = scenario.client.block_size.min(scenario.server.block_size);
        Self {
            clock: Clock {
                begin: Instant::now(),
                now: Duration::ZERO,
            },
            network: Network::new(scenario.rng, scenario.to_client, scenario.to_server, heals),
            ladder: Ladder::new(NAMES, seed),
            client,
            server: Ours::new(
                Direction::ToClient,
                scenario.server,
                scenario.budget,
                key,
                application,
            ),
            heals,
            block_size: block_size.bytes(),
            tight: scenario.tight,
            patience: Duration::MAX,
            reunion: None,
            forgotten: false,
        }
    }

    fn run(mut self) -> Outcome {
        self.settle();
        while let Some(next) = self.next_time() {
            assert!(next <= self.heals + END + EMPTY, "something at {next:?}");
            assert!(self.ladder.datagrams() < STORM, "a storm");
            self.clock.now = self.clock.now.max(next);
            self.step();
        }
        self.check_executions();
        self.check_fairness();
        self.server.assert_empty();
        let application = &self.server.application;
        Outcome {
            undelivered: application.undelivered,
            datagrams: self.ladder.datagrams(),
            ..self.client.finish(application.state())
        }
    }

    fn next_time(&self) -> Option<Duration> {
        let orphaned = (!self.forgotten).then_some(self.heals + END + ORPHANED);
        let times = [
            self.network.next_arrival(),
            self.client.next_time(self.clock),
            self.server.next_time(self.clock),
            orphaned,
            self.reunion,
        ];
        times.into_iter().flatten().min()
    }

    /// Does all that is due now.
    fn step(&mut self) {
        let clock = self.clock;
        while let Some((direction, _, datagram)) = self.network.receive(clock.now) {
            match direction {
                Direction::ToClient => self.client.handle_datagram(clock, &datagram),
                Direction::ToServer => self.server.handle_datagram(clock, &datagram),
            }
            self.settle();
        }
        self.client.handle_timeout(clock);
        self.server.handle_timeout(clock);
        if !self.forgotten && clock.now >= self.heals + END + ORPHANED {
            self.forgotten = true;
            let Ours {
                endpoint,
                application,
                ..
            } = &mut self.server;
            application.forget_observers(self.clock, endpoint);
        }
        self.settle();
        if self.reunion.take_if(|at| *at <= clock.now).is_some() {
            let (state, taken) = (self.server.application.state(), self.client.taken());
            assert_eq!(taken, state, "the peer is there, and waits");
        }
    }

    /// Sends what is to be sent.
    fn settle(&mut self) {
        while let Some((direction, datagram)) = self.poll_transmit() {
            let now = self.clock.now;
            self.network
                .send(now, direction, 0, datagram, &mut self.ladder);
        }
        let Ours {
            endpoint,
            application,
            ..
        } = &self.server;
        assert_eq!(endpoint.footprint().observations, application.observers());
        let (delivered, taken) = (application.delivered(), self.client.taken());
        assert!(
            delivered <= taken,
            "state {delivered} counts as delivered, but {taken} is the last one taken"
        );
    }

    fn poll_transmit(&mut self) -> Option<(Direction, Bytes)> {
        let (clock, ladder) = (self.clock, &mut self.ladder);
        if let Some(datagram) = self.client.poll_transmit(clock, ladder) {
            return Some((Direction::ToServer, datagram));
        }
        let datagram = self.server.poll_transmit(clock, ladder)?;
        Some((Direction::ToClient, datagram))
    }

    /// Nobody waited for all of a transfer of others.
    fn check_fairness(&self) {
        for (nonce, asked) in (1..).zip(self.client.requests()) {
            if let Some(began) = self.server.application.began(nonce)
                && asked.body <= self.block_size
            {
                let waited = began.saturating_sub(asked.at);
                let patience = self.patience;
                assert!(
                    waited <= patience,
                    "{nonce} waited {waited:?} of {patience:?}"
                );
            }
        }
    }

    /// Nothing was executed twice, and nothing that was refused, unless there was no room to remember even that. What only reads may be asked again when its answer was not kept for
    /// as long as it took to fetch it.
    fn check_executions(&self) {
        for (nonce, asked) in (1..).zip(self.client.requests()) {
            let application = &self.server.application;
            let executions = application.executions(nonce);
            // That there is no room for a body of an answer is known only when it was made.
            let refused = asked.refused && asked.answer <= self.block_size;
            let limit = if asked.code.is_safe() {
                3
            } else if !self.tight && (refused || application.was_busy_for(nonce)) {
                0
            } else {
                1
            };
            assert!(
                executions <= limit,
                "{nonce} was executed {executions} times: {asked:?}"
            );
        }
    }
}

impl Outcome {
    /// The worlds were not so bad that nothing was tested, and not so good. Few of them say nothing.
    pub(crate) fn assert_meaningful(self, seeds: u64) {
        if seeds < 1000 {
            return;
        }
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
