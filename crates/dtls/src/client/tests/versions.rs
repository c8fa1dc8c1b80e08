//! Which version is offered to whom.

use super::scripted::{NAME, World, good_server, usual};
use crate::{
    client::{
        Closed, Config, Event, Memory, Trust, Versions,
        testing::{Authority, self_signed, server_params},
    },
    session::Version::{self, Dtls12, Dtls13},
};

/// A plain ServerHello of 1.2, with the mark or without.
fn server_hello(marked: bool) -> Vec<u8> {
    let mut record = vec![22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 1, 0, 50];
    record.extend([2, 0, 0, 38, 0, 1, 0, 0, 0, 0, 0, 38]);
    record.extend([0xfe, 0xfd]);
    record.extend([7; 24]);
    record.extend(if marked { b"DOWNGRD\x01" } else { b"anything" });
    record.extend([0, 0xcc, 0xa9, 0]);
    record
}

/// What becomes of a handshake in which these ServerHellos come.
fn handshake(
    authority: &Authority,
    memory: &Memory,
    versions: Versions,
    hellos: &[bool],
) -> (Version, Event) {
    let config = Config {
        versions,
        ..usual(authority)
    };
    let mut world = World::new(&config, memory);
    for &marked in hellos {
        world
            .client
            .handle_datagram(world.start, &server_hello(marked));
    }
    assert_eq!(world.stack.script().records.len(), hellos.len());
    world
        .stack
        .establish(world.version, &good_server(authority));
    world.record();
    let [event] = &world.events()[..] else {
        panic!("one event")
    };
    if let Event::Closed(_) = event {
        assert_eq!(world.datagrams(), [b"goodbye"]);
    }
    (world.version, event.clone())
}

/// The version of the handshake that follows.
fn next(authority: &Authority, memory: &Memory) -> Version {
    World::new(&usual(authority), memory).version
}

fn is_connected(event: &Event) -> bool {
    matches!(event, Event::Connected(_))
}

#[test]
fn a_server_that_says_so_gets_1_3() {
    let (authority, memory) = (Authority::new("authority"), Memory::default());
    let (version, event) = handshake(&authority, &memory, Versions::Remembered, &[true]);
    assert!(version == Dtls12 && is_connected(&event));
    assert_eq!(next(&authority, &memory), Dtls13);
    let (version, event) = handshake(&authority, &memory, Versions::Remembered, &[]);
    assert!(version == Dtls13 && is_connected(&event));
    assert_eq!(next(&authority, &memory), Dtls13);
}

#[test]
fn a_server_that_says_nothing_stays_at_1_2() {
    let (authority, memory) = (Authority::new("authority"), Memory::default());
    let (version, event) = handshake(&authority, &memory, Versions::Remembered, &[false]);
    assert!(version == Dtls12 && is_connected(&event));
    assert_eq!(next(&authority, &memory), Dtls12);
}

#[test]
fn who_uses_1_3_can_do_it() {
    let (authority, memory) = (Authority::new("authority"), Memory::default());
    let (version, _) = handshake(&authority, &memory, Versions::Only(Dtls13), &[]);
    assert_eq!(version, Dtls13);
    assert_eq!(next(&authority, &memory), Dtls13);
    let (version, event) = handshake(&authority, &memory, Versions::Only(Dtls12), &[true]);
    assert!(version == Dtls12 && is_connected(&event));
}

#[test]
fn what_is_not_verified_is_not_believed() {
    let (authority, memory) = (Authority::new("authority"), Memory::default());
    // The handshake does not end.
    let mut world = World::new(&usual(&authority), &memory);
    world
        .client
        .handle_datagram(world.start, &server_hello(true));
    world.client.handle_timeout(world.at(60));
    assert_eq!(next(&authority, &memory), Dtls12);
    // It ends with a stranger.
    let mut world = World::new(&usual(&authority), &memory);
    world
        .client
        .handle_datagram(world.start, &server_hello(true));
    let stranger = self_signed(&server_params(&[NAME]));
    world.stack.establish(Dtls12, &stranger);
    world.record();
    assert!(matches!(
        world.events()[..],
        [Event::Closed(Closed::Refused(_))]
    ));
    assert_eq!(next(&authority, &memory), Dtls12);
    // It ends well, but under a trust that says nothing of whom it is with.
    let insecure = Config {
        trust: Trust::Insecure,
        ..usual(&authority)
    };
    let mut world = World::new(&insecure, &memory);
    world
        .client
        .handle_datagram(world.start, &server_hello(true));
    world.stack.establish(Dtls12, &stranger);
    world.record();
    assert!(is_connected(&world.events()[0]));
    assert_eq!(next(&authority, &memory), Dtls12);
    assert_eq!(World::new(&insecure, &memory).version, Dtls13);
}

#[test]
fn a_forged_hello_changes_nothing() {
    let authority = Authority::new("authority");
    for hellos in [[true, false], [false, true]] {
        let memory = Memory::default();
        let (_, event) = handshake(&authority, &memory, Versions::Remembered, &hellos);
        assert!(is_connected(&event));
        assert_eq!(next(&authority, &memory), Dtls12);

        handshake(&authority, &memory, Versions::Only(Dtls13), &[]);
        let (_, event) = handshake(&authority, &memory, Versions::Only(Dtls12), &hellos);
        assert!(is_connected(&event));
        assert_eq!(next(&authority, &memory), Dtls13);
    }
}

#[test]
fn falling_back_to_a_server_that_can_do_more_is_refused() {
    let authority = Authority::new("authority");
    for hellos in [&[true][..], &[true, true], &[true, false], &[false, true]] {
        let memory = Memory::default();
        handshake(&authority, &memory, Versions::Remembered, &[true]);
        let (version, event) = handshake(&authority, &memory, Versions::Fallback, hellos);
        assert_eq!(version, Dtls12);
        assert_eq!(event, Event::Closed(Closed::Downgraded));
        assert_eq!(next(&authority, &memory), Dtls13);
    }
}

#[test]
fn falling_back_to_a_server_that_has_changed() {
    let (authority, memory) = (Authority::new("authority"), Memory::default());
    handshake(&authority, &memory, Versions::Remembered, &[true]);
    let (version, event) = handshake(&authority, &memory, Versions::Fallback, &[false]);
    assert!(version == Dtls12 && is_connected(&event));
    assert_eq!(next(&authority, &memory), Dtls12);
}

#[test]
fn a_handshake_that_leads_nowhere_changes_nothing() {
    let (authority, memory) = (Authority::new("authority"), Memory::default());
    handshake(&authority, &memory, Versions::Remembered, &[true]);
    let mut world = World::new(&usual(&authority), &memory);
    let alert = crate::wire::fatal_alert(70, 0);
    world.client.handle_datagram(world.start, &alert);
    world.client.handle_timeout(world.at(60));
    assert!(matches!(
        world.events()[..],
        [Event::Closed(Closed::TimedOut(_))]
    ));
    assert_eq!(next(&authority, &memory), Dtls13);
}

#[test]
fn a_hello_in_pieces_never_reaches_the_stack() {
    let authority = Authority::new("authority");
    let mut world = World::usual(&authority);
    let mut record = server_hello(true);
    // Says that it is 39 bytes of 40.
    record[16] += 1;
    world.client.handle_datagram(world.start, &record);
    assert!(world.stack.script().records.is_empty());
    // In 1.3 the stack has it: nothing is read from it.
    let config = Config {
        versions: Versions::Only(Dtls13),
        ..usual(&authority)
    };
    let mut world = World::new(&config, &Memory::default());
    world.client.handle_datagram(world.start, &record);
    assert_eq!(world.stack.script().records.len(), 1);
}
