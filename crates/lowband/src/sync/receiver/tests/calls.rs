//! Calls that are answered, and those that wait.

use super::*;

#[test]
fn a_body_answers_the_call_that_waits_for_it() {
    let (mut lab, id) = Lab::registered("a");
    let call = lab.call(&["since=a"], 30);
    assert_eq!(lab.action(), None);
    assert_eq!(lab.body(id, B), Receipt::Acknowledge);
    assert_eq!(lab.action(), answer(call, B));
    assert_eq!(lab.action(), None);
}

#[test]
fn a_body_that_came_before_the_call_answers_it_at_once() {
    let (mut lab, id) = Lab::registered("a");
    lab.body(id, B);
    assert_eq!(lab.action(), None);
    let call = lab.call(&["since=a"], 30);
    assert_eq!(lab.action(), answer(call, B));
}

#[test]
fn without_news_a_call_is_answered_when_its_time_is_over() {
    let (mut lab, _) = Lab::registered("a");
    let call = lab.call(&["since=a"], 30);
    lab.pass(29);
    assert_eq!(lab.action(), None);
    lab.pass(1);
    assert_eq!(lab.action(), answer(call, &nothing("a")));
}

#[test]
fn a_call_that_does_not_wait_is_answered_at_once() {
    let (mut lab, _) = Lab::registered("a");
    let call = lab.call(&["since=a"], 0);
    lab.pass(0);
    assert_eq!(lab.action(), answer(call, &nothing("a")));
}

#[test]
fn a_body_is_given_again_until_the_client_goes_on_behind_it() {
    let (mut lab, id) = Lab::registered("a");
    lab.body(id, B);
    for _ in 0..3 {
        let call = lab.call(&["since=a"], 30);
        assert_eq!(lab.action(), answer(call, B));
    }
    assert_eq!(lab.receiver.held(), B.len());
    lab.call(&["since=b"], 30);
    assert_eq!((lab.action(), lab.receiver.held()), (None, 0));
}

#[test]
fn silence_says_which_counts_are_known() {
    let (mut lab, id) = Lab::registered("a");
    let body = r#"{"next_batch":"b","device_one_time_keys_count":{"a":1},"device_unused_fallback_key_types":["a"],"org.matrix.msc2732.device_unused_fallback_key_types":["b"]}"#;
    lab.body(id, body);
    let call = lab.call(&["since=a"], 30);
    assert_eq!(lab.action(), answer(call, body));
    let call = lab.call(&["since=b"], 0);
    lab.pass(0);
    assert_eq!(lab.action(), answer(call, body));
}

#[test]
fn counts_that_change_where_the_position_does_not_are_told_at_once() {
    let (mut lab, id) = Lab::registered("a");
    let counts =
        |n: u8| format!(r#"{{"next_batch":"a","device_one_time_keys_count":{{"a":{n}}}}}"#);
    let call = lab.call(&["since=a"], 30);
    lab.body(id, &counts(1));
    assert_eq!(lab.action(), answer(call, &counts(1)));
    // Nobody waits; the next call is told.
    lab.body(id, &counts(2));
    let call = lab.call(&["since=a"], 30);
    assert_eq!(lab.action(), answer(call, &counts(2)));
    // The same again is a repetition.
    lab.call(&["since=a"], 30);
    lab.body(id, &counts(2));
    assert_eq!(lab.action(), None);
}

#[test]
fn several_calls_from_the_same_place_are_answered_alike() {
    let (mut lab, id) = Lab::registered("a");
    let first = lab.call(&["since=a"], 30);
    let second = lab.call(&["since=a"], 30);
    lab.body(id, B);
    assert_eq!(lab.action(), answer(first, B));
    assert_eq!(lab.action(), answer(second, B));
}

#[test]
fn who_has_gone_is_not_answered() {
    let (mut lab, id) = Lab::registered("a");
    let call = lab.call(&["since=a"], 30);
    lab.receiver.handle_gone(call);
    lab.body(id, B);
    assert_eq!(lab.action(), None);
    assert_eq!(lab.receiver.held(), B.len());
}

#[test]
fn a_client_that_does_not_wait_for_its_answers_gets_early_ones() {
    let (mut lab, _) = Lab::registered("a");
    let first = lab.call(&["since=a"], 30);
    for _ in 1..CALLS {
        lab.call(&["since=a"], 30);
    }
    assert_eq!(lab.action(), None);
    lab.call(&["since=a"], 30);
    assert_eq!(lab.action(), answer(first, &nothing("a")));
    assert_eq!(lab.receiver.calls.len(), CALLS);
}

#[test]
fn calls_from_the_beginning_that_are_too_many_are_refused() {
    let mut lab = Lab::new();
    let first = lab.call(&[], 30);
    lab.register();
    for _ in 0..CALLS {
        lab.call(&[], 30);
    }
    match lab.action() {
        Some(ReceiverAction::Refuse { call, refusal }) => {
            assert_eq!((call, refusal.status), (first, 503));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(lab.receiver.calls.len(), CALLS);
}

#[test]
fn from_the_beginning_the_first_answer_is_waited_for_and_given_whatever_it_is() {
    let mut lab = Lab::new();
    let call = lab.call(&[], 0);
    let (id, query) = lab.register();
    assert!(query.is_empty());
    lab.pass(3600);
    assert_eq!(lab.action(), None);
    lab.body(id, &nothing("a"));
    assert_eq!(lab.action(), answer(call, &nothing("a")));
    let call = lab.call(&["since=a"], 30);
    lab.body(id, B);
    assert_eq!(lab.action(), answer(call, B));
}
