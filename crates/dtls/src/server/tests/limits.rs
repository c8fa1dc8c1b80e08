use super::*;
use crate::server::Refusal;

fn refused(scene: &Scene, refusal: Refusal) -> u64 {
    scene.shared.counters.refused[refusal as usize].value()
}

/// Tries to begin, and says whether that was let happen.
fn begins(scene: &mut Scene, path: Path, attempt: u8) -> bool {
    let before = scene.server.len();
    let hello = toy::hello(attempt, &toy::cookie(path.remote), false);
    scene.give(path, &hello);
    scene.server.len() > before
}

fn port(port: u16) -> Path {
    Path {
        remote: ([192, 0, 2, 1], port).into(),
        ..path(1)
    }
}

#[test]
fn half_open_in_all() {
    let limits = Limits {
        half_open: 5,
        ..Limits::default()
    };
    let mut scene = Scene::with(true, Config::default(), limits);
    for n in 0..5 {
        assert!(begins(&mut scene, path(n), n as u8));
    }
    assert!(!begins(&mut scene, path(5), 5));
    assert_eq!(refused(&scene, Refusal::HalfOpen), 1);
    let mut peer = Peer::of(&scene.server, path(0));
    let finish = peer.record(Does::Finish, b"");
    scene.give(path(0), &finish);
    assert!(begins(&mut scene, path(5), 5), "one is over");
    assert!(!begins(&mut scene, path(6), 6));
    scene.pass(Duration::from_secs(61));
    assert!(begins(&mut scene, path(6), 6), "they took too long");
}

#[test]
fn half_open_per_source() {
    let limits = Limits {
        half_open_per_source: 2,
        ..Limits::default()
    };
    let mut scene = Scene::with(true, Config::default(), limits);
    assert!(begins(&mut scene, port(1), 1));
    assert!(begins(&mut scene, port(2), 2));
    assert!(!begins(&mut scene, port(3), 3));
    assert!(begins(&mut scene, path(9), 4), "others may");
    assert_eq!(refused(&scene, Refusal::HalfOpenOfSource), 1);
}

#[test]
fn associations_in_all_and_per_source() {
    let limits = Limits {
        associations: 4,
        associations_per_source: 2,
        ..Limits::default()
    };
    let mut scene = Scene::with(true, Config::default(), limits);
    scene.open(port(1), 1);
    let second = scene.open(port(2), 2);
    assert!(!begins(&mut scene, port(3), 3));
    assert_eq!(refused(&scene, Refusal::AssociationsOfSource), 1);
    scene.open(path(1), 4);
    scene.open(path(2), 5);
    assert!(!begins(&mut scene, path(3), 6));
    assert_eq!(refused(&scene, Refusal::Associations), 1);
    scene.server.close(scene.now, second.id());
    assert!(begins(&mut scene, path(3), 3));
}

#[test]
fn handshakes_per_minute() {
    let limits = Limits {
        handshakes_per_minute: 60,
        handshake_burst: 3,
        ..Limits::default()
    };
    let mut scene = Scene::with(true, Config::default(), limits);
    for n in 1..=3 {
        scene.open(port(n), n as u8);
    }
    assert!(!begins(&mut scene, port(4), 4));
    assert_eq!(refused(&scene, Refusal::Rate), 1);
    scene.pass(Duration::from_millis(999));
    assert!(!begins(&mut scene, port(4), 4));
    scene.pass(Duration::from_millis(1));
    assert!(begins(&mut scene, port(4), 4));
    assert!(!begins(&mut scene, port(5), 5));
    scene.pass(Duration::from_secs(3600));
    for n in 10..13 {
        assert!(begins(&mut scene, port(n), n as u8));
    }
    assert!(!begins(&mut scene, port(13), 13), "no more than a burst");
}

#[test]
fn a_stranger_cannot_use_up_the_rate_of_somebody_else() {
    let limits = Limits {
        handshake_burst: 1,
        handshakes_per_minute: 1,
        ..Limits::default()
    };
    let mut scene = Scene::with(true, Config::default(), limits);
    for n in 0..100 {
        scene.give(port(1), &toy::hello(n, &[], false));
        scene.give(port(1), &toy::hello(n, &[1; 8], false));
    }
    scene.open(port(1), 200);
}

#[test]
fn an_ipv6_source_is_a_network_of_64_bits() {
    let limits = Limits {
        associations_per_source: 1,
        ..Limits::default()
    };
    let mut scene = Scene::with(true, Config::default(), limits);
    let at = |address: &str| Path {
        remote: address.parse().unwrap(),
        ..path(1)
    };
    assert!(begins(&mut scene, at("[2001:db8::1]:1"), 1));
    assert!(!begins(&mut scene, at("[2001:db8::ffff:1]:1"), 2));
    assert!(begins(&mut scene, at("[2001:db8:0:1::1]:1"), 3));
    assert!(begins(&mut scene, at("[::ffff:192.0.2.77]:1"), 4));
    assert!(!begins(&mut scene, at("192.0.2.77:1"), 5));
}

#[test]
fn workers_count_together() {
    let limits = Limits {
        associations: 1,
        ..Limits::default()
    };
    let mut scene = Scene::with(true, Config::default(), limits);
    let accept = ToyAccept {
        with_id: true,
        made: 0,
    };
    let mut other = Server::new(
        Arc::new(Config::default()),
        scene.shared.clone(),
        Box::new(accept),
        8,
        [2; 32],
    );
    scene.open(path(1), 1);
    let hello = toy::hello(2, &toy::cookie(path(2).remote), false);
    other.handle_stray(scene.now, path(2), &hello);
    assert!(other.is_empty());
    drop(scene.server);
    other.handle_stray(scene.now, path(2), &hello);
    assert_eq!(other.len(), 1);
}

#[test]
fn a_worker_is_found_by_id_and_else_by_address() {
    let shared = Shared::new(Limits::default());
    let by_id = |worker| toy::record(Some([worker, 1, 2, 3]), 1, Does::Carry, b"x");
    for worker in 0..4 {
        let found = shared.worker_of(&by_id(worker), path(1).remote, 4);
        assert_eq!(found, usize::from(worker));
    }
    let home = shared.worker_of_address(path(1).remote, 4);
    assert_eq!(shared.worker_of(&by_id(4), path(1).remote, 4), home);
    assert_eq!(shared.worker_of(b"", path(1).remote, 4), home);
    let hello = toy::hello(1, &[], false);
    assert_eq!(shared.worker_of(&hello, path(1).remote, 4), home);
    let mut used = [0; 4];
    for n in 0..1000 {
        used[shared.worker_of_address(path(n).remote, 4)] += 1;
    }
    assert!(used.iter().all(|&count| count > 150), "{used:?}");
}

#[test]
fn one_source_cannot_fill_the_whole() {
    let limits = Limits {
        half_open: 100,
        half_open_per_source: 50,
        ..Limits::default()
    };
    let mut scene = Scene::with(true, Config::default(), limits);
    let mut begun = 0;
    for source in 0..10 {
        for n in 0..60 {
            let remote = ([192, 0, 2, source], 1000 + n).into();
            let path = Path { remote, ..path(1) };
            begun += usize::from(begins(&mut scene, path, n as u8));
        }
    }
    assert!((80..100).contains(&begun), "{begun}");
    // There is still room for others.
    assert!(begins(&mut scene, path(700), 1));
}

#[test]
fn credit_is_earned_however_often_it_is_asked_for() {
    let limits = Limits {
        handshakes_per_minute: 1,
        handshake_burst: 1,
        ..Limits::default()
    };
    let mut scene = Scene::with(true, Config::default(), limits);
    scene.open(port(1), 1);
    let wrong = toy::hello(2, &[1; 8], false);
    for _ in 0..59_999 {
        scene.now += Duration::from_millis(1);
        scene.give(port(2), &wrong);
    }
    assert!(!begins(&mut scene, port(3), 3));
    scene.now += Duration::from_millis(1);
    assert!(begins(&mut scene, port(3), 3));
}

#[test]
fn at_the_end_those_who_are_there_go_on() {
    let mut scene = Scene::new(true);
    let mut open = scene.open(path(1), 1);
    assert!(begins(&mut scene, path(2), 2));
    let mut half = Peer::of(&scene.server, path(2));
    let cookies = scene.shared.counters.cookies.value();
    scene.shared.refuse_handshakes();
    // Neither who is here for the first time nor who returns a cookie or has a ticket is answered.
    for hello in [
        toy::hello(3, &[], false),
        toy::hello(3, &toy::cookie(path(3).remote), false),
        toy::hello(3, &[], true),
    ] {
        assert!(scene.give(path(3), &hello).is_empty());
        assert_eq!(scene.server.len(), 2);
    }
    assert_eq!(refused(&scene, Refusal::Ending), 3);
    assert_eq!(scene.shared.counters.cookies.value(), cookies);
    let finish = half.record(Does::Finish, b"");
    scene.give(path(2), &finish);
    assert!(matches!(scene.events()[..], [Event::Opened { .. }]));
    let says = open.says(b"still here");
    scene.give(path(1), &says);
    assert_eq!(received(&scene.events()), [(path(1), &b"still here"[..])]);
    // Whoever comes after counts on, and takes them.
    let shared = scene.shared.succeeding(Limits::default());
    assert_eq!(shared.counters.refused[Refusal::Ending as usize].value(), 3);
    assert!(shared.may_look().is_ok());
    assert_eq!(shared.present(), (0, 0));
}

#[test]
fn who_moves_about_leaves_nothing_behind() {
    let mut scene = Scene::new(true);
    let mut peer = scene.open(path(0), 1);
    scene.pass(Duration::from_secs(60));
    for n in 1..400 {
        scene.move_to(&mut peer, path(n));
        scene.now += Duration::from_secs(1);
    }
    assert!(scene.shared.sources() <= 2, "{}", scene.shared.sources());
}
