//! What the program shows of its components: records, metrics, readiness and the control socket, and
//! what a reload changes.

use std::fs;
use std::time::Duration;

use serde_json::Value;
use vestibule_e2e::xmpp::{Answer, Load, Stage, XmppKind, on_both_servers};
use vestibule_e2e::{PATIENCE, eventually};

on_both_servers!(
    requests_are_recorded_and_counted,
    resources_are_shown,
    a_reload_changes_who_may_ask,
    reloads_disturb_nobody,
);

const PROXY: &str = Stage::PROXY;

const QUERY: &str = "urn:vestibule:e2e:query";

fn requests_are_recorded_and_counted(kind: XmppKind) {
    let stage = Stage::new(kind, "timeout = \"8s\"\nattempt_timeout = \"4s\"");
    let (status, text) = stage.ready();
    assert_eq!(status, 200, "{text}");
    let user = stage.login("user", "abc");
    let ask = |kind: &str, to: &str| {
        let secret = "<password>hunter2</password>";
        user.ask(&format!(
            "<iq type='{kind}' to='{to}'><query xmlns='{QUERY}'>{secret}</query></iq>"
        ))
    };
    ask("get", PROXY).assert_error(PROXY, "wait/recipient-unavailable");
    let [bot] = stage.bots(["a"]);
    assert!(
        stage
            .ready()
            .1
            .contains(&format!("component {PROXY}: connected"))
    );
    bot.answers(QUERY, Answer::Result);
    ask("get", PROXY).assert_result(PROXY);
    bot.answers(QUERY, Answer::Error);
    let other = "room@proxy.xmpp.example/x";
    assert_eq!(ask("set", other).error(), "cancel/feature-not-implemented");
    bot.answers(QUERY, Answer::Silence);
    ask("set", PROXY).assert_error(PROXY, "wait/remote-server-timeout");

    let records = stage.vestibule.wait_for_records(4);
    assert_eq!(records.len(), 4);
    for record in &records {
        record.assert(&[
            ("event", "component_request"),
            ("component", PROXY),
            ("from", user.jid()),
            ("namespace", QUERY),
        ]);
        assert!(!format!("{record:?}").contains("hunter2"), "{record:?}");
    }
    let expected = [
        ("get", PROXY, "", "no_resource", 0),
        ("get", PROXY, bot.jid(), "result", 1),
        ("set", other, bot.jid(), "error", 1),
        ("set", PROXY, bot.jid(), "timed_out", 1),
    ];
    for (record, (kind, to, resource, outcome, attempts)) in records.iter().zip(expected) {
        record.assert(&[
            ("type", kind),
            ("to", to),
            ("resource", resource),
            ("outcome", outcome),
        ]);
        assert_eq!(record.number("attempts"), attempts, "{record:?}");
        assert_eq!(stage.requests(outcome), 1, "{outcome}");
    }
    assert!(records[1].duration_ms() < 3_900.0, "{:?}", records[1]);
    assert!(
        (3_900.0..30_000.0).contains(&records[3].duration_ms()),
        "{:?}",
        records[3]
    );

    assert_eq!((stage.value("up"), stage.value("connects_total")), (1, 1));
    assert_eq!((stage.value("pending"), stage.value("resources")), (0, 1));
    assert_eq!(stage.value("request_duration_seconds_count"), 4);
    stage.subscription_is("subscribed");
    let events = format!("{:?}", stage.vestibule.all_events());
    assert!(
        !events.contains("hunter2") && !events.contains("battery staple"),
        "{events}"
    );
}

fn resources_are_shown(kind: XmppKind) {
    let stage = Stage::new(kind, "");
    let [a, b] = stage.bots(["a", "b"]);
    b.send("<presence><show>dnd</show><priority>5</priority></presence>");
    stage.has_resources(1);
    let user = stage.login("user", "abc");
    user.run(&Load::new(PROXY, 10));
    a.answers_work(Answer::Silence);
    user.begin(&Load::new(PROXY, 3).patience(Duration::from_secs(1)));
    eventually("three requests to wait", || stage.value("pending") == 3);

    let shown = stage.vestibule.ask(&["show", "resources"]);
    let component = find(&shown, "domain", PROXY);
    assert_eq!(component["pending"], 3, "{shown:#}");
    let target = find(component, "jid", "bot@xmpp.example");
    assert_eq!(target["subscription"], "subscribed", "{shown:#}");
    let first = find(component, "jid", a.jid());
    assert_eq!(first["eligible"], true, "{shown:#}");
    assert_eq!(
        (&first["outstanding"], &first["asked"]),
        (&3.into(), &13.into()),
        "{shown:#}"
    );
    let second = find(component, "jid", b.jid());
    assert_eq!(second["eligible"], false, "{shown:#}");
    assert_eq!(
        (&second["priority"], &second["show"]),
        (&5.into(), &"dnd".into()),
        "{shown:#}"
    );

    let output = stage.vestibule.command(&["show", "resources"]);
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8_lossy(&output.stdout);
    for part in [PROXY, a.jid(), b.jid(), "subscribed", "dnd"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    user.report();
}

/// The first object, however deep, whose `key` is this text.
#[track_caller]
fn find<'a>(value: &'a Value, key: &str, text: &str) -> &'a Value {
    fn search<'a>(value: &'a Value, key: &str, text: &str) -> Option<&'a Value> {
        if value[key] == text {
            return Some(value);
        }
        match value {
            Value::Array(values) => values.iter().find_map(|value| search(value, key, text)),
            Value::Object(values) => values.values().find_map(|value| search(value, key, text)),
            _ => None,
        }
    }
    search(value, key, text).unwrap_or_else(|| panic!("no {key} = {text} in {value:#}"))
}

fn a_reload_changes_who_may_ask(kind: XmppKind) {
    let mut stage = Stage::new(kind, "");
    let [bot] = stage.bots(["a"]);
    bot.answers(QUERY, Answer::ResultAfter(Duration::from_millis(700)));
    let [user, other] = ["user", "other"].map(|name| stage.login(name, "abc"));
    let request =
        |id: &str| format!("<iq type='get' id='{id}' to='{PROXY}'><query xmlns='{QUERY}'/></iq>");
    other.send(&request("before"));
    bot.receives("a request", |stanza| stanza.id == "before");
    let table = stage.server.component(PROXY, "bot");
    stage
        .vestibule
        .rewrite(format!("{table}allow = [\"user@xmpp.example\"]\n"));
    stage.vestibule.reload_by_signal();
    // What was asked before goes on.
    let answer = other.receives("an answer", |stanza| stanza.id == "before");
    answer.assert_result(PROXY);
    let ask = |client: &vestibule_e2e::xmpp::XmppClient, id: &str| {
        client
            .ask_as(&request(id), id, PATIENCE)
            .expect("an answer")
    };
    ask(&user, "q1").assert_result(PROXY);
    ask(&other, "q1").assert_error(PROXY, "auth/forbidden");
    let deny = "deny = [\"xmpp.example\"]\n";
    stage.vestibule.rewrite(format!("{table}{deny}"));
    stage.vestibule.reload_by_signal();
    ask(&user, "q2").assert_error(PROXY, "auth/forbidden");
    assert_eq!(stage.requests("forbidden"), 2);
    assert_eq!((stage.value("up"), stage.value("connects_total")), (1, 1));
    stage.has_resources(1);
}

/// Other policies, limits and keys, again and again, under a load of requests.
fn reloads_disturb_nobody(kind: XmppKind) {
    let mut stage = Stage::new(kind, "");
    for bot in stage.bots(["a", "b"]) {
        bot.answers_work(Answer::ResultAfter(Duration::from_millis(30)));
    }
    let user = stage.login("user", "abc");
    user.begin(&Load::new(PROXY, 500).pace(Duration::from_millis(4)));
    let table = stage.server.component(PROXY, "bot");
    let key_file = stage.vestibule.directory().join("jat.key");
    let mut keys = fs::read_to_string(&key_file).expect("a key file");
    for (round, policy) in ["round_robin", "sticky", "priority", "random"]
        .iter()
        .cycle()
        .take(8)
        .enumerate()
    {
        user.progresses(40 * round as u64);
        keys = format!("{round:064x}\n{keys}");
        fs::write(&key_file, &keys).expect("a key file");
        let limit = 1_000 + round;
        let changed = format!("{table}balance = \"{policy}\"\nmax_pending = {limit}\n");
        stage.vestibule.rewrite(changed);
        stage.vestibule.reload_by_signal();
    }
    let report = user.report();
    report.assert_answered_once(Duration::from_secs(25));
    assert_eq!(report.get.results + report.set.results, 500, "{report:#?}");
    assert_eq!(
        (stage.value("connects_total"), stage.value("pending")),
        (1, 0)
    );
    assert_eq!(stage.requests("result"), 500);
}
