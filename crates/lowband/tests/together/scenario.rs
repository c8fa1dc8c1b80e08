//! What is different from seed to seed.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use vestibule_coap::BlockSize;
use vestibule_coap::endpoint::{Config, Timing};
use vestibule_lowband::gateway::Limits;
use vestibule_lowband::mapping::client;

use vestibule_test_network::Conditions;

/// One world.
pub(crate) struct Scenario {
    pub(crate) to_client: Conditions,
    pub(crate) to_server: Conditions,
    /// When everything works from then on.
    pub(crate) heals: Duration,
    pub(crate) companion: Config,
    pub(crate) gateway: Config,
    pub(crate) has_short_follow_ups: bool,
    pub(crate) renews: bool,
    /// When each of the users begins, and what it asks. The second one is not always there.
    pub(crate) plans: Vec<(Duration, Vec<Ask>)>,
    /// What happens, in the order of time, the next last.
    pub(crate) happenings: Vec<(Duration, Happening)>,
    /// How often the homeserver has trouble.
    pub(crate) trouble: f64,
    pub(crate) rng: StdRng,
}

/// Something that a client does once, or until it succeeds.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) at: Duration,
    pub(crate) what: What,
    /// About how many bytes it carries or is answered.
    pub(crate) size: usize,
    pub(crate) deadline: Duration,
}

#[derive(Clone, Debug)]
pub(crate) enum What {
    /// An event, with this transaction, until it succeeds.
    Send(String),
    /// A POST.
    Upload,
    /// A GET.
    Messages,
    /// A GET without a token.
    Profile,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Happening {
    /// Something at the homeserver, of this size.
    Event(usize),
    RestartClient(usize),
    RestartCompanion,
    RestartGateway,
    RestartHomeserver,
}

impl Scenario {
    pub(crate) fn new(seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let longest = if rng.random_ratio(1, 4) { 1_000 } else { 200 };
        let heals = Duration::from_secs(rng.random_range(30..longest));
        let mut companion = config(&mut rng);
        client::configure(&mut companion);
        let mut gateway = config(&mut rng);
        Limits::default().configure(&mut gateway);
        let users = rng.random_range(1..=2);
        let plans = (0..users).map(|user| {
            let begin = match user == 1 && rng.random() {
                true => time(&mut rng, heals),
                false => Duration::ZERO,
            };
            (begin, asks(&mut rng, begin, heals))
        });
        let plans = plans.collect();
        Self {
            to_client: conditions(&mut rng, heals),
            to_server: conditions(&mut rng, heals),
            heals,
            companion,
            gateway,
            has_short_follow_ups: rng.random(),
            renews: rng.random(),
            plans,
            happenings: happenings(&mut rng, heals, users),
            trouble: some(&mut rng, 0.3),
            rng,
        }
    }
}

fn asks(rng: &mut StdRng, begin: Duration, heals: Duration) -> Vec<Ask> {
    let mut asks: Vec<Ask> = (0..rng.random_range(0..12))
        .map(|number| Ask {
            at: begin + time(rng, heals - begin),
            what: match rng.random_range(0..8) {
                0 => What::Upload,
                1 | 2 => What::Messages,
                3 => What::Profile,
                _ => What::Send(format!("t{number}")),
            },
            size: size(rng),
            deadline: Duration::from_secs(rng.random_range(20..300)),
        })
        .collect();
    asks.sort_by_key(|ask| std::cmp::Reverse(ask.at));
    asks
}

fn happenings(rng: &mut StdRng, heals: Duration, users: usize) -> Vec<(Duration, Happening)> {
    let mut happenings = Vec::new();
    for _ in 0..rng.random_range(0..25) {
        happenings.push((time(rng, heals), Happening::Event(size(rng))));
    }
    for _ in 0..rng.random_range(0..5_u32).saturating_sub(2) {
        let what = match rng.random_range(0..6) {
            0..3 => Happening::RestartClient(rng.random_range(0..users)),
            3 => Happening::RestartCompanion,
            4 => Happening::RestartGateway,
            _ => Happening::RestartHomeserver,
        };
        happenings.push((time(rng, heals), what));
    }
    // What happens last must be seen as well.
    happenings.push((heals + Duration::from_secs(1), Happening::Event(1)));
    happenings.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
    happenings
}

fn config(rng: &mut StdRng) -> Config {
    Config {
        timing: match rng.random_range(0..4) {
            0 => Timing::HF,
            1 => Timing::SATELLITE,
            _ => Timing::STANDARD,
        },
        block_size: BlockSize::at_most(if rng.random() { 64 } else { 1024 }),
        nstart: rng.random_range(1..=4),
        max_snapshots: rng.random_range(2..=4),
        ..Config::default()
    }
}

fn conditions(rng: &mut StdRng, heals: Duration) -> Conditions {
    let delay = match rng.random_range(0..10) {
        0..5 => Duration::from_millis(rng.random_range(1..50)),
        5..8 => Duration::from_millis(rng.random_range(50..1500)),
        8 => Duration::from_millis(rng.random_range(1500..5000)),
        _ => Duration::from_millis(rng.random_range(5000..20_000)),
    };
    let silence = rng.random_bool(0.3).then(|| {
        let from = time(rng, heals);
        (from, from + time(rng, Duration::from_secs(200)))
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

/// The size of a body in bytes, mostly small.
fn size(rng: &mut StdRng) -> usize {
    match rng.random_range(0..8) {
        0..5 => rng.random_range(0..60),
        5 | 6 => rng.random_range(0..600),
        _ => rng.random_range(0..3000),
    }
}

/// A probability, which is nothing at all for a third of the worlds.
fn some(rng: &mut StdRng, max: f64) -> f64 {
    match rng.random_range(0..3) {
        0 => 0.0,
        _ => rng.random_range(0.0..=max),
    }
}

fn time(rng: &mut StdRng, until: Duration) -> Duration {
    until.mul_f64(rng.random())
}
