//! Requests to a component: who gets them, who answers, and from which address.

use std::time::Duration;

use vestibule_e2e::xmpp::{Answer, Load, Login, Stage, XmppKind, on_both_servers};
use vestibule_e2e::{PATIENCE, eventually};

on_both_servers!(
    the_four_stanzas_of_the_original_module,
    requests_are_spread_over_resources,
    policies_choose_resources,
    each_address_of_the_component_answers_for_itself,
    addresses_and_ids_come_back_as_they_were,
    long_resources_are_answered,
    who_does_not_want_requests_gets_none,
);

const PROXY: &str = Stage::PROXY;

/// A namespace that only these tests know.
const QUERY: &str = "urn:vestibule:e2e:query";

fn query(to: &str) -> String {
    format!("<iq type='get' to='{to}'><query xmlns='{QUERY}' key='1'/></iq>")
}

/// user -> component -> implementing client -> component -> user, and every address of every stanza
/// is the one that the module's documentation has.
fn the_four_stanzas_of_the_original_module(kind: XmppKind) {
    let stage = Stage::new(kind, "");
    let bots = stage.bots(["a", "b"]);
    let user = stage.login("user", "abc");
    for bot in &bots {
        bot.answers(QUERY, Answer::Result);
    }

    let first =
        format!("<iq type='get' id='1234' to='{PROXY}'><query xmlns='{QUERY}' key='k'/></iq>");
    let fourth = user.ask_as(&first, "1234", PATIENCE);
    let fourth = fourth.expect("an answer");

    let mut seen = Vec::new();
    for bot in &bots {
        let request = bot.take(|stanza| stanza.name == "iq" && stanza.from.starts_with(PROXY));
        seen.extend(request.map(|second| (bot, second)));
    }
    let [(bot, second)] = &seen[..] else {
        panic!("not exactly one request: {seen:?}");
    };
    assert_eq!((second.kind.as_str(), second.id.as_str()), ("get", "1234"));
    assert_eq!(second.to, bot.jid());
    let token = second.from.strip_prefix(&format!("{PROXY}/"));
    let token = token.unwrap_or_else(|| panic!("{}", second.xml));
    assert!(!token.is_empty() && !token.contains("user"), "{token}");
    assert_eq!(second.attribute("key"), "k");

    assert_eq!(
        (fourth.kind.as_str(), fourth.id.as_str()),
        ("result", "1234")
    );
    assert_eq!(
        (fourth.from.as_str(), fourth.to.as_str()),
        (PROXY, user.jid())
    );
    // What the third one said: who has answered, and to whom.
    assert_eq!(fourth.attribute("by"), bot.jid());
    assert_eq!(fourth.attribute("asker"), second.from);
}

fn requests_are_spread_over_resources(kind: XmppKind) {
    let even = "even.xmpp.example";
    let stage = Stage::with(Stage::setup(kind).component(even), |server| {
        format!(
            "{}{}balance = \"round_robin\"\n",
            server.component(PROXY, "bot"),
            server.component(even, "bot"),
        )
    });
    let bots = stage.bots(["a", "b"]);
    stage.has_resources_of(even, 2);
    let user = stage.login("user", "abc");

    let report = user.run(&Load::new(PROXY, 200));
    report.assert_answered_once(Duration::from_secs(25));
    assert_eq!((report.get.results, report.set.results), (100, 100));
    assert_eq!(report.by.len(), 2, "{report:?}");
    assert!(report.by.values().all(|&count| count > 50), "{report:?}");

    let report = user.run(&Load::new(even, 200));
    report.assert_answered_once(Duration::from_secs(25));
    assert!(report.by.values().all(|&count| count == 100), "{report:?}");
    assert!(stage.clients.sets_done().values().all(|&times| times == 1));

    // The account itself may ask, too.
    let report = bots[0].run(&Load::new(PROXY, 50));
    report.assert_answered_once(Duration::from_secs(25));
    assert_eq!(report.by.values().sum::<usize>(), 50);
}

fn policies_choose_resources(kind: XmppKind) {
    let policies = ["sticky", "priority", "least_outstanding"];
    let domain = |policy: &str| format!("{}.xmpp.example", policy.replace('_', "-"));
    let setup = policies.iter().fold(Stage::setup(kind), |setup, policy| {
        setup.component(&domain(policy))
    });
    let stage = Stage::with(setup, |server| {
        let mut text = server.component(PROXY, "bot");
        for policy in policies {
            text.push_str(&server.component(&domain(policy), "bot"));
            text.push_str(&format!("balance = \"{policy}\"\n"));
        }
        text
    });
    let [a, b, c] = stage.bots(["a", "b", "c"]);
    let [sticky, priority, least] = policies.map(domain);
    for bot in [&a, &b] {
        bot.send("<presence><priority>7</priority></presence>");
    }
    eventually("the priorities to be known", || {
        let shown = stage.vestibule.ask(&["show", "resources"]).to_string();
        shown.matches("\"priority\":7").count() == 2 * 4
    });
    let user = stage.login("user", "abc");
    let run = |to: &str| {
        let report = user.run(&Load::new(to, 60));
        report.assert_answered_once(Duration::from_secs(25));
        assert_eq!(report.by.values().sum::<usize>(), 60, "{report:?}");
        report.by
    };
    assert_eq!(run(&sticky).len(), 1);
    let by = run(&priority);
    assert_eq!((by.get(a.jid()), by.get(b.jid())), (Some(&30), Some(&30)));
    // Who is slow gets less.
    c.answers_work(Answer::ResultAfter(Duration::from_secs(3)));
    let by = run(&least);
    let slow = by.get(c.jid()).copied().unwrap_or_default();
    assert!((1..=18).contains(&slow), "{by:?}");
}

fn each_address_of_the_component_answers_for_itself(kind: XmppKind) {
    let stage = Stage::new(kind, "");
    let [bot] = stage.bots(["a"]);
    bot.answers(QUERY, Answer::Result);
    let user = stage.login("user", "abc");
    for to in [
        PROXY,
        "room@proxy.xmpp.example",
        "proxy.xmpp.example/one",
        "room@proxy.xmpp.example/a b",
    ] {
        let answer = user.ask(&query(to));
        answer.assert_result(to);
    }
    // The same id at two addresses at once, and twice at the same one.
    bot.answers(QUERY, Answer::ResultAfter(Duration::from_millis(300)));
    for to in [PROXY, "proxy.xmpp.example/one", PROXY] {
        user.send(&format!(
            "<iq type='get' id='same' to='{to}'><query xmlns='{QUERY}'/></iq>"
        ));
    }
    let mut from: Vec<String> = (0..3)
        .map(|_| {
            user.receives("an answer", |stanza| stanza.id == "same")
                .from
        })
        .collect();
    from.sort();
    assert_eq!(from, [PROXY, PROXY, "proxy.xmpp.example/one"]);
}

/// Whatever characters are in them.
fn addresses_and_ids_come_back_as_they_were(kind: XmppKind) {
    const ODD: &str = "<&'\">/@ größe ☃";
    const ESCAPED: &str = "&lt;&amp;&apos;&quot;&gt;/@ größe ☃";
    let stage = Stage::new(kind, "");
    let [bot] = stage.bots([ODD]);
    bot.answers(QUERY, Answer::Result);
    let user = stage.login("user", &format!("{ODD}{ODD}"));
    let long = "i".repeat(400);
    for (written, id) in [
        ("plain", "plain"),
        (ESCAPED, ODD),
        (&long, &long),
        ("  ", "  "),
    ] {
        let to = format!("{PROXY}/{ODD}");
        let iq = format!(
            "<iq type='get' id='{written}' to='{PROXY}/{ESCAPED}'><query xmlns='{QUERY}'/></iq>"
        );
        let answer = user.ask_as(&iq, id, PATIENCE).expect("an answer");
        answer.assert_result(&to);
        assert_eq!(answer.to, user.jid());
        assert_eq!(answer.attribute("by"), bot.jid());
    }
    let report = user.run(&Load::new(PROXY, 50));
    report.assert_answered_once(Duration::from_secs(25));
    assert_eq!(report.by.get(bot.jid()), Some(&50), "{report:?}");
}

/// The original module loses these: the address that stands for the requester is too long.
fn long_resources_are_answered(kind: XmppKind) {
    let compat = "compat.xmpp.example";
    let stage = Stage::with(Stage::setup(kind).component(compat), |server| {
        format!(
            "{}{}jat = {{ mode = \"compat\" }}\n",
            server.component(PROXY, "bot"),
            server.component(compat, "bot"),
        )
    });
    let [bot] = stage.bots([&"a".repeat(1_000)]);
    stage.has_resources_of(compat, 1);
    let user = stage.login("user", &"u".repeat(1_000));
    bot.answers(QUERY, Answer::Result);

    let answer = user.ask(&query(PROXY));
    answer.assert_result(PROXY);
    assert_eq!(answer.attribute("by"), bot.jid());
    let report = user.run(&Load::new(PROXY, 100));
    report.assert_answered_once(Duration::from_secs(25));
    assert_eq!(report.get.results + report.set.results, 100);

    // Here, no address can stand for a longer one. It is told so at once.
    let longest = stage.login("user", &"u".repeat(1_023));
    longest.ask(&query(PROXY)).assert_result(PROXY);
    let answer = longest.ask(&query(compat));
    answer.assert_error(compat, "modify/jid-malformed");
    user.ask(&query(compat)).assert_result(compat);
    let other = stage.login("other", "short");
    let answer = other.ask(&query(compat));
    answer.assert_result(compat);
    assert_eq!(
        answer.attribute("asker"),
        format!("{compat}/{}", other.jid())
    );
}

fn who_does_not_want_requests_gets_none(kind: XmppKind) {
    let stage = Stage::new(kind, "");
    let user = stage.login("user", "abc");
    let login = |resource: &str, presence: &str| {
        let login = Login::new(&stage.server, "bot", resource);
        stage.clients.login(&login.presence(presence))
    };
    let busy = login("busy", "<presence><show>dnd</show></presence>");
    let _shy = login("shy", "<presence><priority>-1</priority></presence>");
    eventually("both resources to be known", || {
        let shown = stage.vestibule.ask(&["show", "resources"]).to_string();
        shown.contains("/busy") && shown.contains("/shy")
    });
    stage.has_resources(0);
    let answer = user.ask(&query(PROXY));
    answer.assert_error(PROXY, "wait/recipient-unavailable");

    let willing = login("willing", "<presence><show>away</show></presence>");
    stage.has_resources(1);
    let report = user.run(&Load::new(PROXY, 50));
    report.assert_answered_once(Duration::from_secs(25));
    assert_eq!(report.by.get(willing.jid()), Some(&50), "{report:?}");

    busy.send("<presence/>");
    stage.has_resources(2);
    let report = user.run(&Load::new(PROXY, 100));
    assert_eq!(report.by.len(), 2, "{report:?}");
}
