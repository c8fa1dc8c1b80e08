use std::hash::RandomState;

use hyper::Method;
use vestibule_coap::Code;
use vestibule_lowband::{
    gateway::{Limits, Shared},
    mapping::token::Token,
};

use super::*;

/// What stands for some tokens.
pub(super) fn digests<const N: usize>() -> [TokenDigest; N] {
    let shared = Shared::new(Limits::default(), RandomState::new());
    array::from_fn(|at| {
        let token = Token::parse(format!("token{at}").as_bytes()).unwrap();
        shared.digest(&token.unwrap())
    })
}

/// An exchange with a body of 10 bytes, and one of 100 as its answer.
pub(super) fn finished(
    exchange: Exchange,
    outcome: Outcome,
    token: Option<TokenDigest>,
) -> Finished {
    Finished {
        exchange,
        outcome,
        method: Some(Method::GET),
        path: Some("/_matrix/client/v3/sync".to_owned()),
        token,
        received: 10,
        sent: 100,
        duration: Duration::from_millis(30),
    }
}

/// The homeserver has answered like this.
pub(super) fn passed_on(code: Code, status: u16) -> Outcome {
    Outcome::Answered {
        code,
        status: Some(StatusCode::from_u16(status).unwrap()),
        refusal: None,
    }
}

fn refused(refusal: &'static str) -> Outcome {
    Outcome::Answered {
        code: Code::TOO_MANY_REQUESTS,
        status: None,
        refusal: Some(refusal),
    }
}

#[test]
fn exchanges_are_counted_by_kind_and_end() {
    let meters = Meters::new("lb", 2);
    let good = passed_on(Code::CONTENT, 200);
    meters.finished(0, &finished(Exchange::Request, good, None));
    meters.finished(1, &finished(Exchange::Request, good, None));
    let bad = passed_on(Code::NOT_FOUND, 404);
    meters.finished(1, &finished(Exchange::Register, bad, None));
    let pushed = Outcome::Delivered(Code::CONTENT);
    meters.finished(1, &finished(Exchange::Notification, pushed, None));

    let requests = meters.of(Exchange::Request);
    assert_eq!(requests.ended(End::Success), 2);
    assert_eq!(requests.ended(End::ClientError), 0);
    assert_eq!(
        (requests.received.value(), requests.sent.value()),
        (20, 200)
    );
    assert_eq!(requests.durations.sum(), Duration::from_millis(60));
    assert_eq!(meters.of(Exchange::Register).ended(End::ClientError), 1);
    assert_eq!(meters.of(Exchange::Notification).ended(End::Delivered), 1);
}

#[test]
fn every_outcome_has_an_end_that_its_exchange_can_have() {
    let gone = passed_on(Code::BAD_GATEWAY, 502);
    for (outcome, end, is_push) in [
        (passed_on(Code::CONTENT, 200), End::Success, false),
        (refused("rate"), End::ClientError, false),
        (gone, End::ServerError, false),
        (Outcome::Abandoned, End::Abandoned, false),
        (Outcome::Abandoned, End::Abandoned, true),
        (Outcome::Delivered(Code::CONTENT), End::Delivered, true),
        (Outcome::Undelivered(Code::CONTENT), End::Undelivered, true),
    ] {
        assert_eq!(End::from(&outcome), end);
        let exchange = match is_push {
            true => Exchange::Notification,
            false => Exchange::Request,
        };
        assert!(end.is_of(exchange), "{outcome:?}");
    }
    assert!(!End::Success.is_of(Exchange::Notification));
    assert!(!End::Delivered.is_of(Exchange::Register));
}

#[test]
fn refusals_are_counted_by_why() {
    let meters = Meters::new("lb", 1);
    for refusal in refusals() {
        meters.finished(0, &finished(Exchange::Request, refused(refusal), None));
    }
    let again = finished(Exchange::Register, refused("observations"), None);
    meters.finished(0, &again);
    let unknown = finished(Exchange::Request, refused("something_else"), None);
    meters.finished(0, &unknown);
    for (reason, n) in meters.refused() {
        assert_eq!(n, 1 + u64::from(reason == "observations"), "{reason}");
    }
    let names: std::collections::BTreeSet<_> = refusals().collect();
    assert_eq!(names.len(), refusals().count(), "no name comes twice");
    assert!(names.contains("rate") && names.contains("denied"));
    assert!(!names.contains("observations_per_token"));
}

#[test]
fn what_the_homeserver_answers_is_counted() {
    let meters = Meters::new("lb", 2);
    let took = Duration::from_millis(3);
    for (status, n) in [(101, 1), (200, 2), (302, 3), (404, 4), (503, 5), (999, 6)] {
        let status = StatusCode::from_u16(status).unwrap();
        for _ in 0..n {
            meters.upstream(1, Ok(status), took, 1, 10);
        }
    }
    for failure in PollFailure::ALL {
        meters.upstream(0, Err(failure), took, 1, 0);
    }
    meters.upstream_cancelled(1, 7);
    let replies: Vec<_> = meters.upstream.replies().collect();
    assert_eq!(
        replies,
        [
            ("2xx", 3),
            ("3xx", 3),
            ("4xx", 4),
            ("5xx", 11),
            ("overloaded", 1),
            ("timed_out", 1),
            ("unreachable", 1),
            ("too_large", 1),
            ("cancelled", 1),
        ]
    );
    assert_eq!(meters.upstream.sent.value(), 32);
    assert_eq!(meters.upstream.received.value(), 210);
    assert_eq!(meters.upstream.durations.sum(), 25 * took);
}

#[test]
fn durations_fall_into_their_buckets() {
    let durations = Durations::new(1);
    let micros = Duration::from_micros;
    for took in [micros(0), micros(2_500), micros(2_501), micros(300_000_001)] {
        durations.note(0, took);
    }
    let counts = durations.counts();
    assert_eq!((counts[0], counts[1], counts[BUCKETS.len()]), (2, 1, 1));
    assert_eq!(counts.iter().sum::<u64>(), 4);
}

#[test]
fn what_a_user_does_on_several_workers_is_one_sum() {
    let meters = Meters::new("lb", 2);
    let [user, other] = digests();
    let good = passed_on(Code::CONTENT, 200);
    meters.finished(0, &finished(Exchange::Request, good, Some(user)));
    meters.finished(1, &finished(Exchange::Register, good, Some(user)));
    let pushed = Outcome::Delivered(Code::CONTENT);
    meters.finished(1, &finished(Exchange::Notification, pushed, Some(user)));
    meters.carried(0, Some(user), 50, 200);
    meters.carried(1, Some(user), 5, 20);
    // Nobody knows these yet.
    meters.carried(1, Some(other), 1, 2);
    meters.carried(1, None, 3, 4);

    let users = meters.users();
    let [shown] = &*users else {
        panic!("{users:?}");
    };
    assert_eq!(
        (&*shown.gateway, shown.user.clone()),
        ("lb", user.to_string())
    );
    assert_eq!((shown.requests, shown.errors), (2, 0));
    assert_eq!((shown.notifications, shown.undelivered), (1, 0));
    assert_eq!((shown.bytes_in, shown.bytes_out), (55, 220));
    assert_eq!((shown.body_in, shown.body_out), (30, 300));
    assert!(shown.seconds >= shown.idle_seconds);
    assert_eq!((meters.received.value(), meters.sent.value()), (59, 226));
}

#[test]
fn associations_are_counted_for_their_users() {
    let meters = Meters::new("lb", 1);
    let [user, other] = digests();
    let good = passed_on(Code::CONTENT, 200);
    for digest in [user, other] {
        meters.finished(0, &finished(Exchange::Request, good, Some(digest)));
    }
    let association = |gateway: &str, user: Option<TokenDigest>| AssociationView {
        gateway: gateway.to_owned(),
        id: "0-1".to_owned(),
        client: "192.0.2.1:5684".parse().unwrap(),
        version: Transport::Dtls13,
        resumed: false,
        connection_id: true,
        seconds: 1.0,
        idle_seconds: 0.5,
        bytes_in: 1,
        bytes_out: 2,
        handshake_bytes: 3,
        requests: 0,
        observations: 2,
        held_bytes: 0,
        user: user.map(|user| user.to_string()),
    };
    let associations = [
        association("lb", Some(user)),
        association("lb", Some(user)),
        association("lb", None),
        association("elsewhere", Some(other)),
    ];
    let mut users = meters.users();
    count_associations(&mut users, &associations);
    let counts = |digest: TokenDigest| {
        let user = users.iter().find(|it| it.user == digest.to_string());
        user.map(|it| (it.associations, it.observations))
    };
    assert_eq!(counts(user), Some((2, 4)));
    assert_eq!(counts(other), Some((0, 0)));
}

#[test]
fn views_are_the_same_behind_json() {
    for (transport, name) in [
        (Transport::Dtls12, "1.2"),
        (Transport::Dtls13, "1.3"),
        (Transport::Plain, "plain"),
    ] {
        assert_eq!(serde_json::to_value(transport).unwrap(), name);
        assert_eq!(transport.name(), name);
    }
}

#[test]
fn nothing_that_is_kept_shows_a_token_or_a_path() {
    let meters = Meters::new("lb", 1);
    let [user] = digests();
    let good = passed_on(Code::CONTENT, 200);
    meters.finished(0, &finished(Exchange::Request, good, Some(user)));
    let shown = format!(
        "{meters:?} {}",
        serde_json::to_string(&meters.users()).unwrap()
    );
    assert!(
        !shown.contains("token0") && !shown.contains("_matrix"),
        "{shown}"
    );
}
