//! Registering, for the first time and again.

use super::*;

#[test]
fn a_register_polls_at_once_without_waiting() {
    let mut lab = Lab::new();
    let poll = lab.register(&[
        "filter=1",
        "since=a",
        "timeout=30000",
        "set_presence=offline",
    ]);
    assert_eq!(
        poll.query,
        ["since=a", "timeout=0", "filter=1", "set_presence=offline"]
    );
    assert_eq!(poll.timeout, Duration::ZERO);
    assert_eq!(lab.observation.poll_timeout(), None);
}

#[test]
fn a_register_without_since_begins_at_the_beginning() {
    let mut lab = Lab::new();
    let poll = lab.register(&[]);
    assert_eq!(poll.query, ["timeout=0"]);
    lab.answers(&poll, NEWS);
    let delivery = lab.answer(NEWS);
    lab.delivered(delivery);
    assert_eq!(lab.next_poll().query, ["since=b", "timeout=30000"]);
}

#[test]
fn an_answer_with_content_must_be_acknowledged_before_the_next_poll() {
    let mut lab = Lab::new();
    let poll = lab.register(&["since=a"]);
    lab.answers(&poll, NEWS);
    let delivery = lab.answer(NEWS);
    assert_eq!(lab.observation.poll_timeout(), None);
    lab.delivered(delivery);
    assert_eq!(lab.next_poll().query, ["since=b", "timeout=30000"]);
}

#[test]
fn an_answer_without_content_is_next_batch_alone_and_needs_no_acknowledgement() {
    let mut lab = Lab::new();
    let poll = lab.register(&["since=a"]);
    lab.answers(&poll, SILENCE);
    lab.answer_without_content(r#"{"next_batch":"b"}"#);
    assert_eq!(lab.observation.held(), 0);
    assert_eq!(lab.next_poll().query, ["since=b", "timeout=30000"]);
}

#[test]
fn a_next_batch_with_escapes_is_written_with_escapes() {
    let mut lab = Lab::new();
    let poll = lab.register(&["since=a"]);
    lab.answers(&poll, r#"{"next_batch":"\"\\\u0001\u00e9"}"#);
    lab.answer_without_content(r#"{"next_batch":"\"\\\u0001é"}"#);
    assert_eq!(lab.next_poll().query[0], "since=\"\\\u{1}é");
}

#[test]
fn an_answer_that_was_not_acknowledged_is_pushed_again() {
    let mut lab = Lab::new();
    let poll = lab.register(&["since=a"]);
    lab.answers(&poll, NEWS);
    let delivery = lab.answer(NEWS);
    lab.undelivered(delivery);
    lab.alive();
    match lab.next() {
        (_, Some(Action::Push { body, .. })) => assert_eq!(text(&body), NEWS),
        other => panic!("{other:?}"),
    }
}

#[test]
fn who_registers_behind_the_held_body_has_taken_it() {
    let (mut lab, delivery) = Lab::pushing();
    let poll = lab.register(&["since=b"]);
    assert_eq!(poll.query, ["since=b", "timeout=0"]);
    assert_eq!(lab.observation.held(), 0);
    // The push is over; an acknowledgement of it does not count twice.
    lab.delivered(delivery);
    lab.answers(&poll, r#"{"next_batch":"b"}"#);
    lab.answer_without_content(r#"{"next_batch":"b"}"#);
}

#[test]
fn who_registers_where_the_held_body_begins_is_answered_with_it() {
    let (mut lab, delivery) = Lab::pushing();
    lab.registers(&["since=a"]);
    let answer = lab.answer(NEWS);
    assert_ne!(answer, delivery);
    // Only the acknowledgement of the answer counts: the push is from before the client restarted.
    lab.delivered(delivery);
    assert_eq!(lab.observation.held(), NEWS.len());
    lab.delivered(answer);
    assert_eq!(lab.next_poll().query[0], "since=b");
}

#[test]
fn who_registers_while_a_body_waits_for_another_delivery_is_answered_with_it() {
    let (mut lab, delivery) = Lab::pushing();
    lab.undelivered(delivery);
    lab.registers(&["since=a"]);
    let delivery = lab.answer(NEWS);
    // The back-off begins anew.
    lab.undelivered(delivery);
    let (wait, _) = lab.next_push();
    assert!((60.0..75.0).contains(&wait), "{wait}");
}

#[test]
fn what_the_client_was_told_is_where_the_held_body_begins_too() {
    let mut lab = Lab::new();
    let poll = lab.register(&["since=z"]);
    lab.answers(&poll, r#"{"next_batch":"a"}"#);
    lab.answer_without_content(r#"{"next_batch":"a"}"#);
    // An update without content, of which the client has heard nothing.
    let poll = lab.next_poll();
    lab.answers(&poll, r#"{"next_batch":"aa"}"#);
    let poll = lab.next_poll();
    assert_eq!(poll.query[0], "since=aa");
    lab.answers(&poll, NEWS);
    lab.push(NEWS);
    for since in ["since=a", "since=z"] {
        lab.registers(&[since]);
        lab.answer(NEWS);
    }
}

#[test]
fn who_registers_elsewhere_is_believed() {
    let (mut lab, _) = Lab::pushing();
    let poll = lab.register(&["since=older"]);
    assert_eq!(poll.query, ["since=older", "timeout=0"]);
    assert_eq!(lab.observation.held(), 0);
    let poll = lab.register(&[]);
    assert_eq!(poll.query, ["timeout=0"]);
}

#[test]
fn what_a_client_says_wins_over_where_polls_had_gone_on() {
    let (mut lab, poll) = Lab::polling("a");
    lab.answers(&poll, SILENCE);
    assert_eq!(lab.next_poll().query[0], "since=b");
    assert_eq!(lab.register(&["since=a"]).query[0], "since=a");
}

#[test]
fn another_filter_asks_anew() {
    let (mut lab, _) = Lab::pushing();
    let poll = lab.register(&["since=a", "filter=2"]);
    assert_eq!(poll.query, ["since=a", "timeout=0", "filter=2"]);
    assert_eq!(lab.observation.held(), 0);
}

#[test]
fn a_register_takes_the_place_of_a_poll() {
    let (mut lab, old) = Lab::polling("a");
    let new = lab.register(&["since=a"]);
    lab.answers(&old, NEWS);
    assert_eq!(lab.action(), None);
    lab.answers(&new, MORE_NEWS);
    lab.answer(MORE_NEWS);
}

#[test]
fn the_same_register_again_keeps_the_poll_of_the_first() {
    let mut lab = Lab::new();
    let poll = lab.register(&["since=a"]);
    lab.registers(&["since=a"]);
    assert_eq!(lab.action(), None);
    lab.answers(&poll, NEWS);
    lab.answer(NEWS);
}

#[test]
fn full_state_is_asked_for_until_it_is_delivered() {
    let mut lab = Lab::new();
    let poll = lab.register(&["since=a", "full_state=true"]);
    assert_eq!(poll.query, ["since=a", "full_state=true", "timeout=0"]);
    lab.answers(&poll, NEWS);
    let delivery = lab.answer(NEWS);
    // The body is given up, so it is asked for as it was.
    lab.observation.drop_body(lab.now);
    lab.delivered(delivery);
    let poll = lab.next_poll();
    assert_eq!(poll.query, ["since=a", "full_state=true", "timeout=0"]);
    lab.answers(&poll, NEWS);
    let delivery = lab.push(NEWS);
    lab.delivered(delivery);
    assert_eq!(lab.next_poll().query, ["since=b", "timeout=30000"]);
}

#[test]
fn full_state_is_not_asked_for_after_an_answer_without_content() {
    let mut lab = Lab::new();
    let poll = lab.register(&["since=a", "full_state=true"]);
    lab.answers(&poll, SILENCE);
    lab.answer_without_content(r#"{"next_batch":"b"}"#);
    assert_eq!(lab.next_poll().query, ["since=b", "timeout=30000"]);
}

#[test]
fn a_held_change_is_no_answer_to_who_wants_full_state() {
    let mut lab = Lab::new();
    let query = ["since=a", "full_state=true"];
    let poll = lab.register(&query);
    lab.answers(&poll, r#"{"next_batch":"a"}"#);
    lab.answer_without_content(r#"{"next_batch":"a"}"#);
    let poll = lab.next_poll();
    lab.answers(&poll, NEWS);
    lab.push(NEWS);
    assert_eq!(lab.register(&query).query[1], "full_state=true");
}

#[test]
fn content_of_a_register_counts_where_the_position_has_not_moved() {
    let mut lab = Lab::new();
    let poll = lab.register(&["since=b", "full_state=true"]);
    lab.answers(&poll, NEWS);
    lab.answer(NEWS);
}

#[test]
fn after_the_end_a_register_begins_anew() {
    let (mut lab, _) = Lab::pushing();
    lab.observation.handle_reset();
    assert_eq!(lab.action(), Some(Action::Ended(Reason::Reset)));
    assert!(lab.observation.is_over());
    // Nothing is left of the body that was held.
    let poll = lab.register(&["since=b"]);
    lab.answers(&poll, NEWS);
    lab.answer(NEWS);
}
