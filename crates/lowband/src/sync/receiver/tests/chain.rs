//! Bodies that go on where others end.

use super::*;

#[test]
fn bodies_are_handed_out_one_after_the_other() {
    let (mut lab, id) = Lab::registered("a");
    lab.body(id, B);
    lab.body(id, C);
    let call = lab.call(&["since=a"], 30);
    assert_eq!(lab.action(), answer(call, B));
    let call = lab.call(&["since=b"], 30);
    assert_eq!(lab.action(), answer(call, C));
    lab.call(&["since=c"], 30);
    assert_eq!((lab.action(), lab.receiver.held()), (None, 0));
}

#[test]
fn a_body_that_comes_again_is_acknowledged_and_dropped() {
    let (mut lab, id) = Lab::registered("a");
    lab.body(id, B);
    assert_eq!(lab.body(id, B), Receipt::Acknowledge);
    assert_eq!(lab.receiver.held(), B.len());
    let call = lab.call(&["since=a"], 30);
    assert_eq!(lab.action(), answer(call, B));
    lab.call(&["since=b"], 30);
    assert_eq!(lab.body(id, B), Receipt::Acknowledge);
    assert_eq!(lab.action(), None);
}

#[test]
fn after_an_answer_without_content_both_names_are_the_same_place() {
    for since in ["since=a", "since=aa"] {
        let mut lab = Lab::new();
        let call = lab.call(&["since=a"], 0);
        let (id, _) = lab.register();
        lab.body(id, &nothing("aa"));
        lab.pass(20);
        // The client is told the newer one.
        assert_eq!(lab.action(), answer(call, &nothing("aa")));
        lab.body(id, B);
        let call = lab.call(&[since], 30);
        assert_eq!(lab.action(), answer(call, B));
    }
}

#[test]
fn the_first_answer_may_hold_something_where_the_position_has_not_moved() {
    let mut lab = Lab::new();
    let call = lab.call(&["since=b", "full_state=true"], 0);
    let (id, query) = lab.register();
    assert_eq!(query, ["since=b", "full_state=true"]);
    lab.body(id, B);
    assert_eq!(lab.action(), answer(call, B));
    // It is given once: by its `since` the client cannot say that it has it.
    lab.call(&["since=b"], 30);
    assert_eq!((lab.action(), lab.receiver.held()), (None, 0));
    lab.body(id, C);
    assert!(lab.action().is_some());
}

#[test]
fn a_client_that_goes_back_registers_from_there() {
    let (mut lab, id) = Lab::registered("a");
    lab.body(id, B);
    lab.pass(1);
    let call = lab.call(&["since=older"], 30);
    let (new, query) = lab.register();
    assert_eq!(query, ["since=older"]);
    assert_eq!(lab.receiver.held(), 0);
    // What still comes for the earlier registration goes on elsewhere.
    assert_eq!(lab.body(id, C), Receipt::Reject);
    lab.body(new, C);
    assert_eq!(lab.action(), answer(call, C));
}

#[test]
fn more_than_a_few_bodies_that_nobody_fetches_end_the_registration() {
    let (mut lab, id) = Lab::registered("p0");
    let body = |n: usize| format!(r#"{{"next_batch":"p{n}","rooms":{{"join":{{"!r":{{}}}}}}}}"#);
    for n in 1..=8 {
        assert_eq!(lab.body(id, &body(n)), Receipt::Acknowledge);
    }
    assert_eq!(lab.body(id, &body(9)), Receipt::Reject);
    assert_eq!(lab.body(id, &body(9)), Receipt::Reject);
    assert_eq!(lab.receiver.poll_timeout(), None);
    // The client takes what there is, and only then is registered again.
    for n in 1..=8 {
        let call = lab.call(&[&format!("since=p{}", n - 1)], 30);
        assert_eq!(lab.action(), answer(call, &body(n)));
    }
    assert_eq!(lab.action(), None);
    lab.call(&["since=p8"], 30);
    assert_eq!(lab.register().1, ["since=p8"]);
}

#[test]
fn one_large_body_is_taken_and_no_other_beside_it() {
    let (mut lab, id) = Lab::registered("a");
    let large = format!(r#"{{"next_batch":"b","x":"{}"}}"#, "x".repeat(5 << 20));
    assert_eq!(lab.body(id, &large), Receipt::Acknowledge);
    assert_eq!(lab.body(id, C), Receipt::Reject);
    assert_eq!(lab.receiver.held(), large.len());
}
