//! libcoap's client observes a resource of ours.

use vestibule_coap::endpoint::{ObservationEnd, Response, Undelivered};
use vestibule_coap::{Code, OptionList, OptionNumber};
use vestibule_e2e::coap::{CoapServer, LibcoapClient, pattern};
use vestibule_e2e::eventually;

use crate::{assert_clean, in_blocks_of, quick};

/// States, small and large: each arrives once and whole, in order.
#[test]
fn states_are_notified_small_and_large_until_the_client_has_enough() {
    for config in [quick(), in_blocks_of(256)] {
        let server = CoapServer::start(config);
        server.publish("first");
        let client = LibcoapClient::start(&["-s", "3", &server.url("/state")]);
        server.wait_for_observers(1);
        let states = [
            "second".into(),
            pattern(3001),
            "fourth".into(),
            pattern(1300),
        ];
        for (at, state) in states.iter().enumerate() {
            server.publish(state.clone());
            server.wait_for_deliveries(at + 1);
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
    }
}

/// The first state is large, and its delivery may be certain. The client prints each block when it
/// comes, so that a notification in between would be printed there.
#[test]
fn a_large_first_state_is_delivered() {
    for path in ["/state", "/state?assured"] {
        let server = CoapServer::start(quick());
        server.publish(pattern(2500));
        let client = LibcoapClient::start(&["-s", "3", &server.url(path)]);
        server.wait_for_observers(1);
        let assured = path.contains("assured");
        server.wait_for_deliveries(usize::from(assured));
        client.wait_for_output("00415 0041");
        server.publish("second");
        server.wait_for_deliveries(usize::from(assured) + 1);
        let printed = client.finish();
        let bodies: Vec<&str> = printed.bodies.lines().filter(|it| !it.is_empty()).collect();
        assert_eq!(bodies.len(), 2, "{path}");
        assert!(bodies[0].as_bytes() == pattern(2500), "{path}");
        assert_eq!(bodies[1], "second");
        assert_clean(&server.trace());
    }
}

#[test]
fn an_end_that_we_set_is_told() {
    let server = CoapServer::start(quick());
    server.publish("first");
    let client = LibcoapClient::start(&["-s", "3", &server.url("/state")]);
    server.wait_for_observers(1);
    client.wait_for_output("first");
    let mut options = OptionList::new();
    options.push_uint(OptionNumber::MAX_AGE, 0);
    server.refuse_observers(&Response {
        code: Code::FORBIDDEN,
        options,
        payload: "no more".into(),
    });
    let printed = client.finish();
    assert_eq!(printed.errors, "4.03 no more");
    let trace = server.trace();
    assert_clean(&trace);
    let last = trace.iter().rfind(|traced| traced.sent).expect("an answer");
    assert_eq!(last.uint(OptionNumber::OBSERVE), None);
}

/// Nobody answers for a client that has gone, and we notice.
#[test]
fn a_notification_to_a_client_that_has_gone_fails() {
    let mut config = quick();
    config.timing.retransmissions = 1;
    let server = CoapServer::start(config);
    server.publish("first");
    let client = LibcoapClient::start(&["-s", "10", &server.url("/state")]);
    server.wait_for_observers(1);
    client.wait_for_output("first");
    drop(client);
    server.publish("second");
    eventually("a notification to fail", || {
        server.undelivered().first() == Some(&Undelivered::TimedOut)
    });
    server.wait_for_observers(1);
}
