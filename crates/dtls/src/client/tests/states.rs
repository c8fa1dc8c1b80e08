//! From the first hello to the end.

use super::scripted::{NAME, PROTECTED, World, agreement, good_server, usual};
use crate::{
    client::{
        Closed, Config, Event, Memory, Refusal, Stall, Trust,
        testing::{Authority, self_signed, server_params},
    },
    session::{Fault, SendError, Version::Dtls12},
    wire::fatal_alert,
};
use std::time::Duration;

fn received(payload: &'static [u8]) -> Event {
    Event::Received(payload.into())
}

fn stall(answered: bool, alert: Option<u8>) -> Event {
    Event::Closed(Closed::TimedOut(Stall {
        version: Dtls12,
        after: Duration::from_secs(60),
        answered,
        alert,
    }))
}

#[test]
fn payloads_flow_after_the_handshake_only() {
    let authority = Authority::new("authority");
    let mut world = World::usual(&authority);
    assert_eq!(world.client.send(b"early"), Err(SendError::NotEstablished));
    // A stack that gives a payload too early is not believed.
    world.stack.script().payload = b"early".to_vec();
    world.record();
    assert_eq!(world.events(), []);
    assert!(world.client.agreement().is_none());

    let server = good_server(&authority);
    world.stack.establish(Dtls12, &server);
    world.stack.script().payload = b"early".to_vec();
    world.record();
    let agreement = agreement(Dtls12, false);
    assert_eq!(world.events(), [Event::Connected(agreement.clone())]);
    assert_eq!(world.client.agreement(), Some(&agreement));
    assert_eq!(world.client.peer_certificates(), server.chain);

    world.client.send(b"hello").unwrap();
    assert_eq!(world.datagrams(), [b"hello"]);
    world.stack.script().payload = b"hi".to_vec();
    world.record();
    assert_eq!(world.events(), [received(b"hi")]);
    // One that says nothing is nothing.
    world.record();
    assert_eq!(world.events(), []);
}

#[test]
fn a_server_that_is_refused_gets_nothing() {
    let authority = Authority::new("authority");
    let mut world = World::usual(&authority);
    let stranger = self_signed(&server_params(&[NAME]));
    world.stack.establish(Dtls12, &stranger);
    world.stack.script().payload = b"hi".to_vec();
    world.record();
    assert_eq!(
        world.events(),
        [Event::Closed(Closed::Refused(Refusal::UnknownIssuer))]
    );
    assert_eq!(world.client.send(b"hello"), Err(SendError::Closed));
    assert_eq!(world.datagrams(), [b"goodbye"]);
    assert!(world.client.agreement().is_none());
    assert!(world.client.peer_certificates().is_empty());
}

#[test]
fn a_server_without_certificate_is_refused_always() {
    for trust in [Authority::new("authority").trust(), Trust::Insecure] {
        for resumed in [false, true] {
            let config = Config::new(NAME.parse().unwrap(), 5684, trust.clone());
            let mut world = World::new(&config, &Memory::default());
            // It resumes what was not offered, or shows none.
            world.stack.script().established = Some(agreement(Dtls12, resumed));
            world.record();
            assert_eq!(
                world.events(),
                [Event::Closed(Closed::Refused(Refusal::NoCertificate))]
            );
        }
    }
}

#[test]
fn the_time_of_a_certificate_is_that_of_the_end_of_the_handshake() {
    let authority = Authority::new("authority");
    let mut params = server_params(&[NAME]);
    // 20 s after the present of the tests.
    params.not_after = std::time::UNIX_EPOCH
        .checked_add(Duration::from_secs(1_790_000_020))
        .unwrap()
        .into();
    let server = authority.issue(&params);
    for (seconds, good) in [(20, true), (21, false)] {
        let mut world = World::usual(&authority);
        world.stack.establish(Dtls12, &server);
        world.client.handle_datagram(world.at(seconds), PROTECTED);
        let connected = matches!(world.events()[..], [Event::Connected(_)]);
        assert_eq!(connected, good);
    }
}

#[test]
fn records_of_a_datagram_are_taken_one_by_one() {
    let authority = Authority::new("authority");
    let mut world = World::usual(&authority);
    let mut datagram = [PROTECTED, PROTECTED].concat();
    datagram.extend(b"rest");
    world.client.handle_datagram(world.start, &datagram);
    assert_eq!(world.stack.script().records, [PROTECTED, PROTECTED]);
}

#[test]
fn a_fault_ends_it() {
    let authority = Authority::new("authority");
    for connected in [false, true] {
        let mut world = World::usual(&authority);
        if connected {
            world.stack.establish(Dtls12, &good_server(&authority));
            world.record();
            world.events();
        }
        let fault = Fault::Alert(20);
        world.stack.script().fault = Some(fault);
        world.stack.script().payload = b"hi".to_vec();
        world.stack.script().outgoing.push_back(b"alert".to_vec());
        let twice = [PROTECTED, PROTECTED].concat();
        let before = world.stack.script().records.len();
        world.client.handle_datagram(world.start, &twice);
        assert_eq!(world.stack.script().records.len(), before + 1);
        assert_eq!(world.events(), [Event::Closed(Closed::Fault(fault))]);
        assert_eq!(world.datagrams()[0], b"alert");
        assert_eq!(world.client.poll_timeout(), None);
    }
}

#[test]
fn the_peer_says_goodbye() {
    let authority = Authority::new("authority");
    let mut world = World::usual(&authority);
    world.stack.establish(Dtls12, &good_server(&authority));
    world.record();
    world.events();
    world.stack.script().payload = b"last".to_vec();
    world.stack.script().closed_by_peer = true;
    world.record();
    assert_eq!(
        world.events(),
        [received(b"last"), Event::Closed(Closed::ByPeer)]
    );
    assert_eq!(world.datagrams(), [b"goodbye"]);
    over(world);
}

#[test]
fn we_say_goodbye() {
    let authority = Authority::new("authority");
    let mut world = World::usual(&authority);
    world.stack.establish(Dtls12, &good_server(&authority));
    world.record();
    world.events();
    world.client.send(b"last").unwrap();
    world.client.close(world.start);
    assert_eq!(world.events(), [Event::Closed(Closed::ByUs)]);
    assert_eq!(world.datagrams(), [b"last".to_vec(), b"goodbye".to_vec()]);
    assert!(world.client.agreement().is_some());
    over(world);
}

#[test]
fn we_give_up_a_handshake() {
    let mut world = World::usual(&Authority::new("authority"));
    world.client.close(world.start);
    assert_eq!(world.events(), [Event::Closed(Closed::ByUs)]);
    assert_eq!(world.datagrams(), [[0; 0]; 0]);
    over(world);
}

#[test]
fn a_goodbye_takes_a_few_seconds_at_most() {
    let authority = Authority::new("authority");
    let mut world = World::usual(&authority);
    world.stack.establish(Dtls12, &good_server(&authority));
    world.record();
    // The stack waits for something.
    world.stack.script().timeout = Some(world.at(2));
    world.client.close(world.start);
    assert_eq!(world.client.poll_timeout(), Some(world.at(2)));
    assert_eq!(world.client.send(b"more"), Err(SendError::Closed));
    let events = world.events();
    assert_eq!(events.last(), Some(&Event::Closed(Closed::ByUs)));
    assert_eq!(world.datagrams(), [b"goodbye"]);
    // It repeats that.
    world.stack.script().timeout = Some(world.at(100));
    world.stack.script().outgoing.push_back(b"again".to_vec());
    world.client.handle_timeout(world.at(2));
    assert_eq!(world.datagrams(), [b"again"]);
    // What comes is for the stack alone.
    world.stack.script().payload = b"late".to_vec();
    world.record();
    assert_eq!(world.events(), []);
    assert_eq!(world.client.poll_timeout(), Some(world.at(5)));
    world.client.handle_timeout(world.at(5));
    assert_eq!(world.client.poll_timeout(), None);
    assert_eq!(world.events(), []);

    // A fault ends that.
    let mut world = World::usual(&authority);
    world.stack.establish(Dtls12, &good_server(&authority));
    world.record();
    world.stack.script().timeout = Some(world.at(2));
    world.client.close(world.start);
    world.stack.script().fault = Some(Fault::PeerMisbehaved);
    world.record();
    assert_eq!(world.client.poll_timeout(), None);
    assert_eq!(world.events().len(), 2);
}

/// Nothing happens any more.
fn over(mut world: World) {
    let records = world.stack.script().records.len();
    let closed = world.stack.script().closed;
    world.stack.script().timeout = Some(world.start);
    world.record();
    world.client.close(world.start);
    world.client.handle_timeout(world.at(1000));
    assert_eq!(world.client.send(b"more"), Err(SendError::Closed));
    assert_eq!(world.events(), []);
    assert_eq!(world.datagrams(), [[0; 0]; 0]);
    assert_eq!(world.client.poll_timeout(), None);
    let script = world.stack.script();
    assert_eq!(
        (script.records.len(), script.closed, script.timeouts),
        (records, closed, 0)
    );
}

#[test]
fn nobody_answers() {
    let mut world = World::usual(&Authority::new("authority"));
    assert_eq!(world.client.poll_timeout(), Some(world.at(60)));
    // What is no DTLS is no answer.
    world.client.handle_datagram(world.start, b"HTTP/1.1 400");
    world.client.handle_timeout(world.at(59));
    assert_eq!(world.events(), []);
    world.client.handle_timeout(world.at(60));
    let events = world.events();
    assert_eq!(events, [stall(false, None)]);
    assert_eq!(
        text(&events),
        "no answer within 60 s: nobody speaks DTLS 1.2 there, or the packets do not pass"
    );
    over(world);
}

#[test]
fn a_handshake_without_end() {
    let mut world = World::usual(&Authority::new("authority"));
    world.record();
    world.client.handle_timeout(world.at(60));
    let events = world.events();
    assert_eq!(events, [stall(true, None)]);
    assert_eq!(
        text(&events),
        "the server answers, but the handshake of DTLS 1.2 was not over within 60 s: there may be no version or cipher \
         suite that both sides can do, its key may not belong to its certificate, or packets may be lost"
    );
}

#[test]
fn an_alert_in_clear_is_a_hint() {
    let authority = Authority::new("authority");
    let mut world = World::usual(&authority);
    for alert in [fatal_alert(80, 0), fatal_alert(40, 1)] {
        world.client.handle_datagram(world.start, &alert);
    }
    // Not one of two bytes.
    world
        .client
        .handle_datagram(world.start, &[21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0]);
    assert!(world.stack.script().records.is_empty());
    assert_eq!(world.events(), []);
    world.client.handle_timeout(world.at(60));
    let events = world.events();
    assert_eq!(events, [stall(true, Some(40))]);
    assert!(
        text(&events).ends_with("; somebody has sent the alert handshake_failure (40)"),
        "{}",
        text(&events)
    );

    // It ends no association either, before or after the handshake.
    let mut world = World::usual(&authority);
    let alert = fatal_alert(40, 0);
    world.client.handle_datagram(world.start, &alert);
    world.stack.establish(Dtls12, &good_server(&authority));
    world.record();
    world.client.handle_datagram(world.start, &alert);
    assert!(matches!(world.events()[..], [Event::Connected(_)]));
    world.client.send(b"hello").unwrap();
}

#[test]
fn the_stack_is_given_its_time() {
    let authority = Authority::new("authority");
    let mut world = World::usual(&authority);
    world.stack.script().timeout = Some(world.at(2));
    assert_eq!(world.client.poll_timeout(), Some(world.at(2)));
    world.client.handle_timeout(world.at(1));
    assert_eq!(world.stack.script().timeouts, 0);
    world.client.handle_timeout(world.at(2));
    assert_eq!(world.stack.script().timeouts, 1);
    // The stack waits for longer than the handshake may take.
    world.stack.script().timeout = Some(world.at(100));
    assert_eq!(world.client.poll_timeout(), Some(world.at(60)));
    // Later, the time of the handshake is over.
    world.stack.establish(Dtls12, &good_server(&authority));
    world.record();
    assert_eq!(world.client.poll_timeout(), Some(world.at(100)));
    world.client.handle_timeout(world.at(99));
    world.client.handle_timeout(world.at(100));
    assert_eq!(world.stack.script().timeouts, 2);
    assert!(matches!(world.events()[..], [Event::Connected(_)]));
}

#[test]
fn a_handshake_may_take_forever() {
    let mut config = usual(&Authority::new("authority"));
    config.handshake_timeout = Duration::MAX;
    let mut world = World::new(&config, &Memory::default());
    assert_eq!(world.client.poll_timeout(), None);
    world.client.handle_timeout(world.at(1_000_000));
    assert_eq!(world.events(), []);
}

#[test]
fn debug_says_where_it_is() {
    let world = World::usual(&Authority::new("authority"));
    assert_eq!(
        format!("{:?}", world.client),
        r#"Client { name: chat.example.org, version: Dtls12, state: "handshake", .. }"#
    );
}

fn text(events: &[Event]) -> String {
    let [Event::Closed(closed)] = events else {
        panic!("{events:?}")
    };
    closed.to_string()
}
