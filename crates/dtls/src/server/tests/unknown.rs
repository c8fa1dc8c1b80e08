use super::*;

/// The record of an association that is gone.
fn lost(scene: &mut Scene) -> Vec<u8> {
    let mut peer = scene.open(path(1), 1);
    scene.server.close(scene.now, peer.id());
    scene.transmits();
    scene.events();
    peer.says(b"is anybody there")
}

#[test]
fn a_record_of_nobody_gets_an_alert_that_is_no_longer() {
    for with_id in [true, false] {
        let mut scene = Scene::new(with_id);
        let record = lost(&mut scene);
        let sent = scene.give(path(1), &record);
        assert_eq!(sent.len(), 1);
        assert_eq!(sent[0].path, path(1));
        assert_eq!(sent[0].bytes[..3], [21, 254, 253]);
        assert!(sent[0].bytes.len() <= record.len());
        let short = toy::plain(23, 1, 1, b"");
        assert!(scene.give(path(1), &short).is_empty());
    }
}

#[test]
fn alerts_are_few() {
    let mut scene = Scene::new(true);
    let record = lost(&mut scene);
    let sent: usize = (0..1000).map(|n| scene.give(path(n), &record).len()).sum();
    assert_eq!(sent, 50);
    scene.now += Duration::from_secs(1);
    assert_eq!(scene.give(path(1), &record).len(), 1);
    assert_eq!(scene.shared.counters.alerts.value(), 51);
    assert_eq!(scene.shared.counters.unknown.value(), 1001);
}

#[test]
fn alerts_can_be_switched_off() {
    let config = Config {
        answer_unknown: false,
        ..Config::default()
    };
    let mut scene = Scene::with(true, config, Limits::default());
    let record = lost(&mut scene);
    assert!(scene.give(path(1), &record).is_empty());
}

#[test]
fn alerts_and_handshake_records_are_never_answered() {
    let mut scene = Scene::new(true);
    let never = [
        toy::plain(21, 0, 0, &[2, 40]),
        toy::plain(21, 1, 0, &[0; 20]),
        toy::plain(22, 0, 0, &[2; 40]),
        toy::plain(20, 0, 0, &[1; 20]),
    ];
    for record in never {
        assert!(scene.give(path(1), &record).is_empty());
    }
}

#[test]
fn nonsense_is_dropped() {
    let mut scene = Scene::new(true);
    let nonsense: [&[u8]; 5] = [
        b"",
        b"\x16",
        b"GET / HTTP/1.1\r\n",
        &[0xff; 2000],
        &[22; 13],
    ];
    for datagram in nonsense {
        assert!(scene.give(path(1), datagram).is_empty());
    }
    assert!(scene.server.is_empty());
}

#[test]
fn long_messages_in_the_clear_do_not_reach_a_session() {
    let mut scene = Scene::new(true);
    scene.begin(path(1), 1);
    let mut message = vec![16, 0, 0, 1, 0, 2, 0, 0, 0, 0, 0, 1, 7];
    // A short one, and after it one that claims to be long.
    let long = [20, 2, 0, 0, 0, 3, 0, 0, 0, 0, 0, 1, 7];
    let before = scene.shared.counters.unknown.value();
    scene.give(path(1), &toy::plain(22, 0, 2, &message));
    assert_eq!(scene.shared.counters.unknown.value(), before);
    message.extend(long);
    scene.give(path(1), &toy::plain(22, 0, 3, &message));
    assert_eq!(scene.shared.counters.unknown.value(), before + 1);
}
