//! When it is registered, and for how long.

use super::*;

fn refusal(status: u16) -> Refusal {
    Refusal {
        status,
        retry_after: None,
        body: "{}".into(),
    }
}

fn refused(call: CallId, status: u16) -> Option<ReceiverAction> {
    let refusal = refusal(status);
    Some(ReceiverAction::Refuse { call, refusal })
}

#[test]
fn the_first_call_registers_and_waits_for_the_answer() {
    let mut lab = Lab::new();
    let call = lab.call(&["filter=1", "since=a", "timeout=0"], 0);
    let (id, query) = lab.register();
    assert_eq!(query, ["since=a", "filter=1"]);
    lab.pass(5);
    assert_eq!(lab.action(), None);
    lab.body(id, B);
    assert_eq!(lab.action(), answer(call, B));
}

#[test]
fn another_filter_or_presence_registers_anew() {
    for parameter in ["filter=2", "set_presence=offline"] {
        let (mut lab, _) = Lab::registered("a");
        lab.call(&["since=a", parameter], 30);
        assert_eq!(lab.register().1, ["since=a", parameter]);
    }
}

#[test]
fn full_state_registers_anew_once() {
    let (mut lab, _) = Lab::registered("a");
    lab.call(&["since=a", "full_state=true"], 30);
    let (id, query) = lab.register();
    assert_eq!(query, ["since=a", "full_state=true"]);
    // A client that asks again while the first answer is under way gets the same one.
    lab.call(&["since=a", "full_state=true"], 30);
    assert_eq!(lab.action(), None);
    lab.body(id, B);
    assert!(lab.action().is_some() && lab.action().is_some());
    lab.call(&["since=b"], 30);
    assert_eq!(lab.action(), None);
}

#[test]
fn the_same_call_again_keeps_the_registration() {
    let (mut lab, id) = Lab::registered("a");
    for _ in 0..3 {
        lab.call(&["since=a"], 1);
        lab.pass(2);
        lab.action();
    }
    assert_eq!(lab.body(id, B), Receipt::Acknowledge);
}

#[test]
fn registers_are_a_second_apart_at_least() {
    let (mut lab, _) = Lab::registered("a");
    lab.call(&["since=a", "filter=1"], 30);
    lab.register();
    lab.call(&["since=a", "filter=2"], 30);
    assert_eq!(lab.action(), None);
    lab.call(&["since=a", "filter=3"], 30);
    lab.call(&["since=a", "filter=3"], 30);
    lab.pass(2);
    assert_eq!(lab.register().1, ["since=a", "filter=3"]);
    assert_eq!(lab.action(), None);
}

#[test]
fn registers_that_are_not_answered_become_rare() {
    let (mut lab, mut id) = Lab::registered("a");
    let start = lab.now;
    lab.call(&["since=a"], 3600);
    let mut registers = 0;
    while lab.now < start + Duration::from_secs(600) {
        lab.receiver.handle_lost(lab.now, id);
        if lab.receiver.active.is_none() {
            lab.now = lab.receiver.poll_timeout().expect("a register");
            lab.receiver.handle_timeout(lab.now);
        }
        id = lab.register().0;
        registers += 1;
    }
    assert!((15..30).contains(&registers), "{registers}");
    // With a body, all is well again.
    lab.body(id, B);
    assert!(lab.action().is_some());
    lab.pass(1);
    lab.call(&["since=older"], 30);
    assert!(lab.receiver.wanted.is_none());
}

#[test]
fn two_clients_that_want_different_things_do_not_chase_each_other() {
    let (mut lab, _) = Lab::registered("a");
    let start = lab.now;
    let mut registers = 0;
    let mut calls = [None, None];
    while lab.now < start + Duration::from_secs(300) {
        for (n, call) in calls.iter_mut().enumerate() {
            if call.is_none() {
                *call = Some(lab.call(&["since=a", &format!("filter={n}")], 30));
            }
        }
        lab.pass(1);
        while let Some(action) = lab.action() {
            match action {
                ReceiverAction::Register { .. } => registers += 1,
                ReceiverAction::Answer { call, .. } => {
                    for waiting in &mut calls {
                        waiting.take_if(|waiting| *waiting == call);
                    }
                }
                other => panic!("{other:?}"),
            }
        }
    }
    assert!(registers <= 22, "{registers}");
}

#[test]
fn a_call_from_the_beginning_is_refused_when_another_takes_its_place() {
    let mut lab = Lab::new();
    let first = lab.call(&[], 30);
    lab.register();
    lab.pass(1);
    lab.call(&["since=a"], 30);
    assert_eq!(lab.receiver.calls.len(), 1);
    match lab.action() {
        Some(ReceiverAction::Refuse { call, refusal }) => {
            assert_eq!((call, refusal.status), (first, 503));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_error_is_told_to_those_who_wait_and_the_next_call_registers() {
    let (mut lab, id) = Lab::registered("a");
    let call = lab.call(&["since=a"], 30);
    lab.receiver.handle_refused(id, &refusal(401));
    assert_eq!(lab.action(), refused(call, 401));
    assert_eq!(lab.receiver.poll_timeout(), None);
    lab.call(&["since=a"], 30);
    lab.register();
    // What is told of the earlier one does not matter any more.
    lab.receiver.handle_refused(id, &refusal(401));
    lab.receiver.handle_lost(lab.now, id);
    assert_eq!(lab.action(), None);
}

#[test]
fn a_body_of_no_use_is_an_error() {
    for body in ["", "{}", "<html>"] {
        let (mut lab, id) = Lab::registered("a");
        lab.call(&["since=a"], 30);
        assert_eq!(lab.body(id, body), Receipt::Reject);
        match lab.action() {
            Some(ReceiverAction::Refuse { refusal, .. }) => assert_eq!(refusal.status, 502),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn what_is_lost_is_registered_again_while_a_call_waits() {
    let (mut lab, id) = Lab::registered("a");
    let call = lab.call(&["since=a"], 30);
    lab.receiver.handle_lost(lab.now, id);
    let (new, query) = lab.register();
    assert_eq!(query, ["since=a"]);
    assert_ne!(id, new);
    lab.body(new, B);
    assert_eq!(lab.action(), answer(call, B));
}

#[test]
fn what_is_lost_while_no_call_waits_is_registered_by_the_next_one() {
    let (mut lab, id) = Lab::registered("a");
    lab.body(id, B);
    lab.receiver.handle_lost(lab.now, id);
    assert_eq!(lab.action(), None);
    // First what has come already.
    let call = lab.call(&["since=a"], 30);
    assert_eq!(lab.action(), answer(call, B));
    lab.call(&["since=b"], 30);
    assert_eq!(lab.register().1, ["since=b"]);
}

#[test]
fn without_calls_it_is_observed_for_a_while_only() {
    let (mut lab, id) = Lab::registered("a");
    lab.call(&["since=a"], 200);
    // A call that waits is a call.
    lab.pass(200);
    assert!(lab.action().is_some());
    lab.pass(299);
    assert_eq!(lab.action(), None);
    lab.pass(1);
    assert_eq!(lab.action(), Some(ReceiverAction::Cancel(id)));
    assert_eq!(lab.body(id, B), Receipt::Reject);
    lab.call(&["since=a"], 30);
    lab.register();
}

/// The other side may have ended the observation by a message that was lost.
#[test]
fn what_is_silent_for_long_is_registered_again_while_a_call_waits() {
    let (mut lab, id) = Lab::registered("a");
    let refresh = ReceiverSettings::default().refresh.as_secs();
    let call = lab.call(&["since=a"], 2 * refresh);
    lab.pass(refresh - 21);
    assert_eq!(lab.action(), None);
    lab.pass(1);
    let (new, query) = lab.register();
    assert_eq!(query, ["since=a"]);
    assert_eq!(lab.body(id, B), Receipt::Reject);
    // Nothing more before that is answered, and a time after.
    lab.pass(refresh);
    assert_eq!(lab.action(), None);
    lab.body(new, B);
    assert_eq!(lab.action(), answer(call, B));
}

#[test]
fn what_is_silent_is_left_alone_while_no_call_waits() {
    let settings = ReceiverSettings {
        refresh: Duration::from_secs(60),
        ..ReceiverSettings::default()
    };
    let (mut lab, _) = Lab::registered("a");
    lab.receiver.settings = settings;
    lab.pass(200);
    assert_eq!(lab.action(), None);
    // The next call is the occasion.
    lab.call(&["since=a"], 30);
    lab.pass(0);
    lab.register();
}
