//! What goes over an established link.

use super::*;

#[test]
fn stanzas_come_in_pieces() {
    let server = Server::new();
    let _program = Program::start(&server, "", quick());
    let mut peer = server.establish();
    peer.bring_up("a");
    for byte in request("get", "r1").chars() {
        peer.say(&byte.to_string());
    }
    peer.serve("a", "r1");
    // And many in one.
    let all: String = (0..50).map(|n| request("get", &format!("m{n}"))).collect();
    peer.say(&all);
    for n in 0..50 {
        let asked = peer.read_until("</iq>");
        assert!(asked.contains(&format!("id='m{n}'")), "{asked}");
    }
}

#[test]
fn half_a_stanza_is_none() {
    let server = Server::new();
    let program = Program::start(&server, "", quick());
    let mut peer = server.establish();
    peer.bring_up("a");
    let whole = request("get", "r1");
    peer.say(&whole[..whole.len() / 2]);
    drop(peer);
    let mut peer = server.establish();
    peer.read_until("type='probe'");
    assert_eq!(program.wait_for(|view| view.is_connected).pending, 0);
    // Nothing of it is left in the next stream.
    peer.say(&format!(
        "<presence from='bot@example.org/a' to='{DOMAIN}'/>"
    ));
    peer.say(&request("get", "r2"));
    peer.serve("a", "r2");
}

#[test]
fn a_huge_stanza_is_answered_and_the_link_stays() {
    let server = Server::new();
    let program = Program::start(&server, "max_stanza = 20000", quick());
    let mut peer = server.establish();
    peer.bring_up("a");
    let filler = "x".repeat(5_000_000);
    let huge = request("get", "h").replace("'/></iq>", &format!("'>{filler}</query></iq>"));
    peer.say(&huge);
    let answer = peer.read_until("</iq>");
    assert!(answer.contains("policy-violation"), "{answer}");
    assert!(answer.contains("id='h'"));
    peer.say(&request("get", "r1"));
    peer.serve("a", "r1");
    assert_eq!(
        program.wait_for(|view| view.pending == 0).counts.connects,
        1
    );
}

#[test]
fn what_is_no_stream_ends_the_link_with_words() {
    let server = Server::new();
    let program = Program::start(&server, "", quick());
    let mut peer = server.establish();
    peer.say("<!-- nothing -->");
    let last = peer.read_to_end();
    assert!(last.contains("<restricted-xml"), "{last}");
    assert!(last.ends_with("</stream:error></stream:stream>"), "{last}");
    drop(peer);
    server.establish();
    program.wait_for(|view| view.counts.connects == 2);
}

#[test]
fn the_end_of_a_stream_is_answered() {
    let server = Server::new();
    let _program = Program::start(&server, "", quick());
    let mut peer = server.establish();
    peer.say("</stream:stream>");
    assert!(peer.read_to_end().ends_with("</stream:stream>"));
    drop(peer);
    server.establish();
}

#[test]
fn a_server_that_does_not_read_is_not_read() {
    const EVERYTHING: usize = 1_000_000;
    let taken = pour(
        Duration::from_secs(3600),
        EVERYTHING,
        Duration::from_millis(300),
    );
    assert!(taken < EVERYTHING, "everything is taken");
    // Unless it may itself wait for us to read.
    let more = taken + 10_000;
    let taken_when_stuck = pour(Duration::from_millis(50), more, PATIENCE);
    assert_eq!(taken_when_stuck, more, "{taken}");
}

/// Has a server ask without reading, so often or until nothing is taken for this time, and then read all answers.
/// Answers how many requests were taken.
fn pour(stuck: Duration, most: usize, time: Duration) -> usize {
    let server = Server::new();
    let program = Program::start(&server, "", Pace { stuck, ..quick() });
    let mut peer = server.establish();
    let taken = peer.pour(&unanswered(), most, time);
    // It is there for everything else meanwhile.
    assert!(program.wait_for(|_| true).is_connected);
    peer.drain("</iq>", taken);
    taken
}

/// A request that is answered with an error: nobody is there.
fn unanswered() -> String {
    request("get", &"x".repeat(200))
}

/// Components that ask themselves whether the server is there.
fn asking(server: &Server, between_tests: Duration) -> Program {
    let pace = Pace {
        silence: Duration::from_millis(100),
        between_tests,
        ..quick()
    };
    Program::start(server, "", pace)
}

#[test]
fn silence_is_broken() {
    let server = Server::new();
    let program = asking(&server, Duration::from_secs(3600));
    let mut peer = server.establish();
    peer.read_until("</presence>");
    // What we ask ourselves comes back through the server.
    for _ in 0..3 {
        let test = peer.read_until("</iq>");
        let test = test.trim_start();
        assert!(test.contains("id='vestibule-alive-1'"), "{test}");
        assert!(test.contains(&format!("from='{DOMAIN}' to='{DOMAIN}'")));
        peer.say(test);
    }
    assert_eq!(program.views()[0].dropped.iter().sum::<u64>(), 0);
}

#[test]
fn a_dead_server_is_found() {
    let server = Server::new();
    let program = asking(&server, Duration::from_millis(50));
    let mut peer = server.establish();
    // Nothing comes back.
    let rest = peer.read_to_end();
    for n in 1..=3 {
        assert!(
            rest.contains(&format!("id='vestibule-alive-{n}'")),
            "{rest}"
        );
    }
    let view = program.wait_for(|view| view.reason.is_some());
    assert_eq!(
        view.reason.unwrap(),
        "nothing comes from the server any more"
    );
    server.accept();
}

#[test]
fn white_space_is_sent_where_nothing_else_is() {
    let server = Server::new();
    let pace = Pace {
        silence: Duration::from_secs(1),
        ..quick()
    };
    let _program = Program::start(&server, "", pace);
    let mut peer = server.establish();
    peer.read_until("</presence>");
    let (mut came, mut is_late) = (String::new(), false);
    let start = Instant::now();
    while came.matches(' ').count() < 2 {
        assert!(start.elapsed() < PATIENCE, "{came:?}");
        let round = Instant::now();
        peer.say(" ");
        came += &peer.read_for(Duration::from_millis(50));
        is_late |= round.elapsed() > Duration::from_millis(300);
    }
    // Who hears nothing for so long asks.
    assert!(is_late || came.bytes().all(|byte| byte == b' '), "{came:?}");
}
