//! Resources that do not answer.

use super::*;

fn resource(asked: &Sent) -> &str {
    asked.to.rsplit('/').next().expect("a resource")
}

#[test]
fn a_get_goes_on_when_its_resource_leaves() {
    let mut lab = Lab::new(&["a", "b"]);
    let first = lab.asked("get", "1");
    let second = one(&lab.goes(resource(&first)));
    assert_ne!(first.to, second.to);
    assert_eq!((&first.from, &first.id), (&second.from, &second.id));
    // The first one, late, as far as anything of it comes.
    assert_eq!(lab.sends(&answer(&first, "result")), [""; 0]);
    assert_eq!(lab.drops(), [("late", 1)]);
    let back = one(&lab.sends(&answer(&second, "result")));
    assert_eq!((&*back.to, &*back.kind), (USER, "result"));
    assert_eq!((lab.component.retries(), lab.component.pending()), (1, 0));
}

#[test]
fn a_set_ends_when_its_resource_leaves() {
    let mut lab = Lab::new(&["a", "b"]);
    let asked = lab.asked("set", "1");
    let back = one(&lab.goes(resource(&asked)));
    assert_eq!(
        (&*back.to, &*back.condition),
        (USER, "remote-server-timeout")
    );
    assert!(back.raw.contains("not known"), "{}", back.raw);
    assert_eq!(lab.outcomes(), ["resource_gone"]);
    assert_eq!(lab.component.pending(), 0);
}

/// While the link is new somebody else may still be seen. If not, it was the resource that went, not
/// the link.
#[test]
fn the_only_resource_leaves_a_new_link() {
    let mut lab = Lab::new(&["a"]);
    lab.component.handle_lost(lab.now);
    lab.component.handle_established(lab.now);
    lab.output();
    lab.comes("a", "");
    lab.asked("get", "1");
    assert_eq!(lab.goes("a"), [""; 0]);
    let told = one(&lab.pass(Duration::from_secs(3)));
    assert_eq!(told.condition, "remote-server-timeout");
    assert_eq!(lab.outcomes(), ["resource_gone"]);
}

#[test]
fn sets_may_be_repeated_where_that_is_said() {
    for (retry_sets, kind) in [
        (RetrySets::All, "set"),
        (RetrySets::Namespaces(vec!["urn:x".to_owned()]), "set"),
        (RetrySets::Namespaces(vec!["urn:y".to_owned()]), "error"),
        (RetrySets::Never, "error"),
    ] {
        let settings = Settings {
            retry_sets,
            ..settings()
        };
        let mut lab = Lab::with(settings, &["a", "b"]);
        let asked = lab.asked("set", "1");
        assert_eq!(one(&lab.goes(resource(&asked))).kind, kind);
    }
}

#[test]
fn another_resource_is_asked_when_one_is_silent() {
    let mut lab = Lab::new(&["a", "b", "c"]);
    let first = lab.asked("get", "1");
    assert_eq!(lab.pass(Duration::from_millis(7999)), [""; 0]);
    let sent: Vec<Sent> = lab.pass(seconds(1)).iter().map(|raw| read(raw)).collect();
    // The silent one is asked whether it is there.
    let (pings, asked): (Vec<Sent>, Vec<Sent>) = sent
        .into_iter()
        .partition(|sent| sent.id.starts_with("vestibule-ping-"));
    assert_eq!((pings.len(), asked.len()), (1, 1));
    assert_eq!((&pings[0].to, &*pings[0].from), (&first.to, DOMAIN));
    assert_ne!(asked[0].to, first.to);
    // Others are not asked of it meanwhile.
    for id in 10..40 {
        let asked = lab.asked("get", &id.to_string());
        assert_ne!(asked.to, first.to);
        lab.sends(&answer(&asked, "result"));
    }
    // It has come to itself.
    let pong = format!(
        "<iq type='result' from='{}' to='{DOMAIN}' id='{}'/>",
        first.to, pings[0].id
    );
    assert_eq!(lab.sends(&pong), [""; 0]);
    let seen = (40..80).filter(|id| {
        let asked = lab.asked("get", &id.to_string());
        lab.sends(&answer(&asked, "result"));
        asked.to == first.to
    });
    assert!(seen.count() > 3);
    // Two were asked, which is enough: the second has the rest of the time.
    let rest = lab.pass(seconds(30));
    let answers: Vec<Sent> = rest.iter().map(|raw| read(raw)).collect();
    let back: Vec<&Sent> = answers.iter().filter(|sent| sent.to == USER).collect();
    assert_eq!(back.len(), 1);
    assert_eq!(back[0].condition, "remote-server-timeout");
}

#[test]
fn the_time_of_a_request_is_bounded() {
    for (kind, text) in [("get", "not answered in time.<"), ("set", "not known")] {
        let mut lab = Lab::new(&["a"]);
        let asked = lab.asked(kind, "1");
        let mut back = Vec::new();
        for second in 1..=20 {
            assert!(back.is_empty(), "after {second} s");
            let sent = lab.pass(seconds(1));
            back = sent
                .iter()
                .map(|raw| read(raw))
                .filter(|sent| sent.to == USER)
                .collect();
        }
        assert_eq!(back.len(), 1);
        assert_eq!(back[0].condition, "remote-server-timeout");
        assert!(back[0].raw.contains(text), "{}", back[0].raw);
        assert_eq!(lab.sends(&answer(&asked, "result")), [""; 0]);
        assert_eq!(
            (lab.drops(), lab.outcomes()),
            (vec![("late", 1)], vec!["timed_out"])
        );
        assert_eq!(lab.component.pending(), 0);
    }
}

/// A silent resource is better than none.
#[test]
fn the_only_resource_may_take_its_time() {
    let mut lab = Lab::new(&["a"]);
    let asked = lab.asked("get", "1");
    lab.pass(seconds(15));
    assert_eq!(one(&lab.sends(&answer(&asked, "result"))).kind, "result");
    let asked = lab.asked("get", "2");
    assert_eq!(resource(&asked), "a");
}

#[test]
fn what_servers_say_is_not_the_answer_of_the_service() {
    for (condition, get, set) in [
        ("recipient-unavailable", "get", "remote-server-timeout"),
        ("remote-server-timeout", "get", "remote-server-timeout"),
        ("remote-server-not-found", "get", "remote-server-timeout"),
        // It may be the service's own.
        ("service-unavailable", "get", "service-unavailable"),
        (
            "feature-not-implemented",
            "error",
            "feature-not-implemented",
        ),
        ("item-not-found", "error", "item-not-found"),
    ] {
        let mut lab = Lab::new(&["a", "b"]);
        let asked = lab.asked("get", "1");
        let next = one(&lab.sends(&bounce(&asked, condition)));
        assert_eq!(next.kind, get, "{condition}");
        if get == "get" {
            assert_ne!(next.to, asked.to);
            // Nobody is left: the requester is told.
            let back = one(&lab.sends(&bounce(&next, condition)));
            assert_eq!((&*back.to, &*back.kind), (USER, "error"), "{condition}");
        }
        let asked = lab.asked("set", "2");
        let back = one(&lab.sends(&bounce(&asked, condition)));
        assert_eq!((&*back.to, &*back.condition), (USER, set));
        assert_eq!(lab.component.pending(), 0);
    }
}

#[test]
fn every_request_is_answered_once_while_resources_come_and_go() {
    let mut lab = Lab::new(&["a", "b", "c"]);
    let mut asked: Vec<Sent> = Vec::new();
    let mut answered = std::collections::HashMap::new();
    let names = ["a", "b", "c", "d"];
    let mut random = StdRng::seed_from_u64(1);
    let mut next = move |below: usize| rand::Rng::random_range(&mut random, 0..below);
    for id in 0..3000 {
        let kind = if id % 3 == 0 { "set" } else { "get" };
        let user = format!("user{}@a.example/x", id % 50);
        let mut sent = lab.sends(&request(&user, DOMAIN, kind, &id.to_string()));
        match next(20) {
            0 => sent.extend(lab.goes(names[next(4)])),
            1 => sent.extend(lab.comes(names[next(4)], "")),
            2 => sent.extend(lab.pass(seconds(1))),
            _ => {}
        }
        for raw in sent {
            let sent = read(&raw);
            match sent.to.starts_with(TARGET) {
                true if !sent.id.starts_with("vestibule-ping-") => asked.push(sent),
                true => {}
                false => *answered.entry(sent.id).or_insert(0) += 1,
            }
        }
        while asked.len() > 10 {
            let one = asked.swap_remove(next(asked.len()));
            for raw in lab.sends(&answer(&one, "result")) {
                *answered.entry(read(&raw).id).or_insert(0) += 1;
            }
        }
    }
    for raw in lab.pass(seconds(60)) {
        let sent = read(&raw);
        if !sent.to.starts_with(TARGET) {
            *answered.entry(sent.id).or_insert(0) += 1;
        }
    }
    assert_eq!(answered.len(), 3000);
    // Each has one record.
    assert_eq!(lab.outcomes().len(), 3000);
    assert!(lab.component.pending.is_clean());
    assert!(answered.values().all(|count| *count == 1));
    assert_eq!(lab.component.pending(), 0);
    assert!(
        lab.component
            .resources()
            .all(|resource| resource.outstanding == 0)
    );
}

/// What has gone while the link was not there is asked once, and counts as one attempt.
#[test]
fn who_went_unseen_costs_one_attempt() {
    let mut lab = Lab::new(&["a", "b", "c"]);
    lab.component.handle_lost(lab.now);
    lab.component.handle_established(lab.now);
    lab.output();
    lab.pass(seconds(3));
    let asked = lab.asked("get", "1");
    let again = one(&lab.sends(&bounce(&asked, "service-unavailable")));
    assert_eq!((&*again.kind, again.to == asked.to), ("get", false));
    assert_eq!(lab.component.pending(), 1);
    assert_eq!(one(&lab.sends(&answer(&again, "result"))).to, USER);
}
