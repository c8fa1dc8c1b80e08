use super::*;
use crate::session::Fault;

#[test]
fn nothing_is_kept_before_the_cookie() {
    let mut scene = Scene::new(true);
    for n in 0..1000 {
        let hello = toy::hello(n as u8, &[], false);
        let reply = scene.give(path(n), &hello);
        assert_eq!(reply.len(), 1);
        assert_eq!(reply[0].path, path(n));
        assert!(reply[0].bytes.len() <= hello.len());
    }
    assert!(scene.server.is_empty());
    assert_eq!(scene.server.poll_timeout(), None);
    assert_eq!(scene.shared.present(), (0, 0));
    assert_eq!(scene.shared.counters.cookies.value(), 1000);
}

#[test]
fn a_cookie_of_another_address_is_worth_nothing() {
    let mut scene = Scene::new(true);
    let stolen = toy::hello(1, &toy::cookie(path(1).remote), false);
    let answers = scene.give(path(2), &stolen);
    assert!(scene.server.is_empty());
    // handshake_failure, for those who have nothing in common with us.
    assert_eq!(answers.len(), 1);
    assert_eq!(answers[0].bytes.len(), 15);
    // The request for the cookie had the number 0, and the same again would be dropped.
    assert_eq!(answers[0].bytes[5..11], [0, 0, 0, 0, 0, 1]);
    assert_eq!(scene.shared.counters.handshakes.value(), 0);
}

#[test]
fn payloads_flow_both_ways_with_and_without_an_id() {
    for with_id in [true, false] {
        let mut scene = Scene::new(with_id);
        let mut peer = scene.open(path(1), 1);
        assert_eq!(peer.cid.is_some(), with_id);
        assert!(peer.cid.is_none_or(|cid| cid[0] == 7));
        let says = peer.says(b"hello");
        assert!(scene.give(path(1), &says).is_empty());
        assert_eq!(received(&scene.events()), [(path(1), &b"hello"[..])]);
        let sent = scene.send(&peer, 10);
        assert_eq!(sent.len(), 1);
        assert_eq!(sent[0].path, path(1));
        assert!(sent[0].bytes.ends_with(&[b'x'; 10]));
    }
}

#[test]
fn each_record_of_a_datagram_is_a_payload_of_its_own() {
    let mut scene = Scene::new(true);
    let mut peer = scene.open(path(1), 1);
    let datagram = [peer.says(b"one"), peer.says(b"two"), peer.says(b"three")].concat();
    scene.give(path(1), &datagram);
    let expected = [&b"one"[..], b"two", b"three"].map(|it| (path(1), it));
    assert_eq!(received(&scene.events()), expected);
}

#[test]
fn a_repeated_hello_makes_no_second_association() {
    let mut scene = Scene::new(true);
    let cookie = toy::cookie(path(1).remote);
    scene.begin(path(1), 1);
    scene.give(path(1), &toy::hello(1, &cookie, false));
    assert_eq!(scene.shared.counters.handshakes.value(), 1);
    assert_eq!(scene.server.len(), 1);
    let mut peer = Peer::of(&scene.server, path(1));
    let finish = peer.record(Does::Finish, b"");
    scene.give(path(1), &finish);
    // Late repetitions mean nothing either.
    let late = scene.give(path(1), &toy::hello(1, &cookie, false));
    assert!(late.is_empty());
    assert_eq!(scene.shared.counters.handshakes.value(), 1);
}

#[test]
fn a_new_hello_leaves_the_old_association_until_it_is_finished() {
    for with_id in [true, false] {
        let mut scene = Scene::new(with_id);
        let mut old = scene.open(path(1), 1);
        scene.begin(path(1), 2);
        let says = old.says(b"still here");
        scene.give(path(1), &says);
        assert_eq!(received(&scene.events()), [(path(1), &b"still here"[..])]);
        assert_eq!(scene.send(&old, 5).len(), 1);

        let mut new = Peer::of(&scene.server, path(1));
        new.sequence = 100;
        let finish = new.record(Does::Finish, b"");
        scene.give(path(1), &finish);
        let events = scene.events();
        // By its Connection ID the old one can still be reached, by its address it cannot.
        let ends = if with_id {
            vec![]
        } else {
            vec![Closed::Replaced]
        };
        assert_eq!(closed(&events), ends);
        assert_eq!(scene.server.len(), if with_id { 2 } else { 1 });
    }
}

#[test]
fn a_second_attempt_takes_the_place_of_the_first() {
    let mut scene = Scene::new(true);
    scene.begin(path(1), 1);
    scene.begin(path(1), 2);
    assert_eq!(scene.server.len(), 1);
    assert_eq!(scene.shared.present(), (1, 1));
    assert_eq!(scene.shared.counters.handshakes_failed.value(), 1);
}

#[test]
fn a_ticket_may_stand_for_a_cookie_within_three_times_the_hello() {
    let mut scene = Scene::new(true);
    let hello = toy::hello(1, &[], true);
    let sent = scene.give(path(1), &hello);
    // The flight is longer than that.
    assert!(3 * hello.len() < toy::FLIGHT);
    assert!(sent.is_empty());
    assert_eq!(scene.server.len(), 1);
    let repeated = scene.pass(Duration::from_secs(30));
    assert!(repeated.is_empty());
    // More hellos, more allowance.
    scene.give(path(1), &hello);
    let sent = scene.pass(toy::REPEAT);
    assert_eq!(sent.len(), 1);
    let mut peer = Peer::of(&scene.server, path(1));
    let finish = peer.record(Does::Finish, b"");
    scene.give(path(1), &finish);
    assert!(
        matches!(scene.events()[..], [Event::Opened { id, .. }] if { peer.id = Some(id); true })
    );
    assert_eq!(scene.send(&peer, 5000).len(), 1, "no bounds any more");
    assert_eq!(scene.shared.counters.handshakes_by_ticket.value(), 1);
}

#[test]
fn only_one_peer_of_a_source_begins_by_ticket_at_a_time() {
    let mut scene = Scene::new(true);
    scene.give(path(1), &toy::hello(1, &[], true));
    assert_eq!(scene.server.len(), 1);
    let neighbour = Path {
        remote: (path(1).remote.ip(), 5000).into(),
        ..path(1)
    };
    let reply = scene.give(neighbour, &toy::hello(2, &[], true));
    assert_eq!(scene.server.len(), 1);
    assert!(reply[0].bytes.ends_with(&toy::cookie(neighbour.remote)));
}

#[test]
fn close_notify_is_answered_and_ends_it() {
    let mut scene = Scene::new(true);
    let mut peer = scene.open(path(1), 1);
    let close = peer.record(Does::Close, b"");
    let sent = scene.give(path(1), &close);
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].bytes[13], Does::Close as u8);
    assert_eq!(closed(&scene.events()), [Closed::ByPeer]);
    assert!(scene.server.is_empty());
    assert_eq!(scene.shared.present(), (0, 0));
    assert!(scene.server.send(scene.now, peer.id(), b"x").is_err());
}

#[test]
fn a_fault_ends_one_association_only() {
    let mut scene = Scene::new(true);
    let mut broken = scene.open(path(1), 1);
    let mut other = scene.open(path(2), 2);
    let breaks = broken.record(Does::Break, b"");
    scene.give(path(1), &breaks);
    assert_eq!(
        closed(&scene.events()),
        [Closed::Fault(Fault::PeerMisbehaved)]
    );
    let says = other.says(b"here");
    scene.give(path(2), &says);
    assert_eq!(received(&scene.events()).len(), 1);
}

#[test]
fn shutdown_says_good_bye_to_all_that_have_keys() {
    let mut scene = Scene::new(true);
    for n in 0..10 {
        scene.open(path(n), n as u8);
    }
    scene.begin(path(20), 20);
    scene.server.close_all(scene.now);
    let sent = scene.transmits();
    assert_eq!(sent.len(), 10);
    assert!(sent.iter().all(|it| it.bytes[13] == Does::Close as u8));
    assert_eq!(closed(&scene.events()), [Closed::ByUs; 10]);
    assert!(scene.server.is_empty());
    assert_eq!(scene.server.poll_timeout(), None);
}

#[test]
fn used_up_record_numbers_end_it() {
    let mut scene = Scene::new(true);
    let peer = scene.open(path(1), 1);
    for _ in 0..toy::MOST_SENT {
        scene.send(&peer, 1);
    }
    let result = scene.server.send(scene.now, peer.id(), b"x");
    assert_eq!(result, Err(crate::session::SendError::Exhausted));
    assert_eq!(closed(&scene.events()), [Closed::Exhausted]);
}

#[test]
fn ids_of_associations_are_not_given_again() {
    let mut scene = Scene::new(true);
    let first = scene.open(path(1), 1);
    scene.server.close(scene.now, first.id());
    scene.transmits();
    scene.events();
    let second = scene.open(path(1), 2);
    assert_ne!(first.id(), second.id());
    assert!(scene.server.association(first.id()).is_none());
    assert!(scene.server.association(second.id()).is_some());
}

#[test]
fn it_counts_what_it_carries() {
    let mut scene = Scene::new(true);
    let hello = toy::hello(1, &toy::cookie(path(1).remote), false);
    let mut peer = scene.open(path(1), 1);
    let says = peer.says(b"hello");
    scene.give(path(1), &says);
    let sent = scene.send(&peer, 100);
    let meter = scene.server.association(peer.id()).unwrap().meter;
    assert_eq!(meter.datagrams_in, 3);
    let finish = toy::record(peer.cid, 1, Does::Finish, b"");
    assert_eq!(
        meter.bytes_in as usize,
        hello.len() + finish.len() + says.len()
    );
    assert_eq!(meter.datagrams_out, 2);
    assert_eq!(
        meter.bytes_out as usize,
        13 + toy::FLIGHT + sent[0].bytes.len()
    );
}

#[test]
fn one_hello_of_a_datagram_is_answered() {
    let mut scene = Scene::new(true);
    let hellos: Vec<u8> = (0..20)
        .flat_map(|attempt| toy::hello(attempt, &[], false))
        .collect();
    assert_eq!(scene.give(path(1), &hellos).len(), 1);
}
