//! How links are made, and made again.

use super::*;

#[test]
fn a_request_goes_round() {
    let server = Server::new();
    let program = Program::start(&server, "", quick());
    let mut peer = server.establish();
    peer.bring_up("a");
    peer.say(&request("get", "r1"));
    peer.serve("a", "r1");
    let view = program.wait_for(|view| view.counts.outcomes[0] == 1);
    assert!(view.is_connected);
    assert_eq!(view.line(), "component proxy.example: connected");
    assert_eq!((view.pending, view.counts.connects), (0, 1));
    assert_eq!(view.counts.durations.iter().sum::<u64>(), 1);
    assert_eq!(view.resources[0].jid, "bot@example.org/a");
    assert_eq!(view.targets[0].subscription.name(), "subscribed");
    let records = program.finish();
    assert_eq!(records[0]["event"], "component_request");
    assert_eq!(records[0]["component"], DOMAIN);
    assert_eq!(records[0]["outcome"], "result");
    assert_eq!(records[0]["resource"], "bot@example.org/a");
}

#[test]
fn a_wrong_secret_is_told_and_tried_again() {
    let server = Server::new();
    let program = Program::start(&server, "secret = 'wrong'", quick());
    for _ in 0..3 {
        let mut peer = server.accept();
        peer.shake_hands("wrong");
        peer.fail("not-authorized");
        let view = program.wait_for(|view| view.reason.is_some());
        assert_eq!(
            view.line(),
            "component proxy.example: connecting: the server says not-authorized"
        );
        assert_eq!(view.counts.connects, 0);
    }
}

#[test]
fn a_conflict_is_told() {
    let server = Server::new();
    let program = Program::start(&server, "", quick());
    let mut peer = server.accept();
    peer.shake_hands(SECRET);
    peer.fail("conflict");
    let view = program.wait_for(|view| view.reason.is_some());
    assert_eq!(view.reason.unwrap(), "the server says conflict");
    // Somebody else has taken the place of an established link.
    let peer = server.establish();
    program.wait_for(|view| view.is_connected);
    peer.fail("conflict");
    program.wait_for(|view| !view.is_connected);
    server.establish();
}

#[test]
fn a_server_that_comes_later_is_found() {
    let server = Server::at(ALONE);
    let (address, text) = (server.address(), component(DOMAIN, &server, ""));
    drop(server);
    let program = Program::idle(quick());
    program.apply(&text);
    let view = program.wait_for(|view| view.reason.is_some());
    assert!(view.reason.unwrap().contains("refused"));
    let server = Server::at(&address);
    server.establish();
    program.wait_for(|view| view.is_connected || view.counts.connects > 0);
}

#[test]
fn waits_grow() {
    let server = Server::new();
    let pace = Pace {
        first_wait: Duration::from_millis(100),
        longest_wait: Duration::from_millis(400),
        ..quick()
    };
    let _program = Program::start(&server, "", pace);
    let start = Instant::now();
    for _ in 0..5 {
        drop(server.accept());
    }
    // 100, 200, 400 and 400 ms, each up to a quarter less.
    let took = start.elapsed();
    assert!(took >= Duration::from_millis(825), "{took:?}");
}

#[test]
fn a_lost_link_is_made_again_at_once() {
    let server = Server::new();
    let pace = Pace {
        first_wait: Duration::from_secs(3600),
        ..Pace::default()
    };
    let program = Program::start(&server, "", pace);
    let mut peer = server.establish();
    peer.bring_up("a");
    peer.say(&request("get", "r1"));
    peer.read_until("</iq>");
    drop(peer);
    let mut peer = server.establish();
    // The approval is remembered: the resources are asked for, and the request waits for them.
    peer.read_until("type='probe'");
    peer.say(&format!(
        "<presence from='bot@example.org/b' to='{DOMAIN}'/>"
    ));
    peer.serve("b", "r1");
    let view = program.wait_for(|view| view.pending == 0);
    assert_eq!(view.counts.connects, 2);
}

#[test]
fn a_server_that_says_nothing_is_given_up() {
    let server = Server::new();
    let pace = Pace {
        handshake: Duration::from_millis(100),
        ..quick()
    };
    let program = Program::start(&server, "", pace);
    let mut silent = server.accept();
    silent.read_to_end();
    let view = program.wait_for(|view| view.reason.is_some());
    assert!(
        view.reason
            .unwrap()
            .contains("has not answered the handshake")
    );
    // There may be no time to be established.
    server.accept();
}

#[test]
fn several_components_have_links_of_their_own() {
    let (one, other) = (Server::new(), Server::new());
    let program = Program::idle(quick());
    let text = component(DOMAIN, &one, "") + &component("other.example", &other, "");
    program.apply(&text);
    let _first = one.establish();
    drop(other.accept());
    let _second = other.establish();
    let start = Instant::now();
    while !program.views().iter().all(|view| view.is_connected) {
        assert!(start.elapsed() < PATIENCE);
    }
    let domains: Vec<_> = program
        .views()
        .into_iter()
        .map(|view| view.domain)
        .collect();
    assert_eq!(domains, [DOMAIN, "other.example"]);
}

#[test]
fn unix_sockets_are_connected_to() {
    let program = Program::idle(quick());
    let path = program.path("server");
    let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
    let server = Server::new();
    let text = component(DOMAIN, &server, "");
    let path = format!("unix:{}", path.display());
    program.apply(&text.replace(&server.address(), &path));
    let (mut stream, _) = listener.accept().unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut start = [0; 21];
    std::io::Read::read_exact(&mut stream, &mut start).unwrap();
    assert_eq!(&start, b"<?xml version='1.0'?>");
}
