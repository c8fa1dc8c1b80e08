//! Observation, by the sections and examples of RFC 7641.

use std::time::Duration;

use vestibule_coap::Code;
use vestibule_coap::endpoint::{
    Acknowledge, Assurance, Config, Event, ObservationEnd, Observe, Undelivered,
};

use crate::pair::{Pair, content, get, response};
use crate::peer::Peer;

const SECOND: Duration = Duration::from_secs(1);

/// Section 1.1: a registration and two notifications.
#[test]
fn registration_and_notifications() {
    let mut pair = Pair::new();
    pair.observe(get("temperature"));
    let asked = pair.asked();
    assert_eq!(asked.observe, Some(Observe::Register { replaces: None }));
    let observation = pair.respond_observed(&asked, content("22.9"));
    assert_eq!(pair.answered().payload, "22.9");
    for state in ["22.8", "23.1"] {
        pair.notify(observation, content(state));
        assert_eq!(pair.delivered(), observation);
        assert_eq!(pair.notified().payload, state);
    }
    pair.expect(
        r#"
        -> CON 0.01 A t01 Observe=0 Uri-Path=temperature
        <- ACK 2.05 A t01 Observe=2 "22.9"
        <- CON 2.05 B t01 Observe=3 "22.8"
        -> ACK 0.00 B
        <- CON 2.05 C t01 Observe=4 "23.1"
        -> ACK 0.00 C
        "#,
    );
}

/// Section 3.6: the client has forgotten, and rejects.
#[test]
fn a_reset_ends_an_observation() {
    let mut peer = Peer::of_server(Config::default());
    peer.receives(r#"41 01 0001 07 60 51 "x""#);
    let asked = peer.asked();
    let (endpoint, now) = (&mut peer.endpoint, peer.now);
    let observation = endpoint
        .respond_observed(now, asked.exchange, content("1"), Assurance::None)
        .unwrap();
    peer.sends(r#"ACK 2.05 A t07 Observe=2 "1""#);
    let notified = peer.endpoint.notify(peer.now, observation, content("2"));
    assert_eq!(notified, Ok(()));
    peer.sends(r#"CON 2.05 B t07 Observe=3 "2""#);
    peer.receives("70 00 {B}");
    let Event::ObservationEnded(ended, ObservationEnd::Reset) = peer.event() else {
        panic!("it goes on")
    };
    assert_eq!(ended, observation);
    peer.is_silent();
    assert_eq!(peer.endpoint.footprint().observations, 0);
}

/// Section 3.6: Observe with the value 1.
#[test]
fn deregistration() {
    let mut pair = Pair::new();
    let request = pair.observe(get("x"));
    let asked = pair.asked();
    let observation = pair.respond_observed(&asked, content("1"));
    pair.answered();
    pair.cancel(request);
    let Some(Event::ObservationEnded(ended, ObservationEnd::Deregistered)) =
        pair.server.poll_event()
    else {
        panic!("it goes on")
    };
    assert_eq!(ended, observation);
    let asked = pair.asked();
    let ended = Some(observation);
    assert_eq!(asked.observe, Some(Observe::Deregister { ended }));
    pair.respond(&asked, content("1"));
    pair.expect(
        r#"
        -> CON 0.01 A t01 Observe=0 Uri-Path=x
        <- ACK 2.05 A t01 Observe=2 "1"
        -> CON 0.01 B t01 Observe=1 Uri-Path=x
        <- ACK 2.05 B t01 "1"
        "#,
    );
    pair.finish();
}

/// Section 4.2: a notification that is no success is the last one, and has no Observe.
#[test]
fn the_resource_is_gone() {
    let mut pair = Pair::new();
    pair.observe(get("x"));
    let asked = pair.asked();
    let observation = pair.respond_observed(&asked, content("1"));
    pair.answered();
    let gone = response(Code::NOT_FOUND, "gone");
    pair.server.refuse_observation(pair.now, observation, gone);
    pair.exchange();
    let Some(Event::ObservationRefused { response, .. }) = pair.client.poll_event() else {
        panic!("it goes on")
    };
    assert_eq!(response.code, Code::NOT_FOUND);
    pair.refused(observation);
    pair.expect(
        r#"
        -> CON 0.01 A t01 Observe=0 Uri-Path=x
        <- ACK 2.05 A t01 Observe=2 "1"
        <- CON 4.04 B t01 "gone"
        -> ACK 0.00 B
        "#,
    );
    pair.finish();
}

/// Section 4.1: a registration that is refused is a plain request.
#[test]
fn a_server_that_does_not_observe() {
    let mut pair = Pair::new();
    pair.observe(get("x"));
    let asked = pair.asked();
    pair.respond(&asked, content("1"));
    let Some(Event::Response { observed, .. }) = pair.client.poll_event() else {
        panic!("no answer")
    };
    assert!(!observed);
    pair.expect(
        r#"
        -> CON 0.01 A t01 Observe=0 Uri-Path=x
        <- ACK 2.05 A t01 "1"
        "#,
    );
    pair.finish();
}

/// Section 3.1: Observe on a method that is not safe, or with another value, says nothing.
#[test]
fn requests_that_cannot_register() {
    let mut peer = Peer::of_server(Config::default());
    for datagram in [
        r#"41 02 0001 07 60 51 "x""#,
        r#"41 03 0002 07 60 51 "x""#,
        r#"41 01 0003 07 61 02 51 "x""#,
        r#"41 01 0004 07 64 00000000 51 "x""#,
    ] {
        peer.receives(datagram);
        assert_eq!(peer.asked().observe, None, "{datagram}");
    }
}

/// Section 4.1: the same token again replaces the observation, and the sequence goes on.
#[test]
fn registering_again() {
    let mut peer = Peer::of_server(Config::default());
    let mut replaces = None;
    for (datagram, line) in [
        (
            r#"41 01 0001 07 60 51 "x""#,
            r#"ACK 2.05 A t07 Observe=2 "1""#,
        ),
        (
            r#"41 01 0002 07 60 51 "x""#,
            r#"ACK 2.05 B t07 Observe=3 "1""#,
        ),
    ] {
        peer.receives(datagram);
        let asked = peer.asked();
        assert_eq!(asked.observe, Some(Observe::Register { replaces }));
        let (now, assurance) = (peer.now, Assurance::None);
        let (exchange, endpoint) = (asked.exchange, &mut peer.endpoint);
        replaces = endpoint.respond_observed(now, exchange, content("1"), assurance);
        peer.sends(line);
        assert_eq!(peer.endpoint.footprint().observations, 1);
    }
    let observation = replaces.expect("an observation");
    let notified = peer.endpoint.notify(peer.now, observation, content("2"));
    assert_eq!(notified, Ok(()));
    peer.sends(r#"CON 2.05 C t07 Observe=4 "2""#);
    peer.is_silent();
}

/// We take a new token to register again, so that nothing that is still under way is taken for the answer. The
/// observation of before ends with its next notification.
#[test]
fn renewing() {
    let mut pair = Pair::new();
    let request = pair.observe(get("x"));
    let asked = pair.asked();
    let old = pair.respond_observed(&asked, content("1"));
    pair.answered();
    assert!(pair.client.renew(pair.now, request, get("x").options));
    pair.exchange();
    let asked = pair.asked();
    let new = pair.respond_observed(&asked, content("2"));
    assert_eq!(pair.answered().payload, "2");
    pair.notify(old, content("3"));
    assert!(matches!(
        pair.server.poll_event(),
        Some(Event::ObservationEnded(ended, ObservationEnd::Reset)) if ended == old
    ));
    pair.notify(new, content("3"));
    assert_eq!(pair.notified().payload, "3");
    pair.expect(
        r#"
        -> CON 0.01 A t01 Observe=0 Uri-Path=x
        <- ACK 2.05 A t01 Observe=2 "1"
        -> CON 0.01 B t02 Observe=0 Uri-Path=x
        <- ACK 2.05 B t02 Observe=3 "2"
        <- CON 2.05 C t01 Observe=4 "3"
        -> RST 0.00 C
        <- CON 2.05 D t02 Observe=5 "3"
        -> ACK 0.00 D
        "#,
    );
}

/// Section 4.1: one registration for each token; another token is another observation, up to the limit.
#[test]
fn more_observations_than_allowed() {
    let mut pair = Pair::new();
    for observed in [true, true, false] {
        pair.observe(get("x"));
        let asked = pair.asked();
        let (now, assurance) = (pair.now, Assurance::None);
        let observation =
            pair.server
                .respond_observed(now, asked.exchange, content("1"), assurance);
        assert_eq!(observation.is_some(), observed);
        pair.exchange();
        pair.answered();
    }
}

/// Section 3.4: what was overtaken is old. After 128 seconds, whatever comes is new.
#[test]
fn notifications_that_were_overtaken() {
    let mut peer = Peer::of_client(Config::default());
    let now = peer.now;
    let acknowledge = Acknowledge::AtOnce;
    peer.endpoint.observe(now, get("x"), acknowledge).unwrap();
    peer.sends("CON 0.01 A t01 Observe=0 Uri-Path=x");
    peer.receives("61 45 {A} 01 61 0a ff 30");
    assert!(matches!(
        peer.event(),
        Event::Response { observed: true, .. }
    ));
    let mut notify = |id: &str, sequence: &str, is_new: bool| {
        peer.receives(&format!("51 45 {id} 01 {sequence} ff 31"));
        let event = peer.endpoint.poll_event();
        assert_eq!(
            matches!(event, Some(Event::Notification { .. })),
            is_new,
            "{sequence}"
        );
        peer.is_silent();
    };
    notify("0010", "61 0b", true);
    notify("0011", "61 0a", false);
    notify("0012", "61 0b", false);
    // Half of the numbers are ahead.
    notify("0013", "63 80000b", false);
    notify("0014", "63 80000a", true);
    notify("0015", "63 ffffff", true);
    notify("0016", "60", true);
    notify("0017", "63 ffffff", false);
    peer.pass(SECOND * 129);
    peer.receives("51 45 0018 01 63 fffff0 ff 31");
    assert!(matches!(peer.event(), Event::Notification { .. }));
}

/// Section 4.5: a notification that nobody acknowledges. The observation goes on, and the next state is sent.
#[test]
fn a_notification_that_is_not_acknowledged() {
    let mut pair = Pair::new();
    pair.observe(get("x"));
    let asked = pair.asked();
    let observation = pair.respond_observed(&asked, content("1"));
    pair.answered();
    pair.lose(&[0, 1, 2, 3, 4]);
    pair.notify(observation, content("2"));
    pair.pass(SECOND * 150);
    let Some(Event::NotificationFailed(failed, Undelivered::TimedOut)) = pair.server.poll_event()
    else {
        panic!("it was delivered")
    };
    assert_eq!(failed, observation);
    pair.notify(observation, content("3"));
    assert_eq!(pair.delivered(), observation);
    assert_eq!(pair.notified().payload, "3");
    pair.expect(&format!(
        r#"
        -> CON 0.01 A t01 Observe=0 Uri-Path=x
        <- ACK 2.05 A t01 Observe=2 "1"
        {}
        <- CON 2.05 C t01 Observe=4 "3"
        -> ACK 0.00 C
        "#,
        "x- CON 2.05 B t01 Observe=3 \"2\"\n".repeat(5)
    ));
}
