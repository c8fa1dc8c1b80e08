use super::*;

/// However often it wants to be woken at once.
#[test]
fn who_is_busy_is_woken_all_the_same() {
    let begun = Instant::now();
    let mut wake_at = None;
    for micros in (0..2_000).step_by(100) {
        let now = begun + Duration::from_micros(micros);
        wake_at = Some(not_too_soon(begun, wake_at, now));
        assert_eq!(wake_at, Some(begun + SOONEST), "after {micros} µs");
    }
    // It was woken, and is not again at once.
    let now = begun + 2 * SOONEST;
    assert_eq!(not_too_soon(begun, None, now), now + SOONEST);
}

#[test]
fn what_is_far_off_stays_there() {
    let now = Instant::now();
    let [near, far] = [1, 2].map(|seconds| now + Duration::from_secs(seconds));
    assert_eq!(not_too_soon(near, None, now), near);
    assert_eq!(not_too_soon(near, Some(far), now), near);
    assert_eq!(not_too_soon(far, Some(near), now), far);
    assert_eq!(not_too_soon(now, Some(far), now), now + SOONEST);
}
