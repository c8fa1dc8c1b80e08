//! Links that are lost and made again, and the end.

use super::*;

#[test]
fn gets_go_on_by_the_next_link_and_sets_are_told() {
    let mut lab = Lab::new(&["a"]);
    let get = lab.asked("get", "1");
    lab.asked("set", "2");
    lab.component.handle_lost(lab.now);
    assert_eq!(lab.pass(seconds(5)), [""; 0]);
    assert_eq!(lab.component.pending(), 2);
    lab.component.handle_established(lab.now);
    let sent: Vec<Sent> = lab.output().iter().map(|raw| read(raw)).collect();
    let kinds: Vec<&str> = sent.iter().map(|sent| &*sent.kind).collect();
    assert_eq!(kinds, ["probe", "", "error"]);
    assert_eq!(
        (&*sent[2].id, &*sent[2].condition),
        ("2", "remote-server-timeout")
    );
    // First it must be seen who is there.
    let again = one(&lab.comes("a", ""));
    assert_eq!(
        (&again.id, &again.to, &again.from),
        (&get.id, &get.to, &get.from)
    );
    assert_eq!(one(&lab.sends(&answer(&again, "result"))).to, USER);
    assert_eq!(lab.outcomes(), ["link_lost", "result"]);
    assert_eq!(lab.component.pending(), 0);
}

#[test]
fn who_is_not_seen_again_may_be_there_all_the_same() {
    let mut lab = Lab::new(&["a"]);
    lab.component.handle_lost(lab.now);
    lab.component.handle_established(lab.now);
    lab.output();
    // Not at once,
    assert_eq!(lab.asks("get", "1"), [""; 0]);
    // but it may have registered by directed presence, of which the new link knows nothing.
    let asked = one(&lab.pass(seconds(2)));
    assert_eq!(asked.to, "bot@b.example/a");
    // The server says that it is not.
    let back = one(&lab.sends(&bounce(&asked, "service-unavailable")));
    assert_eq!(
        (&*back.to, &*back.condition),
        (USER, "remote-server-timeout")
    );
    assert_eq!(lab.component.resources().count(), 0);
    assert_eq!(lab.asked("get", "2").condition, "recipient-unavailable");
}

#[test]
fn requests_wait_for_resources_that_come_back() {
    let mut lab = Lab::new(&["a"]);
    lab.component.handle_lost(lab.now);
    lab.component.handle_established(lab.now);
    lab.output();
    assert_eq!(lab.asks("set", "1"), [""; 0]);
    assert_eq!(lab.asks("get", "2"), [""; 0]);
    let sent = lab.comes("b", "");
    assert_eq!(sent.len(), 2);
    assert!(sent.iter().all(|raw| read(raw).to == "bot@b.example/b"));
}

#[test]
fn what_was_due_meanwhile_is_told_later() {
    let mut lab = Lab::new(&["a"]);
    lab.asked("get", "1");
    lab.component.handle_lost(lab.now);
    assert_eq!(lab.pass(seconds(100)), [""; 0]);
    assert_eq!(lab.component.pending(), 1);
    lab.component.handle_established(lab.now);
    let sent: Vec<Sent> = lab.output().iter().map(|raw| read(raw)).collect();
    assert_eq!(
        (&*sent[2].id, &*sent[2].condition),
        ("1", "remote-server-timeout")
    );
    assert_eq!(
        (lab.component.pending(), lab.outcomes()),
        (0, vec!["link_lost"])
    );
}

#[test]
fn nothing_is_sent_by_the_wrong_link() {
    let mut lab = Lab::new(&["a"]);
    let stanza = request(USER, DOMAIN, "get", "1");
    let stanza = Stanza::parse(&stanza).expect("a stanza");
    lab.component.handle_stanza(lab.now, &stanza);
    lab.component.handle_lost(lab.now);
    assert_eq!(lab.output(), [""; 0]);
}

#[test]
fn the_process_ends_when_all_are_answered() {
    let mut lab = Lab::new(&["a"]);
    let asked = lab.asked("get", "1");
    lab.asked("set", "2");
    lab.component.handle_leaving();
    assert_eq!(lab.asked("get", "3").condition, "remote-server-timeout");
    assert_eq!(one(&lab.sends(&answer(&asked, "result"))).id, "1");
    assert_eq!(lab.component.pending(), 1);
    lab.component.handle_stopped(lab.now);
    let sent: Vec<Sent> = lab.output().iter().map(|raw| read(raw)).collect();
    assert_eq!(
        (&*sent[0].id, &*sent[0].condition),
        ("2", "remote-server-timeout")
    );
    assert_eq!((&*sent[1].kind, &*sent[1].to), ("unavailable", TARGET));
    assert_eq!(lab.outcomes(), ["stopped", "result", "stopped"]);
    assert_eq!(lab.component.pending(), 0);
}
