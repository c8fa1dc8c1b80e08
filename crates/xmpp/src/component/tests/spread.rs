//! Policies.

use std::collections::HashMap;

use super::*;

/// How often each resource is asked, of this many requests that are answered at once.
fn spread(lab: &mut Lab, requests: usize) -> HashMap<String, usize> {
    let mut seen = HashMap::new();
    for id in 0..requests {
        let asked = lab.asked("get", &format!("s{id}"));
        lab.sends(&answer(&asked, "result"));
        *seen.entry(asked.to).or_default() += 1;
    }
    seen
}

fn with(balance: Balance, resources: &[&str]) -> Lab {
    let settings = Settings {
        balance,
        ..settings()
    };
    Lab::with(settings, resources)
}

#[test]
fn at_random() {
    let seen = spread(&mut with(Balance::Random, &["a", "b", "c"]), 600);
    assert!(
        seen.len() == 3 && seen.values().all(|count| (140..260).contains(count)),
        "{seen:?}"
    );
}

#[test]
fn one_after_the_other() {
    let mut lab = with(Balance::RoundRobin, &["c", "a", "b"]);
    let seen = spread(&mut lab, 30);
    assert!(
        seen.len() == 3 && seen.values().all(|count| *count == 10),
        "{seen:?}"
    );
    // Also when some come and go.
    lab.goes("b");
    lab.comes("d", "");
    let seen = spread(&mut lab, 30);
    assert!(
        seen.len() == 3 && seen.values().all(|count| *count == 10),
        "{seen:?}"
    );
}

#[test]
fn who_has_least_to_do() {
    let mut lab = with(Balance::LeastOutstanding, &["a", "b", "c"]);
    let asked: Vec<Sent> = (0..30)
        .map(|id| lab.asked("get", &id.to_string()))
        .collect();
    let of =
        |lab: &Lab| -> Vec<usize> { lab.component.resources().map(|it| it.outstanding).collect() };
    assert_eq!(of(&lab), [10, 10, 10]);
    for asked in asked.iter().filter(|asked| asked.to.ends_with("/b")) {
        lab.sends(&answer(asked, "result"));
    }
    for id in 0..5 {
        assert!(lab.asked("get", &format!("n{id}")).to.ends_with("/b"));
    }
    assert_eq!(of(&lab), [10, 5, 10]);
}

#[test]
fn by_priority() {
    let mut lab = with(Balance::Priority, &["a"]);
    lab.comes("b", "<priority>5</priority>");
    lab.comes("c", "<priority>5</priority>");
    let seen = spread(&mut lab, 20);
    assert_eq!(seen.get("bot@b.example/b"), Some(&10), "{seen:?}");
    assert_eq!(seen.get("bot@b.example/c"), Some(&10));
    lab.goes("b");
    lab.goes("c");
    assert_eq!(spread(&mut lab, 5).get("bot@b.example/a"), Some(&5));
}

#[test]
fn the_same_for_the_same() {
    for policy_key in [PolicyKey::Full, PolicyKey::Bare] {
        let settings = Settings {
            balance: Balance::Sticky,
            policy_key,
            ..settings()
        };
        let mut lab = Lab::with(settings, &["a", "b", "c", "d"]);
        let ask = |lab: &mut Lab, user: usize, resource: usize| {
            let from = format!("user{user}@a.example/{resource}");
            let asked = one(&lab.sends(&request(&from, DOMAIN, "get", "1")));
            lab.sends(&answer(&asked, "result"));
            asked.to
        };
        let before: Vec<String> = (0..40).map(|user| ask(&mut lab, user, 0)).collect();
        let again: Vec<String> = (0..40).map(|user| ask(&mut lab, user, 0)).collect();
        assert_eq!(before, again);
        let others: Vec<String> = (0..40).map(|user| ask(&mut lab, user, 1)).collect();
        assert_eq!(before == others, policy_key == PolicyKey::Bare);
        let resources: std::collections::HashSet<&String> = before.iter().collect();
        assert_eq!(resources.len(), 4);
        // Who leaves takes only its own requesters along.
        lab.goes("b");
        for (user, was) in before.iter().enumerate() {
            let is = ask(&mut lab, user, 0);
            assert_eq!(&is == was, !was.ends_with("/b"), "{user}");
        }
    }
}

/// A dialogue stays where it was begun (XEP-0050 section 3.4).
#[test]
fn sessions_stay_where_they_are() {
    let command = |session: &str| {
        format!(
            "<iq type='set' id='1' from='{USER}' to='{DOMAIN}'>\
             <command xmlns='http://jabber.org/protocol/commands' node='n' {session}/></iq>"
        )
    };
    let mut lab = Lab::new(&["a", "b", "c", "d"]);
    let mut homes = HashMap::new();
    for session in 0..20 {
        let asked = one(&lab.sends(&command("")));
        lab.sends(&format!(
            "<iq type='result' id='1' from='{}' to='{}'><command \
             xmlns='http://jabber.org/protocol/commands' sessionid='s{session}' status='executing'/></iq>",
            asked.to, asked.from
        ));
        homes.insert(session, asked.to);
    }
    for (session, home) in &homes {
        for _ in 0..3 {
            let asked = one(&lab.sends(&command(&format!("sessionid='s{session}'"))));
            assert_eq!(&asked.to, home);
            lab.sends(&answer(&asked, "result"));
        }
        // Also where nothing new is begun.
        lab.comes(
            home.rsplit('/').next().expect("a resource"),
            "<show>dnd</show>",
        );
        let asked = one(&lab.sends(&command(&format!("sessionid='s{session}'"))));
        assert_eq!(&asked.to, home);
        lab.sends(&answer(&asked, "result"));
        lab.comes(home.rsplit('/').next().expect("a resource"), "");
    }
    // Who wants nothing at all is left alone.
    let home = homes[&1].clone();
    lab.comes(
        home.rsplit('/').next().expect("a resource"),
        "<priority>-1</priority>",
    );
    let asked = one(&lab.sends(&command("sessionid='s1'")));
    assert_ne!(asked.to, home);
    lab.sends(&answer(&asked, "result"));
    lab.comes(home.rsplit('/').next().expect("a resource"), "");
    // Another requester's session of the same name is another one.
    let other = command("sessionid='s1'").replace("user@", "other@");
    let seen: std::collections::HashSet<String> =
        (0..1).map(|_| one(&lab.sends(&other)).to).collect();
    assert_eq!(seen.len(), 1);
    // Who is gone has no sessions: somebody else says so.
    lab.goes(homes[&0].rsplit('/').next().expect("a resource"));
    let asked = one(&lab.sends(&command("sessionid='s0'")));
    assert_ne!(asked.to, homes[&0]);
}
