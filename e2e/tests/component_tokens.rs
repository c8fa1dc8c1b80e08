//! Addresses that stand for requesters: nobody can forge one, nor use one that is somebody else's.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use vestibule_e2e::eventually;
use vestibule_e2e::xmpp::{Answer, Stage, XmppClient, XmppKind, on_both_servers};

on_both_servers!(
    forged_answers_are_dropped_and_counted,
    tokens_serve_only_those_they_were_made_for,
    keys_are_rotated_and_retired,
);

const PROXY: &str = Stage::PROXY;

const QUERY: &str = "urn:vestibule:e2e:query";

/// Sends a request that is not answered yet; answers the address that stands for the requester.
#[track_caller]
fn ask(user: &XmppClient, bot: &XmppClient, id: &str) -> String {
    user.send(&format!(
        "<iq type='get' id='{id}' to='{PROXY}'><query xmlns='{QUERY}'/></iq>"
    ));
    bot.receives("a request", |stanza| stanza.name == "iq" && stanza.id == id)
        .from
}

fn answer(bot: &XmppClient, to: &str, id: &str) {
    bot.send(&format!(
        "<iq type='result' id='{id}' to='{to}'><done xmlns='{QUERY}'/></iq>"
    ));
}

#[track_caller]
fn is_answered(user: &XmppClient, id: &str) {
    let answer = user.receives("an answer", |stanza| stanza.id == id);
    answer.assert_result(PROXY);
    user.receives_no("a second answer", |stanza| stanza.id == id);
}

fn forged_answers_are_dropped_and_counted(kind: XmppKind) {
    let second = "second.xmpp.example";
    let stage = Stage::with(Stage::setup(kind).component(second), |server| {
        format!(
            "{}{}",
            server.component(PROXY, "bot"),
            server.component(second, "bot")
        )
    });
    let [bot] = stage.bots(["a"]);
    stage.has_resources_of(second, 1);
    let user = stage.login("user", "abc");
    bot.answers(QUERY, Answer::Silence);
    let address = ask(&user, &bot, "q1");
    let accomplice = stage.login("bot", "b");
    stage.has_resources(2);
    stage.has_resources_of(second, 2);
    let dropped = |reasons: &[&str]| {
        reasons
            .iter()
            .map(|reason| stage.dropped(reason))
            .sum::<u64>()
    };
    let counts = |what: &str, reasons: &[&str], count: u64| {
        eventually(what, || dropped(reasons) == count);
    };

    // Each character matters, and so does the length.
    let token = address
        .strip_prefix(&format!("{PROXY}/"))
        .expect("a token")
        .to_owned();
    let mut altered: Vec<String> = (0..token.len())
        .map(|index| {
            let other = if &token[index..=index] == "A" {
                "B"
            } else {
                "A"
            };
            format!("{}{other}{}", &token[..index], &token[index + 1..])
        })
        .collect();
    altered.extend([token[1..].to_owned(), token[..token.len() - 1].to_owned()]);
    altered.extend([
        format!("{token}A"),
        format!("{token}="),
        user.jid().to_owned(),
    ]);
    for token in &altered {
        answer(&bot, &format!("{PROXY}/{token}"), "q1");
    }
    let bad = ["forged_token", "no_token", "retired_key"];
    counts("altered tokens to be counted", &bad, altered.len() as u64);
    assert!(stage.dropped("forged_token") > token.len() as u64 / 2);

    answer(&bot, &format!("{second}/{token}"), "q1");
    eventually("the other component's token to be counted", || {
        stage.value_of("dropped_stanzas_total", second) == 1
    });

    answer(&bot, &address, "q2");
    counts("an answer that nobody waits for", &["unasked"], 1);
    answer(&accomplice, &address, "q1");
    counts("the answer of somebody else", &["not_asked"], 1);
    answer(&user, &address, "q1");
    counts("the answer of the requester", &["unwanted"], 1);

    user.receives_no("a forged answer", |stanza| stanza.name == "iq");
    answer(&bot, &address, "q1");
    is_answered(&user, "q1");
    answer(&bot, &address, "q1");
    counts("a second answer", &["late", "unasked"], 2);
    user.receives_no("a second answer", |stanza| stanza.name == "iq");
    assert_eq!(stage.value("connects_total"), 1);
}

fn tokens_serve_only_those_they_were_made_for(kind: XmppKind) {
    let stage = Stage::new(kind, "");
    let [bot] = stage.bots(["a"]);
    let [user, twin] = ["abc", "xyz"].map(|resource| stage.login("user", resource));
    let other = stage.login("other", "abc");
    bot.answers(QUERY, Answer::Silence);
    let address = ask(&user, &bot, "q1");
    // The same requester has the same address, and nobody else has it.
    assert_eq!(ask(&user, &bot, "q2"), address);
    assert_ne!(ask(&twin, &bot, "q1"), address);
    assert_ne!(ask(&other, &bot, "q1"), address);

    bot.answers(QUERY, Answer::Result);
    for thief in [&twin, &other] {
        for kind in ["get", "set"] {
            let request = format!("<iq type='{kind}' to='{address}'><query xmlns='{QUERY}'/></iq>");
            thief
                .ask(&request)
                .assert_error(&address, "cancel/item-not-found");
        }
        thief.send(&format!(
            "<message to='{address}' id='m'><body>hello</body></message>"
        ));
        let refusal = thief.receives("a refusal", |stanza| stanza.id == "m");
        assert_eq!(
            (refusal.kind.as_str(), refusal.from.as_str()),
            ("error", address.as_str())
        );
    }
    assert_eq!(stage.requests("foreign_token"), 4);
    user.receives_no("anything of a thief", |stanza| {
        stanza.from.starts_with(PROXY)
    });
}

fn keys_are_rotated_and_retired(kind: XmppKind) {
    let stage = Stage::new(kind, "");
    let [bot] = stage.bots(["a"]);
    let user = stage.login("user", "abc");
    bot.answers(QUERY, Answer::Silence);
    let file = stage.vestibule.directory().join("jat.key");
    let mode = fs::metadata(&file)
        .expect("a key file")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    // Keys that are told from each other by their tokens' first character.
    let [first, second, third] = ["11", "5a", "c3"].map(|byte| byte.repeat(32));
    fs::write(&file, &first).expect("a key file");
    stage.vestibule.reload_by_signal();

    let of_first = ask(&user, &bot, "q1");
    fs::write(&file, format!("# rotated\n{second}\n\n{first}\n")).expect("a key file");
    stage.vestibule.reload_by_signal();
    let of_second = ask(&user, &bot, "q2");
    assert_ne!(of_second, of_first);
    answer(&bot, &of_first, "q1");
    answer(&bot, &of_second, "q2");
    is_answered(&user, "q1");
    is_answered(&user, "q2");

    // A request that was asked already is answered all the same: its address alone opens nothing.
    ask(&user, &bot, "q3");
    fs::write(&file, format!("{third}\n")).expect("a key file");
    stage.vestibule.reload_by_signal();
    answer(&bot, &of_second, "q3");
    is_answered(&user, "q3");
    let retired = [&of_first, &of_second];
    for address in retired {
        answer(&bot, address, "q5");
    }
    eventually("answers to retired tokens to be counted", || {
        stage.dropped("retired_key") == 2
    });
    for address in retired {
        let request = format!("<iq type='get' to='{address}'><query xmlns='{QUERY}'/></iq>");
        bot.ask(&request)
            .assert_error(address, "cancel/item-not-found");
    }
    user.receives_no("anything by a retired token", |stanza| stanza.name == "iq");
    let of_third = ask(&user, &bot, "q4");
    assert_ne!(of_third, of_second);
    answer(&bot, &of_third, "q4");
    is_answered(&user, "q4");
    assert_eq!(stage.value("connects_total"), 1);
}
