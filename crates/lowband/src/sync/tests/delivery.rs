//! Deliveries that fail, and signs of life.

use super::*;
use crate::{keys::Keys, mapping::format::Format};

#[test]
fn the_very_body_is_pushed_again_and_nothing_is_polled_meanwhile() {
    let (mut lab, mut delivery) = Lab::pushing();
    for _ in 0..3 {
        lab.undelivered(delivery);
        lab.alive();
        let (_, action) = lab.next();
        let Some(Action::Push {
            delivery: next,
            body,
        }) = action
        else {
            panic!("{action:?}");
        };
        assert_eq!(text(&body), NEWS);
        delivery = next;
    }
    lab.delivered(delivery);
    assert_eq!(lab.next_poll().query[0], "since=b");
}

#[test]
fn waits_double_from_a_minute_to_a_quarter_of_an_hour() {
    let (mut lab, mut delivery) = Lab::pushing();
    for least in [60.0, 120.0, 240.0, 480.0, 900.0, 900.0] {
        // Abandoned deliveries: of these the client is not to blame, so it is not given up.
        lab.observation
            .handle_undelivered(lab.now, delivery, Undelivered::Abandoned);
        let (wait, next) = lab.next_push();
        assert!((least..=least * 1.25).contains(&wait), "{wait} {least}");
        delivery = next;
    }
}

#[test]
fn a_delivery_lets_waits_begin_anew() {
    let (mut lab, delivery) = Lab::pushing();
    lab.undelivered(delivery);
    let (_, delivery) = lab.next_push();
    lab.delivered(delivery);
    let poll = lab.next_poll();
    lab.answers(&poll, MORE_NEWS);
    let delivery = lab.push(MORE_NEWS);
    lab.undelivered(delivery);
    let (wait, _) = lab.next_push();
    assert!((60.0..=75.0).contains(&wait), "{wait}");
}

#[test]
fn a_sign_of_life_has_the_body_pushed_at_once() {
    let (mut lab, delivery) = Lab::pushing();
    lab.undelivered(delivery);
    lab.pass(20.0);
    lab.alive();
    assert_eq!(lab.next_push().0, 0.0);
}

#[test]
fn a_sign_of_life_right_after_a_failure_waits_for_five_seconds() {
    let (mut lab, delivery) = Lab::pushing();
    lab.undelivered(delivery);
    lab.pass(0.1);
    lab.alive();
    let (wait, _) = lab.next_push();
    assert!((4.89..6.2).contains(&wait), "{wait}");
}

#[test]
fn a_sign_of_life_never_makes_a_wait_longer() {
    let (mut lab, delivery) = Lab::pushing();
    lab.undelivered(delivery);
    let due = lab.observation.poll_timeout().expect("a retry");
    lab.now = due + Duration::from_secs(1);
    lab.alive();
    assert_eq!(lab.observation.poll_timeout(), Some(due));
}

#[test]
fn a_datagram_each_second_makes_no_storm() {
    let (mut lab, mut delivery) = Lab::pushing();
    let start = lab.now;
    let mut pushes = 0;
    // Each push fails after a second: nothing is waited for but what the observation wants.
    while lab.now < start + Duration::from_secs(3600) {
        lab.pass(1.0);
        lab.undelivered(delivery);
        loop {
            lab.alive();
            if lab.observation.poll_timeout().expect("a retry") <= lab.now {
                break;
            }
            lab.pass(1.0);
        }
        delivery = lab.next_push().1;
        pushes += 1;
    }
    // Without regard to signs of life there would be about 8.
    assert!((8..65).contains(&pushes), "{pushes}");
}

#[test]
fn a_sign_of_life_changes_nothing_else() {
    let (mut lab, delivery) = Lab::pushing();
    lab.alive();
    assert_eq!((lab.action(), lab.observation.poll_timeout()), (None, None));
    lab.delivered(delivery);
    let due = lab.observation.poll_timeout();
    lab.alive();
    assert_eq!(lab.observation.poll_timeout(), due);
}

#[test]
fn an_orphan_ends_after_half_an_hour_of_silence() {
    let (mut lab, mut delivery) = Lab::pushing();
    let start = lab.now;
    loop {
        lab.undelivered(delivery);
        match lab.next().1 {
            Some(Action::Push { delivery: next, .. }) => delivery = next,
            Some(Action::Ended(Reason::Orphaned)) => break,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(lab.now, start + Duration::from_secs(1800));
    assert!(lab.observation.is_over());
    assert_eq!(lab.observation.held(), 0);
    assert_eq!(lab.observation.poll_timeout(), None);
}

#[test]
fn a_client_that_gives_signs_of_life_is_no_orphan() {
    let (mut lab, mut delivery) = Lab::pushing();
    let start = lab.now;
    while lab.now < start + Duration::from_secs(24 * 3600) {
        lab.undelivered(delivery);
        delivery = lab.next_push().1;
        // Only once in a while, and while a push is under way.
        lab.alive();
    }
}

#[test]
fn a_client_that_owes_nothing_may_be_silent() {
    let (mut lab, mut poll) = Lab::polling("a");
    let start = lab.now;
    while lab.now < start + Duration::from_secs(12 * 3600) {
        lab.pass(30.0);
        lab.answers(&poll, r#"{"next_batch":"a"}"#);
        poll = lab.next_poll();
    }
    lab.answers(&poll, NEWS);
    // The clock of orphans begins with the first failure.
    let delivery = lab.push(NEWS);
    lab.undelivered(delivery);
    lab.next_push();
}

#[test]
fn a_delivery_that_is_under_way_is_waited_for_beyond_the_end_of_patience() {
    let (mut lab, delivery) = Lab::pushing();
    lab.undelivered(delivery);
    let (_, delivery) = lab.next_push();
    lab.pass(3600.0);
    lab.observation.handle_timeout(lab.now);
    assert_eq!(lab.action(), None);
    lab.delivered(delivery);
    assert_eq!(lab.next_poll().query[0], "since=b");
}

#[test]
fn a_dropped_body_is_asked_for_anew_when_the_client_is_tried_again() {
    let (mut lab, delivery) = Lab::pushing();
    lab.undelivered(delivery);
    lab.observation.drop_body(lab.now);
    assert_eq!(lab.observation.held(), 0);
    lab.pass(20.0);
    lab.alive();
    let poll = lab.next_poll();
    assert_eq!(poll.query, ["since=a", "timeout=0"]);
    lab.answers(&poll, MORE_NEWS);
    lab.push(MORE_NEWS);
}

#[test]
fn a_body_that_is_dropped_on_its_way_is_not_delivered() {
    let (mut lab, delivery) = Lab::pushing();
    lab.observation.drop_body(lab.now);
    lab.delivered(delivery);
    assert_eq!(lab.next_poll().query[0], "since=a");
}

#[test]
fn dropping_where_nothing_is_held_does_nothing() {
    let (mut lab, poll) = Lab::polling("a");
    lab.observation.drop_body(lab.now);
    lab.answers(&poll, NEWS);
    lab.push(NEWS);
}

#[test]
fn a_client_that_registers_where_a_dropped_body_ended_goes_on_there() {
    let (mut lab, delivery) = Lab::pushing();
    lab.undelivered(delivery);
    lab.observation.drop_body(lab.now);
    assert_eq!(lab.register(&["since=b"]).query[0], "since=b");
}

#[test]
fn a_reset_ends_the_observation_in_every_state() {
    let ended = Some(Action::Ended(Reason::Reset));
    let (mut lab, _) = Lab::pushing();
    lab.observation.handle_reset();
    assert_eq!(lab.action(), ended);
    assert_eq!(lab.observation.held(), 0);

    let (mut lab, poll) = Lab::polling("a");
    lab.observation.handle_reset();
    assert_eq!(lab.action(), ended);
    lab.answers(&poll, NEWS);
    lab.observation.handle_reset();
    assert_eq!((lab.action(), lab.observation.poll_timeout()), (None, None));

    let (mut lab, delivery) = Lab::pushing();
    lab.undelivered(delivery);
    lab.observation.handle_reset();
    assert_eq!(lab.action(), ended);
    lab.alive();
    assert_eq!(lab.observation.poll_timeout(), None);
}

/// Bodies that can be read and not be sent.
const UNSENDABLE: [&str; 2] = [
    r#"{"next_batch":"b","rooms":{"join":{"!r":{"x":1e999}}}}"#,
    r#"{"next_batch":"b","to_device":{"events":[-1e400]}}"#,
];

/// What is sent over CoAP, as who drives it finds out.
fn is_sendable(body: &str) -> bool {
    Format::Cbor(Keys::V1).encode(body.as_bytes()).is_ok()
}

#[test]
fn a_push_that_cannot_be_sent_ends_the_observation_with_advice() {
    for body in UNSENDABLE {
        assert!(!is_sendable(body));
        let (mut lab, poll) = Lab::polling("a");
        lab.answers(&poll, body);
        let delivery = lab.push(body);
        lab.observation
            .handle_undelivered(lab.now, delivery, Undelivered::Unsendable);
        let action = lab.action();
        assert!(matches!(action, Some(Action::EndWith(_))), "{action:?}");
        let (status, error) = status_of(action);
        assert_eq!(status, 502);
        assert!(error.contains("M_TOO_LARGE") && error.contains("HTTP"));
        assert!(is_sendable(&error));
        assert!(lab.observation.is_over());
        assert_eq!(lab.observation.held(), 0);
        assert_eq!(lab.observation.poll_timeout(), None);
    }
}

#[test]
fn a_register_whose_answer_cannot_be_sent_is_refused_with_advice() {
    let mut lab = Lab::new();
    let poll = lab.register(&["since=a"]);
    lab.answers(&poll, UNSENDABLE[0]);
    let delivery = lab.answer(UNSENDABLE[0]);
    lab.observation
        .handle_undelivered(lab.now, delivery, Undelivered::Unsendable);
    let action = lab.action();
    assert!(
        matches!(action, Some(Action::RefuseRegister(_))),
        "{action:?}"
    );
    assert_eq!(status_of(action).0, 502);
    assert!(lab.observation.is_over());
    // Who has synced over HTTP can observe from there.
    assert_eq!(lab.register(&["since=b"]).query[0], "since=b");
}

#[test]
fn deep_bodies_and_half_surrogate_pairs_can_be_sent() {
    let deep = "[".repeat(200) + &"]".repeat(200);
    for content in [&*deep, r#""\ud800""#, r#"{"\udc00":1}"#] {
        let body = format!(
            r#"{{"next_batch":"b","rooms":{{"join":{{"!r":{{"timeline":{{"events":[{content}]}}}}}}}}}}"#
        );
        let (mut lab, poll) = Lab::polling("a");
        lab.answers(&poll, &body);
        lab.push(&body);
        assert!(is_sendable(&body), "{body}");
    }
}

#[test]
fn what_is_told_of_earlier_deliveries_is_ignored() {
    let (mut lab, first) = Lab::pushing();
    lab.undelivered(first);
    let (_, second) = lab.next_push();
    lab.undelivered(first);
    lab.delivered(first);
    lab.observation
        .handle_undelivered(lab.now, first, Undelivered::Unsendable);
    assert_eq!(lab.observation.held(), NEWS.len());
    lab.delivered(second);
    assert_eq!(lab.observation.held(), 0);
}
