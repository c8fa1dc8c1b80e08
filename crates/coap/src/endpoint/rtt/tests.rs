use super::*;

const TIMING: Timing = Timing::STANDARD;

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[test]
fn it_begins_with_the_initial_timeout() {
    assert_eq!(RoundTrip::new(&TIMING).timeout(), millis(2000));
}

#[test]
fn a_quick_path_is_learned_down_to_the_shortest() {
    let mut path = RoundTrip::new(&TIMING);
    for _ in 0..20 {
        path.sample(millis(30), false, &TIMING);
    }
    assert_eq!(path.timeout(), TIMING.min);
}

#[test]
fn a_slow_path_is_learned_up_to_the_longest() {
    let mut path = RoundTrip::new(&TIMING);
    for _ in 0..20 {
        path.sample(millis(4000), false, &TIMING);
    }
    assert!(path.timeout() > millis(4000) && path.timeout() < millis(4500));
    for _ in 0..20 {
        path.sample(millis(60_000), false, &TIMING);
    }
    assert_eq!(path.timeout(), TIMING.max);
}

#[test]
fn a_path_slower_than_the_timeout_is_learned_from_repeated_messages() {
    let mut path = RoundTrip::new(&TIMING);
    for _ in 0..10 {
        path.sample(millis(6000), true, &TIMING);
    }
    assert!(path.timeout() > millis(6000), "{:?}", path.timeout());
}

#[test]
fn short_timeouts_grow_quickly_and_long_ones_slowly() {
    assert_eq!(grown(millis(600), millis(600)), millis(1800));
    assert_eq!(grown(millis(2000), millis(2000)), millis(4000));
    assert_eq!(grown(millis(6000), millis(4000)), millis(9000));
}
