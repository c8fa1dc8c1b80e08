//! How components leave.

use super::*;

#[test]
fn who_owes_nothing_leaves_at_once() {
    let server = Server::new();
    let program = Program::start(&server, "", quick());
    let mut peer = server.establish();
    program.wait_for(|view| view.is_connected);
    let left = program.leave(Duration::from_secs(60));
    assert!(peer.read_to_end().ends_with("</stream:stream>"));
    drop(peer);
    left.blocking_recv().unwrap();
    program.finish();
}

#[test]
fn pending_requests_are_answered_before_the_end() {
    let server = Server::new();
    let program = Program::start(&server, "", quick());
    let mut peer = server.establish();
    peer.bring_up("a");
    peer.say(&request("get", "r1"));
    program.wait_for(|view| view.pending == 1);
    let left = program.leave(Duration::from_secs(60));
    peer.serve("a", "r1");
    assert!(peer.read_to_end().ends_with("</stream:stream>"));
    drop(peer);
    left.blocking_recv().unwrap();
    let records = program.finish();
    assert_eq!(records[0]["outcome"], "result");
}

#[test]
fn what_is_still_pending_at_the_end_is_told_so() {
    let server = Server::new();
    let program = Program::start(&server, "", quick());
    let mut peer = server.establish();
    peer.bring_up("a");
    peer.say(&request("set", "r1"));
    peer.read_until("</iq>");
    let first = program.leave(Duration::from_secs(3600));
    program.views();
    // What comes now is refused.
    peer.say(&request("get", "r2"));
    let refused = peer.read_until("</iq>");
    assert!(
        refused.contains("type='error'") && refused.contains("id='r2'"),
        "{refused}"
    );
    let start = Instant::now();
    let left = program.leave(Duration::from_millis(200));
    let answer = peer.read_until("</iq>");
    assert!(
        answer.contains("type='error'") && answer.contains("id='r1'"),
        "{answer}"
    );
    assert!(start.elapsed() >= Duration::from_millis(200));
    assert!(peer.read_to_end().ends_with("</stream:stream>"));
    drop(peer);
    first.blocking_recv().unwrap();
    left.blocking_recv().unwrap();
    let records = program.finish();
    assert_eq!(records.len(), 2);
}

#[test]
fn less_time_can_be_given_later() {
    let server = Server::new();
    let program = Program::start(&server, "", quick());
    let mut peer = server.establish();
    peer.bring_up("a");
    peer.say(&request("get", "r1"));
    peer.read_until("</iq>");
    let first = program.leave(Duration::from_secs(3600));
    let second = program.leave(Duration::ZERO);
    assert!(peer.read_to_end().ends_with("</stream:stream>"));
    drop(peer);
    first.blocking_recv().unwrap();
    second.blocking_recv().unwrap();
}

#[test]
fn a_server_that_does_not_close_is_not_waited_for() {
    let server = Server::new();
    let pace = Pace {
        farewell: Duration::from_millis(100),
        ..quick()
    };
    let program = Program::start(&server, "", pace);
    let peer = server.establish();
    program.wait_for(|view| view.is_connected);
    program
        .leave(Duration::from_secs(60))
        .blocking_recv()
        .unwrap();
    drop(peer);
}

#[test]
fn who_is_not_connected_leaves_at_once() {
    let server = Server::at(ALONE);
    let text = component(DOMAIN, &server, "");
    drop(server);
    let program = Program::idle(Pace::default());
    program.apply(&text);
    program.wait_for(|view| view.reason.is_some());
    program
        .leave(Duration::from_secs(60))
        .blocking_recv()
        .unwrap();
    // And one that is in the middle of its handshake.
    let server = Server::new();
    let program = Program::start(&server, "", Pace::default());
    let _peer = server.accept();
    program
        .leave(Duration::from_secs(60))
        .blocking_recv()
        .unwrap();
}

/// Nobody could be told anything; the records say how it was.
#[test]
fn what_is_pending_without_a_link_is_not_waited_for() {
    let server = Server::new();
    let program = Program::start(&server, "", quick());
    let mut peer = server.establish();
    peer.bring_up("a");
    peer.say(&request("set", "r1"));
    peer.say(&request("get", "r2"));
    program.wait_for(|view| view.pending == 2);
    drop(peer);
    drop(server);
    program.wait_for(|view| !view.is_connected);
    let start = Instant::now();
    let left = program.leave(Duration::from_secs(60));
    left.blocking_recv().unwrap();
    assert!(start.elapsed() < Duration::from_secs(50));
    let records = program.finish();
    assert_eq!(records.len(), 2);
    for record in records {
        assert_eq!(record["outcome"], "stopped");
        assert!(record["resource"].is_string(), "{record}");
    }
}
