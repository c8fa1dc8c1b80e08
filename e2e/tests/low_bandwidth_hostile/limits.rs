//! Each limit of how much goes on at a time, once: what is answered, and that it is counted.

use serde_json::json;
use vestibule_coap::{Code, OptionNumber};
use vestibule_e2e::lowband::StubHomeserver;

use crate::stage::{
    ALICE, BOB, assert_counted, assert_fine, assert_overloaded, assert_refused, feeding, get,
    holding, limited,
};

const SYNC: &[(OptionNumber, &[u8])] = &[ALICE[0], (OptionNumber::URI_QUERY, b"timeout=60000")];

const SYNC_OF_BOB: &[(OptionNumber, &[u8])] =
    &[BOB[0], (OptionNumber::URI_QUERY, b"timeout=60000")];

const REGISTER: &[(OptionNumber, &[u8])] = &[ALICE[0], (OptionNumber::OBSERVE, b"")];

const REGISTER_OF_BOB: &[(OptionNumber, &[u8])] = &[BOB[0], (OptionNumber::OBSERVE, b"")];

#[test]
fn requests_in_a_minute() {
    let homeserver = StubHomeserver::saying(json!({}));
    let mut gateway = limited(&homeserver, "requests_per_minute = 6");
    let (mut script, mut other) = (gateway.script(), gateway.script());
    for _ in 0..6 {
        assert_eq!(
            script.requests(&get(&["I"], ALICE)).header.code,
            Code::CONTENT
        );
    }
    // One more may every ten seconds, which pass on a machine that does much else.
    let mut more = (0..6).map(|_| script.requests(&get(&["I"], ALICE)));
    let answer = more.find(|it| it.header.code != Code::CONTENT);
    let answer = answer.expect("a refusal");
    assert_refused("rate", &answer, Code::TOO_MANY_REQUESTS, "M_LIMIT_EXCEEDED");
    let max_age = answer.options.uint(OptionNumber::MAX_AGE);
    assert!(
        max_age.is_some_and(|it| (1..=10).contains(&it)),
        "{max_age:?}"
    );
    assert_counted(&gateway, "rate", 1);
    assert_eq!(other.requests(&get(&["I"], BOB)).header.code, Code::CONTENT);
    assert_fine(&mut gateway);
}

#[test]
fn requests_that_wait() {
    let (homeserver, held) = holding();
    let limits = "requests_per_association = 1\nqueue_per_association = 1";
    let mut gateway = limited(&homeserver, limits);
    let mut script = gateway.script();
    let tokens: Vec<_> = (0..3).map(|_| script.begins(&get(&["I"], ALICE))).collect();
    let third = script.answer(&tokens[2]);
    assert_overloaded(&gateway, &third, "queue");
    assert_counted(&gateway, "requests_per_association", 1);
    drop(held);
    for token in &tokens[..2] {
        assert_eq!(script.answer(token).header.code, Code::CONTENT);
    }
    assert_eq!(homeserver.asked().len(), 2);
    assert_fine(&mut gateway);
}

#[test]
fn the_time_for_which_requests_wait() {
    let (homeserver, held) = holding();
    let mut gateway = limited(&homeserver, "requests = 1\nqueue_timeout = \"1s\"");
    let (mut script, mut other) = (gateway.script(), gateway.script());
    let first = script.begins(&get(&["I"], ALICE));
    homeserver.wait_for_asked(1);
    // Of whatever association.
    let answer = other.requests(&get(&["I"], BOB));
    assert_overloaded(&gateway, &answer, "queue_time");
    assert_counted(&gateway, "requests", 1);
    drop(held);
    assert_eq!(script.answer(&first).header.code, Code::CONTENT);
    assert_eq!(other.requests(&get(&["I"], BOB)).header.code, Code::CONTENT);
    assert_fine(&mut gateway);
}

#[test]
fn syncs_of_an_association() {
    let (homeserver, feed) = feeding();
    let mut gateway = limited(&homeserver, "syncs_per_association = 1");
    let (mut script, mut other) = (gateway.script(), gateway.script());
    let first = script.begins(&get(&["7"], SYNC));
    homeserver.wait_for_asked(1);
    let answer = script.requests(&get(&["7"], SYNC));
    assert_overloaded(&gateway, &answer, "syncs_per_association");
    // Nothing else is in the way of it.
    assert_eq!(
        script.requests(&get(&["I"], ALICE)).header.code,
        Code::CONTENT
    );
    let second = other.begins(&get(&["7"], SYNC_OF_BOB));
    homeserver.wait_for_asked(3);
    feed.push("over", 0);
    assert_eq!(other.answer(&second).header.code, Code::CONTENT);
    assert_eq!(script.answer(&first).header.code, Code::CONTENT);
    assert_fine(&mut gateway);
}

#[test]
fn syncs_of_all() {
    let (homeserver, feed) = feeding();
    let mut gateway = limited(&homeserver, "polls = 1");
    let (mut script, mut other) = (gateway.script(), gateway.script());
    let first = script.begins(&get(&["7"], SYNC));
    homeserver.wait_for_asked(1);
    let answer = other.requests(&get(&["7"], SYNC_OF_BOB));
    assert_overloaded(&gateway, &answer, "polls");
    feed.push("over", 0);
    assert_eq!(script.answer(&first).header.code, Code::CONTENT);
    assert_eq!(
        other.requests(&get(&["7"], SYNC_OF_BOB)).header.code,
        Code::CONTENT
    );
    assert_fine(&mut gateway);
}

#[test]
fn observations_of_all() {
    let (homeserver, _feed) = feeding();
    let mut gateway = limited(&homeserver, "observations = 1");
    let (mut script, mut other) = (gateway.script(), gateway.script());
    let first = script.requests(&get(&["7"], REGISTER));
    assert!(first.observe().is_some(), "{first:?}");
    let second = other.requests(&get(&["7"], REGISTER_OF_BOB));
    assert_overloaded(&gateway, &second, "observations");
    assert_eq!(second.observe(), None);
    assert_fine(&mut gateway);
}

#[test]
fn users_who_observe_over_an_association() {
    let (homeserver, _feed) = feeding();
    let mut gateway = limited(&homeserver, "observers_per_association = 1");
    let (mut script, mut other) = (gateway.script(), gateway.script());
    assert!(script.requests(&get(&["7"], REGISTER)).observe().is_some());
    let second = script.requests(&get(&["7"], REGISTER_OF_BOB));
    assert_overloaded(&gateway, &second, "observers_per_association");
    // The same one may register again, and others elsewhere.
    assert!(script.requests(&get(&["7"], REGISTER)).observe().is_some());
    assert!(
        other
            .requests(&get(&["7"], REGISTER_OF_BOB))
            .observe()
            .is_some()
    );
    assert_fine(&mut gateway);
}

/// The first one goes, which is told so.
#[test]
fn observations_with_a_token() {
    let (homeserver, _feed) = feeding();
    let mut gateway = limited(&homeserver, "observations_per_token = 1");
    let (mut script, mut other) = (gateway.script(), gateway.script());
    assert!(script.requests(&get(&["7"], REGISTER)).observe().is_some());
    assert!(other.requests(&get(&["7"], REGISTER)).observe().is_some());
    // It notices when it next does something, which a sign of life has it do.
    script.says("40 00 7777");
    let last = loop {
        let heard = script.hears("the last notification");
        if heard.header.code != Code::EMPTY {
            break heard;
        }
    };
    assert_overloaded(&gateway, &last, "observations_per_token");
    assert_eq!(last.observe(), None);
    script.acknowledges(&last);
    assert_fine(&mut gateway);
}
