//! What a component answers itself: questions about it, messages, presence, and what is not let
//! through.

use std::time::Duration;

use vestibule_e2e::xmpp::{Answer, Load, Stage, XmppClient, XmppKind, on_both_servers};

on_both_servers!(
    questions_about_the_component_are_answered_by_it,
    messages_and_presence_are_refused,
    who_breaks_a_limit_is_told_so,
    large_stanzas_do_not_cost_the_link,
    targets_can_look_up_who_asks,
);

const PROXY: &str = Stage::PROXY;

/// A namespace that only these tests know.
const QUERY: &str = "urn:vestibule:e2e:query";

fn query(to: &str) -> String {
    format!("<iq type='get' to='{to}'><query xmlns='{QUERY}' key='1'/></iq>")
}

/// The address that stands for who has asked, as the implementing client sees it.
#[track_caller]
fn asked(bot: &XmppClient) -> String {
    let request = bot.receives("a request", |stanza| {
        let first = stanza.children.first();
        first.is_some_and(|child| child.namespace == QUERY)
    });
    request.from
}

fn questions_about_the_component_are_answered_by_it(kind: XmppKind) {
    let far = "far.xmpp.example";
    let stage = Stage::with(Stage::setup(kind).component(far), |server| {
        format!(
            "{}name = \"The door\"\nfeatures = [\"{QUERY}\"]\n{}\
             disco = \"forward\"\nversion = \"forward\"\nping = \"local\"\n",
            server.component(PROXY, "bot"),
            server.component(far, "bot"),
        )
    });
    let user = stage.login("user", "abc");
    let disco = "http://jabber.org/protocol/disco#info";
    let [version, ping] = ["jabber:iq:version", "urn:xmpp:ping"];
    let ask = |to: &str, namespace: &str| {
        let name = if namespace == ping { "ping" } else { "query" };
        user.ask(&format!(
            "<iq type='get' to='{to}'><{name} xmlns='{namespace}'/></iq>"
        ))
    };

    // Nobody is there who could be asked.
    let answer = ask(PROXY, disco);
    answer.assert_result(PROXY);
    for part in ["The door", QUERY, disco, "<identity"] {
        assert!(answer.xml.contains(part), "{part}: {}", answer.xml);
    }
    let answer = ask(PROXY, version);
    answer.assert_result(PROXY);
    assert!(answer.xml.contains("Vestibule"), "{}", answer.xml);
    ask(PROXY, ping).assert_error(PROXY, "wait/recipient-unavailable");
    ask(far, ping).assert_result(far);

    let [bot] = stage.bots(["a"]);
    stage.has_resources_of(far, 1);
    for namespace in [disco, version, ping] {
        bot.answers(namespace, Answer::Result);
    }
    for (to, namespace, forwarded) in [
        (PROXY, disco, false),
        (PROXY, version, false),
        (PROXY, ping, true),
        (far, disco, true),
        (far, version, true),
        (far, ping, false),
    ] {
        let answer = ask(to, namespace);
        answer.assert_result(to);
        assert_eq!(
            answer.attribute("by") == bot.jid(),
            forwarded,
            "{}",
            answer.xml
        );
    }
    assert_eq!(stage.requests("local"), 4);
}

fn messages_and_presence_are_refused(kind: XmppKind) {
    let stage = Stage::new(kind, "");
    let [bot] = stage.bots(["a"]);
    let user = stage.login("user", "abc");
    bot.answers(QUERY, Answer::Result);
    user.ask(&query(PROXY)).assert_result(PROXY);
    let token = asked(&bot);

    let message = |to: &str, id: &str, kind: &str| {
        format!("<message to='{to}' id='{id}' type='{kind}'><body>hello</body></message>")
    };
    let refused = |client: &XmppClient, xml: &str, from: &str, id: &str, error: &str| {
        client.send(xml);
        let answer = client.receives(&format!("the answer to {id}"), |stanza| stanza.id == id);
        answer.assert_error(from, error);
    };
    let implemented = "cancel/feature-not-implemented";
    refused(
        &user,
        &message(PROXY, "m1", "chat"),
        PROXY,
        "m1",
        implemented,
    );
    refused(
        &user,
        &message("x@proxy.xmpp.example/y", "m2", "normal"),
        "x@proxy.xmpp.example/y",
        "m2",
        implemented,
    );
    refused(
        &bot,
        &message(PROXY, "m3", "chat"),
        PROXY,
        "m3",
        "cancel/bad-request",
    );
    refused(
        &bot,
        &message(&token, "m4", "chat"),
        &token,
        "m4",
        implemented,
    );
    refused(
        &bot,
        &format!("<iq type='set' id='i1' to='{token}'><query xmlns='{QUERY}'/></iq>"),
        &token,
        "i1",
        implemented,
    );
    for kind in ["", "type='subscribe'"] {
        user.send(&format!("<presence to='{PROXY}' id='p1' {kind}/>"));
        let answer = user.receives("an error", |stanza| {
            stanza.name == "presence" && stanza.from == PROXY && stanza.kind == "error"
        });
        answer.assert_error(PROXY, "cancel/bad-request");
    }
    // Empty and unknown requests: the server may refuse them itself.
    let empty = user.ask(&format!("<iq type='get' to='{PROXY}'/>"));
    assert_eq!(empty.error(), "modify/bad-request", "{}", empty.xml);

    // Nothing is ever answered to an answer.
    for to in [PROXY, token.as_str()] {
        user.send(&format!(
            "<message to='{to}' type='error' id='e'><error type='cancel'><gone \
             xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>"
        ));
        user.send(&format!("<iq to='{to}' type='result' id='e'/>"));
        user.send(&format!(
            "<iq to='{to}' type='error' id='e'><error type='cancel'><gone \
             xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>"
        ));
    }
    user.ask(&query(PROXY)).assert_result(PROXY);
    user.receives_no("an answer to an answer", |stanza| stanza.id == "e");
    assert_eq!(stage.value("up"), 1);
    assert_eq!(stage.value("connects_total"), 1);
}

fn who_breaks_a_limit_is_told_so(kind: XmppKind) {
    let [slow, narrow] = ["slow.xmpp.example", "narrow.xmpp.example"];
    let setup = Stage::setup(kind).component(slow).component(narrow);
    let stage = Stage::with(setup, |server| {
        format!(
            "{}max_pending_per_requester = 4\n{}rate = \"5/m\"\n{}namespaces = [\"{QUERY}\"]\n\
             allow = [\"xmpp.example\"]\ndeny = [\"other@xmpp.example\"]\n",
            server.component(PROXY, "bot"),
            server.component(slow, "bot"),
            server.component(narrow, "bot"),
        )
    });
    let [bot] = stage.bots(["a"]);
    for component in [slow, narrow] {
        stage.has_resources_of(component, 1);
    }
    let [user, other] = ["user", "other"].map(|name| stage.login(name, "abc"));

    bot.answers_work(Answer::ResultAfter(Duration::from_secs(5)));
    let report = user.run(&Load::new(PROXY, 12).window(12));
    report.assert_answered_once(Duration::from_secs(25));
    assert_eq!(report.get.results + report.set.results, 4, "{report:?}");
    report.get.assert_only("wait/resource-constraint");
    report.set.assert_only("wait/resource-constraint");
    assert_eq!(stage.requests("too_many"), 8);

    bot.answers_work(Answer::ResultAfter(Duration::from_millis(500)));
    let report = user.run(&Load::new(slow, 8).window(1).gets());
    report.assert_answered_once(Duration::from_secs(25));
    // One more may every twelve seconds, which pass on a machine that does much else.
    assert!((5..8).contains(&report.get.results), "{report:?}");
    report.get.assert_only("wait/resource-constraint");
    // The rate is that of one requester, not of all.
    let report = other.run(&Load::new(slow, 4).gets());
    assert_eq!(report.get.results, 4, "{report:?}");

    bot.answers(QUERY, Answer::Result);
    user.ask(&query(narrow)).assert_result(narrow);
    other
        .ask(&query(narrow))
        .assert_error(narrow, "auth/forbidden");
    let unknown = format!("<iq type='get' to='{narrow}'><query xmlns='{QUERY}:no'/></iq>");
    user.ask(&unknown)
        .assert_error(narrow, "cancel/service-unavailable");
}

fn large_stanzas_do_not_cost_the_link(kind: XmppKind) {
    let small = "small.xmpp.example";
    let stage = Stage::with(Stage::setup(kind).component(small), |server| {
        format!(
            "{}{}max_stanza = \"10KiB\"\n",
            server.component(PROXY, "bot"),
            server.component(small, "bot"),
        )
    });
    let [bot] = stage.bots(["a"]);
    stage.has_resources_of(small, 1);
    let user = stage.login("user", "abc");
    bot.answers(QUERY, Answer::Result);
    let large = |to: &str, bytes: usize| {
        let text = "x".repeat(bytes);
        user.ask(&format!(
            "<iq type='get' to='{to}'><query xmlns='{QUERY}'>{text}</query></iq>"
        ))
    };
    large(small, 9_000).assert_result(small);
    large(small, 10_300).assert_error(small, "modify/policy-violation");
    large(small, 200_000).assert_error(small, "modify/policy-violation");
    large(PROXY, 200_000).assert_result(PROXY);
    large(PROXY, 499_000).assert_result(PROXY);
    large(PROXY, 501_000).assert_error(PROXY, "modify/policy-violation");
    large(PROXY, 3_000_000).assert_error(PROXY, "modify/policy-violation");
    // An answer is as bad.
    bot.answers(QUERY, Answer::ResultOf(600_000));
    user.ask(&query(PROXY))
        .assert_error(PROXY, "modify/policy-violation");
    bot.answers(QUERY, Answer::ResultOf(400_000));
    user.ask(&query(PROXY)).assert_result(PROXY);
    assert_eq!(stage.value("connects_total"), 1);
    assert_eq!(stage.value_of("connects_total", small), 1);
}

fn targets_can_look_up_who_asks(kind: XmppKind) {
    let second = "second.xmpp.example";
    let setup = Stage::setup(kind).component(second).accounts(&["bot2"]);
    let stage = Stage::with(setup, |server| {
        format!(
            "{}{}",
            server.component(PROXY, "bot"),
            server.component(second, "bot2"),
        )
    });
    let [bot, idle] = stage.bots(["a", "b"]);
    idle.send("<presence><show>dnd</show></presence>");
    let bot2 = stage.login("bot2", "a");
    stage.has_resources(1);
    stage.has_resources_of(second, 1);
    let [user, other] = ["user", "other"].map(|name| stage.login(name, "abc"));
    for bot in [&bot, &bot2] {
        bot.answers(QUERY, Answer::Result);
    }
    let lookup = |client: &XmppClient, component: &str, address: &str| {
        client.ask(&format!(
            "<iq type='get' to='{component}'><lookup \
             xmlns='https://github.com/vestibule-proxy/vestibule/jat/0' address='{address}'/></iq>"
        ))
    };

    let to = "room@proxy.xmpp.example/x";
    user.ask(&query(to)).assert_result(to);
    let token = asked(&bot);
    user.ask(&query(second)).assert_result(second);
    let foreign = asked(&bot2);

    // Every resource of the target may ask.
    for client in [&bot, &idle] {
        let answer = lookup(client, PROXY, &token);
        answer.assert_result(PROXY);
        assert_eq!(answer.attribute("address"), token);
        assert_eq!(answer.attribute("sender"), user.jid());
        assert_eq!(answer.attribute("asked"), to);
    }
    let unknown = "cancel/item-not-found";
    for client in [&user, &other, &bot2] {
        lookup(client, PROXY, &token).assert_error(PROXY, unknown);
    }
    lookup(&bot, PROXY, &foreign).assert_error(PROXY, unknown);
    lookup(&bot, PROXY, PROXY).assert_error(PROXY, unknown);
    lookup(&bot, PROXY, &format!("{PROXY}/nonsense")).assert_error(PROXY, unknown);
    assert_eq!(
        lookup(&bot2, second, &foreign).attribute("sender"),
        user.jid()
    );
}
