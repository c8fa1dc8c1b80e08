//! libcoap's client observes a resource of ours.

use vestibule_coap::endpoint::{Config, ObservationEnd, Response, Undelivered};
use vestibule_coap::{Code, OptionList, OptionNumber};
use vestibule_e2e::coap::{CoapServer, LibcoapClient, pattern};
use vestibule_e2e::eventually;

use crate::{assert_clean, before_the_end, in_blocks_of, observing, once, patient, quick};

/// States, small and large: each arrives once and whole, in order.
#[test]
fn states_are_notified_small_and_large_until_the_client_has_enough() {
    for config in [patient(), in_blocks_of(256)] {
        observing(3, |seconds| notify(config.clone(), seconds));
    }
}

fn notify(config: Config, seconds: &str) -> Option<()> {
    let server = CoapServer::start(config);
    server.publish("first");
    let mut client = LibcoapClient::start(&["-s", seconds, &server.url("/state")]);
    before_the_end(&mut client, || server.observers() == 1)?;
    let states = [
        "second".into(),
        pattern(3001),
        "fourth".into(),
        pattern(1300),
    ];
    for (at, state) in states.iter().enumerate() {
        server.publish(state.clone());
        before_the_end(&mut client, || server.deliveries() > at)?;
    }
    let printed = client.finish();
    let bodies: Vec<&str> = printed.bodies.lines().filter(|it| !it.is_empty()).collect();
    assert_eq!(bodies.len(), 5);
    assert_eq!(bodies[0], "first");
    for (body, state) in bodies[1..].iter().zip(&states) {
        assert!(body.as_bytes() == state, "{} bytes: {body}", state.len());
    }
    eventually("the end of the observation", || {
        server.ended() == [ObservationEnd::Deregistered]
    });
    assert_clean(&server.trace());
    Some(())
}

/// The first state is large, and its delivery may be certain. The client prints each block when it
/// comes, so that a notification in between would be printed there.
#[test]
fn a_large_first_state_is_delivered() {
    for path in ["/state", "/state?assured"] {
        observing(3, |seconds| notify_behind_a_large_state(path, seconds));
    }
}

fn notify_behind_a_large_state(path: &str, seconds: &str) -> Option<()> {
    let server = CoapServer::start(patient());
    server.publish(pattern(2500));
    let mut client = LibcoapClient::start(&["-s", seconds, &server.url(path)]);
    before_the_end(&mut client, || server.observers() == 1)?;
    let assured = usize::from(path.contains("assured"));
    before_the_end(&mut client, || server.deliveries() >= assured)?;
    client.wait_for_output("00415 0041");
    server.publish("second");
    before_the_end(&mut client, || server.deliveries() > assured)?;
    let printed = client.finish();
    let bodies: Vec<&str> = printed.bodies.lines().filter(|it| !it.is_empty()).collect();
    assert_eq!(bodies.len(), 2, "{path}");
    assert!(bodies[0].as_bytes() == pattern(2500), "{path}");
    assert_eq!(bodies[1], "second");
    assert_clean(&server.trace());
    Some(())
}

#[test]
fn an_end_that_we_set_is_told() {
    observing(3, end);
}

fn end(seconds: &str) -> Option<()> {
    let server = CoapServer::start(patient());
    server.publish("first");
    let mut client = LibcoapClient::start(&["-s", seconds, &server.url("/state")]);
    before_the_end(&mut client, || server.observers() == 1)?;
    client.wait_for_output("first");
    let mut options = OptionList::new();
    options.push_uint(OptionNumber::MAX_AGE, 0);
    server.refuse_observers(&Response {
        code: Code::FORBIDDEN,
        options,
        payload: "no more".into(),
    });
    let printed = client.finish();
    if printed.errors.is_empty() {
        // The client had enough before.
        return None;
    }
    assert_eq!(printed.errors, "4.03 no more");
    let trace = once(server.trace());
    assert_clean(&trace);
    let last = trace.iter().rfind(|traced| traced.sent).expect("an answer");
    assert_eq!(last.uint(OptionNumber::OBSERVE), None);
    Some(())
}

/// Nobody answers for a client that has gone, and we notice.
#[test]
fn a_notification_to_a_client_that_has_gone_fails() {
    let mut config = quick();
    config.timing.retransmissions = 1;
    let server = CoapServer::start(config);
    server.publish("first");
    let client = LibcoapClient::start(&["-s", "600", "-B", "600", &server.url("/state")]);
    server.wait_for_observers(1);
    client.wait_for_output("first");
    drop(client);
    server.publish("second");
    eventually("a notification to fail", || {
        server.undelivered().first() == Some(&Undelivered::TimedOut)
    });
    server.wait_for_observers(1);
}
