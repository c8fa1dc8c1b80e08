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
    assert_eq!(lab.comes("a", ""), [""; 0]);
    let again = one(&lab.pass(Duration::from_millis(50)));
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
    let sent: Vec<Sent> = lab.pass(seconds(2)).iter().map(|raw| read(raw)).collect();
    let [asked, ping] = &sent[..] else {
        panic!("{sent:?}");
    };
    assert_eq!(
        (&*asked.to, &*ping.to),
        ("bot@b.example/a", "bot@b.example/a")
    );
    // The server says that it is not.
    let back = one(&lab.sends(&bounce(asked, "service-unavailable")));
    assert_eq!(
        (&*back.to, &*back.condition),
        (USER, "remote-server-timeout")
    );
    assert_eq!(lab.component.resources().count(), 0);
    assert_eq!(lab.asked("get", "2").condition, "recipient-unavailable");
}

#[test]
fn requests_wait_for_resources_that_come_back() {
    let round_robin = Settings {
        balance: Balance::RoundRobin,
        ..settings()
    };
    let mut lab = Lab::with(round_robin, &["a"]);
    lab.component.handle_lost(lab.now);
    lab.component.handle_established(lab.now);
    lab.output();
    assert_eq!(lab.asks("set", "1"), [""; 0]);
    assert_eq!(lab.asks("get", "2"), [""; 0]);
    lab.comes("b", "");
    lab.comes("c", "");
    let sent = lab.pass(Duration::from_millis(50));
    assert_eq!(sent.len(), 2);
    let to = |sent: &String| read(sent).to;
    assert!(to(&sent[0]) != to(&sent[1]) && sent.iter().all(|raw| to(raw) != "bot@b.example/a"));
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

/// A link that ends at once has seen nobody, which says nothing.
#[test]
fn links_that_flap_forget_nobody() {
    let mut lab = Lab::new(&["a"]);
    for _ in 0..5 {
        lab.component.handle_lost(lab.now);
        lab.component.handle_established(lab.now);
        lab.pass(Duration::from_millis(100));
    }
    assert_eq!(lab.component.resources().count(), 1);
    lab.pass(seconds(3));
    lab.component.handle_lost(lab.now);
    assert_eq!(lab.component.resources().count(), 0);
}

/// Who registers by directed presence is told when it is time to do so again; until then, what it
/// answers shows that it is there.
#[test]
fn directed_presence_outlives_links() {
    let mut lab = Lab::without_link(settings());
    lab.component.handle_established(lab.now);
    lab.comes("a", "");
    lab.component.handle_lost(lab.now);
    lab.component.handle_established(lab.now);
    let kinds: Vec<String> = lab.output().iter().map(|raw| read(raw).kind).collect();
    assert_eq!(kinds, ["subscribe", ""]);
    let ping = one(&lab.pass(seconds(3)));
    lab.sends(&answer(&ping, "result"));
    let asked = lab.asked("get", "2");
    let back = one(&lab.sends(&bounce(&asked, "service-unavailable")));
    assert_eq!((&*back.to, &*back.condition), (USER, "service-unavailable"));
    assert_eq!(lab.component.resources().count(), 1);
}

/// Whoever waits while there is no link is recorded, though it cannot be told.
#[test]
fn the_process_ends_without_a_link() {
    let mut lab = Lab::new(&["a"]);
    lab.asked("get", "1");
    lab.asked("set", "2");
    lab.component.handle_lost(lab.now);
    lab.component.handle_stopped(lab.now);
    assert_eq!(lab.output(), [""; 0]);
    assert_eq!(
        (lab.component.pending(), lab.outcomes()),
        (0, vec!["stopped"; 2])
    );
}
