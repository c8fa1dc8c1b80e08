//! What must hold whatever happens in whatever order.

use rand::Rng;

use super::*;

const BODIES: [&str; 6] = [
    NEWS,
    MORE_NEWS,
    SILENCE,
    "{",
    r#"{"next_batch":"d","device_one_time_keys_count":{"a":1}}"#,
    r#"{"errcode":"M_LIMIT_EXCEEDED"}"#,
];

/// Nothing panics, at most one body is held, what is due is due once, and at the end a register is
/// answered.
#[test]
fn any_order_of_inputs() {
    for seed in 0..2_000 {
        let random = &mut SmallRng::seed_from_u64(seed);
        let mut lab = Lab::new();
        let mut last = None;
        for _ in 0..100 {
            step(&mut lab, random, last);
            if let Some(Action::Push { delivery, .. }) = take(&mut lab) {
                last = Some(delivery);
            }
            assert!(lab.observation.held() <= MORE_NEWS.len(), "seed {seed}");
        }
        lab.registers(&["since=unheard"]);
        assert!(
            matches!(take(&mut lab), Some(Action::Poll(_))),
            "seed {seed}"
        );
        let poll = PollId(lab.observation.ids);
        lab.observation
            .handle_answer(lab.now, poll, &answer(200, NEWS));
        lab.answer(NEWS);
    }
}

fn step(lab: &mut Lab, random: &mut SmallRng, last: Option<DeliveryId>) {
    let id = lab
        .observation
        .ids
        .saturating_sub(random.random_range(0..2));
    let body = BODIES[random.random_range(0..BODIES.len())];
    let delivery = last.filter(|_| random.random()).unwrap_or(DeliveryId(id));
    match random.random_range(0..11) {
        0 => lab.registers(&[["since=a", "since=b", "since=c"][random.random_range(0..3)]]),
        1..4 => {
            let status = [200, 200, 200, 200, 200, 429, 401][random.random_range(0..7)];
            let answer = answer(status, body);
            lab.observation.handle_answer(lab.now, PollId(id), &answer);
        }
        4 => lab
            .observation
            .handle_failure(lab.now, PollId(id), PollFailure::TimedOut),
        5 => lab.delivered(delivery),
        6 if random.random_ratio(1, 8) => {
            lab.observation
                .handle_undelivered(lab.now, delivery, Undelivered::Unsendable);
        }
        6 => lab.undelivered(delivery),
        7 => lab.alive(),
        8 => lab.observation.drop_body(lab.now),
        9 if random.random_ratio(1, 8) => lab.observation.handle_reset(),
        _ => {
            lab.pass(f64::from(random.random_range(0..40)));
            lab.observation.handle_timeout(lab.now);
        }
    }
}

/// The action, after which nothing is due that was due before.
fn take(lab: &mut Lab) -> Option<Action> {
    let action = lab.action();
    assert_eq!(lab.action(), None);
    let quiet = matches!(action, Some(Action::Poll(_) | Action::Push { .. }));
    if quiet && lab.observation.silent_since.is_none() {
        assert_eq!(lab.observation.poll_timeout(), None);
    }
    action
}

fn answer(status: u16, body: &str) -> Answer {
    Answer {
        status,
        retry_after: None,
        body: body.to_owned().into(),
    }
}

#[test]
fn an_observation_is_small() {
    assert!(
        size_of::<Observation>() <= 1024,
        "{}",
        size_of::<Observation>()
    );
}

#[test]
fn nothing_private_is_shown() {
    let (lab, _) = Lab::pushing();
    let shown = format!("{:?}", lab.observation);
    assert!(!shown.contains("!r"), "{shown}");
}
