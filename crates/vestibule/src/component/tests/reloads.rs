//! What a reload does to links.

use std::os::unix::fs::PermissionsExt;

use super::*;

#[test]
fn an_unchanged_component_keeps_its_link() {
    let server = Server::new();
    let program = Program::start(&server, "", quick());
    let mut peer = server.establish();
    peer.bring_up("a");
    program.apply(&component(DOMAIN, &server, ""));
    // So does one with other settings.
    program.apply(&component(DOMAIN, &server, "deny = ['user@example.org']"));
    program.views();
    peer.say(&request("get", "r1"));
    let answer = peer.read_until("</iq>");
    assert!(answer.contains("forbidden"), "{answer}");
    program.apply(&component(DOMAIN, &server, "secret = 'new'"));
    program.views();
    peer.say(&request("get", "r2"));
    peer.serve("a", "r2");
    assert_eq!(program.wait_for(|_| true).counts.connects, 1);
    // The next link has the new secret.
    drop(peer);
    server.accept().shake_hands("new");
}

#[test]
fn a_component_moves_to_another_server() {
    let (old, new) = (Server::new(), Server::new());
    let program = Program::start(&old, "", quick());
    let mut peer = old.establish();
    program.wait_for(|view| view.is_connected);
    program.apply(&component(DOMAIN, &new, ""));
    assert!(peer.read_to_end().ends_with("</stream:stream>"));
    drop(peer);
    let _peer = new.establish();
    let view = program.wait_for(|view| view.is_connected);
    assert_eq!((view.server, view.counts.connects), (new.address(), 2));
}

#[test]
fn a_reload_makes_the_next_attempt_at_once() {
    let server = Server::new();
    let pace = Pace {
        first_wait: Duration::from_secs(3600),
        longest_wait: Duration::from_secs(3600),
        ..Pace::default()
    };
    let program = Program::start(&server, "secret = 'wrong'", pace);
    let mut peer = server.accept();
    peer.shake_hands("wrong");
    peer.fail("not-authorized");
    program.wait_for(|view| view.reason.is_some());
    program.apply(&component(DOMAIN, &server, ""));
    let _peer = server.establish();
    program.wait_for(|view| view.is_connected);
}

#[test]
fn a_component_that_is_gone_answers_what_it_owes() {
    let server = Server::new();
    let program = Program::start(&server, "", quick());
    let mut peer = server.establish();
    peer.bring_up("a");
    peer.say(&request("get", "r1"));
    peer.read_until("</iq>");
    program.apply(&component("other.example", &server, ""));
    assert_eq!(program.views()[0].domain, "other.example");
    let answer = peer.read_until("</iq>");
    assert!(
        answer.contains("type='error'") && answer.contains("id='r1'"),
        "{answer}"
    );
    assert!(peer.read_to_end().ends_with("</stream:stream>"));
}

#[test]
fn a_component_that_comes_back_begins_when_it_has_left() {
    let server = Server::new();
    let program = Program::start(&server, "", quick());
    let mut peer = server.establish();
    peer.bring_up("a");
    peer.say(&request("get", "r1"));
    peer.read_until("</iq>");
    let long = Duration::from_secs(3600);
    program.apply_draining(&component("other.example", &Server::new(), ""), long);
    program.apply(&component(DOMAIN, &server, ""));
    // Not beside each other: the server would say conflict.
    let early = server.accept_within(Duration::from_millis(50));
    assert!(early.is_none());
    peer.say(&format!(
        "<iq type='result' id='r1' from='bot@example.org/a' to='{DOMAIN}/user@example.org/x'/>"
    ));
    assert!(peer.read_to_end().ends_with("</stream:stream>"));
    drop(peer);
    server.establish();
}

#[test]
fn keys_are_made_and_read_again() {
    let server = Server::new();
    let program = Program::idle(quick());
    let text = component(DOMAIN, &server, "jat = { key_file = 'b.key' }");
    let specs = program.specs(&text);
    assert_eq!(
        create_missing_keys(&specs).unwrap(),
        [program.path("b.key")]
    );
    assert_eq!(create_missing_keys(&specs).unwrap(), [] as [PathBuf; 0]);
    let made = fs::metadata(program.path("b.key")).unwrap();
    assert_eq!(made.permissions().mode() & 0o777, 0o600);
    let key = fs::read_to_string(program.path("b.key")).unwrap();
    program.apply(&text);
    let mut peer = server.establish();
    peer.bring_up("a");
    peer.say(&request("get", "r1"));
    let asked = peer.read_until("</iq>");
    // A new key, and the old one is not accepted any more: neither is its token.
    fs::write(program.path("b.key"), "ab".repeat(32)).unwrap();
    program.apply(&text);
    program.views();
    let token = asked.split("from='").nth(1).unwrap();
    let token = token.split('\'').next().unwrap();
    peer.say(&format!(
        "<iq type='result' id='r1' from='bot@example.org/a' to='{token}'/>"
    ));
    program.wait_for(|view| view.dropped.iter().sum::<u64>() == 1);
    assert_ne!(fs::read_to_string(program.path("b.key")).unwrap(), key);
}

#[test]
fn keys_that_cannot_be_made_are_told() {
    let program = Program::idle(quick());
    let keys = "jat = { key_file = 'no/such/directory/b.key' }";
    let specs = program.specs(&component(DOMAIN, &Server::new(), keys));
    let error = create_missing_keys(&specs).unwrap_err();
    assert!(error.contains("component \"proxy.example\""), "{error}");
    assert!(error.contains("no/such/directory/b.key"), "{error}");
}
