//! What is different from seed to seed.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use vestibule_coap::endpoint::{Acknowledge, Assurance, Config, Timing, Tokens};
use vestibule_coap::{BlockSize, Code, OptionNumber};

use vestibule_test_network::Conditions;

/// One world: its path, its endpoints, and what its applications do.
pub(crate) struct Scenario {
    pub(crate) to_client: Conditions,
    pub(crate) to_server: Conditions,
    /// When the path is as good as new.
    pub(crate) heals: Duration,
    pub(crate) client: Config,
    pub(crate) server: Config,
    /// Whether the endpoints remember so little that they may be too busy for a request.
    pub(crate) tight: bool,
    /// How many bytes of bodies the server may keep.
    pub(crate) budget: usize,
    /// In the order of time.
    pub(crate) asks: Vec<Ask>,
    pub(crate) observes: bool,
    pub(crate) acknowledge: Acknowledge,
    /// How long it takes until a state that arrived is safe, where the application says so.
    pub(crate) safe_after: Duration,
    pub(crate) assurance: Assurance,
    /// When the observed resource gets a new state, and how many bytes its description takes.
    pub(crate) states: Vec<(Duration, usize)>,
    /// When the server ends all observations.
    pub(crate) refusals: Vec<Duration>,
    /// When the client ends its observation, to begin another one.
    pub(crate) breaks: Vec<Duration>,
    /// When the client registers again, whatever it has not acknowledged yet.
    pub(crate) renewals: Vec<Duration>,
    /// When the client looks whether the server is there.
    pub(crate) pings: Vec<Duration>,
    pub(crate) rng: StdRng,
}

/// A request to be sent.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) at: Duration,
    pub(crate) code: Code,
    pub(crate) confirmable: bool,
    pub(crate) deadline: Duration,
    /// How many bytes it carries.
    pub(crate) body: usize,
    /// How many bytes are answered.
    pub(crate) answer: usize,
    /// How long that takes the application.
    pub(crate) wait: Duration,
    /// Whether the request is acknowledged before.
    pub(crate) accept: bool,
    /// When the client is not interested any more.
    pub(crate) cancel: Option<Duration>,
    /// Options that further blocks leave out.
    pub(crate) once: &'static [OptionNumber],
}

/// When the path has been good for long enough that every request succeeds.
pub(crate) const CALM: Duration = Duration::from_secs(250);
/// When the client has had enough, counted from when the path heals.
pub(crate) const END: Duration = Duration::from_secs(450);

/// More bytes of bodies than there are.
const PLENTY: usize = 64 << 20;

impl Scenario {
    pub(crate) fn new(seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let heals = Duration::from_secs(rng.random_range(20..400));
        let tight = rng.random_bool(0.1);
        let client = config(&mut rng, tight);
        let server = config(&mut rng, tight);
        let blocks = client.block_size.min(server.block_size).bytes();
        let mut asks: Vec<Ask> = (0..rng.random_range(1..25))
            .map(|_| ask(&mut rng, heals, blocks))
            .collect();
        asks.extend((0..3).map(|at| Ask {
            at: heals + CALM + Duration::from_secs(at * 40),
            confirmable: true,
            deadline: Duration::from_secs(120),
            cancel: None,
            ..ask(&mut rng, heals, blocks)
        }));
        asks.sort_by_key(|ask| ask.at);
        let mut states: Vec<(Duration, usize)> = (0..rng.random_range(0..20))
            .map(|_| {
                (
                    seconds(&mut rng, heals.as_secs_f64() + 50.0),
                    size(&mut rng, blocks),
                )
            })
            .collect();
        states.sort();
        let largest = states.iter().map(|&(_, size)| size).max();
        Self {
            to_client: conditions(&mut rng, heals),
            to_server: conditions(&mut rng, heals),
            heals,
            client,
            server,
            tight,
            budget: budget(&mut rng, largest.unwrap_or_default()),
            asks,
            observes: rng.random_bool(0.7),
            acknowledge: if rng.random() {
                Acknowledge::AtOnce
            } else {
                Acknowledge::ByCaller
            },
            safe_after: safe_after(&mut rng),
            assurance: if rng.random() {
                Assurance::Acknowledged
            } else {
                Assurance::None
            },
            states,
            refusals: times(&mut rng, heals),
            breaks: times(&mut rng, heals),
            renewals: times(&mut rng, heals),
            pings: times(&mut rng, heals),
            rng,
        }
    }

    /// Whether the server may be too busy for a request even when all is well.
    pub(crate) fn is_scarce(&self) -> bool {
        self.tight || self.budget < PLENTY
    }

    /// Transfers in many blocks on a path that is slow and nothing else, and short requests beside them.
    pub(crate) fn beside_transfers(seed: u64) -> Self {
        let mut scenario = Self::new(seed);
        let Self { rng, .. } = &mut scenario;
        let conditions = Conditions {
            loss: 0.0,
            duplication: 0.0,
            delay: Duration::from_millis(rng.random_range(10..800)),
            jitter: Duration::ZERO,
            stragglers: 0.0,
            silence: None,
        };
        let blocks = BlockSize::at_most(16 << rng.random_range(0..4));
        let config = |nstart| Config {
            block_size: blocks,
            nstart,
            max_snapshots: 8,
            ..Config::satellite()
        };
        let mut asks: Vec<Ask> = (0..rng.random_range(4..10))
            .map(|at| {
                let long = at < 3;
                let heals = Duration::from_secs(60);
                let ask = ask(rng, heals, blocks.bytes());
                let many = blocks.bytes() * 50;
                Ask {
                    at: if long { Duration::ZERO } else { ask.at },
                    confirmable: true,
                    deadline: Duration::from_secs(1000),
                    body: if long && ask.body > 0 {
                        many
                    } else {
                        ask.body.min(blocks.bytes())
                    },
                    answer: if long {
                        many
                    } else {
                        ask.answer.min(blocks.bytes())
                    },
                    wait: Duration::ZERO,
                    accept: false,
                    cancel: None,
                    ..ask
                }
            })
            .collect();
        asks.sort_by_key(|ask| ask.at);
        let nstart = rng.random_range(1..=2);
        Self {
            to_client: conditions.clone(),
            to_server: conditions,
            heals: Duration::from_secs(1000),
            client: config(nstart),
            server: config(1),
            tight: false,
            budget: PLENTY,
            asks,
            states: vec![(Duration::from_secs(1), blocks.bytes() * 50)],
            refusals: Vec::new(),
            breaks: Vec::new(),
            renewals: Vec::new(),
            pings: Vec::new(),
            ..scenario
        }
    }

    /// A client that observes and is away for a while, in which there is a new state. What it says then is a ping, and when
    /// it must have the state at the latest: when the ping and the answer have had their time, and the first timeout is
    /// over, however long the server would have waited by then.
    pub(crate) fn away(seed: u64) -> (Self, Duration) {
        let mut scenario = Self::beside_transfers(seed);
        let Self { rng, .. } = &mut scenario;
        let timing = match rng.random_range(0..2) {
            0 => Timing::SATELLITE,
            _ => Timing::STANDARD,
        };
        let leaves = Duration::from_secs(10);
        let changes = leaves + seconds(rng, 5.0);
        let returns = changes + timing.initial + seconds(rng, 40.0);
        let conditions = Conditions {
            silence: Some((leaves, returns)),
            ..scenario.to_client.clone()
        };
        let round_trip = conditions.delay * 2;
        scenario.client.timing = timing;
        scenario.server.timing = timing;
        let scenario = Self {
            to_client: conditions.clone(),
            to_server: conditions,
            asks: Vec::new(),
            observes: true,
            acknowledge: Acknowledge::AtOnce,
            assurance: Assurance::None,
            states: vec![(changes, 10)],
            pings: vec![returns],
            ..scenario
        };
        (scenario, returns + round_trip + timing.initial)
    }

    /// For a client of the Go library: it asks in one way only, and cannot begin an observation again.
    pub(crate) fn with_go_client(seed: u64) -> Self {
        let mut scenario = Self::new(seed);
        scenario.assurance = Assurance::Silent;
        scenario.refusals.clear();
        // It knows blocks of 1,024 bytes only, until the server wants smaller ones.
        for ask in &mut scenario.asks {
            ask.body = (ask.body * 8).min(5_000);
        }
        scenario
    }
}

/// Now and then no more than the largest state takes, and little beside it.
fn budget(rng: &mut StdRng, largest: usize) -> usize {
    if rng.random_bool(0.1) {
        largest + rng.random_range(50..2_000)
    } else {
        PLENTY
    }
}

/// At once, soon, or now and then so late that the state is held meanwhile.
fn safe_after(rng: &mut StdRng) -> Duration {
    let most = if rng.random_bool(0.2) {
        60_000
    } else {
        6_000_u64
    };
    Duration::from_millis(rng.random_range(0..most).saturating_sub(3_000))
}

fn ask(rng: &mut StdRng, heals: Duration, blocks: usize) -> Ask {
    let code = match rng.random_range(0..6) {
        0 | 1 => Code::GET,
        2 => Code::PUT,
        3 => Code::DELETE,
        _ => Code::POST,
    };
    let carries = matches!(code, Code::POST | Code::PUT);
    Ask {
        at: seconds(rng, heals.as_secs_f64()),
        code,
        confirmable: rng.random_bool(0.9),
        deadline: Duration::from_secs(rng.random_range(1..=120)),
        body: if carries { size(rng, blocks) } else { 0 },
        answer: size(rng, blocks),
        wait: match rng.random_range(0..3) {
            0 => Duration::ZERO,
            1 => seconds(rng, 3.0),
            _ => seconds(rng, 20.0),
        },
        accept: rng.random_bool(0.2),
        cancel: rng.random_bool(0.1).then(|| seconds(rng, 30.0)),
        once: if rng.random() {
            &[OptionNumber::URI_QUERY]
        } else {
            &[]
        },
    }
}

/// Few times in order, mostly none.
fn times(rng: &mut StdRng, heals: Duration) -> Vec<Duration> {
    let count = rng.random_range(0..6_usize).saturating_sub(3);
    let mut times: Vec<Duration> = (0..count)
        .map(|_| seconds(rng, heals.as_secs_f64()))
        .collect();
    times.sort();
    times
}

/// The size of a body, mostly of few blocks.
fn size(rng: &mut StdRng, blocks: usize) -> usize {
    match rng.random_range(0..6) {
        0 => 0,
        1 | 2 => rng.random_range(0..=blocks),
        3 => blocks * rng.random_range(1..=3),
        4 => rng.random_range(0..blocks * 6),
        _ => rng.random_range(0..blocks * 20),
    }
}

fn config(rng: &mut StdRng, tight: bool) -> Config {
    let mut config = Config {
        timing: match rng.random_range(0..4) {
            0 => Timing::HF,
            1 => Timing::SATELLITE,
            _ => Timing::STANDARD,
        },
        piggyback_window: match rng.random_range(0..3) {
            0 => Duration::from_millis(200),
            1 => Duration::from_millis(1500),
            _ => Duration::from_secs(5),
        },
        block_size: BlockSize::at_most(16 << rng.random_range(0..7)),
        nstart: rng.random_range(1..=4),
        max_exchanges: rng.random_range(2..=64),
        max_uploads: rng.random_range(1..=4),
        max_snapshots: rng.random_range(2..=4),
        tokens: if rng.random() {
            Tokens::Counted
        } else {
            Tokens::Random
        },
        ..Config::default()
    };
    if tight {
        config.max_received = rng.random_range(4..40);
        config.max_reply_bytes = rng.random_range(0..2000);
    }
    config
}

fn conditions(rng: &mut StdRng, heals: Duration) -> Conditions {
    let delay = match rng.random_range(0..10) {
        0..4 => Duration::from_millis(rng.random_range(1..50)),
        4..8 => Duration::from_millis(rng.random_range(50..1500)),
        8 => Duration::from_millis(rng.random_range(1500..5000)),
        _ => Duration::from_millis(rng.random_range(5000..20_000)),
    };
    let silence = rng.random_bool(0.3).then(|| {
        let from = seconds(rng, heals.as_secs_f64());
        (from, from + seconds(rng, 200.0))
    });
    Conditions {
        loss: some(rng, 0.3),
        duplication: some(rng, 0.3),
        delay,
        jitter: delay.mul_f64(rng.random_range(0.0..2.0)),
        stragglers: some(rng, 0.05),
        silence,
    }
}

/// A probability, which is nothing at all for a third of the worlds.
fn some(rng: &mut StdRng, max: f64) -> f64 {
    if rng.random_range(0..3) == 0 {
        0.0
    } else {
        rng.random_range(0.0..=max)
    }
}

fn seconds(rng: &mut StdRng, max: f64) -> Duration {
    Duration::from_secs_f64(rng.random_range(0.0..max))
}
