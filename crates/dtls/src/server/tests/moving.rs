use super::*;

/// A payload that fits the allowance that a short record gives.
const SHORT: usize = 20;

/// One that does not.
const LONG: usize = 500;

#[test]
fn a_peer_that_moves_is_answered_where_it_is_without_a_handshake() {
    let mut scene = Scene::new(true);
    let mut peer = scene.open(path(0), 1);
    for n in 1..=100 {
        let says = peer.says(b"where am I");
        assert!(scene.give(path(n), &says).is_empty());
        assert_eq!(received(&scene.events()), [(path(n), &b"where am I"[..])]);
        let sent = scene.send(&peer, SHORT);
        assert_eq!(sent.len(), 1);
        assert_eq!(sent[0].path, path(n));
    }
    assert_eq!(scene.shared.counters.trials.value(), 100);
    assert!(scene.events().is_empty(), "nothing was asked");
    // So the address that was proved is still the first.
    let view = scene.server.association(peer.id()).unwrap();
    assert_eq!(view.path, path(0));
    assert_eq!(view.trial, Some(path(100)));
}

#[test]
fn what_is_too_much_waits_for_a_proof() {
    let mut scene = Scene::new(true);
    let mut peer = scene.open(path(1), 1);
    let says = peer.says(b"hello");
    scene.give(path(2), &says);
    scene.events();
    assert!(scene.send(&peer, LONG).is_empty());
    assert!(scene.send(&peer, LONG).is_empty());
    let id = peer.id();
    let trial = scene.asked(id);
    // The question itself goes out.
    assert!(scene.server.ask(scene.now, id, trial, b"ping"));
    let ping = scene.transmits();
    assert_eq!(ping.len(), 1);
    assert_eq!(ping[0].path, path(2));

    scene.now += Duration::from_secs(2);
    scene.server.confirm(scene.now, id, trial, path(2));
    let sent = scene.transmits();
    assert_eq!(sent.len(), 2);
    assert!(sent.iter().all(|it| it.path == path(2)));
    assert_eq!(scene.events(), [Event::Moved { id, path: path(2) }]);
    assert_eq!(scene.server.association(id).unwrap().path, path(2));
    assert_eq!(scene.shared.counters.moves.value(), 1);
    assert_eq!(scene.send(&peer, 5000).len(), 1, "no bounds any more");
}

#[test]
fn at_most_three_times_the_received_bytes_go_to_an_address_that_is_not_proved() {
    let mut scene = Scene::new(true);
    let mut peer = scene.open(path(1), 1);
    let (mut came, mut went) = (0, 0);
    for _ in 0..50 {
        let says = peer.says(&[0; 30]);
        came += says.len();
        let released = scene.give(path(2), &says);
        let sent = [10, 40, 70, 100, 300, 20].map(|length| scene.send(&peer, length));
        went += released
            .iter()
            .chain(sent.iter().flatten())
            .filter(|it| it.path == path(2))
            .map(|it| it.bytes.len())
            .sum::<usize>();
        assert!(went <= 3 * came, "{went} after {came}");
    }
    assert!(went > 2 * came);
}

#[test]
fn what_waits_goes_out_when_more_has_come_from_there() {
    let mut scene = Scene::new(true);
    let mut peer = scene.open(path(1), 1);
    let says = peer.says(b"hello");
    scene.give(path(2), &says);
    assert!(scene.send(&peer, LONG).is_empty());
    let says = peer.says(&[0; LONG]);
    let sent = scene.give(path(2), &says);
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].path, path(2));
}

#[test]
fn what_waits_goes_home_when_the_peer_is_back() {
    let mut scene = Scene::new(true);
    let mut peer = scene.open(path(1), 1);
    let says = peer.says(b"hello");
    scene.give(path(2), &says);
    assert!(scene.send(&peer, LONG).is_empty());
    let says = peer.says(b"hello");
    let sent = scene.give(path(1), &says);
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].path, path(1));
    assert_eq!(scene.server.association(peer.id()).unwrap().trial, None);
}

#[test]
fn what_waits_goes_home_when_there_is_no_proof() {
    let mut scene = Scene::new(true);
    let mut peer = scene.open(path(1), 1);
    let says = peer.says(b"hello");
    scene.give(path(2), &says);
    assert!(scene.send(&peer, LONG).is_empty());
    assert!(scene.pass(Duration::from_secs(29)).is_empty());
    let sent = scene.pass(Duration::from_secs(2));
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].path, path(1));
    assert_eq!(scene.shared.counters.trials_failed.value(), 1);
    assert_eq!(scene.send(&peer, LONG)[0].path, path(1));
}

#[test]
fn what_waits_is_bounded() {
    let mut scene = Scene::new(true);
    let mut peer = scene.open(path(1), 1);
    let says = peer.says(b"hello");
    scene.give(path(2), &says);
    for _ in 0..100 {
        assert!(scene.send(&peer, LONG).is_empty());
    }
    let dropped = scene.shared.counters.held_dropped.value();
    let trial = scene.asked(peer.id());
    scene.server.confirm(scene.now, peer.id(), trial, path(2));
    let sent = scene.transmits();
    assert_eq!(sent.len() as u64 + dropped, 100);
    let bytes: usize = sent.iter().map(|it| it.bytes.len()).sum();
    assert!(bytes <= 16 * 1024);
    assert!(bytes > 15 * 1024);
}

#[test]
fn a_proof_must_be_an_answer_to_the_question_that_went_there() {
    let mut scene = Scene::new(true);
    let mut peer = scene.open(path(1), 1);
    let id = peer.id();
    let says = peer.says(b"hello");
    scene.give(path(2), &says);
    scene.send(&peer, LONG);
    let first = scene.asked(id);
    // At the same instant, as the datagrams of a batch are: it seems to be somewhere else.
    let says = peer.says(b"hello");
    scene.give(path(3), &says);
    // The answer to the question that went to another place, from either.
    scene.server.confirm(scene.now, id, first, path(3));
    scene.server.confirm(scene.now, id, first, path(2));
    assert!(!scene.server.ask(scene.now, id, first, b"ping"));
    assert!(scene.transmits().is_empty());
    scene.pass(Duration::from_secs(1));
    let second = scene.asked(id);
    assert_ne!(first, second);
    scene.server.confirm(scene.now, id, second, path(2));
    assert_eq!(scene.shared.counters.moves.value(), 0);
    scene.server.confirm(scene.now, id, second, path(3));
    assert_eq!(scene.shared.counters.moves.value(), 1);
}

#[test]
fn who_has_answered_wrongly_is_not_asked_for_a_while() {
    let mut scene = Scene::new(true);
    let mut peer = scene.open(path(1), 1);
    let id = peer.id();
    let says = peer.says(b"hello");
    scene.give(path(2), &says);
    scene.send(&peer, LONG);
    let trial = scene.asked(id);
    scene.server.doubt(scene.now, id, trial);
    let sent = scene.transmits();
    assert_eq!(sent[0].path, path(1), "what has waited goes home");
    // Neither from there nor from elsewhere is a proof asked for at once.
    for n in [2, 3, 2, 4] {
        let says = peer.says(b"hello");
        scene.give(path(n), &says);
        scene.send(&peer, LONG);
    }
    let wanted = |events: Vec<Event>| {
        let wanted = |event: &&Event| matches!(event, Event::ProofWanted { .. });
        events.iter().filter(wanted).count()
    };
    assert_eq!(wanted(scene.events()), 0);
    scene.pass(Duration::from_secs(29));
    assert_eq!(wanted(scene.events()), 0);
    scene.pass(Duration::from_secs(1));
    assert_eq!(wanted(scene.events()), 1);
}

#[test]
fn questions_are_few_however_often_a_peer_seems_to_move() {
    let mut scene = Scene::new(true);
    let mut peer = scene.open(path(1), 1);
    let says = peer.says(b"hello");
    scene.give(path(2), &says);
    scene.send(&peer, LONG);
    for n in 0..10_000 {
        let says = peer.says(b"");
        scene.give(path(2 + n % 2), &says);
    }
    let wanted = |event: &Event| matches!(event, Event::ProofWanted { .. });
    assert_eq!(scene.events().iter().filter(|it| wanted(it)).count(), 1);
    scene.pass(Duration::from_secs(1));
    assert_eq!(scene.events().iter().filter(|it| wanted(it)).count(), 1);
}

#[test]
fn there_is_always_room_for_the_question() {
    let mut scene = Scene::new(true);
    let mut peer = scene.open(path(1), 1);
    let says = peer.says(&[0; 20]);
    scene.give(path(2), &says);
    for _ in 0..20 {
        scene.send(&peer, 8);
    }
    let trial = scene.asked(peer.id());
    assert!(scene.server.ask(scene.now, peer.id(), trial, &[0; 4]));
    assert_eq!(scene.transmits().len(), 1);
}

#[test]
fn before_a_handshake_is_over_nothing_waits_and_nothing_is_asked() {
    let mut scene = Scene::new(true);
    scene.begin(path(1), 1);
    let mut peer = Peer::of(&scene.server, path(1));
    // Its flight has begun to come from elsewhere.
    let says = peer.says(b"");
    scene.give(path(2), &says);
    scene.pass(Duration::from_secs(10));
    assert!(scene.events().is_empty());
    let finish = peer.record(Does::Finish, b"");
    scene.give(path(2), &finish);
    let Some(Event::Opened { id, .. }) = scene.events().pop() else {
        panic!("not opened");
    };
    peer.id = Some(id);
    scene.send(&peer, LONG);
    let trial = scene.asked(id);
    scene.server.confirm(scene.now, id, trial, path(2));
    assert_eq!(scene.transmits().len(), 1);
}

#[test]
fn at_the_end_what_waits_goes_home() {
    let mut scene = Scene::new(true);
    let mut peer = scene.open(path(1), 1);
    let says = peer.says(b"");
    scene.give(path(2), &says);
    scene.send(&peer, LONG);
    scene.server.close(scene.now, peer.id());
    let sent = scene.transmits();
    let good_bye = |it: &&Transmit| it.bytes[13] == Does::Close as u8;
    assert_eq!(sent.iter().filter(good_bye).count(), 1);
    let long = sent.iter().find(|it| it.bytes.len() > LONG).unwrap();
    assert_eq!(long.path, path(1));
}

#[test]
fn repeated_old_and_forged_records_move_nothing() {
    let mut scene = Scene::new(true);
    let mut peer = scene.open(path(1), 1);
    let first = peer.says(b"first");
    let second = peer.says(b"second");
    scene.give(path(1), &second);
    scene.events();
    let forged = [
        // Repeated.
        second.clone(),
        // Late, but real.
        first,
        // Does not authenticate.
        {
            let mut record = peer.says(b"third");
            record[17] = b'?';
            record
        },
        // Without the Connection ID.
        toy::record(None, 99, Does::Carry, b"fourth"),
    ];
    for record in forged {
        scene.give(path(9), &record);
        let view = scene.server.association(peer.id()).unwrap();
        assert_eq!((view.path, view.trial), (path(1), None));
        assert_eq!(scene.send(&peer, SHORT)[0].path, path(1));
    }
    assert_eq!(scene.shared.counters.trials.value(), 0);
}

#[test]
fn a_peer_without_an_id_does_not_move() {
    let mut scene = Scene::new(false);
    let mut peer = scene.open(path(1), 1);
    let says = peer.says(b"hello");
    scene.give(path(2), &says);
    assert!(received(&scene.events()).is_empty());
    assert_eq!(scene.send(&peer, SHORT)[0].path, path(1));
}

#[test]
fn a_peer_that_moves_on_is_followed_and_asked_again() {
    let mut scene = Scene::new(true);
    let mut peer = scene.open(path(1), 1);
    let id = peer.id();
    let mut trials = Vec::new();
    for n in [2, 3] {
        let says = peer.says(b"hello");
        scene.give(path(n), &says);
        scene.send(&peer, LONG);
        scene.pass(Duration::from_secs(1));
        trials.push(scene.asked(id));
    }
    // Too late for the second place.
    scene.server.confirm(scene.now, id, trials[0], path(2));
    assert!(scene.transmits().is_empty());
    scene.server.confirm(scene.now, id, trials[1], path(3));
    assert_eq!(scene.transmits().len(), 2);
    assert_eq!(scene.server.association(id).unwrap().path, path(3));
}

#[test]
fn an_answer_takes_the_same_way_back() {
    let mut scene = Scene::new(true);
    let mut peer = scene.open(path(1), 1);
    let other = Path {
        local: Local {
            socket: 1,
            address: Some([127, 0, 0, 2].into()),
        },
        ..path(1)
    };
    let says = peer.says(&[0; LONG]);
    scene.give(other, &says);
    assert_eq!(scene.send(&peer, SHORT)[0].path, other);
}

#[test]
fn who_moves_does_not_end_who_is_there() {
    let mut scene = Scene::new(false);
    let mut there = scene.open(path(2), 1);
    scene.server.replace_accept(Box::new(ToyAccept {
        with_id: true,
        made: 0,
    }));
    let mut peer = scene.open(path(1), 2);
    scene.move_to(&mut peer, path(2));
    let says = [there.says(b"mine"), peer.says(b"and mine")].concat();
    scene.give(path(2), &says);
    assert_eq!(received(&scene.events()).len(), 2);
    assert_eq!(scene.send(&there, LONG)[0].path, path(2));
    scene.server.close(scene.now, peer.id());
    let says = there.says(b"still");
    scene.give(path(2), &says);
    assert_eq!(received(&scene.events()).len(), 1);
}

#[test]
fn moved_peers_count_where_they_are_as_long_as_there_is_room() {
    let limits = Limits {
        associations_per_source: 1,
        ..Limits::default()
    };
    let mut scene = Scene::with(true, Config::default(), limits);
    let mut peer = scene.open(path(1), 1);
    scene.move_to(&mut peer, path(2));
    let begins = |scene: &mut Scene, n| {
        let hello = toy::hello(9, &toy::cookie(path(n).remote), false);
        !scene.give(path(n), &hello).is_empty()
    };
    assert!(!begins(&mut scene, 2));
    assert!(begins(&mut scene, 1));
    // Two can be at one place nevertheless: the second counts where it was.
    let mut other = scene.open(path(3), 3);
    scene.move_to(&mut other, path(2));
    assert!(!begins(&mut scene, 3));
}

#[test]
fn an_unknown_id_is_tried_on_who_is_at_the_address_and_then_elsewhere() {
    let mut scene = Scene::new(true);
    let mut peer = scene.open(path(1), 1);
    let foreign = toy::record(Some([9, 9, 9, 9]), 5, Does::Carry, b"spare");
    let handled = |scene: &mut Scene, path, datagram: &[u8]| {
        scene.server.handle_datagram(scene.now, path, datagram)
    };
    // Tried: the toy does not take it, as it would be if the id was a spare one of the session.
    assert_eq!(handled(&mut scene, path(1), &foreign), Handled::Done);
    assert_eq!(handled(&mut scene, path(2), &foreign), Handled::Elsewhere);
    let says = peer.says(b"hello");
    assert_eq!(handled(&mut scene, path(2), &says), Handled::Done);
}

#[test]
fn a_peer_that_stays_is_asked_although_nothing_waits() {
    let mut scene = Scene::new(true);
    let mut peer = scene.open(path(1), 1);
    for _ in 0..2 {
        let says = peer.says(b"hello");
        scene.give(path(2), &says);
    }
    let wanted = |event: &Event| matches!(event, Event::ProofWanted { .. });
    assert!(!scene.events().iter().any(wanted));
    let says = peer.says(b"hello");
    scene.give(path(2), &says);
    let trial = scene.asked(peer.id());
    assert!(scene.server.confirm(scene.now, peer.id(), trial, path(2)));
    assert_eq!(scene.server.association(peer.id()).unwrap().path, path(2));
}
