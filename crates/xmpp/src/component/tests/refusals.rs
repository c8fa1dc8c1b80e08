//! What is refused, and what is dropped.

use super::*;

#[test]
fn nobody_answers_for_somebody_else() {
    let mut lab = Lab::new(&["a", "b"]);
    let asked = lab.asked("get", "1");
    let other = if asked.to.ends_with("/a") { "b" } else { "a" };
    let good = answer(&asked, "result");
    let token = asked.from.rsplit('/').next().expect("a token");
    let altered = good.replace(token, &format!("{}A", &token[..token.len() - 1]));
    let of_other_component = Tokens::new("q.example", &[Key::new([1; 32])])
        .make(TARGET, USER, "q.example")
        .expect("a token");
    let retired = Tokens::new(DOMAIN, &[Key::new([2; 32])])
        .make(TARGET, USER, DOMAIN)
        .expect("a token");
    for (stanza, reason) in [
        (
            good.replace(&asked.to, &format!("{TARGET}/{other}")),
            "not_asked",
        ),
        (good.replace(TARGET, "bot@evil.example"), "unwanted"),
        (good.replace("id='1'", "id='2'"), "unasked"),
        (good.replace(token, &retired), "retired_key"),
        (good.replace(token, "x"), "no_token"),
        (good.replace("to='p.example", "to='q.example"), "foreign_to"),
    ] {
        let before = lab.component.dropped;
        assert_eq!(lab.sends(&stanza), [""; 0], "{stanza}");
        let after = lab.drops();
        let counted = after.iter().find(|(name, _)| *name == reason);
        assert_eq!(
            counted.map(|(_, count)| *count),
            Some(1),
            "{reason}: {after:?}"
        );
        assert_eq!(
            before.iter().sum::<u64>() + 1,
            lab.component.dropped.iter().sum()
        );
    }
    for forged in [altered, good.replace(token, &of_other_component)] {
        assert_eq!(lab.sends(&forged), [""; 0]);
    }
    let forged = [Dropped::ForgedToken, Dropped::RetiredKey, Dropped::NoToken];
    let forged: u64 = forged.iter().map(|it| lab.component.dropped(*it)).sum();
    assert_eq!(forged, 4);
    // The right answer still comes through, once.
    assert_eq!(one(&lab.sends(&good)).to, USER);
    assert_eq!(lab.sends(&good), [""; 0]);
    assert_eq!(lab.component.dropped(Dropped::Late), 1);
}

#[test]
fn an_address_is_good_for_who_was_given_it_only() {
    let mut lab = Lab::new(&["a"]);
    let address = lab.asked("get", "1").from;
    let back = one(&lab.sends(&request("evil@a.example/x", &address, "get", "9")));
    assert_eq!(
        (back.kind.as_str(), back.condition.as_str()),
        ("error", "item-not-found")
    );
    assert_eq!(lab.outcomes(), ["foreign_token"]);
    // The target itself may not ask yet either, and a forged one is counted.
    let me = format!("{TARGET}/a");
    let back = one(&lab.sends(&request(&me, &address, "get", "9")));
    assert_eq!(back.condition, "feature-not-implemented");
    let forged = format!("{}A", &address[..address.len() - 1]);
    let back = one(&lab.sends(&request(&me, &forged, "get", "9")));
    assert_eq!(back.condition, "item-not-found");
    assert_eq!(lab.drops().len(), 1);
}

#[test]
fn requesters_are_chosen() {
    let list = |some: &[Requester]| some.to_vec();
    let domain = Requester::Domain("a.example".to_owned());
    let account = Requester::Account("user@a.example".to_owned());
    let full = Requester::Full(USER.to_owned());
    for (allow, deny, is_allowed) in [
        (list(&[]), list(&[]), true),
        (list(std::slice::from_ref(&domain)), list(&[]), true),
        (list(std::slice::from_ref(&account)), list(&[]), true),
        (list(std::slice::from_ref(&full)), list(&[]), true),
        (
            list(&[Requester::Domain("c.example".to_owned())]),
            list(&[]),
            false,
        ),
        (
            list(&[Requester::Account("other@a.example".to_owned())]),
            list(&[]),
            false,
        ),
        (list(std::slice::from_ref(&domain)), list(&[account]), false),
        (list(&[]), list(&[full]), false),
        (list(&[]), list(&[domain]), false),
    ] {
        let settings = Settings {
            allow,
            deny,
            ..settings()
        };
        let mut lab = Lab::with(settings, &["a"]);
        let sent = lab.asked("get", "1");
        match is_allowed {
            true => assert_eq!(sent.kind, "get"),
            false => assert_eq!(sent.condition, "forbidden"),
        }
    }
    // Who is one of us runs in a circle.
    let mut lab = Lab::new(&["a"]);
    let sent = one(&lab.sends(&request("p.example/x", DOMAIN, "get", "1")));
    assert_eq!(sent.condition, "forbidden");
}

#[test]
fn payloads_are_chosen() {
    let settings = Settings {
        namespaces: vec!["urn:x".to_owned()],
        ..settings()
    };
    let mut lab = Lab::with(settings, &["a"]);
    assert_eq!(lab.asked("get", "1").kind, "get");
    let other = request(USER, DOMAIN, "get", "2").replace("urn:x", "urn:y");
    assert_eq!(one(&lab.sends(&other)).condition, "service-unavailable");
    assert_eq!(lab.outcomes(), ["namespace"]);
}

#[test]
fn requesters_may_not_ask_too_often() {
    let settings = Settings {
        rate: Some(Rate {
            count: 2,
            per: seconds(1),
        }),
        ..settings()
    };
    let mut lab = Lab::with(settings, &["a"]);
    for (id, kind) in [("1", "get"), ("2", "get"), ("3", "error")] {
        assert_eq!(lab.asked("get", id).kind, kind);
    }
    // Another resource of the same account is the same requester, others are not.
    let sent = lab.sends(&request("user@a.example/x", DOMAIN, "get", "1"));
    assert_eq!(one(&sent).condition, "resource-constraint");
    assert_eq!(
        one(&lab.sends(&request("a@a.example/x", DOMAIN, "get", "1"))).kind,
        "get"
    );
    lab.pass(Duration::from_millis(600));
    assert_eq!(lab.asked("get", "4").kind, "get");
    assert_eq!(lab.asked("get", "5").kind, "error");
    assert_eq!(lab.outcomes(), ["rate_limited"; 3]);
}

#[test]
fn what_is_pending_is_bounded() {
    let settings = Settings {
        max_pending: 5,
        max_pending_per_requester: 3,
        ..settings()
    };
    let mut lab = Lab::with(settings, &["a"]);
    let asked: Vec<_> = (0..3).map(|i| lab.asked("get", &i.to_string())).collect();
    assert_eq!(lab.asked("get", "x").condition, "resource-constraint");
    for (i, kind) in [(0, "get"), (1, "get"), (2, "error")] {
        let other = format!("o{i}@a.example/x");
        assert_eq!(
            one(&lab.sends(&request(&other, DOMAIN, "get", "1"))).kind,
            kind
        );
    }
    lab.sends(&answer(&asked[0], "result"));
    assert_eq!(lab.asked("get", "y").kind, "get");
    assert_eq!(lab.component.pending(), 5);
}

#[test]
fn what_is_too_large_is_told() {
    let settings = Settings {
        max_stanza: 10_000,
        ..settings()
    };
    let mut lab = Lab::with(settings, &["a"]);
    let large = "x".repeat(9_900);
    let text = request(USER, DOMAIN, "get", "1").replace("<x ", &format!("<x l='{large}' "));
    let back = one(&lab.sends(&text));
    assert_eq!(
        (
            back.to.as_str(),
            back.kind.as_str(),
            back.condition.as_str()
        ),
        (USER, "error", "policy-violation")
    );
    // An answer.
    let asked = lab.asked("get", "2");
    let text = answer(&asked, "result").replace("yes", &"y".repeat(10_000));
    let back = one(&lab.sends(&text));
    assert_eq!(
        (back.id.as_str(), back.condition.as_str()),
        ("2", "policy-violation")
    );
    // What was too large to be read at all.
    let asked = lab.asked("get", "3");
    for (tag, id) in [
        (request(USER, DOMAIN, "set", "4"), "4"),
        (answer(&asked, "result"), "3"),
    ] {
        let stanza = Stanza::parse(&tag).expect("a stanza");
        lab.component.handle_too_large(lab.now, Some(&stanza));
        let back = one(&lab.output());
        assert_eq!(
            (back.id.as_str(), back.condition.as_str()),
            (id, "policy-violation")
        );
        assert_eq!(back.to, USER);
    }
    lab.component.handle_too_large(lab.now, None);
    assert_eq!(lab.drops(), [("too_large", 1)]);
    assert_eq!(
        (lab.outcomes(), lab.component.pending()),
        (vec!["stanza_too_large"; 4], 0)
    );
}

/// Nobody fills the memory or the log with names.
#[test]
fn names_are_bounded() {
    let settings = Settings {
        max_pending_bytes: 10_000,
        ..settings()
    };
    let mut lab = Lab::with(settings, &["a"]);
    let long = "é".repeat(2000);
    let text = request(USER, DOMAIN, "set", "1").replace("urn:x", &long);
    let asked = one(&lab.sends(&text));
    lab.sends(&answer(&asked, "result"));
    let Some(Event::Request(record)) = lab.events.pop() else {
        panic!("no record");
    };
    assert_eq!(record.namespace, "é".repeat(128));
    // An id as long as all that may be kept.
    let refused = lab.asked("set", &"i".repeat(10_000));
    assert_eq!(refused.condition, "resource-constraint");
    assert_eq!(lab.component.pending(), 0);
    assert_eq!(lab.asked("get", "2").kind, "get");
}

/// What was kept of a request is given back however it ends.
#[test]
fn room_is_given_back() {
    let settings = Settings {
        mode: Mode::Compat,
        max_pending_bytes: 10_000,
        ..settings()
    };
    let mut lab = Lab::with(settings, &["a", "b"]);
    let long = format!("user@a.example/{}", "r".repeat(1020));
    for id in 0..100 {
        let refused = one(&lab.sends(&request(&long, DOMAIN, "get", &id.to_string())));
        assert_eq!(refused.condition, "jid-malformed");
    }
    // There is room for another attempt.
    let asked = lab.asked("get", "1");
    let again = one(&lab.goes(asked.to.rsplit('/').next().expect("a resource")));
    assert_eq!((&*again.kind, again.to == asked.to), ("get", false));
}

/// Who fills the room for another attempt takes nobody's place: others are asked of one resource.
#[test]
fn what_is_kept_takes_nobodys_place() {
    let settings = Settings {
        max_pending_bytes: 3_000,
        ..settings()
    };
    let mut lab = Lab::with(settings, &["a", "b"]);
    let large = "x".repeat(2_500);
    let text = request(USER, DOMAIN, "get", "1").replace("<x ", &format!("<x l='{large}' "));
    let first = one(&lab.sends(&text));
    let second = one(&lab.sends(&text.replace("id='1'", "id='2'")));
    assert_eq!((&*first.kind, &*second.kind), ("get", "get"));
    for resource in ["a", "b"] {
        lab.goes(resource);
    }
    assert_eq!(lab.component.pending(), 0);
    assert_eq!(lab.outcomes(), ["resource_gone"; 2]);
    assert_eq!(lab.component.retries(), 1);
}
