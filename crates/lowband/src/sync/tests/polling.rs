//! Polls, and what of their answers is pushed.

use super::*;

const WITH_COUNTS: &str = r#"{"next_batch":"b","device_one_time_keys_count":{"signed_curve25519":50},"device_unused_fallback_key_types":["signed_curve25519"],"org.matrix.msc2732.device_unused_fallback_key_types":["signed_curve25519"]}"#;

#[test]
fn polls_begin_a_second_apart_at_least() {
    let mut lab = Lab::new();
    let poll = lab.register(&["since=a"]);
    lab.pass(0.2);
    lab.answers(&poll, SILENCE);
    lab.action();
    let (wait, action) = lab.next();
    assert!((0.79..0.81).contains(&wait), "{wait}");
    let Some(Action::Poll(poll)) = action else {
        panic!("{action:?}");
    };
    // A poll that has taken longer is followed by the next one at once.
    lab.pass(30.0);
    lab.answers(&poll, SILENCE);
    assert_eq!(lab.next().0, 0.0);
}

#[test]
fn polls_last_as_long_as_they_are_set_to() {
    let mut lab = Lab::with(Settings {
        long_poll: Duration::from_secs(50),
        ..Settings::default()
    });
    let poll = lab.register(&["since=a"]);
    lab.answers(&poll, SILENCE);
    lab.action();
    let poll = lab.next_poll();
    assert_eq!(poll.query, ["since=b", "timeout=50000"]);
    assert_eq!(poll.timeout, Duration::from_secs(50));
}

#[test]
fn no_poll_lasts_longer_than_proxies_bear() {
    let mut lab = Lab::with(Settings {
        long_poll: Duration::from_secs(300),
        ..Settings::default()
    });
    let poll = lab.register(&["since=a"]);
    lab.answers(&poll, SILENCE);
    lab.action();
    assert_eq!(lab.next_poll().timeout, Duration::from_secs(50));
}

/// Whether the position moves or not, and also where news is said that was said before.
#[test]
fn a_homeserver_that_does_not_wait_is_polled_ever_more_rarely() {
    for said in ["a", "b", "c"] {
        let (mut lab, mut poll) = Lab::polling("a");
        let start = lab.now;
        let mut polls = 0;
        for least in [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0] {
            let body = match said {
                "a" => r#"{"next_batch":"a"}"#.to_owned(),
                "b" => format!(r#"{{"next_batch":"a{polls}"}}"#),
                _ => NEWS.replace("\"b\"", "\"a\""),
            };
            lab.answers(&poll, &body);
            let (wait, action) = lab.next();
            assert!((least..=least * 1.25).contains(&wait), "{wait} {least}");
            let Some(Action::Poll(next)) = action else {
                panic!("{action:?}");
            };
            poll = next;
            polls += 1;
        }
        while lab.now < start + Duration::from_secs(600) {
            lab.answers(&poll, r#"{"next_batch":"a"}"#);
            poll = lab.next_poll();
            polls += 1;
        }
        assert!(polls <= 25, "{polls}");
    }
}

#[test]
fn news_a_wait_or_a_register_let_polls_come_quickly_again() {
    let quick = |lab: &mut Lab, poll: &Poll| {
        lab.answers(poll, r#"{"next_batch":"x"}"#);
        let (wait, action) = lab.next();
        assert!((1.0..=1.25).contains(&wait), "{wait}");
        assert!(matches!(action, Some(Action::Poll(_))));
    };
    let tired = || {
        let (mut lab, mut poll) = Lab::polling("a");
        for _ in 0..6 {
            lab.answers(&poll, r#"{"next_batch":"a"}"#);
            poll = lab.next_poll();
        }
        (lab, poll)
    };

    let (mut lab, poll) = tired();
    lab.answers(&poll, NEWS);
    let delivery = lab.push(NEWS);
    lab.delivered(delivery);
    let poll = lab.next_poll();
    quick(&mut lab, &poll);

    let (mut lab, poll) = tired();
    lab.pass(3.0);
    lab.answers(&poll, r#"{"next_batch":"a"}"#);
    let (wait, action) = lab.next();
    assert_eq!(wait, 0.0);
    let Some(Action::Poll(poll)) = action else {
        panic!("{action:?}");
    };
    quick(&mut lab, &poll);

    let (mut lab, _) = tired();
    let poll = lab.register(&["since=a"]);
    lab.answers(&poll, r#"{"next_batch":"a"}"#);
    lab.answer_without_content(r#"{"next_batch":"a"}"#);
    let (wait, action) = lab.next();
    assert!((0.99..=1.0).contains(&wait), "{wait}");
    let Some(Action::Poll(poll)) = action else {
        panic!("{action:?}");
    };
    quick(&mut lab, &poll);
}

/// Counts that are longer than what is kept of them are content once.
#[test]
fn long_counts_are_pushed_once() {
    let long = format!(
        r#"{{"next_batch":"a","device_one_time_keys_count":{{"{}":1}}}}"#,
        "k".repeat(10_000)
    );
    let (mut lab, poll) = Lab::polling("a");
    lab.answers(&poll, &long);
    let delivery = lab.push(&long);
    lab.delivered(delivery);
    let poll = lab.next_poll();
    lab.answers(&poll, &long);
    assert_eq!(lab.action(), None);
    let changed = long.replace(":1}", ":2}");
    let poll = lab.next_poll();
    lab.answers(&poll, &changed);
    lab.push(&changed);
}

#[test]
fn an_update_without_content_moves_the_poll_and_is_not_pushed() {
    let (mut lab, poll) = Lab::polling("a");
    lab.answers(&poll, SILENCE);
    assert_eq!(lab.action(), None);
    assert_eq!(lab.next_poll().query[0], "since=b");
}

#[test]
fn a_poll_goes_on_where_the_last_delivery_has_ended() {
    let (mut lab, delivery) = Lab::pushing();
    lab.delivered(delivery);
    let poll = lab.next_poll();
    assert_eq!(poll.query, ["since=b", "timeout=30000"]);
    lab.answers(&poll, MORE_NEWS);
    let delivery = lab.push(MORE_NEWS);
    lab.delivered(delivery);
    assert_eq!(lab.next_poll().query[0], "since=c");
}

#[test]
fn while_a_push_is_outstanding_nothing_is_polled() {
    let (mut lab, _) = Lab::pushing();
    assert_eq!(lab.observation.poll_timeout(), None);
    lab.pass(10_000.0);
    lab.observation.handle_timeout(lab.now);
    assert_eq!(lab.action(), None);
}

#[test]
fn parameters_go_with_every_poll() {
    let mut lab = Lab::new();
    let poll = lab.register(&["since=a", "filter={\"a\":1}", "set_presence=offline"]);
    lab.answers(&poll, SILENCE);
    lab.action();
    assert_eq!(
        lab.next_poll().query,
        [
            "since=b",
            "timeout=30000",
            "filter={\"a\":1}",
            "set_presence=offline"
        ]
    );
}

#[test]
fn counts_are_content_until_they_were_delivered() {
    let mut lab = Lab::new();
    let poll = lab.register(&["since=b"]);
    lab.answers(&poll, WITH_COUNTS);
    let delivery = lab.answer(WITH_COUNTS);
    lab.delivered(delivery);
    let poll = lab.next_poll();
    lab.answers(&poll, WITH_COUNTS);
    assert_eq!(lab.action(), None);
}

#[test]
fn counts_that_were_not_delivered_are_still_content() {
    let (mut lab, poll) = Lab::polling("b");
    lab.answers(&poll, WITH_COUNTS);
    lab.push(WITH_COUNTS);
    lab.observation.drop_body(lab.now);
    let poll = lab.next_poll();
    lab.answers(&poll, WITH_COUNTS);
    lab.push(WITH_COUNTS);
}

#[test]
fn every_count_that_changes_is_content_even_where_the_position_has_not_moved() {
    let changes = [
        ("\":50}", "\":49}"),
        (
            "key_types\":[\"signed_curve25519\"],\"o",
            "key_types\":[],\"o",
        ),
        ("key_types\":[\"signed_curve25519\"]}", "key_types\":[]}"),
    ];
    for (from, to) in changes {
        let (mut lab, poll) = Lab::polling("b");
        lab.answers(&poll, WITH_COUNTS);
        let delivery = lab.push(WITH_COUNTS);
        lab.delivered(delivery);
        let poll = lab.next_poll();
        let changed = WITH_COUNTS.replace(from, to);
        assert_ne!(changed, WITH_COUNTS);
        lab.answers(&poll, &changed);
        lab.push(&changed);
    }
}

#[test]
fn counts_are_known_to_a_client_that_registers_where_it_was() {
    let (mut lab, poll) = Lab::polling("a");
    lab.answers(&poll, WITH_COUNTS);
    let delivery = lab.push(WITH_COUNTS);
    lab.delivered(delivery);
    let poll = lab.register(&["since=b"]);
    lab.answers(&poll, WITH_COUNTS);
    lab.answer_without_content(r#"{"next_batch":"b"}"#);
}

#[test]
fn counts_are_known_to_a_client_that_has_taken_the_held_body() {
    let (mut lab, poll) = Lab::polling("a");
    lab.answers(&poll, WITH_COUNTS);
    lab.push(WITH_COUNTS);
    let poll = lab.register(&["since=b"]);
    lab.answers(&poll, WITH_COUNTS);
    lab.answer_without_content(r#"{"next_batch":"b"}"#);
}

#[test]
fn counts_that_have_changed_alone_are_not_known_to_who_registers_there() {
    let (mut lab, poll) = Lab::polling("b");
    lab.answers(&poll, WITH_COUNTS);
    let delivery = lab.push(WITH_COUNTS);
    // By its `since` a client cannot say whether it has taken them.
    let poll = lab.register(&["since=b", "filter=2"]);
    lab.answers(&poll, WITH_COUNTS);
    lab.delivered(delivery);
    let delivery = lab.answer(WITH_COUNTS);
    lab.delivered(delivery);
    let poll = lab.register(&["since=b", "filter=2"]);
    lab.answers(&poll, WITH_COUNTS);
    lab.answer(WITH_COUNTS);
}

#[test]
fn counts_are_content_again_for_a_client_that_goes_back() {
    let (mut lab, poll) = Lab::polling("a");
    lab.answers(&poll, WITH_COUNTS);
    let delivery = lab.push(WITH_COUNTS);
    lab.delivered(delivery);
    let poll = lab.register(&["since=older"]);
    lab.answers(&poll, WITH_COUNTS);
    lab.answer(WITH_COUNTS);
}

#[test]
fn the_same_position_with_the_same_content_is_not_pushed_for_ever() {
    let (mut lab, poll) = Lab::polling("b");
    lab.answers(&poll, NEWS);
    assert_eq!(lab.action(), None);
}

#[test]
fn an_unknown_member_is_content() {
    let (mut lab, poll) = Lab::polling("a");
    let body = r#"{"next_batch":"b","org.example.new":{}}"#;
    lab.answers(&poll, body);
    lab.push(body);
}

#[test]
fn a_late_answer_is_ignored() {
    let (mut lab, poll) = Lab::polling("a");
    lab.answers(&poll, SILENCE);
    lab.answers(&poll, NEWS);
    lab.fails(&poll, PollFailure::TooLarge);
    assert_eq!(lab.action(), None);
    assert_eq!(lab.next_poll().query[0], "since=b");
}

#[test]
fn the_answer_to_a_poll_from_before_a_register_is_ignored_for_ever() {
    let (mut lab, old) = Lab::polling("a");
    let poll = lab.register(&["since=c"]);
    lab.answers(&poll, r#"{"next_batch":"c"}"#);
    lab.answer_without_content(r#"{"next_batch":"c"}"#);
    lab.next_poll();
    lab.answers(&old, NEWS);
    assert_eq!(lab.action(), None);
}

#[test]
fn an_action_that_was_not_taken_is_not_lost_to_the_clock() {
    let mut lab = Lab::new();
    let poll = lab.register(&["since=a"]);
    lab.pass(5.0);
    lab.answers(&poll, SILENCE);
    lab.observation.handle_timeout(lab.now);
    lab.answer_without_content(r#"{"next_batch":"b"}"#);
    lab.observation.handle_timeout(lab.now);
    assert!(matches!(lab.action(), Some(Action::Poll(_))));
}
