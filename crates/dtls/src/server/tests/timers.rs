use super::*;
use crate::session::Fault;

#[test]
fn a_flight_is_repeated_until_the_handshake_is_given_up() {
    let mut scene = Scene::new(true);
    scene.begin(path(1), 1);
    let repeated = scene.pass(Duration::from_secs(59));
    assert_eq!(repeated.len(), 59);
    assert!(repeated.iter().all(|it| it.path == path(1)));
    scene.pass(Duration::from_secs(2));
    assert!(scene.server.is_empty());
    assert_eq!(scene.shared.counters.handshake_timeouts.value(), 1);
    assert!(scene.events().is_empty());
    assert_eq!(scene.server.poll_timeout(), None);
}

#[test]
fn an_idle_association_ends_with_a_good_bye() {
    let mut scene = Scene::new(true);
    let mut peer = scene.open(path(1), 1);
    assert!(scene.pass(Duration::from_secs(29 * 60)).is_empty());
    let says = peer.says(b"here");
    scene.give(path(1), &says);
    assert!(scene.pass(Duration::from_secs(29 * 60)).is_empty());
    scene.events();
    let sent = scene.pass(Duration::from_secs(2 * 60));
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].bytes[13], Does::Close as u8);
    assert_eq!(closed(&scene.events()), [Closed::Idle]);
}

#[test]
fn forged_and_repeated_records_keep_nothing_alive() {
    let mut scene = Scene::new(true);
    let mut peer = scene.open(path(1), 1);
    let says = peer.says(b"here");
    scene.give(path(1), &says);
    scene.pass(Duration::from_secs(29 * 60));
    scene.give(path(1), &says);
    scene.pass(Duration::from_secs(2 * 60));
    assert!(scene.server.is_empty());
}

#[test]
fn the_lifetime_of_one_association_can_be_longer_or_shorter() {
    let mut scene = Scene::new(true);
    let long = scene.open(path(1), 1);
    let short = scene.open(path(2), 2);
    scene
        .server
        .set_lifetime(scene.now, long.id(), Duration::from_secs(24 * 3600));
    scene
        .server
        .set_lifetime(scene.now, short.id(), Duration::from_secs(60));
    scene.pass(Duration::from_secs(61));
    assert!(scene.server.association(short.id()).is_none());
    scene.pass(Duration::from_secs(23 * 3600));
    assert!(scene.server.association(long.id()).is_some());
    scene.pass(Duration::from_secs(3600));
    assert!(scene.server.is_empty());
}

#[test]
fn an_idle_server_is_not_woken() {
    let mut scene = Scene::new(true);
    scene.open(path(1), 1);
    let mut wakes = 0;
    let end = scene.now + Duration::from_secs(29 * 60);
    while let Some(next) = scene.server.poll_timeout().filter(|&next| next <= end) {
        scene.now = next;
        scene.server.handle_timeout(next);
        wakes += 1;
    }
    assert!(wakes <= 2, "{wakes} wakes");
}

#[test]
fn a_session_that_gives_up_without_a_word_is_over() {
    let mut scene = Scene::new(true);
    let mut peer = scene.open(path(1), 1);
    let gives_up = peer.record(Does::GiveUp, b"");
    scene.give(path(1), &gives_up);
    assert!(closed(&scene.events()).is_empty());
    scene.pass(toy::REPEAT);
    assert_eq!(closed(&scene.events()), [Closed::Fault(Fault::Internal)]);
    assert!(scene.server.is_empty());
}

#[test]
fn times_without_end_are_possible() {
    let config = Config {
        idle_lifetime: Duration::MAX,
        handshake_timeout: Duration::MAX,
        proof_timeout: Duration::MAX,
        ..Config::default()
    };
    let mut scene = Scene::with(true, config, Limits::default());
    let mut peer = scene.open(path(1), 1);
    let id = peer.id();
    scene.server.set_lifetime(scene.now, id, Duration::MAX);
    let says = peer.says(b"hello");
    scene.give(path(2), &says);
    scene.send(&peer, 500);
    scene.pass(Duration::from_secs(10 * 365 * 24 * 3600));
    assert!(scene.server.association(id).is_some());
}
